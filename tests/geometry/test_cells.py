"""Cells and boxes along an axis: cases worked out by hand, and inverses."""

import numpy as np
import pytest

from tfpose.geometry.cells import (
    center_of,
    from_edge,
    position_of,
    to_cells,
    to_pixels,
)

PIXELS = np.random.default_rng(0).uniform(-9, 99, (5, 2))


@pytest.mark.parametrize(
    "pixel, stride, cell",
    [
        (1.5, 4, 0.0),  # pixels 0..3 are the first cell, whose center is 1.5
        (5.5, 4, 1.0),
        (3.5, 4, 0.5),  # where two cells meet
        (-0.5, 4, -0.5),  # the edge of the first pixel is the edge of the first cell
        (7, 1, 7.0),  # cells of a pixel are the pixels
        (0, 0.5, 0.5),  # two cells a pixel: its center is where they meet
    ],
)
def test_a_cell_covers_as_many_pixels_as_the_stride(pixel, stride, cell):
    assert to_cells(pixel, stride) == cell
    assert to_pixels(cell, stride) == pixel
    assert from_edge(pixel, stride) == cell + 0.5


@pytest.mark.parametrize("stride", [0.5, 1, 4, 8])
def test_pixels_of_cells_are_the_inverse_of_cells_of_pixels(stride):
    there = to_pixels(to_cells(PIXELS, stride), stride)
    np.testing.assert_allclose(there, PIXELS, atol=1e-12)
    back = to_cells(to_pixels(PIXELS, stride), stride)
    np.testing.assert_allclose(back, PIXELS, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 4, 7])
def test_the_whole_part_from_the_edge_is_the_cell_that_has_the_pixel(stride):
    pixels = np.arange(3 * stride)
    cells = np.repeat(np.arange(3), stride)
    np.testing.assert_array_equal(np.floor(from_edge(pixels, stride)), cells)
    np.testing.assert_array_equal(np.rint(to_cells(pixels, stride)), cells)


@pytest.mark.parametrize(
    "position, extent, center",
    [
        (0, 1, 0.0),  # one pixel: its own center
        (0, 5, 2.0),  # pixels 0..4
        (0, 4, 1.5),
        (10.5, 3, 11.5),
        (3, 0, 2.5),  # no pixel: the edge before the first
    ],
)
def test_the_center_of_a_box_is_that_of_its_pixels(position, extent, center):
    assert center_of(position, extent) == center
    assert position_of(center, extent) == position


def test_where_a_box_begins_is_the_inverse_of_its_center():
    extent = np.random.default_rng(1).uniform(0, 50, PIXELS.shape)
    there = position_of(center_of(PIXELS, extent), extent)
    np.testing.assert_allclose(there, PIXELS, atol=1e-12)
    back = center_of(position_of(PIXELS, extent), extent)
    np.testing.assert_allclose(back, PIXELS, atol=1e-12)
