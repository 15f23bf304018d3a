"""What the help pages of all subcommands are made of."""

from __future__ import annotations

import argparse
import textwrap

# Where commands look for prepared data sets when they are not told.
DATA = "runs/data"


def subcommand(commands, name: str, title: str, more: str, example: str):
    """A subcommand; ``title`` is its line in ``tfpose --help``."""
    return commands.add_parser(
        name,
        help=title,
        description=textwrap.fill(f"{title[0].upper()}{title[1:]}. {more}", 79),
        epilog=f"Example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def option(command, flag: str, metavar: str, text: str, **options) -> None:
    """An option with a value; its default, if it has one, is told by the help."""
    if "default" in options:
        text = f"{text} (%(default)s)"
    command.add_argument(flag, metavar=metavar, help=text, **options)


def switch(command, flag: str, text: str) -> None:
    """An option without a value: there or not."""
    command.add_argument(flag, action="store_true", help=text)


def json_option(command) -> None:
    """``--json FILE``, of every command that prints numbers."""
    option(command, "--json", "FILE", "write the numbers to this file")


def set_option(command, text: str) -> None:
    """``--set KEY=VALUE``, any number of times."""
    command.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"{text}; may be repeated",
    )


def poses_option(command, required: bool = True) -> None:
    """``--poses FILE``."""
    text = "COCO results JSON: image_id, keypoints [x, y, score, ...], score"
    option(command, "--poses", "FILE", text, required=required)
