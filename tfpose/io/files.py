"""Writes files whole or not at all; reads JSON.

The package writes everything with ``replacing``, ``replacing_folder`` or ``filling``:
next to its destination first, then renamed into place. If a command is interrupted or
the disk is full, the old files stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator

from tfpose.errors import FileError
from tfpose.io.json_files import parse_json as parse_json
from tfpose.io.json_files import read_json as read_json


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a path to write to; on success that file replaces ``path``.

    Args:
        path: the file to write; its folder must exist.

    Yields:
        A path next to it with the same suffix.

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
    """Yields an empty folder to fill; on success it replaces ``path``.

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
    """Yields an empty folder; on success its files move into ``path``.

    Args:
        path: the folder; it may exist already.
        order: sort key of the moves; the last file tells readers that all are there.

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
    """Keeps the suffix: Keras and OpenCV choose the format by it."""
    return path.with_name(f".{kind}.{os.getpid()}.{path.name}")


def _synchronize(path: pathlib.Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _unwritable(path: pathlib.Path, error: OSError, beside: pathlib.Path) -> Exception:
    """The error to raise: unchanged if it is about another file, one being read."""
    about = str(error.filename or beside)
    if not about.startswith((str(beside), str(path))):
        return error
    return FileError(f"{path}: cannot write: {error.strerror or error}")


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file, whole or not at all.

    Raises:
        FileError: the file cannot be written.
    """
    with replacing(path) as beside:
        beside.write_bytes(content)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a UTF-8 text file, whole or not at all.

    Raises:
        FileError: the file cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike, data, allow_nan: bool = False) -> None:
    """Writes JSON, whole or not at all.

    Args:
        path: the file to write.
        data: JSON-ready data.
        allow_nan: write NaN and infinity as Python's json does; only for records
            passed on as they were read.

    Raises:
        FileError: JSON cannot hold the data, or the file cannot be written.
    """
    try:
        text = json.dumps(data, allow_nan=allow_nan)
    except (TypeError, ValueError) as error:
        raise FileError(f"{path}: cannot be written as JSON: {error}") from error
    write_text(path, text)


def check_writable(out: str | os.PathLike) -> None:
    """Checks, before long work, that ``out`` can be written.

    Raises:
        FileError: its folder does not exist, or ``out`` is a folder.
    """
    path = pathlib.Path(out)
    if not path.parent.is_dir():
        raise FileError(f"{path}: expected an existing folder to write into")
    if path.is_dir():
        raise FileError(f"{path}: expected a file to write, found a folder")
