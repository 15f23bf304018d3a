"""The options of a pipeline: what Beam does not take is one line, before anything."""

import importlib.util

import pytest

from tfpose.errors import TfposeError
from tfpose.io.beam_options import read_options

# Beam's own code warns of what it will remove.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def beam():
    return pytest.importorskip(
        "apache_beam", reason="needs an environment with tfpose[beam] (setup.py)"
    )


def test_without_beam_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TfposeError, match=r"--beam needs .*\[beam\]"):
        read_options("")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("--direct_num_workers=x", "invalid int value: 'x'"),
        ("--direct_running_mode=fast", "invalid choice: 'fast'"),
        ("--direct_num_worker=3", "no option --direct_num_worker"),
        ("--direct_num_workers=2 3", "no option 3"),
        ("two", "no option two"),
        ("--runner=NoRunner", "NoRunner"),
        ("'", "No closing quotation"),
    ],
)
def test_other_options_are_refused(beam, text, fault, capsys):
    with pytest.raises(TfposeError, match="expected options of an Apache Beam") as e:
        read_options(text)
    assert fault in str(e.value)
    assert "usage" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("text", ["", "--direct_num_workers 2", "--runner=FlinkRunner"])
def test_options_of_beam_are_taken(beam, text):
    assert read_options(text).get_all_options()["runner"] in (None, "FlinkRunner")
