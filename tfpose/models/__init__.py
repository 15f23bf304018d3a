"""The models, by the name that recipes and command lines use."""

from tfpose.models.associative_embedding import AssociativeEmbedding
from tfpose.models.cpm import ConvolutionalPoseMachine
from tfpose.models.cpn import CPN
from tfpose.models.dlcm import DLCM
from tfpose.models.enhance_net import EnhanceNet
from tfpose.models.hcrn import HCRN
from tfpose.models.hourglass import StackedHourglass
from tfpose.models.hrnet import HRNet
from tfpose.models.hybrid_pose import CNet, HybridPose, RNet
from tfpose.models.integral_pose import IntegralPose
from tfpose.models.pose_refiner import PoseRefiner
from tfpose.models.posefix import PoseFix
from tfpose.models.simple_baseline import SimpleBaseline

MODELS = {
    # The papers that this package is about.
    "posefix": PoseFix,
    "pose_refiner": PoseRefiner,
    "hcrn": HCRN,
    "rnet": RNet,
    "cnet": CNet,
    "hybrid_pose": HybridPose,
    "enhance_net": EnhanceNet,
    # The estimators that they stand on.
    "simple_baseline": SimpleBaseline,
    "hrnet": HRNet,
    "hourglass": StackedHourglass,
    "cpn": CPN,
    "cpm": ConvolutionalPoseMachine,
    "dlcm": DLCM,
    "integral_pose": IntegralPose,
    "associative_embedding": AssociativeEmbedding,
}
