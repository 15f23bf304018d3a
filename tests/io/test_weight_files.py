"""Files of weights: the same tensors from every format, and nothing from others."""

import json

import numpy as np
import pytest

from tests.support import torch_checkpoints as torch_writer
from tfpose.errors import FileError
from tfpose.io.weight_files import read_weights

ARRAYS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "conv.bias": np.float32([1, -1]),
}


def write_safetensors(path, arrays=ARRAYS, **changes):
    header, numbers = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        ends = [len(numbers), len(numbers) + array.nbytes]
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": ends}
        header[name].update(changes)
        numbers += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers)
    return path


def write_npz(path):
    np.savez_compressed(path, **ARRAYS)
    return path


def write_pth(path):
    return torch_writer.write_zip(path, *torch_writer.checkpoint(ARRAYS))


def write_tar(path):
    """As a trainer writes the network of several devices."""
    made = torch_writer.checkpoint(ARRAYS, "model.module.", epoch=3, best=[0.5])
    return torch_writer.write_legacy(path, *made)


WRITERS = {
    "a.pth": write_pth,
    "a.pth.tar": write_tar,
    "a.safetensors": write_safetensors,
    "a.npz": write_npz,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_tensors(tmp_path, name):
    tensors = read_weights(WRITERS[name](tmp_path / name))
    assert list(tensors) == list(ARRAYS)
    for key, array in ARRAYS.items():
        assert tensors[key].dtype == np.float32
        np.testing.assert_array_equal(tensors[key], array)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", WRITERS)
def test_a_truncated_file_is_one_line(tmp_path, name, share):
    path = WRITERS[name](tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileError, match=f"{name}: expected") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [{"dtype": "F8"}, {"data_offsets": [0, 1 << 60]}, {"data_offsets": [8, 0]},
     {"shape": [-2, -12]}, {"shape": [1 << 40]}, {"data_offsets": [0.0, 96.0]},
     {"shape": "2"}, {"data_offsets": 5}],
)  # fmt: skip
def test_a_tensor_stays_inside_its_file(tmp_path, changes):
    with pytest.raises(FileError, match="a.safetensors: expected"):
        read_weights(write_safetensors(tmp_path / "a.safetensors", **changes))


def test_pickles_inside_numpys_files_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", conv=np.array([{}], object))
    with pytest.raises(FileError, match=r"a.npz: expected a NumPy file"):
        read_weights(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"[]", b"{}", b"\x00" * 40])
@pytest.mark.parametrize("name", WRITERS)
def test_other_contents_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=f"{name}: expected"):
        read_weights(tmp_path / name)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileError, match="none.pth: .*found no such file"):
        read_weights(tmp_path / "none.pth")
    (tmp_path / "model.h5").write_bytes(b"")
    with pytest.raises(FileError, match=r"model.h5: .*safetensors.*found .h5"):
        read_weights(tmp_path / "model.h5")
