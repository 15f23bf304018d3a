"""How HCRN is trained: the paper's numbers, and a small net for two CPU cores."""

from __future__ import annotations

import dataclasses

from tfpose.config import Augmentation, Config

PAPER_AUGMENTATION = Augmentation(scale=0.3, rotation=40.0, mirror=0.5)


def paper() -> Config:
    """HCRN IV.A on LSP with ResNet-101 (Table I: 84.2 PCK@0.2, person-centric).

    Table I is by LSP's official scoring, at three scales.
    ``python train.py --model=hcrn --recipe=paper --data=DIR``, with LSP and LSPET
    prepared in DIR. Not measured here. Table I: ``--set refinement=holistic`` (82.7),
    ``--set refinement=without_diffusion`` (83.3), ``--set front_end=vgg16`` (81.3),
    ``--set front_end=cpm --set stages=6`` (85.0), ``--set front_end=hourglass --set
    stages=8 --set input_size=384x384 --set optimizer=rmsprop --set
    learning_rate=2.5e-4`` (85.7). Table III: ``--set codec=gaussian`` and ``--set
    error=squared``. The ImageNet weights the paper starts from: ``--weights imagenet``.

    The paper does not give learning rate, decay, batch size or the Gaussians' width.
    Ours are CPM's, whose code is the only public Caffe code among its front-ends: a
    rate for Caffe's sum over cells and maps, of which the mean is 1/31,740.
    """
    return Config(
        model="hcrn",
        skeleton="lsp14",
        input_size=(368, 368),
        network={
            "front_end": "resnet101",
            "stages": 1,
            "refinement": "hcrn",
            "diffusion_radius": 7,
            "root_cru": True,
        },
        # sigma, for --set codec=gaussian: CPM's 7 px.
        target={"codec": "disc", "radius": 10.0, "sigma": 7.0},
        heatmap_error="cross_entropy",
        train=("lsp/train", "lspet/train"),
        validation=("lsp/test",),
        augmentation=PAPER_AUGMENTATION,
        coordinate_loss=0.0,
        objective={"reduction": "sum"},
        optimizer="sgd",
        learning_rate=8e-5,
        weight_decay=5e-4,
        decay="loss",
        epochs=250,
        batch_size=16,
    )


def paper_flic() -> Config:
    """HCRN IV.B on FLIC with ResNet-101 (Table VIII: elbow 97.4, wrist 95.1)."""
    return dataclasses.replace(
        paper(),
        skeleton="flic10",
        train=("flic/train",),
        validation=("flic/test",),
    )


def paper_mpii() -> Config:
    """HCRN IV.C on MPII with eight hourglasses (Table IX: 91.2 PCKh@0.5).

    On the test set, by MPII's tools.
    """
    recipe = paper()
    return dataclasses.replace(
        recipe,
        skeleton="mpii16",
        input_size=(384, 384),
        network={**recipe.network, "front_end": "hourglass", "stages": 8},
        # sigma: the hourglass' own 1.75 cells.
        target={"codec": "disc", "radius": 12.0, "sigma": 7.0},
        train=("mpii/train",),
        validation=("mpii/validation",),
        # Their front-end's code is Torch's: means, which make no difference to RMSProp.
        objective={},
        optimizer="rmsprop",
        learning_rate=2.5e-4,
        weight_decay=0.0,
        batch_size=6,
    )


def tiny() -> Config:
    """A small net for two CPU cores.

    ``python train.py --model=hcrn --data=DIR`` on the rendered people that ``tfpose
    prepare synthetic --out DIR`` writes. Table I: ``--set refinement=holistic`` or
    ``--set refinement=without_diffusion``. With ``--set front_end=tiny_local``, which
    sees only part of a person, the tree gains the points that this front-end gets by
    itself (``benchmarks/README.md``).
    """
    return Config(
        model="hcrn",
        skeleton="coco17",
        input_size=(128, 128),
        network={
            "front_end": "tiny",
            "stages": 1,
            "refinement": "hcrn",
            "diffusion_radius": 7,
            "root_cru": True,
        },
        # 10 px at 368 would be 3.5 here, a cell or two; 8 px cover twelve.
        target={"codec": "disc", "radius": 8.0, "sigma": 4.0},
        heatmap_error="cross_entropy",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        # The paper weights both equally. On LSP, that reached PCK@0.2 49.8, this 50.8.
        heatmap_loss=0.1,
        stage_loss=1.0,
        coordinate_loss=0.0,
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
