"""``tfpose refine``: makes the poses of any method better."""

from __future__ import annotations

import sys

from tfpose.cli import checks
from tfpose.cli.common import (
    beam_option,
    chosen_skeleton,
    json_option,
    option,
    poses_option,
    say,
    skeleton_option,
    start_tensorflow,
    subcommand,
    switch,
    write_numbers,
)
from tfpose.evaluation.protocols import NAMES, check_alone, protocol_of
from tfpose.evaluation.text import aligned


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "refine",
        "makes the poses of any method better",
        "Writes the same records in the same order with moved joints; scores and all "
        "other keys stay.",
        "tfpose refine --poses poses.json --images photos --out refined.json",
    )
    text = "the refiner: a preset or a model folder (default: the preset that shares "
    text += "most joints with the poses)"
    option(command, "--model", "NAME|DIR", text)
    poses_option(command)
    skeleton_option(command)
    text = "folder of the photos, or a video, whose frames are image_id 0, 1, ..."
    option(command, "--images", "DIR|VIDEO", text, required=True)
    option(command, "--out", "FILE", "the refined poses", required=True)
    text = "COCO annotations JSON that names the photos; without it, the number that "
    text += "ends a photo's name is its image_id"
    option(command, "--annotations", "FILE", text)
    text = "keep going past poses that cannot be refined; they stay unchanged"
    switch(command, "--skip-bad", text)
    text = "use only the refined joints, no matter how reliable the input is"
    switch(command, "--refined-only", text, ("--no-fusion", "--no_fusion"))
    text = "print how far each joint of the input was trusted"
    aliases = "--fusion-report", "--fusion_report"
    switch(command, "--reliability-report", text, aliases)
    text = "how often the network is run, each time on its own answer (default: the "
    text += "refiner's)"
    option(command, "--rounds", "N", text, type=int)
    text = "how far this method's poses can be trusted: measured and written, or read "
    text += "if the file exists; for files of a few people"
    option(command, "--trust", "FILE", text)
    text = "drop a refined pose if its OKS with a better-scored one in the photo is "
    text += "above this; 1 keeps all (default: the refiner's, 0.9 for PoseFix)"
    option(command, "--oks-nms", "OKS", text, type=float)
    text = "remove joints whose refiner score, 0 to 1, is not above this"
    option(command, "--threshold", "SCORE", text, type=float, default=0.0)
    text = "write the refiner's scores, how probably each joint is right, instead of "
    text += "the input's"
    switch(command, "--rescore", text)
    text = "refine the I-th of N parts of the file; tfpose join puts them together"
    option(command, "--shard", "I/N", text)
    beam_option(command)
    text = "official: as PoseFix's code does in testing: one round that replaces the "
    text += "joints, near copies dropped for COCO and PoseTrack"
    option(command, "--protocol", "NAME", text, choices=NAMES)
    json_option(command)


def run(
    model, poses, skeleton, images, out, annotations, skip_bad, refined_only,
    reliability_report, rounds, trust, oks_nms, threshold, rescore, shard, beam,
    protocol, json,
) -> None:  # fmt: skip
    """Refines a file of poses."""
    shard = checks.shard(shard)
    checks.beam(beam)
    checks.given(
        poses=poses, frames=images, annotations=annotations, results=out, trust=trust,
        json=json, oks_nms=oks_nms, threshold=threshold, rounds=rounds,
    )  # fmt: skip
    if protocol:
        check_alone(
            refined_only=refined_only, rounds=rounds, trust=trust, oks_nms=oks_nms
        )
    if model:
        checks.trained(model, "refiner")
    from tfpose.inference.poses_to_refine import read_poses

    skeleton = chosen_skeleton(skeleton)
    given = read_poses(poses, images, model, annotations, skeleton, skip_bad)
    say(given.note)
    if protocol:
        protocol_of(given.shared.one)
    start_tensorflow()
    from tfpose.inference.refine_files import refine_poses
    from tfpose.inference.refine_parts import Settings

    settings = Settings(
        skip_bad, not refined_only, oks_nms, threshold, rescore, rounds, protocol
    )
    numbers = refine_poses(given, out, settings, trust, shard, beam)
    for line in numbers["bad"]:
        print(f"left as it was: {line}", file=sys.stderr)
    done = f"refined {numbers['refined']} of {numbers['poses']} poses"
    print(f"wrote {out}: {done} by {numbers['model']}")
    if numbers["duplicates"]:
        print(f"dropped {numbers['duplicates']} near copies of better poses")
    if numbers["unscored"]:
        print(f"left out {numbers['unscored']} poses without a score above 0")
    if numbers["few"]:
        print(f"left {numbers['few']} poses of one or two joints as they were")
    if numbers["removed"]:
        print(f"removed {numbers['removed']} joints (score not above {threshold:g})")
    if reliability_report and numbers["reliability"]:
        print(_table(numbers["reliability"]))
    write_numbers(json, numbers)


def _table(joints: dict[str, dict[str, float]]) -> str:
    """How far the input was trusted, one line per joint."""
    columns = list(next(iter(joints.values())))
    rows = [("joint", *(name.replace("_", " ") for name in columns))]
    for joint, numbers in joints.items():
        rows.append((joint, *(f"{numbers[name]:.3f}" for name in columns)))
    return aligned(rows)
