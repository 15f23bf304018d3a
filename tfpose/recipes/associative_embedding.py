"""How Associative Embedding is trained: its authors' numbers, and a small net."""

from __future__ import annotations

from tfpose.config import Augmentation, Config


def paper() -> Config:
    """The authors' code (princeton-vl/pose-ae-train) on COCO.

    ``python train.py --model=associative_embedding --recipe=paper --data=DIR``, with
    whole photos of COCO in DIR (``tfpose prepare coco --source COCO --out DIR --set
    window=100``). The authors report about 0.59 AP with one scale, 0.66 with several,
    by their own grouping and COCO's tools. Not measured here.

    Departures: we show a photo once per person in it, do not mask unlabeled crowds, and
    change colors per channel, not in hue, saturation, brightness and contrast. They
    train until someone stops it: ``epochs`` is the least that exceeds their 200,000
    steps.
    """
    return Config(
        model="associative_embedding",
        skeleton="coco17",
        input_size=(512, 512),
        network={"stacks": 4, "filters": 256, "growth": 128, "depth": 4, "maps": 68},
        # 2 of the 128 cells.
        target={"codec": "gaussian", "sigma": 8.0},
        heatmap_error="squared",
        train=("coco/train",),
        validation=("coco/validation",),
        # They shift by 40/200 of a photo's longer side.
        augmentation=Augmentation(
            scale=0.25, rotation=30.0, mirror=0.5, shift=0.2, color=0.3
        ),
        crop={"whole_window": True},
        coordinate_loss=0.0,
        objective={"tag_loss": 1e-3},
        learning_rate=2e-4,
        schedule="steps",
        # After 200,000 steps with 32 of COCO's 149,813 people.
        learning_rate_drops=(43,),
        learning_rates=(1e-5,),
        epochs=50,
        batch_size=32,
    )


def tiny() -> Config:
    """A small net for two CPU cores.

    ``python train.py --model=associative_embedding --recipe=tiny --data=DIR`` on the
    rendered photos that ``tfpose prepare synthetic --out DIR --set window=100`` writes.
    After half an hour on one core, it tells people apart but finds limbs only roughly:
    27.6 PCK@0.2 on validation people, 0.15 AP50 on all people in their photos.
    """
    return Config(
        model="associative_embedding",
        skeleton="coco17",
        input_size=(128, 128),
        network={"stacks": 2, "filters": 32, "growth": 16, "depth": 4, "maps": 34},
        # 2 of the 32 cells.
        target={"codec": "gaussian", "sigma": 8.0},
        heatmap_error="squared",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.25, rotation=30.0, mirror=0.5, shift=0.2, color=0.2
        ),
        crop={"whole_window": True},
        coordinate_loss=0.0,
        # The authors' 1e-3 takes 200,000 steps. On synthetic people, in 1500 steps of a
        # net like this, 0.1 halved the tag loss and cost the detections nothing.
        objective={"tag_loss": 0.1},
        learning_rate=1e-3,
        epochs=20,
        batch_size=32,
        average=0.998,
    )
