"""Describes an exported model, for clients that have only the file.

A ``.tflite`` file holds the description inside (``edge.flatbuffer``), a SavedModel in
``assets.extra/tfpose.json``, which TensorFlow Serving ignores. Nothing here needs
TensorFlow, and only ``read`` needs LiteRT.
"""

from __future__ import annotations

import json
import pathlib
import struct

from tfpose.errors import FileError, MetadataError, shown
from tfpose.geometry import rules
from tfpose.io.files import write_text
from tfpose.io.json_files import parse_json

# Beside the SavedModel's graph.
ASSET = "assets.extra/tfpose.json"
FORMAT = 1
TASKS = ("refine", "estimate")
# What a damaged flatbuffer makes its reader raise.
DAMAGED = (
    struct.error, IndexError, TypeError, AttributeError, ValueError, OverflowError,
    MemoryError, RecursionError,
)  # fmt: skip


def describe(
    model,
    skeleton,
    name: str,
    kind: str,
    person_height: float = 0.0,
    license: str | None = None,
    rounds: int = 1,
) -> dict:
    """The description of a trained model's exports.

    Args:
        model: network; only its attributes and names are read.
        skeleton: skeleton of its poses.
        name: preset or model folder.
        kind: kind of model, ``Config.model``.
        person_height: px of a standing person in a crop (``Config.crop``).
        license: SPDX name of the weights' license; None if unknown.
        rounds: of a refiner on its own answer (``Config.testing``).

    Returns:
        JSON-ready: "format", "name", "model", "license"; "task", one of ``TASKS``;
        "skeleton", ``Skeleton.to_json``; "input_size" [height, width] px;
        "normalization", in words; "crop", the numbers of ``geometry.rules``;
        "decoding", "expectation" if the keypoints are that of a softmax over the map
        (a refiner's: near its peak), else "peak": only expectations can be joined with
        the mirrored crop's;
        "rounds", how often a refiner's graph should run, each time on its own answer.
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
        "rounds": rounds,
    }


def read(content: bytes, name: str) -> dict:
    """Reads the description in a ``.tflite`` file.

    Args:
        content: the file's bytes.
        name: the file's name, for the message.

    Raises:
        MetadataError: not a ``.tflite`` file, or not written by ``tfpose export``.
    """
    if content[4:8] != b"TFL3":
        raise MetadataError(f"{name}: expected a .tflite file, found another kind")
    from tfpose.edge import flatbuffer

    try:
        text = flatbuffer.description(content)
    except DAMAGED as error:
        raise MetadataError(f"{name}: damaged .tflite file ({error})") from error
    if text is None:
        raise MetadataError(
            f"{name}: expected a .tflite file written by 'tfpose export', found "
            f"one without its description (metadata {flatbuffer.NAME!r})"
        )
    return parse(text, name)


def parse(text: bytes | str, name: str) -> dict:
    """Parses a description from its JSON.

    Args:
        text: the JSON.
        name: name of its file, for the message.

    Raises:
        MetadataError: not such JSON, or an unknown format.
    """
    try:
        about = parse_json(text, name)
    except FileError as error:
        raise MetadataError(f"description of {error}") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else type(about).__name__
        raise MetadataError(
            f"{name}: expected a description of format {FORMAT}, found {shown(found)}"
        )
    missing = {"task", "skeleton", "input_size", "crop", "decoding"} - set(about)
    if missing or about["task"] not in TASKS:
        raise MetadataError(
            f"{name}: expected a description with a task of {TASKS}, its skeleton, "
            f"input_size, crop and decoding; found {shown(sorted(about))}"
        )
    return about


def write_asset(folder: pathlib.Path, about: dict) -> None:
    """Writes a description into a SavedModel's folder."""
    path = folder / ASSET
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps(about, indent=1, ensure_ascii=False))
