"""Reliability: combines a refiner's answer with the input pose, weighted by trust.

A refiner that is weaker than the method it refines would do harm if its answer simply
replaced the input. So the answer lies between the two,

    answer = input + w (refined - input),    0 <= w <= 1.

How good the input is shows in how far its whole file disagrees with the refiner, which
needs no labels: D_j is the median distance between refined and input joint j over the
file's people, and noise_j is D_j for a file of true poses, measured on validation
people. There, the labels err as well as the refiner, about as much. If all err
independently, the best weight is

    w_j = 1 - REFINERS_SHARE * noise_j^2 / D_j^2,

the share of the disagreement that is not the refiner's, and never below LEAST_WEIGHT:
the mean of two good guesses is better than either.

A joint that is far from its refined one needs a choice, since the middle is wrong for
both. The share of far joints in excess of true poses' tells how often the refiner is
right about them, and its score tells how sure it is of this one.

Poses of few joints change less: their crops show less of a person than the refiner
learned from.

A file of a few people says little about its method. D_j and the share count as if a few
more people of a strong method were in it. Not from a paper.
"""

from __future__ import annotations

import dataclasses
import itertools
import pathlib

import numpy as np

from tfpose.errors import TfposeError, shown
from tfpose.geometry.cells import to_cells, to_pixels
from tfpose.io.files import write_json
from tfpose.io.json_files import is_number, read_json

FILE = "calibration.json"
# Measures a file's disagreement on at most this many people, from its start.
MEASURED_PEOPLE = 1000
# A disagreement counts as far if it exceeds FAR times the noise.
FAR = 3.0
# Of a refiner's squared disagreement with labels, what is its own. Estimators' poses of
# LSP 901-1000 became better with 0.5 than with 1, all of them, and with two refiners.
REFINERS_SHARE = 0.5
# What is assumed of a method before its file is seen: as many people of a strong one,
# whose disagreements are this part of the truth's. Networks see alike; labels do not.
ASSUMED_PEOPLE = 5
ASSUMED_PART = 0.85
# Labels err too, so that true poses disagree more than the refiner is wrong: it always
# has this weight, and is right about at least this share of far joints.
LEAST_WEIGHT = 0.3
LEAST_WRONG = 0.2
# A crop around few joints shows less of a person than a refiner learned from. It gets
# no weight where a pose has at most this share of the joints, and all above the other.
# With 3 to 6 of COCO's 17 joints, mean similarity fell from 87 to 64; with 11, it rose.
FEW_JOINTS, MOST_JOINTS = 0.35, 0.65
# A score that speaks neither for nor against a far refined joint.
UNDECIDED = 0.35


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far a refiner can be trusted.

    Attributes:
        noise: median disagreement with true poses per joint, in cells; empty if not
            measured, which blames no disagreement on the refiner.
        far: share of far disagreements with true poses.
    """

    noise: tuple[float, ...] = ()
    far: float = 0.0


@dataclasses.dataclass(frozen=True)
class Trust:
    """How far a file's poses can be trusted.

    Attributes:
        disagreement: f64[K] in cells, D_j.
        weight: f64[K] in 0..1, w_j: of the refined joint.
        far: f64[K] in cells; larger disagreements need a choice.
        wrong: probability that the input is wrong where it is far from the refined
            joint.
    """

    disagreement: np.ndarray
    weight: np.ndarray
    far: np.ndarray
    wrong: float


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

    @property
    def crop_areas(self) -> np.ndarray:
        """f64[N] px^2 of the photo."""
        scale = np.abs(np.linalg.det(np.float64(self.to_image[:, :, :2])))
        return scale * np.prod(self.maps.shape[1:3]) * self.stride**2

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
    noise = np.array(calibration.noise or np.zeros(apart.shape[1]))
    people = apart.count(axis=0)
    middle = np.ma.median(apart, axis=0).filled(0.0)
    found = _with_assumed(people, np.square(middle), np.square(ASSUMED_PART * noise))
    own = REFINERS_SHARE * np.square(noise)
    weight = np.maximum(1 - own / np.maximum(found, 1e-12), LEAST_WEIGHT)
    far = _with_assumed(
        people.max(initial=0),
        float(np.ma.mean(apart > FAR * noise)) if people.any() else 0.0,
        ASSUMED_PART * calibration.far,
    )
    wrong = np.clip(1 - calibration.far / max(far, 1e-12), LEAST_WRONG, 1)
    return Trust(middle, weight, FAR * noise, float(wrong))


def _with_assumed(people, measured, assumed):
    """The mean of a number of a file and of the same of the assumed people."""
    return (people * measured + ASSUMED_PEOPLE * assumed) / (people + ASSUMED_PEOPLE)


def noise_of(beliefs: Beliefs) -> tuple[tuple[float, ...], float]:
    """``Calibration.noise`` and ``far``, from a refiner's beliefs about true poses."""
    apart = distances([beliefs])
    noise = np.ma.median(apart, axis=0).filled(0.0)
    far = float(np.ma.mean(apart > FAR * noise))
    return tuple(map(float, noise)), far


def combine(beliefs: Beliefs, trust: Trust) -> np.ndarray:
    """The answer: between the input and the refined joints.

    Args:
        beliefs: beliefs about N people.
        trust: trust in the whole file.

    Returns:
        f32[N, K, 2] in cells.
    """
    inputs, refined = beliefs.input_cells, beliefs.refined()
    apart = np.linalg.norm(refined - inputs, axis=-1)
    weight = np.broadcast_to(trust.weight, apart.shape)
    right = _logit(trust.wrong)
    if beliefs.scores is not None:
        right = right + _logit(beliefs.scores) - _logit(UNDECIDED)
    weight = np.where(apart > trust.far, right > 0, weight)
    present = (beliefs.valid > 0).mean(axis=1, keepdims=True)
    whole = (present - FEW_JOINTS) / (MOST_JOINTS - FEW_JOINTS)
    weight = weight * np.clip(whole, 0, 1)
    # A joint that the input lacks carries no weight.
    weight = np.where(beliefs.valid > 0, weight, 1.0)[..., None]
    return (1 - weight) * inputs + weight * refined


def _logit(probability):
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(clipped) - np.log1p(-clipped)


def measured(beliefs, calibration: Calibration, known: Trust | None = None):
    """Measures the trust in a file on its first people, and still yields them.

    Args:
        beliefs: iterator of ``Beliefs``; they need not all fit into memory.
        calibration: the refiner's.
        known: the trust in the file's method, if it was measured before.

    Returns:
        ``Trust`` (None for a file without people) and an iterator over all beliefs.
    """
    if known is not None:
        return known, beliefs
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


# --- files -----------------------------------------------------------------------


def write_trust(path, trust: Trust, model: str) -> None:
    """Writes the trust in a method's poses as JSON, for later files of the method.

    Args:
        path: file to write.
        trust: measured with many people.
        model: name of the refiner that measured it.
    """
    numbers = {key: np.asarray(value).tolist() for key, value in vars(trust).items()}
    write_json(path, {"model": model, **numbers})


def read_trust(path, model: str, joints: int) -> Trust:
    """Reads what ``write_trust`` wrote.

    Args:
        path: file to read.
        model: name of the refiner; the trust of another one means nothing.
        joints: K.

    Raises:
        TfposeError: not such a file, or one of another refiner.
    """
    data = read_json(path)
    found = data.get("model") if isinstance(data, dict) else None
    if found != model:
        raise TfposeError(
            f"{path}: expected the trust of {model}, found that of {found}"
        )
    try:
        parts = [np.float64(data[name]) for name in ("disagreement", "weight", "far")]
        trust = Trust(*parts, float(data["wrong"]))
    except (TypeError, ValueError, KeyError) as error:
        raise TfposeError(f"{path}: not a trust in poses ({error})") from error
    numbers = np.concatenate([*(np.ravel(part) for part in parts), [trust.wrong]])
    shaped = all(part.shape == (joints,) for part in parts)
    if not shaped or not np.isfinite(numbers).all() or numbers.min() < 0:
        raise TfposeError(
            f"{path}: expected {joints} numbers of at least 0 for each of "
            "disagreement, weight, and far"
        )
    return trust


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
        data = dict(read_json(path))
        data.pop("sharpness", None)  # of earlier versions
        noise = tuple(map(float, data["noise"]))
        calibration = Calibration(**{**data, "noise": noise})
    except (TypeError, ValueError, KeyError) as error:
        raise TfposeError(f"{path}: not a calibration ({error})") from error
    numbers = dataclasses.asdict(calibration)
    single = [value for value in numbers.values() if not isinstance(value, tuple)]
    if not all(map(is_number, [*single, *calibration.noise])):
        raise TfposeError(f"{path}: not a calibration (found {shown(numbers)})")
    return calibration
