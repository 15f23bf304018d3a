"""The ``tfpose`` command: one module per subcommand, with its arguments and function.

Heavy imports wait until a subcommand runs, so ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import difflib
import sys
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
    join,
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
    "join": join,
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


class OneLineParser(argparse.ArgumentParser):
    """Answers a mistake in one line, without all options."""

    def error(self, message):
        self.exit(2, f"tfpose: error: {message} ({self.prog} --help)\n")


def parser() -> OneLineParser:
    """The parser of the whole command; stores the subcommand's name in ``command``."""
    root = OneLineParser(
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
    words = list(sys.argv[1:] if arguments is None else arguments)
    root = parser()
    _check_flags(root, words)
    options = vars(root.parse_args(words))
    return common.run(COMMANDS[options.pop("command")].run, **options)


def _check_flags(root: OneLineParser, words: list[str]) -> None:
    """Names a mistyped flag and the one that was meant.

    argparse would complain about the flag that is missing for it.
    """
    (commands,) = (
        a for a in root._actions if isinstance(a, argparse._SubParsersAction)
    )
    command = commands.choices.get(words[0]) if words else None
    if command is None:
        return
    known = command._option_string_actions
    for word in words[1:]:
        flag = word.partition("=")[0]
        if word == "--":
            return
        if flag.startswith("--") and not any(k.startswith(flag) for k in known):
            near = difflib.get_close_matches(flag, known, 1)
            meant = f", did you mean {near[0]}?" if near else ""
            command.error(f"unknown flag {flag}{meant}")
