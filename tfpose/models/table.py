"""The models by the names that recipes and command lines use."""

from __future__ import annotations

import pathlib

from tfpose.config import Config
from tfpose.errors import TrainingError
from tfpose.models import folders
from tfpose.models.associative_embedding import AssociativeEmbedding
from tfpose.models.base import PoseModel
from tfpose.models.cpm import ConvolutionalPoseMachine
from tfpose.models.cpn import CPN
from tfpose.models.dlcm import DLCM
from tfpose.models.enhance_net import EnhanceNet
from tfpose.models.hcrn import HCRN
from tfpose.models.hourglass import StackedHourglass
from tfpose.models.hrnet import HRNet
from tfpose.models.hybrid_pose import CNet, HybridPose, RNet
from tfpose.models.integral_pose import IntegralPose
from tfpose.models.movenet import MoveNet
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
    # The estimators that they build on.
    "simple_baseline": SimpleBaseline,
    "hrnet": HRNet,
    "hourglass": StackedHourglass,
    "cpn": CPN,
    "cpm": ConvolutionalPoseMachine,
    "dlcm": DLCM,
    "integral_pose": IntegralPose,
    "movenet": MoveNet,
    "associative_embedding": AssociativeEmbedding,
}


def build_model(config: Config) -> PoseModel:
    """Builds the untrained network of a configuration.

    Raises:
        TrainingError: no such model, or its class refuses the configuration.
    """
    if config.model not in MODELS:
        raise TrainingError(f"model {config.model!r}: expected one of {list(MODELS)}")
    return folders.new_model(MODELS[config.model], config)


def load_model(name: str | pathlib.Path) -> tuple[PoseModel, Config]:
    """Loads the trained network of a preset or model folder.

    Raises:
        ConfigError: no readable ``config.json``.
        ModelFolderError: no such folder, no weights, or those of another network.
    """
    folder = folders.model_folder(name)
    config = folders.load_config(folder)
    model = build_model(config)
    folders.load_weights(model, folder)
    return model, config
