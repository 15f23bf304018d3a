import pytest

from tfpose.report.order import head_first
from tfpose.skeletons import SKELETONS


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=str)
def test_all_joints_stay_and_ankles_come_last(skeleton):
    found = head_first(skeleton.joints)
    assert sorted(found) == sorted(skeleton.joints)
    if "left_ankle" in skeleton.joints:
        assert found[-2:] == ["left_ankle", "right_ankle"]
    assert found.index("left_shoulder") < found.index("left_elbow")


def test_order_of_rows():
    limbs = ["torso", "left_upper_leg", "head", "right_forearm", "left_forearm", "mean"]
    assert head_first(limbs) == [
        "head", "torso", "left_forearm", "right_forearm", "left_upper_leg", "mean",
    ]  # fmt: skip
    assert head_first(["AP", "AP50", "AP75"]) == ["AP", "AP50", "AP75"]
    assert head_first(["left_eye_inner", "head_top", "headband"])[0] == "head_top"
