"""A program that runs with KERAS_BACKEND=jax; prints what it found as JSON.

    python -m tests.support.under_jax DATA FOLDER

``tests/training/test_on_device.py`` runs it once and checks each part.
"""

import dataclasses
import functools
import json
import os
import pathlib
import signal
import sys
import time

import jax
import keras
import numpy as np
import tensorflow as tf

from tests.conftest import convolutions
from tests.support import contracts
from tests.support.cases import CASES
from tfpose.config import Augmentation, Config
from tfpose.data import pipeline
from tfpose.data.examples import examples, supervision_of
from tfpose.errors import TrainingError
from tfpose.layers.diffusion import Diffusion, diffuse
from tfpose.models import posefix, table
from tfpose.models.objectives import compile_model
from tfpose.models.trunks import Trunk
from tfpose.report.html import read_log
from tfpose.training import fit, on_device

# Small networks that are built and compiled in seconds.
MODELS = ["posefix"]
# 28 people in batches of 4: an epoch has 7 steps, a round 14.
CONFIG = Config(
    model="posefix",
    skeleton="lsp14",
    input_size=(64, 64),
    network={"trunk": "nano", "sigma": 3.0, "filters": (4, 4, 4), "pose_prior": True},
    train=("drawn/train", "drawn/train"),
    validation=("drawn/validation",),
    augmentation=Augmentation(scale=0.3, rotation=40.0, mirror=0.5, paste=0.3),
    synthesis={"errors": "posefix", "quality": 0.5, "given_joints": {"none": 0.1}},
    learning_rate=3e-3,
    warm_up=0.1,
    epochs=6,
    batch_size=4,
    average=0.5,
)
ROUND = 14


def contract() -> list[str]:
    """The small models that answer under JAX as the golden files say.

    They are one program, which compiles sooner than one for each.
    """
    cases = [c for c in CASES if c.name in MODELS or "keypoints" not in c.outputs]
    models = {case.name: contracts.build(case) for case in cases}
    inputs = {case.name: contracts.inputs_of(case) for case in cases}
    answer = jax.jit(lambda given: {n: m(given[n]) for n, m in models.items()})
    found = answer(inputs)
    for name in models:
        with np.load(contracts.GOLDEN / f"{name}.npz") as golden:
            contracts.assert_close(contracts.arrays(found[name]), dict(golden))
    return list(models)


def diffusion() -> bool:
    """Values and gradients of a case worked out by hand, and the shape of a layer."""
    maps = np.zeros((1, 1, 4, 1), np.float32)
    maps[0, 0, 1] = 1
    given = maps, np.zeros((2, 1), np.float32), np.full((2, 1), 0.25, np.float32)

    def answer(*tensors):
        return diffuse(*tensors, radius=2)

    found = np.ravel(jax.jit(answer)(*given))
    assert found.tolist() == [0.75, 1, 0.75, 0], found
    total = jax.grad(lambda *tensors: answer(*tensors).sum(), (0, 1, 2))
    by_map, *by_weight = total(*given)
    assert np.ravel(by_map).tolist() == [0, 3, 0, 1], by_map
    assert np.ravel(by_weight).tolist() == [0, 0, -2, 0], by_weight
    return Diffusion()(maps).shape == maps.shape


def batch_of(data: str, model, config: Config):
    """A batch of the tf.data path, as NumPy."""
    records, _ = pipeline.read_records(data, ("drawn/train[:6]",), config.skeleton)
    plain = pipeline.CropSpec.plain(config)
    people = next(iter(pipeline.crops(records, plain, 6, 0)))
    given = examples(people, supervision_of(model, config), tf.constant([0, 0]))
    return tf.nest.map_structure(lambda tensor: tensor.numpy(), given)


def losses(data: str) -> list[float]:
    """The loss of one batch of the tf.data path, and its parts, as a device has it."""
    model = contracts.fill_weights(table.build_model(CONFIG))
    compile_model(model, CONFIG, None)
    state = on_device.state_of(model)
    loss_of = jax.jit(on_device.make_loss(model, CONFIG))
    given = batch_of(data, model, CONFIG)
    _, (parts, _) = loss_of(state["trainable"], state["others"], *given)
    return parts.tolist()


def runs(data: str, folder: pathlib.Path) -> dict:
    """Runs on the device: a whole one, one that is interrupted, one by the clock.

    Those that begin anew take their steps by the program of the first: it is traced
    for longer than a run takes.
    """
    fit.STEPS_A_ROUND = ROUND
    found, programs, make_step = {}, [], on_device.make_step

    def step_of_the_first(*arguments):
        if not programs:
            programs.append(make_step(*arguments))
        return programs[0]

    on_device.make_step = step_of_the_first
    train = functools.partial(on_device.train, CONFIG, data, dtype="mixed_bfloat16")
    train(str(folder / "whole"))
    found["log"] = read_log(folder / "whole" / "log.csv")
    train(str(folder / "timed"), minutes=0.02)
    found["timed_log"] = read_log(folder / "timed" / "log.csv")

    rows_of_step = on_device.rows_of_step

    def rows_and_sigterm(people, config, step):
        if step == ROUND + 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return rows_of_step(people, config, step)

    on_device.rows_of_step = rows_and_sigterm
    try:
        train(str(folder / "resumed"))
    except TrainingError as error:
        found["stopped"] = str(error)
    on_device.rows_of_step, on_device.make_step = rows_of_step, make_step
    train(str(folder / "resumed"), resume=True)
    found["resumed_log"] = read_log(folder / "resumed" / "log.csv")
    return found


def step_of_fit(data: str, folder: pathlib.Path) -> list:
    """The log of a few steps of the tf.data path under JAX, by what compiles fast."""
    config = dataclasses.replace(
        CONFIG, augmentation=Augmentation(), optimizer="sgd", average=0.0
    )
    fit.train(config, data, str(folder / "fit"), quicktest=True)
    return read_log(folder / "fit" / "log.csv")["loss"]


def refusals(data: str, folder: pathlib.Path) -> dict:
    """The messages of runs that cannot be."""
    messages = {}
    for name, config, options in (
        ("minutes", CONFIG, {"minutes": 0}),
        ("batch", dataclasses.replace(CONFIG, batch_size=99), {}),
        ("resume", dataclasses.replace(CONFIG, epochs=9), {"resume": True}),
    ):
        try:
            place = folder / ("whole" if name == "resume" else name)
            on_device.train(config, data, str(place), **options)
        except TrainingError as error:
            messages[name] = str(error)
    try:
        fit.train(CONFIG, data, str(folder / "whole"), resume=True)
    except TrainingError as error:
        messages["off the device"] = str(error)
    return messages


def main(data: str, folder: pathlib.Path) -> None:
    assert keras.backend.backend() == "jax"
    posefix.TRUNKS["nano"] = Trunk(convolutions)
    clock = time.process_time()
    found, seconds = {}, {}
    for name, part in (
        ("contract", contract),
        ("diffusion", diffusion),
        ("losses", lambda: losses(data)),
        ("runs", lambda: runs(data, folder)),
        ("fit", lambda: step_of_fit(data, folder)),
        ("refusals", lambda: refusals(data, folder)),
    ):
        found[name] = part()
        seconds[name] = time.process_time() - clock
        clock = time.process_time()
    print(json.dumps({**found, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
