"""Does the tree help the difficult joints? HCRN and holistic on rendered people.

The recipe ``tiny`` is trained without units first. From there both networks go on, with
and without units, on the same people for the same number of steps, once for each seed,
which decides order and crops. Printed is PCK@0.2 of wrists and ankles of people whom
they have not seen.

Usage: python benchmarks/training/hcrn_ablation.py [FOLDER [SEEDS]]
A finished run in FOLDER is not repeated. About 20 minutes on two cores.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import sys

import numpy as np

from data_prep.__main__ import prepare
from tfpose import config, training, validation
from tfpose.recipes import RECIPES

PHOTOS, VALIDATION_PHOTOS = 2500, 300
SEEDS, SIZE = 3, "96x96"
START_EPOCHS, EPOCHS = 6, 3
REFINEMENTS = ("holistic", "hcrn")
DIFFICULT = ("wrist", "ankle")


def train(run: pathlib.Path, data: str, epochs: int, weights=None, **settings) -> None:
    """Trains the recipe with some settings, unless that has been done."""
    if (run / training.WEIGHTS).exists():
        return
    settings = {"input_size": SIZE, "average": 0.99, "epochs": epochs, **settings}
    lines = [f"{name}={value}" for name, value in settings.items()]
    recipe = config.override(RECIPES["hcrn"]["tiny"](), lines)
    resume = (run / training.CHECKPOINT).exists()
    training.train(recipe, data, str(run), resume=resume, weights=weights)


def score(run: pathlib.Path, data: str) -> list[float]:
    """PCK@0.2 of the difficult joints, of both, and of all joints, in percent."""
    numbers = validation.evaluate_model(run, data)
    groups = [numbers["groups"][joint] for joint in DIFFICULT]
    return [*groups, np.mean(groups), numbers["mean"]]


def main(folder: pathlib.Path, seeds: int) -> None:
    data = str(folder / "data")
    if not (folder / "data" / "synthetic").exists():
        counts = {"photos": PHOTOS, "validation_photos": VALIDATION_PHOTOS}
        prepare("synthetic", None, data, **counts)
    start = folder / "start"
    train(start, data, START_EPOCHS, refinement="holistic")
    scores = {refinement: [] for refinement in REFINEMENTS}
    for seed in range(1, seeds + 1):
        for refinement, rows in scores.items():
            run = folder / f"{refinement}_{seed}"
            train(run, data, EPOCHS, str(start), refinement=refinement, seed=seed)
            rows.append(score(run, data))
    scores = {refinement: np.array(rows) for refinement, rows in scores.items()}
    columns = (*DIFFICULT, "both", "all joints")
    print(f"{'PCK@0.2':<20}" + "".join(f"{name:>16}" for name in columns))
    for refinement, rows in scores.items():
        for seed, row in enumerate(rows, start=1):
            print(f"{refinement} seed {seed:<4}".ljust(20) + _line(row))
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        print(f"{refinement} mean".ljust(20) + _line(mean))
        print(f"{refinement} spread".ljust(20) + _line(spread))
    gain = scores["hcrn"] - scores["holistic"]
    print("hcrn - holistic".ljust(20) + _line(gain.mean(axis=0)))
    print("spread of the gain".ljust(20) + _line(gain.std(axis=0)))


def _line(row) -> str:
    return "".join(f"{value:16.2f}" for value in row)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        pathlib.Path(given[0] if given else "runs/hcrn_ablation"),
        int(given[1]) if len(given) > 1 else SEEDS,
    )
