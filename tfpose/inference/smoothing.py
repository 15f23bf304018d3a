"""Smooths the joints of a video with the One Euro filter.

Casiez, Roussel, and Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for
Noisy Input in Interactive Systems" (CHI 2012): a low-pass filter whose cutoff frequency
rises with speed, so that what rests does not tremble and what moves does not lag. Here
speed is in sizes of the person per second instead of pixels, so that the same numbers
fit near and far people.
"""

from __future__ import annotations

import math

import numpy as np

# Hz at rest; Hz per size of the person and second; Hz for the speed (the paper's).
MINIMUM_CUTOFF, SPEED_FACTOR, SPEED_CUTOFF = 0.5, 60.0, 1.0


def smoothing_factor(cutoff, step: float):
    """The weight of the new value in a low-pass filter, 0 to 1.

    Args:
        cutoff: Hz, a number or an array.
        step: seconds since the last value.
    """
    turn = 2 * math.pi * cutoff * step
    return turn / (turn + 1)


class OneEuro:
    """The filter of one person's joints, each coordinate by itself.

    A joint that is missing is forgotten: it begins anew when it returns.

    Args:
        minimum_cutoff: Hz; lower trembles less and lags more.
        speed_factor: Hz per size of the person and second; higher lags less.
        speed_cutoff: Hz, of the filter of the speed itself.

    Example:
        >>> smooth = OneEuro()
        >>> smooth(np.array([[0.0, 0.0]]), [True], 0.0, 1.0).tolist()
        [[0.0, 0.0]]
        >>> bool(0 < smooth(np.array([[1.0, 0.0]]), [True], 0.04, 1.0)[0, 0] < 1)
        True
    """

    def __init__(
        self,
        minimum_cutoff: float = MINIMUM_CUTOFF,
        speed_factor: float = SPEED_FACTOR,
        speed_cutoff: float = SPEED_CUTOFF,
    ):
        self.minimum_cutoff, self.speed_factor = minimum_cutoff, speed_factor
        self.speed_cutoff = speed_cutoff
        self._time, self._step = None, None
        self._known = self._values = self._speeds = None

    def __call__(self, keypoints, placed, time: float, size: float) -> np.ndarray:
        """The joints of the next frame, smoothed.

        Args:
            keypoints: f[K, 2] px.
            placed: [K], 0 for a missing joint.
            time: seconds. A step that is not positive counts as long as the last one;
                without a last one, the joints stay as they are.
            size: px, of the person, such as the square root of the box's area.

        Returns:
            f64[K, 2] px; missing joints as they are.
        """
        keypoints = np.asarray(keypoints, np.float64)
        placed = np.asarray(placed) > 0
        if self._known is None:
            self._known = np.zeros(len(keypoints), bool)
            self._values, self._speeds = keypoints, np.zeros_like(keypoints)
        step = None if self._time is None else time - self._time
        if step is not None and step > 0:
            self._step = step
        self._time = time
        both = (placed & self._known)[:, None]
        values, speeds = keypoints, np.zeros_like(keypoints)
        if self._step is not None:
            speeds = self._filtered_speeds(keypoints)
            cutoff = self.minimum_cutoff + self.speed_factor * np.abs(speeds) / size
            weight = smoothing_factor(cutoff, self._step)
            values = weight * keypoints + (1 - weight) * self._values
        # Only numbers of joints that are placed now and were before count.
        self._values = np.where(both, values, keypoints)
        self._speeds = np.where(both, speeds, 0.0)
        self._known = placed
        return self._values

    def _filtered_speeds(self, keypoints) -> np.ndarray:
        """f64[K, 2] px per second."""
        speeds = (keypoints - self._values) / self._step
        weight = smoothing_factor(self.speed_cutoff, self._step)
        return weight * speeds + (1 - weight) * self._speeds
