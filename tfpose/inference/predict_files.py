"""Predicts poses in photos and writes a COCO-results file and pictures.

There may be more photos than memory: they are searched part by part, and finished parts
lie beside the output until all are there (``progress``). What is written does not
depend on who finds which part, so a run that was ended goes on with the rest, shards
find some of the parts, and a pipeline finds them on many machines.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

import tfpose
from tfpose import drawing
from tfpose.errors import PoseFileError
from tfpose.inference import predict_beam, predict_parts, reliability
from tfpose.inference.batches import with_progress
from tfpose.inference.estimator import SCALES
from tfpose.inference.people import SEEN
from tfpose.inference.predict_parts import identity
from tfpose.inference.predict_work import Album, Asked, Work
from tfpose.inference.progress import Progress, of_shard, progress_of, state_of
from tfpose.io import files
from tfpose.io.beam_options import read_options
from tfpose.io.photo_ids import Photo
from tfpose.skeletons import Skeleton
from tfpose.weights.presets import model_folder

RESULTS = "poses.json"


def predict_files(
    model: str,
    given: Sequence[str],
    out: str,
    annotations: str | None = None,
    boxes: str | None = None,
    detector: str | None = None,
    single: bool = False,
    detection_score: float | None = None,
    refiner: str | None = None,
    scales: Sequence[float] = SCALES,
    flip: bool = True,
    joint_score: float = SEEN,
    protocol: str | None = None,
    shard: tuple[int, int] | None = None,
    beam: str | None = None,
) -> dict:
    """Finds the poses of people in photos and writes them.

    A model that finds everybody by itself (Associative Embedding) needs no boxes. For
    other models, the people come from ``boxes``, ``detector`` or ``single`` (give at
    most one), else from the annotations, else from ``person_detector.PersonDetector``.
    Of nearly equal poses in boxes of a detector or ``boxes``, only the best stays.

    Args:
        model: preset or model folder of an estimator.
        given: photos and folders of photos.
        out: folder for ``poses.json`` and a picture of each photo, or a ``*.json`` file
            to write alone.
        annotations: COCO annotations JSON with the photos' names and the boxes; its
            keypoints are ignored, so any skeleton will do. Without it, a photo's id is
            the number in its name.
        boxes: COCO results JSON with a "bbox" around each person.
        detector: folder or file of another detector (``detectors.load_detector``).
        single: each photo shows one person. Estimates in the whole photo, then again
            in the box around the result (PCK@0.2 of LSP's athletes, who fill two
            thirds of a photo: 52 after the first pass, 58 after the second).
        detection_score: drops boxes with a lower score; default: the detector's own
            minimum, and no minimum for ``boxes``.
        refiner: preset or model folder of a refiner to run on the poses.
        scales: scales of the pyramid; unused by models that find everybody.
        flip: average over mirrored crops.
        joint_score: joints with a lower score are neither drawn nor counted in a pose's
            score, and a detector's person without any other joints is left out.
        protocol: "official" finds, rates and drops poses as the published figures of
            the data set with the model's joints were made (``evaluation.protocols``);
            ``joint_score`` then only says which joints are drawn, and scales are the
            protocol's. Not for a ``refiner`` or models that find everybody.
        shard: (i, n), with i from 1 to n: searches the i-th of n parts of the photos.
            The shards' poses, joined in their order, are those of one run.
        beam: options of an Apache Beam pipeline that searches the photos.

    Returns:
        "photos" and "poses", their numbers; "nobody", the names of photos without
        people; "numbered", the names of photos that got a new image_id; "unlisted",
        those of a folder that the annotations lack; "kept_joints", the joints that
        ``refiner`` lacks.

    Raises:
        PoseFileError: a file or folder that cannot be used.
        PhotoError: a photo that is missing or damaged.
        DetectorError: not a detector, or what it needs is not installed.
        TfposeError: not an estimator, not a refiner of joints that it finds, or options
            that exclude each other.
    """
    if beam is not None:
        read_options(beam)
    asked = Asked(
        model, tuple(given), annotations, boxes, detector, single, detection_score,
        refiner, tuple(scales), flip, joint_score, protocol,
    )  # fmt: skip
    album = Album.of(asked)
    _check_out(out, album.photos)
    work = Work.of(asked, album)
    numbers = of_shard(range(len(work.parts)), shard)
    about = None  # one part is not worth keeping, unless workers need the folder
    if len(numbers) > 1 or beam is not None:
        about = _about(asked, shard, work.photos)
    with progress_of(out, about) as progress:
        _find(work, numbers, progress, beam)
        names = _picture_names(work.photos)
        known = [photo for number in numbers for photo in work.parts[number]]
        joints = joint_score, work.skeleton
        count = _write(out, known, numbers, progress, names, *joints)
        nobody = [n for number in numbers for n in progress.read(number)["nobody"]]
    return {
        "photos": len(known),
        "poses": count,
        "nobody": nobody,
        "numbered": [photo.name for photo in known if not photo.known],
        "unlisted": album.unlisted,
        "kept_joints": list(work.refining.shared.missing) if work.refining else [],
    }


# --- parts -----------------------------------------------------------------------


def _about(asked: Asked, shard, known: Sequence[Photo]) -> dict:
    """All that decides what is in the parts but their own photos."""
    rest = {**dataclasses.asdict(asked), "shard": shard}
    del rest["given"]
    models = [rest.pop(name) for name in ("model", "refiner")]
    sources = [rest.pop(name) for name in ("annotations", "boxes", "detector")]
    about = {
        "version": tfpose.__version__,
        "models": [name and state_of(model_folder(name)) for name in models],
        "sources": [name and state_of(name) for name in sources],
        "asked": rest,
    }
    if models[1]:  # the trust in the first photos' poses is in all parts
        about["photos"] = identity(known)
    return about


def _find(work: Work, numbers, progress: Progress, beam: str | None) -> None:
    """Writes the parts of those numbers that are not yet there."""
    there = {
        number
        for number in progress.finished()
        if number < len(work.parts)
        and progress.read(number)["photos"] == identity(work.parts[number])
    }
    todo = [number for number in numbers if number not in there]
    started = {}
    if work.refining is not None and todo and not progress.trust.exists():
        measured = predict_parts.measured(work.parts, work.search, work.refining)
        trust, started = measured
        if trust is not None:
            reliability.write_trust(progress.trust, trust, work.asked.refiner)
    trust = work.trust(progress)
    if beam is not None:
        here = [number for number in todo if number in started]
        todo = [number for number in todo if number not in started]
        _make(here, work, trust, started, progress)
        return predict_beam.find(work, todo, progress.folder, beam)
    _make(todo, work, trust, started, progress)


def _make(numbers, work: Work, trust, started, progress: Progress) -> None:
    """Writes the parts of those numbers in this process."""
    total = sum(len(work.parts[number]) for number in numbers)
    stream = (work.part(number, trust, started.pop(number, None)) for number in numbers)
    stream = ((part["photos"], part) for part in stream)
    stream = with_progress(stream, total, "searched", "photos")
    for number, (_, part) in zip(numbers, stream, strict=True):
        progress.write(number, part)


# --- output ----------------------------------------------------------------------


def _check_out(out: str, known: Sequence[Photo]) -> None:
    """Fails early if ``out`` cannot be written."""
    path = pathlib.Path(out)
    if out.endswith(".json"):
        return files.check_writable(out)
    above = next(place for place in (path, *path.parents) if place.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise PoseFileError(f"{path}: expected a folder to write into, found {above}")
    # The pictures could overwrite the photos, or become input of the next run.
    if path.resolve() in {photo.path.resolve().parent for photo in known}:
        raise PoseFileError(f"{path}: expected a folder other than the photos'")


def _write(out, known, numbers, progress, names, joint_score, skeleton) -> int:
    """Writes the pictures and the results, or nothing if something fails."""
    count = 0

    def records() -> Iterator[dict]:
        nonlocal count
        for number in numbers:
            some = progress.read(number)["records"]
            count += len(some)
            yield from some

    if out.endswith(".json"):
        files.write_json_list(out, records())
        return count
    # The results come last, so that their pictures are already there.
    with files.filling(out, order=lambda file: file.name == RESULTS) as beside:
        _draw(beside, known, records(), names, joint_score, skeleton)
        count = 0
        files.write_json_list(beside / RESULTS, records())
    return count


def _picture_names(known: Sequence[Photo]) -> dict[int, str]:
    """Image id -> name of the photo's picture, which no other photo has."""
    stems = [pathlib.PurePath(photo.name).stem for photo in known]
    unique = len(set(stems)) == len(stems)
    return {
        photo.image_id: stem if unique else f"{stem}_{photo.image_id}"
        for photo, stem in zip(known, stems, strict=True)
    }


def _draw(folder, known, records, names, joint_score: float, skeleton) -> None:
    """A picture of each photo with its people's boxes and seen joints."""
    groups = itertools.groupby(records, key=lambda record: record["image_id"])
    image_id, people = next(groups, (None, ()))
    stream = with_progress(([one] for one in known), len(known), "drawn", "photos")
    for (photo,) in stream:
        picture = photo.read()
        if photo.image_id != image_id:
            picture = drawing.caption(picture, "nobody found")
        else:
            for place, record in enumerate(people):
                color = drawing.PEOPLE[place % len(drawing.PEOPLE)]
                picture = _with_person(picture, record, joint_score, skeleton, color)
            image_id, people = next(groups, (None, ()))
        drawing.write_image(folder / f"{names[photo.image_id]}.jpg", picture)


def _with_person(picture, record: dict, joint_score: float, skeleton: Skeleton, color):
    """A picture with the box and the seen joints of a person."""
    # Thin limbs for small people, or they would hide the person.
    widths = max(record["bbox"][2:]) / 60, min(picture.shape[:2]) / 160
    joints = np.reshape(record["keypoints"], (-1, 3))
    seen = joints[:, 2] >= joint_score
    picture = drawing.draw_box(picture, record["bbox"], f"{record['score']:.2f}", color)
    return drawing.draw_pose(
        picture, joints[:, :2], seen, skeleton, color, max(1, round(min(widths)))
    )
