"""The main job on the embedded data, from nothing to a served model (``make demo``)."""

from __future__ import annotations

import pathlib
import time

from data_prep import __main__ as preparation
from data_prep.synthetic import FIRST_VALIDATION_PHOTO
from data_prep.synthetic_people.render import render_jpeg
from tfpose import calibration, comparison, config, exporting, poses, report, training
from tfpose.evaluate import analyze_poses, evaluate_poses, format_table
from tfpose.metrics import errors
from tfpose.recipes import RECIPES
from tfpose.refine import refine_file
from tfpose.synthesis.corrupt import corrupt

# Enough to learn from and to measure on within a quarter of an hour on two cores.
PHOTOS, VALIDATION_PHOTOS, EPOCHS = 2500, 200, 12
QUICK_PHOTOS, QUICK_VALIDATION_PHOTOS = 40, 8
SEED = 0


def run(out: str, quick: bool = False) -> dict:
    """Renders people, trains PoseFix ``tiny``, refines corrupted poses, exports.

    Args:
        out: folder to write: ``report.html``, ``model/``, ``export/``, ``data/``,
            ``photos/`` and the pose files before and after.
        quick: a few photos and steps, to see that everything works.

    Returns:
        "before" and "after": {"AP", "PCK@0.2", and each error type's share}, in
        percent; "parity", of the exports.
    """
    folder = pathlib.Path(out)
    data, model_dir = str(folder / "data"), str(folder / "model")
    counts = (QUICK_PHOTOS, QUICK_VALIDATION_PHOTOS) if quick else (
        PHOTOS, VALIDATION_PHOTOS,
    )  # fmt: skip
    _say("1/5 rendering people")
    prepared = preparation.prepare(
        "synthetic",
        None,
        data,
        photos=counts[0],
        validation_photos=counts[1],
        seed=SEED,
    )
    annotations = poses.read_annotations(prepared["annotations"]["validation"])
    write_photos(annotations, folder / "photos")

    _say(f"2/5 training PoseFix on {prepared['written']['train']} people")
    recipe = config.override(RECIPES["posefix"]["tiny"](), [f"epochs={EPOCHS}"])
    resume = (folder / "model" / training.CHECKPOINT).exists()
    training.train(recipe, data, model_dir, resume=resume, quicktest=quick)
    calibration.calibrate(model_dir, data)

    _say("3/5 refining corrupted poses of people it has not seen")
    before_file, after_file = folder / "corrupted.json", folder / "refined.json"
    poses.write_json(before_file, corrupt(annotations, SEED))
    refine_file(
        model_dir, str(before_file), str(folder / "photos"), str(after_file),
        annotations=prepared["annotations"]["validation"],
    )  # fmt: skip

    _say("4/5 exporting")
    quantize = ("none",) if quick else ("none", "float16", "int8")
    parity = exporting.export(
        model_dir, folder / "export", quantize=quantize, data=data
    )
    print(exporting.format_report(parity))

    _say("5/5 scoring")
    before, after = (
        poses.read_results(path, annotations.skeleton)[0]
        for path in (before_file, after_file)
    )
    exports = report.section(
        "Exports", "Distance to the Keras model's keypoints on real crops.",
        f"<pre>{exporting.format_report(parity)}</pre>",
    )  # fmt: skip
    comparison.write(
        folder / "report.html", annotations, before, {"PoseFix": after},
        folder / "photos", "PoseFix on rendered people", folder / "model" / "log.csv",
        (exports,),
    )  # fmt: skip
    for table in (
        lambda side: evaluate_poses(annotations, side, "oks"),
        lambda side: evaluate_poses(annotations, side, "pck"),
        lambda side: analyze_poses(annotations, side),
    ):
        print(format_table(table(before), table(after)), "\n")
    _say(f"wrote {folder / 'report.html'} and {folder / 'export'}")
    return {
        "before": scores(annotations, before),
        "after": scores(annotations, after),
        "parity": parity,
    }


def write_photos(annotations: poses.Annotations, folder: pathlib.Path) -> None:
    """Renders the validation photos again as files, for the refiner to read."""
    folder.mkdir(parents=True, exist_ok=True)
    for image_id, image in annotations.images.items():
        if image_id < FIRST_VALIDATION_PHOTO:
            raise ValueError(f"photo {image_id}: expected a validation photo")
        (folder / image["file_name"]).write_bytes(render_jpeg(SEED, image_id)[0])


def scores(annotations: poses.Annotations, results: poses.Results) -> dict[str, float]:
    """OKS-AP, PCK@0.2 and the shares of the error types, in percent."""
    kinds = analyze_poses(annotations, results)
    shares = {name: kinds[name] for name in errors.TYPES}
    return {
        "AP": 100 * evaluate_poses(annotations, results, "oks")["AP"],
        "PCK@0.2": evaluate_poses(annotations, results, "pck")["mean"],
        **shares,
    }


_STARTED = time.monotonic()


def _say(line: str) -> None:
    print(f"[{time.monotonic() - _STARTED:4.0f} s] {line}", flush=True)
