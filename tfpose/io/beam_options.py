"""The options of an Apache Beam pipeline, which somebody gives as one word."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
import logging
import shlex
import warnings
from collections.abc import Iterator

from tfpose.errors import TfposeError
from tfpose.io import installation


def check_installed() -> None:
    """Checks that Apache Beam is there.

    Raises:
        TfposeError: it is not; how to install it.
    """
    if importlib.util.find_spec("apache_beam") is None:
        raise TfposeError(
            f"--beam {installation.hint('apache_beam')}, in a separate environment"
        )


def read_options(text: str):
    """The ``PipelineOptions`` of a command line's words.

    Raises:
        TfposeError: Beam is not installed, or does not take these options.
    """
    check_installed()
    with _quiet():
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners import create_runner

        said = io.StringIO()
        try:
            words = shlex.split(text)
            # Beam's parser prints a page and leaves.
            with contextlib.redirect_stderr(said):
                options = PipelineOptions(words)
                known = options.get_all_options(retain_unknown_options=True)
            runner = known["runner"] or "DirectRunner"
            create_runner(runner)
        except SystemExit:
            raise _refused(text, said.getvalue().rpartition("error: ")[2]) from None
        except (ValueError, ImportError) as error:
            raise _refused(text, str(error)) from None
        # Other runners have options of their own, which Beam hands on.
        strange = set(known) - set(PipelineOptions([]).get_all_options())
        strange = [f"--{name}" for name in sorted(strange)] + _values_of_nothing(words)
        if runner == "DirectRunner" and strange:
            raise _refused(text, f"no option {strange[0]}")
    return options


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what Beam says of its future, of other runners, and of odd options."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _values_of_nothing(words: list[str]) -> list[str]:
    """Words that are neither options nor behind one that lacks its value."""
    return [
        word
        for before, word in itertools.pairwise(["", *words])
        if word[:1] != "-" and (before[:2] != "--" or "=" in before)
    ]


def _refused(text: str, why: str) -> TfposeError:
    why = why.strip().partition("\n")[0]
    return TfposeError(
        f"--beam={text!r}: expected options of an Apache Beam pipeline; {why}"
    )
