"""Reads and writes the description inside a ``.tflite`` file, a flatbuffer.

A metadata buffer named ``NAME`` holds it as UTF-8 JSON. Needs LiteRT (extra ``edge``).
"""

from __future__ import annotations

import json

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpose.errors import MetadataError

NAME = "tfpose"
# Bytes; the runtimes read weights in place, and kernels load 16 bytes at once.
ALIGNMENT = 16


def embed(content: bytes, about: dict) -> bytes:
    """Adds a description to a ``.tflite`` file, or replaces it.

    Args:
        content: the file's bytes.
        about: JSON-ready description.

    Returns:
        The new file, with the same graphs and weights.
    """
    model = schema.ModelT.InitFromPackedBuf(content)
    # The generated code does not align buffers.
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
    """A buffer's bytes; AI Edge Quantizer puts them behind the flatbuffer."""
    if buffer.offset > 1:  # 1 is a placeholder
        return np.frombuffer(file, np.uint8, buffer.size, buffer.offset)
    return buffer.data


class _Aligned(schema.BufferT):
    """A buffer whose bytes start at a multiple of ``ALIGNMENT`` in the file."""

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


def description(content: bytes) -> bytes | None:
    """The bytes of a ``.tflite`` file's description; None if it has none.

    Raises one of ``metadata.DAMAGED`` if the file is damaged.
    """
    model = schema.Model.GetRootAs(content)
    count = model.MetadataLength()
    # A damaged file can state billions; each takes four bytes at least.
    if count > len(content) // 4:
        raise MetadataError(f"{count} entries in {len(content)} bytes")
    entries = [model.Metadata(i) for i in range(count)]
    found = [entry for entry in entries if entry.Name() == NAME.encode()]
    if not found:
        return None
    number = found[0].Buffer()
    if not 0 <= number < model.BuffersLength():
        raise MetadataError(f"buffer {number} of {model.BuffersLength()}")
    return model.Buffers(number).DataAsNumpy().tobytes()
