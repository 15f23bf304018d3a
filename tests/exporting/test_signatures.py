"""Signatures for whole photos: in the graph, the answers of Refiner and Estimator."""

import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tests.exporting.test_savedmodel import CONFIGURATION
from tests.inference.test_refine_files import draw_photo
from tests.support import dot_model
from tests.support.contracts import fill_weights
from tests.support.exif import with_orientation
from tfpose.exporting import signatures
from tfpose.exporting.decoding import decode, orientation
from tfpose.exporting.signatures import ESTIMATE, REFINE
from tfpose.geometry import tensors
from tfpose.inference.estimator import Estimator
from tfpose.inference.refiner import Refiner
from tfpose.inference.reliability import Calibration
from tfpose.io import photos
from tfpose.models import AssociativeEmbedding, PoseFix, PoseRefiner
from tfpose.models.serving_graph import network_of
from tfpose.skeletons import LSP14

pytestmark = pytest.mark.slow
SIZE = (64, 64)
PHOTO = draw_photo(3)  # 120 x 160
PEOPLE = 5


def encoded(photo=PHOTO, ending=".jpg") -> bytes:
    return cv2.imencode(ending, photo[..., ::-1])[1].tobytes()


def configuration(skeleton, person_height=0.0):
    crop = {"person_height": person_height}
    return dataclasses.replace(CONFIGURATION, skeleton=skeleton, crop=crop)


def signature(model, skeleton, name, person_height=0.0):
    """The graph of a signature, as a SavedModel has it: takes any shapes."""
    network = network_of(model, phases=True)
    config = configuration(skeleton, person_height)
    found = signatures.photo_signatures(model, config, network)
    assert list(found) == [name, f"{name}_crops", f"{name}_answers"]
    function, specifications = found[name]
    loose = {
        key: tf.TensorSpec(None if key != "image_bytes" else (), specification.dtype)
        for key, specification in specifications.items()
    }
    return tf.function(function, [loose], autograph=False)


def poses(people: int, seed=0):
    random = np.random.default_rng(seed)
    keypoints = random.uniform([20, 20], [140, 100], (people, 14, 2))
    valid = random.random((people, 14)) < 0.8
    return keypoints.astype(np.float32), valid.astype(np.float32)


def ask(function, **inputs):
    outputs = function({key: tf.constant(value) for key, value in inputs.items()})
    return {key: value.numpy() for key, value in outputs.items()}


@pytest.fixture(scope="module")
def posefix(nano_trunk):
    return fill_weights(PoseFix(14, SIZE, trunk="nano", filters=(4, 4, 4)))


@pytest.fixture(scope="module")
def refine(posefix):
    return signature(posefix, LSP14, REFINE)


@pytest.fixture(scope="module")
def dots():
    return dot_model.build()


@pytest.fixture(scope="module")
def estimate(dots):
    return signature(dots, dot_model.DOTS, ESTIMATE)


# --- refine_photo ----------------------------------------------------------------


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_refined_poses_are_those_of_the_refiner(posefix, refine, ending):
    keypoints, valid = poses(3)
    data = encoded(ending=ending)
    found = ask(refine, image_bytes=data, keypoints=keypoints, valid=valid)
    refiner = Refiner(posefix, LSP14, Calibration())
    photo = photos.decode(data, "photo")
    expected, scores = refiner(photo, keypoints, valid)
    assert np.linalg.norm(expected - keypoints, axis=-1).max() > 5
    np.testing.assert_allclose(found["keypoints"], expected, atol=1e-3)
    np.testing.assert_allclose(found["scores"], scores, atol=1e-5)


def test_crops_show_a_refiners_people_at_the_height_it_was_taught(posefix, refine):
    height = 40.0
    framed = signature(posefix, LSP14, REFINE, height)
    keypoints, valid = poses(2)
    given = {"image_bytes": encoded(), "keypoints": keypoints, "valid": valid}
    found = ask(framed, **given)["keypoints"]
    refiner = Refiner(posefix, LSP14, Calibration(), height)
    photo = photos.decode(encoded(), "photo")
    expected, _ = refiner(photo, keypoints, valid)
    np.testing.assert_allclose(found, expected, atol=1e-2)
    assert np.abs(found - ask(refine, **given)["keypoints"]).max() > 1


def test_offsets_are_part_of_the_answer(monkeypatch):
    monkeypatch.setattr("tfpose.models.pose_refiner.TINY_WIDTHS", (4, 4, 4, 4, 4))
    model = PoseRefiner(14, SIZE, trunk="tiny")
    random = np.random.default_rng(0)
    for name, spread in (("head_logits", 2e-3), ("head_offsets", 2e-4)):
        kernel = model.get_layer(name).kernel
        kernel.assign(random.normal(0, spread, kernel.shape))
    keypoints, valid = poses(2)
    refine = signature(model, LSP14, REFINE, 30.0)
    found = ask(refine, image_bytes=encoded(), keypoints=keypoints, valid=valid)
    refiner = Refiner(model, LSP14, Calibration(), 30.0)
    expected, _ = refiner(photos.decode(encoded(), "photo"), keypoints, valid)
    np.testing.assert_allclose(found["keypoints"], expected, atol=1e-2)


def test_each_person_is_answered_alone_however_many_there_are(posefix, monkeypatch):
    monkeypatch.setattr(signatures, "BATCH", 2)
    refine = signature(posefix, LSP14, REFINE)
    keypoints, valid = poses(PEOPLE)
    together = ask(refine, image_bytes=encoded(), keypoints=keypoints, valid=valid)
    assert together["keypoints"].shape == (PEOPLE, 14, 2)
    for row in range(PEOPLE):
        one = slice(row, row + 1)
        alone = ask(
            refine, image_bytes=encoded(), keypoints=keypoints[one], valid=valid[one]
        )
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][one], values, atol=1e-3)


@pytest.mark.parametrize("shape", [(0, 14, 2), (0,)])
def test_nobody_is_an_answer_too(refine, shape):
    # (0,) is what TensorFlow Serving makes of JSON's [].
    valid = np.zeros(shape[:2], np.float32)
    keypoints = np.zeros(shape, np.float32)
    found = ask(refine, image_bytes=encoded(), keypoints=keypoints, valid=valid)
    assert found["keypoints"].shape == (0, 14, 2)
    assert found["scores"].shape == (0, 14)


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"keypoints": np.zeros((2, 17, 2), np.float32)}, "not compatible"),
        ({"keypoints": np.zeros((28, 2), np.float32)}, "not compatible"),
        ({"keypoints": poses(1)[0]}, "keypoints and valid differ"),
        ({"keypoints": np.full((2, 14, 2), np.nan, np.float32)}, "expected finite"),
        ({"valid": np.tri(2, 14, 1, dtype=np.float32)}, "at least 3 joints"),
        ({"image_bytes": encoded()[:700]}, "JPEG"),
        ({"image_bytes": b"a text"}, "image"),
    ],
)
def test_what_is_no_photo_with_poses_is_refused(refine, changed, words):
    keypoints, valid = poses(2)
    given = {"image_bytes": encoded(), "keypoints": keypoints, "valid": valid}
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        ask(refine, **{**given, **changed})


# --- estimate_photo --------------------------------------------------------------


def test_estimated_poses_are_those_of_the_estimator_at_one_scale(dots, estimate):
    data = encoded(dot_model.draw())
    boxes = np.float32([[50, 30, 70, 60], [40, 20, 90, 80]])
    found = ask(estimate, image_bytes=data, boxes=boxes)
    estimator = Estimator(dots, dot_model.DOTS, scales=(1.0,), flip=True)
    keypoints, scores = estimator(photos.decode(data, "photo"), boxes)
    np.testing.assert_allclose(found["keypoints"], keypoints, atol=1e-3)
    np.testing.assert_allclose(found["scores"], scores, atol=1e-5)
    distances = np.linalg.norm(found["keypoints"] - dot_model.JOINTS, axis=-1)
    assert distances.max() < 1.5


def test_an_estimator_answers_about_nobody(estimate):
    found = ask(estimate, image_bytes=encoded(), boxes=np.zeros((0, 4), np.float32))
    assert found["keypoints"].shape == (0, 3, 2) and found["scores"].shape == (0, 3)


def test_who_finds_everybody_has_no_signature_for_boxes():
    model = AssociativeEmbedding(
        14, SIZE, stacks=1, filters=8, growth=4, depth=2, maps=30
    )
    assert signatures.photo_signatures(model, configuration(LSP14), None) == {}


# --- decoding --------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".jpg", ".png"])
@pytest.mark.parametrize("kind", ["color", "gray", "transparent"])
def test_decoders_of_the_graph_and_the_package_agree(ending, kind):
    pixels = PHOTO[:97, :61]
    if kind == "gray":
        pixels = pixels[..., 0]
    elif kind == "transparent":
        if ending == ".jpg":
            pytest.skip("JPEG has no transparency")
        pixels = np.concatenate([pixels, pixels[..., :1]], axis=-1)
    data = cv2.imencode(ending, pixels)[1].tobytes()
    np.testing.assert_array_equal(decode(data), photos.decode(data, "photo"))


def test_the_graph_turns_photos_as_the_package_does():
    data, graph = encoded(), tf.function(decode)
    for value in range(10):  # 0 and 9 are no orientations
        for order in ("big", "little"):
            turned = with_orientation(data, value, order)
            expected = photos.decode(turned, "photo")
            np.testing.assert_array_equal(graph(tf.constant(turned)), expected)


def test_a_damaged_tag_turns_nothing():
    data, read = with_orientation(encoded(), 6), tf.function(orientation)
    draw = np.random.default_rng(0)
    for cut in (0, 2, 12, 20, 30):
        assert read(tf.constant(data[:cut])) == 1
    for _ in range(200):
        changed = bytearray(data)
        changed[draw.integers(2, 46)] = draw.integers(256)
        assert 1 <= read(tf.constant(bytes(changed))) <= 8


def test_boxes_of_the_graph_are_those_of_the_package(posefix):
    """``Refiner.cut`` is one function for both, and its crops are those in NumPy."""
    refiner = Refiner(posefix, LSP14, Calibration())
    keypoints, valid = poses(2)
    eager = refiner.cut(PHOTO, keypoints, valid)
    graph = tf.function(refiner.cut)(PHOTO, keypoints, valid)
    for one, other in zip(eager, graph, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    back = tensors.transform(eager[1], eager[3])
    np.testing.assert_allclose(back, keypoints, atol=1e-3)
    in_numpy = zip(*refiner._crops([(PHOTO, keypoints, valid)]), strict=True)
    for one, other in zip(eager, in_numpy, strict=True):
        np.testing.assert_allclose(one, other, atol=0.02)
