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

A photo cannot share a batch with another one, but its crops can. So each of these has
two parts, which a server may call instead: ``refine_photo_crops`` takes the same inputs
and returns what ``refine_photo_answers`` takes, with one row per person; the rows of
several photos may be joined. ``estimate_photo`` has the same parts.
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
# What the names of a photo signature's two parts add to its own.
CROPS, ANSWERS = "_crops", "_answers"
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
        return _estimating(
            Estimator(model, config.skeleton, scales=(1.0,), network=belief)
        )
    maps = [name for name in network.output if name in ("heatmap", "offsets")]
    return _refining(Refiner.of(model, config, network=part_of(network, *maps)))


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


def _refining(refiner: Refiner) -> dict[str, Signature]:
    joints, size = len(refiner.skeleton), refiner.size
    least = least_joints(joints)

    def people(inputs):
        keypoints = _rows(inputs["keypoints"], joints, 2)
        valid = _rows(inputs["valid"], joints)
        checks = [
            tf.debugging.assert_equal(
                tf.shape(keypoints)[0], tf.shape(valid)[0], "keypoints and valid differ"
            ),
            tf.debugging.assert_greater_equal(
                tf.math.count_nonzero(valid, axis=1, dtype=tf.int32),
                least,
                f"valid: expected at least {least} joints of each person",
            ),
        ]
        with tf.control_dependencies(checks):  # before anything is computed
            return tf.identity(keypoints), tf.identity(valid)

    def cut(photo, keypoints, valid):
        image, keypoints, valid, to_image = refiner.cut(photo, keypoints, valid)
        image = tf.ensure_shape(image, (None, *size, 3))
        crops = {"image": image, "keypoints": keypoints}
        return {**crops, "valid": valid, "to_image": to_image}

    def answer(crops):
        _, answers, scores = refiner.answer(
            crops["image"], crops["keypoints"], crops["valid"]
        )
        return tensors.transform(answers, crops["to_image"]), scores

    given = _specifications(keypoints=(joints, 2), valid=(joints,))
    crops = _specifications(image=(*size, 3), **_shapes(given), to_image=(2, 3))
    return _signatures(REFINE, joints, people, cut, answer, given, crops)


def _estimating(estimator: Estimator) -> dict[str, Signature]:
    size, scales = estimator.size, estimator.scales

    def people(inputs):
        return (_rows(inputs["boxes"], 4),)

    def cut(photo, boxes):
        image, to_image = crops_of(photo, boxes, size, scales)
        image = tf.ensure_shape(image, (None, len(scales), *size, 3))
        return {"image": image, "to_image": to_image}

    def answer(crops):
        return estimator.pyramid(crops["image"], crops["to_image"])

    given = _specifications(boxes=(4,))
    crops = _specifications(image=(len(scales), *size, 3), to_image=(2, 3))
    joints = len(estimator.skeleton)
    return _signatures(ESTIMATE, joints, people, cut, answer, given, crops)


def _specifications(**shapes) -> dict[str, tf.TensorSpec]:
    """f32 inputs with a row for each person."""
    return {
        name: tf.TensorSpec((None, *shape), tf.float32, name)
        for name, shape in shapes.items()
    }


def _shapes(specifications: dict[str, tf.TensorSpec]) -> dict[str, tuple]:
    return {name: tuple(one.shape[1:]) for name, one in specifications.items()}


def _signatures(
    name: str, joints: int, people, cut, answer, given: dict, crops: dict
) -> dict[str, Signature]:
    """A photo signature and its two parts.

    Args:
        name: of the signature.
        joints: K.
        people: maps the inputs to the tensors that say who is in the photo.
        cut: maps the photo and some of their rows to a dictionary of crops.
        answer: maps crops to f32[n, K, 2] I and f32[n, K].
        given: the specifications of the people.
        crops: those of the crops.
    """

    def whole(inputs):
        photo, found = decode(inputs["image_bytes"]), people(inputs)
        return _in_batches(lambda *some: answer(cut(photo, *some)), found, joints)

    def part_of_photo(inputs):
        return cut(decode(inputs["image_bytes"]), *people(inputs))

    def part_of_people(inputs):
        keypoints, scores = answer(inputs)
        return {"keypoints": keypoints, "scores": scores}

    return {
        name: (whole, {"image_bytes": PHOTO, **given}),
        name + CROPS: (part_of_photo, {"image_bytes": PHOTO, **given}),
        name + ANSWERS: (part_of_people, crops),
    }


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
