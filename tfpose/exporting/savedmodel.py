"""Exports a model folder as a SavedModel and ``.tflite`` files, with a parity report.

The export folder holds ``1/`` (a SavedModel where TensorFlow Serving looks for it),
``model_float32.tflite`` and the like, and ``parity.json``: how far each of them is from
the Keras model, joint by joint, on real crops. The report also compares a SavedModel's
results on whole photos with those of ``Refiner`` or ``Estimator``.
"""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from tfpose.config import Config
from tfpose.data import pipeline, shards
from tfpose.data.examples import Supervision, examples, supervision_of
from tfpose.edge import flatbuffer, metadata
from tfpose.errors import ExportError
from tfpose.exporting import litert, signatures, warm_up
from tfpose.exporting.formats import FORMATS, NUMBERS, PARITY, check_request
from tfpose.exporting.parity import (
    PARITY_PHOTOS,
    SAVED_MODEL,
    check_parity,
    check_photos,
    compare,
    photo_parity,
    windows,
)
from tfpose.exporting.signatures import Signature
from tfpose.io.files import replacing_folder, write_bytes, write_json
from tfpose.models.serving_graph import network_of, serving_model
from tfpose.models.table import load_model
from tfpose.weights import presets

# Number of crops to measure int8 ranges on, and to compare exports on.
RANGE_CROPS, PARITY_CROPS = 100, 32


def export(
    model_dir,
    out,
    formats: str | Sequence[str] = FORMATS,
    quantize: str | Sequence[str] = "none",
    data: str | None = None,
    train: Sequence[str] | None = None,
    validation: Sequence[str] | None = None,
) -> dict:
    """Exports a trained model to a folder; writes all of it or nothing.

    Args:
        model_dir: folder that training wrote, or the name of a preset.
        out: folder to write; replaces an earlier export.
        formats: one or several of ``FORMATS``.
        quantize: one or several of ``NUMBERS``; each gives a ``.tflite`` file.
        data: folder of prepared data sets. None compares nothing and cannot measure
            the ranges of int8.
        train: splits to measure int8 ranges on; default: the configuration's.
        validation: splits to compare the exports on; default: the configuration's.

    Returns:
        The content of ``parity.json``: {"model", "skeleton", "crops", "files": {name:
        {"bytes", "largest", "mean", "per_joint": {joint: {"largest", "mean"}},
        "largest_score"}}}; distances to the Keras model's keypoints in crop px. With
        a SavedModel also "photos", {signature: {"photos", "people", "largest",
        "largest_score"}} in photo px, and "warm_up_requests", their number. Without
        ``data``, "crops" is 0, and of each file only "bytes" is known.

    Raises:
        ExportError: an unknown format, ``out`` is a folder but not an export, int8
            without data, or a float32 export off by more than ``TOLERANCE``
            (``PHOTO_TOLERANCE``).
        ModelFolderError, ConfigError, DataError, LiteRTError: one clear line each.
    """
    out = pathlib.Path(out)
    formats = (formats,) if isinstance(formats, str) else formats
    quantize = (quantize,) if isinstance(quantize, str) else quantize
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            f"exporting needs KERAS_BACKEND=tensorflow, found {keras.backend.backend()}"
        )
    check_request(out, formats, quantize, data)
    model, config = load_model(model_dir)
    skeleton = config.skeleton
    splits = validation or config.validation
    crops, ranges = _crops(model, config, formats, quantize, data, train, splits)
    network = network_of(model, phases=True)
    serving = serving_model(model, skeleton, phases=True, network=network)
    about = _description(model, config, presets.model_folder(model_dir))
    with replacing_folder(out) as folder:
        files, more = {}, {}
        if "savedmodel" in formats:
            saved = folder / SAVED_MODEL
            more = _write_servable(model, config, serving, network, saved)
            files[SAVED_MODEL] = None
            if data is not None:
                loaded = tf.saved_model.load(str(saved)).signatures
                files[SAVED_MODEL] = _predict(loaded["serving_default"], crops)
                given = windows(data, splits, skeleton, PARITY_PHOTOS)
                more["photos"] = photo_parity(model, config, loaded, given)
            metadata.write_asset(saved, about)
        if "tflite" in formats:
            models = _lite_models(serving, quantize, ranges)
            files |= _write_lite_models(folder, models, about, crops)
        report = {
            "model": config.model,
            "skeleton": skeleton.name,
            "crops": len(crops["image"]) if crops else 0,
            "files": _differences(model, skeleton, crops, files),
            **more,
        }
        for name, entry in report["files"].items():
            entry["bytes"] = _size(folder / name)
        check_parity(report["files"])
        check_photos(more.get("photos", {}))
        write_json(folder / PARITY, report)
    return report


def _crops(model, config: Config, formats, quantize, data, train, splits):
    """Crops to compare the exports on, and to measure int8 ranges on; or None."""
    if data is None:
        return None, None
    supervision = supervision_of(model, config)
    crops = clients_inputs(data, splits, config, supervision, PARITY_CROPS)
    ranges = None
    if "tflite" in formats and "int8" in quantize:
        ranges = clients_inputs(
            data, train or config.train, config, supervision, RANGE_CROPS
        )
    return crops, ranges


def _differences(model, skeleton, crops, files: dict) -> dict[str, dict]:
    """How far each file's answers are from the Keras model's; {} without crops."""
    if crops is None:
        return {name: {} for name in files}
    reference = serving_model(model, skeleton, phases=False)
    expected = reference.predict(crops, batch_size=8, verbose=0)
    return {name: compare(expected, found, skeleton) for name, found in files.items()}


def _write_lite_models(folder: pathlib.Path, models, about: dict, crops) -> dict:
    """Writes ``.tflite`` files; {name: its results on the crops, None without}."""
    answers = {}
    for numbers, content in models:
        name = f"model_{numbers}.tflite"
        content = flatbuffer.embed(content, {**about, "numbers": numbers})
        write_bytes(folder / name, content)
        answers[name] = crops and litert.predict(content, crops)
    return answers


def _description(model, config: Config, folder: pathlib.Path) -> dict:
    """The exports' metadata; presets have the package's license."""
    license = "Apache-2.0" if folder.resolve().parent == presets.FOLDER else None
    height = config.crop.get("person_height", 0.0)
    name = folder.resolve().name
    rounds = config.testing.get("rounds", 1)
    return metadata.describe(
        model, config.skeleton, name, config.model, height, license, rounds
    )


def clients_inputs(
    data: str, splits, config: Config, supervision: Supervision, count: int
) -> dict[str, np.ndarray]:
    """Inputs for the serving model, from people in prepared data.

    For a refiner, they include corrupted poses.

    Args:
        data: folder of prepared data sets.
        splits: such as "lsp/test".
        config: the model's.
        supervision: the model's.
        count: maximum number of crops.

    Returns:
        "image" u8[N, H, W, 3]; for a refiner also "keypoints" f32[N, K, 2] C and
        "valid" f32[N, K].

    Raises:
        DataError: no such prepared data, or nobody in it.
    """
    skeleton = supervision.skeleton
    records, _ = pipeline.read_records(data, tuple(splits), skeleton)
    spec = pipeline.CropSpec.plain(config)
    batches = pipeline.crops(records.take(count), spec, count, config.seed)
    with shards.naming_bad_records(data, splits):
        people = next(iter(batches))
    seed = tf.constant([config.seed, 0])
    inputs, _, _ = examples(people, supervision, seed)
    image = tf.saturate_cast(tf.round(inputs["image"]), tf.uint8)
    return {name: np.asarray(x) for name, x in {**inputs, "image": image}.items()}


def write_servable(model: keras.Model, config: Config, folder) -> dict:
    """Writes a SavedModel with all its signatures and their warm-up requests.

    ``export`` writes the same and measures it on prepared people.

    Args:
        model: trained model.
        config: the model's.
        folder: folder to write, MODEL_NAME/NUMBER; replaces an earlier SavedModel.

    Returns:
        {"warm_up_requests": how many}.

    Raises:
        ExportError: there is a folder that is no SavedModel.
        FileError: the folder cannot be written; what was there stays.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not (folder / "saved_model.pb").is_file():
        raise ExportError(f"{folder}: exists and is not a SavedModel; name another")
    network = network_of(model, phases=True)
    serving = serving_model(model, config.skeleton, phases=True, network=network)
    with replacing_folder(folder) as beside:
        written = _write_servable(model, config, serving, network, beside)
        about = _description(model, config, folder.parent)
        metadata.write_asset(beside, about)
    return written


def _write_servable(model, config: Config, serving, network, folder) -> dict:
    for_photos = signatures.photo_signatures(model, config, network)
    inputs = write_saved_model(serving, folder, signatures=for_photos)
    return {"warm_up_requests": warm_up.write(folder, config.model, inputs)}


def write_saved_model(
    serving: keras.Model,
    folder,
    batch: int | None = None,
    signatures: dict[str, Signature] | None = None,
) -> dict[str, dict[str, tf.TensorSpec]]:
    """Writes a SavedModel with the signature ``serving_default`` and others.

    Args:
        serving: from ``serving_model``; its inputs and outputs keep their names.
        folder: folder to write.
        batch: static batch size, for LiteRT: weights become constants, as in its files.
            None allows any.
        signatures: the other signatures, by name.

    Returns:
        The inputs of each signature.
    """
    signature = {
        name: tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype, name)
        for name, tensor in serving.input.items()
    }
    wanted = {
        "serving_default": (lambda inputs: serving(inputs, training=False), signature)
    }
    wanted |= signatures or {}
    # Functions traced once. Keras' ExportArchive has them traced twice.
    traced = {
        name: tf.function(function, [inputs], autograph=False).get_concrete_function()
        for name, (function, inputs) in wanted.items()
    }
    if batch:
        traced = {name: _with_constants(one) for name, one in traced.items()}
    used = {id(v): v for function in traced.values() for v in function.variables}
    root = tf.Module()
    root.all_variables = list(used.values())
    # Nobody trains an export.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(root, str(folder), signatures=traced, options=options)
    return {name: inputs for name, (_, inputs) in wanted.items()}


def _with_constants(traced):
    """A traced function of a dictionary whose weights are constants of its graph.

    The converter makes them constants too, but saves and reads every weight before.
    """
    constant = convert_variables_to_constants_v2(traced)

    def answer(inputs):
        outputs = constant(*tf.nest.flatten(inputs))
        return tf.nest.pack_sequence_as(traced.structured_outputs, outputs)

    (inputs,), _ = traced.structured_input_signature
    return tf.function(answer, [inputs], autograph=False).get_concrete_function()


def _predict(signature, crops: dict) -> dict[str, np.ndarray]:
    inputs = {name: tf.constant(array) for name, array in crops.items()}
    outputs = signature(**inputs)
    return {name: array.numpy() for name, array in outputs.items()}


def _lite_models(serving, quantize, ranges) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        # LiteRT clients want a static batch (LiteRT.js refuses any other).
        write_saved_model(serving, folder, batch=1)
        float32 = litert.convert(folder)
        for name in quantize:
            numbers = NUMBERS[name]
            if numbers == "int8":
                yield numbers, litert.convert_to_int8(float32, ranges)
            elif numbers == "float16":
                yield numbers, litert.convert(folder, half=True)
            else:
                yield numbers, float32


def _size(path: pathlib.Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
