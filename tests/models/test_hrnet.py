"""HRNet: its published sizes, and how its branches begin, meet and end."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.losses import HEATMAP_LOSSES
from tfpose.models.hrnet import HRNet, exchange, high_resolution, module
from tfpose.models.summary import summarize
from tfpose.recipes import hrnet as recipes

SMALL = {
    "joints": 5,
    "input_size": (64, 32),
    "width": 2,
    "modules": (1, 2, 1),
    "blocks": 1,
    "stem": 4,
}


def images(people=2):
    shape = (people, 64, 32, 3)
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def of_recipe(config, **options):
    return HRNet.for_skeleton(
        config.skeleton,
        input_size=config.input_size,
        **{**config.network, **options},
    )


@pytest.fixture(scope="module")
def small():
    return fill_weights(HRNet(**SMALL))


# Counted from the authors' code. Divided by 2^30, the multiply-adds of W32 and W48 at
# 256x192 are the published 7.1 and 14.6 GFLOPs.
@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, width, size, parameters, billions",
    [
        (recipes.paper, 32, (256, 192), 28_536_113, 7.645),
        (recipes.paper, 48, (256, 192), 63_595_745, 15.692),
        (recipes.paper_mpii, 32, (256, 256), 28_536_080, 10.193),
    ],
)
@pytest.mark.usefixtures("without_weights")
def test_the_published_networks_have_their_size(
    recipe, width, size, parameters, billions
):
    config = recipe()
    assert config.input_size == size
    model = of_recipe(config, width=width)
    found = summarize(model, "hrnet")
    assert found["trainable_parameters"] == parameters
    assert found["multiply_adds"] == pytest.approx(billions * 1e9, rel=1e-4)
    cells, joints = (size[0] // 4, size[1] // 4), model.joints
    assert found["outputs"] == {"heatmap": [*cells, joints], "keypoints": [joints, 2]}
    assert model.features.shape == (None, *cells, width)
    assert (model.stride, model.activation, model.targets) == (4, "linear", {})


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_a_published_network_has_its_size_on_larger_crops():
    model = HRNet(17, (384, 288), 48)
    found = summarize(model, "hrnet")["multiply_adds"]
    assert found == pytest.approx(35.307e9, rel=1e-4)


@pytest.mark.parametrize("recipe", [recipes.paper, recipes.paper_mpii, recipes.tiny])
def test_a_recipe_trains_gaussian_maps_and_no_coordinates(recipe):
    config = recipe()
    assert ("linear", config.heatmap_error) in HEATMAP_LOSSES
    assert config.target["codec"] == "gaussian" and config.coordinate_loss == 0


@pytest.mark.slow
def test_the_tiny_recipe_has_four_branches_and_is_small():
    model = of_recipe(recipes.tiny())
    names = {layer.name for layer in model.layers}
    assert "stage4_module0_branch3_block0_add" in names
    found = summarize(model, "hrnet")
    assert found["trainable_parameters"] == 1_268_993
    assert found["multiply_adds"] == pytest.approx(0.171e9, rel=1e-3)


# --- an exchange -------------------------------------------------------------------


def exchanged(target, sizes=((8, 4), (4, 2), (2, 1))):
    """Three branches of 1, 2 and 3 filters, whose kernels pick a middle and sum up."""
    branches = [
        keras.Input((*size, filters)) for filters, size in enumerate(sizes, start=1)
    ]
    model = keras.Model(branches, exchange(branches, target, "e"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel = np.zeros(layer.kernel.shape)
            middle = kernel.shape[0] // 2
            kernel[middle, middle] = 1
            layer.set_weights([kernel])
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.epsilon = 0.0
    return model


def test_coarser_branches_repeat_their_cells_in_the_first():
    random = np.random.default_rng(0)
    x = [
        random.normal(size=(2, 8 // n, 4 // n, c)).astype(np.float32)
        for n, c in ((1, 1), (2, 2), (4, 3))
    ]
    expected = x[0][..., 0].copy()
    for part, times in ((x[1], 2), (x[2], 4)):
        summed = part.sum(-1)  # a 1x1 kernel of ones
        expected += summed.repeat(times, 1).repeat(times, 2)
    found = exchanged(0)(x)
    assert found.shape == (2, 8, 4, 1)
    np.testing.assert_allclose(found[..., 0], np.maximum(expected, 0), atol=1e-5)


def test_finer_branches_come_by_steps_of_which_only_the_last_has_no_relu():
    """A kernel's middle lies on the even rows and columns, in every step."""
    ones = [
        np.ones((1, 8 // n, 4 // n, c), np.float32) for n, c in ((1, 1), (2, 2), (4, 3))
    ]
    model = exchanged(2)
    # One step from 2 filters to 3, two from 1: 2 + 1 + 1 itself.
    np.testing.assert_allclose(model(ones), np.full((1, 2, 1, 3), 4.0), rtol=1e-5)
    # A ReLU after the first of two steps, none after the last: -1 of two filters.
    negative = [-ones[0], ones[1], ones[2]]
    np.testing.assert_allclose(model(negative), np.full((1, 2, 1, 3), 3.0), rtol=1e-5)
    negative = [ones[0], -ones[1], 2 * ones[2]]
    np.testing.assert_allclose(model(negative), np.full((1, 2, 1, 3), 1.0), rtol=1e-5)
    # Of 8 rows those of 4 and of 4 the 2: rows 0 and 4.
    x = [0 * part for part in ones]
    x[0][0, [0, 4], 0, 0] = 5, 7
    np.testing.assert_allclose(model(x)[0, :, 0, 0], [5, 7], rtol=1e-5)


def test_an_exchange_goes_on_with_the_shapes_of_its_branches():
    branches = [keras.Input((16 // 2**n, 8 // 2**n, 2 * 2**n)) for n in range(4)]
    found = module(branches, 2, "m", 4)
    assert [x.shape for x in found] == [x.shape for x in branches]
    assert [x.shape for x in module(branches, 2, "n", 1)] == [branches[0].shape]


def test_of_a_chain_only_the_last_step_changes_the_filters():
    branches = [keras.Input((16 // 2**n, 16 // 2**n, 2 * 2**n)) for n in range(4)]
    model = keras.Model(branches, exchange(branches, 3, "e"))
    chain = ["e_from0_to3_step1_conv", "e_from0_to3_step2_conv", "e_from0_to3_conv"]
    shapes = [model.get_layer(name).kernel.shape for name in chain]
    assert shapes == [(3, 3, 2, 2), (3, 3, 2, 2), (3, 3, 2, 16)]
    names = {layer.name for layer in model.layers}
    assert {"e_from0_to3_step1_relu", "e_from0_to3_step2_relu"} <= names
    assert "e_from0_to3_relu" not in names and "e_out3" in names


# --- the whole ---------------------------------------------------------------------


def test_a_branch_begins_from_the_coarsest_one_and_all_work_on(small):
    names = {layer.name: layer for layer in small.layers}
    # Stage 2 makes both of its branches of the first stage's features.
    for branch in ("stage2_branch0_conv", "stage2_branch1_pad"):
        assert names[branch].input is names["stage1_block0_out"].output
    assert names["stage3_branch2_pad"].input is names["stage2_module0_out1"].output
    assert names["stage4_branch3_pad"].input is names["stage3_module1_out2"].output
    for stage, modules in ((2, 1), (3, 2), (4, 1)):
        for number in range(modules):
            parts = names[f"stage{stage}_module{number}_sum0"].input
            assert len(parts) == stage


def test_the_last_module_ends_in_the_first_branch_alone(small):
    sums = [layer.name for layer in small.layers if "_sum" in layer.name]
    assert [name for name in sums if name.startswith("stage4")] == [
        "stage4_module0_sum0"
    ]
    assert len(sums) == 2 + 2 * 3 + 1
    assert small.features is small.get_layer("stage4_module0_out0").output


def test_the_heatmap_is_read_out_of_the_features(small):
    both = keras.Model(small.input, [small.features, small.output["heatmap"]])
    features, heatmap = map(np.asarray, both({"image": images()}))
    assert features.shape == (2, 16, 8, 2) and features.min() == 0
    kernel, bias = small.get_layer("head_logits").get_weights()
    np.testing.assert_allclose(heatmap, features @ kernel[0, 0] + bias, atol=1e-5)


def test_people_of_a_batch_do_not_touch_each_other(small):
    alone, together = small({"image": images(3)[1:2]}), small({"image": images(3)})
    np.testing.assert_allclose(
        together["heatmap"][1:2], alone["heatmap"], rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
def test_an_error_in_the_heatmap_trains_every_weight():
    """With so many filters that no ReLU hides all of a weight's."""
    model = fill_weights(HRNet(**{**SMALL, "width": 4}))
    random = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        maps = model({"image": images(4)}, training=True)["heatmap"]
        weights = random.normal(size=maps.shape).astype(np.float32)
        loss = tf.reduce_sum(maps * weights)
    variables = model.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        gradient = np.asarray(gradient)
        assert np.isfinite(gradient).all() and np.any(gradient), variable.path


@pytest.mark.slow
def test_its_configuration_brings_it_back(small):
    config = small.get_config()
    assert {name: config[name] for name in SMALL} == SMALL
    again = HRNet.from_config({**config, "modules": [1, 2, 1]})  # as JSON has it
    again.set_weights(small.get_weights())
    x = {"image": images()}
    np.testing.assert_array_equal(again(x)["heatmap"], small(x)["heatmap"])
    assert again.get_config() == config


def test_fewer_stages_have_fewer_branches():
    x = keras.Input((24, 40, 3))
    model = keras.Model(x, high_resolution(x, 2, (1,), 1, 4))
    assert model.output.shape == (None, 6, 10, 2)
    assert not [layer for layer in model.layers if "branch2" in layer.name]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"input_size": (64, 48)}, r"input_size: .* of 32, got \(64, 48\)"),
        (
            {"input_size": (20, 16), "modules": (1,)},
            r"input_size: .* of 8, got \(20, 16\)",
        ),
        ({"modules": ()}, r"modules: expected 1 or more a stage, got \(\)"),
        ({"modules": (1, 0, 1)}, r"modules: .*got \(1, 0, 1\)"),
        ({"width": 0}, "width: expected 1 or more, got 0"),
        ({"blocks": 0}, "blocks: expected 1 or more, got 0"),
        ({"stem": -1}, "stem: expected 1 or more, got -1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        HRNet(**{**SMALL, **options})
