"""People to corrupt and statistics of their errors, for our code and the authors'.

``benchmarks/official/pose_errors.py`` computes them of PoseFix's own code and writes
``tests/synthesis/pose_errors.json``; tests/synthesis/test_official.py holds ours
against them.
"""

from __future__ import annotations

import collections
import dataclasses
import pathlib

import numpy as np

from tfpose.geometry.arrays import overlaps
from tfpose.skeletons import COCO17
from tfpose.synthesis.posefix import ERRORS, NEIGHBOR_OVERLAP

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
# The distance of a similarity of 0.5, in the unit of ``distances``.
HALF = np.sqrt(-2 * np.log(0.5))
# Of people without photos, in COCO's order (data/README.md of the shared folder).
ANNOTATIONS = "coco/train2017_keypoints_30k.npz"
MIRROR = COCO17.flip_permutation
PAIRED = MIRROR != np.arange(len(COCO17))
# The authors corrupt joints in COCO's order: a pair's left joint before its right one.
SECOND = MIRROR < np.arange(len(COCO17))


@dataclasses.dataclass(frozen=True)
class People:
    """N people in px, with at most P neighbors each.

    Attributes:
        keypoints, valid: f64[N, 17, 2] and bool[N, 17].
        neighbors, neighbors_valid: f64[N, P, 17, 2] and bool[N, P, 17].
        areas: f64[N], of their boxes.
    """

    keypoints: np.ndarray
    valid: np.ndarray
    neighbors: np.ndarray
    neighbors_valid: np.ndarray
    areas: np.ndarray

    @property
    def overlap_counts(self) -> np.ndarray:
        """i64[N]: how many neighbors they have."""
        return self.neighbors_valid.any(axis=2).sum(axis=1)


def of_coco(data: pathlib.Path, count: int = 3500) -> People:
    """The first people of COCO's annotations, with the others of their photos."""
    stored = np.load(data / ANNOTATIONS)
    size = stored["width_height"].astype(float)
    points = stored["keypoints_norm"].astype(float)
    keypoints, valid = points[..., :2] * size[:, None], points[..., 2] > 0
    box = stored["bbox_cxcywh_norm"].astype(float)
    extent = box[:, 2:] * size
    boxes = np.concatenate([box[:, :2] * size - extent / 2, extent], axis=1)
    groups = collections.defaultdict(list)
    for row, photo in enumerate(stored["image_id"].tolist()):
        groups[photo].append(row)
    near = []
    for row, photo in enumerate(stored["image_id"][:count].tolist()):
        others = np.array([other for other in groups[photo] if other != row], int)
        overlap = overlaps(boxes[row], boxes[others])
        near.append(others[overlap >= NEIGHBOR_OVERLAP])
    return _people(keypoints, valid, near, extent.prod(axis=1), count)


def drawn(count: int = 1500) -> People:
    """Seeded people beside and behind each other, some of them cut off."""
    random = np.random.default_rng(0)
    pose = 100 * np.array(
        [
            (0, 0), (0.1, -0.1), (-0.1, -0.1), (0.2, 0), (-0.2, 0), (0.5, 0.6),
            (-0.5, 0.6), (0.7, 1.3), (-0.7, 1.3), (0.7, 1.9), (-0.7, 1.9),
            (0.3, 2.1), (-0.3, 2.1), (0.3, 3.1), (-0.3, 3.1), (0.3, 4.1), (-0.3, 4.1),
        ]
    )  # fmt: skip
    own = pose + random.normal(scale=25, size=(count, 17, 2))
    beside = random.uniform((-120, -40), (120, 40), (count, 4, 1, 2))
    others = pose + beside + random.normal(scale=25, size=(count, 4, 17, 2))
    seen = random.choice([0.3, 0.6, 0.9, 1.0], (count, 5, 1))
    valid = random.random((count, 5, 17)) < seen
    valid[:, 0, 0] |= ~valid[:, 0].any(axis=1)
    there = np.arange(4) < random.integers(0, 5, (count, 1))
    valid[:, 1:] &= there[:, :, None]
    extent = np.ptp(own, axis=1)
    return People(own, valid[:, 0], others, valid[:, 1:], extent.prod(axis=1))


def _people(keypoints, valid, near: list, areas, count: int) -> People:
    most = max(map(len, near))
    neighbors = np.zeros((count, most, 17, 2))
    neighbors_valid = np.zeros((count, most, 17), bool)
    for row, others in enumerate(near):
        neighbors[row, : len(others)] = keypoints[others]
        neighbors_valid[row, : len(others)] = valid[others]
    return People(
        keypoints[:count], valid[:count], neighbors, neighbors_valid, areas[:count]
    )


def statistics(people: People, corrupted, errors) -> dict:
    """How often and how far labeled joints err.

    Args:
        people: N people.
        corrupted: f64[R, N, 17, 2] px, of R runs.
        errors: i[R, N, 17], index in ``ERRORS``, -1 for none.

    Returns:
        "counts" and "alone", i[17, 5]: how often each error happens to each joint that
        has no mirror joint or a labeled one, and to those whose mirror joint is
        unlabeled; "quantiles" f[17, 5, 5], of both: the ``QUANTILES`` of the distance
        (``distances``) of each joint's errors, nan where there are less than 20;
        "sizes" i[17, 5], of how many; "far_inversions" and "swaps", two shares:
        inversions of second joints beyond a similarity of 0.5 to the mirror joint, and
        swaps among joints whose mirror joint is unlabeled.
    """
    labeled = people.valid & (errors >= 0)
    alone = np.broadcast_to(PAIRED & ~people.valid[:, MIRROR], errors.shape)
    table = {
        name: [
            [int((some & (errors == kind))[..., joint].sum()) for kind in range(5)]
            for joint in range(17)
        ]
        for name, some in (("counts", labeled & ~alone), ("alone", labeled & alone))
    }
    groups = by_error(people, corrupted, errors)
    quantiles = [
        [
            np.quantile(one, QUANTILES) if len(one) >= 20 else np.full(5, np.nan)
            for one in row
        ]
        for row in groups
    ]
    inversion = ERRORS.index("inversion")
    inverted = np.concatenate(
        [row[inversion] for row, second in zip(groups, SECOND, strict=True) if second]
    )
    swapped = (errors == ERRORS.index("swap"))[labeled & alone]
    return {
        **table,
        "quantiles": np.array(quantiles),
        "sizes": [[len(one) for one in row] for row in groups],
        "far_inversions": float((inverted > HALF + 1e-3).mean()),
        "swaps": float(swapped.mean()),
    }


def by_error(people: People, corrupted, errors) -> list[list[np.ndarray]]:
    """17 x 5 lists: the ``distances`` of each joint's errors of each kind."""
    far, labeled = distances(people, corrupted, errors), people.valid & (errors >= 0)
    return [
        [far[labeled[..., j] & (errors[..., j] == kind), j] for kind in range(5)]
        for j in range(17)
    ]


def distances(people: People, corrupted, errors) -> np.ndarray:
    """How far joints lie from where their error starts.

    Good and jittered joints start from the joint itself, inverted ones from the mirror
    joint, swapped ones from the nearest of the neighbors' same and mirror joints,
    missed ones from the nearest of all these.

    Returns:
        f64[R, N, 17], in units of the distance of similarity exp(-1 / 2).
    """
    scale = np.sqrt(people.areas)[:, None] * 2 * COCO17.sigma_array
    own = people.keypoints[:, None], people.valid[:, None]
    near = people.neighbors, people.neighbors_valid

    def mirrored(points, valid):
        return points[:, :, MIRROR], valid[:, :, MIRROR] & PAIRED

    sources = [own, near, mirrored(*own), mirrored(*near)]
    from_source = np.stack(
        [_nearest(corrupted, points, valid) for points, valid in sources]
    )
    starts = {
        "good": (0,), "jitter": (0,), "inversion": (2,), "swap": (1, 3),
        "miss": (0, 1, 2, 3),
    }  # fmt: skip
    found = np.full(errors.shape, np.nan)
    for kind, error in enumerate(ERRORS):
        nearest = from_source[list(starts[error])].min(axis=0)
        found = np.where(errors == kind, nearest, found)
    return found / scale


def nearest_neighbor(people: People) -> np.ndarray:
    """f64[N, 17] px: how near a joint is to a neighbor's same or mirror joint."""
    near, there = people.neighbors, people.neighbors_valid
    own = people.keypoints[None]
    same = _nearest(own, near, there)
    return np.minimum(same, _nearest(own, near[:, :, MIRROR], there[:, :, MIRROR]))[0]


def _nearest(corrupted, points, valid) -> np.ndarray:
    """f64[R, N, 17]: the distance to the nearest of f64[N, P, 17, 2], or inf."""
    best = np.full(corrupted.shape[:-1], np.inf)
    for place in range(points.shape[1]):
        apart = np.linalg.norm(corrupted - points[:, place], axis=-1)
        best = np.minimum(best, np.where(valid[:, place], apart, np.inf))
    return best
