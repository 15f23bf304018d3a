"""The COCO builder: what is written, what is left out and why."""

import json

import numpy as np
import pytest

from data_prep.coco import Coco
from data_prep.prepare import prepare
from tests.support import drawn_data_sets
from tfpose.data.pipeline import read_records
from tfpose.errors import PhotoError, PoseFileError
from tfpose.skeletons import COCO17


@pytest.fixture
def source(tmp_path):
    drawn_data_sets.coco(tmp_path / "coco")
    return tmp_path / "coco"


def annotation_file(source, split="train2017"):
    return source / "annotations" / f"person_keypoints_{split}.json"


def change(source, edit):
    """Edits the training annotations."""
    data = json.loads(annotation_file(source).read_text())
    edit(data)
    annotation_file(source).write_text(json.dumps(data))


def photos(source, tmp_path, split="train"):
    builder = Coco(data_dir=str(tmp_path / "out"))
    return list(builder.photos(split, source)), dict(builder.left_out)


def test_people_come_with_their_photo_and_everybody_else_in_it(source, tmp_path):
    found, _ = photos(source, tmp_path)
    assert [(photo.image_id, len(photo.people)) for photo in found] == [(1, 2), (2, 1)]
    annotations = json.loads(annotation_file(source).read_text())["annotations"]
    for photo, rows in zip(found, (annotations[:2], annotations[2:3]), strict=True):
        assert photo.file_name == f"{photo.image_id:012d}.jpg"
        for person, row in zip(photo.people, rows, strict=True):
            triples = np.reshape(row["keypoints"], (17, 3))
            np.testing.assert_array_equal(person.keypoints, triples[:, :2])
            np.testing.assert_array_equal(person.visible, triples[:, 2])
            np.testing.assert_array_equal(person.box, row["bbox"])
            assert person.area == row["area"] and person.person_id == row["id"]


def test_crowds_and_people_without_labels_are_counted(source, tmp_path):
    _, left_out = photos(source, tmp_path)
    assert left_out == {"crowd": 1, "no labeled joint": 1}
    assert photos(source, tmp_path, "validation")[1] == {}


def test_neighbors_are_people_with_labels(source, tmp_path):
    def edit(data):
        # The crowd and the unlabeled person move into the first photo.
        for annotation in data["annotations"]:
            annotation["image_id"] = 1

    change(source, edit)
    (photo,), _ = photos(source, tmp_path)
    assert len(photo.people) == 3
    assert all(np.any(person.visible > 0) for person in photo.people)


def test_unlabeled_joints_have_no_place(source, tmp_path):
    def edit(data):
        data["annotations"][0]["keypoints"][:3] = [33, 44, 0]

    change(source, edit)
    person = photos(source, tmp_path)[0][0].people[0]
    assert person.visible[0] == 0 and not person.keypoints[0].any()


def test_tfrecords_hold_both_splits(source, tmp_path):
    report = prepare("coco", str(source), str(tmp_path / "out"))
    assert report["written"] == {"train": 3, "validation": 2}
    assert report["left_out"] == {"crowd": 1, "no labeled joint": 1}
    records, count = read_records(tmp_path / "out", ("coco/train",), COCO17)
    neighbors = [len(record["neighbor_boxes"]) for record in records]
    assert count == 3 and sorted(neighbors) == [0, 1, 1]


def test_a_missing_photo_is_named(source, tmp_path):
    path = source / "train2017" / f"{2:012d}.jpg"
    path.unlink()
    with pytest.raises(PhotoError, match=str(path)):
        photos(source, tmp_path)


def test_a_truncated_photo_is_named(source, tmp_path):
    path = source / "train2017" / f"{1:012d}.jpg"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(PhotoError, match=str(path)):
        photos(source, tmp_path)


def test_missing_annotations_are_named(source, tmp_path):
    annotation_file(source).unlink()
    with pytest.raises(PoseFileError, match="person_keypoints_train2017.json"):
        photos(source, tmp_path)


def test_annotations_with_other_joints_are_refused(source, tmp_path):
    def edit(data):
        data["categories"][0]["keypoints"][0] = "beak"

    change(source, edit)
    with pytest.raises(PhotoError, match="expected the joints of coco17.*beak"):
        photos(source, tmp_path)


def test_a_failed_preparation_leaves_nothing(source, tmp_path):
    (source / "val2017" / f"{1:012d}.jpg").unlink()
    with pytest.raises(PhotoError):
        prepare("coco", str(source), str(tmp_path / "out"))
    assert not list((tmp_path / "out").rglob("*tfrecord*"))


@pytest.mark.parametrize(
    "split, folder", [("train", "train2017"), ("validation", "val2017")]
)
def test_real_annotations_give_the_people_they_hold(
    shared_data, tmp_path, split, folder
):
    source = shared_data / "coco"
    data = json.loads(annotation_file(source, folder).read_text())
    labeled = [
        a for a in data["annotations"] if not a["iscrowd"] and a["num_keypoints"]
    ]
    found, left_out = photos(source, tmp_path, split)
    people = {person.person_id: person for photo in found for person in photo.people}
    assert len(people) == len(labeled) == {"train": 225, "validation": 211}[split]
    assert left_out == {} and len(found) == len({a["image_id"] for a in labeled})
    for annotation in labeled:
        person = people[annotation["id"]]
        assert person.area == annotation["area"]
        assert (person.visible > 0).sum() == annotation["num_keypoints"]
