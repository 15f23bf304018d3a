"""Codecs: hand-written maps, encode and decode as inverses, borders, masks."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support.decoders import decode
from tfpose.codecs import (
    AllPeople,
    BinaryDisc,
    GaussianHeatmap,
    IntegralHeatmap,
    JointsOfPeople,
    WithBackground,
)
from tfpose.geometry import tensors
from tfpose.geometry.cells import to_pixels

# 2 x 3 cells of 4 px.
SIZE = (8, 12)
CODECS = [
    IntegralHeatmap((64, 48)),
    GaussianHeatmap((64, 48)),
    BinaryDisc((64, 48), radius=8.0),
]
# How far decoded joints may be off, px: of a disc any cell is as good.
TOLERANCE = dict(zip(CODECS, (2e-3, 2e-3, 8.0), strict=True))
EVERY = pytest.mark.parametrize("codec", CODECS, ids=lambda c: type(c).__name__)


def close(found, expected, atol=1e-4):
    np.testing.assert_allclose(found, expected, atol=atol, rtol=1e-5)


def at_cell(x, y, stride=4):
    """f32[1, 1, 2]: the joint, in crop pixels, at a place given in cells."""
    return to_pixels(tf.constant([[[x, y]]], tf.float32), stride)


def joints_inside(size, people=3, joints=5, margin=16, seed=0):
    """f32[people, joints, 2] at least ``margin`` px from the border."""
    high = np.array([size[1], size[0]]) - 1 - margin
    rng = np.random.default_rng(seed)
    return rng.uniform(margin, high, (people, joints, 2)).astype(np.float32)


# --- one-hot maps spread over four cells -----------------------------------------


@pytest.mark.parametrize(
    "cell, expected",
    [
        ((0, 0), [[1, 0, 0], [0, 0, 0]]),
        ((2, 1), [[0, 0, 0], [0, 0, 1]]),
        ((0.25, 0), [[0.75, 0.25, 0], [0, 0, 0]]),
        ((1.5, 0.25), [[0, 0.375, 0.375], [0, 0.125, 0.125]]),
        # At the border the cells inside get everything.
        ((-0.4, 1), [[0, 0, 0], [1, 0, 0]]),
        ((2.3, -0.3), [[0, 0, 1], [0, 0, 0]]),
        # A joint of which no cell is inside has no map.
        ((-1.2, 0), [[0, 0, 0], [0, 0, 0]]),
        ((1, 2), [[0, 0, 0], [0, 0, 0]]),
    ],
)
def test_the_mass_of_a_joint_is_spread_bilinearly(cell, expected):
    maps = IntegralHeatmap(SIZE).encode(at_cell(*cell), tf.ones((1, 1)))
    close(maps[0, :, :, 0], expected)


def test_each_valid_map_sums_to_one_anywhere_in_the_crop():
    codec = CODECS[0]
    keypoints = joints_inside((64, 48), margin=-0.5)
    total = tf.reduce_sum(codec.encode(keypoints, tf.ones((3, 5))), axis=(1, 2))
    close(total, np.ones((3, 5)))


def test_the_expectation_by_hand():
    heatmap = np.zeros((1, 2, 3, 1), np.float32)
    heatmap[0, :, :, 0] = [[0.5, 0, 0.25], [0, 0, 0.25]]
    keypoints, scores = decode(IntegralHeatmap(SIZE), tf.constant(heatmap))
    # x = 1 cell and y = 1/4 cell.
    close(keypoints, [[[5.5, 2.5]]])
    close(scores, [[0.5]])


def test_the_gradient_of_the_expectation_is_the_cells_place():
    heatmap = tf.Variable(tf.ones((1, 2, 3, 1)) / 6)
    with tf.GradientTape() as tape:
        x = decode(IntegralHeatmap(SIZE), heatmap)[0][0, 0, 0]
    close(tape.gradient(x, heatmap)[0, :, :, 0], [[0, 4, 8], [0, 4, 8]])


# --- Gaussians -------------------------------------------------------------------


def test_a_gaussian_by_hand():
    maps = GaussianHeatmap(SIZE, sigma=4.0).encode(at_cell(1, 0.5), tf.ones((1, 1)))
    rows, columns = np.exp([[-1 / 8], [-1 / 8]]), np.exp([-1 / 2, 0, -1 / 2])
    close(maps[0, :, :, 0], rows * columns)


def test_a_gaussians_peak_is_one_at_a_cells_center():
    maps = GaussianHeatmap((64, 48)).encode(at_cell(7, 9), tf.ones((1, 1)))
    assert maps.numpy().max() == 1 == maps[0, 9, 7, 0]


def test_at_the_border_the_cells_center_is_the_answer():
    codec = GaussianHeatmap((64, 48))
    keypoints = at_cell(-0.3, 15.4)
    found, _ = decode(codec, codec.encode(keypoints, tf.ones((1, 1))))
    close(found, at_cell(0, 15))


def test_a_map_of_zeros_gives_a_finite_place_without_score():
    keypoints, scores = decode(CODECS[1], tf.zeros((1, 16, 12, 2)))
    assert np.isfinite(keypoints).all() and not scores.numpy().any()


def test_of_equal_peaks_the_first_is_taken():
    heatmap = np.zeros((1, 16, 12, 1), np.float32)
    heatmap[0, 3, 9, 0] = heatmap[0, 8, 2, 0] = 1
    keypoints, _ = decode(CODECS[1], tf.constant(heatmap))
    close(keypoints, at_cell(9, 3))


# --- discs -----------------------------------------------------------------------


def disc(rows, cell, radius):
    """A map as rows of words of 0 and 1: what is expected, and what is encoded."""
    codec = BinaryDisc((4 * len(rows), 4 * len(rows[0])), radius=radius)
    maps = codec.encode(at_cell(*cell), tf.ones((1, 1)))
    expected = [[float(digit) for digit in row] for row in rows]
    return expected, maps[0, :, :, 0]


# Radii in px, at 4 px a cell.
DISCS = {
    "on a cell": (["00000", "00100", "01110", "00100", "00000"], (2, 2), 4.0),
    "a hair smaller": (["00000", "00000", "00100", "00000", "00000"], (2, 2), 3.99),
    "diagonal cells": (["00000", "01110", "01110", "01110", "00000"], (2, 2), 5.7),
    "between two": (["00000", "00000", "00110", "00000", "00000"], (2.5, 2), 4.0),
    "between two, wider": (
        ["00000", "00110", "00110", "00110", "00000"],
        (2.5, 2),
        5.0,
    ),
    "between four": (["00000", "01100", "01100", "00000", "00000"], (1.5, 1.5), 3.0),
    "on the border": (["00000", "00000", "10000", "00000", "00000"], (-0.5, 2), 4.0),
    "cut by the border": (["00000", "10000", "11000", "10000", "00000"], (0, 2), 4.0),
    "in the corner": (["00000", "00000", "00000", "00001", "00011"], (4, 4), 4.0),
    "one cell at least": (
        ["00000", "00000", "00000", "01000", "00000"],
        (1.3, 3.4),
        1.0,
    ),
    "no radius": (["00000", "00000", "00000", "00000", "00001"], (4.5, 4.49), 0.0),
    "outside, seen": (["00000", "00000", "10000", "00000", "00000"], (-0.9, 2), 4.0),
    "outside": (["00000"] * 5, (-1.1, 2), 4.0),
}


@pytest.mark.parametrize("rows, cell, radius", DISCS.values(), ids=list(DISCS))
def test_a_disc_covers_the_cells_whose_centers_are_in_it(rows, cell, radius):
    expected, found = disc(rows, cell, radius)
    np.testing.assert_array_equal(found, expected)


def test_every_joint_of_the_crop_has_a_cell_however_small_the_disc():
    codec = BinaryDisc((64, 48), radius=0.01)
    keypoints = joints_inside((64, 48), people=40, margin=-0.49)
    cells = tf.reduce_sum(codec.encode(keypoints, tf.ones((40, 5))), axis=(1, 2))
    assert cells.numpy().min() == 1 and cells.numpy().max() <= 4


def test_hcrns_discs_have_the_cells_of_their_radius():
    # 10 px of 368 at stride 8: 1.25 cells, a cell and its four neighbors.
    maps = BinaryDisc((368, 368), 8).encode(at_cell(20, 30, 8), tf.ones((1, 1)))
    assert maps.shape == (1, 46, 46, 1) and maps.numpy().sum() == 5
    # 12 px of 384 at stride 4: 3 cells, 29 of them.
    maps = BinaryDisc((384, 384), radius=12.0).encode(at_cell(9, 9), tf.ones((1, 1)))
    assert maps.shape == (1, 96, 96, 1) and maps.numpy().sum() == 29


def test_a_disc_is_read_as_one_of_its_cells():
    codec = BinaryDisc((64, 48), radius=8.0)
    keypoints = joints_inside((64, 48))
    found, scores = decode(codec, codec.encode(keypoints, tf.ones((3, 5))))
    # The peak is up to half a cell from the center of its cell.
    distance = np.linalg.norm(found - keypoints, axis=-1)
    assert (distance <= 8 + 2).all() and (scores.numpy() == 1).all()


def test_a_belief_about_a_disc_is_read_by_its_peak_between_cells():
    belief = GaussianHeatmap((64, 48), sigma=6.0).encode(
        at_cell(6.3, 7.8), tf.ones((1, 1))
    )
    found, scores = decode(BinaryDisc((64, 48)), belief)
    close(found, at_cell(6.3, 7.8), 1e-3)
    close(scores, [[belief.numpy().max()]])


# --- background ------------------------------------------------------------------


def test_the_background_is_where_no_joint_is():
    # Two joints on 2 x 3 cells, each a cell; the second is not labeled.
    codec = WithBackground(BinaryDisc(SIZE, radius=0.0))
    keypoints = tf.concat([at_cell(0, 1), at_cell(2, 0)], axis=1)
    maps = codec.encode(keypoints, tf.ones((1, 2)))
    assert maps.shape == (1, 2, 3, 3)
    np.testing.assert_array_equal(maps[0, :, :, 0], [[0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(maps[0, :, :, 1], [[0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(maps[0, :, :, 2], [[1, 1, 0], [0, 1, 1]])
    found, scores = decode(codec, maps)
    close(found, keypoints)
    close(scores, [[1, 1]])


def test_the_background_is_one_less_the_largest_belief():
    codec = GaussianHeatmap(SIZE, sigma=4.0)
    both = tf.concat([at_cell(0, 0), at_cell(1, 0)], axis=1)
    background = WithBackground(codec).encode(both, tf.ones((1, 2)))[0, 0, :, 2]
    close(background, [0, 0, 1 - np.exp(-0.5)])


def test_without_joints_everything_is_background():
    codec = WithBackground(BinaryDisc(SIZE))
    maps = codec.encode(tf.zeros((2, 5, 2)), tf.zeros((2, 5)))
    np.testing.assert_array_equal(maps[..., 5], np.ones((2, 2, 3)))


def test_the_background_weighs_as_much_as_joints_are_labeled():
    codec = WithBackground(BinaryDisc(SIZE))
    weights = codec.weights(tf.constant([[1.0, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]]))
    close(weights, [[1, 1, 1, 1, 1], [1, 0, 0, 0, 0.25], [0, 0, 0, 0, 0]])


def test_maps_of_everybody_are_the_largest_of_single_people():
    codec = GaussianHeatmap((64, 48))
    keypoints = joints_inside((64, 48), people=6).reshape(2, 3, 5, 2)
    valid = np.random.default_rng(0).integers(0, 2, (2, 3, 5)).astype(np.float32)
    maps = AllPeople(codec).encode(keypoints, valid)
    each = [codec.encode(keypoints[:, p], valid[:, p]) for p in range(3)]
    np.testing.assert_array_equal(maps, np.max(each, axis=0))
    for codec_of_maps in (AllPeople(codec), AllPeople(BinaryDisc((64, 48)))):
        alone = codec_of_maps.encode(keypoints[:, :1], valid[:, :1])
        expected = codec_of_maps.codec.encode(keypoints[:, 0], valid[:, 0])
        np.testing.assert_array_equal(alone, expected)
    # Where nobody's joint is labeled, none is there: that is taught.
    close(AllPeople(codec).weights(valid), np.ones((2, 5)))


def test_tags_are_taught_by_where_everybodys_joints_are():
    keypoints = joints_inside((64, 48), people=6).reshape(2, 3, 5, 2)
    valid = np.random.default_rng(0).integers(0, 2, (2, 3, 5)).astype(np.float32)
    people = JointsOfPeople().encode(keypoints, valid)
    np.testing.assert_array_equal(people[..., :2], keypoints)
    np.testing.assert_array_equal(people[..., 2], valid)
    close(JointsOfPeople().weights(valid), [1, 1])


def test_maps_of_any_resolution_show_the_same_gaussian():
    # EnhanceNet: sigma_HR = r sigma_LR cells. A joint on pixel 22.5 of both.
    keypoints = tf.fill((1, 1, 2), 21.5)
    coarse = GaussianHeatmap((64, 48), 4, sigma=8.0).encode(keypoints, tf.ones((1, 1)))
    fine = GaussianHeatmap((64, 48), 1, sigma=8.0).encode(keypoints, tf.ones((1, 1)))
    assert fine.shape == (1, 64, 48, 1)
    # A coarse cell's center lies between its 2nd and 3rd pixel: mean of exponents.
    between = tf.exp(
        0.5 * (tf.math.log(fine[:, 1::4, 1::4]) + tf.math.log(fine[:, 2::4, 2::4]))
    )
    close(between / tf.reduce_max(between), coarse / tf.reduce_max(coarse), 1e-5)


def test_cells_of_a_fraction_of_a_pixel():
    # r = 3 on a map of stride 4: 4/3 px a cell.
    codec = GaussianHeatmap((64, 48), 4 / 3)
    assert codec.heatmap_size == (48, 36)
    keypoints = joints_inside((64, 48))
    found, _ = decode(codec, codec.encode(keypoints, tf.ones((3, 5))))
    close(found, keypoints, 2e-3)


# --- laws of every codec ---------------------------------------------------------


@EVERY
def test_decoding_inverts_encoding(codec):
    keypoints = joints_inside(codec.input_size)
    found, scores = decode(codec, codec.encode(keypoints, tf.ones((3, 5))))
    close(found, keypoints, TOLERANCE[codec])
    assert (scores.numpy() > 0.2).all()


@EVERY
def test_a_masked_joint_has_an_empty_map_and_others_are_untouched(codec):
    keypoints = joints_inside(codec.input_size)
    valid = np.ones((3, 5), np.float32)
    valid[1, 2] = 0
    maps, full = codec.encode(keypoints, valid), codec.encode(keypoints, valid**0)
    assert not maps[1, ..., 2].numpy().any()
    close(maps, full * valid[:, None, None])
    assert not codec.encode(keypoints, valid * 0).numpy().any()


@EVERY
def test_a_mirrored_crop_has_mirrored_maps(codec):
    keypoints = joints_inside(codec.input_size, margin=0)
    valid = tf.ones((3, 5))
    mirrored = tensors.mirror_points(keypoints, codec.input_size[1], range(5))
    expected = codec.encode(keypoints, valid)[:, :, ::-1]
    close(codec.encode(mirrored, valid), expected, 1e-5)


@EVERY
def test_maps_have_a_cell_a_stride(codec):
    keypoints = joints_inside(codec.input_size)
    assert codec.heatmap_size == (16, 12)
    assert codec.encode(keypoints, tf.ones((3, 5))).shape == (3, 16, 12, 5)
    assert codec.encode(keypoints[:0], tf.ones((0, 5))).shape == (0, 16, 12, 5)


@EVERY
def test_eager_equals_tf_data(codec):
    keypoints = joints_inside(codec.input_size)
    valid = np.ones((3, 5), np.float32)

    def both_ways(keypoints, valid):
        maps = codec.encode(keypoints, valid)
        return maps, codec.weights(valid)

    dataset = tf.data.Dataset.from_tensors((keypoints, valid)).map(both_ways)
    eager = both_ways(tf.constant(keypoints), tf.constant(valid))
    for in_graph, expected in zip(next(iter(dataset)), eager, strict=True):
        close(in_graph, expected)
