"""Detectors in .tflite and .onnx files: what they find, and what is no detector."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.support import lite_detector, onnx_files
from tfpose.errors import DetectorError, TfposeError
from tfpose.inference.detector_files import (
    LiteDetector,
    OnnxDetector,
    decode_yolox,
    grid,
    letterbox,
)
from tfpose.inference.person_detector import MODEL

WHITE = np.full((50, 200, 3), 255, np.uint8)


def refused(make, path) -> str:
    """The one line about a file that is no detector."""
    with pytest.raises(DetectorError) as caught:
        make(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


# --- LiteRT ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lite")
    return lite_detector.save(folder / "detector.tflite", folder / "saved_model")


def test_people_of_a_tflite_file_are_where_it_says_best_first(lite):
    boxes, scores = LiteDetector(lite)(WHITE)
    # Anchors as shares of 50 x 200 px; the third is another class.
    np.testing.assert_allclose(boxes, [[0, 0, 200, 50], [40, 5, 40, 20]], atol=1e-3)
    np.testing.assert_allclose(scores, [0.9, 0.6], atol=1e-6)
    assert boxes.dtype == scores.dtype == np.float32


def test_doubtful_boxes_of_a_tflite_file_are_left_out(lite):
    assert len(LiteDetector(lite, 0.7)(WHITE)[0]) == 1
    assert len(LiteDetector(lite)(WHITE // 2)[0]) == 0
    assert len(LiteDetector(lite, 0.2)(WHITE // 2)[0]) == 2
    # Nothing passes the file's own minimum: no box is left.
    assert LiteDetector(lite, 0.0)(WHITE // 30)[0].shape == (0, 4)


def test_float_inputs_are_between_minus_one_and_one(tmp_path):
    path = lite_detector.save(
        tmp_path / "float.tflite", tmp_path / "model", kind=tf.float32
    )
    _, scores = LiteDetector(path)(WHITE)
    np.testing.assert_allclose(scores, [0.9, 0.6], atol=1e-6)
    _, scores = LiteDetector(path, 0.1)(WHITE - 255)
    assert scores.shape == (0,)


def test_the_order_and_the_names_of_outputs_do_not_matter(tmp_path):
    path = lite_detector.save(
        tmp_path / "other.tflite", tmp_path / "model", names="dbac"
    )
    _, scores = LiteDetector(path)(WHITE)
    np.testing.assert_allclose(scores, [0.9, 0.6], atol=1e-6)


def test_a_tflite_file_with_other_outputs_is_named():
    line = refused(LiteDetector, MODEL)
    assert "expected the outputs of TFLite_Detection_PostProcess" in line
    assert "(1917, 4)" in line


def test_a_tflite_file_with_another_input_is_named(tmp_path):
    path = lite_detector.save(
        tmp_path / "gray.tflite", tmp_path / "model", shape=(1, 32, 48, 1)
    )
    line = refused(LiteDetector, path)
    assert "expected one input uint8 or float32 (1, height, width, 3), found" in line
    assert line.endswith("uint8(1, 32, 48, 1)")


def test_a_file_that_is_no_tflite_file_is_named(tmp_path):
    assert "found No such file" in refused(LiteDetector, tmp_path / "nowhere.tflite")
    (tmp_path / "a.tflite").write_text("hello")
    assert "not a usable .tflite file" in refused(LiteDetector, tmp_path / "a.tflite")


def test_a_photo_of_another_kind_is_refused(lite):
    with pytest.raises(TfposeError, match="expected uint8"):
        LiteDetector(lite)(WHITE / 255)


# --- YOLOX's numbers -------------------------------------------------------------


def test_the_grid_has_every_cell_of_three_strides():
    places, strides = grid((640, 640))
    assert len(places) == 8400 and strides.shape == (8400, 1)
    places, strides = grid((32, 64))
    assert strides.ravel().tolist() == [8] * 32 + [16] * 8 + [32] * 2
    assert places[:9].tolist() == [[x, 0] for x in range(8)] + [[0, 1]]
    assert places[-2:].tolist() == [[0, 0], [1, 0]]


def test_yolox_is_decoded_by_its_cells():
    answer = np.zeros((42, 7))
    # Cell (1, 0) of stride 32: center (48, 24), 64 x 32 px; 0.8 x 0.5.
    answer[41] = [0.5, 0.75, np.log(2), 0, 0.8, 0.5, 0.9]
    # Cell (2, 1) of stride 8, 10: center (16, 8), 8 x 16 px; 0.9 x 0.7.
    answer[10] = [0, 0, 0, np.log(2), 0.9, 0.7, 0]
    corners, scores = decode_yolox(answer, (32, 64), 0.3)
    np.testing.assert_allclose(corners, [[12, 0, 20, 16], [16, 8, 80, 40]])
    np.testing.assert_allclose(scores, [0.63, 0.4])
    # The same box from another cell, less sure.
    answer[11] = [-1, 0, 0, np.log(2), 0.9, 0.6, 0]
    assert len(decode_yolox(answer, (32, 64), 0.3)[0]) == 2
    assert len(decode_yolox(answer, (32, 64), 0.3, overlap=1.0)[0]) == 3
    assert len(decode_yolox(answer, (32, 64), 0.7)[0]) == 0


def test_yolox_sees_the_photo_in_the_corner_of_gray_in_bgr():
    photo = np.full((50, 200, 3), (10, 20, 30), np.uint8)
    shown, scale = letterbox(photo, (64, 96))
    assert shown.shape == (3, 64, 96) and shown.dtype == np.float32
    assert scale == 96 / 200
    assert shown[:, 0, 0].tolist() == shown[:, 23, 95].tolist() == [30, 20, 10]
    assert shown[:, 24, 0].tolist() == [114, 114, 114]


# --- ONNX ------------------------------------------------------------------------


@pytest.fixture
def runtime():
    """ONNX Runtime, which the extra ``dev`` installs."""
    return pytest.importorskip("onnxruntime")


def named(batch=False):
    """Two people and something else, in a white photo of 200 x 50 px."""
    boxes = [[40, 5, 80, 25], [0, 0, 200, 50], [9, 9, 20, 20]]
    outputs = {
        "boxes": np.array(boxes, np.float32),
        "labels": np.array([1, 1, 3]),
        "scores": np.array([0.6, 0.9, 0.8], np.float32),
    }
    return {name: x[None] if batch else x for name, x in outputs.items()}


@pytest.mark.parametrize(
    "shape", [("batch", 3, "height", "width"), (3, "height", "width")]
)
@pytest.mark.parametrize("batch", [False, True])
def test_people_of_named_outputs_are_found_best_first(runtime, tmp_path, shape, batch):
    path = onnx_files.save(tmp_path / "a.onnx", named(batch=batch), shape)
    boxes, scores = OnnxDetector(path)(WHITE)
    np.testing.assert_allclose(boxes, [[0, 0, 200, 50], [40, 5, 40, 20]], atol=1e-3)
    np.testing.assert_allclose(scores, [0.9, 0.6], atol=1e-6)
    assert len(OnnxDetector(path, 0.7)(WHITE)[0]) == 1
    # Half as bright: 0.45 and 0.3.
    _, scores = OnnxDetector(path, 0.4)(np.full_like(WHITE, 127))
    np.testing.assert_allclose(scores, [0.9 * 127 / 255], atol=1e-3)


def test_boxes_of_an_input_of_one_size_are_scaled_to_the_photo(runtime, tmp_path):
    path = onnx_files.save(tmp_path / "a.onnx", named(), (1, 3, 100, 200))
    boxes, _ = OnnxDetector(path)(WHITE)
    np.testing.assert_allclose(boxes, [[0, 0, 200, 25], [40, 2.5, 40, 10]], atol=1e-3)


def test_people_of_yolox_are_found_in_the_photo(runtime, tmp_path):
    # Cell (1, 0) of stride 32, as above; something else in the cell before.
    rows = {41: [0.5, 0.75, np.log(2), 0, 0.8, 0.9], 40: [0, 0, 0, 0, 0.9, 0.1, 0.9]}
    outputs = onnx_files.yolox(42, rows)
    path = onnx_files.save(tmp_path / "yolox.onnx", outputs, (1, 3, 32, 64))
    detect = OnnxDetector(path, 0.6)
    detect._session = Unscaled(detect._session)
    boxes, scores = detect(np.zeros((64, 128, 3), np.uint8))
    # Twice as large as the input: 32..160 x 16..80 px, clipped.
    np.testing.assert_allclose(boxes, [[32, 16, 96, 48]], atol=1e-3)
    np.testing.assert_allclose(scores, [0.72], atol=1e-6)


class Unscaled:
    """Runs a session on an input of ones: its answers are the file's constants."""

    def __init__(self, session):
        self._session = session

    def run(self, names, inputs):
        return self._session.run(
            names, {name: np.ones_like(array) for name, array in inputs.items()}
        )


def test_yolox_of_640_px_has_8400_cells(runtime, tmp_path):
    outputs = onnx_files.yolox(8400, {})
    path = onnx_files.save(tmp_path / "yolox.onnx", outputs, (1, 3, 640, 640))
    boxes, scores = OnnxDetector(path)(WHITE)
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_onnx_files_with_other_outputs_are_named(runtime, tmp_path):
    outputs = {**named(), "more": np.zeros(2, np.float32)}
    del outputs["labels"]
    line = refused(OnnxDetector, onnx_files.save(tmp_path / "a.onnx", outputs))
    assert line.endswith(
        "expected YOLOX's one output or the outputs boxes, scores, labels, found "
        "boxes, scores, more"
    )
    outputs = onnx_files.yolox(41, {})
    path = onnx_files.save(tmp_path / "b.onnx", outputs, (1, 3, 32, 64))
    assert refused(OnnxDetector, path).endswith(
        "expected YOLOX's output (1, 42, 5 + classes) for an input of 64 x 32 px, "
        "found output [1, 41, 85]"
    )


@pytest.mark.parametrize(
    "options, found",
    [
        ({"kind": "uint8"}, "image tensor(uint8)[1, 3, 'height', 'width']"),
        ({"shape": (1, "height", "width", 1)}, "[1, 'height', 'width', 1]"),
        ({"shape": (8, 3, 32, 64)}, "[8, 3, 32, 64]"),
        ({"more": ["size"]}, "'width'], size tensor(float)[1]"),
    ],
)
def test_onnx_files_with_other_inputs_are_named(runtime, tmp_path, options, found):
    path = onnx_files.save(tmp_path / "a.onnx", named(), **options)
    line = refused(OnnxDetector, path)
    assert "expected one input tensor(float) (3, height, width), found image" in line
    assert line.endswith(found)


def test_yolox_needs_an_input_of_one_size(runtime, tmp_path):
    path = onnx_files.save(tmp_path / "a.onnx", onnx_files.yolox(42, {}))
    assert "tensor(float) (1, 3, height, width)" in refused(OnnxDetector, path)


def test_named_outputs_of_other_shapes_are_named(runtime, tmp_path):
    outputs = {**named(), "scores": np.ones(2, np.float32)}
    detect = OnnxDetector(onnx_files.save(tmp_path / "a.onnx", outputs))
    with pytest.raises(DetectorError, match=r"\(N\), found boxes .*, scores \(2,\)"):
        detect(WHITE)


def test_a_file_that_is_no_onnx_model_is_named(runtime, tmp_path):
    (tmp_path / "a.onnx").write_text("hello")
    assert "expected an ONNX model" in refused(OnnxDetector, tmp_path / "a.onnx")
    assert "expected an ONNX model" in refused(OnnxDetector, tmp_path / "nowhere.onnx")


def test_without_onnx_runtime_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    line = refused(OnnxDetector, "a.onnx")
    assert line.startswith("a.onnx: needs onnxruntime, which the extra 'onnx' installs")
