"""What a data set was prepared from, so that nothing else passes for it.

``metadata.json`` of a prepared set has "made_with", the options in words, "source", a
fingerprint of the files read, and "checksums" of the shards.
"""

from __future__ import annotations

import hashlib
import os
import pathlib

from tfpose.errors import DataError
from tfpose.io import files

METADATA = "metadata.json"
# Files that count with their sizes, not their contents.
PHOTOS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".avi", ".mp4"}
# Options that change nothing in the records.
FREE = {"workers"}


def origin(source: str | None, out: str, options: dict) -> dict[str, str]:
    """What a data set is made from: entries "made_with" and "source".

    Args:
        source: the data set's own folder, if it has one.
        out: folder for prepared sets; does not count, even if it is in ``source``.
        options: arguments of the builder; files that they name count, too.
    """
    options = {name: options[name] for name in sorted(set(options) - FREE)}
    words = [f"--set {name}={value}" for name, value in options.items()]
    digest = hashlib.sha256()
    if source is not None:
        words.insert(0, f"--source {pathlib.Path(source).resolve()}")
        _add(digest, pathlib.Path(source), pathlib.Path(out).resolve())
    for name, value in options.items():
        named = pathlib.Path(str(value))
        content = files.checksum(named) if named.is_file() else value
        digest.update(f"{name}={content}\0".encode())
    return {"made_with": " ".join(words) or "defaults", "source": digest.hexdigest()}


def _add(digest, folder: pathlib.Path, without: pathlib.Path) -> None:
    """Adds the files of a folder by their relative names, but for hidden ones."""
    for above, below, names in os.walk(folder):
        at = pathlib.Path(above)
        below[:] = sorted(
            name
            for name in below
            if not name.startswith(".") and (at / name).resolve() != without
        )
        for path in sorted(at / name for name in names if not name.startswith(".")):
            is_photo = path.suffix.lower() in PHOTOS
            what = path.stat().st_size if is_photo else files.checksum(path)
            digest.update(
                os.fsencode(path.relative_to(folder)) + f"\0{what}\0".encode()
            )


def note(directory: pathlib.Path, made_from: dict[str, str]) -> None:
    """Completes the metadata of a set that TFDS has just written."""
    path = directory / METADATA
    checksums = {
        shard.name: files.checksum(shard) for shard in directory.glob("*.tfrecord*")
    }
    files.write_json(
        path, {**files.read_json(path), **made_from, "checksums": checksums}
    )


def check(directory: pathlib.Path, made_from: dict[str, str]) -> None:
    """Checks that a prepared set was made from the same.

    Raises:
        DataError: it was not, or an earlier version did not note from what.
        FileError: its metadata cannot be read.
    """
    noted = files.read_json(directory / METADATA)
    if noted.get("source") == made_from["source"]:
        return
    before, now = noted.get("made_with"), made_from["made_with"]
    if before is None:
        found = "a set of an earlier version, which does not say from what it is"
    elif before == now:
        found = "a set from the same folder, whose files have changed since"
    else:
        found = f"one from {before}"
    raise DataError(
        f"{directory}: expected a set from {now}, found {found}; remove it or choose "
        "another --out"
    )
