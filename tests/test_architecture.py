"""Laws of the whole tree, read from the sources without importing them."""

import ast
import json
import pathlib
import subprocess
import sys

import pytest

# Left never imports right: a module may import from earlier ranks, and from its own
# rank where its package does. Every module of tfpose must be placed here.
ORDER = (
    "crop_rules skeleton geometry codecs photos pose_entries pose_faults poses "
    "grouping",
    "native layers losses metrics synthesis data viz",
    "models",
    "config recipes",
    "cluster callbacks supervision photo_folder training hybrid tables evaluate "
    "changes refine estimate bottom_up detect given_photos predict maps exporting "
    "fusion validation calibration litert serving_model summary lite_metadata "
    "predictor photo_signatures photo_parity warm_up rest_json served_models serve",
    "charts report galleries comparison tree_pictures tree_report demo",
    "options running scoring_arguments scoring_cli arguments cli __main__",
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names.split()}
# These answer --help or run where TensorFlow is not installed.
WITHOUT_TENSORFLOW = (
    "skeleton photos pose_entries pose_faults poses grouping metrics.pck metrics.pcp "
    "metrics.oks metrics.errors metrics.matching metrics.viewpoint metrics.rates "
    "metrics.bootstrap metrics.photo_draws metrics.mistakes metrics.multi_person "
    "metrics.multi_person_rates metrics.scenes metrics.tracking "
    "crop_rules lite_metadata predictor rest_json "
    "tables evaluate changes viz charts report galleries comparison tree_pictures "
    "tree_report "
    "options running scoring_arguments scoring_cli arguments cli"
).split()
FOR_DATA_PREP = {"skeleton", "geometry", "photos", "pose_entries", "poses"}
PROJECT = pathlib.Path(__file__).resolve().parent.parent


def sources(package):
    return sorted((PROJECT / package).rglob("*.py"))


def part(path):
    """The top-level name inside tfpose that a file belongs to: metrics, poses, ..."""
    return path.relative_to(PROJECT / "tfpose").parts[0].removesuffix(".py")


def imported(path):
    """Full names of everything a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_parts(path):
    """The top-level names inside tfpose that a file imports."""
    for name in imported(path):
        package, _, rest = name.partition(".")
        if package == "tfpose" and rest:
            yield rest.split(".")[0]


def tfpose_sources():
    files = [path for path in sources("tfpose") if part(path) != "__init__"]
    return pytest.mark.parametrize(
        "path", files, ids=[str(path.relative_to(PROJECT)) for path in files]
    )


@tfpose_sources()
def test_a_module_imports_nothing_to_the_right_of_it(path):
    assert part(path) in RANK, f"place {part(path)} in ORDER"
    later = {name for name in imported_parts(path) if RANK[name] > RANK[part(path)]}
    assert not later, f"{part(path)} must not import {sorted(later)}"


@pytest.mark.parametrize("path", sources("data_prep"), ids=lambda path: path.name)
def test_data_prep_imports_only_skeleton_geometry_photos_and_poses(path):
    assert set(imported_parts(path)) <= FOR_DATA_PREP


def test_only_the_command_line_and_the_demo_import_data_prep():
    users = {
        part(path)
        for path in sources("tfpose")
        if any(name.split(".")[0] == "data_prep" for name in imported(path))
    }
    assert users <= {"arguments", "cli", "demo"}


def test_no_module_is_called_utils():
    for package in ("tfpose", "data_prep"):
        assert not [path for path in sources(package) if "util" in path.name]


def test_light_modules_import_without_tensorflow():
    names = [f"tfpose.{name}" for name in WITHOUT_TENSORFLOW]
    program = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "heavy = {'tensorflow', 'keras', 'tensorflow_datasets', 'jax'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(output.stdout) == []
