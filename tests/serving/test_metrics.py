"""What the server counts, in Prometheus's text format."""

import re

import numpy as np
import pytest

from tfpose.serving.metrics import COLUMNS, SECONDS, Metrics


def lines(metrics):
    found = metrics.text().splitlines()
    pairs = (line.rpartition(" ") for line in found if not line.startswith("#"))
    return {name: number for name, _, number in pairs}


def test_counts_are_those_of_what_happened():
    metrics = Metrics()
    for status, seconds in ((200, 0.02), (200, 0.3), (400, 0.005), (418, 99.0)):
        metrics.request(status, seconds)
    metrics.batch(8)
    metrics.batch(1)
    metrics.waiting(3)
    found = lines(metrics)
    assert found['tfpose_requests_total{status="200"}'] == "2"
    assert found['tfpose_requests_total{status="400"}'] == "1"
    assert found['tfpose_requests_total{status="other"}'] == "1"
    buckets = [found[f'tfpose_request_seconds_bucket{{le="{end}"}}'] for end in SECONDS]
    assert buckets == ["1", "2", "2", "2", "2", "3", "3", "3", "3", "3", "3"]
    assert found['tfpose_request_seconds_bucket{le="+Inf"}'] == "4"
    assert found["tfpose_request_seconds_count"] == "4"
    assert float(found["tfpose_request_seconds_sum"]) == pytest.approx(99.325)
    assert found['tfpose_batch_people_bucket{le="4"}'] == "1"
    assert found['tfpose_batch_people_bucket{le="8"}'] == "2"
    assert found["tfpose_batch_people_sum"] == "9"
    assert found["tfpose_people_total"] == "9"
    assert found["tfpose_waiting_requests"] == "3"


def test_each_series_is_described_once_before_it():
    kinds = {}
    for line in Metrics().text().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in kinds
            kinds[name] = kind
        elif not line.startswith("#"):
            name = re.match(r"[a-z_]+", line)[0]
            of_histogram = re.sub("_(bucket|sum|count)$", "", name)
            assert name in kinds or kinds[of_histogram] == "histogram"
    assert set(kinds.values()) == {"counter", "gauge", "histogram"}


def test_processes_that_share_memory_report_their_sum():
    rows = np.zeros((2, COLUMNS))
    one, other = Metrics(rows, 0), Metrics(rows, 1)
    one.request(200, 1)
    other.request(200, 2)
    other.waiting(4)
    assert one.text() == other.text()
    assert lines(one)['tfpose_requests_total{status="200"}'] == "2"
    assert lines(one)["tfpose_waiting_requests"] == "4"
