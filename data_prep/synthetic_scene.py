"""Where synthetic people are: camera, light, places on the ground and objects.

World space as in ``synthetic_render``.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.synthetic_body import Body, turn_y
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
    """A camera that sees ``body`` 110 to 265 px large, or, seldom, part of it."""
    places = np.array(list(body.joints.values()))
    reach = np.ptp(places, axis=0)
    extent = max(reach[1] + 0.15, 0.75 * max(reach[0], reach[2]) + 0.15)
    unit = min(size) / 320
    pixels = unit * (rng.uniform(115, 265) if rng.random() < 0.86 else rng.uniform(265, 440))
    focal = max(size) * rng.uniform(1.0, 2.2)
    distance = focal * extent / pixels
    height = rng.choice([rng.normal(1.45, 0.2), rng.uniform(0.3, 0.9), rng.uniform(2, 3)],
                        p=[0.65, 0.2, 0.15])  # fmt: skip
    room = (np.array([size[1], size[0]]) - (0.6 * pixels, pixels)) / 2
    shift = rng.uniform(-0.9, 0.9, 2) * np.maximum(np.abs(room), 10)
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

    place = str(rng.choice(list(PLACES)))
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
    sides = []
    for axis, sign in ((0, 1), (0, -1), (2, 1), (2, -1), (1, 1)):
        a, b = [other for other in range(3) if other != axis]
        counts = np.maximum(np.ceil(2 * half[[a, b]] / cell), 1).astype(int)
        u, v = np.meshgrid(
            np.linspace(-1, 1, counts[0] + 1), np.linspace(-1, 1, counts[1] + 1), indexing="ij"
        )
        points = np.empty((*u.shape, 3))
        points[..., axis], points[..., a], points[..., b] = sign, u, v
        points = points * half + (0, half[1], 0)
        corner = (points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:])
        outward = sign if axis != 1 else -sign
        grid = np.stack(corner if outward > 0 else corner[::-1], axis=2)
        sides.append(grid.reshape(-1, 4, 3))
    corners = np.concatenate(sides) @ rotation.T + base
    return faces(corners, np.asarray(colour, np.float64))


def sample_objects(rng, camera: Camera, people, size) -> list[Faces]:
    """Seats under those who sit, things in hands, and clutter around the people."""
    solids = []
    for person in people:
        if person.body.activity == "sit":
            solids += _seat(rng, person)
        if rng.random() < 0.22:
            solids.append(_held(rng, person))
    standing = np.array([person.offset[[0, 2]] for person in people])
    for _ in range(rng.choice(5, p=[0.2, 0.3, 0.25, 0.15, 0.1])):
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
    wide = rng.choice([0.22, 0.24, 0.7])
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
    side = rng.choice(["left", "right"])
    joints, colour = person.body.joints, cloth_colour(rng)
    wrist, hand = person.to_world(np.array([joints[f"{side}_wrist"], joints[f"{side}_hand"]]))
    frame = person.rotation @ person.body.frames[f"{side}_forearm"]
    palm = wrist + (hand - wrist) * 0.6
    thing = rng.choice(["ball", "bat", "bag", "phone"])
    if thing == "ball":
        radius = rng.uniform(0.05, 0.13)
        return faces(ball(palm + frame[:, 2] * radius, radius), colour)
    if thing == "bat":
        length = rng.uniform(0.4, 0.9)
        rows = [(-0.2, 0.015, 0.015), (0.6, 0.015, 0.015), (0.7, 0.03, 0.03), (1, 0.03, 0.03), (1.01, 0, 0)]
        along = frame[:, 2] * rng.choice([-1, 1])
        turned = np.stack([frame[:, 0], along, frame[:, 1]], -1)
        return faces(tube(palm, palm + along * length, turned, rows, 1.0, 8), colour)
    if thing == "bag":
        return box(palm - (0, 0.42, 0), (0.15, 0.16, 0.06), person.rotation, colour)
    return box(palm - (0, 0.05, 0), (0.035, 0.07, 0.01), frame, colour * 0.3)


def _clutter(rng, base, in_front: bool) -> tuple[Faces, float]:
    """A thing on the ground at ``base`` and the radius of the room it takes."""
    colour, turn = cloth_colour(rng), turn_y(rng.uniform(-60, 60))
    kinds = ["crate", "table", "bush", "ball", "rail"] + ([] if in_front else ["cabinet", "pole"])
    kind = rng.choice(kinds)
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
        green = np.array([70, 110, 50]) * rng.uniform(0.6, 1.3) + rng.uniform(-15, 15, 3)
        blobs = []
        for _ in range(6):
            corners = ball(base + rng.uniform((-0.3, 0.1, -0.2), (0.3, 0.6, 0.2)), rng.uniform(0.15, 0.3), 10)
            blobs.append(faces(corners, green * (1 + 0.2 * rng.standard_normal((*corners.shape[:2], 1)))))
        return join(blobs), 0.5
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


def shade(soup: Faces, camera: Camera, setting: Setting) -> np.ndarray:
    """f64[F, 3] RGB of each face under the setting's light, not yet clipped."""
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
    return soup.colours * (
        setting.ambient * sky * (0.78 + 0.22 * facing) + setting.light_colour * direct
    )
