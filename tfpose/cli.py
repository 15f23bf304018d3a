"""The ``tfpose`` command: subcommands, each a thin layer over one module.

Nothing heavy is imported before a subcommand runs, so that ``--help`` answers at once.
A command that ends badly prints one line to stderr and exits with 2; a traceback is
printed only for what the package did not foresee.
"""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Sequence

import absl.logging

WEIGHTS = pathlib.Path(__file__).parent / "weights"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand; the exit code is 0, or 2 after an error."""
    from tfpose.arguments import parser

    options = vars(parser().parse_args(arguments))
    command = options.pop("command").replace("-", "_")
    return run(COMMANDS[command], **options)


def run(command: Callable, **options) -> int:
    """Runs a function of this module and turns its errors into one line and a code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        command(**options)
    except (ValueError, OSError) as error:
        if not _meant_for_people(error):
            raise
        print(f"tfpose: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tfpose: interrupted", file=sys.stderr)
        return 130
    return 0


def _meant_for_people(error: Exception) -> bool:
    """Whether this package raised the error itself, with a message of one line."""
    ours = ("tfpose", "data_prep")
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    places = type(error).__module__, last.tb_frame.f_globals.get("__name__", "")
    named_file = isinstance(error, OSError) and error.filename is not None
    from_us = any(place.split(".")[0] in ours for place in places)
    return (from_us or named_file) and "\n" not in str(error).strip()


def _start_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages.

    It tells about its CPU features and about GPUs it does not find, in lines that no
    setting turns off (tensorflow issue 100442). They are kept only if it fails. What
    TensorFlow Datasets logs as warnings is news of what it does.
    """
    absl.logging.set_verbosity(absl.logging.ERROR)
    with tempfile.TemporaryFile() as messages:
        stderr = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _write_numbers(json: str | None, numbers: dict) -> None:
    from tfpose.poses import write_json

    if json:
        write_json(json, numbers)


def prepare(name, source, out, settings, json) -> None:
    """Writes a data set as TFRecords and says what was written and left out."""
    from data_prep.__main__ import prepare as prepare_people

    _start_tensorflow()
    report = prepare_people(name, source, out, **_builder_options(settings))
    print(f"wrote {report['directory']}")
    for split, people in report["written"].items():
        print(f"  {split:<12}{people:>8} people")
    for reason, people in sorted(report["left_out"].items()):
        print(f"  left out    {people:>8} {reason}")
    for path in report["annotations"].values():
        print(f"wrote {path}")
    _write_numbers(json, report)


def _builder_options(settings) -> dict:
    options = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"--set {setting}: expected key=value")
        options[key] = int(value) if value.isdecimal() else value
    return options


def train(
    model, preset, data, model_dir, resume=False, quicktest=False, weights=None,
    settings=(),
) -> None:  # fmt: skip
    """Trains a model into ``model_dir`` and calibrates it."""
    _start_tensorflow()
    from tfpose import calibration, config, training

    model_dir = model_dir or f"runs/{model}_{preset}"
    if resume:
        start = config.load(pathlib.Path(model_dir) / training.CONFIG)
    else:
        start = _recipe(model, preset)
    chosen = config.override(start, list(settings))
    model = training.train(chosen, data, model_dir, resume, quicktest, weights)
    if training.is_refiner(model) and not quicktest:
        calibration.calibrate(model_dir, data)
    print(f"wrote {model_dir}")


def fuse(rnet, cnet, out, refinement, correction) -> None:
    """Makes one model of a trained RNet and a trained CNet."""
    _start_tensorflow()
    from tfpose import hybrid

    hybrid.fuse_folders(rnet, cnet, out, refinement, correction)
    print(f"wrote {out}")


def _recipe(model: str, preset: str):
    from tfpose.recipes import RECIPES

    if model not in RECIPES:
        raise ValueError(f"model {model!r}: expected one of {', '.join(RECIPES)}")
    if preset not in RECIPES[model]:
        known = ", ".join(RECIPES[model])
        raise ValueError(f"preset {preset!r} of {model}: expected one of {known}")
    return RECIPES[model][preset]()


def export(model_dir, out, formats, quantize, data, json=None) -> None:
    """Writes a trained model's exports and how far they are from the Keras model."""
    _start_tensorflow()
    from tfpose import exporting

    out = out or f"{model_dir}/export"
    report = exporting.export(
        model_dir, out, formats.split(","), quantize.split(","), data
    )
    print(exporting.format_report(report))
    print(f"wrote {out}")
    _write_numbers(json, report)


def predict(photos, images, scales, no_flip, refine, out, json, **options) -> None:
    """Finds the poses of the people in photos."""
    _start_tensorflow()
    from tfpose.predict import predict_files

    try:
        sizes = tuple(float(scale) for scale in scales.split(","))
    except ValueError as error:
        raise ValueError(
            f"--scales {scales}: expected numbers such as 0.8,1.0,1.2"
        ) from error
    numbers = predict_files(
        given=photos + ([images] if images else []),
        out=out, refiner=refine, scales=sizes, flip=not no_flip, **options,
    )  # fmt: skip
    for name in numbers["nobody"]:
        print(f"found nobody: {name}", file=sys.stderr)
    if numbers["numbered"]:
        print(
            f"{len(numbers['numbered'])} photos without a number of their own in their "
            "names have new image_ids; file_name tells them apart",
            file=sys.stderr,
        )
    print(f"wrote {out}: {numbers['poses']} poses in {numbers['photos']} photos")
    _write_numbers(json, numbers)


def refine(
    model, poses, images, out, annotations, skip_bad, no_fusion, fusion_report,
    oks_nms, json,
) -> None:  # fmt: skip
    """Refines a file of poses."""
    _start_tensorflow()
    from tfpose.refine import refine_file

    numbers = refine_file(
        model, poses, images, out, annotations, skip_bad, not no_fusion, oks_nms
    )
    for line in numbers["bad"]:
        print(f"left as it was: {line}", file=sys.stderr)
    print(f"wrote {out}: refined {numbers['refined']} of {numbers['poses']} poses")
    if numbers["duplicates"]:
        print(f"dropped {numbers['duplicates']} near copies (OKS above {oks_nms:g})")
    if fusion_report and numbers["fusion"]:
        _print_fusion(numbers["fusion"])
    _write_numbers(json, numbers)


def _print_fusion(joints: dict[str, dict[str, float]]) -> None:
    """What fusion found, a line a joint."""
    columns = list(next(iter(joints.values())))
    print(
        "joint".ljust(16) + "".join(f"{name.replace('_', ' '):>16}" for name in columns)
    )
    for joint, numbers in joints.items():
        print(joint.ljust(16) + "".join(f"{numbers[name]:>16.3f}" for name in columns))


def evaluate(
    poses, annotations, before, model_dir, data, metric, threshold, normaliser,
    viewpoint, average, curve, every_map, dark, json,
) -> None:  # fmt: skip
    """Scores poses, two sets of poses before -> after, or a model, by one metric."""
    from tfpose import charts, tables
    from tfpose.evaluate import evaluate_poses

    options = dict(
        metric=metric, threshold=threshold, normaliser=normaliser,
        viewpoint=viewpoint, average=average, curve=bool(curve),
    )  # fmt: skip
    if model_dir and not (poses or annotations or before):
        _start_tensorflow()
        from tfpose.validation import evaluate_model

        options |= {"every_map": every_map, "dark": dark}
        numbers = evaluate_model(model_dir, data, **options)
    elif every_map or dark:
        raise ValueError("evaluate: expected --model_dir with --every_map and --dark")
    elif poses and annotations and not model_dir:
        truth, after, before = _read_poses(annotations, poses, before)
        numbers = evaluate_poses(truth, after, **options)
        if before is not None:
            numbers["before"] = evaluate_poses(truth, before, **options)
    else:
        raise ValueError(
            "evaluate: expected --poses with --annotations, or --model_dir with --data"
        )
    sides = numbers.get("maps") or {"": numbers}
    if "before" in numbers:
        sides = {"before": numbers["before"], "after": numbers}
    if every_map:
        print(tables.format_maps(sides))
    else:
        print(tables.format_table(*sides.values()))
    if curve:
        _write_text(curve, charts.curve_panels(**tables.curve_panels(sides)))
    _write_numbers(json, numbers)


def analyze(poses, annotations, before, picture, json) -> None:
    """Says which kinds of mistakes poses make, joint by joint."""
    from tfpose import charts
    from tfpose.evaluate import analyze_poses, format_table

    truth, after, before = _read_poses(annotations, poses, before)
    numbers = analyze_poses(truth, after)
    bars = [numbers["per_joint"]]
    if before is None:
        print(format_table(numbers))
    else:
        numbers["before"] = analyze_poses(truth, before)
        bars.insert(0, numbers["before"]["per_joint"])
        print(format_table(numbers["before"], numbers))
    if picture:
        _write_text(picture, charts.error_bars(*bars))
    _write_numbers(json, numbers)


def _read_poses(annotations, poses, before):
    """The truth, the poses, and the poses before if a file is given."""
    from tfpose.poses import read_annotations, read_results

    truth = read_annotations(annotations)
    photos = dict.fromkeys(truth.images)
    sets = [
        read_results(path, truth.skeleton, photos=photos)[0] if path else None
        for path in (poses, before)
    ]
    return truth, *sets


def _write_text(path, text: str) -> None:
    beside = pathlib.Path(f"{path}.part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def report(poses, before, model, annotations, images, out, title, log) -> None:
    """Writes the HTML report of refined poses, or of an estimator's."""
    from tfpose import comparison

    if model and before:
        raise ValueError(
            "report: expected --before (refined poses) or --model (an estimator's "
            "poses), found both"
        )
    truth, after, before = _read_poses(annotations, poses, before)
    more = _found_joints(model, truth, after, images) if model else ()
    comparison.write(out, truth, before, after, images, title, log, more)
    print(f"wrote {out}")


def _found_joints(model, truth, poses, images) -> list[str]:
    """Sections on how an estimator found difficult joints."""
    _start_tensorflow()
    from tfpose import tree_report
    from tfpose.maps import Units

    return tree_report.sections(truth, poses, images, Units.load(model))


def models(json) -> None:
    """Lists the models, their recipes and the trained weights that come along."""
    _start_tensorflow()
    from tfpose.recipes import RECIPES
    from tfpose.summary import summarize
    from tfpose.training import build_model

    trained = sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))
    for name in trained:
        print(f"trained: {name}", flush=True)
    recipes = []
    for model, presets in RECIPES.items():
        for preset, recipe in presets.items():
            numbers = summarize(build_model(recipe()), model)
            recipes.append({"preset": preset, **numbers})
            print(
                f"{model} --preset {preset}".ljust(40)
                + f"{numbers['trainable_parameters']:>14,} parameters"
                f"{numbers['multiply_adds'] / 1e9:>10.3f} G multiply-adds",
                flush=True,  # the largest take seconds to build
            )
    _write_numbers(json, {"recipes": recipes, "trained": trained})


def summary(model, preset, settings, json) -> None:
    """Prints a model's parameters, multiply-adds and shapes."""
    _start_tensorflow()
    from tfpose import config, training
    from tfpose.summary import summarize

    chosen = config.override(_recipe(model, preset), list(settings))
    numbers = summarize(training.build_model(chosen), model)
    for key, value in numbers.items():
        label = key.replace("_", " ")
        if isinstance(value, dict):
            for name, shape in value.items():
                print(f"{label:<26}{name} {'x'.join(map(str, shape))}")
        else:
            print(f"{label:<26}{value:,}" if key != "model" else f"{label:<26}{value}")
    _write_numbers(json, numbers)


def demo(out, quick, json) -> None:
    """The whole main job on rendered people."""
    _start_tensorflow()
    from tfpose import demo as demonstration

    _write_numbers(json, demonstration.run(out, quick))


COMMANDS = {
    "demo": demo,
    "prepare": prepare,
    "train": train,
    "fuse": fuse,
    "export": export,
    "predict": predict,
    "refine": refine,
    "evaluate": evaluate,
    "analyze": analyze,
    "report": report,
    "models": models,
    "summary": summary,
}
