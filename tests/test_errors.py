"""Messages are one line that any terminal shows, however strange the input."""

import pytest

from tfpose.errors import LONGEST, PoseFileError, TfposeError, one_line, shown


@pytest.mark.parametrize("odd", ["\n", "\r", "\x1b[31m", "\0", "\ud800", "\u2028"])
def test_control_characters_are_escaped(odd):
    line = str(PoseFileError(f"file{odd}name: expected a pose"))
    assert line.isprintable() and line.encode() and line.startswith("file\\")


def test_long_messages_keep_their_beginning_and_their_end():
    line = str(TfposeError("file.json: " + "x" * 10_000 + " found 7"))
    assert len(line) == LONGEST and line.startswith("file.json: x")
    assert line.endswith("x found 7") and " ... " in line


def test_plain_messages_stay_as_they_are():
    text = "größe.json: expected 14 joints, found 17 — 東京"
    assert one_line(text) == text == str(TfposeError(text))


def test_values_are_cut_wherever_they_are_long():
    deep = value = []
    for _ in range(500):
        value.append([])
        value = value[0]
    for value in ("a" * 9999, ["a" * 999] * 999, {"k" * 999: "v" * 999}, deep, 10**999):
        assert len(shown(value)) < 700
    assert shown([1, "a"]) == "[1, 'a']" and shown(None) == "None"
