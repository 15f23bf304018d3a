"""The One Euro filter: worked out by hand, its limits, and what makes it begin anew."""

import math

import numpy as np
import pytest

from tfpose.inference.smoothing import OneEuro, smoothing_factor


def run(values, times, placed=None, size=1.0, **options):
    """The filtered values of one joint's x."""
    smooth = OneEuro(**options)
    placed = [True] * len(values) if placed is None else placed
    return [
        float(smooth(np.array([[x, 0.0]]), [there], time, size)[0, 0])
        for x, there, time in zip(values, placed, times, strict=True)
    ]


def test_the_weight_of_the_new_value_is_that_of_the_paper():
    # alpha = 1 / (1 + tau / Te), tau = 1 / (2 pi fc).
    tau, step = 1 / (2 * math.pi * 2.0), 0.1
    assert smoothing_factor(2.0, step) == pytest.approx(1 / (1 + tau / step))


def test_two_steps_worked_out_by_hand():
    # 2 pi fc Te = 1 for 1 Hz and this step, so that weights are simple.
    step = 1 / (2 * math.pi)
    found = run([0.0, 1.0], [0.0, step], minimum_cutoff=1.0, speed_factor=1 / math.pi)
    # Speed 1 / step = 2 pi, halved by its filter: pi. Cutoff 1 + 1 = 2 Hz: 2 / 3.
    assert found == pytest.approx([0.0, 2 / 3])


def test_the_speed_counts_in_sizes_of_the_person():
    times = [0.0, 0.04, 0.08]
    small = run([0.0, 1.0, 3.0], times, size=10.0)
    large = run([0.0, 7.0, 21.0], times, size=70.0)
    assert large == pytest.approx([7 * x for x in small])


def test_what_rests_stays():
    assert run([5.0] * 4, [0.0, 0.1, 0.2, 0.3]) == pytest.approx([5.0] * 4)


def test_noise_at_rest_shrinks_and_steady_motion_hardly_lags():
    rng, times = np.random.default_rng(0), np.arange(200) / 25
    noise = rng.normal(0, 1, 200)
    still = np.array(run(noise, times, size=100.0))
    assert np.abs(np.diff(still, 2)).mean() < 0.5 * np.abs(np.diff(noise, 2)).mean()
    moving = run(100 * times, times, size=100.0)
    assert abs(moving[-1] - 100 * times[-1]) < 4.0


def test_a_missing_joint_passes_and_begins_anew():
    times = [0.0, 0.1, 0.2, 0.3, 0.4]
    placed = [True, True, False, True, True]
    found = run([0.0, 0.0, 99.0, 50.0, 50.0], times, placed)
    assert found == pytest.approx([0.0, 0.0, 99.0, 50.0, 50.0])


def test_joints_do_not_touch_each_other():
    smooth, alone = OneEuro(), OneEuro()
    two = np.array([[[0.0, 0], [np.nan, np.nan]], [[1.0, 1], [4.0, 4]]])
    for time, pose in enumerate(two):
        there = np.isfinite(pose[:, 0])
        both = smooth(pose, there, 0.04 * time, 1.0)
        one = alone(pose[:1], [True], 0.04 * time, 1.0)
        np.testing.assert_array_equal(both[:1], one)
    np.testing.assert_array_equal(both[1], [4, 4])


def test_without_any_joint_nothing_is_known_and_nothing_is_changed():
    smooth = OneEuro()
    for time in range(3):
        pose = np.full((2, 2), float(time))
        np.testing.assert_array_equal(smooth(pose, [0, 0], float(time), 1.0), pose)


@pytest.mark.parametrize("step", [0.0, -1.0])
def test_a_step_that_is_not_positive_counts_as_the_last_one(step):
    usual = run([0.0, 1.0, 2.0], [0.0, 0.1, 0.2])
    assert run([0.0, 1.0, 2.0], [0.0, 0.1, 0.1 + step]) == pytest.approx(usual)


def test_at_one_time_only_everything_passes():
    assert run([0.0, 1.0, 2.0], [0.5, 0.5, 0.5]) == [0.0, 1.0, 2.0]


def test_longer_steps_smooth_less():
    short, long = (run([0.0, 1.0], [0.0, step])[1] for step in (0.02, 0.2))
    assert 0 < short < long < 1
