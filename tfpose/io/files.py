"""Writes files whole or not at all; reads JSON.

The package writes everything with ``replacing``, ``replacing_folder`` or ``filling``:
in a hidden folder next to the destination first, then renamed into place. If a command
is interrupted or the disk is full, the old files stay. The hidden folder of a process
that was killed is removed by the next process that writes there.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import pathlib
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator

from tfpose.errors import FileError, TfposeError
from tfpose.io.json_files import parse_json as parse_json
from tfpose.io.json_files import read_json as read_json

try:
    import fcntl
except ImportError:  # Windows: as on file systems without locks
    fcntl = None

# Starts the names of hidden folders; the process id and a random word follow.
HIDDEN = ".tfpose."
# In a hidden folder: the lock of its process, a new folder, and what it replaces.
LOCK, NEW, OLD = "lock", "new", "old"
# In a folder that a process holds.
HOLDER = ".lock"
# Libraries put the operating system's words into errors of their own classes.
WORDS = tuple(
    os.strerror(code)
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
)


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a path to write to; on success that file replaces ``path``.

    What is no regular file, such as ``/dev/stdout``, is not replaced but written to.

    Args:
        path: the file to write; its folder must exist.

    Yields:
        A path with the same name in a hidden folder.

    Raises:
        FileError: the file cannot be written. What was at ``path`` stays.
    """
    path = pathlib.Path(path)
    with hidden_folder(path, _beside(path)) as hidden:
        new = hidden / path.name
        yield new
        if _is_special(path):
            with open(path, "wb") as there:
                there.write(new.read_bytes())
        else:
            _synchronize(new)
            os.replace(new, path)


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields an empty folder to fill; on success it replaces ``path``.

    Of several writers, the last one's folder stays.

    Raises:
        FileError: the folder cannot be written. What was at ``path`` stays.
    """
    path = pathlib.Path(path)
    _make_folder(path.parent)
    with hidden_folder(path, path.parent) as hidden:
        (hidden / NEW).mkdir()
        yield hidden / NEW
        _synchronize(hidden / NEW)
        while not _swapped(hidden, path):
            pass  # another writer was faster


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
    with hidden_folder(path, above) as hidden:
        (hidden / NEW).mkdir()
        yield hidden / NEW
        _synchronize(hidden / NEW)
        path.mkdir(parents=True, exist_ok=True)
        for file in sorted((hidden / NEW).iterdir(), key=order):
            os.replace(file, path / file.name)


def _is_special(path: pathlib.Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


def _beside(path: pathlib.Path) -> pathlib.Path:
    """Where the hidden folder of a file belongs."""
    return pathlib.Path(tempfile.gettempdir()) if _is_special(path) else path.parent


@contextlib.contextmanager
def hidden_folder(path: pathlib.Path, above: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty hidden folder and removes it at the end.

    Args:
        path: what it is made for; errors name it.
        above: the folder to make it in, on the same file system as ``path``.

    Raises:
        FileError: the file system is full, read-only, or not ours to write.
    """
    hidden = above  # until there is one
    with contextlib.ExitStack() as stack:
        try:
            _remove_leftovers(str(above.absolute()))
            hidden = _new_hidden(above, stack)
            yield hidden
        except TfposeError:
            raise
        except Exception as error:
            reason = _reason(error, path, hidden)
            if reason is None:
                raise
            raise FileError(f"{path}: cannot write: {reason}") from error


def _new_hidden(above: pathlib.Path, stack: contextlib.ExitStack) -> pathlib.Path:
    """A hidden folder with its lock; the stack removes it."""
    while True:
        made = tempfile.mkdtemp(prefix=f"{HIDDEN}{os.getpid()}.", dir=above)
        hidden = pathlib.Path(made)
        with contextlib.ExitStack() as own:
            own.callback(shutil.rmtree, hidden, ignore_errors=True)
            # Between these two lines, another process may take it for a leftover.
            with contextlib.suppress(FileNotFoundError):
                own.enter_context(_locked(hidden / LOCK))
                stack.push(own.pop_all())
                return hidden


@functools.cache  # once for each folder: it may hold many files
def _remove_leftovers(above: str) -> None:
    """Removes the hidden folders of processes that were killed."""
    for hidden in pathlib.Path(above).glob(f"{HIDDEN}*"):
        # Whoever lives has the lock.
        with contextlib.suppress(OSError), _locked(hidden / LOCK, False, True):
            _put_back(hidden)
            shutil.rmtree(hidden, ignore_errors=True)


def _locked(path: pathlib.Path, wait: bool = True, sure: bool = False):
    """Opens a file with a lock that ends with the process.

    Raises:
        BlockingIOError: not ``wait``, and another process has the lock.
        OSError: ``sure``, and this file system has no locks.
    """
    while True:
        file = open(path, "a+")
        try:
            if fcntl is None:
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            # Whoever had the lock before may have removed the file.
            if os.path.exists(path) and os.path.samestat(
                os.stat(path), os.fstat(file.fileno())
            ):
                return file
        except BlockingIOError:
            file.close()
            raise
        except OSError:
            if not sure:
                return file
            file.close()
            raise
        file.close()


def _swapped(hidden: pathlib.Path, path: pathlib.Path) -> bool:
    """Puts the new folder in the place of ``path``; False if something is there."""
    old = hidden / OLD / path.name
    old.parent.mkdir()
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, old)
    try:
        os.rename(hidden / NEW, path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            _put_back(hidden)
            raise
        shutil.rmtree(old.parent)
        return False
    return True


def _put_back(hidden: pathlib.Path) -> None:
    """Puts back what was moved to make place for a new folder that did not come."""
    for old in (hidden / OLD).glob("*"):
        if not (hidden.parent / old.name).exists():
            os.rename(old, hidden.parent / old.name)


def _synchronize(path: pathlib.Path) -> None:
    """Waits until a file, or all files of a folder, are on the disk."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if not file.is_dir():
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())


def _reason(error: Exception, path: pathlib.Path, hidden: pathlib.Path) -> str | None:
    """Why ``path`` cannot be written; None if the error is about something else."""
    if isinstance(error, OSError):
        about = str(error.filename or path)
        ours = (str(hidden), str(path), str(path.absolute()))
        # Keras' and h5py's errors have no file name, and often no number.
        return (error.strerror or str(error)) if about.startswith(ours) else None
    return next((words for words in WORDS if words in str(error)), None)


def _make_folder(path: pathlib.Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{path}: cannot make the folder: {error.strerror}") from error


@contextlib.contextmanager
def holding(folder: str | os.PathLike) -> Iterator[None]:
    """Context in which no other process can hold a folder, which is created.

    The lock ends with the process, however that ends.

    Raises:
        FileError: another process holds the folder, or it cannot be written.
    """
    folder = pathlib.Path(folder)
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    lock = folder / HOLDER
    _make_folder(folder)
    try:
        file = _locked(lock, wait=False)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
    except BlockingIOError as error:
        holder = lock.read_text() or "another process"
        raise FileError(f"{folder}: {holder} is writing there") from error
    except OSError as error:
        raise FileError(f"{folder}: cannot write: {error.strerror}") from error
    with file:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # something is in it
                for place in new:
                    place.rmdir()


def checksum(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def write_json_list(path: str | os.PathLike, values: Iterable) -> None:
    """Writes what ``write_json`` writes of a list, one value after the other.

    Args:
        path: the file to write.
        values: JSON-ready data, NaN and infinity included.

    Raises:
        FileError: the file cannot be written.
    """
    with replacing(path) as beside, open(beside, "w", encoding="utf-8") as file:
        separator = "["
        for value in values:
            file.write(separator + json.dumps(value))
            separator = ", "
        file.write("]" if separator == ", " else "[]")


def check_writable(out: str | os.PathLike) -> None:
    """Checks, before long work, that ``out`` can be written.

    Raises:
        FileError: its folder does not exist or cannot be written, or ``out`` is a
            folder.
    """
    path = pathlib.Path(out)
    if not path.parent.is_dir():
        raise FileError(f"{path}: expected an existing folder to write into")
    if path.is_dir():
        raise FileError(f"{path}: expected a file to write, found a folder")
    with hidden_folder(path, _beside(path)):
        pass
