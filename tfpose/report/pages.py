"""HTML reports of refined poses (before and after) and of estimated poses."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from tfpose.evaluation import refinement
from tfpose.evaluation.evaluate import analyze_poses, evaluate_poses
from tfpose.evaluation.meanings import MEANINGS
from tfpose.io.coco import Annotations, Results
from tfpose.metrics import mistakes, pck
from tfpose.report import charts, galleries, html, tables
from tfpose.report.order import head_first

THRESHOLDS = (0.2, 0.1)
CURVE = np.linspace(0.0, 0.5, 51)
MISTAKES = mistakes.TYPES[1:]
SOURCE = "Types as defined by Ronchi and Perona, ICCV 2017."


def write(
    path: str | os.PathLike,
    annotations: Annotations,
    before: Results,
    refined: Mapping[str, Results],
    images: str | os.PathLike,
    title: str | None = None,
    log: str | os.PathLike | None = None,
    more: Sequence[str] = (),
    numbers: dict | None = None,
) -> None:
    """Writes the HTML report of the same poses before and after refiners.

    Args:
        path: the ``.html`` file.
        annotations: the truth.
        before: the original poses.
        refined: refiner name -> the same poses, refined.
        images: folder of the photos that ``annotations`` names.
        title: heading of the page.
        log: ``log.csv`` of the training run, for its curves.
        more: more sections (of ``tfpose.report.html``), before the pictures.
        numbers: of ``refinement.compare_poses``, if known.
    """
    if numbers is None:
        numbers = refinement.compare_poses(annotations, before, refined)
    names = ", ".join(refined)
    first = max(refined, key=lambda name: _main(numbers)["after"][name]["value"] or 0)
    summary = f"{_people(annotations)}; {len(before)} poses, refined by: {names}."
    html.write_report(
        path,
        title or "Refined poses",
        summary,
        [
            galleries.best_pair(annotations, before, refined[first], images, first),
            *change_sections(numbers),
            _curves(annotations, {"before": before, **refined}),
            *_training(log),
            *more,
            *(
                part
                for name, after in refined.items()
                for part in galleries.pictures(annotations, before, after, images, name)
            ),
        ],
        _headlines(numbers),
    )


def _main(numbers: dict) -> dict:
    """The cell of the first metric."""
    table = numbers["tables"][0]
    return table["rows"][table["main"]]


def _headlines(numbers: dict) -> str:
    """The first metric before and after each refiner."""
    name, cell = numbers["tables"][0]["name"], _main(numbers)
    several = len(numbers["refiners"]) > 1
    return "".join(
        html.headline(
            name,
            (cell["before"], cell["after"][refiner]["value"]),
            refiner if several else "",
        )
        for refiner in numbers["refiners"]
    )


def write_estimated(
    path: str | os.PathLike,
    annotations: Annotations,
    poses: Results,
    images: str | os.PathLike,
    title: str | None = None,
    log: str | os.PathLike | None = None,
    more: Sequence[str] = (),
) -> None:
    """Writes the HTML report of one set of poses; arguments as in ``write``."""
    sections, headline = numbers(annotations, poses)
    html.write_report(
        path,
        title or "Estimated poses",
        f"{_people(annotations)}; {len(poses)} poses.",
        [
            *sections,
            _curves(annotations, {"all joints": poses}),
            *_training(log),
            *more,
            *galleries.people(annotations, poses, images),
        ],
        headline,
    )


def _people(annotations: Annotations) -> str:
    joints = int((annotations.visible > 0).sum())
    return (
        f"{len(annotations)} annotated people with {joints} labeled joints in "
        f"{len(annotations.images)} photos"
    )


def _training(log) -> list[str]:
    return [html.training_curves(log)] if log else []


def change_sections(numbers: dict) -> list[str]:
    """Sections with the numbers of ``refinement.compare_poses``."""
    refiners = numbers["refiners"]
    colors = charts.side_colors(refiners)
    summary = {t["name"]: t["rows"][t["main"]] for t in numbers["tables"]}
    summary["good joints"] = numbers["mistakes"]["good"]
    meanings = {t["name"]: t["meaning"] for t in numbers["tables"]}
    meanings["good joints"] = MEANINGS["good"]
    note = (
        "Percent; more is better. Changes are in points, with an interval in "
        f"brackets: {tables.explanation(numbers)} Green: better. Red: worse. Gray: "
        "may be luck."
    )
    table = html.change_table(summary, refiners, meanings)
    chart = charts.interval_chart(
        _ends(summary, refiners), "Changes and their intervals, in points", colors,
        html.WIDTH,
    )  # fmt: skip
    details = "".join(
        f"<h3>{escape(table['name'])}: {escape(table['meaning'])}</h3>"
        f"{html.change_table(_ordered(table['rows']), refiners)}"
        for table in numbers["tables"]
    )
    return [
        html.section("What was changed", note, table + chart),
        _mistakes(numbers, colors),
        html.section("Each metric in detail", "Percent; colors as above.", details),
    ]


def _ordered(rows: Mapping) -> dict:
    """Rows of joints or limbs from the head down; others, such as a mean, below."""
    return {name: rows[name] for name in head_first(rows)}


def _mistakes(numbers, colors) -> str:
    """The section on kinds of error."""
    refiners = numbers["refiners"]
    cells = {kind: numbers["mistakes"][kind] for kind in MISTAKES}
    table = html.change_table(cells, refiners, MEANINGS, MISTAKES)
    chart = charts.interval_chart(
        _ends(cells, refiners), "Changes and their intervals, in points", colors,
        html.WIDTH,
    )  # fmt: skip
    per_joint = _ordered(numbers["mistakes_per_joint"])
    sides = [lambda cell: cell["before"]]
    sides += [lambda cell, n=name: cell["after"][n]["value"] for name in refiners]
    bars = charts.error_bars(
        *(
            {
                joint: {kind: read(cell) for kind, cell in kinds.items()}
                for joint, kinds in per_joint.items()
            }
            for read in sides
        ),
        width=html.WIDTH,
    )
    order = escape(", ".join(["before", *refiners]))
    heading = f"<h3>Shares of each joint in percent; bars from the top: {order}</h3>"
    note = f"Percent of the joints; less is better. {SOURCE}"
    return html.section("Kinds of error", note, table + chart + heading + bars)


def _ends(rows, refiners) -> dict[str, dict]:
    """Row -> refiner -> (change, low, high), of cells."""
    return {
        name: {
            refiner: [cell["after"][refiner][key] for key in ("change", "low", "high")]
            for refiner in refiners
        }
        for name, cell in rows.items()
    }


def numbers(annotations: Annotations, results: Results) -> tuple[list[str], str]:
    """Sections with metrics and error types of one set of poses, and the headline."""
    kinds = analyze_poses(annotations, results)
    rates = {
        f"PCK@{threshold:g}": evaluate_poses(annotations, results, "pck", threshold)
        for threshold in (THRESHOLDS if annotations.skeleton.torso else ())
    }
    average = evaluate_poses(annotations, results, "oks")["AP"]
    tiles = [("OKS-AP", 100 * average)]
    tiles += [(name, values["mean"]) for name, values in rates.items()]
    tiles.append(("good joints", kinds["good"]))
    table = {
        name: ({**_ordered(values["per_joint"]), "mean": values["mean"]},)
        for name, values in rates.items()
    }
    sections = [
        html.summary_numbers(
            tiles, "How good the poses are", "In percent; more is better."
        )
    ]
    if table:
        note = f"Percent of joints within that share of the {_unit(annotations)}."
        sections.append(html.joint_table(table, note))
    sections.append(html.error_types(kinds, SOURCE))
    return sections, _headline(rates, average)


def _headline(rates: dict, average: float) -> str:
    """The first rate, or the average precision of a skeleton without a torso."""
    for name, values in rates.items():
        return html.headline(name, [values["mean"]])
    return html.headline("OKS-AP", [100 * average])


def _unit(annotations: Annotations) -> str:
    """What distances are divided by."""
    labels = annotations.keypoints, annotations.visible
    return pck.body_lengths(*labels, annotations.skeleton)[0]


def _curves(annotations: Annotations, sides: Mapping[str, Results]) -> str:
    """The section of PCK over its threshold; "before" is gray."""
    curves = {}
    for name, side in sides.items():
        off = galleries.joint_distances(annotations, side)
        if np.isnan(off).all():
            return ""
        curves[name] = [float(np.nanmean(pck.pck(off, limit))) for limit in CURVE]
    others = [name for name in sides if name != "before"]
    colors = {"before": charts.BEFORE, **charts.side_colors(others)}
    label = f"distance / {_unit(annotations)}"
    return html.pck_curve(CURVE, curves, label, colors)
