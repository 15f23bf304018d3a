"""How MoveNet is fine-tuned: there is no paper, so these numbers are ours."""

from __future__ import annotations

import dataclasses

from tfpose.config import Augmentation, Config


def thunder() -> Config:
    """MoveNet "Thunder" from its published weights.

    ``python train.py --model=movenet --recipe=thunder --data=DIR --weights
    movenet_thunder_coco17 --set skeleton=lsp14 --set train=lsp/train``. Joints that the
    weights do not know, such as LSP's neck, start as the mean of the others.

    Batch normalization is folded into the published weights. Nothing scales the
    features anew, so the learning rate is small: 1e-4 with AdamW was stable.
    """
    return Config(
        model="movenet",
        skeleton="coco17",
        input_size=(256, 256),
        network={"width": 1.75},
        target={"codec": "gaussian", "sigma": 8.0, "radius": 8.0},
        heatmap_error="cross_entropy",
        train=("coco/train",),
        validation=("coco/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        learning_rate=1e-4,
        epochs=10,
        batch_size=32,
        # Cross entropies of maps are means over thousands of empty cells.
        heatmap_loss=100.0,
        stage_loss=10.0,
        coordinate_loss=0.0,
        objective={"offset_loss": 1.0, "offset_error": "huber"},
        average=0.998,
    )


def lightning() -> Config:
    """MoveNet "Lightning": a narrower network on smaller crops, from random weights."""
    return dataclasses.replace(
        thunder(), input_size=(192, 192), network={"width": 1.0}, learning_rate=1e-3
    )


def tiny() -> Config:
    """A small net for two CPU cores.

    ``python train.py --model=movenet --data=DIR`` on the rendered people that ``tfpose
    prepare synthetic --out DIR`` writes.
    """
    return dataclasses.replace(
        thunder(),
        input_size=(128, 128),
        network={"width": 0.5},
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        learning_rate=1e-3,
        epochs=20,
    )
