"""Loads a folder of SavedModels, NAME/VERSION, for a server."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from tfpose.errors import RequestError, ServingError
from tfpose.exporting import warm_up
from tfpose.io import photo_headers
from tfpose.serving.folder import find_versions
from tfpose.serving.rest_json import Input

PREDICT = "tensorflow/serving/predict"
# Pixels in a photo: even a small file may hold enough to fill the memory.
MOST_PIXELS = 50_000_000
# How JPEG, PNG and data URLs begin in base64.
BASE64 = b"/9j/", b"iVBORw0KGgo", b"data:image"


@dataclasses.dataclass(frozen=True)
class Served:
    """One version of a model.

    Attributes:
        name: name of the model.
        version: version number.
        signatures: {signature: function}.
        inputs: {signature: {input: what it expects}}.
        metadata: {signature: inputs and outputs}, in TensorFlow Serving's form.
        loaded: the object that holds the functions' variables.
    """

    name: str
    version: int
    signatures: dict
    inputs: dict[str, dict[str, Input]]
    metadata: dict
    loaded: object = dataclasses.field(repr=False)

    def expected(self, signature: str) -> dict[str, Input]:
        """The inputs that a signature expects.

        Raises:
            RequestError: no such signature.
        """
        if signature not in self.inputs:
            raise RequestError(
                f'signature_name: expected one of {sorted(self.inputs)}, found '
                f'{signature[:80]!r}'
            )  # fmt: skip
        return self.inputs[signature]

    def __call__(
        self, signature: str, inputs: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Runs a signature and returns its outputs.

        Raises:
            RequestError: the graph rejects the inputs.
        """
        for name, value in inputs.items():
            if name == "image_bytes":
                check_pixels(value.item())
        tensors = {
            name: tf.constant(value, self._dtype(value))
            for name, value in inputs.items()
        }
        try:
            outputs = self.signatures[signature](**tensors)
        except tf.errors.InvalidArgumentError as error:
            raise RequestError(f"{signature}: {_reason(error)}") from error
        return {name: value.numpy() for name, value in outputs.items()}

    @staticmethod
    def _dtype(value: np.ndarray):
        return tf.string if value.dtype == object else value.dtype


def _reason(error: tf.errors.OpError) -> str:
    """An operation's error message, without the names of graph nodes."""
    said, _, _ = error.message.partition("[[{{")
    said, _, _ = said.partition(" [Op:")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "the graph rejects the inputs"


def load_models(folder) -> dict[str, dict[int, Served]]:
    """Loads NAME/VERSION/saved_model.pb in a folder and runs the warm-up requests.

    Returns:
        {name: {version: model}}.

    Raises:
        ServingError: no such folder, no model in it, or one that cannot be loaded.
    """
    found: dict[str, dict[int, Served]] = {}
    for name, version, path in find_versions(folder):
        found.setdefault(name, {})[version] = _load(path, name, version)
    return found


def _load(folder: pathlib.Path, name: str, version: int) -> Served:
    try:
        loaded = tf.saved_model.load(str(folder))
        metadata = _metadata(folder)
    except (OSError, ValueError, tf.errors.OpError, json_format.Error) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ServingError(f"{folder}: cannot be loaded ({reason})") from error
    signatures = {key: loaded.signatures[key] for key in metadata}
    inputs = {
        key: {
            given: Input(tuple(spec.shape), np.dtype(spec.dtype.as_numpy_dtype))
            for given, spec in function.structured_input_signature[1].items()
        }
        for key, function in signatures.items()
    }
    served = Served(name, version, signatures, inputs, metadata, loaded)
    for signature, values in warm_up.read(folder):
        if signature in signatures:
            served(signature, values)
    return served


def _metadata(folder: pathlib.Path) -> dict:
    """Each Predict signature, in the form of TensorFlow Serving's metadata."""
    content = (folder / "saved_model.pb").read_bytes()
    saved = saved_model_pb2.SavedModel.FromString(content)
    return {
        name: json_format.MessageToDict(
            signature,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for name, signature in saved.meta_graphs[0].signature_def.items()
        if signature.method_name == PREDICT
    }


def check_pixels(data: bytes) -> None:
    """Refuses a photo with more than ``MOST_PIXELS`` pixels before decoding it.

    Raises:
        RequestError: too many pixels, or neither JPEG nor PNG.
    """
    if data.startswith(BASE64):
        raise RequestError(
            "image_bytes: found base64 as plain text, expected it in an object, "
            '{"b64": "..."}'
        )
    kind = photo_headers.kind_of(data)
    if kind not in ("JPEG", "PNG"):
        found = kind or photo_headers.other_kind(data)
        raise RequestError(f"image_bytes: expected a JPEG or PNG, found {found}")
    sides = photo_headers.size_of(data, kind)
    if sides is None:
        raise RequestError(f"image_bytes: found a damaged {kind}")
    if sides[0] * sides[1] > MOST_PIXELS:
        raise RequestError(
            f"image_bytes: expected at most {MOST_PIXELS} pixels, found "
            f"{sides[0]} x {sides[1]}"
        )
