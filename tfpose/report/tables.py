"""Formats the numbers of ``tfpose.evaluation`` as text and as curves."""

from __future__ import annotations

import itertools
import textwrap

from tfpose.evaluation.meanings import MEANINGS, meaning, title
from tfpose.evaluation.text import aligned, percent
from tfpose.metrics import mistakes

# How PCKh or AUC was averaged, if it is not the mean of the joints.
_AVERAGED = {
    "labeled": "joints weighted by their labels, as HRNet's script does",
    "pooled": "all joints together, as MPII's own tools do",
}


def format_table(before: dict, after: dict | None = None) -> str:
    """Formats numbers of ``evaluate_poses`` or ``analyze_poses``, in percent.

    Args:
        before: from either function.
        after: from the same function (and metric) for other poses of the same people;
            the table then shows before -> after and the gain.
    """
    if "miss" in before:
        return _analysis_table(before, after)
    if before["metric"] == "oks":
        head = f"OKS average precision, {before['people']} people (percent)"
        rows = [
            (name, _points(before[name]), after and _points(after[name]), meaning)
            for name, meaning in MEANINGS.items()
            if name in before
        ]
        return f"{head}\n{_lines(rows, after is not None)}"
    return "\n".join([_rates_heading(before), *_rates_lines(before, after)])


def _points(share: float) -> float | None:
    """0..1 in percent; None for -1, which means that there is nobody to find."""
    return None if share < 0 else 100 * share


def _rates_heading(table: dict) -> str:
    name, text = title(table), meaning(table)
    heading = f"{name}, {table['people']} people: {text}"
    observer = table.get("viewpoint") == "observer"
    return f"{heading}\n{_OBSERVER}" if observer else heading


_OBSERVER = (
    "observer-centric: left is what the observer sees on the left, judged by shoulders "
    "and hips"
)
# The columns of the papers' tables: group -> heading.
COLUMNS = {
    "per_joint": {
        "head": "Head", "shoulder": "Sho.", "elbow": "Elb.", "wrist": "Wri.",
        "hip": "Hip", "knee": "Knee", "ankle": "Ank.",
    },
    "per_stick": {
        "torso": "Torso", "upper_leg": "U.Leg", "lower_leg": "L.Leg",
        "upper_arm": "U.Arm", "forearm": "F.Arm", "head": "Head",
    },
}  # fmt: skip


def _kind(table: dict) -> str:
    return "per_stick" if "per_stick" in table else "per_joint"


def _columns(table: dict) -> dict[str, float | None]:
    """The papers' columns that the skeleton has, and the mean."""
    headings, groups = COLUMNS[_kind(table)], table["groups"]
    columns = {headings[name]: groups[name] for name in headings if name in groups}
    return {**columns, "Total" if "per_stick" in table else "Mean": table["mean"]}


def _rates_lines(before, after) -> list[str]:
    kind = _kind(before)
    thing = kind.removeprefix("per_")
    rows = [
        (name, value, after and after[kind][name], "")
        for name, value in before[kind].items()
    ]
    for key, words in MEANINGS.items():
        if key not in before:
            continue
        if key == "mean" and before.get("averaging") in _AVERAGED:
            words = _AVERAGED[before["averaging"]]
        row = key.replace("_", " "), before[key], after and after[key]
        rows.append((*row, words.replace("joint", thing)))
    return [
        _lines(rows, after is not None),
        *_column_lines(before, after),
        *_count_lines(before, after),
    ]


def _column_lines(before, after) -> list[str]:
    """The lines of a paper's table, both sides averaged."""
    first = _columns(before)
    rows = {"percent": first.values()}
    if after:
        second = _columns(after)
        gains = [
            None if None in pair else pair[1] - pair[0]
            for pair in zip(first.values(), second.values(), strict=True)
        ]
        rows = {"before": first.values(), "after": second.values(), "gain": gains}
    table = [("both sides", *first)]
    for name, values in rows.items():
        table.append((name, *(percent(value, 2) for value in values)))
    lines = ["", aligned(table)]
    if "head_joints" in before:
        lines.append(f"Head: {' and '.join(before['head_joints'])}")
    return lines


def _count_lines(before, after) -> list[str]:
    """Who is left out of the numbers, or counts as wrong."""
    lines = []
    for table, when in ((before, "before: " if after else ""), (after, "after: ")):
        if not table:
            continue
        if table.get("missing"):
            lines.append(f"{when}{table['missing']} people have no pose: counted wrong")
        if "events" in table:
            counts = (f"{n} {k.replace('_', ' ')}" for k, n in table["events"].items())
            lines.append(f"{when}{', '.join(counts)}")
        if table["unused_poses"]:
            why = (
                "are where nothing is scored"
                if "scenes" in table
                else ("belong to nobody labeled")
            )
            lines.append(f"{when}{table['unused_poses']} poses {why}")
    if before.get("without_length"):
        lines.append(
            f"{before['without_length']} people not scored: no {before['length']}"
        )
    return lines


def format_maps(maps: dict[str, dict]) -> str:
    """A line of the papers' table for each of a model's heatmaps.

    Args:
        maps: output name -> numbers of ``evaluate_poses`` (any metric but "oks").
    """
    table = [("heatmaps", *_columns(next(iter(maps.values()))))]
    for name, numbers in maps.items():
        cells = (percent(value, 2) for value in _columns(numbers).values())
        table.append((name, *cells))
    return aligned(table)


def curve_panels(sides: dict[str, dict]) -> dict:
    """The arguments of ``charts.curve_panels`` for numbers with a "curve".

    Args:
        sides: name -> numbers of ``evaluate_poses`` with ``curve``, for poses of the
            same people, such as "before" and "after".
    """
    before = next(iter(sides.values()))
    things = _kind(before).removeprefix("per_") + "s"
    panels = {f"All {things}": {s: n["curve"]["mean"] for s, n in sides.items()}}
    for group in COLUMNS[_kind(before)]:
        if before["groups"].get(group) is not None:
            panels[group.replace("_", " ").capitalize()] = {
                side: numbers["curve"]["groups"][group]
                for side, numbers in sides.items()
            }
    name = title(before)
    ends = {"each": " with both ends", "mean": " with ends on average"}
    observer = "" if before["viewpoint"] == "person" else ", observer-centric"
    return {
        "panels": panels,
        "thresholds": before["curve"]["thresholds"],
        "mark": before["threshold"],
        "title": f"{name.split('@')[0]}{observer}, {before['people']} people: percent "
        f"of {things}{ends.get(before.get('ends'), '')} near enough to their labels",
        "note": "Near enough: within the distance on the axis. The dashed line is "
        f"{name}; the numbers are the percent there.",
        "x_label": f"distance / {before['length']}",
    }


def format_gains(before: dict, after: dict | None = None) -> str:
    """Formats the numbers of ``evaluate.correction_gains``."""
    words = {"AP": "of the given poses", "corrected": "without these mistakes"}
    rows = [
        (name, value, after and after[name], words.get(name, f"more without {name}"))
        for name, value in before.items()
    ]
    head = "OKS average precision if mistakes are undone, one kind after another"
    return f"{head}\n{_lines(rows, after is not None)}"


def _analysis_table(before, after) -> str:
    lines = [
        f"Kinds of mistakes, percent of {before['joints']} joints of "
        f"{before['matched_people']} people found"
    ]
    if after:
        lines[0] += f" -> {after['joints']} of {after['matched_people']}"
    rows = [(t, before[t], after and after[t], MEANINGS[t]) for t in mistakes.TYPES]
    lines += [_lines(rows, after is not None), ""]
    table = [("", *mistakes.TYPES)]
    for joint, shares in before["per_joint"].items():
        cells = [percent(shares[name], 2) for name in mistakes.TYPES]
        if after:
            others = after["per_joint"][joint]
            cells = [
                f"{cell} -> {percent(others[name], 2)}"
                for cell, name in zip(cells, mistakes.TYPES, strict=True)
            ]
        table.append((joint, *cells))
    return "\n".join([*lines, aligned(table)])


def _lines(rows, compared: bool) -> str:
    """Aligns lines of (name, before, after if ``compared``, meaning)."""
    cells = []
    for name, before, after, _ in rows:
        line = [name, percent(before, 2)]
        if compared:
            gain = "" if None in (before, after) else f"{after - before:+.2f}"
            line += ["->", percent(after, 2), gain]
        cells.append(line)
    return aligned(cells, [note for *_, note in rows])


def comparison_table(numbers: dict) -> str:
    """Formats the numbers of ``refinement.compare_poses``."""
    refiners = numbers["refiners"]
    summary = {t["name"]: t["rows"][t["main"]] for t in numbers["tables"]}
    parts = [{**summary, **numbers["mistakes"]}]
    parts += [table["rows"] for table in numbers["tables"]]
    head = ("", "before", *(cell for name in refiners for cell in _heading(name)))
    # Align all parts together, so that their columns line up.
    cells = [head, *(row for part in parts for row in _cells(part, refiners))]
    rows = iter(aligned(cells).splitlines())
    lines = [
        f"{numbers['people']} people in {numbers['photos']} photos, percent; after "
        "each refiner the change in points and its interval",
        *itertools.islice(rows, 1 + len(parts[0])),
        "",
        *(f"{kind}: {MEANINGS[kind]}" for kind in mistakes.TYPES),
    ]
    text = f"interval: {explanation(numbers)}"
    lines += textwrap.wrap(text, 96, break_on_hyphens=False)
    for table in numbers["tables"]:
        lines += ["", f"{table['name']}: {table['meaning']}"]
        lines += itertools.islice(rows, len(table["rows"]))
    return "\n".join(lines)


def explanation(numbers: dict) -> str:
    """What the intervals mean."""
    text = "as many people drawn from these with replacement"
    if any(table["drawn"] == "photos" for table in numbers["tables"]):
        text += " (photos for OKS-AP)"
    return (
        f"the change lies within it in {100 * numbers['level']:g} % of "
        f"{numbers['rounds']} test sets of {text}. If it excludes 0, the change is "
        "hardly luck."
    )


def _cells(rows: dict, refiners) -> list[list[str]]:
    """Lines of a row's name, its value before, and three cells per refiner."""
    return [
        [name, percent(cell["before"], 2)]
        + [text for refiner in refiners for text in _change(cell["after"][refiner])]
        for name, cell in rows.items()
    ]


def _heading(refiner: str) -> tuple[str, str, str]:
    return (refiner if len(refiner) <= 33 else f"{refiner[:30]}..."), "", ""


def _change(cell) -> tuple[str, str, str]:
    if None in cell.values():
        return percent(cell["value"], 2), "", ""
    ends = f"[{cell['low']:+.2f}, {cell['high']:+.2f}]"
    return percent(cell["value"], 2), f"{cell['change']:+.2f}", ends
