"""Everybody at once: dots of two people, told apart by their tags."""

import types

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.support.dot_model import DOTS, SIZE
from tfpose import drawing
from tfpose.geometry.cells import to_pixels
from tfpose.geometry.crops import boxes_of
from tfpose.inference import predict_work
from tfpose.inference.bottom_up import BottomUp
from tfpose.inference.grouping import group, joint_order
from tfpose.inference.predict_files import predict_files
from tfpose.models.base import PoseEstimator
from tfpose.models.serving_graph import serving_model
from tfpose.skeletons import Skeleton


def build(enlarged=1) -> keras.Model:
    """A joint is bright in the channel of its number; its tag is 4 on the right.

    ``enlarged``: detections have so many times the rows and columns of tags.
    """
    image = keras.Input((*SIZE, 3), name="image")
    blurred = layers.AveragePooling2D(4)(image) / 255
    detections = layers.AveragePooling2D(4 // enlarged)(image) / 255
    right = np.arange(SIZE[1] // 4) >= SIZE[1] // 8
    tags = blurred * 0 + ops.array(4 * right[None, None, :, None], "float32")
    arguments = {"joints": len(DOTS), "input_size": SIZE}
    maps = {"heatmap": detections, "tags": tags}
    targets = {"tags": {"codec": "tags"}}
    return PoseEstimator(image, maps, blurred, arguments, targets=targets)


def photo_of(people, height=160, width=160):
    """u8[height, width, 3]: a soft dot of the channel of each joint that is not nan."""
    y, x = np.mgrid[:height, :width]
    photo = np.zeros((height, width, 3))
    for pose in people:
        for channel, (left, top) in enumerate(pose):
            if np.isfinite(left):
                dot = np.exp(-((x - left) ** 2 + (y - top) ** 2) / (2 * 5**2))
                photo[..., channel] += dot
    return np.round(255 * np.clip(photo, 0, 1)).astype(np.uint8)


@pytest.fixture(scope="module", params=[1, 2, 4])
def find(request):
    return BottomUp(build(request.param), DOTS, flip=False)


# In the left half of the photo and in the right one.
FIRST = np.array([[30.0, 40.0], [22.0, 90.0], [50.0, 60.0]])
SECOND = np.array([[118.0, 70.0], [100.0, 120.0], [130.0, 45.0]])


def test_two_people_are_found_in_pixels_of_the_photo(find):
    keypoints, scores = find(photo_of([FIRST, SECOND]))
    assert keypoints.shape == (2, 3, 2) and scores.shape == (2, 3)
    order = np.argsort(keypoints[:, 0, 0])
    # A quarter of a cell of 160 / 96 * 4 px, and the dots' own width.
    np.testing.assert_allclose(keypoints[order], [FIRST, SECOND], atol=3.5)
    assert (scores > 0.5).all() and (scores <= 1).all()


def test_a_joint_that_nobody_has_has_no_score(find):
    pose = FIRST.copy()
    pose[1] = np.nan
    keypoints, scores = find(photo_of([pose]))
    assert keypoints.shape == (1, 3, 2)
    np.testing.assert_array_equal(keypoints[0, 1], 0)
    assert scores[0, 1] == 0 and (scores[0, [0, 2]] > 0.5).all()


def test_enlarged_detections_are_found_more_exactly():
    photo = photo_of([FIRST, SECOND])
    errors = []
    for enlarged in (1, 4):
        keypoints, _ = BottomUp(build(enlarged), DOTS, flip=False)(photo)
        order = np.argsort(keypoints[:, 0, 0])
        errors.append(np.abs(keypoints[order] - [FIRST, SECOND]).max())
    # A quarter of a cell of 160 / 96 * 4 px and of a fourth of it, and rounding.
    assert errors[1] < 0.5 < 1 < errors[0]


def test_two_peaks_within_a_cell_of_tags_are_one_joint():
    """As they are where detections are not enlarged."""
    photo = photo_of([FIRST])
    x, y = np.int64(FIRST[0])
    photo[y - 1 : y + 2, x] //= 2  # a ridge between two peaks
    for enlarged in (1, 4):
        keypoints, _ = BottomUp(build(enlarged), DOTS, flip=False)(photo)
        assert len(keypoints) == 1


def sided(enlarged):
    """A model that sees better, and tags otherwise, on one side of the photo."""
    model = build(enlarged)
    detections, tags = model.output["heatmap"], model.output["tags"]
    ramp = np.linspace(0.5, 1, detections.shape[2], dtype=np.float32)[:, None]
    maps = {"heatmap": detections * ramp, "tags": tags + detections[:, :1, :1] * 0}
    arguments = {"joints": len(DOTS), "input_size": SIZE}
    targets = {"tags": {"codec": "tags"}}
    return PoseEstimator(
        model.input["image"], maps, detections, arguments, targets=targets
    )


# Its hands are red and green, which a mirror does not exchange.
UNPAIRED = Skeleton(
    "unpaired", ("red", "green", "blue"), (), (), (0.1,) * 3, ("red",) * 2
)


@pytest.mark.slow
@pytest.mark.parametrize("enlarged", [1, 4])
def test_with_both_looks_the_mirrored_photo_has_the_mirrored_people(enlarged):
    photo, width = photo_of([FIRST, SECOND]), 160
    for flip, alike in ((True, True), (False, False)):
        find = BottomUp(sided(enlarged), UNPAIRED, flip)
        (people, scores), (mirrored, others) = find(photo), find(photo[:, ::-1].copy())
        mirrored[..., 0] = width - 1 - mirrored[..., 0]
        first, second = np.argsort(people[:, 0, 0]), np.argsort(mirrored[:, 0, 0])
        same = np.allclose(scores[first], others[second], atol=1e-3)
        assert same == alike
        np.testing.assert_allclose(people[first], mirrored[second], atol=4 / enlarged)


def test_a_mirrored_look_exchanges_left_and_right():
    """The skeleton's hands are a pair: a red dot is a left hand, then a right one."""
    detections, tags = BottomUp(build(), DOTS)._maps(
        np.full((1, *SIZE, 3), [255, 0, 51], np.float32)
    )
    np.testing.assert_allclose(detections[5, 5], [0.5, 0.5, 0.2], atol=1e-5)
    assert tags.shape == (32, 24, 3, 2)
    np.testing.assert_array_equal(tags[:, :, 0, 0], tags[:, ::-1, 0, 1])


@pytest.mark.parametrize("enlarged", [1, 4])
def test_an_export_answers_with_what_is_grouped(enlarged):
    model = build(enlarged)
    served = serving_model(model, DOTS, phases=True)
    people = np.array([FIRST, SECOND]) * [0.6, 0.8]  # of a photo as large as the crop
    photo = photo_of(people, *SIZE)
    maps = served({"image": photo[None]})
    found, scores = group(maps["detections"][0], maps["tags"][0], joint_order(DOTS))
    expected = BottomUp(model, DOTS, flip=False)(photo)
    found = to_pixels(found, model.stride)
    assert len(found) == 2
    np.testing.assert_allclose(found, expected[0], atol=1e-3)
    np.testing.assert_allclose(scores, expected[1], atol=1e-5)


def test_nobody_is_nobody(find):
    keypoints, scores = find(photo_of([]))
    assert keypoints.shape == (0, 3, 2) and scores.shape == (0, 3)


def test_only_models_with_tags_find_everybody():
    assert build().is_bottom_up
    assert not build_without_tags().is_bottom_up


def build_without_tags():
    model = build()
    arguments = {"joints": len(DOTS), "input_size": SIZE}
    maps = {"heatmap": model.output["heatmap"]}
    return PoseEstimator(model.input["image"], maps, None, arguments)


def test_a_box_leaves_out_joints_that_are_not_there():
    pose = np.float32([[[0, 0], [40, 50], [60, 90]]])
    box = boxes_of(pose, np.array([[0, 1, 1]]))[0]
    assert box[0] > 30 and box[1] > 40
    assert boxes_of(pose)[0][0] < 0


def test_predict_needs_no_boxes(find, tmp_path, monkeypatch):
    config = types.SimpleNamespace(skeleton=DOTS, model="dots")
    monkeypatch.setattr(predict_work, "load_model", lambda name: (build(), config))
    drawing.write_image(tmp_path / "7.png", photo_of([FIRST, SECOND]))
    drawing.write_image(tmp_path / "8.png", photo_of([]))
    out = str(tmp_path / "poses.json")
    report = predict_files("dots", [str(tmp_path)], out, flip=False)
    assert report["poses"] == 2 and report["nobody"] == ["8.png"]
    with pytest.raises(
        ValueError, match="expected no --boxes, --detector, --single or --pro"
    ):
        predict_files("dots", [str(tmp_path)], out, single=True)
