"""The finished parts of an output that takes long: a run that ends early goes on.

They lie in a folder beside the output, each written whole or not at all. The folder
goes when the output is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence

from tfpose import errors
from tfpose.errors import TfposeError
from tfpose.io import files

# The folder's name is the output's and this.
SUFFIX = ".parts"
ABOUT, TRUST = "about.json", "trust.json"


class Progress:
    """The parts in a folder, by their numbers."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    @property
    def trust(self) -> pathlib.Path:
        """The file of the trust that all parts share."""
        return self.folder / TRUST

    def finished(self) -> set[int]:
        """The numbers of the parts that are there."""
        return {int(path.stem) for path in self.folder.glob("[0-9]*.json")}

    def write(self, number: int, part: dict, allow_nan: bool = False) -> None:
        """Writes a part.

        Raises:
            FileError: it cannot be written, or is not JSON.
        """
        files.write_json(self._path(number), part, allow_nan)

    def read(self, number: int) -> dict:
        """The part of that number."""
        return files.read_json(self._path(number))

    def complain(self, number: int, error: TfposeError) -> None:
        """Notes why a part cannot be made, for another process to raise."""
        note = {"error": type(error).__name__, "message": str(error)}
        files.write_json(self._path(number, "fault_"), note)

    def faults(self) -> list[pathlib.Path]:
        """The files of what was noted, in the parts' order."""
        return sorted(self.folder.glob("fault_*.json"))

    def raise_fault(self) -> None:
        """Raises what was noted of the first part that cannot be made, if any."""
        for path in self.faults():
            note = files.read_json(path)
            raise getattr(errors, note["error"])(note["message"])

    def _path(self, number: int, kind: str = "") -> pathlib.Path:
        return self.folder / f"{kind}{number:06}.json"

    def begin(self, about: dict) -> None:
        """Forgets the parts of another run: one that was not ``about`` the same."""
        path = self.folder / ABOUT
        about = json.loads(json.dumps(about))  # as it is read
        if not path.is_file() or files.read_json(path) != about:
            self.clear()
            files.write_json(path, about)

    def clear(self) -> None:
        """Removes all parts."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != files.HOLDER:
                path.unlink()


def of_shard(numbers: Sequence[int], shard: tuple[int, int] | None) -> Sequence[int]:
    """The numbers of the parts that the i-th of n shards makes.

    Example:
        >>> [list(of_shard(range(5), (i, 2))) for i in (1, 2)]
        [[0, 1], [2, 3, 4]]
    """
    if shard is None:
        return numbers
    index, count = shard
    ends = [len(numbers) * place // count for place in (index - 1, index)]
    return numbers[slice(*ends)]


def state_of(path: str | os.PathLike) -> str | list:
    """What tells whether a file, or a model's folder, is still the same.

    A file's checksum, and the names and ``changed`` of a folder's files.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        inside = (file for file in sorted(path.iterdir()) if file.is_file())
        return [[file.name, *changed(file)] for file in inside]
    return files.checksum(path)


def changed(path: pathlib.Path) -> list[int]:
    """A file's size in bytes, and the time of its last change in ns."""
    known = path.stat()
    return [known.st_size, known.st_mtime_ns]


@contextlib.contextmanager
def progress_of(out: str, about: dict | None) -> Iterator[Progress]:
    """Context in which the parts of an output are made; at its end they go.

    If it ends early, they stay for the next run, unless there is none.

    Args:
        out: the file or folder that is made of the parts.
        about: all that decides what is in them; None: they do not stay.

    Raises:
        FileError: another process makes this output, or nothing can be written there.
    """
    path = pathlib.Path(out)
    special = path.exists() and not (path.is_file() or path.is_dir())
    if special or about is None:  # such as /dev/stdout
        with tempfile.TemporaryDirectory() as folder:
            yield Progress(pathlib.Path(folder))
        return
    progress = Progress(pathlib.Path(f"{out}{SUFFIX}"))
    try:
        with files.holding(progress.folder):
            progress.begin(about)
            try:
                yield progress
            except BaseException:
                if not progress.finished():
                    progress.clear()
                raise
            progress.clear()
    finally:
        with contextlib.suppress(OSError):  # parts are in it
            progress.folder.rmdir()
