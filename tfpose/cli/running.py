"""What all subcommands share: their errors, the start of TensorFlow, files of numbers.

A command that ends badly prints one line to stderr and exits with 2; a traceback is
printed only for what the package did not foresee.
"""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile
from collections.abc import Callable

import absl.logging

# Packages that a plain installation lacks and the extra "full" brings.
OF_FULL = "tensorflow keras tensorflow_datasets scipy pycocotools ai_edge_litert"


def run(command: Callable, **options) -> int:
    """Runs a subcommand and turns its errors into one line and a code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        command(**options)
    except (ValueError, OSError) as error:
        if not _meant_for_people(error):
            raise
        print(f"tfpose: error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in OF_FULL.split():
            raise
        print(
            f"tfpose: error: this needs {package}: pip install 'tfpose[full]'",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("tfpose: interrupted", file=sys.stderr)
        return 130
    return 0


def _meant_for_people(error: Exception) -> bool:
    """Whether this package raised the error itself, with a message of one line."""
    ours = ("tfpose", "data_prep")
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    places = type(error).__module__, last.tb_frame.f_globals.get("__name__", "")
    named_file = isinstance(error, OSError) and error.filename is not None
    from_us = any(place.split(".")[0] in ours for place in places)
    return (from_us or named_file) and "\n" not in str(error).strip()


def start_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages.

    It tells about its CPU features and about GPUs it does not find, in lines that no
    setting turns off (tensorflow issue 100442). They are kept only if it fails. What
    TensorFlow Datasets logs as warnings is news of what it does.
    """
    absl.logging.set_verbosity(absl.logging.ERROR)
    with tempfile.TemporaryFile() as messages:
        stderr = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def write_numbers(json: str | None, numbers: dict) -> None:
    """Writes what a command printed, if a file is given (``--json``)."""
    from tfpose.poses import write_json

    if json:
        write_json(json, numbers)


def write_text(path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    beside = pathlib.Path(f"{path}.part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
