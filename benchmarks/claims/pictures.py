"""Draws what the claims found on the test people's mean pose, a picture a claim.

- HCRN: where each joint's unit looks for its parent. A unit's penalty (Eq. 5) is least
  at the offset -linear / (2 quadratic), from a joint's cell to its parent's.
- EnhanceNet: circles around half of a joint's answers, that is, the median error.
- Hybrid-Pose: of each joint, how often both networks, either, or none find it.
- The refiners: how much PCK each joint gains or loses, by method.

Usage: python benchmarks/claims/pictures.py [FOLDER [OUT]]
Writes OUT/hcrn_directions.png, OUT/enhance_net.png and so on; OUT is FOLDER/pictures.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable, Sequence

import cv2
import enhance_net
import features
import frame
import hcrn
import numpy as np
import refiners
from tables import ALL, Claim

from tfpose.io import files
from tfpose.skeletons import LSP14, tree_layers

SCALE, STRIDE = 2, 8  # of the picture; px per cell
TALL, NARROW = slice(0, 480), slice(96, 416)  # where a standing person is
SIGHTS = {hcrn.STRONG: "sees the whole person", hcrn.WEAK: "sees 59 px"}
LIMB, INK = (170, 170, 170), (40, 40, 40)  # BGR, as all colors here
BLUE, GREEN, RED, YELLOW = (180, 60, 20), (80, 150, 40), (60, 50, 200), (60, 180, 230)
FONT, SMOOTH = cv2.FONT_HERSHEY_SIMPLEX, cv2.LINE_AA
SUBPIXEL = 4  # bits of a fraction of a pixel that OpenCV draws with

# Draws into a picture at a point, what is known of a joint: (picture, point, joint).
Mark = Callable[[np.ndarray, np.ndarray, int], None]


def place(point: np.ndarray) -> tuple[int, int]:
    """The picture's pixel of a point of the crop."""
    x, y = np.round(SCALE * point).astype(int)
    return int(x), int(y)


def panel(pose: np.ndarray, mark: Mark, lines: Sequence[str]) -> np.ndarray:
    """u8[480, 320, 3]: a pose, marks at its joints, and lines of text on top."""
    picture = np.full((512, 512, 3), 255, np.uint8)
    for joint, parent in enumerate(LSP14.parents):
        if parent >= 0:
            ends = place(pose[joint]), place(pose[parent])
            cv2.line(picture, *ends, LIMB, 2, SMOOTH)
    for joint, point in enumerate(pose):
        mark(picture, point, joint)
    picture = np.ascontiguousarray(picture[TALL, NARROW])
    for number, line in enumerate(lines):
        cv2.putText(picture, line, (12, 24 + 24 * number), FONT, 0.6, INK, 1, SMOOTH)
    return picture


def circle(picture, point, radius: float, color, thickness: int) -> None:
    """A circle of a radius in px of the crop."""
    center = np.round(SCALE * point * 2**SUBPIXEL).astype(int).tolist()
    size = int(round(SCALE * radius * 2**SUBPIXEL))
    cv2.circle(picture, center, size, color, thickness, SMOOTH, SUBPIXEL)


# --- HCRN ------------------------------------------------------------------------


def offsets(claim: Claim, front_end: str) -> np.ndarray:
    """f64[K, 2] crop px: from each joint to where its unit looks for the parent."""
    found = np.zeros((len(LSP14), 2))
    for number, joints in enumerate(tree_layers(LSP14.parents), start=1):
        weights = [
            one[f"layer{number}_diffusion"] for one in claim.found[f"{front_end}_hcrn"]
        ]  # [2, 2, C]: linear and quadratic of x and y
        linear, quadratic = np.mean(weights, axis=0)
        best = np.clip(-linear / (2 * quadratic), -hcrn.RADIUS, hcrn.RADIUS)
        found[list(joints)] = STRIDE * best.T
    return found


def draw_directions(claim: Claim, pose: np.ndarray, _) -> list[np.ndarray]:
    def arrows(moves):
        def mark(picture, point, joint):
            if LSP14.parents[joint] >= 0:
                ends = place(point), place(point + moves[joint])
                cv2.arrowedLine(picture, *ends, BLUE, 2, SMOOTH, tipLength=0.25)

        return mark

    return [
        panel(pose, arrows(offsets(claim, front_end)), [sight])
        for front_end, sight in SIGHTS.items()
    ]


# --- EnhanceNet ------------------------------------------------------------------


def draw_errors(claim: Claim, pose: np.ndarray, torso: float) -> list[np.ndarray]:
    shown = {
        "base, highest cell": (enhance_net.BASE, "highest"),
        "base, DARK": (enhance_net.BASE, "dark"),
        "EnhanceNet, r = 4, DARK": (list(enhance_net.UPSCALES)[-1], "dark"),
        "convolutions, DARK": (enhance_net.CONTROL, "dark"),
    }
    panels = []
    for name, (arm, reader) in shown.items():
        every = np.concatenate([one[f"test_{reader}"] for one in claim.found[arm]])
        radii = torso * np.nanmedian(every, axis=0)

        def mark(picture, point, joint, radii=radii):
            circle(picture, point, radii[joint], BLUE, 2)

        panels.append(panel(pose, mark, [name, f"median {radii.mean():.1f} px"]))
    return panels


# --- Hybrid-Pose -----------------------------------------------------------------


def shares(claim: Claim, one: str, other: str) -> np.ndarray:
    """f64[K, 4]: how often both, only the one, only the other, and none is right."""
    first, second = (
        np.concatenate(claim.hits("fused", f"test_{name}", ALL, 0.2)) / 100
        for name in (one, other)
    )
    cases = first * second, first * (1 - second), (1 - first) * second
    found = np.stack([np.nanmean(case, axis=0) for case in cases], axis=1)
    return np.concatenate([found, 1 - found.sum(axis=1, keepdims=True)], axis=1)


def draw_disagreement(claim: Claim, pose: np.ndarray, _) -> list[np.ndarray]:
    pairs = {
        "RNet and CNet": ("rnet", "cnet"),
        "two RNets": ("rnet", "rnet_other"),
        "two CNets": ("cnet", "cnet_other"),
    }
    panels = []
    for name, pair in pairs.items():
        found = shares(claim, *pair)

        def mark(picture, point, joint, found=found):
            angle = -90.0
            for part, color in zip(
                found[joint], (GREEN, BLUE, YELLOW, RED), strict=True
            ):
                ends = angle, angle + 360 * part
                cv2.ellipse(
                    picture, place(point), (15, 15), 0, *ends, color, -1, SMOOTH
                )
                angle = ends[1]
            circle(picture, point, 15 / SCALE, LIMB, 2)

        _, first, second, none = 100 * found.mean(axis=0)
        panels.append(
            panel(
                pose,
                mark,
                [name, f"one alone {first + second:.0f} %, none {none:.0f} %"],
            )
        )
    return panels


# --- refiners --------------------------------------------------------------------


def draw_gains(claim: Claim, pose: np.ndarray, _) -> list[np.ndarray]:
    panels = []
    for method in refiners.ON_LSP:
        # f64[K]; joints that a method lacks were missing before.
        before, after = (
            np.mean(
                [
                    np.nanmean(hits, axis=0)
                    for hits in claim.hits(arm, method, ALL, 0.1)
                ],
                axis=0,
            )
            for arm in ("inputs", "all_added")
        )
        gains = after - before

        def mark(picture, point, joint, gains=gains):
            color = GREEN if gains[joint] > 0 else RED
            circle(picture, point, 2 * np.sqrt(abs(gains[joint])), color, -1)

        panels.append(panel(pose, mark, [method, f"PCK@0.1 {gains.mean():+.1f}"]))
    return panels


# Claim -> the picture's name, and what draws its panels.
PICTURES = {
    "hcrn": ("hcrn_directions", draw_directions),
    "enhance_net": ("enhance_net", draw_errors),
    "hybrid_pose": ("hybrid_pose", draw_disagreement),
    "refiners": ("refiners", draw_gains),
}


def main() -> None:
    given = sys.argv[1:]
    folder = pathlib.Path(given[0] if given else "runs/claims")
    out = pathlib.Path(given[1]) if len(given) > 1 else folder / "pictures"
    out.mkdir(parents=True, exist_ok=True)
    people = frame.published_half(features.load(folder / "features", features.TEST))
    pose = np.median(people.labels["keypoints"], axis=0)
    torso = float(np.nanmedian(frame.torsos(people)))
    for name, (picture, draw) in PICTURES.items():
        claim = Claim(folder / name)
        if claim.complete(name):
            panels = np.concatenate(draw(claim, pose, torso), axis=1)
            _, encoded = cv2.imencode(".png", panels)
            files.write_bytes(out / f"{picture}.png", encoded.tobytes())


if __name__ == "__main__":
    main()
