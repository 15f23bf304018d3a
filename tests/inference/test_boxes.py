"""Boxes: clipping, suppression, and parts of people at the borders of looks."""

import numpy as np

from tfpose.inference.boxes import (
    best_in_photo,
    best_of_overlapping,
    fragments,
    inside,
)


def test_boxes_end_with_the_photo_and_empty_ones_are_left_out():
    boxes = [[-10, -5, 30, 20], [90, 10, 30, 300], [200, 0, 9, 9], [5, 5, 0.2, 9]]
    boxes = np.float64([*boxes, [np.nan, 0, 9, 9], [8, 8, -4, 9]])
    found, scores = inside(boxes, np.arange(6) / 10, (40, 100, 3))
    assert found.tolist() == [[0, 0, 20, 15], [90, 10, 10, 30]]
    np.testing.assert_allclose(scores, [0.0, 0.1])


def test_corners_become_boxes_of_the_photo_best_first():
    corners = np.float64([[1, 0, 2, 4], [0, 0, 4, 1], [0, 0, 4, 4]])
    # The photo is 20 x 10 px and was seen at 4 x 4.
    boxes, scores = best_in_photo(
        corners, np.float64([0.5, 0.7, 0.1]), 0.5, (4, 4), (10, 20, 3)
    )
    assert boxes.tolist() == [[0, 0, 20, 2.5], [5, 0, 5, 10]]
    np.testing.assert_allclose(scores, [0.7, 0.5])
    assert boxes.dtype == scores.dtype == np.float32
    none = np.zeros((0, 4)), np.zeros(0)
    assert best_in_photo(*none, 0.5, (1, 1), (10, 20, 3))[0].shape == (0, 4)


def test_of_overlapping_boxes_the_best_stays():
    boxes = np.float64(
        [[0, 0, 10, 10], [2, 0, 10, 10], [30, 0, 10, 10], [4, 0, 10, 10]]
    )
    scores = np.array([0.5, 0.7, 0.2, 0.6])

    def kept(overlap, *rows):
        rows = list(rows)
        found = best_of_overlapping(boxes[rows], scores[rows], overlap)
        return [rows[place] for place in found]

    # IoU: 80 / 120 of neighbors, 60 / 140 of the first and the last.
    assert kept(0.66, 0, 1, 2) == [1, 2]
    assert kept(0.67, 0, 1, 2) == [1, 0, 2]
    # The second suppresses both others, which might both have stayed.
    assert kept(0.5, 0, 1, 2, 3) == [1, 2]
    assert kept(0.5, 0, 3) == [3, 0]
    assert kept(0.5) == []


def test_a_cut_box_is_a_part_where_a_fuller_box_exists():
    whole, upper, apart = [0, 0, 10, 30], [0, 0, 10, 12], [40, 0, 10, 12]

    def parts(boxes, cut):
        return fragments(np.float64(boxes), np.array(cut, bool), 0.5, 1.2).tolist()

    assert parts([whole, upper, apart], [0, 1, 1]) == [False, True, False]
    # A whole child in front of an adult is no part, and neither is the adult.
    assert parts([whole, upper], [0, 0]) == [False, False]
    # Of two cut boxes, the larger is fuller; twins are both kept for the suppression.
    assert parts([[0, 0, 10, 20], upper], [1, 1]) == [False, True]
    assert parts([upper, upper], [1, 1]) == [False, False]
    # Half of it has to lie in the fuller box: here 5 of 10 columns, then 6.
    assert parts([whole, [5, 0, 10, 12]], [0, 1]) == [False, False]
    assert parts([whole, [4, 0, 10, 12]], [0, 1]) == [False, True]
    assert fragments(np.zeros((0, 4)), np.zeros(0, bool), 0.5, 1.2).shape == (0,)
