"""How Hybrid-Pose's networks are trained: the paper's numbers, and small ones.

RNet and CNet are trained separately (section III.C); ``HybridPose.from_parts`` makes
one model of both.
"""

from __future__ import annotations

import dataclasses

from tfpose.config import Augmentation, Config

# The small networks, which see the same crops.
TINY_RNET = {
    "filters": 32,
    "stacks": 4,
    "depth": 3,
    "blocks": 1,
    "residual": "branched",
    "link": "hourglass",
    "enlarge_first": False,
    "deep_bottom": False,
}
TINY_CNET = {
    "filters": 48,
    "depths": (1, 2, 3, 3),
    "blocks": 1,
    "residual": "newell",
    "link": "hourglass",
    "enlarge_first": False,
    "deep_bottom": False,
}


def rnet_paper() -> Config:
    """RNet on MPII (section III.C).

    ``python train.py --model=rnet --recipe=paper --data=DIR``, with MPII prepared in
    DIR. Not measured here; the paper's accuracies are only in figures and tables.

    The paper's 200 epochs of 2000 steps of 4 people see 1.6 million people: 72 passes
    over MPII's usual 22,246 training people. The paper began with Newell's learning
    rate, 2.5e-4, and found the loss unstable. Loss, optimizer, mirroring and the
    Gaussians' 1.75 cells are those of Newell's code, which the paper follows. That code
    also changes colors, which the paper does not mention. Hourglasses are those of Eq.
    1 to 3, and each gets the sum of the last one's input and output; Newell's are
    ``--set enlarge_first=false --set deep_bottom=false --set link=hourglass``.
    """
    return Config(
        model="rnet",
        skeleton="mpii16",
        input_size=(256, 256),
        network={
            "filters": 256,
            "stacks": 4,
            "depth": 4,
            "blocks": 2,
            "residual": "branched",
            "link": "plain",
            "enlarge_first": True,
            "deep_bottom": True,
        },
        target={"codec": "gaussian", "sigma": 7.0},
        heatmap_error="squared",
        train=("mpii/train",),
        validation=("mpii/validation",),
        augmentation=Augmentation(scale=0.25, rotation=30.0, mirror=0.5),
        coordinate_loss=0.0,
        objective={"unlabeled": "absent"},
        optimizer="rmsprop",
        learning_rate=2.5e-6,
        schedule="steps",
        epochs=72,
        batch_size=4,
    )


def cnet_paper() -> Config:
    """CNet on MPII (section III.C): ``rnet_paper`` with another learning rate.

    The paper's 100 epochs of 4000 steps of 4 people are as many steps as RNet's.
    """
    return dataclasses.replace(
        rnet_paper(),
        model="cnet",
        network={
            "filters": 256,
            "depths": (1, 2, 3, 4),
            "blocks": 1,
            "residual": "newell",
            "link": "plain",
            "enlarge_first": True,
            "deep_bottom": True,
        },
        learning_rate=2.5e-4,
    )


def paper() -> Config:
    """Both networks of the paper, for fusion; each is trained with its own recipe."""
    return _both(rnet_paper(), cnet_paper(), hourglasses=(1, 2, 3, 4))


def rnet_tiny() -> Config:
    """A narrow RNet of flat hourglasses for a CPU.

    ``python train.py --model=rnet --data=DIR`` on the rendered people that ``tfpose
    prepare synthetic --out DIR`` writes.
    """
    return Config(
        model="rnet",
        skeleton="coco17",
        input_size=(96, 96),
        network=TINY_RNET,
        # Two of 24 x 24 cells, which a small net learns sooner than 1.75 of 64 x 64.
        target={"codec": "gaussian", "sigma": 6.0},
        heatmap_error="squared",
        train=("synthetic/train",),
        validation=("synthetic/validation",),
        augmentation=Augmentation(
            scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2
        ),
        coordinate_loss=0.0,
        learning_rate=3e-3,
        epochs=8,
        batch_size=32,
        average=0.99,
    )


def cnet_tiny() -> Config:
    """A narrow CNet for a CPU; ``--model=cnet``, else like ``rnet_tiny``."""
    return dataclasses.replace(rnet_tiny(), model="cnet", network=TINY_CNET)


def tiny() -> Config:
    """Both small networks, for fusion or for separate training in one run.

    ``python train.py --model=hybrid_pose --data=DIR``: they stay independent, since
    both losses are summed without one on the fusion and AdamW's steps are per weight.
    The last hourglass of each is fused. The paper fuses all; for networks this small,
    we measured that to be worse than the better one alone.
    """
    return _both(rnet_tiny(), cnet_tiny(), hourglasses=(4,))


def _both(rnet: Config, cnet: Config, hourglasses: tuple[int, ...]) -> Config:
    """The configuration of two networks' fusion, with RNet's other settings."""
    return dataclasses.replace(
        rnet,
        model="hybrid_pose",
        network={
            "rnet": rnet.network,
            "cnet": cnet.network,
            "refinement": hourglasses,
            "correction": hourglasses,
            "clip": True,
        },
        heatmap_loss=0.0,
    )
