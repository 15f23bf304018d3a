"""The recipes, by model and recipe name."""

from __future__ import annotations

import functools
from collections.abc import Callable

from tfpose.config import Config
from tfpose.errors import ConfigError
from tfpose.recipes import (
    associative_embedding,
    cpm,
    cpn,
    dlcm,
    enhance_net,
    hcrn,
    hourglass,
    hrnet,
    hybrid_pose,
    integral_pose,
    movenet,
    pose_refiner,
    posefix,
    simple_baseline,
)

RECIPES: dict[str, dict[str, Callable[[], Config]]] = {
    "posefix": {
        "tiny": posefix.tiny,
        "paper": posefix.paper,
        "code": posefix.code,
        "lite": posefix.lite,
    },
    "pose_refiner": {
        "tiny": pose_refiner.tiny,
        "paper": pose_refiner.paper,
        "code": pose_refiner.code,
        "paper_posetrack": pose_refiner.paper_posetrack,
    },
    "hcrn": {
        "tiny": hcrn.tiny,
        "paper": hcrn.paper,
        "paper_flic": hcrn.paper_flic,
        "paper_mpii": hcrn.paper_mpii,
    },
    "rnet": {"tiny": hybrid_pose.rnet_tiny, "paper": hybrid_pose.rnet_paper},
    "cnet": {"tiny": hybrid_pose.cnet_tiny, "paper": hybrid_pose.cnet_paper},
    "hybrid_pose": {"tiny": hybrid_pose.tiny, "paper": hybrid_pose.paper},
    "enhance_net": {
        "tiny": enhance_net.tiny,
        **{
            f"tiny_{name}": functools.partial(enhance_net.tiny, base)
            for name, base in enhance_net.TINY_BASES.items()
        },
        "paper": enhance_net.paper,
        "paper_hrnet": enhance_net.paper_hrnet,
        "paper_cpn": enhance_net.paper_cpn,
        "paper_hourglass": enhance_net.paper_hourglass,
        "paper_dlcm": enhance_net.paper_dlcm,
        "paper_associative_embedding": enhance_net.paper_associative_embedding,
    },
    "simple_baseline": {
        "tiny": simple_baseline.tiny,
        "paper": simple_baseline.paper,
        "code": simple_baseline.code,
        "paper_mpii": simple_baseline.paper_mpii,
    },
    "hrnet": {
        "tiny": hrnet.tiny,
        "paper": hrnet.paper,
        "code": hrnet.code,
        "paper_mpii": hrnet.paper_mpii,
    },
    "hourglass": {
        "tiny": hourglass.tiny,
        "paper": hourglass.paper,
        "code": hourglass.code,
        "pytorch_pose": hourglass.pytorch_pose,
    },
    "cpn": {"tiny": cpn.tiny, "paper": cpn.paper},
    "cpm": {"tiny": cpm.tiny, "paper": cpm.paper},
    "dlcm": {"tiny": dlcm.tiny, "paper": dlcm.paper, "code": dlcm.code},
    "integral_pose": {"tiny": integral_pose.tiny, "paper": integral_pose.paper},
    "movenet": {
        "thunder": movenet.thunder,
        "lightning": movenet.lightning,
        "tiny": movenet.tiny,
    },
    "associative_embedding": {
        "tiny": associative_embedding.tiny,
        "paper": associative_embedding.paper,
    },
}


def find_recipe(model: str, recipe: str) -> Config:
    """Finds a recipe by model and recipe name.

    Raises:
        ConfigError: an unknown model or recipe; it lists the known ones.

    Example:
        >>> find_recipe("posefix", "paper").learning_rate
        0.0005
    """
    if model not in RECIPES:
        raise ConfigError(f"model {model!r}: expected one of {', '.join(RECIPES)}")
    if recipe not in RECIPES[model]:
        known = ", ".join(RECIPES[model])
        raise ConfigError(f"recipe {recipe!r} of {model}: expected one of {known}")
    return RECIPES[model][recipe]()
