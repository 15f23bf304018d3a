"""How PoseFix is trained: the paper's numbers, and a small net for two CPU cores."""

from __future__ import annotations

from tfpose.config import Augmentation, Config

PAPER_AUGMENTATION = Augmentation(scale=0.3, rotation=40.0, mirror=0.5)


def paper() -> Config:
    """PoseFix section 6 and its authors' code (mks0601/PoseFix_RELEASE).

    ``python train.py --model=posefix --recipe=paper --data=DIR``, with COCO prepared in
    DIR. The paper: two days on four GTX 1080 Ti; ResNet-50 on CPN's poses has 72.1 AP
    on COCO val2017 (from ImageNet weights, which you must load). Not measured here.
    Fig. 6: this is coarse to fine; ``--set sigma=0`` fine to fine; ``--set
    output=gaussian --set codec=gaussian --set error=squared --set coordinate_loss=0``
    coarse to coarse; ``--set coordinate_loss=0`` L_H alone; ``--set heatmap_loss=0``
    L_C alone. For 384x288: ``--set input_size=384x288 --set sigma=9 --set
    trunk=resnet152``.
    """
    return Config(
        model="posefix",
        skeleton="coco17",
        input_size=(256, 192),
        network={
            "trunk": "resnet50",
            "sigma": 7.0,
            "filters": (256, 256, 256),
            "pose_prior": False,
            "output": "integral",
        },
        target={"codec": "integral"},
        train=("coco/train",),
        validation=("coco/validation",),
        augmentation=PAPER_AUGMENTATION,
        learning_rate=5e-4,
        schedule="steps",
        learning_rate_drops=(90, 120),
        epochs=140,
        batch_size=128,
        # The code adds an L2 loss of 1e-5; Keras has decoupled decay.
        weight_decay=1e-5,
    )


def tiny() -> Config:
    """A small net for two CPU cores, started from the identity (``PosePrior``).

    ``python train.py --model=posefix --data=DIR`` on the rendered people that ``tfpose
    prepare synthetic --out DIR`` writes; for other data sets ``--set
    train=lsp/train,lspet/train --set skeleton=lsp14``.
    """
    return Config(
        model="posefix",
        skeleton="coco17",
        input_size=(128, 96),
        network={
            "trunk": "tiny",
            "sigma": 4.7,
            "filters": (64, 64, 64),
            "pose_prior": True,
            "output": "integral",
        },
        target={"codec": "integral"},
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
