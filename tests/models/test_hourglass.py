"""Stacked hourglasses: their sizes, and what goes up, down and across."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.models import hourglass as hourglasses
from tfpose.models.hourglass import (
    StackedHourglass,
    hourglass,
    residual,
    stacked_hourglass,
)
from tfpose.models.summary import summarize

SMALL = {"stem_filters": (4, 4, 4, 8), "depth": 2}


def network(size, outputs, stacks, **options):
    image = keras.Input((*size, 3))
    return keras.Model(image, stacked_hourglass(image, outputs, stacks, **options))


@pytest.fixture(scope="module")
def small():
    """Two stacks for any size, filled with noise."""
    return fill_weights(network((None, None), 3, 2, **SMALL))


def images(people, height, width, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(0, 255, (people, height, width, 3)).astype(np.float32)


# umich-vl/pose-hg-train and pytorch-pose, 16 joints, 256 x 256. Each further stack has
# the size of the one before.
@pytest.mark.slow
@pytest.mark.parametrize(
    "stem, stacks, blocks, parameters, billions",
    [
        ("newell", 1, 1, 3_426_448, 5.150),
        ("newell", 8, 1, 25_434_112, 27.440),
        ("newell", 4, 2, 24_871_872, 25.158),
        ("pytorch_pose", 1, 1, 3_586_960, 5.805),
        ("pytorch_pose", 8, 1, 25_594_624, 28.094),
    ],
)
@pytest.mark.usefixtures("without_weights")
def test_the_published_networks_have_their_size(
    stem, stacks, blocks, parameters, billions
):
    model = StackedHourglass(16, stacks=stacks, blocks=blocks, stem=stem)
    summary = summarize(model, "hourglass")
    maps = {f"stage{n}": [64, 64, 16] for n in range(1, stacks)}
    maps["heatmap"] = [64, 64, 16]
    assert summary["outputs"] == {**maps, "keypoints": [16, 2]}
    assert model.features.shape == (None, 64, 64, 256) and model.stride == 4
    assert summary["trainable_parameters"] == parameters
    assert summary["multiply_adds"] == pytest.approx(billions * 1e9, rel=2e-4)


# --- the estimator ---------------------------------------------------------------

ESTIMATOR = {"joints": 3, "input_size": (32, 16), "stacks": 3, "depth": 2}
ESTIMATOR["stem"] = (4, 4, 4, 8)


@pytest.fixture(scope="module")
def estimator():
    """Three narrow stacks, filled with noise."""
    return fill_weights(StackedHourglass(**ESTIMATOR))


@pytest.mark.slow
def test_the_stages_are_in_the_order_of_the_stacks(estimator):
    assert list(estimator.output) == ["stage1", "stage2", "heatmap", "keypoints"]
    names = [f"stack{n}_scores_conv" for n in (1, 2, 3)]
    by_layer = [estimator.get_layer(name).output for name in names]
    photo = {"image": images(1, 32, 16)}
    expected = keras.Model(estimator.input, by_layer)(photo)
    found = estimator(photo)
    for name, maps in zip(("stage1", "stage2", "heatmap"), expected, strict=True):
        assert maps.shape == (1, 8, 4, 3)
        np.testing.assert_array_equal(found[name], maps)


@pytest.mark.slow
def test_the_last_heatmaps_are_made_of_the_features(estimator):
    photo = {"image": images(1, 32, 16)}
    features = keras.Model(estimator.input, estimator.features)(photo)
    kernel, bias = estimator.get_layer("stack3_scores_conv").get_weights()
    by_hand = np.asarray(features) @ kernel[0, 0] + bias
    found = estimator(photo)["heatmap"]
    np.testing.assert_allclose(found, by_hand, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_its_configuration_brings_it_back(estimator):
    config = estimator.get_config()
    assert {name: config[name] for name in ESTIMATOR} == ESTIMATOR
    # JSON has no tuples.
    read = {**config, "stem": [4, 4, 4, 8], "input_size": [32, 16]}
    again = StackedHourglass.from_config(read)
    assert again.get_config() == config
    assert [w.shape for w in again.weights] == [w.shape for w in estimator.weights]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"stem": "lua"}, r"stem: expected one of \['newell', 'pytorch_pose'\].*'lua'"),
        ({"stem": (4, 4, 8)}, r"stem: .*four numbers, got \(4, 4, 8\)"),
        ({"stacks": 0}, "stacks: expected at least 1, got 0"),
        ({"depth": 0}, "depth: expected at least 1, got 0"),
        ({"blocks": 0}, "blocks: expected at least 1, got 0"),
        ({"input_size": (32, 24)}, r"multiples of 16, got \(32, 24\)"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        StackedHourglass(**{**ESTIMATOR, **options})


# --- its parts -------------------------------------------------------------------


@pytest.mark.slow
def test_without_the_last_convolution_only_its_weights_are_missing(small):
    image = keras.Input((None, None, 3))
    heatmaps, found = hourglasses.features(image, 3, 2, **SMALL)
    model = keras.Model(image, [*heatmaps, found])
    whole = {weight.path: weight.numpy() for weight in small.weights}
    missing = set(whole) - {weight.path for weight in model.weights}
    assert missing == {"stack2_scores_conv/kernel", "stack2_scores_conv/bias"}
    for weight in model.weights:
        weight.assign(whole[weight.path])
    photo = images(1, 32, 32)
    (first, last), features = small(photo)
    np.testing.assert_array_equal(model(photo)[0], first)
    np.testing.assert_array_equal(model(photo)[1], features)
    kernel = small.get_layer("stack2_scores_conv").get_weights()
    by_hand = np.asarray(features) @ kernel[0][0, 0] + kernel[1]
    np.testing.assert_allclose(last, by_hand, rtol=1e-4, atol=1e-5)


def test_a_residual_module_adds_three_convolutions_to_a_widened_input():
    x = keras.Input((3, 3, 1))
    model = keras.Model(x, residual(x, 2, "r"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            layer.set_weights([np.ones_like(kernel), np.zeros_like(bias)])
    impulse = np.zeros((1, 3, 3, 1), np.float32)
    impulse[0, 1, 1] = 1
    # Three normalizations divide by sqrt(1 + 1e-5); the 3x3 of ones spreads the cell.
    branch = (1 + 1e-5) ** -1.5
    expected = np.full((3, 3), branch)
    expected[1, 1] += 1  # the shortcut's 1x1 convolution of ones
    for channel in range(2):
        np.testing.assert_allclose(model(impulse)[0, ..., channel], expected, rtol=1e-6)


@pytest.mark.parametrize("blocks", [1, 2])
def test_an_hourglass_of_empty_modules_sums_the_maxima_of_each_size(blocks):
    """With kernels of 0 a module is its shortcut, and only pools and sums remain."""
    x = keras.Input((4, 4, 2))
    model = keras.Model(x, hourglass(x, 2, blocks, 2, "h"))
    for weight in model.weights:
        if weight.path.endswith("kernel"):
            weight.assign(np.zeros(weight.shape))
    rows = [[1, 2, 0, 0], [3, 4, 0, 5], [0, 0, 9, 0], [6, 0, 0, 0]]
    cells = np.repeat(np.array(rows, np.float32)[None, :, :, None], 2, -1)
    # Maxima of 2x2: 4 5 / 6 9; of 4x4: 9. Each cell gets itself and what covers it.
    coarse = np.kron([[4 + 9, 5 + 9], [6 + 9, 9 + 9]], np.ones((2, 2)))
    found = model(cells)
    np.testing.assert_allclose(found[0, ..., 0], np.array(rows) + coarse)
    np.testing.assert_array_equal(found[..., 0], found[..., 1])


@pytest.mark.slow
def test_modules_a_place_and_depth_make_the_number_of_modules():
    x = keras.Input((16, 16, 4))
    for depth, blocks in ((1, 1), (3, 1), (2, 2)):
        model = keras.Model(x, hourglass(x, depth, blocks, 4, "h"))
        modules = [layer for layer in model.layers if "block" in layer.name]
        modules = [layer for layer in modules if layer.name.endswith("_add")]
        assert len(modules) == (3 * depth + 1) * blocks  # 3 a size and the bottom


def test_mirrored_kernels_on_a_mirrored_input_give_the_mirrored_answer():
    """Pooling and enlarging keep cells centered; nothing moves to one side."""
    x = keras.Input((8, 8, 4))
    model = fill_weights(keras.Model(x, hourglass(x, 3, 1, 4, "h")))
    cells = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype(np.float32)
    expected = model(cells)[:, :, ::-1]
    for weight in model.weights:
        if weight.path.endswith("kernel"):
            weight.assign(weight.numpy()[:, ::-1])
    np.testing.assert_allclose(model(cells[:, :, ::-1]), expected, atol=1e-5)


def test_the_image_becomes_0_to_1(small):
    scale = keras.Model(small.input, small.get_layer("scale_image").output)
    assert np.max(scale(np.full((1, 32, 32, 3), 255.0))) == 1


def test_the_next_stack_sees_the_last_ones_input_features_and_heatmaps(small):
    names = "stem_block2_add stack1_head_relu stack1_scores_conv stack1_link".split()
    parts = [small.get_layer(name).output for name in names]
    arrays = keras.Model(small.input, parts)(images(2, 32, 32))
    x, found, heatmaps, linked = map(np.asarray, arrays)
    for name, value in (("features", found), ("scores", heatmaps)):
        kernel, bias = small.get_layer(f"stack1_{name}_link_conv").get_weights()
        x = x + value @ kernel[0, 0] + bias
    np.testing.assert_allclose(linked, x, rtol=1e-4, atol=1e-4)


def test_sizes_may_differ_from_batch_to_batch(small):
    for height, width in ((16, 48), (32, 16)):
        heatmaps, features = small(images(2, height, width))
        assert [maps.shape for maps in heatmaps] == [
            (2, height // 4, width // 4, 3)
        ] * 2
        cells = (2, height // 4, width // 4)
        assert [maps.shape for maps in heatmaps] == [(*cells, 3)] * 2
        assert features.shape == (*cells, 8)


def gradients(model, training):
    """By weight name, of a random combination of all outputs."""
    random = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        loss = 0.0
        for output in keras.tree.flatten(model(images(2, 32, 32), training=training)):
            weights = random.normal(size=output.shape).astype(np.float32)
            loss += tf.reduce_sum(output * weights)
    variables = model.trainable_variables
    found = tape.gradient(loss, [variable.value for variable in variables])
    return {v.path: np.asarray(g) for v, g in zip(variables, found, strict=True)}


def test_gradients_reach_every_weight(small):
    for name, gradient in gradients(small, training=False).items():
        assert np.isfinite(gradient).all() and np.any(gradient), name


@pytest.mark.slow
def test_in_training_normalization_takes_all_biases_but_those_of_the_heatmaps():
    """What the biases add is constant over the cells, and the next batch's mean."""
    model = fill_weights(network((32, 32), 3, 2, **SMALL))
    for name, gradient in gradients(model, training=True).items():
        if name.endswith("bias") and "scores_conv" not in name:
            assert np.abs(gradient).max() < 1e-2, name
        else:
            assert np.abs(gradient).max() > 1e-2, name


@pytest.mark.parametrize("depth, size", [(4, (256, 96)), (4, (32, 64)), (2, (24, 16))])
def test_sizes_that_cannot_be_halved_are_refused(depth, size):
    multiple = 4 * 2**depth
    message = f"depth {depth} need multiples of {multiple}, got \\({size[0]}, {size[1]}"
    with pytest.raises(ValueError, match=message):
        network(size, 3, 1, depth=depth)
