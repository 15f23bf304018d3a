"""Draws poses: skeletons on photos, before/after pairs, contact sheets.

All pictures are u8[H, W, 3] RGB; points are (x, y) in pixels of their picture, with
pixel centers at integers. No function changes its input.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np

from tfpose.errors import TfposeError
from tfpose.geometry import arrays
from tfpose.io.files import write_bytes
from tfpose.skeletons import Skeleton
from tfpose.skeletons.joint_names import side_of

# Distinguishable with color-vision deficiency (Okabe and Ito 2008).
LEFT = (86, 180, 233)
RIGHT = (230, 120, 20)
MIDDLE = (240, 228, 66)
OUTLINE = (20, 20, 20)
TRUTH = (255, 255, 255)
# The arrow of a joint that moved.
MOVED = (240, 228, 66)
# People in one picture, from the same palette.
PEOPLE = (
    (230, 159, 0), (86, 180, 233), (240, 228, 66), (0, 158, 115), (204, 121, 167),
    (213, 94, 0), (0, 114, 178),
)  # fmt: skip
PAPER = (250, 250, 248)
OUTSIDE = (214, 216, 220)
INK = (40, 44, 52)
# cv2 draws at 1/16 px: coordinates are integers with this many fractional bits.
_SHIFT = 4
# Skip joints farther out than this many picture sizes (cv2 takes int32).
_FAR = 8


def side_color(*joints: str) -> tuple[int, int, int]:
    """The color of a joint or limb: left, right or middle."""
    sides = set(map(side_of, joints))
    if "left" in sides and "right" not in sides:
        return LEFT
    if "right" in sides and "left" not in sides:
        return RIGHT
    return MIDDLE


def draw_pose(
    image,
    keypoints,
    valid,
    skeleton: Skeleton,
    color=None,
    thickness: int | None = None,
) -> np.ndarray:
    """Draws a skeleton on a photo, left and right in their own colors.

    Args:
        image: u8[H, W, 3] RGB.
        keypoints: f[K, 2] in pixels of ``image``; skips joints that are NaN, infinite
            or many photo sizes away.
        valid: [K], 0 leaves a joint out.
        skeleton: names and limbs of the K joints.
        color: (r, g, b) of the whole skeleton, instead of one per side.
        thickness: px of a limb; default: depends on the picture's size.

    Returns:
        u8[H, W, 3], a new picture.

    Raises:
        TfposeError: ``keypoints`` or ``valid`` has another number of joints.
    """
    limbs = [
        (a, b, color or side_color(skeleton.joints[a], skeleton.joints[b]))
        for a, b in skeleton.limb_indices
    ]
    dots = [color or side_color(joint) for joint in skeleton.joints]
    return draw_lines(image, keypoints, valid, skeleton, (limbs, dots), thickness)


def draw_lines(
    image, keypoints, valid, skeleton: Skeleton, colors, thickness=None, larger=1
) -> np.ndarray:
    """Draws a pose on a photo in the given colors.

    Arguments, result and errors as in ``draw_pose``, except:

    Args:
        colors: (joint, joint, (r, g, b)) for each line, and (r, g, b) for each of the
            K dots.
        larger: px by which a dot's radius exceeds a line's thickness.
    """
    limbs, dots = colors
    keypoints = np.asarray(keypoints, np.float64)
    if keypoints.shape != (len(skeleton), 2) or np.shape(valid) != (len(skeleton),):
        raise TfposeError(
            f"expected keypoints ({len(skeleton)}, 2) and valid ({len(skeleton)},) for "
            f"{skeleton.name}, got {keypoints.shape} and {np.shape(valid)}"
        )
    picture = np.array(image, np.uint8, order="C")
    thickness = thickness or max(1, round(min(picture.shape[:2]) / 120))
    drawn = _drawable(keypoints, valid, picture.shape)
    points = np.round(np.where(drawn[:, None], keypoints, 0) * 2**_SHIFT).astype(int)
    # All outlines first, so that none cuts a neighboring limb.
    for extra in (2, 0):
        for a, b, fill in limbs:
            if drawn[a] and drawn[b]:
                tone = OUTLINE if extra else fill
                _line(picture, points[a], points[b], tone, thickness + extra)
        for joint in np.flatnonzero(drawn):
            tone = OUTLINE if extra else dots[joint]
            _dot(picture, points[joint], tone, thickness + larger + extra / 2)
    return picture


def draw_box(image, box, text: str, color, thickness: int = 1) -> np.ndarray:
    """Draws a box with a line of text at its upper left corner.

    Args:
        image: u8[H, W, 3] RGB.
        box: f[4] xywh in px of ``image``.
        text: may be empty.
        color: (r, g, b) of the box and of the text's label.
        thickness: px of the line.

    Returns:
        u8[H, W, 3], a new picture.
    """
    picture = np.array(image, np.uint8, order="C")
    height, width = picture.shape[:2]
    ends = np.array([*box[:2], box[0] + box[2] - 1, box[1] + box[3] - 1])
    left, top, right, bottom = (
        np.clip(ends, 0, [width - 1, height - 1] * 2).round().astype(int).tolist()
    )
    cv2.rectangle(picture, (left, top), (right, bottom), color, thickness, cv2.LINE_AA)
    if text:
        font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.35, height / 1200)
        (wide, high), below = cv2.getTextSize(text, font, scale, 1)
        label = picture[top : top + high + below + 2, left : left + wide + 4]
        label[:] = color
        place = (left + 2, top + high + 1)
        cv2.putText(picture, text, place, font, scale, OUTLINE, 1, cv2.LINE_AA)
    return picture


def _drawable(keypoints, valid, shape) -> np.ndarray:
    finite = np.isfinite(keypoints).all(axis=-1)
    near = (np.abs(np.where(finite[:, None], keypoints, 0)) < _FAR * max(shape)).all(-1)
    return finite & near & (np.asarray(valid) > 0)


def _line(picture, start, end, color, thickness) -> None:
    ends = tuple(start.tolist()), tuple(end.tolist())
    cv2.line(picture, *ends, color, thickness, cv2.LINE_AA, _SHIFT)


def _dot(picture, center, color, radius) -> None:
    size = round(radius * 2**_SHIFT)
    cv2.circle(picture, tuple(center.tolist()), size, color, -1, cv2.LINE_AA, _SHIFT)


def frame(poses: Sequence[tuple], aspect: float, margin: float = 0.15) -> np.ndarray:
    """The box that shows all given poses.

    Args:
        poses: (keypoints f[K, 2], valid [K]) pairs.
        aspect: width / height of the box.
        margin: added on each side, as a share of the longer side.

    Returns:
        f64[4] xywh; (0, 0, aspect, 1) if no joint is valid.
    """
    points = [np.asarray(points)[_finite(points, valid)] for points, valid in poses]
    points = np.concatenate(points) if points else np.zeros((0, 2))
    if not len(points):
        return np.array([0.0, 0.0, aspect, 1.0])
    low, high = points.min(0), points.max(0)
    padding = margin * max(*(high - low), 20.0)
    width, height = high - low + 1 + 2 * padding
    width, height = max(width, height * aspect), max(height, width / aspect)
    center = (low + high) / 2
    size = np.array([width, height])
    return np.concatenate([center - (size - 1) / 2, size])


def _finite(keypoints, valid) -> np.ndarray:
    return np.isfinite(keypoints).all(axis=-1) & (np.asarray(valid) > 0)


def cut(image, box, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a box from the photo and resizes it; gray outside the photo.

    Args:
        image: u8[H, W, 3].
        box: f[4] xywh in px of ``image``.
        size: (height, width) of the cut.

    Returns:
        u8[height, width, 3], and the map f64[2, 3] from photo to cut pixels.
    """
    scale = np.array([size[1], size[0]]) / np.asarray(box[2:])
    # Pixel edges meet pixel edges: x -> (x + 0.5 - left) * scale - 0.5.
    offset = 0.5 * (scale - 1) - np.asarray(box[:2]) * scale
    matrix = np.array([[scale[0], 0, offset[0]], [0, scale[1], offset[1]]])
    interpolation = cv2.INTER_AREA if scale.max() < 1 else cv2.INTER_LINEAR
    picture = cv2.warpAffine(
        np.asarray(image), matrix, (size[1], size[0]), flags=interpolation,
        borderMode=cv2.BORDER_CONSTANT, borderValue=OUTSIDE,
    )  # fmt: skip
    return picture, matrix


def before_after(
    image, before, after, skeleton: Skeleton, truth=None, size=(320, 256),
    labels=("before", "after"),
) -> np.ndarray:  # fmt: skip
    """One person's pose before and after refinement, side by side.

    Args:
        image: u8[H, W, 3] RGB photo.
        before: (keypoints f[K, 2] in photo px, valid [K]).
        after: the same, after refinement.
        skeleton: names and limbs of the K joints.
        truth: optional annotated pose (keypoints, valid); thin and white in both.
        size: (height, width) of each of the two panels.
        labels: captions of the two panels.

    Returns:
        u8[height, 2 * width + gap, 3].
    """
    both = panels(image, (before, after), skeleton, truth, size)
    left, right = map(caption, both, labels)
    gap = np.full((size[0], 4, 3), PAPER, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def panels(image, poses: Sequence[tuple], skeleton: Skeleton, truth, size) -> list:
    """The same cut of a photo u8[height, width, 3] with each of several poses.

    Arguments as in ``before_after``; ``truth`` may be None.
    """
    shown = [*poses] + ([truth] if truth is not None else [])
    box = frame(shown, size[1] / size[0])
    return [_on_cut(image, box, size, pose, skeleton, truth) for pose in poses]


def moved_joint(image, start, end, truth=None, size=(320, 256)) -> np.ndarray:
    """An enlarged joint with an arrow from its place before to that after.

    Args:
        image: u8[H, W, 3] RGB photo.
        start, end: f[2], photo px.
        truth: f[2] px, the annotated place, or None; a white ring.
        size: (height, width) of the picture.

    Returns:
        u8[height, width, 3].
    """
    points = np.array([start, end] + ([] if truth is None else [truth]), np.float64)
    box = frame([(points, np.ones(len(points)))], size[1] / size[0], margin=0.6)
    picture, matrix = cut(image, box, size)
    picture = np.array(picture, np.uint8, order="C")
    places = arrays.transform(points, matrix)
    fine = np.round(places * 2**_SHIFT).astype(int)
    radius = size[0] / 40
    if truth is not None:
        ring = tuple(fine[2].tolist())
        for color, width in ((OUTLINE, 6), (TRUTH, 3)):
            cv2.circle(
                picture, ring, round(1.6 * radius * 2**_SHIFT), color, width,
                cv2.LINE_AA, _SHIFT,
            )  # fmt: skip
    ends = [tuple(np.round(place).astype(int).tolist()) for place in places[:2]]
    length = max(float(np.linalg.norm(places[1] - places[0])), 1.0)
    head = min(2 * radius / length, 1.0)  # OpenCV refuses more
    for color, width in ((OUTLINE, 6), (MOVED, 3)):
        cv2.arrowedLine(picture, *ends, color, width, cv2.LINE_AA, tipLength=head)
    for color, size_ in ((OUTLINE, radius), (MOVED, 0.7 * radius)):
        _dot(picture, fine[0], color, size_)
    return picture


def one_person(
    image, pose, skeleton: Skeleton, truth=None, size=(320, 256)
) -> np.ndarray:
    """One person cut from a photo, with the pose.

    Arguments as in ``before_after``.

    Returns:
        u8[height, width, 3].
    """
    poses = [pose] + ([truth] if truth is not None else [])
    box = frame(poses, size[1] / size[0])
    return _on_cut(image, box, size, pose, skeleton, truth)


def _on_cut(image, box, size, pose, skeleton, truth) -> np.ndarray:
    """A cut u8[height, width, 3] with the truth in thin white and the pose on it."""
    picture, matrix = cut(image, box, size)
    if truth is not None:
        points = arrays.transform(truth[0], matrix)
        picture = draw_pose(picture, points, truth[1], skeleton, TRUTH, 1)
    return draw_pose(picture, arrays.transform(pose[0], matrix), pose[1], skeleton)


def caption(image, text: str) -> np.ndarray:
    """Adds a line of text on a dark label in the upper left corner."""
    picture = np.array(image, np.uint8, order="C")
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.4, picture.shape[0] / 700)
    (width, height), below = cv2.getTextSize(text, font, scale, 1)
    margin = round(height * 0.6)
    corner = (width + 2 * margin, height + below + 2 * margin)
    label = picture[: corner[1], : corner[0]]
    label[:] = (label * 0.25 + np.array(INK) * 0.75).astype(np.uint8)
    start = (margin, margin + height)
    cv2.putText(picture, text, start, font, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def contact_sheet(images: Sequence, columns: int, cell=(240, 240), gap: int = 6):
    """Arranges pictures on one sheet, row by row, each fitted into a cell.

    Args:
        images: u8[H, W, 3] RGB each, of any size.
        columns: cells per row.
        cell: (height, width) of a cell.
        gap: px between cells and around them.

    Returns:
        u8[rows * (height + gap) + gap, columns * (width + gap) + gap, 3].

    Raises:
        TfposeError: no pictures, or fewer than one column.
    """
    if not len(images) or columns < 1:
        raise TfposeError(
            f"expected pictures and columns, got {len(images)} and {columns}"
        )
    rows = -(-len(images) // columns)
    height, width = cell[0] + gap, cell[1] + gap
    sheet = np.full((rows * height + gap, columns * width + gap, 3), PAPER, np.uint8)
    for number, image in enumerate(images):
        picture = _fit(image, cell)
        row, column = divmod(number, columns)
        top = gap + row * height + (cell[0] - picture.shape[0]) // 2
        left = gap + column * width + (cell[1] - picture.shape[1]) // 2
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def _fit(image, cell) -> np.ndarray:
    scale = min(cell[0] / image.shape[0], cell[1] / image.shape[1])
    if scale == 1:
        return np.asarray(image)
    width, height = (max(1, round(side * scale)) for side in image.shape[1::-1])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(np.asarray(image), (width, height), interpolation=interpolation)


def encode(image, kind: str = ".jpg", quality: int = 88) -> bytes:
    """Encodes a picture u8[H, W, 3] RGB as a ``.jpg`` or ``.png`` file."""
    bgr = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == ".jpg" else []
    done, data = cv2.imencode(kind, bgr, settings)
    if not done:
        raise TfposeError(f"cannot write a picture as {kind!r}: expected .jpg or .png")
    return data.tobytes()


def write_image(path: str | os.PathLike, image) -> None:
    """Writes a picture u8[H, W, 3] RGB, whole or not at all."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, encode(image, path.suffix.lower()))
