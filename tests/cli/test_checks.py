"""What is mistyped is said in one line, before TensorFlow is imported."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.support import pose_files
from tfpose import cli
from tfpose.cli import checks
from tfpose.config import REFINERS
from tfpose.errors import TfposeError

REFINE = "refine --poses {before} --images {images} --out {folder}/refined.json "
SCORE = "--poses {after} --annotations {annotations} "
EVALUATE, ANALYZE = f"evaluate {SCORE}", f"analyze {SCORE}"
COMPARE = f"compare {SCORE} --refined {{before}} "
REPORT = f"report {SCORE} --images {{images}} --out {{folder}}/page.html "
PREDICT = "predict {images} --out {folder}/found "
TRAIN = "train --model-dir {folder}/run --data {data} "
EXPORT = "export --model-dir posefix_tiny_lsp --out {folder}/export "
IMPORT = "import-torch {before} --model hrnet --out {folder}/h "
# Command -> a part of what it says. {no} is a path where nothing is.
MISTYPED = {
    # Paths.
    "refine --poses {no} --images {images} --out r.json": "--poses {no}: expected a f",
    "refine --poses {before} --images {no} --out r.json": "--images {no}: expected a f",
    "refine --poses {before} --images {images} --out {no}/r.json": "existing folder to",
    REFINE + "--annotations {no}": "--annotations {no}: expected a file, found none",
    REFINE + "--annotations {images}": "expected a file, found a folder",
    REFINE + "--json {no}/n.json": "expected an existing folder to write into",
    "predict {no}": "{no}: expected a photo or a folder of photos, found none",
    "predict": "expected photos or folders of photos, found none",
    "predict clip.avi": "clip.avi: expected a video, found none",
    "predict 0": "0: expected a camera, found none that answers",
    "predict {images} --video --out {images}": "a folder other than the frames'",
    "refine --poses {before} --images {no}.mp4 --out r.json": "--images {no}.mp4: exp",
    PREDICT + "--boxes {no}": "--boxes {no}: expected a file, found none",
    PREDICT + "--annotations {no}": "--annotations {no}: expected a file, found none",
    PREDICT + "--detector {no}": "--detector {no}: expected a .tflite file",
    "predict {images} --out {before}/found": "expected a folder to write into",
    "predict {images} --out {no}/found.json": "expected an existing folder to write",
    "evaluate --poses {no} --annotations {annotations}": "--poses {no}: expected",
    "evaluate --poses {after} --annotations {no}": "--annotations {no}: expected",
    EVALUATE + "--before {no}": "--before {no}: expected a file, found none",
    EVALUATE + "--metric pck --curve {no}/c.svg": "expected an existing folder to wri",
    "evaluate --model-dir posefix_tiny_lsp --data {no}": "{no}/lsp: expected the prep",
    "analyze --poses {no} --annotations {annotations}": "--poses {no}: expected",
    ANALYZE + "--picture {no}/p.svg": "expected an existing folder to write into",
    f"compare {SCORE} --refined a={{no}}": "--refined {no}: expected a file, found no",
    COMPARE + "--images {no} --out {folder}/p.html": "--images {no}: expected a folder",
    COMPARE + "--images {images} --out {no}/p.html": "expected an existing folder to",
    COMPARE + "--images {images} --out {folder}/p.html --log {no}": "--log {no}: exp",
    f"report {SCORE} --images {{no}} --out {{folder}}/p.html": "--images {no}: expect",
    f"report {SCORE} --images {{images}} --out {{no}}/p.html": "an existing folder to",
    "train --data {no}": "{no}/synthetic: expected the prepared data set of",
    "train --data {data} --model-dir {before}/run": "expected a folder to write into",
    "train --data {data} --model-dir {no} --resume": "expected a checkpoint to resume",
    "export --model-dir posefix_tiny_lsp --out {images}": "is not an earlier export",
    EXPORT + "--data {no}": "{no}/lsp: expected the prepared data set of 'lsp/",
    "join {no}.json --out joined.json": "/no/such.json: cannot read: No such file",
    "refine --poses {before} --images {images} --out x.json --shard 0/2": (
        "expected I/N such as 3/16"
    ),
    "serve --models {no}": "{no}: expected a folder of models, found none",
    "serve --models {images}": "expected NAME/1/saved_model.pb (tfpose export --out",
    "fuse --rnet {no} --cnet {no} --out {folder}/f": "model {no}: expected a preset",
    "prepare lsp --source {no} --out {folder}/d": "--source {no}: expected the folder",
    "prepare synthetic --out {before}/d": "expected a folder to write into",
    "summary posefix --json {no}/n.json": "expected an existing folder to write into",
    "prepare lsp --out {folder}/d": "lsp: expected --source DIR, the data set's own",
    "demo --out {before}/demo": "expected a folder to write into",
    "models --json {no}/n.json": "expected an existing folder to write into",
    "import-torch {no}.pth --model hrnet --out {folder}/h": "expected a file of weig",
    "import-torch {before} --model hrnet --out {folder}/h": "expected a file of weig",
    # Models.
    REFINE + "--model nope": "model nope: expected a preset (estimator_lite_lsp14,",
    REFINE + "--model {images}": "config.json: cannot read",
    REFINE + "--model {unfinished}": "model.weights.h5: expected trained weights",
    REFINE + "--model hcrn_movenet_lsp14": "expected a refiner, found the estimator hc",
    PREDICT + "--model nope": "model nope: expected a preset",
    PREDICT + "--model posefix_tiny_lsp": "expected an estimator, found the refiner po",
    PREDICT + "--refine nope": "model nope: expected a preset",
    PREDICT + "--refine hcrn_movenet_lsp14": "expected a refiner, found the estimator",
    "evaluate --model-dir nope": "model nope: expected a preset",
    REPORT + "--model nope": "model nope: expected a preset",
    REPORT + "--model posefix_tiny_lsp": "expected an estimator, found the refine",
    TRAIN + "--model alexnet": "model 'alexnet': expected one of posefix, pose_refine",
    TRAIN + "--recipe huge": "recipe 'huge' of posefix: expected one of tiny, paper",
    TRAIN + "--weights nope": "model nope: expected a preset",
    "export --model-dir nope": "model nope: expected a preset",
    "fuse --rnet hcrn_movenet_lsp14 --cnet hcrn_movenet_lsp14 --out {folder}/f": (
        "a trained rne"
    ),
    TRAIN + "--weights {no}.pth": "--weights {no}.pth: expected a file, found none",
    "import-torch {before} --model alexnet --out {folder}/h": "--model alexnet: expec",
    "summary alexnet": "model 'alexnet': expected one of posefix",
    "summary posefix --recipe huge": "recipe 'huge' of posefix: expected one of tiny",
    REFINE + "--skeleton mpi16": "skeleton 'mpi16': expected a .json file or one of",
    EVALUATE + "--skeleton mpi16": "skeleton 'mpi16': expected a .json file or one of",
    # Values.
    IMPORT + "--convention channels": "--convention channels: expected KEY=VALUE",
    IMPORT + "--convention mean=1,x": "--convention mean=1,x: expected three numbers",
    IMPORT + "--input-size 256": "--input-size 256: expected HEIGHTxWIDTH",
    IMPORT + "--skeleton mpi16": "skeleton 'mpi16': expected a .json file or one of",
    REFINE + "--threshold 7": "--threshold: expected 0 to 1, found 7",
    REFINE + "--oks-nms -1": "--oks-nms: expected 0 to 1, found -1",
    PREDICT + "--scales 1,x": "--scales 1,x: expected positive numbers such as",
    PREDICT + "--scales 0": "--scales 0: expected positive numbers such as",
    PREDICT + "--joint-score 3": "--joint-score: expected 0 to 1, found 3",
    PREDICT + "--detection-score 3": "--detection-score: expected 0 to 1, found 3",
    PREDICT + "--single --boxes {before}": "expected only one of --boxes, --single",
    EVALUATE + "--metric pck --threshold -1": "threshold of pck: expected > 0",
    EVALUATE + "--lenient": "lenient is for metric pcp, not oks",
    EVALUATE + "--protocol official --mean pooled": "official decides --mean: give",
    EVALUATE + "--protocol official --metric oks": "of LSP: expected --metric pck or",
    "evaluate --model-dir hcrn_movenet_lsp14 --protocol official": (
        "expected --poses (tfpo"
    ),
    REFINE + "--protocol official --oks-nms 1": "official decides --oks-nms: give",
    PREDICT + "--protocol official --scales 1": "official decides --scales: give only",
    PREDICT + "--protocol official --single": "official decides --single: give only",
    PREDICT
    + "--model hcrn_movenet_lsp14 --protocol official --boxes {before}": "--boxes:",
    PREDICT + "--refine posefix_lite_lsp14 --protocol official": "decides --refine: g",
    COMPARE + "--metric pckk": "metric 'pckk': expected one of pck, pckh, auc",
    TRAIN + "--set epohcs=5": "--set epohcs: no such setting, expected one of",
    TRAIN + "--set epochs=many": "--set epochs=many: expected a value like",
    TRAIN + "--set epochs": "--set epochs: expected key=value",
    TRAIN + "--minutes 3": "--minutes: expected with --on-device only",
    "summary posefix --set truck=tiny": "--set truck: no such setting",
    EXPORT + "--format onnx": "expected some of ['savedmodel', 'tflite'], got ['onnx']",
    EXPORT + "--quantize int4": "expected some of ['none', 'float16', 'int8']",
    EXPORT + "--quantize int8": "int8: expected a folder of prepared people",
    "serve --models {images} --port 99999": "--port: expected 0 to 65535, found 99999",
    "serve --models {images} --queue 0": "--queue: expected a positive number, found",
    "prepare synthetic --set fotos=3": "synthetic: expected options among",
    "prepare synthetic --set photos": "--set photos: expected key=value",
}
# Runs each command, and prints what it says, how long it computes, and whether
# TensorFlow or Keras was imported.
PROGRAM = """
import contextlib, io, json, sys, time
from tfpose import cli
answers = {}
for command in json.load(sys.stdin):
    said, start = io.StringIO(), time.process_time()
    with contextlib.redirect_stderr(said):
        code = cli.main(command.split())
    heavy = sorted({"tensorflow", "keras"} & set(sys.modules))
    answers[command] = code, said.getvalue(), time.process_time() - start, heavy
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Command of ``MISTYPED`` -> code, stderr, seconds, heavy modules, what to say."""
    folder = tmp_path_factory.mktemp("mistyped")
    unfinished, data = folder / "unfinished", folder / "data"
    unfinished.mkdir()
    (data / "synthetic").mkdir(parents=True)
    config = checks.trained("posefix_tiny_lsp").to_json()
    (unfinished / "config.json").write_text(json.dumps(config))
    words = {
        **pose_files.write(folder), "folder": folder, "no": "/no/such",
        "unfinished": unfinished, "data": data,
    }  # fmt: skip
    commands = {text: text.format(**words) for text in MISTYPED}
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(list(commands.values())),
        capture_output=True, text=True, check=True, cwd=folder,
    )  # fmt: skip
    said = json.loads(output.stdout)
    assert not list(folder.glob("run")) and not list(folder.glob("export"))
    return {
        text: (*said[commands[text]], part.format(**words))
        for text, part in MISTYPED.items()
    }


@pytest.mark.parametrize("command", MISTYPED)
def test_a_mistake_is_one_line_at_once_without_tensorflow(command, answers):
    code, said, seconds, heavy, expected = answers[command]
    assert code == 2 and said.count("\n") == 1, said
    assert said.startswith("tfpose: error: ") and expected in said
    assert (heavy, seconds < 0.9) == ([], True)


def test_every_command_is_among_the_mistakes():
    tried = {command.split()[0] for command in MISTYPED}
    assert tried == set(cli.COMMANDS)


def test_a_model_of_the_right_kind_passes():
    assert checks.trained("posefix_tiny_lsp", "refiner").model in REFINERS
    assert checks.trained("hcrn_movenet_lsp14", "estimator").model == "hcrn"


def test_numbers_at_the_ends_pass():
    checks.given(oks_nms=1.0, threshold=0.0, minutes=0.5, json=None, before=None)
    with pytest.raises(TfposeError, match="--minutes: expected a positive number"):
        checks.given(minutes=float(np.nan))
