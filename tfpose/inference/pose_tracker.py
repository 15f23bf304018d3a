"""Finds and follows people in a video, one frame after the other.

A frame has two steps. ``look`` runs the networks: it estimates the poses of those who
were in the last frame, in boxes around where they are expected, and sometimes searches
the frame for others. ``follow`` is arithmetic: it names the people (``tracking``) and
smooths their joints (``smoothing``). What ``look`` saw can be kept, and followed again.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np

from tfpose.errors import TfposeError
from tfpose.geometry.arrays import box_around, overlaps
from tfpose.geometry.rules import BOX_FACTOR, SMALLEST_SIDE
from tfpose.inference.boxes import inside
from tfpose.inference.detectors import Detector, load_detector
from tfpose.inference.inputs import checked_photo
from tfpose.inference.people import SEEN
from tfpose.inference.smoothing import OneEuro
from tfpose.inference.tracking import MEMORY, NOBODY, Tracks, greedy_pairs
from tfpose.metrics.oks import oks_nms

# Frames from one search for people to the next while nobody is lost.
SEARCH_EVERY = 5
# A detected box that overlaps an expected one more than this (IoU) is that person.
SAME_BOX = 0.4
# Of two poses more alike than this (OKS), only the better one is a person.
SAME_POSE = 0.6
# A person is still there if the mean of the joints' scores, those not seen as 0, is
# above this.
STILL_THERE = 0.2
# One look at each person: many looks cost more than smoothing does.
SCALES, FLIP = (1.0,), False


@dataclasses.dataclass(frozen=True)
class Sight:
    """What the networks see in a frame: N people.

    Attributes:
        boxes: f32[N, 4] xywh px, in which they were looked at.
        box_scores: f32[N] in 0..1.
        keypoints: f32[N, K, 2] px.
        scores: f32[N, K] in 0..1.
        searched: whether the whole frame was searched.
    """

    boxes: np.ndarray
    box_scores: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    searched: bool

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows) -> Sight:
        """The people of some rows."""
        arrays = self.boxes, self.box_scores, self.keypoints, self.scores
        return Sight(*(array[rows] for array in arrays), self.searched)

    def to_json(self) -> list:
        """Lists from which ``from_json`` makes the same arrays, to the bit."""
        arrays = self.boxes, self.box_scores, self.keypoints, self.scores
        return [*(array.tolist() for array in arrays), self.searched]

    @classmethod
    def from_json(cls, data: list, joints: int) -> Sight:
        """The arrays of ``to_json``."""
        *values, searched = data
        shapes = (4,), (), (joints, 2), (joints,)
        arrays = [
            np.array(some, np.float32).reshape(len(some), *shape)
            for some, shape in zip(values, shapes, strict=True)
        ]
        return cls(*arrays, searched)


@dataclasses.dataclass(frozen=True)
class People:
    """The people of a frame: N of them.

    Attributes:
        keypoints: f32[N, K, 2] px, smoothed.
        scores: f32[N, K] in 0..1.
        track_ids: i64[N] from 1, all different; ``tracking.NOBODY`` without tracking.
        boxes: f32[N, 4] xywh px, in which they were looked at.
        box_scores: f32[N] in 0..1.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    track_ids: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray

    def __len__(self) -> int:
        return len(self.track_ids)


class PoseTracker:
    """Finds and follows the people of a video.

    Args:
        estimator: an ``Estimator`` of single people, or a ``BottomUp``.
        detect: finds people in a frame (``detectors``); None for a ``BottomUp``, which
            needs nobody to find them.
        joint_score: a joint with a lower score is not seen.
        search_every: frames from one search to the next; the frame after somebody was
            lost is searched too, and every frame while nobody is there.
        memory: frames for which somebody out of sight is remembered.
        track: follow people; without it, every frame is searched and nobody has an id.
        smooth: smooth the joints of those who are followed.

    Raises:
        TfposeError: a number that is not positive.

    Example:
        >>> import tfpose
        >>> tracker = tfpose.PoseTracker.from_preset("estimator_tiny_lsp")
        >>> frame = np.zeros((120, 160, 3), np.uint8)
        >>> keypoints, scores, track_ids = tracker(frame, time=0.0)
        >>> keypoints.shape, scores.shape, track_ids.shape
        ((0, 14, 2), (0, 14), (0,))
    """

    def __init__(
        self,
        estimator: Callable,
        detect: Detector | None = None,
        joint_score: float = SEEN,
        search_every: int = SEARCH_EVERY,
        memory: int = MEMORY,
        track: bool = True,
        smooth: bool = True,
    ):
        if search_every < 1 or memory < 0:
            raise TfposeError(
                "expected search_every from 1 and memory from 0, found "
                f"{search_every} and {memory}"
            )
        self.skeleton, self.joint_score = estimator.skeleton, joint_score
        self._estimator, self._detect = estimator, detect
        self._search_every, self._track, self._smooth = search_every, track, smooth
        self._tracks = Tracks(self.skeleton.sigma_array, memory)
        self._filters: dict[int, OneEuro] = {}
        self._confidence: dict[int, float] = {}
        self._since_search, self._lost = search_every, False

    @classmethod
    def from_preset(
        cls,
        name: str | pathlib.Path,
        detector: str | None = None,
        detection_score: float | None = None,
        scales=SCALES,
        flip: bool = FLIP,
        **options,
    ) -> PoseTracker:
        """Loads a preset or a model folder, and a detector.

        Args:
            name: preset or folder of an estimator.
            detector: folder or file of a detector; default: the package's own.
            detection_score: drops boxes with a lower score; default: the detector's.
            scales, flip: as for ``Estimator``; one look by default.
            options: for the class.

        Raises:
            TfposeError: not an estimator.
            DetectorError: not a detector, or what it needs is not installed.
        """
        # Following is arithmetic, which needs no TensorFlow.
        from tfpose.inference.bottom_up import BottomUp
        from tfpose.inference.estimator import Estimator
        from tfpose.models.table import load_model

        network, config = load_model(name)
        if network.is_bottom_up:
            if (detector, detection_score) != (None, None):
                raise TfposeError(
                    f"model {name}: expected no detector for a model that finds "
                    "everybody by itself"
                )
            return cls(BottomUp(network, config.skeleton, flip), **options)
        estimator = Estimator.of(network, config, scales, flip, name=name)
        return cls(estimator, load_detector(detector, detection_score), **options)

    def __call__(self, photo, time: float):
        """Finds the people in the next frame.

        Args:
            photo: u8[H, W, 3] RGB.
            time: seconds since the video began.

        Returns:
            Keypoints f32[N, K, 2] px, scores f32[N, K] in 0..1, and track ids i64[N].

        Raises:
            TfposeError: a photo of the wrong type or shape.
        """
        people = self.follow(self.look(photo), time)
        return people.keypoints, people.scores, people.track_ids

    # --- looking -----------------------------------------------------------------

    def look(self, photo) -> Sight:
        """Runs the networks on the next frame; does not change the tracker.

        Raises:
            TfposeError: a photo of the wrong type or shape.
        """
        photo = checked_photo(photo)
        if self._detect is None:
            keypoints, scores = self._estimator(photo)
            boxes = _boxes_of(keypoints, scores > 0)
            sure = np.ones(len(boxes), np.float32)
            return self._distinct(Sight(boxes, sure, keypoints, scores, True))
        boxes, box_scores = self._expected(photo.shape)
        searched = self._searches()
        if searched:
            found, found_scores = self._detect(photo)
            # A detected box is better: an expected one may show somebody nearby.
            pairs = greedy_pairs(overlaps(found[:, None], boxes), SAME_BOX)
            left = np.delete(np.arange(len(boxes)), [column for _, column in pairs])
            boxes = np.concatenate([found, boxes[left]])
            box_scores = np.concatenate([found_scores, box_scores[left]])
        keypoints, scores = self._estimator(photo, boxes)
        return self._distinct(Sight(boxes, box_scores, keypoints, scores, searched))

    def _searches(self) -> bool:
        followed = self._track and self._tracks.in_sight
        late = self._since_search >= self._search_every
        return not followed or self._lost or late

    def _expected(self, shape) -> tuple[np.ndarray, np.ndarray]:
        """Boxes f32[N, 4] xywh px around those in sight, and their scores f32[N]."""
        tracks = self._tracks.in_sight if self._track else []
        if not tracks:
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        keypoints = np.stack([track.expected for track in tracks])
        placed = np.stack([track.placed for track in tracks])
        scores = np.array([self._confidence[track.track_id] for track in tracks])
        return inside(_boxes_of(keypoints, placed), scores, shape)

    def _distinct(self, sight: Sight) -> Sight:
        """Without poses of nobody, and without copies of better poses."""
        means = np.where(sight.scores >= self.joint_score, sight.scores, 0).mean(axis=1)
        there = np.flatnonzero(means > STILL_THERE)
        sight, means = sight.take(there), means[there]
        areas = sight.boxes[:, 2:].prod(axis=1)
        sigmas = self.skeleton.sigma_array
        best = oks_nms(sight.keypoints, means, areas, sigmas, SAME_POSE)
        return sight.take(np.sort(best))

    # --- following ---------------------------------------------------------------

    def follow(self, sight: Sight, time: float) -> People:
        """Names and smooths the people of the next frame.

        Args:
            sight: of that frame.
            time: seconds since the video began.
        """
        self._since_search = 1 if sight.searched else self._since_search + 1
        keypoints, boxes = sight.keypoints, sight.boxes
        ids = np.full(len(sight), NOBODY, np.int64)
        if self._track:
            placed = sight.scores >= self.joint_score
            areas = boxes[:, 2:].prod(axis=1)
            before = {track.track_id for track in self._tracks.in_sight}
            ids = self._tracks.step(keypoints, placed, areas)
            self._lost = not before <= set(ids.tolist())
            alive = {track.track_id for track in self._tracks.alive}
            scores = zip(ids.tolist(), sight.box_scores.tolist(), strict=True)
            self._confidence = {
                **{one: self._confidence[one] for one in alive & {*self._confidence}},
                **dict(scores),
            }
            if self._smooth:
                keypoints = self._smoothed(keypoints, placed, ids, time, areas)
        return People(keypoints, sight.scores, ids, boxes, sight.box_scores)

    def _smoothed(self, keypoints, placed, ids, time: float, areas) -> np.ndarray:
        # Who is out of sight begins anew.
        seen = ids[ids != NOBODY].tolist()
        self._filters = {one: self._filters.get(one, OneEuro()) for one in seen}
        smoothed = keypoints.copy()
        for row, one in enumerate(ids.tolist()):
            if one != NOBODY:
                size = float(np.sqrt(areas[row]))
                smoothed[row] = self._filters[one](
                    keypoints[row], placed[row], time, size
                )
        return smoothed


def _boxes_of(keypoints, placed) -> np.ndarray:
    """f32[N, 4] xywh px: as refiners put them around poses."""
    boxes = box_around(keypoints, placed, SMALLEST_SIDE, BOX_FACTOR)
    return boxes.astype(np.float32)
