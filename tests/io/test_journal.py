"""A journal keeps whole steps, drops half a line, and knows other settings."""

import contextlib
import json

import pytest

from tfpose.errors import FileError
from tfpose.io.journal import Journal

ASKED = {"model": "x", "scales": (1.0, 2.0)}


def keep(path, *steps, resume=False, asked=ASKED):
    """The steps that were there; appends others."""
    with contextlib.closing(Journal(path, asked, resume)) as journal:
        before = list(journal.steps()) if resume else []
        for step in steps:
            journal.append(step)
    return before


def test_steps_are_read_again_and_others_follow(tmp_path):
    path = tmp_path / "journal"
    keep(path, [1, 0.1], [])
    assert keep(path, [3], resume=True) == [[1, 0.1], []]
    assert keep(path, resume=True) == [[1, 0.1], [], [3]]


def test_without_resume_it_begins_anew(tmp_path):
    path = tmp_path / "journal"
    keep(path, [1])
    keep(path, [2])
    assert keep(path, resume=True) == [[2]]


@pytest.mark.parametrize("torn", ["[2, 3", "[2,\n", "\0\0\0\n"])
def test_half_a_line_is_dropped(tmp_path, torn):
    path = tmp_path / "journal"
    keep(path, [1])
    whole = path.read_text()
    path.write_text(whole + torn)
    assert keep(path, [4], resume=True) == [[1]]
    assert path.read_text() == whole + "[4]\n"


def test_numbers_keep_every_bit(tmp_path):
    numbers = [0.1, 1 / 3, 1e-40, 123456.789]
    keep(tmp_path / "journal", numbers)
    assert keep(tmp_path / "journal", resume=True) == [numbers]


def test_other_settings_are_named(tmp_path):
    keep(tmp_path / "journal", [1])
    with pytest.raises(FileError, match="had model 'x', found 'y': resume it with"):
        keep(tmp_path / "journal", resume=True, asked={**ASKED, "model": "y"})
    assert keep(tmp_path / "journal", resume=True) == [[1]]


def test_nothing_to_resume_is_one_line(tmp_path):
    with pytest.raises(FileError, match="to resume, found no such file"):
        keep(tmp_path / "journal", resume=True)
    (tmp_path / "journal").write_text("")
    with pytest.raises(FileError, match="expected the settings of a run, found none"):
        keep(tmp_path / "journal", resume=True)


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(FileError, match="cannot write"):
        keep(tmp_path / "none" / "journal")


def test_removing_leaves_nothing(tmp_path):
    journal = Journal(tmp_path / "journal", ASKED)
    assert json.loads((tmp_path / "journal").read_text())["model"] == "x"
    journal.remove()
    assert not list(tmp_path.iterdir())
