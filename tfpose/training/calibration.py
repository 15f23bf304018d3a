"""Calibration: measures on validation people what a model's numbers mean.

For a refiner, true poses give its noise. For any model, the joints it finds tell how
probably a joint of a given score is right.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np

from tfpose.errors import TrainingError
from tfpose.inference import reliability
from tfpose.inference.estimator import Estimator
from tfpose.inference.refiner import Refiner
from tfpose.metrics.oks import keypoint_similarity
from tfpose.models import folders, table
from tfpose.training.validation import believe, read_people, simulate

# Share of joints that the simulated method takes from error synthesis; others are good.
ERROR_SHARE = 0.4


def calibrate(model_dir: str, data: str, splits=None) -> reliability.Calibration:
    """Calibrates a trained refiner and writes ``calibration.json`` into its folder.

    Args:
        model_dir: folder that training wrote.
        data: folder of prepared data sets.
        splits: splits to measure on; default: the configuration's validation splits.

    Returns:
        The calibration.
    """
    model, config = table.load_model(model_dir)
    skeleton = config.skeleton
    refiner = Refiner.of(model, config)
    people = read_people(data, splits or config.validation, skeleton)

    beliefs = believe(refiner, people, people.keypoints, people.valid)
    calibration = reliability.Calibration(*reliability.noise_of(beliefs))
    reliability.write_calibration(pathlib.Path(model_dir), calibration)
    return calibration


# A joint is right if its keypoint similarity is at least this.
RIGHT = 0.5
NEWTON_STEPS = 30
# Keeps the fit finite where scores separate right and wrong joints.
PRIOR = 1e-3


def calibrate_scores(
    model_dir: str, data: str, splits=None, methods=()
) -> tuple[float, float]:
    """Measures what a model's scores mean and writes ``scores.json`` into its folder.

    Args:
        model_dir: folder of a refiner or of an estimator of single people.
        data: folder of prepared data sets.
        splits: splits to measure on; default: the configuration's validation splits.
        methods: presets or folders of estimators whose poses a refiner is given.
            Default: simulated poses. Simulated errors are easier to see than real ones,
            so that scores come out too high: with LSP's poses of estimators they said
            0.96 where 0.88 of the joints were right.

    Returns:
        The offset and slope of ``layers.heatmaps.Probability``.
    """
    model, config = table.load_model(model_dir)
    model.score_fit = None
    skeleton = config.skeleton
    people = read_people(data, splits or config.validation, skeleton)
    if model.is_refiner:
        refiner = Refiner.of(model, config)
        given = [_estimated(people, Estimator.from_preset(name))[0] for name in methods]
        if not methods:
            given = [simulate(people, skeleton, ERROR_SHARE, seed=(config.seed, 0))]
        every = np.ones_like(people.valid)
        answers = [believe(refiner, people, poses, every) for poses in given]
        found = [(some.in_photo(some.refined()), some.scores) for some in answers]
    else:
        found = [_estimated(people, Estimator.of(model, config))]
    judged = [(*_right(poses, people, skeleton), scores) for poses, scores in found]
    right, counts, scores = (np.concatenate(part) for part in zip(*judged, strict=True))
    fit = fit_scores(scores, right, counts)
    folders.write_score_fit(pathlib.Path(model_dir), fit)
    return fit


def _estimated(people, estimator: Estimator) -> tuple[np.ndarray, np.ndarray]:
    """f32[N, K, 2] window px and f32[N, K]: the poses in the people's boxes."""
    boxes = zip(people.windows, people.boxes[:, None], strict=True)
    found = zip(*estimator.estimate(boxes), strict=True)
    keypoints, scores = (np.concatenate(part) for part in found)
    return keypoints, scores


def _right(keypoints, people, skeleton) -> tuple[np.ndarray, np.ndarray]:
    """bool[N, K], whether found joints are right, and bool[N, K], whether to count."""
    squared = np.square(keypoints - people.keypoints).sum(axis=-1)
    similarity = keypoint_similarity(squared, people.areas, skeleton.sigma_array)
    return similarity >= RIGHT, people.valid > 0


def fit_scores(scores, right, counts) -> tuple[float, float]:
    """Fits the probability that a joint is right to its score's logit, by Newton.

    Args:
        scores: f[...] in 0..1.
        right: bool[...].
        counts: bool[...], the joints to fit.

    Returns:
        The offset and slope of ``layers.heatmaps.Probability``.
    """
    score = np.clip(np.asarray(scores, np.float64)[counts], 1e-6, 1 - 1e-6)
    target = np.asarray(right, np.float64)[counts]
    inputs = np.stack([np.ones_like(score), np.log(score) - np.log1p(-score)])
    fit = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        found = 1 / (1 + np.exp(-fit @ inputs))
        gradient = inputs @ (target - found) - PRIOR * fit
        curvature = (inputs * found * (1 - found)) @ inputs.T + PRIOR * np.eye(2)
        fit = fit + np.linalg.solve(curvature, gradient)
    return float(fit[0]), float(fit[1])


def calibration_error(probabilities, right, bins: int = 10) -> float:
    """Expected calibration error (Naeini et al., AAAI 2015): 0 is honest.

    The mean, over the joints, of how far the mean probability in a joint's bin is from
    the share of right joints in that bin.

    Args:
        probabilities: f[N] in 0..1.
        right: bool[N].
        bins: of equal width.
    """
    probabilities, right = np.asarray(probabilities), np.asarray(right)
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
    apart = [
        abs((probabilities[bin_of == one] - right[bin_of == one]).sum())
        for one in range(bins)
    ]
    return float(sum(apart) / max(len(right), 1))


def calibrate_anywhere(model_dir: str, data: str) -> None:
    """As ``calibrate``, which needs Keras's TensorFlow backend, under any backend.

    Raises:
        TrainingError: the process with that backend failed.
    """
    if keras.backend.backend() == "tensorflow":
        calibrate(model_dir, data)
        return
    program = f"from {__name__} import calibrate; calibrate({model_dir!r}, {data!r})"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    environment["CUDA_VISIBLE_DEVICES"] = ""  # they are in use
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise TrainingError(f"{model_dir}: trained, but not calibrated: {reason}")
