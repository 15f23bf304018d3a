"""``tfpose compare``: shows what each of several refiners changed."""

from __future__ import annotations

import pathlib

from tfpose.cli import checks
from tfpose.cli.common import (
    annotations_option,
    chosen_skeleton,
    json_option,
    page_options,
    poses_option,
    read_sides,
    skeleton_option,
    subcommand,
    write_numbers,
)
from tfpose.errors import TfposeError
from tfpose.metrics.choices import COMPARED, parse_metric


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "compare",
        "shows what each of several refiners changed",
        "Scores the same people's poses before and after each refiner, by joint and by "
        "kind of mistake. Each change has an interval that shows how much of it could "
        "be chance. --out also shows the largest gains and losses.",
        "tfpose compare --annotations truth.json --poses poses.json "
        "--refined posefix=refined.json --images photos --out report.html",
    )
    poses_option(command)
    annotations_option(command)
    text = "the same poses after a refiner; NAME defaults to the file's name; may be "
    text += "repeated"
    command.add_argument(
        "--refined", metavar="NAME=FILE", nargs="+", action="extend", required=True,
        help=text,
    )  # fmt: skip
    text = f"{', '.join(COMPARED)}; also pck@0.1 for another threshold (default: all "
    text += "that the annotations allow)"
    command.add_argument(
        "--metric", metavar="NAME", nargs="+", action="extend", help=text
    )
    skeleton_option(command)
    page_options(command, required=False)
    json_option(command)


def run(
    annotations, poses, refined, metric, skeleton, images, out, title, log, json
) -> None:
    """Scores the same poses before and after each of several refiners."""
    if out and not images:
        raise TfposeError("compare: expected --images with --out")
    files = _named_files(refined)
    checks.given(
        poses=poses, annotations=annotations, refined=list(files.values()),
        images=images, page=out, log=log, json=json,
    )  # fmt: skip
    for name in metric or ():
        parse_metric(name)
    skeleton = chosen_skeleton(skeleton)
    from tfpose.evaluation.refinement import compare_poses
    from tfpose.report import pages, tables

    read = read_sides(annotations, poses, *files.values(), skeleton=skeleton)
    truth, (before, *after), note = read
    sides = dict(zip(files, after, strict=True))
    numbers = compare_poses(truth, before, sides, metric)
    numbers |= {"note": note} if note else {}
    print(tables.comparison_table(numbers))
    if out:
        pages.write(out, truth, before, sides, images, title, log, numbers=numbers)
        print(f"wrote {out}")
    write_numbers(json, numbers)


def _named_files(refined: list[str]) -> dict[str, str]:
    """Name -> file, from NAME=FILE; a bare file is its own name."""
    files = {}
    for text in refined:
        name, equals, path = text.partition("=")
        if not equals:
            name, path = pathlib.Path(text).stem, text
        if not name or not path:
            raise TfposeError(f"--refined {text}: expected NAME=FILE")
        if name in files:
            raise TfposeError(f"--refined {text}: expected another name than {name}")
        files[name] = path
    return files
