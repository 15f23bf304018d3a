"""The presets: trained weights that come with the package."""

from __future__ import annotations

import pathlib

from tfpose.errors import ModelFolderError

# A model folder holds these; a preset may share its weights with others.
CONFIG, WEIGHTS, SHARED = "config.json", "model.weights.h5", "shared.json"
CHECKPOINT = "checkpoint.keras"
FOLDER = pathlib.Path(__file__).parent
# The refiner for poses of a skeleton, unless the user names another one.
REFINERS = {"coco17": "posefix_movenet_coco17", "lsp14": "posefix_movenet_lsp14"}


def names() -> list[str]:
    """The presets' names, in alphabetical order.

    Example:
        >>> "posefix_tiny_lsp" in names()
        True
    """
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{CONFIG}"))


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


def check_new(folder: pathlib.Path) -> None:
    """Checks that a run may begin in a folder, which need not exist.

    Raises:
        ModelFolderError: the folder holds a model already.
    """
    for name in (CHECKPOINT, WEIGHTS):
        if (folder / name).exists():
            raise ModelFolderError(
                f"{folder / name}: a run is there already; --resume continues it, "
                "another --model-dir starts a new one"
            )
