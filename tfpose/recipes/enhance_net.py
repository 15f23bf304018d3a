"""How EnhanceNet is trained: together with its base, with the base's recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tfpose.config import Config
from tfpose.recipes import (
    associative_embedding,
    cpm,
    cpn,
    dlcm,
    hourglass,
    hrnet,
    hybrid_pose,
    movenet,
    simple_baseline,
)

# Small bases other than SimpleBaseline, by model name.
TINY_BASES = {
    "hourglass": hourglass.tiny,
    "hrnet": hrnet.tiny,
    "cpn": cpn.tiny,
    "cpm": cpm.tiny,
    "dlcm": dlcm.tiny,
    "rnet": hybrid_pose.rnet_tiny,
    "cnet": hybrid_pose.cnet_tiny,
    "movenet": movenet.tiny,
    "associative_embedding": associative_embedding.tiny,
}

# How its own layers start, whatever a base says of all.
START = {"enhance_conv": "he", "enhance_maps": 0.001}


def behind(recipe: Config, channels: int = 128, reduction: str = "cells") -> Config:
    """A base's recipe with EnhanceNet on top (section 4).

    The enlarged maps get the loss and the weight of the base's (eta of Eq. 8 is 1); the
    base's, like its earlier stages, get ``stage_loss``. Eq. 7 sums over cells, of which
    the enlarged maps have r^2 times as many: reduction "cells". Their sigma is the same
    in px of the crop, r times as many cells (Eq. 6).
    """
    enhancement = {
        "upscale": 4,
        "channels": channels,
        "layers": 3,
        "inputs": "both",
        "upscaling": "sub_pixel",
    }
    return dataclasses.replace(
        recipe,
        model="enhance_net",
        network={"base": recipe.model, **recipe.network, **enhancement},
        objective={**recipe.objective, "reduction": reduction},
        start=recipe.start and {**recipe.start, **START},
    )


def paper() -> Config:
    """On top of SimpleBaseline with ResNet-50 on COCO, as in Table 5.

    ``python train.py --model=enhance_net --recipe=paper --data=DIR --weights
    imagenet``, with COCO prepared in DIR. The paper, here and below by COCO's official
    protocol on val2017 with detected people: 71.3 AP; the base alone has 70.2. Not
    measured here. Table 5a: ``--set inputs=features`` 71.0, ``--set inputs=maps`` 71.1.
    Table 5b: ``--set channels=64`` 70.8, ``--set channels=256`` 71.4. Table 5c: ``--set
    upscaling=deconvolution12`` 71.2, ``--set upscaling=deconvolution3`` 70.8, ``--set
    upscaling=bilinear`` 70.9. Table 5d: ``--set upscale=2`` 70.4, 3: 71.0, 5: 71.2.
    Table 4: ``--set trunk=resnet101`` 72.1.
    """
    return behind(simple_baseline.paper())


def paper_hrnet() -> Config:
    """On top of HRNet-W32 on COCO (Table 4: 75.1 AP, base 74.3).

    ``--set width=48``: 75.8, base 75.0.
    """
    return behind(hrnet.paper())


def paper_cpn() -> Config:
    """On top of CPN with ResNet-50 on COCO (Table 4: 70.0 AP, base 69.1).

    ``--set trunk=resnet101``: 70.5, base 69.7. The enlarged maps decide the hardest
    joints, as in the paper. RefineNet's own maps then have GlobalNet's loss: all
    joints, with an eighth of the weight. The paper does not specify it.
    """
    return behind(cpn.paper())


def paper_hourglass() -> Config:
    """On top of eight hourglasses on MPII (Table 1: 89.03 PCKh@0.5, base 88.78).

    By ``--mean joints``, as pytorch-pose. ``--set stacks=4``: 88.81, base 88.34;
    ``--set stacks=2``: 87.96, base 87.14.
    """
    return behind(hourglass.pytorch_pose())


def paper_dlcm() -> Config:
    """On top of DLCM on MPII (Table 1: 90.78 PCKh@0.5, base 90.37).

    Table 3, PCKh@0.1: 37.55, base 35.00.
    """
    return behind(dlcm.paper())


def paper_associative_embedding() -> Config:
    """On top of Associative Embedding on COCO (Table 4: 55.3 AP, base 53.3).

    It enlarges only the detections, not the tags.
    """
    return behind(associative_embedding.paper())


def tiny(base: Callable[[], Config] = simple_baseline.tiny) -> Config:
    """A small net for two CPU cores: a base's recipe ``tiny``, and 32 channels.

    ``python train.py --model=enhance_net --data=DIR`` on the rendered people that
    ``tfpose prepare synthetic --out DIR`` writes. ``--recipe=tiny_hrnet`` and so on use
    the other ``TINY_BASES``. ``--weights`` with a trained base's folder starts from it.
    """
    return behind(base(), channels=32, reduction="mean")
