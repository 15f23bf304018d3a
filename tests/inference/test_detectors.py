"""Detectors: where people are, in the photo's pixels, and what is no detector."""

import json
import warnings

import numpy as np
import pytest
import tensorflow as tf

from tests.support import fixed_detector
from tfpose.errors import DetectorError, FileError, InputWarning, PoseFileError
from tfpose.inference import detectors
from tfpose.inference.detectors import SavedModelDetector, load_detector, read_boxes

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


def test_a_detector_is_known_by_its_name(folder, monkeypatch):
    made = []
    for name in ("PersonDetector", "LiteDetector", "OnnxDetector"):
        monkeypatch.setattr(
            detectors, name, lambda *a, name=name, **b: made.append((name, a, b))
        )
    load_detector(None)
    load_detector("a.tflite", 0.1)
    load_detector("b/c.onnx")
    assert made == [
        ("PersonDetector", (), {}),
        ("LiteDetector", ("a.tflite",), {"least": 0.1}),
        ("OnnxDetector", ("b/c.onnx",), {}),
    ]
    assert isinstance(load_detector(folder, 0.7), SavedModelDetector)


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
    with pytest.warns(InputWarning, match="left out boxes .*: 1 of 18$"):
        assert read_boxes(path, -10) == [records[0], records[1], records[3]]
    path = write(tmp_path, records[:2])
    assert read_boxes(path, 0.2) == records[:2]
    assert read_boxes(path, 0.5) == records[1:2]


@pytest.mark.parametrize("category", [0, 2, "1", "person", 1.0, None])
def test_boxes_of_a_single_category_are_people(tmp_path, category):
    record = {"image_id": "0007", "bbox": [1, 2, 3, 4], "category_id": category}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = read_boxes(write(tmp_path, [record]))
    assert found == [{**record, "image_id": 7}]
    assert len(said) == (category in (0, 2, "person"))
    assert all("took for people, as the only" in str(one.message) for one in said)


def test_boxes_of_several_categories_without_people_are_refused(tmp_path):
    kinds = [0, 2, 2, "car"]
    records = [{"image_id": 1, "bbox": [1, 2, 3, 4], "category_id": k} for k in kinds]
    with pytest.raises(PoseFileError, match="found .*1 of 0, 2 of 2"):
        read_boxes(write(tmp_path, records))


def test_boxes_in_shares_of_a_photo_are_refused(tmp_path):
    record = {"image_id": 1, "bbox": [0.1, 0.2, 0.3, 0.4]}
    with pytest.raises(PoseFileError, match="expected coordinates in pixels"):
        read_boxes(write(tmp_path, [record]))


@pytest.mark.parametrize(
    "record, message",
    [
        (5, "record 1: expected an object, found int '5'"),
        ({"bbox": [1, 2, 3, 4]}, "record 1: expected the key 'image_id'"),
        ({"image_id": 7}, r"record 1 \(image_id 7\): expected the key 'bbox'"),
        ({"image_id": "x7", "bbox": [1, 2, 3, 4]}, "expected an integer image_id"),
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
