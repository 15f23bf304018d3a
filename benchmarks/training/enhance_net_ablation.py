"""Do enlarged heatmaps make positions more exact? EnhanceNet on rendered people.

The recipe ``tiny`` of SimpleBaseline is trained first. From there it goes on, alone and
with EnhanceNet behind it, on the same people for the same number of steps, once for
each seed, which decides order and crops. Printed is PCK of people whom they have not
seen, at thresholds that ask for more and for less exact positions.

Usage: python benchmarks/training/enhance_net_ablation.py [FOLDER [SEEDS]]
A finished run in FOLDER is not repeated.
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
START_EPOCHS, EPOCHS = 6, 2
MODELS = ("simple_baseline", "enhance_net")
THRESHOLDS = (0.05, 0.1, 0.2)


def train(run: pathlib.Path, model: str, data: str, weights=None, **settings) -> None:
    """Trains a recipe with some settings, unless that has been done."""
    if (run / training.WEIGHTS).exists():
        return
    settings = {"input_size": SIZE, "average": 0.99, **settings}
    lines = [f"{name}={value}" for name, value in settings.items()]
    recipe = config.override(RECIPES[model]["tiny"](), lines)
    resume = (run / training.CHECKPOINT).exists()
    training.train(recipe, data, str(run), resume=resume, weights=weights)


def score(run: pathlib.Path, data: str) -> list[float]:
    """PCK of all joints at each threshold, in percent."""
    return [
        validation.evaluate_model(run, data, threshold=threshold)["mean"]
        for threshold in THRESHOLDS
    ]


def main(folder: pathlib.Path, seeds: int) -> None:
    data = str(folder / "data")
    if not (folder / "data" / "synthetic").exists():
        counts = {"photos": PHOTOS, "validation_photos": VALIDATION_PHOTOS}
        prepare("synthetic", None, data, **counts)
    start = folder / "start"
    train(start, "simple_baseline", data, epochs=START_EPOCHS)
    scores = {model: [] for model in MODELS}
    for seed in range(1, seeds + 1):
        for model, rows in scores.items():
            run = folder / f"{model}_{seed}"
            train(run, model, data, str(start), epochs=EPOCHS, seed=seed)
            rows.append(score(run, data))
    scores = {model: np.array(rows) for model, rows in scores.items()}
    columns = [f"PCK@{threshold}" for threshold in THRESHOLDS]
    print(" " * 28 + "".join(f"{name:>12}" for name in columns))
    for model, rows in scores.items():
        for seed, row in enumerate(rows, start=1):
            print(f"{model} seed {seed}".ljust(28) + _line(row))
        print(f"{model} mean".ljust(28) + _line(rows.mean(axis=0)))
        print(f"{model} spread".ljust(28) + _line(rows.std(axis=0)))
    base, enhanced = (scores[model] for model in MODELS)
    print("gain".ljust(28) + _line((enhanced - base).mean(axis=0)))
    print("spread of the gain".ljust(28) + _line((enhanced - base).std(axis=0)))


def _line(row) -> str:
    return "".join(f"{value:12.2f}" for value in row)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        pathlib.Path(given[0] if given else "runs/enhance_net_ablation"),
        int(given[1]) if len(given) > 1 else SEEDS,
    )
