"""Is the fusion of RNet and CNet better than each alone? On rendered people.

The recipes ``tiny`` of RNet and CNet are trained from nothing, once for each seed, each
for itself, and fused. CNet gets more epochs, which are shorter: both are trained for
the same time. Printed is PCKh@0.5 of people whom they have not seen: of the
last hourglass of each, and of fusions of some hourglasses or all (Table III).

Usage: python benchmarks/training/hybrid_pose_ablation.py [FOLDER [SEEDS]]
A finished run in FOLDER is not repeated. About 75 minutes on one core.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import sys

import numpy as np

from data_prep.__main__ import prepare
from tfpose import config, hybrid, training, validation
from tfpose.recipes import RECIPES

PEOPLE = {"photos": 4000, "validation_photos": 500, "people": 1, "skeleton": "lsp14"}
SETTINGS = {"input_size": "64x64", "skeleton": "lsp14", "sigma": 4.0}
EPOCHS = {"rnet": 12, "cnet": 18}
SEEDS = 3
# Hourglasses of RNet and of CNet.
ALL = (1, 2, 3, 4)
FUSIONS = {"R4 with C4": ((4,), (4,)), "R4 with all C": ((4,), ALL), "all": (ALL, ALL)}


def train(run: pathlib.Path, model: str, data: str, seed: int) -> pathlib.Path:
    """Trains a recipe, unless that has been done."""
    if not (run / training.WEIGHTS).exists():
        settings = {**SETTINGS, "epochs": EPOCHS[model], "seed": seed}
        lines = [f"{name}={value}" for name, value in settings.items()]
        recipe = config.override(RECIPES[model]["tiny"](), lines)
        resume = (run / training.CHECKPOINT).exists()
        training.train(recipe, data, str(run), resume=resume)
    return run


def main(folder: pathlib.Path, seeds: int) -> None:
    data = str(folder / "data")
    if not (folder / "data" / "synthetic").exists():
        prepare("synthetic", None, data, **PEOPLE)
    scores = {name: [] for name in ("RNet", "CNet", *FUSIONS)}
    for seed in range(1, seeds + 1):
        runs = [
            train(folder / f"{model}_{seed}", model, data, seed)
            for model in ("rnet", "cnet")
        ]
        folders = dict(zip(("RNet", "CNet"), runs, strict=True))
        for name, hourglasses in FUSIONS.items():
            folders[name] = folder / f"{name} {seed}".replace(" ", "_")
            if not folders[name].exists():
                hybrid.fuse_folders(*runs, folders[name], *hourglasses)
        for name, run in folders.items():
            scores[name].append(validation.evaluate_model(run, data, "pckh")["mean"])
    columns = [f"seed {seed}" for seed in range(1, seeds + 1)] + ["mean", "spread"]
    print("PCKh@0.5".ljust(20) + "".join(f"{column:>10}" for column in columns))
    for name, row in scores.items():
        numbers = [*row, np.mean(row), np.std(row)]
        print(name.ljust(20) + "".join(f"{number:10.2f}" for number in numbers))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        pathlib.Path(given[0] if given else "runs/hybrid_pose_ablation"),
        int(given[1]) if len(given) > 1 else SEEDS,
    )
