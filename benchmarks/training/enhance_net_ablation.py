"""Do enlarged heatmaps make positions more precise? EnhanceNet on rendered people.

Trains SimpleBaseline's recipe ``tiny`` from scratch, alone and followed by EnhanceNet,
on the same people for the same number of steps, once per seed. The seed sets initial
weights, order and crops. Crops are small, so cells are large compared with what PCK
demands. Prints PCK of unseen people at strict and lenient thresholds.

Usage: python benchmarks/training/enhance_net_ablation.py [FOLDER [SEEDS]]
Skips finished runs in FOLDER. Takes about 85 minutes on one core.
"""

from __future__ import annotations

import pathlib

import seeds

from tfpose.training import validation

PEOPLE = {"photos": 4000, "validation_photos": 500, "people": 1, "skeleton": "lsp14"}
SETTINGS = {
    "input_size": "64x64",
    "skeleton": "lsp14",
    "epochs": 30,
    "learning_rate": 0.001,
    "average": 0.99,
}
MODELS = ("simple_baseline", "enhance_net")
THRESHOLDS = (0.05, 0.1, 0.2)


def score(run: pathlib.Path, data: str) -> list[float]:
    """PCK of all joints at each threshold, in percent."""
    return [
        validation.evaluate_model(run, data, threshold=threshold)["mean"]
        for threshold in THRESHOLDS
    ]


def main(folder: pathlib.Path, count: int) -> None:
    data = seeds.render_people(folder, PEOPLE)
    scores = {model: [] for model in MODELS}
    for seed in range(1, count + 1):
        for model, rows in scores.items():
            settings = {**SETTINGS, "seed": seed}
            run = seeds.train(folder / f"{model}_{seed}", model, data, settings)
            rows.append(score(run, data))
    columns = [f"PCK@{threshold}" for threshold in THRESHOLDS]
    seeds.print_table(columns, scores, gain=MODELS)


if __name__ == "__main__":
    seeds.run(main, "enhance_net_ablation")
