"""``tfpose demo``: people in real photos, found and refined; then a training."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import time

from tfpose.cli import checks
from tfpose.cli.common import (
    json_option,
    option,
    start_litert,
    start_tensorflow,
    subcommand,
    switch,
    write_numbers,
)
from tfpose.cli.predict import ESTIMATOR
from tfpose.io import examples

# The method whose poses are refined, and the refiner.
METHOD, REFINER = "estimator_tiny_lsp", "posefix_lite_lsp14"
# Methods look once at each person. More looks, averaged, mix neighbors in a crowd.
ONE_LOOK = {"scales": (1.0,), "flip": False}
# Refines nobody found with a lower score: those are heads and hands in a crowd.
SURE = 0.5
SEED = 0


@dataclasses.dataclass(frozen=True)
class Training:
    """How much the demo trains.

    Attributes:
        photos: rendered for training.
        validation_photos: rendered for measuring.
        settings: of PoseFix's recipe ``tiny``.
        weights: preset to start from; None starts from nothing.
        quantize: the exports.
    """

    photos: int
    validation_photos: int
    settings: tuple[str, ...]
    weights: str | None
    quantize: tuple[str, ...]

    def recipe(self):
        """The configuration of the run."""
        from tfpose import config
        from tfpose.recipes import find_recipe

        return config.override(find_recipe("posefix", "tiny"), self.settings)


# Two or three minutes on two cores: too short to start from nothing.
SHORT = Training(
    photos=300,
    validation_photos=60,
    settings=(
        "skeleton=lsp14", "input_size=160x160", "sigma=5.8", "learning_rate=5e-4",
        "epochs=4", "average=0.97",
    ),
    weights="posefix_tiny_lsp",
    quantize=("none", "int8"),
)  # fmt: skip
# Enough to train and to measure in a quarter of an hour on two cores.
FULL = Training(
    photos=2500,
    validation_photos=200,
    settings=("epochs=12",),
    weights=None,
    quantize=("none", "float16", "int8"),
)
QUICK = {"photos": 40, "validation_photos": 8, "quantize": ("none",)}


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "demo",
        "finds and refines people in example photos, then trains a refiner",
        "Finds everybody in the photos that come with the package, refines another "
        "method's poses of them, and writes OUT/examples.html. Then renders people, "
        "trains a small PoseFix on them for a short time, refines corrupted poses of "
        "others, exports, and writes OUT/report.html.",
        "tfpose demo --out runs/demo",
    )
    text = "folder to write (default: runs/demo, with --train runs/demo-train)"
    option(command, "--out", "DIR", text)
    text = "only the training on rendered people, from nothing and at full length"
    switch(command, "--train", text)
    switch(command, "--quick", "a few photos and steps, to check that everything works")
    json_option(command)


def run(
    out: str | None = None,
    train: bool = False,
    quick: bool = False,
    json: str | None = None,
) -> dict:
    """Finds and refines people in the example photos, then trains on rendered people.

    Args:
        out: folder to write. Of the example photos: ``examples.html`` and
            ``examples/``. Of the training: ``report.html``, ``model/``, ``export/``,
            ``data/``, ``photos/`` and the pose files before and after. Default:
            ``runs/demo``, with ``train`` ``runs/demo-train``.
        train: only the training, from nothing and at full length.
        quick: a few photos and steps, to check that everything works.
        json: file for the numbers.

    Returns:
        "before" and "after": {"AP", "PCK@0.2", and the share of each kind of mistake}
        in percent; "parity" of the exports; without ``train`` also "photos", of
        ``show_photos``.
    """
    folder = pathlib.Path(out or ("runs/demo-train" if train else "runs/demo"))
    checks.folder_to_write(str(folder))
    checks.given(json=json)
    start_tensorflow()
    start_litert()
    training = FULL if train else SHORT
    if quick:
        training = dataclasses.replace(training, **QUICK)
    say, numbers = _clock(5 if train else 7), {}
    if not train:
        photos = examples.paths()[1:2] if quick else examples.paths()
        numbers["photos"] = show_photos(folder, photos, say)
    numbers |= _train_and_refine(folder, training, quick, say)
    write_numbers(json, numbers)
    return numbers


# --- real photos -----------------------------------------------------------------


def show_photos(folder: pathlib.Path, photos: list[pathlib.Path], say) -> dict:
    """Finds the people in photos, refines another method's poses, writes the page.

    Args:
        folder: to write: ``examples.html`` and ``examples/``.
        photos: some of the example photos.
        say: prints a line.

    Returns:
        "photos", "found" (people) and "refined" (people), their numbers; "moved", the
        mean way of a joint in px.
    """
    import numpy as np

    from tfpose.inference.predict_files import RESULTS, predict_files
    from tfpose.inference.refine_files import refine_file
    from tfpose.io import coco
    from tfpose.models.folders import load_config
    from tfpose.report import galleries
    from tfpose.weights.presets import model_folder

    place = folder / "examples"
    given, boxes = list(map(str, photos)), str(place / "found" / RESULTS)
    say(f"finding everybody in {len(photos)} photos")
    found = predict_files(ESTIMATOR, given, str(place / "found"), **ONE_LOOK)
    say(f"refining the poses of {METHOD} by {REFINER}")
    before, after = str(place / "before.json"), str(place / "refined.json")
    predict_files(METHOD, given, before, boxes=boxes, detection_score=SURE, **ONE_LOOK)
    refine_file(REFINER, before, str(examples.FOLDER), after, nms_threshold=1.0)
    skeleton = load_config(model_folder(REFINER)).skeleton
    sides = [coco.read_results(file, skeleton)[0] for file in (before, after)]
    _photo_page(folder, photos, sides, skeleton)
    print(f"wrote {folder / 'examples.html'}")
    return {
        "photos": found["photos"],
        "found": found["poses"],
        "refined": len(sides[1]),
        "moved": float(np.nanmean(galleries.pixels_moved(*sides))),
    }


def _photo_page(folder: pathlib.Path, paths, sides, skeleton) -> None:
    """Writes ``examples.html``: everybody found, and poses before and after."""
    from tfpose.io import photos
    from tfpose.io.photo_ids import number
    from tfpose.report import galleries, html

    pictures = []
    for path in paths:
        from_ = examples.credit(path)
        text = f"{path.name}: {from_['content']}. {from_['license']}, {from_['page']}"
        pictures.append((photos.read(folder / "examples/found" / path.name), text))
    note = (
        f"By tfpose predict --scales 1 --no-flip, by default with {ESTIMATOR}. A box "
    )
    note += "has the score of its pose."
    named = {number(path): path for path in paths}
    html.write_report(
        folder / "examples.html",
        "People in photos",
        f"{len(pictures)} example photos: everybody found, then the poses of another "
        f"method, {METHOD}, before and after {REFINER}.",
        [
            html.gallery("Found", pictures, note),
            galleries.moves(*sides, skeleton, named, REFINER),
        ],
    )


# --- training --------------------------------------------------------------------


def _train_and_refine(
    folder: pathlib.Path, training: Training, quick: bool, say
) -> dict:
    """Renders people, trains PoseFix ``tiny``, refines corrupted poses, exports."""
    from tfpose.evaluation.inputs import read_sides
    from tfpose.exporting.parity import format_report
    from tfpose.exporting.savedmodel import export

    data, model_dir = str(folder / "data"), str(folder / "model")
    say("rendering people")
    prepared, annotations = _people(folder, data, training)
    say(f"training PoseFix on {prepared['written']['train']} people")
    _train(data, model_dir, training, quick)
    say("refining corrupted poses of unseen people")
    truth = prepared["annotations"]["validation"]
    files = _refine(annotations, truth, folder, model_dir)
    say("exporting")
    parity = export(model_dir, folder / "export", quantize=training.quantize, data=data)
    print(format_report(parity))
    say("scoring")
    _, (before, after), _ = read_sides(annotations, *files)
    _report(annotations, before, after, folder, format_report(parity))
    say(f"wrote {folder / 'report.html'} and {folder / 'export'}")
    return {
        "before": scores(annotations, before),
        "after": scores(annotations, after),
        "parity": parity,
    }


def _people(folder: pathlib.Path, data: str, training: Training):
    """The report of ``prepare`` on the rendered people, and the validation people."""
    from data_prep.prepare import prepare
    from tfpose.io import coco

    prepared = prepare(
        "synthetic", None, data, photos=training.photos,
        validation_photos=training.validation_photos, seed=SEED,
        skeleton=training.recipe().skeleton.name,
    )  # fmt: skip
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


def _train(data: str, model_dir: str, training: Training, quick: bool) -> None:
    from tfpose.models.folders import CHECKPOINT
    from tfpose.training import calibration, fit

    resume = pathlib.Path(model_dir, CHECKPOINT).exists()
    fit.train(training.recipe(), data, model_dir, resume, quick, training.weights)
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


def _clock(steps: int):
    """Returns a function that prints a line with the seconds since now.

    The first lines are numbered, each the start of one of so many steps.
    """
    started, numbers = time.monotonic(), itertools.count(1)

    def say(line: str) -> None:
        number = next(numbers)
        place = f"{number}/{steps} " if number <= steps else ""
        print(f"[{time.monotonic() - started:4.0f} s] {place}{line}", flush=True)

    return say
