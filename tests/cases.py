"""The ONE table: a row for everything that keeps the contract of test_contracts.py.

To add a model or layer, add a ``Case``; a codec, a ``CodecCase``; an importer, an
``ImporterCase``. The first run of a new case writes its golden file and fails: look at
it and commit it.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from tests import drawn_data_sets
from tfpose import serving_model
from tfpose.codecs import BinaryDisc, Codec, GaussianHeatmap, IntegralHeatmap
from tfpose.layers import blocks, diffusion, heatmaps
from tfpose.models import HCRN, PoseFix
from tfpose.models.hcrn import Refinement
from tfpose.skeleton import COCO17, LSP14

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
    """

    name: str
    build: Callable[[], keras.Model]
    inputs: dict[str, tuple[str, Shape]]
    outputs: dict[str, Shape]
    parameters: int
    serve: Callable[[keras.Model], keras.Model] = lambda model: model


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
        serve=lambda model: serving_model.serving_model(model, LSP14, phases=True),
    )


def estimator(name: str, parameters: int, refinement: str, stride=4, **options) -> Case:
    """An estimator of LSP poses from 64 x 64 crops."""
    cells = (SIZE[0] // stride, SIZE[1] // stride)
    maps = {"heatmap": (*cells, JOINTS + 1), "keypoints": (JOINTS, 2)}
    if refinement != "holistic":
        maps["initial"] = (*cells, JOINTS)
    return Case(
        name,
        lambda: HCRN(LSP14.parents, SIZE, refinement=refinement, **options),
        inputs={"image": ("grey", (*SIZE, 3))},
        outputs=maps,
        parameters=parameters,
        serve=lambda model: serving_model.serving_model(model, LSP14, phases=True),
    )


def layer(name: str, create, inputs: dict, output: Shape, parameters=0) -> Case:
    """A layer called with its inputs in the order of the row."""

    def build():
        tensors = {key: keras.Input(shape, name=key) for key, (_, shape) in named}
        output = create()(*tensors.values())
        return keras.Model(tensors, {"output": output}, name=name)

    named = inputs.items()
    return Case(name, build, inputs, {"output": output}, parameters)


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
    estimator("hcrn", 2_293_009, "hcrn", front_end="tiny"),
    estimator(
        "hcrn_without_diffusion", 2_292_953, "without_diffusion", front_end="tiny"
    ),
    estimator("hcrn_holistic", 2_292_911, "holistic", front_end="tiny"),
    layer(
        "render_pose",
        lambda: heatmaps.RenderPose((6, 5), sigma=1.5),
        {"keypoints": ("points", (3, 2)), "valid": ("flags", (3,))},
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
    layer("spread", heatmaps.Spread, {"belief": ("belief", MAPS)}, (3,)),
    layer(
        "belief_score",
        lambda: heatmaps.BeliefScore((0.03, 0.06, 0.1), area=900.0),
        {"belief": ("belief", MAPS)},
        (3,),
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


@dataclasses.dataclass(frozen=True)
class ImporterCase:
    """A data set that ``prepare`` reads.

    Attributes:
        name: a key of ``data_prep.__main__.BUILDERS``.
        draw: writes a tiny data set into a folder, with a white square at each
            labelled joint; None where people are rendered.
        skeleton: of the records.
        written: split -> people; None where their number is chance.
        left_out: reason -> people, likewise.
        options: of the builder's class.
    """

    name: str
    draw: Callable[[pathlib.Path], Any] | None
    skeleton: Any
    written: dict[str, int | None]
    left_out: dict[str, int] | None
    options: dict = dataclasses.field(default_factory=dict)


IMPORTER_CASES = (
    ImporterCase("lsp", drawn_data_sets.lsp, LSP14, {"train": 3, "test": 2}, {}),
    ImporterCase(
        "lspet", drawn_data_sets.lspet, LSP14, {"train": 3}, {"no labelled joint": 1}
    ),
    ImporterCase(
        "coco",
        drawn_data_sets.coco,
        COCO17,
        {"train": 3, "validation": 2},
        {"crowd": 1, "no labelled joint": 1},
    ),
    ImporterCase(
        "synthetic",
        None,
        COCO17,
        {"train": None, "validation": None},
        None,
        {"photos": 3, "validation_photos": 2, "workers": 1},
    ),
)
