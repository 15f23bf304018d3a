"""SimpleBaseline: its published sizes, what its head is, and what it refuses."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.losses import HEATMAP_LOSSES
from tfpose.models.hcrn import HCRN
from tfpose.models.simple_baseline import SimpleBaseline
from tfpose.models.summary import summarize
from tfpose.recipes import simple_baseline as recipes
from tfpose.skeletons import COCO17

SMALL = {"joints": 5, "input_size": (64, 32), "trunk": "tiny", "filters": (8, 8, 8)}


def images(people=2):
    shape = (people, 64, 32, 3)
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def of_recipe(config):
    return SimpleBaseline.for_skeleton(
        config.skeleton, input_size=config.input_size, **config.network
    )


@pytest.fixture(scope="module")
def small():
    return fill_weights(SimpleBaseline(**SMALL))


# Counted from the authors' code.
@pytest.mark.parametrize(
    "depth, size, parameters, billions",
    [
        (50, (256, 192), 33_999_697, 9.654),
        pytest.param(101, (256, 192), 52_991_825, 13.291, marks=pytest.mark.slow),
        pytest.param(152, (256, 192), 68_635_473, 16.927, marks=pytest.mark.slow),
        pytest.param(50, (384, 288), 33_999_697, 21.722, marks=pytest.mark.slow),
        pytest.param(101, (384, 288), 52_991_825, 29.904, marks=pytest.mark.slow),
        pytest.param(152, (384, 288), 68_635_473, 38.086, marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("without_weights")
def test_the_network_for_coco_has_the_published_size(depth, size, parameters, billions):
    recipe = recipes.paper()
    network = {**recipe.network, "trunk": f"resnet{depth}"}
    model = of_recipe(dataclasses.replace(recipe, network=network, input_size=size))
    found = summarize(model, "simple_baseline")
    assert found["trainable_parameters"] == parameters
    assert found["multiply_adds"] == pytest.approx(billions * 1e9, rel=1e-4)
    cells = [size[0] // 4, size[1] // 4]
    assert found["outputs"] == {"heatmap": [*cells, 17], "keypoints": [17, 2]}
    assert model.features.shape == (None, *cells, 256)
    assert (model.stride, model.activation, model.targets) == (4, "linear", {})


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_the_network_for_mpii_has_the_published_size():
    found = summarize(of_recipe(recipes.paper_mpii()), "simple_baseline")
    assert found["trainable_parameters"] == 33_999_440
    assert found["multiply_adds"] == pytest.approx(12.871e9, rel=1e-4)
    assert found["outputs"]["heatmap"] == [64, 64, 16]


@pytest.mark.parametrize("recipe", [recipes.paper, recipes.paper_mpii, recipes.tiny])
def test_a_recipe_trains_gaussian_maps_and_no_coordinates(recipe):
    config = recipe()
    assert ("linear", config.heatmap_error) in HEATMAP_LOSSES
    assert config.target["codec"] == "gaussian" and config.coordinate_loss == 0


@pytest.mark.slow
def test_the_tiny_recipe_has_the_layers_of_hcrns_tiny_front_end():
    mine = of_recipe(recipes.tiny())
    theirs = {
        layer.name: layer for layer in HCRN(COCO17.parents, (128, 128), "tiny").layers
    }
    weighty = [layer for layer in mine.layers if layer.weights]
    assert len(weighty) > 40
    for layer in weighty:
        if layer.name != "head_logits":
            shapes = [weight.shape for weight in theirs[layer.name].weights]
            assert [weight.shape for weight in layer.weights] == shapes


def test_the_heatmap_is_read_out_of_the_features(small):
    both = keras.Model(small.input, [small.features, small.output["heatmap"]])
    features, heatmap = map(np.asarray, both({"image": images()}))
    assert features.shape == (2, 16, 8, 8) and features.min() == 0
    kernel, bias = small.get_layer("head_logits").get_weights()
    np.testing.assert_allclose(heatmap, features @ kernel[0, 0] + bias, atol=1e-5)


def test_keypoints_are_near_the_highest_cell(small):
    found = small({"image": images(8)})
    flat = np.reshape(found["heatmap"], (8, 16 * 8, 5))
    rows, columns = np.divmod(flat.argmax(1), 8)
    centers = 4 * np.stack([columns, rows], -1) + 1.5
    assert np.abs(found["keypoints"] - centers).max() <= 2


def test_people_of_a_batch_do_not_touch_each_other(small):
    alone, together = small({"image": images(3)[1:2]}), small({"image": images(3)})
    np.testing.assert_allclose(
        together["heatmap"][1:2], alone["heatmap"], rtol=1e-4, atol=1e-5
    )


def test_an_error_in_the_heatmap_trains_every_weight(small):
    random = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        maps = small({"image": images()}, training=True)["heatmap"]
        weights = random.normal(size=maps.shape).astype(np.float32)
        loss = tf.reduce_sum(maps * weights)
    variables = small.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        gradient = np.asarray(gradient)
        assert np.isfinite(gradient).all() and np.any(gradient), variable.path


@pytest.mark.parametrize(
    "options, message",
    [
        ({"input_size": (64, 40)}, r"input_size.*multiples of 32, got \(64, 40\)"),
        ({"trunk": "resnet18"}, "trunk: .*'tiny'.*got 'resnet18'"),
        ({"filters": (8,) * 4}, r"filters: expected three.*got \(8, 8, 8, 8\)"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SimpleBaseline(**{**SMALL, **options})
