"""The 3D bodies of the synthetic people: proportions, joint angles, joint positions.

Body space: meters, x to the person's left, y up, z to the front, the pelvis at the
origin (a right-handed system). Angles are in degrees.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

SIDES = {"left": 1.0, "right": -1.0}  # sign of x

# Bone lengths as fractions of stature: Drillis and Contini's segment table (as
# reprinted in biomechanics textbooks), with widths measured to the joint centers, not
# to the skin.
BONES = {
    "hip_half": 0.055, "thigh": 0.245, "shank": 0.246, "trunk": 0.288,
    "shoulder_half": 0.106, "upper_arm": 0.186, "forearm": 0.146, "hand": 0.100,
    "neck": 0.050, "head": 0.136, "foot": 0.140,
}  # fmt: skip
BONE_SPREAD = 0.05  # relative standard deviation, about as in adults

# Angles (mean, deviation) that raise a leg forward, move it sideways, open it outward
# about the vertical, and bend the knee. A leading and a trailing leg, or one row for
# both.
LEGS = {
    "stand": (((1, 4), (4, 3), (8, 7), (3, 4)),),
    "relax": (
        ((0, 4), (4, 3), (8, 7), (3, 3)),
        ((13, 8), (7, 4), (16, 9), (22, 11)),
    ),
    "walk": (((25, 8), (1, 2), (4, 5), (9, 7)), ((-14, 7), (1, 2), (5, 5), (24, 14))),
    "run": (
        ((58, 16), (2, 3), (4, 5), (78, 24)),
        ((-14, 11), (2, 3), (5, 5), (48, 28)),
    ),
    "sit": (((84, 9), (1, 3), (11, 9), (84, 17)),),
    "squat": (((104, 14), (2, 3), (22, 9), (116, 14)),),
    "kneel": (((84, 10), (3, 3), (10, 8), (88, 8)), ((0, 8), (3, 3), (6, 6), (98, 10))),
    "lunge": (
        ((72, 14), (3, 4), (8, 8), (72, 16)),
        ((-20, 9), (3, 4), (8, 8), (24, 14)),
    ),
    "kick": (((72, 26), (6, 9), (6, 8), (22, 18)), ((-4, 7), (4, 4), (10, 9), (14, 9))),
    "astride": (((6, 9), (30, 9), (18, 9), (12, 10)),),
    "jump": (((22, 26), (8, 8), (8, 9), (42, 30)), ((4, 24), (8, 8), (8, 9), (48, 30))),
    "straight": (((3, 11), (6, 7), (5, 6), (8, 10)),),
}

# Angles that raise an arm (0 hangs, 180 is overhead), turn its vertical plane around
# the body (0 forward, 90 outward), twist it inward about its length, and bend it.
ARMS = {
    "down": ((9, 5), (70, 35), (18, 16), (14, 10)),
    "hips": ((40, 6), (100, 8), (80, 8), (92, 10)),
    "bent": ((14, 9), (25, 20), (28, 16), (88, 16)),
    "forward": ((80, 14), (8, 14), (0, 20), (16, 14)),
    "overhead": ((160, 13), (45, 30), (0, 20), (18, 18)),
    "side": ((88, 14), (88, 12), (0, 20), (12, 12)),
    "wave": ((74, 16), (86, 14), (-82, 12), (84, 20)),
    "crossed": ((32, 5), (6, 6), (66, 6), (104, 7)),
    "face": ((42, 14), (38, 16), (30, 14), (134, 8)),
    "swing_front": ((34, 12), (2, 7), (16, 9), (52, 26)),
    "swing_back": ((-32, 12), (4, 7), (10, 9), (42, 26)),
    "lap": ((32, 8), (8, 7), (22, 9), (46, 12)),
    "pocket": ((-10, 6), (-30, 15), (30, 10), (38, 8)),
    "any": ((70, 45), (55, 45), (0, 45), (50, 40)),
}


@dataclasses.dataclass(frozen=True)
class Activity:
    """What a person does: ranges of angles, each (mean, deviation) in degrees.

    ``arms`` are the choices for the leading arm, and for the trailing arm unless
    ``trailing_arms`` are given; ``lean`` and ``roll`` turn the body about its x and z
    axes; ``air`` is the largest height of the lowest point above ground, in meters.
    """

    share: float
    legs: tuple[str, ...]
    arms: tuple[str, ...]
    trailing_arms: tuple[str, ...] = ()
    bend: tuple[float, float] = (4, 6)
    lean: tuple[float, float] = (0, 3)
    roll: tuple[float, float] = (0, 2)
    twist: tuple[float, float] = (0, 8)
    air: float = 0.0


_CALM_ARMS = (
    "down",
    "down",
    "down",
    "hips",
    "bent",
    "crossed",
    "face",
    "pocket",
    "wave",
)
ACTIVITIES = {
    "stand": Activity(0.20, ("stand", "relax", "relax"), _CALM_ARMS),
    "walk": Activity(
        0.14, ("walk",), ("swing_back", "down", "bent"), ("swing_front", "down", "face")
    ),
    "run": Activity(
        0.08, ("run",), ("swing_back",), ("swing_front",), (14, 9), (6, 5), air=0.1
    ),
    "sit": Activity(
        0.13, ("sit",), ("lap", "lap", "bent", "forward", "face", "crossed"),
        bend=(8, 12), lean=(-4, 6),
    ),
    "reach": Activity(
        0.12, ("stand", "relax", "astride", "lunge"), ("overhead", "forward", "side"),
        ("down", "overhead", "forward", "hips"), (8, 22), twist=(0, 18),
    ),
    "crouch": Activity(
        0.08, ("squat", "kneel", "lunge"), ("bent", "forward", "lap", "down"),
        bend=(26, 14), lean=(8, 6),
    ),
    "stoop": Activity(
        0.05, ("stand", "relax", "astride"), ("forward", "down", "lap"),
        bend=(46, 16), lean=(22, 10),
    ),
    "sport": Activity(
        0.15, ("kick", "lunge", "astride", "jump", "run"),
        ("any", "side", "overhead", "forward", "wave", "swing_front"),
        ("any", "side", "swing_back", "overhead", "bent"),
        (10, 16), (3, 12), (0, 8), (0, 18), air=0.3,
    ),
    "acrobat": Activity(
        0.05, ("straight", "jump", "kick", "astride"),
        ("overhead", "any", "side", "forward"), ("overhead", "any", "side", "forward"),
        (5, 20), (0, 100), (0, 25), (0, 15), air=0.3,
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Body:
    """A posed body in body space.

    ``joints`` maps every joint name to f64[3]; ``frames`` maps bones to f64[3, 3]
    rotations whose columns are the bone's own x, y and z axes; ``stature`` is meters;
    ``girth`` multiplies the thickness of trunk and limbs, ``head`` is the height of
    the head in meters, ``air`` the height above the ground in meters.
    """

    activity: str
    joints: dict[str, np.ndarray]
    frames: dict[str, np.ndarray]
    stature: float
    girth: float
    head: float
    air: float


def pick(rng: np.random.Generator, shares: dict):
    """A key of a table {option: share}; much faster than ``rng.choice``."""
    place = rng.random() * sum(shares.values())
    for option, share in shares.items():
        place -= share
        if place < 0:
            return option
    return option


def _cosine_sine(degrees: float) -> tuple[float, float]:
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def turn_x(degrees: float) -> np.ndarray:
    """f64[3, 3], the rotation about x that brings y toward z."""
    cosine, sine = _cosine_sine(degrees)
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def turn_y(degrees: float) -> np.ndarray:
    """f64[3, 3], the rotation about y that brings z toward x."""
    cosine, sine = _cosine_sine(degrees)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def turn_z(degrees: float) -> np.ndarray:
    """f64[3, 3], the rotation about z that brings x toward y."""
    cosine, sine = _cosine_sine(degrees)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def arm_frames(chest, sign, angles) -> tuple[np.ndarray, np.ndarray]:
    """Frames of upper arm and forearm, from (raise, around, twist, elbow)."""
    raised, around, twist, elbow = angles
    upper = chest @ turn_y(sign * around) @ turn_x(-raised)
    # Undoing the turn makes the elbow bend forward whichever way the arm points.
    upper = upper @ turn_y(-sign * (around + twist))
    return upper, upper @ turn_x(-min(max(elbow, 0), 150))


def leg_frames(pelvis, sign, angles) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames of thigh, shank and foot, from (raise, apart, open, knee)."""
    raised, apart, opened, knee = angles
    knee = min(max(knee, 0), 150)
    thigh = pelvis @ turn_z(sign * apart) @ turn_y(sign * opened) @ turn_x(-raised)
    shank = thigh @ turn_x(knee)
    # The sole stays level as far as an ankle can.
    return thigh, shank, shank @ turn_x(min(max(raised - knee, -22), 38))


def sample_body(rng: np.random.Generator) -> Body:
    """A random person doing something.

    Returns:
        A ``Body`` with every joint of the built-in skeletons.
    """
    name = pick(rng, {name: activity.share for name, activity in ACTIVITIES.items()})
    activity = ACTIVITIES[name]
    stature = float(np.clip(rng.normal(1.70, 0.10), 1.25, 2.0))
    bones = {
        bone: fraction * stature * _normal(rng, (1, BONE_SPREAD))
        for bone, fraction in BONES.items()
    }
    frames = _sample_trunk(rng, activity)
    joints = trunk_joints(frames, bones)
    _add_legs(rng, activity, frames, joints, bones)
    girth = float(np.clip(rng.normal(1.0, 0.13), 0.78, 1.4)) * stature / 1.70
    _add_arms(rng, activity, frames, joints, bones, girth)
    add_face(joints, frames["head"], bones)
    air = activity.air * max(0.0, rng.uniform(-1, 1))
    return Body(name, joints, frames, stature, girth, bones["head"], air)


def _normal(rng, mean_and_deviation) -> float:
    # Beyond two deviations bodies stop looking like bodies.
    mean, deviation = mean_and_deviation
    return mean + deviation * max(-2.0, min(rng.normal(), 2.0))


def _sample_trunk(rng, activity) -> dict[str, np.ndarray]:
    """Frames of pelvis, waist, chest and head."""
    bend = _normal(rng, activity.bend)
    side, twist = _normal(rng, (0, 5)), _normal(rng, activity.twist)
    pelvis = turn_x(_normal(rng, activity.lean)) @ turn_z(_normal(rng, activity.roll))
    waist = pelvis @ turn_y(twist / 2) @ turn_x(bend / 2) @ turn_z(side / 2)
    chest = waist @ turn_y(twist / 2) @ turn_x(bend / 2) @ turn_z(side / 2)
    # People keep their eyes on the world: the head undoes half of the bend.
    nod = _normal(rng, (4, 11)) - bend / 2
    head = chest @ turn_y(_normal(rng, (0, 28))) @ turn_x(nod)
    head = head @ turn_z(_normal(rng, (0, 6)))
    return {"pelvis": pelvis, "waist": waist, "chest": chest, "head": head}


def trunk_joints(frames, bones) -> dict[str, np.ndarray]:
    """The joints of the spine and the head, from the frames of the trunk."""
    up = np.array([0.0, 1.0, 0.0])
    pelvis = np.zeros(3)
    low_back = pelvis + frames["pelvis"] @ up * bones["trunk"] * 0.35
    high_back = low_back + frames["waist"] @ up * bones["trunk"] * 0.3
    thorax = high_back + frames["chest"] @ up * bones["trunk"] * 0.35
    # The neck leans slightly forward, halfway between chest and head.
    lean = frames["chest"] @ np.array([0, 0.96, 0.28]) + frames["head"] @ up
    neck = thorax + lean / np.linalg.norm(lean) * bones["neck"]
    head_top = neck + frames["head"] @ np.array([0, 1.0, 0.04]) * bones["head"]
    return {
        "pelvis": pelvis, "low_back": low_back, "high_back": high_back,
        "thorax": thorax, "neck": neck, "head_bottom": neck, "head_top": head_top,
    }  # fmt: skip


def _add_legs(rng, activity, frames, joints, bones) -> None:
    rows = LEGS[activity.legs[rng.integers(len(activity.legs))]]
    rows = (rows[0], rows[-1]) if rng.random() < 0.5 else (rows[-1], rows[0])
    for (side, sign), row in zip(SIDES.items(), rows, strict=True):
        angles = [_normal(rng, angle) for angle in row]
        add_leg(side, sign, angles, frames, joints, bones)


def add_leg(side: str, sign: float, angles, frames, joints, bones) -> None:
    """Adds a leg's frames and joints to those of the trunk (``leg_frames``)."""
    thigh, shank, foot = leg_frames(frames["pelvis"], sign, angles)
    hip = joints["pelvis"] + frames["pelvis"][:, 0] * sign * bones["hip_half"]
    knee = hip - thigh[:, 1] * bones["thigh"]
    ankle = knee - shank[:, 1] * bones["shank"]
    frames |= {f"{side}_thigh": thigh, f"{side}_shank": shank, f"{side}_foot": foot}
    joints |= {f"{side}_hip": hip, f"{side}_knee": knee, f"{side}_ankle": ankle}
    joints[f"{side}_toe"] = ankle + foot[:, 2] * bones["foot"] * 0.8


def _add_arms(rng, activity, frames, joints, bones, girth) -> None:
    choices = (activity.arms, activity.trailing_arms or activity.arms)
    poses = [options[rng.integers(len(options))] for options in choices]
    if not activity.trailing_arms and rng.random() < 0.4:
        poses[1] = poses[0]
    if rng.random() < 0.5:
        poses = poses[::-1]
    for (side, sign), pose in zip(SIDES.items(), poses, strict=True):
        for _ in range(6):  # redraws an arm that goes through the trunk
            angles = [_normal(rng, angle) for angle in ARMS[pose]]
            add_arm(side, sign, angles, frames, joints, bones)
            outer = [joints[f"{side}_{part}"] for part in ("elbow", "wrist", "hand")]
            if not _touches_trunk(outer, frames, joints, girth):
                break


def add_arm(side: str, sign: float, angles, frames, joints, bones) -> None:
    """Adds an arm's frames and joints to those of the trunk (``arm_frames``)."""
    chest = frames["chest"]
    lift = max(0.0, math.sin(math.radians(angles[0] - 60))) * 0.04
    offset = np.array([sign * bones["shoulder_half"] * (1 - lift), lift, 0])
    shoulder = joints["thorax"] + chest @ offset
    upper, fore = arm_frames(chest, sign, angles)
    elbow = shoulder - upper[:, 1] * bones["upper_arm"]
    wrist = elbow - fore[:, 1] * bones["forearm"]
    hand = wrist - fore[:, 1] * bones["hand"]
    frames |= {f"{side}_upper_arm": upper, f"{side}_forearm": fore}
    joints |= {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow}
    joints |= {f"{side}_wrist": wrist, f"{side}_hand": hand}


def _touches_trunk(points, frames, joints, girth) -> bool:
    """Whether a point is inside the trunk, modeled as an elliptic cylinder."""
    height = np.linalg.norm(joints["thorax"])
    for point in points:
        for frame, origin in (("pelvis", "pelvis"), ("chest", "high_back")):
            x, y, z = (point - joints[origin]) @ frames[frame]
            inside = (x / (0.19 * girth)) ** 2 + (z / (0.15 * girth)) ** 2 < 1
            if inside and -0.25 < y < height * 0.5:
                return True
    return False


# Positions on the head as fractions of its height, from its center: left, up, forward.
# Eyes, ears and nose tip lie on the drawn surface.
FACE = {
    "nose": (0.0, -0.13, 0.54), "left_eye": (0.145, 0.07, 0.395),
    "right_eye": (-0.145, 0.07, 0.395), "left_ear": (0.35, -0.03, -0.03),
    "right_ear": (-0.35, -0.03, -0.03),
}  # fmt: skip


def head_center(joints, head: np.ndarray) -> np.ndarray:
    """f64[3]: the middle between chin and crown."""
    return (joints["head_bottom"] + joints["head_top"]) / 2 + head[:, 2] * 0.01


def add_face(joints, head, bones) -> None:
    """Adds eyes, ears, and the nose to a trunk's joints."""
    center = head_center(joints, head)
    for name, place in FACE.items():
        joints[name] = center + head @ (np.array(place) * bones["head"])


JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top",
    "head_bottom", "neck", "thorax", "pelvis", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
