"""How HRNet is trained: the paper's numbers, and a small net for two CPU cores."""

from __future__ import annotations

import dataclasses

from tfpose.config import Augmentation, Config, override


def paper() -> Config:
    """HRNet section 4.1 and its authors' code, on COCO with W32.

    ``python train.py --model=hrnet --recipe=paper --data=DIR``, with COCO prepared in
    DIR. By COCO's official protocol with detected people, their code lists 74.4 AP on
    val2017, 75.1 for ``--set width=48``; 75.8 and 76.3 with ``--set input_size=384x288
    --set sigma=12``. Not measured here. The paper starts from ImageNet weights, as
    ``--weights FILE`` with the authors' file does.

    "adamw" without weight decay is the code's Adam; its batches are four times 32.
    Departures: the code's targets peak in the middle of cells. Its loss is half of
    ours, which makes no difference to Adam.
    """
    return Config(
        model="hrnet",
        skeleton="coco17",
        input_size=(256, 192),
        network={"width": 32, "modules": (1, 4, 3), "blocks": 4, "stem": 64},
        target={"codec": "gaussian", "sigma": 8.0},  # 2 cells
        heatmap_error="squared",
        train=("coco/train",),
        validation=("coco/validation",),
        augmentation=Augmentation(scale=0.35, rotation=45.0, mirror=0.5, half_body=0.3),
        coordinate_loss=0.0,
        learning_rate=1e-3,
        schedule="steps",
        learning_rate_drops=(170, 200),
        epochs=210,
        batch_size=128,
        start={"all": 0.001},
    )


def code() -> Config:
    """The authors' code where it differs from the paper: how crops vary.

    Scales and rotations are normal numbers; 40 % of the people stay upright.
    """
    return override(
        paper(), ["augmentation.distribution=normal", "augmentation.turned=0.6"]
    )


def paper_mpii() -> Config:
    """The code's numbers for MPII (90.3 PCKh@0.5 on its validation people).

    By MPII's official protocol. It uses no half bodies.
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
    """A small net for two CPU cores, all four branches but fewer modules and blocks.

    ``python train.py --model=hrnet --data=DIR`` on the rendered people that
    ``tfpose prepare synthetic --out DIR`` writes.
    """
    return Config(
        model="hrnet",
        skeleton="coco17",
        input_size=(128, 128),
        network={"width": 16, "modules": (1, 1, 1), "blocks": 2, "stem": 32},
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
