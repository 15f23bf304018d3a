"""Searches the parts of many photos with an Apache Beam pipeline (``beam_parts``)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable, Sequence

from tfpose.errors import PoseFileError
from tfpose.inference.predict_parts import identity
from tfpose.inference.predict_work import Album, Asked, Work
from tfpose.inference.progress import Progress
from tfpose.io.photo_ids import Photo


def find(
    work: Work, numbers: Sequence[int], folder: pathlib.Path, options: str
) -> None:
    """Writes the parts of those numbers into the folder of a ``Progress``.

    Args:
        work: photos and networks.
        numbers: of its parts.
        folder: has the trust already, if there is a refiner.
        options: of the pipeline's runner, as on a command line.

    Raises:
        TfposeError: the first photo that cannot be searched.
    """
    from tfpose.inference import beam_parts  # which needs Beam

    parts = [(number, _mark(work.parts[number])) for number in numbers]
    question = dataclasses.asdict(work.asked)
    beam_parts.make_parts(load, question, parts, folder, options)


def load(question: dict, progress: Progress) -> Callable[[int, str], None]:
    """What searches the part of a number, if its photos have that mark."""
    asked = Asked(**question)
    work = Work.of(asked, Album.of(asked))
    trust = work.trust(progress)

    def make(number: int, mark: str) -> None:
        # The worker has listed the photos by itself, and perhaps elsewhere.
        if number >= len(work.parts) or _mark(work.parts[number]) != mark:
            raise PoseFileError(
                f"{' '.join(asked.given)}: expected the photos, names, and times that "
                f"the pipeline began with, found others in part {number + 1}"
            )
        progress.write(number, work.part(number, trust))

    return make


def _mark(photos: Sequence[Photo]) -> str:
    """A short text that is another one if the photos are."""
    return hashlib.sha256(json.dumps(identity(photos)).encode()).hexdigest()
