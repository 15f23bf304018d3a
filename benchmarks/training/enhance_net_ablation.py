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
