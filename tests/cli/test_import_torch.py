"""``tfpose import-torch``: a folder, or one line and nothing written."""

import dataclasses

import numpy as np
import pytest

from tests.support import torch_checkpoints
from tfpose import cli
from tfpose.cli import import_torch
from tfpose.errors import TfposeError
from tfpose.models.conventions import Conventions

HOSTILE = torch_checkpoints.Named("os", "system")


def run(tmp_path, *arguments, out="out"):
    options = ["--model", "hrnet", "--out", str(tmp_path / out)]
    return cli.main(["import-torch", *map(str, arguments), *options])


def write(path, value, contents=()):
    return torch_checkpoints.write_zip(path, value, list(contents))


def test_what_cannot_be_imported_is_one_line_and_nothing_is_written(tmp_path, capsys):
    victim = tmp_path / "victim"

    class Writes:
        def __reduce__(self):
            return open, (str(victim), "w")

    weight = {"backbone.conv.weight": np.ones((2, 3, 1, 1), np.float32)}
    cut = write(
        tmp_path / "cut.pth", *torch_checkpoints.checkpoint(weight)
    ).read_bytes()
    (tmp_path / "cut.pth").write_bytes(cut[: len(cut) // 2])
    cases = {
        tmp_path / "none.pth": "found no such file",
        write(tmp_path / "hostile.pth", {"a": Writes()}): "it would run",
        write(tmp_path / "named.pth", {"a": HOSTILE}): "it would run os.system",
        tmp_path / "cut.pth": "found another or a damaged file",
        write(tmp_path / "other.pth", *torch_checkpoints.checkpoint(weight)): (
            "expected HRNet's weights, found 1 others (conv.weight)"
        ),
    }
    for path, message in cases.items():
        assert run(tmp_path, path) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"tfpose: error: {path}: ") and message in error
        assert error.count("\n") == 1
    assert not victim.exists() and not (tmp_path / "out").exists()


def test_a_folder_that_holds_a_model_is_kept(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.weights.h5").write_bytes(b"mine")
    assert run(tmp_path, write(tmp_path / "a.pth", {})) == 2
    assert "a run is there already" in capsys.readouterr().err
    assert (tmp_path / "out" / "model.weights.h5").read_bytes() == b"mine"


def test_options_become_conventions():
    texts = ["mean=1,2,3.5", "channels=bgr", "flip_shift=1", "sigma=9", "border=0"]
    found = import_torch.parsed(texts)
    expected = Conventions((1, 2, 3.5), channels="bgr", flip_shift=1, sigma=9, border=0)
    assert Conventions.of(found) == expected
    fields = {field.name for field in dataclasses.fields(Conventions)}
    assert set(import_torch.CONVENTIONS) == fields


@pytest.mark.parametrize(
    "read, text",
    [
        (import_torch.parsed_size, "256"), (import_torch.parsed_size, "axb"),
        (import_torch.parsed, ["mean=a,b"]), (import_torch.parsed, ["colour=rgb"]),
        (import_torch.parsed, ["flip_shift=x"]), (import_torch.parsed, ["mean"]),
    ],
)  # fmt: skip
def test_options_that_cannot_be_read_are_one_line(read, text):
    with pytest.raises(TfposeError, match=r"--(input-size|convention) .*: expected"):
        read(text)
    assert import_torch.parsed_size("256X192") == (256, 192)
