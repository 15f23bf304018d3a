"""Fusion by reliability: a refiner's belief and the input pose, each as far as trusted.

A refiner that is weaker than the method it refines would harm it if its answer simply
replaced the input. So the answer is the expectation of a posterior over the cells,

    posterior(t) ~ belief(t)^sharpness * likelihood(input | t),
    likelihood = (1 - outliers) * N(input; t, s_j^2) + outliers / cells.

The refiner is trusted by the shape of its belief: where it is broad the input decides,
where it is sharp the refiner does. The input is trusted by how far its file disagrees
with the refiner: s_j is ``reach`` times the median distance between the refined and the
input joint j over the file's people, which needs no labels. The three numbers are
calibrated on validation people. Not in a paper.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import pathlib

import numpy as np

from tfpose.poses import write_json

FILE = "calibration.json"
# A file's disagreement is measured on at most so many of its first people.
MEASURED_PEOPLE = 1000
# The smallest s_j in cells, so that the Gaussian is seen by more than one cell.
SMALLEST_SPREAD = 0.5


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far a refiner's beliefs can be trusted.

    Attributes:
        sharpness: exponent of the belief; below 1 an overconfident belief is softened.
        reach: the input's standard deviation in median disagreements.
        outliers: how often an input joint says nothing about the true position.
    """

    sharpness: float = 1.0
    reach: float = 3.0
    outliers: float = 0.3


@dataclasses.dataclass(frozen=True)
class Beliefs:
    """What a refiner believes about the joints of N people.

    Attributes:
        maps: f32[N, h, w, K], probabilities over the cells of each person's crop.
        inputs: f32[N, K, 2], the input poses in crop pixels.
        valid: f32[N, K], 0 where the input pose lacks the joint.
        to_image: f32[N, 2, 3], crop pixels -> photo pixels.
        stride: px of the crop a cell.
    """

    maps: np.ndarray
    inputs: np.ndarray
    valid: np.ndarray
    to_image: np.ndarray
    stride: int = 4

    def __len__(self) -> int:
        return len(self.maps)

    @property
    def input_cells(self) -> np.ndarray:
        """f32[N, K, 2], the input poses in cells."""
        return (self.inputs + 0.5) / self.stride - 0.5

    def refined(self) -> np.ndarray:
        """f32[N, K, 2] in cells: the plain answer, the belief's expectation."""
        return expectation(self.maps)

    def in_photo(self, cells) -> np.ndarray:
        """f32[N, K, 2] cells -> photo pixels."""
        crop = (cells + 0.5) * self.stride - 0.5
        linear, offset = self.to_image[:, :, :2], self.to_image[:, :, 2]
        return np.einsum("nij,nkj->nki", linear, crop) + offset[:, None]


def expectation(maps) -> np.ndarray:
    """f32[N, h, w, K] that sums to 1 over the cells -> f32[N, K, 2] (x, y) in cells."""
    x = (maps.sum(1) * _indices(maps.shape[2])).sum(1)
    y = (maps.sum(2) * _indices(maps.shape[1])).sum(1)
    return np.stack([x, y], axis=-1)


def _indices(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32)[:, None]


def disagreement(beliefs: list[Beliefs]) -> np.ndarray:
    """f64[K] in cells: median distance of refined and input joint over the people.

    Zero for a joint that no input pose has.
    """
    distances = [
        np.ma.masked_array(
            np.linalg.norm(some.refined() - some.input_cells, axis=-1), some.valid == 0
        )
        for some in beliefs
    ]
    return np.ma.median(np.ma.concatenate(distances), axis=0).filled(0.0)


def fuse(beliefs: Beliefs, disagreement, calibration: Calibration) -> np.ndarray:
    """The expectation of the posterior.

    Args:
        beliefs: of N people.
        disagreement: f64[K] in cells, of the whole file.
        calibration: of the refiner.

    Returns:
        f32[N, K, 2] in cells.
    """
    _, height, width, _ = beliefs.maps.shape
    spread = np.maximum(calibration.reach * disagreement, SMALLEST_SPREAD)
    spread = spread.astype(np.float32)  # the maps' type, or everything is doubled
    cells = beliefs.input_cells
    precision = 0.5 / np.square(spread)
    columns = np.square(_indices(width) - cells[:, None, :, 0])  # (N, w, K)
    rows = np.square(_indices(height) - cells[:, None, :, 1])  # (N, h, K)
    near = np.exp(-rows * precision)[:, :, None] * np.exp(-columns * precision)[:, None]
    inlier = (1 - calibration.outliers) / (2 * np.pi * np.square(spread))
    likelihood = inlier * near + calibration.outliers / (height * width)
    # A joint that the input lacks says nothing.
    likelihood = np.where(beliefs.valid[:, None, None] > 0, likelihood, 1.0)
    posterior = np.power(beliefs.maps, calibration.sharpness) * likelihood
    total = posterior.sum(axis=(1, 2), keepdims=True)
    # A belief that rules out every cell says nothing: the input stays.
    answer = expectation(posterior / np.where(total > 0, total, 1))
    return np.where(total[:, 0, 0, :, None] > 0, answer, cells)


def measured(beliefs):
    """Measures a file's disagreement on its first people, without losing them.

    Args:
        beliefs: iterator of ``Beliefs``, not all of which need to fit into memory.

    Returns:
        f64[K] in cells (zero for a file without people), and an iterator of all the
        beliefs.
    """
    beliefs = iter(beliefs)
    first: list[Beliefs] = []
    while sum(map(len, first)) < MEASURED_PEOPLE and (some := next(beliefs, None)):
        first.append(some)
    apart = disagreement(first) if first else np.zeros(1)
    return apart, itertools.chain(first, beliefs)


def input_weights(inputs, refined, fused) -> np.ndarray:
    """How much of the input is in each fused joint, for people to read.

    Args:
        inputs, refined, fused: f32[N, K, 2] in the same space.

    Returns:
        f32[N, K]: where along the line from refined (0) to input (1) the fused joint
        lies; nan where the two are the same.
    """
    line = inputs - refined
    length = np.square(line).sum(-1)
    along = (line * (fused - refined)).sum(-1)
    return np.where(length > 1e-6, along / np.maximum(length, 1e-6), np.nan)


# What ``calibrate`` tries.
SHARPNESSES = (0.5, 0.75, 1.0)
REACHES = (1.0, 1.5, 2.0, 3.0, 4.0)
OUTLIERS = (0.1, 0.4)


def calibrate(files: list[tuple[Beliefs, np.ndarray]], error) -> Calibration:
    """Chooses the calibration that helps the least-helped file most.

    Args:
        files: for several simulated input files of differing quality, the beliefs
            about validation people and the file's poses f32[N, K, 2] in photo pixels.
        error: poses f32[N, K, 2] in photo pixels -> a number to be small.
    """
    apart = [disagreement([beliefs]) for beliefs, _ in files]
    before = [error(poses) for _, poses in files]

    def least_gain(calibration: Calibration) -> float:
        return min(
            unrefined - error(beliefs.in_photo(fuse(beliefs, spread, calibration)))
            for (beliefs, _), spread, unrefined in zip(
                files, apart, before, strict=True
            )
        )

    grid = itertools.product(SHARPNESSES, REACHES, OUTLIERS)
    return max((Calibration(*point) for point in grid), key=least_gain)


def write_calibration(folder, calibration: Calibration) -> None:
    """Writes ``calibration.json`` into a model folder."""
    write_json(pathlib.Path(folder) / FILE, dataclasses.asdict(calibration))


def read_calibration(folder) -> Calibration:
    """Reads ``calibration.json`` of a model folder; the default where there is none.

    Raises:
        ValueError: the file is not a calibration.
    """
    path = pathlib.Path(folder) / FILE
    if not path.exists():
        return Calibration()
    try:
        return Calibration(**json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a calibration ({error})") from error
