"""Left and right as the observer sees them, on people drawn by hand."""

import numpy as np
import pytest

from tfpose.metrics import viewpoint
from tfpose.skeletons import COCO17, LSP14, Skeleton

# x of the joints of a person who faces away: the own left is the observer's left.
AWAY = {
    "left_ankle": 12, "left_knee": 11, "left_hip": 10, "left_shoulder": 9,
    "left_elbow": 5, "left_wrist": 3, "right_ankle": 18, "right_knee": 19,
    "right_hip": 20, "right_shoulder": 21, "right_elbow": 25, "right_wrist": 27,
    "neck": 15, "head_top": 15,
}  # fmt: skip


def away():
    """f64[1, 14, 2]; the y of a joint is its number."""
    across = [AWAY[joint] for joint in LSP14.joints]
    return np.stack([across, np.arange(14)], axis=-1)[None].astype(float)


def facing():
    """The same person, who has turned around: named the other way about."""
    return away()[:, LSP14.flip_permutation]


def turn(keypoints, visible=None, skeleton=LSP14):
    visible = np.ones(keypoints.shape[:2]) if visible is None else visible
    return viewpoint.observer_centric(keypoints, visible, skeleton)[0]


def without(*joints):
    visible = np.ones((1, 14))
    visible[:, [LSP14.index(joint) for joint in joints]] = 0
    return visible


def test_who_faces_away_stays_as_he_is():
    np.testing.assert_array_equal(turn(away()), away())


def test_who_faces_the_camera_has_both_halves_exchanged():
    np.testing.assert_array_equal(turn(facing()), away())


def test_left_is_then_left_of_right_and_turning_again_changes_nothing():
    poses = np.random.default_rng(0).normal(size=(50, 14, 2))
    turned = turn(poses)
    for joint in ("shoulder", "hip"):
        left = turned[:, LSP14.index(f"left_{joint}"), 0]
        assert (left < turned[:, LSP14.index(f"right_{joint}"), 0]).all()
    np.testing.assert_array_equal(turn(turned), turned)
    np.testing.assert_array_equal(np.sort(turned, axis=1), np.sort(poses, axis=1))


def test_visibility_is_exchanged_with_the_joints():
    visible = without("left_wrist")
    moved = viewpoint.observer_centric(facing(), visible, LSP14)[1]
    np.testing.assert_array_equal(moved, without("right_wrist"))


def test_arms_follow_the_shoulders_even_if_they_cross():
    crossed = away()
    wrists = [LSP14.index("left_wrist"), LSP14.index("right_wrist")]
    crossed[:, wrists] = crossed[:, wrists[::-1]]
    np.testing.assert_array_equal(turn(crossed), crossed)
    np.testing.assert_array_equal(turn(crossed[:, LSP14.flip_permutation]), crossed)


def test_halves_of_a_twisted_body_are_decided_apart():
    twisted = away()
    legs = [LSP14.index(f"{s}_{j}") for s in ("left", "right")
            for j in ("hip", "knee", "ankle")]  # fmt: skip
    twisted[:, legs] = facing()[:, legs]
    np.testing.assert_array_equal(turn(twisted), away())
    halves = viewpoint.turned(twisted, np.ones((1, 14)), LSP14)
    np.testing.assert_array_equal(halves, [[-1, 1]])


@pytest.mark.parametrize("unknown", ["left_shoulder", "right_shoulder"])
def test_without_a_shoulder_the_upper_body_stays_as_it_is(unknown):
    moved = turn(facing(), without(unknown))
    arms = [k for k, joint in enumerate(LSP14.joints) if AWAY[joint] in (9, 21, 5, 3)]
    np.testing.assert_array_equal(moved[:, arms], facing()[:, arms])
    knee = LSP14.index("left_knee")
    np.testing.assert_array_equal(moved[:, knee], away()[:, knee])


def test_nothing_known_and_shoulders_above_each_other_are_undecided():
    np.testing.assert_array_equal(turn(facing(), np.zeros((1, 14))), facing())
    upright = facing()
    upright[..., 0] = 7
    np.testing.assert_array_equal(turn(upright), upright)


def test_eyes_and_ears_follow_the_shoulders():
    random = np.random.default_rng(1)
    poses = random.normal(size=(1, 17, 2))
    shoulders = [COCO17.index("left_shoulder"), COCO17.index("right_shoulder")]
    poses[0, shoulders, 0] = 5, 3
    moved = turn(poses, skeleton=COCO17)
    for joint in ("eye", "ear", "wrist"):
        left, right = (COCO17.index(f"{side}_{joint}") for side in ("left", "right"))
        np.testing.assert_array_equal(moved[:, [left, right]], poses[:, [right, left]])
    np.testing.assert_array_equal(moved[:, 0], poses[:, 0])


def test_a_skeleton_without_shoulders_and_hips_is_named():
    hand = Skeleton.from_json(
        {
            "name": "hand",
            "joints": ["left_thumb", "right_thumb"],
            "torso": ["left_thumb", "right_thumb"],
        }
    )
    with pytest.raises(ValueError, match="joints of hand, found left_thumb"):
        turn(np.zeros((1, 2, 2)), skeleton=hand)


def test_a_body_of_shoulders_alone_is_decided_by_them():
    bust = Skeleton.from_json(
        {
            "name": "bust",
            "joints": ["left_shoulder", "right_shoulder", "left_ear", "right_ear"],
            "torso": ["left_shoulder", "right_shoulder"],
        }
    )
    poses = np.array([[[5, 0], [3, 0], [1, 0], [2, 0]]], float)
    assert turn(poses, skeleton=bust)[..., 0].tolist() == [[3, 5, 2, 1]]


class TestPairs:
    def pairs(self, keypoints, targets, visible=None):
        visible = np.ones((1, 14)) if visible is None else visible
        return viewpoint.observer_centric_pairs(keypoints, targets, visible, LSP14)

    def test_a_front_taken_for_a_back_is_right(self):
        keypoints, targets, _ = self.pairs(away(), facing())
        np.testing.assert_array_equal(keypoints, targets)

    def test_where_the_label_is_undecided_neither_is_turned(self):
        visible = without("left_shoulder", "left_hip")
        found = self.pairs(away(), facing(), visible)
        for part, expected in zip(found, (away(), facing(), visible), strict=True):
            np.testing.assert_array_equal(part, expected)

    def test_a_prediction_without_shoulders_is_turned_as_its_label(self):
        incomplete = facing()
        incomplete[:, LSP14.index("left_shoulder")] = np.nan
        keypoints, targets, _ = self.pairs(incomplete, facing())
        np.testing.assert_array_equal(targets, away())
        expected = away()
        expected[:, LSP14.index("right_shoulder")] = np.nan
        np.testing.assert_array_equal(keypoints, expected)


# FLIC's parts as its HDF5 files order them.
FLIC_PARTS = (
    "left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist "
    "left_hip right_hip left_eye right_eye nose"
).split()


@pytest.mark.parametrize(("split", "people"), [("train", 3987), ("valid", 1016)])
def test_the_rule_gives_flics_observer_centric_labels(shared_data, split, people):
    h5py = pytest.importorskip("h5py")
    flic = Skeleton.from_json({"name": "flic11", "joints": FLIC_PARTS})
    person, observer = (
        h5py.File(shared_data / "flic_annot" / f"{split}{kind}.h5")["part"][:]
        for kind in ("_personcentric", "")
    )
    assert len(person) == people and (person != observer).any()
    moved = turn(person, skeleton=flic)
    # FLIC's files call the observer's left side "right".
    np.testing.assert_array_equal(moved[:, flic.flip_permutation], observer)
