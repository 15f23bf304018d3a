"""Compares refiners: scores before and after each, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfpose.evaluation import meanings
from tfpose.evaluation.evaluate import evaluate_poses, matched_poses
from tfpose.evaluation.inputs import read_sides
from tfpose.io.coco import Annotations, Results
from tfpose.metrics import bootstrap, mistakes, pck, pcp, photo_draws, rates
from tfpose.metrics.choices import parse_metric

# The rows of COCO's average precision.
PRECISIONS = ("AP", "AP50", "AP75")


def compare_poses(
    annotations: Annotations,
    before: Results,
    refined: Mapping[str, Results],
    metrics: Sequence[str] | None = None,
    rounds: int = bootstrap.ROUNDS,
    seed: int = 0,
) -> dict:
    """Scores the same people's poses before and after each of several refiners.

    Args:
        annotations: the truth.
        before: poses of photos of ``annotations``.
        refined: refiner name -> the refined poses.
        metrics: of ``metrics.choices.COMPARED``, optionally with a threshold, such as
            "pck@0.1"; ``default_metrics`` if None.
        rounds: how often to draw people, or photos, for the intervals.
        seed: of the draws.

    Returns:
        "people" and "photos" (counts), "refiners" (names), "rounds", "level" and
        "seed" of the intervals; "tables", one per metric: {"name", "meaning", "drawn"
        ("people" or "photos"), "main" (its summary row), "rows" {row: cell}};
        "mistakes" {type: cell} and "mistakes_per_joint" {joint: {type: cell}}. A cell
        is {"before": percent, "after": {refiner: {"value", "change", "low", "high"}}}:
        the change in points and the interval of 95 % of the draws; None if nothing was
        labeled. A "note" says which joints count if the files do not have the same.

    Raises:
        TfposeError: unknown metric, or as ``evaluate_poses``.
        PoseFileError: as ``evaluate_poses``.
    """
    annotations, sides, note = read_sides(annotations, before, *refined.values())
    draws = {"rounds": rounds, "seed": seed}
    chosen = default_metrics(annotations) if metrics is None else metrics
    scores = []
    for name, threshold in map(parse_metric, chosen):
        if name == "oks":
            scores.append(_precision_table(annotations, sides, refined, draws))
        else:
            table = _rates_table(annotations, sides, name, threshold, refined, draws)
            scores.append(table)
    pooled, per_joint = _mistakes(annotations, sides, refined, draws)
    return {
        "people": int(annotations.scored.sum()),
        "photos": len(annotations.images),
        "refiners": list(refined),
        **draws,
        "level": bootstrap.LEVEL,
        "tables": scores,
        "mistakes": pooled,
        "mistakes_per_joint": per_joint,
        **({"note": note} if note else {}),
    }


def default_metrics(annotations: Annotations) -> list[str]:
    """The metrics that the annotations allow, for ``compare_poses``."""
    chosen = ["pck@0.2", "pck@0.1"] if annotations.skeleton.torso else []
    if (annotations.head_sizes > 0).any():
        chosen.append("pckh")
    joints = set(annotations.skeleton.joints)
    if any(joints.issuperset(a + b) for a, b in pcp.STICKS.values()):
        chosen.append("pcp")
    return [*chosen, "oks"]


def _rates_table(annotations, sides, metric, threshold, refiners, draws) -> dict:
    """The table of a joint or stick metric."""
    numbers = evaluate_poses(annotations, sides[0], metric, threshold)
    distances = [_distances(annotations, side, metric) for side in sides]
    names = distances[0].names
    shares = [_shares(side.distances, metric, threshold) for side in distances]
    in_mean = np.array([name not in pck.NOT_IN_MEAN for name in names])
    return {
        "name": meanings.title(numbers),
        "meaning": meanings.meaning(numbers),
        "drawn": "people",
        "main": "mean",
        "rows": _cells([*names, "mean"], shares, refiners, draws, in_mean),
    }


def _distances(annotations, results, metric) -> rates.Distances:
    """The distances of the scored people's joints or sticks."""
    people, keypoints, _ = matched_poses(annotations, results)
    if metric == "pcp":
        return rates.of_sticks(people, keypoints)
    return rates.of_joints(people, keypoints, metric)


def _shares(distances, metric, threshold) -> np.ndarray:
    """f64[N, K]: 100 for a right joint, 0 for a wrong one, nan if it does not count;
    for "auc" the share of thresholds at which it is right."""
    one = distances.reshape(1, -1)  # one column per person and joint
    if metric == "auc":
        shares = pck.auc(one, np.linspace(0.0, threshold, rates.AUC_STEPS))
    else:
        shares = {"pck": pck.pck, "pckh": pck.pckh, "pcp": pcp.pcp}[metric](
            one, threshold
        )
    return shares.reshape(distances.shape)


def _cells(names, shares, refiners, draws, in_mean=None) -> dict[str, dict]:
    """Row -> cell for the K columns of f64[N, K] or f64[N, K, J] and their mean."""
    values = [bootstrap.column_means(side, in_mean) for side in shares]
    changes = [
        bootstrap.change_of_means(shares[0], side, in_mean, **draws)
        for side in shares[1:]
    ]
    return _rows(names, values, changes, refiners)


def _rows(names, values, changes, refiners) -> dict[str, dict]:
    """Row -> cell.

    Args:
        names: of the rows.
        values: f64[rows] of each side, before first.
        changes: f64[rows, 3] of each refiner.
        refiners: their names.
    """
    keys = ("value", "change", "low", "high")
    return {
        name: {
            "before": _known(values[0][row]),
            "after": {
                refiner: dict(
                    zip(keys, map(_known, [value[row], *change[row]]), strict=True)
                )
                for refiner, value, change in zip(
                    refiners, values[1:], changes, strict=True
                )
            },
        }
        for row, name in enumerate(names)
    }


def _known(value) -> float | None:
    return None if np.isnan(value) else float(value)


def _precision_table(annotations, sides, refiners, draws) -> dict:
    """The table of OKS average precision."""
    first, *others = [photo_draws.rank(annotations, side) for side in sides]
    values = [photo_draws.percents(ranking) for ranking in (first, *others)]
    changes = [
        photo_draws.change_of_average_precision(first, ranking, **draws)
        for ranking in others
    ]
    return {
        "name": "OKS-AP",
        "meaning": meanings.MEANINGS["AP"],
        "drawn": "photos",
        "main": "AP",
        "rows": _rows(PRECISIONS, values, changes, refiners),
    }


def _mistakes(annotations, sides, refiners, draws) -> tuple[dict, dict]:
    """Type -> cell over all joints, and joint -> type -> cell."""
    shares = []
    for side in sides:
        types = mistakes.types_of_people(annotations, side)[:, None]
        kinds = np.arange(len(mistakes.TYPES))[:, None]
        share = np.where(types == kinds, 100.0, 0.0)  # (N, types, K)
        shares.append(np.where(types == mistakes.UNLABELED, np.nan, share))
    pooled = _cells(mistakes.TYPES, shares, refiners, draws)
    joints = annotations.skeleton.joints
    columns = [(joint, kind) for kind in mistakes.TYPES for joint in joints]
    flat = [share.reshape(len(share), len(columns)) for share in shares]
    cells = _cells(columns, flat, refiners, draws)
    return pooled, {
        joint: {kind: cells[joint, kind] for kind in mistakes.TYPES} for joint in joints
    }
