"""PCK, PCKh, AUC and PCP of annotated people: per joint or stick, group, and mean."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.errors import PoseFileError, TfposeError
from tfpose.io.coco import Annotations
from tfpose.metrics import pck, pcp
from tfpose.skeletons import Skeleton, bare_name

HEAD_SIZE = "head size"
AUC_STEPS = 51
# A curve ends where the papers' figures do, or at a larger threshold.
CURVE_END, CURVE_STEPS = 0.5, 51


@dataclasses.dataclass(frozen=True)
class Distances:
    """The errors of N people's K joints or sticks.

    Attributes:
        kind: key of the individual values, "per_joint" or "per_stick".
        names: of the K columns.
        distances: f64[N, K] in lengths of the person or stick; inf: not predicted;
            nan: does not count.
        length: what distances are divided by, in words.
        groups: name -> columns; their mean is the group's value.
        notes: "ends" ("each" or "mean", the errors that count for a stick), or
            "head_joints", which the group "head" averages.
    """

    kind: str
    names: tuple[str, ...]
    distances: np.ndarray
    length: str
    groups: dict[str, list[int]]
    notes: dict

    def rates(self, metric: str, threshold: float, averaging: str = "joints") -> dict:
        """The percentages of "pck", "pckh", "auc" or "pcp" at a threshold.

        Args:
            metric: one of the four.
            threshold: in ``length``.
            averaging: one of ``choices.AVERAGINGS``, for "pckh" and "auc".

        Returns:
            "mean" over joints or sticks, or as ``averaging`` says; "weighted_mean",
            every labeled one counts the same; "per_joint" or "per_stick" {name: value};
            "groups" {name without left_ and right_: mean of both sides}, with "head"
            as in the papers' tables. A value is None if nothing was labeled.
        """
        values = _rate(self.distances, metric, threshold, averaging)
        in_mean = np.array([name not in pck.NOT_IN_MEAN for name in self.names])
        averaged = values[in_mean], self.distances[:, in_mean]
        groups = {
            name: known_mean(values[columns]) for name, columns in self.groups.items()
        }
        return {
            "mean": known_mean([pck.average(*averaged, averaging)]),
            "weighted_mean": known_mean([pck.average(*averaged, "labeled")]),
            self.kind: {
                n: known_mean([v]) for n, v in zip(self.names, values, strict=True)
            },
            "groups": groups,
        }


def _rate(distances, metric: str, threshold: float, averaging: str) -> np.ndarray:
    """f64[N, K] -> f64[K] in percent."""
    if metric == "auc":
        return pck.auc(distances, np.linspace(0.0, threshold, AUC_STEPS))
    if metric == "pckh":
        return pck.pckh(distances, threshold, averaging)
    rate = {"pck": pck.pck, "pcp": pcp.pcp}[metric]
    return rate(distances, threshold)


def known_mean(values) -> float | None:
    """The mean of the values that are not nan; None if all are."""
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else None


def of_sticks(people: Annotations, keypoints, average: bool = False) -> Distances:
    """Errors of sticks in stick lengths, for PCP.

    Args:
        people: N people with K joints.
        keypoints: f64[N, K, 2], px; nan if not predicted.
        average: use the mean error of both ends instead of the larger one.

    Raises:
        TfposeError: the skeleton has no stick.
    """
    sticks = pcp.stick_joints(people.skeleton.joints)
    distances = pcp.stick_errors(
        keypoints, people.keypoints, people.visible, sticks, average
    )
    names, notes = tuple(sticks), {"ends": "mean" if average else "each"}
    groups = both_sides(names)
    return Distances("per_stick", names, distances, "stick length", groups, notes)


def of_joints(
    people: Annotations,
    keypoints,
    metric: str,
    normalizer: str = "torso",
    averaging: str = "joints",
) -> Distances:
    """Errors of joints in lengths of the person, for PCK, PCKh and AUC.

    Args:
        people: N people with K joints.
        keypoints: f64[N, K, 2], px; nan if not predicted.
        metric: "pck", "pckh" or "auc" (in head sizes if any are known).
        normalizer: one of ``choices.NORMALIZERS``, unless head sizes normalize.
        averaging: one of ``choices.AVERAGINGS``; defines "head" for head sizes.

    Raises:
        PoseFileError: metric "pckh", but nobody has a head size.
        TfposeError: "torso_box", but the skeleton has no shoulders or no hips, or
            a skeleton without a torso.
    """
    length, lengths = _lengths(people, metric, normalizer)
    distances = pck.normalized_distances(
        keypoints, people.keypoints, people.visible, lengths
    )
    names = people.skeleton.joints
    groups, notes = both_sides(names), {}
    head = pck.HEAD[averaging if length == HEAD_SIZE else "pck"]
    if "head" not in groups and set(head) <= set(names):
        groups["head"] = [names.index(joint) for joint in head]
        notes = {"head_joints": list(head)}
    return Distances("per_joint", names, distances, length, groups, notes)


def curve(
    table: Distances, metric: str, threshold: float, averaging: str = "joints"
) -> dict:
    """The rates over rising thresholds from 0, including the given one.

    Returns:
        "thresholds" [T], "mean" [T] and "groups" {name: [T]}, in percent or None.
    """
    even = np.linspace(0.0, max(CURVE_END, threshold), CURVE_STEPS)
    thresholds = sorted({*np.round(even, 6).tolist(), threshold})
    points = [table.rates(metric, value, averaging) for value in thresholds]
    groups = {name: [p["groups"][name] for p in points] for name in table.groups}
    means = [point["mean"] for point in points]
    return {"thresholds": thresholds, "mean": means, "groups": groups}


def both_sides(names) -> dict[str, list[int]]:
    """Name without left_ and right_ -> columns of both sides."""
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        groups.setdefault(bare_name(name), []).append(column)
    return groups


def _lengths(people: Annotations, metric, normalizer) -> tuple[str, np.ndarray]:
    """The normalizing length in words, and f64[N] px."""
    have_heads = bool((people.head_sizes > 0).any())
    if metric == "pckh" and not have_heads:
        raise PoseFileError(
            "metric pckh: expected annotations with a 'head_size' in px, found none "
            f"among {len(people)} people"
        )
    if metric == "pckh" or (metric == "auc" and have_heads):
        return HEAD_SIZE, people.head_sizes
    skeleton, truth = people.skeleton, (people.keypoints, people.visible)
    if normalizer == "torso_box":
        corners = [_sides(skeleton, joint) for joint in ("shoulder", "hip")]
        words = "torso box (longer side of the box of shoulders and hips)"
        return words, pck.box_lengths(*truth, *corners)
    if skeleton.torso is None:
        raise TfposeError(
            f"{metric}: expected a skeleton with a torso, whose length is the unit, "
            f"found none of {skeleton.name}: use oks, or name two joints as 'torso' in "
            "the category"
        )
    ends = tuple(skeleton.index(joint) for joint in skeleton.torso)
    words = f"torso ({skeleton.torso[0]} to {skeleton.torso[1]})"
    return words, pck.segment_lengths(*truth, ends)


def _sides(skeleton: Skeleton, joint: str) -> list[int]:
    """Indices of a joint's sides."""
    sides = [k for k, name in enumerate(skeleton.joints) if bare_name(name) == joint]
    if not sides:
        raise TfposeError(
            f"torso_box: expected a {joint} among the joints of {skeleton.name}, "
            f"found {', '.join(skeleton.joints)}"
        )
    return sides
