"""The example photos that come with the package, and whom to credit for them."""

from __future__ import annotations

import os
import pathlib

from tfpose.errors import PhotoError

FOLDER = pathlib.Path(__file__).parent.parent / "examples"
# A table with a row for each photo: the file first, then the columns named here.
ATTRIBUTION = FOLDER / "ATTRIBUTION.md"
COLUMNS = ("file", "number", "content", "license", "photo", "page")


def paths() -> list[pathlib.Path]:
    """The photos, sorted by name; the number in a name is its image_id.

    Example:
        >>> paths()[1].name
        '000000009483.jpg'
    """
    return sorted(FOLDER.glob("*.jpg"))


def credit(photo: str | os.PathLike) -> dict[str, str]:
    """Where an example photo is from: the ``COLUMNS`` of its row of ``ATTRIBUTION``.

    Args:
        photo: its file, or any file of the same name.

    Raises:
        PhotoError: not an example photo.

    Example:
        >>> credit("000000009483.jpg")["license"]
        'CC BY 2.0'
    """
    name = pathlib.PurePath(photo).name
    for line in ATTRIBUTION.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == name:
            return dict(zip(COLUMNS, cells, strict=True))
    raise PhotoError(f"{photo}: expected one of the example photos in {FOLDER}")
