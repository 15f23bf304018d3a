"""Average precision of several people's joints on cases worked out by hand."""

import numpy as np
import pytest

from tfpose.metrics.multi_person import precision as mp

# Two people of two joints each, 100 px apart; heads of 10 px: 5 px are near enough.
PEOPLE = np.array([[[0, 0], [0, 40]], [[100, 0], [100, 40]]], float)
SEEN = np.full((2, 2), 2)
HEADS = np.array([10.0, 10.0])


def score(poses, people=PEOPLE, visible=SEEN, heads=HEADS, placed=None):
    """(owner of each pose, right joints) of a scene."""
    poses = np.asarray(poses, float)
    placed = np.ones(poses.shape[:2], bool) if placed is None else placed
    distances = mp.pose_distances(poses, placed, people, visible, heads)
    owners = mp.assign(distances, visible)
    return owners.tolist(), mp.hits(distances, owners).tolist()


def test_each_pose_goes_to_whom_it_hits():
    owners, right = score([PEOPLE[1] + 3, PEOPLE[0]])
    assert owners == [1, 0] and right == [[True, True], [True, True]]


def test_the_threshold_is_half_a_head_and_counts():
    owners, right = score([PEOPLE[0] + [[5, 0], [5.01, 0]]])
    assert owners == [0] and right == [[True, False]]
    owners, right = score([PEOPLE[0] + [5.01, 0]], heads=np.array([20.0, 10.0]))
    assert right == [[True, True]]


def test_a_pose_of_nobody_is_wrong():
    assert score([PEOPLE[0] + 50]) == ([-1], [[False, False]])


def test_the_better_of_two_poses_gets_the_person_and_the_other_nobody():
    half = PEOPLE[0] + [[0, 0], [0, 30]]
    owners, right = score([half, PEOPLE[0]])
    assert owners == [-1, 0]
    assert right == [[False, False], [True, True]]


def test_a_pose_half_here_and_half_there_belongs_to_the_first():
    crossed = [[PEOPLE[0, 0], PEOPLE[1, 1]], [PEOPLE[1, 0], PEOPLE[0, 1]]]
    owners, right = score(crossed)
    # Both hit half of both people: both want the first one, who takes the first pose.
    assert owners == [0, -1] and right == [[True, False], [False, False]]


def test_a_pose_that_loses_its_best_person_gets_no_other():
    mixed = np.array([PEOPLE[0, 0], PEOPLE[1, 1]])
    owners, _ = score([PEOPLE[0], mixed])
    assert owners == [0, -1]


def test_the_share_is_of_the_labeled_joints():
    visible = np.array([[2, 2], [0, 2]])
    mixed = np.array([PEOPLE[0, 0], PEOPLE[1, 1]])
    assert score([mixed], visible=visible)[0] == [1]


def test_joints_that_are_not_placed_or_labeled_hit_nothing():
    placed = np.array([[True, False]])
    assert score([PEOPLE[0]], placed=placed)[1] == [[True, False]]
    visible = np.array([[0, 2], [2, 2]])
    assert score([PEOPLE[0]], visible=visible)[1] == [[False, True]]
    assert score([PEOPLE[0]], visible=np.zeros((2, 2)))[0] == [-1]


@pytest.mark.parametrize(("poses", "people"), [(0, 2), (2, 0), (0, 0)])
def test_nobody_owns_nothing(poses, people):
    empty = np.zeros((poses, 2, 2))
    owners, right = score(empty, PEOPLE[:people], SEEN[:people], HEADS[:people])
    assert owners == [-1] * poses and right == [[False, False]] * poses


def test_average_precision_by_hand():
    # Ranked: right, wrong, right, wrong; 4 people. Precision 1, 1/2, 2/3, 2/4 at
    # recall 1/4, 1/4, 2/4, 2/4: 1/4 x 1 + 1/4 x 2/3.
    scores, right = [0.3, 0.9, 0.1, 0.5], [True, True, False, False]
    area, precision, recall = mp.average_precision(scores, right, 4)
    assert area == pytest.approx(100 * (1 / 4 + 1 / 6))
    assert (precision, recall) == (50, 50)


def test_precision_never_rises_with_recall():
    # wrong, right, right of two people: precision 0, 1/2, 2/3; the envelope is 2/3.
    area, _, _ = mp.average_precision([3, 2, 1], [False, True, True], 2)
    assert area == pytest.approx(200 / 3)


def test_false_joints_below_the_last_right_one_cost_nothing():
    area, precision, _ = mp.average_precision([3, 2, 1], [True, True, False], 2)
    assert area == 100 and precision == pytest.approx(200 / 3)


def test_nobody_labeled_is_nan_and_nothing_found_is_zero():
    assert np.isnan(mp.average_precision([1.0], [False], 0)).all()
    assert mp.average_precision([], [], 3) == (0, 0, 0)


SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]


def test_points_inside_a_polygon():
    points = np.array([[[5, 5], [11, 5]], [[-1, -1], [9, 1]]])
    assert mp.inside_polygons(points, [SQUARE]).tolist() == [
        [True, False], [False, True],
    ]  # fmt: skip
    assert not mp.inside_polygons(points, []).any()


def test_a_bay_of_a_polygon_is_outside():
    bay = [[0, 0], [10, 0], [10, 10], [5, 2], [0, 10]]
    assert mp.inside_polygons([[5, 6], [2, 4], [8, 4]], [bay]).tolist() == [
        False, True, True,
    ]  # fmt: skip


def test_one_of_several_polygons_is_enough_even_where_they_overlap():
    other = np.array(SQUARE) + 5
    inside = mp.inside_polygons([[7, 7], [12, 12], [2, 2], [12, 2]], [SQUARE, other])
    assert inside.tolist() == [True, True, True, False]
