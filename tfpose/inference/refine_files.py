"""Refines the COCO-results file of any pose estimation method."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np

from tfpose.errors import PhotoError, PoseFileError
from tfpose.evaluation.protocols import protocol_of
from tfpose.inference import reliability
from tfpose.inference.batches import with_progress
from tfpose.inference.inputs import are_few
from tfpose.inference.poses_to_refine import PosesToRefine, read_poses
from tfpose.inference.refiner import Refiner
from tfpose.inference.reliability import Beliefs, Trust
from tfpose.io import coco, coco_checks, files
from tfpose.io.files import check_writable
from tfpose.io.shared_joints import SharedJoints
from tfpose.metrics.oks import oks_nms
from tfpose.skeletons import Skeleton


def refine_file(
    model: str | None,
    results: str,
    images: str,
    out: str,
    annotations: str | None = None,
    skip_bad: bool = False,
    use_reliability: bool = True,
    nms_threshold: float | None = None,
    threshold: float = 0.0,
    rescore: bool = False,
    trust_file: str | None = None,
    rounds: int | None = None,
    skeleton: Skeleton | None = None,
    protocol: str | None = None,
) -> dict:
    """Refines a COCO-results file and writes another one, in the same order.

    Args:
        model: preset or model folder; None picks the preset that shares most joints
            (``poses_to_refine.refiner_for``).
        results: COCO-results JSON of any method. The joints that the model lacks stay.
        images: folder of the photos, or a video file, whose frames count from 0.
        out: file to write.
        annotations: annotations whose file names map ids to photos.
        skip_bad: keep records that cannot be refined unchanged, instead of raising.
        use_reliability: weight refined and input joints by how far each can be trusted
            (``tfpose.inference.reliability``); False takes the refined ones.
        nms_threshold: if refined poses of a photo have an OKS above it, keeps only the
            best scored; 1 keeps all. None: what the refiner's paper does in testing
            (``RefinementModel.nms_threshold``).
        threshold: sets joints whose refiner score is not above it to (0, 0, 0).
            PoseRefiner uses 0.7 for tracking and 0, which keeps all, for average
            precision.
        rescore: write the refiner's scores, how probably each joint is right; a pose's
            score is their mean. Without it, joints keep the input's scores, and only
            joints that the input lacks get the refiner's.
        trust_file: how far the method's poses can be trusted: read if the file exists,
            otherwise measured on these poses and written for later ones. Files of a
            few people say little about their method.
        rounds: how often the network is run, each time on its own answer; None: as the
            refiner's configuration says.
        skeleton: of the poses; by default the annotations' or the model's if it has as
            many joints, else the built-in one with that number of joints.
        protocol: "official" refines as PoseFix's code does in testing: one round whose
            joints replace the input's, in crops around all of them; poses with a score
            of 0 or below are left out; for COCO's and PoseTrack's joints, near copies
            (OKS above 0.9) too. It takes the place of ``use_reliability``,
            ``nms_threshold``, ``trust_file`` and ``rounds``.

    Returns:
        "model", the refiner's name; the numbers of "poses", "refined", "duplicates"
        (dropped), "unscored" (left out by the protocol), poses of "few" joints
        (unchanged), and "removed" (joints);
        "kept_joints", those that the model lacks;
        "bad", a line for each unchanged record;
        "reliability", per joint the median "disagreement" of input and refiner in
        percent of the crop's width, and the median "input_weight" from 0 (the refiner
        decided) to 1 (the input did), or None without it.

    Raises:
        PoseFileError: the first record, photo or file that cannot be used.
    """
    check_writable(out)
    poses = read_poses(results, images, model, annotations, skeleton, skip_bad)
    return refine_poses(
        poses, out, skip_bad, use_reliability, nms_threshold, threshold, rescore,
        trust_file, rounds, protocol,
    )  # fmt: skip


def refine_poses(
    poses: PosesToRefine,
    out: str,
    skip_bad: bool = False,
    use_reliability: bool = True,
    nms_threshold: float | None = None,
    threshold: float = 0.0,
    rescore: bool = False,
    trust_file: str | None = None,
    rounds: int | None = None,
    protocol: str | None = None,
) -> dict:
    """``refine_file`` for poses that are read already."""
    refiner, shared = Refiner.from_preset(poses.model), poses.shared
    refiner.steady = not protocol
    if protocol:
        use_reliability, rounds = False, 1
        nms_threshold = protocol_of(shared.one).near_copies or 1.0
    refiner.rounds = rounds or refiner.rounds
    people = poses.people
    inputs = dataclasses.replace(
        people,
        keypoints=shared.to_other(people.keypoints),
        scores=shared.to_other(people.scores),
    )
    given = _Photos(inputs, poses.photos, poses.path, skip_bad)
    known = _known_trust(trust_file, poses.model, refiner)
    trust, stream = reliability.measured(
        refiner.believe(given), refiner.calibration, known
    )
    stream = with_progress(stream, len(people), "refined")
    refined = _refined(refiner, stream, trust if use_reliability else None)
    keypoints, scores, areas, report = refined
    people, inputs = people.take(given.order), inputs.take(given.order)
    if nms_threshold is None:
        nms_threshold = refiner.model.nms_threshold
    sigmas = refiner.skeleton.sigma_array
    duplicates = _duplicates(
        inputs, keypoints, areas, sigmas, nms_threshold, last=bool(protocol)
    )
    dropped = set(people.positions[duplicates].tolist())
    unscored = _unscored(people) if protocol else set()
    unsure = scores <= threshold if threshold > 0 else np.zeros(scores.shape, bool)
    records = _records(people, inputs, keypoints, scores, unsure, rescore, shared)
    left_out = dropped | unscored
    kept = [record for place, record in enumerate(records) if place not in left_out]
    files.write_json(out, kept, allow_nan=skip_bad)
    if trust_file and known is None and trust is not None:
        reliability.write_trust(trust_file, trust, poses.model)
    return {
        "model": poses.model,
        "poses": len(records),
        "refined": len(people),
        "duplicates": len(dropped - unscored),
        "unscored": len(unscored),
        "few": given.few,
        "removed": int(unsure[:, shared.in_other].sum()),
        "kept_joints": list(shared.missing),
        "bad": poses.bad + given.bad,
        "reliability": report,
    }


def _known_trust(path: str | None, model: str, refiner: Refiner) -> Trust | None:
    if path is None:
        return None
    if pathlib.Path(path).exists():
        return reliability.read_trust(path, model, len(refiner.skeleton))
    check_writable(path)
    return None


def _refined(refiner: Refiner, stream, trust: Trust | None):
    """Refined keypoints f64[N, K, 2] I, scores f64[N, K], the areas of the crops
    f64[N] px^2 of I, and the report or None. Without trust, the refiner decides alone.
    """
    joints = len(refiner.skeleton)
    refined, scores = [np.zeros((0, joints, 2))], [np.zeros((0, joints))]
    areas, weights = [np.zeros(0)], []
    for beliefs in stream:
        answer = plain = beliefs.refined()
        if trust is not None:
            answer = reliability.combine(beliefs, trust)
            inputs = beliefs.input_cells
            weights.append(reliability.input_weights(inputs, plain, answer))
        refined.append(beliefs.in_photo(answer))
        scores.append(beliefs.scores)
        areas.append(beliefs.crop_areas)
    report = None
    if weights:
        report = _reliability_report(refiner, trust, np.concatenate(weights))
    return *map(np.concatenate, (refined, scores, areas)), report


def _records(
    people, inputs, keypoints, scores, unsure, rescore: bool, shared: SharedJoints
) -> list[dict]:
    """The file's records with the refined joints but for those that are ``unsure``.

    Args:
        people: the poses of the file's skeleton.
        inputs: the same of the refiner's, as all other arrays.
        keypoints, scores, unsure: f64[N, K, 2] I, f64[N, K] and bool[N, K].
        rescore: as in ``refine_file``.
        shared: the joints of both.
    """
    found = ~inputs.placed  # by the refiner; a score of 0 would call them missing
    written = np.where(rescore | found, scores, inputs.scores)
    written[unsure], keypoints[unsure] = 0, 0
    changed = rescore or found[:, shared.in_other].any() or unsure.any()
    merged = shared.back(written, people.scores) if changed else None
    records = people.replaced(shared.back(keypoints, people.keypoints), merged)
    for row, position in enumerate(people.positions):
        _restore(records[position], people.entries[row], shared)
        if rescore:
            mean = written[row, shared.in_other].mean()
            records[position] |= {"score": round(float(mean), 4)}
    return records


def _restore(record: dict, entry: dict, shared: SharedJoints) -> None:
    """Gives a record the numbers of the joints that nobody refined, to the digit."""
    for joint in shared.missing:
        place = 3 * shared.one.index(joint)
        numbers = slice(place, place + 3)
        record["keypoints"][numbers] = entry["keypoints"][numbers]


def _duplicates(
    people, keypoints, areas, sigmas, threshold: float, last: bool = False
) -> list[int]:
    """The rows of poses that duplicate a better scored pose in the same photo.

    A person's area is that of the crop, as in the code of PoseFix's authors. Of equally
    good poses the first stays, or as in that code the last.
    """
    dropped: list[int] = []
    for rows in coco.rows_by_image(people.image_ids).values():
        rows = rows[::-1] if last else rows
        stay = oks_nms(
            keypoints[rows],
            people.pose_scores[rows],
            areas[rows],
            sigmas,
            threshold,
        )
        dropped.extend(np.delete(rows, stay).tolist())
    return dropped


def _unscored(people) -> set[int]:
    """Places in the file of poses whose score is not above 0."""
    return set(people.positions[people.pose_scores <= 0].tolist())


def _reliability_report(
    refiner: Refiner, trust, weights
) -> dict[str, dict[str, float]]:
    """How much each joint of the input file was trusted (``refine_file``)."""
    cells = refiner.size[1] / Beliefs.stride
    # 0 for a joint that no input pose has, or that the refiner never moved.
    middle = np.ma.median(np.ma.masked_invalid(weights), axis=0).filled(0.0)
    return {
        joint: {
            "disagreement": float(100 * trust.disagreement[index] / cells),
            "input_weight": float(middle[index]),
        }
        for index, joint in enumerate(refiner.skeleton.joints)
    }


class _Photos:
    """Iterates over (photo, keypoints, valid) and records the order of the poses.

    Attributes:
        order: rows of ``people`` in the order it yielded them.
        bad: a line for each pose it skipped.
        few: number of poses of too few joints; it skips them, too.
    """

    def __init__(self, people: coco.Results, paths, results, skip_bad: bool):
        self.people, self.paths, self.results = people, paths, results
        self.skip_bad = skip_bad
        self.order: list[int] = []
        self.bad: list[str] = []
        self.few = 0

    def __iter__(self):
        people = self.people
        for image_id, rows in coco.rows_by_image(people.image_ids).items():
            try:
                photo = self.paths[image_id].read()
            except PhotoError as error:
                self._complain(rows, str(error))
                continue
            size = photo.shape[1], photo.shape[0]
            outside = coco_checks.are_outside(
                people.keypoints[rows], people.placed[rows], size
            )
            self._complain(rows[outside], coco_checks.say_outside(*size))
            rows = rows[~outside]
            few = are_few(people.placed[rows])
            self.few += int(few.sum())
            rows = rows[~few]
            self.order.extend(rows.tolist())
            yield photo, people.keypoints[rows], people.placed[rows]

    def _complain(self, rows, fault: str):
        for row in rows:
            place = int(self.people.positions[row])
            record = coco_checks.name_record(place, self.people.entries[row])
            line = f"{self.results}: {record}: {fault}"
            if not self.skip_bad:
                raise PoseFileError(line)
            self.bad.append(line)
