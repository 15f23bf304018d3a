"""The public API, as somebody writes it in a notebook; and the docstrings' examples."""

import doctest
import importlib
import inspect
import pathlib

import numpy as np
import pytest

import tfpose
from tests.support import drawn_people, pose_files
from tfpose import config as configs
from tfpose.errors import ConfigError, ModelFolderError, TfposeError
from tfpose.recipes import find_recipe
from tfpose.skeletons import LSP14

PACKAGE = pathlib.Path(tfpose.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_docstrings_run(name):
    module = importlib.import_module(name.removesuffix(".__init__"))
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried and not failed


def test_the_public_classes_have_examples():
    names = "Refiner Estimator BottomUp Predictor PoseTracker Config Skeleton"
    for name in names.split():
        assert ">>> " in getattr(tfpose, name).__doc__, name


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of prepared people of LSP's joints."""
    return drawn_people.prepare(tmp_path_factory.mktemp("data"), people=(6, 4))


@pytest.fixture(scope="module")
def config(nano_trunk):
    """A PoseFix that learns from ``data`` in seconds."""
    tiny = find_recipe("posefix", "tiny")
    splits = ["train=drawn/train", "validation=drawn/validation"]
    small = ["skeleton=lsp14", "input_size=64x64", "filters=4,4,4", "batch_size=2"]
    return configs.override(tiny, [*splits, *small, "trunk=nano"])


@pytest.mark.slow
def test_a_keras_user_trains_saves_and_loads(data, config, tmp_path, eagerly):
    model = tfpose.models.PoseFix.for_skeleton(
        LSP14, input_size=config.input_size, **config.network
    )
    batches = tfpose.data.batches(config, data)
    assert len(batches) == 3
    model.compile_for(config, steps_per_epoch=len(batches))
    history = model.fit(batches, epochs=2, shuffle=False, verbose=0)
    assert len(history.history["loss"]) == 2
    assert np.isfinite(history.history["loss"]).all()
    assert int(model.optimizer.iterations.numpy()) == 6
    model.save_to_preset(tmp_path / "mine")
    again = tfpose.models.PoseFix.from_preset(tmp_path / "mine")
    assert again.recipe == config
    photo = np.random.default_rng(0).integers(0, 255, (90, 80, 3), dtype=np.uint8)
    pose = np.random.default_rng(1).uniform(10, 70, (2, 14, 2))
    answers = [
        tfpose.Refiner.of(model, config)(photo, pose),
        tfpose.Refiner.of(again, config)(photo, pose),
        tfpose.Refiner.from_preset(tmp_path / "mine")(photo, pose),
    ]
    for keypoints, scores in answers:
        np.testing.assert_array_equal(keypoints, answers[0][0])
        np.testing.assert_array_equal(scores, answers[0][1])
    with pytest.raises(ModelFolderError, match="a run is there already"):
        model.save_to_preset(tmp_path / "mine")
    with pytest.raises(TfposeError, match="expected an estimator, found the refiner"):
        tfpose.Estimator.from_preset(tmp_path / "mine")
    with pytest.raises(TfposeError, match="expected a model that finds everybody"):
        tfpose.BottomUp.from_preset(tmp_path / "mine")


@pytest.mark.slow
def test_each_pass_over_the_batches_is_another_epoch(data, config):
    batches = tfpose.data.batches(config, data)
    first, second = ([i["image"] for i, _, _ in batches] for _ in range(2))
    assert len(first) == len(second) == 3
    assert np.abs(np.concatenate(first) - np.concatenate(second)).max() > 1
    again = [i["image"] for i, _, _ in tfpose.data.batches(config, data)]
    np.testing.assert_array_equal(np.concatenate(again), np.concatenate(first))


def test_a_model_without_a_configuration_cannot_be_saved(tmp_path):
    model = tfpose.models.PoseFix(3, (32, 32), trunk="tiny", filters=(4, 4, 4))
    with pytest.raises(ModelFolderError, match="expected a configuration beside"):
        model.save_to_preset(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_preset_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelFolderError, match="nothing: expected a preset"):
        tfpose.models.PoseFix.from_preset("nothing")
    with pytest.raises(ConfigError, match="config.json: cannot read"):
        tfpose.models.PoseFix.from_preset(tmp_path)


def test_a_class_is_called_as_its_models():
    for name, kind in tfpose.models.MODELS.items():
        parameters = inspect.signature(kind.__init__).parameters
        assert parameters["name"].default == name
        assert parameters["dtype"].default is None


def test_another_class_does_not_load_the_preset():
    with pytest.raises(
        ModelFolderError, match="posefix_tiny_lsp: expected weights of hcrn"
    ):
        tfpose.models.HCRN.from_preset("posefix_tiny_lsp")


def test_poses_are_scored_from_the_paths_of_files(tmp_path):
    files = pose_files.write(tmp_path)
    truth, before, after = (files[k] for k in ("annotations", "before", "after"))
    scores = [
        tfpose.evaluate_poses(truth, side, "pck", 0.1) for side in (before, after)
    ]
    assert [side["mean"] for side in scores] == [0.0, 100.0]
    assert tfpose.analyze_poses(truth, after)["good"] is not None
    changes = tfpose.compare_poses(truth, before, {"halved": after}, ["pck@0.1"])
    assert changes["tables"][0]["rows"]["mean"]["after"]["halved"]["change"] == 100
