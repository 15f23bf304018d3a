"""Streams of people cut into batches, and their progress."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

BATCH = 32


def batched(items) -> Iterator[tuple]:
    """Groups of at most ``BATCH`` items, each transposed."""
    items = iter(items)
    while batch := list(itertools.islice(items, BATCH)):
        yield tuple(zip(*batch, strict=True))


def with_progress(stream, total: int, done: str, what: str = "poses"):
    """Passes the stream on and, on a terminal, shows how many people are done.

    Args:
        stream: batches of people, or tuples whose first item is as long as the batch.
        total: number of people.
        done: past participle for the line, such as "refined".
        what: plural noun for the line.
    """
    count = 0
    for batch in stream:
        yield batch
        count += len(batch[0] if isinstance(batch, tuple) else batch)
        if sys.stderr.isatty():
            end = "\n" if count >= total else ""
            line = f"\r{done} {count}/{total} {what}"
            print(line, end=end, file=sys.stderr, flush=True)
