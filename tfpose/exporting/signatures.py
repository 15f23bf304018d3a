"""SavedModel signatures for whole photos: a file's bytes and people in, poses out.

``refine_photo``: "image_bytes" string[], "keypoints" f32[N, K, 2] I, "valid" f32[N, K]
-> "keypoints" f32[N, K, 2] I, "scores" f32[N, K]: the result of ``Refiner``, which is
that of ``tfpose refine --refined-only`` before it drops near copies. Reliability needs
all people in a file, so it cannot be part of a request.

``estimate_photo``: "image_bytes" and "boxes" f32[N, 4] xywh I -> the same outputs: the
result of ``Estimator`` with one scale and the mirror image. The three default scales of
``tfpose predict`` take three times as long. A model that finds everybody in a photo
groups joints outside the graph, so it has no such signature.

The graph decodes the photo, crops people, runs each crop and its mirror image, reads
the heatmaps and maps the joints back. N may be 0.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from tfpose.config import Config
from tfpose.exporting.decoding import decode as decode
from tfpose.geometry import tensors
from tfpose.geometry.crops import crops_of
from tfpose.geometry.rules import least_joints
from tfpose.inference.batches import BATCH
from tfpose.inference.estimator import Estimator
from tfpose.inference.refiner import Refiner
from tfpose.models.base import PoseModel
from tfpose.models.serving_graph import part_of

REFINE, ESTIMATE = "refine_photo", "estimate_photo"
PHOTO = tf.TensorSpec((), tf.string, "image_bytes")
# A function that takes a dict of inputs, and the inputs' specifications.
Signature = tuple[Callable, dict[str, tf.TensorSpec]]


def photo_signatures(
    model: PoseModel, config: Config, network: keras.Model
) -> dict[str, Signature]:
    """A model's signatures for whole photos, by name.

    Args:
        model: a refiner or an estimator.
        config: the model's configuration.
        network: ``network_of`` the model.
    """
    if model.is_bottom_up:
        return {}
    if not model.is_refiner:
        belief = _traced_once(keras.Model(network.input, network.output["belief"]))
        return {
            ESTIMATE: _estimating(
                Estimator(model, config.skeleton, scales=(1.0,), network=belief)
            )
        }
    maps = [name for name in network.output if name in ("heatmap", "offsets")]
    refiner = Refiner.of(model, config, network=part_of(network, *maps))
    return {REFINE: _refining(refiner)}


def _traced_once(network: keras.Model) -> Callable:
    """The network as one graph function, for the crop and its mirror image.

    Both would be traced otherwise, and tracing is the slow part of exporting.
    """
    taken = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for name, tensor in network.input.items()
    }
    function = tf.function(
        lambda inputs: network(inputs, training=False), [taken], autograph=False
    )
    return lambda inputs, training: function(inputs)


def _refining(refiner: Refiner) -> Signature:
    joints = len(refiner.skeleton)
    least = least_joints(joints)

    def refine_photo(inputs):
        photo = decode(inputs["image_bytes"])
        keypoints = _rows(inputs["keypoints"], joints, 2)
        valid = _rows(inputs["valid"], joints)
        tf.debugging.assert_equal(
            tf.shape(keypoints)[0], tf.shape(valid)[0], "keypoints and valid differ"
        )
        tf.debugging.assert_greater_equal(
            tf.math.count_nonzero(valid, axis=1, dtype=tf.int32),
            least,
            f"valid: expected at least {least} joints of each person",
        )

        def answer(keypoints, valid):
            *crops, to_image = refiner.cut(photo, keypoints, valid)
            _, answers, scores = refiner.answer(*crops)
            return tensors.transform(answers, to_image), scores

        return _in_batches(answer, (keypoints, valid), joints)

    specifications = {
        "image_bytes": PHOTO,
        "keypoints": tf.TensorSpec((None, joints, 2), tf.float32, "keypoints"),
        "valid": tf.TensorSpec((None, joints), tf.float32, "valid"),
    }
    return refine_photo, specifications


def _estimating(estimator: Estimator) -> Signature:
    def estimate_photo(inputs):
        photo = decode(inputs["image_bytes"])
        boxes = _rows(inputs["boxes"], 4)

        def answer(boxes):
            crops = crops_of(photo, boxes, estimator.size, estimator.scales)
            return estimator.pyramid(*crops)

        return _in_batches(answer, (boxes,), len(estimator.skeleton))

    specifications = {
        "image_bytes": PHOTO,
        "boxes": tf.TensorSpec((None, 4), tf.float32, "boxes"),
    }
    return estimate_photo, specifications


def _rows(values, *shape: int) -> tf.Tensor:
    """f32[N, *shape], checked when a request runs; JSON's [] is f32[0, *shape].

    A server passes on whatever shape the client sent.
    """
    full = (None, *shape)
    finite = tf.debugging.check_numerics(values, "expected finite numbers")
    checked = tf.cond(
        tf.equal(tf.size(values), 0),
        lambda: tf.zeros((0, *shape)),
        lambda: tf.ensure_shape(finite, full),
    )
    return tf.ensure_shape(checked, full)


def _in_batches(answer: Callable, people: tuple, joints: int) -> dict[str, tf.Tensor]:
    """Runs ``answer`` on ``BATCH`` people at a time, which bounds the memory.

    Args:
        answer: maps some rows of ``people`` to f32[n, K, 2] and f32[n, K].
        people: tensors with one row per person.
        joints: K.
    """
    count = tf.shape(people[0])[0]

    def go_on(start, *_):
        return start < count

    def step(start, *found):
        some = answer(*(part[start : start + BATCH] for part in people))
        joined = (tf.concat(both, 0) for both in zip(found, some, strict=True))
        return start + BATCH, *joined

    nobody = tf.zeros((0, joints, 2)), tf.zeros((0, joints))
    shapes = tf.TensorShape((None, joints, 2)), tf.TensorShape((None, joints))
    _, keypoints, scores = tf.while_loop(
        go_on,
        step,
        (0, *nobody),
        (tf.TensorShape(()), *shapes),
        parallel_iterations=1,
    )
    return {"keypoints": keypoints, "scores": scores}
