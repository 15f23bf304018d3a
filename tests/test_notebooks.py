"""Every notebook runs from top to bottom, and only calls the package."""

import ast
import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted(
    pathlib.Path(__file__).parent.parent.joinpath("colab").glob("*.ipynb")
)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def code_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_there_is_a_quickstart():
    assert "01_quickstart.ipynb" in [path.name for path in NOTEBOOKS]


@each_notebook
def test_a_notebook_defines_nothing(path):
    for cell in code_cells(path):
        lines = [line for line in cell.source.splitlines() if "%pip" not in line]
        source = "\n".join(lines) + "\n    pass" * ("%pip" in cell.source)
        definitions = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
        assert not [
            n for n in ast.walk(ast.parse(source)) if isinstance(n, definitions)
        ]


@each_notebook
def test_a_notebook_is_kept_without_outputs(path):
    for cell in code_cells(path):
        assert not cell.outputs and cell.execution_count is None


@pytest.mark.slow
@each_notebook
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("TFPOSE_QUICK", "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )  # fmt: skip
    client.execute()
    assert (tmp_path / "runs/quickstart/report.html").exists()
    assert (tmp_path / "runs/quickstart/export/parity.json").exists()
