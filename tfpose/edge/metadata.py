"""What an exported model says about itself, for clients that have only the file.

A ``.tflite`` file carries the description as UTF-8 JSON in a metadata buffer of its
flatbuffer, named ``NAME``; a SavedModel in ``assets.extra/tfpose.json``, which
TensorFlow Serving leaves alone. Nothing here needs TensorFlow.
"""

from __future__ import annotations

import json
import pathlib
import struct

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpose.errors import MetadataError
from tfpose.geometry import rules
from tfpose.io.files import write_text

NAME = "tfpose"
# Beside the SavedModel's graph.
ASSET = "assets.extra/tfpose.json"
FORMAT = 1
# Bytes; the runtimes read weights in place, and kernels load 16 bytes at once.
ALIGNMENT = 16
TASKS = ("refine", "estimate")


def describe(
    model,
    skeleton,
    name: str,
    kind: str,
    person_height: float = 0.0,
    license: str | None = None,
) -> dict:
    """The description of a trained model's exports.

    Args:
        model: network; only attributes and names are read.
        skeleton: of its poses.
        name: of the preset or model folder.
        kind: of model, ``Config.model``.
        person_height: px of a standing person in a crop (``Config.crop``).
        license: of the weights, an SPDX name; None where nobody has said.

    Returns:
        JSON-ready: "format", "name", "model", "license"; "task", one of ``TASKS``;
        "skeleton", ``Skeleton.to_json``; "input_size" [height, width] px;
        "normalization", in words; "crop", the numbers of ``geometry.rules``;
        "decoding", "expectation" if the keypoints are that of a softmax over the map,
        else "peak": only expectations can be averaged with those of the mirrored crop.
    """
    reads = [layer.output for layer in model.layers if layer.name == "soft_argmax"]
    expectation = any(output is model.output["keypoints"] for output in reads)
    return {
        "format": FORMAT,
        "name": name,
        "model": kind,
        "license": license,
        "task": TASKS[0] if "keypoints" in model.input else TASKS[1],
        "skeleton": skeleton.to_json(),
        "input_size": list(model.input_size),
        "normalization": "none: image is uint8 RGB 0..255, the graph does the rest",
        "crop": {
            "margin": rules.CROP_MARGIN,
            "box_factor": rules.BOX_FACTOR,
            "smallest_side": rules.SMALLEST_SIDE,
            "person_height": person_height,
            "interpolation": "bilinear",
            "outside": 0,
        },
        "decoding": "expectation" if expectation else "peak",
    }


def embed(content: bytes, about: dict) -> bytes:
    """A ``.tflite`` file with a description; an earlier one is replaced.

    Args:
        content: of the file.
        about: JSON-ready.

    Returns:
        The new file, with the same graphs and weights.
    """
    model = schema.ModelT.InitFromPackedBuf(content)
    # The generated code packs buffers wherever they fall.
    model.buffers = [_Aligned(_content(buffer, content)) for buffer in model.buffers]
    text = json.dumps(about, ensure_ascii=False, allow_nan=False).encode()
    entries = [entry for entry in model.metadata or [] if entry.name != NAME.encode()]
    entry = schema.MetadataT(name=NAME, buffer=len(model.buffers))
    model.buffers.append(_Aligned(np.frombuffer(text, np.uint8)))
    model.metadata = [*entries, entry]
    builder = flatbuffers.Builder(len(content) + len(text) + 1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _content(buffer, file: bytes):
    """What a buffer holds; AI Edge Quantizer puts it behind the FlatBuffer."""
    if buffer.offset > 1:  # 1 is a placeholder
        return np.frombuffer(file, np.uint8, buffer.size, buffer.offset)
    return buffer.data


class _Aligned(schema.BufferT):
    """A buffer whose bytes begin at a multiple of ``ALIGNMENT`` in the file."""

    def Pack(self, builder):  # noqa: N802, the generated code's name
        data = None
        if self.data is not None:
            content = np.asarray(self.data, np.uint8).tobytes()
            builder.StartVector(1, len(content), ALIGNMENT)
            builder.head -= len(content)
            builder.Bytes[builder.head : builder.head + len(content)] = content
            builder.vectorNumElems = len(content)
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


def read(content: bytes, name: str) -> dict:
    """The description in a ``.tflite`` file.

    Args:
        content: of the file.
        name: of the file, for the message.

    Raises:
        MetadataError: not a ``.tflite`` file, or none that ``tfpose export`` wrote.
    """
    if content[4:8] != b"TFL3":
        raise MetadataError(f"{name}: expected a .tflite file, found another kind")
    try:
        model = schema.Model.GetRootAs(content)
        entries = [model.Metadata(i) for i in range(model.MetadataLength())]
        found = [entry for entry in entries if entry.Name() == NAME.encode()]
        if not found:
            raise MetadataError(
                f"{name}: expected a .tflite file written by 'tfpose export', found "
                f"one without its description (metadata {NAME!r})"
            )
        text = model.Buffers(found[0].Buffer()).DataAsNumpy().tobytes()
    except (struct.error, IndexError, TypeError, AttributeError) as error:
        raise MetadataError(f"{name}: damaged .tflite file ({error})") from error
    return parse(text, name)


def parse(text: bytes | str, name: str) -> dict:
    """A description from its JSON.

    Args:
        text: of the JSON.
        name: of the file it is in, for the message.

    Raises:
        MetadataError: not such JSON, or of a format that is not known here.
    """
    try:
        about = json.loads(text)
    except ValueError as error:
        raise MetadataError(f"{name}: its description is not JSON ({error})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else type(about).__name__
        raise MetadataError(
            f"{name}: expected a description of format {FORMAT}, found {found!r}"
        )
    missing = {"task", "skeleton", "input_size", "crop", "decoding"} - set(about)
    if missing or about["task"] not in TASKS:
        raise MetadataError(
            f"{name}: expected a description with a task of {TASKS}, its skeleton, "
            f"input_size, crop and decoding; found {sorted(about)}"
        )
    return about


def write_asset(folder: pathlib.Path, about: dict) -> None:
    """Puts a description into the folder of a SavedModel."""
    path = folder / ASSET
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps(about, indent=1, ensure_ascii=False))
