"""Files that are written whole or not at all, and the one reader of JSON.

Everything the package writes goes through ``replacing``, ``replacing_folder`` or
``filling``: it is written beside its destination and takes its place by renaming. A
command that is interrupted, or that finds the disk full, leaves what was there before.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator

from tfpose.errors import FileError


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A path to write a file at, which takes the place of ``path`` on success.

    Args:
        path: the file to write; its folder must exist.

    Yields:
        A path beside it with the same suffix.

    Raises:
        FileError: the file cannot be written. What was at ``path`` stays.
    """
    path = pathlib.Path(path)
    beside = _beside(path)
    try:
        yield beside
        _synchronize(beside)
        os.replace(beside, path)
    except OSError as error:
        raise _unwritable(path, error, beside) from error
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """An empty folder to fill, which takes the place of ``path`` on success.

    Raises:
        FileError: the folder cannot be written. What was at ``path`` stays.
    """
    path = pathlib.Path(path)
    new, old = _beside(path), _beside(path, "old")
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        new.mkdir()
        yield new
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(new, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise
    except OSError as error:
        raise _unwritable(path, error, new) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def filling(
    path: str | os.PathLike, order: Callable[[pathlib.Path], object] = lambda file: 0
) -> Iterator[pathlib.Path]:
    """An empty folder whose files join those of ``path`` on success.

    Args:
        path: the folder, which may exist already.
        order: sorts the files; the last one that arrives tells readers that all have.

    Raises:
        FileError: the folder cannot be written.
    """
    path = pathlib.Path(path)
    above = next(place for place in path.absolute().parents if place.exists())
    beside = above / _beside(path).name
    try:
        beside.mkdir()
        yield beside
        path.mkdir(parents=True, exist_ok=True)
        for file in sorted(beside.iterdir(), key=order):
            os.replace(file, path / file.name)
    except OSError as error:
        raise _unwritable(path, error, beside) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _beside(path: pathlib.Path, kind: str = "tmp") -> pathlib.Path:
    """Keeps the suffix, by which Keras and OpenCV choose a format."""
    return path.with_name(f".{kind}.{os.getpid()}.{path.name}")


def _synchronize(path: pathlib.Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _unwritable(path: pathlib.Path, error: OSError, beside: pathlib.Path) -> Exception:
    """What to raise; an error about another file, which was read, is that error."""
    about = str(error.filename or beside)
    if not about.startswith((str(beside), str(path))):
        return error
    return FileError(f"{path}: cannot write: {error.strerror or error}")


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file, whole or not at all.

    Raises:
        FileError: it cannot be written.
    """
    with replacing(path) as beside:
        beside.write_bytes(content)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a UTF-8 text file, whole or not at all.

    Raises:
        FileError: it cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike, data, allow_nan: bool = False) -> None:
    """Writes JSON, whole or not at all.

    Args:
        path: the file to write.
        data: JSON-ready data.
        allow_nan: write NaN and infinity as Python's json does; only to pass records
            on as they were read.

    Raises:
        FileError: the data cannot be written as JSON, or the file not at all.
    """
    try:
        text = json.dumps(data, allow_nan=allow_nan)
    except (TypeError, ValueError) as error:
        raise FileError(f"{path}: cannot be written as JSON: {error}") from error
    write_text(path, text)


def read_json(path: str | os.PathLike):
    """What a JSON file holds.

    Raises:
        FileError: it cannot be read, or is not JSON.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot read: {error.strerror}") from error
    return parse_json(content, path)


def parse_json(content: bytes | str, name: str | os.PathLike):
    """The value of a JSON text; ``name`` is for the message.

    Raises:
        FileError: not JSON, or nested too deeply.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{name}: not JSON: {error}") from error


def check_writable(out: str | os.PathLike) -> None:
    """Checks before the work that ``out`` can be written after it.

    Raises:
        FileError: its folder does not exist, or a folder has its name.
    """
    path = pathlib.Path(out)
    if not path.parent.is_dir():
        raise FileError(f"{path}: expected an existing folder to write into")
    if path.is_dir():
        raise FileError(f"{path}: expected a file to write, found a folder")
