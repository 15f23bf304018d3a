"""One reader of JSON, and what its values mean."""

import json
import os

import pytest

from tfpose.errors import FileError
from tfpose.io import json_files
from tfpose.io.json_files import id_of, is_number, parse_json, read_json, truth_of


@pytest.mark.parametrize("value", [0, False, "0", 0.0])
def test_what_says_no(value):
    assert truth_of(value) is False


@pytest.mark.parametrize("value", [1, True, "1", 1.0])
def test_what_says_yes(value):
    assert truth_of(value) is True


@pytest.mark.parametrize("value", [None, "", "no", "true", 2, -1, 0.5, [], {}, "00"])
def test_what_says_neither(value):
    assert truth_of(value) is None


@pytest.mark.parametrize("value", [7, 7.0, "7", "007"])
def test_spellings_of_an_id(value):
    assert id_of(value) == 7 and type(id_of(value)) is int


@pytest.mark.parametrize(
    "value",
    [None, True, 7.5, "7.0", "-7", " 7", "", "a7", "٧", [7], 2**63, -(2**63) - 1,
     float("inf"), float("nan"), "9" * 30],
)  # fmt: skip
def test_what_is_no_id(value):
    assert id_of(value) is None


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), True, "1", None])
def test_what_is_no_number(value):
    assert not is_number(value)


def test_numbers_beyond_all_are_infinite():
    digits = "9" * 5000
    assert parse_json(f"[{digits}, -{digits}, 1e999, 7]", "x") == [
        float("inf"), float("-inf"), float("inf"), 7
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
def test_every_encoding_of_json_is_read(tmp_path, encoding):
    (tmp_path / "a.json").write_bytes(json.dumps(["größe"]).encode(encoding))
    assert read_json(tmp_path / "a.json") == ["größe"]
    assert parse_json("\ufeff[1]", "x") == [1]


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 200_000, b"\xff\xfe\xfd", ""]
)
def test_what_is_no_json_is_one_line(text):
    with pytest.raises(FileError, match="^x: not JSON: ") as caught:
        parse_json(text, "x")
    assert str(caught.value).isprintable()


def test_only_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path, tmp_path / "pipe.json", "/dev/zero", "\0", "\ud800.json"):
        with pytest.raises(FileError, match="cannot read"):
            read_json(path)


def test_a_shells_pipe_is_read():
    ends = os.pipe()
    os.write(ends[1], b"[1]")
    os.close(ends[1])
    assert read_json(f"/dev/fd/{ends[0]}") == [1]
    os.close(ends[0])


def test_a_file_of_gigabytes_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(json_files, "LARGEST", 3)
    (tmp_path / "a.json").write_text("[10]")
    with pytest.raises(FileError, match="at most 3 bytes of JSON, found 4"):
        read_json(tmp_path / "a.json")
