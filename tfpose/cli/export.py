"""``tfpose export``: writes a trained model for serving (also ``export.py``)."""

from __future__ import annotations

from tfpose.cli.common import (
    DATA,
    json_option,
    option,
    start_tensorflow,
    subcommand,
    write_numbers,
)
from tfpose.exporting.formats import FORMATS, NUMBERS


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "export",
        "writes a trained model for serving",
        "A SavedModel in OUT/1, .tflite files, and how far each is from the Keras "
        "model on crops of prepared people.",
        "tfpose export --model-dir runs/mine --quantize none,int8",
    )
    text = "preset, or folder that train wrote"
    option(command, "--model-dir", "NAME|DIR", text, required=True)
    option(command, "--out", "DIR", "folder to write (default: MODEL_DIR/export)")
    option(
        command, "--format", "NAMES", f"{' or '.join(FORMATS)}, or both with a comma",
        dest="formats", default=",".join(FORMATS),
    )  # fmt: skip
    text = f"number types of the .tflite: {', '.join(NUMBERS)}; commas for several"
    option(command, "--quantize", "NAMES", text, default="none")
    option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    text = "prepared splits to measure on, such as lsp/train (default: the "
    text += "configuration's)"
    option(command, "--splits", "NAMES", text)
    json_option(command)


def run(
    model_dir, out, formats, quantize, data, splits=None, json=None
) -> None:  # fmt: skip
    """Exports a trained model and prints how far each export is from it."""
    start_tensorflow()
    from tfpose.exporting.parity import format_report
    from tfpose.exporting.savedmodel import export

    out = out or f"{model_dir}/export"
    named = splits.split(",") if splits else None
    report = export(
        model_dir, out, formats.split(","), quantize.split(","), data, named, named
    )
    print(format_report(report))
    print(f"wrote {out}")
    write_numbers(json, report)
