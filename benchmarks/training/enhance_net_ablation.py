"""Do enlarged heatmaps make positions more exact? EnhanceNet on rendered people.

The recipe ``tiny`` of SimpleBaseline is trained from nothing, alone and with EnhanceNet
behind it, on the same people for the same number of steps, once for each seed, which
decides first weights, order and crops. Crops are small, where cells are large against
what PCK asks for. Printed is PCK of people whom they have not seen, at thresholds that
ask for more and for less exact positions.

Usage: python benchmarks/training/enhance_net_ablation.py [FOLDER [SEEDS]]
A finished run in FOLDER is not repeated. About 85 minutes on one core.
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

PEOPLE = {"photos": 4000, "validation_photos": 500, "people": 1, "skeleton": "lsp14"}
SETTINGS = {
    "input_size": "64x64",
    "skeleton": "lsp14",
    "epochs": 30,
    "learning_rate": 0.001,
    "average": 0.99,
}
SEEDS = 3
MODELS = ("simple_baseline", "enhance_net")
THRESHOLDS = (0.05, 0.1, 0.2)


def train(run: pathlib.Path, model: str, data: str, seed: int) -> None:
    """Trains a recipe, unless that has been done."""
    if (run / training.WEIGHTS).exists():
        return
    lines = [f"{name}={value}" for name, value in SETTINGS.items()]
    recipe = config.override(RECIPES[model]["tiny"](), [*lines, f"seed={seed}"])
    resume = (run / training.CHECKPOINT).exists()
    training.train(recipe, data, str(run), resume=resume)


def score(run: pathlib.Path, data: str) -> list[float]:
    """PCK of all joints at each threshold, in percent."""
    return [
        validation.evaluate_model(run, data, threshold=threshold)["mean"]
        for threshold in THRESHOLDS
    ]


def main(folder: pathlib.Path, seeds: int) -> None:
    data = str(folder / "data")
    if not (folder / "data" / "synthetic").exists():
        prepare("synthetic", None, data, **PEOPLE)
    scores = {model: [] for model in MODELS}
    for seed in range(1, seeds + 1):
        for model, rows in scores.items():
            run = folder / f"{model}_{seed}"
            train(run, model, data, seed)
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
