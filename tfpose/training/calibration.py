"""Calibration: measures on validation people how far a refiner can be trusted.

The poses of a simulated method give the sharpness of its beliefs; the true poses give
its noise.
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
from tfpose.inference.refiner import Refiner
from tfpose.models import table
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

    poses = simulate(people, skeleton, ERROR_SHARE, seed=(config.seed, 0))
    beliefs = believe(refiner, people, poses, np.ones_like(people.valid))
    truth = beliefs.in_cells(people.keypoints)
    sharpness = reliability.sharpness(beliefs, truth, people.valid)

    beliefs = believe(refiner, people, people.keypoints, people.valid)
    calibration = reliability.Calibration(sharpness, *reliability.noise_of(beliefs))
    reliability.write_calibration(pathlib.Path(model_dir), calibration)
    return calibration


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
