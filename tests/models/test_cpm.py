"""Convolutional pose machines: their sizes, and what each stage sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.models import cpm
from tfpose.models.cpm import (
    CenterMap,
    ConvolutionalPoseMachine,
    convolutional_pose_machine,
)
from tfpose.models.summary import multiply_adds, summarize


def network(stages, outputs=4, size=(None, None)):
    image = keras.Input((*size, 3))
    return keras.Model(image, convolutional_pose_machine(image, outputs, stages))


@pytest.fixture(scope="module")
def noisy():
    """Three stages for any size, filled with noise."""
    return fill_weights(network(3))


def images(people, height, width):
    random = np.random.default_rng(0)
    return random.uniform(0, 255, (people, height, width, 3)).astype(np.float32)


@pytest.mark.usefixtures("without_weights")
def test_six_stages_have_the_published_size():
    """The net for LSP: 14 joints and the background on 368 x 368 px."""
    model = ConvolutionalPoseMachine(14)
    summary = summarize(model, "cpm")
    maps = dict.fromkeys([f"stage{n}" for n in range(1, 6)], [46, 46, 15])
    assert summary["outputs"] == {**maps, "heatmap": [46, 46, 15], "keypoints": [14, 2]}
    assert model.features.shape == (None, 46, 46, 128) and model.stride == 8
    assert summary["trainable_parameters"] == 31_219_866
    assert summary["multiply_adds"] == pytest.approx(175.4e9, rel=1e-3)
    parameters, products = [0] * 6, [0] * 6
    for layer in model.layers:
        if layer.weights:
            stage = int(layer.name[-1]) - 1
            parameters[stage] += layer.count_params()
            products[stage] += multiply_adds(layer)[0]
    assert parameters == [4_386_095, 7_515_311] + [4_829_615] * 4
    expected = [63.97e9, 70.59e9] + [10.22e9] * 4
    assert products == pytest.approx(expected, rel=1e-3)


# --- the estimator ---------------------------------------------------------------

ESTIMATOR = {"joints": 3, "input_size": (24, 16), "stages": 3, "filters": 8}


@pytest.fixture(scope="module")
def estimator():
    """Three narrow stages, filled with noise."""
    return fill_weights(ConvolutionalPoseMachine(**ESTIMATOR))


def test_its_outputs_are_the_maps_of_the_stages(estimator):
    assert list(estimator.output) == ["stage1", "stage2", "heatmap", "keypoints"]
    names = "conv7_stage1 Mconv5_stage2 Mconv5_stage3".split()
    by_layer = [estimator.get_layer(name).output for name in names]
    photo = {"image": images(1, 24, 16)}
    expected = keras.Model(estimator.input, by_layer)(photo)
    found = estimator(photo)
    for name, maps in zip(("stage1", "stage2", "heatmap"), expected, strict=True):
        assert maps.shape == (1, 3, 2, 4)
        np.testing.assert_array_equal(found[name], maps)


def test_the_background_has_no_keypoint(estimator):
    """Whatever the background's map is, the joints' peaks stay where they are."""
    photo = {"image": images(2, 24, 16)}
    before = np.asarray(estimator(photo)["keypoints"])
    layer = estimator.get_layer("Mconv5_stage3")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias + [0, 0, 0, 100]])
    after = np.asarray(estimator(photo)["keypoints"])
    layer.set_weights([kernel, bias])
    assert before.shape == (2, 3, 2)
    np.testing.assert_array_equal(before, after)


def test_fewer_filters_are_fewer_everywhere(estimator):
    widths = {layer.name: layer.filters for layer in estimator.layers if layer.weights}
    expected = dict.fromkeys(widths, 8)
    expected |= {"conv4_stage1": 2, "conv4_stage2": 2, "conv1_stage3": 2}
    expected |= {"conv5_stage1": 32, "conv6_stage1": 32}
    expected |= {"conv7_stage1": 4, "Mconv5_stage2": 4, "Mconv5_stage3": 4}
    assert widths == expected
    assert estimator.features.shape == (None, 3, 2, 8)


def test_its_configuration_brings_it_back(estimator):
    config = estimator.get_config()
    assert {name: config[name] for name in ESTIMATOR} == ESTIMATOR
    again = ConvolutionalPoseMachine.from_config(config)
    assert again.get_config() == config
    assert [w.shape for w in again.weights] == [w.shape for w in estimator.weights]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"input_size": (24, 20)}, r"input_size: .*multiples of 8, got \(24, 20\)"),
        ({"stages": 0}, "stages: expected at least 1, got 0"),
        ({"filters": 3}, "filters: expected at least 4, got 3"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ConvolutionalPoseMachine(**{**ESTIMATOR, **options})


# --- its stages ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("stages, width", [(1, 512), (2, 128)])
def test_without_the_last_convolution_only_its_weights_are_missing(stages, width):
    whole = fill_weights(network(stages))
    image = keras.Input((None, None, 3))
    maps, found = cpm.features(image, 4, stages)
    model = keras.Model(image, [*maps, found])
    weights = {weight.path: weight.numpy() for weight in whole.weights}
    last = "conv7_stage1" if stages == 1 else "Mconv5_stage2"
    missing = set(weights) - {weight.path for weight in model.weights}
    assert missing == {f"{last}/kernel", f"{last}/bias"}
    for weight in model.weights:
        weight.assign(weights[weight.path])
    photo = images(1, 16, 24)
    maps, features = whole(photo)
    assert len(maps) == stages and features.shape == (1, 2, 3, width)
    np.testing.assert_array_equal(keras.tree.flatten(model(photo))[-1], features)
    kernel, bias = whole.get_layer(last).get_weights()
    by_hand = np.asarray(features) @ kernel[0, 0] + bias
    np.testing.assert_allclose(maps[-1], by_hand, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_later_stages_see_the_image_the_last_maps_and_the_center(noisy):
    names = "conv4_stage2 conv7_stage1 center_map concat_stage2".split()
    names += "conv1_stage3 Mconv5_stage2 center_map concat_stage3".split()
    parts = [noisy.get_layer(name).output for name in names]
    parts = keras.Model(noisy.input, parts)(images(2, 16, 24))
    for start in (0, 4):
        *seen, together = map(np.asarray, parts[start : start + 4])
        np.testing.assert_array_equal(np.concatenate(seen, -1), together)
    # Stage 3 has its own convolution on the second stage's image features.
    shared = noisy.get_layer("pool3_stage2").output
    for name in ("conv4_stage2", "conv1_stage3"):
        assert noisy.get_layer(name).input is shared


def test_a_cell_of_the_first_stage_sees_167_px():
    """By hand: (size - 1) x stride for each window, and 1.

    conv1 8, pool1 2, conv2 8 x 2, pool2 2 x 2, conv3 8 x 4, pool3 2 x 4, conv4 4 x 8,
    conv5 8 x 8: 166. The middle of a pool's window is pixel 1 of its cell's 2: of the
    cell's 8, pixel 7.
    """
    model = network(1)
    for weight in model.weights:  # all positive: what a cell sees, changes it
        fan_in = np.prod(weight.shape[:-1])
        value = 0 if weight.path.endswith("bias") else 1 / fan_in
        weight.assign(np.full(weight.shape, value))
    pixels, middles = (160, 167), 8 * np.arange(40) + 7
    photos = np.full((1 + len(pixels), 8, 8 * 40, 3), 128, np.float32)
    for photo, pixel in zip(photos[1:], pixels, strict=True):
        photo[:, pixel] += 100
    found = np.asarray(model(photos)[0][0])[:, 0, :, 0]
    assert not found[0].any()  # 128 becomes 0
    for cells, pixel in zip(found[1:], pixels, strict=True):
        np.testing.assert_array_equal(cells > 0, np.abs(middles - pixel) <= 83)


def test_sizes_may_differ_and_batches_do_not_mix(noisy):
    for height, width in ((8, 24), (32, 16)):
        photos = images(2, height, width)
        maps, features = noisy(photos)
        cells = (2, height // 8, width // 8)
        assert [one.shape for one in maps] == [(*cells, 4)] * 3
        assert features.shape == (*cells, 128)
        for alone, together in zip(noisy(photos[1:])[0], maps, strict=True):
            np.testing.assert_allclose(alone, together[1:], rtol=1e-4, atol=1e-5)


def test_gradients_reach_every_weight(noisy):
    random = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        loss = 0.0
        for maps in noisy(images(2, 16, 24), training=True)[0]:
            weights = random.normal(size=maps.shape).astype(np.float32)
            loss += tf.reduce_sum(maps * weights)
    variables = noisy.trainable_variables
    for weight, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        assert np.isfinite(gradient).all() and np.any(gradient), weight.path


# --- the center map --------------------------------------------------------------


@pytest.mark.parametrize("size", [(16, 24), (8, 8), (64, 40)])
def test_the_center_map_averages_a_gaussian_in_the_middle_of_the_crop(size):
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (rows - (size[0] - 1) / 2) ** 2 + (columns - (size[1] - 1) / 2) ** 2
    gaussian = np.exp(-squared / (2 * 5.0**2))
    expected = [
        [gaussian[row : row + 9, column : column + 9].mean() for column in cells_x]
        for cells_x in [range(0, size[1], 8)]
        for row in range(0, size[0], 8)
    ]
    found = CenterMap(sigma=5.0)(np.zeros((2, *size, 3)))
    assert found.shape == (2, size[0] // 8, size[1] // 8, 1)
    for person in range(2):
        np.testing.assert_allclose(found[person, ..., 0], expected, rtol=1e-5)


def test_the_center_map_does_not_depend_on_the_image_or_on_a_known_size():
    static, free = keras.Input((24, 16, 3)), keras.Input((None, None, 3))
    models = [keras.Model(x, CenterMap()(x)) for x in (static, free)]
    assert models[0].output.shape == (None, 3, 2, 1)
    assert models[1].output.shape == (None, None, None, 1)
    for run in (lambda model: model, tf.function):
        found = [run(model)(images(3, 24, 16)) for model in models]
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0][0], found[0][2])
    assert CenterMap.from_config(CenterMap(sigma=3.0).get_config()).sigma == 3
