"""Where synthetic people are: camera, light, places on the ground and objects.

World space as in ``synthetic_render``.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from data_prep.synthetic_body import Body, pick, turn_y
from data_prep.synthetic_clothes import cloth_colour
from data_prep.synthetic_figure import Faces, ball, faces, join, tube


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera above the world's origin.

    ``rotation`` f64[3, 3] has the camera's right, down and forward axes as rows;
    ``focal`` is in pixels, ``centre`` (x, y) in photo pixels, ``height`` in metres;
    ``subject`` (x, z) is the place on the ground that the photo is about.
    """

    rotation: np.ndarray
    focal: float
    centre: np.ndarray
    height: float
    subject: np.ndarray

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """f64[..., 3] world -> camera: right, down, away, in metres."""
        return (points - np.array([0, self.height, 0])) @ self.rotation.T

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f64[..., 3] world -> photo pixels f64[..., 2] and metres away f64[...]."""
        seen = self.to_camera(points)
        away = seen[..., 2]
        safe = np.maximum(away, 1e-2)[..., None]
        return self.centre + self.focal * seen[..., :2] / safe, away

    def plane(self, origin, axis_a, axis_b) -> np.ndarray:
        """f64[3, 3], the homography from a world plane's (a, b) to photo pixels."""
        optics = np.array(
            [[self.focal, 0, self.centre[0]], [0, self.focal, self.centre[1]], [0, 0, 1]]
        )
        origin = np.asarray(origin) - np.array([0, self.height, 0])
        return optics @ self.rotation @ np.stack([axis_a, axis_b, origin], -1)


@dataclasses.dataclass(frozen=True)
class Setting:
    """Light and surroundings.

    ``place`` is a key of ``synthetic_background.PLACES``; ``wall`` the distance of the
    backdrop in metres; ``light`` the unit vector towards the light; ``light_colour``
    and ``ambient`` f64[3] factors; ``shadow`` 0..1, how dark cast shadows are.
    """

    place: str
    wall: float
    light: np.ndarray
    light_colour: np.ndarray
    ambient: np.ndarray
    shadow: float


def sample_camera(rng: np.random.Generator, body: Body, size) -> Camera:
    """A camera that sees ``body`` 140 to 285 px large, or, seldom, part of it."""
    places = np.array(list(body.joints.values()))
    reach = np.ptp(places, axis=0)
    extent = max(reach[1] + 0.15, 0.75 * max(reach[0], reach[2]) + 0.15)
    unit = min(size) / 320
    pixels = unit * (rng.uniform(140, 285) if rng.random() < 0.88 else rng.uniform(285, 430))
    focal = max(size) * rng.uniform(1.0, 2.2)
    distance = focal * extent / pixels
    height = rng.normal(*pick(rng, {(1.45, 0.2): 0.65, (0.6, 0.15): 0.2, (2.4, 0.3): 0.15}))
    room = (np.array([size[1], size[0]]) - (0.6 * pixels, pixels)) / 2
    shift = rng.uniform(-0.75, 0.75, 2) * np.maximum(np.abs(room), 10)
    declination = np.arctan((height - reach[1] / 2) / distance)
    pitch = declination - np.arctan(shift[1] / focal)
    roll = np.deg2rad(rng.normal(0, 3 if rng.random() < 0.9 else 10))
    level = np.array([[1, 0, 0], [0, -np.cos(pitch), np.sin(pitch)],
                      [0, -np.sin(pitch), -np.cos(pitch)]])  # fmt: skip
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    centre = (np.array([size[1], size[0]]) - 1) / 2
    subject = np.array([shift[0] * distance / focal, -distance])
    return Camera(tilt @ level, focal, centre, float(height), subject)


def sample_setting(rng: np.random.Generator, camera: Camera) -> Setting:
    """Surroundings and light, outdoors or in a room."""
    from data_prep.synthetic_background import PLACES

    place = pick(rng, dict.fromkeys(PLACES, 1))
    indoors = PLACES[place].indoors
    wall = -camera.subject[1] + (rng.uniform(0.8, 4) if indoors else rng.uniform(8, 40))
    # Three lights of four stand on the camera's side.
    azimuth = rng.uniform(-80, 80) if rng.random() < 0.75 else rng.uniform(80, 280)
    elevation = np.deg2rad(rng.uniform(25, 75))
    across = turn_y(azimuth) @ np.array([0, 0, 1.0])
    light = across * np.cos(elevation) + np.array([0, np.sin(elevation), 0])
    hard = rng.uniform(0.25, 0.75)
    warm = rng.normal(0, 0.05)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    return Setting(
        place, wall, light,
        light_colour=tint * hard * rng.uniform(0.95, 1.25),
        ambient=(1 - 0.75 * hard) * tint[::-1] * rng.uniform(0.8, 1.05),
        shadow=0.75 * hard if not indoors else 0.5 * hard,
    )  # fmt: skip


def sample_spot(rng, camera: Camera, others: np.ndarray) -> np.ndarray:
    """f64[2] (x, z): a place for one more person, most often close to somebody."""
    if not len(others):
        return camera.subject
    distance = -camera.subject[1]
    for _ in range(12):
        if rng.random() < 0.6:
            near = others[rng.integers(len(others))][[0, 2]]
            spot = near + rng.uniform((-0.8, -0.9), (0.8, 0.9))
        else:
            z = distance * rng.uniform(0.85, 1.7)
            spot = np.array([rng.uniform(-0.5, 0.5) * 2 * camera.centre[0] / camera.focal * z, -z])
        gaps = np.linalg.norm(others[:, [0, 2]] - spot, axis=1)
        if gaps.min() > 0.45 and spot[1] < -0.75 * distance:
            break
    return spot


def box(base, half, rotation, colour, cell: float = 0.2) -> Faces:
    """A box on ``base`` f64[3] with half sizes (x, y, z), cut into cells.

    Cells keep the order from far to near right where somebody stands beside a long side.
    """
    half = np.asarray(half, np.float64)
    cells = tuple(np.maximum(np.ceil(2 * half / cell), 1).astype(int).tolist())
    corners = (_unit_box(cells) * half) @ rotation.T + base
    return faces(corners, np.asarray(colour, np.float64))


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


def sample_objects(rng, camera: Camera, people, size) -> list[Faces]:
    """Seats under those who sit, things in hands, and clutter around the people."""
    solids = []
    for person in people:
        if person.body.activity == "sit":
            solids += _seat(rng, person)
        if rng.random() < 0.22:
            solids.append(_held(rng, person))
    standing = np.array([person.offset[[0, 2]] for person in people])
    for _ in range(pick(rng, {0: 0.2, 1: 0.3, 2: 0.25, 3: 0.15, 4: 0.1})):
        in_front = rng.random() < 0.35
        z = -camera.subject[1] * (rng.uniform(0.55, 0.88) if in_front else rng.uniform(0.9, 1.6))
        x = rng.uniform(-0.6, 0.6) * 2 * camera.centre[0] / camera.focal * z
        solid, radius = _clutter(rng, np.array([x, 0, -z]), in_front)
        if np.linalg.norm(standing - (x, -z), axis=1).min() > radius + 0.35:
            solids.append(solid)
    return solids


def _seat(rng, person) -> list[Faces]:
    """A crate, bench or chair that touches the sitter from below."""
    girth = person.body.girth
    hips = person.to_world(np.array([0, -0.10 * girth, 0.06]))
    if hips[1] < 0.2:
        return []
    colour, turn = cloth_colour(rng), person.rotation
    base = np.array([hips[0], 0, hips[2]])
    wide = pick(rng, {0.22: 1, 0.24: 1, 0.7: 1})
    if rng.random() < 0.4:
        return [box(base, (wide, hips[1] / 2, 0.22), turn, colour)]
    parts = [box(base + (0, hips[1] - 0.05, 0), (wide, 0.025, 0.22), turn, colour)]
    for x in (-wide + 0.03, wide - 0.03):
        for z in (-0.19, 0.19):
            foot = base + turn @ np.array([x, 0, z])
            parts.append(box(foot, (0.02, hips[1] / 2 - 0.03, 0.02), turn, colour * 0.8))
    if rng.random() < 0.6:
        back = base + turn @ np.array([0, hips[1], -0.24])
        parts.append(box(back, (wide, 0.24, 0.015), turn, colour * 0.95, 0.12))
    return parts


def _held(rng, person) -> Faces:
    """A ball, bat, bag or phone in one hand."""
    side = pick(rng, {"left": 1, "right": 1})
    joints, colour = person.body.joints, cloth_colour(rng)
    wrist, hand = person.to_world(np.array([joints[f"{side}_wrist"], joints[f"{side}_hand"]]))
    frame = person.rotation @ person.body.frames[f"{side}_forearm"]
    palm = wrist + (hand - wrist) * 0.6
    thing = pick(rng, {"ball": 1, "bat": 1, "bag": 1, "phone": 1})
    if thing == "ball":
        radius = rng.uniform(0.05, 0.13)
        return faces(ball(palm + frame[:, 2] * radius, radius), colour)
    if thing == "bat":
        length = rng.uniform(0.4, 0.9)
        rows = [(-0.2, 0.015, 0.015), (0.6, 0.015, 0.015), (0.7, 0.03, 0.03), (1, 0.03, 0.03), (1.01, 0, 0)]
        along = frame[:, 2] * pick(rng, {-1: 1, 1: 1})
        turned = np.stack([frame[:, 0], along, frame[:, 1]], -1)
        return faces(tube(palm, palm + along * length, turned, rows, 1.0, 8), colour)
    if thing == "bag":
        return box(palm - (0, 0.42, 0), (0.15, 0.16, 0.06), person.rotation, colour)
    return box(palm - (0, 0.05, 0), (0.035, 0.07, 0.01), frame, colour * 0.3)


def _clutter(rng, base, in_front: bool) -> tuple[Faces, float]:
    """A thing on the ground at ``base`` and the radius of the room it takes."""
    colour, turn = cloth_colour(rng), turn_y(rng.uniform(-60, 60))
    tall = 0 if in_front else 1  # nothing hides a whole person
    shares = {"crate": 1, "table": 1, "bush": 1, "ball": 1, "rail": 1}
    kind = pick(rng, shares | {"cabinet": tall, "pole": tall})
    if kind in ("crate", "cabinet"):
        tall = rng.uniform(0.12, 0.4) if kind == "crate" else rng.uniform(0.6, 1.1)
        half = (rng.uniform(0.15, 0.5), tall, rng.uniform(0.15, 0.3))
        return box(base, half, turn, colour), float(np.hypot(half[0], half[2]))
    if kind == "table":
        wide, tall = rng.uniform(0.35, 0.8), rng.uniform(0.55, 0.8)
        parts = [box(base + (0, tall, 0), (wide, 0.025, 0.3), turn, colour)]
        for x in (-wide + 0.05, wide - 0.05):
            for z in (-0.26, 0.26):
                leg = base + turn @ np.array([x, 0, z])
                parts.append(box(leg, (0.025, tall / 2, 0.025), turn, colour * 0.75, 0.3))
        return join(parts), wide
    if kind == "bush":
        return _bush(rng, base), 0.5
    if kind == "ball":
        radius = rng.uniform(0.1, 0.35)
        return faces(ball(base + (0, radius, 0), radius, 16), colour), radius
    if kind == "pole":
        rows = [(i / 12, 1, 1) for i in range(13)]
        corners = tube(base, base + (0, rng.uniform(1.5, 4), 0), np.eye(3), rows, rng.uniform(0.02, 0.15))
        return faces(corners, colour), 0.15
    bars = [box(base + turn @ np.array([x, 0, 0]), (0.015, 0.45, 0.015), turn, colour, 0.3)
            for x in np.linspace(-0.8, 0.8, 7)]  # fmt: skip
    bars.append(box(base + (0, 0.9, 0), (0.85, 0.02, 0.02), turn, colour, 0.2))
    return join(bars), 0.8


def _bush(rng, base) -> Faces:
    """Some hundred leaves around a few twigs' ends."""
    size = rng.uniform((0.25, 0.3, 0.2), (0.5, 0.7, 0.35))
    twigs = rng.standard_normal((7, 3)) * 0.4
    centres = twigs[rng.integers(7, size=260)] + rng.standard_normal((260, 3)) * 0.25
    centres = centres * size + base + (0, size[1], 0)
    centres[:, 1] = np.abs(centres[:, 1])
    a, b = rng.standard_normal((2, 260, 3)) * rng.uniform(0.04, 0.08)
    corners = np.stack([centres - a, centres - b, centres + a, centres + b], axis=1)
    green = np.array([75, 115, 55]) * rng.uniform(0.5, 1.2) + rng.uniform(-20, 20, 3)
    return faces(corners, green * rng.uniform(0.6, 1.25, (260, 1)), thin=True)


def shade(soup: Faces, camera: Camera, setting: Setting) -> np.ndarray:
    """f64[F, 3]: the light on each face, RGB, about 1 where it is fully lit."""
    corners = soup.corners
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    view = np.array([0, camera.height, 0]) - corners[:, 0]
    view /= np.maximum(np.linalg.norm(view, axis=-1, keepdims=True), 1e-12)
    facing = (normal * view).sum(-1, keepdims=True)
    # A thin face turns its lit side to whoever looks; so do slivers seen edge-on.
    normal, facing = np.where(facing < 0, -normal, normal), np.abs(facing)
    # Skin and cloth scatter light round the edge of the shadow.
    direct = np.clip((normal @ setting.light[:, None] + 0.25) / 1.25, 0, None)
    sky = 0.85 + 0.15 * normal[:, 1:2]
    return setting.ambient * sky * (0.78 + 0.22 * facing) + setting.light_colour * direct
