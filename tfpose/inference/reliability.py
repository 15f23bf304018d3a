"""Reliability: combines a refiner's belief with the input pose, weighted by trust.

A refiner that is weaker than the method it refines would do harm if its answer simply
replaced the input. So the answer is the expectation of a posterior over the cells,

    posterior(t) ~ belief(t)^sharpness * likelihood(input | t),
    likelihood = (1 - outliers) * N(input; t, s_j^2) + outliers / cells.

The shape of the refiner's belief says how far to trust it; ``sharpness`` is the value
that makes the true joints of validation people most likely. Trust in the input depends
on how far its file disagrees with the refiner, which needs no labels: D_j is the median
distance between refined and input joint j over the file's people, and

    s_j = reach * sqrt(D_j^2 - noise_j^2),

where noise_j is D_j for a file of true poses, measured on validation people. Likewise,
``outliers`` is how far the share of far disagreements exceeds that of true poses. So a
file that disagrees no more than the truth keeps its joints. Not from a paper.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import pathlib

import numpy as np

from tfpose.errors import TfposeError
from tfpose.geometry.cells import to_cells, to_pixels
from tfpose.io.files import write_json

FILE = "calibration.json"
# Measures a file's disagreement on at most this many people, from its start.
MEASURED_PEOPLE = 1000
# The narrowest Gaussian, in cells, that reaches more than one cell.
NARROWEST = 0.5
# s_j per unit of excess disagreement. 2, 3 and 4 differ little on simulated poses of
# validation people; 4 gained most.
REACH = 4.0
# A disagreement counts as far if it exceeds FAR times the noise.
FAR = 3.0
# A file with no excess has practically no outliers; at most half are.
LEAST_OUTLIERS, MOST_OUTLIERS = 1e-6, 0.5
# Choices for ``sharpness``. None of them sharpens: real methods make errors that the
# simulated one, used to measure it, does not make.
SHARPNESSES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far a refiner's beliefs can be trusted.

    Attributes:
        sharpness: exponent of the belief; below 1 it softens an overconfident belief.
        noise: median disagreement with true poses per joint, in cells; empty if not
            measured, which blames no disagreement on the refiner.
        far: share of far disagreements with true poses.
    """

    sharpness: float = 1.0
    noise: tuple[float, ...] = ()
    far: float = 0.0


@dataclasses.dataclass(frozen=True)
class Trust:
    """How far a file's poses can be trusted.

    Attributes:
        disagreement: f64[K] in cells, D_j.
        spread: f64[K] in cells, s_j.
        outliers: share of joints that say nothing about the true position.
    """

    disagreement: np.ndarray
    spread: np.ndarray
    outliers: float


@dataclasses.dataclass(frozen=True)
class Beliefs:
    """What a refiner believes about the joints of N people.

    Attributes:
        maps: f32[N, h, w, K], probabilities over the cells of each person's crop.
        inputs: f32[N, K, 2], the input poses in crop pixels.
        valid: f32[N, K], 0 where the input pose lacks the joint.
        to_image: f32[N, 2, 3], crop pixels -> photo pixels.
        answers: f32[N, K, 2], the network's own joints in crop pixels; default: the
            expectations of the maps.
        scores: f32[N, K], the network's own.
        stride: crop px per cell.
    """

    maps: np.ndarray
    inputs: np.ndarray
    valid: np.ndarray
    to_image: np.ndarray
    answers: np.ndarray | None = None
    scores: np.ndarray | None = None
    stride: int = 4

    def __len__(self) -> int:
        return len(self.maps)

    @property
    def input_cells(self) -> np.ndarray:
        """f32[N, K, 2], the input poses in cells."""
        return to_cells(self.inputs, self.stride)

    def refined(self) -> np.ndarray:
        """f32[N, K, 2] in cells: the refiner's answer alone."""
        if self.answers is None:
            return expectation(self.maps)
        return to_cells(self.answers, self.stride)

    def in_cells(self, keypoints) -> np.ndarray:
        """f32[N, K, 2] photo pixels -> cells, the inverse of ``in_photo``."""
        inverse = np.linalg.inv(self.to_image[:, :, :2])
        offset = keypoints - self.to_image[:, None, :, 2]
        crop = np.einsum("nij,nkj->nki", inverse, offset)
        return to_cells(crop, self.stride)

    def in_photo(self, cells) -> np.ndarray:
        """f32[N, K, 2] cells -> photo pixels."""
        crop = to_pixels(cells, self.stride)
        linear, offset = self.to_image[:, :, :2], self.to_image[:, :, 2]
        return np.einsum("nij,nkj->nki", linear, crop) + offset[:, None]


def expectation(maps) -> np.ndarray:
    """f32[N, h, w, K] that sums to 1 over the cells -> f32[N, K, 2] (x, y) in cells."""
    x = (maps.sum(1) * _indices(maps.shape[2])).sum(1)
    y = (maps.sum(2) * _indices(maps.shape[1])).sum(1)
    return np.stack([x, y], axis=-1)


def _indices(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32)[:, None]


def distances(beliefs: list[Beliefs]) -> np.ma.MaskedArray:
    """f64[N, K] in cells, refined to input joint; masked if the input lacks it."""
    return np.ma.concatenate(
        [
            np.ma.masked_array(
                np.linalg.norm(some.refined() - some.input_cells, axis=-1),
                some.valid == 0,
            )
            for some in beliefs
        ]
    )


def trust(beliefs: list[Beliefs], calibration: Calibration) -> Trust:
    """How far the input poses of these beliefs can be trusted."""
    apart = distances(beliefs)
    middle = np.ma.median(apart, axis=0).filled(0.0)
    noise = np.array(calibration.noise or np.zeros(apart.shape[1]))
    excess = np.sqrt(np.maximum(np.square(middle) - np.square(noise), 0))
    far = float(np.ma.mean(apart > FAR * noise))
    outliers = (far - calibration.far) / (1 - calibration.far)
    return Trust(
        middle,
        REACH * excess,
        float(np.clip(outliers, LEAST_OUTLIERS, MOST_OUTLIERS)),
    )


def noise_of(beliefs: Beliefs) -> tuple[tuple[float, ...], float]:
    """``Calibration.noise`` and ``far``, from a refiner's beliefs about true poses."""
    apart = distances([beliefs])
    noise = np.ma.median(apart, axis=0).filled(0.0)
    far = float(np.ma.mean(apart > FAR * noise))
    return tuple(map(float, noise)), far


def combine(beliefs: Beliefs, trust: Trust, sharpness: float) -> np.ndarray:
    """The expectation of the posterior.

    It mixes two cases: if the input is an outlier, the belief alone gives the answer;
    if not, the belief weights the Gaussian around the input. The move of the input is
    measured relative to the Gaussian alone on the same cells. A Gaussian narrower than
    the cells is widened and the move scaled back: a belief whose logarithm has slope g
    moves the input by s_j^2 g.

    Args:
        beliefs: beliefs about N people.
        trust: trust in the whole file.
        sharpness: from the refiner's calibration.

    Returns:
        f32[N, K, 2] in cells.
    """
    _, height, width, _ = beliefs.maps.shape
    cells = beliefs.input_cells
    wide = np.maximum(trust.spread, NARROWEST)
    columns = _gaussian(cells[..., 0], wide, width)  # (N, w, K)
    rows = _gaussian(cells[..., 1], wide, height)  # (N, h, K)
    alone = np.stack(
        [(columns * _indices(width)).sum(1), (rows * _indices(height)).sum(1)], axis=-1
    )
    belief = softened(beliefs.maps, sharpness)
    weighed = belief * rows[:, :, None] * columns[:, None]
    near = weighed.sum(axis=(1, 2))
    moved = expectation(weighed / np.maximum(near, 1e-30)[:, None, None]) - alone
    moved = moved * np.square(trust.spread / wide)[:, None]
    # If the belief rules out all of the Gaussian, the outlier term decides.
    inlier = (1 - trust.outliers) * near
    share = inlier / (inlier + trust.outliers / (height * width))
    # A joint that the input lacks carries no weight.
    share = (share * (beliefs.valid > 0))[..., None]
    alone = expectation(belief) if beliefs.answers is None else beliefs.refined()
    return share * (cells + moved) + (1 - share) * alone


def _gaussian(center, spread, count: int) -> np.ndarray:
    """f32[N, count, K]: Gaussians around f32[N, K] on the cells, each summing to 1."""
    squared = np.square(_indices(count) - center[:, None])
    precision = (0.5 / np.square(spread)).astype(np.float32)
    # Relative to the nearest cell, or a narrow Gaussian far outside would vanish.
    values = np.exp(-precision * (squared - squared.min(1, keepdims=True)))
    return values / values.sum(1, keepdims=True)


def softened(maps, sharpness: float) -> np.ndarray:
    """f32[N, h, w, K]: the beliefs to a power, rescaled to sum to 1 over the cells."""
    powers = np.power(maps, sharpness)
    return powers / powers.sum(axis=(1, 2), keepdims=True)


def measured(beliefs, calibration: Calibration):
    """Measures the trust in a file on its first people, and still yields them.

    Args:
        beliefs: iterator of ``Beliefs``; they need not all fit into memory.
        calibration: the refiner's.

    Returns:
        ``Trust`` (None for a file without people) and an iterator over all beliefs.
    """
    beliefs = iter(beliefs)
    first: list[Beliefs] = []
    while sum(map(len, first)) < MEASURED_PEOPLE and (some := next(beliefs, None)):
        first.append(some)
    trusted = trust(first, calibration) if first else None
    return trusted, itertools.chain(first, beliefs)


def input_weights(inputs, refined, fused) -> np.ndarray:
    """The share of the input in each fused joint, for the report.

    Args:
        inputs, refined, fused: f32[N, K, 2] in the same space.

    Returns:
        f32[N, K]: the fused joint's place on the line from refined (0) to input (1);
        nan if the two are the same.
    """
    line = inputs - refined
    length = np.square(line).sum(-1)
    along = (line * (fused - refined)).sum(-1)
    return np.where(length > 1e-6, along / np.maximum(length, 1e-6), np.nan)


def sharpness(beliefs: Beliefs, truth, valid) -> float:
    """The exponent of the beliefs that makes the true joints most likely.

    Args:
        beliefs: beliefs about N people.
        truth: f32[N, K, 2] in cells.
        valid: f32[N, K], 0 where a joint has no label.
    """
    _, height, width, _ = beliefs.maps.shape
    cell = np.round(truth).astype(int)
    labeled = (np.asarray(valid) > 0) & (cell >= 0).all(-1)
    labeled &= (cell < [width, height]).all(-1)
    person, joint = np.nonzero(labeled)
    x, y = cell[person, joint].T

    def likelihood(exponent: float) -> float:
        maps = softened(beliefs.maps, exponent)
        return float(np.log(np.maximum(maps[person, y, x, joint], 1e-12)).mean())

    return max(SHARPNESSES, key=likelihood)


def write_calibration(folder, calibration: Calibration) -> None:
    """Writes ``calibration.json`` into a model folder."""
    write_json(pathlib.Path(folder) / FILE, dataclasses.asdict(calibration))


def read_calibration(folder) -> Calibration:
    """Reads ``calibration.json`` from a model folder; the default if it is missing.

    Raises:
        TfposeError: the file is not a calibration.
    """
    path = pathlib.Path(folder) / FILE
    if not path.exists():
        return Calibration()
    try:
        data = json.loads(path.read_text())
        return Calibration(**{**data, "noise": tuple(data["noise"])})
    except (TypeError, ValueError, KeyError) as error:
        raise TfposeError(f"{path}: not a calibration ({error})") from error
