"""Refines the COCO-results file of any pose estimation method."""

from __future__ import annotations

import numpy as np

from tfpose import skeletons
from tfpose.errors import PhotoError, PoseFileError
from tfpose.geometry.arrays import box_around
from tfpose.geometry.rules import BOX_FACTOR, CROP_MARGIN
from tfpose.inference import reliability
from tfpose.inference.batches import with_progress
from tfpose.inference.refiner import Refiner
from tfpose.inference.reliability import Beliefs
from tfpose.io import coco, coco_checks, files
from tfpose.io.files import check_writable
from tfpose.io.photo_ids import photos_by_id
from tfpose.metrics.oks import oks_nms
from tfpose.skeletons import Skeleton
from tfpose.weights import presets

# Poses with an OKS above this are duplicates; the best scored one stays (the code of
# PoseFix's authors).
NMS_THRESHOLD = 0.9


def refine_file(
    model: str | None,
    results: str,
    images: str,
    out: str,
    annotations: str | None = None,
    skip_bad: bool = False,
    use_reliability: bool = True,
    nms_threshold: float = NMS_THRESHOLD,
    threshold: float = 0.0,
    rescore: bool = False,
) -> dict:
    """Refines a COCO-results file and writes another one, in the same order.

    Args:
        model: preset or model folder; None picks the preset for the file's number of
            joints (``refiner_for``).
        results: COCO-results JSON of any method, with the model's skeleton.
        images: folder of the photos.
        out: file to write.
        annotations: annotations whose file names map ids to photos.
        skip_bad: keep records that cannot be refined unchanged, instead of raising.
        use_reliability: weight refined and input joints by how far each can be trusted
            (``tfpose.inference.reliability``); False takes the refined ones.
        nms_threshold: if refined poses of a photo have an OKS above it, keeps only the
            best scored (PoseFix's testing); 1 keeps all.
        threshold: sets joints whose refiner score is not above it to (0, 0, 0).
            PoseRefiner uses 0.7 for tracking and 0, which keeps all, for average
            precision. The scores written are the input's.
        rescore: write the refiner's scores instead, how probably each joint is right;
            a pose's score is their mean.

    Returns:
        "model", the refiner's name; the numbers of "poses", "refined", "duplicates"
        (dropped) and "removed" (joints);
        "bad", a line for each unchanged record;
        "reliability", per joint the median "disagreement" of input and refiner in
        percent of the crop's width, and the median "input_weight" from 0 (the refiner
        decided) to 1 (the input did), or None without it.

    Raises:
        PoseFileError: the first record, photo or file that cannot be used.
    """
    check_writable(out)
    model = model or refiner_for(results)
    refiner = Refiner.from_preset(model)
    paths = photos_by_id(images, annotations, refiner.skeleton)
    sizes = dict.fromkeys(paths)
    people, bad = coco.read_results(results, refiner.skeleton, skip_bad, sizes)
    given = _Photos(people, paths, results, skip_bad)
    keypoints, scores, report = _refined(refiner, given, len(people), use_reliability)
    people = people.take(given.order)
    duplicates = _duplicates(people, keypoints, refiner.skeleton, nms_threshold)
    dropped = set(people.positions[duplicates].tolist())
    unsure = scores <= threshold if threshold > 0 else np.zeros(scores.shape, bool)
    keypoints[unsure] = 0
    written = np.where(unsure, 0, scores if rescore else people.scores)
    changed = rescore or unsure.any()
    records = people.replaced(keypoints, written if changed else None)
    if rescore:
        for position, of_joints in zip(people.positions, written, strict=True):
            records[position] |= {"score": round(float(of_joints.mean()), 4)}
    kept = [record for place, record in enumerate(records) if place not in dropped]
    files.write_json(out, kept, allow_nan=skip_bad)
    return {
        "model": str(model),
        "poses": len(records),
        "refined": len(people),
        "duplicates": len(dropped),
        "removed": int(unsure.sum()),
        "bad": [line for _, line in bad] + given.bad,
        "reliability": report,
    }


def refiner_for(results: str) -> str:
    """The preset that refines the poses in a COCO-results file.

    Raises:
        PoseFileError: not such a file, or no preset has its number of joints.
    """
    by_joints = {len(skeletons.get(name)): name for name in presets.REFINERS}
    entries = files.read_json(results)
    entries = entries if isinstance(entries, list) else []
    numbers = [one.get("keypoints") for one in entries if isinstance(one, dict)]
    counts = {len(one) / 3 for one in numbers if isinstance(one, list)}
    if len(counts) != 1 or not counts <= set(by_joints):
        known = " or ".join(f"{count} ({name})" for count, name in by_joints.items())
        found = " and ".join(f"{count:g}" for count in sorted(counts)) or "none"
        raise PoseFileError(
            f"{results}: expected poses of {known} joints, or a --model for others, "
            f"found {found}"
        )
    return presets.REFINERS[by_joints[int(counts.pop())]]


def _refined(refiner: Refiner, given: _Photos, total: int, use_reliability: bool):
    """Refined keypoints f64[N, K, 2] I, scores f64[N, K], and the report or None."""
    joints = len(refiner.skeleton)
    refined, scores = [np.zeros((0, joints, 2))], [np.zeros((0, joints))]
    weights = []
    trust, stream = reliability.measured(refiner.believe(given), refiner.calibration)
    for beliefs in with_progress(stream, total, "refined"):
        answer = plain = beliefs.refined()
        if use_reliability:
            answer = reliability.combine(beliefs, trust)
            inputs = beliefs.input_cells
            weights.append(reliability.input_weights(inputs, plain, answer))
        refined.append(beliefs.in_photo(answer))
        scores.append(beliefs.scores)
    report = None
    if weights:
        report = _reliability_report(refiner, trust, np.concatenate(weights))
    return np.concatenate(refined), np.concatenate(scores), report


def _duplicates(people, keypoints, skeleton: Skeleton, threshold: float) -> list[int]:
    """The rows of poses that duplicate a better scored pose in the same photo."""
    boxes = box_around(keypoints, people.placed)
    # The refined pose's box, enlarged as for a crop. PoseFix's code uses the input
    # pose's crop, whose median size is 1.63 times this (docs/papers.md).
    areas = boxes[:, 2] * boxes[:, 3] * (BOX_FACTOR * CROP_MARGIN) ** 2
    dropped: list[int] = []
    for rows in coco.rows_by_image(people.image_ids).values():
        stay = oks_nms(
            keypoints[rows],
            people.pose_scores[rows],
            areas[rows],
            skeleton.sigma_array,
            threshold,
        )
        dropped.extend(np.delete(rows, stay).tolist())
    return dropped


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
    """

    def __init__(self, people: coco.Results, paths, results, skip_bad: bool):
        self.people, self.paths, self.results = people, paths, results
        self.skip_bad = skip_bad
        self.order: list[int] = []
        self.bad: list[str] = []

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
