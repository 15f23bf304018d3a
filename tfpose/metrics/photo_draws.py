"""Bootstraps OKS average precision over photos, for the interval of its change.

Average precision ranks the poses of all photos and counts poses that match nobody, so
it has no value per person: draws photos instead of people. The matches stay the same;
a draw changes only how often each photo counts, so it costs sums, not an evaluation.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.errors import TfposeError
from tfpose.io.coco import Annotations, Results, rows_by_image
from tfpose.metrics import bootstrap
from tfpose.metrics.oks import TINY, match_poses, oks

# COCO's values, from pycocotools' Params.
SIMILARITIES = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
POSES_PER_IMAGE = 20


@dataclasses.dataclass(frozen=True)
class Ranking:
    """The poses of P photos by falling score, for people of all sizes.

    Attributes:
        photo: i64[D], the photo of each pose.
        right: bool[10, D], poses that match a person at each OKS.
        wrong: bool[10, D], poses that match nobody; a pose in neither is ignored.
        people: i64[P], the people to find in each photo.
    """

    photo: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    people: np.ndarray

    def average_precision(self, times) -> np.ndarray:
        """AP at each OKS, f64[10] in 0..1, if photos count ``times`` f64[P].

        nan if there is nobody to find.
        """
        times = np.asarray(times, np.float64)
        people = times @ self.people
        if not people:
            return np.full(len(SIMILARITIES), np.nan)
        weights = times[self.photo]
        right = np.cumsum(weights * self.right, axis=1)
        wrong = np.cumsum(weights * self.wrong, axis=1)
        precision = right / (right + wrong + TINY)
        # At each recall: the best precision at that recall or a larger one.
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        best = np.append(best, np.zeros((len(best), 1)), axis=1)
        recall = right / people
        places = [np.searchsorted(row, RECALLS, side="left") for row in recall]
        return np.take_along_axis(best, np.array(places), axis=1).mean(axis=1)


def rank(annotations: Annotations, results: Results) -> Ranking:
    """Sorts poses into right and wrong, as pycocotools does.

    Args:
        annotations: the truth, with P images.
        results: poses of photos of ``annotations``.
    """
    photos = sorted(annotations.images)
    people_of = rows_by_image(annotations.image_ids)
    poses_of = rows_by_image(results.image_ids)
    unscored = ~annotations.scored
    shape = (len(SIMILARITIES), 0)
    scores, photo = [np.zeros(0)], [np.zeros(0, np.int64)]
    right, wrong = [np.zeros(shape, bool)], [np.zeros(shape, bool)]
    for place, image_id in enumerate(photos):
        poses = poses_of.get(image_id, np.zeros(0, np.int64))
        poses = poses[np.argsort(-results.pose_scores[poses], kind="stable")]
        poses = poses[:POSES_PER_IMAGE]
        people = people_of.get(image_id, poses[:0])
        own = _matches(annotations.take(people), results.take(poses), unscored[people])
        ignored = np.append(unscored[people], False)[own]  # -1: no match
        scores.append(results.pose_scores[poses])
        photo.append(np.full(len(poses), place))
        right.append((own >= 0) & ~ignored)
        wrong.append(own < 0)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    number = {image_id: place for place, image_id in enumerate(photos)}
    places = [number[i] for i in annotations.image_ids[~unscored].tolist()]
    return Ranking(
        np.concatenate(photo)[order],
        np.concatenate(right, axis=1)[:, order],
        np.concatenate(wrong, axis=1)[:, order],
        np.bincount(np.array(places, np.int64), minlength=len(photos)),
    )


def _matches(people: Annotations, poses: Results, unscored) -> np.ndarray:
    """i64[10, poses]: each pose's person in one photo at each OKS, -1 for none."""
    similarity = oks(
        poses.keypoints,
        people.keypoints,
        people.visible,
        people.areas,
        people.skeleton.sigmas,
        people.boxes,
    )
    return match_poses(similarity, unscored, people.crowd, SIMILARITIES)


def change_of_average_precision(
    before: Ranking, after: Ranking, rounds=bootstrap.ROUNDS, level=bootstrap.LEVEL,
    seed: int = 0,
) -> np.ndarray:  # fmt: skip
    """The changes of AP, AP50 and AP75 with intervals over photos.

    Args:
        before: ranking of the poses before.
        after: ranking of other poses of the same photos.
        rounds: number of draws.
        level: share of the draws within the interval.
        seed: of the draws.

    Returns:
        f64[3, 3] in percent: change, lower and upper end of its interval for AP, AP50
        and AP75; nan if there is nobody to find.

    Raises:
        TfposeError: the numbers of photos differ.
    """
    if len(before.people) != len(after.people):
        found = f"{len(before.people)} and {len(after.people)}"
        raise TfposeError(f"expected the same photos before and after, found {found}")
    photos = len(before.people)

    def change(times):
        return percents(after, times) - percents(before, times)

    drawn = [row for part in bootstrap.draws(photos, rounds, seed) for row in part]
    low, high = bootstrap.interval([change(times) for times in drawn], level)
    return np.stack([change(np.ones(photos)), low, high], axis=-1)


def percents(ranking: Ranking, times=None) -> np.ndarray:
    """AP, AP50 and AP75, f64[3] in percent; photos count ``times`` f64[P] or once."""
    times = np.ones(len(ranking.people)) if times is None else times
    precision = 100 * ranking.average_precision(times)
    return np.array([precision.mean(), precision[0], precision[5]])
