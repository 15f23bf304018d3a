"""From TFRecords to batches: geometry, order, randomness, damaged files."""

import dataclasses
import itertools

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_prep.people import PeopleConfig, cut_window
from tests.support import drawn_people
from tfpose.config import Augmentation
from tfpose.data import pipeline
from tfpose.data.pipeline import CropSpec
from tfpose.errors import DataError
from tfpose.geometry import crops, tensors
from tfpose.geometry.crops import crops_of, whole_photo
from tfpose.skeletons import COCO17, COCO17_LSP14, COCO17_NECK, LSP14

SIZE = (128, 96)
PLAIN = CropSpec(LSP14, SIZE)
RANDOM = CropSpec(LSP14, SIZE, Augmentation(0.3, 40.0, 0.5, 0.05, 0.2))
BOTH = ("drawn/train", "drawn/validation")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def records(data):
    """The 20 training records."""
    return list(pipeline.read_records(data, ("drawn/train",), LSP14)[0])


def ids(batches) -> list[list[int]]:
    return [batch["person_id"].numpy().tolist() for batch in batches]


# --- opening ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "splits, count",
    [
        (("drawn/train",), 20),
        (("drawn",), 20),
        (BOTH, 24),
        (("drawn/train[:25%]", "drawn/train[25%:]"), 20),
        (("drawn/train[:5]",), 5),
    ],
)
def test_splits_are_read_one_after_the_other(data, splits, count):
    opened, found = pipeline.read_records(data, splits, LSP14)
    people = [int(record["person_id"]) for record in opened]
    assert found == count == len(people) == len(set(people))


def test_two_readings_have_the_same_order(data, records):
    again, _ = pipeline.read_records(data, ("drawn/train",), LSP14)
    expected = [int(record["person_id"]) for record in records]
    assert [int(record["person_id"]) for record in again] == expected


@pytest.mark.parametrize(
    "splits, skeleton, message",
    [
        (("lsp/train",), LSP14, "lsp: expected one data set .*prepare lsp.*found 0"),
        (("drawn/test",), LSP14, "no split 'test', found .*'train', 'validation'"),
        (("drawn/train[:x]",), LSP14, r"no split 'train\[:x\]'"),
        (("drawn/train",), COCO17, "expected the skeleton 'coco17', found 'lsp14'"),
        (("drawn/train[:0]",), LSP14, "expected people.*found none"),
        ((), LSP14, "expected the names of data sets"),
    ],
)
def test_what_cannot_be_opened_is_named(data, splits, skeleton, message):
    with pytest.raises(DataError, match=message) as error:
        pipeline.read_records(data, splits, skeleton)
    assert "\n" not in str(error.value)


# --- midpoints -------------------------------------------------------------------

# LSP's joints, and before them a pelvis that nobody labels.
PELVIS = dataclasses.replace(
    LSP14,
    name="pelvis15",
    joints=("pelvis", *LSP14.joints),
    sigmas=(0.1, *LSP14.sigmas),
    midpoints=(("pelvis", "left_hip", "right_hip"),),
)
HIPS = [LSP14.index("left_hip"), LSP14.index("right_hip")]


def test_a_joint_that_no_one_labels_is_read_as_the_middle_of_two(data, records):
    opened, count = pipeline.read_records(data, BOTH, PELVIS)
    assert count == 24
    for found, record in zip(opened, records, strict=False):
        for name in ("keypoints", "neighbor_keypoints"):
            labeled = record[name].numpy()
            np.testing.assert_array_equal(found[name][..., 1:, :], labeled)
            middle = labeled[..., HIPS, :].mean(axis=-2)
            np.testing.assert_allclose(found[name][..., 0, :], middle, atol=1e-4)
        for name in ("visible", "neighbor_visible"):
            labeled = record[name].numpy()
            np.testing.assert_array_equal(found[name][..., 1:], labeled)
            expected = labeled[..., HIPS].min(axis=-1)
            np.testing.assert_array_equal(found[name][..., 0], expected)
        for name in set(record) - {n for n in record if "keypoint" in n or "vis" in n}:
            np.testing.assert_array_equal(found[name], record[name], err_msg=name)


@pytest.mark.slow
def test_people_with_a_midpoint_are_cropped(data):
    opened, _ = pipeline.read_records(data, ("drawn/train[:4]",), PELVIS)
    person = dataclasses.replace(RANDOM, skeleton=PELVIS)
    found = next(iter(pipeline.crops(opened, person, 4, seed=0)))
    hips = found["keypoints"].numpy()[:, [1 + hip for hip in HIPS]]
    np.testing.assert_allclose(found["keypoints"][:, 0], hips.mean(1), atol=1e-3)
    assert found["neighbors"].shape[2] == 15


def test_a_neck_is_labeled_only_where_both_shoulders_are():
    left, right = COCO17.index("left_shoulder"), COCO17.index("right_shoulder")
    points = np.zeros((4, 17, 2), np.float32)
    points[:, left], points[:, right] = (10, 20), (30, 50)
    visible = np.full((4, 17), 2, np.uint8)
    visible[1, left], visible[2, right], visible[3, left] = 0, 0, 1
    record = {
        "keypoints": points[0],
        "visible": visible[0],
        "neighbor_keypoints": points,
        "neighbor_visible": visible,
        "estimated_keypoints": points[0],
        "estimated_valid": np.float32(visible[1] > 0),
        "area": np.float32(7),
    }
    found = pipeline._rejoin(record, COCO17, COCO17_NECK)
    assert found["keypoints"].shape == found["estimated_keypoints"].shape == (18, 2)
    np.testing.assert_array_equal(found["keypoints"][17], [20, 35])
    np.testing.assert_array_equal(found["estimated_keypoints"][17], [20, 35])
    assert found["visible"][17] == 2 and found["visible"].dtype == tf.uint8
    np.testing.assert_array_equal(found["neighbor_visible"][:, 17], [2, 0, 0, 1])
    assert found["estimated_valid"][17] == 0 and found["area"] == 7
    assert set(record) == set(found)


def test_nobody_beside_a_person_has_no_neck():
    nobody = {"neighbor_keypoints": np.zeros((0, 17, 2), np.float32)}
    found = pipeline._rejoin(nobody, COCO17, COCO17_NECK)
    assert found["neighbor_keypoints"].shape == (0, 18, 2)


def test_a_joint_that_a_set_does_not_label_is_not_visible(data, records):
    more = dataclasses.replace(PELVIS, midpoints=())
    opened, count = pipeline.read_records(data, BOTH, more)
    assert count == 24
    for found, record in zip(opened, records, strict=False):
        for name in ("keypoints", "visible", "neighbor_visible"):
            axis = 1 if name.startswith("neighbor") else 0
            first, rest = np.split(found[name], [1], axis=axis)
            assert not first.any()
            np.testing.assert_array_equal(rest, record[name])


def test_joints_of_a_union_are_found_by_name(data, records):
    """LSP's joints among those of COCO and LSP, in another order."""
    opened, _ = pipeline.read_records(data, ("drawn/train[:2]",), COCO17_LSP14)
    for found, record in zip(opened, records, strict=False):
        for index, joint in enumerate(COCO17_LSP14.joints):
            if joint in LSP14.joints:
                own = LSP14.index(joint)
                assert (
                    (found["keypoints"][index] == record["keypoints"][own])
                    .numpy()
                    .all()
                )
                assert found["visible"][index] == record["visible"][own]
            else:
                assert found["visible"][index] == 0
        person = pipeline.crop_person(
            found, CropSpec(COCO17_LSP14, SIZE), tf.constant([0, 0])
        )
        assert person["valid"].numpy().sum() == 14


def test_a_midpoint_of_joints_that_nobody_labels_is_not_visible():
    skeleton = dataclasses.replace(
        PELVIS, name="eyes", joints=("pelvis", "left_eye", "right_eye", *LSP14.joints),
        sigmas=(0.1,) * 17, midpoints=(("pelvis", "left_eye", "right_eye"),),
    )  # fmt: skip
    record = {"visible": np.full(14, 2, np.uint8)}
    found = pipeline._rejoin(record, LSP14, skeleton)["visible"]
    np.testing.assert_array_equal(found, [0, 0, 0, *[2] * 14])


# --- crops -----------------------------------------------------------------------


@pytest.mark.slow
def test_a_plain_crop_shows_the_box_and_a_quarter_more(records):
    for record in records:
        person = pipeline.crop_person(record, PLAIN, tf.constant([0, 0]))
        matrix = person["matrix"].numpy()
        np.testing.assert_allclose(matrix[0, 0], 128 / (136 * 1.25), rtol=1e-4)
        center = record["box"][:2] + (record["box"][2:] - 1) / 2
        found = tensors.transform(center[None], matrix)
        np.testing.assert_allclose(found, [[47.5, 63.5]], atol=1e-3)
        expected = tensors.transform(record["keypoints"], matrix)
        np.testing.assert_allclose(person["keypoints"], expected, atol=1e-3)


@pytest.mark.parametrize("size", [(128, 96), (96, 128)])
def test_a_crop_of_the_whole_window_is_what_bottom_up_models_see(records, size):
    """Windows of 100 boxes are whole photos."""
    number = int(records[0]["image_id"])
    people = (
        drawn_people.drawn_person(number, 10),
        drawn_people.drawn_person(number + 1, 60),
    )
    encoded = drawn_people.drawn_photo(people)
    photo = tf.io.decode_png(encoded, channels=3).numpy()
    for person_size in (400, 50):  # at its own size, and smaller
        window, matrix = cut_window(
            encoded, photo, np.float32([20, 20, 40, 100]), PeopleConfig(
                name="photos", window=100, person_size=person_size
            ),
        )  # fmt: skip
        record = {
            **records[0],
            "window": tf.constant(window),
            "window_matrix": tf.constant(matrix),
        }
        whole = CropSpec(LSP14, size, whole_window=True)
        found = pipeline.crop_person(record, whole, tf.constant([0, 0]))
        (expected,), to_image = crops_of(photo, whole_photo(photo), size, (1.0,))
        matrix = tensors.invert(to_image[0])
        np.testing.assert_allclose(found["matrix"], matrix, atol=1e-3)
        difference = np.abs(found["image"] - expected[0])
        assert difference.mean() < 4
        keypoints = tensors.transform(records[0]["keypoints"], matrix)
        np.testing.assert_allclose(found["keypoints"], keypoints, atol=1e-3)


def test_a_half_body_is_shown_larger_and_leaves_the_area_the_persons(records):
    half = CropSpec(LSP14, SIZE, Augmentation(half_body=1.0))
    record = next(r for r in records if np.count_nonzero(r["visible"]) > 8)
    whole = pipeline.crop_person(record, PLAIN, tf.constant([0, 0]))
    found = pipeline.crop_person(record, half, tf.constant([0, 0]))
    larger = found["matrix"][0, 0] / whole["matrix"][0, 0]
    assert larger > 1.2
    np.testing.assert_allclose(found["area"], whole["area"] * larger**2, rtol=1e-3)
    sides = np.ptp(found["keypoints"].numpy()[found["valid"] > 0], axis=0)
    assert (sides < SIZE[::-1]).all()


@pytest.mark.parametrize("half_body", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_joints_lie_where_the_crop_shows_them(records, seed, half_body):
    """Whatever the crop: the color of a joint, or of its mirror, is at its place."""
    augmentation = Augmentation(0.3, 40.0, 0.5, 0.05, half_body=half_body)
    person = CropSpec(LSP14, SIZE, augmentation)
    # The second person of a photo is drawn over the first.
    record = next(r for r in records[seed:] if int(r["person_id"]) % 2 == 0)
    found = pipeline.crop_person(record, person, tf.constant([seed, 0]))
    mirrored = np.linalg.det(found["matrix"][:, :2]) < 0
    order = LSP14.flip_permutation if mirrored else np.arange(14)
    colors = drawn_people.COLORS[order][:, ::-1]
    image = found["image"].numpy()
    for (x, y), valid, color in zip(
        found["keypoints"].numpy(), found["valid"].numpy(), colors, strict=True
    ):
        if valid and 1 <= x <= SIZE[1] - 2 and 1 <= y <= SIZE[0] - 2:
            shown = image[int(round(y)), int(round(x))]
            assert np.abs(shown - color).max() < 60


def test_windows_crop_like_their_photo(records):
    for record in records[:4]:
        number = int(record["image_id"])
        gap = 40 if number % 4 == 1 else 110
        people = (
            drawn_people.drawn_person(number, 10),
            drawn_people.drawn_person(number + 1, 10 + gap),
        )
        photo = tf.io.decode_png(drawn_people.drawn_photo(people), channels=3)
        found = pipeline.crop_person(record, RANDOM_SHAPE, tf.constant([1, 1]))
        expected = tensors.warp(photo[None], found["matrix"][None], SIZE)[0]
        # JPEG softens the edges of the discs.
        difference = np.abs(found["image"] - expected)
        assert difference.mean() < 4 and np.median(difference) < 1


def test_windows_are_decoded_as_photos_are_read(records):
    for record in records[:4]:
        found = pipeline.crop_person(record, PLAIN, tf.constant([0, 0]))
        encoded = np.frombuffer(record["window"].numpy(), np.uint8)
        window = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
        to_crop = tensors.compose(found["matrix"][None], record["window_matrix"][None])
        expected = tensors.warp(window[None], to_crop, SIZE)[0]
        np.testing.assert_allclose(found["image"], expected, atol=1e-3)


RANDOM_SHAPE = CropSpec(LSP14, SIZE, Augmentation(0.3, 40.0, 0.5))


def test_a_mirrored_crop_exchanges_left_and_right_and_their_validity(records):
    record = {**records[0], "visible": tf.constant([0, 2, 1] + [2] * 11, tf.uint8)}
    mirror = CropSpec(LSP14, SIZE, Augmentation(mirror=1.0))
    plain = pipeline.crop_person(record, PLAIN, tf.constant([0, 0]))
    found = pipeline.crop_person(record, mirror, tf.constant([0, 0]))
    expected = tensors.mirror_points(
        plain["keypoints"], SIZE[1], LSP14.flip_permutation
    )
    np.testing.assert_allclose(found["keypoints"], expected, atol=1e-2)
    np.testing.assert_array_equal(
        found["valid"], plain["valid"].numpy()[LSP14.flip_permutation]
    )
    np.testing.assert_allclose(found["image"], plain["image"][:, ::-1], atol=0.1)
    assert plain["valid"][0] == 0 and plain["valid"][2] == 1


def test_joints_outside_the_crop_are_not_valid(records):
    record = dict(records[0])
    record["keypoints"] = tf.tensor_scatter_nd_update(
        record["keypoints"], [[3]], [[-300.0, 20.0]]
    )
    valid = pipeline.crop_person(record, PLAIN, tf.constant([0, 0]))["valid"].numpy()
    assert valid[3] == 0 and valid.sum() == 13


def test_neighbors_are_the_people_whose_boxes_overlap_by_a_tenth(records):
    for record in records:
        found = pipeline.crop_person(record, PLAIN, tf.constant([0, 0]))
        # Boxes 70 wide, 40 or 110 apart: overlap 30 / 110 or none.
        close = int(record["image_id"]) % 4 == 1
        assert found["neighbors"].shape[0] == close
        if close:
            expected = tensors.transform(
                record["neighbor_keypoints"][0], found["matrix"]
            )
            np.testing.assert_allclose(found["neighbors"][0], expected, atol=1e-3)


def test_of_everybody_all_others_are_neighbors(records):
    everybody = CropSpec(LSP14, SIZE, all_people=True)
    for record in records:
        found = pipeline.crop_person(record, everybody, tf.constant([0, 0]))
        assert len(found["neighbors"]) == len(record["neighbor_keypoints"]) == 1
        expected = tensors.transform(record["neighbor_keypoints"][0], found["matrix"])
        np.testing.assert_allclose(found["neighbors"][0], expected, atol=1e-3)
        inside = tensors.inside(expected, SIZE)
        np.testing.assert_array_equal(found["neighbors_valid"][0], inside)


def test_the_area_is_that_of_the_box_in_the_crop(records):
    found = pipeline.crop_person(records[0], RANDOM, tf.constant([5, 5]))
    scale = np.hypot(found["matrix"][1, 0], found["matrix"][1, 1])
    np.testing.assert_allclose(found["area"], 70 * 136 * scale**2, rtol=1e-4)


def test_a_crop_can_show_people_at_one_height(records):
    person = dataclasses.replace(PLAIN, person_height=20.0)
    for record in records[:3]:
        found = pipeline.crop_person(record, person, tf.constant([5, 5]))
        assert float(found["height"]) == pytest.approx(20, rel=1e-4)
        # Heads of 20 px: the people are 160 px tall.
        assert float(found["matrix"][0, 0]) == pytest.approx(20 / 160, rel=1e-4)
        middle = record["box"][:2] + (record["box"][2:] - 1) / 2
        center = tensors.transform(middle[None], found["matrix"])[0]
        np.testing.assert_allclose(
            center, [(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2], atol=1e-3
        )


def test_without_a_head_size_the_pose_says_how_tall_a_person_is(records):
    record = {**records[0], "head_size": tf.constant(0.0)}
    found = pipeline.crop_person(record, PLAIN, tf.constant([5, 5]))
    visible = np.float32(record["visible"] > 0)
    height = crops.standing_height(record["keypoints"], visible, LSP14)
    scaled = float(height * found["matrix"][0, 0])
    assert float(found["height"]) == pytest.approx(scaled, rel=1e-4)
    ends = record["keypoints"].numpy()[[LSP14.index(joint) for joint in LSP14.head]]
    assert float(height) == pytest.approx(
        6.857 * np.linalg.norm(ends[0] - ends[1]), rel=1e-3
    )


def test_an_estimated_pose_is_cropped_like_the_annotated_one(records):
    record = {
        **records[0],
        "estimated_keypoints": records[0]["keypoints"],
        "estimated_valid": tf.ones(14),
    }
    found = pipeline.crop_person(record, RANDOM, tf.constant([4, 4]))
    np.testing.assert_array_equal(found["estimated"], found["keypoints"])
    np.testing.assert_array_equal(found["estimated_valid"], found["valid"])


@pytest.mark.slow
def test_eager_equals_tf_data(records, data):
    opened, _ = pipeline.read_records(data, ("drawn/train[:4]",), LSP14)
    cropped = opened.map(
        lambda record: pipeline.crop_person(record, RANDOM, tf.constant([2, 3]))
    )
    for record, in_graph in zip(opened, cropped, strict=True):
        eager = pipeline.crop_person(record, RANDOM, tf.constant([2, 3]))
        for name, value in eager.items():
            np.testing.assert_allclose(in_graph[name], value, atol=1e-2, err_msg=name)


# --- batches ---------------------------------------------------------------------


def test_validation_crops_keep_the_order_and_lose_nobody(data, records):
    opened, _ = pipeline.read_records(data, ("drawn/train",), LSP14)
    found = ids(pipeline.crops(opened, RANDOM, 8, seed=0))
    assert [len(batch) for batch in found] == [8, 8, 4]
    expected = [int(record["person_id"]) for record in records]
    assert list(itertools.chain(*found)) == expected


def test_people_with_and_without_neighbors_share_a_batch(data):
    opened, _ = pipeline.read_records(data, ("drawn/train",), LSP14)
    batch = next(iter(pipeline.crops(opened, PLAIN, 20, seed=0)))
    assert batch["neighbors"].shape == (20, 1, 14, 2)
    alone = batch["neighbors_valid"].numpy().sum((1, 2)) == 0
    np.testing.assert_array_equal(alone, batch["image_id"] % 4 == 3)


def shuffled(data, first_step=0, seed=0, batch_size=6):
    opened, count = pipeline.read_records(data, ("drawn/train",), LSP14)
    return pipeline.shuffled_people(opened, count, RANDOM, batch_size, seed, first_step)


@pytest.mark.slow
def test_an_epoch_shows_everybody_once_and_every_epoch_in_another_order(data):
    # 20 people in batches of 6: an epoch has 3 steps.
    found = ids(shuffled(data).take(9))
    epochs = [list(itertools.chain(*found[i : i + 3])) for i in (0, 3, 6)]
    for epoch in epochs:
        assert len(set(epoch)) == 18
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


@pytest.fixture(scope="module")
def whole_run(data):
    """The nine batches that a run sees."""
    return list(shuffled(data).take(9))


@pytest.mark.slow
@pytest.mark.parametrize("first_step", [1, 3, 4, 7])
def test_a_resumed_run_sees_what_it_would_have_seen(data, whole_run, first_step):
    resumed = list(shuffled(data, first_step).take(9 - first_step))
    for expected, found in zip(whole_run[first_step:], resumed, strict=True):
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.slow
def test_the_seed_decides_order_and_crops(data):
    first, again = (next(iter(shuffled(data, seed=1))) for _ in range(2))
    other = next(iter(shuffled(data, seed=2)))
    np.testing.assert_array_equal(first["image"], again["image"])
    assert first["person_id"].numpy().tolist() != other["person_id"].numpy().tolist()


@pytest.mark.slow
def test_a_worker_decodes_its_rows_and_who_is_pasted_beside_the_first(data):
    opened, count = pipeline.read_records(data, ("drawn/train",), LSP14)
    for share, expected in ((0.0, {0, 1}), (0.5, {0, 1, 5})):
        spec = CropSpec(LSP14, SIZE, Augmentation(paste=share))
        batches = pipeline.shuffled_people(opened, count, spec, 6, 0, 0, slice(0, 2))
        image = next(iter(batches))["image"].numpy()
        assert set(np.flatnonzero(image.any(axis=(1, 2, 3)))) == expected


@pytest.mark.slow
@pytest.mark.parametrize("global_seed", [0, 7])
def test_a_global_seed_changes_nothing(data, whole_run, global_seed):
    expected = ids(whole_run[:3])
    tf.random.set_seed(global_seed)
    try:
        assert ids(shuffled(data).take(3)) == expected
    finally:
        tf.random.set_seed(None)


def test_a_person_is_cropped_differently_in_every_epoch(data):
    found = {}
    for batch in shuffled(data).take(6):
        for person, matrix in zip(
            batch["person_id"].numpy(), batch["matrix"].numpy(), strict=True
        ):
            found.setdefault(person, []).append(matrix)
    twice = [pair for pair in found.values() if len(pair) == 2]
    assert twice and all((first != second).any() for first, second in twice)
