"""How integral regression is trained: a small net for two CPU cores."""

from __future__ import annotations

from tfpose.config import Config
from tfpose.data.augment import Augmentation


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
        error="cross_entropy",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, colour=0.2
        ),
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
