"""The models, by the name that recipes and command lines use."""

from tfpose.models.hcrn import HCRN
from tfpose.models.posefix import PoseFix

MODELS = {"posefix": PoseFix, "hcrn": HCRN}
