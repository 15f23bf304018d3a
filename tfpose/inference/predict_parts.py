"""Finds the poses of the people in some photos: a part of many."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tfpose.geometry.crops import boxes_of, whole_photo
from tfpose.inference import reliability
from tfpose.inference.bottom_up import BottomUp
from tfpose.inference.estimator import Estimator
from tfpose.inference.inputs import are_few
from tfpose.inference.people import Candidate, Finder
from tfpose.inference.progress import changed
from tfpose.inference.refiner import Refiner
from tfpose.inference.reliability import MEASURED_PEOPLE, Beliefs, Trust
from tfpose.inference.rules import Rules, rows_of
from tfpose.io.coco_records import DECIMALS, result_entry
from tfpose.io.photo_ids import Photo
from tfpose.io.shared_joints import SharedJoints


class Poses(NamedTuple):
    """The people of some photos and their poses.

    Attributes:
        people: photo by photo.
        keypoints: f32[N, K, 2] I.
        scores: f32[N, K].
    """

    people: list[Candidate]
    keypoints: np.ndarray
    scores: np.ndarray


@dataclasses.dataclass(frozen=True)
class Search:
    """How the people of photos are looked for.

    Attributes:
        look: the estimator, or what finds everybody without boxes.
        rules: how poses are rated and which stay.
        find: says where people are; unused by what finds everybody.
        annotated: the boxes are of annotations.
        single: each photo shows one person, whose box is around a first pose.
        sure: people are in the boxes, even if no joint is seen.
        distinct: drops near copies.
    """

    look: Estimator | BottomUp
    rules: Rules
    find: Finder
    annotated: bool = False
    single: bool = False
    sure: bool = False
    distinct: bool = False

    def __call__(self, photos: Sequence[Photo]) -> Poses:
        """The poses in these photos."""
        if isinstance(self.look, BottomUp):
            return _everybody(photos, self.look)
        people = [person for photo in photos for person in self.find(photo)]
        people = self.rules.placed(people, self.annotated)
        if self.single and people:
            people = _located(people, self.look)
        poses = Poses(people, *_estimated(people, self.look))
        if self.distinct:
            poses = Poses(*self.rules.distinct(*poses, self.look.skeleton, self.sure))
        return poses

    def records(self, poses: Poses) -> list[dict]:
        """COCO results; a pose's score is the box score times the pose's."""
        return [
            result_entry(
                person.photo.image_id,
                keypoints,
                scores,
                person.score * self.rules.pose_score(scores),
                bbox=[round(float(side), DECIMALS) for side in person.box],
                file_name=person.photo.name,
                **person.extra,
            )
            for person, keypoints, scores in zip(*poses, strict=True)
        ]


def _everybody(photos: Sequence[Photo], find: BottomUp) -> Poses:
    found = [find(photo.read()) for photo in photos]
    people = [
        Candidate(photo, box)
        for photo, (keypoints, scores) in zip(photos, found, strict=True)
        for box in boxes_of(keypoints, scores > 0)
    ]
    return Poses(people, *_joined(found, len(find.skeleton)))


def _located(people: list[Candidate], estimator: Estimator) -> list[Candidate]:
    """Gives people boxes around the poses found in their whole photos."""
    boxes = boxes_of(_estimated(people, estimator)[0])
    return [
        dataclasses.replace(person, box=box)
        for person, box in zip(people, boxes, strict=True)
    ]


def _estimated(people: list[Candidate], estimator: Estimator):
    """f32[N, K, 2] I and f32[N, K]."""
    return _joined(estimator.estimate(_photos(people)), len(estimator.skeleton))


def _joined(parts: Iterable, joints: int):
    """f32[N, K, 2] and f32[N, K] of parts of both."""
    nobody = np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32)
    return tuple(np.concatenate(part) for part in zip(nobody, *parts, strict=True))


def _photos(people: list[Candidate]) -> Iterator[tuple]:
    """(photo, boxes) for each photo with people."""
    for photo, rows in rows_of(people):
        image = photo.read()
        boxes = [people[row].box for row in rows]
        yield image, whole_photo(image) if boxes[0] is None else np.stack(boxes)


@dataclasses.dataclass(frozen=True)
class Refining:
    """Refines poses as ``tfpose refine`` does, dropping none.

    Joints that the refiner lacks stay.

    Attributes:
        refiner: its network.
        shared: the joints that it shares with the poses.
    """

    refiner: Refiner
    shared: SharedJoints

    def beliefs(self, poses: Poses) -> Iterator[Beliefs]:
        """What the refiner believes about the poses of more than few joints."""
        moved = self.shared.to_other(poses.keypoints)
        known = self.shared.to_other(poses.scores)
        few = are_few(known)
        return self.refiner.believe(
            (photo.read(), moved[some], np.float32(known[some] > 0))
            for photo, of_photo in rows_of(poses.people)
            for some in [np.array(of_photo)[~few[of_photo]]]
        )

    def refined(
        self, poses: Poses, beliefs: Iterable[Beliefs], trust: Trust | None
    ) -> Poses:
        """The poses, with the given scores, and the refiner's of joints they lacked.

        Args:
            poses: to refine.
            beliefs: about them.
            trust: in them; None if there are no beliefs.
        """
        answers = self.shared.to_other(poses.keypoints).copy()
        known = self.shared.to_other(poses.scores)
        rows, first = np.flatnonzero(~are_few(known)), 0
        found = np.zeros_like(known)
        for some in beliefs:
            here = rows[first : first + len(some)]
            answers[here] = some.in_photo(reliability.combine(some, trust))
            found[here] = some.scores
            first += len(some)
        scores = self.shared.back(np.where(known > 0, known, found), poses.scores)
        return Poses(poses.people, self.shared.back(answers, poses.keypoints), scores)


def identity(photos: Sequence[Photo]) -> list[list]:
    """What tells photos from others, and from themselves after a change."""
    return [
        [photo.name, photo.image_id, photo.known, *changed(photo.path)]
        for photo in photos
    ]


def part_of(
    photos: Sequence[Photo],
    search: Search,
    refining: Refining | None,
    trust: Trust | None,
    started: tuple[Poses, list[Beliefs]] | None = None,
) -> dict:
    """What is found in some photos, ready for JSON.

    Args:
        photos: of the part.
        search: finds poses.
        refining: improves them.
        trust: in them.
        started: what ``measured`` says of this part.

    Returns:
        "photos", their ``identity``; "nobody", the names of those without people;
        "records", COCO results.
    """
    poses, beliefs = started or (search(photos), None)
    if refining is not None:
        beliefs = refining.beliefs(poses) if beliefs is None else beliefs
        poses = refining.refined(poses, beliefs, trust)
    found = {person.photo for person in poses.people}
    return {
        "photos": identity(photos),
        "nobody": [photo.name for photo in photos if photo not in found],
        "records": search.records(poses),
    }


def measured(parts: Sequence[Sequence[Photo]], search: Search, refining: Refining):
    """The trust in the first people's poses, or None if there is nobody.

    Returns:
        ``Trust``, and {number of a part: (its poses, the beliefs about them)}, of the
        parts that this took.
    """
    first: list[Beliefs] = []
    started: dict[int, tuple[Poses, list[Beliefs]]] = {}
    for number, photos in enumerate(parts):
        if sum(map(len, first)) >= MEASURED_PEOPLE:
            break
        poses = search(photos)
        started[number] = poses, list(refining.beliefs(poses))
        first += started[number][1]
    calibration = refining.refiner.calibration
    return reliability.trust(first, calibration) if first else None, started
