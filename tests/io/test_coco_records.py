"""Single records of pose files: what goes in is in them, and nothing else changes."""

import json

import numpy as np
import pytest

from tfpose.geometry.arrays import box_around
from tfpose.io import coco, files
from tfpose.io.coco_records import (
    annotation_entry,
    annotations_json,
    replace_keypoints,
    result_entry,
)
from tfpose.skeletons import LSP14

POINTS = np.array([[1.2346, 2], [3, 4], [5, 6]], np.float32)


def test_result_holds_rounded_triples_and_extra_keys():
    entry = result_entry(np.int64(3), POINTS, np.float32([0.5, 1, 0]), 0.25, track_id=8)
    assert entry == {
        "image_id": 3,
        "category_id": 1,
        "keypoints": [1.235, 2, 0.5, 3, 4, 1, 5, 6, 0],
        "score": 0.25,
        "track_id": 8,
    }
    json.dumps(entry)


def test_replacing_with_the_same_pose_changes_nothing():
    entry = result_entry(1, np.round(POINTS, 3), [0.1, 0.2, 0.3], 0.5, track_id=3)
    points = np.array(entry["keypoints"]).reshape(3, 3)
    assert replace_keypoints(entry, points[:, :2]) == entry
    assert replace_keypoints(entry, points[:, :2], points[:, 2]) == entry


def test_replacing_leaves_the_original_and_its_scores():
    entry = result_entry(1, POINTS, [0.1, 0.2, 0.3], 0.5)
    before = json.dumps(entry)
    moved = replace_keypoints(entry, POINTS + 1)
    assert moved["keypoints"][3:6] == [4, 5, 0.2] and moved["score"] == 0.5
    assert json.dumps(entry) == before


def test_annotation_without_box_and_area_gets_those_of_its_labeled_joints():
    entry = annotation_entry(4, 9, [[1, 2], [3, 5], [99, 99]], [2, 1, 0])
    assert entry["bbox"] == [1.5, 2.5, 2, 3]
    assert entry["area"] == pytest.approx(0.53 * 6)
    assert entry["num_keypoints"] == 2
    assert entry["keypoints"] == [1, 2, 2, 3, 5, 1, 99, 99, 0]


def test_annotation_keeps_the_box_area_and_extra_keys_it_is_given():
    entry = annotation_entry(
        4, 9, POINTS, [2, 2, 2], np.float32([0, 0, 9, 9]), 40.0, head_size=3.5
    )
    assert (entry["bbox"], entry["area"]) == ([0, 0, 9, 9], 40)
    assert entry["head_size"] == 3.5
    json.dumps(entry)


def test_category_of_a_built_in_skeleton_is_coco_s_person():
    (category,) = annotations_json(LSP14, [], [])["categories"]
    assert category["name"] == "person" and category["keypoints"] == list(LSP14.joints)
    # Limbs count joints from 1.
    first = [LSP14.joints[joint - 1] for joint in category["skeleton"][0]]
    assert tuple(first) == LSP14.limbs[0]


def test_boxes_are_tight_around_valid_joints():
    points = np.array([[[2, 3], [6, 4], [100, 100]], [[1, 1], [1, 1], [1, 1]]])
    boxes = box_around(points, [[1, 1, 0], [0, 0, 0]])
    assert boxes.tolist() == [[2.5, 3.5, 4, 1], [0, 0, 0, 0]]


def test_entry_is_read_back(tmp_path):
    points = np.random.default_rng(0).uniform(0, 99, (14, 2))
    files.write_json(tmp_path / "a.json", [result_entry(3, points, np.ones(14), 0.5)])
    results, _ = coco.read_results(tmp_path / "a.json", LSP14)
    np.testing.assert_allclose(results.keypoints[0], points, atol=6e-4)
