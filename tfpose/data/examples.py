"""From batches of people to what ``keras.Model.fit`` takes: inputs, targets, weights.

A refiner gets synthesized errors of the true poses as its input, an estimator the photo
alone. Each output of a model that is a stack of heatmaps gets the codec's maps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfpose.codecs import Codec
from tfpose.skeleton import Skeleton
from tfpose.synthesis import pose_refiner, posefix


def _posefix(people, skeleton: Skeleton, seed) -> dict[str, tf.Tensor]:
    return posefix.synthesize(
        people["keypoints"],
        people["valid"],
        people["neighbours"],
        people["neighbours_valid"],
        people["area"],
        skeleton,
        seed,
        people.get("estimated"),
        people.get("estimated_valid"),
    )


def _pose_refiner(people, skeleton: Skeleton, seed, **options) -> dict[str, tf.Tensor]:
    return pose_refiner.synthesize(
        people["keypoints"],
        people["valid"],
        people["neighbours"],
        people["neighbours_valid"],
        people["height"],
        skeleton,
        seed,
        **options,
    )


# How errors are synthesized, by the name that recipes use.
SYNTHESES = {"posefix": _posefix, "pose_refiner": _pose_refiner}


@dataclasses.dataclass(frozen=True)
class Supervision:
    """What a model is given and taught.

    Attributes:
        codecs: name of an output -> what encodes its target, of all heatmaps.
        skeleton: K joints.
        refines: whether a pose is among the inputs.
        everybody: whether the codecs encode all people in the crop, f32[B, P, K, 2],
            and not the one that it was cut for.
        synthesis: "errors", a key of ``SYNTHESES``, and its arguments.
    """

    codecs: dict[str, Codec]
    skeleton: Skeleton
    refines: bool
    everybody: bool = False
    synthesis: Mapping[str, Any] = dataclasses.field(
        default_factory=lambda: {"errors": "posefix"}
    )


def examples(people, supervision: Supervision, seed, rows: slice | None = None):
    """A batch of people as inputs, targets and weights.

    Args:
        people: batch of ``pipeline.crop_person``.
        supervision: of the model.
        seed: i32[2].
        rows: of the batch that are wanted, all if None. They are the same whichever
            others are wanted.

    Returns:
        ({"image"} and for refiners "keypoints", "valid"; {heatmaps' names,
        "keypoints"}; f32[B, channels] weights of each), ready for ``keras.Model.fit``.
    """
    inputs = {"image": people["image"]}
    if supervision.refines:
        options = dict(supervision.synthesis)
        synthesize = SYNTHESES[options.pop("errors")]
        pose = synthesize(people, supervision.skeleton, seed, **options)
        inputs.update(keypoints=pose["keypoints"], valid=pose["valid"])
    if rows is not None:
        inputs = {name: value[rows] for name, value in inputs.items()}
        people = {name: value[rows] for name, value in people.items()}
    keypoints, valid = people["keypoints"], people["valid"]
    shown = (keypoints, valid)
    if supervision.everybody:
        shown = (
            tf.concat([keypoints[:, None], people["neighbours"]], axis=1),
            tf.concat([valid[:, None], people["neighbours_valid"]], axis=1),
        )
    encoded = {}  # outputs with the same codec share the work
    for codec in supervision.codecs.values():
        if codec not in encoded:
            encoded[codec] = codec.encode(*shown), codec.weigh(shown[1])
    chosen = {name: encoded[codec] for name, codec in supervision.codecs.items()}
    chosen["keypoints"] = keypoints, valid
    targets = {name: target for name, (target, _) in chosen.items()}
    weights = {name: weight for name, (_, weight) in chosen.items()}
    return inputs, targets, weights


def training_batches(
    people, supervision: Supervision, seed: int, first_step=0, rows: slice | None = None
):
    """Batches of ``examples`` from batches of ``pipeline.shuffled_people``.

    The seed and the number of the step decide the errors, whichever rows are wanted.
    """

    def example(step, people):
        step_seed = tf.cast(tf.stack([seed + 1, step]), tf.int32)
        return examples(people, supervision, step_seed, rows)

    batches = people.enumerate(first_step)
    batches = batches.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE)
