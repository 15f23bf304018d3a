"""Reads the tensors of a PyTorch checkpoint, without PyTorch and without its code.

A checkpoint is a pickle, and a pickle can call any function. This reader builds nothing
but dicts, lists, numbers, and tensors. A few more names occur in published files, such
as a NumPy number beside the weights: those become placeholders, of which nothing is
kept. Everything else is refused.
"""

from __future__ import annotations

import collections
import dataclasses
import io
import math
import os
import pathlib
import pickle
import struct
import zipfile
import zlib

import numpy as np

from tfpose.errors import CodeInFileError, FileError

# The first number of the format before PyTorch 1.6.
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {
    "DoubleStorage": np.float64, "FloatStorage": np.float32, "HalfStorage": np.float16,
    "LongStorage": np.int64, "IntStorage": np.int32, "ShortStorage": np.int16,
    "CharStorage": np.int8, "ByteStorage": np.uint8, "BoolStorage": np.bool_,
    # The upper half of a float32; NumPy does not have it.
    "BFloat16Storage": np.uint16,
}  # fmt: skip

# What a damaged file makes the readers raise.
DAMAGED = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, MemoryError, RuntimeError, struct.error, pickle.UnpicklingError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclasses.dataclass
class _Storage:
    """The numbers of one or several tensors; a legacy file has them at its end."""

    name: str
    count: int
    data: np.ndarray | None = None

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(STORAGES[self.name])

    def fill(self, content: bytes) -> None:
        if len(content) != self.count * self.dtype.itemsize:
            raise FileError(
                f"a storage of {self.count} numbers in {len(content)} bytes"
            )
        self.data = np.frombuffer(content, self.dtype)


@dataclasses.dataclass
class _View:
    """A part of a storage, in files of old versions."""

    storage: _Storage
    offset: int


@dataclasses.dataclass
class _Tensor:
    storage: _Storage
    offset: int
    size: tuple
    stride: tuple

    def array(self) -> np.ndarray:
        # ``as_strided`` trusts its numbers, so that we must not.
        numbers = (self.offset, *self.size, *self.stride)
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise FileError(f"a tensor of size {self.size}")
        if len(self.size) != len(self.stride):
            raise FileError(f"a tensor of size {self.size}, stride {self.stride}")
        steps = zip(self.size, self.stride, strict=True)
        last = self.offset + sum((size - 1) * step for size, step in steps)
        if 0 in self.size:
            return np.zeros(self.size, self.storage.dtype)
        # A stride of 0 would make much of little.
        if max(last + 1, math.prod(self.size)) > len(self.storage.data):
            raise FileError(f"a tensor of {last + 1} numbers or more, found fewer")
        data = self.storage.data[self.offset :]
        bytes_ = tuple(step * data.itemsize for step in self.stride)
        view = np.lib.stride_tricks.as_strided(data, self.size, bytes_, writeable=False)
        array = np.ascontiguousarray(view).reshape(self.size)
        if self.storage.name == "BFloat16Storage":
            return (array.astype(np.uint32) << 16).view(np.float32)
        return array


def _tensor(storage, offset, size, stride, *_) -> _Tensor:
    if isinstance(storage, _View):
        storage, offset = storage.storage, storage.offset + offset
    if not isinstance(storage, _Storage):
        raise FileError("a tensor without a storage")
    return _Tensor(storage, offset, tuple(size), tuple(stride))


class _Ignored:
    """Stands for a value that is no weight; keeps nothing of it."""

    def __new__(cls, *_, **__):
        return super().__new__(cls)

    def __init__(self, *_, **__):
        pass

    def ignore(self, *_):
        pass

    __setstate__ = __setitem__ = append = extend = add = ignore


# What a checkpoint of weights needs; the values are ours.
ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    **{("torch", name): name for name in STORAGES},
}
# What published checkpoints have beside their weights; none of it is run or kept.
IGNORED = {
    ("_codecs", "encode"), ("argparse", "Namespace"), ("collections", "Counter"),
    ("collections", "defaultdict"), ("datetime", "datetime"), ("numpy", "dtype"),
    ("numpy", "ndarray"), ("pathlib", "PosixPath"), ("torch", "Size"),
    ("torch", "device"), ("torch", "float16"), ("torch", "float32"),
    *((module, name) for module in ("builtins", "__builtin__")
      for name in ("set", "slice", "complex")),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core")
      for name in ("scalar", "_reconstruct")),
}  # fmt: skip


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, load_storage):
        super().__init__(file, encoding="latin1")
        self.persistent_load = load_storage

    def find_class(self, module, name):
        if (module, name) in IGNORED:
            return _Ignored
        if (module, name) not in ALLOWED:
            raise CodeInFileError(
                f"it would run {module}.{name}, which is not a tensor"
            )
        return ALLOWED[module, name]


def read_tensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the tensors of a ``.pth``, ``.pth.tar``, or ``.pt`` file.

    Args:
        path: of a checkpoint: tensors by name, perhaps in one or several nested dicts
            such as "state_dict".

    Returns:
        Name -> array; the names of nested dicts are joined by dots.

    Raises:
        FileError: no such file, another kind of file, a damaged one, or one that holds
            more than data. Nothing in it is run.
    """
    path = pathlib.Path(path)
    try:
        if zipfile.is_zipfile(path):
            data = _read_zip(path)
        else:
            data = _read_legacy(path.read_bytes())
        tensors = dict(_flat(data))
    except CodeInFileError as error:
        raise FileError(f"{path}: expected only weights; {error}") from error
    except DAMAGED as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise FileError(
            f"{path}: expected a PyTorch checkpoint, found another or a damaged file "
            f"({reason[0]})"
        ) from error
    if not tensors:
        raise FileError(f"{path}: expected a PyTorch checkpoint, found no tensors")
    return tensors


def _storage_of(identity) -> tuple[str, _Storage]:
    """The key and the empty storage that a persistent id describes."""
    kind, name, key, _, count = identity[:5]
    if kind != "storage" or name not in STORAGES:
        raise FileError(f"a storage of {name}")
    return str(key), _Storage(name, int(count))


def _read_zip(path: pathlib.Path):
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        (pickled,) = pickles
        folder = pickled.removesuffix("data.pkl")

        storages = {}

        def read(name: str) -> bytes:
            # PyTorch compresses nothing, and what is compressed could fill memory.
            if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
                raise FileError("a compressed storage")
            return archive.read(name)

        def load(identity) -> _Storage:
            key, storage = _storage_of(identity)
            if key not in storages:
                storage.fill(read(f"{folder}data/{key}"))
                storages[key] = storage
            return storages[key]

        return _Unpickler(io.BytesIO(read(pickled)), load).load()


def _read_legacy(content: bytes):
    file, storages = io.BytesIO(content), {}

    def load(identity) -> _Storage | _View:
        key, storage = _storage_of(identity)
        storage = storages.setdefault(key, storage)
        view = identity[5] if len(identity) > 5 else None
        return storage if view is None else _View(storage, int(view[1]))

    magic, _, _, data, order = (_Unpickler(file, load).load() for _ in range(5))
    if magic != LEGACY_MAGIC:
        raise FileError("no PyTorch file")
    for key in order:
        storage = storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count:
            raise FileError(f"a storage of {storage.count} numbers, found {count}")
        storage.fill(file.read(count * storage.dtype.itemsize))
    return data


def _flat(data, prefix: str = ""):
    """(name, array) of all tensors in nested dicts; skips what is not a tensor."""
    if isinstance(data, _Tensor):
        yield prefix, data.array()
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
