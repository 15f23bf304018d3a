"""Loads a folder of SavedModels, NAME/VERSION, for a server."""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from tfpose.errors import RequestError, ServingError
from tfpose.exporting import warm_up
from tfpose.exporting.signatures import ANSWERS, CROPS
from tfpose.io import photo_headers
from tfpose.serving.batches import MOST, Job, Run
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
        signatures: {signature: function}; parts of signatures included.
        inputs: {signature: {input: what it expects}}; without the parts.
        metadata: {signature: inputs and outputs}, in TensorFlow Serving's form.
        networks: {signature: what maps rows of people to rows of answers}, for those
            whose people may be joined with others'.
        loaded: the object that holds the functions' variables.
    """

    name: str
    version: int
    signatures: dict
    inputs: dict[str, dict[str, Input]]
    metadata: dict
    networks: dict[str, Run]
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

    def job(self, signature: str, inputs: dict[str, np.ndarray]) -> Job:
        """What a network is asked; crops the people of a photo.

        Raises:
            RequestError: the graph rejects the inputs.
        """
        counts = {len(array) for array in inputs.values() if array.ndim}
        joined = signature in self.networks and counts != {0}
        if joined and signature + CROPS in self.signatures:
            # Raises if the counts differ, before others have to wait for that.
            inputs = self(signature + CROPS, inputs)
            counts = {len(array) for array in inputs.values()}
        if not joined or len(counts) != 1:
            return Job(functools.partial(self, signature), inputs, None)
        return Job(self.networks[signature], inputs, counts.pop())

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
            asked = signature.removesuffix(CROPS)
            raise RequestError(f"{asked}: {_reason(error)}") from error
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
    public = [key for key in signatures if not _is_part(key, signatures)]
    rows = [key for key in public if _has_rows(inputs[key], metadata[key])]
    inputs, metadata = ({key: of[key] for key in public} for of in (inputs, metadata))
    served = Served(name, version, signatures, inputs, metadata, {}, loaded)
    for key in public:
        if key + ANSWERS in signatures:
            served.networks[key] = _network(signatures[key + ANSWERS])
            _warm_up(served.networks[key], signatures[key + ANSWERS])
        elif key in rows:
            served.networks[key] = functools.partial(served, key)
    for signature, values in warm_up.read(folder):
        if signature in inputs:
            job = served.job(signature, values)
            job.run(job.inputs)
    return served


def _is_part(name: str, names) -> bool:
    """Whether a signature is one of the two parts of a photo signature."""
    return any(
        name.endswith(part) and name.removesuffix(part) in names
        for part in (CROPS, ANSWERS)
    )


def _has_rows(inputs: dict[str, Input], metadata: dict) -> bool:
    """Whether a signature answers each row of its inputs by a row of its outputs."""
    shapes = [list(one.shape) for one in inputs.values()]
    for output in metadata["outputs"].values():
        sides = output["tensor_shape"].get("dim", [])
        shapes.append([None if int(one["size"]) < 0 else one["size"] for one in sides])
    return all(shape[:1] == [None] and None not in shape[1:] for shape in shapes)


def _network(function) -> Run:
    """A signature with its weights as constants, which TensorFlow runs faster.

    It then folds them, by about a tenth of the time of a small refiner.
    """
    constant = convert_variables_to_constants_v2(function)

    def run(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        outputs = constant(*tf.nest.flatten(inputs))
        return tf.nest.pack_sequence_as(function.structured_outputs, outputs)

    # Called directly, a function of constants describes all its inputs in a message.
    _, specifications = function.structured_input_signature
    traced = tf.function(run, [specifications], autograph=False)
    return lambda inputs: {
        name: value.numpy() for name, value in traced(inputs).items()
    }


def _warm_up(run: Run, function) -> None:
    """Runs a network on all numbers of people, each of which has memory of its own."""
    _, specifications = function.structured_input_signature
    for people in range(MOST, 0, -1):
        run(
            {
                name: np.ones((people, *one.shape[1:]), one.dtype.as_numpy_dtype)
                for name, one in specifications.items()
            }
        )


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
