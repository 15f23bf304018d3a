"""Turns batches of people into inputs, targets, weights for ``keras.Model.fit``.

A refiner's input includes true poses with synthesized errors; an estimator's is just
the photo. Each heatmap output gets its codec's maps as targets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfpose.codecs import Codec
from tfpose.config import Config
from tfpose.data import pipeline
from tfpose.data.paste import paste_neighbors
from tfpose.errors import DataError
from tfpose.models import objectives
from tfpose.models.summary import without_weights
from tfpose.models.table import build_model
from tfpose.skeletons import Skeleton
from tfpose.synthesis.table import SYNTHESES


@dataclasses.dataclass(frozen=True)
class Supervision:
    """What a model gets and learns.

    Attributes:
        codecs: output name -> codec of its target, for all heatmaps.
        skeleton: K joints.
        refines: whether a pose is among the inputs.
        all_people: whether the codecs encode all people in the crop, f32[B, P, K, 2],
            not just the one it was cut for.
        synthesis: "errors", a key of ``SYNTHESES``, and its arguments.
        paste: probability that another person is pasted beside the first.
        absent: whether unlabeled joints are absent, with empty maps to learn, instead
            of unknown, with weight 0.
    """

    codecs: dict[str, Codec]
    skeleton: Skeleton
    refines: bool
    all_people: bool = False
    synthesis: Mapping[str, Any] = dataclasses.field(
        default_factory=lambda: {"errors": "posefix"}
    )
    paste: float = 0.0
    absent: bool = False

    def of_the_paper(self) -> Supervision:
        """With only the errors of the paper and nobody pasted, for validation."""
        if self.synthesis["errors"] != "posefix":
            return dataclasses.replace(self, paste=0.0)
        return dataclasses.replace(self, synthesis={"errors": "posefix"}, paste=0.0)


def examples(people, supervision: Supervision, seed, rows: slice | None = None):
    """Turns a batch of people into inputs, targets and weights.

    Args:
        people: batch of ``pipeline.crop_person``.
        supervision: of the model.
        seed: i32[2].
        rows: of the batch to return, all if None. A row does not depend on which others
            are returned.

    Returns:
        ({"image"} and for refiners "keypoints", "valid"; {heatmaps' names,
        "keypoints"}; f32[B, channels] weights of each), ready for ``keras.Model.fit``.
    """
    if supervision.paste:
        of_paste = tf.random.fold_in(seed, 2)
        people = paste_neighbors(people, supervision.paste, of_paste)
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
    if "covered" in people:
        valid *= 1 - people["covered"]
    shown = (keypoints, valid)
    if supervision.all_people:
        shown = (
            tf.concat([keypoints[:, None], people["neighbors"]], axis=1),
            tf.concat([valid[:, None], people["neighbors_valid"]], axis=1),
        )
    encoded = {}  # outputs with the same codec share the work
    for codec in supervision.codecs.values():
        if codec not in encoded:
            encoded[codec] = codec.encode(*shown), codec.weights(shown[1])
    chosen = {name: encoded[codec] for name, codec in supervision.codecs.items()}
    chosen["keypoints"] = keypoints, valid
    targets = {name: target for name, (target, _) in chosen.items()}
    weights = {name: weight for name, (_, weight) in chosen.items()}
    if supervision.absent:
        for name in supervision.codecs:
            weights[name] = tf.ones_like(weights[name])
    return inputs, targets, weights


def training_batches(
    people, supervision: Supervision, seed: int, first_step=0, rows: slice | None = None
):
    """Batches of ``examples`` from batches of ``pipeline.shuffled_people``.

    The seed and the step number determine the errors, whatever the rows.
    """

    @pipeline.as_it_is
    def example(step, people):
        step_seed = tf.cast(tf.stack([seed + 1, step]), tf.int32)
        return examples(people, supervision, step_seed, rows)

    batches = people.enumerate(first_step)
    batches = batches.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE)


def supervision_of(model: keras.Model, config: Config) -> Supervision:
    """What the model gets and learns in training."""
    maps = [name for name in model.output if name != "keypoints"]
    codecs = {name: objectives.codec_of(model, config, name) for name in maps}
    return Supervision(
        codecs,
        config.skeleton,
        model.is_refiner,
        model.is_bottom_up,
        config.synthesis,
        0.0 if model.is_bottom_up else config.augmentation.paste,
        config.objective.get("unlabeled") == "absent",
    )


def batches(
    config: Config, data: str, splits: Sequence[str] | None = None
) -> tf.data.Dataset:
    """Training batches of prepared people, for your own ``model.fit``.

    Each pass over the data set is an epoch, with a new order of people and new random
    crops and errors. The seed determines them all. Pass ``shuffle=False`` to ``fit``:
    Keras warns that it cannot shuffle a data set.

    Args:
        config: of the model; its augmentation, target and synthesis apply.
        data: folder that ``tfpose prepare`` wrote into.
        splits: such as ("lsp/train",); by default, ``config.train``.

    Returns:
        A data set of (inputs, targets, weights) for a model of this configuration,
        ``people // batch_size`` batches long.

    Raises:
        DataError: no such prepared data, too few people, or another skeleton.
    """
    with without_weights():
        supervision = supervision_of(build_model(config), config)
    splits = tuple(splits or config.train)
    records, count = pipeline.read_records(data, splits, config.skeleton)
    steps = count // config.batch_size
    if not steps:
        raise DataError(
            f"{data}: expected at least one batch of {config.batch_size} people in "
            f"{', '.join(splits)}, found {count}"
        )
    crops = pipeline.CropSpec.of(config, supervision.all_people)
    with tf.device("CPU"):  # where tf.data runs
        passes = tf.Variable(0, dtype=tf.int64, trainable=False)

    @pipeline.as_it_is
    def epoch(number):
        people = pipeline.shuffled_people(
            records, count, crops, config.batch_size, config.seed, number * steps
        )
        return training_batches(people, supervision, config.seed, number * steps)

    started = tf.data.Dataset.from_tensors(0).map(lambda _: passes.assign_add(1) - 1)
    endless = started.flat_map(epoch)
    return endless.take(steps).apply(tf.data.experimental.assert_cardinality(steps))
