"""The heads of synthetic people: face, hair and hats, in body space (``body``)."""

from __future__ import annotations

import numpy as np

from data_prep.synthetic_people.body import FACE, SIDES, Body, head_center, turn_x
from data_prep.synthetic_people.mesh import (
    Faces,
    column_angle,
    disc,
    faces,
    folds,
    loft,
    tube,
)

# Bottom to top in head heights: (up, half width, half depth, forward).
HEAD = np.array([
    (-0.50, 0.030, 0.030, 0.170), (-0.47, 0.125, 0.125, 0.150),
    (-0.41, 0.200, 0.225, 0.120), (-0.32, 0.255, 0.305, 0.070),
    (-0.20, 0.295, 0.360, 0.035), (-0.06, 0.315, 0.395, 0.010),
    (0.08, 0.325, 0.412, 0.000), (0.22, 0.318, 0.410, -0.015),
    (0.33, 0.280, 0.370, -0.025), (0.42, 0.212, 0.285, -0.030),
    (0.48, 0.110, 0.150, -0.030), (0.50, 0.020, 0.020, -0.030),
])  # fmt: skip
# The lowest hair at each angle from the front, in head heights.
HAIRLINE = (
    (0, 35, 60, 85, 105, 125, 180),
    (0.27, 0.26, 0.20, 0.06, -0.08, -0.22, -0.30),
)


def head(body: Body, wardrobe, rng) -> list[Faces]:
    """Neck, skull, face, ears, hair and hats."""
    frame, size = body.frames["head"], body.head
    center = head_center(body.joints, frame)
    base, neck = body.joints["thorax"], body.joints["neck"]
    rows = [
        (-0.3, 0.060, 0.060),
        (0.5, 0.054, 0.056),
        (1.2, 0.052, 0.056),
        (1.7, 0.05, 0.05),
    ]
    throat = tube(base, neck, body.frames["chest"], rows, body.girth**0.5)
    columns = 18
    corners, up = _skull(center, frame, size, 1.0, columns)
    angle = column_angle(columns)[None, :, None]
    colors = np.where(
        wardrobe.beard & (up < -0.2) & (angle < 100), wardrobe.hair, wardrobe.skin
    )
    parts = [faces(throat, wardrobe.skin), faces(corners, colors)]
    for side in SIDES.values():
        middle = center + frame @ (np.array([side * 0.335, -0.03, -0.03]) * size)
        outward = frame @ turn_x(-12)
        rows = [
            (-1, 0.02, 0.02),
            (-0.7, 0.04, 0.07),
            (0, 0.05, 0.09),
            (0.7, 0.05, 0.1),
            (1, 0.02, 0.03),
        ]
        ear = tube(middle, middle + outward[:, 1] * 0.14 * size, outward, rows, size, 8)
        parts.append(faces(ear, wardrobe.skin * 0.87))
    return (
        parts
        + _hair(body, center, wardrobe, rng)
        + _features(center, frame, size, wardrobe)
    )


def _skull(center, frame, size, swell, columns):
    """The head's faces and each row's height [R - 1, 1, 1] in head heights."""
    up, width, depth, forward = HEAD.T[:, :, None] * size
    centers = center + up * swell**0.5 * frame[:, 1] + forward * frame[:, 2]
    across, front = width * swell * frame[:, 0], depth * swell * frame[:, 2]
    corners = loft(centers, across, front, columns)
    return corners, ((HEAD[:-1, 0] + HEAD[1:, 0]) / 2)[:, None, None]


def _hair(body, center, wardrobe, rng) -> list[Faces]:
    if wardrobe.hair_style == "bald":
        return []
    frame, size, columns = body.frames["head"], body.head, 18
    corners, up = _skull(center, frame, size, 1.1, columns)
    line = np.interp(column_angle(columns), *HAIRLINE)[None, :]
    color, lift = wardrobe.hair, 0.0
    if wardrobe.hair_style == "cap":
        line, color, lift = np.full((1, columns), 0.17), wardrobe.hat, 0.01
    kept = np.broadcast_to(up[..., 0] > line, corners.shape[:2])
    shades = color * folds(rng, corners, 0.08)
    parts = [faces(corners[kept], shades[kept], lift)]
    back, low = frame[:, 2], body.frames["chest"]
    crown = center + frame[:, 1] * 0.1 * size - back * 0.12 * size
    if wardrobe.hair_style == "long":
        nape = body.joints["neck"] - low[:, 1] * wardrobe.hair_length - low[:, 2] * 0.05
        rows = [
            (0, 0.33, 0.32),
            (0.3, 0.40, 0.33),
            (0.7, 0.38, 0.25),
            (1, 0.3, 0.16),
            (1.05, 0.05, 0.05),
        ]
        strands = tube(crown, nape, frame, rows, size)
        parts.append(faces(strands, color * folds(rng, strands, 0.1)))
    if wardrobe.hair_style == "tail":
        knot = crown - back * 0.34 * size + frame[:, 1] * 0.1 * size
        end = knot - back * 0.25 * size - low[:, 1] * 0.16
        rows = [(-0.1, 0.05, 0.05), (0, 0.14, 0.14), (0.5, 0.15, 0.13), (1, 0.08, 0.06)]
        strands = tube(knot, end, frame, rows, size, 8)
        parts.append(faces(strands, color * folds(rng, strands, 0.1)))
    if wardrobe.hair_style == "cap":
        rim = center + frame @ (np.array([0, 0.17, 0.42]) * size)
        brim = disc(
            rim, frame[:, 0] * 0.3 * size, -(back + frame[:, 1] * -0.25) * 0.32 * size
        )
        parts.append(faces(brim, color * 0.85, 0.02, thin=True))
    return parts


def _features(center, frame, size, wardrobe) -> list[Faces]:
    """Eyes, brows, mouth and nose, slightly larger than life so that they show."""
    dark = wardrobe.hair * 0.55
    rows = []  # color, x, y, half width, half height, lift
    for eye in ("left_eye", "right_eye"):
        x, y, _ = FACE[eye]
        rows.append((np.array([238, 238, 234]), x, y, 0.078, 0.044, 0.012))
        rows.append((wardrobe.eyes, x, y, 0.036, 0.042, 0.016))
        rows.append((dark, x, y + 0.095, 0.085, 0.020, 0.012))
    rows.append((wardrobe.lips, 0.0, -0.285, 0.115, 0.030, 0.012))
    parts = []
    for color, x, y, half_width, half_height, lift in rows:
        _, width, depth, forward = (
            np.interp(y, HEAD[:, 0], column) for column in HEAD.T
        )
        z = forward + depth * np.sqrt(1 - (x / width) ** 2)
        across = np.array([1, 0, -x / width**2 * depth**2 / (z - forward)])
        place = center + frame @ (np.array([x, y, z + 0.01]) * size)
        across = frame @ across / np.linalg.norm(across) * half_width * size
        parts.append(
            faces(disc(place, across, frame[:, 1] * half_height * size), color, lift)
        )
    bridge, tip = np.array([0, 0.06, 0.40]) * size, np.array(FACE["nose"]) * size
    profile = [
        (0, 0.025, 0.03),
        (0.6, 0.045, 0.06),
        (0.9, 0.07, 0.07),
        (1.1, 0.055, 0.05),
        (1.2, 0.01, 0.01),
    ]
    start, end = (
        center + frame @ bridge,
        center + frame @ (tip - np.array([0, 0, 0.05]) * size),
    )
    nose = tube(start, end, frame, profile, size, 8)
    return parts + [faces(nose, wardrobe.skin * 1.03)]
