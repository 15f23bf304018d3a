"""The LSP builder: 1-based coordinates, occlusion in the third row, official split."""

import numpy as np
import pytest
import scipy.io

from data_prep import lsp
from data_prep.lsp import Lsp
from data_prep.prepare import prepare
from tests.support import drawn_data_sets
from tfpose.errors import PhotoError


@pytest.fixture
def source(tmp_path):
    drawn_data_sets.lsp(tmp_path / "lsp")
    return tmp_path / "lsp"


def photos(source, tmp_path, split="train"):
    return list(Lsp(data_dir=str(tmp_path / "out")).photos(split, source))


def test_coordinates_count_from_zero(source, tmp_path):
    joints = scipy.io.loadmat(source / "joints.mat")["joints"]
    for index, photo in enumerate(photos(source, tmp_path)):
        (person,) = photo.people
        np.testing.assert_array_equal(person.keypoints, joints[:2, :, index].T - 1)
        assert person.person_id == photo.image_id == index + 1
        assert photo.file_name == f"im{index + 1:04d}.jpg"


def test_occluded_joints_are_labeled(source, tmp_path):
    for photo in photos(source, tmp_path):
        expected = np.full(14, 2)
        expected[3] = 1
        np.testing.assert_array_equal(photo.people[0].visible, expected)


def test_the_box_is_around_the_joints_and_a_fifth_larger(source, tmp_path):
    (person,) = photos(source, tmp_path)[0].people
    low, high = person.keypoints.min(0), person.keypoints.max(0)
    np.testing.assert_allclose(person.box[2:], 1.2 * (high - low))
    center = person.box[:2] + (person.box[2:] - 1) / 2
    np.testing.assert_allclose(center, (low + high) / 2)
    assert person.area == pytest.approx(0.53 * person.box[2] * person.box[3])


def test_the_first_photos_train_and_the_rest_test(source, tmp_path, monkeypatch):
    monkeypatch.setattr(lsp, "TRAINING_PHOTOS", 3)
    for split, expected in (("train", [1, 2, 3]), ("test", [4, 5])):
        found = [photo.image_id for photo in photos(source, tmp_path, split)]
        assert found == expected


def test_too_few_photos_for_both_splits_are_refused(source, tmp_path):
    with pytest.raises(PhotoError, match="expected more than 1000 photos.*found 5"):
        prepare("lsp", str(source), str(tmp_path / "out"))
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    "harm, message",
    [
        (lambda path: path.unlink(), "expected a MATLAB file"),
        (lambda path: path.write_bytes(b"not MATLAB"), "expected a MATLAB file"),
        (lambda path: scipy.io.savemat(path, {"x": 1}), "'joints'"),
        (
            lambda path: scipy.io.savemat(path, {"joints": np.zeros((14, 3, 5))}),
            r"expected joints \(3, 14, 'N'\), found \(14, 3, 5\)",
        ),
    ],
)
def test_a_bad_joints_file_is_named(source, tmp_path, harm, message):
    harm(source / "joints.mat")
    with pytest.raises(PhotoError, match=message) as error:
        photos(source, tmp_path)
    assert "joints.mat" in str(error.value) and "\n" not in str(error.value)


def test_a_missing_photo_is_named(source, tmp_path):
    (source / "images" / "im0004.jpg").unlink()
    with pytest.raises(PhotoError, match="im0004.jpg"):
        photos(source, tmp_path)


def test_real_people_are_all_labeled_inside_their_photos(shared_data, tmp_path):
    joints = lsp.read_joints(shared_data / "lsp" / "joints.mat", (3, 14))
    assert joints.shape == (3, 14, 1500)
    builder = Lsp(data_dir=str(tmp_path / "out"))
    first = next(builder.photos("test", shared_data / "lsp"))
    assert first.file_name == "im1001.jpg"
    np.testing.assert_allclose(first.people[0].keypoints, joints[:2, :, 1000].T - 1)
