"""Converts SavedModels with a static batch of 1 to ``.tflite`` files for LiteRT."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import recipe
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.calibrator import CalibrationInterpreter, CalibrationMode
from ai_edge_quantizer.qtyping import TFLOperationName as Operators
from ai_edge_quantizer.quantizer import Quantizer
from ai_edge_quantizer.utils.qsv_utils import min_max_update

from tfpose.errors import LiteRTError

# LiteRT's names of the operators that int8 makes faster.
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
OPERATOR_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()
}


def convert(saved_model: str, half: bool = False) -> bytes:
    """Converts to a float ``.tflite`` model with built-in operators only.

    Args:
        saved_model: folder.
        half: store the weights as float16; a CPU still computes in float32.

    Raises:
        LiteRTError: the graph has operators that LiteRT lacks.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return _checked(_converted(converter))


def convert_to_int8(model: bytes, examples: dict) -> bytes:
    """Quantizes a network to int8 with static ranges.

    Weights have a scale per channel. Each activation has one range, from the smallest
    to the largest value over all examples (AI Edge Quantizer's default, a running mean
    of the examples' ranges, moved the presets' joints further). Everything before the
    first convolution (drawing the pose) and from the last one on (logits and decoding)
    stays in float, as do inputs and outputs: a heatmap uses only a sliver of int8's
    range, so joints would jump.

    Args:
        model: from ``convert``.
        examples: name of an input -> array [N, ...], N real crops.

    Raises:
        LiteRTError: the graph has operators that LiteRT lacks.
    """
    quantizer = Quantizer(model, recipe.static_wi8_ai8())
    outside = "|".join(re.escape(name) for name in outside_convolutions(model))
    for names, operators in (
        (f"^({outside});?$", Operators.ALL_SUPPORTED),
        (".*", Operators.INPUT),
        (".*", Operators.OUTPUT),
    ):
        quantizer.update_quantization_recipe(
            names, operators, algorithm_key=AlgorithmName.NO_QUANTIZE
        )
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        # Hides progress bars and a warning that all tensors are kept, as intended.
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors")
        interpreter = CalibrationInterpreter(
            model, CalibrationMode.CALIBRATION, min_max_update
        )
        runner = interpreter.get_signature_runner()
        for example in _one_by_one(examples):
            runner(**example)
        ranges = interpreter.get_calibration_results()
        quantized = quantizer.quantize(ranges, enable_progress_report=False)
    return _checked(bytes(quantized.quantized_model))


def _converted(converter: tf.lite.TFLiteConverter) -> bytes:
    try:
        return converter.convert()
    except tf.errors.OpError as error:
        raise LiteRTError(f"LiteRT: {str(error).strip().splitlines()[0]}") from error
    except Exception as error:
        # The converter's own error class is not public.
        if type(error).__name__ != "ConverterError":
            raise
        missing = sorted(set(re.findall(r"'(tf\.\w+)' op", str(error))))
        reason = ", ".join(missing) or str(error).strip().splitlines()[0]
        raise LiteRTError(f"LiteRT has no operators for this: {reason}") from error


def _checked(model: bytes) -> bytes:
    """Returns the model if it has only built-in operators."""
    custom = sorted(set(operator_names(model)) - set(OPERATOR_NAMES.values()))
    if custom:
        raise LiteRTError(f"expected LiteRT's own operators only, found {custom}")
    return model


def _one_by_one(examples: dict) -> Iterator[dict[str, np.ndarray]]:
    count = len(next(iter(examples.values())))
    for i in range(count):
        yield {name: array[i : i + 1] for name, array in examples.items()}


def predict(model: bytes, examples: dict, threads: int = 2) -> dict[str, np.ndarray]:
    """Runs a ``.tflite`` model with a static batch of 1 on N examples.

    Args:
        model: the file's content.
        examples: name of an input -> array [N, ...].
        threads: the interpreter's threads.

    Returns:
        Name of an output -> array [N, ...].
    """
    runner = Interpreter(
        model_content=model, num_threads=threads
    ).get_signature_runner()
    results = [runner(**example) for example in _one_by_one(examples)]
    return {
        name: np.concatenate([result[name] for result in results])
        for name in results[0]
    }


def operator_names(model: bytes) -> list[str]:
    """Names of the operators in execution order; custom ones keep their own."""
    parsed = schema.Model.GetRootAs(model)
    codes = [parsed.OperatorCodes(i) for i in range(parsed.OperatorCodesLength())]
    return [_name(codes[operator.OpcodeIndex()]) for operator in _operators(parsed)]


def outside_convolutions(model: bytes) -> list[str]:
    """Names of the tensors that are not computed between two convolutions.

    These are the outputs of operators with no convolution before or none after them;
    that includes the last convolution.
    """
    parsed = schema.Model.GetRootAs(model)
    operators = list(_operators(parsed))
    convolves = [name in CONVOLUTIONS for name in operator_names(model)]
    order = list(zip(operators, convolves, strict=True))
    after: set[int] = set()  # tensors computed from a convolution
    for operator, is_convolution in order:
        if is_convolution or after & set(operator.InputsAsNumpy()):
            after |= set(operator.OutputsAsNumpy())
    before: set[int] = set()  # tensors that a convolution is computed from
    for operator, is_convolution in reversed(order):
        if is_convolution or before & set(operator.OutputsAsNumpy()):
            before |= set(operator.InputsAsNumpy())
    computed = {tensor for op in operators for tensor in op.OutputsAsNumpy()}
    graph = parsed.Subgraphs(0)
    outside = sorted(computed - (after & before))
    return [graph.Tensors(tensor).Name().decode() for tensor in outside]


def _operators(parsed: schema.Model):
    """The operators of the only subgraph, in execution order."""
    if parsed.SubgraphsLength() != 1:
        raise LiteRTError(f"expected 1 subgraph, found {parsed.SubgraphsLength()}")
    graph = parsed.Subgraphs(0)
    return (graph.Operators(i) for i in range(graph.OperatorsLength()))


def _name(code: schema.OperatorCode) -> str:
    if code.CustomCode():
        return code.CustomCode().decode()
    # Old files keep codes up to 127 in another field.
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    return OPERATOR_NAMES[builtin]
