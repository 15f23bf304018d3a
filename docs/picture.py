"""Makes README's picture of what ``tfpose demo`` found and refined.

    tfpose demo --out runs/demo
    python docs/picture.py runs/demo

writes ``docs/examples.jpg``: parts of photos with everybody found, and below them
some of the poses before and after refinement. The people were chosen by eye.
"""

from __future__ import annotations

import pathlib
import sys

import cv2
import numpy as np

from tfpose import drawing
from tfpose.cli import demo
from tfpose.io import coco, examples, photos
from tfpose.models.folders import load_config
from tfpose.weights.presets import model_folder

PICTURE = pathlib.Path(__file__).with_name("examples.jpg")
# Photos to show, and of each the part: left, top, width and height in px.
FOUND = {
    "000000001000.jpg": (30, 90, 610, 390),
    "000000009483.jpg": (25, 40, 190, 440),
    "000000397133.jpg": (360, 20, 160, 320),
}
# Places of people in the file of the poses.
REFINED = (4, 6, 3)
WIDTH, GAP = 880, 6


def main(folder: str) -> None:
    results = pathlib.Path(folder, "examples")
    found = [
        cut(photos.read(results / "found" / name), part) for name, part in FOUND.items()
    ]
    pairs = refined(results)
    drawing.write_image(PICTURE, np.concatenate([row(found), row(pairs)]))
    print(f"wrote {PICTURE}: {PICTURE.stat().st_size} bytes")


def row(pictures: list[np.ndarray]) -> np.ndarray:
    """u8[h, WIDTH, 3]: pictures side by side, scaled to one height."""
    aspects = [picture.shape[1] / picture.shape[0] for picture in pictures]
    height = round((WIDTH - GAP * (len(pictures) - 1)) / sum(aspects))
    sheet = np.full((height + GAP, WIDTH, 3), drawing.PAPER, np.uint8)
    left = 0
    for picture, aspect in zip(pictures, aspects, strict=True):
        width = min(round(height * aspect), WIDTH - left)
        resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        sheet[:height, left : left + width] = resized
        left += width + GAP
    return sheet


def cut(picture, part) -> np.ndarray:
    left, top, width, height = part
    return picture[top : top + height, left : left + width]


def refined(results: pathlib.Path) -> list[np.ndarray]:
    """Pictures of people before and after refinement."""
    skeleton = load_config(model_folder(demo.REFINER)).skeleton
    before, after = (
        coco.read_results(str(results / name), skeleton)[0]
        for name in ("before.json", "refined.json")
    )
    return [
        drawing.before_after(
            photos.read(examples.FOLDER / before.entries[place]["file_name"]),
            *((side.keypoints[place], side.placed[place]) for side in (before, after)),
            skeleton,
        )
        for place in REFINED
    ]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "runs/demo")
