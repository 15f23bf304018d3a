"""What the settings of a ``Config`` may name.

What the names stand for needs TensorFlow (``codecs``, ``losses``, ``data.augment``,
``models.optimizers``, ``models.start``, ``synthesis.table``); a configuration does not.
The first of some names is what a setting is by default.
"""

from __future__ import annotations

CODECS = (
    "integral", "gaussian", "disc", "parts", "offsets", "center", "center_offsets",
)  # fmt: skip
SYNTHESES = ("posefix", "pose_refiner")
SCHEDULES = ("cosine", "steps")
OPTIMIZERS = ("adamw", "sgd", "rmsprop")
DECAYS = ("decoupled", "loss")
HEATMAP_ERRORS = ("cross_entropy", "squared")
OFFSET_ERRORS = ("squared", "huber")
OFFSET_MEANS = ("joints", "cells")
REDUCTIONS = ("mean", "sum", "cells")
UNLABELED = ("unknown", "absent")
DISTRIBUTIONS = ("uniform", "normal", "octaves")
STARTS = ("he", "glorot")
# Start weights that are no model folder (``models.imagenet``).
IMAGENET = "imagenet"
# The models that are given poses; the others find them.
REFINERS = ("posefix", "pose_refiner")
# Sections of settings with their own names, for what only some models have.
SECTIONS = ("network", "target", "synthesis", "crop", "objective", "testing", "start")


def _one_of(names: tuple[str, ...]) -> tuple:
    """A row of ``CHECKED`` for a setting with names; the first is the default."""
    return (lambda value: value in names, f"one of {names}", names[0])


# Settings of three sections: check, expected value in words, and default.
CHECKED = {
    "crop": {
        "person_height": (lambda value: value >= 0, "0 or more px", 0.0),
        "whole_window": (lambda value: isinstance(value, bool), "true or false", False),
    },
    "objective": {
        "tag_loss": (lambda value: value >= 0, "0 or more", 0.0),
        "offset_loss": (lambda value: value >= 0, "0 or more", 0.0),
        "offset_error": _one_of(OFFSET_ERRORS),
        "offset_mean": _one_of(OFFSET_MEANS),
        "reduction": _one_of(REDUCTIONS),
        "unlabeled": _one_of(UNLABELED),
        "hard_joints": (lambda value: value >= 0, "0 or more", 0),
    },
    "testing": {
        "rounds": (lambda value: value in range(1, 11), "a whole number 1 to 10", 1),
    },
}
# Settings of earlier versions -> their section and name today.
RENAMED = {
    "error": "heatmap_error",
    "freeze_normalisation": "freeze_normalization",
    "person_height": "crop.person_height",
    "whole_window": "crop.whole_window",
    "tag_loss": "objective.tag_loss",
    "offset_loss": "objective.offset_loss",
    "offset_error": "objective.offset_error",
    "hard_joints": "objective.hard_joints",
}
