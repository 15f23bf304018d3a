"""``tfpose join``: puts the files of shards together."""

from __future__ import annotations

from tfpose.cli import checks
from tfpose.cli.common import option, subcommand
from tfpose.io.coco import join_results


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "join",
        "puts the files of shards together",
        "Writes the records of all files in the order that is given. The files of all "
        "shards of tfpose refine --shard, joined in their order, are the file of one "
        "run, byte for byte.",
        "tfpose join refined_1.json refined_2.json --out refined.json",
    )
    command.add_argument(
        "files", metavar="FILE", nargs="+", help="COCO results, in their order"
    )
    option(command, "--out", "FILE", "the file to write", required=True)


def run(files, out) -> None:
    """Joins COCO results files."""
    checks.given(results=out)
    print(f"wrote {out}: {join_results(files, out)} poses of {len(files)} files")
