"""Model folders: ``config.json``, the resolved configuration, and ``model.weights.h5``.

A preset may have ``shared.json`` instead of weights of its own (``weights.shared``).
Training adds ``checkpoint.keras``, ``log.csv`` and ``tensorboard/``; calibrating a
refiner adds ``calibration.json``, and measuring its scores ``scores.json``. Refining
and exporting need only the first two.
"""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import warnings
from collections.abc import Iterator

import keras

from tfpose import config as configurations
from tfpose.config import Config
from tfpose.errors import FileError, ModelFolderError, TrainingError, shown
from tfpose.io.files import holding, read_json, replacing, write_json
from tfpose.io.json_files import is_number
from tfpose.models import transfer
from tfpose.weights.presets import CHECKPOINT as CHECKPOINT
from tfpose.weights.presets import CONFIG, SHARED, WEIGHTS
from tfpose.weights.presets import check_new as check_new
from tfpose.weights.presets import model_folder as model_folder
from tfpose.weights.shared import UNREADABLE, read_shared

# Ends the weights' file, before the SHA-256 of all bytes above. HDF5 does not read what
# comes after its data, and would not notice another number in them.
MARK = b"tfpose sha256:"
SCORES = "scores.json"
# Of a network's settings. Keras does not return from building millions of filters.
LARGEST, MOST_VALUES = 10_000, 1000


def load_config(folder: pathlib.Path) -> Config:
    """Reads the configuration of a model folder.

    Raises:
        ConfigError: no readable ``config.json``.
    """
    return configurations.load(folder / CONFIG)


def new_model(kind: type, config: Config, **arguments) -> keras.Model:
    """Builds the untrained network of a configuration.

    Args:
        kind: its class.
        config: gives the skeleton, input size and network.
        arguments: class arguments that override the configuration's.

    Raises:
        TrainingError: the class refuses the configuration.
    """
    settings = {"input_size": config.input_size, **config.network, **arguments}
    for name, value in settings.items():
        if not _is_plausible(value):
            raise TrainingError(
                f"model {config.model!r}: {name}: expected numbers up to {LARGEST}, "
                f"found {shown(value)}"
            )
    try:
        model = kind.for_skeleton(config.skeleton, **settings)
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(f"model {config.model!r}: {reason}") from error
    model.recipe = config
    return model


def _is_plausible(value) -> bool:
    """Whether a setting is no number, or numbers of a network that can be built."""
    if isinstance(value, list | tuple):
        return len(value) <= MOST_VALUES and all(map(_is_plausible, value))
    return not isinstance(value, int | float) or -LARGEST <= value <= LARGEST


def load_weights(model: keras.Model, folder: pathlib.Path) -> None:
    """Loads the weights of a model folder into a network with a ``recipe``.

    Raises:
        ModelFolderError: no weights, damaged ones, or those of another network.
    """
    model.score_fit = read_score_fit(folder)
    if (folder / SHARED).is_file():
        _load_shared(model, folder)
        return
    path = folder / WEIGHTS
    if not path.is_file():
        raise ModelFolderError(f"{path}: expected trained weights, found no such file")
    _check_mark(path)
    reason = fill(model, path)
    if reason:
        raise ModelFolderError(
            f"{path}: expected the weights of this {model.name} with "
            f"{model.count_params():,} parameters, found others ({reason})"
        )


def read_score_fit(folder: pathlib.Path) -> tuple[float, float] | None:
    """Reads ``scores.json``: what the model's scores mean; None without it.

    Raises:
        ModelFolderError: the file is damaged.
    """
    path = folder / SCORES
    if not path.is_file():
        return None
    try:
        fit = read_json(path)
        offset, slope = fit["offset"], fit["slope"]
        if not (is_number(offset) and is_number(slope)):
            raise FileError(f"found {shown(offset)} and {shown(slope)}")
        return float(offset), float(slope)
    except (FileError, KeyError, TypeError, ValueError) as error:
        raise ModelFolderError(
            f"{path}: expected a number for 'offset' and 'slope' ({error})"
        ) from error


def write_score_fit(folder: pathlib.Path, fit: tuple[float, float]) -> None:
    """Writes ``scores.json``."""
    offset, slope = fit
    write_json(folder / SCORES, {"offset": offset, "slope": slope})


def _load_shared(model: keras.Model, folder: pathlib.Path) -> None:
    arrays, known = read_shared(folder)
    there = {
        layer.name: [arrays[path] for path in paths]
        for layer in model.layers
        if (paths := [weight.path for weight in layer.weights])
        and all(path in arrays for path in paths)
    }
    left = transfer.take_over(model, model.recipe.skeleton, there, known)
    if left:
        raise ModelFolderError(
            f"{folder / SHARED}: expected the weights of this {model.name}, found none "
            f"that fit {', '.join(left[:3])}"
        )


def fill(model: keras.Model, path: pathlib.Path) -> str | None:
    """Loads a model's weights from a file; returns the reason if that fails."""
    try:
        with warnings.catch_warnings(record=True) as skipped:
            warnings.simplefilter("always", UserWarning)
            model.load_weights(path)
    except UNREADABLE as error:
        return (str(error).strip() or type(error).__name__).splitlines()[0]
    # What Keras left unchanged.
    return str(skipped[0].message).splitlines()[0] if skipped else None


@contextlib.contextmanager
def writing(folder: pathlib.Path, resume: bool = False) -> Iterator[None]:
    """Context in which no other process writes a model into a folder.

    Args:
        folder: is created; if it stays empty, removed again.
        resume: whether the folder may hold a model.

    Raises:
        ModelFolderError: the folder holds a model already.
        FileError: another process writes into the folder; names it.
    """
    with holding(folder):
        if not resume:
            check_new(folder)
        yield


def begin(folder: pathlib.Path, config: Config) -> None:
    """Creates a model folder with its configuration.

    Raises:
        ModelFolderError: the folder holds a model already.
    """
    check_new(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG, config.to_json())


def _check_mark(path: pathlib.Path) -> None:
    """Checks the sum at the end of a weights file, if there is one.

    Raises:
        ModelFolderError: the file is not as it was written.
    """
    content = path.read_bytes()
    size = hashlib.sha256().digest_size
    data, end = content[:-size], content[-size:]
    if data.endswith(MARK) and hashlib.sha256(data).digest() != end:
        raise ModelFolderError(f"{path}: damaged: its bytes do not have their checksum")


def _mark(path: pathlib.Path) -> None:
    with open(path, "ab") as file:
        file.write(MARK)
    digest = hashlib.sha256(path.read_bytes()).digest()
    with open(path, "ab") as file:
        file.write(digest)


def write_weights(model: keras.Model, folder: pathlib.Path) -> None:
    """Writes ``model.weights.h5`` with a checksum at its end."""
    bare = model
    if getattr(model, "optimizer", None) is not None:
        # Keras would also write the optimizer's variables, several times the weights.
        bare = type(model).from_config(model.get_config())
        bare.set_weights(model.get_weights())
    with replacing(folder / WEIGHTS) as beside:
        bare.save_weights(beside)
        _mark(beside)
