"""The ways to synthesize pose errors, by the names that recipes use."""

from __future__ import annotations

import tensorflow as tf

from tfpose.skeletons import Skeleton
from tfpose.synthesis import pose_refiner, posefix
from tfpose.synthesis.options import Options


def _posefix(people, skeleton: Skeleton, seed, **options) -> dict[str, tf.Tensor]:
    return posefix.synthesize(
        people["keypoints"],
        people["valid"],
        people["neighbors"],
        people["neighbors_valid"],
        people["area"],
        skeleton,
        seed,
        people.get("estimated"),
        people.get("estimated_valid"),
        Options.of(options),
    )


def _pose_refiner(people, skeleton: Skeleton, seed, **options) -> dict[str, tf.Tensor]:
    return pose_refiner.synthesize(
        people["keypoints"],
        people["valid"],
        people["neighbors"],
        people["neighbors_valid"],
        people["height"],
        skeleton,
        seed,
        **options,
    )


# How errors are synthesized, by the name that recipes use.
SYNTHESES = {"posefix": _posefix, "pose_refiner": _pose_refiner}
