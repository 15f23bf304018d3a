"""Training: what a run writes, that it can be resumed, and how it ends badly."""

import dataclasses
import json

import h5py
import keras
import numpy as np
import pytest

from tests import drawn_people
from tfpose import callbacks, training
from tfpose.config import Config
from tfpose.data import pipeline
from tfpose.data.augment import Augmentation
from tfpose.data.pipeline import DataError
from tfpose.report import read_log
from tfpose.skeleton import LSP14
from tfpose.training import TrainingError

# 13 people in batches of 4: an epoch has 3 steps, a round is an epoch.
CONFIG = Config(
    model="posefix",
    skeleton="lsp14",
    input_size=(64, 64),
    network={"trunk": "nano", "sigma": 3.0, "filters": (4, 4, 4), "pose_prior": True},
    train=("drawn/train",),
    validation=("drawn/validation",),
    augmentation=Augmentation(scale=0.3, rotation=40.0, mirror=0.5),
    learning_rate=1e-3,
    epochs=2,
    batch_size=4,
    average=0.5,
)


pytestmark = pytest.mark.usefixtures("nano_trunk")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"), people=(14, 4))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """The folder of a run of two rounds."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    training.train(CONFIG, data, str(folder))
    return folder


def weights_of(folder) -> list[np.ndarray]:
    return training.load_model(folder)[0].get_weights()


def one_line(error) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# --- a run -----------------------------------------------------------------------


def test_a_run_leaves_config_log_checkpoint_and_weights(finished):
    names = {path.name for path in finished.iterdir()}
    assert {
        "config.json", "log.csv", "checkpoint.keras", "model.weights.h5", "tensorboard"
    } == names  # fmt: skip
    log = read_log(finished / "log.csv")
    assert log["epoch"] == [0, 1] and np.isfinite(log["loss"]).all()
    # The validation poses are corrupted in the same way every time.
    assert log["val_pck_before"][0] == log["val_pck_before"][1] > 0


def test_a_trained_model_comes_back_with_its_config(finished):
    model, config = training.load_model(finished)
    assert config == CONFIG
    checkpoint = keras.saving.load_model(finished / "checkpoint.keras")
    assert int(checkpoint.optimizer.iterations) == 6
    assert model.get_config() == checkpoint.get_config()


def test_the_weights_file_holds_nothing_else(finished):
    numbers = sum(weights.size for weights in weights_of(finished))
    with h5py.File(finished / "model.weights.h5") as file:
        stored = []
        file.visititems(lambda _, item: stored.append(getattr(item, "size", 0) or 0))
    assert sum(stored) == numbers


def test_what_is_saved_are_the_averaged_weights(finished):
    checkpoint = keras.saving.load_model(finished / "checkpoint.keras")
    last = checkpoint.get_weights()
    with callbacks.averaged_weights(checkpoint):
        averaged = checkpoint.get_weights()
    for found, expected in zip(weights_of(finished), averaged, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert any((a != b).any() for a, b in zip(averaged, last, strict=True))


def test_an_interrupted_run_resumes_as_if_nothing_had_happened(
    finished, data, tmp_path, monkeypatch
):
    class Killed(Exception):
        pass

    class CheckpointAndDie(callbacks.Checkpoint):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(training, "Checkpoint", CheckpointAndDie)
        training.train(CONFIG, data, str(tmp_path))
    assert not (tmp_path / "model.weights.h5").exists()
    training.train(CONFIG, data, str(tmp_path), resume=True)
    for found, expected in zip(weights_of(tmp_path), weights_of(finished), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)
    second = {name: rows[-1] for name, rows in read_log(finished / "log.csv").items()}
    resumed = {name: rows[-1] for name, rows in read_log(tmp_path / "log.csv").items()}
    assert read_log(tmp_path / "log.csv")["epoch"] == [0, 1]
    assert resumed["loss"] == pytest.approx(second["loss"], rel=1e-3)


def test_a_quick_test_takes_seconds_and_starts_from_given_weights(
    finished, data, tmp_path
):
    config = dataclasses.replace(CONFIG, learning_rate=1e-12, average=0.0)
    training.train(
        config, data, str(tmp_path / "quick"), quicktest=True, weights=str(finished)
    )
    assert read_log(tmp_path / "quick" / "log.csv")["epoch"] == [0]
    start, end = weights_of(finished), weights_of(tmp_path / "quick")
    # Only the statistics of batch normalisation move without a learning rate.
    model, _ = training.load_model(finished)
    trained = [v.path for v in model.trainable_variables]
    for variable, before, after in zip(model.variables, start, end, strict=True):
        if variable.path in trained:
            np.testing.assert_allclose(after, before, atol=1e-6)


# --- schedules and rounds --------------------------------------------------------


@pytest.mark.parametrize(
    "people, epochs, batch_size, expected",
    [
        (13, 2, 4, training.Rounds(2, 3, 3)),
        (100_000, 10, 100, training.Rounds(20, 500, 1000)),
        (70_000, 1, 100, training.Rounds(2, 350, 700)),
        (4, 3, 4, training.Rounds(3, 1, 1)),
    ],
)
def test_rounds_cover_the_epochs_in_at_most_500_steps(
    people, epochs, batch_size, expected
):
    config = dataclasses.replace(CONFIG, epochs=epochs, batch_size=batch_size)
    assert training._rounds(config, people, quicktest=False) == expected


def test_the_log_keeps_a_line_a_round(tmp_path):
    log = callbacks.Log(tmp_path)
    for epoch, loss in [(0, 3.0), (1, 2.0), (2, 1.0), (1, 1.5)]:
        log.on_epoch_end(epoch, {"loss": loss, "pck_after": 50.0})
    assert read_log(tmp_path / "log.csv") == {
        "epoch": [0, 1], "loss": [3, 1.5], "pck_after": [50, 50]
    }  # fmt: skip


@pytest.mark.parametrize(
    "schedule, rates",
    [
        ("cosine", {0: 1e-3, 50: 5e-4, 100: 0.0}),
        ("steps", {0: 1e-3, 60: 1e-3, 61: 1e-4, 81: 1e-5}),
    ],
)
def test_learning_rates_follow_the_schedule(schedule, rates):
    config = dataclasses.replace(
        CONFIG, schedule=schedule, learning_rate_drops=(6, 8), epochs=10
    )
    model = training.build_model(config)
    training._compile(model, config, training.Rounds(10, 10, 10))
    found = model.optimizer._learning_rate
    for step, rate in rates.items():
        assert float(found(step)) == pytest.approx(rate, abs=1e-9)


def test_averaged_weights_are_put_back():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), "mse")
    model.fit(np.ones((4, 1)), np.zeros((4, 1)), batch_size=1, verbose=0)
    model.set_weights([np.full((1, 1), 7.0), np.full(1, 9.0)])
    with callbacks.averaged_weights(model):
        assert model.get_weights()[0] != 7
    assert [float(w.squeeze()) for w in model.get_weights()] == [7, 9]


# --- bad ends --------------------------------------------------------------------


def test_a_loss_that_is_not_finite_stops_and_names_step_and_people(data, tmp_path):
    config = dataclasses.replace(CONFIG, learning_rate=1e30, average=0.0)
    with pytest.raises(TrainingError, match="the loss is (nan|inf) at step") as error:
        training.train(config, data, str(tmp_path))
    message = one_line(error)
    step = int(message.split("step ")[1].split(";")[0])
    records, count = pipeline.read_records(data, CONFIG.train, LSP14)
    person = pipeline.Person(LSP14, CONFIG.input_size, CONFIG.augmentation)
    people = pipeline.shuffled_people(records, count, person, 4, CONFIG.seed)
    ids = list(people.take(step + 1))[step]["person_id"].numpy().tolist()
    assert message.endswith(f"person ids: {ids}")
    assert not (tmp_path / "model.weights.h5").exists()


def test_a_record_damaged_during_training_is_named(data, tmp_path):
    folder = drawn_people.prepare(tmp_path / "damaged", people=(14, 4))
    drawn_people.damage_a_record(drawn_people.shard(folder))
    with pytest.raises(DataError, match="drawn-train.*record [0-9]+: corrupted") as e:
        training.train(CONFIG, folder, str(tmp_path / "run"))
    one_line(e)


def test_a_run_does_not_overwrite_another(finished, data):
    before = (finished / "model.weights.h5").stat().st_mtime_ns
    with pytest.raises(TrainingError, match="a run is there already; --resume") as e:
        training.train(CONFIG, data, str(finished))
    assert str(finished) in one_line(e)
    assert (finished / "model.weights.h5").stat().st_mtime_ns == before


def test_resuming_needs_a_checkpoint(data, tmp_path):
    with pytest.raises(TrainingError, match="expected a checkpoint to resume") as e:
        training.train(CONFIG, data, str(tmp_path), resume=True)
    assert str(tmp_path / "checkpoint.keras") in one_line(e)


def test_the_checkpoint_of_another_run_is_not_resumed(finished, data):
    other = dataclasses.replace(CONFIG, epochs=5, input_size=(64, 32))
    with pytest.raises(TrainingError, match="differs in input_size, epochs") as e:
        training.train(other, data, str(finished), resume=True)
    assert str(finished / "config.json") in one_line(e)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip file"])
def test_an_unreadable_checkpoint_is_named(content, data, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG.to_json()))
    (tmp_path / "checkpoint.keras").write_bytes(content)
    with pytest.raises(TrainingError, match="not a readable checkpoint") as e:
        training.train(CONFIG, data, str(tmp_path), resume=True)
    assert str(tmp_path / "checkpoint.keras") in one_line(e)


def test_missing_weights_are_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG.to_json()))
    with pytest.raises(TrainingError, match="expected trained weights, found no") as e:
        training.load_model(tmp_path)
    assert str(tmp_path / "model.weights.h5") in one_line(e)


def test_the_weights_of_another_network_are_refused(finished, tmp_path):
    other = {**CONFIG.network, "filters": (8, 8, 8)}
    config = dataclasses.replace(CONFIG, network=other)
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    content = (finished / "model.weights.h5").read_bytes()
    path = tmp_path / "model.weights.h5"
    for harm in (content, content[: len(content) // 2], b""):
        path.write_bytes(harm)
        with pytest.raises(TrainingError, match="expected the weights of this") as e:
            training.load_model(tmp_path)
        assert str(path) in one_line(e)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"batch_size": 50}, "14 people to train on: expected at least .*50"),
        ({"model": "posefux"}, "model 'posefux': expected one of .*posefix"),
        ({"input_size": (60, 64)}, "multiples of 32"),
        ({"network": {"depth": 3}}, "depth"),
    ],
)
def test_a_run_that_cannot_start_leaves_nothing(changes, message, data, tmp_path):
    config = dataclasses.replace(CONFIG, **changes)
    with pytest.raises(TrainingError, match=message) as e:
        training.train(config, data, str(tmp_path / "run"))
    one_line(e)
    assert not (tmp_path / "run").exists()
