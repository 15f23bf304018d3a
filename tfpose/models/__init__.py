"""The networks, one paper per file. ``MODELS`` has them by name."""

from tfpose.models.table import CPN as CPN
from tfpose.models.table import DLCM as DLCM
from tfpose.models.table import HCRN as HCRN
from tfpose.models.table import MODELS as MODELS
from tfpose.models.table import AssociativeEmbedding as AssociativeEmbedding
from tfpose.models.table import CNet as CNet
from tfpose.models.table import ConvolutionalPoseMachine as ConvolutionalPoseMachine
from tfpose.models.table import EnhanceNet as EnhanceNet
from tfpose.models.table import HRNet as HRNet
from tfpose.models.table import HybridPose as HybridPose
from tfpose.models.table import IntegralPose as IntegralPose
from tfpose.models.table import MoveNet as MoveNet
from tfpose.models.table import PoseFix as PoseFix
from tfpose.models.table import PoseRefiner as PoseRefiner
from tfpose.models.table import RNet as RNet
from tfpose.models.table import SimpleBaseline as SimpleBaseline
from tfpose.models.table import StackedHourglass as StackedHourglass
