"""Does the tree help the difficult joints? HCRN and holistic on rendered people.

Trains the recipe ``tiny`` with and without units, from the same seeds, on the same
people and for the same number of steps, and prints PCK@0.2 of wrists and ankles of
people it has not seen. The seed decides the start, the order, the crops; one start for
both networks of a seed, up to the units, which have no random weights.

Usage: python benchmarks/hcrn_ablation.py [FOLDER [SEEDS [EPOCHS]]]
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
SEEDS, EPOCHS, SIZE = 3, 5, "96x96"
REFINEMENTS = ("holistic", "hcrn")
DIFFICULT = ("wrist", "ankle")


def score(folder: pathlib.Path, data: str, refinement: str, seed: int, epochs: int):
    """PCK@0.2 of the difficult joints and of all, in percent, after training."""
    run = folder / f"{refinement}_{seed}"
    settings = [
        f"refinement={refinement}",
        f"seed={seed}",
        f"epochs={epochs}",
        f"input_size={SIZE}",
        "average=0.99",
    ]
    if not (run / training.WEIGHTS).exists():
        recipe = config.override(RECIPES["hcrn"]["tiny"](), settings)
        resume = (run / training.CHECKPOINT).exists()
        training.train(recipe, data, str(run), resume=resume)
    numbers = validation.evaluate_model(run, data)
    groups = [numbers["groups"][joint] for joint in DIFFICULT]
    return [*groups, np.mean(groups), numbers["mean"]]


def main(folder: pathlib.Path, seeds: int, epochs: int) -> None:
    data = str(folder / "data")
    if not (folder / "data" / "synthetic").exists():
        counts = {"photos": PHOTOS, "validation_photos": VALIDATION_PHOTOS}
        prepare("synthetic", None, data, **counts)
    scores = {
        refinement: np.array(
            [score(folder, data, refinement, seed, epochs) for seed in range(seeds)]
        )
        for refinement in REFINEMENTS
    }
    columns = (*DIFFICULT, "both", "all joints")
    print(f"{'PCK@0.2':<20}" + "".join(f"{name:>16}" for name in columns))
    for refinement, rows in scores.items():
        for seed, row in enumerate(rows):
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
        int(given[2]) if len(given) > 2 else EPOCHS,
    )
