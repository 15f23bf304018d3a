"""Training on a device: what a run leaves, that it resumes, and Keras under JAX.

One process with Keras's backend JAX (``tests/support/under_jax.py``) does everything;
the tests look at what it found.
"""

import importlib
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.support import drawn_people, under_jax
from tests.support.contracts import fill_weights
from tfpose.cli import train as command
from tfpose.config import Config
from tfpose.errors import TrainingError
from tfpose.models import objectives, table
from tfpose.recipes import posefix as recipes
from tfpose.training import calibration, on_device

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nano_trunk")]
CONFIG = under_jax.CONFIG


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"), people=(14, 4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def found(data, folder, project):
    """What the process printed."""
    # Most of its runs are the same program: compiled once, and a third sooner without
    # the newer emitters of fused operators.
    compiler = {
        "XLA_FLAGS": os.environ["XLA_FLAGS"] + " --xla_cpu_use_fusion_emitters=false",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.under_jax", data, str(folder)],
        env={**os.environ, **compiler, "KERAS_BACKEND": "jax"}, cwd=project,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


# --- Keras under JAX -----------------------------------------------------------------


def test_small_models_and_all_layers_answer_as_the_golden_files_say(found):
    assert set(under_jax.MODELS) < set(found["contract"])
    assert len(found["contract"]) > 10


def test_diffusion_computes_and_learns_under_jax(found):
    assert found["diffusion"]


def test_the_tf_data_path_trains_under_jax(found):
    (loss,) = found["fit"]
    assert np.isfinite(loss)


# --- the loss ------------------------------------------------------------------------


def test_the_loss_is_that_of_the_tf_data_path(found, data):
    """Keras's own loss, with TensorFlow, of the same batch and weights."""
    model = fill_weights(table.build_model(CONFIG))
    objectives.compile_model(model, CONFIG, None)
    inputs, targets, weights = under_jax.batch_of(data, model, CONFIG)
    outputs = model(inputs, training=True)
    expected = model.compute_loss(y=targets, y_pred=outputs, sample_weight=weights)
    total, heatmap, keypoints = found["losses"]
    assert total == pytest.approx(float(expected), rel=1e-4)
    assert total == pytest.approx(heatmap + keypoints, rel=1e-5)


@pytest.mark.parametrize("recipe", [recipes.tiny, recipes.lite, recipes.paper])
def test_the_rate_is_that_of_the_tf_data_path(recipe):
    config = recipe()
    schedule = objectives.Schedule(config.epochs, 50, 50)
    rates = objectives.learning_rate_of(config, schedule)
    steps = 50 * config.epochs
    # Keras and the loop may differ by a step where a rate changes.
    for step in (1, 7, 100, steps // 3, steps // 2 + 1, steps - 3):
        expected = float(rates(step))
        found = objectives.learning_rate_at(config, step / steps)
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-8)


# --- runs ----------------------------------------------------------------------------


def test_a_run_leaves_what_every_run_leaves(found, folder):
    whole = folder / "whole"
    assert {path.name for path in whole.iterdir()} == {
        "config.json", "log.csv", "checkpoint.keras", "model.weights.h5"
    }  # fmt: skip
    model, config = table.load_model(whole)
    assert config == CONFIG
    log = found["runs"]["log"]
    assert log["epoch"] == [0, 1, 2] and np.isfinite(log["loss"]).all()
    assert log["val_pck_before"][0] == log["val_pck_before"][2] > 0
    assert min(log["people_per_second"]) > 0
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_a_run_on_the_device_learns(found):
    losses = found["runs"]["log"]["loss"]
    assert losses[-1] < 0.97 * losses[0]


def test_what_is_saved_are_the_averaged_weights(found, folder):
    checkpoint = keras.saving.load_model(folder / "whole" / "checkpoint.keras")
    last = checkpoint.get_weights()
    checkpoint.optimizer.finalize_variable_values(checkpoint.trainable_variables)
    model, _ = table.load_model(folder / "whole")
    for weights, expected in zip(
        model.get_weights(), checkpoint.get_weights(), strict=True
    ):
        np.testing.assert_allclose(weights, expected, atol=1e-6)
    changed = zip(model.get_weights(), last, strict=True)
    assert any((one != other).any() for one, other in changed)


def test_a_run_that_sigterm_ended_resumes_as_if_nothing_had_happened(found, folder):
    step = under_jax.ROUND + 4
    assert f"stopped by SIGTERM after step {step}" in found["runs"]["stopped"]
    assert found["runs"]["resumed_log"]["epoch"] == [0, 1, 2]
    # The line of the second round is of the steps after the signal.
    assert found["runs"]["resumed_log"]["loss"][::2] == pytest.approx(
        found["runs"]["log"]["loss"][::2], rel=1e-4
    )
    one, other = (table.load_model(folder / name)[0] for name in ("whole", "resumed"))
    for weights, expected in zip(other.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, atol=1e-4)


def test_a_run_by_the_clock_ends_in_time_and_in_bfloat16(found):
    seconds = found["runs"]["timed_log"]["seconds"]
    assert seconds[-1] >= 1.2 and (len(seconds) == 1 or seconds[-2] < 1.2)
    assert np.isfinite(found["runs"]["timed_log"]["loss"]).all()


def test_an_epoch_shows_everybody_and_every_epoch_in_another_order():
    people = on_device.People({}, np.arange(9), np.array([*range(9), 0, 1, 2]))
    config = Config.from_json({**CONFIG.to_json(), "batch_size": 5})
    epochs = [
        np.concatenate([on_device.rows_of_step(people, config, step) for step in pair])
        for pair in ((0, 1), (2, 3))
    ]
    for epoch in epochs:
        assert len(epoch) == 10 and np.bincount(epoch, minlength=9).max() <= 2
    assert (epochs[0] != epochs[1]).any()


# --- refusals ------------------------------------------------------------------------


def test_runs_that_cannot_be_end_with_one_line(found):
    messages = found["refusals"]
    assert "minutes: expected a positive number, found 0" in messages["minutes"]
    assert (
        "28 people to train on: expected at least one batch of 99" in messages["batch"]
    )
    assert "the checkpoint is from another run" in messages["resume"]
    assert "from a run with --on-device" in messages["off the device"]
    assert all("\n" not in message for message in messages.values())


def test_a_loss_that_is_not_finite_is_named_with_its_people():
    people = on_device.People({}, np.arange(100, 108), np.arange(8))
    on_device.check_losses(np.ones(3), 5, people, CONFIG)
    rows = on_device.rows_of_step(people, CONFIG, 6)
    with pytest.raises(TrainingError) as error:
        on_device.check_losses(np.array([1, np.nan, np.inf]), 5, people, CONFIG)
    expected = "the loss is nan at step 6; the batch's person ids: "
    assert str(error.value) == expected + str((100 + rows).tolist())


def test_another_backend_is_refused(data, tmp_path):
    message = "expected KERAS_BACKEND=jax before Keras is imported, found tensorflow"
    with pytest.raises(TrainingError, match=message):
        on_device.train(CONFIG, data, str(tmp_path))


def test_minutes_are_for_the_device():
    with pytest.raises(TrainingError, match="--minutes: expected with --on-device"):
        command.run("posefix", "tiny", "data", None, minutes=3.0)


def test_the_flag_chooses_the_backend(monkeypatch, tmp_path):
    (tmp_path / "synthetic").mkdir()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")

    def start():
        raise TrainingError(os.environ["KERAS_BACKEND"])

    monkeypatch.setattr(command, "start_tensorflow", start)
    monkeypatch.setattr(command.checks, "prepared", lambda *_: None)
    with pytest.raises(TrainingError, match="jax"):
        command.run("posefix", "tiny", str(tmp_path), None, on_device=True)
    assert importlib.util.find_spec("jax")


# --- calibration ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, errors", [(0, ""), (1, "Traceback\nDataError: no such")]
)
def test_calibration_needs_a_process_with_tensorflow(monkeypatch, code, errors):
    started = []

    def run(command, env, **_):
        started.append((command, env))
        return subprocess.CompletedProcess(command, code, "", errors)

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(calibration.subprocess, "run", run)
    if code:
        with pytest.raises(TrainingError, match="not calibrated: DataError: no such"):
            calibration.calibrate_anywhere("model", "data")
    else:
        calibration.calibrate_anywhere("model", "data")
    ((command, env),) = started
    assert env["KERAS_BACKEND"] == "tensorflow"
    program = "from tfpose.training.calibration import calibrate; calibrate('model', "
    assert command == [sys.executable, "-c", program + "'data')"]
