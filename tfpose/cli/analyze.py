"""``tfpose analyze``: shows which kinds of mistakes poses make."""

from __future__ import annotations

from tfpose.cli import checks
from tfpose.cli.common import (
    annotations_option,
    before_option,
    chosen_skeleton,
    json_option,
    option,
    poses_option,
    read_sides,
    skeleton_option,
    subcommand,
    switch,
    write_numbers,
)
from tfpose.io.files import write_text


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "analyze",
        "shows which kinds of mistakes poses make",
        "Shares of good joints, jitter, inversions, swaps and misses, joint by joint.",
        "tfpose analyze --poses poses.json --annotations truth.json "
        "--picture errors.svg",
    )
    poses_option(command)
    annotations_option(command)
    before_option(command)
    skeleton_option(command)
    option(command, "--picture", "FILE.svg", "draw the shares of each joint as bars")
    text = "average precision with misses, then swaps, inversions and jitter undone"
    switch(command, "--gains", text)
    json_option(command)


def run(poses, annotations, before, skeleton, picture, gains, json) -> None:
    """Shows the kinds of mistakes in poses, joint by joint, and what they cost."""
    checks.given(
        poses=poses, annotations=annotations, before=before, picture=picture, json=json
    )
    skeleton = chosen_skeleton(skeleton)
    from tfpose.evaluation.evaluate import analyze_poses, correction_gains
    from tfpose.report import charts, tables

    files = [poses] if before is None else [before, poses]
    truth, sides, note = read_sides(annotations, *files, skeleton=skeleton)
    results = [analyze_poses(truth, side) for side in sides]
    numbers = results[-1]
    if note:
        numbers["note"] = note
    if before is not None:
        numbers["before"] = results[0]
    print(tables.format_table(*results))
    if gains:
        for result, side in zip(results, sides, strict=True):
            result["gains"] = correction_gains(truth, side)
        print("\n" + tables.format_gains(*(result["gains"] for result in results)))
    if picture:
        bars = [result["per_joint"] for result in results]
        write_text(picture, charts.error_bars(*bars))
    write_numbers(json, numbers)
