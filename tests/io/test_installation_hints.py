import importlib.metadata
import json
import pathlib
import re
import sys
from types import SimpleNamespace

import pytest

import tfpose
from tfpose import cli
from tfpose.edge.predictor import Predictor
from tfpose.errors import PredictorError
from tfpose.io import installation

PROJECT = pathlib.Path(installation.__file__).resolve().parents[2]


def test_every_extra_is_one_of_the_setups():
    setup = (PROJECT / "setup.py").read_text("utf-8")
    extras = re.search(r"extras_require=\{(.*?)\}", setup, re.S)
    known = re.findall(r'"(\w+)":', extras[1])
    assert set(installation.EXTRAS.values()) <= set(known)


def test_the_command_names_the_checkout():
    assert installation.command("full") == f"pip install '{PROJECT}[full]'"
    assert installation.hint("tensorflow.keras") == (
        "needs tensorflow, which the extra 'full' installs: "
        f"pip install '{PROJECT}[full]'"
    )
    assert installation.hint("numpy") is None and installation.hint("") is None


@pytest.mark.parametrize(
    "url, source",
    [
        ("file://{folder}/tfpose-1-py3-none-any.whl", "{url}"),
        ("file://{folder}/gone.whl", "file:///PATH/OF/THE/WHEEL.whl"),
        ("https://example.com/tfpose.whl", "{url}"),
        (None, "file:///PATH/OF/THE/WHEEL.whl"),
    ],
)
def test_the_command_names_the_wheel(tmp_path, monkeypatch, url, source):
    (tmp_path / "tfpose-1-py3-none-any.whl").touch()
    url = url and url.format(folder=tmp_path)
    about = json.dumps({"url": url}) if url else None
    wheel = SimpleNamespace(read_text=lambda name: about)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: wheel)
    monkeypatch.setattr(installation, "__file__", str(tmp_path / "a/b/c.py"))
    expected = f"pip install 'tfpose[edge] @ {source.format(url=url)}'"
    assert installation.command("edge") == expected


def test_intel_macs_are_told_that_there_is_no_wheel(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert installation.hint("ai_edge_litert").endswith(
        "(there is none for Intel Macs: use Linux, in a container for example)"
    )
    assert "Intel" not in installation.hint("fastapi")


@pytest.fixture
def without_tensorflow(monkeypatch):
    loaded = [name for name in sys.modules if name.split(".")[0] == "tfpose"]
    for name in loaded:
        if name.startswith(("tfpose.models", "tfpose.inference.refiner")):
            monkeypatch.delitem(sys.modules, name)
    for name in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("Refiner", "models"):
        monkeypatch.delitem(vars(tfpose), name, raising=False)


def test_what_needs_tensorflow_says_so_in_one_line(without_tensorflow):
    install = r"needs .*, which the extra 'full' installs: pip install '.*\[full\]'"
    with pytest.raises(ModuleNotFoundError, match=f"tfpose.Refiner {install}"):
        tfpose.Refiner  # noqa: B018
    with pytest.raises(PredictorError, match=f"posefix_tiny_lsp: {install}"):
        Predictor.load("posefix_tiny_lsp")


def test_a_command_says_what_it_lacks(without_tensorflow, monkeypatch, capsys):
    assert cli.main(["summary", "posefix"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tfpose: error: this needs tensorflow, which the extra '")
