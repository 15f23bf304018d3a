"""Hierarchical Contextual Refinement Networks for Human Pose Estimation.

Nie, Feng, Xing, Xiao and Yan, IEEE Transactions on Image Processing 28 (2), 2019. The
network finds joints from easy to difficult, down the skeleton's tree: a parent's
position tells where the child may be.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.blocks import Channels
from tfpose.layers.diffusion import Diffusion
from tfpose.layers.heatmaps import PACKAGE, MapLayer
from tfpose.models import cpm, hourglass, movenet, vgg
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.resnet import TINY_WIDTHS, center, convolution, resnet, small_resnet
from tfpose.models.simple_baseline import deconvolutions, map_head
from tfpose.models.trunks import TRUNKS
from tfpose.skeletons import Skeleton, tree_layers

# How a joint's map uses its parent's (Table I): not at all, as it is, or diffused.
REFINEMENTS = ("holistic", "without_diffusion", "hcrn")
# All maps start at this logit of the share of cells that a joint covers: from 0, the
# net would spend its first epoch learning that joints are rare.
RARITY = -5.0
# Initial weights of a refinement (Eq. 4): own map, parent's map, bias. The paper gives
# none. With these, a found joint stays (8 - 5 = logit 3). The context starts small:
# where beliefs are weak, a large one pulls children to wrong parents. Units alone,
# trained for three epochs on given maps of LSP: PCK@0.2 50.8 from 0.5, 49.9 from 2, and
# 50.5 without units.
OWN, CONTEXT, BIAS = 8.0, 0.5, RARITY


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """A network that turns a photo into features (section III.C).

    Attributes:
        build: (image f32[B, H, W, 3] RGB 0..255, K joints, stages) -> (maps of all
            stages but the last, features of the last at ``stride``).
        stride: px per cell.
        multiple: height and width of the image must be multiples of it.
        stages: the largest number allowed.
    """

    build: Callable
    stride: int
    multiple: int
    stages: int = 1
    background: bool = False


def _tiny(image, joints, stages):
    trunk = small_resnet(center(image), TINY_WIDTHS)
    return [], deconvolutions(trunk, (64, 64, 64))  # f32[B, H/4, W/4, 64]


def _tiny_local(image, joints, stages):
    # A cell sees 49 px around its center, less than a person: what lies farther away
    # reaches a joint only through the tree.
    x = convolution(center(image), 32, 5, "stem", stride=2)
    x = convolution(x, 64, 3, "stem_down", stride=2)
    for number, dilation in enumerate((1, 2, 2)):
        x = convolution(x, 96, 3, f"near{number}", dilation=dilation)
    return [], convolution(x, 128, 1, "wide")  # f32[B, H/4, W/4, 128]


def _efficientnet_lite0(image, joints, stages):
    trunk = TRUNKS["efficientnet_lite0"]
    features = trunk.features(trunk.prepare(image))
    return [], deconvolutions(features, (128, 128, 128))  # f32[B, H/4, W/4, 128]


def _vgg16(image, joints, stages):
    return [], vgg.large_fov(image)  # f32[B, H/8, W/8, 1024], "fc7"


def _resnet(depth):
    def build(image, joints, stages):
        return [], resnet(center(image), depth, stride=8)  # "res5c", 2048 channels

    return build


def _hourglass(image, joints, stages):
    return hourglass.features(image, joints, stages)  # f32[B, H/4, W/4, 256]


def _cpm(image, joints, stages):
    # CPM's own maps have a background. f32[B, H/8, W/8, 128]; 512 for a single stage.
    return cpm.features(image, joints + 1, stages)


def _movenet(image, joints, stages):
    # Sees the whole person. f32[B, H/8, W/8, 64]
    features = movenet.pyramid(*movenet.trunk(image))[-1]
    return [], convolution(features, 64, 3, "front", stride=2)


def _movenet_local(image, joints, stages):
    # A cell sees 59 px, as "tiny_local". f32[B, H/8, W/8, 32]
    fine, _ = movenet.trunk(image)
    return [], convolution(fine[1], 32, 1, "front")


# The paper's four; two small ones for two CPU cores, of which "tiny" sees the whole
# person; two that add little to MoveNet's features, which are known already; and
# EfficientNet-Lite0, for phones. VGG16 and the ResNets are dilated to stride 8.
FRONT_ENDS = {
    "tiny": FrontEnd(_tiny, stride=4, multiple=32),
    "tiny_local": FrontEnd(_tiny_local, stride=4, multiple=4),
    "movenet": FrontEnd(_movenet, stride=8, multiple=32),
    "movenet_local": FrontEnd(_movenet_local, stride=8, multiple=32),
    "efficientnet_lite0": FrontEnd(_efficientnet_lite0, stride=4, multiple=32),
    "vgg16": FrontEnd(_vgg16, stride=8, multiple=8),
    "resnet50": FrontEnd(_resnet(50), stride=8, multiple=8),
    "resnet101": FrontEnd(_resnet(101), stride=8, multiple=8),
    "cpm": FrontEnd(_cpm, stride=8, multiple=8, stages=6, background=True),
    "hourglass": FrontEnd(_hourglass, stride=4, multiple=64, stages=8),
}


@keras.saving.register_keras_serializable(package=PACKAGE)
class HCRN(PoseEstimator):
    """A front-end network and a tree of contextual refinement units (Fig. 2).

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "heatmap" f32[B, h, w, K + 1], logits of the refined maps and of
    the background; "initial" f32[B, h, w, K], logits of the maps before (Eq. 1), not
    for "holistic"; "stageN" for front-ends with several supervised stages; "keypoints"
    f32[B, K, 2] crop px, the heatmaps' peaks.

    Args:
        parents: for each of the K joints, the joint that guides it; -1 for a root.
        input_size: (height, width) of the crop.
        front_end: a key of ``FRONT_ENDS``.
        stages: of the front-ends "cpm" and "hourglass".
        refinement: "hcrn", or Table I's "without_diffusion" and "holistic".
        diffusion_radius: r of Eq. 5, cells.
        root_cru: whether roots have a unit too, with their own initial map as context
            (98 parameters for LSP's 14 joints, as in Table II; 91 without).

    Raises:
        TfposeError: parents that are not a tree, an unknown front-end or refinement, or
            stages or an input size that the front-end does not support.
    """

    def __init__(
        self,
        parents,
        input_size=(368, 368),
        front_end="resnet101",
        stages=1,
        refinement="hcrn",
        diffusion_radius=7,
        root_cru=True,
        name="hcrn",
        trainable=True,
    ):
        parents, input_size = tuple(parents), tuple(input_size)
        network = _checked_front_end(front_end, refinement, stages, input_size)
        joints = len(parents)
        image = image_input(input_size)
        stage_maps, features = network.build(image, joints, stages)
        # Logits, so that all maps share one loss; CPM and the hourglass papers use
        # linear maps and squared errors here.
        outputs = {f"stage{n}": maps for n, maps in enumerate(stage_maps, start=1)}
        targets = {name: {"background": network.background} for name in outputs}
        initial = map_head(features, joints, "initial", RARITY)  # (B, h, w, K)
        background = map_head(features, 1, "background")
        refined = initial
        if refinement != "holistic":
            outputs["initial"] = initial
            diffuse = refinement == "hcrn"
            refined = refine(initial, parents, diffuse, diffusion_radius, root_cru)
        outputs["heatmap"] = layers.Concatenate(name="maps", dtype="float32")(
            [refined, background]
        )
        super().__init__(
            image,
            outputs,
            features,
            arguments={
                "parents": parents,
                "input_size": input_size,
                "front_end": front_end,
                "stages": stages,
                "refinement": refinement,
                "diffusion_radius": diffusion_radius,
                "root_cru": root_cru,
            },
            joints=joints,
            activation="sigmoid",
            targets={**targets, "heatmap": {"background": True}},
            name=name,
            trainable=trainable,
        )

    @classmethod
    def for_skeleton(cls, skeleton: Skeleton, **arguments) -> HCRN:
        """Builds the network for a skeleton's tree."""
        return cls(parents=skeleton.parents, **arguments)


def _checked_front_end(front_end, refinement, stages, input_size) -> FrontEnd:
    """Returns the front-end, or raises the TfposeError of ``HCRN``."""
    if front_end not in FRONT_ENDS:
        known = list(FRONT_ENDS)
        raise TfposeError(f"front_end: expected one of {known}, got {front_end!r}")
    if refinement not in REFINEMENTS:
        raise TfposeError(
            f"refinement: expected one of {REFINEMENTS}, got {refinement!r}"
        )
    network = FRONT_ENDS[front_end]
    if not 1 <= stages <= network.stages:
        raise TfposeError(
            f"stages: expected 1 to {network.stages} of {front_end}, got {stages}"
        )
    if any(side % network.multiple for side in input_size):
        raise TfposeError(
            f"input_size: expected multiples of {network.multiple}, got {input_size}"
        )
    return network


def refine(initial, parents, diffuse: bool, radius: int, root_cru: bool):
    """Applies the tree of contextual refinement units (Eq. 2 to 4) layer by layer.

    Args:
        initial: f32[B, h, w, K], logits of the maps O of Eq. 1.
        parents: of each joint; -1 for a root.
        diffuse: spread the parents' maps (Eq. 2) or take them as they are.
        radius: r of Eq. 5, cells.
        root_cru: whether roots have a unit, with their own initial map as context.

    Returns:
        f32[B, h, w, K], logits of the maps H of Eq. 4.
    """
    order, refined = [], []
    previous, previous_maps = (), None
    for number, joints in enumerate(tree_layers(parents), start=1):
        name = f"layer{number}"
        logits = Channels(joints, name=f"{name}_initial")(initial)
        maps = layers.Activation(
            "sigmoid", name=f"{name}_initial_maps", dtype="float32"
        )(logits)
        if previous or root_cru:
            context = maps
            if previous:
                places = [previous.index(parents[joint]) for joint in joints]
                context = Channels(places, name=f"{name}_parents")(previous_maps)
            if diffuse:
                context = Diffusion(radius, name=f"{name}_diffusion")(context)
            logits = Refinement(name=f"{name}_refinement")(maps, context)
            maps = layers.Activation("sigmoid", name=f"{name}_maps", dtype="float32")(
                logits
            )
        previous, previous_maps = joints, maps
        order.extend(joints)
        refined.append(logits)
    together = layers.Concatenate(name="layers", dtype="float32")(refined)
    in_place = [order.index(joint) for joint in range(len(parents))]
    return Channels(in_place, name="refined_joints")(together)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Refinement(MapLayer):
    """A unit's 1x1 convolution of a joint's own map and its context (Eq. 3, 4).

    Computes all units of a tree layer at once: C joints, three weights each.

    Call: own maps and contexts, f32[B, h, w, C] both -> logits f32[B, h, w, C].
    """

    def build(self, shape, *_):
        joints, constant = (shape[-1],), keras.initializers.Constant
        self.own = self.add_weight(joints, constant(OWN), name="own")
        self.context = self.add_weight(joints, constant(CONTEXT), name="context")
        self.bias = self.add_weight(joints, constant(BIAS), name="bias")

    def call(self, own, context):
        return own * self.own + context * self.context + self.bias
