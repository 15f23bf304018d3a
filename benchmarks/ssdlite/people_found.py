"""How many labeled people a detector finds, and how many other boxes it gives.

    python benchmarks/ssdlite/people_found.py train2017 FOLDER ...

FOLDER has COCO's layout (``annotations/person_keypoints_<set>.json`` and a folder
``<set>`` of photos). Counts people taller than 60 px; a box finds a person if their IoU
is above 0.5. COCO's keypoint files label no one without visible joints, so most "other
boxes" of a good detector show people who are not labeled: spectators, passers-by.
"""

import pathlib
import sys
import time

import numpy as np

from tfpose.geometry.arrays import overlaps
from tfpose.inference.person_detector import FIVE_LOOKS, WHOLE, PersonDetector
from tfpose.io import coco, photos

TALL, SAME = 60, 0.5
LEAST = (0.3, 0.35, 0.4, 0.5)


def count(found, boxes) -> tuple[int, int]:
    """People who are found among ``boxes`` f64[M, 4], and boxes that find no one.

    Args:
        found: f32[N, 4] xywh, I, best first.
        boxes: of the labeled people of the photo; smaller people can be found, but do
            not count.
    """
    free, others = np.ones(len(boxes), bool), 0
    for box in found:
        alike = np.where(free, overlaps(np.float64(box), boxes), 0)
        if alike.max(initial=0) > SAME:
            free[alike.argmax()] = False
        else:
            others += 1
    return int((~free & (boxes[:, 3] > TALL)).sum()), others


def read(folders, kind: str):
    """(photo, boxes of its people) for each photo of these folders."""
    for folder in map(pathlib.Path, folders):
        path = folder / "annotations" / f"person_keypoints_{kind}.json"
        truth = coco.read_annotations(str(path))
        truth = truth.take(~truth.crowd)
        rows = coco.rows_by_image(truth.image_ids)
        for image_id, image in truth.images.items():
            photo = photos.read(folder / kind / image["file_name"])
            yield photo, np.float64(truth.boxes[rows.get(image_id, [])])


def measure(name: str, detect, scenes) -> None:
    """Prints the counts of a detector, and the time it takes for a photo."""
    people = tall = others = 0
    took = 0.0
    for photo, boxes in scenes:
        start = time.process_time()
        found, _ = detect(photo)
        took += time.process_time() - start
        right, wrong = count(found, boxes)
        people, others = people + right, others + wrong
        tall += int((boxes[:, 3] > TALL).sum())
    print(
        f"{name}: {people} of {tall} people over {TALL} px, "
        f"{others / len(scenes):.2f} other boxes a photo, "
        f"{took / len(scenes) * 1000:.0f} ms of one core a photo, {len(scenes)} photos"
    )


def main() -> None:
    kind, *folders = sys.argv[1:]
    scenes = list(read(folders, kind))
    for name, looks in (("one look", (WHOLE,)), ("five looks", FIVE_LOOKS)):
        for least in LEAST:
            detect = PersonDetector(least, looks, threads=1)
            measure(f"{name}, score {least}", detect, scenes)


if __name__ == "__main__":
    main()
