"""The diffusion's operators in C++: what they compute, when they are used, building."""

import functools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.diffusions import built_library, gradients, one_case, random_case
from tfpose import native
from tfpose.layers.diffusion import Diffusion, diffuse


@pytest.fixture(scope="module")
def library(project):
    return built_library(project)


# --- the operators ---------------------------------------------------------------


def test_native_gradients_are_those_of_the_portable_form(library):
    case = random_case((5, 13, 11, 14), seed=5)
    upstream = np.random.default_rng(6).normal(size=case[0].shape)
    expected = gradients(diffuse, case, 7, upstream)
    found = gradients(native.diffuse, case, 7, upstream)
    again = gradients(native.diffuse, case, 7, upstream)
    for value, wanted, same in zip(found, expected, again, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(value, same)


def test_winners_of_the_operator_by_hand(library):
    maps, linear, quadratic = one_case(
        [[0, 0, 0], [2, 0, 0], [0, 0, 0]], quadratic=(0.25, 0.25)
    )
    _, dx, dy = library.tfpose_diffuse(maps, linear, quadratic, radius=1)
    assert dx[0, :, :, 0].numpy().tolist() == [[0, -1, 0]] * 3
    assert dy[0, :, :, 0].numpy().tolist() == [[1, 1, 0], [0, 0, 0], [-1, -1, 0]]


def test_the_operator_refuses_what_does_not_fit(library):
    maps, linear, quadratic = random_case((1, 4, 5, 3))
    for case in (
        (maps[0], linear, quadratic),
        (maps, linear[:, :2], quadratic),
        (maps, linear, quadratic[:1]),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected"):
            library.tfpose_diffuse(*case, radius=2)
    offsets = np.zeros(maps.shape, np.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected the same"):
        library.tfpose_diffuse_grad(maps, offsets, offsets[:, 1:])
    offsets[0, 0, 0, 0] = -1
    with pytest.raises(tf.errors.InvalidArgumentError, match="inside the map"):
        library.tfpose_diffuse_grad(maps, offsets, 0 * offsets)


def test_a_graph_knows_the_shapes_of_the_operator(library):
    @tf.function(input_signature=[tf.TensorSpec((None, 4, 5, 3))])
    def diffused(maps):
        return native.diffuse(maps, tf.zeros((2, 3)), tf.ones((2, 3)), 2)

    assert diffused.get_concrete_function().output_shapes == (None, 4, 5, 3)


# --- when they are used ----------------------------------------------------------


def operators_of(layer, training):
    """The types of the operators in the graph of a layer's gradient."""

    @tf.function
    def step(maps):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            diffused = layer(maps, training=training)
        return tape.gradient(diffused, maps)

    graph = step.get_concrete_function(tf.TensorSpec((None, 6, 5, 3))).graph
    return {operator.type for operator in graph.get_operations()}


def test_training_is_native_and_inference_is_portable(library):
    training = operators_of(Diffusion(1), training=True)
    assert {"TfposeDiffuse", "TfposeDiffuseGrad"} <= training
    assert "Maximum" not in training
    inference = operators_of(Diffusion(1), training=False)
    assert "Maximum" in inference and "TfposeDiffuse" not in inference


def test_keras_does_not_compile_what_xla_does_not_know(library, monkeypatch):
    maps = keras.Input((6, 5, 3))
    model = keras.Model(maps, Diffusion()(maps))
    model.compile("sgd", "mse")  # jit_compile="auto"
    assert not model.jit_compile
    monkeypatch.setattr(native, "is_usable", lambda: False)
    assert Diffusion().supports_jit


@pytest.fixture
def other_folder(tmp_path, monkeypatch):
    """An empty folder where the library is looked for."""
    monkeypatch.setattr(native, "FOLDER", tmp_path)
    for name in ("operators", "_warn"):  # as if never called
        function = getattr(native, name).__wrapped__
        monkeypatch.setattr(native, name, functools.cache(function))
    return tmp_path


def test_without_the_library_training_is_portable(other_folder):
    layer = Diffusion(radius=1)
    assert layer.supports_jit and not native.is_usable()
    assert "Maximum" in operators_of(layer, training=True)


def test_a_library_for_another_tensorflow_is_left_alone_with_a_warning(other_folder):
    (other_folder / "diffusion-tf1.15.0.so").write_bytes(b"")
    with pytest.warns(RuntimeWarning, match="found diffusion-tf1.15.0.so") as found:
        layer = Diffusion(radius=1)
        assert "Maximum" in operators_of(layer, training=True)
    assert len(found) == 1 and "\n" not in str(found[0].message)


def test_a_library_that_does_not_load_is_left_alone_with_a_warning(other_folder):
    native.library().write_bytes(b"not a library")
    layer = Diffusion(radius=1)
    with pytest.warns(RuntimeWarning, match="diffusion is not used") as found:
        assert "Maximum" in operators_of(layer, training=True)
    assert len(found) == 1 and "\n" not in str(found[0].message)


# --- building --------------------------------------------------------------------


def test_without_a_compiler_building_says_so_in_one_line(project):
    build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    environment = {**os.environ, "PATH": "", "CXX": ""}
    found = subprocess.run(
        build, cwd=project, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines() == [
        "tfpose.native: not built, works without: found no C++ compiler"
    ]
