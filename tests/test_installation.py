"""The wheel in an environment that has what it requires, and nothing else.

Nothing is downloaded: an environment is a folder of links to the packages that the
wheel's own metadata asks for, as they are installed here.
"""

import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.requirements import Requirement

from tests.support import pose_files
from tfpose.edge import flatbuffer, metadata
from tfpose.exporting import litert
from tfpose.exporting.savedmodel import write_saved_model
from tfpose.io import examples
from tfpose.models import PoseFix
from tfpose.models.serving_graph import serving_model
from tfpose.skeletons import LSP14
from tfpose.weights import presets

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(project, tmp_path_factory):
    """The wheel's contents, unpacked."""
    source = tmp_path_factory.mktemp("source") / "tfpose"
    source.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info")
    for name in ("tfpose", "data_prep"):
        shutil.copytree(project / name, source / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(project / name, source)
    built = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "setup.py", "-q", "bdist_wheel", "-d", str(built)],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(built / "unpacked")
    return built / "unpacked"


def required(wheel, extra=""):
    """Names of the packages that the wheel, and what it requires, require."""
    (about,) = wheel.glob("*.dist-info/METADATA")
    lines = re.findall(r"^Requires-Dist: (.+)$", about.read_text("utf-8"), re.M)
    wanted, names = [(line, extra) for line in lines], set()
    while wanted:
        line, chosen = wanted.pop()
        requirement = Requirement(line)
        marker = requirement.marker
        if marker and not marker.evaluate({"extra": chosen}):
            continue
        if requirement.name not in names:
            names.add(requirement.name)
            for more in importlib.metadata.requires(requirement.name) or ():
                wanted.append((more, ""))
    return names


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """(extra) -> a function that runs Python with the wheel and what it requires."""
    made = {}

    def run_in(extra, *arguments):
        if extra not in made:
            folder = made[extra] = tmp_path_factory.mktemp(f"base_{extra}")
            for name in required(wheel, extra):
                link(importlib.metadata.distribution(name), folder)
        path = os.pathsep.join([str(wheel), str(made[extra])])
        # Without site-packages.
        return subprocess.run(
            [sys.executable, "-S", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
            cwd=made[extra],
        )  # fmt: skip

    return run_in


def link(distribution, folder: pathlib.Path) -> None:
    for file in distribution.files:
        top = file.parts[0]
        source = pathlib.Path(distribution.locate_file(top))
        if top != ".." and source.exists() and not (folder / top).exists():
            if source.is_dir():  # OpenCV does not import through a link to its folder
                shutil.copytree(source, folder / top, copy_function=os.link)
            else:
                shutil.copy(source, folder / top)


def test_the_wheel_has_what_a_user_needs(wheel):
    for name in presets.names():
        folder = wheel / "tfpose/weights" / name
        assert (folder / "config.json").is_file() and (folder / "README.md").is_file()
        if (folder / "shared.json").is_file():
            shared = json.loads((folder / "shared.json").read_text())["weights"]
            assert all((folder.parent / file).is_file() for file in shared)
        else:
            assert (folder / "model.weights.h5").is_file()
    for file in ("detector.tflite", "NOTICE", "README.md"):
        assert (wheel / "tfpose/weights/ssdlite_coco" / file).is_file()
    assert (wheel / "tfpose/report/page.html").is_file()
    for path in examples.paths():
        assert (wheel / "tfpose/examples" / path.name).is_file()
    assert (wheel / "tfpose/examples/ATTRIBUTION.md").is_file()
    assert (wheel / "data_prep/lsp.py").is_file()
    assert not (wheel / "tests").exists()


def test_the_package_imports_in_a_moment_without_anything(wheel, environment):
    program = (
        "import sys, time; start = time.process_time(); import tfpose; "
        "took = time.process_time() - start; import json; "
        "print(json.dumps([took, sorted({m.split('.')[0] for m in sys.modules})]))"
    )
    took, loaded = json.loads(environment("", "-c", program).stdout)
    assert took < 0.3
    assert not {"tensorflow", "keras", "numpy", "cv2", "scipy"} & set(loaded)


def test_a_plain_installation_answers_help_scores_and_analyzes(environment, tmp_path):
    for command in ([], ["evaluate"], ["prepare"], ["train"], ["export"]):
        help_ = environment("", "-m", "tfpose", *command, "--help")
        assert help_.returncode == 0 and help_.stdout.startswith("usage: tfpose")
    files = pose_files.write(tmp_path)
    given = "--poses", files["after"], "--annotations", files["annotations"]
    for metric in ("pck", "pcp"):
        scored = environment("", "-m", "tfpose", "evaluate", *given, "--metric", metric)
        assert (scored.returncode, scored.stderr) == (0, "")
        assert re.search(r"^mean +100\.00", scored.stdout, re.M)
    found = environment("", "-m", "tfpose", "analyze", *given)
    assert (found.returncode, found.stderr) == (0, "") and "good" in found.stdout
    page = tmp_path / "page.html"
    given += "--images", files["images"], "--out", page
    written = environment("", "-m", "tfpose", "report", *given)
    assert written.returncode == 2 and "needs pycocotools" in written.stderr


def test_what_a_plain_installation_lacks_is_said_in_one_line(environment, tmp_path):
    files = pose_files.write(tmp_path)
    refine = ["refine", "--poses", files["before"], "--images", files["images"]]
    saved = tmp_path / "models/mine/1/saved_model.pb"
    saved.parent.mkdir(parents=True)
    saved.touch()
    for command, lacks in (
        ([*refine, "--out", tmp_path / "refined.json"], "tensorflow"),
        (["serve", "--models", tmp_path / "models"], "fast"),
    ):
        said = environment("", "-m", "tfpose", *command)
        (line,) = said.stderr.splitlines()
        assert said.returncode == 2 and f"this needs {lacks}" in line
        assert ": pip install 'tfpose[" in line
    for program, start in (
        ("tfpose.Refiner", "ModuleNotFoundError: tfpose.Refiner needs "),
        ("tfpose.Predictor.load('posefix_tiny_lsp')",
         "tfpose.errors.PredictorError: posefix_tiny_lsp: needs "),
    ):  # fmt: skip
        said = environment("", "-c", f"import tfpose; {program}").stderr.splitlines()
        assert said[-1].startswith(start) and "the extra 'full' installs" in said[-1]


@pytest.mark.usefixtures("nano_trunk")
def test_the_extra_edge_runs_a_predictor(environment, tmp_path):
    model = PoseFix(14, (64, 64), trunk="nano", filters=(4, 4, 4))
    write_saved_model(serving_model(model, LSP14, phases=True), tmp_path, batch=1)
    about = metadata.describe(model, LSP14, "nano", "posefix")
    content = flatbuffer.embed(litert.convert(str(tmp_path)), about)
    (tmp_path / "model.tflite").write_bytes(content)
    program = (
        "import sys, numpy as np, tfpose\n"
        "predictor = tfpose.Predictor.load(sys.argv[1])\n"
        "photo = np.zeros((90, 80, 3), np.uint8)\n"
        "pose = np.random.default_rng(0).uniform(10, 70, (2, 14, 2))\n"
        "keypoints, scores = predictor(photo, pose, np.ones((2, 14)))\n"
        "assert 'tensorflow' not in sys.modules\n"
        "print(*keypoints.shape, *scores.shape, np.isfinite(keypoints).all())\n"
    )
    answer = environment("edge", "-c", program, tmp_path / "model.tflite")
    assert answer.stdout.split() == "2 14 2 2 14 True".split(), answer.stderr


def test_a_predictor_without_litert_says_what_to_install(environment, tmp_path):
    (tmp_path / "x.tflite").write_bytes(b"")
    program = "import sys, tfpose; tfpose.Predictor.load(sys.argv[1])"
    said = environment("", "-c", program, tmp_path / "x.tflite").stderr
    assert "x.tflite: needs ai_edge_litert, which the extra 'edge' installs" in said


def test_the_edge_environment_has_no_tensorflow(wheel):
    assert "tensorflow" not in required(wheel, "edge")
    assert {"numpy", "scipy"} <= required(wheel)
