"""Scores a model folder on prepared validation people.

Refiners need no real method's results: the true poses of the validation people are
corrupted as in training and then refined. Each person here is a photo of its own, the
window of its record; all coordinates are window pixels.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfpose.data import pipeline
from tfpose.errors import TfposeError
from tfpose.evaluation import evaluate
from tfpose.inference import reliability
from tfpose.inference.estimator import Estimator, gaussian_sigma
from tfpose.inference.refiner import Refiner
from tfpose.io import photos
from tfpose.io.coco import Annotations, Results
from tfpose.models import table
from tfpose.skeletons import Skeleton
from tfpose.synthesis import posefix
from tfpose.weights.presets import model_folder

# Spread of a simulated method's good joints, in units of a joint's d^0.85.
GOOD_SPREAD = 0.4
# Reads at most this many people.
PEOPLE = 250


@dataclasses.dataclass(frozen=True)
class People:
    """Validation people, each in their own window; N people, K joints.

    Attributes:
        windows: u8[H, W, 3] each.
        keypoints: f32[N, K, 2] window pixels.
        valid: f32[N, K].
        boxes: f32[N, 4] xywh, window pixels.
        areas: f32[N], px^2 of their segments in the window.
        head_sizes: f32[N], window pixels; nan if unknown.
    """

    windows: list[np.ndarray]
    keypoints: np.ndarray
    valid: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    head_sizes: np.ndarray

    @property
    def box_areas(self) -> np.ndarray:
        """f32[N] px^2, of the boxes."""
        return self.boxes[:, 2] * self.boxes[:, 3]


def read_people(data: str, splits, skeleton: Skeleton) -> People:
    """Reads at most ``PEOPLE`` people, spread evenly over the splits."""
    records, count = pipeline.read_records(data, splits, skeleton)
    step = max(1, count // PEOPLE)
    windows, rest = [], []
    for record in records.shard(step, 0).as_numpy_iterator():
        matrix = record["window_matrix"]
        scale, offset = matrix[[0, 1], [0, 1]], matrix[:, 2]  # window -> photo
        position, size = record["box"][:2], record["box"][2:]
        # A box begins half a pixel before its first pixel's center.
        box = [(position - 0.5 - offset) / scale + 0.5, size / scale]
        windows.append(photos.decode(record["window"], record["file_name"]))
        rest.append(
            (
                (record["keypoints"] - offset) / scale,
                record["visible"] > 0,
                np.concatenate(box),
                record["area"] / scale.prod(),
                (record["head_size"] or np.nan) / np.sqrt(scale.prod()),
            )
        )
    return People(windows, *(np.float32(part) for part in zip(*rest, strict=True)))


def simulate(people: People, skeleton: Skeleton, share: float, seed) -> np.ndarray:
    """The poses of a simulated method, f32[N, K, 2] window pixels.

    Methods place every joint, so unlabeled joints get the person's center.

    Args:
        people: the truth.
        skeleton: K joints.
        share: share of joints taken from error synthesis.
        seed: two integers.
    """
    nobody = np.zeros((len(people.windows), 0, len(skeleton), 2), np.float32)
    wrong = posefix.synthesize(
        people.keypoints,
        people.valid,
        nobody,
        nobody[..., 0],
        people.box_areas,
        skeleton,
        tf.constant(seed),
    )
    random = np.random.default_rng(seed)
    spread = posefix.similarity_distance(
        people.box_areas[:, None], skeleton.sigma_array, 0.85
    ).numpy()
    noise = random.normal(size=people.keypoints.shape) * GOOD_SPREAD * spread[..., None]
    errs = random.random(people.valid.shape) < share
    poses = np.where(errs[..., None], wrong["keypoints"], people.keypoints + noise)
    labeled = people.valid[..., None] > 0
    count = np.maximum(labeled.sum(1, keepdims=True), 1)
    middle = (people.keypoints * labeled).sum(1, keepdims=True) / count
    return np.where(labeled, poses, middle).astype(np.float32)


def believe(refiner: Refiner, people: People, poses, valid) -> reliability.Beliefs:
    """A refiner's beliefs, given poses f32[N, K, 2] and valid f32[N, K]."""
    given = zip(people.windows, poses[:, None], valid[:, None], strict=True)
    parts = [
        (b.maps, b.inputs, b.valid, b.to_image, b.answers, b.scores)
        for b in refiner.believe(given)
    ]
    return reliability.Beliefs(
        *(np.concatenate(part) for part in zip(*parts, strict=True))
    )


def evaluate_model(
    model_dir, data, metric="pck", splits=None, every_map=False, dark=False, **options
) -> dict:
    """Scores a model folder on its validation people.

    A refiner gets corrupted poses, an estimator gets boxes.

    Args:
        model_dir: folder that training wrote.
        data: folder of prepared data sets.
        metric: as in ``evaluate.evaluate_poses``.
        splits: splits to score; default: the configuration's validation splits.
        dark: read an estimator's peaks with DARK.
        every_map: also score the heatmaps of an estimator's earlier stages.
        options: more arguments for ``evaluate_poses``.

    Returns:
        The result of ``evaluate_poses`` for the model's poses. A refiner's adds, as
        "before", the result for the corrupted poses; ``every_map`` adds, as "maps",
        the results for each heatmap.

    Raises:
        TfposeError: every map or DARK for a refiner, DARK on maps without Gaussians.
    """
    model, config = table.load_model(model_dir)
    skeleton = config.skeleton
    people = read_people(data, splits or config.validation, skeleton)
    truth = _annotations(people, skeleton)
    if not model.is_refiner:
        by_map, sigma = {}, gaussian_sigma(config) if dark else None
        for output in joint_maps(model) if every_map else ["heatmap"]:
            estimator = Estimator(model, skeleton, output=output, dark_sigma=sigma)
            found = estimator.estimate(
                zip(people.windows, people.boxes[:, None], strict=True)
            )
            results = _results(np.concatenate([keypoints for keypoints, _ in found]))
            by_map[output] = evaluate.evaluate_poses(truth, results, metric, **options)
        numbers = by_map["heatmap"]
        return {**numbers, "maps": by_map} if every_map else numbers
    if every_map or dark:
        raise TfposeError(f"{model_dir}: expected an estimator, found a refiner")
    calibration = reliability.read_calibration(model_folder(model_dir))
    refiner = Refiner.of(model, config, calibration)
    poses = simulate(people, skeleton, share=1.0, seed=(config.seed, 1))
    beliefs = believe(refiner, people, poses, np.ones_like(people.valid))
    trust = reliability.trust([beliefs], refiner.calibration)
    refined = reliability.combine(beliefs, trust)
    before, after = (
        evaluate.evaluate_poses(truth, _results(side), metric, **options)
        for side in (poses, beliefs.in_photo(refined))
    )
    return {**after, "before": before}


def joint_maps(model) -> list[str]:
    """Names of the outputs that are heatmaps of the joints, "heatmap" last."""
    others = [
        name
        for name in model.output
        if name not in ("heatmap", "keypoints")
        and "codec" not in model.targets.get(name, {})
    ]
    return [*others, "heatmap"]


def _annotations(people: People, skeleton: Skeleton) -> Annotations:
    count = len(people.windows)
    numbers = np.arange(count)
    return Annotations(
        skeleton=skeleton,
        images={number: {"file_name": ""} for number in range(count)},
        image_ids=numbers,
        ids=numbers,
        keypoints=people.keypoints.astype(np.float64),
        visible=np.uint8(2 * people.valid),
        boxes=people.boxes.astype(np.float64),
        areas=people.areas.astype(np.float64),
        head_sizes=people.head_sizes.astype(np.float64),
        crowd=np.zeros(count, bool),
        entries=({},) * count,
    )


def _results(poses) -> Results:
    numbers = np.arange(len(poses))
    return Results(
        image_ids=numbers,
        keypoints=poses.astype(np.float64),
        scores=np.ones(poses.shape[:2]),
        pose_scores=np.ones(len(poses)),
        entries=({},) * len(poses),
        positions=numbers,
        file_entries=({},) * len(poses),
    )
