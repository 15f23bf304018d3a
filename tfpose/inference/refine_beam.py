"""Refines the parts of a file with an Apache Beam pipeline.

Its workers read the poses, the photos, and the model under the same paths as the
process that starts them, and write finished parts into one folder that all share. So a
pipeline that was ended goes on as any run does.
"""

from __future__ import annotations

import dataclasses
import pathlib
import shlex
from collections.abc import Iterator, Sequence

import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions

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
    """
    question = {
        "results": str(poses.path),
        "images": str(poses.images),
        "model": poses.model,
        "annotations": poses.annotations,
        "skeleton": poses.shared.one,
        "skip_bad": settings.skip_bad,
    }
    work = RefineParts(question, dataclasses.asdict(settings), str(folder))
    with apache_beam.Pipeline(options=PipelineOptions(shlex.split(options))) as line:
        (
            line
            | "parts" >> apache_beam.Create(list(numbers))
            | "spread" >> apache_beam.Reshuffle()
            | "refine" >> apache_beam.ParDo(work)
        )


class RefineParts(apache_beam.DoFn):
    """Refines parts by their numbers; a worker loads the model once.

    Args:
        question: arguments of ``read_poses``.
        settings: fields of ``Settings``.
        folder: of the ``Progress``.
    """

    def __init__(self, question: dict, settings: dict, folder: str):
        self.question, self.settings, self.folder = question, settings, folder

    def setup(self) -> None:
        self.poses = read_poses(**self.question)
        self.how = Settings(**self.settings)
        self.refiner = load_refiner(self.poses, self.how)
        self.progress = Progress(pathlib.Path(self.folder))
        self.trust = None
        if self.how.use_reliability and self.progress.trust.exists():
            joints = len(self.refiner.skeleton)
            path = self.progress.trust
            self.trust = reliability.read_trust(path, self.poses.model, joints)

    def process(self, number: int) -> Iterator[int]:
        work = PartWork(self.poses, self.poses.parts[number], self.how)
        for beliefs in work.beliefs(self.refiner):
            work.add(beliefs, self.trust)
        result = work.result(self.refiner)
        self.progress.write(number, result, self.how.skip_bad)
        yield number
