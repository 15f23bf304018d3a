"""Laws of the whole tree, read from the sources without importing them."""

import ast
import collections
import json
import pathlib
import subprocess
import sys

import pytest

# A package imports those to its left, and none to its right. Every package and every
# module directly in tfpose has a place of its own here: none may import itself freely.
ORDER = (
    "errors skeletons geometry io drawing native layers "
    "codecs losses metrics synthesis weights settings config models data recipes "
    "evaluation inference training edge exporting serving report cli"
).split()
RANK = {name: rank for rank, name in enumerate(ORDER)}
# All that lies directly in tfpose.
FLAT = "__init__ __main__ errors settings config codecs losses drawing".split()
# These answer --help or run where TensorFlow is not installed.
WITHOUT_TENSORFLOW = (
    "errors skeletons drawing geometry.cells geometry.rules "
    "geometry.arrays io.files "
    "io.json_files io.journal io.photos io.video io.video_faults io.video_sources "
    "io.coco io.coco_records io.coco_checks io.photo_ids "
    "io.skeleton_files io.torch_files io.weight_files "
    "io.examples io.shared_joints io.adapters io.installation weights.presets config "
    "recipes metrics.choices metrics.pck metrics.pcp metrics.oks "
    "metrics.mistakes metrics.matching metrics.viewpoint metrics.rates "
    "metrics.bootstrap metrics.photo_draws metrics.multi_person.precision "
    "metrics.multi_person.rates metrics.multi_person.scenes "
    "metrics.multi_person.tracking evaluation.evaluate evaluation.refinement "
    "evaluation.inputs evaluation.meanings evaluation.protocols evaluation.text "
    "inference.boxes inference.people inference.poses_to_refine "
    "inference.detector_files inference.detectors inference.grouping inference.inputs "
    "inference.lite inference.person_detector inference.pose_tracker "
    "inference.predict_video inference.smoothing inference.tracking "
    "inference.video_files edge.predictor edge.metadata "
    "exporting.formats serving.rest_json serving.folder report.charts "
    "report.html report.tables report.galleries report.pages report.hcrn_tree "
    "report.hcrn_tree_pictures cli"
).split()
FOR_DATA_PREP = set("errors skeletons geometry io".split())
PROJECT = pathlib.Path(__file__).resolve().parent.parent


def sources(package):
    return sorted((PROJECT / package).rglob("*.py"))


def module_name(path):
    """tfpose/metrics/pck.py -> metrics.pck; a package's __init__ is the package."""
    parts = path.relative_to(PROJECT / "tfpose").with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def part(name):
    """The package, or module directly in tfpose, that a module belongs to."""
    return name.split(".")[0]


MODULES = {module_name(path): path for path in sources("tfpose")}


def imported(source):
    """Full names of everything a source imports, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(source):
    """The modules inside tfpose that a source imports, by their longest names."""
    for name in imported(source):
        package, _, rest = name.partition(".")
        while package == "tfpose" and rest:
            if rest in MODULES:
                yield rest
                break
            rest = rest.rpartition(".")[0]


def wrong_arrows(name, source):
    """The modules of later packages that a module imports."""
    own = RANK[part(name)]
    modules = imported_modules(source)
    return sorted({other for other in modules if RANK[part(other)] > own})


PLACED = [name for name in MODULES if name not in ("__init__", "__main__")]


@pytest.mark.parametrize("name", PLACED)
def test_a_module_imports_no_package_to_the_right_of_its_own(name):
    assert part(name) in RANK, f"place {part(name)} in ORDER"
    assert wrong_arrows(name, MODULES[name].read_text("utf-8")) == []


def test_an_arrow_that_is_turned_round_is_found():
    assert "inference.refiner" in set(
        imported_modules(MODULES["exporting.parity"].read_text("utf-8"))
    )
    turned = "def later():\n    from tfpose.exporting.parity import compare\n"
    assert wrong_arrows("inference.refiner", turned) == ["exporting.parity"]
    assert wrong_arrows("geometry.cells", "from tfpose import codecs") == ["codecs"]


def test_no_modules_import_each_other_in_a_circle():
    arrows = {
        name: set(imported_modules(MODULES[name].read_text("utf-8"))) - {name}
        for name in PLACED
    }
    assert circles(arrows) == []
    arrows["cli.models"] = {"cli.train"}
    arrows["cli.train"] = {"cli.models"}
    assert circles(arrows) == ["cli", "cli.models", "cli.train"]


def circles(arrows):
    """The modules that are left when those that import none of the others are gone."""
    left = {name: set(others) for name, others in arrows.items()}
    while done := {name for name, others in left.items() if not others & set(left)}:
        left = {name: others for name, others in left.items() if name not in done}
    return sorted(left)


def test_nothing_else_lies_directly_in_the_package():
    flat = {path.stem for path in (PROJECT / "tfpose").glob("*.py")}
    assert flat == set(FLAT)


@pytest.mark.parametrize("path", sources("data_prep"), ids=lambda path: path.name)
def test_data_prep_imports_only_what_files_and_poses_need(path):
    if path.name == "__main__.py":  # it is a command
        return
    parts = {part(name) for name in imported_modules(path.read_text("utf-8"))}
    assert parts <= FOR_DATA_PREP


def test_only_the_command_line_imports_data_prep():
    users = {
        part(name)
        for name in PLACED
        if any(
            other.split(".")[0] == "data_prep"
            for other in imported(MODULES[name].read_text("utf-8"))
        )
    }
    assert users == {"cli"}


def test_only_errors_of_the_package_are_raised_for_people():
    for path in (*sources("tfpose"), *sources("data_prep")):
        text = path.read_text("utf-8")
        assert "raise ValueError(" not in text, f"{path}: raise a TfposeError"


def test_files_are_written_in_one_place():
    writers = collections.defaultdict(list)
    for name in PLACED:
        text = MODULES[name].read_text("utf-8")
        for word in ("os.replace(", '.part"', "tempfile.mkstemp"):
            if word in text:
                writers[word].append(name)
    assert dict(writers) == {"os.replace(": ["io.files"]}


def test_no_module_is_called_utils():
    for package in ("tfpose", "data_prep"):
        assert not [path for path in sources(package) if "util" in path.name]


def test_a_package_is_empty_or_a_door():
    for name, path in MODULES.items():
        if path.name != "__init__.py" or name in ("", "__init__", "cli", "native"):
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            assert text or isinstance(node, ast.ImportFrom), path


def test_light_modules_import_without_tensorflow():
    names = [f"tfpose.{name}" for name in WITHOUT_TENSORFLOW]
    names += ["data_prep.synthetic_people.render"]
    program = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "heavy = {'tensorflow', 'keras', 'tensorflow_datasets', 'jax'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, cwd=PROJECT,
    )  # fmt: skip
    assert json.loads(output.stdout) == []


@pytest.mark.slow
def test_the_public_names_are_there_and_import_nothing_before_they_are_used():
    program = (
        "import sys, tfpose\n"
        "assert not {'numpy', 'keras', 'tensorflow'} & set(sys.modules)\n"
        "assert set(tfpose.__all__) <= set(dir(tfpose))\n"
        "for name in tfpose.__all__: getattr(tfpose, name)\n"
        "assert callable(tfpose.export) and callable(tfpose.train)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
