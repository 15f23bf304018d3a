"""Numbers of ``tfpose.evaluate`` as text, and as the curves of a picture."""

from __future__ import annotations

from tfpose.metrics import errors

# What each number means, in one line.
MEANINGS = {
    "AP": "average precision over OKS .50, .55, ... .95",
    "AP50": "at OKS .50: a pose is found if it is roughly right",
    "AP75": "at OKS .75: a pose is found if it is precise",
    "APM": "people of 32^2 to 96^2 px^2",
    "APL": "people of at least 96^2 px^2",
    "AR": "share of people found, over the same OKS",
    "AR50": "found at OKS .50",
    "AR75": "found at OKS .75",
    "ARM": "found, medium people",
    "ARL": "found, large people",
    "good": "within the spread of human annotators (KS >= .85)",
    "jitter": "near its place (KS .5 to .85)",
    "inversion": "on the same person's mirrored joint (left for right)",
    "swap": "on another person's joint",
    "miss": "near none of these places",
    "mean": "of the joints",
    "weighted_mean": "every labelled joint alike",
    "motp": "100 less the mean distance of matches in percent of a head size",
    "precision": "share of found joints that are right",
    "recall": "share of labelled joints that are found",
}
# How a mean of PCKh or AUC was made, where it is not the joints' mean.
_AVERAGED = {
    "labelled": "joints weighted by their labels, as HRNet's script does",
    "pooled": "all joints together, as MPII's own tools do",
}


def format_table(before: dict, after: dict | None = None) -> str:
    """The numbers of ``evaluate_poses`` or ``analyze_poses`` as text, in percent.

    Args:
        before: of either function.
        after: of the same function (and metric) for other poses of the same people;
            the table then says before -> after and the gain.
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
        return "\n".join([head, *_lines(rows, after is not None)])
    return "\n".join([_rates_heading(before), *_rates_lines(before, after)])


def _points(share: float) -> float | None:
    """0..1 in percent; None for -1, which says that there is nobody to be found."""
    return None if share < 0 else 100 * share


def _rates_heading(table: dict) -> str:
    name, text = title(table), meaning(table)
    heading = f"{name}, {table['people']} people: {text}"
    observer = table.get("viewpoint") == "observer"
    return f"{heading}\n{_OBSERVER}" if observer else heading


def title(table: dict) -> str:
    """The metric's name and threshold: PCK@0.2."""
    name = {"pckh": "PCKh", "mpii": "MPII mAP", "posetrack": "PoseTrack mAP"}.get(
        table["metric"], table["metric"].upper()
    )
    return f"{name}@{table['threshold']:g}"


def meaning(table: dict) -> str:
    """What the numbers of any metric but "oks" count."""
    limit = f"{table['threshold']:g} x {table['length']}"
    if table["metric"] == "mota":
        return (
            "100 less the misses, switches and false joints in percent of the labels; "
            f"a joint is found within {limit}"
        )
    if table["metric"] in ("mpii", "posetrack"):
        scene = "group or photo" if table["metric"] == "mpii" else "frame"
        return (
            f"average precision of joints ranked by score, right within {limit} of the "
            f"person in the {scene} to whom their pose belongs"
        )
    if table["metric"] == "pckh" and table["averaging"] == "joints":
        return f"percent of joints nearer than {limit}"
    if table["metric"] == "auc":
        return f"mean percent of joints within 0 to {limit}"
    if table["metric"] == "pcp":
        both = table["ends"] == "each"
        ends = "with both ends" if both else "with ends on average"
        return f"percent of sticks {ends} within {limit}"
    return f"percent of joints within {limit}"


_OBSERVER = (
    "observer-centric: left is what the observer sees on the left, by the order of the "
    "shoulders and of the hips"
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
    """The papers' columns that the skeleton has, and their mean."""
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
        *_lines(rows, after is not None),
        *_column_lines(before, after),
        *_count_lines(before, after),
    ]


def _column_lines(before, after) -> list[str]:
    """The line of a paper's table: both sides averaged."""
    first = _columns(before)
    rows = {"percent": first.values()}
    if after:
        second = _columns(after)
        gains = [
            None if None in pair else pair[1] - pair[0]
            for pair in zip(first.values(), second.values(), strict=True)
        ]
        rows = {"before": first.values(), "after": second.values(), "gain": gains}
    head = "".join(f"{name:>9}" for name in first)
    lines = ["", f"{'both sides':16}{head}"]
    for name, values in rows.items():
        lines.append(
            f"{name:16}" + "".join(f"{_percent(value):>9}" for value in values)
        )
    if "head_joints" in before:
        lines.append(f"Head: {' and '.join(before['head_joints'])}")
    return lines


def _count_lines(before, after) -> list[str]:
    """Who is not among the numbers, or only as wrong."""
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
                else ("belong to nobody labelled")
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
        maps: name of the output -> numbers of ``evaluate_poses``, but of "oks".
    """
    width = max(map(len, maps))
    head = "".join(f"{name:>9}" for name in _columns(next(iter(maps.values()))))
    lines = [f"{'heatmaps':{width}}{head}"]
    for name, numbers in maps.items():
        cells = (_percent(value) for value in _columns(numbers).values())
        lines.append(f"{name:{width}}" + "".join(f"{cell:>9}" for cell in cells))
    return "\n".join(lines)


def curve_panels(sides: dict[str, dict]) -> dict:
    """The arguments of ``charts.curve_panels`` for numbers that have a "curve".

    Args:
        sides: name -> numbers of ``evaluate_poses`` with ``curve``, of other poses of
            the same people, such as "before" and "after".
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
    """The numbers of ``evaluate.correction_gains`` as text."""
    words = {"AP": "as the poses are", "corrected": "without these mistakes"}
    rows = [
        (name, value, after and after[name], words.get(name, f"more without {name}"))
        for name, value in before.items()
    ]
    head = "OKS average precision if mistakes are undone, one kind after the other"
    return "\n".join([head, *_lines(rows, after is not None)])


def _analysis_table(before, after) -> str:
    lines = [
        f"Kinds of mistakes, percent of {before['joints']} joints of "
        f"{before['matched_people']} people found"
    ]
    if after:
        lines[0] += f" -> {after['joints']} of {after['matched_people']}"
    rows = [(t, before[t], after and after[t], MEANINGS[t]) for t in errors.TYPES]
    lines += _lines(rows, after is not None)
    width = 16 if after else 10
    lines += ["", " " * 16 + "".join(f"{name:>{width}}" for name in errors.TYPES)]
    for joint, shares in before["per_joint"].items():
        cells = [_percent(shares[name]) for name in errors.TYPES]
        if after:
            others = after["per_joint"][joint]
            cells = [
                f"{cell} -> {_percent(others[name])}"
                for cell, name in zip(cells, errors.TYPES, strict=True)
            ]
        lines.append(f"{joint:16}" + "".join(f"{cell:>{width}}" for cell in cells))
    return "\n".join(lines)


def _lines(rows, compared: bool) -> list[str]:
    """Aligned lines of (name, before, after if ``compared``, meaning)."""
    lines = []
    for name, before, after, meaning in rows:
        text = f"{name:16}{_percent(before):>7}"
        if compared:
            gain = "" if None in (before, after) else f"{after - before:+.2f}"
            text += f" -> {_percent(after):>6} {gain:>7}"
        lines.append(f"{text}  {meaning}".rstrip())
    return lines


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
