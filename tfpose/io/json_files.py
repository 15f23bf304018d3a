"""Reads JSON that people hand in, and what its values mean: ids, numbers, truth.

Every reader of the package uses these functions, so that all accept the same.
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import stat

from tfpose.errors import FileError

# Bytes: several times the largest published annotations.
LARGEST = 4 * 2**30
# Digits of a number that fits a float64.
MOST_DIGITS = 308


def read_json(path: str | os.PathLike):
    """Reads a JSON file.

    Whole numbers beyond the range of float64 become infinite, as all others do.

    Raises:
        FileError: the file cannot be read, is not JSON, is nested too deeply, or is
            larger than ``LARGEST``.
    """
    try:
        path = pathlib.Path(path)
        _check_kind(path)
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot read: {reason}") from error
    return parse_json(content, path)


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
