"""Finds the people in a photo, with the package's detector or with another.

A detector takes a photo u8[H, W, 3] RGB and returns a box around each person,
f32[N, 4] xywh, I, clipped to the photo, with scores f32[N] in 0..1, best first.
``read_boxes`` reads the boxes of other methods from their results file.
"""

from __future__ import annotations

import collections
import pathlib
import warnings
from collections.abc import Callable

import cv2
import numpy as np

from tfpose.errors import DetectorError, InputWarning, PoseFileError, shown
from tfpose.inference.boxes import best_in_photo
from tfpose.inference.detector_files import LiteDetector, OnnxDetector
from tfpose.inference.lite import first_line
from tfpose.inference.person_detector import PersonDetector
from tfpose.io import coco_checks, files
from tfpose.io.coco_categories import key_of

Detector = Callable[[np.ndarray], "tuple[np.ndarray, np.ndarray]"]
PERSON = 1  # COCO's category, and the class of detectors trained on COCO
SIGNATURE = "serving_default"
# The outputs of TensorFlow's object detection models.
OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes")


def load_detector(path: str | None, least: float | None = None) -> Detector:
    """The detector in a file or folder, or the one that comes with the package.

    Args:
        path: folder of a SavedModel, ``.tflite`` or ``.onnx`` file; None for
            ``PersonDetector``.
        least: drops boxes with a lower score; None for the detector's own minimum.

    Raises:
        DetectorError: not such a file or folder, or what it needs is not installed.
    """
    options = {} if least is None else {"least": least}
    if path is None:
        return PersonDetector(**options)
    kinds = {".tflite": LiteDetector, ".onnx": OnnxDetector}
    kind = kinds.get(pathlib.Path(path).suffix, SavedModelDetector)
    return kind(path, **options)


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
                f"{folder}: expected a .tflite file, an .onnx file, or the folder of a "
                "TensorFlow SavedModel, found no saved_model.pb in it"
            )
        try:
            # Without this reference, its variables would be freed.
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise DetectorError(
                f"{folder}: expected a TensorFlow SavedModel, found another file "
                f"({first_line(error)})"
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
                f"{photo.shape[0]} px: {first_line(error)}"
            ) from error
        corners, scores, classes = self._arrays(answer)
        people = np.round(classes) == PERSON
        corners = corners[people][:, [1, 0, 3, 2]]
        return best_in_photo(corners, scores[people], self.least, (1, 1), photo.shape)

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


def read_boxes(path: str, least: float = 0.0) -> list[dict]:
    """Reads the people from a COCO-results file with boxes.

    Args:
        path: JSON list of ``{"image_id", "bbox": [x, y, width, height]}``, optionally
            with ``score`` (default 1) and ``category_id`` (only people are kept: 1, or
            the only category of the file). Warns how many others there are.
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
    records = coco_checks.with_plain_ids(records)
    for place, record in enumerate(records):
        fault = coco_checks.of_box(record)
        if fault:
            name = coco_checks.name_record(place, record)
            raise PoseFileError(f"{path}: {name}: {fault}")
    if coco_checks.are_normalized([record["bbox"] for record in records]):
        raise PoseFileError(f"{path}: {coco_checks.NORMALIZED}")
    return [
        record for record in _people(path, records) if record.get("score", 1.0) >= least
    ]


def _people(path, records: list[dict]) -> list[dict]:
    """The records of people; warns of others, or of people under another number.

    Raises:
        PoseFileError: several categories, and none of them is COCO's person.
    """
    keys = [_category(record) for record in records]
    counts = collections.Counter(keys)
    others = {key: count for key, count in counts.items() if key != PERSON}
    kinds = ", ".join(f"{count} of {shown(key)}" for key, count in others.items())
    if not others:
        return records
    if len(counts) > 1 and PERSON not in counts:
        raise PoseFileError(
            f"{path}: expected boxes of category_id {PERSON} (person) or of a single "
            f"category, found {kinds}"
        )
    alone = len(counts) == 1
    done = "took for people, as the only category," if alone else "left out"
    warnings.warn(
        f"{path}: {done} boxes of other categories than {PERSON} (person): {kinds}",
        InputWarning,
        stacklevel=3,
    )
    if alone:
        return records
    return [record for record, key in zip(records, keys, strict=True) if key == PERSON]


def _category(record: dict):
    found = record.get("category_id")
    key = PERSON if found is None else key_of(found)
    return shown(found) if key is None else key
