"""Draws what HCRN's units learned: where each joint looks for its parent.

A unit's penalty (Eq. 5) is least at the offset -linear / (2 quadratic), from a joint's
cell to its parent's. The arrows start at the joints of the test people's mean pose and
end there, the mean of all seeds; thin lines are the limbs.

Usage: python benchmarks/claims/pictures.py [FOLDER [PICTURE.png]]
"""

from __future__ import annotations

import pathlib
import sys

import cv2
import features
import frame
import hcrn
import numpy as np
from tables import Claim

from tfpose.io import files
from tfpose.skeletons import LSP14, tree_layers

SCALE, STRIDE = 2, 8  # of the picture; px per cell
NARROW = slice(96, 416)  # the columns that show a standing person
SIGHTS = {hcrn.STRONG: "sees the whole person", hcrn.WEAK: "sees 59 px"}
LIMB, ARROW, INK = (170, 170, 170), (180, 60, 20), (40, 40, 40)  # BGR


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


def panel(pose: np.ndarray, moves: np.ndarray, title: str) -> np.ndarray:
    """u8[512, 320, 3] BGR: a pose and an arrow at each joint that has a parent."""
    picture = np.full((512, 512, 3), 255, np.uint8)

    def place(point):
        return tuple(int(round(SCALE * value)) for value in point)

    for joint, parent in enumerate(LSP14.parents):
        if parent >= 0:
            ends = place(pose[joint]), place(pose[parent])
            cv2.line(picture, *ends, LIMB, 2, cv2.LINE_AA)
    for joint, parent in enumerate(LSP14.parents):
        if parent >= 0:
            ends = place(pose[joint]), place(pose[joint] + moves[joint])
            cv2.arrowedLine(picture, *ends, ARROW, 2, cv2.LINE_AA, tipLength=0.25)
    picture = np.ascontiguousarray(picture[:, NARROW])
    cv2.putText(picture, title, (12, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, INK, 1, 16)
    return picture


def main() -> None:
    given = sys.argv[1:]
    folder = pathlib.Path(given[0] if given else "runs/claims")
    out = given[1] if len(given) > 1 else str(folder / "hcrn_directions.png")
    people = frame.published_half(features.load(folder / "features", features.TEST))
    pose = np.median(people.labels["keypoints"], axis=0)
    claim = Claim(folder / "hcrn")
    panels = [
        panel(pose, offsets(claim, front_end), sight)
        for front_end, sight in SIGHTS.items()
    ]
    _, encoded = cv2.imencode(".png", np.concatenate(panels, axis=1))
    files.write_bytes(pathlib.Path(out), encoded.tobytes())


if __name__ == "__main__":
    main()
