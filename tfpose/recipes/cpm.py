"""How convolutional pose machines are trained: the authors' numbers, and small ones."""

from __future__ import annotations

from tfpose.config import Augmentation, Config


def paper() -> Config:
    """CPM on LSP, as in the authors' Caffe solver.

    ``python train.py --model=cpm --recipe=paper --data=DIR``, with LSP and LSPET
    prepared in DIR. The paper, by LSP's official protocol at seven scales: 84.3
    PCK@0.2, 90.5 with MPII's people too (``--set train=lsp/train,lspet/train,
    mpii/train``). Not measured here. For FLIC: ``--set stages=4``.

    Epochs match their 600,000 batches of 16 of 11,000 people; the learning rate drops
    to a third every 136,106 batches. Departure: ``geometry`` sets a person's size in
    the crop, limbs do in theirs.
    """
    return Config(
        model="cpm",
        skeleton="lsp14",
        input_size=(368, 368),
        network={"stages": 6, "filters": 128},
        target={"codec": "gaussian", "sigma": 7.0},
        heatmap_error="squared",
        train=("lsp/train", "lspet/train"),
        validation=("lsp/test",),
        augmentation=Augmentation(scale=0.3, rotation=40.0, mirror=0.5),
        # Caffe's loss is half the sum over cells and maps.
        heatmap_loss=0.5,
        stage_loss=0.5,
        objective={"reduction": "sum"},
        coordinate_loss=0.0,
        # As the class draws them; for other widths, sqrt(128 / filters) times as wide.
        start={"all": 0.01},
        optimizer="sgd",
        learning_rate=8e-5,
        schedule="steps",
        learning_rate_drops=(198, 396, 594, 792),
        learning_rates=tuple(8e-5 * 0.333**n for n in (1, 2, 3, 4)),
        # Caffe's lr_mult.
        learning_rate_factors={"_stage1/": 5.0, "/bias": 2.0},
        weight_decay=5e-4,
        decay="loss",
        epochs=873,
        batch_size=16,
    )


def tiny() -> Config:
    """Three narrow stages for two CPU cores.

    ``python train.py --model=cpm --data=DIR`` on the rendered people that ``tfpose
    prepare synthetic --out DIR`` writes.
    """
    return Config(
        model="cpm",
        skeleton="coco17",
        input_size=(128, 128),
        network={"stages": 3, "filters": 16},
        target={"codec": "gaussian", "sigma": 7.0},
        heatmap_error="squared",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        coordinate_loss=0.0,
        learning_rate=1e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
