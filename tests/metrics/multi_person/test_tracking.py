"""CLEAR MOT on frames worked out by hand, and against motmetrics."""

import numpy as np
import pytest

from tfpose.metrics.multi_person.tracking import Events, follow

FAR = np.nan


def test_a_track_that_stays_is_perfect():
    frames = [([7], [3], [[0.1]]), ([7], [3], [[0.3]])]
    events = follow(frames)
    assert (events.objects, events.matches, events.switches) == (2, 2, 0)
    rates = events.rates()
    assert (rates["mota"], rates["precision"], rates["recall"]) == (100, 100, 100)
    # Mean distance (.1 + .3) / 2 = .2 heads.
    assert rates["motp"] == pytest.approx(80)


def test_a_missed_person_and_a_false_pose():
    frames = [([1, 2], [5], [[0.0], [FAR]]), ([1, 2], [5, 6], [[0, FAR], [FAR, FAR]])]
    events = follow(frames)
    assert (events.objects, events.misses, events.false_positives) == (4, 2, 1)
    # 100 - 100 (2 + 0 + 1) / 4; 2 of 3 found joints are right; 2 of 4 are found.
    assert events.rates() == {
        "mota": 25, "motp": 100, "precision": pytest.approx(200 / 3), "recall": 50,
    }  # fmt: skip


def test_two_tracks_that_change_places_are_two_switches():
    frames = [
        ([1, 2], [5, 6], [[0.1, FAR], [FAR, 0.1]]),
        ([1, 2], [5, 6], [[FAR, 0.1], [0.1, FAR]]),
        ([1, 2], [5, 6], [[FAR, 0.1], [0.1, FAR]]),
    ]
    events = follow(frames)
    assert (events.switches, events.matches) == (2, 6)
    assert events.rates()["mota"] == pytest.approx(100 * (1 - 2 / 6))


def test_people_who_cross_keep_their_tracks_though_others_are_nearer():
    frames = [
        ([1, 2], [5, 6], [[0.1, FAR], [FAR, 0.1]]),
        ([1, 2], [5, 6], [[0.4, 0.0], [0.0, 0.4]]),
    ]
    events = follow(frames)
    assert events.switches == 0
    assert events.distance == pytest.approx(1.0)


def test_a_switch_after_a_gap_is_still_a_switch():
    frames = [([1], [5], [[0]]), ([1], [], []), ([], [], []), ([1], [6], [[0]])]
    events = follow(frames)
    assert (events.misses, events.switches) == (1, 1)


def test_a_new_person_found_by_an_old_track_is_no_switch():
    assert follow([([1], [5], [[0]]), ([2], [5], [[0]])]).switches == 0


def test_as_many_as_possible_are_matched_before_near_ones():
    # 1-5 is the nearest pair, but then 2 would go without.
    events = follow([([1, 2], [5, 6], [[0.0, 0.5], [0.1, FAR]])])
    assert events.matches == 2 and events.distance == pytest.approx(0.6)


def test_nothing_has_no_rates():
    assert np.isnan(list(follow([]).rates().values())).all()
    rates = follow([([], [5], [])]).rates()
    assert np.isnan(rates["mota"]) and rates["precision"] == 0
    rates = follow([([1], [], [])]).rates()
    assert rates["mota"] == 0 and np.isnan(rates["motp"]) and rates["recall"] == 0


def test_videos_are_added():
    one, two = Events(3, 2, 1, 1, 0.5), Events(1, 1, 0, 2, 0.25)
    assert one + two == Events(4, 3, 1, 3, 0.75)


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_those_of_motmetrics(seed):
    motmetrics = pytest.importorskip("motmetrics")
    random = np.random.default_rng(seed)
    frames, accumulator = [], motmetrics.MOTAccumulator(auto_id=True)
    for _ in range(60):
        labels, found = (
            np.sort(random.permutation(6)[: random.integers(0, 6)]) for _ in range(2)
        )
        # Tracks mostly follow the label of their number.
        base = 0.8 * (labels[:, None] != found)
        distances = base + random.uniform(0, 0.5, base.shape)
        distances[distances > 0.9] = np.nan
        frames.append((labels, found, distances))
        accumulator.update(labels, found, distances)
    expected = motmetrics.metrics.create().compute(
        accumulator,
        metrics=[
            "num_objects", "num_detections", "num_switches", "num_false_positives",
            "num_misses", "mota", "motp", "precision", "recall",
        ],
        return_dataframe=False,
    )  # fmt: skip
    events = follow(frames)
    assert events.switches > 5 and events.misses > 5 and events.false_positives > 5
    assert {
        "num_objects": events.objects,
        "num_detections": events.matches,
        "num_switches": events.switches,
        "num_false_positives": events.false_positives,
        "num_misses": events.misses,
    } == {key: expected[key] for key in list(expected)[:5]}
    rates = events.rates()
    for name in ("mota", "precision", "recall"):
        assert rates[name] == pytest.approx(100 * expected[name])
    assert rates["motp"] == pytest.approx(100 - 100 * expected["motp"])
