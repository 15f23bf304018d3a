"""Backgrounds, shadows and camera artifacts of the synthetic photos.

A place is two textured planes, the ground and a backdrop behind the people. The
camera's homographies project them into the photo, so lines meet at the right vanishing
points.
"""

from __future__ import annotations

import cv2
import numpy as np

from data_prep.synthetic_people.places import (
    HEIGHT,
    PLACES,
    TILE,
    TILE_METERS,
    WIDTH,
    cloud,
)


def draw_background(rng: np.random.Generator, camera, setting, size) -> np.ndarray:
    """u8[H, W, 3]: the place without people."""
    place = PLACES[setting.place]
    mask, first, last = _ground(camera, setting.wall, size)
    image = np.empty((*size, 3), np.uint8)
    # The backdrop is 1.5 times as wide as its visible part.
    meters = 1.5 * size[1] / camera.focal * setting.wall / WIDTH
    to_wall = np.array(
        [[meters, 0, -meters * WIDTH / 2], [0, -meters, meters * HEIGHT], [0, 0, 1]]
    )
    plane = camera.plane((0, 0, -setting.wall), (1, 0, 0), (0, 1, 0)) @ to_wall
    _warp(place.backdrop(rng, meters), plane, image[:last], 0)
    step, angle = TILE_METERS / TILE, rng.uniform(0, np.pi)
    cosine, sine = step * np.cos(angle), step * np.sin(angle)
    to_ground = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    plane = camera.plane((0, 0, 0), (1, 0, 0), (0, 0, 1)) @ to_ground
    floor = np.empty_like(image[first:])
    _warp(place.grounds[rng.integers(len(place.grounds))](rng), plane, floor, first)
    cv2.copyTo(floor, mask[first:], image[first:])
    return image


def _warp(texture, homography, rows, first: int) -> None:
    """Fills ``rows`` u8[R, W, 3] of the photo, starting at row ``first``."""
    if len(rows):
        shifted = np.array([[1, 0, 0], [0, 1, -first], [0, 0, 1]]) @ homography
        cv2.warpPerspective(
            texture, shifted, rows.shape[1::-1], rows, cv2.INTER_LINEAR,
            cv2.BORDER_REFLECT_101,
        )  # fmt: skip


def _ground(camera, wall: float, size) -> tuple[np.ndarray, int, int]:
    """Where the ground in front of the backdrop is visible.

    Returns:
        u8[H, W], 255 on the ground; the first row with ground; the row after the last
        one with anything else.
    """
    (left, right), _ = camera.project(np.array([[-wall, 0, -wall], [wall, 0, -wall]]))
    slope = (right[1] - left[1]) / (right[0] - left[0])
    edges = left[1] + slope * (np.array([-1, size[1]]) - left[0])
    corners = [(-1, edges[0]), (size[1], edges[1])]
    corners += [(size[1], max(edges[1], size[0])), (-1, max(edges[0], size[0]))]
    mask = np.zeros(size, np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 255)
    first, last = np.clip([edges.min() - 2, edges.max() + 2], 0, size[0]).astype(int)
    return mask, int(first), int(last)


SHADOW_BONES = (
    ("head_top", "neck", 0.10), ("thorax", "pelvis", 0.16),
    ("left_shoulder", "right_shoulder", 0.07), ("left_hip", "right_hip", 0.1),
    ("left_shoulder", "left_elbow", 0.05), ("right_shoulder", "right_elbow", 0.05),
    ("left_elbow", "left_hand", 0.04), ("right_elbow", "right_hand", 0.04),
    ("left_hip", "left_knee", 0.08), ("right_hip", "right_knee", 0.08),
    ("left_knee", "left_ankle", 0.06), ("right_knee", "right_ankle", 0.06),
    ("left_ankle", "left_toe", 0.05), ("right_ankle", "right_toe", 0.05),
)  # fmt: skip


def cast_shadows(rng, image, people, camera, setting) -> np.ndarray:
    """The photo u8[H, W, 3] with the people's shadows on the ground."""
    mask = np.zeros((image.shape[0] // 2, image.shape[1] // 2), np.uint8)
    names = [name for bone in SHADOW_BONES for name in bone[:2]]
    for person in people:
        points = person.to_world(np.array([person.body.joints[name] for name in names]))
        points = points - setting.light * (points[:, 1:2] / setting.light[1])
        places, away = camera.project(points)
        if away.min() < 0.5 or np.abs(places).max() > 8 * max(image.shape):
            continue
        ends = np.round(places / 2 * 16).astype(int).reshape(-1, 2, 2).tolist()
        for (start, end), (_, _, radius) in zip(ends, SHADOW_BONES, strict=True):
            width = max(int(radius * camera.focal / away.mean()), 1)
            cv2.line(mask, start, end, 255, width, cv2.LINE_8, 4)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.8, 3.5))
    mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    light = cv2.LUT(
        mask, np.clip(255 - setting.shadow * np.arange(256), 0, 255).astype(np.uint8)
    )
    return cv2.multiply(image, cv2.merge([light] * 3), scale=1 / 255)


def develop(rng: np.random.Generator, background, solids, coverage) -> np.ndarray:
    """Lays the solids over the background and adds the effects of lens and film.

    Args:
        rng: random numbers.
        background: u8[H, W, 3].
        solids: u8[H, W, 3], colors times coverage.
        coverage: u8[H, W], 255 for a fully solid pixel.

    Returns:
        u8[H, W, 3].
    """
    if rng.random() < 0.6:
        background = cv2.GaussianBlur(background, (0, 0), rng.uniform(0.4, 2.2))
    free = cv2.merge([255 - coverage] * 3)
    image = cv2.add(cv2.multiply(background, free, scale=1 / 255), solids)
    image = _tones(rng, image)
    if rng.random() < 0.55:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.35, 1.1))
    noise = cloud(rng, image.shape[:2], 6, 3) * rng.uniform(0, 6)
    # Two bytes' difference has a deviation of 104 and is far faster than a Gaussian.
    grain = rng.integers(256, size=(2, *image.shape[:2]), dtype=np.uint8)
    grain = np.subtract(*grain, dtype=np.float32)
    cv2.scaleAdd(grain, rng.uniform(0, 6) / 104, noise, noise)
    image = cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image


def _tones(rng, image) -> np.ndarray:
    """Exposure, contrast and white balance; rarely black and white."""
    level = np.linspace(0, 1, 256)[:, None]
    gamma, gain = (
        np.exp(rng.normal(0, 0.18)),
        np.exp(rng.normal(0.03, 0.1, 3) * (0.6, 0.4, 0.6)),
    )
    contrast, lift = rng.normal(1.0, 0.1), rng.normal(0, 0.03)
    curve = (level**gamma * gain - 0.5) * contrast + 0.5 + lift
    image = cv2.LUT(image, np.clip(curve * 255, 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.04:
        image = cv2.cvtColor(
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB
        )
    return image
