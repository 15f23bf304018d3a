"""Measures how far exports are from the Keras model, on crops and on photos."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from tfpose.config import Config
from tfpose.data import pipeline
from tfpose.errors import ExportError
from tfpose.evaluation.text import aligned
from tfpose.exporting.signatures import ESTIMATE, REFINE
from tfpose.geometry import tensors
from tfpose.geometry.crops import boxes_of
from tfpose.inference.estimator import Estimator
from tfpose.inference.refiner import Refiner
from tfpose.io import installation, photos
from tfpose.skeletons import Skeleton

# The SavedModel's folder: a version number, as TensorFlow Serving expects.
SAVED_MODEL = "1"
# px; float32 exports that differ by more are wrong.
TOLERANCE = 1e-3
# Number of photos to compare photo signatures on, and tolerance in photo px: a person
# may be several times as large there as in the crop.
PARITY_PHOTOS, PHOTO_TOLERANCE = 4, 1e-2


def windows(data: str, splits, skeleton: Skeleton, count: int) -> Iterator[tuple]:
    """Yields photos of people: the windows of prepared data.

    Args:
        data: folder of prepared data sets.
        splits: such as "lsp/test".
        skeleton: K joints.
        count: maximum number of windows.

    Yields:
        The bytes of a JPEG, and the keypoints f32[N, K, 2] in its px and valid
        f32[N, K] of the person and the neighbors.

    Raises:
        DataError: no such prepared data.
    """
    records, _ = pipeline.read_records(data, tuple(splits), skeleton)
    for record in records.take(count):
        poses, visible = (
            tf.concat([record[name][None], record[f"neighbor_{name}"]], axis=0)
            for name in ("keypoints", "visible")
        )
        to_window = tensors.invert(record["window_matrix"])
        valid = np.float32(visible.numpy() > 0)
        there = valid.any(axis=-1)
        keypoints = tensors.transform(poses, to_window).numpy()
        yield record["window"].numpy(), keypoints[there], valid[there]


def photo_parity(model: keras.Model, config: Config, signatures, given) -> dict:
    """Compares a SavedModel's photo signature with ``Refiner`` or ``Estimator``.

    Args:
        model: trained model.
        config: the model's.
        signatures: of the model's loaded SavedModel.
        given: from ``windows``.

    Returns:
        {signature: {"photos", "people", "largest", "largest_score"}}, where "largest"
        is the largest keypoint distance in photo px; NaN counts as infinitely far.
        Empty if there is no such signature.
    """
    entries = {}
    if REFINE in signatures:
        refiner = Refiner.of(model, config)
        entries[REFINE] = [
            _differences(
                signatures[REFINE],
                {"image_bytes": data, "keypoints": keypoints, "valid": valid},
                refiner(photos.decode(data, "window"), keypoints, valid),
            )
            for data, keypoints, valid in given
        ]
    if ESTIMATE in signatures:
        estimator = Estimator(model, config.skeleton, scales=(1.0,))
        entries[ESTIMATE] = [
            _differences(
                signatures[ESTIMATE],
                {"image_bytes": data, "boxes": boxes_of(keypoints, valid)},
                estimator(photos.decode(data, "window"), boxes_of(keypoints, valid)),
            )
            for data, keypoints, valid in given
        ]
    return {name: _summary(entry) for name, entry in entries.items() if entry}


def _differences(signature, inputs: dict, expected) -> tuple[int, float, float]:
    """Number of people, largest keypoint distance, largest score difference."""
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    found = {name: value.numpy() for name, value in signature(**inputs).items()}
    keypoints, scores = expected
    distances = np.linalg.norm(found["keypoints"] - keypoints, axis=-1)
    differences = np.abs(found["scores"] - scores)
    distances, differences = (
        float(np.where(np.isfinite(some), some, np.inf).max(initial=0.0))
        for some in (distances, differences)
    )
    return len(keypoints), distances, differences


def _summary(entry: list[tuple]) -> dict:
    people, distances, scores = zip(*entry, strict=True)
    return {
        "photos": len(entry),
        "people": sum(people),
        "largest": max(distances),
        "largest_score": max(scores),
    }


def compare(expected: dict, found: dict, skeleton: Skeleton) -> dict:
    """Measures how far an export's results are from the Keras model's.

    Args:
        expected: "keypoints" f32[N, K, 2] C and "scores" f32[N, K].
        found: the same from the export.
        skeleton: K joints.

    Returns:
        {"largest", "mean", "per_joint": {joint: {"largest", "mean"}}} in px of C, and
        "largest_score", the largest score difference. NaN counts as infinitely far.
    """
    distances = np.linalg.norm(expected["keypoints"] - found["keypoints"], axis=-1)
    distances = np.where(np.isfinite(distances), distances, np.inf)  # (N, K)
    scores = np.abs(expected["scores"] - found["scores"])
    return {
        "largest": float(distances.max()),
        "mean": float(distances.mean()),
        "largest_score": float(np.where(np.isfinite(scores), scores, np.inf).max()),
        "per_joint": {
            joint: {
                "largest": float(distances[:, i].max()),
                "mean": float(distances[:, i].mean()),
            }
            for i, joint in enumerate(skeleton.joints)
        },
    }


def check_parity(files: dict) -> None:
    """Compares each file's ``compare`` with what it may differ by.

    Args:
        files: name -> result of ``compare``. Float exports keep within ``TOLERANCE``;
            quantized ones must only give finite numbers.

    Raises:
        ExportError: a file differs by more; names it and its worst joint.
    """
    for name, entry in files.items():
        if "largest" not in entry:
            continue  # there was nothing to compare on
        exact = name in (SAVED_MODEL, "model_float32.tflite")
        limit = TOLERANCE if exact else np.inf  # NaN is infinitely far
        if not entry["largest"] < limit:
            joints = entry["per_joint"]
            worst = max(joints, key=lambda joint: joints[joint]["largest"])
            raise ExportError(
                f"{name}: expected keypoints within {limit} px of the Keras model's, "
                f"found {entry['largest']:.3g} px off ({worst})"
            )


def check_photos(photos: dict) -> None:
    """Compares signatures that take photos with what they may differ by.

    Args:
        photos: signature -> {"largest"}, px of the photo.

    Raises:
        ExportError: a signature differs by ``PHOTO_TOLERANCE`` or more.
    """
    for name, entry in photos.items():
        if not entry["largest"] < PHOTO_TOLERANCE:
            raise ExportError(
                f"{SAVED_MODEL} {name}: expected keypoints within {PHOTO_TOLERANCE} px "
                f"of the photo from the package's, found {entry['largest']:.3g} px off"
            )


def format_report(report: dict) -> str:
    """Formats the parity of all exports as a table."""
    columns = ("largest", "mean") if report["crops"] else ()
    rows = [
        (name, f"{entry['bytes'] / 1e6:.1f}")
        + tuple(f"{entry[key]:.6f}" for key in columns)
        for name, entry in report["files"].items()
    ]
    compared = f"difference from the Keras model on {report['crops']} crops, px"
    without = "not compared with the Keras model: no prepared people (--data)"
    lines = [
        compared if report["crops"] else without,
        aligned([("", "MB", *columns), *rows]),
    ]
    for name, entry in report.get("photos", {}).items():
        lines.append(
            f"{name}: at most {entry['largest']:.6f} px of the photo, "
            f"{entry['people']} people in {entry['photos']} photos"
        )
    if report.get("warm_up_requests") == 0:
        hint = installation.hint("tensorflow_serving")
        lines.append(f"no warm-up requests: writing them {hint}")
    return "\n".join(lines)
