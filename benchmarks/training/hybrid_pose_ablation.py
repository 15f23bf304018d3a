"""Is the fusion of RNet and CNet better than each alone? On rendered people.

The recipes ``tiny`` of RNet and CNet are trained from nothing, once for each seed, each
for itself, and fused. Printed is PCKh@0.5 of people whom they have not seen: of the
last hourglass of each, of their fusion, and of CNet's fusion with RNet's last alone.

Usage: python benchmarks/training/hybrid_pose_ablation.py [FOLDER [SEEDS]]
A finished run in FOLDER is not repeated. About 50 minutes on one core.
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
SETTINGS = {"input_size": "64x64", "skeleton": "lsp14", "sigma": 4.0, "epochs": 12}
SEEDS = 3
# Hourglasses of RNet that are fused with all of CNet's (Table III).
FUSIONS = {"R4 with all C": (4,), "all with all": (1, 2, 3, 4)}


def train(run: pathlib.Path, model: str, data: str, seed: int) -> pathlib.Path:
    """Trains a recipe, unless that has been done."""
    if not (run / training.WEIGHTS).exists():
        lines = [f"{name}={value}" for name, value in SETTINGS.items()]
        recipe = config.override(RECIPES[model]["tiny"](), [*lines, f"seed={seed}"])
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
        for name, refinement in FUSIONS.items():
            folders[name] = folder / f"fusion{len(refinement)}_{seed}"
            if not folders[name].exists():
                hybrid.fuse_folders(*runs, folders[name], refinement)
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
