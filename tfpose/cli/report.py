"""``tfpose report``: writes an HTML report of an estimator's poses."""

from __future__ import annotations

from tfpose.cli import checks
from tfpose.cli.common import (
    annotations_option,
    chosen_skeleton,
    option,
    page_options,
    poses_option,
    read_sides,
    skeleton_option,
    start_tensorflow,
    subcommand,
)


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "report",
        "writes an HTML report of an estimator's poses",
        "One file with numbers, curves and pictures; --model also shows how difficult "
        "joints were found. For refined poses, see tfpose compare.",
        "tfpose report --model hcrn_movenet_lsp14 --poses poses.json "
        "--annotations truth.json --images photos --out report.html",
    )
    poses_option(command)
    annotations_option(command)
    skeleton_option(command)
    text = "the HCRN that estimated the poses; shows its heatmaps joint by joint"
    option(command, "--model", "NAME|DIR", text)
    page_options(command, required=True)


def run(poses, model, annotations, skeleton, images, out, title, log) -> None:
    """Writes the HTML report of an estimator's poses."""
    checks.given(poses=poses, annotations=annotations, images=images, page=out, log=log)
    if model:
        checks.trained(model, "estimator")
    skeleton = chosen_skeleton(skeleton)
    from tfpose.report import pages

    truth, (found,), _ = read_sides(annotations, poses, skeleton=skeleton)
    more = _found_joints(model, truth, found, images) if model else ()
    pages.write_estimated(out, truth, found, images, title, log, more)
    print(f"wrote {out}")


def _found_joints(model, truth, poses, images) -> list[str]:
    """Sections on how an estimator found difficult joints."""
    start_tensorflow()
    from tfpose.inference.hcrn_units import Units
    from tfpose.report import hcrn_tree

    return hcrn_tree.sections(truth, poses, images, Units.from_preset(model))
