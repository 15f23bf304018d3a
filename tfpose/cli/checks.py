"""Checks what a command is given, before TensorFlow starts.

Importing TensorFlow takes many seconds, so a mistyped path, name, or number must be
found first. ``given`` checks options by their names, the same for all commands; the
other functions check what a name stands for. Each raises a ``TfposeError`` of one line.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

from tfpose import config as configurations
from tfpose.config import REFINERS, Config
from tfpose.errors import (
    DataError,
    FileError,
    ModelFolderError,
    PoseFileError,
    TfposeError,
    TrainingError,
)
from tfpose.io import beam_options
from tfpose.io.files import check_writable
from tfpose.io.video_sources import is_video_file
from tfpose.io.weight_files import SUFFIXES as WEIGHT_FILES
from tfpose.recipes import RECIPES
from tfpose.weights.presets import (
    CONFIG,
    SHARED,
    WEIGHTS,
    check_new,
    model_folder,
)


def _file(flag: str, path: str) -> None:
    place = pathlib.Path(path)
    if not place.exists():
        raise FileError(f"{flag} {path}: expected a file, found none")
    if place.is_dir():
        raise FileError(f"{flag} {path}: expected a file, found a folder")


def _folder(flag: str, path: str) -> None:
    if not pathlib.Path(path).is_dir():
        found = "a file" if pathlib.Path(path).exists() else "none"
        raise FileError(f"{flag} {path}: expected a folder, found {found}")


def _folder_or_video(flag: str, path: str) -> None:
    (_file if is_video_file(path) else _folder)(flag, path)


def _file_to_write(flag: str, path: str) -> None:
    check_writable(path)


def _share(flag: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise TfposeError(f"{flag}: expected 0 to 1, found {value:g}")


def _count(flag: str, value: float) -> None:
    if not value > 0:
        raise TfposeError(f"{flag}: expected a positive number, found {value:g}")


# Option -> what it must be, in every command that has it. ``out`` differs: a file, or a
# folder (``folder_to_write``).
KINDS = {
    **dict.fromkeys("poses before boxes annotations log refined".split(), _file),
    **dict.fromkeys("images source data".split(), _folder),
    "frames": _folder_or_video,
    **dict.fromkeys("json picture curve page results trust".split(), _file_to_write),
    **dict.fromkeys("oks_nms threshold joint_score detection_score".split(), _share),
    **dict.fromkeys("queue max_body max_people minutes rounds workers".split(), _count),
    **dict.fromkeys("search_every fps".split(), _count),
}
# Option -> its flag, where the names differ.
FLAGS = {"page": "--out", "results": "--out", "frames": "--images"}


def given(**options) -> None:
    """Checks options, each named as its flag; None is an option that is not given.

    Raises:
        TfposeError: the first value that cannot be used.
    """
    for name, value in options.items():
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        values = value if isinstance(value, (list, tuple)) else [value]
        for one in values:
            if one is not None:
                KINDS[name](flag, one)


def folder_to_write(path: str) -> None:
    """Checks that a folder is, or can be made, at ``path``.

    Raises:
        FileError: a file is in the way, or the folder above is not writable.
    """
    place = pathlib.Path(path).absolute()
    above = next(folder for folder in (place, *place.parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise FileError(f"{path}: expected a folder to write into, found {above}")


def new_run(path: str) -> None:
    """Checks that a run may begin in a folder, which need not exist.

    Raises:
        ModelFolderError, FileError: a run is there already, or nobody may write there.
    """
    check_new(pathlib.Path(path))
    folder_to_write(path)


def start_weights(name: str) -> None:
    """Checks ``--weights``: a file of weights, a preset, or a model folder.

    Raises:
        TfposeError: none of them.
    """
    if name.endswith(WEIGHT_FILES):
        _file("--weights", name)
    else:
        trained(name)


def trained(name: str, kind: str | None = None) -> Config:
    """The configuration of a preset or model folder.

    Args:
        name: the preset's name, or the folder's path.
        kind: "refiner" or "estimator"; None for either.

    Raises:
        ModelFolderError, ConfigError, TrainingError: neither, or without a known
            model's configuration or weights.
        TfposeError: a model of the other kind.
    """
    folder = model_folder(name)
    config = configurations.load(folder / CONFIG)
    if not any((folder / file).is_file() for file in (WEIGHTS, SHARED)):
        raise ModelFolderError(
            f"{folder / WEIGHTS}: expected trained weights, found no such file"
        )
    if config.model not in RECIPES:
        raise TrainingError(
            f"{folder / CONFIG}: model {config.model!r}: expected one of "
            f"{', '.join(RECIPES)}"
        )
    if kind == "refiner" and config.model not in REFINERS:
        raise TfposeError(
            f"model {name}: expected a refiner, found the estimator {config.model}, "
            "which needs no poses (tfpose predict)"
        )
    if kind == "estimator" and config.model in REFINERS:
        raise TfposeError(
            f"model {name}: expected an estimator, found the refiner {config.model}, "
            "which needs poses (tfpose refine)"
        )
    return config


def prepared(data: str, splits: Sequence[str]) -> None:
    """Checks that data sets are prepared in a folder.

    Args:
        data: folder that ``tfpose prepare`` wrote into.
        splits: such as "lsp/train".

    Raises:
        DataError: the folder, or a data set in it, does not exist.
    """
    for split in splits:
        name = split.partition("/")[0]
        if not name or not pathlib.Path(data, name).is_dir():
            raise DataError(
                f"{pathlib.Path(data, name)}: expected the prepared data set of "
                f"{split!r} (tfpose prepare, --data), found none"
            )


def photos(places: Sequence[str]) -> None:
    """Checks that photos or folders of photos are there.

    Raises:
        PoseFileError: nothing is given, or something else.
    """
    if not places:
        raise PoseFileError("predict: expected photos or folders of photos, found none")
    for place in map(pathlib.Path, places):
        if not place.exists():
            raise PoseFileError(
                f"{place}: expected a photo or a folder of photos, found none"
            )


def shard(text: str | None) -> tuple[int, int] | None:
    """(3, 16) of "3/16".

    Raises:
        TfposeError: something else.

    Example:
        >>> shard("3/16"), shard(None)
        ((3, 16), None)
    """
    if text is None:
        return None
    index, _, count = text.partition("/")
    if index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise TfposeError(f"--shard {text}: expected I/N such as 3/16, with I from 1 to N")


def beam(options: str | None) -> None:
    """Checks the options of an Apache Beam pipeline, if there is to be one.

    Raises:
        TfposeError: Beam is not installed, or does not take them.
    """
    if options is not None:
        beam_options.read_options(options)
