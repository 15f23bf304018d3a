"""How the published figures of a data set are made: ``--protocol official``.

A protocol is a row of ``PROTOCOLS``. ``predict`` follows what it says about people,
scales, decoding, scores and near copies, ``refine`` what it says about near copies, and
``evaluate`` its metrics. What weights take for granted, such as cells and the shift of
mirrored maps, travels with the weights instead (``models.conventions``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfpose.errors import TfposeError
from tfpose.skeletons import Skeleton
from tfpose.skeletons.known import COCO17, LSP14, MPII16, POSETRACK15

# What ``--protocol`` takes.
NAMES = ("official",)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How the published figures of one data set are made.

    Attributes:
        name: of the data set.
        source: whose code or tools do so.
        joints: the lists of joints, in standard names, that it is for.
        metrics: metric -> its options (``evaluate.evaluate_poses``); the first one is
            the usual one.
        by_photo: a person is looked for in the middle of the photo, as tall as the
            photo, and not in a box.
        cut_boxes: annotated boxes are cut at the photo's border.
        decoding: how heatmaps are read, one of ``models.conventions.DECODINGS``;
            weights that state one of their own keep it.
        scales: of each crop.
        joint_score: a pose's score is that of its box times the mean of the joint
            scores above this.
        near_copies: drops poses whose OKS with a better one in the photo is above
            this; None keeps all.

    Example:
        >>> protocol = PROTOCOLS["coco"]
        >>> protocol.pose_score([0.9, 0.5, 0.2, 0.1])
        0.7
    """

    name: str
    source: str
    joints: tuple[tuple[str, ...], ...]
    metrics: Mapping[str, Mapping]
    by_photo: bool = False
    cut_boxes: bool = False
    decoding: str = "quarter"
    scales: tuple[float, ...] = (1.0,)
    joint_score: float = 0.2
    near_copies: float | None = None

    def pose_score(self, scores) -> float:
        """The mean of the joint scores f[K] above ``joint_score``; 0 without any."""
        scores = np.asarray(scores, np.float64)
        counted = scores[scores > self.joint_score]
        return float(counted.mean()) if len(counted) else 0.0


# PoseTrack's own files list the ears, which nobody labeled.
_WITH_EARS = (*POSETRACK15.joints[:3], "left_ear", "right_ear", *POSETRACK15.joints[3:])
# SimpleBaseline's and HRNet's code are the same but for a few names.
_BASELINES = "the code of SimpleBaseline and HRNet"
PROTOCOLS = {
    "coco": Protocol(
        "COCO",
        f"{_BASELINES}; pycocotools",
        (COCO17.joints,),
        {"oks": {}},
        cut_boxes=True,
        near_copies=0.9,
    ),
    "mpii": Protocol(
        "MPII",
        f"{_BASELINES}, whose mean is that of MPII's tools",
        (MPII16.joints,),
        {"pckh": {"averaging": "labeled"}, "auc": {"averaging": "labeled"}, "mpii": {}},
    ),
    "lsp": Protocol(
        "LSP",
        "the code of Convolutional Pose Machines; the common script, person-centric",
        (LSP14.joints,),
        {"pck": {}, "pcp": {}, "auc": {}},
        by_photo=True,
        decoding="peak",
    ),
    "posetrack": Protocol(
        "PoseTrack",
        f"{_BASELINES}, near copies as PoseFix's; poseval",
        (POSETRACK15.joints, _WITH_EARS),
        {"posetrack": {}, "mota": {}},
        cut_boxes=True,
        near_copies=0.9,
    ),
}


def protocol_of(skeleton: Skeleton) -> Protocol:
    """The protocol of the data set that has these joints in this order.

    Raises:
        TfposeError: no published data set of the table has them.

    Example:
        >>> from tfpose.skeletons import LSP14
        >>> protocol_of(LSP14).name
        'LSP'
    """
    for protocol in PROTOCOLS.values():
        if tuple(skeleton.standard_joints) in protocol.joints:
            return protocol
    known = ", ".join(protocol.name for protocol in PROTOCOLS.values())
    raise TfposeError(
        f"--protocol official: expected the joints of {known}, found {skeleton.name}"
    )


def check_alone(**given) -> None:
    """Raises TfposeError for an option that a protocol decides.

    Args:
        given: name of an option -> its value; None and False were not given.
    """
    for name, value in given.items():
        if value is not None and value is not False:
            raise TfposeError(
                f"--protocol official decides --{name.replace('_', '-')}: give only "
                "one of them"
            )


def looking(
    skeleton: Skeleton, boxes=None, detector=None, refine=None, single=False
) -> Protocol:
    """The protocol by which ``predict`` looks for people of a skeleton.

    Args:
        skeleton: of the model.
        boxes, detector, refine, single: what ``predict`` is given.

    Raises:
        TfposeError: no protocol, or one that does not need what is given.
    """
    protocol = protocol_of(skeleton)
    check_alone(refine=refine)
    if protocol.by_photo:
        check_alone(boxes=boxes, detector=detector)
    else:
        check_alone(single=single)
    return protocol


def scoring(skeleton: Skeleton, metric: str | None) -> tuple[str, dict, str]:
    """What ``evaluate`` does for people of a skeleton.

    Args:
        skeleton: of the annotations.
        metric: the one asked for; None: the protocol's usual one.

    Returns:
        The metric, its options, and the protocol in words.

    Raises:
        TfposeError: no protocol, or one that does not have this metric.
    """
    protocol = protocol_of(skeleton)
    metric = metric or next(iter(protocol.metrics))
    if metric not in protocol.metrics:
        raise TfposeError(
            f"--protocol official of {protocol.name}: expected --metric "
            f"{' or '.join(protocol.metrics)}, found {metric}"
        )
    words = f"official protocol of {protocol.name} ({protocol.source})"
    return metric, dict(protocol.metrics[metric]), words
