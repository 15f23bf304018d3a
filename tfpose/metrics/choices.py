"""What users can choose about metrics; imports nothing heavy."""

from __future__ import annotations

import math

from tfpose.errors import TfposeError

# Metric -> threshold of the published numbers.
DEFAULT_THRESHOLDS = {
    "pck": 0.2, "pckh": 0.5, "auc": 0.5, "pcp": 0.5, "oks": None, "mpii": 0.5,
    "posetrack": 0.5, "mota": 0.5,
}  # fmt: skip
METRICS = tuple(DEFAULT_THRESHOLDS)
# These score one pose per person; the others, all poses of a photo.
OF_PEOPLE = ("pck", "pckh", "auc", "pcp")
# These score each person or photo, so their changes have intervals.
COMPARED = (*OF_PEOPLE, "oks")
# The unit of length of PCK.
NORMALIZERS = ("torso", "torso_box")
# Whose left counts as left.
VIEWPOINTS = ("person", "observer")
# How PCKh and AUC are averaged (``metrics.pck``).
AVERAGINGS = ("joints", "labeled", "pooled")
# Option -> its default, and the metrics that take another value.
_OPTIONS = {
    "normalizer": ("torso", ("pck",)),
    "viewpoint": ("person", OF_PEOPLE),
    "lenient": (False, ("pcp",)),
    "averaging": ("joints", ("pckh", "auc")),
    "every_frame": (False, ("mota",)),
    "curve": (False, ("pck", "pckh", "pcp")),
}


def check_options(metric, threshold=None, **given) -> None:
    """Raises TfposeError for options that ``evaluate_poses`` does not take."""
    for name, value, known in (
        ("metric", metric, METRICS),
        ("normalizer", given["normalizer"], NORMALIZERS),
        ("viewpoint", given["viewpoint"], VIEWPOINTS),
        ("averaging", given["averaging"], AVERAGINGS),
    ):
        if value not in known:
            raise TfposeError(f"{name} {value!r}: expected one of {', '.join(known)}")
    if metric == "oks" and threshold is not None:
        raise TfposeError("metric oks averages over ten thresholds: give none")
    if threshold is not None and not 0 < threshold < math.inf:
        raise TfposeError(f"threshold of {metric}: expected > 0, found {threshold}")
    for name, (usual, takes) in _OPTIONS.items():
        if given[name] != usual and metric not in takes:
            option = name if given[name] is True else f"{name} {given[name]}"
            raise TfposeError(
                f"{option} is for metric {' or '.join(takes)}, not {metric}"
            )


def parse_metric(text: str) -> tuple[str, float | None]:
    """ "pck@0.1" -> ("pck", 0.1), "pck" -> ("pck", 0.2), "oks" -> ("oks", None).

    Raises:
        TfposeError: unknown metric, or no number after the @.
    """
    name, at, threshold = text.partition("@")
    takes_one = DEFAULT_THRESHOLDS.get(name) is not None
    try:
        if name in COMPARED and not (at and not takes_one):
            return name, float(threshold) if at else DEFAULT_THRESHOLDS[name]
    except ValueError:
        pass
    raise TfposeError(
        f"metric {text!r}: expected one of {', '.join(COMPARED)}; all but oks also "
        "with a threshold, such as pck@0.1"
    )
