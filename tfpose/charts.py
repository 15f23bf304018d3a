"""Charts as SVG text, for the HTML report and for picture files. Standard library only.

Every function returns one ``<svg>`` element that stands alone (its own fonts, colours
and background), so that it can be written to a ``.svg`` file or put into a page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

BEFORE = "#9aa4b2"
AFTER = "#1a5fb4"
# Okabe and Ito's palette (2008), which people with colour-vision deficiency can read.
ERROR_COLOURS = {
    "good": "#009e73",
    "jitter": "#e69f00",
    "inversion": "#0072b2",
    "swap": "#cc79a7",
    "miss": "#d55e00",
}
LINE_COLOURS = (AFTER, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
INK = "#2b2f38"
FAINT = "#e4e7ec"
_FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, sans-serif'"


def _text(x, y, text, anchor="start", colour=INK, size=12, extra="") -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{colour}' "
        f"font-size='{size}' {extra}>{escape(str(text))}</text>"
    )


def _line(x1, y1, x2, y2, colour=FAINT) -> str:
    return (
        f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' "
        f"stroke='{colour}'/>"
    )


def _rectangle(x, y, width, height, colour, title="") -> str:
    return (
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{max(width, 0):.1f}' "
        f"height='{max(height, 0):.1f}' fill='{colour}'>"
        f"<title>{escape(title)}</title></rect>"
    )


def _svg(width, height, parts, label) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
        f"width='{width}' height='{height}' role='img' aria-label='{escape(label)}' "
        f"{_FONT}><rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}</svg>"
    )


def _legend(x, y, colours: Mapping[str, str]) -> list[str]:
    parts = []
    for name, colour in colours.items():
        parts.append(_rectangle(x, y - 9, 11, 11, colour))
        parts.append(_text(x + 16, y, name))
        x += 34 + 6.6 * len(name)
    return parts


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round numbers (1, 2, 2.5 or 5 times 10^n) in the range."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = min((1, 2, 2.5, 5, 10), key=lambda m: abs(m * power - rough)) * power
    first = math.ceil(low / step - 1e-9)
    return [step * i for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:.4g}"


def line_chart(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    colours: Mapping[str, str] | None = None,
    size: tuple[int, int] = (300, 520),
) -> str:
    """Curves over a common axis; points that are NaN or infinite are left out.

    Args:
        series: name -> (x values, y values) of equal length.
        x_label: what x is, with its unit.
        y_label: what y is, with its unit.
        colours: name -> colour; by default the lines take turns.
        size: (height, width) in px.

    Raises:
        ValueError: x and y of a curve have different lengths.
    """
    curves = {}
    for name, (xs, ys) in series.items():
        pairs = zip(map(float, xs), map(float, ys), strict=True)
        curves[name] = [p for p in pairs if all(map(math.isfinite, p))]
    points = [point for curve in curves.values() for point in curve] or [(0, 0)]
    height, width = size
    left, right, top, bottom = 58, width - 16, 40, height - 44
    (x0, x1), (y0, y1) = _range(p[0] for p in points), _range(p[1] for p in points)

    def place(x, y):
        across = left + (x - x0) / ((x1 - x0) or 1) * (right - left)
        return across, bottom - (y - y0) / ((y1 - y0) or 1) * (bottom - top)

    colours = colours or dict(
        zip(curves, LINE_COLOURS * (1 + len(curves)), strict=False)
    )
    parts = _legend(left, 20, {name: colours[name] for name in curves})
    for y in ticks(y0, y1):
        parts.append(_line(left, place(x0, y)[1], right, place(x0, y)[1]))
        parts.append(_text(left - 8, place(x0, y)[1] + 4, _number(y), "end", size=11))
    for x in ticks(x0, x1):
        parts.append(_text(place(x, y0)[0], bottom + 17, _number(x), "middle", size=11))
    parts.append(_line(left, bottom, right, bottom, INK))
    parts.append(_text((left + right) / 2, height - 8, x_label, "middle"))
    turned = f"transform='rotate(-90 14 {(top + bottom) / 2:.1f})'"
    parts.append(_text(14, (top + bottom) / 2, y_label, "middle", extra=turned))
    for name, curve in curves.items():
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in curve)
        parts.append(
            f"<polyline points='{path}' fill='none' stroke='{colours[name]}' "
            f"stroke-width='2' stroke-linejoin='round'/>"
        )
        if len(curve) == 1:
            x, y = place(*curve[0])
            parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{INK}'/>")
    return _svg(width, height, parts, f"{y_label} over {x_label}")


def _range(values) -> tuple[float, float]:
    values = list(values)
    return min(values), max(values)


def paired_bars(
    before: Mapping[str, float],
    after: Mapping[str, float],
    unit: str,
    size: tuple[int, int] = (280, 520),
) -> str:
    """Two upright bars a group: before and after, each with its value on top.

    Args:
        before: group -> value, not negative.
        after: the same groups.
        unit: printed with the legend.
        size: (height, width) in px.

    Raises:
        ValueError: the groups differ.
    """
    if set(before) != set(after):
        raise ValueError(f"expected the groups {list(before)}, got {list(after)}")
    height, width = size
    left, right, top, bottom = 12, width - 12, 54, height - 32
    highest = max(1e-9, *before.values(), *after.values()) if before else 1.0
    room = (right - left) / max(len(before), 1)
    bar = min(44.0, room * 0.36)
    parts = _legend(left, 20, {"before": BEFORE, "after": AFTER})
    parts.append(_text(right, 20, unit, "end", size=11))
    for number, group in enumerate(before):
        middle = left + room * (number + 0.5)
        sides = (
            (middle - bar - 1, before[group], BEFORE),
            (middle + 1, after[group], AFTER),
        )
        for x, value, colour in sides:
            tall = value / highest * (bottom - top)
            parts.append(
                _rectangle(x, bottom - tall, bar, tall, colour, f"{group} {value:.2f}")
            )
            label = f"{value:.1f}"
            parts.append(
                _text(x + bar / 2, bottom - tall - 5, label, "middle", size=11)
            )
        parts.append(_text(middle, bottom + 19, group, "middle"))
    parts.append(_line(left, bottom, right, bottom, INK))
    return _svg(width, height, parts, f"before and after, {unit}")


def stacked_bars(
    rows: Sequence[tuple[str, Mapping[str, float]]],
    colours: Mapping[str, str],
    width: int = 720,
) -> str:
    """One lying bar a row, divided into shares that sum to the full length.

    Args:
        rows: (label, {part: amount, not negative}); a row of zeros stays empty.
        colours: part -> colour, in the order of drawing.
        width: px.
    """
    step, left, right, top = 24, 132, width - 12, 34
    parts = _legend(left, 18, colours)
    for number, (label, amounts) in enumerate(rows):
        y = top + number * step
        x, total = left, sum(amounts.get(part, 0) for part in colours)
        parts.append(_text(left - 8, y + 13, label, "end"))
        for part, colour in colours.items():
            share = amounts.get(part, 0) / total if total else 0
            title = f"{label}: {part} {100 * share:.1f} %"
            long = share * (right - left)
            parts.append(_rectangle(x, y, long, step - 6, colour, title))
            if long > 30:
                text = f"{100 * share:.0f}"
                parts.append(_text(x + long / 2, y + 13, text, "middle", "#fff", 11))
            x += long
    return _svg(width, top + len(rows) * step + 6, parts, "shares in percent")


def error_bars(
    per_joint: Mapping[str, Mapping[str, float]],
    after: Mapping[str, Mapping[str, float]] | None = None,
    width: int = 720,
) -> str:
    """The shares of the error types of each joint (``ERROR_COLOURS``).

    Args:
        per_joint: joint -> {"good", "jitter", "inversion", "swap", "miss": amount}.
        after: the same after refinement, drawn as a second bar below each joint's first.
        width: px.
    """
    rows = []
    for joint, shares in per_joint.items():
        label = joint.replace("_", " ")
        rows.append((label if after is None else f"{label} before", shares))
        if after is not None:
            rows.append(("after", after[joint]))
    return stacked_bars(rows, ERROR_COLOURS, width)
