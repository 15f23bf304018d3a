"""``tfpose export``: writes a trained model for serving (also ``export.py``)."""

from __future__ import annotations

import pathlib

from tfpose.cli import checks
from tfpose.cli.common import (
    DATA,
    json_option,
    option,
    start_tensorflow,
    subcommand,
    write_numbers,
)
from tfpose.errors import DataError
from tfpose.exporting.formats import FORMATS, NUMBERS, check_request
from tfpose.weights import presets


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "export",
        "writes a trained model for serving",
        "A SavedModel in OUT/1, .tflite files, and how far each is from the Keras "
        "model on crops of prepared people, if there are any.",
        "tfpose export --model-dir posefix_movenet_lsp14 --format tflite",
    )
    text = "preset, or folder that train wrote"
    option(command, "--model-dir", "NAME|DIR", text, required=True)
    text = "folder to write (default: MODEL_DIR/export, or runs/models/NAME)"
    option(command, "--out", "DIR", text)
    option(
        command, "--format", "NAMES", f"{' or '.join(FORMATS)}, or both with a comma",
        dest="formats", default=",".join(FORMATS),
    )  # fmt: skip
    text = f"number types of the .tflite: {', '.join(NUMBERS)}; commas for several. "
    text += "int8 is fast only on processors with instructions for it (VNNI)"
    option(command, "--quantize", "NAMES", text, default="none")
    text = f"folder of prepared data sets to compare on (default: {DATA}, if the "
    text += "model's are there; without, nothing is compared)"
    option(command, "--data", "DIR", text)
    text = "prepared splits to measure on, such as lsp/train (default: the "
    text += "configuration's)"
    option(command, "--splits", "NAMES", text)
    json_option(command)


def run(
    model_dir, out, formats, quantize, data=None, splits=None, json=None
) -> None:  # fmt: skip
    """Exports a trained model and prints how far each export is from it."""
    config = checks.trained(model_dir)
    formats, quantize = formats.split(","), quantize.split(",")
    named = splits.split(",") if splits else None
    needed = named or [*config.validation]
    if "tflite" in formats and "int8" in quantize:
        needed += named or config.train
    if data is None and named is None:
        data = DATA if _are_prepared(DATA, needed) else None
    else:
        data = data or DATA
        checks.prepared(data, needed)
    # A preset's own folder is inside the package.
    own = f"runs/models/{model_dir}" if model_dir in presets.names() else None
    out = out or own or f"{model_dir}/export"
    check_request(pathlib.Path(out), formats, quantize, data)
    checks.folder_to_write(out)
    checks.given(json=json)
    start_tensorflow()
    from tfpose.exporting.parity import format_report
    from tfpose.exporting.savedmodel import export

    report = export(model_dir, out, formats, quantize, data, named, named)
    print(format_report(report))
    print(f"wrote {out}")
    write_numbers(json, report)


def _are_prepared(data: str, splits) -> bool:
    try:
        checks.prepared(data, splits)
    except DataError:
        return False
    return True
