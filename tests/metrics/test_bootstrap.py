import numpy as np
import pytest

from tfpose.metrics import bootstrap


def changes(before, after, **options):
    return bootstrap.change_of_means(np.array(before), np.array(after), **options)


def test_each_draw_has_as_many_people_as_there_are():
    (times,) = bootstrap.draws(7, rounds=50)
    assert times.shape == (50, 7)
    np.testing.assert_array_equal(times.sum(axis=1), 7)
    # Each is drawn once on average, and left out with (6 / 7)^7 = 0.34.
    (times,) = bootstrap.draws(7, rounds=20_000)
    np.testing.assert_allclose(times.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose((times == 0).mean(axis=0), 0.34, atol=0.02)


def test_a_seed_gives_the_same_draws_in_parts_too(monkeypatch):
    (whole,) = bootstrap.draws(5, rounds=30, seed=3)
    monkeypatch.setattr(bootstrap, "_ROOM", 35)
    parts = list(bootstrap.draws(5, rounds=30, seed=3))
    assert [len(part) for part in parts] == [7, 7, 7, 7, 2]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert (next(bootstrap.draws(5, rounds=7, seed=4)) != whole[:7]).any()


def test_the_interval_is_the_middle_of_the_values():
    values = np.stack([np.arange(101.0), np.full(101, np.nan)], axis=-1)
    values = np.append(values, [[np.nan, np.nan]], axis=0)
    low, high = bootstrap.interval(values, 0.9)
    np.testing.assert_allclose(low, [5.0, np.nan])
    np.testing.assert_allclose(high, [95.0, np.nan])


def test_equal_poses_change_nothing_for_certain():
    credits = np.random.default_rng(0).choice([0.0, 100.0, np.nan], (20, 4))
    np.testing.assert_array_equal(changes(credits, credits), np.zeros((5, 3)))


def test_of_two_people_three_draws_are_possible():
    # One gained 100, the other nothing. Drawn are the second twice (change 0, in a
    # quarter of the draws), both (50, in half of them), or the first twice (100).
    before, after = [[0.0], [100.0]], [[100.0], [100.0]]
    for level, ends in ((0.95, (0, 100)), (0.4, (50, 50))):
        wanted = [[50.0, *ends]] * 2  # of the only joint, and of the mean
        np.testing.assert_array_equal(changes(before, after, level=level), wanted)


def test_a_draw_is_the_same_for_both_sides():
    # Everybody gains 10 however different people are: each draw says so.
    before = np.linspace(0, 90, 10)[:, None]
    np.testing.assert_allclose(changes(before, before + 10), [[10.0] * 3] * 2)


def test_a_joint_counts_where_it_is_labeled():
    before = [[0.0, np.nan], [0.0, np.nan], [100.0, 0.0]]
    after = [[100.0, np.nan], [0.0, np.nan], [100.0, 100.0]]
    change = changes(before, after)[:, 0]
    # 1/3 -> 2/3 of three people, 0 -> 1 of one; the mean is that of both joints.
    np.testing.assert_allclose(change, [100 / 3, 100, 200 / 3])
    # Draws without the one person say nothing about the second joint.
    assert changes(before, after)[1].tolist() == [100, 100, 100]


def test_a_joint_may_count_on_one_side_alone():
    # Nobody found the second person before: the mean was of the first.
    change = changes([[100.0], [np.nan]], [[100.0], [0.0]])
    assert change[0, 0] == -50.0


def test_the_mean_is_that_of_the_chosen_joints():
    before, after = np.zeros((4, 3)), np.tile([10.0, 20.0, 60.0], (4, 1))
    change = changes(before, after, in_mean=[True, True, False])
    np.testing.assert_allclose(change[-1], [15.0] * 3)


def test_things_of_a_person_count_alike():
    # One person adds three things, the other one: 2 of 4 before, 3 of 4 after.
    before = [[[100.0, 100.0, 0.0]], [[0.0, np.nan, np.nan]]]
    after = [[[100.0, 100.0, 0.0]], [[100.0, np.nan, np.nan]]]
    assert bootstrap.column_means(np.array(before)).tolist() == [50.0, 50.0]
    assert bootstrap.column_means(np.array(after)).tolist() == [75.0, 75.0]
    # Draws: the first person twice (no change), both, or the second twice.
    assert changes(before, after).tolist() == [[25.0, 0.0, 100.0]] * 2


@pytest.mark.parametrize("people", [0, 3])
def test_nobody_who_counts_has_no_change(people):
    nothing = np.full((people, 2), np.nan)
    assert np.isnan(changes(nothing, nothing)).all()


def test_one_person_leaves_no_doubt():
    # The interval knows the one person alone: it says nothing about others.
    np.testing.assert_array_equal(changes([[0.0]], [[100.0]]), [[100.0] * 3] * 2)


def test_other_people_are_refused():
    with pytest.raises(ValueError, match=r"found \(2, 3\) and \(3, 3\)"):
        changes(np.zeros((2, 3)), np.zeros((3, 3)))


def test_the_interval_covers_the_true_change_as_often_as_it_says():
    random = np.random.default_rng(1)
    covered, widths = [], []
    for trial in range(400):
        people = random.normal(50, 20, (60, 1))  # how easy they are
        before = people + random.normal(0, 3, (60, 1))
        after = people + random.normal(2, 4, (60, 1))
        _, low, high = changes(before, after, rounds=300, level=0.9, seed=trial)[0]
        covered.append(low <= 2 <= high)
        widths.append(high - low)
    # Standard error of a share of 400: 1.5 %. The deviation of a gain is 5, of the
    # mean of 60 gains 0.645, hence 2 x 1.645 x 0.645 = 2.12.
    assert 0.85 < np.mean(covered) < 0.94
    assert np.mean(widths) == pytest.approx(2.12, rel=0.05)
