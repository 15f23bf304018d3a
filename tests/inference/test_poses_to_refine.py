import json

import numpy as np
import pytest

from tests.support import pose_files
from tests.support.pose_files import STANDING
from tfpose.errors import PoseFileError
from tfpose.inference import poses_to_refine
from tfpose.inference.poses_to_refine import read_poses, refiner_for
from tfpose.io import files
from tfpose.io.coco_records import annotations_json, result_entry
from tfpose.skeletons import (
    AIC14,
    COCO17,
    COCO17_NECK,
    CROWDPOSE14,
    JHMDB15,
    LSP14,
    MPII16,
    Skeleton,
)

FOR_COCO, FOR_LSP = "posefix_movenet_coco17", "posefix_movenet_lsp14"
TAIL = Skeleton.from_json({"name": "cat", "joints": ["tail", "left_hip", "right_hip"]})


@pytest.mark.parametrize(
    "skeleton, preset",
    [
        (COCO17, FOR_COCO), (LSP14, FOR_LSP), (COCO17_NECK, FOR_COCO),
        (MPII16, FOR_LSP), (AIC14, FOR_LSP), (CROWDPOSE14, FOR_LSP), (JHMDB15, FOR_LSP),
    ],
    ids=str,
)  # fmt: skip
def test_the_preset_shares_most_joints(skeleton, preset):
    assert refiner_for(skeleton) == preset


def test_too_few_shared_joints_are_refused():
    with pytest.raises(PoseFileError) as caught:
        refiner_for(TAIL, "poses.json")
    assert str(caught.value).startswith("poses.json: expected at least 4 joints named")
    assert str(caught.value).endswith("found left_hip, right_hip in cat")


def write(folder, skeleton, *numbers):
    """A photo with id 1 and one pose for each list of numbers."""
    given = pose_files.write(folder, people=1)
    records = [{"image_id": 1, "keypoints": n, "score": 1.0} for n in numbers]
    files.write_json(folder / "poses.json", records)
    truth = annotations_json(skeleton, [{"id": 1, "file_name": "photo1.png"}], [])
    files.write_json(folder / "truth.json", truth)
    return str(folder / "poses.json"), given["images"], str(folder / "truth.json")


def test_joints_are_named_by_the_annotations(tmp_path):
    order = [LSP14.index(joint) for joint in CROWDPOSE14.joints]
    entry = result_entry(1, STANDING[order], [1.0] * 14, 1.0)
    path, images, truth = write(tmp_path, CROWDPOSE14, entry["keypoints"])
    found = read_poses(path, images, annotations=truth)
    (people, bad) = found.read(found.parts[0])
    assert (found.model, found.note, bad) == (FOR_LSP, None, [])
    moved = found.shared.to_other(people.keypoints)
    assert (moved[0] == STANDING).all()
    # Without names, 14 joints are LSP's.
    assert read_poses(path, images).shared.are_equal
    named = read_poses(path, images, skeleton=CROWDPOSE14)
    assert named.shared == found.shared


def test_what_the_refiner_does_not_know_is_said(tmp_path):
    path, images, _ = write(tmp_path, MPII16, [20.0, 20.0, 1.0] * 16)
    found = read_poses(path, images)
    assert found.shared.missing == ("pelvis", "thorax")
    assert found.note == (
        f"{path}: refines the 14 joints of mpii16 that {FOR_LSP} knows by name; kept "
        "pelvis, thorax"
    )


def test_a_pose_without_known_joints_stays(tmp_path):
    thorax = [0.0] * 3 * MPII16.index("thorax") + [9.0, 9.0, 1.0]
    thorax += [0.0] * (48 - len(thorax))
    path, images, _ = write(tmp_path, MPII16, thorax, [20.0, 20.0, 1.0] * 16)
    found = read_poses(path, images)
    people, bad = found.read(found.parts[0])
    assert people.positions.tolist() == [1]
    assert bad == [f"{path}: record 0 (image_id 1): has no joint that {FOR_LSP} knows"]


def test_a_model_of_its_own_joints_knows_the_number(tmp_path):
    path, images, _ = write(tmp_path, COCO17, [20.0, 20.0, 1.0] * 14)
    assert read_poses(path, images, "posefix_tiny_lsp").shared.one == LSP14
    found = read_poses(path, images, FOR_COCO)
    assert found.shared.one == LSP14 and found.shared.other == COCO17
    assert len(found.shared.names) == 12


def test_a_wrong_record_is_named_before_the_model_is_loaded(tmp_path):
    path, images, _ = write(tmp_path, LSP14, [20.0, 20.0, 1.0] * 14, [1.0] * 41)
    with pytest.raises(PoseFileError, match="found poses of different lengths"):
        read_poses(path, images)
    with pytest.raises(PoseFileError, match=r"record 1 \(image_id 1\): expected 42"):
        read_poses(path, images, "posefix_tiny_lsp")


def cut(*ids):
    parts = poses_to_refine._parts(
        np.array(ids, np.int64), np.arange(10, 10 + len(ids))
    )
    assert [part.place for part in parts] == [10 + part.start for part in parts]
    return [(part.start, part.stop) for part in parts]


def test_a_part_ends_where_no_photo_goes_on(monkeypatch):
    monkeypatch.setattr(poses_to_refine, "PART", 2)
    assert cut() == []
    assert cut(7) == [(0, 1)]
    assert cut(1, 1, 2, 2, 3) == [(0, 2), (2, 4), (4, 5)]
    assert cut(1, 2, 2, 3, 3, 3) == [(0, 3), (3, 6)]
    # Photo 1 goes on until the end, photo 2 until the middle.
    assert cut(1, 2, 3, 1) == [(0, 4)]
    assert cut(2, 3, 2, 5, 6, 6) == [(0, 3), (3, 6)]


def test_parts_hold_the_records_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(poses_to_refine, "PART", 2)
    given = pose_files.write(tmp_path, people=3)
    good = [20.0, 20.0, 1.0] * 14
    records = [
        {"image_id": number, "keypoints": numbers, "score": 0.5, "note": "größe"}
        for number, numbers in (
            (1, good), (2, good), (2, [1.0]), (2, good), (3, good), (3, good)
        )
    ]  # fmt: skip
    path = str(tmp_path / "poses.json")
    (tmp_path / "poses.json").write_text(json.dumps(records, ensure_ascii=False))
    found = read_poses(path, given["images"], FOR_LSP, skip_bad=True)
    assert [len(part) for part in found.parts] == [4, 2]
    read = [found.read(part) for part in found.parts]
    assert [record for people, _ in read for record in people.file_entries] == records
    (people, bad), (others, nothing) = read
    assert people.positions.tolist() == [0, 1, 3] and others.first == 4
    assert len(bad) == 1 and "record 2 (image_id 2)" in bad[0] and nothing == []


def test_shares_of_the_sides_are_refused_however_many_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(poses_to_refine, "PART", 1)
    path, images, _ = write(tmp_path, LSP14, *[[0.4, 0.6, 1.0] * 14] * 3)
    with pytest.raises(PoseFileError, match="expected coordinates in pixels"):
        read_poses(path, images)


def test_one_pose_in_pixels_shows_that_all_are(tmp_path, monkeypatch):
    monkeypatch.setattr(poses_to_refine, "PART", 1)
    small, large = [0.4, 0.6, 1.0] * 14, [20.0, 20.0, 1.0] * 14
    path, images, _ = write(tmp_path, LSP14, small, large, small)
    assert len(read_poses(path, images).parts) == 1
