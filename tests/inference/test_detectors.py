"""Detectors: where people are, in the photo's pixels, and what is no detector."""

import json

import numpy as np
import pytest
import tensorflow as tf

from data_prep.synthetic_people.render import render_photo
from tests.support import fixed_detector
from tfpose.errors import DetectorError, FileError, PoseFileError
from tfpose.inference.detectors import (
    GradientDetector,
    SavedModelDetector,
    best_of_overlapping,
    inside,
    read_boxes,
)


def overlap(box, other) -> float:
    """The IoU of two boxes xywh."""
    low = np.maximum(box[:2], other[:2])
    high = np.minimum(np.add(box[:2], box[2:]), np.add(other[:2], other[2:]))
    common = np.prod(np.maximum(high - low, 0))
    return float(common / (np.prod(box[2:]) + np.prod(other[2:]) - common))


# --- OpenCV's --------------------------------------------------------------------


@pytest.fixture(scope="module")
def walker():
    """Somebody upright, alone in a photo."""
    return render_photo(5, 17, most=1)


@pytest.fixture(scope="module")
def seen(walker):
    return GradientDetector()(walker.image)


def test_a_rendered_person_is_found(walker, seen):
    boxes, scores = seen
    assert boxes.dtype == scores.dtype == np.float32
    assert overlap(boxes[0], walker.people[0].box) > 0.6
    assert scores[0] > 0.9 and (np.diff(scores) <= 0).all()
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= walker.image.shape[1::-1]).all()


def test_boxes_follow_the_size_of_the_photo(walker, seen):
    # Twice as large, it is searched at the same size.
    larger = walker.image.repeat(2, axis=0).repeat(2, axis=1)
    boxes, _ = GradientDetector(0.9)(larger)
    assert overlap(boxes[0], seen[0][0] * 2) > 0.9


def test_a_higher_score_leaves_boxes_out(walker, seen):
    boxes, scores = GradientDetector(0.9999)(walker.image)
    assert boxes.shape == (0, 4) and scores.shape == (0,)


@pytest.mark.parametrize("size", [(120, 160), (3, 200), (200, 3), (1, 1)])
def test_nobody_is_found_in_an_empty_photo_of_any_shape(size):
    boxes, scores = GradientDetector()(np.full((*size, 3), 90, np.uint8))
    assert boxes.shape == (0, 4) and scores.shape == (0,)


# --- SavedModels -----------------------------------------------------------------

WHITE = np.full((50, 200, 3), 255, np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fixed_detector.save(tmp_path_factory.mktemp("detector"))


def test_people_are_where_the_model_says_best_first(folder):
    boxes, scores = SavedModelDetector(folder)(WHITE)
    # Top, left, bottom, right as shares of 50 x 200 px; the third is no person.
    expected = [[0, 0, 200, 50], [40, 5, 40, 20]]
    np.testing.assert_allclose(boxes, expected, atol=1e-4)
    np.testing.assert_allclose(scores, [0.9, 0.6], atol=1e-6)
    assert boxes.dtype == scores.dtype == np.float32


def test_doubtful_boxes_are_left_out(folder):
    assert SavedModelDetector(folder, 0.7)(WHITE)[0].tolist() == [[0, 0, 200, 50]]
    assert len(SavedModelDetector(folder)(WHITE // 2)[0]) == 0
    assert len(SavedModelDetector(folder, 0.2)(WHITE // 2)[0]) == 2


def test_padding_is_no_person(tmp_path):
    padded = fixed_detector.save(tmp_path / "padded", num_detections=1.0)
    boxes, scores = SavedModelDetector(padded, 0.0)(WHITE)
    np.testing.assert_allclose(boxes, [[40, 5, 40, 20]], atol=1e-4)
    assert scores.shape == (1,)


def test_a_model_of_one_size_gets_that_size(tmp_path):
    small = fixed_detector.save(tmp_path / "small", shape=(1, 32, 48, 3))
    boxes, _ = SavedModelDetector(small)(WHITE)
    np.testing.assert_allclose(boxes[1], [40, 5, 40, 20], atol=1e-4)


def test_boxes_end_with_the_photo_and_empty_ones_are_left_out():
    boxes = [[-10, -5, 30, 20], [90, 10, 30, 300], [200, 0, 9, 9], [5, 5, 0.2, 9]]
    boxes = np.float64([*boxes, [np.nan, 0, 9, 9], [8, 8, -4, 9]])
    found, scores = inside(boxes, np.arange(6) / 10, (40, 100, 3))
    assert found.tolist() == [[0, 0, 20, 15], [90, 10, 10, 30]]
    np.testing.assert_allclose(scores, [0.0, 0.1])


def test_of_overlapping_boxes_the_best_stays():
    boxes = np.float64([[0, 0, 10, 10], [1, 0, 10, 10], [30, 0, 10, 10], [2, 2, 3, 3]])
    scores = np.array([0.5, 0.7, 0.2, 0.9])

    def kept(overlap, *rows):
        rows = list(rows)
        found = best_of_overlapping(boxes[rows], scores[rows], overlap)
        return [rows[place] for place in found]

    # The first two have 9 / 10 of each in common; the last lies within both.
    assert kept(0.89, 0, 1, 2) == [1, 2]
    assert kept(0.91, 0, 1, 2) == [1, 0, 2]
    assert kept(0.95, 0, 1, 2, 3) == [3, 2]
    assert kept(0.5) == []


def refused(folder) -> str:
    """The one line about a model that is no detector."""
    with pytest.raises(DetectorError) as caught:
        SavedModelDetector(str(folder))
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_without_a_model_is_named(tmp_path):
    assert "found no saved_model.pb" in refused(tmp_path)
    assert "found no saved_model.pb" in refused(tmp_path / "nowhere")
    (tmp_path / "saved_model.pb").write_bytes(b"hello")
    assert "expected a TensorFlow SavedModel" in refused(tmp_path)


def test_outputs_that_are_not_there_are_named(tmp_path):
    line = refused(fixed_detector.save(tmp_path, left_out=["detection_classes"]))
    assert line.endswith(
        "expected the outputs of a detector, detection_boxes, detection_scores, "
        "detection_classes, found detection_boxes, detection_scores"
    )


@pytest.mark.parametrize(
    "options, found",
    [
        ({"kind": tf.float32}, "input_tensor float32(1, None, None, 3)"),
        ({"shape": (1, None, None, 1)}, "input_tensor uint8(1, None, None, 1)"),
        ({"shape": (8, None, None, 3)}, "input_tensor uint8(8, None, None, 3)"),
    ],
)
def test_inputs_of_another_kind_are_named(tmp_path, options, found):
    line = refused(fixed_detector.save(tmp_path, **options))
    assert line.endswith(f"one input uint8(1, None, None, 3), found {found}")


def test_a_model_without_the_signature_is_named(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    assert "expected the signature serving_default, found none" in refused(tmp_path)


def test_outputs_of_other_shapes_are_named(tmp_path):
    folder = fixed_detector.save(tmp_path, scores=(0.5, 0.5))
    with pytest.raises(DetectorError, match=r"found .*detection_scores \(1, 2\)"):
        SavedModelDetector(folder)(WHITE)


def test_a_model_that_fails_on_a_photo_is_named(folder):
    with pytest.raises(
        DetectorError, match="failed on a photo of 200 x 3 px: "
    ) as line:
        SavedModelDetector(folder)(WHITE[:3])
    assert "\n" not in str(line.value)


# --- files of boxes --------------------------------------------------------------


def write(tmp_path, records) -> str:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(records))
    return str(path)


def test_the_people_of_a_file_are_read_in_its_order(tmp_path):
    records = [
        {"image_id": 7, "bbox": [1, 2, 3, 4], "score": 0.2, "category_id": 1},
        {"image_id": 3, "bbox": [1.5, 2, 3, 4]},
        {"image_id": 3, "bbox": [1, 2, 3, 4], "score": 0.9, "category_id": 18},
        {"image_id": 3, "bbox": [-1, 2, 3, 4], "score": -3.5, "track_id": 2},
    ]
    path = write(tmp_path, records)
    assert read_boxes(path, -10) == [records[0], records[1], records[3]]
    assert read_boxes(path, 0.2) == records[:2]
    assert read_boxes(path, 0.5) == records[1:2]


@pytest.mark.parametrize(
    "record, message",
    [
        (5, "record 1: expected an object, found int '5'"),
        ({"bbox": [1, 2, 3, 4]}, "record 1: expected the key 'image_id'"),
        ({"image_id": 7}, r"record 1 \(image_id 7\): expected the key 'bbox'"),
        ({"image_id": "7", "bbox": [1, 2, 3, 4]}, "expected an integer image_id"),
        ({"image_id": 7, "bbox": [1, 2, 3]}, "expected bbox .*, found .1, 2, 3."),
        ({"image_id": 7, "bbox": [1, 2, 0, 4]}, "expected bbox"),
        ({"image_id": 7, "bbox": [1, 2, 3, "4"]}, "expected bbox"),
        ({"image_id": 7, "bbox": [1, 2, 3, float("nan")]}, "expected bbox"),
        ({"image_id": 7, "bbox": [1e9, 2, 3, 4]}, "at most 1e.06 px large"),
        ({"image_id": 7, "bbox": [1, 2, 3, 4], "score": None}, "finite score"),
    ],
)
def test_a_bad_record_is_named(tmp_path, record, message):
    path = write(tmp_path, [{"image_id": 7, "bbox": [1, 2, 3, 4]}, record])
    with pytest.raises(PoseFileError, match=message) as line:
        read_boxes(path)
    assert path in str(line.value)


def test_a_file_that_is_no_list_is_named(tmp_path):
    with pytest.raises(PoseFileError, match="expected a JSON list of boxes"):
        read_boxes(write(tmp_path, {"annotations": []}))
    with pytest.raises(FileError, match="nowhere.json: cannot read"):
        read_boxes(str(tmp_path / "nowhere.json"))
