"""The command line of ``tfpose``: what each subcommand takes, and its help."""

from __future__ import annotations

import argparse
import importlib.metadata

from data_prep.__main__ import BUILDERS
from tfpose import scoring_arguments
from tfpose.options import (
    DATA,
    json_option,
    option,
    poses_option,
    set_option,
    subcommand,
    switch,
)

FORMATS = "savedmodel,tflite"
# The trained weights that find poses unless others are named.
ESTIMATOR = "estimator_tiny_lsp"


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
    _serve(commands)
    _predict(commands)
    _refine(commands)
    scoring_arguments.add(commands)
    _models(commands)
    _summary(commands)
    return root


def _version() -> str:
    try:
        return importlib.metadata.version("tfpose")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _demo(commands) -> None:
    command = subcommand(
        commands,
        "demo",
        "does the whole main job on rendered people",
        "Renders people, trains a small PoseFix, refines corrupted poses of others, "
        "exports, and writes OUT/report.html.",
        "tfpose demo --out runs/demo",
    )
    option(command, "--out", "DIR", "folder to write", default="runs/demo")
    switch(command, "--quick", "a few photos and steps, to see that everything works")
    json_option(command)


def _prepare(commands) -> None:
    command = subcommand(
        commands,
        "prepare",
        "writes a data set as TFRecords of people",
        "Prints how many people were written and, by reason, how many were left out.",
        "tfpose prepare lsp --source lsp_dataset --out runs/data",
    )
    names = sorted(BUILDERS)
    command.add_argument("name", metavar="NAME", choices=names, help=", ".join(names))
    option(command, "--source", "DIR", "the data set's own folder; none for synthetic")
    option(command, "--out", "DIR", "folder of prepared data sets", default=DATA)
    command.add_argument(
        "--beam",
        metavar="OPTIONS",
        nargs="?",
        const="",
        help="by an Apache Beam pipeline with these options, as one word: "
        "--beam='--direct_num_workers=8 --direct_running_mode=multi_processing'",
    )
    set_option(command, "an argument of the data set's builder")
    json_option(command)


def _train(commands) -> None:
    command = subcommand(
        commands,
        "train",
        "trains a model on prepared data",
        "The folder gets the weights, the resolved configuration, a CSV log and "
        "TensorBoard files.",
        "tfpose train --model posefix --data runs/data --set epochs=5",
    )
    option(command, "--model", "NAME", "see tfpose models", default="posefix")
    option(command, "--preset", "NAME", "recipe: tiny, paper ...", default="tiny")
    option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    option(command, "--model_dir", "DIR", "folder to write, runs/MODEL_PRESET if none")
    switch(command, "--resume", "go on with the run in --model_dir")
    switch(command, "--quicktest", "a few steps, to see that everything works")
    text = "model folder to start from, or imagenet, whose weights Keras downloads"
    option(command, "--weights", "DIR", text)
    set_option(command, "changes the recipe, e.g. epochs=5")


def _fuse(commands) -> None:
    command = subcommand(
        commands,
        "fuse",
        "makes one model of a trained RNet and a trained CNet",
        "Hybrid-Pose: each heatmap of RNet times all of CNet's, added. The folder it "
        "writes is evaluated, exported and used as that of any model.",
        "tfpose fuse --rnet runs/rnet --cnet runs/cnet --out runs/hybrid",
    )
    for name in ("rnet", "cnet"):
        option(command, f"--{name}", "DIR", f"folder of a trained {name}",
                required=True)  # fmt: skip
    option(command, "--out", "DIR", "folder to write", required=True)
    for name, network in (("refinement", "RNet"), ("correction", "CNet")):
        text = f"numbers of {network}'s hourglasses that are fused, from 1 (all); "
        text += f"without numbers {network} is left out"
        command.add_argument(f"--{name}", metavar="N", nargs="*", type=int, help=text)


def _export(commands) -> None:
    command = subcommand(
        commands,
        "export",
        "writes a trained model for serving",
        "A SavedModel in OUT/1, .tflite files, and how far each of them is from the "
        "Keras model on crops of prepared people.",
        "tfpose export --model_dir runs/mine --quantize none,int8",
    )
    option(command, "--model_dir", "DIR", "folder that train wrote", required=True)
    option(command, "--out", "DIR", "folder to write, MODEL_DIR/export if none")
    command.add_argument(
        "--format", dest="formats", metavar="NAMES", default=FORMATS,
        help="savedmodel, tflite, or both with a comma (%(default)s)",
    )  # fmt: skip
    text = "of the .tflite: none, float16, int8, or some with commas"
    option(command, "--quantize", "NAMES", text, default="none")
    option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    text = "prepared splits to measure on, such as lsp/train; the configuration's"
    option(command, "--splits", "NAMES", text)
    json_option(command)


def _serve(commands) -> None:
    command = subcommand(
        commands,
        "serve",
        "answers TensorFlow Serving's REST requests",
        "A server for development: the same paths and JSON, several models and "
        "versions. Needs the extra serve.",
        "tfpose export --model_dir runs/mine --out models/mine\n"
        "  tfpose serve --models models",
    )
    text = "folder of NAME/VERSION/saved_model.pb; only models that you trust"
    option(command, "--models", "DIR", text, required=True)
    text = "address to listen on; others than this machine's own loopback let anybody "
    text += "ask"
    option(command, "--host", "ADDRESS", text, default="127.0.0.1")
    text = "port to listen on, 0 for any that is free"
    option(command, "--port", "N", text, type=int, default=8501)
    text = "requests in the server at a time; others are told to come back (503)"
    option(command, "--queue", "N", text, type=int, default=32)
    text = "megabytes of a request's body at most"
    option(command, "--max-body", "MB", text, type=float, default=20.0)


def _predict(commands) -> None:
    command = subcommand(
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
    option(command, "--images", "DIR", "the same as a PHOTO: a folder of photos")
    text = "the estimator: trained weights or a model folder"
    option(command, "--model", "NAME|DIR", text, default=ESTIMATOR)
    text = "a refiner that makes the poses better: trained weights or a model folder"
    option(command, "--refine", "NAME|DIR", text)
    text = "COCO results JSON with a bbox for each person; the number in a photo's "
    text += "name is its image_id"
    option(command, "--boxes", "FILE", text)
    text = "TensorFlow SavedModel that detects people: detection_boxes, "
    text += "detection_scores, detection_classes of uint8 photos"
    option(command, "--detector", "DIR", text)
    switch(command, "--single", "one person a photo, who fills it: no boxes needed")
    text = "COCO annotations JSON with the names of the photos and a box around each "
    text += "person; without it the number in a photo's name is its image_id"
    option(command, "--annotations", "FILE", text)
    text = "leave boxes with a lower score out (0.5 of --detector, 0 of --boxes, 0.3 "
    text += "of OpenCV's detector)"
    option(command, "--detection_score", "X", text, type=float)
    text = "folder to write, or FILE.json to write the poses alone"
    option(command, "--out", "DIR", text, default="runs/predict")
    text = "sizes at which each person is looked at; the heatmaps are averaged (not of "
    text += "a model that finds everybody)"
    option(command, "--scales", "S,S,...", text, default="0.8,1.0,1.2")
    switch(command, "--no-flip", "do not look at the mirrored photo too")
    json_option(command)


def _refine(commands) -> None:
    command = subcommand(
        commands,
        "refine",
        "makes the poses of any method better",
        "Writes a file with the same records in the same order, their joints moved; "
        "scores and all other keys stay.",
        "tfpose refine --model posefix_tiny_lsp --poses poses.json --images photos "
        "--out refined.json",
    )
    option(command, "--model", "NAME|DIR", "trained weights or a model folder",
            required=True)  # fmt: skip
    poses_option(command)
    option(command, "--images", "DIR", "folder of the photos", required=True)
    option(command, "--out", "FILE", "the refined poses", required=True)
    text = "COCO annotations JSON whose images name the photos; without it the number "
    text += "in a photo's name is its image_id"
    option(command, "--annotations", "FILE", text)
    text = "leave poses that cannot be refined as they are instead of stopping"
    switch(command, "--skip-bad", text)
    text = "take the refined joints alone, however reliable the given ones are"
    switch(command, "--no-fusion", text)
    switch(command, "--fusion-report", "print how far each joint was trusted")
    text = "of a photo's refined poses more alike than this OKS only the best scored "
    text += "is kept; 1 keeps all"
    option(command, "--oks-nms", "OKS", text, type=float, default=0.9)
    text = "remove joints that the refiner gives a score, in 0 to 1, not above this"
    option(command, "--threshold", "SCORE", text, type=float, default=0.0)
    json_option(command)


def _models(commands) -> None:
    command = subcommand(
        commands,
        "models",
        "lists the models, their recipes and the trained weights",
        "With the size of each, which takes about a minute.",
        "tfpose models",
    )
    json_option(command)


def _summary(commands) -> None:
    command = subcommand(
        commands,
        "summary",
        "prints a model's size",
        "Parameters, multiply-adds, and the shapes of inputs and outputs.",
        "tfpose summary posefix --set trunk=resnet50 --set input_size=256x192",
    )
    command.add_argument("model", metavar="MODEL", help="see tfpose models")
    text = "recipe to start from: tiny, paper ..."
    option(command, "--preset", "NAME", text, default="paper")
    set_option(command, "changes the recipe, e.g. trunk=resnet101")
    json_option(command)
