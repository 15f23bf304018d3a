"""Opens the ``.tflite`` files of detectors with LiteRT (extra ``edge``)."""

from __future__ import annotations

import pathlib

from tfpose.errors import DetectorError
from tfpose.io import installation

LITERT = "ai_edge_litert"


def interpreter(path, threads: int = 2):
    """LiteRT's interpreter of a ``.tflite`` file, ready to run.

    Args:
        path: the file.
        threads: LiteRT's threads.

    Raises:
        DetectorError: LiteRT is not installed, or the file cannot be read or run.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError as error:
        raise DetectorError(f"{path}: {installation.hint(LITERT)}") from error
    try:
        content = pathlib.Path(path).read_bytes()
        made = Interpreter(model_content=content, num_threads=threads)
        made.allocate_tensors()
    except OSError as error:
        raise DetectorError(
            f"{path}: expected a .tflite file, found {error.strerror}"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise DetectorError(
            f"{path}: not a usable .tflite file ({first_line(error)})"
        ) from error
    return made


def outputs_of(path, operator: str) -> list[int]:
    """The tensors that a custom operator of a ``.tflite`` file writes.

    Args:
        path: the file.
        operator: the operator's name.

    Returns:
        Their indices, in the operator's order; none if the file lacks the operator.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(pathlib.Path(path).read_bytes())
    graph = model.Subgraphs(0)
    for place in range(graph.OperatorsLength()):
        one = graph.Operators(place)
        name = model.OperatorCodes(one.OpcodeIndex()).CustomCode()
        if name == operator.encode():
            return one.OutputsAsNumpy().tolist()
    return []


def first_line(error: Exception) -> str:
    """What an error of another library says first."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
