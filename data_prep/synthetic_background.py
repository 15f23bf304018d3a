"""Backdrops, floors, shadows and the camera's own faults of the synthetic photos.

A place is two textured planes: the ground and a backdrop behind the people. Both are
painted flat, in metres, and brought into the photo by the camera's homographies, so
that lines run to the right vanishing points.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from data_prep.synthetic_clothes import cloth_colour

HEIGHT, WIDTH = 256, 384  # of the painted backdrop; its lowest row is the ground
TILE, TILE_METRES = 256, 4.0  # side of the painted ground, which repeats


def cloud(rng, shape, cells: int, octaves: int = 3) -> np.ndarray:
    """f32[H, W], smooth random texture with deviation near 1 and mean near 0."""
    field = np.zeros(shape, np.float32)
    for octave in range(octaves):
        count = cells << octave
        grid = rng.standard_normal((count, count), dtype=np.float32)
        grid = cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_LINEAR)
        cv2.scaleAdd(grid, 0.8 * 0.6**octave, field, field)
    return field


def mottled(rng, shape, colour, strength: float, cells: int, octaves: int = 3) -> np.ndarray:
    """u8[H, W, 3]: a colour made lighter and darker by ``cloud``."""
    light = 1 + strength * cloud(rng, shape, cells, octaves)
    return cv2.merge([cv2.multiply(light, float(c), dtype=cv2.CV_8U) for c in colour])


def gradient(top, bottom) -> np.ndarray:
    """u8[HEIGHT, WIDTH, 3] from one colour to another."""
    ramp = np.linspace(np.asarray(top, float), np.asarray(bottom, float), HEIGHT)
    return np.repeat(np.clip(ramp, 0, 255).astype(np.uint8)[:, None], WIDTH, axis=1)


def _rectangle(image, low, high, colour, thickness=-1) -> None:
    low, high = tuple(int(v) for v in low), tuple(int(v) for v in high)
    cv2.rectangle(image, low, high, tuple(float(c) for c in colour), thickness)


def _wall_colour(rng) -> np.ndarray:
    pale = np.array([225, 215, 200]) * rng.uniform(0.55, 1.08)
    return np.clip(0.6 * pale + 0.4 * cloth_colour(rng), 20, 250)


def paint_room(rng, metres: float) -> np.ndarray:
    """A papered, tiled or plain wall with pictures, windows, shelves and doors."""
    colour = _wall_colour(rng)
    wall = mottled(rng, (HEIGHT, WIDTH), colour, rng.uniform(0.005, 0.05), 3)
    other = np.clip(colour * rng.uniform(0.7, 1.2), 0, 255)
    step = max(int(rng.uniform(0.08, 0.4) / metres), 3)
    pattern = rng.integers(6)
    if pattern == 0:
        for x in range(0, WIDTH, 2 * step):
            _rectangle(wall, (x, 0), (x + step, HEIGHT), other)
    if pattern == 1:
        wall[::step], wall[:, ::step] = other, other
    if pattern == 2:
        _rectangle(wall, (0, HEIGHT - 1.1 / metres), (WIDTH, HEIGHT), other)
    for _ in range(rng.integers(1, 8)):
        RAISED[rng.integers(len(RAISED))](rng, wall, metres)
    _rectangle(wall, (0, HEIGHT - 0.1 / metres), (WIDTH, HEIGHT), other * 0.7)
    return wall


def _picture(rng, wall, metres) -> None:
    size = rng.uniform(0.3, 1.1, 2) / metres
    low = rng.uniform((0, HEIGHT - 2.6 / metres), (WIDTH, HEIGHT - 1.2 / metres))
    _rectangle(wall, low, low + size, cloth_colour(rng) * 0.6)
    _rectangle(wall, low + 0.05 / metres, low + size - 0.05 / metres, cloth_colour(rng))
    for _ in range(3):
        points = (low + rng.random((3, 2)) * size * 0.9).astype(np.int32)
        cv2.fillConvexPoly(wall, points, cloth_colour(rng).tolist())


def _window(rng, wall, metres) -> None:
    size = rng.uniform((0.8, 1.0), (2.0, 1.6)) / metres
    low = np.array([rng.uniform(0, WIDTH), HEIGHT - 0.9 / metres - size[1]])
    _rectangle(wall, low, low + size, (200, 215, 235))
    _rectangle(wall, low + size * (0, 0.6), low + size, cloth_colour(rng))
    frame = np.full(3, rng.uniform(60, 250))
    width = max(int(0.06 / metres), 1)
    _rectangle(wall, low, low + size, frame, width)
    _rectangle(wall, low, low + size * (0.5, 1), frame, width)


def _door(rng, wall, metres) -> None:
    x, width = rng.uniform(0, WIDTH), rng.uniform(0.7, 1.0) / metres
    low, colour = (x, HEIGHT - 2.05 / metres), cloth_colour(rng)
    _rectangle(wall, low, (x + width, HEIGHT), colour)
    _rectangle(wall, low, (x + width, HEIGHT), colour * 0.6, max(int(0.06 / metres), 1))


def _shelf(rng, wall, metres) -> None:
    x, width, rows = rng.uniform(0, WIDTH), rng.uniform(0.6, 1.8) / metres, rng.integers(2, 6)
    row = 0.35 / metres
    _rectangle(wall, (x, HEIGHT - rows * row), (x + width, HEIGHT), cloth_colour(rng) * 0.5)
    for i in range(rows):
        bottom, at = HEIGHT - i * row - 0.04 / metres, x + 0.04 / metres
        while at < x + width - 0.06 / metres:
            book = rng.uniform((0.03, 0.18), (0.12, 0.29)) / metres
            _rectangle(wall, (at, bottom - book[1]), (at + book[0], bottom), cloth_colour(rng))
            at += book[0] + 1


def _furniture(rng, wall, metres) -> None:
    x, size = rng.uniform(0, WIDTH), rng.uniform((0.5, 0.4), (2.2, 1.1)) / metres
    colour = cloth_colour(rng)
    _rectangle(wall, (x, HEIGHT - size[1]), (x + size[0], HEIGHT), colour)
    for line in np.linspace(x, x + size[0], rng.integers(2, 5)):
        _rectangle(wall, (line, HEIGHT - size[1]), (line + 1, HEIGHT), colour * 0.6)


RAISED = (_picture, _picture, _window, _door, _shelf, _furniture)


def _sky(rng) -> np.ndarray:
    tops = np.array([(90, 140, 205), (150, 175, 205), (190, 195, 200), (120, 120, 150)])
    sky = gradient(tops[rng.integers(4)] * rng.uniform(0.85, 1.1), (225, 225, 220))
    if rng.random() < 0.6:
        amount = np.clip(cloud(rng, (HEIGHT, WIDTH), 3, 4) * 0.5, 0, 0.8)[..., None]
        sky = (sky * (1 - amount) + 240 * amount).astype(np.uint8)
    return sky


def paint_street(rng, metres: float) -> np.ndarray:
    """Houses with rows of windows, shop fronts and parked cars under the sky."""
    image = _sky(rng)
    x = -rng.uniform(0, 5) / metres
    while x < WIDTH:
        wide, tall = rng.uniform((4, 4), (12, 16)) / metres
        colour = _wall_colour(rng) * rng.uniform(0.6, 1)
        top = HEIGHT - tall
        _rectangle(image, (x, top), (x + wide, HEIGHT), colour)
        pane = cloth_colour(rng) * 0.5
        storey, bay = 3.0 / metres, rng.uniform(1.5, 3) / metres
        for y in np.arange(top + storey * 0.3, HEIGHT - storey, storey):
            for at in np.arange(x + bay * 0.25, x + wide - bay * 0.7, bay):
                _rectangle(image, (at, y), (at + bay * 0.5, y + storey * 0.5), pane)
        _rectangle(image, (x + bay * 0.2, HEIGHT - 2.6 / metres),
                   (x + wide * 0.8, HEIGHT), cloth_colour(rng) * 0.6)  # fmt: skip
        x += wide
    for _ in range(rng.integers(0, 4)):
        _car(rng, image, metres)
    return image


def _car(rng, image, metres) -> None:
    x, colour, m = rng.uniform(-1, WIDTH), cloth_colour(rng), 1 / metres
    _rectangle(image, (x, HEIGHT - 1.0 * m), (x + 4.2 * m, HEIGHT - 0.3 * m), colour)
    _rectangle(image, (x + 0.9 * m, HEIGHT - 1.5 * m), (x + 3.2 * m, HEIGHT - m), colour * 0.5)
    for wheel in (0.9, 3.3):
        place = (int(x + wheel * m), int(HEIGHT - 0.33 * m))
        cv2.circle(image, place, max(int(0.33 * m), 1), (25, 25, 25), -1)


def paint_nature(rng, metres: float) -> np.ndarray:
    """Hills, trees and hedges under the sky."""
    image = _sky(rng)
    green = np.array([80, 110, 60]) * rng.uniform(0.5, 1.2) + rng.uniform(-25, 25, 3)
    ridge = HEIGHT - (3 + 2.5 * np.abs(cloud(rng, (1, WIDTH), 3)[0])) * rng.uniform(0.5, 3) / metres
    points = np.stack([np.arange(WIDTH), np.maximum(ridge, 0)], -1)
    points = np.concatenate([points, [[WIDTH, HEIGHT], [0, HEIGHT]]]).astype(np.int32)
    cv2.fillPoly(image, [points], np.clip(green * 1.2 + 20, 0, 255).tolist())
    for _ in range(rng.integers(2, 14)):
        x, tall = rng.uniform(0, WIDTH), rng.uniform(2, 7) / metres
        trunk = np.array([80, 60, 45]) * rng.uniform(0.5, 1.2)
        _rectangle(image, (x, HEIGHT - tall), (x + 0.3 / metres, HEIGHT), trunk)
        for _ in range(9):
            place = (x, HEIGHT - tall) + rng.normal(0, 0.8, 2) / metres
            leaf = np.clip(green * rng.uniform(0.6, 1.3), 0, 255).tolist()
            radius = max(int(rng.uniform(0.5, 1.3) / metres), 1)
            cv2.circle(image, tuple(int(v) for v in place), radius, leaf, -1)
    grain = mottled(rng, (HEIGHT, WIDTH), (128, 128, 128), 0.14, 48, 2)
    return cv2.multiply(image, grain, scale=1 / 128)


def paint_crowd(rng, metres: float) -> np.ndarray:
    """Stands full of spectators behind boards, as round a playing field."""
    colours = rng.integers(20, 230, (HEIGHT // 4, WIDTH // 3, 3)).astype(np.uint8)
    image = cv2.resize(colours, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    shade = np.full(3, rng.uniform(30, 120))
    image = cv2.addWeighted(image, 0.55, gradient(shade, shade * 1.4), 0.45, 0)
    tall = rng.uniform(0.8, 1.6) / metres
    x = 0.0
    while x < WIDTH:
        wide = rng.uniform(2, 6) / metres
        _rectangle(image, (x, HEIGHT - tall), (x + wide, HEIGHT), cloth_colour(rng))
        for _ in range(5):
            at = (x, HEIGHT - tall) + rng.random(2) * (wide * 0.8, tall * 0.6)
            _rectangle(image, at, at + (0.3 / metres, 0.3 * tall), cloth_colour(rng))
        x += wide
    return image


def paint_clutter(rng, metres: float) -> np.ndarray:
    """No place at all: polygons, bars and discs of any colour."""
    image = mottled(rng, (HEIGHT, WIDTH), cloth_colour(rng), 0.3, 4, 4)
    for _ in range(rng.integers(10, 45)):
        centre = rng.uniform(0, (WIDTH, HEIGHT))
        spread = rng.uniform(5, 60)
        points = (centre + rng.normal(0, spread, (rng.integers(3, 6), 2))).astype(np.int32)
        cv2.fillPoly(image, [cv2.convexHull(points)], cloth_colour(rng).tolist())
    for _ in range(rng.integers(0, 15)):
        ends = rng.uniform(0, (WIDTH, HEIGHT), (2, 2)).astype(int).tolist()
        cv2.line(image, ends[0], ends[1], cloth_colour(rng).tolist(), int(rng.integers(1, 12)))
    return image


def floor_boards(rng) -> np.ndarray:
    colour = np.array([165, 120, 75]) * rng.uniform(0.5, 1.35) + rng.uniform(-15, 15, 3)
    tile = mottled(rng, (TILE, TILE), np.clip(colour, 10, 250), 0.08, 6)
    step = int(rng.choice([8, 16]))
    for x in range(0, TILE, step):
        shade = np.clip(colour * rng.uniform(0.85, 1.1), 0, 255)
        strip = tile[:, x : x + step]
        cv2.addWeighted(strip, 0.5, np.full_like(strip, shade), 0.5, 0, strip)
        tile[:, x] = shade * 0.7
    return tile


def floor_tiles(rng) -> np.ndarray:
    colour = _wall_colour(rng)
    tile = mottled(rng, (TILE, TILE), colour, 0.06, 8)
    step = int(rng.choice([16, 32, 64]))
    if rng.random() < 0.25:
        check = np.indices((TILE, TILE)) // step % 2
        tile[check[0] != check[1]] = np.clip(cloth_colour(rng), 0, 255)
    tile[::step], tile[:, ::step] = colour * 0.7, colour * 0.7
    return tile


def floor_plain(rng) -> np.ndarray:
    return mottled(rng, (TILE, TILE), _wall_colour(rng) * rng.uniform(0.5, 0.95), 0.04, 32)


def grass(rng) -> np.ndarray:
    colour = np.array([90, 130, 60]) * rng.uniform(0.55, 1.2) + rng.uniform(-15, 15, 3)
    tile = mottled(rng, (TILE, TILE), np.clip(colour, 10, 250), 0.12, 24, 3)
    if rng.random() < 0.4:
        cv2.multiply(tile[:, : TILE // 2], 0.85, tile[:, : TILE // 2])
    return tile


def asphalt(rng) -> np.ndarray:
    tile = mottled(rng, (TILE, TILE), np.full(3, rng.uniform(70, 150)), 0.07, 32, 3)
    if rng.random() < 0.5:
        tile[:, :8] = 225
    return tile


def sand(rng) -> np.ndarray:
    colour = np.array([205, 180, 140]) * rng.uniform(0.7, 1.15)
    return mottled(rng, (TILE, TILE), np.clip(colour, 0, 255), 0.05, 24, 3)


def court(rng) -> np.ndarray:
    tile = mottled(rng, (TILE, TILE), cloth_colour(rng), 0.04, 4)
    tile[:5], tile[:, :5] = 235, 235
    return tile


@dataclasses.dataclass(frozen=True)
class Place:
    """A backdrop painter (rng, metres a pixel) and the floors that go with it."""

    backdrop: Callable
    grounds: tuple[Callable, ...]
    indoors: bool = False


PLACES = {
    "room": Place(paint_room, (floor_boards, floor_tiles, floor_plain), indoors=True),
    "hall": Place(paint_room, (court, floor_boards, floor_tiles), indoors=True),
    "street": Place(paint_street, (asphalt, floor_tiles, asphalt)),
    "nature": Place(paint_nature, (grass, grass, sand)),
    "stadium": Place(paint_crowd, (grass, court, sand)),
    "clutter": Place(paint_clutter, (floor_plain, court, floor_tiles), indoors=True),
}


def draw_background(rng: np.random.Generator, camera, setting, size) -> np.ndarray:
    """u8[H, W, 3]: the place without people."""
    place = PLACES[setting.place]
    mask, first, last = _ground(camera, setting.wall, size)
    image = np.empty((*size, 3), np.uint8)
    # The backdrop is painted as wide as what is seen of it, and half as much more.
    metres = 1.5 * size[1] / camera.focal * setting.wall / WIDTH
    to_wall = np.array([[metres, 0, -metres * WIDTH / 2], [0, -metres, metres * HEIGHT], [0, 0, 1]])
    plane = camera.plane((0, 0, -setting.wall), (1, 0, 0), (0, 1, 0)) @ to_wall
    _warp(place.backdrop(rng, metres), plane, image[:last], 0)
    step, angle = TILE_METRES / TILE, rng.uniform(0, np.pi)
    cosine, sine = step * np.cos(angle), step * np.sin(angle)
    to_ground = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    plane = camera.plane((0, 0, 0), (1, 0, 0), (0, 0, 1)) @ to_ground
    floor = np.empty_like(image[first:])
    _warp(place.grounds[rng.integers(len(place.grounds))](rng), plane, floor, first)
    cv2.copyTo(floor, mask[first:], image[first:])
    return image


def _warp(texture, homography, rows, first: int) -> None:
    """Fills ``rows`` u8[R, W, 3] of the photo, the first of them number ``first``."""
    if len(rows):
        shifted = np.array([[1, 0, 0], [0, 1, -first], [0, 0, 1]]) @ homography
        cv2.warpPerspective(
            texture, shifted, rows.shape[1::-1], rows, cv2.INTER_LINEAR,
            cv2.BORDER_REFLECT_101,
        )  # fmt: skip


def _ground(camera, wall: float, size) -> tuple[np.ndarray, int, int]:
    """Where the ground in front of the backdrop is seen.

    Returns:
        u8[H, W], 255 on the ground; the first row with ground; the row after the last
        one that has anything else.
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
    light = cv2.LUT(mask, np.clip(255 - setting.shadow * np.arange(256), 0, 255).astype(np.uint8))
    return cv2.multiply(image, cv2.merge([light] * 3), scale=1 / 255)


def develop(rng: np.random.Generator, background, solids, coverage) -> np.ndarray:
    """Lays the solids over the background and adds what lens and film do.

    Args:
        rng: random numbers.
        background: u8[H, W, 3].
        solids: u8[H, W, 3], colours times coverage.
        coverage: u8[H, W], 255 where a pixel is all solid.

    Returns:
        u8[H, W, 3]
    """
    if rng.random() < 0.6:
        background = cv2.GaussianBlur(background, (0, 0), rng.uniform(0.4, 2.2))
    free = cv2.merge([255 - coverage] * 3)
    image = cv2.add(cv2.multiply(background, free, scale=1 / 255), solids)
    image = _tones(rng, image)
    if rng.random() < 0.55:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.35, 1.1))
    noise = cloud(rng, image.shape[:2], 6, 3) * rng.uniform(0, 6)
    # The sum of two bytes has a deviation of 104 and is far quicker than a Gaussian.
    grain = rng.integers(256, size=(2, *image.shape[:2]), dtype=np.uint8)
    grain = np.subtract(*grain, dtype=np.float32)
    cv2.scaleAdd(grain, rng.uniform(0, 6) / 104, noise, noise)
    image = cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image


def _tones(rng, image) -> np.ndarray:
    """Exposure, contrast and white balance; seldom black and white."""
    level = np.linspace(0, 1, 256)[:, None]
    gamma, gain = np.exp(rng.normal(0, 0.18)), np.exp(rng.normal(0.03, 0.1, 3) * (0.6, 0.4, 0.6))
    contrast, lift = rng.normal(1.0, 0.1), rng.normal(0, 0.03)
    curve = (level**gamma * gain - 0.5) * contrast + 0.5 + lift
    image = cv2.LUT(image, np.clip(curve * 255, 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.04:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return image
