"""Writes checkpoints as PyTorch does, without PyTorch."""

import collections
import io
import pickle
import struct
import zipfile

import numpy as np

from tfpose.io.torch_files import LEGACY_MAGIC

STORAGES = {np.float32: "FloatStorage", np.int64: "LongStorage"}


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


def write_zip(path, value, contents):
    """The format since PyTorch 1.6."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickled(value))
        for key, content in enumerate(contents):
            archive.writestr(f"model/data/{key}", content)
    return path


def write_legacy(path, value, contents, item=4):
    """The format before; all storages have items of one size."""
    keys = [str(key) for key in range(len(contents))]
    parts = [pickled(part) for part in (LEGACY_MAGIC, 1001, {}, value, keys)]
    for content in contents:
        parts += [struct.pack("<q", len(content) // item), content]
    path.write_bytes(b"".join(parts))
    return path
