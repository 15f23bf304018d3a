"""Pose files: what is read is what was written, and what is wrong is said."""

import json
import os
import time
import warnings

import numpy as np
import pytest

from tfpose.errors import FileError, InputWarning, PoseFileError
from tfpose.io import coco, coco_checks, files
from tfpose.io.coco_records import annotation_entry, annotations_json
from tfpose.skeletons import COCO17, LSP14, MPII16, Skeleton

TRIO = Skeleton(
    name="trio",
    joints=("left_shoulder", "right_shoulder", "right_hip"),
    flip_pairs=(("left_shoulder", "right_shoulder"),),
    limbs=(("left_shoulder", "right_shoulder"), ("right_shoulder", "right_hip")),
    sigmas=(0.05, 0.06, 0.07),
    torso=("left_shoulder", "right_hip"),
)


def pose(image_id=7, joints=3, **changes):
    numbers = [float(n + 1) for n in range(3 * joints)]
    record = {"image_id": image_id, "keypoints": numbers, "score": 0.5}
    return {**record, **changes}


def write(path, data):
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "poses.json"


def annotations_data(**changes):
    people = [
        annotation_entry(1, 7, [[1, 2], [3, 5], [0, 0]], [2, 1, 0]),
        annotation_entry(
            2, 8, [[1, 2], [3, 4], [5, 6]], [2, 2, 2], (0, 0, 9, 9), 40.0, head_size=3.5
        ),
    ]
    images = [
        {"id": 7, "file_name": "a.jpg", "width": 40, "height": 30},
        {"id": 8, "file_name": "b.jpg"},
    ]
    return {**annotations_json(TRIO, images, people), **changes}


class TestResults:
    def test_arrays_hold_what_the_file_says(self, file):
        write(file, [pose(3, track_id=5), pose(4, score=1)])
        results, bad = coco.read_results(file, TRIO)
        assert bad == []
        assert results.image_ids.tolist() == [3, 4]
        assert results.keypoints[0].tolist() == [[1, 2], [4, 5], [7, 8]]
        assert results.scores[0].tolist() == [3, 6, 9]
        assert results.pose_scores.tolist() == [0.5, 1]
        assert results.entries[0]["track_id"] == 5
        assert results.keypoints.dtype == np.float64

    def test_empty_list_gives_empty_arrays(self, file):
        results, bad = coco.read_results(write(file, []), TRIO, photos={})
        assert len(results) == 0 and bad == []
        assert results.keypoints.shape == (0, 3, 2)

    @pytest.mark.parametrize(
        ("record", "words"),
        [
            ([1, 2], "expected an object, found a list of 2"),
            ({"image_id": 1, "score": 1}, "expected the key 'keypoints'"),
            ({"image_id": 1, "keypoints": [1]}, "expected the key 'score'"),
            ({"keypoints": [1], "score": 1}, "expected the key 'image_id'"),
            (pose("a"), "expected an integer image_id, found 'a'"),
            (pose(True), "expected an integer image_id, found True"),
            (pose(2**64), "expected an integer image_id"),
            (pose(score=None), "expected a finite score, found None"),
            (pose(score=float("nan")), "expected a finite score, found nan"),
            (pose(keypoints=[]), "the pose is empty: expected 3 joints, found none"),
            (pose(keypoints=[0] * 9), "the pose is empty: every joint's score is 0"),
            (pose(keypoints={}), "expected a list of keypoints"),
            (pose(bbox=[1, 2, 3]), "expected bbox [x, y, width, height], found [1,"),
            (pose(joints=4), "expected 9 keypoint numbers"),
            (pose(joints=4), "found 12 (4 joints)"),
            (pose(keypoints=[1] * 7), "found 7"),
            (pose(keypoints=[1] * 8 + ["2"]), "expected numbers as keypoints"),
            (pose(keypoints=[1] * 8 + [None]), "expected numbers as keypoints"),
            (pose(keypoints=[1] * 8 + [[1]]), "expected numbers as keypoints"),
            (pose(keypoints=[1] * 8 + [10**400]), "expected finite coordinates"),
            (pose(keypoints=[[1, 2]] * 9), "expected numbers as keypoints"),
            (pose(score=10**400), "expected a finite score, found inf"),
            (pose("7.5"), "expected an integer image_id, found '7.5'"),
            (
                pose(keypoints=[1] * 8 + [float("nan")]),
                "expected finite coordinates, found [1.0, 1.0, nan] for joint 2",
            ),
            (pose(keypoints=[float("-inf")] + [1] * 8), "expected finite coordinates"),
            (pose(keypoints=[1] * 3 + [-1e7] + [1] * 5), "at most 1e+06 px large"),
        ],
    )
    def test_bad_record_is_named_in_one_line(self, file, record, words):
        write(file, [pose(), record])
        with pytest.raises(PoseFileError) as caught:
            coco.read_results(file, TRIO)
        message = str(caught.value)
        assert message.startswith(f"{file}: record 1")
        assert words in message and "\n" not in message

    def test_first_bad_record_in_file_order_is_named(self, file):
        write(file, [pose(keypoints=[float("nan")] * 9), pose(joints=2)])
        with pytest.raises(PoseFileError, match="record 0 "):
            coco.read_results(file, TRIO)

    def test_skip_bad_keeps_the_sound_and_reports_the_others(self, file):
        nan = pose(9, keypoints=[float("nan")] * 9)
        write(file, [pose(1), 5, pose(2, joints=2), pose(3), nan])
        results, bad = coco.read_results(file, TRIO, skip_bad=True)
        assert results.image_ids.tolist() == [1, 3]
        assert results.positions.tolist() == [0, 3]
        assert [place for place, _ in bad] == [1, 2, 4]
        assert "record 2 (image_id 2): expected 9" in bad[1][1]

    def test_all_bad_gives_empty_arrays(self, file):
        results, bad = coco.read_results(write(file, [1]), TRIO, skip_bad=True)
        assert results.keypoints.shape == (0, 3, 2) and len(bad) == 1
        assert results.replaced(np.zeros((0, 3, 2))) == [1]

    def test_replacing_loses_no_record_and_keeps_order_and_extra_keys(self, file):
        records = [pose(1, track_id=4), "junk", pose(3)]
        results, _ = coco.read_results(write(file, records), TRIO, skip_bad=True)
        new = results.replaced(results.keypoints + 0.25)
        assert new[1] == "junk"
        assert new[0]["track_id"] == 4 and new[2]["image_id"] == 3
        assert new[0]["keypoints"] == [1.25, 2.25, 3, 4.25, 5.25, 6, 7.25, 8.25, 9]
        assert results.entries[0] == records[0], "the original is untouched"

    def test_unknown_image_is_a_bad_record(self, file):
        write(file, [pose(1), pose(2)])
        _, bad = coco.read_results(file, TRIO, skip_bad=True, photos={1: None})
        assert [place for place, _ in bad] == [1]
        assert "image_id 2" in bad[0][1] and "one of the 1 known photos" in bad[0][1]

    def test_pose_wholly_outside_its_photo_is_a_bad_record(self, file):
        partly = pose(1, keypoints=[-5, 3, 1, 39.4, 29.4, 1, 99, 99, 1])
        outside = pose(1, keypoints=[39.5, 3, 1, -0.6, 3, 1, 3, 30, 1])
        write(file, [partly, outside])
        _, bad = coco.read_results(file, TRIO, skip_bad=True, photos={1: (40, 30)})
        assert [place for place, _ in bad] == [1]
        assert "photo of 40 x 30 px" in bad[0][1]
        assert coco.read_results(file, TRIO)[1] == [], "only asked for with photos"

    @pytest.mark.parametrize("text", ["", "{", "[1,", "\xff\xfe", "[" * 100000])
    def test_what_is_not_json_is_named(self, file, text):
        file.write_bytes(text.encode("latin-1"))
        with pytest.raises(FileError, match="not JSON"):
            coco.read_results(file, TRIO)

    @pytest.mark.parametrize("data", [{"a": 1}, 3, None, "text"])
    def test_another_top_level_is_named(self, file, data):
        with pytest.raises(PoseFileError, match="expected a JSON list of poses"):
            coco.read_results(write(file, data), TRIO)

    def test_missing_file_is_named(self, tmp_path):
        with pytest.raises(FileError, match="none.json: cannot read: No such"):
            coco.read_results(tmp_path / "none.json", TRIO)

    def test_joints_of_score_0_are_missing(self, file):
        write(file, [pose(keypoints=[0, 0, 0, 0, 0, 0.1, 5, 0, 0])])
        results, _ = coco.read_results(file, TRIO)
        assert results.placed.tolist() == [[False, True, False]]

    def test_take_selects_rows_and_keeps_the_file(self, file):
        write(file, [pose(1), pose(2), pose(3)])
        results, _ = coco.read_results(file, TRIO)
        for which in (np.array([True, False, True]), [0, 2]):
            taken = results.take(which)
            assert taken.image_ids.tolist() == [1, 3]
            assert [entry["image_id"] for entry in taken.entries] == [1, 3]
            assert len(taken.file_entries) == 3
        assert len(results.take([])) == 0

    def test_large_files_are_read_quickly(self, file):
        write(file, [pose(n, joints=17) for n in range(20000)])
        start = time.process_time()
        results, _ = coco.read_results(file, COCO17)
        assert len(results) == 20000
        # 0.25 s where this was written; a loop over joints takes ten times that.
        assert time.process_time() - start < 2.0


class TestAnnotations:
    def test_writing_and_reading_gives_back_everything(self, file):
        files.write_json(file, annotations_data())
        people = coco.read_annotations(file)
        assert people.skeleton == TRIO
        assert people.ids.tolist() == [1, 2] and people.image_ids.tolist() == [7, 8]
        assert people.keypoints[0].tolist() == [[1, 2], [3, 5], [0, 0]]
        assert people.visible.tolist() == [[2, 1, 0], [2, 2, 2]]
        assert people.boxes.tolist() == [[1.5, 2.5, 2, 3], [0, 0, 9, 9]]
        assert people.areas.tolist() == [0.53 * 6, 40]
        assert np.isnan(people.head_sizes[0]) and people.head_sizes[1] == 3.5
        assert people.crowd.tolist() == [False, False]

    @pytest.mark.parametrize("skeleton", [COCO17, LSP14, MPII16])
    def test_joint_names_select_the_built_in_skeleton(self, file, skeleton):
        files.write_json(file, annotations_json(skeleton, [], []))
        people = coco.read_annotations(file)
        assert people.skeleton == skeleton
        assert people.keypoints.shape == (0, len(skeleton), 2)

    def test_a_plain_coco_category_is_enough(self, file):
        category = {"id": 1, "name": "person", "keypoints": list(COCO17.joints)}
        write(file, {"images": [], "annotations": [], "categories": [category]})
        assert coco.read_annotations(file).skeleton == COCO17

    def test_other_joint_names_define_a_skeleton(self, file):
        names = ["left_wing", "right_wing", "beak"]
        category = {"id": 1, "name": "bird", "keypoints": names, "skeleton": [[1, 3]]}
        write(file, {"images": [], "annotations": [], "categories": [category]})
        skeleton = coco.read_annotations(file).skeleton
        assert (skeleton.name, skeleton.joints) == ("bird", tuple(names))
        assert skeleton.limbs == (("left_wing", "beak"),)
        assert skeleton.torso is None

    def test_a_skeleton_without_shoulders_is_read_back(self, file):
        skeleton = Skeleton(
            name="hand",
            joints=("wrist", "thumb"),
            flip_pairs=(),
            limbs=(("wrist", "thumb"),),
            sigmas=(0.05, 0.06),
            torso=("wrist", "thumb"),
        )
        files.write_json(file, annotations_json(skeleton, [], []))
        assert coco.read_annotations(file).skeleton == skeleton

    def test_box_and_area_come_from_labeled_joints_where_absent(self, file):
        data = annotations_data()
        for key in ("bbox", "area", "iscrowd"):
            del data["annotations"][0][key]
        people = coco.read_annotations(write(file, data))
        assert people.boxes[0].tolist() == [1.5, 2.5, 2, 3]
        assert people.areas[0] == pytest.approx(0.53 * 6)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"id": 2}, "record 1 (image_id 8): expected unique annotation ids"),
            ({"id": "x"}, "record 0 (image_id 7): expected an integer id"),
            ({"image_id": 99}, "record 0 (image_id 99): expected one of the file's 2"),
            ({"keypoints": [1] * 6}, "expected 9 keypoint numbers"),
            ({"keypoints": [1] * 8 + [3]}, "expected visibilities 0, 1, 2"),
            ({"keypoints": [float("nan")] * 9}, "expected finite coordinates"),
            ({"bbox": [1, 2, 3]}, "expected bbox"),
            ({"bbox": 5}, "expected bbox"),
            ({"bbox": [1, 2, 3, -1]}, "expected bbox"),
            ({"area": -1}, "expected area >= 0, found -1"),
            ({"head_size": "big"}, "expected head_size >= 0, found 'big'"),
            ({"category_id": 9}, "expected a category_id among 1 ('trio'), found 9"),
            ({"category_id": [1]}, "expected a category_id among 1 ('trio'), found"),
            ({"iscrowd": "no"}, "expected iscrowd 0 or 1, found 'no'"),
            ({"iscrowd": 2}, "expected iscrowd 0 or 1, found 2"),
            ({"iscrowd": []}, "expected iscrowd 0 or 1, found []"),
            ({"keypoints": {}}, "expected a list of keypoints, found an object"),
        ],
    )
    def test_bad_annotation_is_named_in_one_line(self, file, change, words):
        data = annotations_data()
        data["annotations"][0].update(change)
        with pytest.raises(PoseFileError) as caught:
            coco.read_annotations(write(file, data))
        assert str(caught.value).startswith(f"{file}: annotations: record ")
        assert words in str(caught.value) and "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("image", "words"),
        [
            ({"file_name": "x"}, "integer 'id'"),
            (4, "integer 'id'"),
            ({"id": 7}, "unique image ids"),
            ({"id": "x"}, "integer 'id', found the id 'x'"),
            ({"id": "7"}, "unique image ids"),
            ({"id": 5, "width": -1}, "expected width > 0"),
            ({"id": 5, "height": "tall"}, "expected height > 0 in px, found 'tall'"),
        ],
    )
    def test_bad_image_is_named(self, file, image, words):
        data = annotations_data()
        data["images"].append(image)
        with pytest.raises(PoseFileError, match="images: record 2: .*" + words):
            coco.read_annotations(write(file, data))

    @pytest.mark.parametrize(
        "category",
        [
            {"keypoints": ["a", "a"], "torso": ["a", "a"]},
            {"keypoints": [1, 2], "torso": [1, 2]},
            {"keypoints": ["a", "b"], "sigmas": ["x", 1]},
            {"keypoints": ["a", "b"], "torso": ["a", "c"]},
        ],
    )
    def test_bad_category_is_named(self, file, category):
        data = annotations_data(categories=[category])
        with pytest.raises(PoseFileError, match=r"categories\[0\]"):
            coco.read_annotations(write(file, data))

    @pytest.mark.parametrize("data", [[], {"images": []}, {"images": 1}])
    def test_another_top_level_is_named(self, file, data):
        with pytest.raises(PoseFileError, match="expected an object with the lists"):
            coco.read_annotations(write(file, data))

    def test_no_category_is_named(self, file):
        for categories in ([], [None], [{"id": 1}], [{"keypoints": []}], [3]):
            with pytest.raises(PoseFileError, match="a category that names its joints"):
                write(file, annotations_data(categories=categories))
                coco.read_annotations(file)

    def test_scored_people_are_single_and_labeled(self, file):
        data = annotations_data()
        data["annotations"][1]["iscrowd"] = 1
        people = coco.read_annotations(write(file, data))
        assert people.scored.tolist() == [True, False]


class TestFilesOfOthers:
    """What the files of annotation tools are like; their people are read."""

    @pytest.mark.parametrize("change", [
        {"iscrowd": "0"}, {"iscrowd": False}, {"iscrowd": 0.0}, {"iscrowd": None},
        {"category_id": "1"}, {"category_id": 1.0}, {"category_id": None},
        {"image_id": "7"}, {"image_id": 7.0}, {"id": "0001"},
        {"area": None}, {"head_size": None}, {"bbox": None}, {"bbox": []},
    ])  # fmt: skip
    def test_other_spellings_of_a_value_are_the_value(self, file, change):
        data = annotations_data()
        data["annotations"][0].update(change)
        people = coco.read_annotations(write(file, data))
        usual = coco.as_annotations(annotations_data(), file)
        for field in ("ids", "image_ids", "keypoints", "crowd", "boxes", "areas"):
            np.testing.assert_array_equal(getattr(people, field), getattr(usual, field))

    @pytest.mark.parametrize("value", ["1", 1, True, 1.0])
    def test_what_says_crowd_is_a_crowd(self, file, value):
        data = annotations_data()
        data["annotations"][0]["iscrowd"] = value
        assert coco.read_annotations(write(file, data)).crowd.tolist() == [True, False]

    @pytest.mark.parametrize("nothing", [[], None, "left out"])
    def test_a_person_without_keypoints_is_unlabeled(self, file, nothing):
        data = annotations_data()
        data["annotations"][0]["keypoints"] = nothing
        if nothing == "left out":
            del data["annotations"][0]["keypoints"]
        people = coco.read_annotations(write(file, data))
        assert people.visible.tolist() == [[0, 0, 0], [2, 2, 2]]
        assert people.scored.tolist() == [False, True]

    @pytest.mark.parametrize("side", [None, 0, "0", 30, "30", 30.0])
    def test_unknown_sizes_are_null_or_zero(self, file, side):
        data = annotations_data()
        data["images"][0]["height"] = side
        people = coco.read_annotations(write(file, data))
        known = side not in (None, 0, "0")
        size = coco_checks.size_of(people.images[7])
        assert size == ((40, 30) if known else None)

    def test_results_keep_their_ids_as_they_were(self, file):
        write(file, [pose("7"), pose(8.0)])
        results, _ = coco.read_results(file, TRIO, photos={7: None, 8: None})
        assert results.image_ids.tolist() == [7, 8]
        new = results.replaced(results.keypoints)
        assert [record["image_id"] for record in new] == ["7", 8.0]

    def test_the_category_with_joints_is_that_of_the_people(self, file):
        data = annotations_data()
        data["categories"].insert(0, {"id": 0, "name": "Roboflow"})
        data["categories"] += [None, {"id": 3, "name": "car", "keypoints": []}]
        car = {"id": 9, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2]}
        data["annotations"].insert(0, {**car, "keypoints": [1, 2]})
        with pytest.warns(InputWarning, match="left out 1 .*: 1 of 3 .'car'.$"):
            people = coco.read_annotations(write(file, data))
        assert people.ids.tolist() == [1, 2] and people.of_others == 1
        data["annotations"][2]["id"] = 1
        with pytest.raises(PoseFileError, match="record 2 "), pytest.warns():
            coco.read_annotations(write(file, data))

    def test_species_of_the_same_joints_are_all_read(self, file):
        data = annotations_data()
        data["categories"].append({**data["categories"][0], "id": 2, "name": "fox"})
        data["annotations"][1]["category_id"] = 2
        assert len(coco.read_annotations(write(file, data))) == 2

    def test_of_several_skeletons_the_used_one_is_read_or_all_are_named(self, file):
        data = annotations_data()
        hand = {"id": 2, "name": "hand", "keypoints": ["wrist", "thumb"]}
        data["categories"].insert(0, hand)
        assert coco.read_annotations(write(file, data)).skeleton == TRIO
        data["annotations"][1]["category_id"] = 2
        with pytest.raises(PoseFileError, match="found .'hand', 'trio'.: keep only"):
            coco.read_annotations(write(file, data))

    def test_a_file_of_other_categories_alone_is_refused(self, file):
        data = annotations_data()
        data["categories"].append({"id": 0, "name": "people"})
        for record in data["annotations"]:
            record["category_id"] = 0
        with pytest.raises(PoseFileError, match="found only 2 of 0 .'people'."):
            coco.read_annotations(write(file, data))

    @pytest.mark.parametrize(
        "limbs, kept, dropped",
        [
            (None, 0, 0), ([], 0, 0), ([[1, 2], [2, 3]], 2, 0), ([[1, 2.0]], 1, 0),
            ([1, 2, 2, 3], 0, 4), ([[1, 2], [3, 4]], 1, 1), ([[0, 1]], 0, 1),
            ([[1, 2, 3]], 0, 1), ("none", 0, 1), ([["a", "b"]], 0, 1),
        ],
    )  # fmt: skip
    def test_limbs_that_cannot_be_drawn_are_left_out(self, file, limbs, kept, dropped):
        data = annotations_data()
        data["categories"][0]["skeleton"] = limbs
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            skeleton = coco.read_annotations(write(file, data)).skeleton
        assert len(skeleton.limbs) == kept
        lines = [str(one.message) for one in said]
        assert len(lines) == (dropped > 0)
        assert all(f"left out {dropped} of {kept + dropped} limbs" in x for x in lines)

    def test_any_spelling_of_the_joints_selects_a_built_in_skeleton(self, file):
        data = annotations_json(LSP14, [], [])
        spell = {joint: joint.replace("_", " ").title() for joint in LSP14.joints}
        (category,) = data["categories"]
        category["keypoints"] = list(spell.values())
        category["torso"] = [spell[joint] for joint in category["torso"]]
        category["flip_pairs"] = [[spell[a], spell[b]] for a, b in LSP14.flip_pairs]
        category["head"] = None
        assert coco.read_annotations(write(file, data)).skeleton == LSP14

    @pytest.mark.parametrize("scale", [0.001, 0.1])
    def test_shares_of_the_sides_are_no_pixels(self, file, scale):
        data = annotations_data()
        for record in data["annotations"]:
            del record["bbox"]
            for place, value in enumerate(record["keypoints"]):
                if place % 3 < 2:
                    record["keypoints"][place] = value * scale
        with pytest.raises(PoseFileError, match="expected coordinates in pixels"):
            coco.read_annotations(write(file, data))
        small = [[n * scale for n in pose()["keypoints"]]]
        with pytest.raises(PoseFileError, match="expected coordinates in pixels"):
            coco.read_results(write(file, [pose(keypoints=small[0])]), TRIO)
        # One such pose among others may be a person at the photo's corner.
        write(file, [pose(keypoints=small[0]), pose()])
        assert len(coco.read_results(file, TRIO)[0]) == 2

    def test_a_byte_order_mark_changes_nothing(self, file):
        for encoding in ("utf-8-sig", "utf-16", "utf-32"):
            file.write_bytes(json.dumps([pose()]).encode(encoding))
            assert len(coco.read_results(file, TRIO)[0]) == 1

    def test_messages_are_one_short_line(self, file):
        strange = {"image_id": "\ud800\n" * 5000, "keypoints": [1], "score": 1}
        for record in (strange, {"k\n" * 900: 1}, pose(bbox=["x" * 9999] * 999)):
            with pytest.raises(PoseFileError) as caught:
                coco.read_results(write(file, [record]), TRIO)
            line = str(caught.value)
            assert len(line) <= 600 and line.isprintable() and line.encode()


class TestWriting:
    def test_file_is_written_whole_and_nothing_else(self, tmp_path):
        files.write_json(tmp_path / "out.json", [1.5])
        assert json.loads((tmp_path / "out.json").read_text()) == [1.5]
        assert os.listdir(tmp_path) == ["out.json"]

    @pytest.mark.parametrize("data", [[float("nan")], [object()]])
    def test_failure_leaves_the_old_file_and_no_other(self, tmp_path, data):
        path = tmp_path / "out.json"
        path.write_text("old")
        with pytest.raises(FileError, match="cannot be written as JSON"):
            files.write_json(path, data)
        assert path.read_text() == "old" and os.listdir(tmp_path) == ["out.json"]

    def test_failed_rename_leaves_nothing_behind(self, tmp_path, monkeypatch):
        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(FileError, match="cannot write: No space left"):
            files.write_json(tmp_path / "out.json", [])
        assert os.listdir(tmp_path) == []

    def test_missing_folder_is_named(self, tmp_path):
        with pytest.raises(FileError, match="cannot write: No such file"):
            files.write_json(tmp_path / "none" / "out.json", [])

    def test_nan_of_passed_on_records_can_be_written(self, file):
        files.write_json(file, [float("nan")], allow_nan=True)
        assert file.read_text() == "[NaN]"


def test_rows_are_grouped_by_image_in_order():
    rows = coco.rows_by_image([5, 3, 5, 5])
    assert {key: list(value) for key, value in rows.items()} == {
        3: [1],
        5: [0, 2, 3],
    }
    assert coco.rows_by_image([]) == {}


def test_published_lsp_predictions_are_read(shared_data):
    for path in sorted((shared_data / "lsp").glob("predictions_*.json")):
        results, bad = coco.read_results(path, LSP14)
        assert len(results) == 500 and bad == []


def test_cocos_own_files_are_read(shared_data):
    folder = shared_data / "coco" / "annotations"
    people = coco.read_annotations(folder / "person_keypoints_val2017.json")
    assert people.skeleton == COCO17 and len(people) == 211
    path = next((shared_data / "cocoapi_results").glob("*.json"))
    assert len(coco.read_results(path, COCO17)[0]) == 125
