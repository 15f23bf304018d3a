"""Reads a user's own skeletons from JSON files."""

from __future__ import annotations

import pathlib

from tfpose import skeletons
from tfpose.errors import FileError
from tfpose.io.files import read_json
from tfpose.skeletons import Skeleton


def find_skeleton(name_or_file: str | pathlib.Path) -> Skeleton:
    """A built-in skeleton by name, or a user's own from a ``.json`` file.

    Raises:
        TfposeError: no such name, or the file is unreadable or malformed.

    Example:
        >>> find_skeleton("lsp14").joints[:2]
        ('right_ankle', 'right_knee')
    """
    path = pathlib.Path(name_or_file)
    if path.suffix != ".json":
        return skeletons.get(str(name_or_file))
    try:
        return Skeleton.from_json(read_json(path))
    except FileError as error:
        raise FileError(f"skeleton file {error}") from error
    except (ValueError, TypeError) as error:
        raise FileError(f"skeleton file {path}: {error}") from error
