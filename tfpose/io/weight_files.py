"""Reads the tensors of other packages' files: PyTorch's, safetensors, and NumPy's.

None of these readers runs anything that a file holds.
"""

from __future__ import annotations

import json
import math
import os
import pathlib

import numpy as np

from tfpose.errors import FileError
from tfpose.io.torch_files import DAMAGED, read_tensors

PYTORCH = (".pth", ".pt", ".tar", ".bin", ".ckpt")
SUFFIXES = (*PYTORCH, ".safetensors", ".npz")
# Names of safetensors' types; BF16 is the upper half of a float32.
DTYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8,
    "BOOL": np.bool_,
}  # fmt: skip
# Where checkpoints keep the weights, beside an optimizer's numbers and others.
SECTIONS = ("state_dict", "model_state_dict", "model")
# What wraps all names of a network that was trained on several devices.
WRAPPERS = ("module.", "model.")


def read_weights(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a network's weights by the names that its own code gives them.

    Args:
        path: of a ``.pth``, ``.pth.tar``, ``.pt``, ``.bin`` or ``.ckpt`` (PyTorch),
            ``.safetensors`` or ``.npz`` file.

    Returns:
        Name -> array. Of a PyTorch checkpoint, those of its "state_dict", without the
        prefixes of wrappers ("module.").

    Raises:
        FileError: no such file, another kind of file, a damaged one, or one that would
            run code.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileError(f"{path}: expected a file of weights, found no such file")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FileError(
            f"{path}: expected a file of weights ({', '.join(SUFFIXES)}), found "
            f"{path.suffix or 'no suffix'}"
        )
    if suffix == ".safetensors":
        tensors = _read_safetensors(path)
    elif suffix == ".npz":
        tensors = _read_npz(path)
    else:
        tensors = read_tensors(path)
    return unwrapped(tensors)


def unwrapped(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A network's tensors without what is beside them and what wraps their names.

    Example:
        >>> unwrapped({"state_dict.module.conv.bias": 1, "optimizer.state.0": 2})
        {'conv.bias': 1}
    """
    for section in SECTIONS:
        inside = {
            name.removeprefix(f"{section}."): tensor
            for name, tensor in tensors.items()
            if name.startswith(f"{section}.")
        }
        if inside:
            tensors = inside
            break
    wrapper = next((w for w in WRAPPERS if all(n.startswith(w) for n in tensors)), None)
    if wrapper is None or not tensors:
        return tensors
    return unwrapped({n.removeprefix(wrapper): one for n, one in tensors.items()})


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads 8 bytes with the header's length, a JSON header, and the numbers."""
    try:
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        if not 8 < start <= len(content):
            raise FileError("the file ends before its header")
        header = json.loads(content[8:start])
        header.pop("__metadata__", None)
        numbers = memoryview(content)[start:]
        return {name: _tensor(numbers, entry) for name, entry in header.items()}
    except DAMAGED as error:
        raise _damaged(path, "safetensors", error) from error


def _tensor(numbers: memoryview, entry: dict) -> np.ndarray:
    """One tensor; its place comes from the file, so that it is checked."""
    shape, (start, end) = entry["shape"], entry["data_offsets"]
    if entry["dtype"] not in DTYPES:
        raise FileError(f"a tensor of {entry['dtype']}")
    dtype = np.dtype(DTYPES[entry["dtype"]])
    whole = all(isinstance(n, int) and n >= 0 for n in (*shape, start, end))
    if not whole or end > len(numbers):
        raise FileError("the file ends early")
    if end - start != math.prod(shape) * dtype.itemsize:
        raise FileError(f"a tensor of shape {shape} in {end - start} bytes")
    array = np.frombuffer(numbers[start:end], dtype).reshape(shape)
    if entry["dtype"] == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except DAMAGED as error:
        raise _damaged(path, "NumPy", error) from error


def _damaged(path: pathlib.Path, kind: str, error: Exception) -> FileError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return FileError(
        f"{path}: expected a {kind} file, found another or a damaged one ({reason[0]})"
    )
