"""Writes PyTorch checkpoints of both formats, as PyTorch would."""

import collections
import io
import pickle
import struct
import zipfile

import numpy as np

from tfpose.io import torch_files


class Named:
    """Pickled as a global name, as PyTorch's classes and functions are."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Stored:
    def __init__(self, kind, key, count):
        self.identity = ("storage", Named("torch", kind), key, "cpu", count)


class Rebuilt:
    """What PyTorch pickles for a tensor."""

    def __init__(self, stored, offset, size, stride):
        self.call = Named("torch._utils", "_rebuild_tensor_v2")
        hooks = collections.OrderedDict()
        self.arguments = (stored, offset, size, stride, False, hooks)


class Pickler(pickle._Pickler):
    """Writes what PyTorch would."""

    def save(self, value, **options):
        if isinstance(value, Named):
            self.write(f"c{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Rebuilt):
            self.save(value.call)
            self.save(value.arguments)
            self.write(pickle.REDUCE)
        elif isinstance(value, Stored):
            self.save(value.identity)
            self.write(pickle.BINPERSID)
        else:
            super().save(value, **options)


def pickled(value) -> bytes:
    file = io.BytesIO()
    Pickler(file, 2).dump(value)
    return file.getvalue()


NUMBERS = np.arange(6, dtype=np.float32)
DATA = NUMBERS.tobytes()
STORED = Stored("FloatStorage", "0", 6)
CHECKPOINT = {
    "epoch": 7,
    "state_dict": collections.OrderedDict(
        weight=Rebuilt(STORED, 0, (2, 3), (3, 1)),
        turned=Rebuilt(STORED, 0, (3, 2), (1, 3)),
        last=Rebuilt(STORED, 5, (1,), (1,)),
        number=Rebuilt(STORED, 4, (), ()),
    ),
}


STORAGES = {np.float32: "FloatStorage", np.int64: "LongStorage"}


def checkpoint(arrays, prefix="", **beside):
    """What PyTorch pickles for named arrays, and the storages, one for each array."""
    state, contents = collections.OrderedDict(), []
    for key, (name, array) in enumerate(arrays.items()):
        array = np.ascontiguousarray(array)
        kind = STORAGES[array.dtype.type]
        stride = tuple(step // array.itemsize for step in array.strides)
        stored = Stored(kind, str(key), array.size)
        state[prefix + name] = Rebuilt(stored, 0, array.shape, stride)
        contents.append(array.tobytes())
    return ({"state_dict": state, **beside} if beside else state), contents


def write_zip(path, value=CHECKPOINT, contents=(DATA,)):
    """The format since PyTorch 1.6; ``contents`` are those of storages 0, 1 ..."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickled(value))
        for key, content in enumerate(contents):
            archive.writestr(f"model/data/{key}", content)
    return path


def write_legacy(path, value=CHECKPOINT, contents=(DATA,)):
    """The format before; all storages have numbers of four bytes."""
    keys = [str(key) for key in range(len(contents))]
    parts = [torch_files.LEGACY_MAGIC, 1001, {}, value, keys]
    written = [pickled(part) for part in parts]
    for content in contents:
        written += [struct.pack("<q", len(content) // 4), content]
    path.write_bytes(b"".join(written))
    return path
