"""Predicts poses in photos and writes a COCO-results file and pictures."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tfpose import drawing
from tfpose.errors import PoseFileError, TfposeError
from tfpose.evaluation.protocols import looking
from tfpose.geometry.crops import boxes_of, whole_photo
from tfpose.inference import reliability
from tfpose.inference.batches import with_progress
from tfpose.inference.bottom_up import BottomUp
from tfpose.inference.estimator import SCALES, Estimator
from tfpose.inference.inputs import are_few
from tfpose.inference.people import SEEN, Candidate, Finder, check_sources, finder
from tfpose.inference.poses_to_refine import check_shared
from tfpose.inference.refiner import Refiner
from tfpose.inference.rules import Rules, rows_of
from tfpose.io import coco, files
from tfpose.io.coco_records import DECIMALS, result_entry
from tfpose.io.photo_ids import Photo, given_photos, unlisted
from tfpose.io.shared_joints import SharedJoints
from tfpose.models.folders import load_config
from tfpose.models.table import load_model
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
    check_sources(boxes, detector, single, detection_score)
    official = None
    if protocol:
        found = load_config(model_folder(model)).skeleton
        official = looking(found, boxes, detector, refiner, single)
        scales, single = official.scales, official.by_photo
    truth = None if annotations is None else coco.read_annotations(annotations)
    known = given_photos(given, truth, annotations)
    left_out = unlisted(given, known)
    _check_out(out, known)
    all_there = any(map(os.path.isdir, given))
    find, known = finder(
        known, truth, boxes, detector, single, detection_score, all_there
    )
    network, config = load_model(model)
    rules = Rules(joint_score, network.input_size, official)
    refine = None if refiner is None else _load_refiner(refiner, model, config.skeleton)
    if network.is_bottom_up:
        _check_nobody_else_searches(model, boxes, detector, single, protocol)
        find_all = BottomUp(network, config.skeleton, flip)
        people, keypoints, scores = _all_people(known, find_all)
    else:
        estimator = Estimator.of(
            network, config, scales, flip, name=model, protocol=official
        )
        people = _searched(known, find)
        annotated = truth is not None and not (boxes or detector)
        people = rules.placed(people, annotated)
        if single and people and not official:
            people = _located(people, estimator)
        keypoints, scores = _estimated(people, estimator)
        if official or not (single or annotated):
            answer = people, keypoints, scores, config.skeleton
            people, keypoints, scores = rules.distinct(*answer, boxes is not None)
    if refine is not None:
        keypoints, scores = _refined(people, keypoints, scores, *refine)
    entries = [
        _entry(*one, rules) for one in zip(people, keypoints, scores, strict=True)
    ]
    if out.endswith(".json"):
        files.write_json(out, entries)
    else:
        poses = people, keypoints, scores >= joint_score
        _write_folder(out, entries, known, poses, config.skeleton)
    found = {person.photo for person in people}
    return {
        "photos": len(known),
        "poses": len(entries),
        "nobody": [photo.name for photo in known if photo not in found],
        "numbered": [photo.name for photo in known if not photo.known],
        "unlisted": left_out,
        "kept_joints": [] if refine is None else list(refine[1].missing),
    }


def _check_nobody_else_searches(model: str, boxes, detector, single, protocol) -> None:
    if (boxes, detector, single, protocol) != (None, None, False, None):
        raise TfposeError(
            f"model {model}: expected no --boxes, --detector, --single or --protocol "
            "for a model that finds everybody in a photo by itself"
        )


def _load_refiner(name: str, model: str, skeleton: Skeleton):
    """A refiner, and the joints that the estimator's poses share with it."""
    refiner = Refiner.from_preset(name)
    shared = SharedJoints(skeleton, refiner.skeleton)
    check_shared(shared, name, model)
    return refiner, shared


# --- people ----------------------------------------------------------------------


def _searched(known, find: Finder) -> list[Candidate]:
    """The people in all photos."""
    stream = ([find(photo)] for photo in known)
    stream = with_progress(stream, len(known), "searched", "photos")
    return [person for (found,) in stream for person in found]


def _located(people: list[Candidate], estimator: Estimator) -> list[Candidate]:
    """Gives people boxes around the poses found in their whole photos."""
    stream = with_progress(estimator.estimate(_photos(people)), len(people), "found")
    boxes = np.concatenate([boxes_of(keypoints) for keypoints, _ in stream])
    return [
        dataclasses.replace(person, box=box)
        for person, box in zip(people, boxes, strict=True)
    ]


# --- poses -----------------------------------------------------------------------


def _photos(people: list[Candidate]) -> Iterator[tuple]:
    """(photo, boxes) for each photo with people."""
    for photo, rows in rows_of(people):
        image = photo.read()
        boxes = [people[row].box for row in rows]
        yield image, whole_photo(image) if boxes[0] is None else np.stack(boxes)


def _all_people(known, find: BottomUp):
    """The people found without boxes, and their poses as in ``_estimated``."""
    joints = len(find.skeleton)
    people = []
    parts = [(np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32))]
    stream = ([photo] for photo in known)
    for (photo,) in with_progress(stream, len(known), "searched", "photos"):
        keypoints, scores = find(photo.read())
        parts.append((keypoints, scores))
        people += [Candidate(photo, box) for box in boxes_of(keypoints, scores > 0)]
    return people, *(np.concatenate(part) for part in zip(*parts, strict=True))


def _estimated(people: list[Candidate], estimator: Estimator):
    """f32[N, K, 2] I and f32[N, K]."""
    joints = len(estimator.skeleton)
    parts = [(np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32))]
    stream = estimator.estimate(_photos(people))
    parts += with_progress(stream, len(people), "estimated")
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _refined(
    people: list[Candidate], keypoints, scores, refiner: Refiner, shared: SharedJoints
):
    """Refines these poses as ``tfpose refine`` does, dropping none.

    Joints that the refiner lacks stay.

    Returns:
        f32[N, K, 2] I, and f32[N, K]: the given scores, and the refiner's of joints
        that the poses lack.
    """
    moved, known = shared.to_other(keypoints), shared.to_other(scores)
    few = are_few(known)
    rows = np.flatnonzero(~few)
    given = (
        (photo.read(), moved[some], np.float32(known[some] > 0))
        for photo, of_photo in rows_of(people)
        for some in [np.array(of_photo)[~few[of_photo]]]
    )
    trust, stream = reliability.measured(refiner.believe(given), refiner.calibration)
    stream = with_progress(stream, len(rows), "refined")
    # The photos are read while the stream runs: it must not see what it wrote.
    answers, found = moved.copy(), np.zeros_like(known)
    first = 0
    for beliefs in stream:
        some = rows[first : first + len(beliefs)]
        answers[some] = beliefs.in_photo(reliability.combine(beliefs, trust))
        found[some] = beliefs.scores
        first += len(beliefs)
    found = shared.back(np.where(known > 0, known, found), scores)
    return shared.back(answers, keypoints), found


def _entry(person: Candidate, keypoints, scores, rules: Rules) -> dict:
    """One results record; its score is the box score times the pose's."""
    return result_entry(
        person.photo.image_id,
        keypoints,
        scores,
        person.score * rules.pose_score(scores),
        bbox=[round(float(side), DECIMALS) for side in person.box],
        file_name=person.photo.name,
        **person.extra,
    )


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


def _write_folder(out, entries, known, poses, skeleton: Skeleton) -> None:
    """Writes the pictures and the results, or nothing if something fails."""
    # The results come last, so that their pictures are already there.
    with files.filling(out, order=lambda file: file.name == RESULTS) as beside:
        _draw(beside, known, entries, poses, skeleton)
        files.write_json(beside / RESULTS, entries)


def _draw(folder, known, entries, poses, skeleton: Skeleton) -> None:
    """A picture of each photo with its people's boxes and seen joints."""
    people, keypoints, seen = poses
    rows = dict(rows_of(people))
    stems = [pathlib.PurePath(photo.name).stem for photo in known]
    unique = len(set(stems)) == len(stems)
    stream = zip(known, stems, strict=True)
    stream = with_progress(([one] for one in stream), len(known), "drawn", "photos")
    for ((photo, stem),) in stream:
        picture = photo.read()
        for place, row in enumerate(rows.get(photo, ())):
            # Thin limbs for small people, or they would hide the person.
            widths = max(people[row].box[2:]) / 60, min(picture.shape[:2]) / 160
            width = max(1, round(min(widths)))
            color = drawing.PEOPLE[place % len(drawing.PEOPLE)]
            text = f"{entries[row]['score']:.2f}"
            picture = drawing.draw_box(picture, people[row].box, text, color)
            picture = drawing.draw_pose(
                picture, keypoints[row], seen[row], skeleton, color, width
            )
        if photo not in rows:
            picture = drawing.caption(picture, "nobody found")
        name = stem if unique else f"{stem}_{photo.image_id}"
        drawing.write_image(folder / f"{name}.jpg", picture)
