"""CPN: its sizes, what its levels give each other, and how they are supervised."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.models import imagenet
from tfpose.models.cpn import CPN, SIGMAS, enlarge
from tfpose.models.summary import summarize

SMALL = {"joints": 3, "input_size": (64, 96), "trunk": "tiny", "filters": 8}


@pytest.fixture(scope="module")
def resnet50():
    """The authors' network for COCO at 256 x 192."""
    return CPN(17)


@pytest.fixture(scope="module")
def small():
    """A narrow pyramid on the small trunk, filled with noise."""
    return fill_weights(CPN(**SMALL))


def images(people=2):
    random = np.random.default_rng(0)
    return {"image": random.uniform(0, 255, (people, 64, 96, 3)).astype(np.float32)}


def values(model, names):
    """Outputs of layers, by their names, for the same photos."""
    outputs = {name: model.get_layer(name).output for name in names}
    found = keras.Model(model.input, outputs)(images())
    return [np.asarray(found[name]) for name in names]


# --- sizes -----------------------------------------------------------------------


def check_size(model, parameters, billions):
    summary = summarize(model, "cpn")
    assert summary["trainable_parameters"] == parameters
    assert summary["multiply_adds"] == pytest.approx(billions * 1e9, rel=1e-4)
    maps = dict.fromkeys([f"global{n}" for n in (2, 3, 4, 5)], [64, 48, 17])
    assert summary["outputs"] == {**maps, "heatmap": [64, 48, 17], "keypoints": [17, 2]}
    assert model.features.shape == (None, 64, 48, 256) and model.stride == 4


@pytest.mark.slow
def test_the_network_for_coco_has_the_published_size(resnet50):
    """The often quoted 27.0 million parameters."""
    check_size(resnet50, 27_009_770, 7.231)


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_with_resnet101_it_has_its_size():
    check_size(CPN(17, trunk="resnet101"), 46_001_898, 10.867)


@pytest.mark.slow
def test_its_components_have_their_sizes(resnet50):
    def size(*beginnings):
        weights = [
            weight
            for layer in resnet50.layers
            if layer.name.startswith(beginnings)
            for weight in layer.trainable_weights
        ]
        return sum(int(np.prod(weight.shape)) for weight in weights)

    assert size("stem", "stage") == 23_508_032  # ResNet-50 without its top
    for level, channels in ((2, 256), (3, 512), (4, 1024), (5, 2048)):
        # Kernels and the normalization's scales and offsets.
        assert size(f"lateral{level}") == channels * 256 + 2 * 256
        assert size(f"merge{level}") == (256 * 256 + 256 if level < 5 else 0)
        assert size(f"global{level}") == 65_536 + 512 + 9 * 256 * 17 + 2 * 17
        one = 2 * 256 * 128 + 9 * 128 * 128 + 2 * (128 + 128 + 256)
        assert size(f"refine{level}") == (level - 2) * one
    # 1024 channels in, and a shortcut's convolution.
    last = 1024 * 128 + 9 * 128 * 128 + 128 * 256 + 1024 * 256
    assert size("refine_last") == last + 2 * (128 + 128 + 256 + 256)
    assert size("refine_maps") == 9 * 256 * 17 + 2 * 17


# --- the network -----------------------------------------------------------------


def test_enlarging_is_bilinear_about_the_middles_of_cells():
    x = keras.Input((1, 2, 1))
    cells = np.float32([[[[0], [4]]]])
    by_two = keras.Model(x, enlarge(x, 2, "e"))(cells)
    np.testing.assert_allclose(by_two[0, :, :, 0], [[0, 1, 3, 4]] * 2, atol=1e-6)
    by_four = keras.Model(x, enlarge(x, 4, "e"))(cells)
    expected = [0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]
    np.testing.assert_allclose(by_four[0, 3, :, 0], expected, atol=1e-6)
    assert enlarge(x, 1, "e") is x


@pytest.mark.slow
@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_level_adds_what_the_coarser_one_has_found(small, level):
    above = "lateral5_relu" if level == 4 else f"merge{level + 1}_add"
    upsampled = f"merge{level}_upsample"
    names = [above, upsampled, f"lateral{level}_relu", f"merge{level}_add"]
    above, upsampled, lateral, total = values(small, names)
    x = keras.Input(above.shape[1:])
    np.testing.assert_allclose(keras.Model(x, enlarge(x, 2, "e"))(above), upsampled)
    kernel, bias = small.get_layer(f"merge{level}_conv").get_weights()
    by_hand = lateral + upsampled @ kernel[0, 0] + bias
    np.testing.assert_allclose(total, by_hand, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_each_level_gives_maps_of_the_first_ones_resolution(small):
    levels = ["merge2_add", "merge3_add", "merge4_add", "lateral5_relu"]
    found = small(images())
    for number, (level, factor) in enumerate(zip(levels, (1, 2, 4, 8), strict=True), 2):
        name = f"global{number}"
        features, own = values(small, [level, f"{name}_maps_bn"])
        assert features.shape == (2, 16 // factor, 24 // factor, 8)
        assert own.shape == (2, 16 // factor, 24 // factor, 3)
        x = keras.Input(own.shape[1:])
        by_hand = keras.Model(x, enlarge(x, factor, "e"))(own)
        np.testing.assert_allclose(found[name], by_hand, rtol=1e-5, atol=1e-5)
        assert found[name].shape == (2, 16, 24, 3)
        # A head of its own on each level.
        seen = small.get_layer(f"{name}_features_conv").input
        assert seen is small.get_layer(level).output


@pytest.mark.slow
def test_refinenet_sees_all_levels_and_the_coarser_through_more_bottlenecks(small):
    names = ["merge2_add"] + [f"refine{level}_upsample" for level in (3, 4, 5)]
    *levels, together = values(small, [*names, "refine_levels"])
    np.testing.assert_array_equal(np.concatenate(levels, axis=-1), together)
    layers = {layer.name for layer in small.layers}
    for level, blocks in ((2, 0), (3, 1), (4, 2), (5, 3)):
        made = [n for n in range(9) if f"refine{level}_block{n}_add" in layers]
        assert made == list(range(blocks))
    features = keras.Model(small.input, small.features)(images())
    (last,) = values(small, ["refine_last_out"])
    np.testing.assert_array_equal(features, last)
    maps = small(images())["heatmap"]
    np.testing.assert_array_equal(maps, values(small, ["refine_maps_bn"])[0])


@pytest.mark.slow
def test_gradients_of_the_heatmap_alone_reach_all_but_the_heads_of_the_levels(small):
    """RefineNet's errors train the pyramid and the trunk too."""
    with tf.GradientTape() as tape:
        maps = small(images())["heatmap"]
        weights = np.random.default_rng(1).normal(size=maps.shape)
        loss = tf.reduce_sum(maps * weights.astype(np.float32))
    variables = small.trainable_variables
    gradients = tape.gradient(
        loss,
        [variable.value for variable in variables],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    for variable, gradient in zip(variables, gradients, strict=True):
        assert np.isfinite(gradient).all(), variable.path
        assert np.any(gradient) != variable.path.startswith("global"), variable.path


@pytest.mark.slow
def test_maps_begin_with_small_values():
    """They are normalized, and most cells of their targets are 0."""
    keras.utils.set_random_seed(1)
    found = CPN(**SMALL)(images(), training=True)
    for name in ("global2", "heatmap"):
        maps = np.asarray(found[name])
        np.testing.assert_allclose(maps.mean((0, 1, 2)), 0, atol=1e-5)
        np.testing.assert_allclose(maps.std((0, 1, 2)), 1 / 255, rtol=0.02)


# --- what it is taught, where it starts, and what it refuses ---------------------


def test_the_levels_have_targets_of_the_authors_widths():
    # OpenCV's sigma of a window of so many cells; a cell has 4 px.
    windows = (15, 11, 9, 7)
    by_hand = [4 * (0.3 * ((size - 1) / 2 - 1) + 0.8) for size in windows]
    np.testing.assert_allclose(SIGMAS, by_hand)


@pytest.mark.slow
def test_each_level_has_its_own_target(small):
    assert small.targets == {
        "global2": {"sigma": 10.4},
        "global3": {"sigma": 8.0},
        "global4": {"sigma": 6.8},
        "global5": {"sigma": 5.6},
    }
    other = CPN(**SMALL, sigmas=[4, 3, 2, 1])
    assert [other.targets[f"global{n}"]["sigma"] for n in range(2, 6)] == [4, 3, 2, 1]


@pytest.mark.slow
def test_its_trunk_takes_imagenets_weights(resnet50):
    source = keras.applications.ResNet50(include_top=False, weights=None)
    imagenet.load(resnet50, "resnet50", source)
    kernel, _ = source.get_layer("conv3_block1_2_conv").get_weights()
    (found,) = resnet50.get_layer("stage1_block0_spatial_conv").get_weights()
    np.testing.assert_array_equal(found, kernel)


@pytest.mark.slow
def test_its_configuration_brings_it_back(small):
    config = small.get_config()
    assert {name: config[name] for name in SMALL} == SMALL
    # JSON has no tuples.
    again = CPN.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    assert [w.shape for w in again.weights] == [w.shape for w in small.weights]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"input_size": (64, 80)}, r"input_size: .*multiples of 32, got \(64, 80\)"),
        ({"trunk": "vgg16"}, "trunk: expected one of .*resnet50.*got 'vgg16'"),
        ({"filters": 7}, "filters: expected an even number, got 7"),
        ({"sigmas": (4, 3)}, r"sigmas: expected four positive numbers, got \(4, 3\)"),
        ({"sigmas": (4, 3, 2, 0)}, "sigmas: expected four positive numbers"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CPN(**{**SMALL, **options})
