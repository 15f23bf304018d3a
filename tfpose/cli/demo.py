"""``tfpose demo``: the main job on rendered people, from scratch to exports."""

from __future__ import annotations

import pathlib
import time

from tfpose.cli.common import (
    json_option,
    option,
    start_tensorflow,
    subcommand,
    switch,
    write_numbers,
)

# Enough to train and to measure in a quarter of an hour on two cores.
PHOTOS, VALIDATION_PHOTOS, EPOCHS = 2500, 200, 12
QUICK_PHOTOS, QUICK_VALIDATION_PHOTOS = 40, 8
SEED = 0


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "demo",
        "runs the whole main job on rendered people",
        "Renders people, trains a small PoseFix, refines corrupted poses of others, "
        "exports, and writes OUT/report.html.",
        "tfpose demo --out runs/demo",
    )
    option(command, "--out", "DIR", "folder to write", default="runs/demo")
    switch(command, "--quick", "a few photos and steps, to check that everything works")
    json_option(command)


def run(out: str, quick: bool = False, json: str | None = None) -> dict:
    """Renders people, trains PoseFix ``tiny``, refines corrupted poses, exports.

    Args:
        out: folder to write: ``report.html``, ``model/``, ``export/``, ``data/``,
            ``photos/`` and the pose files before and after.
        quick: a few photos and steps, to check that everything works.
        json: file for the numbers.

    Returns:
        "before" and "after": {"AP", "PCK@0.2", and the share of each kind of mistake}
        in percent; "parity" of the exports.
    """
    start_tensorflow()
    from tfpose.exporting.parity import format_report
    from tfpose.exporting.savedmodel import export
    from tfpose.io import coco

    say, folder = _clock(), pathlib.Path(out)
    data, model_dir = str(folder / "data"), str(folder / "model")
    say("1/5 rendering people")
    prepared, annotations = _people(folder, data, quick)
    say(f"2/5 training PoseFix on {prepared['written']['train']} people")
    _train(data, model_dir, quick)
    say("3/5 refining corrupted poses of unseen people")
    truth = prepared["annotations"]["validation"]
    files = _refine(annotations, truth, folder, model_dir)
    say("4/5 exporting")
    quantize = ("none",) if quick else ("none", "float16", "int8")
    parity = export(model_dir, folder / "export", quantize=quantize, data=data)
    print(format_report(parity))
    say("5/5 scoring")
    _, before, after = coco.read_both(annotations, *files)
    _report(annotations, before, after, folder, format_report(parity))
    say(f"wrote {folder / 'report.html'} and {folder / 'export'}")
    numbers = {
        "before": scores(annotations, before),
        "after": scores(annotations, after),
        "parity": parity,
    }
    write_numbers(json, numbers)
    return numbers


def _people(folder: pathlib.Path, data: str, quick: bool):
    """The report of ``prepare`` on the rendered people, and the validation people."""
    from data_prep.prepare import prepare
    from tfpose.io import coco

    photos, validation = PHOTOS, VALIDATION_PHOTOS
    if quick:
        photos, validation = QUICK_PHOTOS, QUICK_VALIDATION_PHOTOS
    counts = {"photos": photos, "validation_photos": validation}
    prepared = prepare("synthetic", None, data, **counts, seed=SEED)
    annotations = coco.read_annotations(prepared["annotations"]["validation"])
    write_photos(annotations, folder / "photos")
    return prepared, annotations


def write_photos(annotations, folder: pathlib.Path) -> None:
    """Renders the validation photos again, as files that the refiner reads."""
    from data_prep.synthetic import FIRST_VALIDATION_PHOTO
    from data_prep.synthetic_people.render import render_jpeg
    from tfpose.errors import TfposeError

    folder.mkdir(parents=True, exist_ok=True)
    for image_id, image in annotations.images.items():
        if image_id < FIRST_VALIDATION_PHOTO:
            raise TfposeError(f"photo {image_id}: expected a validation photo")
        (folder / image["file_name"]).write_bytes(render_jpeg(SEED, image_id)[0])


def _train(data: str, model_dir: str, quick: bool) -> None:
    from tfpose import config
    from tfpose.models.folders import CHECKPOINT
    from tfpose.recipes import find_recipe
    from tfpose.training import calibration, fit

    recipe = config.override(find_recipe("posefix", "tiny"), [f"epochs={EPOCHS}"])
    resume = pathlib.Path(model_dir, CHECKPOINT).exists()
    fit.train(recipe, data, model_dir, resume=resume, quicktest=quick)
    calibration.calibrate(model_dir, data)


def _refine(annotations, truth, folder: pathlib.Path, model_dir: str):
    """Writes the files of the corrupted and the refined poses."""
    from tfpose.inference.refine_files import refine_file
    from tfpose.io.files import write_json
    from tfpose.synthesis.corrupt import corrupt

    before, after = folder / "corrupted.json", folder / "refined.json"
    write_json(before, corrupt(annotations, SEED))
    photos = str(folder / "photos")
    refine_file(model_dir, str(before), photos, str(after), annotations=truth)
    return before, after


def _report(annotations, before, after, folder: pathlib.Path, parity: str) -> None:
    """Writes the page and prints the tables."""
    from tfpose.evaluation.evaluate import analyze_poses, evaluate_poses
    from tfpose.report import html, pages, tables

    exports = html.section(
        "Exports", "Distance to the Keras model's keypoints on real crops.",
        f"<pre>{parity}</pre>",
    )  # fmt: skip
    pages.write(
        folder / "report.html", annotations, before, {"PoseFix": after},
        folder / "photos", "PoseFix on rendered people", folder / "model" / "log.csv",
        (exports,),
    )  # fmt: skip
    for table in (
        lambda side: evaluate_poses(annotations, side, "oks"),
        lambda side: evaluate_poses(annotations, side, "pck"),
        lambda side: analyze_poses(annotations, side),
    ):
        print(tables.format_table(table(before), table(after)), "\n")


def scores(annotations, results) -> dict[str, float]:
    """OKS-AP, PCK@0.2 and the shares of the kinds of mistakes, in percent."""
    from tfpose.evaluation.evaluate import analyze_poses, evaluate_poses
    from tfpose.metrics import mistakes

    kinds = analyze_poses(annotations, results)
    return {
        "AP": 100 * evaluate_poses(annotations, results, "oks")["AP"],
        "PCK@0.2": evaluate_poses(annotations, results, "pck")["mean"],
        **{name: kinds[name] for name in mistakes.TYPES},
    }


def _clock():
    """Returns a function that prints a line with the seconds since now."""
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {line}", flush=True)

    return say
