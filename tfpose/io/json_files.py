"""Reads JSON that people hand in, and what its values mean: ids, numbers, truth.

Every reader of the package uses these functions, so that all accept the same.
"""

from __future__ import annotations

import codecs
import contextlib
import itertools
import json
import math
import os
import pathlib
import re
import stat
from collections.abc import Iterator

from tfpose.errors import FileError

# Bytes: several times the largest published annotations.
LARGEST = 4 * 2**30
# Bytes that ``JsonList`` reads at a time.
PIECE = 2**20
# Digits of a number that fits a float64.
MOST_DIGITS = 308


def read_json(path: str | os.PathLike):
    """Reads a JSON file.

    Whole numbers beyond the range of float64 become infinite, as all others do.

    Raises:
        FileError: the file cannot be read, is not JSON, is nested too deeply, or is
            larger than ``LARGEST``.
    """
    with _readable(path):
        content = pathlib.Path(path).read_bytes()
    return parse_json(content, path)


@contextlib.contextmanager
def _readable(path):
    """Context that reads a file, whose kind it checks; its errors are one line."""
    try:
        _check_kind(pathlib.Path(path))
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot read: {reason}") from error


def _check_kind(path: pathlib.Path) -> None:
    """Refuses what could keep a reader waiting or fill the memory."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise FileError(f"{path}: cannot read: Is a directory")
    # A shell's <(command) is a pipe under /dev.
    piped = stat.S_ISFIFO(status.st_mode) and path.is_relative_to("/dev")
    if not (stat.S_ISREG(status.st_mode) or piped):
        raise FileError(f"{path}: cannot read: expected a file, found a device or pipe")
    if status.st_size > LARGEST:
        raise FileError(
            f"{path}: cannot read: expected at most {LARGEST} bytes of JSON, found "
            f"{status.st_size}"
        )


def parse_json(content: bytes | str, name: str | os.PathLike):
    """Parses a JSON text, with or without a byte order mark.

    Args:
        content: the text, or its bytes in UTF-8, UTF-16 or UTF-32.
        name: its file, for the message.

    Raises:
        FileError: not JSON, or nested too deeply.

    Example:
        >>> parse_json(b"[1, 1e999]", "numbers.json")
        [1, inf]
    """
    if isinstance(content, str):
        content = content.removeprefix("\ufeff")
    try:
        # A call for each number would take longer than all else.
        return json.loads(content, parse_int=_whole if _has_giants(content) else None)
    except RecursionError as error:
        raise FileError(f"{name}: not JSON: nested too deeply") from error
    except ValueError as error:
        raise FileError(f"{name}: not JSON: {error}") from error


class JsonList:
    """The values of the list in a JSON file, one after the other, any number of times.

    The list may be larger than the memory. A file that is no list, cannot be read
    twice, or is not in UTF-8 is held in memory.

    Args:
        path: the file.

    Attributes:
        is_list: whether the file's value is a list.
        other: the value if it is no list.

    Raises:
        FileError: as ``read_json``; a mistake inside the list when it is reached.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.is_list, self.other = True, None
        self._held: list | None = None
        if not self._is_long():
            found = read_json(path)
            self._held = found if isinstance(found, list) else []
            self.is_list = isinstance(found, list)
            self.other = None if self.is_list else found

    def _is_long(self) -> bool:
        with _readable(self.path):
            if not self.path.is_file():
                return False
            with open(self.path, "rb") as file:
                head = file.read(PIECE)
        in_utf8 = json.detect_encoding(head).startswith("utf-8")
        return in_utf8 and head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"["

    def __iter__(self) -> Iterator:
        return (value for _, value in self.from_place(0))

    def from_place(self, place: int) -> Iterator[tuple[int, object]]:
        """(place, value) of the values from that place on; 0 is the list's start.

        Raises:
            FileError: a mistake in the list.
        """
        if self._held is not None:
            yield from itertools.islice(enumerate(self._held), place, None)
            return
        try:
            with _readable(self.path), open(self.path, "rb") as file:
                file.seek(place)
                yield from _values(file, place)
        except _Mistake:
            read_json(self.path)  # says what is wrong, and where
            raise FileError(f"{self.path}: changed while it was read") from None


class _Mistake(Exception):
    """What is no JSON."""


def _values(file, place: int) -> Iterator[tuple[int, object]]:
    """(place, value) of a list's values, from a byte of its file on.

    Raises:
        _Mistake: no list of JSON.
    """
    decoder, unread = json.JSONDecoder(), b""
    expected, text, at, ended = "value" if place else "[", "", 0, False
    while True:
        start = at
        at = _SPACE.match(text, at).end()
        place += at - start
        stop = None
        if at < len(text) and expected in _AFTER.get(text[at], ()):
            expected, stop = _AFTER[text[at]][expected], at + 1
        elif at < len(text) and expected.startswith("value"):
            value, stop = _decoded(decoder, text, at, ended)
            if stop:
                yield place, value
                expected = "comma"
        if stop:
            part = text[at:stop]
            place += len(part if part.isascii() else part.encode(*_UTF8))
            at = stop
        elif not ended:
            piece = file.read(max(PIECE, len(text) - at))
            ended, unread = not piece, unread + piece
            whole = len(unread) if ended else _whole_characters(unread)
            try:
                text, at = text[at:] + unread[:whole].decode(*_UTF8), 0
                unread = unread[whole:]
            except UnicodeDecodeError:
                raise _Mistake from None
            if place == 0 and expected == "[" and text.startswith("\ufeff"):
                at, place = 1, len(codecs.BOM_UTF8)
            decoder = json.JSONDecoder(parse_int=_whole if _has_giants(text) else None)
        elif expected == "end" and at == len(text):
            return
        else:
            raise _Mistake


_UTF8 = "utf-8", "surrogatepass"
_SPACE = re.compile(r"[ \t\n\r]*")
# Character -> what is expected -> what is expected behind it.
_AFTER = {
    "[": {"[": "value or end"},
    ",": {"comma": "value"},
    "]": {"comma": "end", "value or end": "end"},
}


def _whole_characters(content: bytes) -> int:
    """How many bytes of UTF-8 to decode so that no character is torn."""
    for back in range(1, min(len(content), 4) + 1):
        if content[-back] >= 0xC0:  # the first byte of several
            return len(content) - back
        if content[-back] < 0x80:
            break
    return len(content)


def _decoded(decoder, text: str, at: int, ended: bool) -> tuple:
    """A value and where it stops; None and None if more of the file is needed."""
    try:
        value, stop = decoder.raw_decode(text, at)
    except RecursionError:
        raise _Mistake from None
    except ValueError:
        return None, None
    # Of 1e-7, only 1e- may have been read, and 1 is a number.
    sure = ended or _follower(text, stop) in (",", "]")
    return (value, stop) if sure else (None, None)


def _follower(text: str, stop: int) -> str:
    at = _SPACE.match(text, stop).end()
    return text[at : at + 1]


def _has_giants(content: bytes | str) -> bool:
    """Whether a number may have too many digits; looks at bytes, which is fast."""
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    wide = b"\0" in content[:4]  # UTF-16 or UTF-32
    return wide or b"0" * MOST_DIGITS in content.translate(_DIGITS_AS_ZEROS)


_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


def is_number(value) -> bool:
    """True for a finite number that fits a float64; false for a truth value."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    # Python compares whole numbers of any size without converting them.
    return known and -1e308 < value < 1e308


def id_of(value) -> int | None:
    """The id that a value stands for: 7, 7.0, and "7" are 7; None if it is no id.

    Example:
        >>> id_of("000139"), id_of(7.0), id_of(7.5), id_of(True), id_of(2**63)
        (139, 7, None, None, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value) if len(value) <= 19 else None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    known = isinstance(value, int) and not isinstance(value, bool)
    return value if known and -(2**63) <= value < 2**63 else None


def truth_of(value) -> bool | None:
    """The truth that 0, 1, true, false, "0", or "1" states; None for anything else.

    Example:
        >>> truth_of("0"), truth_of(1), truth_of("no"), truth_of(2)
        (False, True, None, None)
    """
    if isinstance(value, str):
        return {"0": False, "1": True}.get(value)
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    return None
