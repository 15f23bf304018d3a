import json

import numpy as np
import pytest

from tfpose.errors import PoseFileError
from tfpose.io.shared_joints import SharedJoints, restricted, skeleton_by_count
from tfpose.skeletons import (
    AIC14,
    COCO17,
    CROWDPOSE14,
    FLIC10,
    LSP14,
    MPII16,
    SKELETONS,
    Skeleton,
)


@pytest.mark.parametrize("one", SKELETONS.values(), ids=str)
def test_shared_joints_go_there_and_back(one):
    pose = np.random.default_rng(0).uniform(1, 9, (2, len(one), 2))
    for other in SKELETONS.values():
        shared = SharedJoints(one, other)
        there = shared.to_other(pose)
        assert there.shape == (2, len(other), 2)
        np.testing.assert_array_equal(shared.back(there, pose), pose)
        for name in shared.names:
            np.testing.assert_array_equal(
                there[:, other.index(name)], pose[:, one.index(name)]
            )
        unknown = [k for k, name in enumerate(other.joints) if name not in one.joints]
        assert not there[:, unknown].any()
        assert set(shared.missing) == set(one.joints) - set(other.joints)


def test_only_shared_joints_come_back():
    shared = SharedJoints(COCO17, LSP14)
    pose, moved = np.zeros((1, 17)), np.ones((1, 14))
    back = shared.back(moved, pose)
    assert back.sum() == 12 and not pose.any()
    assert (
        back[0, COCO17.index("left_knee")] == 1 and back[0, COCO17.index("nose")] == 0
    )


def poses(tmp_path, *counts):
    path = tmp_path / "poses.json"
    records = [{"image_id": 1, "keypoints": [1.0] * 3 * n} for n in counts]
    path.write_text(json.dumps(records))
    return str(path)


@pytest.mark.parametrize(
    "count, skeleton", [(17, COCO17), (16, MPII16), (14, LSP14), (10, FLIC10)]
)
def test_the_number_of_joints_tells_the_skeleton(tmp_path, count, skeleton):
    assert skeleton_by_count(poses(tmp_path, count, count)) == skeleton


def test_a_known_skeleton_with_as_many_joints_is_meant(tmp_path):
    assert skeleton_by_count(poses(tmp_path, 14), CROWDPOSE14) == CROWDPOSE14
    assert skeleton_by_count(poses(tmp_path, 17), CROWDPOSE14) == COCO17
    # The reader then names the record that is wrong.
    assert skeleton_by_count(poses(tmp_path, 14, 17), LSP14) == LSP14
    assert skeleton_by_count(poses(tmp_path), LSP14) == LSP14


@pytest.mark.parametrize(
    "counts, found",
    [
        ((), "found no poses"),
        ((21,), "found poses of 21 joints"),
        ((15,), r"found poses of 15 joints \(posetrack15 or jhmdb15\)"),
        ((14, 17), "found poses of different lengths"),
    ],
)
def test_other_numbers_need_a_name(tmp_path, counts, found):
    with pytest.raises(PoseFileError, match=f"--skeleton NAME or FILE.json, {found}$"):
        skeleton_by_count(poses(tmp_path, *counts))


def test_a_restricted_skeleton_keeps_what_is_left():
    names = SharedJoints(COCO17, LSP14).names
    few = restricted(COCO17, names)
    assert few.joints == names and few.torso == COCO17.torso
    assert {"left_knee", "left_ankle"} in map(set, few.limbs)
    assert not {"nose"} & {end for limb in few.limbs for end in limb}
    assert few.sigmas[names.index("left_hip")] == COCO17.sigmas[11]
    order = restricted(LSP14, AIC14.joints)
    assert order.joints == AIC14.joints and order.head == LSP14.head


def test_nothing_shared_is_no_skeleton():
    hand = Skeleton.from_json(
        {"name": "hand", "joints": ["a", "b"], "torso": ["a", "b"]}
    )
    with pytest.raises(PoseFileError, match="expected joints of hand, found none"):
        restricted(hand, ())
    assert SharedJoints(hand, COCO17).names == ()
