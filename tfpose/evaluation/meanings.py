"""Explains the numbers of an evaluation in words."""

from __future__ import annotations

# One line per number.
MEANINGS = {
    "AP": "average precision over OKS .50, .55, ... .95",
    "AP50": "at OKS .50: a pose is found if it is roughly right",
    "AP75": "at OKS .75: a pose is found if it is precise",
    "APM": "people of 32^2 to 96^2 px^2",
    "APL": "people of at least 96^2 px^2",
    "AR": "share of people found, over the same OKS",
    "AR50": "found at OKS .50",
    "AR75": "found at OKS .75",
    "ARM": "found, medium people",
    "ARL": "found, large people",
    "good": "within the spread of human annotators (KS >= .85)",
    "jitter": "near its place (KS .5 to .85)",
    "inversion": "on the same person's mirrored joint (left for right)",
    "swap": "on another person's joint",
    "miss": "near none of these places",
    "mean": "of the joints",
    "weighted_mean": "every labeled joint alike",
    "motp": "100 less the mean distance of matches in percent of a head size",
    "precision": "share of found joints that are right",
    "recall": "share of labeled joints that are found",
}


def title(table: dict) -> str:
    """The metric's name and threshold: PCK@0.2."""
    name = {"pckh": "PCKh", "mpii": "MPII mAP", "posetrack": "PoseTrack mAP"}.get(
        table["metric"], table["metric"].upper()
    )
    return f"{name}@{table['threshold']:g}"


def meaning(table: dict) -> str:
    """What the numbers of any metric except "oks" count."""
    limit = f"{table['threshold']:g} x {table['length']}"
    if table["metric"] == "mota":
        return (
            "100 less the misses, switches and false joints in percent of the labels; "
            f"a joint is found within {limit}"
        )
    if table["metric"] in ("mpii", "posetrack"):
        scene = "group or photo" if table["metric"] == "mpii" else "frame"
        return (
            f"average precision of joints ranked by score; right: within {limit} of "
            f"the label of the person in the {scene} who owns the pose"
        )
    if table["metric"] == "pckh" and table["averaging"] == "joints":
        return f"percent of joints nearer than {limit}"
    if table["metric"] == "auc":
        return f"mean percent of joints within 0 to {limit}"
    if table["metric"] == "pcp":
        both = table["ends"] == "each"
        ends = "with both ends" if both else "with ends on average"
        return f"percent of sticks {ends} within {limit}"
    return f"percent of joints within {limit}"
