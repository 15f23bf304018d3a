"""Who is who from frame to frame: greedy matching by OKS, memory, velocity."""

import numpy as np
import pytest

from tfpose.inference.tracking import (
    NOBODY,
    Tracks,
    greedy_pairs,
    similarities,
)

SIGMAS = [0.1, 0.1, 0.1, 0.1]
AREA = 1e4  # px^2: a joint 20 px off has a similarity of exp(-1/2)
POSE = np.array([[10.0, 10], [90, 10], [10, 90], [90, 90]])
AWAY = POSE + [300, 0]
ALL = np.ones(4, bool)


def step(tracks, *poses, placed=None):
    """The ids of poses, each with all joints unless told otherwise."""
    poses = np.reshape(poses, (-1, 4, 2))
    placed = np.tile(ALL, (len(poses), 1)) if placed is None else placed
    return tracks.step(poses, placed, [AREA] * len(poses)).tolist()


def test_the_most_similar_pair_comes_first_even_if_the_sum_suffers():
    # The best sum would be 0.8 + 0.7; greedy takes 0.9, then what is left.
    assert greedy_pairs([[0.9, 0.8], [0.7, 0.1]], 0.05) == [(0, 0), (1, 1)]
    assert greedy_pairs([[0.9, 0.8], [0.7, 0.1]], 0.2) == [(0, 0)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (2, 0)])
def test_nobody_pairs_with_nobody(shape):
    assert greedy_pairs(np.zeros(shape), 0.0) == []


def test_what_has_nothing_in_common_stays_apart_at_any_threshold():
    assert greedy_pairs([[0.0]], 0.0) == []


def test_similarity_is_the_oks_of_the_joints_that_both_have():
    tracks = Tracks(SIGMAS)
    step(tracks, POSE)
    moved = POSE + [[20, 0], [0, 0], [0, 0], [500, 0]]
    placed = np.array([[1, 1, 1, 0]])
    expected = (np.exp(-0.5) + 2) / 3
    found = similarities(moved[None], placed, tracks.alive, tracks.sigmas)
    np.testing.assert_allclose(found, [[expected]], rtol=1e-6)


def test_two_joints_are_too_few_to_compare():
    tracks = Tracks(SIGMAS)
    step(tracks, POSE)
    assert step(tracks, POSE, placed=np.array([[1, 1, 0, 0]])) == [2]


def test_ids_follow_people_whatever_their_order():
    tracks = Tracks(SIGMAS)
    assert step(tracks, POSE, AWAY) == [1, 2]
    assert step(tracks, AWAY + 2, POSE + 2) == [2, 1]
    assert step(tracks, POSE + 4) == [1]
    assert [track.track_id for track in tracks.in_sight] == [1]


def test_one_person_is_followed_and_a_stranger_gets_a_new_id():
    tracks = Tracks(SIGMAS)
    assert step(tracks, POSE) == [1]
    assert step(tracks, AWAY) == [2]
    assert step(tracks, POSE, AWAY) == [1, 2]


def test_frames_without_anybody_only_age_the_tracks():
    tracks = Tracks(SIGMAS)
    assert step(tracks) == []
    step(tracks, POSE)
    assert step(tracks) == [] and tracks.in_sight == []
    assert step(tracks, POSE) == [1]


@pytest.mark.parametrize("absent, expected", [(3, 1), (4, 2)])
def test_who_returns_within_the_memory_keeps_the_id(absent, expected):
    tracks = Tracks(SIGMAS, memory=3)
    step(tracks, POSE)
    for _ in range(absent):
        step(tracks)
    assert step(tracks, POSE) == [expected]


def test_without_memory_one_frame_is_enough_to_be_forgotten():
    tracks = Tracks(SIGMAS, memory=0)
    assert [step(tracks, POSE), step(tracks, POSE)] == [[1], [1]]
    step(tracks)
    assert step(tracks, POSE) == [2]


def test_a_pose_without_joints_is_nobody_and_starts_no_track():
    tracks = Tracks(SIGMAS)
    placed = np.array([[0, 0, 0, 0], [1, 1, 1, 1]])
    assert step(tracks, POSE, AWAY, placed=placed) == [NOBODY, 1]
    assert len(tracks.alive) == 1


def test_missing_joints_may_hold_anything():
    tracks = Tracks(SIGMAS)
    pose = POSE.copy()
    pose[3] = np.nan
    placed = np.array([[1, 1, 1, 0]])
    assert step(tracks, pose, placed=placed) == [1]
    assert step(tracks, pose + 1, placed=placed) == [1]


def test_who_walks_is_expected_where_the_walk_leads():
    tracks = Tracks(SIGMAS)
    for frame in range(60):
        assert step(tracks, POSE + [10 * frame, 0]) == [1]
    (track,) = tracks.alive
    np.testing.assert_allclose(track.velocity, [10, 0], atol=1e-6)
    # Hidden for five frames: 60 px on, where the last pose alone would not match.
    for _ in range(5):
        step(tracks)
    np.testing.assert_allclose(track.expected, POSE + [650, 0], atol=1e-6)
    assert step(tracks, POSE + [650, 0]) == [1]
    np.testing.assert_allclose(track.velocity, [10, 0], atol=1e-6)


def test_a_velocity_is_known_after_one_step_and_then_hardly_changed_by_another():
    tracks = Tracks(SIGMAS)
    step(tracks, POSE)
    step(tracks, POSE + [10, 4])
    (track,) = tracks.alive
    np.testing.assert_allclose(track.velocity, [10, 4])
    for frame in range(2, 20):
        step(tracks, POSE + [10 * frame, 4 * frame])
    step(tracks, POSE + [190, 76])  # stands still for one frame
    np.testing.assert_allclose(track.velocity, [9, 3.6])


def test_a_joint_that_jumps_to_somebody_else_changes_no_velocity():
    tracks = Tracks(SIGMAS)
    step(tracks, POSE)
    slipped = POSE + [10, 0]
    slipped[3] += [80, 30]
    step(tracks, slipped)
    np.testing.assert_allclose(tracks.alive[0].velocity, [10, 0])


def test_two_who_pass_each_other_keep_their_numbers():
    # Places in a rendered clip. For six frames there is one pose, which slips from one
    # person onto the other.
    to_right = [*range(-18, 41, 6), 46, 54, 59, 66, 74, 82, 90, 93, 98, 98]
    to_left = [*range(189, 143, -5), 139, 135, 131, 126, 122, 112]
    together, alone = [92, 86], [(84, 121), (76, 126), (75, 132), (68, 139)]
    tracks = Tracks(SIGMAS)
    for one, other in zip(to_right, to_left, strict=False):
        assert step(tracks, POSE + [one, 0], POSE + [other, 0]) == [1, 2]
    for place in [*to_right[len(to_left) :], *together]:
        assert len(step(tracks, POSE + [place, 0])) == 1
    for left, right in alone:
        assert step(tracks, POSE + [left, 0], POSE + [right, 0]) == [2, 1]
