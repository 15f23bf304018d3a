"""Conversion to LiteRT: which operators, which of them in int8, and refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from tfpose import errors
from tfpose.edge import flatbuffer
from tfpose.exporting import litert
from tfpose.exporting.savedmodel import write_saved_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """x -> exp -> convolution -> convolution -> softmax, named and of static batch."""
    x = keras.Input((8, 8, 2), name="x")
    y = layers.Activation("exponential")(x)
    y = layers.Conv2D(4, 3, activation="relu")(y)
    y = layers.Conv2D(3, 3)(y)
    y = layers.Softmax()(y)
    folder = tmp_path_factory.mktemp("saved_model")
    write_saved_model(keras.Model({"x": x}, {"y": y}), folder, batch=1)
    return str(folder)


@pytest.fixture(scope="module")
def examples():
    x = np.random.default_rng(0).uniform(-1, 1, (10, 8, 8, 2))
    return {"x": x.astype(np.float32)}


@pytest.fixture(scope="module")
def float32(saved_model):
    return litert.convert(saved_model)


@pytest.fixture(scope="module")
def int8(float32, examples):
    return litert.convert_to_int8(float32, examples)


def test_operators_are_named_in_the_order_of_execution(float32):
    assert litert.operator_names(float32) == ["EXP", "CONV_2D", "CONV_2D", "SOFTMAX"]


def test_tensors_outside_convolutions_are_all_but_those_between_two(float32):
    interpreter = Interpreter(model_content=float32)
    shapes = {d["name"]: tuple(d["shape"]) for d in interpreter.get_tensor_details()}
    found = [shapes[name] for name in litert.outside_convolutions(float32)]
    # exp, the last convolution and softmax; not the convolution between.
    assert found == [(1, 8, 8, 2), (1, 4, 4, 3), (1, 4, 4, 3)]


def test_every_example_is_answered_in_its_place(saved_model, float32, examples):
    found = litert.predict(float32, examples)
    expected = tf.saved_model.load(saved_model).signatures["serving_default"]
    for i in range(10):
        one = expected(x=tf.constant(examples["x"][i : i + 1]))["y"]
        np.testing.assert_allclose(found["y"][i : i + 1], one, atol=1e-5)


def test_int8_is_used_between_convolutions_only(float32, int8, examples):
    names = litert.operator_names(int8)
    assert names == ["EXP", "QUANTIZE", "CONV_2D", "DEQUANTIZE", "CONV_2D", "SOFTMAX"]
    details = Interpreter(model_content=int8).get_tensor_details()
    shapes = {tuple(d["shape"]) for d in details if d["dtype"] == np.int8}
    # The quantized input, the first kernel and the first convolution.
    assert shapes == {(1, 8, 8, 2), (4, 3, 3, 2), (1, 6, 6, 4)}
    expected = litert.predict(float32, examples)["y"]
    found = litert.predict(int8, examples)["y"]
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_an_int8_model_keeps_its_weights_beside_a_description(int8, examples):
    described = flatbuffer.embed(int8, {"format": 1})
    np.testing.assert_array_equal(
        litert.predict(described, examples)["y"], litert.predict(int8, examples)["y"]
    )


def test_half_precision_halves_the_weights_and_little_else(
    saved_model, float32, examples
):
    content = litert.convert(saved_model, half=True)
    details = Interpreter(model_content=content).get_tensor_details()
    assert any(d["dtype"] == np.float16 for d in details)
    expected = litert.predict(float32, examples)["y"]
    np.testing.assert_allclose(
        litert.predict(content, examples)["y"], expected, atol=1e-3
    )


def test_an_operator_that_litert_lacks_is_named_in_one_line(tmp_path):
    x = keras.Input((8, 8, 2), name="x")
    grown = layers.Lambda(
        lambda x: tf.nn.dilation2d(
            x, tf.zeros((3, 3, 2)), [1] * 4, "SAME", "NHWC", [1] * 4
        )
    )(x)
    write_saved_model(keras.Model({"x": x}, {"y": grown}), tmp_path, batch=1)
    with pytest.raises(errors.LiteRTError, match="Dilation2D") as error:
        litert.convert(str(tmp_path))
    assert "\n" not in str(error.value)
