"""``tfpose evaluate``: scores poses against annotations, or scores a model."""

from __future__ import annotations

from tfpose.cli import checks
from tfpose.cli.common import (
    DATA,
    annotations_option,
    before_option,
    chosen_skeleton,
    json_option,
    option,
    poses_option,
    read_sides,
    skeleton_option,
    start_tensorflow,
    subcommand,
    switch,
    write_numbers,
)
from tfpose.errors import TfposeError
from tfpose.evaluation.protocols import NAMES, check_alone, scoring
from tfpose.io.files import write_text
from tfpose.metrics.choices import (
    AVERAGINGS,
    METRICS,
    NORMALIZERS,
    VIEWPOINTS,
    check_options,
)


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "evaluate",
        "scores poses against annotations, or a model",
        "With --before it scores both sets of poses and prints the gain. With "
        "--model-dir it scores a model on prepared validation people: an estimator "
        "from their boxes, a refiner on corrupted poses, before and after.",
        "tfpose evaluate --poses refined.json --before poses.json "
        "--annotations truth.json --metric pck",
    )
    poses_option(command, required=False)
    annotations_option(command, required=False)
    before_option(command)
    skeleton_option(command)
    option(command, "--model-dir", "NAME|DIR", "preset, or folder that train wrote")
    option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    text = "pck, pckh, auc, pcp: joints or limbs of one pose per person; oks: COCO's "
    text += "average precision; mpii, posetrack: mean average precision of several "
    text += "people's joints; mota: tracked people"
    text += " (default: oks, or the protocol's)"
    option(command, "--metric", "NAME", text, choices=METRICS)
    text = "official: score as the published figures of COCO, MPII, LSP or PoseTrack, "
    text += "told by the annotations' joints"
    option(command, "--protocol", "NAME", text, choices=NAMES)
    text = "in torso lengths for pck (0.2), in head sizes for pckh (0.5), in limb "
    text += "lengths for pcp (0.5); end of the curve for auc (0.5); in head sizes for "
    text += "mpii, posetrack and mota (0.5)"
    option(command, "--threshold", "X", text, type=float)
    text = "length of pck: torso, the skeleton's segment, or torso_box, the longer "
    text += "side of the box around shoulders and hips"
    option(command, "--normalizer", "NAME", text, ("--normaliser",),
           choices=NORMALIZERS, default=NORMALIZERS[0])  # fmt: skip
    text = "whose left is left, the person's or the observer's"
    option(command, "--viewpoint", "NAME", text, choices=VIEWPOINTS,
           default=VIEWPOINTS[0])  # fmt: skip
    text = "lenient PCP: threshold the mean error of a limb's two ends"
    switch(command, "--lenient", text, ("--average",))
    text = "how to average pckh and auc: joints equally, with < (pytorch-pose); "
    text += "labeled, weighted by label count (HRNet); or pooled, with a head of neck "
    text += "and head top (MPII)"
    option(command, "--mean", "NAME", text, dest="averaging", choices=AVERAGINGS,
           default=AVERAGINGS[0])  # fmt: skip
    text = "mota counts the last frame of each video too, unlike PoseTrack's tool"
    switch(command, "--every-frame", text)
    text = "draw the curves of pck, pckh or pcp over thresholds from 0 to 0.5"
    option(command, "--curve", "FILE.svg", text)
    text = "with --model-dir: one line per heatmap of an estimator"
    switch(command, "--every-map", text)
    text = "with --model-dir: decode an estimator's Gaussian heatmaps with DARK"
    switch(command, "--dark", text)
    json_option(command)


def run(
    poses, annotations, before, skeleton, model_dir, data, curve, every_map, dark, json,
    protocol, **options,
) -> None:  # fmt: skip
    """Scores poses, two sets of poses before -> after, or a model with one metric."""
    of_model = model_dir and not (poses or annotations or before)
    if not of_model and (every_map or dark):
        raise TfposeError("evaluate: expected --model-dir with --every-map and --dark")
    if not of_model and not (poses and annotations and not model_dir):
        raise TfposeError(
            "evaluate: expected --poses with --annotations, or --model-dir with --data"
        )
    if protocol:
        _check_protocol(model_dir, **options)
    checks.given(
        poses=poses, annotations=annotations, before=before, curve=curve, json=json
    )
    if of_model:
        config = checks.trained(model_dir, "estimator" if every_map or dark else None)
        checks.prepared(data, config.validation)
    options["curve"] = bool(curve)
    if not protocol:
        options["metric"] = options["metric"] or "oks"
        check_options(**options)
    skeleton = chosen_skeleton(skeleton)
    from tfpose.report import charts, tables

    if of_model:
        start_tensorflow()
        from tfpose.training.validation import evaluate_model

        options |= {"every_map": every_map, "dark": dark}
        numbers = evaluate_model(model_dir, data, **options)
    else:
        numbers = _score(annotations, poses, before, skeleton, options, protocol)
    sides = numbers.get("maps") or {"": numbers}
    if "before" in numbers:
        sides = {"before": numbers["before"], "after": numbers}
    if every_map:
        print(tables.format_maps(sides))
    else:
        print(tables.format_table(*sides.values()))
    if protocol:
        print(numbers["protocol"])
    if curve:
        write_text(curve, charts.curve_panels(**tables.curve_panels(sides)))
    write_numbers(json, numbers)


def _check_protocol(
    model_dir, normalizer, viewpoint, averaging, lenient, every_frame, **rest
) -> None:
    """Raises TfposeError for what the official protocol does not leave open."""
    if model_dir:
        raise TfposeError(
            "evaluate --protocol official: expected --poses (tfpose predict --protocol "
            "official), since prepared people have boxes around their true joints"
        )
    usual = {"normalizer": NORMALIZERS, "viewpoint": VIEWPOINTS, "mean": AVERAGINGS}
    given = {"normalizer": normalizer, "viewpoint": viewpoint, "mean": averaging}
    changed = {name: given[name] != known[0] for name, known in usual.items()}
    check_alone(**changed, lenient=lenient, every_frame=every_frame)


def _score(annotations, poses, before, skeleton, options, protocol) -> dict:
    from tfpose.evaluation.evaluate import evaluate_poses

    files = [poses] if before is None else [poses, before]
    truth, sides, note = read_sides(annotations, *files, skeleton=skeleton)
    more = {}
    if protocol:
        if note:
            raise TfposeError(f"--protocol official: expected all joints; {note}")
        metric, decided, words = scoring(truth.skeleton, options["metric"])
        options |= {"metric": metric, **decided}
        more = {"protocol": words}
    numbers, *others = [evaluate_poses(truth, side, **options) for side in sides]
    numbers |= more | ({"note": note} if note else {})
    return {**numbers, "before": others[0]} if others else numbers
