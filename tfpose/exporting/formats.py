"""Export formats, and whether an export can begin; imports no TensorFlow."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from tfpose.errors import ExportError

FORMATS = ("savedmodel", "tflite")
# Quantization -> number type in the ``.tflite`` file.
NUMBERS = {"none": "float32", "float16": "float16", "int8": "int8"}
# The report beside the files; a folder with it is an earlier export.
PARITY = "parity.json"


def check_request(
    out: pathlib.Path, formats: Sequence[str], quantize: Sequence[str], data: str | None
) -> None:
    """Checks what an export is to be.

    Args:
        out: folder to write.
        formats, quantize: some of ``FORMATS``, and of the names in ``NUMBERS``.
        data: folder of prepared data sets, or None.

    Raises:
        ExportError: an unknown name, int8 without data, or another folder in ``out``.
    """
    for given, known in ((formats, FORMATS), (quantize, NUMBERS)):
        unknown = [name for name in given if name not in known]
        if unknown or not given:
            raise ExportError(f"expected some of {list(known)}, got {list(given)}")
    if "tflite" in formats and "int8" in quantize and data is None:
        raise ExportError(
            "int8: expected a folder of prepared people to measure ranges on (--data), "
            "found none"
        )
    if out.exists() and not (out / PARITY).is_file():
        raise ExportError(
            f"{out}: exists and is not an earlier export (it has no {PARITY}); "
            "name a new folder"
        )
