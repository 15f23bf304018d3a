"""What the page needs of the package: models, rules, and an example photo.

    python web/export_models.py

writes ``web/public/models`` with ``models.json`` and ``web/public/example.jpg``. The
detector is the package's own file, the others are presets with weights in float16.
``models.json`` describes the files and has the numbers of the package's rules, so that
the page decides as the package does.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import tempfile

from tfpose.cli.common import start_tensorflow

WEB = pathlib.Path(__file__).resolve().parent
ESTIMATOR, REFINER = "movenet_thunder_coco17", "posefix_movenet_coco17"
# The example photo with the most people. index.html has its credit.
EXAMPLE = "000000001000.jpg"


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    start_tensorflow()
    from tfpose.inference import estimator, person_detector
    from tfpose.io import examples
    from tfpose.models.table import load_model

    public = WEB / "public"
    public.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WEB) as folder:
        models = pathlib.Path(folder) / "models"
        models.mkdir()
        shutil.copy(person_detector.MODEL, models / "detector.tflite")
        found = {}
        for task, name in (("estimator", ESTIMATOR), ("refiner", REFINER)):
            model, config = load_model(name)
            about = described(model, config, name)
            content = pose_model(model, config, about)
            (models / f"{name}.tflite").write_bytes(content)
            found[task] = {"file": f"{name}.tflite", "about": about}
            if task == "estimator":
                several = estimator.Estimator.of(model, config)
                (models / "looks.tflite").write_bytes(merging(several))
        about = {
            "detector": {"file": "detector.tflite"},
            **found,
            "looks": {"file": "looks.tflite", "scales": estimator.SCALES},
            "rules": rules(),
        }
        files = [entry for entry in about.values() if "file" in entry]
        for entry in files:
            content = (models / entry["file"]).read_bytes()
            entry["bytes"] = len(content)
            # Another content is another version of the page, which browsers keep.
            entry["sha256"] = hashlib.sha256(content).hexdigest()
        (models / "models.json").write_text(json.dumps(about, indent=1))
        shutil.copy(examples.FOLDER / EXAMPLE, public / "example.jpg")
        shutil.rmtree(public / "models", ignore_errors=True)
        models.rename(public / "models")
    sizes = [f"{entry['file']} {entry['bytes']}" for entry in files]
    print(f"wrote {public / 'models'}: {', '.join(sizes)} bytes")


def described(model, config, name: str) -> dict:
    """The description that an export of the preset carries."""
    from tfpose.edge import metadata

    rounds = config.testing.get("rounds", 1)
    about = metadata.describe(
        model, config.skeleton, name, config.model, 0.0, "Apache-2.0", rounds
    )
    pixels = "uint8" if model.is_refiner else "float32"
    normalization = f"none: image is {pixels} RGB 0..255, the graph does the rest"
    return {**about, "numbers": "float16", "normalization": normalization}


def pose_model(model, config, about: dict) -> bytes:
    """A file as ``tfpose export`` writes it; an estimator also gives its beliefs."""
    from tfpose.edge import flatbuffer
    from tfpose.exporting import litert
    from tfpose.exporting.savedmodel import write_saved_model
    from tfpose.models.serving_graph import serving_model

    belief = not model.is_refiner
    serving = serving_model(model, config.skeleton, phases=True, belief=belief)
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(serving, folder, batch=1)
        return flatbuffer.embed(litert.convert(folder, half=True), about)


def merging(estimator) -> bytes:
    """A ``.tflite`` file of ``Estimator.merged`` for one person.

    Input "beliefs" f32[L, h, w, K], outputs "keypoints" f32[K, 2] C, "scores" f32[K].
    """
    import tensorflow as tf

    from tfpose.exporting import litert

    looks = len(estimator.scales) * (2 if estimator.flip else 1)
    shape = (looks, *estimator.model.output["heatmap"].shape[1:])

    @tf.function(input_signature=[tf.TensorSpec(shape, name="beliefs")])
    def merge(beliefs):
        keypoints, scores = estimator.merged(beliefs[:, None])
        return {"keypoints": keypoints[0], "scores": scores[0]}

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures={"serving_default": merge})
        return litert.convert(folder)


def rules() -> dict:
    """The numbers by which the package finds and follows people."""
    from tfpose.inference import (
        people,
        person_detector,
        pose_tracker,
        rules,
        smoothing,
        tracking,
    )

    detect = person_detector
    return {
        "seen": people.SEEN,
        "near_copies": rules.NEAR_COPIES,
        "detector": {
            "side": detect.SIDE,
            "least": detect.LEAST,
            "looks": {"one": [detect.WHOLE], "five": detect.FIVE_LOOKS},
            "overlap": detect.OVERLAP,
            "border": detect.BORDER,
            "part": detect.PART,
            "larger": detect.LARGER,
            "cover": detect.COVER,
            "sure": detect.SURE,
        },
        "tracker": {
            "search_every": pose_tracker.SEARCH_EVERY,
            "same_box": pose_tracker.SAME_BOX,
            "same_pose": pose_tracker.SAME_POSE,
            "still_there": pose_tracker.STILL_THERE,
            "memory": tracking.MEMORY,
            "similar": tracking.SIMILAR,
            "shared": tracking.SHARED,
            "newest": tracking.NEWEST,
        },
        "smoothing": {
            "minimum_cutoff": smoothing.MINIMUM_CUTOFF,
            "speed_factor": smoothing.SPEED_FACTOR,
            "speed_cutoff": smoothing.SPEED_CUTOFF,
        },
    }


if __name__ == "__main__":
    main()
