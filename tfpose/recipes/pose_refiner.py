"""How PoseRefiner is trained: the paper's numbers, and a small net for two cores."""

from __future__ import annotations

import dataclasses

from tfpose.config import Augmentation, Config

# All four of the paper (``synthesis.pose_refiner.TRANSFORMS``).
TRANSFORMS = ("shift", "switch", "replace", "remove")


def paper() -> Config:
    """PoseRefiner on MPII: section 3 and the code it builds on (pose-tensorflow).

    ``python train.py --model=pose_refiner --recipe=paper --data=DIR --weights
    imagenet``, with MPII prepared in DIR (``--set window=4``: a crop shows 2.5 times
    the person's height). The paper: 40 hours on one V100; on the test set, by MPII's
    tools, DeeperCut rises from 88.5 to 89.1 PCKh@0.5, Chained Predictions from 86.1 to
    88.0. Not measured here. For Table 1's best two methods: ``--set transforms=shift``.

    Departures: the paper ends the crop where the photo ends, ours has a fixed size and
    zeros there; the normalizations keep their scales and shifts too.
    """
    return Config(
        model="pose_refiner",
        skeleton="mpii16",
        # 250 px around the pose of a 340 px person.
        input_size=(848, 848),
        crop={"person_height": 340.0},
        network={
            "trunk": "resnet101",
            "radius": 15.0,
            "upsampling": "transposed",
            "pose_prior": False,
            "mean": (116.0928, 105.2665, 95.9512),
        },
        # The targets have the input's discs ("follows the encoding").
        target={"codec": "disc", "radius": 15.0},
        synthesis={"errors": "pose_refiner", "transforms": TRANSFORMS},
        train=("mpii/train",),
        validation=("mpii/validation",),
        augmentation=Augmentation(scale=0.3, mirror=0.5),
        coordinate_loss=0.0,
        objective={
            "offset_loss": 0.05,
            "offset_error": "squared",
            "offset_mean": "cells",
            "unlabeled": "absent",
        },
        optimizer="sgd",
        learning_rate=0.005,
        schedule="steps",
        learning_rate_drops=(1 / 3, 15 + 1 / 3, 25 + 1 / 3),
        learning_rates=(0.02, 0.002, 0.001),
        epochs=35,
        batch_size=1,
        freeze_normalization=True,
    )


def code() -> Config:
    """The authors' code and pose-tensorflow where they differ from the paper.

    Discs and people are a little smaller, scales vary by half as much, and offsets have
    Huber's loss.
    """
    recipe = paper()
    return dataclasses.replace(
        recipe,
        crop={"person_height": 338.1},
        network={**recipe.network, "radius": 14.37},
        target={**recipe.target, "radius": 14.37},
        augmentation=Augmentation(scale=0.15, mirror=0.5),
        objective={**recipe.objective, "offset_error": "huber"},
    )


def paper_posetrack() -> Config:
    """The paper's last step for PoseTrack; ``--weights`` is the run on MPII.

    That run starts from one on COCO (``--set train=coco/train``); all are prepared with
    PoseTrack's joints (``--set skeleton=posetrack15``). The paper, by poseval: ML_Lab's
    poses rise from 71.9 to 73.8 mAP, BUTD's from 56.0 to 58.4 MOTA.
    """
    return dataclasses.replace(
        paper(),
        skeleton="posetrack15",
        train=("posetrack17/train",),
        validation=("posetrack17/validation",),
    )


def tiny() -> Config:
    """A small net for two CPU cores, started from the identity (``PosePrior``).

    ``python train.py --model=pose_refiner --data=DIR`` on the rendered people that
    ``tfpose prepare synthetic --out DIR`` writes; for other data sets ``--set
    train=lsp/train,lspet/train --set skeleton=lsp14``. Crops, augmentation and schedule
    are those of PoseFix's ``tiny``. A standing person has about 100 px of a 128 px
    crop, so discs have 0.3 of the paper's radius, and maps have twice its cells.
    """
    return Config(
        model="pose_refiner",
        skeleton="coco17",
        input_size=(128, 96),
        network={
            "trunk": "tiny",
            "radius": 4.5,
            "upsampling": "transposed",
            "pose_prior": True,
        },
        target={"codec": "disc", "radius": 6.0},
        synthesis={"errors": "pose_refiner", "transforms": TRANSFORMS},
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        coordinate_loss=0.0,
        objective={"offset_loss": 0.05, "offset_error": "squared"},
        learning_rate=2e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
