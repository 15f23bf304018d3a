"""Pictures of how HCRN finds a pose: the tree on a photo, and a unit's maps.

Conventions as in ``tfpose.drawing``: pictures are u8[H, W, 3] RGB, points (x, y) in px.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tfpose import drawing
from tfpose.errors import TfposeError
from tfpose.geometry import arrays
from tfpose.skeletons import Skeleton, bare_name, tree_layers

if TYPE_CHECKING:
    from tfpose.inference.hcrn_units import Unit

# Colors of the tree's layers, from warm (easy joints) to cold (difficult ones).
LAYERS = ((255, 240, 120), (255, 150, 30), (230, 40, 110), (60, 120, 255))
# Mark colors; both stand out from the map's violet, red and yellow.
PEAK = (255, 255, 255)
TRUTH = (0, 235, 150)
# Brightness of the photo under a map.
DIMMED = 0.45
# Longer side of a panel, px.
SIZE = 256
# cv2 draws at 1/16 px: coordinates are integers with this many fractional bits.
_SHIFT = 4


def draw_tree(
    image, keypoints, valid, skeleton: Skeleton, thickness: int | None = None
) -> np.ndarray:
    """Draws the tree on the photo, each layer in its color (HCRN Fig. 7).

    The line from a joint to its parent has the joint's color. Arguments, result and
    errors as in ``drawing.draw_pose``.
    """
    dots = layer_colors(skeleton)
    limbs = [
        (parent, joint, dots[joint])
        for joint, parent in enumerate(skeleton.parents)
        if parent >= 0
    ]
    # Large dots: a root has no line that shows its color.
    return drawing.draw_lines(
        image, keypoints, valid, skeleton, (limbs, dots), thickness, 2
    )


def layer_colors(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """The color of each joint's layer in the tree.

    Layers beyond ``LAYERS`` take its last color.
    """
    colors = [LAYERS[0]] * len(skeleton)
    for number, joints in enumerate(tree_layers(skeleton.parents)):
        for joint in joints:
            colors[joint] = LAYERS[min(number, len(LAYERS) - 1)]
    return colors


def layer_names(skeleton: Skeleton, joints: Sequence[int]) -> list[str]:
    """Short names of a layer's joints: both knees are "knees"."""
    bare = [bare_name(skeleton.joints[joint]) for joint in joints]
    return [
        name.replace("_", " ") + "s" * (bare.count(name) > 1)
        for name in dict.fromkeys(bare)
    ]


def tree_legend(skeleton: Skeleton, width: int) -> np.ndarray:
    """The legend of ``draw_tree``: each layer's color and joint names.

    Args:
        skeleton: the skeleton with the tree.
        width: px; longer lines wrap.

    Returns:
        u8[height, width, 3].
    """
    parts = []
    for number, joints in enumerate(tree_layers(skeleton.parents)):
        names = ", ".join(layer_names(skeleton, joints))
        text = lines_of_text(f"layer {number + 1}: {names}", width - 24)
        part = np.pad(text, ((0, 0), (24, 0), (0, 0)), mode="edge")
        color = LAYERS[min(number, len(LAYERS) - 1)]
        for fill, radius in ((drawing.OUTLINE, 8), (color, 7)):
            cv2.circle(part, (14, 13), radius, fill, -1, cv2.LINE_AA)
        parts.append(part)
    return np.concatenate(parts)


def lines_of_text(text: str, width: int) -> np.ndarray:
    """Wrapped text on paper: u8[height, width, 3]."""
    font, scale, row, margin = cv2.FONT_HERSHEY_SIMPLEX, 0.5, 22, 6
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        fits = cv2.getTextSize(longer, font, scale, 1)[0][0] <= width - 2 * margin
        lines[-1:] = [longer] if fits or not lines[-1] else [lines[-1], word]
    picture = np.full((row * len(lines) + 4, width, 3), drawing.PAPER, np.uint8)
    for number, line in enumerate(lines):
        start = (margin, 18 + row * number)
        cv2.putText(picture, line, start, font, scale, drawing.INK, 1, cv2.LINE_AA)
    return picture


def tree_on_person(
    image, pose, skeleton: Skeleton, size: tuple[int, int]
) -> np.ndarray:
    """One person cut from a photo, with ``draw_tree`` and its legend.

    Args:
        image: u8[H, W, 3] RGB photo.
        pose: (keypoints f[K, 2] in photo px, valid [K]).
        skeleton: of the K joints.
        size: (height, width) of the picture without the legend.

    Returns:
        u8[height + legend, width, 3].
    """
    picture, matrix = drawing.cut(image, drawing.frame([pose], size[1] / size[0]), size)
    picture = draw_tree(picture, arrays.transform(pose[0], matrix), pose[1], skeleton)
    return np.concatenate([picture, tree_legend(skeleton, size[1])])


def overlay(photo, heatmap) -> np.ndarray:
    """Lays a heatmap over the darkened photo: violet, red and yellow where it peaks.

    Colors range from the map's median (background, only the photo shows) to its
    maximum, so even a doubtful map is visible.

    Args:
        photo: u8[H, W, 3] of the area that the map covers.
        heatmap: f[h, w]; a cell covers H / h x W / w px.

    Returns:
        u8[H, W, 3].
    """
    height, width = photo.shape[:2]
    heat = np.asarray(heatmap, np.float32)
    heat = np.maximum(heat - np.median(heat), 0)
    heat /= max(float(heat.max()), 1e-6)
    heat = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    # Lightness rises evenly from black to light yellow.
    tones = np.round(255 * heat).astype(np.uint8)
    colors = cv2.cvtColor(
        cv2.applyColorMap(tones, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB
    )
    opacity = np.minimum(2 * heat, 1)[..., None]
    mixed = DIMMED * photo * (1 - opacity) + colors * opacity
    return np.round(mixed).astype(np.uint8)


def with_marks(picture, peak=None, truth=None) -> np.ndarray:
    """Adds a white ring at the peak and a green cross at the truth.

    Args:
        picture: u8[H, W, 3].
        peak: f[2] px of the picture, or None.
        truth: the same.

    Returns:
        u8[H, W, 3], a new picture.
    """
    picture, unit = np.array(picture, np.uint8, order="C"), max(picture.shape[:2]) / 50
    for outline in (True, False):
        width = 4 if outline else 2
        if truth is not None:
            color = drawing.OUTLINE if outline else TRUTH
            for arm in ((unit, unit), (unit, -unit)):
                ends = _fixed(np.subtract(truth, arm)), _fixed(np.add(truth, arm))
                cv2.line(picture, *ends, color, width, cv2.LINE_AA, _SHIFT)
        if peak is not None:
            color, radius = (
                drawing.OUTLINE if outline else PEAK,
                _fixed([2.5 * unit])[0],
            )
            center = _fixed(peak)
            cv2.circle(picture, center, radius, color, width, cv2.LINE_AA, _SHIFT)
    return picture


def with_arrow(picture, start, end) -> np.ndarray:
    """A copy of the picture with a white arrow between two points f[2] px."""
    picture = np.array(picture, np.uint8, order="C")
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    length = float(np.hypot(*(end - start)))
    if length >= 1:
        # The head has the same size for every length.
        head = min(max(picture.shape[:2]) / 24 / length, 0.5)
        for color, width in ((drawing.OUTLINE, 6), (PEAK, 3)):
            ends = _fixed(start), _fixed(end)
            cv2.arrowedLine(picture, *ends, color, width, cv2.LINE_AA, _SHIFT, head)
    return picture


def _fixed(numbers) -> tuple[int, ...]:
    return tuple(round(float(number) * 2**_SHIFT) for number in numbers)


def unit_panels(
    photo, unit: Unit, truth: Mapping[str, Sequence[float]], size: int = SIZE
) -> list[tuple[np.ndarray, str]]:
    """Shows what a unit did, step by step (HCRN Fig. 3 b).

    First the photo, with an arrow from the first guess to the refined place. Then each
    map, with a ring at its peak and a cross at its joint's label.

    Args:
        photo: u8[H, W, 3] RGB.
        unit: of ``tfpose.inference.hcrn_units``.
        truth: labeled joint -> f[2] in px of the photo.
        size: px of the panels' longer side.

    Returns:
        (u8[h, w, 3], short caption) of each step.
    """
    shape = unit.box[:1:-1]  # height, width
    shape = tuple(np.round(size * shape / shape.max()).astype(int).tolist())
    crop, matrix = drawing.cut(photo, unit.box, shape)

    def place(point):
        return None if point is None else arrays.transform(point, matrix)

    peaks = {step: place(peak) for step, peak in unit.peaks.items()}
    own, parents = place(truth.get(unit.joint)), place(truth.get(unit.parent))
    first, last = peaks["initial"], peaks.get("refined", peaks["initial"])
    moved = with_marks(with_arrow(crop, first, last), truth=own)
    panels = [(moved, f"{_spoken(unit.joint)}: from first guess to refined place")]
    for number, (step, heatmap) in enumerate(unit.maps.items(), start=1):
        labeled = parents if step == "parent" else own
        picture = with_marks(overlay(crop, heatmap), peaks[step], labeled)
        panels.append((picture, f"{number} {_words(unit, step)}"))
    return panels


def _words(unit: Unit, step: str) -> str:
    """A short caption of a step, with the map's confidence if meaningful."""
    sure = f"{min(100 * float(unit.maps[step].max()), 99):.0f} % sure"
    parent = "itself" if unit.parent == unit.joint else f"the {_spoken(unit.parent)}"
    return {
        "initial": f"first guess, {sure}",
        "parent": f"guided by {parent}, {sure}",
        "diffused": f"where {parent} allows it",
        "refined": f"refined, {sure}",
    }[step]


def _spoken(joint: str | None) -> str:
    return str(joint).replace("_", " ")


def strip(panels: Sequence[tuple], gap: int = 6) -> np.ndarray:
    """Joins panels of equal size side by side, each with its caption below.

    Args:
        panels: (u8[h, w, 3], caption) each.
        gap: px between them.

    Returns:
        u8[H, W, 3].

    Raises:
        TfposeError: no panels.
    """
    if not panels:
        raise TfposeError("expected panels, got none")
    width = panels[0][0].shape[1]
    below = [lines_of_text(words, width) for _, words in panels]
    tallest = max(text.shape[0] for text in below)
    columns = []
    for (picture, _), text in zip(panels, below, strict=True):
        missing = np.full((tallest - text.shape[0], width, 3), drawing.PAPER, np.uint8)
        columns.append(np.concatenate([picture, text, missing]))
        columns.append(np.full((len(columns[0]), gap, 3), drawing.PAPER, np.uint8))
    return np.concatenate(columns[:-1], axis=1)
