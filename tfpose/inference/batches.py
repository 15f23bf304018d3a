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
    """Passes the stream on, counting people on the terminal where somebody watches.

    Args:
        stream: of batches of people; the first item of a tuple is as long.
        total: people in all.
        done: what has been done to them, in a word.
        what: they are called.
    """
    count = 0
    for batch in stream:
        yield batch
        count += len(batch[0] if isinstance(batch, tuple) else batch)
        if sys.stderr.isatty():
            end = "\n" if count >= total else ""
            line = f"\r{done} {count}/{total} {what}"
            print(line, end=end, file=sys.stderr, flush=True)
