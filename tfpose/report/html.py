"""The HTML report of a run: one file with its numbers, curves and pictures.

Each function returns the HTML of one section; ``write_report`` makes the page. It needs
no network, no script and no other file.
"""

from __future__ import annotations

import base64
import csv
import math
import os
import pathlib
import string
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from tfpose import drawing
from tfpose.errors import TfposeError
from tfpose.io.files import write_text
from tfpose.report import charts
from tfpose.report.order import head_first

# The page around the sections, with its style.
PAGE = pathlib.Path(__file__).with_name("page.html")
# px, of a chart that fills a section of the page.
WIDTH = 1072


def write_report(
    path: str | os.PathLike,
    title: str,
    summary: str,
    sections: Iterable[str],
    headline: str = "",
) -> None:
    """Writes the page, whole or not at all.

    Args:
        path: the ``.html`` file.
        title: heading of the page.
        summary: one or two sentences below it.
        sections: HTML from the other functions of this module.
        headline: HTML of ``headline``, in large type.
    """
    page = string.Template(PAGE.read_text("utf-8")).substitute(
        title=escape(title),
        summary=escape(summary),
        sections="".join(sections),
        headline=headline,
    )
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)


def headline(name: str, sides: Sequence[float | None], refiner: str = "") -> str:
    """The number of the page, such as "PCK@0.2 77.3 → 81.7", one line.

    Args:
        name: of the metric.
        sides: its value, or the values before and after.
        refiner: whose poses; needed if there are several.
    """
    values = " → ".join(map(_value, sides))
    change = f" {_change(*sides)}" if len(sides) == 2 else ""
    by = f" <small>{escape(refiner)}</small>" if refiner else ""
    return f"<p class='headline'>{escape(name)} <b>{values}</b>{change}{by}</p>"


def section(title: str, note: str, content: str) -> str:
    """A framed part of the page; ``content`` is HTML, the rest is plain text."""
    note = f"<p class='note'>{escape(note)}</p>" if note else ""
    return f"<section><h2>{escape(title)}</h2>{note}{content}</section>"


def summary_numbers(
    numbers: Sequence[tuple[str, float | None]], title: str, note: str = ""
) -> str:
    """Large numbers with their names; None shows a dash."""
    tiles = [
        f"<div class='tile'><b>{escape(name)}</b>"
        f"<span class='now'>{_value(value)}</span></div>"
        for name, value in numbers
    ]
    return section(title, note, f"<div class='tiles'>{''.join(tiles)}</div>")


def _value(value: float | None, digits: int = 1) -> str:
    return f"{value:.{digits}f}" if _known(value) else "–"


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _change(before: float | None, after: float | None) -> str:
    if not (_known(before) and _known(after)):
        return "<span class='same'>–</span>"
    change = round(after - before, 1)
    kind = "better" if change > 0 else "worse" if change < 0 else "same"
    return f"<span class='{kind}'>{change:+.1f}</span>"


def joint_table(
    tables: Mapping[str, Sequence[Mapping[str, float]]],
    note: str = "",
    title: str = "Joint by joint",
    sides: tuple[str, str] = ("before", "after"),
) -> str:
    """One row per joint: each metric alone, or before and after with the change.

    Args:
        tables: metric -> (before, after) or (values,), each {joint: value or None};
            the last row is bold (pass the mean there).
        note: text above the table.
        title: heading.
        sides: names of the two.

    Raises:
        TfposeError: the metrics have different joints.
    """
    joints = list(next(iter(tables.values()))[0])
    for metric, values in tables.items():
        for side, name in zip(values, sides, strict=False):
            if set(side) != set(joints):
                raise TfposeError(
                    f"{metric}: expected the joints {joints}, got {list(side)} {name}"
                )
    head = "".join(
        f"<th>{escape(metric)} {escape(sides[0])}</th><th>{escape(sides[1])}</th>"
        "<th>change</th>"
        if len(values) == 2
        else f"<th>{escape(metric)}</th>"
        for metric, values in tables.items()
    )
    rows = []
    for joint in joints:
        cells = ""
        for values in tables.values():
            own = [side[joint] for side in values]
            cells += "".join(f"<td>{_value(value)}</td>" for value in own)
            cells += f"<td>{_change(*own)}</td>" if len(own) == 2 else ""
        rows.append(f"<tr><td>{escape(joint.replace('_', ' '))}</td>{cells}</tr>")
    body = f"<tr><th>joint</th>{head}</tr>{''.join(rows)}"
    return section(title, note, f"<div class='scroll'><table>{body}</table></div>")


def change_table(
    rows: Mapping[str, Mapping],
    refiners: Sequence[str],
    meanings: Mapping[str, str] | None = None,
    less: Sequence[str] = (),
) -> str:
    """A table of refiners' changes: before, after each, change and interval.

    Colors a change if its interval excludes 0. A row "mean" is bold.

    Args:
        rows: name -> cell of ``tfpose.evaluation.refinement.compare_poses``.
        refiners: their names.
        meanings: name -> explanation, for rows that need one.
        less: rows in which less is better.
    """
    names = "".join(f"<th colspan='2'>{escape(name)}</th>" for name in refiners)
    after = "<th>after</th><th>change</th>" * len(refiners)
    lines = [f"<tr><th></th><th></th>{names}</tr>"]
    lines.append(f"<tr><th></th><th>before</th>{after}</tr>")
    for name, cell in rows.items():
        cells = f"<td>{_value(cell['before'], 2)}</td>"
        for refiner in refiners:
            own = cell["after"][refiner]
            change = _interval(own, -1 if name in less else 1)
            cells += f"<td>{_value(own['value'], 2)}</td><td>{change}</td>"
        label = escape(name.replace("_", " "))
        if meanings and name in meanings:
            label += f"<br><small>{escape(meanings[name])}</small>"
        lines.append(f"<tr><td>{label}</td>{cells}</tr>")
    kind = "changes" if "mean" in rows else "changes plain"
    table = f"<table class='{kind}'>{''.join(lines)}</table>"
    return f"<div class='scroll'>{table}</div>"


def _interval(cell, better: int) -> str:
    """A change and its interval; ``better`` is the sign of an improvement."""
    change, low, high = (cell[key] for key in ("change", "low", "high"))
    if not (_known(low) and _known(high)):
        return "–"
    sure = better if low > 0 else -better if high < 0 else 0
    kind = {1: "better", 0: "same", -1: "worse"}[sure]
    return (
        f"<span class='{kind}'>{change:+.2f} <small>[{low:+.2f}, {high:+.2f}]</small>"
        "</span>"
    )


def error_types(shares: Mapping, note: str = "") -> str:
    """Shares of the error types of one set of poses.

    Args:
        shares: the output of ``tfpose analyze``: {"good", "jitter", "inversion",
            "swap", "miss": percent, "per_joint": {joint: the same shares}}.
        note: text above the chart.
    """
    of_joints = shares["per_joint"]
    joints = {joint: of_joints[joint] for joint in head_first(of_joints)}
    bars = charts.error_bars({"all joints": shares, **joints}, width=WIDTH)
    note = f"{note} Good joints: {_value(shares['good'])} %. Shares in percent."
    return section("Kinds of error", note, f"<div class='charts'>{bars}</div>")


def pck_curve(
    thresholds: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    x_label: str,
    colors: Mapping[str, str] | None = None,
) -> str:
    """Percent of correct joints over the distance threshold.

    Args:
        thresholds: T distances, rising.
        curves: name -> T percentages.
        x_label: what the thresholds are.
        colors: name -> color; default: ``charts.LINE_COLORS`` in turn.
    """
    curve = charts.line_chart(
        {name: (thresholds, values) for name, values in curves.items()},
        x_label,
        "Correct joints (percent)",
        colors,
        size=(360, WIDTH),
    )
    note = "A joint is correct if it is within the threshold of the annotation."
    return section("Correct joints over the threshold", note, curve)


def read_log(path: str | os.PathLike) -> dict[str, list[float]]:
    """The columns of a training log (CSV with a header); empty cells become NaN.

    Raises:
        TfposeError: the file is missing, or a cell is not a number.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {
            name: [float(row[name]) if row[name] else math.nan for row in rows]
            for name in (rows[0] if rows else ())
        }
    except (OSError, ValueError, TypeError) as error:
        raise TfposeError(f"training log {path}: {error}") from error


def training_curves(path: str | os.PathLike, note: str = "") -> str:
    """Curves of a training log: all losses in one chart, each metric in its own.

    ``val_x``, ``x_before`` and ``x_after`` share the chart of ``x``. The x axis is
    ``epoch``, or else ``step``.
    """
    log = read_log(path)
    axis = next((name for name in ("epoch", "step") if name in log), None)
    steps = log.pop(axis) if axis else range(len(next(iter(log.values()), [])))
    log.pop("step", None)
    groups: dict[str, dict] = {}
    for name, values in log.items():
        metric = name.removeprefix("val_")
        metric = metric.removesuffix("_before").removesuffix("_after")
        group = "loss" if metric.endswith("loss") else metric
        groups.setdefault(group, {})[name] = (steps, values)
    pictures = [
        charts.line_chart(curves, axis or "epoch", group, size=(260, 480))
        for group, curves in groups.items()
    ]
    return section("Training", note, f"<div class='charts'>{''.join(pictures)}</div>")


def gallery(title: str, pictures: Sequence[tuple], note: str = "") -> str:
    """Pictures with captions, each (u8[H, W, 3] RGB, text)."""
    figures = [
        f"<figure><img src='{_inline(picture)}' alt='{escape(text)}' loading='lazy'>"
        f"<figcaption>{escape(text)}</figcaption></figure>"
        for picture, text in pictures
    ]
    return section(title, note, f"<div class='gallery'>{''.join(figures)}</div>")


def strips(
    title: str, pictures: Sequence[tuple], note: str = "", kind: str = ""
) -> str:
    """Rows of pictures, each with its caption; narrow screens wrap them.

    Args:
        title: heading of the section.
        pictures: (text, [(u8[H, W, 3] RGB, caption), ...]) for each row.
        note: text above.
        kind: "large" for few, large pictures in a row.
    """
    rows, style = [], f"strip {kind}".strip()
    for text, row in pictures:
        figures = [
            f"<figure><img src='{_inline(picture)}' alt='{escape(words)}' "
            f"loading='lazy'><figcaption>{escape(words)}</figcaption></figure>"
            for picture, words in row
        ]
        rows.append(
            f"<h3>{escape(text)}</h3><div class='{style}'>{''.join(figures)}</div>"
        )
    return section(title, note, "".join(rows))


def _inline(picture) -> str:
    data = base64.b64encode(drawing.encode(np.asarray(picture), ".jpg")).decode("ascii")
    return f"data:image/jpeg;base64,{data}"


def extremes(gains: Sequence[float], count: int) -> tuple[list[int], list[int]]:
    """Indices of the largest gains and the largest losses, largest first.

    Skips NaN; at most ``count`` of each; a loss is a gain below zero.
    """
    gains = np.asarray(gains, np.float64)
    order = [int(i) for i in np.argsort(-gains, kind="stable")]
    order = [i for i in order if math.isfinite(gains[i])]
    best = [i for i in order if gains[i] > 0][:count]
    worst = [i for i in reversed(order) if gains[i] < 0][:count]
    return best, worst
