import json
import os
import re
import subprocess
import sys

import pytest

from tests.support import pose_files
from tfpose import cli
from tfpose.cli import common, models
from tfpose.recipes import RECIPES
from tfpose.weights import presets


@pytest.fixture
def files(tmp_path):
    return pose_files.write(tmp_path)


def run(capsys, *arguments):
    """(exit code, lines of stdout, lines of stderr) of a subcommand."""
    code = cli.main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return code, output.out.splitlines(), output.err.splitlines()


def test_help_answers_within_a_second_without_tensorflow():
    started = sum(os.times()[2:4])
    program = (
        "import sys\nfrom tfpose import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'tensorflow', 'keras', 'scipy', 'cv2'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    # Of the processor, so that other tests beside this one do not count.
    assert sum(os.times()[2:4]) - started < 1
    assert output.stdout.startswith("usage: tfpose") and not output.stderr
    assert output.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0 and text.startswith(f"usage: tfpose {command}")
    assert f"tfpose {command}" in text.split("Example:")[1]
    flags = re.findall(r"^  (--[a-z_-]+)", text, re.MULTILINE)
    assert "_" not in "".join(flags)


@pytest.mark.parametrize(
    "command, old, new",
    [
        ("evaluate", ["--model_dir", "x"], ["--model-dir", "x"]),
        ("evaluate", ["--normaliser", "torso"], ["--normalizer", "torso"]),
        ("evaluate", ["--average"], ["--lenient"]),
        ("evaluate", ["--every_map"], ["--every-map"]),
        ("train", ["--preset", "paper"], ["--recipe", "paper"]),
        ("summary posefix", ["--preset=tiny"], ["--recipe=tiny"]),
        ("predict", ["--detection_score", "0.5"], ["--detection-score", "0.5"]),
        ("refine --model m --poses p --images i --out o", ["--no-fusion"],
         ["--refined-only"]),
        ("refine --model m --poses p --images i --out o", ["--reliability-report"],
         ["--reliability-report"]),
    ],
)  # fmt: skip
def test_earlier_names_of_options_still_work(command, old, new):
    parse = cli.parser().parse_args
    assert parse(command.split() + old) == parse(command.split() + new)


def test_evaluate_prints_and_writes_the_numbers(files, tmp_path, capsys):
    code, lines, errors = run(
        capsys, "evaluate", "--poses", files["after"], "--annotations",
        files["annotations"], "--metric", "pck", "--json", tmp_path / "numbers.json",
    )  # fmt: skip
    assert (code, errors) == (0, [])
    assert any(line.split()[:2] == ["left_knee", "100.00"] for line in lines)
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["metric"] == "pck" and numbers["threshold"] == 0.2
    assert numbers["mean"] == 100.0 and numbers["per_joint"]["head_top"] == 100.0


def test_evaluate_shows_before_and_after(files, tmp_path, capsys):
    code, lines, _ = run(
        capsys, "evaluate", "--poses", files["after"], "--before", files["before"],
        "--annotations", files["annotations"], "--metric", "pck", "--threshold", 0.1,
        "--json", tmp_path / "numbers.json",
    )  # fmt: skip
    assert code == 0
    wanted = ["neck", "0.00", "->", "100.00", "+100.00"]
    assert any(line.split() == wanted for line in lines)
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert (numbers["before"]["mean"], numbers["mean"]) == (0.0, 100.0)


def test_analyze_writes_the_shares_and_a_picture(files, tmp_path, capsys):
    code, lines, _ = run(
        capsys, "analyze", "--poses", files["after"], "--annotations",
        files["annotations"], "--json", tmp_path / "numbers.json",
        "--picture", tmp_path / "errors.svg",
    )  # fmt: skip
    assert code == 0 and any(line.startswith("good") for line in lines)
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    shares = [numbers[k] for k in ("good", "jitter", "inversion", "swap", "miss")]
    assert sum(shares) == pytest.approx(100)
    assert len(numbers["per_joint"]) == 14
    assert (tmp_path / "errors.svg").read_text().startswith("<svg")
    assert not list(tmp_path.glob("*tmp*"))


def test_compare_prints_and_writes_the_changes(files, tmp_path, capsys):
    code, lines, errors = run(
        capsys, "compare", "--poses", files["before"], "--annotations",
        files["annotations"], "--refined", f"halved={files['after']}", files["before"],
        "--metric", "pck@0.1", "--json", tmp_path / "numbers.json",
    )  # fmt: skip
    assert (code, errors) == (0, [])
    assert lines[1].split() == ["before", "halved", "before"]
    wanted = "PCK@0.1 0.00 100.00 +100.00 [+100.00, +100.00] 0.00 +0.00 [+0.00, +0.00]"
    assert lines[2].split() == wanted.split()
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["refiners"] == ["halved", "before"]


@pytest.mark.parametrize(
    "refined, message",
    [
        (["=a.json"], "--refined =a.json: expected NAME=FILE"),
        (["a="], "--refined a=: expected NAME=FILE"),
        (["a=b", "c/a.json"], "--refined c/a.json: expected another name than a"),
    ],
)
def test_refiners_have_names_and_files(files, refined, message, capsys):
    code, _, errors = run(
        capsys, "compare", "--poses", files["before"], "--annotations",
        files["annotations"], "--refined", *refined,
    )  # fmt: skip
    assert code == 2 and errors == [f"tfpose: error: {message}"]


def test_compare_writes_the_page(files, tmp_path, capsys):
    given = [
        "compare", "--poses", files["before"], "--annotations", files["annotations"],
        "--refined", f"halved={files['after']}", "--out", tmp_path / "page.html",
        "--title", "A title",
    ]  # fmt: skip
    code, _, errors = run(capsys, *given)
    assert code == 2 and not (tmp_path / "page.html").exists()
    assert errors == ["tfpose: error: compare: expected --images with --out"]
    code, lines, _ = run(capsys, *given, "--images", files["images"])
    assert code == 0 and lines[-1] == f"wrote {tmp_path / 'page.html'}"
    assert "A title" in (tmp_path / "page.html").read_text("utf-8")


def test_report_writes_the_page(files, tmp_path, capsys):
    code, lines, _ = run(
        capsys, "report", "--poses", files["after"], "--annotations",
        files["annotations"], "--images", files["images"], "--title", "A title",
        "--out", tmp_path / "report.html",
    )  # fmt: skip
    assert code == 0 and lines == [f"wrote {tmp_path / 'report.html'}"]
    assert "A title" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_summary_writes_the_size_of_the_papers_network(tmp_path, capsys):
    code, lines, _ = run(
        capsys, "summary", "posefix", "--set", "trunk=resnet50", "--set",
        "input_size=256x192", "--set", "skeleton=coco17",
        "--json", tmp_path / "numbers.json",
    )  # fmt: skip
    assert code == 0
    assert "trainable parameters      34,053,009" in lines
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["model"] == "posefix"
    assert numbers["trainable_parameters"] == 34_053_009
    assert numbers["inputs"]["image"] == [256, 192, 3]


def test_models_lists_every_recipe_and_preset(capsys):
    code, lines, _ = run(capsys, "models")
    recipes = [(model, name) for model in RECIPES for name in RECIPES[model]]
    listed = [line.split()[:3] for line in lines if "--recipe" in line]
    assert code == 0
    assert listed == [[model, "--recipe", name] for model, name in recipes]
    assert len(lines) == len(recipes) + len(presets.names())
    line = next(line for line in lines if "hcrn_movenet_lsp14" in line)
    wanted = "hcrn_movenet_lsp14 tfpose predict 14 joints (lsp14), hcrn"
    assert line.split()[1:] == wanted.split()


@pytest.mark.slow
def test_the_stored_sizes_are_those_of_the_networks(tmp_path, capsys, monkeypatch):
    # Two models: to build all of them, 139 M parameters the largest, takes a minute.
    few = {name: RECIPES[name] for name in ("posefix", "cnet")}
    monkeypatch.setattr("tfpose.recipes.RECIPES", few)
    path = tmp_path / "models.json"
    code, _, _ = run(capsys, "models", "--count", "--json", path)
    counted = json.loads(path.read_text())["recipes"]
    stored = json.loads(models.SIZES.read_text())["recipes"]
    assert code == 0 and len(counted) == 6
    assert counted == [row for row in stored if row["model"] in few]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["summary", "alexnet"],
            f"model 'alexnet': expected one of {', '.join(RECIPES)}",
        ),
        (
            ["evaluate", "--poses", "poses.json"],
            "evaluate: expected --poses with --annotations, or --model-dir with --data",
        ),
        (
            ["evaluate", "--poses", "a", "--annotations", "b", "--model_dir", "c"],
            "evaluate: expected --poses with --annotations, or --model-dir with --data",
        ),
        (
            ["summary", "posefix", "--recipe", "huge"],
            "recipe 'huge' of posefix: expected one of tiny, paper, code, lite",
        ),
        (
            ["prepare", "lsp", "--source", "/no/such", "--out", "x"],
            "--source /no/such: expected the folder of lsp, found none",
        ),
        (
            ["prepare", "lsp", "--source", "/", "--out", "x", "--set", "seed"],
            "--set seed: expected key=value",
        ),
    ],
)
def test_a_wrong_choice_is_one_line_and_code_2(arguments, message, capsys):
    code, _, errors = run(capsys, *arguments)
    assert code == 2 and errors == [f"tfpose: error: {message}"]


@pytest.mark.parametrize(
    "words, message",
    [
        (
            "refine --imagse x",
            "unknown flag --imagse, did you mean --images? (tfpose re",
        ),
        (
            "evaluate --metrics=pck",
            "unknown flag --metrics, did you mean --metric? (tf",
        ),
        ("predict x --qqqqq", "unknown flag --qqqqq (tfpose predict --help)"),
        (
            "refine --poses x",
            "the following arguments are required: --images, --out (t",
        ),
        ("evaluate --metric pkc", "argument --metric: invalid choice: 'pkc'"),
        ("serve --models x --port many", "argument --port: invalid int value: 'many'"),
        ("prepare lpsp", "argument NAME: invalid choice: 'lpsp'"),
        ("refin", "argument COMMAND: invalid choice: 'refin'"),
        ("", "the following arguments are required: COMMAND (tfpose --help)"),
    ],
)
def test_a_mistyped_flag_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(words.split())
    output = capsys.readouterr()
    assert stop.value.code == 2 and output.out == ""
    assert output.err.startswith(f"tfpose: error: {message}")
    assert output.err.count("\n") == 1


def test_a_bad_file_is_named_and_nothing_is_written(files, tmp_path, capsys):
    (tmp_path / "bad.json").write_text("{")
    code, lines, errors = run(
        capsys, "evaluate", "--poses", tmp_path / "bad.json", "--annotations",
        files["annotations"], "--json", tmp_path / "numbers.json",
    )  # fmt: skip
    assert code == 2 and lines == []
    (error,) = errors
    assert error.startswith(f"tfpose: error: {tmp_path / 'bad.json'}: not JSON")
    assert not (tmp_path / "numbers.json").exists()


def test_poses_of_a_photo_without_annotations_are_refused(files, tmp_path, capsys):
    poses = json.loads((tmp_path / "after.json").read_text())
    poses[1]["image_id"] = 77
    (tmp_path / "after.json").write_text(json.dumps(poses))
    code, _, (error,) = run(
        capsys, "evaluate", "--poses", files["after"], "--annotations",
        files["annotations"],
    )  # fmt: skip
    assert code == 2 and "after.json: record 1 (image_id 77)" in error


def test_an_unforeseen_error_keeps_its_traceback():
    def broken():
        int("many")

    # Defined here, so neither the error nor its place is the package's.
    with pytest.raises(ValueError, match="invalid literal"):
        common.run(broken)


def test_a_reader_that_leaves_is_no_error(files):
    command = [sys.executable, "-m", "tfpose", "evaluate", "--metric", "pck", "--poses"]
    command += [files["after"], "--annotations", files["annotations"]]
    read, write = os.pipe()
    os.close(read)
    answer = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (answer.returncode, answer.stderr) == (141, "")


def test_an_interrupted_command_says_so(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert common.run(interrupted) == 130
    assert capsys.readouterr().err == "tfpose: interrupted\n"


@pytest.mark.slow
def test_a_user_sees_one_line_without_tensorflows_messages():
    output = subprocess.run(
        [sys.executable, "-m", "tfpose", "summary", "alexnet"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert output.returncode == 2
    known = ", ".join(RECIPES)
    expected = f"tfpose: error: model 'alexnet': expected one of {known}\n"
    assert output.stderr == expected


def test_train_py_has_the_flags_of_the_command(project):
    output = subprocess.run(
        [sys.executable, "train.py", "--help"],
        capture_output=True, text=True, cwd=project,
    )  # fmt: skip
    flags = "model recipe data model_dir resume quicktest on_device minutes set"
    flags = flags.split()
    for flag in flags:
        assert f"{flag}:" in output.stdout.replace("[no]", "")


@pytest.mark.slow
def test_the_whole_job_through_the_command_line(
    tmp_path, capsys, monkeypatch, nano_trunk, eagerly
):
    from tfpose.models import posefix

    monkeypatch.setitem(posefix.TRUNKS, "tiny", posefix.TRUNKS["nano"])
    folder = tmp_path / "demo"
    code, lines, _ = run(
        capsys, "demo", "--train", "--quick", "--out", folder,
        "--json", tmp_path / "demo.json",
    )  # fmt: skip
    assert code == 0 and any("refining" in line for line in lines)
    numbers = json.loads((tmp_path / "demo.json").read_text())
    assert {"AP", "PCK@0.2", "good", "miss"} <= set(numbers["before"])
    assert set(numbers["after"]) == set(numbers["before"])
    assert (folder / "report.html").exists() and (folder / "export/1").is_dir()

    given = [
        "refine", "--model", folder / "model", "--images", folder / "photos",
        "--annotations", next((folder / "data/synthetic").glob("*_validation.json")),
        "--json", tmp_path / "refine.json",
    ]  # fmt: skip
    poses = json.loads((folder / "corrupted.json").read_text())
    code, lines, _ = run(
        capsys, *given, "--poses", folder / "corrupted.json",
        "--out", tmp_path / "again.json", "--reliability-report",
    )  # fmt: skip
    assert code == 0
    assert (
        lines[0]
        .rpartition(" by ")[0]
        .endswith(f"refined {len(poses)} of {len(poses)} poses")
    )
    assert any(line.startswith("left_knee") for line in lines)
    assert (tmp_path / "again.json").read_text() == (
        folder / "refined.json"
    ).read_text()

    (tmp_path / "bad.json").write_text(json.dumps([poses[0], {"image_id": 5}]))
    bad = [*given, "--poses", tmp_path / "bad.json", "--out", tmp_path / "bad_out.json"]
    code, _, (error,) = run(capsys, *bad)
    assert code == 2 and "bad.json: record 1" in error
    assert not (tmp_path / "bad_out.json").exists()
    code, lines, (left,) = run(capsys, *bad, "--skip-bad")
    assert code == 0 and "refined 1 of 2 poses" in lines[0]
    assert left.startswith("left as it was: ") and "record 1" in left
    assert json.loads((tmp_path / "bad_out.json").read_text())[1] == {"image_id": 5}

    code, lines, _ = run(
        capsys, "evaluate", "--model_dir", folder / "model", "--data", folder / "data",
        "--metric", "pck",
    )  # fmt: skip
    assert code == 0 and any(line.startswith("mean") and "->" in line for line in lines)

    code, _, (error,) = run(
        capsys, "train", "--data", folder / "data", "--model_dir", folder / "model",
        "--quicktest",
    )  # fmt: skip
    assert code == 2 and "a run is there already; --resume continues it" in error
