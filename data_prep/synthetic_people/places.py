"""Painted backdrops and floors of the synthetic photos.

Both are painted flat, in meters; ``background`` adds perspective. Colors are RGB.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from data_prep.synthetic_people.clothes import cloth_color

HEIGHT, WIDTH = 256, 384  # of the painted backdrop; its lowest row is the ground
TILE, TILE_METERS = 256, 4.0  # side of the painted ground, which repeats


def cloud(rng, shape, cells: int, octaves: int = 3) -> np.ndarray:
    """f32[H, W], a smooth random texture with mean near 0 and deviation near 1."""
    field = np.zeros(shape, np.float32)
    for octave in range(octaves):
        count = cells << octave
        grid = rng.standard_normal((count, count), dtype=np.float32)
        grid = cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_LINEAR)
        cv2.scaleAdd(grid, 0.8 * 0.6**octave, field, field)
    return field


def mottled(
    rng, shape, color, strength: float, cells: int, octaves: int = 3
) -> np.ndarray:
    """u8[H, W, 3]: a color made lighter and darker by ``cloud``."""
    light = 1 + strength * cloud(rng, shape, cells, octaves)
    return cv2.merge([cv2.multiply(light, float(c), dtype=cv2.CV_8U) for c in color])


def gradient(top, bottom) -> np.ndarray:
    """u8[HEIGHT, WIDTH, 3] from one color to another."""
    ramp = np.linspace(np.asarray(top, float), np.asarray(bottom, float), HEIGHT)
    return np.repeat(np.clip(ramp, 0, 255).astype(np.uint8)[:, None], WIDTH, axis=1)


def _rectangle(image, low, high, color, thickness=-1) -> None:
    low, high = tuple(int(v) for v in low), tuple(int(v) for v in high)
    cv2.rectangle(image, low, high, tuple(float(c) for c in color), thickness)


def _wall_color(rng) -> np.ndarray:
    pale = np.array([225, 215, 200]) * rng.uniform(0.55, 1.08)
    return np.clip(0.6 * pale + 0.4 * cloth_color(rng), 20, 250)


def paint_room(rng, meters: float) -> np.ndarray:
    """A papered, tiled or plain wall with pictures, windows, shelves and doors."""
    color = _wall_color(rng)
    wall = mottled(rng, (HEIGHT, WIDTH), color, rng.uniform(0.005, 0.05), 3)
    other = np.clip(color * rng.uniform(0.7, 1.2), 0, 255)
    step = max(int(rng.uniform(0.08, 0.4) / meters), 3)
    pattern = rng.integers(6)
    if pattern == 0:
        for x in range(0, WIDTH, 2 * step):
            _rectangle(wall, (x, 0), (x + step, HEIGHT), other)
    if pattern == 1:
        wall[::step], wall[:, ::step] = other, other
    if pattern == 2:
        _rectangle(wall, (0, HEIGHT - 1.1 / meters), (WIDTH, HEIGHT), other)
    for _ in range(rng.integers(1, 8)):
        RAISED[rng.integers(len(RAISED))](rng, wall, meters)
    _rectangle(wall, (0, HEIGHT - 0.1 / meters), (WIDTH, HEIGHT), other * 0.7)
    return wall


def _picture(rng, wall, meters) -> None:
    size = rng.uniform(0.3, 1.1, 2) / meters
    low = rng.uniform((0, HEIGHT - 2.6 / meters), (WIDTH, HEIGHT - 1.2 / meters))
    _rectangle(wall, low, low + size, cloth_color(rng) * 0.6)
    _rectangle(wall, low + 0.05 / meters, low + size - 0.05 / meters, cloth_color(rng))
    for _ in range(3):
        points = (low + rng.random((3, 2)) * size * 0.9).astype(np.int32)
        cv2.fillConvexPoly(wall, points, cloth_color(rng).tolist())


def _window(rng, wall, meters) -> None:
    size = rng.uniform((0.8, 1.0), (2.0, 1.6)) / meters
    low = np.array([rng.uniform(0, WIDTH), HEIGHT - 0.9 / meters - size[1]])
    _rectangle(wall, low, low + size, (200, 215, 235))
    _rectangle(wall, low + size * (0, 0.6), low + size, cloth_color(rng))
    frame = np.full(3, rng.uniform(60, 250))
    width = max(int(0.06 / meters), 1)
    _rectangle(wall, low, low + size, frame, width)
    _rectangle(wall, low, low + size * (0.5, 1), frame, width)


def _door(rng, wall, meters) -> None:
    x, width = rng.uniform(0, WIDTH), rng.uniform(0.7, 1.0) / meters
    low, color = (x, HEIGHT - 2.05 / meters), cloth_color(rng)
    _rectangle(wall, low, (x + width, HEIGHT), color)
    _rectangle(wall, low, (x + width, HEIGHT), color * 0.6, max(int(0.06 / meters), 1))


def _shelf(rng, wall, meters) -> None:
    x, width, rows = (
        rng.uniform(0, WIDTH),
        rng.uniform(0.6, 1.8) / meters,
        rng.integers(2, 6),
    )
    row = 0.35 / meters
    _rectangle(
        wall, (x, HEIGHT - rows * row), (x + width, HEIGHT), cloth_color(rng) * 0.5
    )
    for i in range(rows):
        bottom, at = HEIGHT - i * row - 0.04 / meters, x + 0.04 / meters
        while at < x + width - 0.06 / meters:
            book = rng.uniform((0.03, 0.18), (0.12, 0.29)) / meters
            _rectangle(
                wall, (at, bottom - book[1]), (at + book[0], bottom), cloth_color(rng)
            )
            at += book[0] + 1


def _furniture(rng, wall, meters) -> None:
    x, size = rng.uniform(0, WIDTH), rng.uniform((0.5, 0.4), (2.2, 1.1)) / meters
    color = cloth_color(rng)
    _rectangle(wall, (x, HEIGHT - size[1]), (x + size[0], HEIGHT), color)
    for line in np.linspace(x, x + size[0], rng.integers(2, 5)):
        _rectangle(wall, (line, HEIGHT - size[1]), (line + 1, HEIGHT), color * 0.6)


RAISED = (_picture, _picture, _window, _door, _shelf, _furniture)


def _sky(rng) -> np.ndarray:
    tops = np.array([(90, 140, 205), (150, 175, 205), (190, 195, 200), (120, 120, 150)])
    sky = gradient(tops[rng.integers(4)] * rng.uniform(0.85, 1.1), (225, 225, 220))
    if rng.random() < 0.6:
        amount = np.clip(cloud(rng, (HEIGHT, WIDTH), 3, 4) * 0.5, 0, 0.8)[..., None]
        sky = (sky * (1 - amount) + 240 * amount).astype(np.uint8)
    return sky


def paint_street(rng, meters: float) -> np.ndarray:
    """Houses with rows of windows, shop fronts and parked cars under the sky."""
    image = _sky(rng)
    x = -rng.uniform(0, 5) / meters
    while x < WIDTH:
        wide, tall = rng.uniform((4, 4), (12, 16)) / meters
        color = _wall_color(rng) * rng.uniform(0.6, 1)
        top = HEIGHT - tall
        _rectangle(image, (x, top), (x + wide, HEIGHT), color)
        pane = cloth_color(rng) * 0.5
        storey, bay = 3.0 / meters, rng.uniform(1.5, 3) / meters
        for y in np.arange(top + storey * 0.3, HEIGHT - storey, storey):
            for at in np.arange(x + bay * 0.25, x + wide - bay * 0.7, bay):
                _rectangle(image, (at, y), (at + bay * 0.5, y + storey * 0.5), pane)
        _rectangle(image, (x + bay * 0.2, HEIGHT - 2.6 / meters),
                   (x + wide * 0.8, HEIGHT), cloth_color(rng) * 0.6)  # fmt: skip
        x += wide
    for _ in range(rng.integers(0, 4)):
        _car(rng, image, meters)
    return image


def _car(rng, image, meters) -> None:
    x, color, m = rng.uniform(-1, WIDTH), cloth_color(rng), 1 / meters
    _rectangle(image, (x, HEIGHT - 1.0 * m), (x + 4.2 * m, HEIGHT - 0.3 * m), color)
    _rectangle(
        image, (x + 0.9 * m, HEIGHT - 1.5 * m), (x + 3.2 * m, HEIGHT - m), color * 0.5
    )
    for wheel in (0.9, 3.3):
        place = (int(x + wheel * m), int(HEIGHT - 0.33 * m))
        cv2.circle(image, place, max(int(0.33 * m), 1), (25, 25, 25), -1)


def paint_nature(rng, meters: float) -> np.ndarray:
    """Hills, trees and hedges under the sky."""
    image = _sky(rng)
    green = np.array([80, 110, 60]) * rng.uniform(0.5, 1.2) + rng.uniform(-25, 25, 3)
    ridge = (
        HEIGHT
        - (3 + 2.5 * np.abs(cloud(rng, (1, WIDTH), 3)[0]))
        * rng.uniform(0.5, 3)
        / meters
    )
    points = np.stack([np.arange(WIDTH), np.maximum(ridge, 0)], -1)
    points = np.concatenate([points, [[WIDTH, HEIGHT], [0, HEIGHT]]]).astype(np.int32)
    cv2.fillPoly(image, [points], np.clip(green * 1.2 + 20, 0, 255).tolist())
    for _ in range(rng.integers(2, 14)):
        x, tall = rng.uniform(0, WIDTH), rng.uniform(2, 7) / meters
        trunk = np.array([80, 60, 45]) * rng.uniform(0.5, 1.2)
        _rectangle(image, (x, HEIGHT - tall), (x + 0.3 / meters, HEIGHT), trunk)
        for _ in range(9):
            place = (x, HEIGHT - tall) + rng.normal(0, 0.8, 2) / meters
            leaf = np.clip(green * rng.uniform(0.6, 1.3), 0, 255).tolist()
            radius = max(int(rng.uniform(0.5, 1.3) / meters), 1)
            cv2.circle(image, tuple(int(v) for v in place), radius, leaf, -1)
    grain = mottled(rng, (HEIGHT, WIDTH), (128, 128, 128), 0.14, 48, 2)
    return cv2.multiply(image, grain, scale=1 / 128)


def paint_crowd(rng, meters: float) -> np.ndarray:
    """Stands full of spectators behind boards, as around a playing field."""
    colors = rng.integers(20, 230, (HEIGHT // 4, WIDTH // 3, 3)).astype(np.uint8)
    image = cv2.resize(colors, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    shade = np.full(3, rng.uniform(30, 120))
    image = cv2.addWeighted(image, 0.55, gradient(shade, shade * 1.4), 0.45, 0)
    tall = rng.uniform(0.8, 1.6) / meters
    x = 0.0
    while x < WIDTH:
        wide = rng.uniform(2, 6) / meters
        _rectangle(image, (x, HEIGHT - tall), (x + wide, HEIGHT), cloth_color(rng))
        for _ in range(5):
            at = (x, HEIGHT - tall) + rng.random(2) * (wide * 0.8, tall * 0.6)
            _rectangle(image, at, at + (0.3 / meters, 0.3 * tall), cloth_color(rng))
        x += wide
    return image


def paint_clutter(rng, meters: float) -> np.ndarray:
    """Not a real place: polygons, bars and discs of any color."""
    image = mottled(rng, (HEIGHT, WIDTH), cloth_color(rng), 0.3, 4, 4)
    for _ in range(rng.integers(10, 45)):
        center = rng.uniform(0, (WIDTH, HEIGHT))
        spread = rng.uniform(5, 60)
        points = (center + rng.normal(0, spread, (rng.integers(3, 6), 2))).astype(
            np.int32
        )
        cv2.fillPoly(image, [cv2.convexHull(points)], cloth_color(rng).tolist())
    for _ in range(rng.integers(0, 15)):
        ends = rng.uniform(0, (WIDTH, HEIGHT), (2, 2)).astype(int).tolist()
        cv2.line(
            image,
            ends[0],
            ends[1],
            cloth_color(rng).tolist(),
            int(rng.integers(1, 12)),
        )
    return image


def floor_boards(rng) -> np.ndarray:
    color = np.array([165, 120, 75]) * rng.uniform(0.5, 1.35) + rng.uniform(-15, 15, 3)
    tile = mottled(rng, (TILE, TILE), np.clip(color, 10, 250), 0.08, 6)
    step = int(rng.choice([8, 16]))
    for x in range(0, TILE, step):
        shade = np.clip(color * rng.uniform(0.85, 1.1), 0, 255)
        strip = tile[:, x : x + step]
        cv2.addWeighted(strip, 0.5, np.full_like(strip, shade), 0.5, 0, strip)
        tile[:, x] = shade * 0.7
    return tile


def floor_tiles(rng) -> np.ndarray:
    color = _wall_color(rng)
    tile = mottled(rng, (TILE, TILE), color, 0.06, 8)
    step = int(rng.choice([16, 32, 64]))
    if rng.random() < 0.25:
        check = np.indices((TILE, TILE)) // step % 2
        tile[check[0] != check[1]] = np.clip(cloth_color(rng), 0, 255)
    tile[::step], tile[:, ::step] = color * 0.7, color * 0.7
    return tile


def floor_plain(rng) -> np.ndarray:
    return mottled(
        rng, (TILE, TILE), _wall_color(rng) * rng.uniform(0.5, 0.95), 0.04, 32
    )


def grass(rng) -> np.ndarray:
    color = np.array([90, 130, 60]) * rng.uniform(0.55, 1.2) + rng.uniform(-15, 15, 3)
    tile = mottled(rng, (TILE, TILE), np.clip(color, 10, 250), 0.12, 24, 3)
    if rng.random() < 0.4:
        cv2.multiply(tile[:, : TILE // 2], 0.85, tile[:, : TILE // 2])
    return tile


def asphalt(rng) -> np.ndarray:
    tile = mottled(rng, (TILE, TILE), np.full(3, rng.uniform(70, 150)), 0.07, 32, 3)
    if rng.random() < 0.5:
        tile[:, :8] = 225
    return tile


def sand(rng) -> np.ndarray:
    color = np.array([205, 180, 140]) * rng.uniform(0.7, 1.15)
    return mottled(rng, (TILE, TILE), np.clip(color, 0, 255), 0.05, 24, 3)


def court(rng) -> np.ndarray:
    tile = mottled(rng, (TILE, TILE), cloth_color(rng), 0.04, 4)
    tile[:5], tile[:, :5] = 235, 235
    return tile


@dataclasses.dataclass(frozen=True)
class Place:
    """A backdrop painter (rng, meters per pixel) and the floors that go with it."""

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
