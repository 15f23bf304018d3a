"""The ``tfpose`` command: subcommands, each a thin layer over one module.

Nothing heavy is imported before a subcommand runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Sequence

from tfpose import scoring_cli
from tfpose.running import run, start_tensorflow, write_numbers

WEIGHTS = pathlib.Path(__file__).parent / "weights"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand; the exit code is 0, or 2 after an error."""
    from tfpose.arguments import parser

    options = vars(parser().parse_args(arguments))
    command = options.pop("command").replace("-", "_")
    return run(COMMANDS[command], **options)


def prepare(name, source, out, beam, settings, json) -> None:
    """Writes a data set as TFRecords and says what was written and left out."""
    from data_prep.__main__ import prepare as prepare_people

    start_tensorflow()
    report = prepare_people(name, source, out, beam, **_builder_options(settings))
    print(f"wrote {report['directory']}")
    for split, people in report["written"].items():
        print(f"  {split:<12}{people:>8} people")
    for reason, people in sorted(report["left_out"].items()):
        print(f"  left out    {people:>8} {reason}")
    for path in report["annotations"].values():
        print(f"wrote {path}")
    write_numbers(json, report)


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
    start_tensorflow()
    from tfpose import calibration, cluster, config, supervision, training

    model_dir = model_dir or f"runs/{model}_{preset}"
    if resume:
        start = config.load(pathlib.Path(model_dir) / training.CONFIG)
    else:
        start = _recipe(model, preset)
    chosen = config.override(start, list(settings))
    model = training.train(chosen, data, model_dir, resume, quicktest, weights)
    if cluster.place().is_chief:
        if supervision.is_refiner(model) and not quicktest:
            calibration.calibrate(model_dir, data)
        print(f"wrote {model_dir}")
    cluster.wait_for_all()


def fuse(rnet, cnet, out, refinement, correction) -> None:
    """Makes one model of a trained RNet and a trained CNet."""
    start_tensorflow()
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


def export(
    model_dir, out, formats, quantize, data, splits=None, json=None
) -> None:  # fmt: skip
    """Writes a trained model's exports and how far they are from the Keras model."""
    start_tensorflow()
    from tfpose import exporting

    out = out or f"{model_dir}/export"
    named = splits.split(",") if splits else None
    report = exporting.export(
        model_dir, out, formats.split(","), quantize.split(","), data, named, named
    )
    print(exporting.format_report(report))
    print(f"wrote {out}")
    write_numbers(json, report)


def serve(models, host, port, queue, max_body) -> None:
    """Answers requests until it is interrupted."""
    if queue < 1 or max_body <= 0:
        raise ValueError("--queue, --max-body: expected positive numbers")
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"tfpose serve needs {error.name}: pip install 'tfpose[serve]'"
        ) from error
    start_tensorflow()
    from tfpose.serve import Limits, serve

    serve(models, host, port, Limits(int(max_body * 1e6), queue))


def predict(photos, images, scales, no_flip, refine, out, json, **options) -> None:
    """Finds the poses of the people in photos."""
    start_tensorflow()
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
    write_numbers(json, numbers)


def refine(
    model, poses, images, out, annotations, skip_bad, no_fusion, fusion_report,
    oks_nms, threshold, json,
) -> None:  # fmt: skip
    """Refines a file of poses."""
    start_tensorflow()
    from tfpose.refine import refine_file

    numbers = refine_file(
        model, poses, images, out, annotations, skip_bad, not no_fusion, oks_nms,
        threshold,
    )  # fmt: skip
    for line in numbers["bad"]:
        print(f"left as it was: {line}", file=sys.stderr)
    print(f"wrote {out}: refined {numbers['refined']} of {numbers['poses']} poses")
    if numbers["duplicates"]:
        print(f"dropped {numbers['duplicates']} near copies (OKS above {oks_nms:g})")
    if numbers["removed"]:
        print(f"removed {numbers['removed']} joints (score not above {threshold:g})")
    if fusion_report and numbers["fusion"]:
        _print_fusion(numbers["fusion"])
    write_numbers(json, numbers)


def _print_fusion(joints: dict[str, dict[str, float]]) -> None:
    """What fusion found, a line a joint."""
    columns = list(next(iter(joints.values())))
    print(
        "joint".ljust(16) + "".join(f"{name.replace('_', ' '):>16}" for name in columns)
    )
    for joint, numbers in joints.items():
        print(joint.ljust(16) + "".join(f"{numbers[name]:>16.3f}" for name in columns))


def models(json) -> None:
    """Lists the models, their recipes and the trained weights that come along."""
    start_tensorflow()
    from tfpose.recipes import RECIPES

    trained = sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))
    for name in trained:
        print(f"trained: {name}", flush=True)
    recipes = []
    for model, presets in RECIPES.items():
        for preset, recipe in presets.items():
            numbers = _sizes(recipe())
            recipes.append({"preset": preset, **numbers})
            print(
                f"{model} --preset {preset}".ljust(52)
                + f"{numbers['trainable_parameters']:>14,} parameters"
                f"{numbers['multiply_adds'] / 1e9:>10.3f} G multiply-adds",
                flush=True,  # the largest take seconds to build
            )
    write_numbers(json, {"recipes": recipes, "trained": trained})


def summary(model, preset, settings, json) -> None:
    """Prints a model's parameters, multiply-adds and shapes."""
    start_tensorflow()
    from tfpose import config

    numbers = _sizes(config.override(_recipe(model, preset), list(settings)))
    for key, value in numbers.items():
        label = key.replace("_", " ")
        if isinstance(value, dict):
            for name, shape in value.items():
                print(f"{label:<26}{name} {'x'.join(map(str, shape))}")
        else:
            print(f"{label:<26}{value:,}" if key != "model" else f"{label:<26}{value}")
    write_numbers(json, numbers)


def _sizes(config) -> dict:
    """What ``summarize`` counts of a configuration's model."""
    from tfpose.summary import summarize, without_weights
    from tfpose.training import build_model

    with without_weights():
        return summarize(build_model(config), config.model)


def demo(out, quick, json) -> None:
    """The whole main job on rendered people."""
    start_tensorflow()
    from tfpose import demo as demonstration

    write_numbers(json, demonstration.run(out, quick))


COMMANDS = {
    "demo": demo,
    "prepare": prepare,
    "train": train,
    "fuse": fuse,
    "export": export,
    "serve": serve,
    "predict": predict,
    "refine": refine,
    "evaluate": scoring_cli.evaluate,
    "analyze": scoring_cli.analyze,
    "compare": scoring_cli.compare,
    "report": scoring_cli.report,
    "models": models,
    "summary": summary,
}
