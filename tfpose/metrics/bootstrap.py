"""How much of a change could be chance: bootstrap intervals of paired differences.

Two sets of poses of the same people are scored. With other people in the test set, the
change between them would differ. To estimate by how much, draw as many people as there
are, with replacement, many times (Efron and Tibshirani, "An Introduction to the
Bootstrap", 1993, chapter 13: percentile interval). Both sets see the same draws, so
what makes a person easy or hard cancels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tfpose.errors import TfposeError

ROUNDS = 1000
LEVEL = 0.95
# How many numbers ``draws`` holds at a time.
_ROOM = 2_000_000


def draws(count: int, rounds: int = ROUNDS, seed: int = 0) -> Iterator[np.ndarray]:
    """Yields in batches how often each draw takes each person or photo.

    Args:
        count: N; each draw takes N of them with equal probability.
        rounds: number of draws.
        seed: the same seed gives the same draws.

    Yields:
        f64[n, N]; all n sum to ``rounds``, each row sums to N.
    """
    random = np.random.default_rng(seed)
    part = max(1, _ROOM // max(count, 1))
    for start in range(0, rounds, part):
        size = min(part, rounds - start)
        chosen = random.integers(count, size=(size, count)) if count else 0
        places = chosen + np.arange(size)[:, None] * count
        times = np.bincount(places.ravel(), minlength=size * count)[: size * count]
        yield times.reshape(size, count).astype(np.float64)


def interval(values, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """The middle share of drawn values.

    Args:
        values: f64[rounds, ...]; nan if a draw has no value.
        level: the share, in 0..1.

    Returns:
        Its lower and upper ends, f64[...] each; nan if no draw has a value.
    """
    values = np.asarray(values, np.float64)
    ends = np.full((2, *values.shape[1:]), np.nan)
    known = ~np.isnan(values).all(axis=0)
    tail = (1 - level) / 2
    ends[:, known] = np.nanquantile(values[:, known], [tail, 1 - tail], axis=0)
    return ends[0], ends[1]


def change_of_means(
    before, after, in_mean=None, rounds: int = ROUNDS, level=LEVEL, seed: int = 0
) -> np.ndarray:
    """The changes of columns' means over people, with intervals.

    Args:
        before: f64[N, K], the values of N people for K joints (such as 100 for a right
            joint and 0 for a wrong one), or f64[N, K, J] for J values each that count
            alike; nan does not count.
        after: the values of the same people's other poses.
        in_mean: bool[K], the columns that the overall mean averages; all if None.
        rounds: number of draws.
        level: share of the draws within the interval.
        seed: of the draws.

    Returns:
        f64[K + 1, 3]: change, lower and upper end of its interval for each column and,
        last, for the mean of the columns' means; nan if nobody counts.

    Raises:
        TfposeError: the shapes differ.
    """
    before, after = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if before.shape != after.shape or before.ndim not in (2, 3):
        raise TfposeError(
            "expected the same people and joints [N, K] before and after, found "
            f"{before.shape} and {after.shape}"
        )
    sides = _sums(before), _sums(after)
    drawn = [
        np.subtract(*(_means(side, times, in_mean) for side in sides[::-1]))
        for times in draws(len(before), rounds, seed)
    ]
    low, high = interval(np.concatenate(drawn), level)
    change = column_means(after, in_mean) - column_means(before, in_mean)
    return np.stack([change, low, high], axis=-1)


def column_means(values, in_mean=None) -> np.ndarray:
    """f64[K + 1], the means themselves; arguments as in ``change_of_means``."""
    sums = _sums(np.asarray(values, np.float64))
    return _means(sums, np.ones((1, len(values))), in_mean)[0]


def _sums(values) -> tuple[np.ndarray, np.ndarray]:
    """f64[N, K] each: the sums of people's values, and their counts."""
    values = values if values.ndim == 3 else values[..., None]
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(axis=2), known.sum(axis=2, dtype=float)


def _means(sides, times, in_mean) -> np.ndarray:
    """f64[n, K + 1]: the means if people count ``times`` f64[n, N]."""
    sums, counts = (times @ side for side in sides)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    known = ~np.isnan(means) & (True if in_mean is None else np.asarray(in_mean, bool))
    size = known.sum(axis=1)
    total = np.where(known, means, 0.0).sum(axis=1)
    mean = np.divide(total, size, out=np.full_like(total, np.nan), where=size > 0)
    return np.concatenate([means, mean[:, None]], axis=1)
