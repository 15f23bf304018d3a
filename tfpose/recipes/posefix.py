"""How PoseFix is trained: the paper's numbers, a small net, and one for phones."""

from __future__ import annotations

from tfpose.config import Augmentation, Config, override

PAPER_AUGMENTATION = Augmentation(scale=0.3, rotation=40.0, mirror=0.5)


def paper() -> Config:
    """PoseFix section 6 and its authors' code (mks0601/PoseFix_RELEASE).

    ``python train.py --model=posefix --recipe=paper --data=DIR``, with COCO prepared in
    DIR. The paper: two days on four GTX 1080 Ti; ResNet-50 on CPN's poses has 72.1 AP
    on COCO val2017 by the official protocol (from ImageNet weights, which you must
    load). Not measured here. Fig. 6: this is coarse to fine; ``--set sigma=0`` fine to
    fine; ``--set output=gaussian --set codec=gaussian --set error=squared --set
    coordinate_loss=0`` coarse to coarse; ``--set coordinate_loss=0`` L_H alone; ``--set
    heatmap_loss=0`` L_C alone. Normalization, decay, and which layers the paper's two
    initial distributions belong to are of the code. For 384x288: ``--set
    input_size=384x288 --set sigma=9 --set trunk=resnet152``.
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
            "normalization": {"momentum": 0.99, "epsilon": 1e-9},
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
        weight_decay=1e-5,
        decay="loss",
        # The transposed convolutions have 0.01 by themselves.
        start={"head_logits": "he"},
    )


def code() -> Config:
    """The authors' code where it differs from the paper: smaller batches, more turns.

    Scales and rotations are normal numbers; 40 % of the people stay upright.
    """
    changed = [
        "augmentation.distribution=normal",
        "augmentation.turned=0.6",
        "batch_size=16",
    ]
    return override(paper(), changed)


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


def lite() -> Config:
    """EfficientNet-Lite0 for all joints of COCO and LSP, trained on an accelerator.

    ``python train.py --model=posefix --recipe=lite --on-device --data=DIR``, with LSP,
    LSPET, and COCO prepared in DIR. New against the paper: the ImageNet trunk, the
    prior, and everything in ``synthesis`` and after "mirror" in ``augmentation``. A
    draft of this recipe took 430 s on one H200: 9,525 steps of 45 ms. It started from
    the trunk's ImageNet weights (``--weights posefix_lite_lsp14`` has what became of
    them), learned the trunk at half the rate, and decayed no normalizations and biases.
    """
    return Config(
        model="posefix",
        skeleton="coco17_lsp14",
        input_size=(256, 256),
        network={
            "trunk": "efficientnet_lite0",
            "sigma": 8.0,
            "filters": (192, 128, 96),
            "pose_prior": True,
            "output": "integral",
        },
        target={"codec": "integral"},
        # LSP is labeled with care: seen twice as often.
        train=("lsp/train[:90%]", "lsp/train[:90%]", "lspet/train[:97%]", "coco/train"),
        validation=("lsp/train[90%:]", "lspet/train[97%:]"),
        augmentation=Augmentation(
            scale=0.3,
            rotation=40.0,
            mirror=0.5,
            shift=0.06,
            color=0.2,
            any_angle=0.1,
            contrast=0.25,
            gray=0.05,
            paste=0.3,
        ),
        synthesis={
            "errors": "posefix",
            "quality": 0.5,
            "exchanged_limbs": {
                "legs": 0.05,
                "arms": 0.03,
                "everything": 0.03,
                "lower_legs": 0.03,
                "lower_arms": 0.02,
            },
            "given_joints": {"lsp14": 0.36, "coco17": 0.36, "all": 0.14, "none": 0.14},
            "lost_joints": (0.02, 0.3),
            "many_lost": 0.2,
        },
        learning_rate=2e-3,
        warm_up=0.03,
        largest_gradient=5.0,
        epochs=204,
        batch_size=256,
        weight_decay=0.02,
        average=0.999,
    )
