"""Poses in other data sets' joints: cases worked out by hand."""

import numpy as np
import pytest

from data_prep.conversions import (
    coco_to_posetrack,
    mpii_to_posetrack,
    rejoin,
    top_vertex,
)
from tfpose.skeletons import COCO17, LSP14, MPII16, POSETRACK15

# A triangle whose top is at (30, 5), and a piece of the same person elsewhere.
SEGMENT = [[10, 40, 30, 5, 50, 40], [60, 90, 70, 20, 80, 90]]


def pose(skeleton, **places):
    """Keypoints and visibility of the named joints, (x, y) or (x, y, visibility)."""
    keypoints, visible = np.zeros((len(skeleton), 2)), np.zeros(len(skeleton), int)
    for joint, place in places.items():
        keypoints[skeleton.index(joint)] = place[:2]
        visible[skeleton.index(joint)] = place[2] if len(place) == 3 else 2
    return keypoints, visible


def named(keypoints, visible, skeleton=POSETRACK15):
    """{joint: (x, y, visibility)} of the labeled joints."""
    rows = zip(skeleton.joints, keypoints.tolist(), visible.tolist(), strict=True)
    return {joint: (*place, flag) for joint, place, flag in rows if flag}


HEAD = {
    "nose": (20, 30),
    "left_shoulder": (40, 60, 1),
    "right_shoulder": (10, 50),
    "left_eye": (22, 28),
}


def test_a_coco_person_in_posetracks_joints_by_hand():
    keypoints, visible = coco_to_posetrack(*pose(COCO17, **HEAD), SEGMENT)
    assert keypoints.shape == (15, 2) and visible.dtype == np.uint8
    assert named(keypoints, visible) == {
        "nose": (20, 30, 2),
        # The shoulders' middle is (25, 55); one of them is occluded.
        "head_bottom": (22.5, 42.5, 1),
        "head_top": (30, 5, 2),
        "left_shoulder": (40, 60, 1),
        "right_shoulder": (10, 50, 2),
    }


@pytest.mark.parametrize("missing", ["nose", "left_shoulder", "right_shoulder"])
def test_without_a_part_there_is_no_head_bottom(missing):
    places = {joint: place for joint, place in HEAD.items() if joint != missing}
    keypoints, visible = coco_to_posetrack(*pose(COCO17, **places), SEGMENT)
    row = POSETRACK15.index("head_bottom")
    assert visible[row] == 0 and not keypoints[row].any()
    assert named(keypoints, visible)["head_top"] == (30, 5, 2)


@pytest.mark.parametrize(
    "segment", [None, [], {"counts": "abc", "size": [9, 9]}, [[]], [[1, 2, 3]], ["x"]]
)
def test_without_polygons_there_is_no_head_top(segment):
    assert top_vertex(segment) is None
    found = named(*coco_to_posetrack(*pose(COCO17, **HEAD), segment))
    assert "head_top" not in found and "head_bottom" in found


def test_the_top_of_somebody_without_a_face_is_no_head_top():
    places = {"left_hip": (40, 60), "right_hip": (10, 50)}
    found = named(*coco_to_posetrack(*pose(COCO17, **places), SEGMENT))
    assert found == {"left_hip": (40, 60, 2), "right_hip": (10, 50, 2)}
    ear = pose(COCO17, right_ear=(33, 9))
    assert named(*coco_to_posetrack(*ear, SEGMENT)) == {"head_top": (30, 5, 2)}


def test_the_first_of_equally_high_vertices_is_the_top():
    np.testing.assert_array_equal(top_vertex([[4, 7, 2, 3, 9, 3]]), [2, 3])


def test_an_mpii_person_in_posetracks_joints_by_hand():
    places = {"neck": (10, 40, 1), "head_top": (30, 20), "left_knee": (5, 90)}
    middle = {"pelvis": (12, 70), "thorax": (11, 45)}
    keypoints, visible = mpii_to_posetrack(*pose(MPII16, **places, **middle))
    assert named(keypoints, visible) == {
        "head_bottom": (10, 40, 1),
        "head_top": (30, 20, 2),
        "nose": (20, 30, 1),
        "left_knee": (5, 90, 2),
    }


@pytest.mark.parametrize("end", ["neck", "head_top"])
def test_a_head_of_one_end_has_no_nose(end):
    found = named(*mpii_to_posetrack(*pose(MPII16, **{end: (10, 40)})))
    assert list(found.values()) == [(10, 40, 2)] and "nose" not in found


@pytest.mark.parametrize(
    "convert, joints", [(coco_to_posetrack, 17), (mpii_to_posetrack, 16)]
)
def test_nobody_stays_nobody(convert, joints):
    keypoints, visible = convert(np.full((joints, 2), 7.0), np.zeros(joints, int))
    assert not visible.any() and not keypoints.any()


def test_a_pose_goes_to_other_joints_and_back_by_name():
    rng = np.random.default_rng(0)
    keypoints, visible = rng.uniform(1, 99, (14, 2)), rng.integers(1, 3, 14)
    there = rejoin(keypoints, visible, LSP14.joints, MPII16)
    assert set(MPII16.joints) - set(named(*there, MPII16)) == {"pelvis", "thorax"}
    back = rejoin(*there, MPII16.joints, LSP14)
    np.testing.assert_array_equal(back[0], keypoints)
    np.testing.assert_array_equal(back[1], visible)


def test_the_place_of_an_unlabeled_joint_is_not_passed_on():
    keypoints, visible = np.full((14, 2), 5.0), np.zeros(14, int)
    visible[3] = 1
    found = rejoin(keypoints, visible, LSP14.joints, LSP14)
    assert found[0].sum() == 10 and found[1].tolist() == visible.tolist()
