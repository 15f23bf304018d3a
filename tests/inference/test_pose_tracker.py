"""Whom a tracker looks for and where, frame by frame; without any network."""

import numpy as np
import pytest

from tests.support.clips import World, picture
from tfpose.errors import TfposeError
from tfpose.inference.pose_tracker import PoseTracker, Sight
from tfpose.inference.tracking import NOBODY

HERE, THERE = (4.0, 16.0), (40.0, 16.0)


def follow(world, frames=range(12), **options):
    """The track ids of each frame, and the tracker."""
    tracker = PoseTracker(world, world.detect, **{"search_every": 5, **options})
    answers = [tracker(picture(number), number / 25) for number in frames]
    return [ids.tolist() for _, _, ids in answers], answers


def test_who_is_followed_is_searched_for_every_n_frames():
    world = World(lambda number: [HERE, THERE])
    ids, answers = follow(world)
    assert ids == [[1, 2]] * 12
    assert world.searched == [0, 5, 10]
    keypoints, scores, _ = answers[3]
    np.testing.assert_allclose(keypoints, world.poses(3), atol=1e-4)
    assert (scores == np.float32(0.8)).all()


def test_while_nobody_is_there_every_frame_is_searched():
    world = World(lambda number: [HERE] if number > 3 else [])
    ids, answers = follow(world)
    assert ids == [[]] * 4 + [[1]] * 8
    assert world.searched == [0, 1, 2, 3, 4, 9]
    assert [part.shape for part in answers[0]] == [(0, 14, 2), (0, 14), (0,)]


def test_when_somebody_is_lost_the_next_frame_is_searched():
    world = World(lambda number: [HERE] + [THERE] * (number != 2))
    ids, _ = follow(world)
    assert ids == [[1, 2], [1, 2], [1]] + [[1, 2]] * 9
    assert world.searched == [0, 3, 8]


@pytest.mark.parametrize("memory, expected", [(3, 1), (2, 2)])
def test_who_returns_within_the_memory_is_the_same(memory, expected):
    world = World(lambda number: [] if 2 <= number <= 4 else [HERE])
    ids, _ = follow(world, memory=memory)
    assert ids == [[1]] * 2 + [[]] * 3 + [[expected]] * 7


def test_newcomers_are_found_at_the_next_search():
    world = World(lambda number: [HERE] + [THERE] * (number >= 2))
    ids, _ = follow(world)
    assert ids == [[1]] * 5 + [[1, 2]] * 7


def test_two_boxes_around_one_person_give_one_pose():
    world = World(lambda number: [HERE])

    def twice(photo):
        boxes, scores = world.detect(photo)
        return np.concatenate([boxes, boxes + 3]), np.repeat(scores, 2)

    tracker = PoseTracker(world, twice)
    assert tracker(picture(0), 0.0)[2].tolist() == [1]


def test_a_detected_box_beside_an_expected_one_is_a_person_of_its_own():
    # Their boxes overlap by a half.
    world = World(lambda number: [HERE] + [(10.0, 16.0)] * (number >= 3))
    ids, _ = follow(world, search_every=1)
    assert ids == [[1]] * 3 + [[1, 2]] * 9


def test_without_tracking_every_frame_is_searched_and_nobody_has_an_id():
    world = World(lambda number: [HERE, THERE])
    ids, answers = follow(world, range(4), track=False)
    assert ids == [[NOBODY] * 2] * 4 and world.searched == [0, 1, 2, 3]
    np.testing.assert_array_equal(answers[3][0], world.poses(3))


def test_smoothing_can_be_left_out_and_changes_nothing_else():
    def shaking(number):
        return [(HERE[0] + number % 2, HERE[1])]

    (ids, smooth), (same, plain) = (
        follow(World(shaking), smooth=flag) for flag in (True, False)
    )
    assert ids == same
    for number, (keypoints, scores, _) in enumerate(plain):
        np.testing.assert_array_equal(keypoints, World(shaking).poses(number))
        np.testing.assert_array_equal(scores, smooth[number][1])
    steps = [
        np.abs(np.diff([answer[0] for answer in answers], axis=0)).mean()
        for answers in (smooth, plain)
    ]
    assert steps[0] < 0.7 * steps[1]


def test_what_was_seen_can_be_followed_again_to_the_bit():
    world = World(lambda number: [HERE, THERE][: 1 + number % 3])
    one, two = (PoseTracker(world, world.detect) for _ in range(2))
    for number in range(6):
        sight = one.look(picture(number))
        again = Sight.from_json(sight.to_json(), 14)
        people, same = one.follow(sight, number / 25), two.follow(again, number / 25)
        for name in ("keypoints", "scores", "track_ids", "boxes", "box_scores"):
            expected, found = getattr(people, name), getattr(same, name)
            assert expected.dtype == found.dtype
            np.testing.assert_array_equal(expected, found)


def test_a_model_that_finds_everybody_needs_no_detector():
    world = World(lambda number: [HERE, THERE])
    estimate = world.__call__

    def find(photo):
        return estimate(photo, world.detect(photo)[0])

    find.skeleton = world.skeleton
    tracker = PoseTracker(find)
    assert [tracker(picture(n), n / 25)[2].tolist() for n in range(3)] == [[1, 2]] * 3


@pytest.mark.parametrize("options", [{"search_every": 0}, {"memory": -1}])
def test_numbers_that_make_no_sense_are_refused(options):
    with pytest.raises(TfposeError, match="expected search_every from 1 and memory"):
        PoseTracker(World(None), None, **options)
