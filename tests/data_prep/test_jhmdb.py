"""The JHMDB builder: videos of its own layout, divisions, COCO's form."""

import numpy as np
import pytest
import scipy.io

from data_prep.jhmdb import Jhmdb
from data_prep.prepare import prepare
from tests.support import drawn_layouts
from tests.support.drawn_data_sets import place_joints
from tests.support.drawn_layouts import write_json
from tfpose.errors import PoseFileError
from tfpose.io.coco import read_annotations
from tfpose.skeletons import JHMDB15

POSITIONS = "joint_positions/catch/clip_catch_0/joint_positions.mat"


def photos(source, tmp_path, split="train", **options):
    builder = Jhmdb(data_dir=str(tmp_path / "out"), **options)
    return list(builder.photos(split, source))


def test_frames_are_numbered_within_videos_and_joints_count_from_zero(tmp_path):
    drawn_layouts.jhmdb(tmp_path)
    found = photos(tmp_path, tmp_path)
    assert [photo.image_id for photo in found] == [100001, 100002]
    for frame, photo in enumerate(found):
        places = place_joints(15, 20 + 5 * frame, frame)
        (person,) = photo.people
        np.testing.assert_array_equal(person.keypoints, places)
        np.testing.assert_allclose(person.box[2:], 1.2 * np.ptp(places, axis=0))
        assert photo.file_name.endswith(f"catch/clip_catch_0/{frame + 1:05d}.png")


def test_a_division_says_which_videos_test(tmp_path):
    drawn_layouts.jhmdb(tmp_path)
    lists = tmp_path / "splits"
    (lists / "catch_test_split2.txt").write_text(
        "clip_catch_0.avi 2\nclip_catch_1.avi 0\n"
    )
    (photo, _) = photos(tmp_path, tmp_path, "test", fold=2)
    assert "clip_catch_0" in photo.file_name
    builder = Jhmdb(data_dir=str(tmp_path / "out"), fold=2)
    assert builder.splits(tmp_path) == ("test",)
    assert "fold2" in builder.builder_config.name


def test_written_annotations_keep_videos_and_frames(tmp_path):
    drawn_layouts.jhmdb(tmp_path / "source")
    report = prepare("jhmdb", str(tmp_path / "source"), str(tmp_path / "out"))
    written = read_annotations(report["annotations"]["train"])
    assert [image["vid_id"] for image in written.images.values()] == [
        "clip_catch_0"
    ] * 2
    assert [image["frame_id"] for image in written.images.values()] == [1, 2]
    assert [entry["track_id"] for entry in written.entries] == [0, 0]


def test_a_video_can_be_given_with_its_folder_of_frames(tmp_path):
    drawn_layouts.jhmdb(tmp_path)
    found = photos(
        tmp_path, tmp_path, annotations=POSITIONS,
        images="Rename_Images/catch/clip_catch_0",
    )  # fmt: skip
    assert [photo.file_name for photo in found] == ["00001.png", "00002.png"]


def test_cocos_form_counts_from_one_too_and_calls_the_face_head(tmp_path):
    names = ["head" if joint == "face" else joint for joint in JHMDB15.joints]
    places = drawn_layouts.people_of(15, 1)
    data = drawn_layouts.coco_form(names, places, lambda number: "a.jpg", offset=1)
    write_json(tmp_path / "annotations/Sub3_train.json", data)
    drawn_layouts.draw(tmp_path / "a.jpg", places[0])
    (photo,) = photos(tmp_path, tmp_path, fold=3)
    (person,) = photo.people
    np.testing.assert_array_equal(person.keypoints, places[0][0])
    np.testing.assert_array_equal(person.box, drawn_layouts.box_of(places[0][0]))


@pytest.mark.parametrize(
    "positions, message",
    [
        (np.zeros((2, 14, 3)), r"expected pos_img \(2, 15, 'N'\), found \(2, 14, 3\)"),
        (np.full((2, 15, 2), np.nan), "expected finite pos_img"),
    ],
)
def test_a_bad_video_is_named(tmp_path, positions, message):
    drawn_layouts.jhmdb(tmp_path)
    scipy.io.savemat(tmp_path / POSITIONS, {"pos_img": positions})
    with pytest.raises(PoseFileError, match="joint_positions.mat: " + message):
        photos(tmp_path, tmp_path)


def test_a_missing_list_of_videos_is_named(tmp_path):
    drawn_layouts.jhmdb(tmp_path)
    with pytest.raises(PoseFileError, match="catch_test_split3.txt: cannot read"):
        photos(tmp_path, tmp_path, fold=3)
    with pytest.raises(ValueError, match="fold=4: expected 1, 2 or 3"):
        photos(tmp_path, tmp_path, fold=4)
