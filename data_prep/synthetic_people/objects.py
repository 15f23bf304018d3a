"""Objects around synthetic people: seats, things in their hands, and clutter.

World space as in ``render``.
"""

from __future__ import annotations

import functools

import numpy as np

from data_prep.synthetic_people.body import pick, turn_y
from data_prep.synthetic_people.clothes import cloth_color
from data_prep.synthetic_people.mesh import Faces, ball, faces, join, tube


def box(base, half, rotation, color, cell: float = 0.2) -> Faces:
    """A box on ``base`` f64[3] with half sizes (x, y, z), cut into cells.

    Cells keep the far-to-near order right next to a long side.
    """
    half = np.asarray(half, np.float64)
    cells = tuple(np.maximum(np.ceil(2 * half / cell), 1).astype(int).tolist())
    corners = (_unit_box(cells) * half) @ rotation.T + base
    return faces(corners, np.asarray(color, np.float64))


@functools.cache
def _unit_box(cells: tuple[int, int, int]) -> np.ndarray:
    """f64[F, 4, 3]: sides and top of the box from (-1, 0, -1) to (1, 2, 1)."""
    sides = []
    for axis, sign in ((0, 1), (0, -1), (2, 1), (2, -1), (1, 1)):
        a, b = [other for other in range(3) if other != axis]
        u, v = np.meshgrid(
            np.linspace(-1, 1, cells[a] + 1), np.linspace(-1, 1, cells[b] + 1),
            indexing="ij",
        )  # fmt: skip
        points = np.empty((*u.shape, 3))
        points[..., axis], points[..., a], points[..., b] = sign, u, v
        points[..., 1] += 1
        corner = (points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:])
        outward = sign if axis != 1 else -sign
        grid = np.stack(corner if outward > 0 else corner[::-1], axis=2)
        sides.append(grid.reshape(-1, 4, 3))
    return np.concatenate(sides)


def sample_objects(rng, camera, people, size) -> list[Faces]:
    """Seats for sitters, things in hands, and clutter around the people."""
    solids = []
    for person in people:
        if person.body.activity == "sit":
            solids += _seat(rng, person)
        if rng.random() < 0.22:
            solids.append(_held(rng, person))
    standing = np.array([person.offset[[0, 2]] for person in people])
    for _ in range(pick(rng, {0: 0.2, 1: 0.3, 2: 0.25, 3: 0.15, 4: 0.1})):
        in_front = rng.random() < 0.35
        z = -camera.subject[1] * (
            rng.uniform(0.55, 0.88) if in_front else rng.uniform(0.9, 1.6)
        )
        x = rng.uniform(-0.6, 0.6) * 2 * camera.center[0] / camera.focal * z
        # Nothing in front hides a whole person.
        shares = {draw: 1 for draw in CLUTTER if not (in_front and draw in TALL)}
        solid, radius = pick(rng, shares)(
            rng, np.array([x, 0, -z]), turn_y(rng.uniform(-60, 60)), cloth_color(rng)
        )
        if np.linalg.norm(standing - (x, -z), axis=1).min() > radius + 0.35:
            solids.append(solid)
    return solids


def _seat(rng, person) -> list[Faces]:
    """A crate, bench or chair that touches the sitter from below."""
    girth = person.body.girth
    hips = person.to_world(np.array([0, -0.10 * girth, 0.06]))
    if hips[1] < 0.2:
        return []
    color, turn = cloth_color(rng), person.rotation
    base = np.array([hips[0], 0, hips[2]])
    wide = pick(rng, {0.22: 1, 0.24: 1, 0.7: 1})
    if rng.random() < 0.4:
        return [box(base, (wide, hips[1] / 2, 0.22), turn, color)]
    parts = [box(base + (0, hips[1] - 0.05, 0), (wide, 0.025, 0.22), turn, color)]
    for x in (-wide + 0.03, wide - 0.03):
        for z in (-0.19, 0.19):
            foot = base + turn @ np.array([x, 0, z])
            parts.append(box(foot, (0.02, hips[1] / 2 - 0.03, 0.02), turn, color * 0.8))
    if rng.random() < 0.6:
        back = base + turn @ np.array([0, hips[1], -0.24])
        parts.append(box(back, (wide, 0.24, 0.015), turn, color * 0.95, 0.12))
    return parts


def _held(rng, person) -> Faces:
    """A ball, bat, bag or phone in one hand."""
    side = pick(rng, {"left": 1, "right": 1})
    joints, color = person.body.joints, cloth_color(rng)
    wrist, hand = person.to_world(
        np.array([joints[f"{side}_wrist"], joints[f"{side}_hand"]])
    )
    frame = person.rotation @ person.body.frames[f"{side}_forearm"]
    palm = wrist + (hand - wrist) * 0.6
    thing = pick(rng, {"ball": 1, "bat": 1, "bag": 1, "phone": 1})
    if thing == "ball":
        radius = rng.uniform(0.05, 0.13)
        return faces(ball(palm + frame[:, 2] * radius, radius), color)
    if thing == "bat":
        length = rng.uniform(0.4, 0.9)
        rows = [
            (-0.2, 0.015, 0.015),
            (0.6, 0.015, 0.015),
            (0.7, 0.03, 0.03),
            (1, 0.03, 0.03),
            (1.01, 0, 0),
        ]
        along = frame[:, 2] * pick(rng, {-1: 1, 1: 1})
        turned = np.stack([frame[:, 0], along, frame[:, 1]], -1)
        return faces(tube(palm, palm + along * length, turned, rows, 1.0, 8), color)
    if thing == "bag":
        return box(palm - (0, 0.42, 0), (0.15, 0.16, 0.06), person.rotation, color)
    return box(palm - (0, 0.05, 0), (0.035, 0.07, 0.01), frame, color * 0.3)


# Clutter: functions (rng, base, rotation, color) that put an object on the ground at
# ``base`` and return its faces and the radius in meters that it occupies.


def _crate(rng, base, turn, color) -> tuple[Faces, float]:
    half = rng.uniform((0.15, 0.12, 0.15), (0.5, 0.4, 0.3))
    return box(base, half, turn, color), float(np.hypot(half[0], half[2]))


def _cabinet(rng, base, turn, color) -> tuple[Faces, float]:
    half = rng.uniform((0.2, 0.6, 0.15), (0.6, 1.1, 0.3))
    return box(base, half, turn, color), float(np.hypot(half[0], half[2]))


def _table(rng, base, turn, color) -> tuple[Faces, float]:
    wide, tall = rng.uniform(0.35, 0.8), rng.uniform(0.55, 0.8)
    parts = [box(base + (0, tall, 0), (wide, 0.025, 0.3), turn, color)]
    for x in (-wide + 0.05, wide - 0.05):
        for z in (-0.26, 0.26):
            leg = base + turn @ np.array([x, 0, z])
            parts.append(box(leg, (0.025, tall / 2, 0.025), turn, color * 0.75, 0.3))
    return join(parts), wide


def _ball(rng, base, turn, color) -> tuple[Faces, float]:
    radius = rng.uniform(0.1, 0.35)
    return faces(ball(base + (0, radius, 0), radius, 16), color), radius


def _pole(rng, base, turn, color) -> tuple[Faces, float]:
    rows = [(i / 12, 1, 1) for i in range(13)]
    top = base + (0, rng.uniform(1.5, 4), 0)
    return faces(tube(base, top, turn, rows, rng.uniform(0.02, 0.15)), color), 0.15


def _rail(rng, base, turn, color) -> tuple[Faces, float]:
    parts = [box(base + (0, 0.9, 0), (0.85, 0.02, 0.02), turn, color)]
    for x in np.linspace(-0.8, 0.8, 7):
        foot = base + turn @ np.array([x, 0, 0])
        parts.append(box(foot, (0.015, 0.45, 0.015), turn, color, 0.3))
    return join(parts), 0.8


def _bush(rng, base, turn, color) -> tuple[Faces, float]:
    """A few hundred leaves around the ends of a few twigs."""
    size = rng.uniform((0.25, 0.3, 0.2), (0.5, 0.7, 0.35))
    twigs = rng.standard_normal((7, 3)) * 0.4
    centers = twigs[rng.integers(7, size=260)] + rng.standard_normal((260, 3)) * 0.25
    centers = centers * size + base + (0, size[1], 0)
    centers[:, 1] = np.abs(centers[:, 1])
    a, b = rng.standard_normal((2, 260, 3)) * rng.uniform(0.04, 0.08)
    corners = np.stack([centers - a, centers - b, centers + a, centers + b], axis=1)
    green = np.array([75, 115, 55]) * rng.uniform(0.5, 1.2) + rng.uniform(-20, 20, 3)
    leaves = green * rng.uniform(0.6, 1.25, (260, 1))
    return faces(corners, leaves, thin=True), 0.5


CLUTTER = (_crate, _table, _bush, _ball, _rail, _cabinet, _pole)
TALL = (_cabinet, _pole)
