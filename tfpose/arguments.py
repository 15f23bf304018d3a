"""The command line of ``tfpose``: what each subcommand takes, and its help."""

from __future__ import annotations

import argparse
import importlib.metadata
import textwrap

from data_prep.__main__ import BUILDERS

# Where commands look for prepared data sets when they are not told.
DATA = "runs/data"
FORMATS = "savedmodel,tflite"
# The trained weights that find poses unless others are named.
ESTIMATOR = "estimator_tiny_lsp"
METRICS = ("pck", "pckh", "auc", "pcp", "oks")


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command; ``command`` holds the subcommand's name."""
    root = argparse.ArgumentParser(
        prog="tfpose", description="Makes the poses of any method better poses."
    )
    root.add_argument("--version", action="version", version=f"tfpose {_version()}")
    commands = root.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    _demo(commands)
    _prepare(commands)
    _train(commands)
    _fuse(commands)
    _export(commands)
    _predict(commands)
    _refine(commands)
    _evaluate(commands)
    _analyze(commands)
    _report(commands)
    _models(commands)
    _summary(commands)
    return root


def _version() -> str:
    try:
        return importlib.metadata.version("tfpose")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _command(commands, name: str, title: str, more: str, example: str):
    """A subcommand; ``title`` is its line in ``tfpose --help``."""
    return commands.add_parser(
        name,
        help=title,
        description=textwrap.fill(f"{title[0].upper()}{title[1:]}. {more}", 79),
        epilog=f"Example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _option(command, flag: str, metavar: str, text: str, **options) -> None:
    """An option with a value; its default, if it has one, is told by the help."""
    if "default" in options:
        text = f"{text} (%(default)s)"
    command.add_argument(flag, metavar=metavar, help=text, **options)


def _switch(command, flag: str, text: str) -> None:
    command.add_argument(flag, action="store_true", help=text)


def _json(command) -> None:
    _option(command, "--json", "FILE", "write the numbers to this file")


def _set(command, text: str) -> None:
    command.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"{text}; may be repeated",
    )


def _poses(command, required: bool = True) -> None:
    text = "COCO results JSON: image_id, keypoints [x, y, score, ...], score"
    _option(command, "--poses", "FILE", text, required=required)


def _annotations(command, required: bool = True) -> None:
    text = "COCO annotations JSON; categories[0].keypoints names the joints"
    _option(command, "--annotations", "FILE", text, required=required)


def _before(command, required: bool) -> None:
    text = "the same people's poses before refinement: shows before -> after"
    _option(command, "--before", "FILE", text, required=required)


def _demo(commands) -> None:
    command = _command(
        commands,
        "demo",
        "does the whole main job on rendered people",
        "Renders people, trains a small PoseFix, refines corrupted poses of others, "
        "exports, and writes OUT/report.html.",
        "tfpose demo --out runs/demo",
    )
    _option(command, "--out", "DIR", "folder to write", default="runs/demo")
    _switch(command, "--quick", "a few photos and steps, to see that everything works")
    _json(command)


def _prepare(commands) -> None:
    command = _command(
        commands,
        "prepare",
        "writes a data set as TFRecords of people",
        "Prints how many people were written and, by reason, how many were left out.",
        "tfpose prepare lsp --source lsp_dataset --out runs/data",
    )
    names = sorted(BUILDERS)
    command.add_argument("name", metavar="NAME", choices=names, help=", ".join(names))
    _option(command, "--source", "DIR", "the data set's own folder; none for synthetic")
    _option(command, "--out", "DIR", "folder of prepared data sets", default=DATA)
    _set(command, "an argument of the data set's builder")
    _json(command)


def _train(commands) -> None:
    command = _command(
        commands,
        "train",
        "trains a model on prepared data",
        "The folder gets the weights, the resolved configuration, a CSV log and "
        "TensorBoard files.",
        "tfpose train --model posefix --data runs/data --set epochs=5",
    )
    _option(command, "--model", "NAME", "see tfpose models", default="posefix")
    _option(command, "--preset", "NAME", "recipe: tiny, paper ...", default="tiny")
    _option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    _option(command, "--model_dir", "DIR", "folder to write, runs/MODEL_PRESET if none")
    _switch(command, "--resume", "go on with the run in --model_dir")
    _switch(command, "--quicktest", "a few steps, to see that everything works")
    text = "model folder to start from, or imagenet, whose weights Keras downloads"
    _option(command, "--weights", "DIR", text)
    _set(command, "changes the recipe, e.g. epochs=5")


def _fuse(commands) -> None:
    command = _command(
        commands,
        "fuse",
        "makes one model of a trained RNet and a trained CNet",
        "Hybrid-Pose: each heatmap of RNet times all of CNet's, added. The folder it "
        "writes is evaluated, exported and used as that of any model.",
        "tfpose fuse --rnet runs/rnet --cnet runs/cnet --out runs/hybrid",
    )
    for name in ("rnet", "cnet"):
        _option(command, f"--{name}", "DIR", f"folder of a trained {name}",
                required=True)  # fmt: skip
    _option(command, "--out", "DIR", "folder to write", required=True)
    for name, network in (("refinement", "RNet"), ("correction", "CNet")):
        text = f"numbers of {network}'s hourglasses that are fused, from 1 (all); "
        text += f"without numbers {network} is left out"
        command.add_argument(f"--{name}", metavar="N", nargs="*", type=int, help=text)


def _export(commands) -> None:
    command = _command(
        commands,
        "export",
        "writes a trained model for serving",
        "A SavedModel in OUT/1, .tflite files, and how far each of them is from the "
        "Keras model on crops of prepared people.",
        "tfpose export --model_dir runs/mine --quantize none,int8",
    )
    _option(command, "--model_dir", "DIR", "folder that train wrote", required=True)
    _option(command, "--out", "DIR", "folder to write, MODEL_DIR/export if none")
    command.add_argument(
        "--format", dest="formats", metavar="NAMES", default=FORMATS,
        help="savedmodel, tflite, or both with a comma (%(default)s)",
    )  # fmt: skip
    text = "of the .tflite: none, float16, int8, or some with commas"
    _option(command, "--quantize", "NAMES", text, default="none")
    _option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    _json(command)


def _predict(commands) -> None:
    command = _command(
        commands,
        "predict",
        "finds the poses of people in photos",
        "Writes a picture of each photo and a COCO-results file, OUT/poses.json. The "
        "people are those of --boxes, --detector or --single, else those of "
        "--annotations, else those that OpenCV's people detector finds, which sees "
        "whole, upright people.",
        "tfpose predict photo.jpg --single --refine posefix_tiny_lsp",
    )
    command.add_argument(
        "photos", metavar="PHOTO", nargs="*", help="photos, or folders of photos"
    )
    _option(command, "--images", "DIR", "the same as a PHOTO: a folder of photos")
    text = "the estimator: trained weights or a model folder"
    _option(command, "--model", "NAME|DIR", text, default=ESTIMATOR)
    text = "a refiner that makes the poses better: trained weights or a model folder"
    _option(command, "--refine", "NAME|DIR", text)
    text = "COCO results JSON with a bbox for each person; the number in a photo's "
    text += "name is its image_id"
    _option(command, "--boxes", "FILE", text)
    text = "TensorFlow SavedModel that detects people: detection_boxes, "
    text += "detection_scores, detection_classes of uint8 photos"
    _option(command, "--detector", "DIR", text)
    _switch(command, "--single", "one person a photo, who fills it: no boxes needed")
    text = "COCO annotations JSON with the names of the photos and a box around each "
    text += "person; without it the number in a photo's name is its image_id"
    _option(command, "--annotations", "FILE", text)
    text = "leave boxes with a lower score out (0.5 of --detector, 0 of --boxes, 0.3 "
    text += "of OpenCV's detector)"
    _option(command, "--detection_score", "X", text, type=float)
    text = "folder to write, or FILE.json to write the poses alone"
    _option(command, "--out", "DIR", text, default="runs/predict")
    text = "sizes at which each person is looked at; the heatmaps are averaged"
    _option(command, "--scales", "S,S,...", text, default="0.8,1.0,1.2")
    _switch(command, "--no-flip", "do not look at the mirrored photo too")
    _json(command)


def _refine(commands) -> None:
    command = _command(
        commands,
        "refine",
        "makes the poses of any method better",
        "Writes a file with the same records in the same order, their joints moved; "
        "scores and all other keys stay.",
        "tfpose refine --model posefix_tiny_lsp --poses poses.json --images photos "
        "--out refined.json",
    )
    _option(command, "--model", "NAME|DIR", "trained weights or a model folder",
            required=True)  # fmt: skip
    _poses(command)
    _option(command, "--images", "DIR", "folder of the photos", required=True)
    _option(command, "--out", "FILE", "the refined poses", required=True)
    text = "COCO annotations JSON whose images name the photos; without it the number "
    text += "in a photo's name is its image_id"
    _option(command, "--annotations", "FILE", text)
    text = "leave poses that cannot be refined as they are instead of stopping"
    _switch(command, "--skip-bad", text)
    text = "take the refined joints alone, however reliable the given ones are"
    _switch(command, "--no-fusion", text)
    _switch(command, "--fusion-report", "print how far each joint was trusted")
    text = "of a photo's refined poses more alike than this OKS only the best scored "
    text += "is kept; 1 keeps all"
    _option(command, "--oks-nms", "OKS", text, type=float, default=0.9)
    _json(command)


def _evaluate(commands) -> None:
    command = _command(
        commands,
        "evaluate",
        "scores poses against annotations, or a model",
        "With --before it scores both sets of poses and prints the gain. With "
        "--model_dir it scores a model on prepared validation people: an estimator "
        "from their boxes, a refiner on corrupted poses before and after.",
        "tfpose evaluate --poses refined.json --before poses.json "
        "--annotations truth.json --metric pck",
    )
    _poses(command, required=False)
    _annotations(command, required=False)
    _before(command, required=False)
    _option(command, "--model_dir", "DIR", "folder that train wrote")
    _option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    text = ", ".join(METRICS)
    _option(command, "--metric", "NAME", text, choices=METRICS, default="oks")
    text = "in torso lengths for pck (0.2), in head sizes for pckh (0.5), in stick "
    text += "lengths for pcp (0.5); end of the curve for auc (0.5)"
    _option(command, "--threshold", "X", text, type=float)
    text = "length of pck: torso, the skeleton's segment, or torso_box, the longer "
    text += "side of the box of shoulders and hips"
    _option(command, "--normaliser", "NAME", text, choices=("torso", "torso_box"),
            default="torso")  # fmt: skip
    text = "whose left is left, the person's or the observer's"
    _option(command, "--viewpoint", "NAME", text, choices=("person", "observer"),
            default="person")  # fmt: skip
    text = "pcp asks for the mean error of a stick's ends instead of that of each end"
    _switch(command, "--average", text)
    text = "draw the curves of pck, pckh or pcp over thresholds from 0 to 0.5"
    _option(command, "--curve", "FILE.svg", text)
    text = "with --model_dir: a line for each of an estimator's heatmaps"
    _switch(command, "--every_map", text)
    text = "with --model_dir: read an estimator's Gaussian heatmaps by DARK"
    _switch(command, "--dark", text)
    _json(command)


def _analyze(commands) -> None:
    command = _command(
        commands,
        "analyze",
        "says which kinds of mistakes poses make",
        "Shares of good joints, jitter, inversions, swaps and misses, joint by joint.",
        "tfpose analyze --poses poses.json --annotations truth.json "
        "--picture errors.svg",
    )
    _poses(command)
    _annotations(command)
    _before(command, required=False)
    _option(command, "--picture", "FILE.svg", "draw the shares of each joint as bars")
    _json(command)


def _report(commands) -> None:
    command = _command(
        commands,
        "report",
        "writes an HTML report of poses",
        "One file with numbers, curves and pictures: of refined poses before and after "
        "(--before), or of an estimator's, with how it found difficult joints "
        "(--model).",
        "tfpose report --model hcrn_tiny_lsp --poses poses.json "
        "--annotations truth.json --images photos --out report.html",
    )
    _poses(command)
    _annotations(command)
    _before(command, required=False)
    text = "the HCRN that estimated the poses: shows its heatmaps joint by joint"
    _option(command, "--model", "NAME|DIR", text)
    _option(command, "--images", "DIR", "folder of the photos", required=True)
    _option(command, "--out", "FILE.html", "the report", required=True)
    _option(command, "--title", "TEXT", "heading of the page")
    _option(command, "--log", "FILE.csv", "log.csv of the training run, for its curves")


def _models(commands) -> None:
    command = _command(
        commands,
        "models",
        "lists the models, their recipes and the trained weights",
        "With the size of each, which takes about a minute.",
        "tfpose models",
    )
    _json(command)


def _summary(commands) -> None:
    command = _command(
        commands,
        "summary",
        "prints a model's size",
        "Parameters, multiply-adds, and the shapes of inputs and outputs.",
        "tfpose summary posefix --set trunk=resnet50 --set input_size=256x192",
    )
    command.add_argument("model", metavar="MODEL", help="see tfpose models")
    text = "recipe to start from: tiny, paper ..."
    _option(command, "--preset", "NAME", text, default="paper")
    _set(command, "changes the recipe, e.g. trunk=resnet101")
    _json(command)
