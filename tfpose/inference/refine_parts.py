"""Refines the poses of a part of a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfpose.errors import PhotoError, PoseFileError
from tfpose.evaluation.protocols import protocol_of
from tfpose.inference import reliability
from tfpose.inference.inputs import are_few
from tfpose.inference.poses_to_refine import Part, PosesToRefine
from tfpose.inference.refiner import Refiner
from tfpose.inference.reliability import Beliefs, Trust
from tfpose.io import coco, coco_checks
from tfpose.io.shared_joints import SharedJoints
from tfpose.metrics.oks import oks_nms
from tfpose.skeletons import Skeleton

# Input weights are counted in this many steps from 0 to 1, and their medians so exact.
STEPS = 1000


@dataclasses.dataclass(frozen=True)
class Settings:
    """How poses are refined; ``refine_files.refine_file`` says what each means."""

    skip_bad: bool = False
    use_reliability: bool = True
    nms_threshold: float | None = None
    threshold: float = 0.0
    rescore: bool = False
    rounds: int | None = None
    protocol: str | None = None

    def decided(self, skeleton: Skeleton) -> Settings:
        """These for the poses of a skeleton, with what a protocol decides.

        Raises:
            TfposeError: no protocol is for its joints.
        """
        if not self.protocol:
            return self
        copies = protocol_of(skeleton).near_copies or 1.0
        return dataclasses.replace(
            self, use_reliability=False, nms_threshold=copies, rounds=1
        )


def load_refiner(poses: PosesToRefine, settings: Settings) -> Refiner:
    """The refiner for these poses."""
    refiner = Refiner.from_preset(poses.model)
    refiner.rounds = settings.rounds or refiner.rounds
    refiner.steady = not settings.protocol
    return refiner


class PartWork:
    """A part while it is refined.

    Args:
        poses: of the file.
        part: one of theirs.
        settings: how to refine.
    """

    def __init__(self, poses: PosesToRefine, part: Part, settings: Settings):
        self.part, self.settings, self.shared = part, settings, poses.shared
        self.people, self.bad = poses.read(part)
        self.inputs = dataclasses.replace(
            self.people,
            keypoints=self.shared.to_other(self.people.keypoints),
            scores=self.shared.to_other(self.people.scores),
        )
        self.photos = _Photos(self.inputs, poses.photos, poses.path, settings.skip_bad)
        joints = len(self.shared.other)
        self.found = [(np.zeros((0, joints, 2)), np.zeros((0, joints)), np.zeros(0))]
        self.weights = np.zeros((joints, STEPS + 1), np.int64)

    def beliefs(self, refiner: Refiner) -> Iterator[Beliefs]:
        """What the refiner believes about the part's people."""
        return refiner.believe(self.photos)

    def add(self, beliefs: Beliefs, trust: Trust | None) -> None:
        """Decides about the next people. Without trust, the refiner does alone."""
        answer = plain = beliefs.refined()
        if trust is not None:
            answer = reliability.combine(beliefs, trust)
            weights = reliability.input_weights(beliefs.input_cells, plain, answer)
            for joint, some in enumerate(weights.T):
                steps = np.rint(STEPS * np.clip(some[np.isfinite(some)], 0, 1))
                self.weights[joint] += np.bincount(
                    steps.astype(np.int64), minlength=STEPS + 1
                )
        self.found.append(
            (beliefs.in_photo(answer), beliefs.scores, beliefs.crop_areas)
        )

    def result(self, refiner: Refiner) -> dict:
        """The part's records, refined, and their numbers; ready for JSON.

        "records", and as ``refine_files.refine_file`` returns: "poses", "refined",
        "duplicates", "unscored", "few", "removed", "bad"; "weights" counts input
        weights.
        """
        settings, order = self.settings, self.photos.order
        keypoints, scores, areas = map(np.concatenate, zip(*self.found, strict=True))
        people, inputs = self.people.take(order), self.inputs.take(order)
        most = settings.nms_threshold
        most = refiner.model.nms_threshold if most is None else most
        sigmas = refiner.skeleton.sigma_array
        official = bool(settings.protocol)
        duplicates = _duplicates(inputs, keypoints, areas, sigmas, most, official)
        dropped = set(people.positions[duplicates].tolist())
        unscored = _unscored(people) if official else set()
        left_out = dropped | unscored
        unsure = np.zeros(scores.shape, bool)
        if settings.threshold > 0:
            unsure = scores <= settings.threshold
        records = _records(
            people, inputs, keypoints, scores, unsure, settings.rescore, self.shared
        )
        return {
            "records": [
                record for place, record in enumerate(records) if place not in left_out
            ],
            "poses": len(records),
            "refined": len(people),
            "duplicates": len(dropped - unscored),
            "unscored": len(unscored),
            "few": self.photos.few,
            "removed": int(unsure[:, self.shared.in_other].sum()),
            "bad": self.bad + self.photos.bad,
            "weights": self.weights.tolist(),
        }


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
    """Places in the part of poses whose score is not above 0."""
    return set(people.positions[people.pose_scores <= 0].tolist())


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
            place = self.people.first + int(self.people.positions[row])
            record = coco_checks.name_record(place, self.people.entries[row])
            line = f"{self.results}: {record}: {fault}"
            if not self.skip_bad:
                raise PoseFileError(line)
            self.bad.append(line)
