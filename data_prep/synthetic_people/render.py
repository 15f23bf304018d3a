"""Photos of synthetic people: ``render_photo(seed, index)`` and their labels.

World space: meters, x right, y up, z toward the camera, which stands above the origin
and looks along -z; the ground is y = 0. Photo pixels follow
``tfpose.geometry.tensors``.

Everything solid is a soup of small quads, drawn from far to near into a buffer of face
numbers at twice the photo's resolution. This one buffer gives the colors, the people's
segments, and the depth that decides whether a joint is visible.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from data_prep.synthetic_people import background, scene
from data_prep.synthetic_people.body import JOINTS, Body, pick, sample_body, turn_y
from data_prep.synthetic_people.clothes import sample_wardrobe
from data_prep.synthetic_people.figure import figure
from data_prep.synthetic_people.mesh import Faces, join
from data_prep.synthetic_people.objects import sample_objects
from tfpose.errors import TfposeError
from tfpose.skeletons import Skeleton

SUPERSAMPLE = 2
SHIFT = 4  # fractional bits of the corners given to OpenCV
CROWD = {1: 0.42, 2: 0.32, 3: 0.17, 4: 0.09}  # shares of photos by number of people
FULL_TURN = 180.0  # degrees from facing the camera to facing away
# Visible pixels and joints in the photo; people with fewer are not labeled.
MINIMUM_AREA, MINIMUM_JOINTS = 100, 3

# How far in meters the surface may lie in front of a visible joint: about the thickness
# of the flesh there.
FLESH = {
    "nose": 0.035, "left_eye": 0.03, "right_eye": 0.03, "left_ear": 0.035,
    "right_ear": 0.035, "head_top": 0.09, "head_bottom": 0.11, "neck": 0.11,
    "thorax": 0.16, "pelvis": 0.19, "left_shoulder": 0.11, "right_shoulder": 0.11,
    "left_elbow": 0.08, "right_elbow": 0.08, "left_wrist": 0.06, "right_wrist": 0.06,
    "left_hip": 0.16, "right_hip": 0.16, "left_knee": 0.10, "right_knee": 0.10,
    "left_ankle": 0.08, "right_ankle": 0.08,
}  # fmt: skip
FLESH_ARRAY = np.array([FLESH[joint] for joint in JOINTS])


@dataclasses.dataclass(frozen=True)
class RenderedPerson:
    """One person of a rendered photo, in photo pixels.

    Attributes:
        joints: name -> f64[2], even if occluded or outside the photo.
        joints_3d: name -> f64[3], meters in camera space: right, down, away.
        visible: name -> 2 visible, 1 occluded by the person's own body, somebody else
            or an object, 0 outside the photo.
        box: f64[4] xywh around the whole body, hidden parts too, clipped to the photo;
            contains every joint whose ``visible`` is not 0.
        area: number of visible pixels of the person.
        head_size: 0.6 of the diagonal of the box around the head without hair, MPII's
            normalizer of PCKh.
        activity: what the person does, a key of ``body.ACTIVITIES``.
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
    """A photo and its people.

    Attributes:
        image: u8[H, W, 3] RGB.
        people: those with at least ``MINIMUM_AREA`` visible pixels and at least
            ``MINIMUM_JOINTS`` joints in the photo.
        segments: u8[H, W], 0 for background and objects, i + 1 for ``people[i]``, 255
            for unlisted people.
        hidden: number of unlisted people in the photo.
    """

    image: np.ndarray
    people: tuple[RenderedPerson, ...]
    segments: np.ndarray
    hidden: int


def label(person: RenderedPerson, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """A person's pose in a skeleton.

    Returns:
        keypoints f32[K, 2] in photo pixels, zero for a joint outside the photo (as in
        COCO), and visible u8[K].

    Raises:
        TfposeError: the skeleton has a joint that the rendered bodies lack.
    """
    unknown = [joint for joint in skeleton.joints if joint not in person.joints]
    if unknown:
        raise TfposeError(
            f"skeleton {skeleton.name!r}: synthetic people have no joint "
            f"{', '.join(map(repr, unknown))}; they have {', '.join(JOINTS)}"
        )
    keypoints = np.float32([person.joints[joint] for joint in skeleton.joints])
    visible = np.uint8([person.visible[joint] for joint in skeleton.joints])
    return keypoints * (visible[:, None] > 0), visible


@dataclasses.dataclass(frozen=True)
class Placed:
    """A person placed in the world: rotation, offset and surface."""

    body: Body
    rotation: np.ndarray
    offset: np.ndarray
    surface: Faces  # in world space
    skull: np.ndarray  # f64[V, 3] in world space

    def to_world(self, points: np.ndarray) -> np.ndarray:
        return points @ self.rotation.T + self.offset


def render_photo(
    seed: int, index: int, size=(320, 320), most: int = max(CROWD), turn=FULL_TURN
) -> RenderedPhoto:
    """Renders one photo; the same arguments give the same photo.

    Args:
        seed: the data set's seed.
        index: the photo's number.
        size: (height, width) in pixels; people are drawn for a side of about 320.
        most: maximum number of people, 1 to 4; ``CROWD`` gives the shares.
        turn: maximum degrees that people turn away from the camera, 0 to 180; at 60,
            left and right are never in doubt.

    Returns:
        A photo with at least one labeled person.
    """
    rng = np.random.default_rng([seed, index])
    crowd = {people: share for people, share in CROWD.items() if people <= most}
    while True:
        photo = _render(rng, size, crowd, turn)
        if photo.people:
            return photo


def render_jpeg(seed: int, index: int, **options) -> tuple[bytes, RenderedPhoto]:
    """``render_photo`` and its image as a JPEG file."""
    photo = render_photo(seed, index, **options)
    bgr = cv2.cvtColor(photo.image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 93])[1].tobytes(), photo


def _render(rng: np.random.Generator, size, crowd, turn) -> RenderedPhoto:
    bodies = [sample_body(rng) for _ in range(pick(rng, crowd))]
    camera = scene.sample_camera(rng, bodies[0], size)
    people = place_people(rng, camera, bodies, turn)
    setting = scene.sample_setting(rng, camera)
    objects = sample_objects(rng, camera, people, size)
    drawing = draw(people, objects, camera, size)
    image = _compose(rng, drawing, people, camera, setting, size)
    return _photo(image, label_people(people, camera, size, drawing), drawing)


def _photo(image, labels, drawing) -> RenderedPhoto:
    """Numbers the people who are visible enough to list."""
    buffer = np.ascontiguousarray(drawing.buffer[::SUPERSAMPLE, ::SUPERSAMPLE])
    segments = np.take(np.append(drawing.owners, np.uint8(0)), buffer, mode="wrap")
    counts = np.bincount(segments.ravel(), minlength=len(labels) + 1)[1:]
    joints = [np.count_nonzero(list(person.visible.values())) for person in labels]
    seen = (counts >= MINIMUM_AREA) & (np.array(joints) >= MINIMUM_JOINTS)
    new_number = np.where(seen, np.cumsum(seen), 255)
    segments = cv2.LUT(segments, np.resize(np.uint8([0, *new_number]), 256))
    people = [
        dataclasses.replace(person, area=int(count))
        for person, count, is_seen in zip(labels, counts, seen, strict=True)
        if is_seen
    ]
    hidden = np.count_nonzero((counts > 0) & ~seen)
    return RenderedPhoto(image, tuple(people), segments, int(hidden))


def place_people(rng, camera, bodies: list[Body], turn: float) -> list[Placed]:
    """Dresses and places people, the first one where the camera looks."""
    people: list[Placed] = []
    for body in bodies:
        yaw = rng.uniform(-180, 180)
        # Photographers prefer faces: two in three people show theirs.
        yaw = yaw / 2 if rng.random() < 0.35 else yaw
        others = np.array([person.offset for person in people]).reshape(-1, 3)
        spot = scene.sample_spot(rng, camera, others)
        people.append(place_person(rng, body, yaw * (turn / FULL_TURN), spot))
    return people


def place_person(rng, body: Body, yaw: float, spot) -> Placed:
    """A dressed person on the ground at ``spot`` (x, z), facing the camera at yaw 0."""
    surface, skull = figure(body, sample_wardrobe(rng), rng)
    rotation = turn_y(yaw)
    corners = surface.corners @ rotation.T
    offset = np.array([spot[0], body.air - corners[..., 1].min(), spot[1]])
    surface = dataclasses.replace(surface, corners=corners + offset)
    return Placed(body, rotation, offset, surface, skull @ rotation.T + offset)


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The visible faces of a soup, sorted from far to near.

    ``owners`` u8[F]: 0 objects, i + 1 the i-th person; ``points`` f64[F, 4, 2]: the
    corners in photo pixels; ``depth`` f64[F]: meters from the camera; ``buffer``
    i32[2H, 2W]: the number of the face visible in each half pixel, -1 for none.
    """

    faces: Faces
    owners: np.ndarray
    points: np.ndarray
    depth: np.ndarray
    buffer: np.ndarray


def draw(people: list[Placed], objects: list[Faces], camera, size) -> Drawing:
    """Draws all faces that face the camera, far ones first."""
    solids = [person.surface for person in people] + objects
    owners = [*range(1, len(people) + 1), *[0] * len(objects)]
    owners = np.repeat(np.uint8(owners), [len(solid) for solid in solids])
    soup = join(solids)
    points, away = camera.project(soup.corners)
    depth = away.mean(-1) - soup.lift
    x, y = points[..., 0], points[..., 1]
    # Counterclockwise from outside becomes clockwise where y points down.
    turn = (x[:, 2] - x[:, 0]) * (y[:, 3] - y[:, 1])
    facing = turn < (y[:, 2] - y[:, 0]) * (x[:, 3] - x[:, 1])
    shown = np.flatnonzero((facing | soup.thin) & (depth > 0.4))
    x, y = x[shown], y[shown]
    within = (
        (x.max(1) > -1) & (x.min(1) < size[1]) & (y.max(1) > -1) & (y.min(1) < size[0])
    )
    shown = shown[within]
    shown = shown[np.argsort(-depth[shown], kind="stable")]
    points = points[shown]
    fixed = ((points + 0.5) * SUPERSAMPLE - 0.5) * (1 << SHIFT) + 0.5
    fixed = np.floor(fixed).astype(np.int32)
    buffer = np.full((size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE), -1, np.int32)
    fill = cv2.fillConvexPoly
    for number, polygon in enumerate(fixed):
        fill(buffer, polygon, number, cv2.LINE_8, SHIFT)
    return Drawing(soup[shown], owners[shown], points, depth[shown], buffer)


def _compose(rng, drawing, people, camera, setting, size) -> np.ndarray:
    """The photo: lit faces over the background, then what a camera does to it."""
    solids, coverage = lit_solids(drawing, camera, setting, size)
    place = background.draw_background(rng, camera, setting, size)
    place = background.cast_shadows(rng, place, people, camera, setting)
    return background.develop(rng, place, solids, coverage)


def lit_solids(drawing, camera, setting, size) -> tuple[np.ndarray, np.ndarray]:
    """u8[H, W, 3], the lit faces times their coverage, and the coverage u8[H, W]."""
    light = _layer(
        128 * scene.shade(drawing.faces, camera, setting), drawing.buffer, size
    )
    # Blurring the light, not the paint, rounds the facets, which are about 3 cm wide.
    soft = 2 * round(0.013 * camera.focal / -camera.subject[1]) + 1
    light = cv2.blur(cv2.blur(light, (soft, soft)), (soft, soft))
    light = cv2.divide(light, cv2.merge([cv2.extractChannel(light, 3)] * 4), scale=255)
    paint = _layer(drawing.faces.colors, drawing.buffer, size)
    coverage = cv2.extractChannel(paint, 3)
    solids = cv2.multiply(paint, light, scale=1 / 128)
    return cv2.cvtColor(solids, cv2.COLOR_RGBA2RGB), coverage


def _layer(values, buffer, size) -> np.ndarray:
    """u8[H, W, 4]: f64[F, 3] values of the drawn faces times coverage, and coverage."""
    palette = np.zeros((len(values) + 1, 4), np.uint8)  # the last means "no face"
    palette[:-1, :3] = np.clip(values, 0, 255)
    palette[:-1, 3] = 255
    layer = np.take(palette.view(np.uint32)[:, 0], buffer, mode="wrap")
    layer = layer.view(np.uint8).reshape(*buffer.shape, 4)
    return cv2.resize(layer, size[::-1], interpolation=cv2.INTER_AREA)


def label_people(people, camera, size, drawing) -> list[RenderedPerson]:
    """Joints, visibility and boxes of all people; ``area`` is set later."""
    return [
        _label_person(person, number, camera, size, drawing)
        for number, person in enumerate(people, start=1)
    ]


def _label_person(person, number, camera, size, drawing) -> RenderedPerson:
    places = person.to_world(np.array([person.body.joints[name] for name in JOINTS]))
    points, _ = camera.project(places)
    in_camera = camera.to_camera(places)
    limit = np.array([size[1], size[0]]) - 0.5
    inside = ((points >= -0.5) & (points < limit)).all(-1) & (in_camera[:, 2] > 0.2)
    scale = person.body.stature / 1.70 * max(person.body.girth, 1.0)
    nearest = in_camera[:, 2] - FLESH_ARRAY * scale
    visible = {
        name: 2
        if is_inside and _is_seen(point, near, number, drawing)
        else int(is_inside)
        for name, point, near, is_inside in zip(
            JOINTS, points, nearest, inside, strict=True
        )
    }
    outline = drawing.points[drawing.owners == number].reshape(-1, 2)
    skull, _ = camera.project(person.skull)
    return RenderedPerson(
        joints=dict(zip(JOINTS, points, strict=True)),
        joints_3d=dict(zip(JOINTS, in_camera, strict=True)),
        visible=visible,
        box=_clipped_box(np.concatenate([outline, points[inside]]), size),
        area=0,
        head_size=0.6 * float(np.hypot(*np.ptp(skull, axis=0))),
        activity=person.body.activity,
    )


def _is_seen(point, nearest, number, drawing) -> bool:
    """Whether the surface drawn at a joint is the person's own flesh around it.

    Allows one buffer pixel on each side, for joints on the outline.
    """
    x, y = ((point + 0.5) * SUPERSAMPLE).astype(int)
    window = drawing.buffer[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
    window = window[window >= 0]
    return bool(
        ((drawing.owners[window] == number) & (drawing.depth[window] >= nearest)).any()
    )


def _clipped_box(points, size) -> np.ndarray:
    """f64[4] xywh: the box around points, clipped to the photo."""
    if not len(points):
        return np.zeros(4)
    limit = np.array([size[1], size[0]])
    low = np.clip(points.min(0), -0.5, limit - 0.5)
    high = np.clip(points.max(0), -0.5, limit - 0.5)
    # A box counts pixels: its corner is a pixel center, half a pixel inside its edge.
    return np.concatenate([low + 0.5, high - low])
