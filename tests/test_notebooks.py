"""Every notebook runs from top to bottom, only calls the package, shows its outputs."""

import ast
import pathlib
import re

import nbformat
import pytest
from nbclient import NotebookClient

COLAB = pathlib.Path(__file__).parent.parent / "colab"
NOTEBOOKS = sorted(COLAB.glob("*.ipynb"))
LARGEST = 300_000  # bytes, with pictures
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def code_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_there_are_these_notebooks():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_quickstart", "02_own_data", "03_error_report", "04_export_serve_edge"
    ]  # fmt: skip


@each_notebook
def test_a_notebook_defines_nothing(path):
    for cell in code_cells(path):
        # Lines for the shell and IPython stand in a block of Python.
        source = re.sub(r"^( *)[!%].*$", r"\1pass", cell.source, flags=re.MULTILINE)
        definitions = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
        assert not [
            n for n in ast.walk(ast.parse(source)) if isinstance(n, definitions)
        ]


@each_notebook
def test_a_notebook_names_its_repository_once_and_installs_versions(path):
    _, second = nbformat.read(path, as_version=4).cells[:2]
    address = 'REPOSITORY = "https://github.com/OWNER/tfpose"'
    assert second.source.count(address) == 1
    assert path.read_text("utf-8").count("github.com/") == 1
    assert '%pip install --quiet -r requirements.txt "..[full,serve]"' in second.source


def test_versions_are_pinned():
    lines = (COLAB / "requirements.txt").read_text().splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in pinned)
    assert any(line.startswith("tensorflow==") for line in pinned)


@each_notebook
def test_a_notebook_is_kept_with_its_pictures(path):
    outputs = [output for cell in code_cells(path) for output in cell.outputs]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert "image/jpeg" in kinds
    assert {output.output_type for output in outputs} <= {
        "stream", "execute_result", "display_data"
    }  # fmt: skip
    assert path.stat().st_size < LARGEST


@pytest.mark.slow
def test_the_notebooks_run(tmp_path, monkeypatch):
    """One after the other in one kernel: TensorFlow starts once.

    It builds no graphs (``eagerly`` of conftest.py), but for the exports.
    """
    monkeypatch.setenv("TFPOSE_QUICK", "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")  # trained networks compute for longer
    together = nbformat.v4.new_notebook()
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        assert [cell for cell in cells if cell.cell_type == "code"]
        # Without the names of the notebook before.
        begin = "import tensorflow as tf\n"
        begin += f"tf.config.run_functions_eagerly({'export' not in path.stem})\n"
        begin += "%reset -f"
        together.cells += [nbformat.v4.new_code_cell(begin), *cells]
    NotebookClient(
        together, timeout=1800, kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()  # fmt: skip
    runs = tmp_path / "runs"
    assert (runs / "quickstart/refined.json").exists()
    assert (runs / "own_data/model/model.weights.h5").exists()
    assert (runs / "error_report/report.html").exists()
    assert (runs / "export/models/posefix/parity.json").exists()
