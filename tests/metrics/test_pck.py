"""PCK, PCKh and AUC on cases that can be worked out by hand."""

import dataclasses

import numpy as np
import pytest

from tfpose.metrics import pck
from tfpose.skeletons import Skeleton

NAN, INF = np.nan, np.inf


def test_segment_length_is_the_distance_of_its_ends():
    targets = [[[0, 0], [3, 4], [9, 9]], [[0, 0], [3, 4], [9, 9]]]
    lengths = pck.segment_lengths(targets, [[2, 1, 0], [2, 0, 2]], (0, 1))
    np.testing.assert_array_equal(lengths, [5, NAN])


# Shoulders 0 and 1, hips 2 and 3, and a joint that is no part of the torso.
TORSO = [[0, 0], [20, 2], [3, 50], [17, 48], [900, 900]]


@pytest.mark.parametrize(
    ("unlabeled", "length"),
    [([], 50), ([2], 48), ([0, 3], 48), ([0, 1], NAN), ([2, 3], NAN), (range(5), NAN)],
)
def test_torso_box_spans_the_labeled_shoulders_and_hips(unlabeled, length):
    visible = np.ones((1, 5))
    visible[:, list(unlabeled)] = 0
    found = pck.box_lengths([TORSO], visible, [0, 1], [2, 3])
    np.testing.assert_array_equal(found, [length])
    lying = np.array([TORSO])[..., ::-1]
    found = pck.box_lengths(lying, visible, [0, 1], [2, 3])
    np.testing.assert_array_equal(found, [length])


def test_torso_box_of_nobody_is_empty():
    empty = pck.box_lengths(np.zeros((0, 5, 2)), np.zeros((0, 5)), [0, 1], [2, 3])
    assert empty.shape == (0,)


def test_distances_are_in_lengths_of_the_person():
    keypoints = [[[3, 4], [1, 0]], [[3, 4], [1, 0]]]
    targets = np.zeros((2, 2, 2))
    distances = pck.normalized_distances(keypoints, targets, np.ones((2, 2)), [10, 5])
    np.testing.assert_allclose(distances, [[0.5, 0.1], [1.0, 0.2]])


def test_unlabeled_joints_and_people_without_length_do_not_count():
    keypoints = targets = np.zeros((4, 2, 2))
    visible = [[2, 0], [1, 1], [1, 1], [1, 1]]
    distances = pck.normalized_distances(keypoints, targets, visible, [1, NAN, 0, -1])
    np.testing.assert_array_equal(distances, [[0, NAN]] + [[NAN, NAN]] * 3)


def test_joint_that_was_not_predicted_is_infinitely_far():
    keypoints = [[[NAN, NAN], [0, NAN]]]
    distances = pck.normalized_distances(keypoints, np.zeros((1, 2, 2)), [[1, 1]], [2])
    np.testing.assert_array_equal(distances, [[INF, INF]])
    np.testing.assert_array_equal(pck.pck(distances), [0, 0])


def test_pck_counts_the_threshold_itself_and_pckh_does_not():
    distances = np.array([[0.5], [0.4], [0.6], [INF]])
    assert pck.pck(distances, 0.5).tolist() == [50]
    assert pck.pckh(distances, 0.5).tolist() == [25]


def test_rates_are_per_joint_over_labeled_people():
    distances = np.array([[0.1, NAN, NAN], [0.3, 0.1, NAN]])
    np.testing.assert_array_equal(pck.pck(distances, 0.2), [50, 100, NAN])


def test_nobody_gives_nan():
    assert np.isnan(pck.pck(np.zeros((0, 3)))).all()
    assert np.isnan(pck.auc(np.zeros((0, 3)))).all()


def test_masking_a_joint_equals_deleting_its_people():
    random = np.random.default_rng(0)
    distances = random.uniform(0, 0.4, (20, 3))
    distances[:7, 1] = NAN
    assert pck.pck(distances)[1] == pck.pck(distances[7:])[1]
    assert pck.auc(distances)[1] == pck.auc(distances[7:])[1]


def test_perfect_poses_have_all_area_and_far_ones_none():
    np.testing.assert_allclose(pck.auc(np.array([[0.0, 0.6]])), [100, 0])


def test_area_under_a_step_is_what_lies_right_of_it():
    # Found from the third of five thresholds on: 0 0 1 1 1, by trapezoids 2.5 of 4.
    thresholds = np.array([0, 0.1, 0.2, 0.3, 0.4])
    area = pck.auc(np.array([[0.15]]), thresholds)
    np.testing.assert_allclose(area, [62.5])


@pytest.mark.parametrize("rate", [pck.pck, pck.pckh])
def test_rates_rise_with_the_threshold(rate):
    distances = np.random.default_rng(1).uniform(0, 1, (50, 2))
    low, high = rate(distances, 0.2), rate(distances, 0.5)
    assert (low <= high).all() and (low < high).any()


def test_a_person_without_a_torso_is_half_as_long_as_the_box():
    hand = Skeleton.from_json({"name": "hand", "joints": ["wrist", "thumb", "tip"]})
    targets = np.array([[[0, 0], [30, 40], [999, 999]]], float)
    name, lengths = pck.body_lengths(targets, [[1, 1, 0]], hand)
    assert name == "half the box" and lengths.tolist() == [20]
    torso = dataclasses.replace(hand, torso=("wrist", "thumb"))
    name, lengths = pck.body_lengths(targets, [[1, 1, 0]], torso)
    assert name == "torso (wrist to thumb)" and lengths.tolist() == [50]
