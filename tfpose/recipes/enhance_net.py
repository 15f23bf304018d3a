"""How EnhanceNet is trained: with its base, by the base's numbers."""

from __future__ import annotations

from tfpose.config import Config
from tfpose.data.augment import Augmentation


def paper() -> Config:
    """EnhanceNet section 4 on COCO behind SimpleBaseline with ResNet-50 (Table 5).

    ``python train.py --model=enhance_net --preset=paper --data=DIR --weights
    imagenet``, with COCO prepared in DIR. The paper: 71.3 AP on val2017 with detected
    people, where the base alone has 70.2. Not measured here. Table 5a: ``--set
    inputs=features`` 71.0, ``--set inputs=maps`` 71.1. Table 5b: ``--set channels=64``
    70.8, ``--set channels=256`` 71.4. Table 5c: ``--set upscaling=deconvolution12``
    71.2, ``--set upscaling=deconvolution3`` 70.8, ``--set upscaling=bilinear`` 70.9.
    Table 5d: ``--set upscale=2`` 70.4, 3: 71.0, 5: 71.2. Table 4: ``--set
    trunk=resnet101`` 72.1.

    Both maps have the same loss and weight (eta of Eq. 8 is 1), here ``stage_loss`` for
    the base's. Everything else is the base's recipe, which the paper leaves as it is.
    """
    return Config(
        model="enhance_net",
        skeleton="coco17",
        input_size=(256, 192),
        network={
            "base": "simple_baseline",
            "trunk": "resnet50",
            "filters": (256, 256, 256),
            "upscale": 4,
            "channels": 128,
            "layers": 3,
            "inputs": "both",
            "upscaling": "sub_pixel",
        },
        # 2 of the base's cells, r times as many of the enlarged (Eq. 6).
        target={"codec": "gaussian", "sigma": 8.0},
        error="squared",
        train=("coco/train",),
        validation=("coco/validation",),
        augmentation=Augmentation(scale=0.3, rotation=40.0, mirror=0.5),
        heatmap_loss=1.0,
        stage_loss=1.0,
        coordinate_loss=0.0,
        learning_rate=1e-3,
        schedule="steps",
        learning_rate_drops=(90, 120),
        epochs=140,
        batch_size=128,
    )


def tiny() -> Config:
    """A small net for two CPU cores: SimpleBaseline's and 32 channels.

    ``python train.py --model=enhance_net --data=DIR`` on the rendered people that
    ``tfpose prepare synthetic --out DIR`` writes. ``--weights`` with the folder of a
    trained SimpleBaseline starts from there.
    """
    return Config(
        model="enhance_net",
        skeleton="coco17",
        input_size=(128, 128),
        network={
            "base": "simple_baseline",
            "trunk": "tiny",
            "filters": (64, 64, 64),
            "upscale": 4,
            "channels": 32,
            "layers": 3,
            "inputs": "both",
            "upscaling": "sub_pixel",
        },
        # The paper's part of the crop: half its px, on half its side.
        target={"codec": "gaussian", "sigma": 4.0},
        error="squared",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, colour=0.2
        ),
        heatmap_loss=1.0,
        stage_loss=1.0,
        coordinate_loss=0.0,
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
