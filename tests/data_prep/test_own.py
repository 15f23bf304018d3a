"""A data set of one's own: any joints, COCO's layout."""

import json

import numpy as np
import pytest

from data_prep.prepare import prepare
from tests.support import drawn_data_sets
from tfpose.data.pipeline import read_records
from tfpose.errors import DataError, InputWarning, PhotoError
from tfpose.skeletons import Skeleton

JOINTS = ["bulb", "left_arm", "right_arm", "foot"]
LAMP = {"name": "lamp", "joints": JOINTS[::-1], "torso": ["foot", "bulb"]}


@pytest.fixture
def source(tmp_path):
    """Two lamps to learn from and one to validate on, and the skeleton's file."""
    folder = tmp_path / "lamps"
    (folder / "annotations").mkdir(parents=True)
    (tmp_path / "lamp.json").write_text(json.dumps(LAMP))
    category = {"id": 1, "name": "lamp", "keypoints": JOINTS}
    for name, ids in (("train", (1, 2)), ("val", (3,))):
        annotations, images = [], []
        for number in ids:
            points = drawn_data_sets.place_joints(4, 20, number)
            drawn_data_sets.draw_photo(folder / f"images/{number}.jpg", points)
            images.append({"id": number, "file_name": f"{number}.jpg"})
            triples = np.column_stack([points, [2, 2, 1, 2]]).ravel().tolist()
            annotations.append(
                {"id": number, "image_id": number, "category_id": 1}
                | {"keypoints": triples, "bbox": [15, 5, 70, 100], "area": 3500}
            )
        data = {"images": images, "annotations": annotations}
        path = folder / "annotations" / f"{name}.json"
        path.write_text(json.dumps({**data, "categories": [category]}))
    return folder


def test_records_have_the_joints_of_the_skeleton_in_its_order(source, tmp_path):
    skeleton = str(tmp_path / "lamp.json")
    report = prepare("own", str(source), str(tmp_path / "out"), skeleton=skeleton)
    assert report["written"] == {"train": 2, "validation": 1}
    lamp = Skeleton.from_json(LAMP)
    records, count = read_records(str(tmp_path / "out"), ("own/train",), lamp)
    assert count == 2
    for record in records.as_numpy_iterator():
        points = drawn_data_sets.place_joints(4, 20, int(record["image_id"]))
        np.testing.assert_array_equal(record["keypoints"], points[::-1])
        assert record["visible"].tolist() == [2, 1, 2, 2]


def change(path, **changes):
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, **changes}))


def test_files_of_annotation_tools_give_the_same_records(source, tmp_path):
    """Other spellings, Windows' separators, other categories, people without joints."""
    skeleton, path = str(tmp_path / "lamp.json"), source / "annotations/train.json"
    prepare("own", str(source), str(tmp_path / "plain"), skeleton=skeleton)
    data = json.loads(path.read_text())
    spelled = {"id": "1", "keypoints": ["Bulb", "arm_left", "armR", "FOOT"]}
    images = [
        {**image, "id": str(image["id"]), "file_name": f"a\\{image['file_name']}"}
        for image in data["images"]
    ]
    more = [
        {"id": 8, "image_id": 1, "category_id": 1, "keypoints": [], "iscrowd": "0"},
        {"id": 9, "image_id": 1, "category_id": 0, "keypoints": [1, 2]},
    ]
    changes = {"categories": [{"id": 0, "name": "all"}, spelled], "images": images}
    change(path, annotations=more + data["annotations"], **changes)
    with pytest.warns(InputWarning, match="left out 1 annotations"):
        report = prepare("own", str(source), str(tmp_path / "out"), skeleton=skeleton)
    assert report["left_out"] == {"no labeled joint": 1, "of another category": 1}
    lamp, both = Skeleton.from_json(LAMP), []
    for out in ("plain", "out"):
        records, _ = read_records(str(tmp_path / out), ("own/train",), lamp)
        both.append(list(records.as_numpy_iterator()))
    for one, other in zip(*both, strict=True):
        np.testing.assert_array_equal(one["keypoints"], other["keypoints"])
        assert one["window"] == other["window"]


def test_a_split_of_nobody_is_an_error_of_one_line(source, tmp_path):
    path = source / "annotations/train.json"
    people = json.loads(path.read_text())["annotations"]
    change(path, annotations=[{**person, "iscrowd": "1"} for person in people])
    with pytest.raises(DataError, match="found nobody .left out: 2 crowd.$"):
        skeleton = str(tmp_path / "lamp.json")
        prepare("own", str(source), str(tmp_path / "out"), skeleton=skeleton)


def test_the_skeleton_is_needed_and_has_the_files_joints(source, tmp_path):
    with pytest.raises(ValueError, match="own: expected skeleton=NAME"):
        prepare("own", str(source), str(tmp_path / "out"))
    with pytest.raises(PhotoError, match="expected the joints of lsp14, found .*bulb"):
        prepare("own", str(source), str(tmp_path / "out"), skeleton="lsp14")
