"""MPII validation files: written small by the test, and the real ones as published."""

import json

import h5py
import numpy as np
import pytest
import scipy.io

from data_prep import mpii
from tfpose.errors import PoseFileError
from tfpose.evaluation.evaluate import evaluate_poses
from tfpose.io import coco

PEOPLE = 3
NAMES = ["000000012.jpg", "000000034.jpg", "000000012.jpg"]


def write_source(folder, **changes):
    """A validation set of three people whose joint k of person n is at (1+k, 1+n)."""
    points = np.zeros((16, 2, PEOPLE))
    points[:, 0] = 1 + np.arange(16)[:, None]
    points[:, 1] = 1 + np.arange(PEOPLE)
    missing = np.zeros((16, PEOPLE), np.uint8)
    missing[0, 1] = 1
    corners = np.zeros((2, 2, PEOPLE))
    corners[1, 0], corners[1, 1] = 30, 40
    names = np.empty((1, 16), object)
    for k, name in enumerate(mpii.SHORT_NAMES):
        names[0, k] = np.array([name])
    arrays = {
        "pos_gt_src": points,
        "jnt_missing": missing,
        "headboxes_src": corners,
        "dataset_joints": names,
    }
    scipy.io.savemat(folder / "detections_our_format.mat", {**arrays, **changes})
    (folder / "valid_images.txt").write_text("\n".join(NAMES) + "\n")
    visible = np.ones((PEOPLE, 16))
    visible[2, 5] = 0
    with h5py.File(folder / "valid.h5", "w") as file:
        file["visible"] = visible
    preds = np.moveaxis(points, 2, 0).astype(np.float32)
    scipy.io.savemat(folder / "preds.mat", {"preds": preds})
    return folder


def test_coordinates_count_from_zero_and_people_keep_their_order(tmp_path):
    people = mpii.validation_annotations(write_source(tmp_path))["annotations"]
    assert [person["id"] for person in people] == [1, 2, 3]
    assert [person["image_id"] for person in people] == [12, 34, 12]
    joints = np.reshape(people[2]["keypoints"], (16, 3))
    np.testing.assert_array_equal(joints[:, 0], np.arange(16))
    np.testing.assert_array_equal(joints[:, 1], np.full(16, 2))


def test_missing_joints_are_unlabeled_and_hidden_ones_occluded(tmp_path):
    people = mpii.validation_annotations(write_source(tmp_path))["annotations"]
    flags = [np.reshape(person["keypoints"], (16, 3))[:, 2] for person in people]
    assert flags[0].tolist() == [2] * 16
    assert flags[1].tolist() == [0] + [2] * 15
    assert flags[2].tolist() == [2] * 5 + [1] + [2] * 10
    assert people[1]["keypoints"][:3] == [0, 0, 0]


def test_head_size_is_six_tenths_of_the_head_boxs_diagonal(tmp_path):
    people = mpii.validation_annotations(write_source(tmp_path))["annotations"]
    assert [person["head_size"] for person in people] == [30.0] * 3


def test_each_photo_is_listed_once(tmp_path):
    images = mpii.validation_annotations(write_source(tmp_path))["images"]
    assert [image["id"] for image in images] == [12, 34]
    assert images[0]["file_name"] == "000000012.jpg"


def test_predictions_name_their_person(tmp_path):
    annotations = mpii.validation_annotations(write_source(tmp_path))
    found = mpii.predicted_poses(tmp_path / "preds.mat", annotations)
    assert [entry["annotation_id"] for entry in found] == [1, 2, 3]
    assert found[2]["keypoints"][:3] == [0, 2, 1]


def test_files_written_are_read_and_scored(tmp_path, capsys):
    source, out = write_source(tmp_path), tmp_path / "out"
    mpii.main([str(source), str(source / "preds.mat"), str(out)])
    assert "3 people written" in capsys.readouterr().out
    annotations = coco.read_annotations(out / "annotations.json")
    results, _ = coco.read_results(out / "results_preds.json", annotations.skeleton)
    assert evaluate_poses(annotations, results, "pckh")["mean"] == 100


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pos_gt_src": np.zeros((14, 2, 3))}, "expected pos_gt_src \\(16, 2, 'N'\\)"),
        ({"jnt_missing": np.zeros(4)}, "expected jnt_missing"),
        ({"headboxes_src": np.zeros((2, 2, 5))}, "the same people, found .*5"),
        ({"dataset_joints": np.array([["x"] * 16], object)}, "expected joints"),
        ({"pos_gt_src": np.zeros((16, 2, 4))}, "the same people, found .*4"),
    ],
)
def test_another_layout_is_named(tmp_path, changes, words):
    with pytest.raises(PoseFileError, match="detections_our_format.mat: .*" + words):
        mpii.validation_annotations(write_source(tmp_path, **changes))


def test_other_numbers_of_people_are_named(tmp_path):
    annotations = mpii.validation_annotations(write_source(tmp_path))
    scipy.io.savemat(tmp_path / "preds.mat", {"preds": np.zeros((2, 16, 2))})
    with pytest.raises(
        PoseFileError, match="expected preds .3, 16, 2., found .2, 16, 2."
    ):
        mpii.predicted_poses(tmp_path / "preds.mat", annotations)
    (tmp_path / "valid_images.txt").write_text("1.jpg\n")
    with pytest.raises(PoseFileError, match="expected 3 names, found 1"):
        mpii.validation_annotations(tmp_path)


@pytest.mark.parametrize(
    "name", ["detections_our_format.mat", "valid.h5", "valid_images.txt"]
)
def test_missing_or_foreign_file_is_named(tmp_path, name):
    write_source(tmp_path)
    (tmp_path / name).write_text("this is text")
    with pytest.raises(PoseFileError, match=name):
        mpii.validation_annotations(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(PoseFileError, match=name):
        mpii.validation_annotations(tmp_path)


def test_bad_source_ends_in_one_line_and_writes_nothing(tmp_path):
    with pytest.raises(SystemExit, match="error: .*detections_our_format.mat"):
        mpii.main([str(tmp_path), "preds.mat", str(tmp_path / "out")])
    assert list(tmp_path.iterdir()) == []


def test_hourglass_predictions_score_exactly_as_published(shared_data, tmp_path):
    folder = shared_data / "mpii_valid"
    mpii.main([str(folder), str(folder / "bearpaw-hg_s2_b1.mat"), str(tmp_path)])
    annotations = coco.read_annotations(tmp_path / "annotations.json")
    results, _ = coco.read_results(
        tmp_path / "results_bearpaw-hg_s2_b1.json", annotations.skeleton
    )
    scores = evaluate_poses(annotations, results, "pckh")
    json.dumps(scores, allow_nan=False)
    # The published head is the head top alone.
    published = {
        "head_top": 95.80, "shoulder": 94.57, "elbow": 88.12, "wrist": 83.31,
        "hip": 86.24, "knee": 80.88, "ankle": 77.44,
    }  # fmt: skip
    assert {name: round(scores["groups"][name], 2) for name in published} == published
    assert round(scores["mean"], 2) == 86.76
    assert round(scores["weighted_mean"], 2) == 87.30
    assert scores["people"] == 2958
