"""Grouping: people worked out on paper, drawn people that come back, odd maps."""

import numpy as np
import pytest

from tfpose.inference.grouping import find_peaks, group, joint_order
from tfpose.skeletons import COCO17, LSP14, Skeleton

HEIGHT, WIDTH = 12, 20


def maps_of(joints, *found):
    """Detections and tags f32[12, 20, joints], zero but for (joint, x, y, score, tag).

    Later ones replace earlier ones.
    """
    detections = np.zeros((HEIGHT, WIDTH, joints), np.float32)
    tags = np.zeros_like(detections)
    for joint, x, y, score, tag in found:
        detections[y, x, joint], tags[y, x, joint] = score, tag
    return detections, tags


def grouped(joints, *found, **options):
    """Keypoints rounded to cells and scores, as lists, of ``group``."""
    keypoints, scores = group(*maps_of(joints, *found), range(joints), **options)
    assert keypoints.dtype == scores.dtype == np.float32
    assert keypoints.shape == (*scores.shape, 2) and scores.shape[1] == joints
    return np.round(keypoints).tolist(), np.round(scores.astype(float), 4).tolist()


# --- peaks -----------------------------------------------------------------------


def test_peaks_are_larger_than_all_eight_around_them():
    detection = np.float32(
        [
            [5, 1, 0, 0, 4],
            [1, 1, 0, 0, 0],
            [0, 0, 2, 0, 0],
            [0, 3, 0, 0, 0],  # diagonal to the 2
            [0, 0, 0, 0, 6],
        ]
    )
    assert find_peaks(detection, 0.1, 9).tolist() == [24, 0, 4, 16]
    assert find_peaks(detection, 0.1, 2).tolist() == [24, 0]
    assert find_peaks(detection, 4, 9).tolist() == [24, 0]  # 4 is not larger
    assert find_peaks(detection, 6, 9).tolist() == []


def test_a_peak_is_larger_than_all_within_reach():
    detection = np.float32([[9, 0, 7, 0, 0, 8, 0, 0, 0, 6]])
    assert find_peaks(detection, 0.1, 9, reach=1).tolist() == [0, 5, 2, 9]
    assert find_peaks(detection, 0.1, 9, reach=2).tolist() == [0, 5, 9]
    assert find_peaks(detection, 0.1, 9, reach=4).tolist() == [0, 5]  # 8 hides 6
    assert find_peaks(detection.T, 0.1, 9, reach=5).tolist() == [0]
    equal = np.float32([[0, 3, 0, 3, 0, 0, 3]])
    assert find_peaks(equal, 0.1, 9, reach=2).tolist() == [1, 6]
    assert find_peaks(equal, 0.1, 9, reach=3).tolist() == [1]


@pytest.mark.parametrize("place", [(0, 0), (2, 3), (3, 0), (1, 2)])
@pytest.mark.parametrize("size", [(1, 2), (2, 1), (2, 2), (1, 3)])
def test_equal_neighbors_are_one_peak(place, size):
    detection = np.zeros((6, 7), np.float32)
    (y, x), (height, width) = place, size
    detection[y : y + height, x : x + width] = 1
    assert find_peaks(detection, 0.1, 9).tolist() == [7 * y + x]


def test_where_all_is_equal_there_is_one_peak_or_none():
    assert find_peaks(np.full((3, 4), 0.5), 0.1, 9).tolist() == [0]
    assert find_peaks(np.full((3, 4), 0.1), 0.1, 9).tolist() == []
    assert find_peaks(np.full((3, 4), -1.0), -2.0, 9).tolist() == [0]


# --- people ----------------------------------------------------------------------


def test_joints_with_near_tags_are_a_person():
    keypoints, scores = grouped(
        2,
        (0, 3, 2, 0.9, 1.0), (0, 12, 2, 0.8, 5.0),
        (1, 3, 8, 0.7, 4.8), (1, 12, 8, 0.6, 1.2),
    )  # fmt: skip
    # They cross: who is above on the left is below on the right.
    assert keypoints == [[[3, 2], [12, 8]], [[12, 2], [3, 8]]]
    assert scores == [[0.9, 0.6], [0.8, 0.7]]


@pytest.mark.parametrize("tag, people", [(1.9, 1), (2.1, 2), (0.1, 1), (-0.1, 2)])
def test_a_tag_that_is_too_far_begins_a_person(tag, people):
    found = (0, 3, 2, 0.9, 1.0), (1, 3, 8, 0.7, tag)
    assert len(grouped(2, *found)[0]) == people
    assert len(grouped(2, *found, tag_threshold=2.0)[0]) == 1


@pytest.mark.parametrize("second, people", [(0.7, 1), (0.9, 2)])
def test_of_several_looks_the_distance_of_tags_is_euclidean(second, people):
    """0.6 and 0.7 are 0.92 away from nothing, 0.6 and 0.9 are 1.08."""
    detections, first = maps_of(2, (0, 3, 2, 0.9, 0.0), (1, 3, 8, 0.7, 0.6))
    _, other = maps_of(2, (0, 3, 2, 0.9, 0.0), (1, 3, 8, 0.7, second))
    keypoints, scores = group(detections, np.stack([first, other], -1), (0, 1))
    assert len(keypoints) == people
    np.testing.assert_allclose(scores[0], [0.9, 0.7 if people == 1 else 0])
    once = group(detections, first, (0, 1))
    for found, expected in zip(
        group(detections, first[..., None], (0, 1)), once, strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_the_mean_of_a_persons_tags_counts():
    # 0, then 0.9: 1.4 and -0.5 are within 1 of their mean, 0.45, alone.
    first, second = (0, 3, 2, 0.9, 0.0), (1, 3, 5, 0.9, 0.9)
    for tag, alone, people in ((1.4, 2, 1), (-0.5, 1, 1), (1.5, 2, 2), (-0.6, 1, 2)):
        third = (2, 3, 8, 0.9, tag)
        assert len(grouped(3, first, third)[0]) == alone
        assert len(grouped(3, first, second, third)[0]) == people


def test_a_matching_is_the_best_of_all_joints_together():
    # Distances of the second joints from 0 and 3: 1.4 and 1.6, 0 and 3. Taken first,
    # the stronger one would get the person of 0. Together 2 + 0 is less than 1 + 3;
    # 1.6 is too far, so it begins a person.
    keypoints, scores = grouped(
        2,
        (0, 3, 2, 0.9, 0.0), (0, 12, 2, 0.8, 3.0),
        (1, 3, 8, 0.9, 1.4), (1, 12, 8, 0.5, 0.0),
    )  # fmt: skip
    assert keypoints[0] == [[3, 2], [12, 8]]
    assert len(keypoints) == 3 and keypoints[2][1] == [3, 8]


@pytest.mark.parametrize("tag, chosen", [(0.4, 0.9), (0.6, 0.5)])
def test_the_stronger_detection_wins_where_rounded_distances_are_equal(tag, chosen):
    """Of the tags 0.1 (score 0.5) and ``tag`` (0.9): 0.4 is as near, 0.6 is not."""
    found = (0, 3, 2, 0.9, 0.0), (1, 3, 8, 0.5, 0.1), (1, 12, 8, 0.9, tag)
    _, scores = grouped(2, *found)
    assert scores[0][1] == pytest.approx(chosen)
    assert len(scores) == 2  # the other begins one


def test_the_first_joint_asked_for_begins_the_people_the_strongest_first():
    maps = maps_of(
        2,
        (0, 3, 2, 0.9, 1.0), (0, 12, 2, 0.8, 5.0),
        (1, 3, 8, 0.6, 1.0), (1, 12, 8, 0.7, 5.0),
    )  # fmt: skip
    assert group(*maps, (0, 1))[0][:, 0].tolist() == [[3, 2], [12, 2]]
    assert group(*maps, (1, 0))[0][:, 0].tolist() == [[12, 2], [3, 2]]


def test_people_with_equal_tags_stay_two():
    keypoints, scores = grouped(
        2,
        (0, 3, 2, 0.9, 1.0), (0, 12, 2, 0.8, 1.0),
        (1, 3, 8, 0.7, 1.0), (1, 12, 8, 0.6, 1.0),
    )  # fmt: skip
    assert [person[0] for person in keypoints] == [[3, 2], [12, 2]]
    assert sorted(person[1] for person in keypoints) == [[3, 8], [12, 8]]


# --- joints that lack ------------------------------------------------------------


def test_a_joint_that_lacks_is_where_the_tag_fits_though_it_is_weak():
    # Below the threshold; the other person's is stronger, but 4 away.
    keypoints, scores = grouped(
        2,
        (0, 3, 2, 0.9, 1.0), (0, 12, 2, 0.8, 5.0),
        (1, 3, 8, 0.04, 1.2), (1, 12, 8, 0.7, 5.0),
    )  # fmt: skip
    assert keypoints == [[[3, 2], [3, 8]], [[12, 2], [12, 8]]]
    assert scores == [[0.9, 0.04], [0.8, 0.7]]


def test_a_joint_that_lacks_trades_distance_for_detection():
    # 0.09 at no distance; 0.5 at a distance of 1: 0.09 is more than 0.5 - 1. Then 1.2.
    found = (0, 3, 2, 0.9, 3.0), (1, 3, 8, 0.09, 3.0)
    assert grouped(2, *found, (1, 12, 8, 0.5, 4.4))[0][0] == [[3, 2], [3, 8]]
    assert grouped(2, *found, (1, 12, 8, 1.2, 4.4))[0][0] == [[3, 2], [12, 8]]


def test_a_joint_that_is_nowhere_has_no_score():
    keypoints, scores = grouped(2, (0, 3, 2, 0.9, 0.0))
    assert keypoints == [[[3, 2], [0, 0]]] and scores == [[0.9, 0]]
    detections, tags = maps_of(2, (0, 3, 2, 0.9, 0.0))
    detections[..., 1] = -0.01
    assert group(detections, tags, (0, 1))[1].tolist() == [[np.float32(0.9), 0]]


# --- how many --------------------------------------------------------------------


@pytest.mark.parametrize("background", [0.0, 0.1, -1.0])
def test_nobody(background):
    detections, tags = maps_of(2)
    keypoints, scores = group(detections + background, tags, (0, 1))
    assert keypoints.shape == (0, 2, 2) and scores.shape == (0, 2)


def test_of_more_people_than_the_limit_the_strongest_stay_whole():
    found = [
        (joint, 3 * person + 2, 3 + 5 * joint, 0.5 + person / 10, 10.0 * person)
        for person in range(4)
        for joint in range(2)
    ]
    keypoints, scores = grouped(2, *found, most_people=2)
    assert keypoints == [[[11, 3], [11, 8]], [[8, 3], [8, 8]]]
    assert scores == [[0.8, 0.8], [0.7, 0.7]]
    # One that a later joint begins counts too.
    found.append((1, 17, 8, 0.9, 70.0))
    for most, people in ((3, 3), (4, 4), (5, 5), (6, 5)):
        assert len(grouped(2, *found, most_people=most)[0]) == people


def test_weak_detections_begin_nobody():
    found = (0, 3, 2, 0.3, 0.0), (0, 12, 2, 0.2, 5.0)
    for threshold, people in ((0.1, 2), (0.25, 1), (0.3, 0)):
        assert len(grouped(1, *found, detection_threshold=threshold)[0]) == people


# --- between cells ---------------------------------------------------------------


@pytest.mark.parametrize(
    "around, x, y",
    [
        ({"right": 0.5, "left": 0.4, "above": 0.3}, 5.25, 3.75),
        ({"right": 0.4, "left": 0.5, "below": 0.1}, 4.75, 4.25),
        ({"right": 0.4, "left": 0.4}, 5, 4),
        ({}, 5, 4),
    ],
)
def test_a_peak_is_moved_a_quarter_towards_the_larger_neighbor(around, x, y):
    detections, tags = maps_of(1, (0, 5, 4, 0.9, 0.0))
    sides = {"right": (4, 6), "left": (4, 4), "above": (3, 5), "below": (5, 5)}
    for side, value in around.items():
        detections[(*sides[side], 0)] = value
    keypoints, scores = group(detections, tags, (0,))
    np.testing.assert_array_equal(keypoints, [[[x, y]]])
    np.testing.assert_allclose(scores, [[0.9]])


@pytest.mark.parametrize("x, y", [(0, 0), (WIDTH - 1, HEIGHT - 1), (0, HEIGHT - 1)])
def test_beyond_the_border_a_peak_counts_as_its_own_neighbor(x, y):
    keypoints, _ = group(*maps_of(1, (0, x, y, 0.9, 0.0)), (0,))
    outwards = [x + (0.25 if x else -0.25), y + (0.25 if y else -0.25)]
    np.testing.assert_array_equal(keypoints, [[outwards]])


# --- laws ------------------------------------------------------------------------


def drawn(seed, people, joints):
    """Poses f64[P, K, 2] in cells, their Gaussians and tags on 64 x 48 cells."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:48, :64]
    detections, tags = np.zeros((2, 48, 64, joints))
    grid = np.stack(np.meshgrid(np.arange(8, 60, 8), np.arange(6, 46, 8)), -1)
    places = [random.permutation(grid.reshape(-1, 2))[:people] for _ in range(joints)]
    poses = np.stack(places, 1) + random.uniform(-2, 2, (people, joints, 2))
    values = 3.0 * random.permutation(people)
    for person, joint in np.ndindex(people, joints):
        x, y = poses[person, joint]
        squared = (columns - x) ** 2 + (rows - y) ** 2
        gaussian = random.uniform(0.6, 1) * np.exp(-squared / 2)
        detections[..., joint] = np.maximum(detections[..., joint], gaussian)
        tags[squared < 9, joint] = values[person] + random.uniform(-0.4, 0.4)
    return poses, detections, tags


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("people", [1, 2, 7])
def test_drawn_people_come_back(seed, people):
    """Their joints lie anywhere, so that only the tags tell whose they are."""
    poses, detections, tags = drawn(seed, people, 17)
    keypoints, scores = group(detections, tags, joint_order(COCO17))
    assert len(keypoints) == people
    distances = np.abs(keypoints[:, None] - poses).max((2, 3))
    # Rounding leaves half a cell, a quarter of which is mended.
    assert sorted(distances.argmin(1)) == list(range(people))
    assert distances.min(1).max() < 0.5 + 1e-6 and (scores > 0.4).all()
    assert np.abs(keypoints - poses[distances.argmin(1)]).mean() < 0.16


@pytest.mark.parametrize("seed", range(3))
def test_mirrored_maps_give_mirrored_people(seed):
    """Also where nothing fits: of noise."""
    random = np.random.default_rng(seed)
    detections = random.uniform(-0.2, 0.6, (24, 18, 5)).astype(np.float32)
    tags = random.normal(0, 3, detections.shape).astype(np.float32)
    keypoints, scores = group(detections, tags, range(5))
    assert len(keypoints) == 30
    mirrored, same_scores = group(detections[:, ::-1], tags[:, ::-1], range(5))
    np.testing.assert_array_equal(mirrored[..., 0], 17 - keypoints[..., 0])
    np.testing.assert_array_equal(mirrored[..., 1], keypoints[..., 1])
    np.testing.assert_array_equal(same_scores, scores)


def test_the_arrays_given_are_not_changed():
    _, *maps = drawn(0, 2, 3)
    before = [one.copy() for one in maps]
    group(*maps, range(3))
    np.testing.assert_array_equal(maps, before)


# --- order -----------------------------------------------------------------------


def test_the_order_of_coco_is_the_authors():
    order = [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]
    assert joint_order(COCO17) == tuple(order)


def test_other_skeletons_go_from_head_to_ankles():
    names = [LSP14.joints[joint] for joint in joint_order(LSP14)]
    assert names[:2] == ["head_top", "neck"]
    assert {*names[-2:]} == {"left_ankle", "right_ankle"}
    own = Skeleton("own", ("tail", "left_hip", "nose"), (), (), (1,) * 3, ("tail",) * 2)
    assert joint_order(own) == (2, 1, 0)


# --- what is refused -------------------------------------------------------------


@pytest.mark.parametrize(
    "detections, tags, order, message",
    [
        ((4, 6, 2), (2, 2, 2), (0, 1), r"got \(4, 6, 2\) and \(2, 2, 2\)"),
        ((2, 3, 2), (4, 6, 2), (0, 1), r"got \(2, 3, 2\) and \(4, 6, 2\)"),
        ((4, 5, 2), (4, 5, 3), (0, 1), r"got \(4, 5, 2\) and \(4, 5, 3\)"),
        ((4, 5), (4, 5), (0,), r"\(h, w, K, T\), got \(4, 5\)"),
        ((4, 5, 2), (4, 5, 2), (0,), r"all of 2 joints, got \(0,\)"),
        ((4, 5, 2), (4, 5, 2), (0, 0), r"got \(0, 0\)"),
        ((4, 5, 2), (4, 5, 2), (1, 2), r"got \(1, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(detections, tags, order, message):
    with pytest.raises(ValueError, match=message):
        group(np.zeros(detections), np.zeros(tags), order)
