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

from tfpose.edge.predictor import Predictor, scale
from tfpose.geometry import rules
from tfpose.io import photos

HERE = pathlib.Path(__file__).resolve().parent
PUBLIC = HERE.parent / "public"


def around(pose) -> np.ndarray:
    """f64[1, 4]: the box around all joints of f[1, K, 3], as refiners cut it."""
    low, high = pose[0, :, :2].min(axis=0), pose[0, :, :2].max(axis=0)
    side = high - low
    box = np.concatenate([(low + high) / 2 - (side - 1) / 2, side])
    return scale(box[None], rules.BOX_FACTOR)


def main() -> None:
    models = PUBLIC / "models"
    photo = photos.read(PUBLIC / "example.jpg")
    cv2.imwrite(str(HERE / "photo.png"), photo[..., ::-1])
    estimator = Predictor.load(models / "estimator_tiny_lsp_float32.tflite")
    refiner = Predictor.load(models / "posefix_tiny_lsp_float32.tflite")
    height, width = photo.shape[:2]
    whole = scale(
        np.array([[0.0, 0.0, width, height]]), 1 / estimator.about["crop"]["margin"]
    )
    found = estimator(photo, around(estimator(photo, whole)))
    # Enter, 20 times left, 10 times Shift and down, 10 times Shift and right.
    step = max(height, width) / 50
    box = [
        width / 4 - 20 * step,
        height / 4,
        width / 2 + 10 * step,
        height / 2 + 10 * step,
    ]
    boxed = estimator(photo, [box])
    given = found.copy()
    given[:, 3] = 0  # a joint that the input lacks
    expected = {
        "found": found,
        "refined": refiner(photo, found),
        "boxed": boxed,
        "given": given,
        "given_refined": refiner(photo, given),
    }
    text = json.dumps({name: array.tolist() for name, array in expected.items()})
    (HERE / "expected.json").write_text(text)
    print(f"wrote {HERE / 'expected.json'}")


if __name__ == "__main__":
    main()
