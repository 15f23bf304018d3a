"""One reader of JSON, and what its values mean."""

import json
import os

import pytest

from tfpose.errors import FileError
from tfpose.io import json_files
from tfpose.io.json_files import (
    JsonList,
    id_of,
    is_number,
    parse_json,
    read_json,
    truth_of,
)


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


# --- long lists ------------------------------------------------------------------

LISTS = [
    [],
    [1],
    [{"a": [1, 2.5, "größe", "\ud800", None, True]}, [], {}, -3, 1e-7, "]", ","],
    list(range(50)),
    ["x" * 60, "y"],
]


@pytest.mark.parametrize("piece", [1, 2, 7, 2**20])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("values", LISTS)
def test_a_long_list_is_read_as_a_whole_file_is(
    tmp_path, monkeypatch, values, indent, piece
):
    monkeypatch.setattr(json_files, "PIECE", piece)
    for ascii_only in (False, True):
        text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
        content = f" {text}\n".encode("utf-8", "surrogatepass")
        for start in (b"", b"\xef\xbb\xbf"):
            (tmp_path / "a.json").write_bytes(start + content)
            records = JsonList(tmp_path / "a.json")
            assert list(records) == list(records) == read_json(tmp_path / "a.json")
            places = [place for place, _ in records.from_place(0)]
            for number, place in enumerate(places):
                rest = [value for _, value in records.from_place(place)]
                assert rest == values[number:]


@pytest.mark.parametrize("piece", [1, 2**20])
@pytest.mark.parametrize(
    "content",
    [b"[1, 2", b"[1 2]", b"[1,]", b"[,]", b"[1] 2", b"[1]]", b"[nul]", b'["a]', b"[",
     b"[1, \xff]", b"[{]}", b"[" * 100_000, b"[[1, 2}, 3]"],
)  # fmt: skip
def test_a_mistake_in_a_long_list_is_said_as_in_others(
    tmp_path, monkeypatch, content, piece
):
    if len(content) < 1000:
        monkeypatch.setattr(json_files, "PIECE", piece)
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(FileError) as expected:
        read_json(tmp_path / "a.json")
    with pytest.raises(FileError) as found:
        list(JsonList(tmp_path / "a.json"))
    assert str(found.value) == str(expected.value)


def test_what_is_no_list_is_kept_as_it_is(tmp_path):
    for value in ({"a": [1]}, 7, "x", None):
        (tmp_path / "a.json").write_text(json.dumps(value))
        records = JsonList(tmp_path / "a.json")
        found = records.is_list, records.other, list(records)
        assert found == (False, value, [])


def test_numbers_beyond_all_are_infinite_in_long_lists(tmp_path, monkeypatch):
    monkeypatch.setattr(json_files, "PIECE", 100)
    (tmp_path / "a.json").write_text(f"[1, {'9' * 5000}, 2]")
    assert list(JsonList(tmp_path / "a.json")) == [1, float("inf"), 2]


def test_lists_in_other_encodings_and_from_pipes_are_read(tmp_path):
    (tmp_path / "a.json").write_bytes(json.dumps([1, "ö"]).encode("utf-16"))
    records = JsonList(tmp_path / "a.json")
    assert list(records) == [1, "ö"]
    assert list(records.from_place(1)) == [(1, "ö")]
    read, write = os.pipe()
    os.write(write, b"[1, 2]")
    os.close(write)
    records = JsonList(f"/dev/fd/{read}")
    assert list(records) == list(records) == [1, 2]
    os.close(read)
