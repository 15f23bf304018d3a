"""The graph that is served: the model's own keypoints, whatever its form."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.support.cases import CASES
from tests.support.contracts import arrays, build, fill_weights, inputs_of
from tfpose.layers.blocks import PhaseConvolution
from tfpose.layers.heatmaps import LocalSoftArgmax, SpatialSoftmax
from tfpose.models import PoseFix
from tfpose.models.serving_graph import in_float32, serving_model, with_phases
from tfpose.skeletons import LSP14

MODELS = {c.name: c for c in CASES if c.name.startswith(("posefix", "hcrn"))}
every_model = pytest.mark.parametrize("name", ["posefix", "posefix_coarse", "hcrn"])


def client_inputs(case, batch=2):
    inputs = inputs_of(case, batch)
    return {**inputs, "image": inputs["image"].astype(np.uint8)}


@pytest.mark.slow
@every_model
@pytest.mark.parametrize("phases", [True, False])
def test_keypoints_are_those_of_the_model_or_near_a_refiners_peaks(name, phases):
    case = MODELS[name]
    model = build(case)
    served = serving_model(model, LSP14, phases)
    found = arrays(served(client_inputs(case)))
    outputs = model(inputs_of(case))
    expected = outputs["keypoints"]
    if model.is_refiner and model.activation == "softmax":
        np.testing.assert_allclose(found["expected"], expected, rtol=0, atol=1e-4)
        expected = LocalSoftArgmax()(SpatialSoftmax()(outputs["heatmap"]))
    np.testing.assert_allclose(found["keypoints"], expected, rtol=0, atol=1e-4)
    assert served.input["image"].dtype == "uint8"
    assert set(served.input) == set(case.inputs)
    assert found["scores"].shape == (2, len(LSP14))
    assert (found["scores"] >= 0).all() and (found["scores"] <= 1).all()


def test_an_estimators_scores_are_its_maps_largest_values():
    case = MODELS["hcrn"]
    served = serving_model(build(case), LSP14, phases=True, belief=True)
    found = arrays(served(client_inputs(case)))
    logits = np.asarray(build(case)(inputs_of(case))["heatmap"])[..., :14]
    expected = 1 / (1 + np.exp(-logits.max((1, 2))))
    np.testing.assert_allclose(found["scores"], expected, atol=1e-5)
    largest = found["belief"].max((1, 2))
    np.testing.assert_allclose(found["scores"], largest, atol=1e-6)


def test_only_four_by_four_upsampling_by_two_becomes_phases():
    inputs = keras.Input((4, 4, 2))
    x = layers.Conv2DTranspose(3, 4, 2, "same", name="phases")(inputs)
    x = layers.Conv2DTranspose(3, 4, 2, "valid", name="valid")(x)
    x = layers.Conv2DTranspose(3, 2, 2, "same", name="two")(x)
    model = keras.Model(inputs, layers.Conv2D(1, 4, name="plain")(x))
    changed = with_phases(model)
    kinds = {layer.name: type(layer) for layer in changed.layers}
    assert kinds["phases"] is PhaseConvolution
    assert kinds["valid"] is kinds["two"] is layers.Conv2DTranspose
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(changed(x), model(x), atol=1e-5)
    assert not any(isinstance(layer, PhaseConvolution) for layer in model.layers)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize(
    "followers",
    ["", "relu", "normalization", "normalization relu", "normalization sum"],
)
def test_normalization_is_folded_where_it_alone_follows(
    followers, activation, use_bias
):
    inputs = keras.Input((3, 4, 2))
    x = up = layers.Conv2DTranspose(
        3, 4, 2, "same", activation=activation, use_bias=use_bias
    )(inputs)
    if "normalization" in followers:
        x = layers.BatchNormalization(name="normalization")(x)
    if "relu" in followers:
        x = layers.ReLU()(x)
    if "sum" in followers:
        x = layers.Add()([x, up])
    model = fill_weights(keras.Model(inputs, x))
    changed = with_phases(model)
    folded = activation is None and "sum" not in followers
    left = "normalization" in followers and not folded
    assert ("normalization" in [layer.name for layer in changed.layers]) == left
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(changed(x), model(x), atol=1e-5)


@pytest.mark.slow
def test_a_mixed_models_scores_mean_the_same_in_float32():
    model = PoseFix(14, (64, 64), "tiny", 3.0, (4, 4, 4), dtype="mixed_bfloat16")
    model.score_fit = (0.5, 2.0)
    assert in_float32(model).score_fit == (0.5, 2.0)
