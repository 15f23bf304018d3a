"""Weights that several presets share: one file, of which each preset is a slice.

Beside a preset's ``config.json``, ``shared.json`` names files of this folder and the
joints that they know:

    {"weights": ["lite.npz"], "skeleton": "coco17_lsp14"}

A file holds float arrays by the paths of Keras' variables: float32, or float16 where
the answers stay the same.
"""

from __future__ import annotations

import pathlib
import struct
import zipfile
import zlib

import numpy as np

from tfpose import skeletons
from tfpose.errors import ModelFolderError
from tfpose.io import files
from tfpose.io.json_files import read_json
from tfpose.skeletons import Skeleton
from tfpose.weights.presets import SHARED

# What NumPy, zipfile, h5py, and Keras raise for damaged files.
UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, OSError, RuntimeError,
    EOFError, MemoryError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip


def read_shared(folder: pathlib.Path) -> tuple[dict[str, np.ndarray], Skeleton]:
    """Reads the weights that a preset's ``shared.json`` names.

    Returns:
        Variable path -> f32 array, and the skeleton whose joints they know.

    Raises:
        ModelFolderError: a file is missing or damaged.
    """
    path = folder / SHARED
    try:
        named = read_json(path)
        arrays: dict[str, np.ndarray] = {}
        for name in named["weights"]:
            # Only files of the package: a preset is not a way to read others.
            path = folder.parent / pathlib.Path(name).name
            with np.load(path, allow_pickle=False) as file:
                arrays |= {key: file[key].astype(np.float32) for key in file.files}
        return arrays, skeletons.get(named["skeleton"])
    except UNREADABLE as error:
        raise ModelFolderError(f"{path}: expected shared weights ({error})") from error


def write_arrays(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes arrays by the paths of variables, for ``read_shared``."""
    with files.replacing(path) as beside:
        np.savez_compressed(beside, allow_pickle=False, **arrays)
