"""The FLIC builder: both layouts, the neck, the torso box, photos that are absent."""

import h5py
import numpy as np
import pytest
import scipy.io

from data_prep.flic import Flic
from data_prep.prepare import prepare
from tests.support import drawn_layouts
from tfpose.errors import PhotoError, PoseFileError
from tfpose.skeletons import FLIC10

NECK = FLIC10.index("neck")


@pytest.fixture(params=[drawn_layouts.flic, drawn_layouts.flic_h5])
def source(request, tmp_path):
    request.param(tmp_path / "source")
    return tmp_path / "source"


def photos(source, tmp_path, split="train"):
    return list(Flic(data_dir=str(tmp_path / "out")).photos(split, source))


def test_joints_go_to_their_names_and_count_from_zero(source, tmp_path):
    person = photos(source, tmp_path)[1].people[0]
    places = drawn_layouts.flic_places(0)[1]
    names = (
        "left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist "
        "left_hip right_hip"
    ).split()
    for joint, place in zip([*names, "nose"], places[[*range(8), 10]], strict=True):
        np.testing.assert_array_equal(person.keypoints[FLIC10.index(joint)], place)
    np.testing.assert_array_equal(person.keypoints[NECK], [48, 112])


def test_a_joint_without_a_number_is_not_labeled(tmp_path):
    drawn_layouts.flic(tmp_path / "source")
    first = photos(tmp_path / "source", tmp_path)[0].people[0]
    wrist = FLIC10.index("left_wrist")
    assert np.flatnonzero(first.visible == 0).tolist() == [wrist]
    assert not first.keypoints[wrist].any()


def test_without_a_shoulder_there_is_no_neck(tmp_path):
    source = tmp_path / "source"
    drawn_layouts.flic_h5(source)
    with h5py.File(source / "train.h5", "a") as file:
        file["part"][0, 3] = np.nan
    person = photos(source, tmp_path)[0].people[0]
    missing = [FLIC10.index("right_shoulder"), NECK]
    assert sorted(np.flatnonzero(person.visible == 0)) == sorted(missing)


def test_a_crop_shows_three_torsos_by_hand(tmp_path):
    # The torso box goes from (31, 41) to (71, 91), from 1; crops show 1.25 boxes.
    drawn_layouts.flic(tmp_path / "source")
    person = photos(tmp_path / "source", tmp_path)[0].people[0]
    np.testing.assert_allclose(1.25 * person.box[2:], [3 * 40, 3 * 50])
    center = person.box[:2] + (person.box[2:] - 1) / 2
    np.testing.assert_allclose(center, [50, 65], atol=1e-3)


def test_without_a_torso_box_it_is_that_of_shoulders_and_hips(tmp_path):
    drawn_layouts.flic_h5(tmp_path / "source")
    person = photos(tmp_path / "source", tmp_path)[1].people[0]
    joints = drawn_layouts.flic_places(0)[1][[0, 3, 6, 7]]
    np.testing.assert_allclose(1.25 * person.box[2:], 3 * np.ptp(joints, axis=0))


def test_nobody_is_anothers_neighbor(source, tmp_path):
    found = photos(source, tmp_path)
    assert [len(photo.people) for photo in found] == [1, 1]
    assert len({photo.image_id for photo in found}) == 2


def test_personcentric_files_come_first(tmp_path):
    source = tmp_path / "source"
    drawn_layouts.flic_h5(source)
    with h5py.File(source / "train.h5") as file:
        names, parts = file["imgname"][:1], file["part"][:1]
    with h5py.File(source / "train_personcentric.h5", "w") as file:
        file["imgname"], file["part"] = (
            names,
            parts[:, [3, 4, 5, 0, 1, 2, *range(6, 11)]],
        )
    (photo,) = photos(source, tmp_path)
    right = photo.people[0].keypoints[FLIC10.index("right_shoulder")]
    np.testing.assert_array_equal(right, [76, 112])


def test_without_photos_one_line_names_the_first(source, tmp_path):
    for photo in (source / "images").iterdir():
        photo.unlink()
    expected = "images/film-00000000.jpg: expected a photo, found No such file"
    with pytest.raises(PhotoError, match=expected) as error:
        prepare("flic", str(source), str(tmp_path / "out"))
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "out").rglob("*tfrecord*"))


def examples_without(field):
    def harm(path):
        example = drawn_layouts.struct(**{field: 1, "istrain": True})
        scipy.io.savemat(path, {"examples": example})

    return harm


@pytest.mark.parametrize(
    "harm, message",
    [
        (lambda path: path.write_text("x"), "expected a MATLAB file with 'examples'"),
        (examples_without("filepath"), "example 1: expected filepath, coords"),
        (examples_without("coords"), "example 1: expected filepath, coords"),
    ],
)
def test_a_bad_own_file_is_named(tmp_path, harm, message):
    source = tmp_path / "source"
    drawn_layouts.flic(source)
    harm(source / "examples.mat")
    with pytest.raises(PoseFileError, match="examples.mat: " + message) as error:
        photos(source, tmp_path)
    assert "\n" not in str(error.value)


def test_a_bad_h5_file_is_named(tmp_path):
    source = tmp_path / "source"
    drawn_layouts.flic_h5(source)
    with h5py.File(source / "train.h5", "a") as file:
        del file["part"]
    with pytest.raises(PoseFileError, match="train.h5: expected HDF5 with 'imgname'"):
        photos(source, tmp_path)
    with h5py.File(source / "train.h5", "a") as file:
        file["part"] = np.zeros((2, 16, 2))
    message = r"expected part \(2, 11, 2\), found \(2, 16, 2\)"
    with pytest.raises(PoseFileError, match=message):
        photos(source, tmp_path)
