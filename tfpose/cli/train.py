"""``tfpose train``: trains a model on prepared data (also ``train.py``)."""

from __future__ import annotations

import os
import pathlib

from tfpose import config
from tfpose.cli import checks
from tfpose.cli.common import (
    DATA,
    option,
    recipe_option,
    set_option,
    start_tensorflow,
    subcommand,
    switch,
)
from tfpose.config import IMAGENET, Config
from tfpose.errors import TrainingError
from tfpose.recipes import find_recipe
from tfpose.weights.presets import CHECKPOINT, CONFIG


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "train",
        "trains a model on prepared data",
        "Writes the weights, the resolved configuration, a CSV log and TensorBoard "
        "files.",
        "tfpose train --model posefix --data runs/data --set epochs=5",
    )
    option(command, "--model", "NAME", "see tfpose models", default="posefix")
    recipe_option(command, "tiny")
    option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    text = "folder to write (default: runs/MODEL_RECIPE)"
    option(command, "--model-dir", "DIR", text)
    switch(command, "--resume", "continue the run in --model-dir")
    switch(command, "--quicktest", "a few steps, to check that everything works")
    text = "preset or model folder to start from; imagenet (Keras downloads the "
    text += "weights); or a .pth or .safetensors file of torchvision or timm"
    option(command, "--weights", "NAME|DIR|FILE", text)
    text = "hold all people in the accelerator's memory and train there, with JAX"
    switch(command, "--on-device", text)
    text = "with --on-device: length of the run, instead of the recipe's epochs"
    option(command, "--minutes", "N", text, type=float)
    set_option(command, "changes the recipe, e.g. epochs=5")


def run(
    model, recipe, data, model_dir, resume=False, quicktest=False, weights=None,
    on_device=False, minutes=None, settings=(),
) -> None:  # fmt: skip
    """Trains a model into ``model_dir`` and calibrates it if it is a refiner."""
    if minutes is not None and not on_device:
        raise TrainingError("--minutes: expected with --on-device only")
    model_dir = model_dir or f"runs/{model}_{recipe}"
    chosen = _configuration(model, recipe, model_dir, resume, settings)
    checks.given(minutes=minutes)
    checks.prepared(data, (*chosen.train, *chosen.validation))
    if weights and weights != IMAGENET:
        checks.start_weights(weights)
    if on_device:
        os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported
    start_tensorflow()
    from tfpose.training import calibration, cluster, fit

    arguments = chosen, data, model_dir, resume, quicktest, weights
    if on_device:
        from tfpose.training import on_device as device

        trained = device.train(*arguments, minutes=minutes)
    else:
        trained = fit.train(*arguments)
    if cluster.place().is_chief:
        if trained.is_refiner and not quicktest:
            calibration.calibrate_anywhere(model_dir, data)
        print(f"wrote {model_dir}")
    cluster.wait_for_all()


def _configuration(model, recipe, model_dir, resume: bool, settings) -> Config:
    """The configuration of the run to begin or to continue."""
    if not resume:
        chosen = config.override(find_recipe(model, recipe), list(settings))
        if "TF_CONFIG" not in os.environ:  # of several workers, one checks and writes
            checks.new_run(model_dir)
        return chosen
    path = pathlib.Path(model_dir, CHECKPOINT)
    if not path.is_file():
        raise TrainingError(f"{path}: expected a checkpoint to resume, found none")
    return config.override(config.load(path.with_name(CONFIG)), list(settings))
