"""What a long command has found so far: a line a step, for the run that resumes it.

Each line is JSON and is on the disk when the next step begins. A process that is killed
in the middle of a line leaves half of it, which the next one drops.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterator

from tfpose.errors import FileError


class Journal:
    """A file of JSON lines; the first one says what was asked for.

    Args:
        path: the file; its folder must exist.
        asked: JSON-ready, the settings on which the answers depend.
        resume: go on with the file instead of beginning a new one.

    Raises:
        FileError: ``resume`` without such a file, or with one of other settings; or it
            cannot be written.
    """

    def __init__(self, path: str | os.PathLike, asked: dict, resume: bool = False):
        self.path = pathlib.Path(path)
        asked = json.loads(json.dumps(asked))  # as it will be read
        self._end = 0
        try:
            if resume:
                self._check(asked)
            self._file = open(self.path, "r+b" if resume else "w+b")
            if not resume:
                self.append(asked)
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError) -> FileError:
        return FileError(f"{self.path}: cannot write: {error.strerror}")

    def _check(self, asked: dict) -> None:
        if not self.path.is_file():
            raise FileError(
                f"{self.path}: expected what an interrupted run left to resume, found "
                "no such file"
            )
        found = next(self._lines(), None)
        if not isinstance(found, dict):
            raise FileError(f"{self.path}: expected the settings of a run, found none")
        for key in {**found, **asked}:
            if found.get(key) != asked.get(key):
                raise FileError(
                    f"{self.path}: the interrupted run had {key} {found.get(key)!r}, "
                    f"found {asked.get(key)!r}: resume it with the same options"
                )

    def _lines(self) -> Iterator:
        """The whole lines from the start; remembers where the last one ends."""
        self._end = 0
        with open(self.path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                try:
                    found = json.loads(line)
                except ValueError:
                    return
                self._end += len(line)
                yield found

    def steps(self) -> Iterator:
        """The steps of the interrupted run; what follows is appended behind them."""
        lines = self._lines()
        next(lines)
        yield from lines
        self._file.truncate(self._end)

    def append(self, step) -> None:
        """Writes a step.

        Raises:
            FileError: it cannot be written.
        """
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(step).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._fault(error) from error

    def close(self) -> None:
        """Closes the file, which stays."""
        self._file.close()

    def remove(self) -> None:
        """Closes and removes the file: nothing is left to resume."""
        self._file.close()
        self.path.unlink(missing_ok=True)
