"""Deeply Learned Compositional Models for Human Pose Estimation.

Tang, Yu and Wu, ECCV 2018: joints make bones, bones make limbs. One hourglass per step
infers each level's heatmaps from those of the level before, first upward, then refining
downward. This follows the public part of the authors' Torch code (see docs/papers.md).
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE
from tfpose.models import hourglass as hourglasses
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.hourglass import bottleneck, convolution, hourglass
from tfpose.models.resnet import normalize
from tfpose.skeletons import Skeleton

# RGB means of MPII's photos, in 0..1.
IMAGE_MEAN = (0.46604, 0.44426, 0.40682)
# The 6 parts of level 3 with their 12 bones, which form level 2, in the authors' order
# for MPII. Other data sets get what their joints allow: as the authors, LSP has 5 parts
# of 9 bones and FLIC's arms 2 of 4; COCO, which they lack, has 4 of 8.
PARTS = {
    "right leg": "right_ankle-right_knee right_knee-right_hip",
    "left leg": "left_hip-left_knee left_knee-left_ankle",
    "waist": "right_hip-pelvis left_hip-pelvis",
    "head and neck": "thorax-neck neck-head_top",
    "right arm": "right_wrist-right_elbow right_elbow-right_shoulder",
    "left arm": "left_shoulder-left_elbow left_elbow-left_wrist",
}


@keras.saving.register_keras_serializable(package=PACKAGE)
class DLCM(PoseEstimator):
    """Stages for levels 1, 2 ... L and back, L - 1 ... 1 (five for L = 3).

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "stage1", "stage2" ... and "heatmap" for the last stage, all linear
    f32[B, H/4, W/4, C], where C is K at level 1 and the number of parts at others (+ K
    with ``part_ends``); "keypoints" f32[B, K, 2] crop px, the peaks of "heatmap".

    Args:
        joints: K.
        parts: for each level from 2, its parts; for each part, its bones as pairs of
            joint indices. If empty: one level, which is an hourglass.
        input_size: (height, width) of the crop, multiples of 4 * 2^depth.
        filters: of all hourglasses; the stem starts with a quarter.
        depth: of the hourglasses.
        part_ends: whether the maps of all joints follow those of parts, as in the
            authors' training scripts.

    Raises:
        TfposeError: a size that the hourglasses cannot halve evenly, bones of unknown
            joints, an empty level or part, or too few filters for the maps.
    """

    def __init__(
        self,
        joints,
        parts=(),
        input_size=(256, 256),
        filters=256,
        depth=4,
        part_ends=True,
        name="dlcm",
        trainable=True,
    ):
        parts = tuple(
            tuple(tuple(tuple(bone) for bone in part) for part in level)
            for level in parts
        )
        input_size = tuple(input_size)
        _check(joints, parts, filters)
        ends = joints if part_ends else 0
        upwards = [joints, *(len(level) + ends for level in parts)]
        image = image_input(input_size)
        hourglasses.check_size(image, depth)
        maps, found = stages(stem(image, filters), upwards, depth)
        outputs = hourglasses.stage_outputs(maps)
        levels = [*parts, *parts[-2::-1]]  # of stages 2, 3 ... except the last
        targets = {
            f"stage{stage}": {
                "codec": "parts",
                "parts": level,
                "joints_follow": part_ends,
            }
            for stage, level in enumerate(levels, start=2)
        }
        super().__init__(
            image,
            outputs,
            found,
            arguments={
                "joints": joints,
                "parts": parts,
                "input_size": input_size,
                "filters": filters,
                "depth": depth,
                "part_ends": part_ends,
            },
            targets=targets,
            name=name,
            trainable=trainable,
        )

    @classmethod
    def for_skeleton(cls, skeleton: Skeleton, levels=3, **arguments) -> DLCM:
        """Builds the network for a skeleton's joints and parts.

        Args:
            skeleton: with joints that ``PARTS`` names.
            levels: 1, 2 (bones) or 3 (limbs).

        Raises:
            TfposeError: as ``parts_of`` and the class.
        """
        parts = parts_of(skeleton, levels)
        return cls(joints=len(skeleton), parts=parts, **arguments)


def parts_of(skeleton: Skeleton, levels: int = 3) -> tuple:
    """The argument ``parts`` of ``DLCM``: those of ``PARTS`` that a skeleton has.

    Raises:
        TfposeError: ``levels`` not 1 to 3, or joints that make no part.
    """
    if levels not in (1, 2, 3):
        raise TfposeError(f"levels: expected 1, 2 or 3, got {levels}")
    known = set(skeleton.joints)
    limbs = []
    for bones in PARTS.values():
        pairs = [tuple(bone.split("-")) for bone in bones.split()]
        pairs = [pair for pair in pairs if set(pair) <= known]
        if pairs:
            limbs.append(tuple(tuple(map(skeleton.index, pair)) for pair in pairs))
    if not limbs and levels > 1:
        named = ", ".join(PARTS.values())
        raise TfposeError(
            f"skeleton {skeleton.name!r}: expected the joints of one of the bones "
            f"{named}, got {skeleton.joints}"
        )
    bones = tuple((bone,) for limb in limbs for bone in limb)
    return (bones, tuple(limbs))[: levels - 1]


def _check(joints: int, parts: tuple, filters: int) -> None:
    for number, level in enumerate(parts, start=2):
        if not level or not all(level):
            raise TfposeError(f"parts: expected bones at level {number}, got {level}")
        ends = [end for part in level for bone in part for end in bone]
        pairs = all(len(bone) == 2 for part in level for bone in part)
        if not pairs or not all(end in range(joints) for end in ends):
            raise TfposeError(
                f"parts: expected pairs of joints 0 to {joints - 1} at level {number}, "
                f"got {level}"
            )
    if filters < 4 or filters % 4:
        raise TfposeError(f"filters: expected a multiple of 4, got {filters}")


def stem(image, filters: int):
    """f32[B, H, W, 3] RGB 0..255 to features f32[B, H/4, W/4, filters].

    The first convolution sees each pixel: it is 3x3 with stride 1, where Newell's is
    7x7 with stride 2.
    """
    offset = [-mean for mean in IMAGE_MEAN]
    x = layers.Rescaling(1 / 255, offset=offset, name="scale_image", dtype="float32")(
        image
    )
    quarter, half = filters // 4, filters // 2
    x = normalize(convolution(x, quarter, 3, "stem0"), "stem0")
    x = layers.MaxPooling2D(2, name="stem_pool0")(x)
    for name in ("stem1", "stem2"):
        x = normalize(convolution(x, quarter, 3, name), name)
    x = residual(x, half, "stem_block0", normalized=True)
    x = layers.MaxPooling2D(2, name="stem_pool1")(x)
    x = residual(x, half, "stem_block1")
    return residual(x, filters, "stem_block2")


def residual(x, filters: int, name: str, normalized: bool = False):
    """A residual module that normalizes its shortcut too where the width changes.

    Args:
        x: f32[B, h, w, C].
        filters: of the result; the first two of its convolutions have half.
        name: of the layers.
        normalized: whether x is normalized already.
    """
    if x.shape[-1] == filters:
        return hourglasses.residual(x, filters, name)
    own = f"{name}_shortcut"
    shortcut = convolution(normalize(x, own), filters, 1, own)
    x = x if normalized else normalize(x, f"{name}_in")
    return layers.Add(name=f"{name}_add")([shortcut, bottleneck(x, filters, name)])


def stages(x, upwards: list[int], depth: int):
    """Bottom-up and top-down inference: L stages up and L - 1 down.

    Args:
        x: f32[B, h, w, F].
        upwards: number of maps at levels 1 to L.
        depth: of the hourglasses.

    Returns:
        Maps of all 2 L - 1 stages, a list of linear f32[B, h, w, C]; the last stage's
        features, f32[B, h, w, F], from which its maps are made.

    Raises:
        TfposeError: too few filters for the maps of a level that is refined.
    """
    filters, most = x.shape[-1], max(upwards[:-1], default=0)
    if filters - most < 2:
        raise TfposeError(
            f"filters: expected at least two more than the {most} maps of a level, "
            f"got {filters}"
        )
    maps = []
    levels = [*range(len(upwards)), *range(len(upwards) - 2, -1, -1)]
    for stage, level in enumerate(levels, start=1):
        name = f"stack{stage}"
        if stage > len(upwards):  # top-down: join this level's earlier maps
            x = residual(x, filters - upwards[level], f"{name}_narrow")
            x = layers.Concatenate(name=f"{name}_join")([maps[level], x])
        # No residual module after the hourglass.
        found = hourglass(x, depth, 1, filters, name)
        found = hourglasses.head(found, 0, filters, name)
        maps.append(hourglasses.scores(found, upwards[level], stage))
        if stage < len(levels):
            x = hourglasses.link(x, found, maps[-1], name)
    return maps, found
