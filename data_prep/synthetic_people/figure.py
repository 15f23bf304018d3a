"""The visible surface of a synthetic person: flesh and clothes below the head.

In body space (see ``body``). Thicknesses are in meters for a stature of 1.70 m, scaled
by the body's girth.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.synthetic_people.body import SIDES, Body
from data_prep.synthetic_people.head import head
from data_prep.synthetic_people.mesh import (
    Faces,
    column_angle,
    faces,
    folds,
    join,
    loft,
    tube,
)

# Along the trunk, 0 at the hips, 1 at the shoulders: (place, half width, half depth).
TRUNK = np.array([
    (-0.25, 0.020, 0.030), (-0.22, 0.090, 0.080), (-0.13, 0.150, 0.108),
    (-0.03, 0.164, 0.118), (0.07, 0.163, 0.116), (0.17, 0.154, 0.108),
    (0.27, 0.145, 0.102), (0.37, 0.141, 0.101), (0.47, 0.144, 0.104),
    (0.57, 0.150, 0.109), (0.67, 0.157, 0.113), (0.77, 0.163, 0.114),
    (0.86, 0.167, 0.108), (0.93, 0.164, 0.096), (0.99, 0.152, 0.083),
    (1.05, 0.122, 0.070), (1.11, 0.078, 0.060), (1.16, 0.050, 0.050),
])  # fmt: skip
# Along a bone: (fraction of the way, half width, half depth).
UPPER_ARM = [
    (-0.15, 0.010, 0.010), (-0.12, 0.032, 0.034), (-0.05, 0.047, 0.049),
    (0.08, 0.052, 0.056), (0.25, 0.049, 0.053), (0.45, 0.046, 0.050),
    (0.65, 0.043, 0.046), (0.85, 0.040, 0.041), (1.00, 0.039, 0.039),
    (1.10, 0.030, 0.030), (1.13, 0.006, 0.006),
]  # fmt: skip
FOREARM = [
    (-0.15, 0.006, 0.006), (-0.11, 0.030, 0.030), (0.00, 0.040, 0.040),
    (0.15, 0.043, 0.042), (0.35, 0.040, 0.038), (0.55, 0.035, 0.033),
    (0.75, 0.030, 0.027), (0.92, 0.028, 0.024), (1.03, 0.026, 0.022),
]  # fmt: skip
HAND = [
    (-0.05, 0.018, 0.026), (0.10, 0.018, 0.034), (0.40, 0.018, 0.043),
    (0.62, 0.016, 0.043), (0.85, 0.014, 0.036), (1.00, 0.010, 0.026),
    (1.06, 0.003, 0.008),
]  # fmt: skip
THIGH = [
    (-0.17, 0.020, 0.020), (-0.14, 0.060, 0.065), (-0.04, 0.085, 0.092),
    (0.10, 0.088, 0.094), (0.28, 0.083, 0.088), (0.45, 0.076, 0.080),
    (0.62, 0.068, 0.071), (0.80, 0.060, 0.062), (0.92, 0.056, 0.058),
    (1.02, 0.055, 0.057), (1.10, 0.042, 0.044), (1.14, 0.010, 0.010),
]  # fmt: skip
SHANK = [
    (-0.14, 0.010, 0.010), (-0.10, 0.042, 0.044), (0.00, 0.054, 0.056),
    (0.12, 0.053, 0.056), (0.27, 0.055, 0.059), (0.42, 0.051, 0.055),
    (0.58, 0.044, 0.047), (0.74, 0.037, 0.040), (0.90, 0.033, 0.037),
    (1.02, 0.034, 0.038),
]  # fmt: skip
# Along the foot from heel to toe: (z, half width, half height, height above the ankle).
FOOT = np.array([
    (-0.080, 0.010, 0.012, -0.045), (-0.072, 0.028, 0.032, -0.042),
    (-0.030, 0.037, 0.052, -0.026), (0.030, 0.041, 0.050, -0.030),
    (0.090, 0.046, 0.035, -0.045), (0.140, 0.048, 0.027, -0.053),
    (0.175, 0.040, 0.020, -0.058), (0.195, 0.014, 0.008, -0.064),
])  # fmt: skip


def trunk(body: Body, wardrobe, rng) -> list[Faces]:
    """Hips to neck base, with shirt and trousers."""
    columns = 20
    corners = loft(*_trunk_rings(body), columns)
    place = (TRUNK[:-1, 0] + TRUNK[1:, 0])[:, None, None] / 2
    angle = column_angle(columns)[None, :, None]
    shirt = wardrobe.shirt.paint(len(place), columns, rng)
    colors = np.where(place > wardrobe.waistline, shirt, wardrobe.trousers.color)
    if wardrobe.open_jacket:
        under = (angle < 27) & (place > wardrobe.waistline)
        colors = np.where(under, wardrobe.shirt.second, colors)
    neckline = 1.06 - np.where(angle < 50, wardrobe.neckline * (1 - angle / 60), 0)
    colors = np.where(place > neckline, wardrobe.skin, colors)
    return [faces(corners, colors * folds(rng, corners, 0.035))]


def _trunk_rings(body: Body):
    """Centers and half axes of the trunk's rings; the frames blend along the spine."""
    place = TRUNK[:, 0]
    joints, frames = body.joints, body.frames
    spine = ("pelvis", "low_back", "high_back", "thorax")
    points = np.array([joints[name] for name in spine])
    below = points[0] - frames["pelvis"][:, 1] * 0.35 * body.stature * 0.288
    above = joints["thorax"] + (joints["neck"] - joints["thorax"]) * 1.5
    points = np.concatenate([below[None], points, above[None]])
    knots = np.array([-0.35, 0.0, 0.35, 0.65, 1.0, 1.26])
    centers = np.stack([np.interp(place, knots, points[:, i]) for i in range(3)], -1)
    bends = np.stack([frames["pelvis"], frames["waist"], frames["chest"]])
    axes = np.stack(
        [np.interp(place, (0.15, 0.5, 0.85), bends[:, i, j])
         for i in range(3) for j in (0, 2)], -1,
    ).reshape(-1, 3, 2)  # fmt: skip
    width = TRUNK[:, 1:2] * np.interp(place, (0, 0.4, 1), (1, body.girth, 1))[:, None]
    scale = body.girth
    return centers, axes[..., 0] * width * scale, axes[..., 1] * TRUNK[:, 2:] * scale


def limb(start, end, frame, profile, scale, garment, covered, skin, rng) -> Faces:
    """A limb whose first part, up to the fraction ``covered``, is clothed."""
    rows = np.array(profile)
    clothed = rows[:, 0] <= covered + 1e-6
    # Cloth hangs looser farther down a limb.
    loose = 1.04 + garment.looseness * np.clip(rows[:, 0] + 0.1, 0, 1)
    rows[:, 1:] *= np.where(clothed, loose, 1)[:, None]
    corners = tube(start, end, frame, rows, scale)
    middle = (rows[:-1, 0] + rows[1:, 0]) / 2
    cloth = garment.paint(len(middle), corners.shape[1], rng)
    cloth = cloth * folds(rng, corners, 0.04)
    is_cloth = (middle <= covered)[:, None, None]
    return faces(corners, np.where(is_cloth, cloth, np.asarray(skin)))


def arm(body: Body, side: str, wardrobe, rng) -> list[Faces]:
    """Upper arm, forearm and hand."""
    joints, frames, scale = body.joints, body.frames, body.girth
    shoulder, elbow = joints[f"{side}_shoulder"], joints[f"{side}_elbow"]
    wrist, hand = joints[f"{side}_wrist"], joints[f"{side}_hand"]
    upper, fore = frames[f"{side}_upper_arm"], frames[f"{side}_forearm"]
    sleeve, skin = wardrobe.sleeve, wardrobe.skin
    palm = tube(wrist, hand, fore, HAND, body.stature / 1.70, 10)
    root = wrist + (hand - wrist) * 0.15
    thumb_end = wrist + (hand - wrist) * 0.62 + fore[:, 2] * 0.055
    thumb = tube(
        root,
        thumb_end,
        fore,
        [(0, 0.012, 0.016), (0.8, 0.012, 0.012), (1, 0.004, 0.004)],
        1.0,
        6,
    )
    cloth = wardrobe.sleeves
    return [
        limb(shoulder, elbow, upper, UPPER_ARM, scale, cloth, sleeve, skin, rng),
        limb(elbow, wrist, fore, FOREARM, scale, cloth, sleeve - 1, skin, rng),
        faces(palm, skin),
        faces(thumb, skin),
    ]


def leg(body: Body, side: str, wardrobe, rng) -> list[Faces]:
    """Thigh, shank and shoe."""
    joints, frames, scale = body.joints, body.frames, body.girth
    hip, knee = joints[f"{side}_hip"], joints[f"{side}_knee"]
    ankle = joints[f"{side}_ankle"]
    thigh, shank = frames[f"{side}_thigh"], frames[f"{side}_shank"]
    cover, skin = wardrobe.trouser_length, wardrobe.leg_skin
    lower = limb(
        knee, ankle, shank, SHANK, scale, wardrobe.trousers, cover - 1, skin, rng
    )
    if wardrobe.sock_length:
        fraction = np.repeat(
            [(a[0] + b[0]) / 2 for a, b in zip(SHANK, SHANK[1:], strict=False)], 12
        )
        is_sock = (fraction > 1 - wardrobe.sock_length) & (fraction > cover - 1)
        colors = np.where(is_sock[:, None], wardrobe.socks, lower.colors)
        lower = dataclasses.replace(lower, colors=colors)
    upper = limb(hip, knee, thigh, THIGH, scale, wardrobe.trousers, cover, skin, rng)
    return [upper, lower, _shoe(ankle, frames[f"{side}_foot"], body, wardrobe)]


def _shoe(ankle, frame, body, wardrobe) -> Faces:
    scale = body.stature / 1.70
    z, width, height, up = FOOT.T[:, :, None] * scale
    centers = ankle + z * frame[:, 2] + up * frame[:, 1]
    corners = loft(centers, width * frame[:, 0], height * frame[:, 1], 12)
    below = column_angle(12) > 115
    return faces(
        corners, np.where(below[None, :, None], wardrobe.soles, wardrobe.shoes)
    )


def skirt(body: Body, wardrobe, rng) -> list[Faces]:
    """A cone around both thighs, or nothing if the legs are too far apart."""
    joints, frames = body.joints, body.frames
    left, right = frames["left_thigh"], frames["right_thigh"]
    if left[:, 1] @ right[:, 1] < 0.8:
        return []
    place = np.linspace(-0.3, wardrobe.skirt_length, 9)[:, None]
    points = {
        side: joints[f"{side}_hip"] + np.maximum(place, 0)
        * (joints[f"{side}_knee"] - joints[f"{side}_hip"]) for side in SIDES
    }  # fmt: skip
    down = np.minimum(place, 0) * frames["pelvis"][:, 1] * -0.42
    centers = (points["left"] + points["right"]) / 2 + down
    half = (points["left"] - points["right"]) / 2
    flare = np.clip(place + 0.3, 0, None)
    across = half + frames["pelvis"][:, 0] * (0.075 + 0.05 * flare) * body.girth
    depth = (0.118 + wardrobe.skirt_flare * flare) * body.girth
    front = (left[:, 2] + right[:, 2]) / 2 * np.clip(place * 3 + 1, 0, 1)
    front = front + frames["pelvis"][:, 2] * np.clip(-place * 3, 0, 1)
    corners = loft(centers, across, front * depth, 20)
    cloth = wardrobe.skirt.paint(len(place) - 1, 20, rng)
    return [faces(corners, cloth * folds(rng, corners, 0.05), 0.04, thin=True)]


def figure(body: Body, wardrobe, rng: np.random.Generator) -> tuple[Faces, np.ndarray]:
    """The surface of a dressed person.

    Returns:
        (faces in body space, f64[V, 3] corners of the head's own faces)
    """
    skull = head(body, wardrobe, rng)
    parts = trunk(body, wardrobe, rng) + skull
    for side in SIDES:
        parts += arm(body, side, wardrobe, rng) + leg(body, side, wardrobe, rng)
    if wardrobe.skirt is not None:
        parts += skirt(body, wardrobe, rng)
    if wardrobe.backpack is not None:
        parts.append(_backpack(body, wardrobe))
    return join(parts), skull[1].corners.reshape(-1, 3)


def _backpack(body: Body, wardrobe) -> Faces:
    chest, scale = body.frames["chest"], body.girth
    top = body.joints["thorax"] - chest[:, 2] * 0.15 * scale
    end = top - chest[:, 1] * 0.4 * scale
    rows = [
        (0, 0.02, 0.02),
        (0.03, 0.11, 0.05),
        (0.3, 0.14, 0.08),
        (0.7, 0.15, 0.1),
        (0.97, 0.13, 0.08),
        (1, 0.02, 0.02),
    ]
    return faces(tube(top, end, chest, rows, scale), wardrobe.backpack)
