"""Strict and average PCP on sticks that can be measured by hand."""

import numpy as np
import pytest

from tfpose.metrics import pcp
from tfpose.skeletons import COCO17, LSP14

NAN, INF = np.nan, np.inf
# A person of LSP's joints: every stick is upright or lies flat, its length is known.
PERSON = {
    "right_ankle": (0, 100), "right_knee": (0, 60), "right_hip": (0, 40),
    "left_hip": (30, 40), "left_knee": (30, 60), "left_ankle": (30, 100),
    "right_wrist": (-32, 0), "right_elbow": (-16, 0), "right_shoulder": (0, 0),
    "left_shoulder": (30, 0), "left_elbow": (46, 0), "left_wrist": (62, 0),
    "neck": (15, -5), "head_top": (15, -35),
}  # fmt: skip
LENGTHS = {
    "torso": 40, "left_upper_leg": 20, "right_upper_leg": 20, "left_lower_leg": 40,
    "right_lower_leg": 40, "left_upper_arm": 16, "right_upper_arm": 16,
    "left_forearm": 16, "right_forearm": 16, "head": 30,
}  # fmt: skip
STICKS = pcp.stick_joints(LSP14.joints)


def person():
    return np.array([PERSON[joint] for joint in LSP14.joints], float)


def errors(keypoints, visible=None, average=False):
    visible = np.ones(14) if visible is None else visible
    found = pcp.stick_errors([keypoints], [person()], [visible], STICKS, average)
    return dict(zip(STICKS, found[0], strict=True))


def test_the_papers_ten_sticks_are_those_of_lsp():
    assert set(STICKS) == set(LENGTHS)
    assert pcp.stick_joints(LSP14.joints[::-1]) != STICKS, "joints are found by name"


def test_a_skeleton_without_neck_has_the_other_nine_sticks():
    assert set(pcp.stick_joints(COCO17.joints)) == set(LENGTHS) - {"head"}


def test_a_skeleton_without_any_stick_is_named():
    with pytest.raises(ValueError, match="PCP: expected .* found nose, left_ear"):
        pcp.stick_joints(("nose", "left_ear"))


@pytest.mark.parametrize("stick", LENGTHS)
@pytest.mark.parametrize("end", (0, 1))
def test_each_end_is_measured_in_lengths_of_its_stick(stick, end):
    keypoints, length = person(), LENGTHS[stick]
    keypoints[STICKS[stick][end]] += [0.3 * length, 0.4 * length]
    found = errors(keypoints)
    assert found[stick] == pytest.approx(0.5)
    assert errors(keypoints, average=True)[stick] == pytest.approx(0.25)
    touched = set(STICKS[stick][end])
    for other, ends in STICKS.items():
        if not touched & {*ends[0], *ends[1]}:
            assert found[other] == 0


def test_the_torso_ends_in_the_middle_of_hips_and_shoulders():
    keypoints = person()
    keypoints[LSP14.index("left_hip")] += [0, 20]
    assert errors(keypoints)["torso"] == pytest.approx(10 / 40)
    keypoints[LSP14.index("right_hip")] -= [0, 20]
    assert errors(keypoints)["torso"] == 0, "the two errors cancel in the middle"


def test_strict_counts_each_end_and_average_their_mean():
    keypoints = person()
    keypoints[LSP14.index("head_top")] += [24, 0]  # 0.8 of the head, the neck is right
    strict, average = errors(keypoints)["head"], errors(keypoints, average=True)["head"]
    assert (strict, average) == (0.8, 0.4)
    assert pcp.pcp(np.array([[strict, average]])).tolist() == [0, 100]


def test_an_end_at_the_threshold_counts_and_one_beyond_does_not():
    assert pcp.pcp(np.array([[0.5], [0.5 + 1e-9]])).tolist() == [50]
    keypoints = person()
    keypoints[LSP14.index("left_wrist")] += [0, 8]  # half of the forearm
    assert errors(keypoints)["left_forearm"] == 0.5


def test_a_stick_with_an_unlabeled_end_counts_nowhere():
    visible = np.ones(14)
    visible[LSP14.index("left_knee")] = visible[LSP14.index("right_shoulder")] = 0
    missing = {name for name, e in errors(person(), visible).items() if np.isnan(e)}
    arm = {"right_upper_arm", "torso"}
    assert missing == {"left_upper_leg", "left_lower_leg", *arm}


def test_a_joint_that_was_not_predicted_makes_its_sticks_wrong():
    keypoints = person()
    keypoints[LSP14.index("left_hip")] = NAN
    for average in (False, True):
        found = errors(keypoints, average=average)
        assert {name for name, error in found.items() if error == INF} == {
            "left_upper_leg", "torso",
        }  # fmt: skip


def test_a_stick_without_length_is_right_only_where_it_is_met_exactly():
    sticks = {"stick": ([0], [1])}
    exact, off = [[5, 5], [5, 5]], [[5, 5], [5, 6]]
    found = pcp.stick_errors([exact, off], [exact] * 2, np.ones((2, 2)), sticks)
    assert found.tolist() == [[0], [INF]]


def test_rates_are_per_stick_over_the_people_who_have_it():
    found = pcp.pcp(np.array([[0.1, NAN, NAN], [0.7, 0.2, NAN], [INF, 0.6, NAN]]))
    np.testing.assert_allclose(found, [100 / 3, 50, NAN])


def test_nobody_and_nothing_labeled_give_nan():
    nobody = np.zeros((0, 14, 2))
    none = pcp.stick_errors(nobody, nobody, nobody[..., 0], STICKS)
    assert none.shape == (0, 10) and np.isnan(pcp.pcp(none)).all()
    blank = pcp.stick_errors([person()], [person()], [np.zeros(14)], STICKS)
    assert np.isnan(blank).all() and np.isnan(pcp.pcp(blank)).all()
