"""How integral regression is trained: on COCO, and a small net for two CPU cores."""

from __future__ import annotations

from tfpose.config import Augmentation, Config


def paper() -> Config:
    """Integral regression on COCO, as PoseFix's authors train it for comparison.

    ``python train.py --model=integral_pose --recipe=paper --data=DIR --weights
    imagenet``, with COCO prepared in DIR. PoseFix, Table 2: with ``--set
    trunk=resnet152 --set input_size=384x288`` 66.3 AP on test-dev, by COCO's tools. Not
    measured here.

    The expectation of a softmax and the L1 loss of the coordinates, here in cells, come
    from Integral Human Pose Regression (section 2). That paper trains with this loss
    alone (``--set heatmap_loss=0``) or adds a heatmap loss. Ours, cross entropy over
    all cells, and the weights of 1 are PoseFix's. The paper's own code has numbers only
    for 3D poses: 256x256 px, Adam 1e-3, batches of four times 32, scales of 25 %,
    rotations of 30 degrees, colors of 20 %.
    """
    return Config(
        model="integral_pose",
        skeleton="coco17",
        input_size=(256, 192),
        network={"trunk": "resnet50", "filters": (256, 256, 256)},
        target={"codec": "integral"},
        heatmap_error="cross_entropy",
        train=("coco/train",),
        validation=("coco/validation",),
        augmentation=Augmentation(scale=0.3, rotation=40.0, mirror=0.5),
        learning_rate=5e-4,
        schedule="steps",
        learning_rate_drops=(90, 120),
        epochs=140,
        batch_size=128,
        # As in PoseFix's recipe.
        weight_decay=1e-5,
        decay="loss",
    )


def tiny() -> Config:
    """A small net for two CPU cores.

    ``python train.py --model=integral_pose --data=DIR`` on the rendered people that
    ``tfpose prepare synthetic --out DIR`` writes.
    """
    return Config(
        model="integral_pose",
        skeleton="coco17",
        input_size=(128, 128),
        network={"trunk": "tiny", "filters": (64, 64, 64)},
        target={"codec": "integral"},
        heatmap_error="cross_entropy",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
