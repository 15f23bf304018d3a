"""Follows people through a video: who in this frame is who in the last ones.

The greedy matching by OKS of Xiao, Wu, and Wei, "Simple Baselines for Human Pose
Estimation and Tracking" (ECCV 2018), sections 3.2 and 3.3: of all pairs of a pose and a
track, the most similar one is matched first, then the most similar one of the others,
as long as it is similar enough. The paper moves the last frame's joints by optical
flow; here they move on as fast as the person did. The paper compares with the poses of
several last frames; here with the last pose of each track, for as many frames as it is
remembered.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.metrics.oks import keypoint_similarity

# Frames for which somebody out of sight is remembered.
MEMORY = 30
# The smallest OKS of two poses of one person in consecutive frames.
SIMILAR = 0.1
# Two poses can be compared if they share this many joints.
SHARED = 3
# The share of the last step in a person's velocity; the rest is from before. The mean
# of about ten steps outlasts the frames in which a pose slips onto somebody in front.
NEWEST = 0.1
NOBODY = -1


@dataclasses.dataclass
class Track:
    """A person who is followed.

    Attributes:
        track_id: number from 1.
        keypoints: f64[K, 2] px, the last pose.
        placed: bool[K], its joints.
        area: px^2, of its box.
        velocity: f64[2] px per frame, of the whole person: the mean of its steps, the
            older ones fading.
        missed: frames since that pose; 0 if it is of the last frame.
        steps: how often it moved.
    """

    track_id: int
    keypoints: np.ndarray
    placed: np.ndarray
    area: float
    velocity: np.ndarray
    missed: int = 0
    steps: int = 0

    @property
    def expected(self) -> np.ndarray:
        """f64[K, 2] px: where the joints will be in the next frame."""
        return self.keypoints + self.velocity * (self.missed + 1)


def similarities(keypoints, placed, tracks: list[Track], sigmas) -> np.ndarray:
    """OKS of the poses of a frame with what is expected of each track.

    Args:
        keypoints: f64[N, K, 2] px.
        placed: bool[N, K], the joints that each pose has.
        tracks: M tracks.
        sigmas: f64[K].

    Returns:
        f64[N, M] in 0..1, the mean over the joints that both have; 0 if these are fewer
        than ``SHARED``.
    """
    found = np.zeros((len(keypoints), len(tracks)))
    needed = min(SHARED, len(sigmas))
    for column, track in enumerate(tracks):
        both = np.asarray(placed, bool) & track.placed
        squared = np.square(keypoints - track.expected).sum(axis=-1)
        areas = np.full(len(keypoints), track.area)
        alike = keypoint_similarity(squared, areas, sigmas)
        count = both.sum(axis=1)
        mean = np.where(both, alike, 0.0).sum(axis=1) / np.maximum(count, 1)
        found[:, column] = np.where(count >= needed, mean, 0.0)
    return found


def greedy_pairs(similarity, least: float) -> list[tuple[int, int]]:
    """Pairs rows and columns of f64[N, M], the most similar ones first.

    Pairs below ``least`` stay apart, as do those of similarity 0. The first of equals
    wins.
    """
    left = np.array(similarity, np.float64)
    pairs: list[tuple[int, int]] = []
    while left.size and left.max() > 0 and left.max() >= least:
        row, column = np.unravel_index(left.argmax(), left.shape)
        pairs.append((int(row), int(column)))
        left[row], left[:, column] = -1.0, -1.0
    return pairs


class Tracks:
    """The people of a video so far.

    Args:
        sigmas: f[K], the skeleton's.
        memory: frames for which somebody who is not found is remembered.
        least: smallest OKS of a match.

    Example:
        >>> tracks = Tracks([0.1] * 3)
        >>> pose = np.array([[[10.0, 10], [20, 10], [15, 20]]])
        >>> tracks.step(pose, np.ones((1, 3)), [100.0]).tolist()
        [1]
        >>> tracks.step(pose + 1, np.ones((1, 3)), [100.0]).tolist()
        [1]
    """

    def __init__(self, sigmas, memory: int = MEMORY, least: float = SIMILAR):
        self.sigmas = np.asarray(sigmas, np.float64)
        self.memory, self.least = memory, least
        self.alive: list[Track] = []
        self._last_id = 0

    @property
    def in_sight(self) -> list[Track]:
        """The tracks that were found in the last frame."""
        return [track for track in self.alive if not track.missed]

    def step(self, keypoints, placed, areas) -> np.ndarray:
        """Names the people of the next frame.

        Args:
            keypoints: f[N, K, 2] px.
            placed: [N, K], 0 for a joint that a pose lacks.
            areas: f[N] px^2, of the people's boxes.

        Returns:
            i64[N] track ids, all different; ``NOBODY`` for a pose without joints.
        """
        keypoints = np.asarray(keypoints, np.float64)
        placed = np.asarray(placed) > 0
        ids = np.full(len(keypoints), NOBODY, np.int64)
        similarity = similarities(keypoints, placed, self.alive, self.sigmas)
        pairs = greedy_pairs(similarity, self.least)
        before, self.alive = self.alive, []
        for row, column in pairs:
            track = before[column]
            self._move(track, keypoints[row], placed[row], float(areas[row]))
            ids[row] = track.track_id
        matched = {column for _, column in pairs}
        for column, track in enumerate(before):
            if column not in matched:
                track.missed += 1
            if track.missed <= self.memory:
                self.alive.append(track)
        for row in np.flatnonzero((ids == NOBODY) & placed.any(axis=1)):
            ids[row] = self._begin(keypoints[row], placed[row], float(areas[row]))
        return ids

    def _move(self, track: Track, keypoints, placed, area: float) -> None:
        both = placed & track.placed
        # The middle one: limbs swing, and some joints jump to somebody else.
        step = np.median((keypoints - track.keypoints)[both], axis=0)
        step = step / (track.missed + 1)
        track.steps += 1
        newest = max(NEWEST, 1 / track.steps)
        track.velocity = newest * step + (1 - newest) * track.velocity
        track.keypoints, track.placed, track.area = keypoints, placed, area
        track.missed = 0

    def _begin(self, keypoints, placed, area: float) -> int:
        self._last_id += 1
        self.alive.append(Track(self._last_id, keypoints, placed, area, np.zeros(2)))
        return self._last_id
