"""The ``tfpose`` command: one module per subcommand, with its arguments and function.

Heavy imports wait until a subcommand runs, so ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tfpose import __version__
from tfpose.cli import (
    analyze,
    common,
    compare,
    demo,
    evaluate,
    export,
    fuse,
    import_torch,
    models,
    predict,
    prepare,
    refine,
    report,
    serve,
    summary,
    train,
)

# In the order of ``tfpose --help``.
COMMANDS = {
    "refine": refine,
    "predict": predict,
    "evaluate": evaluate,
    "analyze": analyze,
    "compare": compare,
    "report": report,
    "prepare": prepare,
    "train": train,
    "fuse": fuse,
    "import-torch": import_torch,
    "export": export,
    "serve": serve,
    "models": models,
    "summary": summary,
    "demo": demo,
}


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command; stores the subcommand's name in ``command``."""
    root = argparse.ArgumentParser(
        prog="tfpose", description="Makes the human poses of any method better."
    )
    root.add_argument("--version", action="version", version=f"tfpose {__version__}")
    commands = root.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    for command in COMMANDS.values():
        command.add(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand; the exit code is 0, or 2 after an error."""
    options = vars(parser().parse_args(arguments))
    return common.run(COMMANDS[options.pop("command")].run, **options)
