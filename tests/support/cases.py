"""The ONE table: a row for everything that keeps the contract of test_contracts.py.

To add a model or layer, add a ``Case``; a codec, a ``CodecCase``. (Importers have
their own table, importer_cases.py.) The first run of a new case writes its golden file
and fails: look at it and commit it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras

from tfpose.codecs import BinaryDisc, Codec, GaussianHeatmap, IntegralHeatmap
from tfpose.layers import blocks, dark, diffusion, heatmaps, offsets, quarter
from tfpose.layers.heatmap_fusion import Fusion
from tfpose.models import (
    CPN,
    DLCM,
    HCRN,
    AssociativeEmbedding,
    CNet,
    ConvolutionalPoseMachine,
    EnhanceNet,
    HRNet,
    HybridPose,
    IntegralPose,
    MoveNet,
    PoseFix,
    PoseRefiner,
    RNet,
    SimpleBaseline,
    StackedHourglass,
    serving_graph,
)
from tfpose.models.enhance_net import PeriodicShuffle
from tfpose.models.hcrn import Refinement
from tfpose.skeletons import LSP14

Shape = tuple[int, ...]
SIZE = (64, 64)  # of every model's crop here
JOINTS = len(LSP14)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A functional model with named inputs and outputs, or a layer made into one.

    Attributes:
        name: also of the golden file.
        build: () -> the model, untrained.
        inputs: name -> (a key of ``contracts.DRAW``, shape without the batch).
        outputs: name -> shape without the batch; all are f32.
        parameters: trainable ones.
        serve: the model -> what is exported of it.
        cancelled: regular expression of paths of weights that a normalization which
            follows cancels: biases, in the networks that have them there.
    """

    name: str
    build: Callable[[], keras.Model]
    inputs: dict[str, tuple[str, Shape]]
    outputs: dict[str, Shape]
    parameters: int
    serve: Callable[[keras.Model], keras.Model] = lambda model: model
    cancelled: str = "nothing"


def refiner(name: str, parameters: int, **options) -> Case:
    """A refiner of LSP poses on 64 x 64 crops."""
    return Case(
        name,
        lambda: PoseFix(JOINTS, SIZE, **options),
        inputs={
            "image": ("pixels", (*SIZE, 3)),
            "keypoints": ("points", (JOINTS, 2)),
            "valid": ("flags", (JOINTS,)),
        },
        outputs={"heatmap": (16, 16, JOINTS), "keypoints": (JOINTS, 2)},
        parameters=parameters,
        serve=lambda model: serving_graph.serving_model(model, LSP14, phases=True),
    )


def pose_refiner(name: str, parameters: int, **options) -> Case:
    """PoseRefiner's small network, whose answer is a cell and an offset."""
    base = refiner(name, parameters)
    return dataclasses.replace(
        base,
        build=lambda: PoseRefiner(JOINTS, SIZE, trunk="tiny", **options),
        inputs={**base.inputs, "image": ("gray", (*SIZE, 3))},
        outputs={**base.outputs, "offsets": (16, 16, 2 * JOINTS)},
    )


def estimator(
    name: str, parameters: int, build, maps: dict, cancelled="nothing", photo="gray"
) -> Case:
    """An estimator of LSP poses from 64 x 64 crops.

    ``maps``: name of an output -> (cells along a side, channels).
    """
    shapes = {output: (cells, cells, n) for output, (cells, n) in maps.items()}
    return Case(
        name,
        build,
        inputs={"image": (photo, (*SIZE, 3))},
        outputs={**shapes, "keypoints": (JOINTS, 2)},
        parameters=parameters,
        serve=lambda model: serving_graph.serving_model(model, LSP14, phases=True),
        cancelled=cancelled,
    )


def hcrn(name: str, parameters: int, refinement: str, front_end="tiny") -> Case:
    """HCRN with a small front-end."""
    maps = {"heatmap": (16, JOINTS + 1)}
    if refinement != "holistic":
        maps["initial"] = (16, JOINTS)
    return estimator(
        name,
        parameters,
        lambda: HCRN(LSP14.parents, SIZE, front_end=front_end, refinement=refinement),
        maps,
    )


def layer(name: str, create, inputs: dict, output: Shape, parameters=0) -> Case:
    """A layer called with its inputs in the order of the row."""

    def build():
        tensors = {key: keras.Input(shape, name=key) for key, (_, shape) in named}
        output = create()(*tensors.values())
        return keras.Model(tensors, {"output": output}, name=name)

    named = inputs.items()
    return Case(name, build, inputs, {"output": output}, parameters)


# Biases of hourglasses' convolutions that a normalization follows.
BEFORE_NORMALIZATION = (
    r"(stem|stem\d|point\d|head|reduce|spatial|first|second)_conv/bias"
)
CPN_LEVELS = ("global2", "global3", "global4", "global5")
SMALL_RNET = {"filters": 8, "stacks": 2, "depth": 1, "blocks": 1}
SMALL_CNET = {"filters": 8, "depths": (1,)}

MAPS = (6, 5, 3)  # cells and joints of the layers' maps

CASES = (
    refiner(
        "posefix",
        1_989_032,
        trunk="tiny",
        sigma=3.0,
        filters=(8, 8, 8),
        pose_prior=True,
    ),
    refiner(
        "posefix_coarse",
        1_988_990,
        trunk="tiny",
        sigma=0,
        filters=(8, 8, 8),
        output="gaussian",
    ),
    refiner(
        "posefix_resnet50", 23_816_302, trunk="resnet50", sigma=3.0, filters=(8, 8, 8)
    ),
    pose_refiner("pose_refiner", 2_327_370),
    pose_refiner("pose_refiner_prior", 2_327_412, pose_prior=True),
    hcrn("hcrn", 2_293_009, "hcrn"),
    hcrn("hcrn_without_diffusion", 2_292_953, "without_diffusion"),
    hcrn("hcrn_holistic", 2_292_911, "holistic"),
    hcrn("hcrn_tiny_local", 257_361, "hcrn", "tiny_local"),
    estimator(
        "simple_baseline",
        1_977_790,
        lambda: SimpleBaseline(JOINTS, SIZE, "tiny", (8, 8, 8)),
        {"heatmap": (16, JOINTS)},
    ),
    estimator(
        "integral_pose",
        1_977_790,
        lambda: IntegralPose(JOINTS, SIZE, "tiny", (8, 8, 8)),
        {"heatmap": (16, JOINTS)},
    ),
    refiner(
        "posefix_efficientnet_lite0",
        3_007_560,
        trunk="efficientnet_lite0",
        sigma=3.0,
        filters=(8, 8, 8),
        pose_prior=True,
    ),
    estimator(
        "movenet",
        187_431,
        lambda: MoveNet(JOINTS, SIZE, width=0.1),
        {
            "heatmap": (16, JOINTS),
            "center": (16, 1),
            "regression": (16, 2 * JOINTS),
            "offsets": (16, 2 * JOINTS),
        },
        photo="pixels",  # no normalization would enlarge little contrast
    ),
    estimator(
        "hrnet",
        47_006,
        lambda: HRNet(JOINTS, SIZE, width=4, modules=(1, 1, 1), blocks=1, stem=8),
        {"heatmap": (16, JOINTS)},
    ),
    estimator(
        "cpn",
        1_960_308,
        lambda: CPN(JOINTS, SIZE, "tiny", filters=8),
        {name: (16, JOINTS) for name in ("heatmap", *CPN_LEVELS)},
    ),
    estimator(
        "cpm",
        65_386,
        lambda: ConvolutionalPoseMachine(JOINTS, SIZE, stages=2, filters=8),
        {"heatmap": (8, JOINTS + 1), "stage1": (8, JOINTS + 1)},
    ),
    estimator(
        "hourglass",
        6_100,
        lambda: StackedHourglass(JOINTS, SIZE, 2, depth=2, stem=(4, 8, 8, 8)),
        {"heatmap": (16, JOINTS), "stage1": (16, JOINTS)},
        cancelled=BEFORE_NORMALIZATION,
    ),
    estimator(
        "dlcm",
        59_784,
        # Up to the bones and back to the joints: both kinds of stages.
        lambda: DLCM.for_skeleton(LSP14, 2, input_size=SIZE, filters=32, depth=1),
        {
            "heatmap": (16, JOINTS),
            "stage1": (16, JOINTS),
            "stage2": (16, 9 + JOINTS),
        },
        cancelled=BEFORE_NORMALIZATION,
    ),
    estimator(
        "associative_embedding",
        22_900,
        lambda: AssociativeEmbedding(
            JOINTS, SIZE, stacks=2, filters=8, growth=4, depth=2, maps=30
        ),
        {name: (16, JOINTS) for name in ("heatmap", "tags", "stage1", "stage1_tags")},
    ),
    estimator(
        "rnet",
        8_386,
        lambda: RNet(JOINTS, SIZE, **SMALL_RNET),
        {"heatmap": (16, JOINTS), "stage1": (16, JOINTS)},
        cancelled=BEFORE_NORMALIZATION,
    ),
    estimator(
        "cnet",
        4_676,
        lambda: CNet(JOINTS, SIZE, filters=8, depths=(1, 2)),
        {"heatmap": (16, JOINTS), "stage1": (16, JOINTS)},
        cancelled=BEFORE_NORMALIZATION,
    ),
    estimator(
        "hybrid_pose",
        4_186,
        # One hourglass each: the row "fusion" fuses two and two. The rows "rnet" and
        # "cnet" have branched modules, whose layers are those of Newell's.
        lambda: HybridPose(
            JOINTS,
            SIZE,
            {**SMALL_RNET, "stacks": 1, "residual": "newell"},
            {**SMALL_CNET, "residual": "newell"},
            (1,),
            (1,),
        ),
        {name: (16, JOINTS) for name in ("heatmap", "rnet_heatmap", "cnet_heatmap")},
        cancelled=BEFORE_NORMALIZATION,
        photo="pixels",  # peaks that stand out
    ),
    estimator(
        "enhance_net",
        1_994_910,
        lambda: EnhanceNet(SimpleBaseline(JOINTS, SIZE, "tiny", (8, 8, 8)), channels=8),
        {"heatmap": (64, JOINTS), "base_heatmap": (16, JOINTS)},
    ),
    estimator(
        "enhance_net_associative_embedding",
        16_536,
        lambda: EnhanceNet(
            AssociativeEmbedding(
                JOINTS, SIZE, stacks=1, filters=8, growth=4, depth=2, maps=28
            ),
            upscale=2,
            channels=8,
        ),
        {"heatmap": (32, JOINTS), "base_heatmap": (16, JOINTS), "tags": (16, JOINTS)},
    ),
    layer(
        "render_pose",
        lambda: heatmaps.RenderPose((6, 5), sigma=1.5),
        {"keypoints": ("points", (3, 2)), "valid": ("flags", (3,))},
        MAPS,
    ),
    layer(
        "render_disc",
        lambda: offsets.RenderDisc((6, 5), radius=2.5),
        {"keypoints": ("points", (3, 2)), "valid": ("flags", (3,))},
        MAPS,
    ),
    layer(
        "offset_position",
        lambda: offsets.OffsetPosition(stride=8),
        {"scores": ("belief", MAPS), "offsets": ("features", (6, 5, 6))},
        (3, 2),
    ),
    layer(
        "offset_votes",
        lambda: offsets.OffsetVotes((24, 20), stride=4),
        {"scores": ("belief", MAPS), "offsets": ("features", (6, 5, 6))},
        MAPS,
    ),
    layer(
        "pose_prior",
        lambda: heatmaps.PosePrior(stride=4),
        {
            "logits": ("features", MAPS),
            "keypoints": ("points", (3, 2)),
            "valid": ("ones", (3,)),
        },
        MAPS,
        parameters=9,
    ),
    layer(
        "spatial_softmax",
        heatmaps.SpatialSoftmax,
        {"logits": ("features", MAPS)},
        MAPS,
    ),
    layer(
        "soft_argmax",
        lambda: heatmaps.SoftArgmax(stride=4),
        {"belief": ("belief", MAPS)},
        (3, 2),
    ),
    layer(
        "local_soft_argmax",
        lambda: heatmaps.LocalSoftArgmax(stride=4, reach=1),
        {"belief": ("belief", MAPS)},
        (3, 2),
    ),
    layer("spread", heatmaps.Spread, {"belief": ("belief", MAPS)}, (3,)),
    layer(
        "belief_score",
        lambda: heatmaps.BeliefScore((0.03, 0.06, 0.1), area=900.0),
        {"belief": ("belief", MAPS)},
        (3,),
    ),
    layer(
        "probability",
        lambda: heatmaps.Probability(0.5, 2.0),
        {"scores": ("belief", (4, 5, 3))},
        (4, 5, 3),
    ),
    layer("peak_value", heatmaps.PeakValue, {"belief": ("belief", MAPS)}, (3,)),
    layer("dark_position", dark.DarkPosition, {"heatmap": ("belief", MAPS)}, (3, 2)),
    layer(
        "quarter_position",
        quarter.QuarterPosition,
        {"heatmap": ("belief", MAPS)},
        (3, 2),
    ),
    layer(
        "periodic_shuffle",
        lambda: PeriodicShuffle(3),
        {"features": ("features", (6, 5, 18))},
        (18, 15, 2),
    ),
    layer(
        "fusion",
        lambda: lambda *maps: Fusion()(maps[:2], maps[2:]),
        {name: ("belief", MAPS) for name in ("r1", "r2", "c1", "c2")},
        MAPS,
    ),
    layer(
        "peak_position", heatmaps.PeakPosition, {"heatmap": ("belief", MAPS)}, (3, 2)
    ),
    layer(
        "phase_convolution",
        lambda: blocks.PhaseConvolution(4, "relu"),
        {"features": ("features", (6, 5, 3))},
        (12, 10, 4),
        parameters=2 * 2 * 3 * 4 * 4 + 4,
    ),
    layer(
        "channels",
        lambda: blocks.Channels((2, 0, 0, 1)),
        {"features": ("features", MAPS)},
        (6, 5, 4),
    ),
    layer(
        "diffusion",
        lambda: diffusion.Diffusion(radius=2),
        {"maps": ("features", MAPS)},
        MAPS,
        parameters=4 * 3,
    ),
    layer(
        "refinement",
        Refinement,
        {"own": ("features", MAPS), "context": ("features", MAPS)},
        MAPS,
        parameters=3 * 3,
    ),
)


@dataclasses.dataclass(frozen=True)
class CodecCase:
    """A codec, and how far apart a joint and its decoded map may be, in crop px."""

    codec: Codec
    tolerance: float


CODEC_CASES = (
    CodecCase(IntegralHeatmap((64, 48)), 1e-4),
    CodecCase(GaussianHeatmap((64, 48)), 1e-3),
    CodecCase(GaussianHeatmap((64, 48), sigma=4.0), 1e-3),
    # Of a disc any cell is as good: it is known up to its radius.
    CodecCase(BinaryDisc((64, 48), radius=6.0), 6.0),
)
