"""DARK's expansion: exact on Gaussians, steady in noise, finite everywhere."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.exporting import litert
from tfpose.exporting.savedmodel import write_saved_model
from tfpose.layers.dark import NEIGHBORS, DarkPosition, expansion_peak, modulate
from tfpose.layers.heatmaps import PeakPosition

SIZE = (24, 32)
REACH = 5  # cells of the window on either side, for a sigma of 2


def gaussians(centers, sigma=2.0, other=None, angle=0.0, size=SIZE):
    """f32[1, h, w, K] with a peak of 1; axes turned by ``angle`` from x and y."""
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    widths = np.diag([sigma**-2, (other or sigma) ** -2])
    rows, columns = np.mgrid[: size[0], : size[1]]
    apart = np.stack([columns, rows], -1)[:, :, None] - np.asarray(centers)
    squared = np.einsum("yxki,ij,yxkj->yxk", apart, turn @ widths @ turn.T, apart)
    return np.exp(-squared / 2)[None].astype(np.float32)


def random_centers(count=50, margin=REACH + 1, seed=0):
    high = np.array(SIZE[::-1]) - 1 - margin
    return np.random.default_rng(seed).uniform(margin, high, (count, 2))


def in_cells(maps, sigma=2.0):
    return np.asarray(DarkPosition(stride=1, sigma=sigma)(maps))[0]


# --- Gaussians --------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
def test_the_center_of_a_gaussian_of_any_width_is_exact(sigma):
    centers = random_centers()
    maps = gaussians(centers, sigma)
    np.testing.assert_allclose(in_cells(maps), centers, atol=1e-3)
    np.testing.assert_allclose(maps, gaussians(centers, sigma))  # as they were


@pytest.mark.parametrize("angle", [0.5, 2.0])
def test_the_center_of_a_slanted_ellipse_is_exact_and_between_two_lines_is_not(angle):
    centers = random_centers()
    maps = gaussians(centers, 1.2, 3.0, angle)
    np.testing.assert_allclose(in_cells(maps), centers, atol=1e-3)
    lines = np.asarray(PeakPosition(stride=1)(maps))[0]
    assert np.abs(lines - centers).max() > 0.2


@pytest.mark.parametrize("stride", [4, 4 / 3])
def test_the_answer_is_in_px_of_the_crop(stride):
    layer = DarkPosition(stride, sigma=2 * stride)
    found = layer(gaussians([[10.25, 12.4]]))[0, 0]
    expected = [10.75 * stride - 0.5, 12.9 * stride - 0.5]
    np.testing.assert_allclose(found, expected, atol=1e-3 * stride)


@pytest.mark.parametrize("scale", [1e-3, 255.0])
def test_a_peak_of_any_height_is_at_its_place(scale):
    centers = random_centers()
    maps = scale * gaussians(centers, 3.0)
    np.testing.assert_allclose(in_cells(maps), centers, atol=1e-3)


def test_noise_moves_the_peak_less_than_the_line_through_three_cells():
    centers = random_centers(200)
    random = np.random.default_rng(1)
    clean = gaussians(centers)
    maps = clean + random.normal(0, 0.02, clean.shape).astype(np.float32)
    layers = DarkPosition(1, 2.0), PeakPosition(1)
    dark, lines = (np.abs(np.asarray(a(maps))[0] - centers).mean() for a in layers)
    assert dark < 0.02 and lines > 3 * dark


# --- borders ----------------------------------------------------------------------


def test_on_the_border_the_cell_counts_across_and_the_expansion_along_it():
    """Peaks at the middle of each side and in the corners."""
    centers = np.array(
        [[0, 9.3], [31, 9.7], [12.4, 0], [12.4, 23], [0, 0], [31, 23], [-0.4, 23.4]]
    )
    expected = np.clip(centers, 0, np.array(SIZE[::-1]) - 1)
    np.testing.assert_allclose(in_cells(gaussians(centers)), expected, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("inset", [0.6, 1, 2.3, REACH - 0.6, REACH - 0.4, REACH + 0.4])
def test_a_window_that_leaves_the_map_does_not_pull_the_peak_inwards(inset):
    width, height = SIZE[1] - 1, SIZE[0] - 1
    centers = [
        [inset, 12.2], [width - inset, 12.2], [15.7, inset], [15.7, height - inset],
        [inset, inset], [width - inset, height - inset],
    ]  # fmt: skip
    found = in_cells(gaussians(centers))
    np.testing.assert_allclose(found, centers, atol=1e-3)
    lines = np.asarray(PeakPosition(1)(gaussians(centers)))[0]
    np.testing.assert_allclose(found, lines, atol=1e-3)


# --- maps that are no Gaussians ---------------------------------------------------


def test_a_flat_map_answers_its_first_cell_as_the_parabola_does():
    for value in (0.0, 0.3, -1.0):
        maps = np.full((1, *SIZE, 2), value, np.float32)
        np.testing.assert_array_equal(in_cells(maps), [[0, 0], [0, 0]])
        np.testing.assert_array_equal(PeakPosition(1)(maps)[0], [[0, 0], [0, 0]])


def test_a_single_cell_is_at_its_center():
    maps = np.zeros((1, *SIZE, 2), np.float32)
    maps[0, 11, 17, 0] = maps[0, 2, 3, 1] = 1
    np.testing.assert_allclose(in_cells(maps), [[17, 11], [3, 2]], atol=1e-4)


def test_a_ridge_without_a_maximum_along_it_stays_at_its_cell():
    """Curvature 0 along y: the Hessian has no inverse."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    ridge = np.exp(-((columns - 15.3) ** 2) / 8).astype(np.float32)
    ridge[12] *= np.float32(1 + 1e-7)  # the first of its equals is on the border
    found = in_cells(ridge[None, :, :, None])
    assert found[0, 0] == 15 and found[0, 1] == 12


def test_a_peak_does_not_leave_the_reach_of_the_kernel():
    """A single high cell beside a broad hill, whose slope points far away."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    hill = np.exp(-((columns - 24) ** 2 + (rows - 12) ** 2) / (2 * 9.0**2))
    hill[12, 10] = 1.01
    found = in_cells(hill[None, :, :, None].astype(np.float32))[0]
    assert 10 < found[0] <= 12 and found[1] == pytest.approx(12, abs=1e-3)


def test_noise_of_any_kind_gives_finite_places_in_or_beside_the_map():
    random = np.random.default_rng(2)
    for maps in (random.normal(size=(9, *SIZE, 5)), random.random((9, 3, 4, 5)) < 0.2):
        found = DarkPosition(1, 2.0)(maps.astype(np.float32))
        assert found.shape == (9, 5, 2) and np.isfinite(found).all()
        low, high = -0.5, np.array(maps.shape[2:0:-1]) - 0.5
        assert (found >= low).numpy().all() and (found <= high).numpy().all()


# --- the parts --------------------------------------------------------------------


def test_the_modulation_by_hand():
    """A single cell of 3 becomes the kernel, with 3 in its middle."""
    maps = np.zeros((1, 5, 7, 2), np.float32)
    maps[0, 2, 3, 1] = 3
    near, far = np.exp(-0.5), np.exp(-2)
    profile = np.array([far, near, 1, near, far])
    found = np.asarray(modulate(tf.constant(maps), sigma=1.0, reach=2))
    expected = np.zeros((5, 7))
    expected[:, 1:6] = 3 * np.outer(profile, profile)
    np.testing.assert_allclose(found[0, ..., 1], expected, rtol=1e-5)
    assert not found[..., 0].any()  # an empty map stays empty


def quadratic(slope, hessian):
    """Values at all neighbors d: slope . d + d . hessian . d / 2."""
    steps = np.array(NEIGHBORS)
    values = steps @ slope + ((steps @ hessian) * steps).sum(axis=1) / 2
    values = tf.constant(values[:, None, None], tf.float32)
    return dict(zip(NEIGHBORS, values, strict=True))


def peak_of(slope, hessian, inner_x=True, inner_y=True):
    inner = tf.constant([[inner_x]]), tf.constant([[inner_y]])
    found = expansion_peak(quadratic(np.array(slope), np.array(hessian)), *inner)
    return [float(part[0, 0]) for part in found]


def test_the_peak_of_a_quadratic_by_hand():
    """H^-1 of [[-2, 1], [1, -1]] is [[-1, -1], [-1, -2]]; -H^-1 (0.3, -0.1)."""
    found = peak_of([0.3, -0.1], [[-2, 1], [1, -1]])
    np.testing.assert_allclose(found, [0.2, 0.1], atol=1e-6)


def test_without_a_neighbor_an_axis_is_left_out():
    slope, hessian = [0.3, -0.1], [[-2, 1], [1, -1]]
    across = peak_of(slope, hessian, inner_x=False)
    np.testing.assert_allclose(across, [0, -0.1], atol=1e-6)
    along = peak_of(slope, hessian, inner_y=False)
    np.testing.assert_allclose(along, [0.15, 0], atol=1e-6)


@pytest.mark.parametrize(
    "hessian",
    [[[0, 0], [0, 0]], [[2, 0], [0, 2]], [[-1, 2], [2, -1]], [[-1, 1], [1, -1]]],
    ids=["flat", "minimum", "saddle", "ridge"],
)
def test_where_there_is_no_maximum_the_cell_is_the_answer(hessian):
    assert peak_of([0.3, -0.1], hessian) == [0, 0]


# --- as a layer -------------------------------------------------------------------


def test_gradients_are_finite_and_move_the_peak_towards_what_grows():
    maps = tf.Variable(gaussians([[15.3, 12.4]]))
    with tf.GradientTape() as tape:
        x = DarkPosition(1, 2.0)(maps)[0, 0, 0]
    gradient = tape.gradient(x, maps).numpy()[0, ..., 0]
    assert np.isfinite(gradient).all()
    assert gradient[12, 14] < 0 < gradient[12, 17]


def test_a_saved_layer_comes_back():
    layer = DarkPosition(4 / 3, 6.0)
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert copy.get_config() == layer.get_config()
    assert (copy.stride, copy.sigma) == (4 / 3, 6.0)


@pytest.mark.slow
def test_litert_has_all_its_operators_and_answers_the_same(tmp_path):
    heatmap = keras.Input((*SIZE, 4), name="heatmap")
    model = keras.Model({"heatmap": heatmap}, {"points": DarkPosition(1, 2.0)(heatmap)})
    write_saved_model(model, tmp_path, batch=1)
    maps = gaussians([[10.2, 12.6], [0, 5.3], [30.1, 2.0], [17.5, 8.5]])
    found = litert.predict(litert.convert(str(tmp_path)), {"heatmap": maps})
    np.testing.assert_allclose(found["points"][0], in_cells(maps), atol=1e-3)
