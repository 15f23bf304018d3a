"""EnhanceNet's layers: their published sizes, the shuffle, four ways to enlarge."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.exporting import litert
from tfpose.exporting.savedmodel import write_saved_model
from tfpose.models.enhance_net import (
    UPSCALINGS,
    PeriodicShuffle,
    context,
    enhance,
    enlarge,
)
from tfpose.models.summary import multiply_adds


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# --- the published sizes ----------------------------------------------------------


def sizes(cells=(64, 48), width=256, joints=17, **options):
    """Weights without biases, with them, and multiply-adds, all of EnhanceNet alone."""
    features, maps = keras.Input((*cells, width)), keras.Input((*cells, joints))
    model = keras.Model([features, maps], enhance(features, maps, **options)[1])
    upscale = options.get("upscale", 4)
    assert model.output.shape[1:] == (cells[0] * upscale, cells[1] * upscale, joints)
    parameters = model.count_params()
    biases = sum(np.prod(w.shape) for w in model.weights if w.path.endswith("bias"))
    products = sum(multiply_adds(layer)[0] for layer in model.layers)
    return parameters - biases, parameters, products


# Table 5 b, c and d: its digits, in millions and in billions.
@pytest.mark.parametrize(
    "options, weights, parameters, products, millions, billions",
    [
        ({"channels": 64}, 211_008, 211_408, 648_216_576, "0.21", "0.65"),
        ({}, 495_744, 496_272, 1_522_925_568, "0.50", "1.52"),
        ({"channels": 256}, 1_286_400, 1_287_184, 3_951_820_800, "1.29", "3.95"),
        ({"upscale": 2}, 260_736, 261_060, 800_980_992, "0.26", "0.80"),
        ({"upscale": 3}, 358_656, 359_065, 1_101_791_232, "0.36", "1.10"),
        ({"upscale": 5}, 672_000, 672_681, 2_064_384_000, "0.67", "2.06"),
        ({"upscaling": "bilinear"}, 201_984, 202_257, 1_522_925_568, "0.20", "1.52"),
        (
            {"upscaling": "deconvolution3"},
            201_984, 202_257, 1_522_925_568, "0.20", "1.52",
        ),
        (
            {"upscaling": "deconvolution12"},
            495_744, 496_017, 15_961_817_088, "0.50", "15.96",
        ),
    ],
)  # fmt: skip
def test_every_row_of_table_5_has_its_size(
    options, weights, parameters, products, millions, billions
):
    assert sizes(**options) == (weights, parameters, products)
    assert (f"{weights / 1e6:.2f}", f"{products / 1e9:.2f}") == (millions, billions)
    assert f"{parameters / 1e6:.2f}" == millions


# Of the hourglass for MPII; HRNet-W32, W48 and Associative Embedding for COCO.
@pytest.mark.parametrize(
    "cells, width, joints, parameters, billions",
    [
        ((64, 64), 256, 16, 477_696, 1.955),
        ((64, 48), 32, 17, 467_600, 1.435),
        ((64, 48), 48, 17, 469_648, 1.441),
        ((128, 128), 256, 17, 496_272, 8.122),
    ],
)
def test_behind_other_bases_it_has_the_size_of_their_features(
    cells, width, joints, parameters, billions
):
    _, found, products = sizes(cells, width, joints)
    assert found == parameters
    assert products == pytest.approx(billions * 1e9, rel=1e-3)


# Table 5a: the first layer sees 256 or 17 channels in place of 273.
@pytest.mark.parametrize("inputs, weights", [("features", 493_568), ("maps", 462_976)])
def test_one_of_two_inputs_leaves_the_others_kernel_out(inputs, weights):
    assert sizes(inputs=inputs)[0] == weights


@pytest.mark.parametrize("layers, weights", [(2, 348_288), (4, 643_200)])
def test_each_layer_in_between_is_a_3x3_convolution(layers, weights):
    """9 x 128 x 128 = 147,456 fewer or more than three layers have."""
    assert sizes(layers=layers)[0] == weights


# --- the shuffle ------------------------------------------------------------------


def shuffled(t, r):
    """PS(T)_{x, y, k} of Eq. 5; arrays have y (rows) first."""
    height, width, channels = t.shape
    joints = channels // r**2
    found = np.zeros((height * r, width * r, joints), t.dtype)
    for y in range(height * r):
        for x in range(width * r):
            for k in range(joints):
                channel = joints * r * (y % r) + joints * (x % r) + k
                found[y, x, k] = t[y // r, x // r, channel]
    return found


@pytest.mark.parametrize("upscale", [2, 3, 4, 5])
def test_the_shuffle_is_equation_5(upscale):
    cells = noise(2, 2, 3, 3 * upscale**2)
    found = np.asarray(PeriodicShuffle(upscale)(cells))
    for one, result in zip(cells, found, strict=True):
        np.testing.assert_array_equal(result, shuffled(one, upscale))


def test_the_shuffle_by_hand():
    """One cell of two joints: their channels take turns, rows come one by one."""
    found = PeriodicShuffle(2)(np.arange(8, dtype=np.float32)[None, None, None])
    np.testing.assert_array_equal(found[0, ..., 0], [[0, 2], [4, 6]])
    np.testing.assert_array_equal(found[0, ..., 1], [[1, 3], [5, 7]])


# --- the four ways to enlarge -----------------------------------------------------


def last_layer(upscaling, upscale, channels=6, joints=3, cells=(4, 5)):
    x = keras.Input((*cells, channels))
    model = keras.Model(x, enlarge(x, joints, upscale, upscaling))
    return model, model.get_layer("enhance_maps")


def transposed(kernel, upscale):
    """f32[3, 3, C, K r r] of sub-pixels as f32[3r, 3r, K, C] of a transposed one."""
    *_, channels, filters = kernel.shape
    joints = filters // upscale**2
    found = np.zeros((3 * upscale, 3 * upscale, joints, channels), np.float32)
    for (row, column, c, f), weight in np.ndenumerate(kernel):
        phase, joint = divmod(f, joints)
        down, right = divmod(phase, upscale)
        # The cell above (row 0) reaches the last of three times r rows.
        place = (2 - row) * upscale + down, (2 - column) * upscale + right
        found[(*place, joint, c)] = weight
    return found


def test_sub_pixels_are_the_12x12_transposed_convolution_of_the_same_weights():
    sub_pixel, convolution = last_layer("sub_pixel", 4)
    deconvolution, last = last_layer("deconvolution12", 4)
    kernel, bias = noise(*convolution.kernel.shape), noise(3)
    convolution.set_weights([kernel, np.tile(bias, 16)])
    last.set_weights([transposed(kernel, 4), bias])
    cells = noise(2, 4, 5, 6, seed=1)
    expected = np.asarray(deconvolution(cells))
    assert expected.shape == (2, 16, 20, 3) and np.abs(expected).max() > 1
    np.testing.assert_allclose(sub_pixel(cells), expected, rtol=1e-5, atol=1e-5)


def test_bilinear_convolves_the_interpolated_features():
    """A kernel of one tap leaves what was interpolated: quarters between 1 and 3."""
    model, last = last_layer("bilinear", 2, channels=1, joints=1, cells=(1, 2))
    kernel = np.zeros((3, 3, 1, 1))
    kernel[1, 1] = 1
    last.set_weights([kernel, np.array([0.5])])
    found = model(np.array([1.0, 3.0], np.float32).reshape(1, 1, 2, 1))
    np.testing.assert_allclose(found[0, :, :, 0], [[1.5, 2, 3, 3.5]] * 2, rtol=1e-6)


def test_a_transposed_convolution_smaller_than_its_stride_leaves_its_bias():
    """A single cell through a 3x3 kernel of ones: 9 of 16 parts."""
    model, last = last_layer("deconvolution3", 4, channels=1, joints=1, cells=(1, 1))
    last.set_weights([np.ones((3, 3, 1, 1)), np.array([0.25])])
    found = np.asarray(model(np.ones((1, 1, 1, 1), np.float32)))
    assert (found == 1.25).sum() == 9 and (found == 0.25).sum() == 7


@pytest.mark.parametrize("upscaling", UPSCALINGS)
@pytest.mark.parametrize("upscale", [2, 3, 5])
def test_any_upscaling_at_any_ratio_learns_in_all_its_weights(upscaling, upscale):
    features, maps = keras.Input((3, 4, 7)), keras.Input((3, 4, 2))
    options = {"channels": 5, "upscale": upscale, "upscaling": upscaling}
    model = keras.Model([features, maps], enhance(features, maps, **options)[1])
    fill_weights(model)
    given = [tf.constant(noise(2, 3, 4, 7)), tf.constant(noise(2, 3, 4, 2, seed=1))]
    with tf.GradientTape() as tape:
        tape.watch(given)
        found = model(given)
        assert found.shape == (2, 3 * upscale, 4 * upscale, 2)
        loss = tf.reduce_sum(found * noise(*found.shape, seed=2))
    variables = [weight.value for weight in model.trainable_variables]
    for gradient in [*tape.gradient(loss, [*variables, *given])]:
        assert np.isfinite(gradient).all() and np.any(gradient)


def test_new_maps_start_near_0():
    keras.utils.set_random_seed(1)
    features, maps = keras.Input((3, 4, 7)), keras.Input((3, 4, 2))
    model = keras.Model([features, maps], enhance(features, maps)[1])
    found = np.abs(model([noise(2, 3, 4, 7), noise(2, 3, 4, 2)]))
    assert 0 < found.max() < 0.5


# --- LiteRT -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("upscale, upscaling", [(3, "sub_pixel"), (2, "bilinear")])
def test_litert_has_all_its_operators_and_answers_the_same(
    upscale, upscaling, tmp_path
):
    x = keras.Input((4, 5, 6), name="x")
    features = context(x, x, 4, 3, "features")
    outputs = {"maps": enlarge(features, 2, upscale, upscaling)}
    model = fill_weights(keras.Model({"x": x}, outputs))
    write_saved_model(model, tmp_path, batch=1)
    cells = noise(1, 4, 5, 6)
    found = litert.predict(litert.convert(str(tmp_path)), {"x": cells})
    expected = model({"x": cells})["maps"]
    np.testing.assert_allclose(found["maps"], expected, rtol=1e-4, atol=1e-4)
