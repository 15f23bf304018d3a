"""MOTA, MOTP, precision and recall of one joint of tracked people.

The CLEAR MOT metrics of Bernardin and Stiefelhagen, "Evaluating Multiple Object
Tracking Performance" (EURASIP Journal on Image and Video Processing, 2008), as
PoseTrack uses them: each joint is tracked on its own. A test checks that the counts
equal those of the package motmetrics.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import scipy.optimize


@dataclasses.dataclass(frozen=True)
class Events:
    """Counts over video frames; supports +.

    Attributes:
        objects: labeled joints.
        matches: labeled joints that were found, including switches.
        switches: matches by another track than the last time.
        false_positives: found joints that match no label.
        distance: sum over matches, in head sizes.
    """

    objects: int = 0
    matches: int = 0
    switches: int = 0
    false_positives: int = 0
    distance: float = 0.0

    def __add__(self, other: Events) -> Events:
        one, two = dataclasses.astuple(self), dataclasses.astuple(other)
        return Events(*(a + b for a, b in zip(one, two, strict=True)))

    @property
    def misses(self) -> int:
        """Labeled joints that were not found."""
        return self.objects - self.matches

    def rates(self) -> dict[str, float]:
        """ "mota", "motp", "precision" and "recall" in percent; nan without data.

        MOTA is 100 minus misses, switches and false positives, and may be negative;
        MOTP is 100 minus the mean distance of matches in percent of a head size.
        """
        wrong = self.misses + self.switches + self.false_positives
        return {
            "mota": 100.0 - _percent(wrong, self.objects),
            "motp": 100.0 - _percent(self.distance, self.matches),
            "precision": _percent(self.matches, self.matches + self.false_positives),
            "recall": _percent(self.matches, self.objects),
        }


def _percent(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else np.nan


def follow(frames: Iterable[tuple]) -> Events:
    """Counts the events of one joint in one video.

    In each frame a label keeps the track that found it last while that track is near
    enough. The others are matched, as many as possible, at the smallest sum of
    distances. A match is a switch if another track found the label last, however long
    ago.

    Args:
        frames: in order, each (ids of the O labels, ids of the H found joints,
            distances f64[O, H] in head sizes, nan or inf if too far apart to match).
            Ids are unique in a frame.
    """
    events, last = Events(), {}
    for labels, found, distances in frames:
        labels, found = list(labels), list(found)
        distances = np.asarray(distances, np.float64).reshape(len(labels), len(found))
        pairs = _keep(labels, found, distances, last)
        pairs += _match_rest(distances, pairs)
        switches = [last.get(labels[i], found[j]) != found[j] for i, j in pairs]
        last.update((labels[i], found[j]) for i, j in pairs)
        events += Events(
            objects=len(labels),
            matches=len(pairs),
            switches=sum(switches),
            false_positives=len(found) - len(pairs),
            distance=float(sum(distances[pair] for pair in pairs)),
        )
    return events


def _keep(labels, found, distances, last: dict) -> list[tuple[int, int]]:
    """The pairs (label, found joint) that still match."""
    place = {track: j for j, track in enumerate(found)}
    pairs, taken = [], set()
    for i, label in enumerate(labels):
        j = place.get(last.get(label))
        if j is not None and j not in taken and np.isfinite(distances[i, j]):
            pairs.append((i, j))
            taken.add(j)
    return pairs


def _match_rest(distances, pairs) -> list[tuple[int, int]]:
    """Matches as many of the others as possible, with the least total distance."""
    near = np.isfinite(distances)
    for i, j in pairs:
        near[i], near[:, j] = False, False
    if not near.any():
        return []
    # One far pair costs more than any set of near ones.
    far = 1.0 + 2.0 * min(near.shape) * distances[near].max(initial=1.0)
    costs = np.where(near, distances, far)
    rows, columns = scipy.optimize.linear_sum_assignment(costs)
    chosen = near[rows, columns]
    return list(zip(rows[chosen].tolist(), columns[chosen].tolist(), strict=True))
