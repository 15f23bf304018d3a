"""``tfpose predict``: finds the poses of people in photos."""

from __future__ import annotations

import sys

from tfpose.cli.common import (
    json_option,
    option,
    start_litert,
    start_tensorflow,
    subcommand,
    switch,
    write_numbers,
)
from tfpose.errors import TfposeError

# The default preset.
ESTIMATOR = "movenet_thunder_coco17"


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "predict",
        "finds the poses of people in photos",
        "Writes a picture of each photo and a COCO results file, OUT/poses.json. "
        "People are located by the detector that comes with the package, or by "
        "--boxes, --detector, --single or the boxes of --annotations.",
        "tfpose predict photo.jpg --out found",
    )
    command.add_argument(
        "photos", metavar="PHOTO", nargs="*", help="photos, or folders of photos"
    )
    option(command, "--images", "DIR", "a folder of photos, same as PHOTO")
    text = "the estimator: a preset or a model folder"
    option(command, "--model", "NAME|DIR", text, default=ESTIMATOR)
    text = "a refiner that improves the poses: a preset or a model folder"
    option(command, "--refine", "NAME|DIR", text)
    text = "COCO results JSON with a bbox for each person; the number in a photo's "
    text += "name is its image_id"
    option(command, "--boxes", "FILE", text)
    text = "another detector of people: a TensorFlow SavedModel with detection_boxes, "
    text += "detection_scores and detection_classes; a .tflite file that ends with "
    text += "TFLite_Detection_PostProcess; or an .onnx file (extra onnx) of YOLOX, or "
    text += "with the outputs boxes, scores and labels"
    option(command, "--detector", "DIR|FILE", text)
    switch(command, "--single", "one person per photo, who fills it; needs no boxes")
    text = "COCO annotations JSON with the names of the photos and a box around each "
    text += "person; without it, the number in a photo's name is its image_id"
    option(command, "--annotations", "FILE", text)
    text = "drop boxes with a lower score (default: 0.5 for --detector, 0 for --boxes, "
    text += "0.35 for the package's detector)"
    option(command, "--detection-score", "X", text, type=float)
    text = "folder to write, or FILE.json to write the poses alone"
    option(command, "--out", "DIR", text, default="runs/predict")
    text = "scales of each person's crop, whose heatmaps are averaged (not for models "
    text += "that find all people at once)"
    option(command, "--scales", "S,S,...", text, default="0.8,1.0,1.2")
    switch(command, "--no-flip", "skip the mirrored photo")
    text = "joints with a lower score are neither drawn nor counted (default: 0.3)"
    option(command, "--joint-score", "X", text, type=float, default=0.3)
    json_option(command)


def run(photos, images, scales, no_flip, refine, out, json, **options) -> None:
    """Finds the poses of the people in photos."""
    try:
        sizes = tuple(float(scale) for scale in scales.split(","))
    except ValueError as error:
        raise TfposeError(
            f"--scales {scales}: expected numbers such as 0.8,1.0,1.2"
        ) from error
    start_tensorflow()
    start_litert()
    from tfpose.inference.predict_files import predict_files

    numbers = predict_files(
        given=photos + ([images] if images else []),
        out=out, refiner=refine, scales=sizes, flip=not no_flip, **options,
    )  # fmt: skip
    for name in numbers["nobody"]:
        print(f"found nobody: {name}", file=sys.stderr)
    if numbers["numbered"]:
        print(
            f"{len(numbers['numbered'])} photos without a number of their own got new "
            "image_ids; file_name tells them apart",
            file=sys.stderr,
        )
    print(f"wrote {out}: {numbers['poses']} poses in {numbers['photos']} photos")
    write_numbers(json, numbers)
