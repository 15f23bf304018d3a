"""Training: what a run writes, that it can be resumed, and how it ends badly."""

import dataclasses
import json
import os
import signal

import h5py
import keras
import numpy as np
import pytest

from tests.support import drawn_people
from tests.support.contracts import fill_weights
from tfpose import losses
from tfpose.codecs import (
    AllPeople,
    BinaryDisc,
    GaussianHeatmap,
    IntegralHeatmap,
    JointsOfPeople,
    WithBackground,
)
from tfpose.config import Augmentation, Config
from tfpose.data import examples, pipeline
from tfpose.errors import DataError, FileError, ModelFolderError, TrainingError
from tfpose.models import objectives, table
from tfpose.report.html import read_log
from tfpose.skeletons import COCO17, LSP14
from tfpose.training import callbacks, fit

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
ESTIMATOR = dataclasses.replace(
    CONFIG,
    model="hcrn",
    network={"front_end": "nano", "diffusion_radius": 2},
    target={"codec": "disc", "radius": 8.0, "sigma": 1.5},
    coordinate_loss=0.0,
)

BOTTOM_UP = dataclasses.replace(
    ESTIMATOR,
    model="associative_embedding",
    network={"stacks": 2, "filters": 4, "growth": 2, "depth": 1, "maps": 28},
    target={"codec": "gaussian", "sigma": 8.0},
    heatmap_error="squared",
    stage_loss=0.5,
    objective={"tag_loss": 0.01},
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("nano_trunk", "nano_front_end"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"), people=(14, 4))


@pytest.fixture(scope="module")
def shown_losses():
    """What Keras shows after each step of ``finished``, a round's mean so far."""
    return []


@pytest.fixture(scope="module")
def finished(data, shown_losses, tmp_path_factory):
    """The folder of a run of two rounds, in a graph; those of the tests need none."""
    folder = tmp_path_factory.mktemp("runs") / "finished"

    class Watched(callbacks.StopOnNaN):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            shown_losses.append(logs["loss"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "StopOnNaN", Watched)
        fit.train(CONFIG, data, str(folder))
    return folder


@pytest.fixture(scope="module")
def refiner():
    """An untrained refiner, filled with noise."""
    return fill_weights(table.build_model(CONFIG))


@pytest.fixture(scope="module")
def estimator():
    """An untrained estimator."""
    return table.build_model(ESTIMATOR)


def weights_of(folder) -> list[np.ndarray]:
    return table.load_model(folder)[0].get_weights()


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
    model, config = table.load_model(finished)
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


def check_same_weights(folder, expected):
    pairs = zip(weights_of(folder), weights_of(expected), strict=True)
    for found, wanted in pairs:
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_run_that_is_killed_and_then_terminated_resumes_as_if_nothing_had_happened(
    finished, shown_losses, data, tmp_path, monkeypatch, eagerly
):
    class Killed(Exception):
        pass

    class CheckpointAndDie(callbacks.Checkpoint):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            raise Killed

    class Terminated(callbacks.StopOnNaN):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            if self.first_step + self.done == 4:  # the first step of the second round
                assert logs["loss"] == pytest.approx(shown_losses[3], rel=1e-3)
                with pytest.raises(FileError, match="is writing there"):
                    fit.train(CONFIG, data, str(tmp_path), resume=True)
                os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fit, "Checkpoint", CheckpointAndDie)
        fit.train(CONFIG, data, str(tmp_path))
    assert not (tmp_path / "model.weights.h5").exists()
    with monkeypatch.context() as patch:
        patch.setattr(fit, "StopOnNaN", Terminated)
        with pytest.raises(TrainingError, match="SIGTERM after step 4; --resume") as e:
            fit.train(CONFIG, data, str(tmp_path), resume=True)
    assert str(tmp_path) in one_line(e)
    fit.train(CONFIG, data, str(tmp_path), resume=True)
    check_same_weights(tmp_path, finished)
    log = read_log(tmp_path / "log.csv")
    assert log["epoch"] == [0, 1]
    # Of the second round's three steps the last run made two.
    rest = (3 * shown_losses[5] - shown_losses[3]) / 2
    assert log["loss"] == pytest.approx([shown_losses[2], rest], rel=1e-3)
    assert not list(tmp_path.glob(".*"))


def test_a_quick_test_starts_from_given_weights_and_keeps_frozen_normalizations(
    finished, data, tmp_path, capsys, eagerly
):
    config = dataclasses.replace(
        CONFIG, learning_rate=1e-4, average=0.0, freeze_normalization=True
    )
    folder = str(tmp_path / "quick")
    model = fit.train(config, data, folder, quicktest=True, weights=str(finished))
    said = capsys.readouterr().out
    assert said.index("training posefix on ") < said.index("loss: ")
    assert read_log(tmp_path / "quick" / "log.csv")["epoch"] == [0]
    first, _ = table.load_model(finished)
    changed = set()
    for layer, before in zip(model.layers, first.layers, strict=True):
        for new, old in zip(layer.get_weights(), before.get_weights(), strict=True):
            # A step of Adam is about as long as the learning rate.
            np.testing.assert_allclose(new, old, rtol=0, atol=1e-3)
            if np.any(new != old):
                changed.add(type(layer))
    assert keras.layers.Conv2D in changed
    assert keras.layers.BatchNormalization not in changed


# --- estimators ------------------------------------------------------------------


def test_an_estimator_is_trained_and_starts_from_a_refiners_trunk(
    finished, data, tmp_path, capsys, eagerly
):
    folder = tmp_path / "estimator"
    fit.train(ESTIMATOR, data, str(folder), quicktest=True, weights=str(finished))
    log = read_log(folder / "log.csv")
    assert np.isfinite(log["loss"]).all() and 0 <= log["val_pck_after"][0] <= 100
    assert "val_pck_before" not in log
    model, config = table.load_model(folder)
    assert config == ESTIMATOR and not model.is_refiner
    output = capsys.readouterr().out
    assert f"layers of hcrn start from {finished}" in output
    assert "PCK@0.2 of validation people: " in output and "->" not in output


def test_a_model_is_taught_what_it_answers(refiner, estimator):
    taught = examples.supervision_of(refiner, CONFIG)
    assert taught.refines and taught.skeleton == LSP14
    assert taught.codecs == {"heatmap": IntegralHeatmap((64, 64), 4)}
    taught = examples.supervision_of(estimator, ESTIMATOR)
    assert not taught.refines and taught.skeleton == LSP14
    disc = BinaryDisc((64, 64), 4, radius=8.0)
    assert taught.codecs == {"heatmap": WithBackground(disc), "initial": disc}


@pytest.mark.parametrize(
    "target, codec",
    [
        ({"codec": "disc", "radius": 3.0, "sigma": 9.0}, BinaryDisc((64, 64), 4, 3.0)),
        ({"codec": "disc"}, BinaryDisc((64, 64), 4, 10.0)),
        (
            {"codec": "gaussian", "radius": 3.0, "sigma": 1.5},
            GaussianHeatmap((64, 64), 4, 1.5),
        ),
        ({"codec": "integral", "radius": 3.0}, IntegralHeatmap((64, 64), 4)),
    ],
)
def test_a_codec_takes_of_the_target_what_it_knows(estimator, target, codec):
    config = dataclasses.replace(ESTIMATOR, target=target)
    assert objectives.codec_of(estimator, config, "initial") == codec
    assert objectives.codec_of(estimator, config) == WithBackground(codec)


def test_every_answer_has_the_loss_of_its_beliefs_and_the_weight_of_its_kind(
    refiner, estimator
):
    config = dataclasses.replace(
        ESTIMATOR, heatmap_loss=3.0, stage_loss=0.5, coordinate_loss=0.25
    )
    of_output, weights = objectives.losses_of(estimator, config)
    assert weights == {"heatmap": 3.0, "initial": 0.5, "keypoints": 0.25}
    assert isinstance(of_output["heatmap"], losses.SigmoidCrossEntropy)
    assert isinstance(of_output["initial"], losses.SigmoidCrossEntropy)
    assert isinstance(of_output["keypoints"], losses.CoordinateDistance)
    squared = dataclasses.replace(ESTIMATOR, heatmap_error="squared")
    of_output, _ = objectives.losses_of(estimator, squared)
    assert isinstance(of_output["heatmap"], losses.SigmoidSquaredError)
    of_output, weights = objectives.losses_of(refiner, CONFIG)
    assert set(of_output) == set(weights) == {"heatmap", "keypoints"}
    assert isinstance(of_output["heatmap"], losses.HeatmapCrossEntropy)


def test_a_model_with_tags_is_taught_everybody(data, tmp_path, eagerly):
    model = table.build_model(BOTTOM_UP)
    taught = examples.supervision_of(model, BOTTOM_UP)
    maps = AllPeople(GaussianHeatmap((64, 64), 4, 8.0))
    tags = JointsOfPeople()
    assert taught.all_people and taught.codecs == {
        "stage1": maps, "heatmap": maps, "stage1_tags": tags, "tags": tags
    }  # fmt: skip
    of_output, weights = objectives.losses_of(model, BOTTOM_UP)
    for name, kind, weight in (
        ("heatmap", losses.HeatmapSquaredError, 1.0),
        ("stage1", losses.HeatmapSquaredError, 0.5),
        ("tags", losses.AssociativeTags, 0.01),
        ("stage1_tags", losses.AssociativeTags, 0.01),
    ):
        assert isinstance(of_output[name], kind) and weights[name] == weight
    # Every batch shows all 13 people, and without augmentation nobody leaves a crop.
    config = dataclasses.replace(
        BOTTOM_UP, augmentation=Augmentation(), batch_size=13, learning_rate=1e-6
    )
    fit.train(config, data, str(tmp_path), quicktest=True)
    log = read_log(tmp_path / "log.csv")
    # The tags of two people begin alike, which costs 0.5. The thirteenth person is
    # alone in the photo, which costs nothing.
    assert log["tags_loss"][0] == pytest.approx(0.5 * 12 / 13, abs=0.01)


# --- starting from other weights -------------------------------------------------


@pytest.fixture(scope="module")
def refiner_dir(refiner, tmp_path_factory):
    """The model folder of the refiner."""
    folder = tmp_path_factory.mktemp("models") / "refiner"
    folder.mkdir()
    refiner.save_weights(folder / "model.weights.h5")
    (folder / "config.json").write_text(json.dumps(CONFIG.to_json()))
    return folder


def test_the_same_network_takes_all_weights_whatever_its_input_size(
    refiner, refiner_dir, capsys
):
    config = dataclasses.replace(CONFIG, input_size=(32, 96), epochs=9)
    model = table.build_model(config)
    fit.start_from(model, config, refiner_dir)
    for found, expected in zip(model.get_weights(), refiner.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert capsys.readouterr().out == ""


def test_another_network_takes_the_layers_it_shares(refiner, refiner_dir, capsys):
    model = table.build_model(ESTIMATOR)
    untouched = {layer.name: layer.get_weights() for layer in model.layers}
    fit.start_from(model, ESTIMATOR, refiner_dir)
    # Trunk and transposed convolutions have the same names; the heads have not.
    shared = {layer.name for layer in refiner.layers if layer.weights} - {
        "head_logits", "pose_prior"
    }  # fmt: skip
    assert f"{len(shared)} layers of hcrn start from" in capsys.readouterr().out
    for layer in model.layers:
        expected = untouched[layer.name]
        if layer.name in shared:
            expected = refiner.get_layer(layer.name).get_weights()
        if layer.name == "stem_conv":
            assert expected[0].shape[2] == 3 + 14
            expected = [expected[0][:, :, :3]]  # without the pose
        for found, value in zip(layer.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(found, value)


def test_layers_of_another_width_are_not_taken(refiner, refiner_dir, capsys):
    network = {**CONFIG.network, "filters": (2, 2, 2)}
    config = dataclasses.replace(CONFIG, network=network)
    model = table.build_model(config)
    before = {layer.name: layer.get_weights() for layer in model.layers}
    fit.start_from(model, config, refiner_dir)
    for layer in model.layers:
        same = before[layer.name]
        if "deconv" in layer.name or layer.name == "head_logits":
            for found, value in zip(layer.get_weights(), same, strict=True):
                np.testing.assert_array_equal(found, value)
    kernel = refiner.get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(model.get_layer("stem_conv").get_weights()[0], kernel)


def test_a_network_with_nothing_in_common_is_refused(refiner_dir):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="dense")])
    model.conventions = None
    config = dataclasses.replace(ESTIMATOR, model="other")
    with pytest.raises(
        TrainingError, match="expected layers of other, found none"
    ) as e:
        fit.start_from(model, config, refiner_dir)
    assert str(refiner_dir) in one_line(e)


def test_weights_of_the_same_network_are_taken_over_joint_by_joint(refiner_dir):
    config = dataclasses.replace(CONFIG, skeleton=COCO17.name)
    model = table.build_model(config)
    fit.start_from(model, config, refiner_dir)
    trained, before = table.load_model(refiner_dir)
    ours, theirs = (
        one.get_layer("head_logits").get_weights()[0][..., skeleton.index("left_wrist")]
        for one, skeleton in ((model, COCO17), (trained, before.skeleton))
    )
    np.testing.assert_array_equal(ours, theirs)


# --- optimizers ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, kind, numbers",
    [
        ("adamw", keras.optimizers.AdamW, {"beta_1": 0.9, "beta_2": 0.999}),
        ("sgd", keras.optimizers.SGD, {"momentum": 0.9, "nesterov": False}),
        ("rmsprop", keras.optimizers.RMSprop, {"rho": 0.99, "epsilon": 1e-16}),
    ],
)
@pytest.mark.parametrize("average", [0.0, 0.75])
def test_an_optimizer_gets_the_numbers_of_the_configuration(
    name, kind, numbers, average
):
    config = dataclasses.replace(
        ESTIMATOR, optimizer=name, weight_decay=0.03, average=average, schedule="steps"
    )
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    # All of a model that compiling looks at.
    model.activation, model.stride = "sigmoid", 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objectives, "losses_of", lambda *_: ("mse", None))
        objectives.compile_model(model, config, objectives.Schedule(2, 3, 3))
    found = model.optimizer
    assert type(found) is kind and found.weight_decay == 0.03
    assert found.use_ema == (average > 0)
    assert found.ema_momentum == (average or 0.99)
    # No drops: the rate stays.
    assert float(found.learning_rate) == pytest.approx(1e-3)
    config = found.get_config()
    assert {key: config[key] for key in numbers} == pytest.approx(numbers)


# --- schedules and rounds --------------------------------------------------------


@pytest.mark.parametrize(
    "people, epochs, batch_size, expected",
    [
        (13, 2, 4, fit.Schedule(2, 3, 3)),
        (100_000, 10, 100, fit.Schedule(20, 500, 1000)),
        (70_000, 1, 100, fit.Schedule(2, 350, 700)),
        (4, 3, 4, fit.Schedule(3, 1, 1)),
    ],
)
def test_rounds_cover_the_epochs_in_at_most_500_steps(
    people, epochs, batch_size, expected
):
    config = dataclasses.replace(CONFIG, epochs=epochs, batch_size=batch_size)
    assert fit._schedule(config, people, quicktest=False) == expected
    line = fit.first_line(config, people, expected, step=0)
    steps = expected.rounds * expected.steps
    assert f"on {people} people: {steps} steps of {batch_size} people in " in line
    assert "people from step 7: " in fit.first_line(config, people, expected, step=7)


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
    model = table.build_model(config)
    objectives.compile_model(model, config, objectives.Schedule(10, 10, 10))
    found = model.optimizer._learning_rate
    for step, rate in rates.items():
        assert float(found(step)) == pytest.approx(rate, abs=1e-9)


def test_rates_of_a_recipe_follow_at_fractions_of_epochs():
    config = dataclasses.replace(
        CONFIG, schedule="steps", learning_rate=0.005, epochs=35,
        learning_rate_drops=(1 / 3, 15 + 1 / 3), learning_rates=(0.02, 0.002),
    )  # fmt: skip
    model = table.build_model(config)
    objectives.compile_model(model, config, objectives.Schedule(35, 9, 9))
    found = model.optimizer._learning_rate
    rates = {0: 0.005, 3: 0.005, 4: 0.02, 138: 0.02, 139: 0.002, 314: 0.002}
    assert {step: round(float(found(step)), 6) for step in rates} == rates


def test_averaged_weights_are_put_back():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), "mse")
    model.fit(np.ones((4, 1)), np.zeros((4, 1)), batch_size=1, verbose=0)
    model.set_weights([np.full((1, 1), 7.0), np.full(1, 9.0)])
    with callbacks.averaged_weights(model):
        assert model.get_weights()[0] != 7
    assert [float(w.squeeze()) for w in model.get_weights()] == [7, 9]


# --- bad ends --------------------------------------------------------------------


def test_a_loss_that_is_not_finite_stops_and_names_step_and_people(
    data, tmp_path, eagerly
):
    config = dataclasses.replace(CONFIG, learning_rate=1e30, average=0.0)
    with pytest.raises(TrainingError, match="the loss is (nan|inf) at step") as error:
        fit.train(config, data, str(tmp_path))
    message = one_line(error)
    step = int(message.split("step ")[1].split(";")[0])
    records, count = pipeline.read_records(data, CONFIG.train, LSP14)
    person = pipeline.CropSpec(LSP14, CONFIG.input_size, CONFIG.augmentation)
    people = pipeline.shuffled_people(records, count, person, 4, CONFIG.seed)
    ids = list(people.take(step + 1))[step]["person_id"].numpy().tolist()
    assert message.endswith(f"person ids: {ids}")
    assert not (tmp_path / "model.weights.h5").exists()


def test_a_record_damaged_during_training_is_named(data, tmp_path, eagerly):
    folder = drawn_people.prepare(tmp_path / "damaged", people=(14, 4))
    drawn_people.damage_a_record(drawn_people.shard(folder))
    with pytest.raises(DataError, match="drawn-train.*record [0-9]+: corrupted") as e:
        fit.train(CONFIG, folder, str(tmp_path / "run"))
    one_line(e)


def test_a_run_does_not_overwrite_another(finished, data):
    before = (finished / "model.weights.h5").stat().st_mtime_ns
    with pytest.raises(ModelFolderError, match="a run is there already; --resume") as e:
        fit.train(CONFIG, data, str(finished))
    assert str(finished) in one_line(e)
    assert (finished / "model.weights.h5").stat().st_mtime_ns == before


def test_resuming_needs_a_checkpoint(data, tmp_path):
    with pytest.raises(TrainingError, match="expected a checkpoint to resume") as e:
        fit.train(CONFIG, data, str(tmp_path), resume=True)
    assert str(tmp_path / "checkpoint.keras") in one_line(e)


def test_the_checkpoint_of_another_run_is_not_resumed(finished, data):
    other = dataclasses.replace(CONFIG, epochs=5, input_size=(64, 32))
    with pytest.raises(TrainingError, match="differs in input_size, epochs") as e:
        fit.train(other, data, str(finished), resume=True)
    assert str(finished / "config.json") in one_line(e)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip file"])
def test_an_unreadable_checkpoint_is_named(content, data, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG.to_json()))
    (tmp_path / "checkpoint.keras").write_bytes(content)
    with pytest.raises(TrainingError, match="not a readable checkpoint") as e:
        fit.train(CONFIG, data, str(tmp_path), resume=True)
    assert str(tmp_path / "checkpoint.keras") in one_line(e)


def test_missing_weights_are_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG.to_json()))
    with pytest.raises(
        ModelFolderError, match="expected trained weights, found no"
    ) as e:
        table.load_model(tmp_path)
    assert str(tmp_path / "model.weights.h5") in one_line(e)


def test_the_weights_of_another_network_are_refused(finished, tmp_path):
    other = {**CONFIG.network, "filters": (8, 8, 8)}
    config = dataclasses.replace(CONFIG, network=other)
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    content = (finished / "model.weights.h5").read_bytes()
    path = tmp_path / "model.weights.h5"
    for harm in (content, content[: len(content) // 2], b""):
        path.write_bytes(harm)
        with pytest.raises(ModelFolderError, match="expected the weights of this") as e:
            table.load_model(tmp_path)
        assert str(path) in one_line(e)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"batch_size": 50}, "14 people to train on: expected at least .*50"),
        ({"model": "posefux"}, "model 'posefux': expected one of .*posefix"),
        ({"input_size": (60, 64)}, "multiples of 32"),
        ({"network": {"depth": 3}}, "depth"),
        (
            {"heatmap_error": "squared"},
            r"heatmap_error 'squared': expected one of \['cross_entropy'\] for the "
            "softmax heatmaps of this posefix",
        ),
        (
            {"network": {"trunk": "nano", "output": "gaussian"}},
            r"error 'cross_entropy': expected one of \['squared'\] for the linear",
        ),
    ],
)
def test_a_run_that_cannot_start_leaves_nothing(changes, message, data, tmp_path):
    config = dataclasses.replace(CONFIG, **changes)
    with pytest.raises(TrainingError, match=message) as e:
        fit.train(config, data, str(tmp_path / "run"))
    one_line(e)
    assert not (tmp_path / "run").exists()
