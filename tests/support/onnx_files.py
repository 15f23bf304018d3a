"""Small ONNX files, written by hand: the package ``onnx`` is not needed.

A file returns constants, each multiplied by the mean of the input. The numbers of the
fields are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

import numpy as np

TYPES = {"float32": 1, "uint8": 2, "int64": 7}


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def _field(number: int, value) -> bytes:
    """One protobuf field: an integer, text, or a message's bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _tensor(name: str, array) -> bytes:
    dims = b"".join(_field(1, side) for side in array.shape)
    kind = _field(2, TYPES[array.dtype.name])
    return dims + kind + _field(8, name) + _field(9, array.tobytes())


def _value(name: str, kind: str, shape) -> bytes:
    """A ValueInfoProto; a side that is text is not fixed."""
    sides = b"".join(
        _field(1, _field(1, side) if isinstance(side, int) else _field(2, side))
        for side in shape
    )
    tensor = _field(1, TYPES[kind]) + _field(2, sides)
    return _field(1, name) + _field(2, _field(1, tensor))


def _node(operator: str, inputs, output: str, attributes: bytes = b"") -> bytes:
    names = b"".join(_field(1, name) for name in inputs) + _field(2, output)
    return names + _field(4, operator) + attributes


def save(path, outputs: dict, shape=(1, 3, "height", "width"), kind="float32", more=()):
    """Writes a file.

    Args:
        path: the file.
        outputs: name -> array. Floating ones are multiplied by the mean of the input.
        shape: of the input "image"; sides that are text are not fixed.
        kind: type of the input.
        more: names of further inputs f32[1], which are not used.
    """
    keep = _field(1, "keepdims") + _field(3, 0) + _field(20, 2)
    brightness = _node("ReduceMean", ["image"], "brightness", _field(5, keep))
    nodes = [brightness] if kind == "float32" else []
    constants, values = [], []
    for name, array in outputs.items():
        constants.append(_tensor(f"{name}_constant", array))
        scaled = array.dtype.name == kind == "float32"
        inputs = [f"{name}_constant", *(["brightness"] if scaled else [])]
        nodes.append(_node("Mul" if scaled else "Identity", inputs, name))
        values.append(_value(name, array.dtype.name, array.shape))
    inputs = [_value("image", kind, shape)]
    inputs += [_value(name, "float32", (1,)) for name in more]
    graph = b"".join(
        [
            *(_field(1, node) for node in nodes),
            _field(2, "graph"),
            *(_field(5, constant) for constant in constants),
            *(_field(11, value) for value in inputs),
            *(_field(12, value) for value in values),
        ]
    )
    operators = _field(1, "") + _field(2, 13)
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, operators))
    return path


def yolox(cells: int, rows: dict) -> dict:
    """YOLOX's output for 80 classes; ``rows`` has the numbers of cells."""
    answer = np.zeros((1, cells, 85), np.float32)
    for cell, numbers in rows.items():
        answer[0, cell, : len(numbers)] = numbers
    return {"output": answer}
