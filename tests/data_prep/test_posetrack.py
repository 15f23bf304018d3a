"""PoseTrack17 and 18: tracks, frames, head sizes, ignored regions, visibilities."""

import json

import numpy as np
import pytest

from data_prep.posetrack17 import Posetrack17
from data_prep.posetrack18 import Posetrack18
from data_prep.prepare import prepare
from tests.support import drawn_layouts
from tests.support.drawn_layouts import write_json
from tfpose.errors import PoseFileError
from tfpose.io.coco import read_annotations
from tfpose.skeletons import POSETRACK15

FILES = {
    "posetrack17": "annotations/train/000001_bonn.json",
    "posetrack18": "annotations/train/000001_mpii.json",
}
BUILDERS = {"posetrack17": Posetrack17, "posetrack18": Posetrack18}


@pytest.fixture(params=BUILDERS)
def year(request):
    return request.param


@pytest.fixture
def source(year, tmp_path):
    getattr(drawn_layouts, year)(tmp_path / "source")
    return tmp_path / "source"


def photos(year, source, tmp_path, split="train"):
    builder = BUILDERS[year](data_dir=str(tmp_path / "out"))
    return list(builder.photos(split, source)), dict(builder.left_out)


def change(path, edit):
    data = json.loads(path.read_text())
    edit(data)
    write_json(path, data)


def test_a_head_size_is_three_fifths_of_the_head_boxs_diagonal(year, source, tmp_path):
    # Both years' boxes are 30 x 40 px.
    sizes = [p.head_size for ph in photos(year, source, tmp_path)[0] for p in ph.people]
    np.testing.assert_allclose(sizes, 30)


def test_heads_without_a_pose_are_counted(year, source, tmp_path):
    expected = {"posetrack17": 2, "posetrack18": 1}[year]
    assert photos(year, source, tmp_path)[1] == {"no labeled joint": expected}


def test_written_annotations_keep_tracks_and_frames(year, source, tmp_path):
    report = prepare(year, str(source), str(tmp_path / "out"))
    written = read_annotations(report["annotations"]["train"])
    tracks = {"posetrack17": [5, 6, 5], "posetrack18": [7, 8, 9]}[year]
    assert [entry["track_id"] for entry in written.entries] == tracks
    np.testing.assert_allclose(written.head_sizes, 30)
    frames = [written.images[image_id] for image_id in sorted(written.images)]
    assert len({frame["vid_id"] for frame in frames}) == 1
    assert frames[0]["frame_id"] < frames[1]["frame_id"]
    assert [frame["file_name"] for frame in frames] == sorted(
        frame["file_name"] for frame in frames
    )
    regions = {
        "posetrack17": ([[1, 3]], [[2, 4]]),
        "posetrack18": ([[0, 5, 5]], [[0, 0, 5]]),
    }[year]
    for frame in frames:
        found = frame["ignore_regions_x"], frame["ignore_regions_y"]
        assert found == regions


def test_of_17_the_points_numbers_are_their_names(tmp_path):
    drawn_layouts.posetrack17(tmp_path)
    person = photos("posetrack17", tmp_path, tmp_path)[0][0].people[0]
    places = drawn_layouts.people_of(15, 0)[0][0]
    for number, joint in enumerate(drawn_layouts.POSETRACK17_NAMES):
        row = POSETRACK15.index(joint)
        # The left wrist is not labeled, the left elbow is occluded.
        flag = {"left_wrist": 0, "left_elbow": 1}.get(joint, 2)
        assert person.visible[row] == flag
        if flag:
            np.testing.assert_array_equal(person.keypoints[row], places[number])


def test_of_17_the_box_is_nearly_a_third_larger_than_the_pose(tmp_path):
    drawn_layouts.posetrack17(tmp_path)
    person = photos("posetrack17", tmp_path, tmp_path)[0][0].people[0]
    extent = np.ptp(person.keypoints[person.visible > 0], axis=0)
    np.testing.assert_allclose(person.box[2:], 1.3 * extent)


def test_of_17_videos_and_frames_have_numbers_of_their_own(tmp_path):
    drawn_layouts.posetrack17(tmp_path)
    path = tmp_path / FILES["posetrack17"]
    path.with_name("000002_bonn.json").write_bytes(path.read_bytes())
    found, _ = photos("posetrack17", tmp_path, tmp_path)
    assert [photo.image_id for photo in found] == [100000, 100001, 200000, 200001]
    ids = [person.person_id for photo in found for person in photo.people]
    assert ids == [100000000, 100000001, 100001000, 200000000, 200000001, 200001000]


def test_of_18_the_places_of_ears_are_dropped_and_labels_are_seen(tmp_path):
    drawn_layouts.posetrack18(tmp_path)
    person = photos("posetrack18", tmp_path, tmp_path)[0][0].people[0]
    places = np.delete(drawn_layouts.people_of(17, 0)[0][0], [3, 4], axis=0)
    np.testing.assert_array_equal(person.keypoints, places)
    # The file says 1 or 0 of every joint.
    assert set(person.visible.tolist()) == {2}


def test_of_18_one_video_cannot_be_there_twice(tmp_path):
    drawn_layouts.posetrack18(tmp_path)
    path = tmp_path / FILES["posetrack18"]
    path.with_name("copy.json").write_bytes(path.read_bytes())
    with pytest.raises(
        PoseFileError, match="copy.json: expected unique annotation ids"
    ):
        photos("posetrack18", tmp_path, tmp_path)


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda data: data.pop("annolist"), "expected an object with 'annolist'"),
        (lambda data: data["annolist"][1].pop("image"), "annolist: record 1.*KeyError"),
        (
            lambda data: data["annolist"][0]["annorect"][0]["annopoints"][0]["point"][
                0
            ].update(id=[15]),
            "annolist: record 0.*IndexError",
        ),
        (
            lambda data: data["annolist"][0]["annorect"][0].update(x1=["left"]),
            "annolist: record 0.*TypeError",
        ),
    ],
)
def test_of_17_another_form_is_named(tmp_path, edit, message):
    drawn_layouts.posetrack17(tmp_path)
    change(tmp_path / FILES["posetrack17"], edit)
    with pytest.raises(PoseFileError, match="000001_bonn.json: " + message) as error:
        photos("posetrack17", tmp_path, tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "edit, message",
    [
        (
            lambda data: data["annotations"][0].update(bbox_head=[1, 2]),
            "annotations: record 0: expected bbox_head .*found .1, 2",
        ),
        (
            lambda data: data["annotations"][0].update(bbox_head=[1, 2, "x", 3]),
            "annotations: record 0: expected bbox_head",
        ),
        (lambda data: data.pop("annotations"), "expected an object with the lists"),
    ],
)
def test_of_18_another_form_is_named(tmp_path, edit, message):
    drawn_layouts.posetrack18(tmp_path)
    change(tmp_path / FILES["posetrack18"], edit)
    with pytest.raises(PoseFileError, match="000001_mpii.json: " + message) as error:
        photos("posetrack18", tmp_path, tmp_path)
    assert "\n" not in str(error.value)
