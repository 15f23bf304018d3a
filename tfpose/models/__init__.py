"""The models, by the name that recipes and command lines use."""

from tfpose.models.hcrn import HCRN
from tfpose.models.integral_pose import IntegralPose
from tfpose.models.posefix import PoseFix
from tfpose.models.simple_baseline import SimpleBaseline

MODELS = {
    "posefix": PoseFix,
    "hcrn": HCRN,
    "simple_baseline": SimpleBaseline,
    "integral_pose": IntegralPose,
}
