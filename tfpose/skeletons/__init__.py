"""Skeletons: the names of a pose's K joints and how they connect.

All other code addresses joints by name, or uses the index arrays that a ``Skeleton``
derives from its names.
"""

from tfpose.skeletons.checks import MOST_JOINTS as MOST_JOINTS
from tfpose.skeletons.checks import tree_layers as tree_layers
from tfpose.skeletons.joint_names import SIGMAS as SIGMAS
from tfpose.skeletons.joint_names import UNKNOWN_SIGMA as UNKNOWN_SIGMA
from tfpose.skeletons.joint_names import bare_name as bare_name
from tfpose.skeletons.known import AIC14 as AIC14
from tfpose.skeletons.known import COCO17 as COCO17
from tfpose.skeletons.known import COCO17_LSP14 as COCO17_LSP14
from tfpose.skeletons.known import COCO17_NECK as COCO17_NECK
from tfpose.skeletons.known import CROWDPOSE14 as CROWDPOSE14
from tfpose.skeletons.known import FLIC10 as FLIC10
from tfpose.skeletons.known import JHMDB15 as JHMDB15
from tfpose.skeletons.known import LSP14 as LSP14
from tfpose.skeletons.known import MPII16 as MPII16
from tfpose.skeletons.known import POSETRACK15 as POSETRACK15
from tfpose.skeletons.known import SKELETONS as SKELETONS
from tfpose.skeletons.known import get as get
from tfpose.skeletons.known import named_like as named_like
from tfpose.skeletons.skeleton import Skeleton as Skeleton
