"""Videos of synthetic people who walk and wave, with the true joints of every frame.

Three people: one walks to and fro in front, one behind and out of the picture, and one
stands between their paths and waves, so that each is hidden by another now and then.
Place, light, bodies, and clothes stay as they are; each frame has grain of its own.
"""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
from collections.abc import Iterator

import cv2
import numpy as np

from data_prep.synthetic_people import background, scene
from data_prep.synthetic_people.body import (
    BONES,
    SIDES,
    Body,
    add_arm,
    add_face,
    add_leg,
    trunk_joints,
    turn_x,
    turn_y,
)
from data_prep.synthetic_people.clothes import sample_wardrobe
from data_prep.synthetic_people.figure import figure
from data_prep.synthetic_people.render import (
    MINIMUM_JOINTS,
    SUPERSAMPLE,
    Placed,
    RenderedPerson,
    draw,
    label,
    label_people,
    lit_solids,
)
from tfpose.io.coco_records import annotation_entry, annotations_json
from tfpose.io.files import write_json
from tfpose.io.video import VideoWriter
from tfpose.skeletons import COCO17, Skeleton

RATE = 25.0  # frames per second
SIZE = (360, 480)  # (height, width) px
SWING, KNEE, STRIDE = 25.0, 50.0, 1.1  # degrees, degrees, seconds of two steps
TURN = 0.6  # seconds in which a walker turns round
WAVES = 1.3  # per second
GRAIN = 3.0  # deviation of the noise that differs from frame to frame
DISTANCE = 5.5  # meters from the camera to the middle path
# Fewer pixels of a person are not labeled.
MINIMUM_AREA = 100


@dataclasses.dataclass(frozen=True)
class Mover:
    """Somebody in the video.

    Attributes:
        depth: meters behind (positive) or in front of the middle path.
        center, reach: meters; a walker goes ``reach`` to both sides of the center; 0
            for somebody who stands there and waves.
        start: seconds by which this walker is ahead.
        stature: meters.
    """

    depth: float
    center: float
    reach: float
    start: float
    stature: float


MOVERS = (
    Mover(-0.9, -0.2, 1.7, 0.0, 1.74),
    Mover(0.0, 0.5, 0.0, 0.0, 1.66),
    Mover(1.1, 0.9, 3.1, 3.0, 1.80),
)


@dataclasses.dataclass(frozen=True)
class ClipFrame:
    """A frame and the people in it.

    Attributes:
        image: u8[H, W, 3] RGB.
        people: track id from 1 -> person, of whom something can be seen.
    """

    image: np.ndarray
    people: dict[int, RenderedPerson]


def speed(mover: Mover) -> float:
    """Meters per second at which a walker's feet do not slide."""
    leg = (BONES["thigh"] + BONES["shank"]) * mover.stature
    return 4 * leg * math.sin(math.radians(SWING)) / STRIDE


def place_at(mover: Mover, time: float) -> tuple[float, float]:
    """Where somebody is (x, meters) and where he or she faces (yaw, degrees).

    A walker goes right and left in turn, and faces the camera while turning round.
    """
    if not mover.reach:
        return mover.center, 0.0
    half = 2 * mover.reach / speed(mover)  # seconds of one way
    cycle, along = divmod(time + mover.start, half)
    direction = 1.0 if cycle % 2 == 0 else -1.0
    x = mover.center + direction * (-mover.reach + along * speed(mover))
    to_end = min(along, half - along) / (TURN / 2)
    return x, direction * 90.0 * min(1.0, to_end)


def body_at(mover: Mover, time: float) -> Body:
    """The body of somebody at a time, in seconds: walking or waving."""
    bones = {bone: share * mover.stature for bone, share in BONES.items()}
    walks = mover.reach > 0
    phase = 2 * math.pi * (time + mover.start) / STRIDE
    twist = 6 * math.cos(phase) if walks else 0.0
    upright = turn_x(3.0 if walks else 0.0)
    chest = upright @ turn_y(twist)
    frames = {"pelvis": upright, "waist": upright, "chest": chest, "head": upright}
    joints = trunk_joints(frames, bones)
    wave = math.sin(2 * math.pi * WAVES * time)
    for side, sign in SIDES.items():
        turn = phase if side == "left" else phase + math.pi
        leg = (0.0, 4.0, 8.0, 3.0)
        arm = (9.0, 70.0, 18.0, 14.0)
        if walks:
            leg = (SWING * math.cos(turn), 1.0, 4.0, 8 + KNEE * max(-math.sin(turn), 0))
            arm = (-SWING * math.cos(turn), 8.0, 12.0, 25.0)
        elif side == "left":
            arm = (80.0, 86.0, -82.0, 80 + 35 * wave)
        add_leg(side, sign, leg, frames, joints, bones)
        add_arm(side, sign, arm, frames, joints, bones)
    add_face(joints, frames["head"], bones)
    girth = mover.stature / 1.70
    activity = "walk" if walks else "stand"
    return Body(activity, joints, frames, mover.stature, girth, bones["head"], 0.0)


def placed_at(seed: int, number: int, mover: Mover, time: float) -> Placed:
    """A dressed person in the world at a time; the same clothes at all times."""
    x, yaw = place_at(mover, time)
    body = body_at(mover, time)
    rng = np.random.default_rng([seed, number])
    wardrobe = dataclasses.replace(sample_wardrobe(rng), skirt=None)
    surface, skull = figure(body, wardrobe, rng)
    rotation = turn_y(yaw)
    corners = surface.corners @ rotation.T
    offset = np.array([x, -corners[..., 1].min(), -DISTANCE - mover.depth])
    surface = dataclasses.replace(surface, corners=corners + offset)
    return Placed(body, rotation, offset, surface, skull @ rotation.T + offset)


def level_camera(size=SIZE) -> scene.Camera:
    """A camera at chest height that looks along the ground."""
    focal = 1.15 * size[1]
    center = (np.array([size[1], size[0]]) - 1) / 2
    subject = np.array([0.0, -DISTANCE])
    return scene.Camera(np.diag([1.0, -1, -1]), focal, center, 1.05, subject)


def render_clip(
    seed: int, frames: int = 300, size=SIZE, rate: float = RATE
) -> Iterator[ClipFrame]:
    """Renders a video; the same arguments give the same frames.

    Args:
        seed: of clothes, place, and light.
        frames: how many.
        size: (height, width) px.
        rate: frames per second.
    """
    rng = np.random.default_rng([seed, 0])
    camera = level_camera(size)
    setting = scene.sample_setting(rng, camera)
    place = background.draw_background(rng, camera, setting, size)
    for frame in range(frames):
        people = [
            placed_at(seed, number, mover, frame / rate)
            for number, mover in enumerate(MOVERS, start=1)
        ]
        drawing = draw(people, [], camera, size)
        solids, coverage = lit_solids(drawing, camera, setting, size)
        # The same numbers each time: shadows and colors must not flicker.
        same = np.random.default_rng([seed, len(MOVERS) + 1])
        shadowed = background.cast_shadows(same, place, people, camera, setting)
        image = background.develop(same, shadowed, solids, coverage)
        grain = np.random.default_rng([seed, frame, 1]).normal(0, GRAIN, size)
        image = cv2.add(image, cv2.merge([np.float32(grain)] * 3), dtype=cv2.CV_8U)
        yield ClipFrame(image, _seen(people, camera, size, drawing))


def _seen(people, camera, size, drawing) -> dict[int, RenderedPerson]:
    labels = label_people(people, camera, size, drawing)
    owners = drawing.owners[drawing.buffer[drawing.buffer >= 0]]
    areas = np.bincount(owners, minlength=len(people) + 1)[1:] // SUPERSAMPLE**2
    return {
        number: dataclasses.replace(person, area=int(areas[number - 1]))
        for number, person in enumerate(labels, start=1)
        if areas[number - 1] >= MINIMUM_AREA
        and sum(flag > 0 for flag in person.visible.values()) >= MINIMUM_JOINTS
    }


def write_clip(
    folder: str | os.PathLike,
    seed: int = 0,
    frames: int = 300,
    size=SIZE,
    skeleton: Skeleton = COCO17,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Renders a video into a folder, which is made: ``clip.mp4`` and ``truth.json``.

    Returns:
        The paths of both; the truth is COCO annotations, whose image ids are frame
        numbers and whose people have a track_id and a head_size.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    clip, truth = folder / "clip.mp4", folder / "truth.json"
    images, people = [], []
    with VideoWriter(clip, RATE, size[::-1]) as video:
        for number, frame in enumerate(render_clip(seed, frames, size)):
            video.write(frame.image)
            images.append({
                "id": number, "file_name": f"{number:06d}.png", "width": size[1],
                "height": size[0], "frame_id": number, "vid_id": "clip",
            })  # fmt: skip
            for track_id, person in frame.people.items():
                keypoints, visible = label(person, skeleton)
                people.append(
                    annotation_entry(
                        len(people) + 1,
                        number,
                        keypoints,
                        visible,
                        person.box,
                        person.area,
                        track_id=track_id,
                        head_size=person.head_size,
                    )  # fmt: skip
                )
    write_json(truth, annotations_json(skeleton, images, people))
    return clip, truth
