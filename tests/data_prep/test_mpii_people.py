"""The MPII builder: the data set's own file and the papers' lists."""

import json

import numpy as np
import pytest
import scipy.io

from data_prep.mpii_people import Mpii
from data_prep.prepare import prepare
from tests.support import drawn_layouts
from tests.support.drawn_layouts import write_json
from tfpose.errors import PoseFileError
from tfpose.io.coco import read_annotations
from tfpose.skeletons import MPII16

DRAW = {"release": drawn_layouts.mpii_release, "lists": drawn_layouts.mpii_lists}


@pytest.fixture(params=DRAW)
def source(request, tmp_path):
    DRAW[request.param](tmp_path / request.param)
    return tmp_path / request.param


def photos(source, tmp_path, split="train", **options):
    return list(Mpii(data_dir=str(tmp_path / "out"), **options).photos(split, source))


def test_coordinates_count_from_zero_and_ids_are_the_photos_numbers(source, tmp_path):
    found = photos(source, tmp_path)
    assert [(photo.image_id, photo.file_name) for photo in found] == [
        (1, "000000001.jpg"),
        (2, "000000002.jpg"),
    ]
    for photo, places in zip(found, drawn_layouts.people_of(16, 0), strict=True):
        for number, (person, points) in enumerate(
            zip(photo.people, places, strict=True)
        ):
            labeled = np.arange(16) >= (number == 0)
            expected = np.where(labeled[:, None], points, 0)
            np.testing.assert_array_equal(person.keypoints, expected)
            np.testing.assert_array_equal(person.visible > 0, labeled)


def test_the_box_is_the_square_that_the_papers_crop_by_hand(source, tmp_path):
    # Center (50, 60) from 1, scale 0.5: 100 px wide, 7.5 px below, that is about
    # (49, 66.5) from 0, whose first pixel is 49.5 px before.
    person = photos(source, tmp_path)[0].people[0]
    np.testing.assert_allclose(person.box, [-0.5, 17, 100, 100])
    extent = 1.2 * np.ptp(person.keypoints[person.visible > 0], axis=0)
    assert person.area == pytest.approx(0.53 * extent.prod(), rel=1e-3)


def test_the_own_file_has_head_boxes_and_occlusion(tmp_path):
    drawn_layouts.mpii_release(tmp_path / "source")
    person = photos(tmp_path / "source", tmp_path)[0].people[1]
    assert person.head_size == pytest.approx(0.6 * 50)
    assert person.visible.tolist() == [2, 2, 2, 1, *[2] * 12]


def test_the_lists_head_size_is_estimated_from_the_heads_ends(tmp_path):
    source = tmp_path / "source"
    drawn_layouts.mpii_lists(source)
    path = source / "annot/train.json"
    records = json.loads(path.read_text())
    neck, top = MPII16.index("neck"), MPII16.index("head_top")
    records[0]["joints"][neck], records[0]["joints"][top] = [50, 60], [26, 28]
    records[1]["joints_vis"][top] = 0
    write_json(path, records)
    first, second = photos(source, tmp_path)[0].people
    assert first.head_size == pytest.approx(0.75 * 40) and second.head_size == 0


def test_the_own_file_alone_has_no_validation_people(tmp_path):
    source = tmp_path / "source"
    drawn_layouts.mpii_release(source)
    (source / "valid_images.txt").unlink()
    builder = Mpii(data_dir=str(tmp_path / "out"))
    assert builder.splits(source) == ("train",)
    names = [photo.file_name for photo in builder.photos("train", source)]
    assert names == ["000000001.jpg", "000000002.jpg", "000000101.jpg"]


@pytest.mark.parametrize("name", ["valid_images.txt", "annot/valid.json"])
def test_photos_of_the_validation_list_do_not_train(tmp_path, name):
    source = tmp_path / "source"
    drawn_layouts.mpii_release(source)
    (source / "valid_images.txt").unlink()
    if name.endswith("json"):
        write_json(source / name, [{"image": "000000002.jpg"}])
    else:
        (source / name).write_text("000000002.jpg\n000000002.jpg\n")
    names = [
        [photo.file_name for photo in photos(source, tmp_path, split)]
        for split in ("train", "validation")
    ]
    assert names == [["000000001.jpg", "000000101.jpg"], ["000000002.jpg"]]


def test_joints_of_posetrack(tmp_path):
    drawn_layouts.mpii_lists(tmp_path / "source")
    report = prepare(
        "mpii", str(tmp_path / "source"), str(tmp_path / "out"), skeleton="posetrack15"
    )
    written = read_annotations(report["annotations"]["train"])
    assert written.skeleton.name == "posetrack15"
    # Of the first person's 15 joints 13 have a name there, and there is a nose.
    assert (written.visible > 0).sum(axis=1).tolist() == [14, 15, 14]
    of = written.skeleton.index
    ends = written.keypoints[:, [of("head_bottom"), of("head_top")]]
    nose = written.keypoints[:, of("nose")]
    np.testing.assert_allclose(nose, ends.mean(axis=1))


def test_people_in_cocos_form_may_lack_pelvis_and_thorax(tmp_path):
    names = [j for j in MPII16.joints if j not in ("pelvis", "thorax", "head_top")]
    data = drawn_layouts.coco_form(
        [*names, "head", "medial_right_bow"],
        drawn_layouts.people_of(15, 1),
        lambda number: "7.jpg",
        offset=1,
    )
    write_json(tmp_path / "trb.json", data)
    drawn_layouts.draw(tmp_path / "7.jpg", drawn_layouts.people_of(15, 1)[0])
    (photo,) = photos(tmp_path, tmp_path, annotations="trb.json")
    (person,) = photo.people
    rows = [MPII16.index(joint) for joint in [*names, "head_top"]]
    places = drawn_layouts.people_of(15, 1)[0][0][:14]
    np.testing.assert_array_equal(person.keypoints[rows], places)
    assert (person.visible > 0).sum() == 14


@pytest.mark.parametrize(
    "change, message",
    [
        ({"image": "face.jpg"}, "record 1: .*invalid literal"),
        ({"joints": [[1, 2]]}, "record 1: .*ValueError"),
        ({"scale": None}, "record 1: .*TypeError"),
        ({"joints_vis": [1]}, "record 1: .*ValueError"),
    ],
)
def test_a_bad_record_of_a_list_is_named(tmp_path, change, message):
    source = tmp_path / "source"
    drawn_layouts.mpii_lists(source)
    records = json.loads((source / "annot/train.json").read_text())
    records[1].update(change)
    write_json(source / "annot/train.json", records)
    with pytest.raises(PoseFileError, match="train.json: " + message) as error:
        photos(source, tmp_path)
    assert "\n" not in str(error.value)


def damaged(path):
    path.write_bytes(b"no MATLAB")


def without_release(path):
    scipy.io.savemat(path, {"RELEASED": 1})


def without_photos(path):
    scipy.io.savemat(path, {"RELEASE": drawn_layouts.struct(img_train=[1])})


def without_names(path):
    photo = drawn_layouts.struct(image=drawn_layouts.struct(x=1), annorect=[])
    release = drawn_layouts.struct(annolist=photo, img_train=[1])
    scipy.io.savemat(path, {"RELEASE": release})


@pytest.mark.parametrize(
    "harm, message",
    [
        (damaged, "expected a MATLAB file with 'RELEASE'"),
        (without_release, "expected a MATLAB file with 'RELEASE'"),
        (without_photos, "expected MPII's RELEASE"),
        (without_names, "annolist: record 0: expected MPII's fields"),
    ],
)
def test_a_bad_own_file_is_named(tmp_path, harm, message):
    source = tmp_path / "source"
    drawn_layouts.mpii_release(source)
    harm(source / "mpii_human_pose_v1_u12_1.mat")
    with pytest.raises(PoseFileError, match="u12_1.mat: " + message) as error:
        photos(source, tmp_path)
    assert "\n" not in str(error.value)
