"""Text tables with aligned columns."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """Formats rows of cells as text: first column left-aligned, others right.

    Args:
        rows: the same number of cells each.
        notes: text after each row.

    Example:
        >>> print(aligned([("", "before", "after"), ("mean", "75.3", "84.1")]))
              before  after
        mean    75.3   84.1
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    notes = [*notes, *[""] * (len(rows) - len(notes))]
    lines = []
    for (name, *cells), note in zip(rows, notes, strict=True):
        numbers = (f"{c:>{w}}" for c, w in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([f"{name:<{widths[0]}}", *numbers, note]).rstrip())
    return "\n".join(lines)


def percent(value: float | None, digits: int = 1) -> str:
    """Formats a percentage; "-" for None.

    Example:
        >>> percent(75.34), percent(None)
        ('75.3', '-')
    """
    return "-" if value is None else f"{value:.{digits}f}"
