"""The visible surface of a synthetic person: flesh, clothes, hair and face.

A surface is a soup of quadrangles in body space (see ``synthetic_body``): small enough
that each may have one colour and one depth. Thicknesses are metres for a stature of
1.70 m and are scaled by the body's girth.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from data_prep.synthetic_body import FACE, SIDES, Body, head_centre, turn_x


@dataclasses.dataclass(frozen=True)
class Faces:
    """Quadrangles with colours.

    ``corners`` f64[F, 4, 3] metres, counter-clockwise seen from outside; ``colours``
    f64[F, 3] RGB 0..255 under full light; ``lift`` f64[F] metres by which a face is
    taken to be nearer than it is (features lying on a surface); ``thin`` bool[F] for
    faces that are seen from both sides.
    """

    corners: np.ndarray
    colours: np.ndarray
    lift: np.ndarray
    thin: np.ndarray

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, which) -> Faces:
        """The faces of an index array."""
        return Faces(
            self.corners[which], self.colours[which], self.lift[which], self.thin[which]
        )


def faces(corners, colours, lift=0.0, thin=False) -> Faces:
    """``Faces`` from corners [..., 4, 3] and colours that broadcast to [..., 3]."""
    count = corners.size // 12
    painted = np.empty((*corners.shape[:-2], 3))
    painted[...] = colours
    return Faces(
        corners.reshape(count, 4, 3), painted.reshape(count, 3),
        np.full(count, lift), np.full(count, thin),
    )  # fmt: skip


def join(parts: list[Faces]) -> Faces:
    """All faces of several parts, in order."""
    return Faces(
        np.concatenate([part.corners for part in parts]),
        np.concatenate([part.colours for part in parts]),
        np.concatenate([part.lift for part in parts]),
        np.concatenate([part.thin for part in parts]),
    )


def loft(centres, across, front, columns: int) -> np.ndarray:
    """The skin over a row of elliptic rings.

    Args:
        centres: f64[R, 3].
        across: f64[R, 3], the half axis of each ring at angle 0.
        front: f64[R, 3], the half axis at a quarter turn.
        columns: faces around.

    Returns:
        f64[R - 1, columns, 4, 3], counter-clockwise seen from outside.
    """
    circle = _circle(columns)
    points = centres[:, None] + circle[0] * across[:, None] + circle[1] * front[:, None]
    middle = len(centres) // 2
    (a, b, c), (d, e, f) = front[middle].tolist(), across[middle].tolist()
    x, y, z = (centres[-1] - centres[0]).tolist()
    upward = (b * f - c * e) * x + (c * d - a * f) * y + (a * e - b * d) * z > 0
    corners = np.empty((len(centres) - 1, columns, 4, 3))
    corners[:, :, 0] = points[:-1, :-1]
    corners[:, :, 1 if upward else 3] = points[1:, :-1]
    corners[:, :, 2] = points[1:, 1:]
    corners[:, :, 3 if upward else 1] = points[:-1, 1:]
    return corners


@functools.cache
def _circle(columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines f64[1, columns + 1, 1] once round."""
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
    centres = start + fraction * (end - start)
    across, front = width * scale * frame[:, 0], depth * scale * frame[:, 2]
    return loft(centres, across, front, columns)


def disc(centre, axis_a, axis_b) -> np.ndarray:
    """f64[3, 4, 3]: an octagon in three faces, its normal along axis_a x axis_b."""
    angle = (np.arange(8) + 0.5) * (np.pi / 4)
    points = centre + np.cos(angle)[:, None] * axis_a + np.sin(angle)[:, None] * axis_b
    return points[np.array([[0, 1, 2, 7], [7, 2, 3, 6], [6, 3, 4, 5]])]


def ball(centre, radius: float, columns: int = 12) -> np.ndarray:
    """A sphere."""
    angle = np.linspace(-1, 1, 8) * 1.5
    rows = np.stack([np.sin(angle), np.cos(angle), np.cos(angle)], -1)
    return tube(
        centre, centre + np.array([0, radius, 0]), np.eye(3), rows * [1, radius, radius],
        1.0, columns,
    )  # fmt: skip


# Along the trunk, 0 at the hips and 1 at the shoulders: (place, half width, half depth).
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
# Up the head in units of its height: (up, half width, half depth, forward).
HEAD = np.array([
    (-0.50, 0.030, 0.030, 0.170), (-0.47, 0.125, 0.125, 0.150),
    (-0.41, 0.200, 0.225, 0.120), (-0.32, 0.255, 0.305, 0.070),
    (-0.20, 0.295, 0.360, 0.035), (-0.06, 0.315, 0.395, 0.010),
    (0.08, 0.325, 0.412, 0.000), (0.22, 0.318, 0.410, -0.015),
    (0.33, 0.280, 0.370, -0.025), (0.42, 0.212, 0.285, -0.030),
    (0.48, 0.110, 0.150, -0.030), (0.50, 0.020, 0.020, -0.030),
])  # fmt: skip
# The lowest hair at each angle from the front, in heights of the head.
HAIRLINE = (
    (0, 35, 60, 85, 105, 125, 180),
    (0.27, 0.26, 0.20, 0.06, -0.08, -0.22, -0.30),
)


def trunk(body: Body, wardrobe, rng) -> list[Faces]:
    """Hips to neck base, with shirt and trousers."""
    columns = 20
    corners = loft(*_trunk_rings(body), columns)
    place = (TRUNK[:-1, 0] + TRUNK[1:, 0])[:, None, None] / 2
    angle = column_angle(columns)[None, :, None]
    shirt = wardrobe.shirt.paint(len(place), columns, rng)
    colours = np.where(place > wardrobe.waistline, shirt, wardrobe.trousers.colour)
    if wardrobe.open_jacket:
        under = (angle < 27) & (place > wardrobe.waistline)
        colours = np.where(under, wardrobe.shirt.second, colours)
    neckline = 1.06 - np.where(angle < 50, wardrobe.neckline * (1 - angle / 60), 0)
    colours = np.where(place > neckline, wardrobe.skin, colours)
    return [faces(corners, colours * _folds(rng, corners, 0.035))]


def _folds(rng, corners, strength: float) -> np.ndarray:
    """Brightness of each face [R, N, 1] in soft waves, as from the folds of cloth."""
    rows, columns = corners.shape[:2]
    row, column = np.arange(rows)[:, None], np.arange(columns) * (2 * np.pi / columns)
    start, rise, turns = rng.uniform((0, 0.4, 0), (6.28, 1.2, 3), (2, 3)).T
    waves = np.sin(start[0] + rise[0] * row + np.round(turns[0]) * column)
    waves = waves + np.sin(start[1] - rise[1] * row + np.round(turns[1]) * column)
    return 1 + strength * waves[..., None]


def _trunk_rings(body: Body):
    """Centres and half axes of the trunk's rings; the frames blend along the spine."""
    place = TRUNK[:, 0]
    joints, frames = body.joints, body.frames
    spine = ("pelvis", "low_back", "high_back", "thorax")
    points = np.array([joints[name] for name in spine])
    below = points[0] - frames["pelvis"][:, 1] * 0.35 * body.stature * 0.288
    above = joints["thorax"] + (joints["neck"] - joints["thorax"]) * 1.5
    points = np.concatenate([below[None], points, above[None]])
    knots = np.array([-0.35, 0.0, 0.35, 0.65, 1.0, 1.26])
    centres = np.stack([np.interp(place, knots, points[:, i]) for i in range(3)], -1)
    bends = np.stack([frames["pelvis"], frames["waist"], frames["chest"]])
    axes = np.stack(
        [np.interp(place, (0.15, 0.5, 0.85), bends[:, i, j])
         for i in range(3) for j in (0, 2)], -1,
    ).reshape(-1, 3, 2)  # fmt: skip
    width = TRUNK[:, 1:2] * np.interp(place, (0, 0.4, 1), (1, body.girth, 1))[:, None]
    scale = body.girth
    return centres, axes[..., 0] * width * scale, axes[..., 1] * TRUNK[:, 2:] * scale


def limb(start, end, frame, profile, scale, garment, covered, skin, rng) -> Faces:
    """A limb whose first part, up to the fraction ``covered``, is clothed."""
    rows = np.array(profile)
    clothed = rows[:, 0] <= covered + 1e-6
    # Cloth hangs off a limb the more the farther down it is.
    loose = 1.04 + garment.looseness * np.clip(rows[:, 0] + 0.1, 0, 1)
    rows[:, 1:] *= np.where(clothed, loose, 1)[:, None]
    corners = tube(start, end, frame, rows, scale)
    middle = (rows[:-1, 0] + rows[1:, 0]) / 2
    cloth = garment.paint(len(middle), corners.shape[1], rng)
    cloth = cloth * _folds(rng, corners, 0.04)
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
    return [
        limb(shoulder, elbow, upper, UPPER_ARM, scale, wardrobe.sleeves, sleeve, skin, rng),
        limb(elbow, wrist, fore, FOREARM, scale, wardrobe.sleeves, sleeve - 1, skin, rng),
        faces(palm, skin),
        faces(thumb, skin),
    ]  # fmt: skip


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
        colours = np.where(is_sock[:, None], wardrobe.socks, lower.colours)
        lower = dataclasses.replace(lower, colours=colours)
    upper = limb(hip, knee, thigh, THIGH, scale, wardrobe.trousers, cover, skin, rng)
    return [upper, lower, _shoe(ankle, frames[f"{side}_foot"], body, wardrobe)]


def _shoe(ankle, frame, body, wardrobe) -> Faces:
    scale = body.stature / 1.70
    z, width, height, up = FOOT.T[:, :, None] * scale
    centres = ankle + z * frame[:, 2] + up * frame[:, 1]
    corners = loft(centres, width * frame[:, 0], height * frame[:, 1], 12)
    below = column_angle(12) > 115
    return faces(
        corners, np.where(below[None, :, None], wardrobe.soles, wardrobe.shoes)
    )


def skirt(body: Body, wardrobe, rng) -> list[Faces]:
    """A cone around both thighs, or nothing where the legs are too far apart."""
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
    centres = (points["left"] + points["right"]) / 2 + down
    half = (points["left"] - points["right"]) / 2
    flare = np.clip(place + 0.3, 0, None)
    across = half + frames["pelvis"][:, 0] * (0.075 + 0.05 * flare) * body.girth
    depth = (0.118 + wardrobe.skirt_flare * flare) * body.girth
    front = (left[:, 2] + right[:, 2]) / 2 * np.clip(place * 3 + 1, 0, 1)
    front = front + frames["pelvis"][:, 2] * np.clip(-place * 3, 0, 1)
    corners = loft(centres, across, front * depth, 20)
    cloth = wardrobe.skirt.paint(len(place) - 1, 20, rng)
    return [faces(corners, cloth * _folds(rng, corners, 0.05), thin=True)]


def head(body: Body, wardrobe, rng) -> list[Faces]:
    """Neck, skull, face, ears, hair and hats."""
    frame, size = body.frames["head"], body.head
    centre = head_centre(body.joints, frame)
    base, neck = body.joints["thorax"], body.joints["neck"]
    rows = [
        (-0.3, 0.060, 0.060),
        (0.5, 0.054, 0.056),
        (1.2, 0.052, 0.056),
        (1.7, 0.05, 0.05),
    ]
    throat = tube(base, neck, body.frames["chest"], rows, body.girth**0.5)
    columns = 18
    corners, up = _skull(centre, frame, size, 1.0, columns)
    angle = column_angle(columns)[None, :, None]
    colours = np.where(
        wardrobe.beard & (up < -0.2) & (angle < 100), wardrobe.hair, wardrobe.skin
    )
    parts = [faces(throat, wardrobe.skin), faces(corners, colours)]
    for side in SIDES.values():
        middle = centre + frame @ (np.array([side * 0.335, -0.03, -0.03]) * size)
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
        + _hair(body, centre, wardrobe, rng)
        + _features(centre, frame, size, wardrobe)
    )


def _skull(centre, frame, size, swell, columns):
    """The head's faces and each row's height, [R - 1, 1, 1] in heights of the head."""
    up, width, depth, forward = HEAD.T[:, :, None] * size
    centres = centre + up * swell**0.5 * frame[:, 1] + forward * frame[:, 2]
    across, front = width * swell * frame[:, 0], depth * swell * frame[:, 2]
    corners = loft(centres, across, front, columns)
    return corners, ((HEAD[:-1, 0] + HEAD[1:, 0]) / 2)[:, None, None]


def _hair(body, centre, wardrobe, rng) -> list[Faces]:
    if wardrobe.hair_style == "bald":
        return []
    frame, size, columns = body.frames["head"], body.head, 18
    corners, up = _skull(centre, frame, size, 1.1, columns)
    line = np.interp(column_angle(columns), *HAIRLINE)[None, :]
    colour, lift = wardrobe.hair, 0.0
    if wardrobe.hair_style == "cap":
        line, colour, lift = np.full((1, columns), 0.17), wardrobe.hat, 0.01
    kept = np.broadcast_to(up[..., 0] > line, corners.shape[:2])
    shades = colour * _folds(rng, corners, 0.08)
    parts = [faces(corners[kept], shades[kept], lift)]
    back, low = frame[:, 2], body.frames["chest"]
    crown = centre + frame[:, 1] * 0.1 * size - back * 0.12 * size
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
        parts.append(faces(strands, colour * _folds(rng, strands, 0.1)))
    if wardrobe.hair_style == "tail":
        knot = crown - back * 0.34 * size + frame[:, 1] * 0.1 * size
        end = knot - back * 0.25 * size - low[:, 1] * 0.16
        rows = [(-0.1, 0.05, 0.05), (0, 0.14, 0.14), (0.5, 0.15, 0.13), (1, 0.08, 0.06)]
        strands = tube(knot, end, frame, rows, size, 8)
        parts.append(faces(strands, colour * _folds(rng, strands, 0.1)))
    if wardrobe.hair_style == "cap":
        rim = centre + frame @ (np.array([0, 0.17, 0.42]) * size)
        brim = disc(
            rim, frame[:, 0] * 0.3 * size, -(back + frame[:, 1] * -0.25) * 0.32 * size
        )
        parts.append(faces(brim, colour * 0.85, 0.02, thin=True))
    return parts


def _features(centre, frame, size, wardrobe) -> list[Faces]:
    """Eyes, brows, mouth and nose, a little larger than life so that they show."""
    dark = wardrobe.hair * 0.55
    rows = []  # colour, x, y, half width, half height, lift
    for eye in ("left_eye", "right_eye"):
        x, y, _ = FACE[eye]
        rows.append((np.array([238, 238, 234]), x, y, 0.078, 0.044, 0.012))
        rows.append((wardrobe.eyes, x, y, 0.036, 0.042, 0.016))
        rows.append((dark, x, y + 0.095, 0.085, 0.020, 0.012))
    rows.append((wardrobe.lips, 0.0, -0.285, 0.115, 0.030, 0.012))
    parts = []
    for colour, x, y, half_width, half_height, lift in rows:
        _, width, depth, forward = (
            np.interp(y, HEAD[:, 0], column) for column in HEAD.T
        )
        z = forward + depth * np.sqrt(1 - (x / width) ** 2)
        across = np.array([1, 0, -x / width**2 * depth**2 / (z - forward)])
        place = centre + frame @ (np.array([x, y, z + 0.01]) * size)
        across = frame @ across / np.linalg.norm(across) * half_width * size
        parts.append(
            faces(disc(place, across, frame[:, 1] * half_height * size), colour, lift)
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
        centre + frame @ bridge,
        centre + frame @ (tip - np.array([0, 0, 0.05]) * size),
    )
    nose = tube(start, end, frame, profile, size, 8)
    return parts + [faces(nose, wardrobe.skin * 1.03)]


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
