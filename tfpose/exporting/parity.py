"""How far a SavedModel's answers about photos are from the package's own."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from tfpose import geometry, photos
from tfpose import skeleton as skeletons
from tfpose.config import Config
from tfpose.data import pipeline
from tfpose.estimate import Estimator, boxes_of
from tfpose.fusion import Calibration
from tfpose.photo_signatures import ESTIMATE, REFINE
from tfpose.refine import Refiner
from tfpose.skeleton import Skeleton


def windows(data: str, splits, skeleton: Skeleton, count: int) -> Iterator[tuple]:
    """Photos of people: the windows of prepared data.

    Args:
        data: folder of prepared data sets.
        splits: such as "lsp/test".
        skeleton: K joints.
        count: of windows, fewer where there are fewer people.

    Yields:
        The bytes of a JPEG; and, of the person and the neighbours, keypoints
        f32[N, K, 2] in its px and valid f32[N, K].

    Raises:
        DataError: no such prepared data.
    """
    records, _ = pipeline.read_records(data, tuple(splits), skeleton)
    for record in records.take(count):
        poses, visible = (
            tf.concat([record[name][None], record[f"neighbour_{name}"]], axis=0)
            for name in ("keypoints", "visible")
        )
        to_window = geometry.invert(record["window_matrix"])
        valid = np.float32(visible.numpy() > 0)
        there = valid.any(axis=-1)
        keypoints = geometry.transform(poses, to_window).numpy()
        yield record["window"].numpy(), keypoints[there], valid[there]


def photo_parity(model: keras.Model, config: Config, folder, given) -> dict:
    """Compares a SavedModel's signature for photos with what it stands for.

    Args:
        model: trained.
        config: of the model.
        folder: of the model's SavedModel.
        given: ``windows``.

    Returns:
        {signature: {"photos", "people", "largest", "largest_score"}}, the largest
        distance of two keypoints in px of the photo; an answer that is not a number is
        infinitely far. Empty where there is no such signature.
    """
    signatures = tf.saved_model.load(str(folder)).signatures
    skeleton, entries = skeletons.get(config.skeleton), {}
    if REFINE in signatures:
        refiner = Refiner(model, skeleton, Calibration(), config.person_height)
        entries[REFINE] = [
            _differences(
                signatures[REFINE],
                {"image_bytes": data, "keypoints": keypoints, "valid": valid},
                _refined(refiner, photos.decode(data, "window"), keypoints, valid),
            )
            for data, keypoints, valid in given
        ]
    if ESTIMATE in signatures:
        estimator = Estimator(model, skeleton, scales=(1.0,))
        entries[ESTIMATE] = [
            _differences(
                signatures[ESTIMATE],
                {"image_bytes": data, "boxes": boxes_of(keypoints, valid)},
                estimator(photos.decode(data, "window"), boxes_of(keypoints, valid)),
            )
            for data, keypoints, valid in given
        ]
    return {name: _summary(entry) for name, entry in entries.items() if entry}


def _refined(refiner: Refiner, photo, keypoints, valid) -> tuple:
    """f[N, K, 2] I and f32[N, K]: a refiner's answers and scores, without fusion."""
    beliefs = list(refiner.believe([(photo, keypoints, valid)]))
    answers = [some.in_photo(some.refined()) for some in beliefs]
    return np.concatenate(answers), np.concatenate([some.scores for some in beliefs])


def _differences(signature, inputs: dict, expected) -> tuple[int, float, float]:
    """People, the largest distance of two keypoints, that of two scores."""
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
