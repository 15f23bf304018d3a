"""How DLCM is trained: the numbers of its authors' scripts, and a small net."""

from __future__ import annotations

from tfpose.config import Augmentation, Config, override


def paper() -> Config:
    """DLCM on MPII, as in its authors' training scripts.

    ``python train.py --model=dlcm --recipe=paper --data=DIR``, with MPII prepared in
    DIR. EnhanceNet's tables, which name no script: 90.37 PCKh@0.5 on MPII's validation
    people, 92.3 on its test set. Not measured here. LSP: ``--set skeleton=lsp14 --set
    train=lsp/train,mpii/train --set validation=lsp/test``; FLIC: ``--set
    skeleton=flic10 --set learning_rate=7e-4``. Two levels: ``--set levels=2``.

    Departures: the code scales x and y separately and shears half of the photos. It
    draws bones at whole cells (``PartHeatmap``).
    """
    return Config(
        model="dlcm",
        skeleton="mpii16",
        input_size=(256, 256),
        network={"levels": 3, "filters": 256, "depth": 4, "part_ends": True},
        # 1.75 cells, what the code's Torch makes of sigma 1.
        target={"codec": "gaussian", "sigma": 7.0},
        heatmap_error="squared",
        train=("mpii/train",),
        validation=("mpii/validation",),
        augmentation=Augmentation(scale=0.25, rotation=30.0, mirror=0.5, color=0.2),
        heatmap_loss=1.0,
        stage_loss=1.0,
        coordinate_loss=0.0,
        optimizer="rmsprop",
        learning_rate=2.5e-4,
        schedule="steps",
        learning_rate_drops=(180, 225),
        epochs=250,
        batch_size=16,
    )


def code() -> Config:
    """The authors' code where it differs from the paper: how crops vary.

    Scales and rotations are normal numbers; 60 % of the people stay upright.
    """
    return override(
        paper(), ["augmentation.distribution=normal", "augmentation.turned=0.4"]
    )


def tiny() -> Config:
    """A narrow net of COCO's arms and legs for two CPU cores.

    ``python train.py --model=dlcm --data=DIR`` on the rendered people that ``tfpose
    prepare synthetic --out DIR`` writes.
    """
    return Config(
        model="dlcm",
        skeleton="coco17",
        input_size=(128, 128),
        network={"levels": 3, "filters": 64, "depth": 4, "part_ends": True},
        target={"codec": "gaussian", "sigma": 4.0},
        heatmap_error="squared",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        heatmap_loss=1.0,
        stage_loss=1.0,
        coordinate_loss=0.0,
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
