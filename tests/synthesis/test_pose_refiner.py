"""PoseRefiner's errors T1 to T4: lengths, frequencies and degenerate cases."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.skeletons import COCO17, LSP14
from tfpose.synthesis import pose_refiner
from tfpose.synthesis.pose_refiner import REFERENCE_HEIGHT, synthesize

PEOPLE = 3000
FAR_AWAY = 10_000.0  # px between the joints of a person: nobody is near by chance
NO_NEIGHBORS = np.zeros((PEOPLE, 0, 14, 2), np.float32)


def poses(people=PEOPLE, skeleton=LSP14):
    """Joints in a row, far from each other."""
    x = FAR_AWAY * np.arange(len(skeleton))
    pose = np.stack([x, np.zeros_like(x)], axis=-1)
    return np.tile(pose, (people, 1, 1)).astype(np.float32)


def run(transforms, near=None, near_valid=None, valid=None, height=REFERENCE_HEIGHT):
    pose = poses()
    near = NO_NEIGHBORS if near is None else near
    near_valid = (
        np.ones(near.shape[:3], np.float32) if near_valid is None else near_valid
    )
    valid = np.ones(pose.shape[:2], np.float32) if valid is None else valid
    wrong = synthesize(
        pose, valid, near, near_valid, np.full(PEOPLE, height, np.float32), LSP14,
        tf.constant([3, 4]), transforms,
    )  # fmt: skip
    return pose, wrong["keypoints"].numpy(), wrong["valid"].numpy()


def within_chance(found, share, count):
    """Four standard deviations of a share of so many draws."""
    assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / count))


def test_shifts_are_long_as_often_as_the_paper_says_and_go_everywhere():
    pose, wrong, valid = run(("shift",))
    length = np.linalg.norm(wrong - pose, axis=-1)
    assert valid.all() and length.max() <= 125 and length.max() > 124
    within_chance((length > 25).mean(), 0.1, length.size)
    # Uniform in length: the means of both parts are in their middles.
    assert length[length <= 25].mean() == pytest.approx(12.5, rel=0.01)
    assert length[length > 25].mean() == pytest.approx(75, rel=0.02)
    angle = np.arctan2(*(wrong - pose).reshape(-1, 2).T)
    quarters = np.histogram(angle, np.linspace(-np.pi, np.pi, 5))[0]
    np.testing.assert_allclose(quarters / angle.size, 0.25, atol=0.01)


def test_lengths_grow_with_the_person():
    pose, small, _ = run(("shift",), height=REFERENCE_HEIGHT / 10)
    _, large, _ = run(("shift",))
    np.testing.assert_allclose(10 * (small - pose), large - pose, atol=0.05)


def test_mirror_joints_are_exchanged_by_pairs():
    pose, wrong, _ = run(("switch",))
    mirror = LSP14.flip_permutation
    switched = np.any(wrong != pose, axis=-1)
    np.testing.assert_array_equal(switched, switched[:, mirror])
    np.testing.assert_array_equal(wrong[switched], pose[:, mirror][switched])
    paired = mirror != np.arange(14)
    within_chance(switched[:, paired].mean(), 0.1, switched[:, paired].size / 2)
    assert not switched[:, ~paired].any()


def test_a_missing_joint_changes_its_side_too():
    valid = np.ones((PEOPLE, 14), np.float32)
    right, left = LSP14.index("right_knee"), LSP14.index("left_knee")
    valid[:, right] = 0
    _, wrong, there = run(("switch",), valid=valid)
    moved = there[:, right] > 0
    within_chance(moved.mean(), 0.1, PEOPLE)
    np.testing.assert_array_equal(there[:, left], ~moved)
    assert not wrong[there == 0].any()


def test_removed_joints_are_thirty_percent():
    pose, wrong, valid = run(("remove",))
    within_chance(1 - valid.mean(), 0.3, valid.size)
    assert not wrong[valid == 0].any()
    np.testing.assert_array_equal(wrong[valid > 0], pose[valid > 0])


@pytest.fixture
def beside():
    """A neighbor all of whose joints are 60 px from the person's own."""
    return poses()[:, None] + np.float32([60, 0])


def test_joints_near_a_neighbors_are_replaced_by_it(beside):
    pose, wrong, valid = run(("replace",), beside)
    replaced = np.any(wrong != pose, axis=-1)
    within_chance(replaced.mean(), 0.3, replaced.size)
    np.testing.assert_array_equal(wrong[replaced], beside[:, 0][replaced])
    assert valid.all()


def test_a_joint_76_px_away_is_no_neighbor_and_75_px_is(beside):
    for distance, near in ((74.9, True), (75.1, False)):
        away = beside + np.float32([distance - 60, 0])
        pose, wrong, _ = run(("replace",), away)
        assert np.any(wrong != pose) == near


def test_the_vicinity_grows_with_the_person(beside):
    pose, wrong, _ = run(("replace",), beside, height=0.79 * REFERENCE_HEIGHT)
    np.testing.assert_array_equal(wrong, pose)  # 75 px become 59


def test_a_neighbors_mirror_joint_counts_as_well():
    pose = poses()
    mirror = LSP14.flip_permutation
    crossed = pose[:, None, mirror] + np.float32([0, 10])
    _, wrong, _ = run(("replace",), crossed)
    replaced = np.any(wrong != pose, axis=-1)
    within_chance(replaced.mean(), 0.3, replaced.size)
    np.testing.assert_allclose(
        (wrong - pose)[replaced], np.tile([0, 10], (replaced.sum(), 1))
    )


def test_of_two_neighbors_each_is_as_likely_and_padding_is_none(beside):
    two = np.concatenate([beside, beside - np.float32([120, 0]), beside], axis=1)
    there = np.ones(two.shape[:3], np.float32)
    there[:, 2] = 0
    pose, wrong, _ = run(("replace",), two, there)
    moved = (wrong - pose)[..., 0]
    within_chance((moved > 0).sum() / (moved != 0).sum(), 0.5, (moved != 0).sum())


def test_an_unlabeled_joint_is_not_replaced(beside):
    valid = np.ones((PEOPLE, 14), np.float32)
    valid[:, 5] = 0
    _, wrong, there = run(("replace",), beside, valid=valid)
    assert not there[:, 5].any() and not wrong[:, 5].any()


def test_replaced_and_switched_joints_are_shifted_too(beside):
    pose, wrong, _ = run(("switch", "replace", "shift"), beside)
    apart = np.linalg.norm(wrong - pose, axis=-1)
    assert np.isin(wrong, beside).mean() < 1e-3
    assert (apart > 200).any()  # switched, and not exactly at the mirror joint
    assert not np.isin(wrong[apart > 200][:, 1], 0).any()


def test_all_of_them_in_one_pose(beside):
    _, wrong, valid = run(pose_refiner.TRANSFORMS, beside)
    within_chance(1 - valid.mean(), 0.3, valid.size)
    assert np.isfinite(wrong).all()


def test_nobody_and_nothing_labeled():
    empty = synthesize(
        np.zeros((0, 14, 2), np.float32), np.zeros((0, 14), np.float32),
        np.zeros((0, 0, 14, 2), np.float32), np.zeros((0, 0, 14), np.float32),
        np.zeros(0, np.float32), LSP14, tf.constant([0, 0]),
    )  # fmt: skip
    assert empty["keypoints"].shape == (0, 14, 2)
    _, wrong, there = run(
        pose_refiner.TRANSFORMS, valid=np.zeros((PEOPLE, 14), np.float32)
    )
    assert not wrong.any() and not there.any()


def test_the_seed_decides_and_tf_data_computes_the_same():
    pose = poses(5, COCO17)
    given = (
        pose, np.ones((5, 17), np.float32), np.zeros((5, 0, 17, 2), np.float32),
        np.zeros((5, 0, 17), np.float32), np.full(5, 100, np.float32),
    )  # fmt: skip
    one, same, other = (
        synthesize(*given, COCO17, tf.constant([seed, 0])) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one["keypoints"], same["keypoints"])
    assert np.any(one["keypoints"] != other["keypoints"])
    stream = tf.data.Dataset.from_tensors(given)
    stream = stream.map(lambda *x: synthesize(*x, COCO17, tf.constant([1, 0])))
    np.testing.assert_allclose(next(iter(stream))["keypoints"], one["keypoints"], 1e-6)


def test_an_unknown_transformation_is_refused():
    with pytest.raises(ValueError, match="transforms: expected some of"):
        run(("shift", "twist"))
