"""From batches of people to what ``keras.Model.fit`` takes: inputs, targets, weights.

A refiner gets synthesized errors of the true poses as its input, an estimator the photo
alone. Each output of a model that is a stack of heatmaps gets the codec's maps.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tfpose.codecs import Codec, with_background
from tfpose.skeleton import Skeleton
from tfpose.synthesis import posefix


@dataclasses.dataclass(frozen=True)
class Supervision:
    """What a model is given and taught.

    Attributes:
        codec: of the heatmap targets.
        skeleton: K joints.
        refines: whether a pose is among the inputs.
        maps: output name -> channels, K or K + 1 (background last), of all heatmaps.
    """

    codec: Codec
    skeleton: Skeleton
    refines: bool
    maps: dict[str, int]


def examples(people, supervision: Supervision, seed):
    """A batch of people as inputs, targets and weights.

    Args:
        people: batch of ``pipeline.crop_person``.
        supervision: of the model.
        seed: i32[2].

    Returns:
        ({"image"} and for refiners "keypoints", "valid"; {heatmaps' names,
        "keypoints"}; f32[B, channels] weights of each), ready for ``keras.Model.fit``.
    """
    inputs = {"image": people["image"]}
    if supervision.refines:
        inputs.update(_wrong_pose(people, supervision.skeleton, seed))
    valid = people["valid"]
    maps = supervision.codec.encode(people["keypoints"], valid)
    # The background is known as far as the joints are.
    background = tf.reduce_mean(valid, axis=-1, keepdims=True)
    by_channels = {
        len(supervision.skeleton): (maps, valid),
        len(supervision.skeleton) + 1: (
            with_background(maps),
            tf.concat([valid, background], axis=-1),
        ),
    }
    chosen = {
        name: by_channels[channels] for name, channels in supervision.maps.items()
    }
    chosen["keypoints"] = people["keypoints"], valid
    targets = {name: target for name, (target, _) in chosen.items()}
    weights = {name: weight for name, (_, weight) in chosen.items()}
    return inputs, targets, weights


def _wrong_pose(people, skeleton: Skeleton, seed) -> dict[str, tf.Tensor]:
    pose = posefix.synthesize(
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
    return {"keypoints": pose["keypoints"], "valid": pose["valid"]}


def training_batches(people, supervision: Supervision, seed: int, first_step=0):
    """Batches of ``examples`` from batches of ``pipeline.shuffled_people``.

    The seed and the number of the step decide the errors.
    """

    def example(step, people):
        step_seed = tf.cast(tf.stack([seed + 1, step]), tf.int32)
        return examples(people, supervision, step_seed)

    batches = people.enumerate(first_step)
    batches = batches.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE)
