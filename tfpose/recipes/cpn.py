"""How CPN is trained: the numbers of its authors' code, and a small net."""

from __future__ import annotations

from tfpose.config import Augmentation, Config

# Of the code's targets. Its squared errors, beside an L2 loss, are as many times ours.
CODE_PEAK = 255.0


def paper() -> Config:
    """CPN on COCO with ResNet-50, as in its authors' code (chenyilun95/tf-cpn).

    ``python train.py --model=cpn --recipe=paper --data=DIR --weights imagenet``, with
    COCO prepared in DIR. By COCO's official protocol and their own detections, they
    list 69.7 AP on val2017; 72.3 for ``--set input_size=384x288 --set
    sigmas=15.2,11.6,9.2,6.8 --set sigma=6.8``, and 72.9 with ``--set trunk=resnet101``.
    Not measured here.

    GlobalNet's loss is half the mean of its four levels, RefineNet's the mean of a
    person's eight hardest joints. The learning rate halves every 60 x 60,000 people (24
    passes over COCO's 149,813), until 400 x 60,000. Departures: the code's GlobalNet
    learns only visible joints, and its maps are 255 times as large; the weights of the
    losses make up for it.
    """
    return Config(
        model="cpn",
        skeleton="coco17",
        input_size=(256, 192),
        network={
            "trunk": "resnet50",
            "filters": 256,
            "sigmas": (10.4, 8.0, 6.8, 5.6),
            "normalization": {"momentum": 0.99, "epsilon": 1e-9},
        },
        # RefineNet's: the smallest of the sigmas, 1.4 cells.
        target={"codec": "gaussian", "sigma": 5.6},
        heatmap_error="squared",
        train=("coco/train",),
        validation=("coco/validation",),
        # They scale by 0.7 to 1.35.
        augmentation=Augmentation(scale=0.3, rotation=45.0, mirror=0.5),
        heatmap_loss=CODE_PEAK**2,
        stage_loss=CODE_PEAK**2 / 8,
        coordinate_loss=0.0,
        objective={"hard_joints": 8},
        learning_rate=5e-4,
        schedule="steps",
        learning_rate_drops=(24, 48, 72, 96, 120, 144),
        learning_rates=tuple(5e-4 / 2**n for n in (1, 2, 3, 4, 5, 6)),
        weight_decay=1e-5,
        decay="loss",
        start={"lateral": "glorot", "global": "glorot"},
        epochs=160,
        batch_size=32,
    )


def tiny() -> Config:
    """A small net for two CPU cores.

    ``python train.py --model=cpn --data=DIR`` on the rendered people that ``tfpose
    prepare synthetic --out DIR`` writes.
    """
    return Config(
        model="cpn",
        skeleton="coco17",
        input_size=(128, 128),
        # The paper's sigmas in the same proportion, from a cell up.
        network={"trunk": "tiny", "filters": 64, "sigmas": (7.4, 5.7, 4.9, 4.0)},
        target={"codec": "gaussian", "sigma": 4.0},
        heatmap_error="squared",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        heatmap_loss=1.0,
        stage_loss=0.125,
        coordinate_loss=0.0,
        objective={"hard_joints": 8},
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
