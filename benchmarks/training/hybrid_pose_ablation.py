"""Is the fusion of RNet and CNet better than each alone? On rendered people.

Trains the recipes ``tiny`` of RNet and CNet from scratch, once per seed, separately and
in rounds, then fuses them. In each round the learning rate falls from its initial value
to zero. RNet gets one more round, which makes the two equals. Prints PCKh@0.5 of unseen
people: of the last hourglass of each, and of fusions of some or all hourglasses
(Table III).

Usage: python benchmarks/training/hybrid_pose_ablation.py [FOLDER [SEEDS]]
Skips finished runs in FOLDER. Takes about 2.5 hours on one core.
"""

from __future__ import annotations

import pathlib

import seeds

from tfpose.training import hybrid_pose, validation

PEOPLE = {"photos": 4000, "validation_photos": 500, "people": 1, "skeleton": "lsp14"}
SETTINGS = {"input_size": "64x64", "skeleton": "lsp14", "sigma": 4.0}
# Epochs of each round.
EPOCHS = {"rnet": (12, 12, 8), "cnet": (18, 12)}
# Hourglasses of RNet and of CNet.
ALL = (1, 2, 3, 4)
FUSIONS = {"R4 with C4": ((4,), (4,)), "R4 with all C": ((4,), ALL), "all": (ALL, ALL)}


def train(folder: pathlib.Path, model: str, data: str, seed: int) -> pathlib.Path:
    """Trains a network in rounds, each from the previous round's weights."""
    run = None
    for number, epochs in enumerate(EPOCHS[model], start=1):
        settings = {**SETTINGS, "epochs": epochs, "seed": seed}
        start, run = run, folder / f"{model}_{seed}_round{number}"
        seeds.train(run, model, data, settings, weights=start and str(start))
    return run


def main(folder: pathlib.Path, count: int) -> None:
    data = seeds.render_people(folder, PEOPLE)
    scores = {name: [] for name in ("RNet", "CNet", *FUSIONS)}
    for seed in range(1, count + 1):
        runs = [train(folder, model, data, seed) for model in EPOCHS]
        folders = dict(zip(("RNet", "CNet"), runs, strict=True))
        for name, hourglasses in FUSIONS.items():
            folders[name] = folder / f"{name} {seed}".replace(" ", "_")
            if not folders[name].exists():
                hybrid_pose.fuse_folders(*runs, folders[name], *hourglasses)
        for name, run in folders.items():
            scores[name].append([validation.evaluate_model(run, data, "pckh")["mean"]])
    seeds.print_table(["PCKh@0.5"], scores, gain=("CNet", "R4 with C4"))


if __name__ == "__main__":
    seeds.run(main, "hybrid_pose_ablation")
