"""Does the tree help the difficult joints? HCRN and holistic on rendered people.

Trains the recipe ``tiny``, with a front end whose cells see 49 px of a crop of 96, from
scratch, with and without units, on the same people for the same number of steps, once
per seed. The seed sets initial weights, order and crops. Photos show one person, never
from behind, where left and right are equally in doubt for every joint. Prints PCK@0.2
of wrists and ankles of unseen people.

Usage: python benchmarks/training/hcrn_ablation.py [FOLDER [SEEDS]]
Skips finished runs in FOLDER. Takes about 25 minutes on one core.
"""

from __future__ import annotations

import pathlib

import numpy as np
import seeds

from tfpose.training import validation

PEOPLE = {
    "photos": 3000,
    "validation_photos": 500,
    "people": 1,
    "turn": 60,
    "skeleton": "lsp14",
}
SETTINGS = {
    "front_end": "tiny_local",
    "input_size": "96x96",
    "skeleton": "lsp14",
    "target.radius": 6,
    "epochs": 6,
    "average": 0.99,
}
REFINEMENTS = ("holistic", "hcrn")
DIFFICULT = ("wrist", "ankle")


def score(run: pathlib.Path, data: str) -> list[float]:
    """PCK@0.2 of the difficult joints, of both, and of all joints, in percent."""
    numbers = validation.evaluate_model(run, data)
    groups = [numbers["groups"][joint] for joint in DIFFICULT]
    return [*groups, np.mean(groups), numbers["mean"]]


def main(folder: pathlib.Path, count: int) -> None:
    data = seeds.render_people(folder, PEOPLE)
    scores = {refinement: [] for refinement in REFINEMENTS}
    for seed in range(1, count + 1):
        for refinement, rows in scores.items():
            settings = {**SETTINGS, "refinement": refinement, "seed": seed}
            run = seeds.train(folder / f"{refinement}_{seed}", "hcrn", data, settings)
            rows.append(score(run, data))
    seeds.print_table((*DIFFICULT, "both", "all joints"), scores, gain=REFINEMENTS)


if __name__ == "__main__":
    seeds.run(main, "hcrn_ablation")
