"""Requests that wait at the same time are answered together, as if they were alone."""

import threading
import time

import numpy as np
import pytest

from tfpose.errors import RequestError
from tfpose.serving.batches import MOST, MOST_WAITING, Batcher, Job
from tfpose.serving.metrics import Metrics


class Network:
    """Doubles each row, and notes how many it saw; waits until it may begin."""

    def __init__(self):
        self.sizes, self.go = [], threading.Event()

    def __call__(self, inputs):
        self.go.wait(10)
        self.sizes.append(len(inputs["x"]))
        if (inputs["x"] < 0).any():
            raise RequestError("negative")
        return {"twice": 2 * inputs["x"], "index": inputs["index"]}


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def batcher():
    return Batcher(Metrics())


def rows(*values):
    return {"x": np.array(values, float), "index": np.arange(len(values))}


def busy(batcher, network):
    """Occupies the thread until the network may go; others wait meanwhile."""
    first = batcher.submit(Job(network, rows(100), 1))
    deadline = time.monotonic() + 5
    while not first.running() and time.monotonic() < deadline:
        time.sleep(0.001)
    return first


def test_who_waits_is_answered_together_and_gets_its_own_rows(batcher, network):
    first = busy(batcher, network)
    jobs = [batcher.submit(Job(network, rows(*range(n)), n)) for n in (1, 2, 3, 1)]
    network.go.set()
    assert first.result(5)["twice"].tolist() == [200]
    for count, job in zip((1, 2, 3, 1), jobs, strict=True):
        answer = job.result(5)
        assert answer["twice"].tolist() == [2 * n for n in range(count)]
        assert answer["index"].tolist() == list(range(count))
    assert network.sizes == [1, 7]
    assert "tfpose_people_total 8" in batcher.metrics.text()


def test_one_bad_request_does_not_spoil_the_answers_of_others(batcher, network):
    busy(batcher, network)
    good = batcher.submit(Job(network, rows(1, 2), 2))
    bad = batcher.submit(Job(network, rows(-1), 1))
    network.go.set()
    assert good.result(5)["twice"].tolist() == [2, 4]
    with pytest.raises(RequestError, match="negative"):
        bad.result(5)


def test_many_people_of_a_request_are_run_in_parts(batcher, network):
    network.go.set()
    for count in (1, MOST, MOST + 1, 3 * MOST - 1):
        answer = batcher.submit(Job(network, rows(*range(count)), count)).result(5)
        assert answer["twice"].tolist() == [2 * n for n in range(count)]
    assert network.sizes == [1, MOST, MOST, 1, MOST, MOST, MOST - 1]


def test_the_oldest_is_answered_first_and_nobody_overtakes(batcher, network):
    busy(batcher, network)
    answered = []
    for name, count in (("a", 3), ("b", 4), ("large", 5), ("c", 1), ("d", 3)):
        job = batcher.submit(Job(network, rows(*range(count)), count))
        job.add_done_callback(lambda _, name=name: answered.append(name))
    network.go.set()
    assert len(job.result(5)["twice"]) == 3
    assert answered[:4] == ["a", "b", "large", "c"]
    assert network.sizes == [1, 7, 6, 3]


def test_networks_are_not_mixed_and_others_run_alone(batcher, network):
    other = Network()
    other.go.set()
    busy(batcher, network)
    jobs = [
        batcher.submit(Job(run, rows(1), count))
        for run, count in ((network, 1), (other, 1), (other, None), (network, 1))
    ]
    network.go.set()
    assert all(job.result(5)["twice"].tolist() == [2] for job in jobs)
    assert network.sizes == [1, 2] and other.sizes == [1, 1]


def test_nothing_is_computed_for_who_has_left(batcher, network):
    busy(batcher, network)
    gone, there = (batcher.submit(Job(network, rows(n), 1)) for n in (1, 2))
    assert gone.cancel()
    network.go.set()
    assert there.result(5)["twice"].tolist() == [4]
    assert network.sizes == [1, 1]


def test_crops_are_not_made_while_too_many_wait(batcher, network):
    busy(batcher, network)
    job = batcher.submit(Job(network, rows(*range(MOST_WAITING)), MOST_WAITING))
    room = threading.Event()
    thread = threading.Thread(target=lambda: (batcher.wait_for_room(), room.set()))
    thread.start()
    assert not room.wait(0.05)
    network.go.set()
    assert room.wait(5) and job.result(5)
    thread.join()
