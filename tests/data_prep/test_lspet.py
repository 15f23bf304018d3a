"""The LSPET builder: the third column says which joints are labeled."""

import numpy as np
import pytest
import scipy.io

from data_prep.lspet import Lspet
from data_prep.prepare import prepare
from tests.support import drawn_data_sets
from tfpose.errors import DataError, PhotoError
from tfpose.io import files


@pytest.fixture
def source(tmp_path):
    drawn_data_sets.lspet(tmp_path / "lspet")
    return tmp_path / "lspet"


def photos(source, tmp_path):
    builder = Lspet(data_dir=str(tmp_path / "out"))
    return list(builder.photos("train", source)), dict(builder.left_out)


def test_only_labeled_joints_have_a_place(source, tmp_path):
    joints = scipy.io.loadmat(source / "joints.mat")["joints"]
    for index, photo in enumerate(photos(source, tmp_path)[0][:3]):
        (person,) = photo.people
        labeled = joints[:, 2, index] == 1
        np.testing.assert_array_equal(person.visible, 2 * labeled)
        np.testing.assert_array_equal(
            person.keypoints[labeled], joints[labeled, :2, index] - 1
        )
        assert not person.keypoints[~labeled].any()


def test_garbage_of_unlabeled_joints_does_not_reach_the_box(source, tmp_path):
    for photo in photos(source, tmp_path)[0][:3]:
        assert photo.people[0].box[2:].max() < 200
        assert photo.people[0].box[:2].min() > 0


def test_a_photo_without_labels_is_counted(source, tmp_path):
    found, left_out = photos(source, tmp_path)
    assert [len(photo.people) for photo in found] == [1, 1, 1, 0]
    assert left_out == {"no labeled joint": 1}


def test_a_set_from_another_source_is_refused_and_the_first_one_stays(source, tmp_path):
    out = str(tmp_path / "out")
    first = prepare("lspet", str(source), out)
    drawn_data_sets.lspet(tmp_path / "other")
    (tmp_path / "other" / "images" / "im00001.jpg").write_bytes(b"another photo")
    with pytest.raises(DataError, match=f"{tmp_path}/other, found one from .*{source}"):
        prepare("lspet", str(tmp_path / "other"), out)
    again = prepare("lspet", str(source), out)
    assert again["written"] == first["written"] == {"train": 3}
    assert again["annotations"] == first["annotations"]
    names = {path.name for path in (tmp_path / "out").rglob("*")}
    assert not any(name.startswith(".") for name in names)
    metadata = files.read_json(f"{first['directory']}/metadata.json")
    assert set(metadata["checksums"]) == {n for n in names if "tfrecord" in n}


def test_a_split_without_people_is_refused_and_nothing_written(source, tmp_path):
    joints = scipy.io.loadmat(source / "joints.mat")["joints"]
    joints[:, 2] = 0
    scipy.io.savemat(source / "joints.mat", {"joints": joints})
    with pytest.raises(DataError, match="people in the split 'train' of lspet, found"):
        prepare("lspet", str(source), str(tmp_path / "out"))
    assert not list(tmp_path.glob("out/*"))


def test_lsps_file_is_refused(source, tmp_path):
    scipy.io.savemat(source / "joints.mat", {"joints": np.zeros((3, 14, 4))})
    with pytest.raises(PhotoError, match=r"expected joints \(14, 3, 'N'\)"):
        photos(source, tmp_path)


def test_real_annotations_label_as_many_joints_as_published(shared_data):
    joints = scipy.io.loadmat(shared_data / "lspet" / "joints.mat")["joints"]
    assert joints.shape == (14, 3, 10_000)
    assert (joints[:, 2] == 1).sum() == 123_213
