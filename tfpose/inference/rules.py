"""How sure poses are and which of them stay: ours, or a protocol's."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from tfpose.evaluation.protocols import Protocol
from tfpose.geometry import arrays
from tfpose.geometry.crops import upright_photo
from tfpose.geometry.rules import CROP_MARGIN
from tfpose.inference.people import Candidate
from tfpose.io.photo_ids import Photo
from tfpose.metrics.oks import oks_nms
from tfpose.skeletons import Skeleton

# Of nearly equal poses, those whose OKS with a better one is above this are dropped.
NEAR_COPIES = 0.9


@dataclasses.dataclass(frozen=True)
class Rules:
    """How ``predict`` rates poses and drops near copies.

    Attributes:
        joint_score: ours: joints with a lower score are not seen.
        size: (height, width) of the crops.
        protocol: the data set's, or None for ours.
    """

    joint_score: float
    size: tuple[int, int]
    protocol: Protocol | None = None

    def placed(self, people: list[Candidate], annotated: bool) -> list[Candidate]:
        """The people in the boxes where they are looked for.

        Args:
            people: with boxes, or without where a protocol goes by the photo.
            annotated: the boxes are of annotations.
        """
        protocol = self.protocol
        if protocol is None or not (protocol.by_photo or annotated):
            return people
        placed = []
        for person in people:
            photo = person.photo.read()
            if protocol.by_photo:
                box = upright_photo(photo, self.size)
            else:
                box = inner_box(person.box, photo) if protocol.cut_boxes else person.box
            placed.append(dataclasses.replace(person, box=box))
        return placed

    def pose_score(self, scores) -> float:
        """A pose's score f[K] -> 0..1.

        Ours is the joints' mean, where those not seen count as 0.
        """
        if self.protocol:
            return self.protocol.pose_score(scores)
        return float(np.where(scores >= self.joint_score, scores, 0).mean())

    def distinct(
        self, people: list[Candidate], keypoints, scores, skeleton: Skeleton, sure: bool
    ):
        """All three without poses that nearly copy a better one of their photo.

        By our rules, poses without a seen joint go, too, unless it is ``sure`` that
        people are there. Of equally good poses the first stays, by a protocol the last,
        as in published code.
        """
        protocol = self.protocol
        limit = protocol.near_copies if protocol else NEAR_COPIES
        if limit is None:
            return people, keypoints, scores
        kept: list[int] = []
        for _, rows in rows_of(people):
            if protocol:
                rows = rows[::-1]
            elif not sure:
                rows = [r for r in rows if (scores[r] >= self.joint_score).any()]
            ranks = [people[r].score * self.pose_score(scores[r]) for r in rows]
            areas = self._areas([people[r].box for r in rows])
            best = oks_nms(keypoints[rows], ranks, areas, skeleton.sigmas, limit)
            kept += sorted(rows[place] for place in best)
        return [people[row] for row in kept], keypoints[kept], scores[kept]

    def _areas(self, boxes) -> np.ndarray:
        """f64[N] px^2: of the boxes, by a protocol of their crops."""
        boxes = np.reshape(np.asarray(boxes, np.float64), (-1, 4))
        if self.protocol:
            boxes = arrays.fit_boxes(boxes, self.size, CROP_MARGIN)
        return boxes[:, 2:].prod(axis=1)


def inner_box(box, photo) -> np.ndarray:
    """f32[4] xywh: an annotated box cut at the photo's border and a pixel smaller.

    So do the codes of SimpleBaseline, HRNet and PoseFix with COCO's boxes, whose far
    corner they take for the last pixel.
    """
    low = np.maximum(np.float32(box[:2]), 0)
    last = np.float32(photo.shape[1::-1]) - 1
    high = np.minimum(last, low + np.maximum(np.float32(box[2:]) - 1, 0))
    return np.concatenate([low, np.maximum(high - low, 1)])


def rows_of(people: list[Candidate]) -> Iterator[tuple[Photo, list[int]]]:
    """Each photo with the rows of its people, which are consecutive."""
    places = itertools.groupby(range(len(people)), lambda row: people[row].photo)
    return ((photo, list(rows)) for photo, rows in places)
