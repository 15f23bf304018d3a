"""Which codes publish weights of which of our networks, and what files do not say."""

from __future__ import annotations

from typing import NamedTuple

from tfpose.models.published.associative_embedding import ASSOCIATIVE_EMBEDDING
from tfpose.models.published.hourglass import NEWELL, PYTORCH_POSE
from tfpose.models.published.hrnet import HRNET
from tfpose.models.published.names import Code
from tfpose.models.published.resnet import SIMPLE_BASELINE


class Published(NamedTuple):
    """What is known about the published weights of one of our networks.

    Attributes:
        codes: whose names they may have.
        sizes: number of joints -> (height, width) of crops; None: of other numbers.
        sigma: of the Gaussians it learned, px of a crop of the usual size.
        settings: further settings of ``Config``.
    """

    codes: tuple[Code, ...]
    sizes: dict[int | None, tuple[int, int]]
    sigma: float = 8.0
    settings: dict = {}


TOP_DOWN = {16: (256, 256), None: (256, 192)}
PUBLISHED = {
    "simple_baseline": Published((SIMPLE_BASELINE,), TOP_DOWN),
    "hrnet": Published((HRNET,), TOP_DOWN),
    "hourglass": Published((PYTORCH_POSE, NEWELL), {None: (256, 256)}, sigma=4.0),
    "associative_embedding": Published(
        (ASSOCIATIVE_EMBEDDING,),
        {None: (512, 512)},
        settings={
            "crop": {"whole_window": True},
            "objective": {"tag_loss": 1e-3},
        },
    ),
}
# Joints in the order of these sets, in all codes.
SKELETONS = {17: "coco17", 16: "mpii16"}
# MMPose wraps the same names; its SimpleBaseline sees RGB.
MMPOSE = ("backbone.", "keypoint_head.", "head.")
MMPOSE_CONVENTIONS = {"channels": "rgb"}
