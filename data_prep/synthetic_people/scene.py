"""The scene around synthetic people: camera, surroundings, light, places to stand.

World space as in ``render``.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.synthetic_people.body import Body, pick, turn_y
from data_prep.synthetic_people.mesh import Faces
from data_prep.synthetic_people.places import PLACES


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera above the world's origin.

    ``rotation`` f64[3, 3] has the camera's right, down and forward axes as rows;
    ``focal`` is in pixels, ``center`` (x, y) in photo pixels, ``height`` in meters;
    ``subject`` (x, z) is the spot on the ground that the photo shows.
    """

    rotation: np.ndarray
    focal: float
    center: np.ndarray
    height: float
    subject: np.ndarray

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """f64[..., 3] world -> camera: right, down, away, in meters."""
        return (points - np.array([0, self.height, 0])) @ self.rotation.T

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f64[..., 3] world -> photo pixels f64[..., 2] and meters away f64[...]."""
        seen = self.to_camera(points)
        away = seen[..., 2]
        safe = np.maximum(away, 1e-2)[..., None]
        return self.center + self.focal * seen[..., :2] / safe, away

    def plane(self, origin, axis_a, axis_b) -> np.ndarray:
        """f64[3, 3], the homography from a world plane's (a, b) to photo pixels."""
        optics = np.array(
            [
                [self.focal, 0, self.center[0]],
                [0, self.focal, self.center[1]],
                [0, 0, 1],
            ]
        )
        origin = np.asarray(origin) - np.array([0, self.height, 0])
        return optics @ self.rotation @ np.stack([axis_a, axis_b, origin], -1)


@dataclasses.dataclass(frozen=True)
class Setting:
    """Light and surroundings.

    ``place`` is a key of ``places.PLACES``; ``wall`` the distance of the
    backdrop in meters; ``light`` the unit vector toward the light; ``light_color``
    and ``ambient`` f64[3] factors; ``shadow`` 0..1, how dark cast shadows are.
    """

    place: str
    wall: float
    light: np.ndarray
    light_color: np.ndarray
    ambient: np.ndarray
    shadow: float


def sample_camera(rng: np.random.Generator, body: Body, size) -> Camera:
    """A camera that sees ``body`` 140 to 285 px large or, rarely, only part of it."""
    places = np.array(list(body.joints.values()))
    reach = np.ptp(places, axis=0)
    extent = max(reach[1] + 0.15, 0.75 * max(reach[0], reach[2]) + 0.15)
    unit = min(size) / 320
    pixels = unit * (
        rng.uniform(140, 285) if rng.random() < 0.88 else rng.uniform(285, 430)
    )
    focal = max(size) * rng.uniform(1.0, 2.2)
    distance = focal * extent / pixels
    height = rng.normal(
        *pick(rng, {(1.45, 0.2): 0.65, (0.6, 0.15): 0.2, (2.4, 0.3): 0.15})
    )
    room = (np.array([size[1], size[0]]) - (0.6 * pixels, pixels)) / 2
    shift = rng.uniform(-0.75, 0.75, 2) * np.maximum(np.abs(room), 10)
    declination = np.arctan((height - reach[1] / 2) / distance)
    pitch = declination - np.arctan(shift[1] / focal)
    roll = np.deg2rad(rng.normal(0, 3 if rng.random() < 0.9 else 10))
    level = np.array([[1, 0, 0], [0, -np.cos(pitch), np.sin(pitch)],
                      [0, -np.sin(pitch), -np.cos(pitch)]])  # fmt: skip
    tilt = np.array(
        [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    )
    center = (np.array([size[1], size[0]]) - 1) / 2
    subject = np.array([shift[0] * distance / focal, -distance])
    return Camera(tilt @ level, focal, center, float(height), subject)


def sample_setting(rng: np.random.Generator, camera: Camera) -> Setting:
    """Surroundings and light, outdoors or in a room."""
    place = pick(rng, dict.fromkeys(PLACES, 1))
    indoors = PLACES[place].indoors
    wall = -camera.subject[1] + (rng.uniform(0.8, 4) if indoors else rng.uniform(8, 40))
    # Three in four lights are on the camera's side.
    azimuth = rng.uniform(-80, 80) if rng.random() < 0.75 else rng.uniform(80, 280)
    elevation = np.deg2rad(rng.uniform(25, 75))
    across = turn_y(azimuth) @ np.array([0, 0, 1.0])
    light = across * np.cos(elevation) + np.array([0, np.sin(elevation), 0])
    hard = rng.uniform(0.25, 0.75)
    warm = rng.normal(0, 0.05)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    return Setting(
        place, wall, light,
        light_color=tint * hard * rng.uniform(0.95, 1.25),
        ambient=(1 - 0.75 * hard) * tint[::-1] * rng.uniform(0.8, 1.05),
        shadow=0.75 * hard if not indoors else 0.5 * hard,
    )  # fmt: skip


def sample_spot(rng, camera: Camera, others: np.ndarray) -> np.ndarray:
    """f64[2] (x, z): a place for one more person, usually close to somebody."""
    if not len(others):
        return camera.subject
    distance = -camera.subject[1]
    for _ in range(12):
        if rng.random() < 0.6:
            near = others[rng.integers(len(others))][[0, 2]]
            spot = near + rng.uniform((-0.8, -0.9), (0.8, 0.9))
        else:
            z = distance * rng.uniform(0.85, 1.7)
            spot = np.array(
                [rng.uniform(-0.5, 0.5) * 2 * camera.center[0] / camera.focal * z, -z]
            )
        gaps = np.linalg.norm(others[:, [0, 2]] - spot, axis=1)
        if gaps.min() > 0.45 and spot[1] < -0.75 * distance:
            break
    return spot


def shade(soup: Faces, camera: Camera, setting: Setting) -> np.ndarray:
    """f64[F, 3]: the light on each face, RGB, about 1 when fully lit."""
    corners = soup.corners
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    view = np.array([0, camera.height, 0]) - corners[:, 0]
    view /= np.maximum(np.linalg.norm(view, axis=-1, keepdims=True), 1e-12)
    facing = (normal * view).sum(-1, keepdims=True)
    # Thin faces, and slivers seen edge-on, show their lit side to the camera.
    normal, facing = np.where(facing < 0, -normal, normal), np.abs(facing)
    # Skin and cloth scatter light around the shadow's edge.
    direct = np.clip((normal @ setting.light[:, None] + 0.25) / 1.25, 0, None)
    sky = 0.85 + 0.15 * normal[:, 1:2]
    return setting.ambient * sky * (0.78 + 0.22 * facing) + setting.light_color * direct
