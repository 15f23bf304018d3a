"""Quad soups: the surfaces in synthetic photos.

Surfaces consist of quads so small that each needs only one color and depth.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np


@dataclasses.dataclass(frozen=True)
class Faces:
    """Quads with colors.

    ``corners`` f64[F, 4, 3] meters, counterclockwise from outside; ``colors`` f64[F, 3]
    RGB 0..255 under full light; ``lift`` f64[F] meters, how much nearer a face counts
    than it is (for features on a surface); ``thin`` bool[F], true for faces visible
    from both sides.
    """

    corners: np.ndarray
    colors: np.ndarray
    lift: np.ndarray
    thin: np.ndarray

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, which) -> Faces:
        """The faces of an index array."""
        return Faces(
            self.corners[which], self.colors[which], self.lift[which], self.thin[which]
        )


def faces(corners, colors, lift=0.0, thin=False) -> Faces:
    """``Faces`` from corners [..., 4, 3] and colors that broadcast to [..., 3]."""
    count = corners.size // 12
    painted = np.empty((*corners.shape[:-2], 3))
    painted[...] = colors
    return Faces(
        corners.reshape(count, 4, 3), painted.reshape(count, 3),
        np.full(count, lift), np.full(count, thin),
    )  # fmt: skip


def join(parts: list[Faces]) -> Faces:
    """All faces of several parts, in order."""
    return Faces(
        np.concatenate([part.corners for part in parts]),
        np.concatenate([part.colors for part in parts]),
        np.concatenate([part.lift for part in parts]),
        np.concatenate([part.thin for part in parts]),
    )


def loft(centers, across, front, columns: int) -> np.ndarray:
    """The skin over a row of elliptic rings.

    Args:
        centers: f64[R, 3].
        across: f64[R, 3], the half axis of each ring at angle 0.
        front: f64[R, 3], the half axis at a quarter turn.
        columns: faces around a ring.

    Returns:
        f64[R - 1, columns, 4, 3], counterclockwise from outside.
    """
    circle = _circle(columns)
    points = centers[:, None] + circle[0] * across[:, None] + circle[1] * front[:, None]
    middle = len(centers) // 2
    (a, b, c), (d, e, f) = front[middle].tolist(), across[middle].tolist()
    x, y, z = (centers[-1] - centers[0]).tolist()
    upward = (b * f - c * e) * x + (c * d - a * f) * y + (a * e - b * d) * z > 0
    corners = np.empty((len(centers) - 1, columns, 4, 3))
    corners[:, :, 0] = points[:-1, :-1]
    corners[:, :, 1 if upward else 3] = points[1:, :-1]
    corners[:, :, 2] = points[1:, 1:]
    corners[:, :, 3 if upward else 1] = points[:-1, 1:]
    return corners


@functools.cache
def _circle(columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines f64[1, columns + 1, 1] once around."""
    angle = (np.arange(columns + 1) * (2 * np.pi / columns))[None, :, None]
    return np.cos(angle), np.sin(angle)


@functools.cache
def column_angle(columns: int) -> np.ndarray:
    """f64[columns]: degrees between each column's middle and the front, 0..180."""
    angle = (np.arange(columns) + 0.5) * (360 / columns)
    return np.abs((angle - 90 + 180) % 360 - 180)


def tube(start, end, frame, profile, scale: float, columns: int = 12) -> np.ndarray:
    """A limb from rows of (fraction of the way, half width, half depth)."""
    fraction, width, depth = np.asarray(profile).T[:, :, None]
    centers = start + fraction * (end - start)
    across, front = width * scale * frame[:, 0], depth * scale * frame[:, 2]
    return loft(centers, across, front, columns)


def disc(center, axis_a, axis_b) -> np.ndarray:
    """f64[3, 4, 3]: an octagon in three faces, its normal along axis_a x axis_b."""
    angle = (np.arange(8) + 0.5) * (np.pi / 4)
    points = center + np.cos(angle)[:, None] * axis_a + np.sin(angle)[:, None] * axis_b
    return points[np.array([[0, 1, 2, 7], [7, 2, 3, 6], [6, 3, 4, 5]])]


def ball(center, radius: float, columns: int = 12) -> np.ndarray:
    """A sphere."""
    angle = np.linspace(-1, 1, 8) * 1.5
    round_off = radius * np.cos(angle)
    rows = np.stack([np.sin(angle), round_off, round_off], -1)
    top = center + np.array([0, radius, 0])
    return tube(center, top, np.eye(3), rows, 1.0, columns)


def folds(rng, corners, strength: float) -> np.ndarray:
    """Brightness of each face [R, N, 1] in soft waves, like folds of cloth."""
    rows, columns = corners.shape[:2]
    row, column = np.arange(rows)[:, None], np.arange(columns) * (2 * np.pi / columns)
    start, rise, turns = rng.uniform((0, 0.4, 0), (6.28, 1.2, 3), (2, 3)).T
    waves = np.sin(start[0] + rise[0] * row + np.round(turns[0]) * column)
    waves = waves + np.sin(start[1] - rise[1] * row + np.round(turns[1]) * column)
    return 1 + strength * waves[..., None]
