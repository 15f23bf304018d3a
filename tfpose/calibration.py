"""Calibration of a refiner's fusion (tfpose.fusion) on validation people.

The sharpness of its beliefs is measured with the poses of a simulated method, its noise
with the true poses.
"""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from tfpose import fusion, photos, training
from tfpose import skeleton as skeletons
from tfpose.data import pipeline
from tfpose.refine import Refiner
from tfpose.skeleton import Skeleton
from tfpose.synthesis import posefix

# The share of synthesized errors the simulated method makes; other joints are good.
ERROR_SHARE = 0.4
# How far its good joints lie off, in units of a joint's d^0.85.
GOOD_SPREAD = 0.4
PEOPLE = 250


@dataclasses.dataclass(frozen=True)
class People:
    """Validation people, each in the window that shows them; N people, K joints.

    Attributes:
        windows: u8[H, W, 3] each.
        keypoints: f32[N, K, 2] window pixels.
        valid: f32[N, K].
        areas: f32[N], px^2 of the boxes in the window.
    """

    windows: list[np.ndarray]
    keypoints: np.ndarray
    valid: np.ndarray
    areas: np.ndarray


def calibrate(model_dir: str, data: str, splits=None) -> fusion.Calibration:
    """Calibrates a trained refiner and writes ``calibration.json`` into its folder.

    Args:
        model_dir: folder that training wrote.
        data: folder of prepared data sets.
        splits: whose people to measure on; the configuration's validation splits.

    Returns:
        The calibration.
    """
    model, config = training.load_model(model_dir)
    skeleton = skeletons.get(config.skeleton)
    refiner = Refiner(model, skeleton, fusion.Calibration())
    people = read_people(data, splits or config.validation, skeleton)

    poses = simulate(people, skeleton, ERROR_SHARE, seed=(config.seed, 0))
    beliefs = _believe(refiner, people, poses, np.ones_like(people.valid))
    truth = beliefs.in_cells(people.keypoints)
    sharpness = fusion.sharpness(beliefs, truth, people.valid)

    beliefs = _believe(refiner, people, people.keypoints, people.valid)
    noise = fusion.disagreement([beliefs])
    calibration = fusion.Calibration(sharpness, tuple(map(float, noise)))
    fusion.write_calibration(pathlib.Path(model_dir), calibration)
    return calibration


def _believe(refiner: Refiner, people: People, poses, valid) -> fusion.Beliefs:
    given = zip(people.windows, poses[:, None], valid[:, None], strict=True)
    parts = [(b.maps, b.inputs, b.valid, b.to_image) for b in refiner.believe(given)]
    return fusion.Beliefs(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def read_people(data: str, splits, skeleton: Skeleton) -> People:
    """At most ``PEOPLE`` people of prepared data, spread evenly over the splits."""
    records, count = pipeline.read_records(data, splits, skeleton)
    step = max(1, count // PEOPLE)
    windows, keypoints, valid, areas = [], [], [], []
    for record in records.shard(step, 0).as_numpy_iterator():
        matrix = record["window_matrix"]
        scale = 1 / matrix[0, 0]
        points = (record["keypoints"] - matrix[:, 2]) / [matrix[0, 0], matrix[1, 1]]
        windows.append(photos.decode(record["window"], record["file_name"]))
        keypoints.append(points.astype(np.float32))
        valid.append((record["visible"] > 0).astype(np.float32))
        areas.append(record["box"][2] * record["box"][3] * scale**2)
    return People(windows, *map(np.float32, (keypoints, valid, areas)))


def simulate(people: People, skeleton: Skeleton, share: float, seed) -> np.ndarray:
    """The poses of a simulated method, f32[N, K, 2] window pixels.

    Methods place every joint: the unlabelled ones stand at the person's middle.

    Args:
        people: the truth.
        skeleton: K joints.
        share: of its synthesized errors that the method makes.
        seed: two integers.
    """
    nobody = np.zeros((len(people.windows), 0, len(skeleton), 2), np.float32)
    wrong = posefix.synthesize(
        people.keypoints,
        people.valid,
        nobody,
        nobody[..., 0],
        people.areas,
        skeleton,
        tf.constant(seed),
    )
    random = np.random.default_rng(seed)
    spread = posefix.similarity_distance(
        people.areas[:, None], skeleton.sigma_array, 0.85
    ).numpy()
    noise = random.normal(size=people.keypoints.shape) * GOOD_SPREAD * spread[..., None]
    errs = random.random(people.valid.shape) < share
    poses = np.where(errs[..., None], wrong["keypoints"], people.keypoints + noise)
    labelled = people.valid[..., None] > 0
    count = np.maximum(labelled.sum(1, keepdims=True), 1)
    middle = (people.keypoints * labelled).sum(1, keepdims=True) / count
    return np.where(labelled, poses, middle).astype(np.float32)
