"""The AI Challenger builder: its own lists and COCO's form."""

import json

import numpy as np
import pytest

from data_prep.aic import Aic
from tests.support import drawn_layouts
from tests.support.drawn_layouts import write_json
from tfpose.errors import PoseFileError
from tfpose.skeletons import AIC14

TRAIN = "ai_challenger_keypoint_train_20170902/keypoint_train_annotations_20170902.json"


def photos(source, tmp_path, **options):
    return list(Aic(data_dir=str(tmp_path / "out"), **options).photos("train", source))


def test_visibility_3_is_unlabeled_2_occluded_and_1_visible(tmp_path):
    drawn_layouts.aic(tmp_path)
    first, second = photos(tmp_path, tmp_path)[0].people
    assert first.visible.tolist() == [2, 2, 0, 1, 2, 2, 2, 2, 1, 2, 2, 2, 2, 1]
    assert second.visible[2] == 2
    places = drawn_layouts.people_of(14, 0)[0][0]
    expected = np.where(first.visible[:, None] > 0, places, 0)
    np.testing.assert_array_equal(first.keypoints, expected)


def test_boxes_are_written_as_corners(tmp_path):
    drawn_layouts.aic(tmp_path)
    for photo, places in zip(
        photos(tmp_path, tmp_path), drawn_layouts.people_of(14, 0), strict=True
    ):
        for person, points in zip(photo.people, places, strict=True):
            np.testing.assert_array_equal(person.box, drawn_layouts.box_of(points))
            assert person.area == pytest.approx(0.53 * person.box[2] * person.box[3])


def test_cocos_form_has_names_with_capitals(tmp_path):
    names = [joint.replace("_", " ").capitalize() for joint in AIC14.joints]
    places = drawn_layouts.people_of(14, 1)
    data = drawn_layouts.coco_form(names, places, lambda number: "a.jpg")
    write_json(tmp_path / "mine.json", data)
    drawn_layouts.draw(tmp_path / "a.jpg", places[0])
    (photo,) = photos(tmp_path, tmp_path, annotations="mine.json")
    np.testing.assert_array_equal(photo.people[0].keypoints, places[0][0])


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda records: records[1].pop("image_id"), "record 1: .*KeyError"),
        (lambda records: records[0]["human_annotations"].clear(), "record 0: .*human1"),
        (
            lambda records: records[0]["keypoint_annotations"].update(human1=[1, 2, 3]),
            "record 0: .*ValueError",
        ),
        (
            lambda records: records[0]["keypoint_annotations"].update(human1=[4] * 42),
            "record 0: .*KeyError: 4",
        ),
    ],
)
def test_a_bad_record_is_named(tmp_path, edit, message):
    drawn_layouts.aic(tmp_path)
    records = json.loads((tmp_path / TRAIN).read_text())
    edit(records)
    write_json(tmp_path / TRAIN, records)
    with pytest.raises(PoseFileError, match="20170902.json: " + message) as error:
        photos(tmp_path, tmp_path)
    assert "\n" not in str(error.value)
