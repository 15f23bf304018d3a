"""EnhanceNet: its published sizes, the shuffle, and what it makes of its base."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.support.contracts import fill_weights
from tfpose import config
from tfpose.codecs import AllPeople, GaussianHeatmap, JointsOfPeople, WithBackground
from tfpose.io.files import write_json
from tfpose.layers.heatmaps import PeakPosition
from tfpose.models.base import PoseEstimator
from tfpose.models.enhance_net import BASES, EnhanceNet, enhance
from tfpose.models.integral_pose import IntegralPose
from tfpose.models.objectives import codec_of, losses_of
from tfpose.models.simple_baseline import SimpleBaseline
from tfpose.models.summary import summarize
from tfpose.recipes import RECIPES, associative_embedding
from tfpose.recipes import enhance_net as recipes
from tfpose.skeletons import LSP14
from tfpose.training.fit import start_from

JOINTS, SIZE = 5, (32, 64)
SMALL = {"channels": 6, "upscale": 4}


@keras.saving.register_keras_serializable(package="tests")
class TwoStages(PoseEstimator):
    """A base with a background, a stage before its last and targets of its own."""

    def __init__(
        self, joints, input_size=SIZE, width=8, activation="linear", name="two_stages",
        trainable=True,
    ):  # fmt: skip
        image = keras.Input((*input_size, 3), name="image")
        x = layers.Rescaling(1 / 255)(image)
        x = layers.Conv2D(width, 4, 4, name="stem")(x)
        x = layers.BatchNormalization(name="stem_bn")(x)
        early = layers.Conv2D(joints + 1, 1, name="early")(x)
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name="late")(x)
        super().__init__(
            image,
            {"stage1": early, "heatmap": layers.Conv2D(joints + 1, 1, name="last")(x)},
            x,
            arguments={
                "joints": joints,
                "input_size": tuple(input_size),
                "width": width,
                "activation": activation,
            },
            activation=activation,
            targets={
                "stage1": {"sigma": 12.0, "background": True},
                "heatmap": {"sigma": 6.0, "background": True},
            },
            name=name,
            trainable=trainable,
        )


def images(people=2):
    shape = (people, *SIZE, 3)
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def small():
    return fill_weights(EnhanceNet(TwoStages(JOINTS), **SMALL))


def part(model, *names):
    """The outputs of layers as arrays, for ``images()``."""
    outputs = [model.get_layer(name).output for name in names]
    return map(np.asarray, keras.Model(model.input, outputs)({"image": images()}))


# --- behind a base ----------------------------------------------------------------


def test_outputs_are_those_of_the_base_and_the_enlarged_maps(small):
    found = small({"image": images()})
    assert {name: x.shape for name, x in found.items()} == {
        "stage1": (2, 8, 16, JOINTS + 1),
        "base_heatmap": (2, 8, 16, JOINTS + 1),
        "heatmap": (2, 32, 64, JOINTS),
        "keypoints": (2, JOINTS, 2),
    }
    peaks = PeakPosition(1)(found["heatmap"])
    np.testing.assert_array_equal(found["keypoints"], peaks)
    assert (small.stride, small.joints, small.input_size) == (1, JOINTS, SIZE)
    assert (small.activation, small.name) == ("linear", "enhance_net")
    assert small.features.shape == (None, 8, 16, 6)


def test_the_first_layer_sees_features_and_joints_maps_without_the_background(small):
    names = "late", "last", "enhance_concat", "enhance_conv1", "enhance_conv2"
    features, maps, seen, first, second = part(small, *names)
    together = np.concatenate([features, maps[..., :JOINTS]], -1)
    np.testing.assert_array_equal(seen, together)
    kernel, bias = small.get_layer("enhance_conv1").get_weights()
    by_hand = np.maximum(seen @ kernel[0, 0] + bias, 0)
    np.testing.assert_allclose(first, by_hand, rtol=1e-4, atol=1e-5)
    assert first.any() and (second >= 0).all() and second.any()
    assert small.get_layer("enhance_maps").activation is keras.activations.linear


@pytest.mark.parametrize("inputs, width", [("features", 8), ("maps", JOINTS)])
def test_table_5a_is_an_argument(inputs, width):
    model = EnhanceNet(TwoStages(JOINTS), inputs=inputs, **SMALL)
    assert model.get_layer("enhance_conv1").kernel.shape == (1, 1, width, 6)
    assert model({"image": images()})["heatmap"].shape == (2, 32, 64, JOINTS)


def test_of_a_base_with_logits_it_sees_beliefs_and_makes_logits():
    base = TwoStages(JOINTS, activation="sigmoid")
    model = EnhanceNet(base, inputs="maps", **SMALL)
    assert model.activation == "sigmoid"
    maps, beliefs = part(model, "last", "enhance_beliefs")
    expected = 1 / (1 + np.exp(-maps[..., :JOINTS]))
    np.testing.assert_allclose(beliefs, expected, rtol=1e-5, atol=1e-6)
    # Before training, every cell is likely empty.
    np.testing.assert_allclose(model({"image": images()})["heatmap"], -5, atol=0.1)
    found = fill_weights(model)({"image": images()})
    peaks = PeakPosition(1)(keras.ops.sigmoid(found["heatmap"]))
    np.testing.assert_allclose(found["keypoints"], peaks, atol=1e-4)


@pytest.mark.parametrize("upscale, stride", [(2, 2), (3, 4 / 3), (5, 0.8)])
def test_the_stride_may_be_a_fraction(upscale, stride):
    model = fill_weights(EnhanceNet(TwoStages(JOINTS), upscale, channels=6))
    assert model.stride == pytest.approx(stride)
    found = model({"image": images()})
    assert found["heatmap"].shape == (2, 8 * upscale, 16 * upscale, JOINTS)
    rows, columns = np.divmod(
        np.argmax(np.reshape(found["heatmap"], (2, -1, JOINTS)), 1), 16 * upscale
    )
    cells = (np.asarray(found["keypoints"]) + 0.5) / stride - 0.5
    assert np.abs(cells - np.stack([columns, rows], -1)).max() <= 0.5001


def test_targets_of_the_base_keep_their_width_in_px(small):
    assert small.targets == {
        "stage1": {"sigma": 12.0, "background": True},
        "base_heatmap": {"sigma": 6.0, "background": True},
        "heatmap": {"sigma": 6.0},
    }
    assert codecs_of(EnhanceNet(TwoStages(14), **SMALL)) == {
        "stage1": WithBackground(GaussianHeatmap(SIZE, 4, sigma=12.0)),
        "base_heatmap": WithBackground(GaussianHeatmap(SIZE, 4, sigma=6.0)),
        "heatmap": GaussianHeatmap(SIZE, 1, sigma=6.0),
    }


def codecs_of(model):
    """Of LSP's joints, by output."""
    config = dataclasses.replace(recipes.tiny(), skeleton="lsp14", input_size=SIZE)
    maps = [name for name in model.output if name != "keypoints"]
    return {name: codec_of(model, config, name) for name in maps}


def test_base_and_enlargement_are_trained_together():
    base = TwoStages(JOINTS)
    model = fill_weights(EnhanceNet(base, **SMALL))
    shared = {weight.path for weight in base.trainable_variables}
    with tf.GradientTape() as tape:
        heatmap = model({"image": images()}, training=True)["heatmap"]
        loss = tf.reduce_sum(heatmap * noise(*heatmap.shape))
    variables = model.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    found = {v.path: g for v, g in zip(variables, gradients, strict=True)}
    assert shared < set(found)
    for path, gradient in found.items():
        if path.startswith("early"):  # which the enlarged maps are not made of
            assert gradient is None
        elif path != "stem/bias":  # which the normalization takes away
            assert np.isfinite(gradient).all() and np.any(gradient), path


def test_its_layers_are_the_bases_own_and_so_are_their_weights():
    base = fill_weights(TwoStages(JOINTS))
    model = EnhanceNet(base, **SMALL)
    for layer in base.layers:
        if layer.weights:
            assert model.get_layer(layer.name) is layer
    expected, found = (m({"image": images()}) for m in (base, model))
    np.testing.assert_array_equal(found["base_heatmap"], expected["heatmap"])
    np.testing.assert_array_equal(found["stage1"], expected["stage1"])
    assert len({id(weight) for weight in model.weights}) == len(model.weights)


# --- configuration ----------------------------------------------------------------


def test_its_configuration_brings_base_and_enlargement_back(small):
    config = small.get_config()
    assert config["base"]["config"]["width"] == 8
    again = EnhanceNet.from_config(config)
    assert again.get_config() == config
    assert again.weights[0] is not small.weights[0]
    again.set_weights(small.get_weights())
    expected = small({"image": images()})
    for name, found in again({"image": images()}).items():
        np.testing.assert_array_equal(found, expected[name])


# Keras raises it when it saves weights under NumPy 2.4.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept")
def test_a_saved_network_answers_the_same_after_loading(tmp_path):
    base = TwoStages(JOINTS)
    base.compile("sgd", loss={"heatmap": "mse"})  # which is not the network's own
    model = fill_weights(
        EnhanceNet(base, 3, 6, layers=2, inputs="maps", upscaling="bilinear")
    )
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is EnhanceNet and again.get_config() == model.get_config()
    expected = model({"image": images()})
    for name, found in again({"image": images()}).items():
        np.testing.assert_array_equal(found, expected[name])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept")
def test_a_base_trained_before_gives_its_weights(tmp_path):
    """As ``--weights`` does, by the names of layers."""
    nano = {"trunk": "tiny", "filters": (8, 8, 8)}
    tiny = dataclasses.replace(recipes.tiny(), input_size=(32, 32))
    before = dataclasses.replace(tiny, model="simple_baseline", network=nano)
    write_json(tmp_path / "config.json", before.to_json())
    skeleton = tiny.skeleton
    base = SimpleBaseline.for_skeleton(skeleton, input_size=(32, 32), **nano)
    fill_weights(base).save_weights(tmp_path / "model.weights.h5")
    model = EnhanceNet.for_skeleton(skeleton, input_size=(32, 32), channels=6, **nano)
    start_from(model, tiny, str(tmp_path))
    for layer in base.layers:
        taken = model.get_layer(layer.name).get_weights() if layer.weights else []
        for found, weight in zip(taken, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(found, weight)


SMALL_BASES = {
    "simple_baseline": {"trunk": "tiny", "filters": (8, 8, 8)},
    "hourglass": {"stacks": 2, "stem": (4, 4, 4, 8), "depth": 1},
    "hrnet": {"width": 4, "modules": (1,), "blocks": 1, "stem": 4},
    "cpn": {"trunk": "tiny", "filters": 8},
    "dlcm": {"levels": 2, "filters": 32, "depth": 1},
    "cpm": {"stages": 2, "filters": 4},
    "rnet": {"filters": 8, "stacks": 2, "depth": 1, "blocks": 1},
    "cnet": {"filters": 8, "depths": (1, 1), "blocks": 1},
    "movenet": {"width": 0.1},
    "associative_embedding": {
        "stacks": 2, "filters": 8, "growth": 4, "depth": 1, "maps": 30,
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
@pytest.mark.usefixtures("without_weights")
def test_it_stands_behind_any_estimator_of_a_skeleton(base):
    options = {"input_size": (64, 64), **SMALL_BASES[base]}
    alone = BASES[base].for_skeleton(LSP14, **options)
    model = EnhanceNet(alone, upscale=2, channels=4)
    height, width, _ = alone.output["heatmap"].shape[1:]
    shapes = {name: x.shape for name, x in model.output.items()}
    assert shapes.pop("heatmap") == (None, 2 * height, 2 * width, 14)
    expected = {name: x.shape for name, x in alone.output.items()}
    expected["base_heatmap"] = expected.pop("heatmap")
    assert shapes == expected
    assert model.stride == alone.stride / 2 and model.joints == 14
    again = EnhanceNet.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert again.count_params() == model.count_params()


def test_tags_are_no_input_and_are_taught_in_their_own_cells():
    """Of Associative Embedding only the detections are enlarged."""
    recipe = config.override(
        recipes.tiny(associative_embedding.tiny),
        ["skeleton=lsp14", "input_size=64x64", "filters=8", "growth=4", "depth=2"],
    )
    model = of_recipe(recipe)
    kernel = model.get_layer("enhance_conv1").kernel
    assert kernel.shape == (1, 1, 8 + 14, 32)  # features and detections
    assert model.output["heatmap"].shape[1:] == (64, 64, 14)
    assert model.output["tags"].shape[1:] == (16, 16, 14)
    of_output, weights = losses_of(model, recipe)
    for name in ("tags", "stage1_tags"):
        assert (
            of_output[name].stride == 4
            and weights[name] == recipe.objective["tag_loss"]
        )
    assert of_output["keypoints"].stride == 1 and weights["base_heatmap"] == 1
    gaussian = {"heatmap": 1, "base_heatmap": 4, "stage1": 4}
    for name, stride in gaussian.items():
        expected = AllPeople(GaussianHeatmap((64, 64), stride, sigma=8.0))
        assert codec_of(model, recipe, name) == expected
    assert codec_of(model, recipe, "tags") == JointsOfPeople()


# --- the recipes ------------------------------------------------------------------


def of_recipe(recipe):
    return EnhanceNet.for_skeleton(
        recipe.skeleton, input_size=recipe.input_size, **recipe.network
    )


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_the_papers_network_is_simple_baseline_and_its_enlargement():
    recipe = recipes.paper()
    model = of_recipe(recipe)
    found = summarize(model, "enhance_net")
    assert found["trainable_parameters"] == 33_999_697 + 496_272
    assert found["multiply_adds"] == pytest.approx(9.654e9 + 1.523e9, rel=1e-4)
    assert found["outputs"] == {
        "heatmap": [256, 192, 17], "base_heatmap": [64, 48, 17], "keypoints": [17, 2]
    }  # fmt: skip
    codecs = [codec_of(model, recipe, name) for name in ("heatmap", "base_heatmap")]
    assert codecs == [GaussianHeatmap((256, 192), s, sigma=8.0) for s in (1, 4)]


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_behind_dlcm_it_has_the_size_of_both():
    """15,497,150 parameters are DLCM's and 477,696 are EnhanceNet's."""
    found = summarize(of_recipe(recipes.paper_dlcm()), "enhance_net")
    assert found["trainable_parameters"] == 15_974_846
    assert found["multiply_adds"] == pytest.approx(18.681e9, rel=1e-4)
    maps = {name: shape[-1] for name, shape in found["outputs"].items()}
    assert maps["heatmap"] == maps["base_heatmap"] == 16


# MoveNet's recipe has losses of its own.
OTHER_RECIPES = "simple_baseline", "movenet"


@pytest.mark.parametrize(
    "name, base",
    [
        ("paper", "simple_baseline"),
        ("paper_hrnet", "hrnet"),
        ("paper_cpn", "cpn"),
        ("paper_hourglass", "hourglass"),
        ("paper_dlcm", "dlcm"),
        ("paper_associative_embedding", "associative_embedding"),
        ("tiny", "simple_baseline"),
        *((f"tiny_{base}", base) for base in BASES if base not in OTHER_RECIPES),
    ],
)
def test_a_recipe_is_its_bases_and_the_enlargement(name, base):
    recipe = RECIPES["enhance_net"][name]()
    assert (recipe.model, recipe.network["base"]) == ("enhance_net", base)
    assert recipe.network["channels"] == (128 if "paper" in name else 32)
    assert (recipe.network["upscale"], recipe.network["layers"]) == (4, 3)
    # The code's maps of CPN are 255 times as large.
    weight = 255**2 if name == "paper_cpn" else 1
    assert recipe.heatmap_loss == weight and recipe.coordinate_loss == 0
    assert recipe.stage_loss == weight * (0.125 if base == "cpn" else 1)  # eta
    expected = "cells" if "paper" in name else "mean"  # Eq. 7 is a sum
    assert recipe.objective["reduction"] == expected
    assert recipe.objective.get("hard_joints") == (8 if base == "cpn" else None)
    assert recipe.heatmap_error == "squared" and recipe.target["codec"] == "gaussian"


@pytest.mark.slow
@pytest.mark.parametrize("base", [None, *recipes.TINY_BASES])
@pytest.mark.usefixtures("without_weights")
def test_the_tiny_recipe_builds_a_network_for_its_crops(base):
    recipe = RECIPES["enhance_net"]["tiny" if base is None else f"tiny_{base}"]()
    model = of_recipe(recipe)
    side, cells = recipe.input_size[0], 8 if base == "cpm" else 4
    channels = 18 if base == "cpm" else 17  # with a background
    assert model.output["heatmap"].shape == (None, *2 * (4 * side // cells,), 17)
    assert model.output["base_heatmap"].shape == (
        None, *2 * (side // cells,), channels,
    )  # fmt: skip


# --- refusals ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        ({"inputs": "all"}, "inputs: expected one of .*'maps'.*got 'all'"),
        ({"upscaling": "nearest"}, "upscaling: expected one of .*got 'nearest'"),
        ({"upscale": 1}, "upscale: expected a whole number from 2, got 1"),
        ({"upscale": 2.5}, "upscale: expected a whole number from 2, got 2.5"),
        ({"layers": 1}, "layers: expected a whole number from 2, got 1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    features, maps = keras.Input((3, 4, 7)), keras.Input((3, 4, 2))
    with pytest.raises(ValueError, match=message):
        enhance(features, maps, **options)
    with pytest.raises(ValueError, match=message):
        EnhanceNet(TwoStages(JOINTS), **options)


def test_bases_that_do_not_fit_are_refused(small):
    plain = keras.Model(small.input, small.output)
    integral = IntegralPose(JOINTS, SIZE, trunk="tiny", filters=(8, 8, 8))
    for base, message in (
        (plain, "base: expected a PoseEstimator, got Functional"),
        (
            integral,
            "base: expected .*linear.* integral_pose are arguments of a softmax",
        ),
        (small, "enhance_net is an EnhanceNet already"),
    ):
        with pytest.raises(ValueError, match=message):
            EnhanceNet(base)
    with pytest.raises(ValueError, match="base: expected one of .*'hrnet'.*'alexnet'"):
        EnhanceNet.for_skeleton(LSP14, base="alexnet")
    for base, options in (("hrnet", {"trunk": "tiny"}), ("cpn", {"filters": (8, 8)})):
        message = f"expected arguments of {BASES[base].__name__} .*{[*options][0]}"
        with pytest.raises(ValueError, match=message):
            EnhanceNet.for_skeleton(LSP14, base=base, **options)
