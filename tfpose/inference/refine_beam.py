"""Refines the parts of a file with an Apache Beam pipeline (``beam_parts``)."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

from tfpose.inference import reliability
from tfpose.inference.poses_to_refine import PosesToRefine, read_poses
from tfpose.inference.progress import Progress
from tfpose.inference.refine_parts import PartWork, Settings, load_refiner


def refine(
    poses: PosesToRefine,
    numbers: Sequence[int],
    settings: Settings,
    folder: pathlib.Path,
    options: str,
) -> None:
    """Writes the parts of those numbers into the folder of a ``Progress``.

    Args:
        poses: of the file.
        numbers: of its parts.
        settings: how to refine.
        folder: has the trust already.
        options: of the pipeline's runner, as on a command line.

    Raises:
        TfposeError: the first record that cannot be refined.
    """
    from tfpose.inference import beam_parts  # which needs Beam

    question = {
        "poses": {
            "results": str(poses.path),
            "images": str(poses.images),
            "model": poses.model,
            "annotations": poses.annotations,
            "skeleton": poses.shared.one,
            "skip_bad": settings.skip_bad,
        },
        "settings": dataclasses.asdict(settings),
    }
    parts = [(number,) for number in numbers]
    beam_parts.make_parts(load, question, parts, folder, options)


def load(question: dict, progress: Progress) -> Callable[[int], None]:
    """What refines and writes the part of a number."""
    poses = read_poses(**question["poses"])
    settings = Settings(**question["settings"])
    refiner, trust = load_refiner(poses, settings), None
    if settings.use_reliability and progress.trust.exists():
        joints = len(refiner.skeleton)
        trust = reliability.read_trust(progress.trust, poses.model, joints)

    def make(number: int) -> None:
        work = PartWork(poses, poses.parts[number], settings)
        for beliefs in work.beliefs(refiner):
            work.add(beliefs, trust)
        progress.write(number, work.result(refiner), settings.skip_bad)

    return make
