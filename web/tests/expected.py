"""What Python says about a photo and the page must say too.

    python web/tests/expected.py

writes ``photo.png``, the page's example without the losses of another JPEG decoder, and
``expected.json``, both beside this file: the poses that ``Predictor`` finds in it.
"""

from __future__ import annotations

import json
import pathlib

import cv2
import numpy as np

from tfpose.edge.predictor import Predictor
from tfpose.geometry import arrays, rules
from tfpose.io import photos

HERE = pathlib.Path(__file__).resolve().parent
PUBLIC = HERE.parent / "public"


def around(keypoints) -> np.ndarray:
    """f64[1, 4]: the box around all joints of f[1, K, 2], as refiners cut it."""
    there = np.ones(keypoints.shape[:2])
    return arrays.box_around(keypoints, there, factor=rules.BOX_FACTOR)


def triples(keypoints, scores) -> list:
    """[N, K, 3]: x, y and score, as the page has them."""
    return np.concatenate([keypoints, scores[..., None]], axis=-1).tolist()


def main() -> None:
    models = PUBLIC / "models"
    photo = photos.read(PUBLIC / "example.jpg")
    cv2.imwrite(str(HERE / "photo.png"), photo[..., ::-1])
    estimator = Predictor.load(models / "estimator_tiny_lsp_float32.tflite")
    refiner = Predictor.load(models / "posefix_tiny_lsp_float32.tflite")
    height, width = photo.shape[:2]
    margin = estimator.about["crop"]["margin"]
    whole = arrays.scale_boxes(np.array([[0.0, 0.0, width, height]]), 1 / margin)
    found = estimator(photo, around(estimator(photo, whole)[0]))
    # Enter, 20 times left, 10 times Shift and down, 10 times Shift and right.
    step = max(height, width) / 50
    box = [
        width / 4 - 20 * step,
        height / 4,
        width / 2 + 10 * step,
        height / 2 + 10 * step,
    ]
    boxed = estimator(photo, [box])
    keypoints, scores = found
    without_one = scores.copy()
    without_one[:, 3] = 0  # a joint that the input lacks
    expected = {
        "found": triples(*found),
        "refined": triples(*refiner(photo, *found)),
        "boxed": triples(*boxed),
        "given": triples(keypoints, without_one),
        "given_refined": triples(*refiner(photo, keypoints, without_one)),
    }
    (HERE / "expected.json").write_text(json.dumps(expected))
    print(f"wrote {HERE / 'expected.json'}")


if __name__ == "__main__":
    main()
