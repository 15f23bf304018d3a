"""Finds the people in a photo, with OpenCV or with any TensorFlow detector.

A detector takes a photo u8[H, W, 3] RGB and returns a box around each person,
f32[N, 4] xywh, I, clipped to the photo, with scores f32[N] in 0..1, best first.
``read_boxes`` reads the boxes of other methods from their results file.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import cv2
import numpy as np

from tfpose.errors import DetectorError, PoseFileError
from tfpose.io import coco_checks, files

Detector = Callable[[np.ndarray], "tuple[np.ndarray, np.ndarray]"]
PERSON = 1  # COCO's category, and the class of detectors trained on COCO
SIGNATURE = "serving_default"
# The outputs of TensorFlow's object detection models.
OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes")


class GradientDetector:
    """OpenCV's people detector (Dalal and Triggs 2005): whole, upright people.

    It comes with OpenCV and needs no weights, but is no match for a learned detector:
    it finds 31 of the 211 labeled people in 72 COCO validation photos (IoU above 0.4),
    and 24 of its 55 boxes are wrong.

    Args:
        least: drops boxes with a lower score. A score approximates the share of boxes
            like this one that are right, measured on the same photos.
    """

    # px of the longer side of the image it searches, in which it finds people 96 px
    # tall (its own size) or more. 640 found more people than 400, 500 or 800.
    SIDE = 640
    # Padding, as a share of the longer side, that repeats the border: the detector
    # needs space around people, and people who fill a photo leave none.
    BORDER = 0.2
    # A person's share of the detector's 64 x 128 px window.
    SHARE = np.array([0.6, 0.8])
    # If two boxes share more than this part of the smaller one, only the better scored
    # one stays. IoU would keep boxes around parts of people: 62 boxes instead of 55,
    # and no more of them right.
    OVERLAP = 0.5
    # A margin's score is 1 / (1 + exp(-slope (margin - middle))).
    SLOPE, MIDDLE = 2.2, 1.0

    def __init__(self, least: float = 0.3):
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
        chance = np.clip(least, 1e-6, 1 - 1e-6)
        margin = self.MIDDLE + np.log(chance / (1 - chance)) / self.SLOPE
        # Below 0, nearly everything passes.
        self._margin = max(float(margin), 0.0)

    def __call__(self, photo) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores of the people in a photo (see the module)."""
        searched, scale, border = self._prepare(photo)
        windows, margins = self._hog.detectMultiScale(
            searched, hitThreshold=self._margin, winStride=(8, 8), padding=(0, 0),
            scale=1.05, groupThreshold=0,
        )  # fmt: skip
        margins = np.reshape(margins, -1).astype(np.float64)
        windows = np.reshape(windows, (-1, 4)).astype(np.float64)
        # OpenCV's threads return windows in any order.
        order = np.lexsort((*windows.T, -margins))
        windows, margins = windows[order], margins[order]
        size = windows[:, 2:] * self.SHARE
        corner = windows[:, :2] + (windows[:, 2:] - size) / 2 - border
        boxes = np.concatenate([corner, size], axis=1) / scale
        scores = 1 / (1 + np.exp(-self.SLOPE * (margins - self.MIDDLE)))
        kept = best_of_overlapping(boxes, scores, self.OVERLAP)
        return inside(boxes[kept], scores[kept], photo.shape)

    def _prepare(self, photo):
        """The photo at ``SIDE`` px with its border, the scale, and the border in px."""
        scale = self.SIDE / max(photo.shape[:2])
        size = [max(1, round(side * scale)) for side in photo.shape[1::-1]]
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(photo, size, interpolation=interpolation)
        border = round(self.BORDER * self.SIDE)
        # Pads a narrow photo to one window of 64 x 128 px.
        missing = np.maximum([128, 64] - np.array(scaled.shape[:2]) - 2 * border, 0)
        scaled = cv2.copyMakeBorder(
            scaled, border, border + int(missing[0]), border, border + int(missing[1]),
            cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return scaled, scale, border


class SavedModelDetector:
    """A TensorFlow detection model: a SavedModel with the standard outputs.

    Its signature takes photos u8[1, H, W, 3] RGB and returns ``detection_boxes``
    f32[1, N, 4] (top, left, bottom, right in 0..1), ``detection_scores`` f32[1, N] and
    ``detection_classes`` [1, N], where 1 is a person.

    Args:
        folder: folder with ``saved_model.pb``.
        least: drops boxes with a lower score.

    Raises:
        DetectorError: no SavedModel there, or one with other inputs or outputs.
    """

    def __init__(self, folder: str, least: float = 0.5):
        import tensorflow as tf

        self.folder, self.least = pathlib.Path(folder), least
        if not (self.folder / "saved_model.pb").is_file():
            raise DetectorError(
                f"{folder}: expected the folder of a TensorFlow SavedModel, found no "
                "saved_model.pb in it"
            )
        try:
            # Without this reference, its variables would be freed.
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise DetectorError(
                f"{folder}: expected a TensorFlow SavedModel, found another file "
                f"({_first_line(error)})"
            ) from error
        self._input, self._shape = self._check(tf)
        self._failures = tf.errors.OpError
        self._run = self._loaded.signatures[SIGNATURE]

    def _check(self, tf) -> tuple[str, tuple]:
        """The name and shape of the input."""
        signatures = self._loaded.signatures
        if SIGNATURE not in signatures:
            found = ", ".join(signatures) or "none"
            raise DetectorError(
                f"{self.folder}: expected the signature {SIGNATURE}, found {found}"
            )
        signature = signatures[SIGNATURE]
        missing = [name for name in OUTPUTS if name not in signature.structured_outputs]
        if missing:
            found = ", ".join(sorted(signature.structured_outputs))
            raise DetectorError(
                f"{self.folder}: expected the outputs of a detector, "
                f"{', '.join(OUTPUTS)}, found {found}"
            )
        inputs = signature.structured_input_signature[1]
        photo = tf.TensorShape((1, None, None, 3))
        fits = len(inputs) == 1 and all(
            spec.dtype == tf.uint8 and photo.is_compatible_with(spec.shape)
            for spec in inputs.values()
        )
        if not fits:
            found = ", ".join(
                f"{name} {spec.dtype.name}{spec.shape}" for name, spec in inputs.items()
            )
            raise DetectorError(
                f"{self.folder}: expected one input uint8(1, None, None, 3), "
                f"found {found}"
            )
        ((name, spec),) = inputs.items()
        unknown = (None,) * 4
        return name, tuple(spec.shape) if spec.shape.rank is not None else unknown

    def __call__(self, photo) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores of the people in a photo (see the module)."""
        height, width = (
            known or side
            for known, side in zip(self._shape[1:3], photo.shape[:2], strict=True)
        )
        shown = photo
        if (height, width) != photo.shape[:2]:  # its boxes are shares of the photo
            shown = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
        try:
            answer = self._run(**{self._input: np.ascontiguousarray(shown)[None]})
        except self._failures as error:
            raise DetectorError(
                f"{self.folder}: failed on a photo of {photo.shape[1]} x "
                f"{photo.shape[0]} px: {_first_line(error)}"
            ) from error
        corners, scores, classes = self._arrays(answer)
        people = (np.round(classes) == PERSON) & (scores >= self.least)
        corners, scores = corners[people], scores[people]
        order = np.argsort(-scores, kind="stable")
        ends = corners[order][:, [1, 0, 3, 2]] * np.tile(photo.shape[1::-1], 2)
        boxes = np.concatenate([ends[:, :2], ends[:, 2:] - ends[:, :2]], axis=1)
        return inside(boxes, scores[order], photo.shape)

    def _arrays(self, answer) -> list[np.ndarray]:
        """f64[N, 4], f64[N], f64[N]; drops the padding of models that pad."""
        arrays = [answer[name].numpy().astype(np.float64) for name in OUTPUTS]
        count = arrays[0].shape[1] if arrays[0].ndim == 3 else None
        if [array.shape for array in arrays] != [(1, count, 4), (1, count), (1, count)]:
            found = ", ".join(
                f"{name} {array.shape}"
                for name, array in zip(OUTPUTS, arrays, strict=True)
            )
            raise DetectorError(
                f"{self.folder}: expected outputs (1, N, 4), (1, N) and (1, N), "
                f"found {found}"
            )
        if "num_detections" in answer:
            count = int(answer["num_detections"].numpy().reshape(-1)[0])
        return [array[0, :count] for array in arrays]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def best_of_overlapping(boxes, scores, overlap: float) -> np.ndarray:
    """Non-maximum suppression.

    Args:
        boxes: f64[N, 4] xywh.
        scores: f64[N].
        overlap: if two boxes share more than this part of the smaller one, only the
            better scored one stays.

    Returns:
        i64[n], the indices of the boxes that stay, best first.
    """
    ends, areas = boxes[:, :2] + boxes[:, 2:], boxes[:, 2] * boxes[:, 3]
    kept = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        high = np.minimum(ends[best], ends[left])
        common = np.maximum(high - low, 0).prod(axis=1)
        left = left[common <= overlap * np.minimum(areas[best], areas[left])]
    return np.array(kept, np.int64)


def inside(boxes, scores, shape) -> tuple[np.ndarray, np.ndarray]:
    """Clips boxes to a photo and drops those that lie outside it.

    Args:
        boxes: f64[N, 4] xywh, I; any numbers.
        scores: f64[N].
        shape: (height, width, ...) px of the photo.

    Returns:
        f32[n, 4], and f32[n] of the same boxes.
    """
    low = np.maximum(boxes[:, :2], 0)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], shape[1::-1])
    clipped = np.concatenate([low, high - low], axis=1)
    # At least one pixel; NaN fails every comparison.
    kept = (clipped[:, 2:] >= 1).all(axis=1)
    return clipped[kept].astype(np.float32), scores[kept].astype(np.float32)


def read_boxes(path: str, least: float = 0.0) -> list[dict]:
    """Reads the people from a COCO-results file with boxes.

    Args:
        path: JSON list of ``{"image_id", "bbox": [x, y, width, height]}``, optionally
            with ``score`` (default 1) and ``category_id`` (only people are kept).
        least: drops records with a lower score.

    Returns:
        The people's records, in file order.

    Raises:
        PoseFileError: not such a file; names the first bad record.
    """
    records = files.read_json(path)
    if not isinstance(records, list):
        raise PoseFileError(
            f"{path}: expected a JSON list of boxes (COCO results), found "
            f"{coco_checks.describe(records)}"
        )
    for place, record in enumerate(records):
        fault = coco_checks.of_box(record)
        if fault:
            name = coco_checks.name_record(place, record)
            raise PoseFileError(f"{path}: {name}: {fault}")
    return [
        record
        for record in records
        if record.get("category_id", PERSON) == PERSON
        and record.get("score", 1.0) >= least
    ]
