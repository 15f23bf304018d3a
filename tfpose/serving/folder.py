"""Finds the models in a folder to serve, without loading them."""

from __future__ import annotations

import os
import pathlib

from tfpose.errors import ServingError


def find_versions(folder: str | os.PathLike) -> list[tuple[str, int, pathlib.Path]]:
    """The models NAME/VERSION/saved_model.pb in a folder.

    Returns:
        (name, version, folder of the SavedModel), sorted by path.

    Raises:
        ServingError: no such folder, or no model in it.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise ServingError(f"{folder}: expected a folder of models, found none")
    found = []
    for path in sorted(folder.glob("*/*/saved_model.pb")):
        name, version = path.parent.parent.name, path.parent.name
        if version.isdecimal() and not name.startswith("."):
            found.append((name, int(version), path.parent))
    if not found:
        here = list(folder.glob("*/saved_model.pb"))
        hint = f"; {folder} is a model itself: name the folder it is in" if here else ""
        raise ServingError(
            f"{folder}: expected NAME/1/saved_model.pb (tfpose export --out "
            f"{folder}/NAME), found none{hint}"
        )
    return found
