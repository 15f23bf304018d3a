"""TFRecords of people -> batches of crops.

One visible chain: parse, crop and augment, batch; ``examples`` turns batches into
inputs and targets. Randomness is stateless: the seed, the epoch and the person's place
in it determine everything, so a resumed run sees the data it would have seen.
"""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from tfpose.config import Augmentation, Config
from tfpose.data import shards
from tfpose.data.augment import random_color, random_crop_matrix, random_half_body
from tfpose.data.mirroring import mirrored_if_known
from tfpose.errors import DataError
from tfpose.geometry import tensors
from tfpose.geometry.crops import crop_box, standing_height
from tfpose.io.json_files import read_json
from tfpose.skeletons import Skeleton
from tfpose.synthesis import posefix

# What is decided here is decided in Python. AutoGraph, by which tf.data translates what
# it is given, would have nothing to do, and takes four CPU seconds for that.
as_it_is = tf.autograph.experimental.do_not_convert
# Records held in memory to shuffle.
SHUFFLE_BUFFER = 20_000


@dataclasses.dataclass(frozen=True)
class CropSpec:
    """How to crop people from their windows.

    Attributes:
        skeleton: of the records.
        input_size: (height, width) of the crops.
        augmentation: random changes; the default is none.
        all_people: whether all people of the photo are neighbors, not only those that
            overlap the person.
        person_height: px of a standing person in the crops; 0: the box decides.
        whole_window: whether crops show the whole window.
    """

    skeleton: Skeleton
    input_size: tuple[int, int]
    augmentation: Augmentation = Augmentation()
    all_people: bool = False
    person_height: float = 0.0
    whole_window: bool = False

    @classmethod
    def of(cls, config: Config, all_people: bool) -> CropSpec:
        """The random crops that a configuration trains on."""
        # PoseRefiner's neighbors are near in px; their boxes need not overlap.
        near = config.synthesis["errors"] == "pose_refiner"
        return cls(
            config.skeleton,
            config.input_size,
            config.augmentation,
            all_people or near,
            **config.crop,
        )

    @classmethod
    def plain(cls, config: Config) -> CropSpec:
        """The crops for validating a configuration: nothing random."""
        height = config.crop.get("person_height", 0.0)
        return cls(config.skeleton, config.input_size, person_height=height)


def read_records(data: str, splits: tuple[str, ...], skeleton: Skeleton):
    """Opens prepared data sets one after another, undecoded and in a fixed order.

    Args:
        data: folder that ``tfpose prepare`` wrote into.
        splits: such as "lsp/train" or "lspet/train[:95%]" (TFDS slices); the default
            split is "train".
        skeleton: of the records. What a data set does not label of it is not visible,
            or lies in the middle of two joints (``Skeleton.midpoints``).

    Returns:
        A tf.data.Dataset of records and their number.

    Raises:
        DataError: no such data set or split, joints that the skeleton lacks, or a
            shard that is missing, cut off, or not as it was written.
    """
    import tensorflow_datasets as tfds

    datasets, count = [], 0
    for name, _, split in (item.partition("/") for item in splits):
        split = split or "train"
        builder, labeled = _open(pathlib.Path(data, name), skeleton)
        try:
            info = builder.info.splits[split]
        except (ValueError, KeyError) as error:
            raise DataError(
                f"{builder.data_path}: no split {split!r}, found "
                f"{list(builder.info.splits)}"
            ) from error
        if not info.num_examples:
            raise DataError(
                f"{builder.data_path}: expected people in {split!r}, found none"
            )
        shards.check_contents(info)
        count += info.num_examples
        decoders = {"window": tfds.decode.SkipDecoding()}
        dataset = builder.as_dataset(
            split=split, shuffle_files=False, decoders=decoders
        )
        if labeled.joints != skeleton.joints:
            dataset = dataset.map(
                lambda record, of=labeled: _rejoin(record, of, skeleton)
            )
        datasets.append(dataset)
    if not datasets:
        raise DataError(f"{data}: expected the names of data sets, found none")
    records = datasets[0]
    for more in datasets[1:]:
        records = records.concatenate(more)
    return records, count


def _rejoin(record, labeled: Skeleton, skeleton: Skeleton):
    """A record of ``labeled`` joints as one of ``skeleton``'s.

    Adds midpoints. Other joints that ``labeled`` lacks are not visible.
    """
    halves = {joint: (one, other) for joint, one, other in skeleton.midpoints}
    none = len(labeled)  # a row of zeros after the joints

    def ends(joint):
        pair = (joint, joint) if joint in labeled.joints else halves.get(joint, ())
        known = pair and set(pair) <= set(labeled.joints)
        return [labeled.index(end) for end in pair] if known else [none, none]

    ends_of = np.array([ends(joint) for joint in skeleton.joints])
    changed = dict(record)
    for name in ("keypoints", "neighbor_keypoints", "estimated_keypoints"):
        if name in record:
            pairs = tf.gather(_and_zero(record[name], -2), ends_of, axis=-2)
            changed[name] = tf.reduce_mean(pairs, axis=-2)  # of (..., K, 2, 2)
    for name in ("visible", "neighbor_visible", "estimated_valid"):
        if name in record:
            pairs = tf.gather(_and_zero(record[name], -1), ends_of, axis=-1)
            changed[name] = tf.reduce_min(pairs, axis=-1)
    return changed


def _and_zero(values, axis: int):
    """``values`` with one more row of zeros at the end of an axis."""
    values = tf.convert_to_tensor(values)
    paddings = np.zeros((len(values.shape), 2), int)
    paddings[axis, 1] = 1
    return tf.pad(values, paddings)


def _open(folder: pathlib.Path, skeleton: Skeleton):
    """The TFDS builder of a prepared data set with complete shards, and its skeleton.

    All its joints are among ``skeleton``'s.
    """
    import tensorflow_datasets as tfds

    found = sorted(folder.glob("*/*/dataset_info.json"))
    if len(found) != 1:
        raise DataError(
            f"{folder}: expected one data set written by 'tfpose prepare "
            f"{folder.name}', found {len(found)}"
        )
    directory = found[0].parent
    try:
        metadata = read_json(directory / shards.METADATA)
        named = Skeleton.from_json(metadata["skeleton"])
        builder = tfds.builder_from_directory(directory)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{directory}: expected a prepared data set, but its metadata cannot be "
            f"read ({error})"
        ) from error
    same = named.joints == skeleton.joints
    if not same and not set(named.joints) < set(skeleton.joints):
        raise DataError(
            f"{directory}: expected the skeleton {skeleton.name!r}, found "
            f"{named.name!r}"
        )
    shards.check_sizes(builder)
    return builder, named


def crop_person(record, spec: CropSpec, seed, shown=None) -> dict[str, tf.Tensor]:
    """Crops one person from a window.

    Args:
        record: as ``data_prep`` writes it, the window still a JPEG.
        spec: how to cut.
        seed: i32[2].
        shown: bool[]; False skips decoding and returns a black image, which saves most
            of the work. None decodes.

    Returns:
        "image" f32[H, W, 3] RGB 0..255; "keypoints" f32[K, 2] C and "valid" f32[K] (1
        where labeled and inside the crop); "neighbors" f32[P, K, 2] C and
        "neighbors_valid" f32[P, K], the overlapping or all other people; the box's
        "area" f32[] px^2 and the person's standing "height" f32[] px, in C; "matrix"
        f32[2, 3] I -> C; the record's ids. Where the record has an estimated pose,
        "estimated" f32[K, 2] C and "estimated_valid" f32[K].
    """
    size, skeleton = spec.input_size, spec.skeleton
    seeds = tf.random.split(seed, 2)
    height = height_of(record, skeleton)
    box = _shown_box(record, spec, height, tf.random.fold_in(seed, 2))
    augmentation = mirrored_if_known(spec.augmentation, skeleton)
    matrix, mirror = random_crop_matrix(box, size, augmentation, seeds[0])

    def photo():
        window = decode_window(record)
        to_crop = tensors.compose(matrix, record["window_matrix"])
        image = tensors.crop(window, to_crop, size)
        return random_color(image, spec.augmentation, seeds[1])

    def to_pose(points, visible):
        """Moves poses to the crop; a mirrored crop exchanges left and right."""
        order = tf.where(mirror > 0, skeleton.flip_permutation, tf.range(len(skeleton)))
        points = tf.gather(tensors.transform(points, matrix), order, axis=-2)
        visible = tf.gather(tf.cast(visible > 0, tf.float32), order, axis=-1)
        return points, visible * tensors.inside(points, size)

    keypoints, valid = to_pose(record["keypoints"], record["visible"])
    near = (
        tensors.box_overlap(record["box"], record["neighbor_boxes"])
        >= posefix.NEIGHBOR_OVERLAP
    ) | spec.all_people
    neighbors, neighbors_valid = to_pose(
        tf.boolean_mask(record["neighbor_keypoints"], near),
        tf.boolean_mask(record["neighbor_visible"], near),
    )
    scale = tf.abs(tf.linalg.det(matrix[:, :2]))
    estimate = {}
    if "estimated_keypoints" in record:
        estimate["estimated"], estimate["estimated_valid"] = to_pose(
            record["estimated_keypoints"], record["estimated_valid"]
        )
    return {
        **estimate,
        "image": photo()
        if shown is None
        else tf.cond(shown, photo, lambda: tf.zeros((*size, 3))),
        "keypoints": keypoints,
        "valid": valid,
        "neighbors": neighbors,
        "neighbors_valid": neighbors_valid,
        "area": record["box"][2] * record["box"][3] * scale,
        "height": height * tf.sqrt(scale),
        "matrix": matrix,
        "image_id": record["image_id"],
        "person_id": record["person_id"],
    }


def decode_window(record):
    """u8[H, W, 3] RGB; decoded like OpenCV, which reads photos outside of training."""
    return tf.io.decode_jpeg(
        record["window"], channels=3, dct_method="INTEGER_ACCURATE"
    )


def _shown_box(record, spec: CropSpec, height, seed):
    """f32[4] xywh in I: what a crop shows before scaling, rotation and shift."""
    if spec.whole_window:
        box = tensors.fit_aspect(_window_box(record), spec.input_size)
    else:
        wanted = spec.person_height
        box = crop_box(record["box"], height, spec.input_size, wanted)
    return random_half_body(
        box, record["keypoints"], record["visible"] > 0, spec.skeleton,
        spec.input_size, spec.augmentation, seed,
    )  # fmt: skip


def _window_box(record):
    """f32[4] xywh in I: what the record's window shows."""
    extent = tf.cast(tf.image.extract_jpeg_shape(record["window"])[1::-1], tf.float32)
    window = tf.concat([tf.zeros(2), extent], axis=0)
    return tensors.transform_box(window, record["window_matrix"])


def height_of(record, skeleton: Skeleton):
    """f32[] px of I: 8 head sizes, or the pose's estimate where there is none."""
    valid = tf.cast(record["visible"] > 0, tf.float32)
    by_pose = standing_height(record["keypoints"], valid, skeleton)
    size = record["head_size"]
    return tf.where(size > 0, 8 * size, by_pose)


def crops(records, spec: CropSpec, batch_size: int, seed: int):
    """Batches of ``crop_person`` in the records' order; the last may be smaller."""

    @as_it_is
    def crop(index, record):
        return crop_person(record, spec, tf.stack([seed, tf.cast(index, tf.int32)]))

    people = records.enumerate().map(crop, num_parallel_calls=tf.data.AUTOTUNE)
    return people.padded_batch(batch_size).prefetch(tf.data.AUTOTUNE)


def shuffled_people(
    records,
    count: int,
    spec: CropSpec,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    rows: slice | None = None,
):
    """Endless batches of ``crop_person``, in a new order every epoch.

    Args:
        records: from ``read_records``.
        count: number of records, at least ``batch_size``.
        spec: how to cut and augment.
        batch_size: people per step; an epoch's last, incomplete batch is dropped.
        seed: of the order and the crops.
        first_step: batches to skip, as if already drawn.
        rows: of each batch whose images to decode; all if None. Other people stay in
            the batch, so that all workers draw the same random numbers for it.
    """
    steps = count // batch_size

    @as_it_is
    def epoch(number):
        # The caller's global seed would change the order, and TensorFlow cannot combine
        # a global seed of 0 with a seed that is a tensor.
        tf.random.set_seed(None)
        shuffled = records.shuffle(
            min(count, SHUFFLE_BUFFER),
            seed=seed + number,
            reshuffle_each_iteration=False,
        )
        done = tf.maximum(first_step - number * steps, 0) * batch_size
        indexed = shuffled.take(steps * batch_size).enumerate(number * count)
        return indexed.skip(done)

    @as_it_is
    def crop(index, record):
        row = index % count % batch_size
        shown = None if rows is None else (row >= rows.start) & (row < rows.stop)
        if rows is not None and spec.augmentation.paste:
            shown |= row == (rows.start - 1) % batch_size  # pasted beside the first
        person_seed = tf.cast(tf.stack([seed, index]), tf.int32)
        return crop_person(record, spec, person_seed, shown)

    epochs = tf.data.Dataset.range(first_step // steps, tf.int64.max)
    people = epochs.flat_map(epoch).map(crop, num_parallel_calls=tf.data.AUTOTUNE)
    return people.padded_batch(batch_size, drop_remainder=True)
