"""Builds the records of pose files: one dictionary per person, ready to write.

COCO's results and annotations of any skeleton (https://cocodataset.org/#format-data
and #format-results). Coordinates are photo pixels (space I), points ``(x, y)``, boxes
``xywh``. ``tfpose.io.coco`` reads whole files of them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tfpose.geometry.arrays import box_around
from tfpose.skeletons import SKELETONS, Skeleton

# If the segment area is unknown, this share of the box area replaces it (the usual
# value for data sets without segmentations, e.g. CrowdPose and AIC).
SEGMENT_SHARE_OF_BOX = 0.53
# Coordinates are rounded to a thousandth of a pixel.
DECIMALS = 3
# What a category needs besides joints and limbs to describe a whole skeleton.
SKELETON_KEYS = ("flip_pairs", "sigmas", "torso", "head")


def replace_keypoints(entry: dict, keypoints, scores=None) -> dict:
    """A copy of a results entry with its joints moved; keeps everything else.

    Args:
        entry: results dictionary.
        keypoints: f64[K, 2], I; rounded to 0.001 px.
        scores: f64[K], or None to keep the joints' scores.
    """
    third = entry["keypoints"][2::3] if scores is None else _plain(scores)
    return {**entry, "keypoints": _flatten(keypoints, third)}


def result_entry(image_id: int, keypoints, scores, score: float, **extra) -> dict:
    """A results entry from f64[K, 2] (I) and f64[K]; ``extra`` keys are added."""
    return {
        "image_id": int(image_id),
        "category_id": 1,
        "keypoints": _flatten(keypoints, _plain(scores)),
        "score": float(score),
        **extra,
    }


def annotation_entry(
    annotation_id: int, image_id: int, keypoints, visible, box=None, area=None, **extra
) -> dict:
    """An annotation from f64[K, 2] (I), u8[K], f64[4] xywh and px^2.

    Adds ``extra`` keys (``head_size``, ``track_id``, ...). Without ``box`` and
    ``area``, writes the reader's defaults.
    """
    keypoints, visible = np.asarray(keypoints, np.float64), np.asarray(visible)
    if box is None:
        box = box_around(keypoints[None], visible[None] > 0)[0]
    if area is None:
        area = SEGMENT_SHARE_OF_BOX * box[2] * box[3]
    return {
        "id": int(annotation_id),
        "image_id": int(image_id),
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [round(float(side), DECIMALS) for side in box],
        "area": round(float(area), DECIMALS),
        "num_keypoints": int((visible > 0).sum()),
        "keypoints": _flatten(keypoints, [int(flag) for flag in visible]),
        **extra,
    }


def annotations_json(
    skeleton: Skeleton, images: Iterable[dict], annotations: Iterable[dict]
) -> dict:
    """A COCO annotations file as data, for ``write_json``.

    Args:
        skeleton: stored in the category, so that reading restores it.
        images: each ``{"id", "file_name", "width", "height"}``.
        annotations: each from ``annotation_entry``.
    """
    built_in = SKELETONS.get(skeleton.name) == skeleton
    category = {
        "id": 1,
        "name": "person" if built_in else skeleton.name,
        "keypoints": list(skeleton.joints),
        "skeleton": (skeleton.limb_indices + 1).tolist(),
        **{key: skeleton.to_json()[key] for key in SKELETON_KEYS},
    }
    return {
        "images": list(images),
        "annotations": list(annotations),
        "categories": [category],
    }


def _plain(values) -> list[float]:
    return [float(value) for value in values]


def _flatten(keypoints, third) -> list:
    """[x, y, third, x, y, third, ...] from [K, 2] and K numbers."""
    points = np.round(np.asarray(keypoints, np.float64), DECIMALS).tolist()
    flat = []
    for point, value in zip(points, third, strict=True):
        flat += [*point, value]
    return flat
