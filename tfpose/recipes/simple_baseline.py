"""How SimpleBaseline is trained: the paper's numbers, and a small net for two cores."""

from __future__ import annotations

import dataclasses

from tfpose.config import Augmentation, Config, override


def paper() -> Config:
    """SimpleBaseline section 4 and its authors' code, on COCO with ResNet-50.

    ``python train.py --model=simple_baseline --recipe=paper --data=DIR --weights
    imagenet``, with COCO prepared in DIR. By COCO's official protocol with detected
    people, their code lists 70.4 AP on val2017, 71.4 for ``--set trunk=resnet101``,
    72.0 for ``--set trunk=resnet152``; 72.2, 73.6 and 74.3 with ``--set
    input_size=384x288 --set sigma=12``. Not measured here.

    "adamw" without weight decay is the code's Adam; its batches are four times 32.
    Departures: the code's targets peak in the middle of cells. Its loss is half of
    ours, which makes no difference to Adam.
    """
    return Config(
        model="simple_baseline",
        skeleton="coco17",
        input_size=(256, 192),
        network={"trunk": "resnet50", "filters": (256, 256, 256)},
        target={"codec": "gaussian", "sigma": 8.0},  # 2 cells
        heatmap_error="squared",
        train=("coco/train",),
        validation=("coco/validation",),
        augmentation=Augmentation(scale=0.3, rotation=40.0, mirror=0.5),
        coordinate_loss=0.0,
        learning_rate=1e-3,
        schedule="steps",
        learning_rate_drops=(90, 120),
        epochs=140,
        batch_size=128,
        start={"head_": 0.001},
    )


def code() -> Config:
    """The authors' code where it differs from the paper: how crops vary.

    Scales and rotations are normal numbers; 40 % of the people stay upright.
    """
    return override(
        paper(), ["augmentation.distribution=normal", "augmentation.turned=0.6"]
    )


def paper_mpii() -> Config:
    """The code's numbers for MPII (88.5 PCKh@0.5 on its validation people).

    By MPII's official protocol. ``--set trunk=resnet101`` 89.1, ``--set
    trunk=resnet152`` 89.6.
    """
    return dataclasses.replace(
        paper(),
        skeleton="mpii16",
        input_size=(256, 256),
        train=("mpii/train",),
        validation=("mpii/validation",),
        augmentation=Augmentation(scale=0.25, rotation=30.0, mirror=0.5),
    )


def tiny() -> Config:
    """A small net for two CPU cores.

    ``python train.py --model=simple_baseline --data=DIR`` on the rendered people that
    ``tfpose prepare synthetic --out DIR`` writes.
    """
    return Config(
        model="simple_baseline",
        skeleton="coco17",
        input_size=(128, 128),
        network={"trunk": "tiny", "filters": (64, 64, 64)},
        # The paper's share of the crop: half its px, on half its side.
        target={"codec": "gaussian", "sigma": 4.0},
        heatmap_error="squared",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        coordinate_loss=0.0,
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
