"""Photos of synthetic people: ``render_photo(seed, index)`` and their labels.

World space: metres, x right, y up, z towards the camera, which stands above the origin
and looks along -z; the ground is y = 0. Photo pixels follow ``tfpose.geometry``.

Everything solid is a soup of small quadrangles, drawn from far to near into a buffer
of face numbers at twice the photo's resolution. Colours, the people's segments and the
depth that decides whether a joint is visible are all looked up in that one buffer.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from data_prep import synthetic_background as background
from data_prep import synthetic_scene as scene
from data_prep.synthetic_body import JOINTS, Body, sample_body, turn_y
from data_prep.synthetic_clothes import sample_wardrobe
from data_prep.synthetic_figure import Faces, figure, join
from tfpose.skeleton import Skeleton

SUPERSAMPLE = 2
SHIFT = 4  # fractional bits of the corners given to OpenCV
MINIMUM_AREA = 100  # px; somebody less visible than this is not a labelled person

# How far in metres the surface may lie in front of a joint that is still seen: about
# the thickness of the flesh there.
FLESH = {
    "nose": 0.035, "left_eye": 0.03, "right_eye": 0.03, "left_ear": 0.035,
    "right_ear": 0.035, "head_top": 0.09, "head_bottom": 0.11, "neck": 0.11,
    "thorax": 0.16, "pelvis": 0.19, "left_shoulder": 0.11, "right_shoulder": 0.11,
    "left_elbow": 0.08, "right_elbow": 0.08, "left_wrist": 0.06, "right_wrist": 0.06,
    "left_hip": 0.16, "right_hip": 0.16, "left_knee": 0.10, "right_knee": 0.10,
    "left_ankle": 0.08, "right_ankle": 0.08,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class RenderedPerson:
    """One person of a rendered photo, in photo pixels.

    Attributes:
        joints: name -> f64[2], also where occluded or outside the photo.
        joints_3d: name -> f64[3], metres in camera space: right, down, away.
        visible: name -> 2 seen, 1 occluded by the person's own body, by somebody else
            or by an object, 0 outside the photo.
        box: f64[4] xywh around the whole body, hidden parts too, cut at the photo's
            border; it holds every joint that is not 0.
        area: number of visible pixels of the person.
        head_size: 0.6 of the diagonal of the box around the head without hair, MPII's
            normaliser of PCKh.
        activity: what the person does, a key of ``synthetic_body.ACTIVITIES``.
    """

    joints: dict[str, np.ndarray]
    joints_3d: dict[str, np.ndarray]
    visible: dict[str, int]
    box: np.ndarray
    area: int
    head_size: float
    activity: str


@dataclasses.dataclass(frozen=True)
class RenderedPhoto:
    """A photo u8[H, W, 3] RGB, its people, and ``segments`` u8[H, W]: 0 for the
    background and objects, i + 1 for ``people[i]``, 255 for people not listed because
    less than ``MINIMUM_AREA`` pixels of them are seen."""

    image: np.ndarray
    people: tuple[RenderedPerson, ...]
    segments: np.ndarray


def label(person: RenderedPerson, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """A person's pose in a skeleton.

    Returns:
        keypoints f32[K, 2] in photo pixels, zero where the joint is outside the photo
        (as in COCO), and visible u8[K].

    Raises:
        ValueError: the skeleton has a joint that the rendered bodies do not have.
    """
    unknown = [joint for joint in skeleton.joints if joint not in person.joints]
    if unknown:
        raise ValueError(
            f"skeleton {skeleton.name!r}: synthetic people have no joint "
            f"{', '.join(map(repr, unknown))}; they have {', '.join(JOINTS)}"
        )
    keypoints = np.float32([person.joints[joint] for joint in skeleton.joints])
    visible = np.uint8([person.visible[joint] for joint in skeleton.joints])
    return keypoints * (visible[:, None] > 0), visible


@dataclasses.dataclass(frozen=True)
class Placed:
    """A person standing in the world: rotation, offset and what is drawn."""

    body: Body
    rotation: np.ndarray
    offset: np.ndarray
    surface: Faces  # in world space
    skull: np.ndarray  # f64[V, 3] in world space

    def to_world(self, points: np.ndarray) -> np.ndarray:
        return points @ self.rotation.T + self.offset


def render_photo(seed: int, index: int, size=(320, 320)) -> RenderedPhoto:
    """Renders one photo; the same (seed, index, size) gives the same photo.

    Args:
        seed: of the data set.
        index: of the photo.
        size: (height, width) in pixels; people are drawn for a side of about 320.

    Returns:
        A photo with at least one labelled person.
    """
    rng = np.random.default_rng([seed, index])
    while True:
        photo = _render(rng, size)
        if photo.people:
            return photo


def _render(rng: np.random.Generator, size) -> RenderedPhoto:
    bodies = [sample_body(rng) for _ in range(rng.choice(4, p=[0.42, 0.32, 0.17, 0.09]) + 1)]
    camera = scene.sample_camera(rng, bodies[0], size)
    people = place_people(rng, camera, bodies)
    setting = scene.sample_setting(rng, camera)
    objects = scene.sample_objects(rng, camera, people, size)
    solids = [person.surface for person in people] + objects
    owners = np.repeat(
        [*range(1, len(people) + 1), *[0] * len(objects)], [len(s) for s in solids]
    )
    soup = join(solids)
    drawn, corners, depth = draw_faces(soup, camera, size)
    image = _compose(rng, soup, drawn, people, camera, setting, size)
    labels = [
        _label_person(person, number, camera, size, drawn, owners, depth)
        for number, person in enumerate(people, start=1)
    ]
    return _photo(image, labels, drawn, owners)


def _photo(image, labels, drawn, owners) -> RenderedPhoto:
    """Numbers the people who can be seen."""
    segments = np.append(owners, 0)[drawn[::SUPERSAMPLE, ::SUPERSAMPLE]]
    counts = np.bincount(segments.ravel(), minlength=len(labels) + 1)[1:]
    seen = counts >= MINIMUM_AREA
    new_number = np.where(seen, np.cumsum(seen), 255)
    segments = np.concatenate([[0], new_number])[segments].astype(np.uint8)
    people = [
        dataclasses.replace(person, area=int(count))
        for person, count, is_seen in zip(labels, counts, seen, strict=True)
        if is_seen and max(person.visible.values()) > 0
    ]
    return RenderedPhoto(image, tuple(people), segments)


def place_people(rng, camera, bodies: list[Body]) -> list[Placed]:
    """Stands people on the ground, the first one where the camera looks."""
    people = []
    for body in bodies:
        surface, skull = figure(body, sample_wardrobe(rng), rng)
        yaw = rng.uniform(-180, 180)
        # Faces are what tells most about a pose: half of the people show theirs.
        yaw = yaw / 2 if rng.random() < 0.35 else yaw
        rotation = turn_y(yaw)
        corners = surface.corners @ rotation.T
        ground = -corners[..., 1].min() + body.air
        others = np.array([person.offset for person in people]).reshape(-1, 3)
        spot = scene.sample_spot(rng, camera, others)
        offset = np.array([spot[0], ground, spot[1]])
        surface = dataclasses.replace(surface, corners=corners + offset)
        people.append(
            Placed(body, rotation, offset, surface, skull @ rotation.T + offset)
        )
    return people


def draw_faces(soup: Faces, camera, size):
    """Draws a soup of faces from far to near.

    Returns:
        drawn i32[2H, 2W], the number of the face seen in each pixel, -1 for none;
        corners f64[F, 4, 2] in photo pixels; depth f64[F] metres from the camera.
    """
    points, away = camera.project(soup.corners)
    depth = away.mean(-1) - soup.lift
    edge = points[:, [2, 3]] - points[:, [0, 1]]
    # Counter-clockwise seen from outside is clockwise where y goes down.
    facing = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0] < 0
    limit = np.array([size[1], size[0]])
    within = (points.max(1) > -1).all(-1) & (points.min(1) < limit).all(-1)
    shown = np.flatnonzero((facing | soup.thin) & within & (away.min(-1) > 0.2))
    shown = shown[np.argsort(-depth[shown], kind="stable")]
    scaled = (points[shown] + 0.5) * SUPERSAMPLE - 0.5
    fixed = np.round(scaled * (1 << SHIFT)).astype(np.int32)
    buffer = np.full((size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE), -1, np.int32)
    fill = cv2.fillConvexPoly
    for polygon, face in zip(fixed, shown.tolist(), strict=True):
        fill(buffer, polygon, face, cv2.LINE_8, SHIFT)
    return buffer, points, depth


def _compose(rng, soup, drawn, people, camera, setting, size) -> np.ndarray:
    """The photo: lit faces over the background, then what a camera does to it."""
    lit = scene.shade(soup, camera, setting)
    palette = np.zeros((len(soup) + 1, 4), np.uint8)  # the last for "no face"
    palette[:-1, :3] = np.clip(lit, 0, 255)
    palette[:-1, 3] = 255
    layer = palette.view(np.uint32)[:, 0][drawn].view(np.uint8).reshape(*drawn.shape, 4)
    layer = cv2.resize(layer, size[::-1], interpolation=cv2.INTER_AREA)
    place = background.draw_background(rng, camera, setting, size)
    place = background.cast_shadows(rng, place, people, camera, setting)
    return background.develop(rng, place, layer)


def _label_person(person, number, camera, size, drawn, owners, depth) -> RenderedPerson:
    places = person.to_world(np.array([person.body.joints[name] for name in JOINTS]))
    points, _ = camera.project(places)
    in_camera = camera.to_camera(places)
    limit = np.array([size[1], size[0]]) - 0.5
    inside = ((points >= -0.5) & (points < limit)).all(-1)
    scale = person.body.stature / 1.70 * max(person.body.girth, 1.0)
    visible = {}
    for name, point, place, is_inside in zip(JOINTS, points, in_camera, inside, strict=True):
        seen = is_inside and _is_seen(
            point, place[2] - FLESH[name] * scale, number, drawn, owners, depth
        )
        visible[name] = 2 if seen else int(is_inside)
    body_points, _ = camera.project(person.surface.corners.reshape(-1, 3))
    skull, _ = camera.project(person.skull)
    return RenderedPerson(
        joints=dict(zip(JOINTS, points, strict=True)),
        joints_3d=dict(zip(JOINTS, in_camera, strict=True)),
        visible=visible,
        box=_clipped_box(np.concatenate([body_points, points]), size),
        area=0,
        head_size=0.6 * float(np.hypot(*np.ptp(skull, axis=0))),
        activity=person.body.activity,
    )


def _is_seen(point, nearest, number, drawn, owners, depth) -> bool:
    """Whether what is drawn at a joint is the person's own flesh around that joint.

    One pixel of the buffer is granted to each side, for joints on the outline.
    """
    x, y = np.round((point + 0.5) * SUPERSAMPLE - 0.5).astype(int)
    window = drawn[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
    window = window[window >= 0]
    return bool(np.any((owners[window] == number) & (depth[window] >= nearest)))


def _clipped_box(points, size) -> np.ndarray:
    """f64[4] xywh: the part of the points' box that is on the photo."""
    limit = np.array([size[1], size[0]])
    low = np.clip(points.min(0), -0.5, limit - 0.5)
    high = np.clip(points.max(0), -0.5, limit - 0.5)
    # A box counts pixels: its corner pixel's centre lies half a pixel inside its edge.
    return np.concatenate([low + 0.5, high - low])
