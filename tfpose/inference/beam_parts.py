"""Makes the parts of an output with an Apache Beam pipeline.

Its workers read the same files under the same paths as the process that starts them,
and write finished parts into one folder that all share. So a pipeline that was ended
goes on as any run does.
"""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Iterator, Sequence

import apache_beam
from apache_beam.utils.shared import Shared

from tfpose.errors import TfposeError
from tfpose.inference.progress import Progress
from tfpose.io.beam_options import read_options


def make_parts(
    load: Callable, question: dict, parts: Sequence[tuple], folder: pathlib.Path,
    options: str,
) -> None:  # fmt: skip
    """Writes parts into the folder of a ``Progress``.

    Args:
        load: function of a module, of ``question`` and the ``Progress``. Returns what
            writes a part, given the items of its tuple. Called once in each process.
        question: what workers are told; strings, numbers, and lists of them.
        parts: tuples of a part's number and whatever else is to be known of it.
        folder: of the ``Progress``.
        options: of the pipeline's runner, as on a command line.

    Raises:
        TfposeError: the first part that cannot be made; the others are.
    """
    if not parts:
        return
    progress = Progress(folder)
    for path in progress.faults():
        path.unlink()
    work = MakeParts(load, question, str(folder))
    with apache_beam.Pipeline(options=read_options(options)) as line:
        (
            line
            | "parts" >> apache_beam.Create(list(parts))
            | "spread" >> apache_beam.Reshuffle()
            | "make" >> apache_beam.ParDo(work)
        )
    progress.raise_fault()


class MakeParts(apache_beam.DoFn):
    """Makes parts; the arguments are those of ``make_parts``."""

    def __init__(self, load: Callable, question: dict, folder: str):
        self.load, self.question, self.folder = load, question, folder
        self.shared = Shared()

    def process(self, part: tuple) -> Iterator[int]:
        progress = Progress(pathlib.Path(self.folder))
        try:
            self.maker = self.shared.acquire(lambda: _Maker(self, progress))
            self.maker.make(*part)
        except TfposeError as error:
            # Raised here, it would end the pipeline with a page of traces.
            progress.complain(part[0], error)
        yield part[0]


class _Maker:
    """The models of a process, which one thread at a time uses."""

    def __init__(self, work: MakeParts, progress: Progress):
        self._make = work.load(work.question, progress)
        self._alone = threading.Lock()

    def make(self, *part) -> None:
        with self._alone:
            self._make(*part)
