"""How HCRN is trained: the paper's numbers, and a small net for two CPU cores."""

from __future__ import annotations

from tfpose.config import Config
from tfpose.data.augment import Augmentation


def tiny() -> Config:
    """A small net for two CPU cores.

    ``python train.py --model=hcrn --data=DIR`` on the rendered people that
    ``tfpose prepare synthetic --out DIR`` writes. Table I: ``--set
    refinement=holistic`` or ``--set refinement=without_diffusion``.
    """
    return Config(
        model="hcrn",
        skeleton="coco17",
        input_size=(128, 128),
        network={
            "front_end": "tiny",
            "stages": 1,
            "refinement": "hcrn",
            "radius": 7,
            "root_cru": True,
        },
        # 10 px at 368 would be 3.5 here and cover one cell or two.
        target={"codec": "disc", "radius": 5.0, "sigma": 1.0},
        error="cross_entropy",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, colour=0.2
        ),
        coordinate_loss=0.0,
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
