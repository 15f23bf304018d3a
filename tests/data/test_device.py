"""Batches made in JAX are those of the tf.data path, and so are their frequencies."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf

from tests.support import drawn_people
from tfpose.codecs import BinaryDisc, GaussianHeatmap, IntegralHeatmap
from tfpose.config import Augmentation, Config, override
from tfpose.data import device, paste, pipeline, windows
from tfpose.data import examples as examples_of
from tfpose.data.examples import Supervision
from tfpose.data.pipeline import CropSpec
from tfpose.errors import DataError, TrainingError
from tfpose.geometry import device as geometry
from tfpose.geometry import tensors
from tfpose.recipes import posefix
from tfpose.skeletons import COCO17_LSP14, LSP14
from tfpose.synthesis.options import Options

pytestmark = pytest.mark.slow
SIZE = (128, 96)
CONFIG = Config(
    model="posefix",
    skeleton="lsp14",
    input_size=SIZE,
    network={"trunk": "tiny"},
    train=("drawn/train",),
    validation=("drawn/validation",),
    augmentation=Augmentation(),
    learning_rate=1e-3,
    epochs=1,
    batch_size=4,
)
SPLITS = ("drawn/train", "drawn/validation[:2]", "drawn/train")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def loaded(data):
    return windows.load(CONFIG, data, SPLITS)


@pytest.fixture(scope="module")
def cropped(data):
    """What the tf.data path makes of the same people without augmentation."""
    opened, _ = pipeline.read_records(data, SPLITS[:2], LSP14)
    batches = pipeline.crops(opened, CropSpec(LSP14, SIZE), 22, 0)
    return {name: value.numpy() for name, value in next(iter(batches)).items()}


def crop(arrays, rows, augmentation=None, skeleton=LSP14):
    """``device.crop_people`` of a compiled program, as it is used."""
    augmentation = augmentation or Augmentation()
    compiled = jax.jit(
        lambda arrays, rows, key: device.crop_people(
            arrays, rows, skeleton, SIZE, augmentation, key
        )
    )
    found = compiled(arrays, rows, jax.random.key(0))
    return {name: np.asarray(value) for name, value in found.items()}


# --- crops ---------------------------------------------------------------------------


@pytest.mark.parametrize("rotation, mirror", [(0.0, 0.0), (0.7, 0.0), (-2.5, 1.0)])
def test_a_crop_in_jax_is_that_of_tensorflow(rotation, mirror):
    random = np.random.default_rng(0)
    coarse = random.uniform(0, 255, (1, 9, 8, 3))
    photo = tf.image.resize(coarse, (90, 80), "bicubic")[0]
    photo = tf.cast(tf.clip_by_value(photo, 0, 255), tf.uint8).numpy()
    box = np.float32([-10.3, 20.8, 75, 100])
    expected = tensors.crop_matrix(box, SIZE, rotation, mirror).numpy()
    matrix = geometry.crop_matrix(box, SIZE, rotation, mirror)
    np.testing.assert_allclose(matrix, expected, atol=1e-4)
    found = jax.jit(geometry.warp, static_argnums=2)(photo, jnp.array(expected), SIZE)
    expected_image = tensors.warp(photo[None], expected[None], SIZE)[0]
    np.testing.assert_allclose(found, expected_image, atol=0.05)
    points = random.uniform(-20, 120, (5, 2)).astype(np.float32)
    moved = geometry.transform(points, matrix)
    np.testing.assert_allclose(moved, tensors.transform(points, expected), atol=1e-3)
    border = np.float32([[-0.5, 0], [95.49, 127.49], [95.5, 0], [0, -0.51]])
    np.testing.assert_array_equal(
        geometry.inside(border, SIZE), tensors.inside(border, SIZE)
    )


def test_windows_of_one_size_show_what_records_show(loaded, cropped):
    """Photos are scaled twice, which softens them; everything else is the same."""
    arrays = loaded.arrays
    assert arrays["images"].shape == (22, 192, 192, 3)
    assert arrays["images"].dtype == np.uint8
    found = crop(arrays, np.arange(22))
    for name in ("keypoints", "valid", "neighbors_valid"):
        np.testing.assert_allclose(found[name], cropped[name], atol=2e-3, err_msg=name)
    there = cropped["neighbors_valid"] > 0
    assert there.any()
    np.testing.assert_allclose(
        found["neighbors"][there], cropped["neighbors"][there], atol=2e-3
    )
    np.testing.assert_allclose(found["area"], cropped["area"], rtol=1e-4)
    difference = np.abs(found["image"] - cropped["image"])
    assert difference.mean() < 2 and np.median(difference) < 0.5


def test_a_split_named_twice_is_held_once_and_seen_twice(loaded, cropped):
    np.testing.assert_array_equal(loaded.person_ids, cropped["person_id"])
    expected = [*range(20), 20, 21, *range(20)]
    np.testing.assert_array_equal(loaded.order, expected)


def test_windows_follow_the_skeleton_and_the_height_of_the_crops(data):
    config = dataclasses.replace(
        CONFIG, skeleton=COCO17_LSP14, crop={"person_height": 64.0}
    )
    arrays = windows.load(config, data, ("drawn/train[:2]",)).arrays
    assert arrays["keypoints"].shape == (2, 19, 2)
    assert (arrays["visible"].sum(axis=1) == 14).all()
    found = crop(arrays, np.arange(2), skeleton=COCO17_LSP14)
    # Heads of 20 px: 160 px tall, and boxes of 70 x 136 px.
    np.testing.assert_allclose(found["area"], 70 * 136 * 0.4**2, rtol=1e-3)


ROUGH = Augmentation(0.3, 40.0, 0.5, 0.06, any_angle=0.3)


@pytest.fixture(scope="module")
def many():
    """Crops of one person, 3000 times: matrices of both paths from the plain crop."""
    box = tf.constant(windows.plain_box(SIZE))
    plain = tensors.crop_matrix(box, SIZE)

    def one(index):
        from tfpose.data.augment import random_crop_matrix

        return random_crop_matrix(box, SIZE, ROUGH, tf.stack([1, index]))

    ours, mirror = tf.function(
        lambda: tf.map_fn(
            one, tf.range(3000), fn_output_signature=(tf.float32, tf.float32)
        )
    )()
    theirs, mirrored = device.random_crop_matrices(3000, SIZE, ROUGH, jax.random.key(1))
    both = (ours.numpy(), mirror.numpy()), (np.asarray(theirs), np.asarray(mirrored))
    return plain.numpy(), both


def test_random_crops_have_one_distribution_in_both(many):
    import scipy.stats

    plain, both = many
    numbers = []
    for matrix, mirror in both:
        scale = np.hypot(matrix[:, 1, 0], matrix[:, 1, 1]) / plain[1, 1]
        turn = np.arctan2(matrix[:, 1, 0], matrix[:, 1, 1])
        back = tensors.invert(matrix)
        center = tensors.transform([[[47.5, 63.5]]] * len(matrix), back)[:, 0].numpy()
        numbers.append([1 / scale, turn, *center.T])
        assert mirror.mean() == pytest.approx(0.5, abs=0.04)
        assert 0.7 <= (1 / scale).min() and (1 / scale).max() <= 1.3001
    for one, other in zip(*numbers, strict=True):
        assert scipy.stats.ks_2samp(one, other).pvalue > 1e-4


@pytest.mark.parametrize(
    "distribution, turned, ends, limits",
    [
        ("normal", 0.6, 0.317, (0.7, 1.3)),
        ("octaves", 0.4, 0.046, (2**-0.6, 2**0.6)),
    ],
)
def test_normal_changes_are_those_of_augment(distribution, turned, ends, limits):
    chosen = Augmentation(
        scale=0.3, rotation=40.0, distribution=distribution, turned=turned
    )
    key = jax.random.key(2)
    plain, _ = device.random_crop_matrices(1, SIZE, Augmentation(), key)
    matrix, _ = map(np.asarray, device.random_crop_matrices(3000, SIZE, chosen, key))
    factor = float(plain[0, 1, 1]) / np.hypot(matrix[:, 1, 0], matrix[:, 1, 1])
    at_end = np.isclose(factor, limits[0], atol=1e-3)
    at_end |= np.isclose(factor, limits[1], atol=1e-3)
    degrees = np.degrees(np.arctan2(matrix[:, 1, 0], matrix[:, 1, 1]))
    assert at_end.mean() == pytest.approx(ends, abs=0.03)
    assert np.mean(np.abs(degrees) < 1e-3) == pytest.approx(1 - turned, abs=0.03)
    assert np.mean(np.abs(degrees) > 40) == pytest.approx(0.317 * turned, abs=0.03)
    assert np.abs(degrees).max() < 80.01


def test_mirrored_crops_exchange_left_and_right(loaded):
    rows = np.arange(4)
    plain = crop(loaded.arrays, rows)
    found = crop(loaded.arrays, rows, Augmentation(mirror=1.0))
    expected = tensors.mirror_points(
        plain["keypoints"], SIZE[1], LSP14.flip_permutation
    )
    np.testing.assert_allclose(found["keypoints"], expected, atol=1e-2)
    np.testing.assert_allclose(found["image"], plain["image"][:, :, ::-1], atol=0.1)


def test_colors_change_within_their_ranges():
    image = np.full((400, 1, 2, 3), 110, np.float32)
    image[:, 0, 1] = [110, 130, 90]
    same = device.random_colors(image, Augmentation(), jax.random.key(0))
    assert same is image
    some = Augmentation(contrast=0.5, gray=0.3)
    found = np.asarray(device.random_colors(image, some, jax.random.key(0)))
    np.testing.assert_allclose(found[:, 0, 0], 110, atol=1e-4)
    gray = np.ptp(found[:, 0, 1], axis=1) < 1e-4
    assert gray.mean() == pytest.approx(0.3, abs=0.08)
    factors = (found[~gray, 0, 1, 1] - 110) / 20
    assert 0.5 <= factors.min() < 0.52 and 1.48 < factors.max() <= 1.5
    colored = device.random_colors(image, Augmentation(color=0.2), jax.random.key(0))
    shares = np.asarray(colored)[:, 0, 0] / 110
    assert shares.min() >= 0.64 and shares.max() <= 1.4401
    assert np.ptp(shares, axis=1).min() > 0


# --- pasted neighbors ----------------------------------------------------------------


def batch(cropped, copies=1):
    names = ("image", "keypoints", "valid", "neighbors", "neighbors_valid", "area")
    return {name: np.concatenate([cropped[name]] * copies) for name in names}


def pasted_by(way, people, share, seed=0):
    if way == "tensorflow":
        found = paste.paste_neighbors(
            {name: tf.constant(value) for name, value in people.items()},
            share,
            tf.constant([seed, 1]),
        )
    else:
        compiled = jax.jit(device.paste_neighbors, static_argnums=1)
        found = compiled(people, share, jax.random.key(seed))
    return {name: np.asarray(value) for name, value in found.items()}


both_ways = pytest.mark.parametrize("way", ["tensorflow", "jax"])


@both_ways
def test_a_pasted_person_is_the_one_before_moved_aside(cropped, way):
    people = batch(cropped)
    found = pasted_by(way, people, 1.0)
    assert found["neighbors"].shape == (22, 2, 14, 2)
    np.testing.assert_array_equal(found["keypoints"], people["keypoints"])
    np.testing.assert_array_equal(found["valid"], people["valid"])
    move = found["neighbors"][:, -1] - np.roll(people["keypoints"], 1, axis=0)
    np.testing.assert_allclose(move, move[:, :1] * np.ones((1, 14, 1)), atol=1e-3)
    move = np.round(move[:, 0]).astype(int)
    across, down = np.abs(move).T
    assert (across >= 0.35 * SIZE[1] - 1).all() and (across <= 0.8 * SIZE[1] + 1).all()
    assert (down <= 0.15 * SIZE[0] + 1).all() and np.ptp(move[:, 0]) > SIZE[1]
    height, width = SIZE
    for row in range(22):
        own, other = people["image"][row], people["image"][row - 1]
        shown, (x, y) = found["image"][row], move[row]
        rows, columns = np.mgrid[:height, :width]
        from_row, from_column = rows - y, columns - x
        there = (from_row >= 0) & (from_row < height)
        there &= (from_column >= 0) & (from_column < width)
        moved = other[
            np.clip(from_row, 0, height - 1), np.clip(from_column, 0, width - 1)
        ]
        is_own = np.abs(shown - own).max(axis=-1) < 0.01
        is_other = there & (np.abs(shown - moved).max(axis=-1) < 0.01)
        assert (is_own | is_other).all()
        # The first person's side is its own.
        own_side = columns < width * 0.35 if x > 0 else columns > width * 0.65
        assert is_own[own_side & (np.abs(rows - 63.5) < 30)].all()
        for joint, (px, py) in enumerate(found["neighbors"][row, -1]):
            if found["neighbors_valid"][row, -1, joint]:
                px, py = int(round(px)), int(round(py))
                assert 0 <= px <= width and (px - 47.5) * x > -0.15 * width * width
        covered = found["covered"][row] > 0
        sides = (people["keypoints"][row, covered, 0] - 47.5) * np.sign(x)
        assert (sides > 0.55 * abs(x) - 0.3 * 64).all()
    assert 0 < found["covered"].mean() < 0.5
    assert found["neighbors_valid"][:, -1].any()


@both_ways
def test_some_people_get_a_neighbor_and_the_rest_stay_as_they_are(cropped, way):
    people = batch(cropped, 20)
    found = pasted_by(way, people, 0.3)
    changed = (found["image"] != people["image"]).any(axis=(1, 2, 3))
    assert changed.mean() == pytest.approx(0.3, abs=0.07)
    assert not found["covered"][~changed].any()
    assert not found["neighbors_valid"][~changed, -1].any()


def test_covered_joints_are_given_but_not_taught(cropped):
    people = batch(cropped)
    taught = Supervision(
        {"heatmap": IntegralHeatmap(SIZE)}, LSP14, refines=True, paste=1.0
    )
    inputs, targets, weights = examples_of.examples(people, taught, tf.constant([0, 1]))
    covered = (inputs["valid"].numpy() > 0) & (weights["keypoints"].numpy() == 0)
    assert covered.any()
    assert not targets["heatmap"].numpy().sum(axis=(1, 2))[covered].any()
    assert taught.of_the_paper().paste == 0


# --- targets and whole batches -------------------------------------------------------


@pytest.mark.parametrize(
    "codec", [IntegralHeatmap(SIZE), GaussianHeatmap(SIZE, 4, 6.0)]
)
def test_targets_in_jax_are_those_of_the_codec(codec):
    random = np.random.default_rng(0)
    points = random.uniform(-8, 130, (6, 14, 2)).astype(np.float32)
    valid = (random.uniform(size=(6, 14)) < 0.8).astype(np.float32)
    found = device.encode(codec, points, valid)
    np.testing.assert_allclose(found, codec.encode(points, valid), atol=2e-6)


def test_a_batch_has_what_the_tf_data_path_gives(loaded):
    config = dataclasses.replace(
        CONFIG,
        augmentation=dataclasses.replace(ROUGH, paste=1.0, color=0.2),
        synthesis={"errors": "posefix", "quality": 0.5},
    )
    codec = IntegralHeatmap(SIZE)
    taught = Supervision(
        {"heatmap": codec}, LSP14, True, synthesis=config.synthesis, paste=1.0
    )
    device.check(config, taught)
    rows = np.arange(6, dtype=np.int32)
    compiled = jax.jit(
        lambda arrays, rows, key: device.batch(arrays, rows, config, taught, key)
    )
    inputs, targets, weights = compiled(loaded.arrays, rows, jax.random.key(2))
    assert inputs["image"].shape == (6, *SIZE, 3)
    assert inputs["image"].min() >= 0 and inputs["image"].max() <= 255
    assert set(targets) == set(weights) == {"heatmap", "keypoints"}
    np.testing.assert_allclose(
        targets["heatmap"],
        codec.encode(np.asarray(targets["keypoints"]), np.asarray(weights["heatmap"])),
        atol=2e-6,
    )
    assert (weights["keypoints"] <= inputs["valid"]).all()
    assert (weights["keypoints"] < inputs["valid"]).any()
    apart = np.linalg.norm(inputs["keypoints"] - targets["keypoints"], axis=-1)
    assert np.median(apart[inputs["valid"] > 0]) > 0.5


# --- refusals ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"refines": False}, "a refiner"),
        ({"all_people": True}, "a refiner"),
        ({"synthesis": {"errors": "pose_refiner"}}, "synthesis.errors=posefix"),
        ({"codecs": {"heatmap": BinaryDisc(SIZE)}}, "an integral or Gaussian target"),
        ({"codecs": {"a": BinaryDisc(SIZE), "b": BinaryDisc(SIZE)}}, "one heatmap"),
    ],
)
def test_what_cannot_be_trained_on_a_device_is_named(changes, message):
    fits = Supervision({"heatmap": IntegralHeatmap(SIZE)}, LSP14, refines=True)
    with pytest.raises(TrainingError, match=message) as error:
        device.check(CONFIG, dataclasses.replace(fits, **changes))
    assert "\n" not in str(error.value)


def test_half_bodies_cannot_be_cut_on_a_device():
    fits = Supervision({"heatmap": IntegralHeatmap(SIZE)}, LSP14, refines=True)
    config = override(posefix.tiny(), ["half_body=0.3"])
    with pytest.raises(TrainingError, match="half_body=0; train without --on-device"):
        device.check(config, fits)


def test_estimated_poses_are_refused(data, monkeypatch):
    read = pipeline.read_records

    def with_estimates(*given):
        records, count = read(*given)
        return records.map(
            lambda record: {**record, "estimated_keypoints": record["keypoints"]}
        ), count

    monkeypatch.setattr(pipeline, "read_records", with_estimates)
    with pytest.raises(DataError, match="drawn/train has estimated poses"):
        windows.load(CONFIG, data, ("drawn/train",))
    assert Options.of({"errors": "posefix"}) == Options()
