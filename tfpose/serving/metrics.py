"""What a server counts, as the text that Prometheus reads.

https://prometheus.io/docs/instrumenting/exposition_formats. All numbers of a process
lie in one row of an array, so that processes can share it: each writes its own row, and
whoever is asked adds all rows up.
"""

from __future__ import annotations

import bisect
import threading

import numpy as np

# Upper ends of the histograms' buckets.
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
PEOPLE = (1, 2, 4, 8, 16, 32, 64)
# Responses that a server gives; others count as "other".
STATUSES = ("200", "400", "404", "405", "408", "413", "499", "500", "503", "other")
# The numbers of a row: (name, how many).
PARTS = (
    ("statuses", len(STATUSES)),
    ("seconds", len(SECONDS) + 2),  # the buckets, the rest, and the sum
    ("batches", len(PEOPLE) + 2),
    ("waiting", 1),
    ("people", 1),
)
# What the text says of each: name, kind, help.
REQUESTS = "tfpose_requests_total", "counter", "Responses to predict requests."
LATENCY = "tfpose_request_seconds", "histogram", "From the request to its response."
BATCHES = "tfpose_batch_people", "histogram", "People that the network saw at a time."
WAITING = "tfpose_waiting_requests", "gauge", "Requests that wait or are answered."
SEEN = "tfpose_people_total", "counter", "People whose poses were answered."
COLUMNS = sum(count for _, count in PARTS)


class Metrics:
    """The counts of one process, and the text about all of them.

    Args:
        rows: f64[processes, ``COLUMNS``], shared by the processes; default: one row.
        row: of this process.

    Example:
        >>> metrics = Metrics()
        >>> metrics.batch(people=3)
        >>> "tfpose_people_total 3" in metrics.text()
        True
    """

    def __init__(self, rows: np.ndarray | None = None, row: int = 0):
        self.rows = np.zeros((1, COLUMNS)) if rows is None else rows
        self.mine = _parts(self.rows[row])
        self._lock = threading.Lock()

    def request(self, status: int, seconds: float) -> None:
        """Counts a response and how long it took."""
        known = str(status) if str(status) in STATUSES else "other"
        with self._lock:
            self.mine["statuses"][STATUSES.index(known)] += 1
            _observe(self.mine["seconds"], SECONDS, seconds)

    def batch(self, people: int) -> None:
        """Counts a run of a network, and the people that it saw."""
        with self._lock:
            _observe(self.mine["batches"], PEOPLE, people)
            self.mine["people"][0] += people

    def waiting(self, count: int) -> None:
        """Notes how many requests wait or are answered now."""
        self.mine["waiting"][0] = count

    def text(self) -> str:
        """All processes' counts in Prometheus's text format."""
        sums = _parts(self.rows.sum(axis=0))
        lines = _about(*REQUESTS)
        for status, count in zip(STATUSES, sums["statuses"], strict=True):
            lines.append(f'{REQUESTS[0]}{{status="{status}"}} {_number(count)}')
        lines += _histogram(LATENCY, SECONDS, sums["seconds"])
        lines += _histogram(BATCHES, PEOPLE, sums["batches"])
        for about, key in ((WAITING, "waiting"), (SEEN, "people")):
            lines += [*_about(*about), f"{about[0]} {_number(sums[key][0])}"]
        return "\n".join(lines) + "\n"


def _parts(row: np.ndarray) -> dict[str, np.ndarray]:
    """Views of a row's numbers by their names."""
    names, counts = zip(*PARTS, strict=True)
    return dict(zip(names, np.split(row, np.cumsum(counts)[:-1]), strict=True))


def _observe(numbers: np.ndarray, ends: tuple, value: float) -> None:
    numbers[bisect.bisect_left(ends, value)] += 1
    numbers[-1] += value


def _histogram(about: tuple[str, str, str], ends: tuple, numbers) -> list[str]:
    name, lines = about[0], _about(*about)
    counts = np.cumsum(numbers[:-1])  # each bucket holds those below it
    for end, count in zip((*ends, "+Inf"), counts, strict=True):
        lines.append(f'{name}_bucket{{le="{end}"}} {_number(count)}')
    total = _number(counts[-1])
    return [*lines, f"{name}_sum {_number(numbers[-1])}", f"{name}_count {total}"]


def _about(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
