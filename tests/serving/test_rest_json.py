"""Bodies of requests and answers, in TensorFlow Serving's JSON form."""

import base64
import json

import numpy as np
import pytest

from tfpose.errors import RequestError
from tfpose.serving.rest_json import Input, answer, arrays, parse

PHOTO = b"\xff\xd8 not utf-8 \xff"
ENCODED = {"b64": base64.b64encode(PHOTO).decode()}
POSES = {
    "image_bytes": Input((), np.dtype(object)),
    "keypoints": Input((None, 2, 2), np.dtype(np.float32)),
    "valid": Input((None, 2), np.dtype(np.float32)),
}
CROPS = {"image": Input((None, 1, 2, 3), np.dtype(np.uint8))}


def request(**body):
    return parse(json.dumps(body).encode())


def columns(**changed):
    inputs = {
        "image_bytes": ENCODED,
        "keypoints": [[[1, 2.5], [3, 4]]],
        "valid": [[1, 0]],
    }
    return request(inputs={**inputs, **changed})


def test_columns_are_arrays_of_the_signatures_types():
    found = arrays(columns(), POSES)
    assert found["image_bytes"].item() == PHOTO and found["image_bytes"].shape == ()
    np.testing.assert_array_equal(found["keypoints"], [[[1, 2.5], [3, 4]]])
    assert found["keypoints"].dtype == found["valid"].dtype == np.float32


def test_an_empty_list_is_nobody():
    found = arrays(columns(keypoints=[], valid=[]), POSES)
    assert found["keypoints"].shape == (0, 2, 2) and found["valid"].shape == (0, 2)


def test_rows_are_the_same_as_columns():
    crop = [[[0, 1, 2], [253, 254, 255]]]
    for body in (
        {"instances": [{"image": crop}, {"image": crop}]},
        {"instances": [crop, crop]},
        {"inputs": {"image": [crop, crop]}},
        {"inputs": [crop, crop]},
    ):
        found = arrays(request(**body), CROPS)["image"]
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, [crop, crop])


def test_texts_stand_for_bytes_and_lists_of_them_for_arrays():
    texts = {"x_bytes": Input((None,), np.dtype(object))}
    found = arrays(request(instances=["a", ENCODED]), texts)["x_bytes"]
    assert found.tolist() == [b"a", PHOTO]
    one = {"x_bytes": Input((), np.dtype(object))}
    assert arrays(request(inputs=ENCODED), one)["x_bytes"].item() == PHOTO


def test_the_signature_is_named_or_the_default():
    assert request(inputs=1).signature == "serving_default"
    assert request(inputs=1, signature_name="other").signature == "other"


@pytest.mark.parametrize(
    "body, words",
    [
        (b"", "JSON Parse error"),
        (b"\xff\xfe\x00", "JSON Parse error"),
        (b"[" * 100_000, "JSON Parse error: nested too deeply"),
        (b"[]", "expected a JSON object, found a list of 0"),
        (b"{}", "'instances' or 'inputs', found the keys"),
        (b'{"inputs": 1, "instances": [1]}', "found both"),
        (b'{"inputs": 1, "signature_name": 3}', "signature_name.*found a number"),
    ],
)
def test_a_body_that_is_no_request_is_refused_in_one_line(body, words):
    with pytest.raises(RequestError, match=words) as raised:
        parse(body)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"keypoints": [[[1, 2]]]}, r"keypoints: expected the shape \[any, 2, 2\]"),
        ({"keypoints": [[[1, 2], [3]]]}, "lists of equal length"),
        ({"keypoints": [[["a", 2], [3, 4]]]}, "expected numbers, found other"),
        ({"keypoints": None}, "expected numbers"),
        ({"keypoints": {"b64": ""}}, "expected numbers"),
        ({"keypoints": [[[float("nan"), 2], [3, 4]]]}, "expected numbers from"),
        ({"keypoints": [[[1e300, 2], [3, 4]]]}, "expected numbers from"),
        ({"valid": [[True, False]]}, "expected numbers"),
        ({"image_bytes": 3}, 'expected {"b64": "..."}, found a number'),
        ({"image_bytes": [ENCODED]}, "found a list of 1"),
        ({"image_bytes": {"b64": "***"}}, "expected base64"),
        ({"image_bytes": {"b64": "é"}}, "expected base64"),
        ({"image_bytes": {"b64": "_-8="}}, r"URL-safe form: use \+ and /"),
        ({"image_bytes": {"b64": "data:image/png;base64,/9"}}, "found a data URL"),
        ({"more": 1}, "found .*'more'"),
    ],
)
def test_an_input_that_does_not_fit_is_named(changed, words):
    with pytest.raises(RequestError, match=words) as raised:
        arrays(columns(**changed), POSES)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "body, words",
    [
        ({"instances": []}, "expected a list of one or more, found a list of 0"),
        (
            {"instances": {"image": 1}},
            "expected a list of one or more, found an object",
        ),
        ({"instances": [{"picture": 1}]}, r"expected \['image'\], found \['picture'\]"),
        ({"instances": [[[[0, 1, 256], [0, 0, 0]]]]}, "from 0 to 255"),
        ({"instances": [[[[0, 1, 2.5], [0, 0, 0]]]]}, "whole numbers"),
        ({"instances": [[[[0, 1, -1], [0, 0, 0]]]]}, "from 0 to 255"),
        ({"instances": [[[[0, 1, 10**30], [0, 0, 0]]]]}, "whole numbers"),
    ],
)
def test_rows_that_do_not_fit_are_named(body, words):
    with pytest.raises(RequestError, match=words):
        arrays(request(**body), CROPS)


def test_one_photo_cannot_be_rows():
    row = {"image_bytes": ENCODED, "keypoints": [[1, 2], [3, 4]], "valid": [1, 1]}
    with pytest.raises(RequestError, match="image_bytes: .*: send 'inputs'"):
        arrays(request(instances=[row]), POSES)
    with pytest.raises(RequestError, match="expected an object with"):
        arrays(request(inputs=[1]), POSES)


def test_answers_have_the_layout_of_the_request_and_short_numbers():
    outputs = {"a": np.float32([[0.1], [2]]), "b": np.float32([[1, 2], [3, 4]])}
    assert answer(outputs, "inputs", None) == {
        "outputs": {"a": [[0.1], [2.0]], "b": [[1.0, 2.0], [3.0, 4.0]]}
    }
    assert answer(outputs, "instances", 2) == {
        "predictions": [{"a": [0.1], "b": [1.0, 2.0]}, {"a": [2.0], "b": [3.0, 4.0]}]
    }
    one = {"a": np.arange(2)}
    assert answer(one, "instances", 2) == {"predictions": [0, 1]}
    assert answer(one, "inputs", None) == {"outputs": [0, 1]}
    with pytest.raises(RequestError, match="send 'inputs'"):
        answer(one, "instances", 3)
