"""Object keypoint similarity (OKS), its average precision, and OKS suppression.

OKS is COCO's similarity of two poses: 1 if they are equal, less the farther apart their
joints are, in units of the person's size and of how well annotators agree on that
joint. ``average_precision`` runs the evaluation of
https://cocodataset.org/#keypoints-eval with pycocotools, for any number of joints.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np

from tfpose.errors import TfposeError
from tfpose.io import installation
from tfpose.io.coco import Annotations, Results

# COCO's ten numbers, in the order of pycocotools.
NUMBERS = (
    "AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL",
)  # fmt: skip
# Engines that compute average precision, the faster one first.
ENGINES = ("hotcoco", "pycocotools")
# pycocotools adds this to areas and denominators.
TINY = np.spacing(1.0)


def keypoint_similarity(squared_distances, areas, sigmas) -> np.ndarray:
    """exp(-d^2 / (2 s^2 k^2)), k = 2 sigma, per joint.

    Args:
        squared_distances: f64[..., K], px^2.
        areas: f64[...], s^2, the person's segment area in px^2.
        sigmas: f64[K].

    Returns:
        f64[..., K] in 0..1.
    """
    variances = (2 * np.asarray(sigmas, np.float64)) ** 2
    scale = np.asarray(areas, np.float64)[..., None] + TINY
    return np.exp(-squared_distances / variances / scale / 2)


def oks(keypoints, targets, visible, areas, sigmas, boxes=None) -> np.ndarray:
    """OKS of every pose with every person of a photo.

    Args:
        keypoints: f64[N, K, 2], px.
        targets: f64[M, K, 2], px.
        visible: [M, K], 0 for an unlabeled joint, which does not count.
        areas: f64[M], segment areas in px^2.
        sigmas: f64[K].
        boxes: f64[M, 4] xywh. For a person without labels, a joint's distance is that
            to the box, grown by its own size on each side (inside: OKS 1). Without
            ``boxes`` such a person has OKS 0.

    Returns:
        f64[N, M] in 0..1.
    """
    keypoints = np.asarray(keypoints, np.float64)[:, None]  # (N, 1, K, 2)
    labeled = np.asarray(visible) > 0  # (M, K)
    squared = np.square(keypoints - np.asarray(targets, np.float64)).sum(axis=-1)
    blank = ~labeled.any(axis=1)
    if boxes is not None and blank.any():
        boxes = np.asarray(boxes, np.float64)
        low = (boxes[:, :2] - boxes[:, 2:])[:, None]  # (M, 1, 2)
        high = (boxes[:, :2] + 2 * boxes[:, 2:])[:, None]
        outside = np.maximum(low - keypoints, 0) + np.maximum(keypoints - high, 0)
        from_box = np.square(outside).sum(axis=-1)
        squared = np.where(blank[:, None], from_box, squared)
        labeled = labeled | blank[:, None]
    similarity = keypoint_similarity(squared, areas, sigmas)  # (N, M, K)
    count = labeled.sum(axis=1)
    return np.where(labeled, similarity, 0.0).sum(axis=2) / np.maximum(count, 1)


def match_poses(similarity, ignored, crowd, thresholds) -> np.ndarray:
    """COCO's greedy matching of the poses of one photo to its people.

    Each pose in turn takes the most similar free person above the threshold, an
    ignored one only if there is no other. A crowd stays free.

    Args:
        similarity: f64[N, M], poses by falling score.
        ignored: bool[M].
        crowd: bool[M].
        thresholds: f64[T], the minimum similarity of a match.

    Returns:
        i64[T, N], the person of each pose or -1.
    """
    poses, people = similarity.shape
    matches = np.full((len(thresholds), poses), -1, np.int64)
    if people == 0:
        return matches
    free = np.ones((len(thresholds), people), bool)
    least = np.minimum(thresholds, 1 - 1e-10)[:, None]
    for pose in range(poses):
        row = similarity[pose]
        candidate = (row >= least) & (free | crowd)  # (T, M)
        regular = candidate & ~ignored
        candidate = np.where(regular.any(axis=1, keepdims=True), regular, candidate)
        # The last of equals wins, as in pycocotools.
        value = np.where(candidate, row, -1.0)[:, ::-1]
        best = people - 1 - value.argmax(axis=1)
        found = np.flatnonzero(candidate.any(axis=1))
        matches[found, pose] = best[found]
        free[found, best[found]] = False
    return matches


def average_precision(
    annotations: Annotations, results: Results, engine: str | None = None
) -> dict[str, float]:
    """COCO's ten numbers for poses with any number of joints.

    AP averages precision over 101 recalls and ten OKS thresholds .50:.05:.95 (AP50 and
    AP75: one threshold), for people of all sizes, medium (32^2..96^2 px^2) and large
    ones; AR does the same for recall. Counts the 20 best-scored poses of a photo.
    Crowds, people without labels and people of other sizes are neither found nor
    missed. The size of a false pose is the area of its box if all entries have a
    "bbox", otherwise the area that its joints span.

    Args:
        annotations: the truth; its skeleton has the sigmas.
        results: poses of photos of ``annotations``.
        engine: one of ``ENGINES``; None takes the first one installed. Both give the
            same numbers; hotcoco, a Rust port of pycocotools, is faster.

    Returns:
        AP, AP50, AP75, APM, APL, AR, AR50, AR75, ARM, ARL in 0..1, or -1 if there is
        nobody to find.

    Raises:
        TfposeError: the engine is unknown or not installed.
    """
    coco, evaluator = _import_engine(engine)
    # Engines print progress; hotcoco warns if sigmas are not COCO's.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="hotcoco: kpt_oks_sigmas")
        truth, found = coco(), coco()
        # hotcoco takes no negative ids; equal scores count in id order.
        places = {photo: n for n, photo in enumerate(sorted(annotations.images))}
        truth.dataset = _coco_truth(annotations, places)
        truth.createIndex()
        if len(results):  # loadRes rejects an empty list
            found = truth.loadRes(_coco_results(results, places))
        evaluation = evaluator(truth, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(annotations.skeleton.sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(NUMBERS, map(float, evaluation.stats), strict=True))


def _import_engine(engine: str | None) -> tuple[type, type]:
    """The classes COCO and COCOeval of an engine, or of the first installed one."""
    if engine is not None and engine not in ENGINES:
        raise TfposeError(f"engine {engine!r}: expected one of {', '.join(ENGINES)}")
    for name in ENGINES if engine is None else (engine,):
        with contextlib.suppress(ImportError):
            if name == "hotcoco":
                from hotcoco import COCO, COCOeval
            else:
                from pycocotools.coco import COCO
                from pycocotools.cocoeval import COCOeval
            return COCO, COCOeval
    needed = engine or "pycocotools"
    raise TfposeError(f"OKS average precision {installation.hint(needed)}")


def _coco_truth(annotations: Annotations, places: dict[int, int]) -> dict:
    """A data set for the engines; ids start at 1, since 0 means "unmatched"."""
    columns = zip(
        [places[photo] for photo in annotations.image_ids.tolist()],
        _triples(annotations.keypoints, annotations.visible),
        (annotations.visible > 0).sum(axis=1).tolist(),
        annotations.boxes.tolist(),
        annotations.areas.tolist(),
        annotations.crowd.astype(int).tolist(),
        strict=True,
    )
    keys = ("image_id", "keypoints", "num_keypoints", "bbox", "area", "iscrowd")
    people = [
        {"id": place, "category_id": 1, **dict(zip(keys, person, strict=True))}
        for place, person in enumerate(columns, start=1)
    ]
    images = [{"id": place} for place in places.values()]
    category = {"id": 1, "name": "person"}
    return {"images": images, "annotations": people, "categories": [category]}


def _coco_results(results: Results, places: dict[int, int]) -> list[dict]:
    columns = zip(
        [places[photo] for photo in results.image_ids.tolist()],
        _triples(results.keypoints, results.scores),
        results.pose_scores.tolist(),
        strict=True,
    )
    keys = ("image_id", "keypoints", "score")
    poses = [
        {"category_id": 1, **dict(zip(keys, pose, strict=True))} for pose in columns
    ]
    boxes = [entry.get("bbox") for entry in results.entries]
    if all(boxes):
        poses = [{**p, "bbox": box} for p, box in zip(poses, boxes, strict=True)]
    return poses


def _triples(points, third) -> list[list[float]]:
    """Lists of x, y, third, x, y, third, ... from f64[N, K, 2] and [N, K]."""
    joints = np.concatenate([points, np.asarray(third)[..., None]], axis=-1)
    return joints.reshape(len(joints), 3 * joints.shape[1]).tolist()


def oks_nms(keypoints, scores, areas, sigmas, threshold: float = 0.9) -> np.ndarray:
    """Drops the poses of a photo that nearly copy better ones.

    Args:
        keypoints: f64[N, K, 2], px.
        scores: f64[N].
        areas: f64[N], px^2, of the poses' boxes; OKS of two poses uses the mean of
            their areas (PoseFix's code uses the area of the crops).
        sigmas: f64[K].
        threshold: drops a pose if its OKS with a better one that stays is above.

    Returns:
        i64[M], the rows that stay, best score first.
    """
    keypoints = np.asarray(keypoints, np.float64)
    areas = np.asarray(areas, np.float64)
    waiting = np.argsort(-np.asarray(scores), kind="stable")
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        squared = np.square(keypoints[waiting] - keypoints[best]).sum(axis=-1)
        mean_areas = (areas[waiting] + areas[best]) / 2
        same = keypoint_similarity(squared, mean_areas, sigmas).mean(axis=-1)
        waiting = waiting[same <= threshold]
    return np.array(kept, np.int64)
