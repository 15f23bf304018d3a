"""PyTorch checkpoints: both formats, tensors that share storage, and hostile files."""

import zipfile

import numpy as np
import pytest

from tests.support.torch_checkpoints import (
    CHECKPOINT,
    DATA,
    NUMBERS,
    STORED,
    Named,
    Rebuilt,
    Stored,
    pickled,
    write_legacy,
    write_zip,
)
from tfpose.errors import FileError
from tfpose.io import torch_files


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_tensors_of_both_formats(tmp_path, write):
    tensors = torch_files.read_tensors(write(tmp_path / "model.pth"))
    prefix = "state_dict."
    assert list(tensors) == [prefix + n for n in ("weight", "turned", "last", "number")]
    np.testing.assert_array_equal(tensors[prefix + "weight"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(tensors[prefix + "turned"], [[0, 3], [1, 4], [2, 5]])
    assert tensors[prefix + "last"].tolist() == [5]
    assert tensors[prefix + "number"] == 4
    assert tensors[prefix + "weight"].dtype == np.float32


class Hostile:
    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return open, (str(self.victim), "w")


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_nothing_in_a_file_is_run(tmp_path, write):
    victim = tmp_path / "written"
    path = write(tmp_path / "model.pth", {"a": Hostile(victim)})
    with pytest.raises(FileError, match=r"only weights; it would run .*open"):
        torch_files.read_tensors(path)
    assert not victim.exists()


@pytest.mark.parametrize(
    "size, stride, offset",
    [((7,), (1,), 0), ((2, 3), (3, 1), 1), ((2,), (1 << 40,), 0), ((1,), (1,), 6),
     ((2,), (-1,), 3), ((2, 2), (1,), 0)],
)  # fmt: skip
def test_a_tensor_stays_inside_its_storage(tmp_path, size, stride, offset):
    bad = {"a": Rebuilt(STORED, offset, size, stride)}
    with pytest.raises(FileError, match="damaged"):
        torch_files.read_tensors(write_zip(tmp_path / "model.pth", bad))


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.95])
def test_truncated_files_are_refused(tmp_path, write, share):
    path = write(tmp_path / "model.pth")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileError, match=r"model.pth: expected"):
        torch_files.read_tensors(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.pth"
    for content in (b"not a model", pickled([1, 2, 3]), b"\x80\x02}q\x00."):
        path.write_bytes(content)
        with pytest.raises(FileError, match="another or a damaged file"):
            torch_files.read_tensors(path)
    with pytest.raises(FileError, match="No such file"):
        torch_files.read_tensors(tmp_path / "none.pth")
    with pytest.raises(FileError, match="no tensors"):
        torch_files.read_tensors(write_zip(tmp_path / "empty.pth", {"a": 1}))


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize(
    "function",
    ["os.system", "posix.system", "builtins.eval", "builtins.getattr",
     "subprocess.Popen", "torch.load", "numpy.load", "collections.namedtuple"],
)  # fmt: skip
def test_functions_are_refused_by_name(tmp_path, write, function):
    module, _, name = function.rpartition(".")
    path = write(tmp_path / "model.pth", {"weight": Named(module, name)})
    with pytest.raises(FileError, match=f"only weights; it would run {function}"):
        torch_files.read_tensors(path)


def test_what_is_beside_the_weights_is_not_kept(tmp_path):
    """pytorch-pose keeps its best accuracy, a NumPy number."""
    number = Named("numpy.core.multiarray", "scalar")
    beside = {**CHECKPOINT, "best_acc": number, "size": Named("torch", "Size")}
    tensors = torch_files.read_tensors(write_zip(tmp_path / "model.pth", beside))
    assert len(tensors) == 4 and all(n.startswith("state_dict.") for n in tensors)


def test_half_of_a_float32_is_read(tmp_path):
    upper = (NUMBERS.view(np.uint32) >> 16).astype(np.uint16)
    value = {"a": Rebuilt(Stored("BFloat16Storage", "0", 6), 0, (6,), (1,))}
    path = write_zip(tmp_path / "model.pth", value, [upper.tobytes()])
    np.testing.assert_array_equal(torch_files.read_tensors(path)["a"], NUMBERS)


def test_views_of_old_files_start_where_they_say(tmp_path):
    stored = Stored("FloatStorage", "0", 6)
    stored.identity += (("1", 2, 3),)
    value = {"a": Rebuilt(stored, 1, (2,), (1,))}
    path = write_legacy(tmp_path / "model.pth", value)
    assert torch_files.read_tensors(path)["a"].tolist() == [3, 4]


def test_little_does_not_become_much(tmp_path):
    """A stride of 0 or compression would fill memory from a small file."""
    huge = {"a": Rebuilt(STORED, 0, (1 << 20, 1 << 20), (0, 0))}
    with pytest.raises(FileError, match="damaged"):
        torch_files.read_tensors(write_zip(tmp_path / "model.pth", huge))
    with zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", pickled(CHECKPOINT))
        archive.writestr("model/data/0", DATA)
    with pytest.raises(FileError, match="compressed"):
        torch_files.read_tensors(tmp_path / "b.pth")
