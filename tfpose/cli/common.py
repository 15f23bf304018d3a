"""Shared parts of the commands: options, errors, and the start of TensorFlow.

A failing command prints one line to stderr and exits with 2; only unforeseen errors
print a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence

import absl.logging

from tfpose.errors import DetectorError, InputWarning, TfposeError, one_line
from tfpose.io import installation
from tfpose.io.files import write_json

# Default folder of prepared data sets.
DATA = "runs/data"


# --- arguments -------------------------------------------------------------------


def subcommand(commands, name: str, title: str, more: str, example: str):
    """Adds a subcommand; ``tfpose --help`` shows ``title``."""
    return commands.add_parser(
        name,
        help=title,
        description=textwrap.fill(f"{title[0].upper()}{title[1:]}. {more}", 79),
        epilog=f"Example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def option(
    command, flag: str, metavar: str, text: str, aliases: Sequence[str] = (), **options
) -> None:
    """Adds an option that takes a value; the help text shows its default.

    Args:
        command: from ``subcommand``.
        flag: its name, with hyphens. Underscores work too.
        metavar, text: for the help.
        aliases: old names that still work.
        options: for ``add_argument``.
    """
    if options.get("default") is not None:
        text = f"{text} (default: %(default)s)"
    action = command.add_argument(flag, metavar=metavar, help=text, **options)
    _also_called(command, action, flag, aliases)


def switch(command, flag: str, text: str, aliases: Sequence[str] = ()) -> None:
    """Adds an option without a value."""
    action = command.add_argument(flag, action="store_true", help=text)
    _also_called(command, action, flag, aliases)


def _also_called(command, action, flag: str, aliases: Sequence[str]) -> None:
    # Aliases known to argparse would clutter the help.
    for name in (f"--{flag[2:].replace('-', '_')}", *aliases):
        command._option_string_actions.setdefault(name, action)


def json_option(command) -> None:
    """``--json FILE``, for every command that prints numbers."""
    option(command, "--json", "FILE", "also write the numbers to this JSON file")


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


def recipe_option(command, default: str) -> None:
    """``--recipe NAME``, for commands that build a model."""
    text = "recipe to start from: tiny, paper ... (tfpose models lists them)"
    option(command, "--recipe", "NAME", text, ("--preset",), default=default)


def poses_option(command, required: bool = True) -> None:
    """``--poses FILE``."""
    text = "COCO results JSON: image_id, keypoints [x, y, score, ...], score"
    option(command, "--poses", "FILE", text, required=required)


def annotations_option(command, required: bool = True) -> None:
    """``--annotations FILE``, for commands that score poses."""
    text = "COCO annotations JSON; its category names the joints"
    option(command, "--annotations", "FILE", text, required=required)


def skeleton_option(command) -> None:
    """``--skeleton NAME|FILE``, for commands that read poses."""
    text = "the joints of the poses: a built-in skeleton or a JSON file (default: told "
    text += "by their number); joints are shared by name with other skeletons"
    option(command, "--skeleton", "NAME|FILE", text)


def before_option(command) -> None:
    """``--before FILE``, for commands that score poses."""
    text = "the same people's poses before refinement: shows before -> after"
    option(command, "--before", "FILE", text)


def page_options(command, required: bool) -> None:
    """The options of an HTML report."""
    option(command, "--images", "DIR", "folder of the photos", required=required)
    option(command, "--out", "FILE.html", "the report to write", required=required)
    option(command, "--title", "TEXT", "heading of the page")
    option(command, "--log", "FILE.csv", "log.csv of a training run, for its curves")


# --- running ---------------------------------------------------------------------


def run(command: Callable, **options) -> int:
    """Runs a command; reports errors as one line and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _notes():
            command(**options)
    except TfposeError as error:
        return _complain(str(error))
    except BrokenPipeError:
        # The reader of the output, such as head, has left: Python must not write more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.filename is None:
            raise
        return _complain(str(error))
    except ModuleNotFoundError as error:
        hint = installation.hint(error.name or "")
        if hint is None:
            raise
        return _complain(f"this {hint}")
    except KeyboardInterrupt:
        print("tfpose: interrupted", file=sys.stderr)
        return 130
    return 0


@contextlib.contextmanager
def _notes() -> Iterator[None]:
    """Prints what readers leave out as one line each, without a place in the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", InputWarning)
        usual = warnings.showwarning

        def show(message, category, *place, **more):
            if not issubclass(category, InputWarning):
                return usual(message, category, *place, **more)
            print(f"tfpose: note: {one_line(str(message))}", file=sys.stderr)

        warnings.showwarning = show
        yield


def _complain(message: str) -> int:
    print(f"tfpose: error: {message}", file=sys.stderr)
    return 2


@contextlib.contextmanager
def hidden_messages() -> Iterator[None]:
    """Hides what C++ libraries print as they start, unless something fails."""
    with tempfile.TemporaryFile() as messages:
        stderr = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def beam_option(command) -> None:
    """Adds ``--beam``."""
    command.add_argument(
        "--beam",
        metavar="OPTIONS",
        nargs="?",
        const="",
        help="run an Apache Beam pipeline with these options, as one word: "
        "--beam='--direct_num_workers=8 --direct_running_mode=multi_processing'",
    )


def start_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages.

    No setting turns off its messages about CPU features and missing GPUs (tensorflow
    issue 100442); prints them only if the import fails. TensorFlow Datasets logs mere
    progress as warnings, so this hides those too.
    """
    absl.logging.set_verbosity(absl.logging.ERROR)
    with hidden_messages():
        import tensorflow as tf

        tf.config.list_physical_devices()


def start_litert() -> None:
    """Starts LiteRT without its message, which it prints once, for the first file.

    Does nothing where LiteRT is not installed.
    """
    from tfpose.inference import lite, person_detector

    with contextlib.suppress(DetectorError), hidden_messages():
        lite.interpreter(person_detector.MODEL)


def chosen_skeleton(name: str | None):
    """The skeleton that ``--skeleton`` names; None without it."""
    from tfpose.io.skeleton_files import find_skeleton

    return None if name is None else find_skeleton(name)


def read_sides(annotations, *results, skeleton=None):
    """``evaluation.inputs.read_sides`` for a command: says which joints count."""
    from tfpose.evaluation import inputs

    sides = inputs.read_sides(annotations, *results, skeleton=skeleton)
    say(sides.note)
    return sides


def say(note: str | None) -> None:
    """Prints a line beside the results, if there is one."""
    if note:
        print(note, file=sys.stderr)


def write_numbers(json: str | None, numbers: dict) -> None:
    """Writes a command's numbers to a file, if ``--json`` gives one."""
    if json:
        write_json(json, numbers)
