"""SVG charts for the HTML report and for picture files. Standard library only.

Every chart is one self-contained ``<svg>`` element (own fonts, colors and background),
fit for a ``.svg`` file or a page.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from html import escape

BEFORE = "#9aa4b2"
AFTER = "#1a5fb4"
# Okabe and Ito's palette (2008), readable with color-vision deficiency.
ERROR_COLORS = {
    "good": "#009e73",
    "jitter": "#e69f00",
    "inversion": "#0072b2",
    "swap": "#cc79a7",
    "miss": "#d55e00",
}
LINE_COLORS = (AFTER, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
INK = "#2b2f38"
FAINT = "#e4e7ec"
_FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, sans-serif'"


def _text(x, y, text, anchor="start", color=INK, size=12, extra="") -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{color}' "
        f"font-size='{size}' {extra}>{escape(str(text))}</text>"
    )


def _line(x1, y1, x2, y2, color=FAINT, extra="") -> str:
    return (
        f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' "
        f"stroke='{color}' {extra}/>"
    )


def _rectangle(x, y, width, height, color, title="") -> str:
    return (
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{max(width, 0):.1f}' "
        f"height='{max(height, 0):.1f}' fill='{color}'>"
        f"<title>{escape(title)}</title></rect>"
    )


def _svg(width, height, parts, label) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
        f"width='{width}' height='{height}' role='img' aria-label='{escape(label)}' "
        f"{_FONT}><rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}</svg>"
    )


def _legend(x, y, colors: Mapping[str, str]) -> list[str]:
    parts = []
    for name, color in colors.items():
        parts.append(_rectangle(x, y - 9, 11, 11, color))
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
    colors: Mapping[str, str] | None = None,
    size: tuple[int, int] = (300, 500),
) -> str:
    """Curves over a common axis; skips NaN and infinite points.

    Args:
        series: name -> (x values, y values) of equal length.
        x_label: what x is, with its unit.
        y_label: what y is, with its unit (the chart's title).
        colors: name -> color; default: ``LINE_COLORS`` in turn.
        size: (height, width) in px.

    Raises:
        TfposeError: x and y of a curve have different lengths.
    """
    curves = {name: _finite_points(xs, ys) for name, (xs, ys) in series.items()}
    points = [point for curve in curves.values() for point in curve] or [(0, 0)]
    height, width = size
    frame = (56, 46, width - 16, height - 42)
    colors = colors or {
        name: LINE_COLORS[i % len(LINE_COLORS)] for i, name in enumerate(curves)
    }
    parts = [_text(10, 16, y_label, extra="font-weight='600'")]
    if len(curves) > 1:
        parts += _legend(10, 35, {name: colors[name] for name in curves})
    ranges = _range(p[0] for p in points), _range(p[1] for p in points)
    parts += _plot(curves, frame, ranges, colors)
    middle = (frame[0] + frame[2]) / 2
    parts.append(_text(middle, height - 7, x_label, "middle", size=11))
    return _svg(width, height, parts, f"{y_label} over {x_label}")


def _plot(curves, frame, ranges, colors, count: int = 5, mark=None) -> list[str]:
    """Draws grid, axis numbers and curves.

    Args:
        curves: name -> [(x, y)].
        frame: left, top, right, bottom in px.
        ranges: (lowest, highest) x and the same of y.
        colors: name -> color.
        count: approximate number of labels on each axis.
        mark: x of a dashed line.
    """
    left, top, right, bottom = frame
    (x0, x1), (y0, y1) = ranges

    def place(x, y):
        across = left + (x - x0) / (x1 - x0) * (right - left)
        return across, bottom - (y - y0) / (y1 - y0) * (bottom - top)

    parts = []
    for y in ticks(y0, y1, count):
        parts.append(_line(left, place(x0, y)[1], right, place(x0, y)[1]))
        parts.append(_text(left - 8, place(x0, y)[1] + 4, _number(y), "end", size=11))
    for x in ticks(x0, x1, count):
        parts.append(_text(place(x, y0)[0], bottom + 17, _number(x), "middle", size=11))
    parts.append(_line(left, bottom, right, bottom, INK))
    if mark is not None:
        across = place(mark, y0)[0]
        parts.append(_line(across, top, across, bottom, INK, "stroke-dasharray='3 3'"))
    for name, curve in curves.items():
        parts.append(_curve([place(*point) for point in curve], colors[name], name))
    return parts


def _finite_points(xs, ys) -> list[tuple[float, float]]:
    pairs = zip(xs, ys, strict=True)
    return [(float(x), float(y)) for x, y in pairs if _known(x) and _known(y)]


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _range(values) -> tuple[float, float]:
    values = list(values)
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _curve(points, color, name) -> str:
    if len(points) == 1:
        (x, y) = points[0]
        return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{color}'/>"
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f"<polyline points='{path}' fill='none' stroke='{color}' stroke-width='2' "
        f"stroke-linejoin='round'><title>{escape(name)}</title></polyline>"
    )


def curve_panels(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    thresholds: Sequence[float],
    mark: float,
    title: str,
    note: str,
    x_label: str,
) -> str:
    """Percentages over thresholds: one large panel, the others small beside it.

    All panels share their axes, 0 to 100 upward, and show their values at the mark.

    Args:
        panels: heading -> {name: percentages [T]}, None if unknown; all have the same
            names. "before" and "after" have their own colors.
        thresholds: T, rising.
        mark: the one of ``thresholds`` that a dashed line marks.
        title: what is shown.
        note: how to read it, one line.
        x_label: what the thresholds are, with their unit.

    Raises:
        TfposeError: a curve does not have T values, or ``mark`` is no threshold.
    """
    names, place = list(next(iter(panels.values()))), list(thresholds).index(mark)
    colors = dict(zip(names, itertools.cycle(LINE_COLORS)))
    if "before" in names:
        colors = {"before": BEFORE, "after": AFTER}
    parts = [_text(10, 20, title, size=15, extra="font-weight='600'")]
    parts.append(_text(10, 39, note))
    if len(names) > 1:
        parts += _legend(10, 59, colors)
    bottom = 0
    for number, (heading, curves) in enumerate(panels.items()):
        frame = _small_frame(number - 1) if number else (48, 96, 348, 396)
        left, top, right, foot = frame
        points = {name: _finite_points(thresholds, ys) for name, ys in curves.items()}
        ranges = (_range(thresholds), (0.0, 100.0))
        parts += _plot(points, frame, ranges, colors, 2 if number else 5, mark)
        parts.append(_text(left, top - 8, heading, extra="font-weight='600'"))
        values = [ys[place] for ys in curves.values()]
        values = values if len(values) < 3 else values[-1:]  # of many, only the last
        values = " → ".join(f"{v:.1f}" if _known(v) else "-" for v in values)
        values = values if number else f"at {_number(mark)}: {values}"
        # White rim: the dashed line may pass behind the numbers.
        rim = "stroke='white' stroke-width='4' paint-order='stroke'"
        parts.append(_text(right - 6, foot - 8, values, "end", size=11, extra=rim))
        bottom = max(bottom, foot)
    parts.append(_text(198, 396 + 36, x_label, "middle", size=11))
    return _svg(940, bottom + 50, parts, title)


def _small_frame(number: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in px of a small panel, four per row."""
    left, top = 404 + number % 4 * 136, 96 + number // 4 * 172
    return left, top, left + 106, top + 128


def interval_chart(
    rows: Mapping[str, Mapping[str, Sequence[float]]],
    title: str,
    colors: Mapping[str, str],
    width: int = 640,
) -> str:
    """Changes as dots on their intervals, next to a line at no change.

    Args:
        rows: label -> {name: (change, low, high)}; omits a line if any is unknown.
        title: what is shown.
        colors: name -> color, in the order of drawing.
        width: px.
    """
    left, right, top, thick = 112, width - 20, 52, 14
    known = {
        label: {name: ends for name, ends in row.items() if all(map(_known, ends))}
        for label, row in rows.items()
    }
    ends = [end for row in known.values() for three in row.values() for end in three]
    low, high = _range([0.0, *ends])
    bottom = top + sum(len(colors) * thick + 10 for _ in rows)

    def across(value):
        return left + (value - low) / (high - low) * (right - left)

    parts = [_text(10, 16, title, extra="font-weight='600'"), *_legend(10, 35, colors)]
    for tick in ticks(low, high):
        x = across(tick)
        parts.append(_line(x, top, x, bottom))
        label = f"{tick:+.4g}" if tick else "0"
        parts.append(_text(x, bottom + 17, label, "middle", size=11))
    parts.append(_line(across(0), top, across(0), bottom, INK))
    y = top + 5
    for label, row in known.items():
        middle = y + len(colors) * thick / 2
        parts.append(_text(left - 8, middle + 4, label, "end"))
        for name, color in colors.items():
            if name in row:
                y_dot = y + thick / 2
                parts += _whisker([across(x) for x in row[name]], y_dot, color)
            y += thick
        y += 10
    return _svg(width, bottom + 28, parts, title)


def _whisker(places, y, color) -> list[str]:
    """A dot, and the line from the lower to the upper end of its interval."""
    dot, start, end = places
    line = _line(start, y, end, y, color, "stroke-width='2' stroke-linecap='round'")
    return [line, f"<circle cx='{dot:.1f}' cy='{y:.1f}' r='4' fill='{color}'/>"]


def stacked_bars(
    groups: Mapping[str, Sequence[Mapping[str, float]]],
    colors: Mapping[str, str],
    width: int = 640,
) -> str:
    """Horizontal bars, divided into shares that fill the full length.

    Args:
        groups: label -> the bars, top to bottom, each {part: amount >= 0 or None};
            a bar of zeros stays empty.
        colors: part -> color, in the order of drawing.
        width: px.
    """
    thick, left, right, y = 15, 112, width - 8, 32
    parts = _legend(left, 16, colors)
    for label, bars in groups.items():
        middle = y + len(bars) * thick / 2
        parts.append(_text(left - 8, middle + 4, label, "end"))
        for amounts in bars:
            parts += _shares(amounts, colors, (left, right, y, thick - 1), label)
            y += thick
        y += 7
    return _svg(width, y, parts, "shares in percent")


def _shares(amounts, colors, place, label) -> list[str]:
    left, right, y, thick = place
    parts, total = [], sum(amounts.get(part) or 0 for part in colors)
    for part, color in colors.items():
        share = (amounts.get(part) or 0) / total if total else 0
        title = f"{label}: {part} {100 * share:.1f} %"
        long = share * (right - place[0])
        parts.append(_rectangle(left, y, long, thick, color, title))
        if long > 24:
            text = f"{100 * share:.0f}"
            ink = readable_on(color)
            parts.append(_text(left + long / 2, y + 11, text, "middle", ink, 11))
        left += long
    return parts


def error_bars(*sides: Mapping[str, Mapping[str, float]], width: int = 640) -> str:
    """The shares of each joint's error types (``ERROR_COLORS``).

    Args:
        sides: each {joint: {"good", "jitter", "inversion", "swap", "miss": amount}} of
            the same joints, such as before and after; one bar each, the first on top.
        width: px.
    """
    groups = {
        joint.replace("_", " "): [side[joint] for side in sides] for joint in sides[0]
    }
    return stacked_bars(groups, ERROR_COLORS, width)


def readable_on(color: str) -> str:
    """White or black, whichever has the higher contrast (WCAG 2.1) on ``#rrggbb``."""
    shares = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in shares
    )
    weights = (0.2126, 0.7152, 0.0722)
    light = sum(w * value for w, value in zip(weights, linear, strict=True))
    return "#fff" if 1.05 / (light + 0.05) > (light + 0.05) / 0.05 else "#000"


def side_colors(names: Sequence[str]) -> dict[str, str]:
    """A color for each refiner."""
    return dict(zip(names, itertools.cycle(LINE_COLORS)))
