"""How long does scoring take, and how does hotcoco compare with pycocotools?

Measures, in one run, processor time on one core, the median of several turns: OKS
average precision of 3,000 people in 1,000 photos with both, and PCK and PCP of 10,000
people, one or three per photo; includes matching poses to people, not reading files.

Usage: python benchmarks/metrics.py
"""

from __future__ import annotations

import os

os.environ.setdefault("RAYON_NUM_THREADS", "1")  # hotcoco's threads

import importlib.util
import time

import numpy as np

from tfpose.evaluation.evaluate import evaluate_poses
from tfpose.io.coco import Annotations, Results
from tfpose.metrics import oks
from tfpose.skeletons import COCO17, LSP14

AT_MOST_PRECISION, AT_MOST_RATES = 0.3, 0.2  # s
TURNS = 5


def main() -> None:
    """Measures and prints times and the ratio."""
    truth, found = crowd(COCO17, people=3000, per_photo=3)
    seconds, numbers = {}, {}
    for engine in oks.ENGINES:
        if importlib.util.find_spec(engine) is None:
            print(f"{engine} is not installed")
            continue
        seconds[engine], numbers[engine] = measure(
            lambda engine=engine: oks.average_precision(truth, found, engine)
        )
        at_most = AT_MOST_PRECISION if engine == "hotcoco" else None
        tell(f"OKS-AP, 3,000 people, {engine}", seconds[engine], at_most)
    if len(seconds) == 2:
        share = seconds["hotcoco"] / seconds["pycocotools"]
        same = numbers["hotcoco"] == numbers["pycocotools"]
        print(f"hotcoco / pycocotools: {share:.3f}; the same numbers: {same}")
    for per_photo in (1, 3):
        sides = crowd(LSP14, people=10_000, per_photo=per_photo)
        for metric in ("pck", "pcp"):
            taken, _ = measure(
                lambda sides=sides, metric=metric: evaluate_poses(*sides, metric)
            )
            what = f"{metric.upper()}, 10,000 people, {per_photo} per photo"
            tell(what, taken, AT_MOST_RATES)


def tell(what: str, seconds: float, at_most: float | None) -> None:
    """Prints a time and, if it has a limit, whether it meets it."""
    limit = f", at most {at_most}: {seconds <= at_most}" if at_most else ""
    print(f"{what:36}{seconds:8.3f} s{limit}")


def measure(task) -> tuple[float, object]:
    """The median processor time in s of several turns, and the task's result."""
    times = []
    for _ in range(TURNS):
        start = time.process_time()
        outcome = task()
        times.append(time.process_time() - start)
    return float(np.median(times)), outcome


def crowd(skeleton, people: int, per_photo: int) -> tuple[Annotations, Results]:
    """People of several sizes, with a third of their joints unlabeled, and poses."""
    random = np.random.default_rng(0)
    joints, rows = len(skeleton), np.arange(people)
    height = random.choice([60.0, 120.0, 300.0], (people, 1))
    corner = random.uniform(0, 300, (people, 2))
    shape = (people, joints, 2)
    points = corner[:, None] + random.uniform(0, 1, shape) * height[..., None]
    truth = Annotations(
        skeleton=skeleton,
        images={int(photo): {"id": int(photo)} for photo in set(rows // per_photo)},
        image_ids=rows // per_photo,
        ids=rows + 1,
        keypoints=points,
        visible=random.integers(0, 3, (people, joints)).astype(np.uint8),
        boxes=np.concatenate([corner, height, height], axis=1),
        areas=height[:, 0] ** 2 / 2,
        head_sizes=np.full(people, np.nan),
        crowd=np.zeros(people, bool),
        entries=({},) * people,
    )
    found = Results(
        image_ids=truth.image_ids,
        keypoints=points + random.normal(0, 0.05, shape) * height[..., None],
        scores=np.ones((people, joints)),
        pose_scores=random.uniform(size=people),
        entries=({},) * people,
        positions=rows,
        file_entries=({},) * people,
    )
    return truth, found


if __name__ == "__main__":
    main()
