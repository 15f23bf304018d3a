"""What a model with offsets is taught, and how its input poses go wrong."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfpose import config, losses, settings
from tfpose.codecs import CODECS, BinaryDisc, OffsetDisc
from tfpose.data import augment
from tfpose.data.examples import examples, supervision_of
from tfpose.errors import ConfigError, TrainingError
from tfpose.models import MODELS, objectives, table
from tfpose.models.base import RefinementModel
from tfpose.recipes import RECIPES, pose_refiner
from tfpose.synthesis import pose_refiner as pose_refiners_errors
from tfpose.synthesis.table import SYNTHESES

OFFSETS = dataclasses.replace(
    pose_refiner.tiny(), skeleton="lsp14", input_size=(64, 64), batch_size=4
)


def test_a_model_with_offsets_is_taught_them():
    model = table.build_model(OFFSETS)
    taught = supervision_of(model, OFFSETS)
    radius = OFFSETS.target["radius"]
    assert taught.codecs == {
        "heatmap": BinaryDisc((64, 64), 4.0, radius),
        "offsets": OffsetDisc((64, 64), 4.0, radius),
    }
    assert taught.refines and taught.synthesis["errors"] == "pose_refiner"
    huber = config.override(OFFSETS, ["offset_error=huber", "offset_loss=0.3"])
    of_output, weights = objectives.losses_of(model, huber)
    assert isinstance(of_output["heatmap"], losses.SigmoidCrossEntropy)
    assert isinstance(of_output["offsets"], losses.OffsetDistance)
    assert of_output["offsets"].form == "huber" and weights["offsets"] == 0.3
    silent = dataclasses.replace(OFFSETS, objective={})
    with pytest.raises(TrainingError, match="objective: expected 'offset_error'"):
        objectives.losses_of(model, silent)


@pytest.mark.parametrize(
    "reduction, initial, heatmap",
    [("mean", 1, 3), ("sum", 16 * 16 * 14, 3 * 16 * 16 * 15), ("cells", 1, 3)],
)
@pytest.mark.usefixtures("nano_front_end")
def test_a_sum_counts_every_cell_of_every_map(reduction, initial, heatmap):
    recipe = dataclasses.replace(
        RECIPES["hcrn"]["tiny"](), skeleton="lsp14", input_size=(64, 64),
        network={"front_end": "nano"}, heatmap_loss=3.0,
        objective={"reduction": reduction},
    )  # fmt: skip
    _, weights = objectives.losses_of(table.build_model(recipe), recipe)
    assert weights == {"initial": initial, "heatmap": heatmap, "keypoints": 0.0}


def test_cells_of_enlarged_maps_count_as_much_as_the_bases():
    """Eq. 7 of EnhanceNet: r^2 = 16 times as many cells."""
    recipe = config.override(
        RECIPES["enhance_net"]["paper"](), ["trunk=tiny", "input_size=32x32"]
    )
    _, weights = objectives.losses_of(table.build_model(recipe), recipe)
    assert weights == {"base_heatmap": 1.0, "heatmap": 16.0, "keypoints": 0.0}


@pytest.mark.parametrize("setting, weight", [("unknown", 0.0), ("absent", 1.0)])
def test_an_unlabeled_joint_is_unknown_or_absent(setting, weight):
    chosen = config.override(OFFSETS, [f"unlabeled={setting}"])
    taught = supervision_of(table.build_model(chosen), chosen)
    given = people(2)
    given["valid"][:, 3] = 0
    _, targets, weights = examples(given, taught, tf.constant([1, 2]))
    assert not np.any(targets["heatmap"][..., 3])
    for name, others in (("heatmap", weight), ("offsets", weight), ("keypoints", 0)):
        np.testing.assert_array_equal(weights[name][:, 3], others)
        np.testing.assert_array_equal(weights[name][:, 4], 1)


def people(count=400):
    """A batch as of ``pipeline.crop_person``: everybody alone, joints far apart."""
    joints = np.stack([np.arange(14) * 300.0, np.zeros(14)], axis=-1)
    return {
        "image": np.zeros((count, 64, 64, 3), np.float32),
        "keypoints": np.tile(joints, (count, 1, 1)).astype(np.float32),
        "valid": np.ones((count, 14), np.float32),
        "neighbors": np.zeros((count, 0, 14, 2), np.float32),
        "neighbors_valid": np.zeros((count, 0, 14), np.float32),
        "area": np.full(count, 100.0, np.float32),
        "height": np.full(count, 340.0, np.float32),
    }


@pytest.mark.parametrize(
    "setting, removed, moved", [("", 0.3, 0.7), ("transforms=shift", 0, 1)]
)
def test_the_recipe_decides_how_input_poses_go_wrong(setting, removed, moved):
    chosen = config.override(OFFSETS, [setting] if setting else [])
    taught = supervision_of(table.build_model(chosen), chosen)
    given = people()
    inputs, targets, weights = examples(given, taught, tf.constant([1, 2]))
    valid = inputs["valid"].numpy()
    assert 1 - valid.mean() == pytest.approx(removed, abs=0.03)
    changed = np.any(inputs["keypoints"] != given["keypoints"], axis=-1) & (valid > 0)
    assert changed.mean() == pytest.approx(moved, abs=0.03)
    assert targets["offsets"].shape == (400, 16, 16, 14, 3)
    np.testing.assert_array_equal(weights["offsets"], given["valid"])


@pytest.mark.parametrize(
    "setting, message",
    [
        ("errors=none", "synthesis: expected an 'errors' of"),
        ("offset_error=cubic", "offset_error: expected one of"),
        ("person_height=-1", "person_height: expected 0 or more px"),
        ("learning_rates=1,2", "learning_rates: expected one for each"),
    ],
)
def test_settings_that_no_run_can_have_are_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        config.override(OFFSETS, [setting])


def test_drops_may_be_fractions_and_rates_their_own():
    changed = config.override(OFFSETS, ["learning_rate_drops=0.5,2", "schedule=steps"])
    assert changed.learning_rate_drops == (0.5, 2)


def test_the_names_that_settings_may_have_are_those_of_the_code():
    assert settings.CODECS == tuple(CODECS)
    assert settings.SYNTHESES == tuple(SYNTHESES)
    assert settings.OFFSET_ERRORS == losses.OFFSET_ERRORS
    assert settings.OFFSET_MEANS == losses.OFFSET_MEANS
    assert settings.REDUCTIONS == tuple(losses.REDUCTIONS)
    assert settings.DISTRIBUTIONS == tuple(augment.DISTRIBUTIONS)
    refiners = {n for n, kind in MODELS.items() if issubclass(kind, RefinementModel)}
    assert set(config.REFINERS) == refiners and set(RECIPES) == set(MODELS)


def test_pose_refiners_recipe_has_the_numbers_of_its_errors():
    recipe = pose_refiner.paper()
    assert recipe.synthesis["transforms"] == pose_refiners_errors.TRANSFORMS
    assert recipe.crop["person_height"] == pose_refiners_errors.REFERENCE_HEIGHT
