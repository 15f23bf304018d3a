"""Do enlarged detections help to find everybody? Associative Embedding on photos.

The recipe ``tiny`` of Associative Embedding is trained from nothing on rendered photos
of up to four people, alone and with EnhanceNet behind its detections, once for each
seed, which decides first weights, order and crops. Printed is COCO's average precision
of the people that ``tfpose predict`` finds in photos which neither has seen.

Usage: python benchmarks/training/bottom_up_ablation.py [FOLDER [SEEDS]]
A finished run in FOLDER is not repeated. About 50 minutes a seed on one core.
"""

from __future__ import annotations

import pathlib

import seeds

from tfpose import demo, poses
from tfpose.evaluate import evaluate_poses
from tfpose.predict import predict_files

PEOPLE = {"photos": 3000, "validation_photos": 300, "window": 100}
# Name -> model and preset.
MODELS = {
    "alone": ("associative_embedding", "tiny"),
    "with EnhanceNet": ("enhance_net", "tiny_associative_embedding"),
}
COLUMNS = ("AP", "AP50", "AP75", "AR")


def score(run: pathlib.Path, photos: pathlib.Path, truth) -> list[float]:
    """COCO's numbers of all people in all photos, in percent."""
    found = run / "found.json"
    predict_files(str(run), [str(photos)], str(found))
    results, _ = poses.read_results(found, truth.skeleton)
    numbers = evaluate_poses(truth, results, "oks")
    return [100 * numbers[column] for column in COLUMNS]


def main(folder: pathlib.Path, count: int) -> None:
    data = pathlib.Path(seeds.render_people(folder, PEOPLE))
    truth = poses.read_annotations(data / "synthetic" / "annotations_validation.json")
    demo.write_photos(truth, folder / "photos")
    scores = {name: [] for name in MODELS}
    for seed in range(1, count + 1):
        for name, (model, preset) in MODELS.items():
            run = folder / f"{model}_{seed}"
            seeds.train(run, model, str(data), {"seed": seed}, preset=preset)
            scores[name].append(score(run, folder / "photos", truth))
    seeds.print_table(COLUMNS, scores, gain=tuple(MODELS))


if __name__ == "__main__":
    seeds.run(main, "bottom_up_ablation")
