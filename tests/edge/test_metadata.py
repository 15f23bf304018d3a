"""What exports say about themselves: written into real files and read again."""

import json

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfpose.edge import flatbuffer, metadata
from tfpose.errors import MetadataError

ABOUT = {
    "format": 1,
    "task": "estimate",
    "skeleton": {"name": "zwei", "joints": ["größe", "b"]},
    "input_size": [4, 8],
    "crop": {"margin": 1.25},
    "decoding": "peak",
}


@pytest.fixture(scope="module")
def plain():
    """A .tflite file with a convolution's kernel, as TensorFlow's converter writes."""
    import tensorflow as tf

    kernel = tf.constant(np.arange(27, dtype=np.float32).reshape(3, 3, 3, 1))

    @tf.function(input_signature=[tf.TensorSpec((1, 4, 8, 3), tf.float32)])
    def convolve(image):
        return {"sum": tf.nn.conv2d(image, kernel, 1, "SAME")}

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [convolve.get_concrete_function()]
    )
    return converter.convert()


def test_what_is_embedded_is_read_again(plain):
    assert metadata.read(flatbuffer.embed(plain, ABOUT), "x") == ABOUT


def test_embedding_again_replaces_the_description(plain):
    content = flatbuffer.embed(plain, {**ABOUT, "name": "first"})
    content = flatbuffer.embed(content, {**ABOUT, "name": "second"})
    assert metadata.read(content, "x")["name"] == "second"
    model = schema.Model.GetRootAs(content)
    names = [model.Metadata(i).Name() for i in range(model.MetadataLength())]
    assert names.count(b"tfpose") == 1


def test_the_graph_stays_the_same(plain):
    image = np.random.default_rng(1).normal(size=(1, 4, 8, 3)).astype(np.float32)
    answers = []
    for content in (plain, flatbuffer.embed(plain, ABOUT)):
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        output = interpreter.get_output_details()[0]
        answers.append(interpreter.get_tensor(output["index"]))
    np.testing.assert_array_equal(*answers)


def test_weights_begin_at_multiples_of_16_bytes(plain):
    content = flatbuffer.embed(plain, ABOUT)
    model = schema.Model.GetRootAs(content)
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    filled = [buffer for buffer in buffers if buffer.DataLength()]
    assert filled
    for buffer in filled:
        data = buffer.DataAsNumpy().tobytes()
        address = buffer.DataAsNumpy().__array_interface__["data"][0]
        start = address - np.frombuffer(content, np.uint8).ctypes.data
        assert start % 16 == 0 and content[start : start + len(data)] == data


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "x: expected a .tflite file"),
        (b"PK\3\4 a zip archive", "x: expected a .tflite file"),
        (b"\xff\xff\xff\x7fTFL3", "x: damaged .tflite file"),
    ],
)
def test_what_is_no_such_file_is_named(content, message):
    with pytest.raises(MetadataError, match=message):
        metadata.read(content, "x")


def test_a_file_of_others_is_named(plain):
    with pytest.raises(MetadataError, match="x: .* written by 'tfpose export'"):
        metadata.read(plain, "x")


@pytest.mark.parametrize(
    "about, message",
    [
        ({**ABOUT, "format": 2}, "expected a description of format 1, found 2"),
        ([ABOUT], "expected a description of format 1, found 'list'"),
        ({**ABOUT, "task": "dance"}, r"a task of \('refine', 'estimate'\)"),
        ({"format": 1, "task": "refine"}, "found \\['format', 'task'\\]"),
    ],
)
def test_other_descriptions_are_refused(about, message):
    with pytest.raises(MetadataError, match=message):
        metadata.parse(json.dumps(about), "x")
    with pytest.raises(MetadataError, match="not JSON"):
        metadata.parse("{", "x")


def test_the_crop_rules_have_one_place():
    """The modules that cut take their numbers from ``geometry.rules``."""
    from tfpose.geometry import crops, rules, tensors
    from tfpose.inference import refiner

    assert crops.CROP_MARGIN is rules.CROP_MARGIN
    assert refiner.BOX_FACTOR is rules.BOX_FACTOR is crops.BOX_FACTOR
    assert tensors.HEIGHT_IN_HEADS is rules.HEIGHT_IN_HEADS


def test_a_description_carries_the_crop_rules_and_the_license():
    """Under the names that the web page and other clients read."""
    from tfpose.geometry import rules
    from tfpose.models import PoseFix
    from tfpose.skeletons import LSP14

    model = PoseFix(14, (64, 96), trunk="tiny")
    about = metadata.describe(model, LSP14, "mine", "posefix", 40.0, "MIT")
    assert metadata.parse(json.dumps(about), "x") == about
    assert about["crop"]["margin"] == rules.CROP_MARGIN
    assert about["crop"]["box_factor"] == rules.BOX_FACTOR
    assert about["crop"]["smallest_side"] == rules.SMALLEST_SIDE
    assert about["crop"]["person_height"] == 40.0 and about["license"] == "MIT"
    assert (about["task"], about["decoding"]) == ("refine", "expectation")
    assert about["input_size"] == [64, 96] and about["skeleton"] == LSP14.to_json()
