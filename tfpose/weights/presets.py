"""The presets: trained weights that come with the package."""

from __future__ import annotations

import pathlib

from tfpose.errors import ModelFolderError

FOLDER = pathlib.Path(__file__).parent


def names() -> list[str]:
    """The presets' names, in alphabetical order.

    Example:
        >>> "posefix_tiny_lsp" in names()
        True
    """
    return sorted(path.parent.name for path in FOLDER.glob("*/config.json"))


def model_folder(name: str | pathlib.Path) -> pathlib.Path:
    """The folder of a preset, given its name, or of a model, given its path.

    Raises:
        ModelFolderError: neither.

    Example:
        >>> model_folder("posefix_tiny_lsp").name
        'posefix_tiny_lsp'
    """
    folder = FOLDER / name if str(name) in names() else pathlib.Path(name)
    if not folder.is_dir():
        raise ModelFolderError(
            f"model {name}: expected a preset ({', '.join(names())}) or the folder of "
            "a trained model, found neither"
        )
    return folder
