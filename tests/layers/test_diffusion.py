"""Diffusion of heatmaps: definition, literal cases, gradients; both of its forms.

``tests/training/test_on_device.py`` has it under JAX.
"""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.diffusions import (
    built_library,
    direct,
    gradients,
    one_case,
    random_case,
)
from tfpose import native
from tfpose.exporting import litert, savedmodel
from tfpose.layers.diffusion import AtLeast, Diffusion, diffuse

# --- the definition --------------------------------------------------------------


@pytest.fixture(scope="module")
def library(project):
    return built_library(project)


@pytest.fixture(params=["portable", "native"])
def form(request):
    """``diffuse`` in both of its forms."""
    if request.param == "portable":
        return diffuse
    request.getfixturevalue("library")
    return native.diffuse


@pytest.mark.parametrize("radius", [1, 2, 7])
def test_values_are_those_of_the_direct_definition(form, radius):
    case = random_case((2, 9, 11, 3), radius)
    np.testing.assert_array_equal(form(*case, radius), direct(*case, radius))


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (6, 1), (2, 3)])
def test_maps_smaller_than_the_radius(form, size):
    case = random_case((2, *size, 2))
    np.testing.assert_array_equal(form(*case, 7), direct(*case, 7))


def test_a_peak_by_hand(form):
    rows = np.zeros((5, 5))
    rows[2, 1] = 1
    found = form(*one_case(rows, quadratic=(0.25, 0.5)), 2)
    expected = [
        [0, 0, 0, 0, 0],
        [0.25, 0.5, 0.25, 0, 0],
        [0.75, 1, 0.75, 0, 0],
        [0.25, 0.5, 0.25, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(found[0, :, :, 0], expected)


def test_beyond_the_radius_nothing_arrives(form):
    found = form(*one_case([[8, 0, 0, 0, 0]], quadratic=(0.5, 0.5)), 2)
    np.testing.assert_array_equal(found[0, 0, :, 0], [8, 7.5, 6, 0, 0])


def test_linear_weights_move_a_peak(form):
    # 0.25 dx^2 - dx is least, -1, at dx = 2: the peak answers for the cell 2 before it.
    found = form(*one_case([[0, 0, 0, 1, 0]], (-1, 0), (0.25, 0)), 3)
    np.testing.assert_array_equal(found[0, 0, :, 0], [1.75, 2, 1.75, 1, 0])
    found = form(*one_case([[0], [0], [1]], (0, -1), (0, 0.25)), 3)
    np.testing.assert_array_equal(found[0, :, 0, 0], [2, 1.75, 1])


def test_cells_outside_never_win(form):
    # Each step to the right gains 10, but from the border there is none.
    found = form(*one_case([[-5, -7, -6]] * 2, linear=(-10, 0)), 7)
    np.testing.assert_array_equal(found[0, :, :, 0], [[14, 4, -6]] * 2)


def test_channels_and_maps_do_not_touch(form):
    maps, linear, quadratic = random_case((3, 5, 6, 4))
    whole = np.array(form(maps, linear, quadratic, 3))
    one = np.s_[..., 2:3]
    alone = form(maps[1:2][one], linear[one], quadratic[one], 3)
    np.testing.assert_array_equal(whole[1:2][one], alone)


def test_no_maps_at_all(form):
    case = random_case((0, 4, 5, 2))
    assert form(*case, 7).shape == (0, 4, 5, 2)
    by_map, linear, quadratic = gradients(form, case, 7, np.zeros((0, 4, 5, 2)))
    assert by_map.shape == (0, 4, 5, 2)
    assert not linear.any() and not quadratic.any()


# --- gradients -------------------------------------------------------------------


def routed(form, rows, upstream, radius, quadratic=(0.25, 0.25), linear=(0, 0)):
    """Where the gradient of each cell arrives, and the weights' gradients."""
    upstream = np.float32(upstream)[None, :, :, None]
    case = one_case(rows, linear, quadratic)
    by_map, *by_weight = gradients(form, case, radius, upstream)
    return by_map[0, :, :, 0].tolist(), [weight[:, 0].tolist() for weight in by_weight]


def test_the_gradient_goes_to_the_winner(form):
    rows = [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
    upstream = [[1, 2, 4], [8, 16, 32], [64, 128, 256]]
    by_map, (linear, quadratic) = routed(form, rows, upstream, 1)
    assert by_map == [[0, 0, 0], [0, 511, 0], [0, 0, 0]]
    # dx is 1 in the first column and -1 in the last; dy is 1 in the first row.
    left, right, top, bottom = 1 + 8 + 64, 4 + 32 + 256, 1 + 2 + 4, 64 + 128 + 256
    assert linear == [right - left, bottom - top]
    assert quadratic == [-left - right, -top - bottom]


@pytest.mark.parametrize(
    "rows, arrives",
    [
        # Nobody gains: (0, 0) wins.
        ([[1, 1, 1]], [[1, 2, 4]]),
        # Left and right are equal: -1 comes before 1.
        ([[1, 0, 1]], [[1 + 2, 0, 4]]),
        # Above and below likewise.
        ([[1], [0], [1]], [[1 + 2], [0], [4]]),
        # From above or from the left: dy = 0 comes before dy = -1.
        ([[0, 2], [2, 0]], [[0, 2 + 1], [4 + 8, 0]]),
        # 2 away on the left and 1 on the right, both worth 0.75: 1 before -2.
        ([[1.75, 0, 0, 1]], [[1 + 2, 0, 0, 4 + 8]]),
    ],
    ids=["none", "row", "column", "diagonal", "distance"],
)
def test_of_equals_the_first_in_order_wins(form, rows, arrives):
    upstream = 2.0 ** np.arange(np.size(rows)).reshape(np.shape(rows))
    assert routed(form, rows, upstream, 2)[0] == arrives


def test_a_five_by_five_map_with_ties_by_hand(form):
    rows = np.zeros((5, 5))
    rows[0, 0] = rows[0, 4] = rows[4, 2] = 2
    found = form(*one_case(rows, quadratic=(0.5, 0.5)), 2)
    expected = [
        [2, 1.5, 0, 1.5, 2],
        [1.5, 1, 0, 1, 1.5],
        [0, 0, 0, 0, 0],
        [0, 1, 1.5, 1, 0],
        [0, 1.5, 2, 1.5, 0],
    ]
    np.testing.assert_array_equal(found[0, :, :, 0], expected)
    by_map, (linear, quadratic) = routed(
        form, rows, np.ones((5, 5)), 2, quadratic=(0.5, 0.5)
    )
    # Where a peak of 2 arrives as 0, the cell itself is as good and comes first.
    assert by_map == [
        [4, 0, 1, 0, 4],
        [0, 0, 1, 0, 0],
        [1, 1, 1, 1, 1],
        [1, 0, 0, 0, 1],
        [1, 0, 6, 0, 1],
    ]
    # dx: -1 and 1 twice each in the upper corners and below; dy: -1 twice at each
    # corner, 1 three times above the lower peak.
    assert linear == [0, 4 - 3] and quadratic == [-8, -7]


def test_at_the_border_the_gradient_stays_inside(form):
    by_map, (linear, quadratic) = routed(
        form, [[1, 0, 0]], [[1, 2, 4]], 7, linear=(-1, 0), quadratic=(0, 0)
    )
    # Each step to the right gains 1, but from the border there is none.
    assert by_map == [[0, 0, 1 + 2 + 4]]
    assert linear == [-(1 * 2 + 2 * 1), 0] and quadratic == [-(1 * 4 + 2 * 1), 0]


def test_one_cell_keeps_its_gradient(form):
    by_map, weights = routed(form, [[5]], [[3]], 7)
    assert by_map == [[3]] and weights == [[0, 0], [0, 0]]


def test_gradients_are_those_of_finite_differences(form):
    case = random_case((2, 6, 7, 2), seed=3)
    random = np.random.default_rng(4)
    upstream = random.normal(size=case[0].shape)
    found = gradients(form, case, 3, upstream)
    exact = [array.astype(np.float64) for array in case]
    step = 1e-6
    for which, gradient in enumerate(found):
        for index in np.ndindex(exact[which].shape):
            values = []
            for sign in (1, -1):
                moved = [array.copy() for array in exact]
                moved[which][index] += sign * step
                values.append((upstream * direct(*moved, 3)).sum())
            expected = (values[0] - values[1]) / (2 * step)
            np.testing.assert_allclose(gradient[index], expected, rtol=0, atol=1e-4)


# --- types, graphs, backends -----------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_types_are_computed_in_float32(form, dtype):
    maps, linear, quadratic = random_case((1, 6, 7, 2))
    maps = tf.cast(maps, dtype)
    found = form(maps, linear, quadratic, 7)
    assert found.dtype == dtype
    expected = direct(tf.cast(maps, tf.float32).numpy(), linear, quadratic, 7)
    assert tf.reduce_all(found == tf.cast(expected, dtype))
    by_map, *by_weight = gradients(
        form, (maps, linear, quadratic), 7, tf.ones_like(maps)
    )
    assert by_map.dtype == tf.as_dtype(dtype).as_numpy_dtype
    assert by_map.astype(np.float64).sum() == 6 * 7 * 2
    assert all(weight.dtype == np.float32 for weight in by_weight)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_graph_and_xla_compute_the_same_and_compile_soon(jit_compile):
    case = random_case((2, 9, 8, 3))
    upstream = tf.constant(random_case((2, 9, 8, 3), 1)[0])

    @tf.function(jit_compile=jit_compile)
    def both(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            diffused = diffuse(*tensors, 7)
        return diffused, *tape.gradient(diffused, tensors, upstream)

    start = time.process_time()
    found = both(*map(tf.constant, case))
    # Of the 225 shifted maxima XLA would compile for minutes.
    assert time.process_time() - start < 60
    expected = [direct(*case, 7), *gradients(diffuse, case, 7, upstream)]
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-5)


# --- the layer -------------------------------------------------------------------


def model_of(layer, shape=(6, 5, 3)):
    maps = keras.Input(shape, name="maps")
    return keras.Model({"maps": maps}, {"output": layer(maps)})


def test_a_layer_begins_at_its_initial_weights():
    layer = Diffusion(radius=3, linear=0.5, quadratic=0.25)
    maps = random_case((2, 6, 5, 3))[0]
    found = layer(maps)
    assert [weight.path.split("/")[-1] for weight in layer.trainable_weights] == [
        "linear",
        "quadratic",
    ]
    weights = [np.full((2, 3), start, np.float32) for start in (0.5, 0.25)]
    for weight, expected in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    np.testing.assert_array_equal(found, direct(maps, *weights, 3))


def test_at_first_a_sure_joint_just_fills_the_window():
    rows = np.zeros((17, 17))
    rows[8, 8] = 1
    found = Diffusion()(one_case(rows)[0])[0, :, :, 0].numpy()
    np.testing.assert_allclose(found[1, 1], 1 - 0.01 * 98, atol=1e-6)
    assert (found[1:16, 1:16] > 0).all() and not found[0].any()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"radius": 0}, "radius: expected 1 or more cells, found 0"),
        ({"quadratic": 1e-4}, "quadratic: expected the bound 0.001 or more"),
    ],
)
def test_a_layer_that_makes_no_sense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Diffusion(**settings)


def test_a_saved_layer_comes_back():
    layer = Diffusion(5, 0.1, 0.2, 0.05, name="spread")
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(copy) is Diffusion and copy.get_config() == layer.get_config()
    assert (
        layer.get_config().items()
        >= {
            "radius": 5,
            "linear": 0.1,
            "quadratic": 0.2,
            "bound": 0.05,
        }.items()
    )
    bound = keras.constraints.deserialize(keras.constraints.serialize(AtLeast(0.05)))
    np.testing.assert_allclose(bound(tf.constant([-1, 0.05, 2])), [0.05, 0.05, 2])


def test_fitting_never_takes_the_quadratic_weights_below_their_bound():
    model = model_of(Diffusion(radius=2, quadratic=0.02, bound=0.01))
    maps = random_case((4, 6, 5, 3))[0]
    # Targets above all maps: the smaller the penalty, the better.
    targets = {"output": np.full_like(maps, 2)}
    model.compile(keras.optimizers.SGD(0.05), "mse", jit_compile=False)
    model.fit({"maps": maps}, targets, epochs=3, batch_size=2, verbose=0)
    linear, quadratic = model.get_weights()
    np.testing.assert_array_equal(quadratic, np.float32(0.01))
    assert linear.all()


@pytest.mark.parametrize("training", [False, True])
def test_under_mixed_precision_maps_and_weights_stay_float32(training):
    layer = Diffusion(radius=7, quadratic=0.0127, dtype="mixed_float16")
    maps = one_case([[1] + [0] * 7])[0]
    found = layer(maps, training=training)
    assert found.dtype == "float32"
    # In float16 the weight is 0.012703: the last values would be others.
    expected = 1 - 0.0127 * np.arange(8) ** 2
    np.testing.assert_allclose(found[0, 0, :, 0], expected, rtol=0, atol=1e-6)


# --- exports ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept")
def test_exports_have_no_operator_of_ours_and_no_winners(tmp_path):
    model = model_of(Diffusion(radius=3))
    maps = random_case((2, 6, 5, 3))[0]
    model.compile("sgd", "mse", jit_compile=False)
    model.fit({"maps": maps}, {"output": maps + 1}, verbose=0)
    savedmodel.write_saved_model(model, tmp_path, batch=1)
    assert b"Tfpose" not in (tmp_path / "saved_model.pb").read_bytes()
    content = litert.convert(str(tmp_path))
    names = litert.operator_names(content)
    assert names.count("MAXIMUM") == 2 * 2 * 3
    assert not {"GREATER", "SELECT", "SELECT_V2"} & set(names)
    found = litert.predict(content, {"maps": maps})["output"]
    np.testing.assert_allclose(found, model({"maps": maps})["output"], atol=1e-6)
