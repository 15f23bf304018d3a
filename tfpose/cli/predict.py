"""``tfpose predict``: finds the poses of people in photos."""

from __future__ import annotations

import math
import pathlib
import sys

from tfpose.cli import checks, videos
from tfpose.cli.common import (
    beam_option,
    json_option,
    option,
    say,
    start_litert,
    start_tensorflow,
    subcommand,
    switch,
    write_numbers,
)
from tfpose.errors import DetectorError, TfposeError
from tfpose.evaluation.protocols import NAMES, check_alone, looking
from tfpose.io.shared_joints import SharedJoints

# The default preset.
ESTIMATOR = "movenet_thunder_coco17"
# As ``inference.estimator.SCALES``, which TensorFlow's import precedes.
SCALES = "0.8,1.0,1.2"


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "predict",
        "finds the poses of people in photos and videos",
        "Writes a picture of each photo and a COCO results file, OUT/poses.json. "
        "People are located by the detector that comes with the package, or by "
        "--boxes, --detector, --single or the boxes of --annotations. In a video, a "
        "camera, or a stream they are followed (docs/video.md).",
        "tfpose predict photo.jpg --out found",
    )
    command.add_argument(
        "photos",
        metavar="PHOTO|VIDEO",
        nargs="*",
        help="photos, folders of photos, or one video",
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
    text += f"that find all people at once; default: {SCALES}; of a video, 1.0 without "
    text += "the mirrored photo)"
    option(command, "--scales", "S,S,...", text)
    switch(command, "--no-flip", "skip the mirrored photo")
    text = "joints with a lower score are neither drawn nor counted (default: 0.3)"
    option(command, "--joint-score", "X", text, type=float, default=0.3)
    text = "official: as the published figures of COCO, MPII, LSP or PoseTrack, told "
    text += "by the model's joints"
    option(command, "--protocol", "NAME", text, choices=NAMES)
    text = "search the I-th of N parts of the photos; tfpose join puts the poses "
    text += "together"
    option(command, "--shard", "I/N", text)
    beam_option(command)
    json_option(command)
    videos.add_options(command)


def run(photos, images, scales, no_flip, refine, out, json, **options) -> None:
    """Finds the poses of the people in photos."""
    given = photos + ([images] if images else [])
    chosen = {name: options.pop(name) for name in videos.OPTIONS}
    if videos.is_wanted(given, chosen["video"]):
        looks = {} if scales is None else {"scales": _scales(scales)}
        looks |= {"flip": not no_flip} if looks else {}
        options = {"refine": refine, **options}
        return videos.run(given[0], out, json, looks, chosen, **options)
    shard, beam = checks.shard(options.pop("shard")), options.pop("beam")
    checks.beam(beam)
    _check(given, out, refine, json, **options)
    if options["protocol"]:
        check_alone(scales=scales, no_flip=no_flip)
    sizes = _scales(SCALES if scales is None else scales)
    start_tensorflow()
    start_litert()
    from tfpose.inference.predict_files import predict_files

    numbers = predict_files(
        given=given, out=out, refiner=refine, scales=sizes, flip=not no_flip,
        shard=shard, beam=beam, **options,
    )  # fmt: skip
    if numbers["unlisted"]:
        count = len(numbers["unlisted"])
        say(f"left out {count} photos that {options['annotations']} does not list")
    if numbers["kept_joints"]:
        say(f"{refine} does not know {', '.join(numbers['kept_joints'])}: kept")
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


def _check(
    given, out, refine, json, model, boxes, detector, single, annotations,
    detection_score, joint_score, protocol,
) -> None:  # fmt: skip
    """Fails before TensorFlow starts, if anything cannot be used."""
    from tfpose.inference.people import check_sources
    from tfpose.inference.poses_to_refine import check_shared

    checks.photos(given)
    check_sources(boxes, detector, single, detection_score)
    found = checks.trained(model, "estimator").skeleton
    if protocol:
        looking(found, boxes, detector, refine, single)
    if refine:
        known = checks.trained(refine, "refiner").skeleton
        check_shared(SharedJoints(found, known), refine, model)
    checks.given(
        boxes=boxes, annotations=annotations, json=json, joint_score=joint_score,
        detection_score=detection_score,
    )  # fmt: skip
    if detector and not pathlib.Path(detector).exists():
        raise DetectorError(
            f"--detector {detector}: expected a .tflite file, an .onnx file, or the "
            "folder of a TensorFlow SavedModel, found none"
        )
    if out.endswith(".json"):
        checks.given(results=out)
    else:
        checks.folder_to_write(out)


def _scales(text: str) -> tuple[float, ...]:
    try:
        scales = tuple(float(scale) for scale in text.split(","))
    except ValueError:
        scales = ()
    if not scales or not all(0 < scale < math.inf for scale in scales):
        raise TfposeError(
            f"--scales {text}: expected positive numbers such as 0.8,1.0,1.2"
        )
    return scales
