"""PoseTrack's mAP and MOTA and MPII's mAP of people made by hand."""

import re

import numpy as np
import pytest

from tfpose.errors import PoseFileError
from tfpose.evaluation.evaluate import evaluate_poses
from tfpose.io import coco, files
from tfpose.io.coco_records import annotation_entry, annotations_json, result_entry
from tfpose.report.tables import format_table
from tfpose.skeletons import MPII16, POSETRACK15

HEAD = 20.0  # px: joints are right within 10 px
JOINTS = len(POSETRACK15)
# A person at x = 0; joints are 30 px apart.
BODY = np.stack([np.zeros(JOINTS), np.arange(JOINTS) * 30.0 + 20], axis=-1)


class Photos:
    """Writes people and poses, reads them and scores them."""

    def __init__(self, folder, skeleton=POSETRACK15):
        self.folder, self.skeleton = folder, skeleton
        self.images, self.people, self.found = {}, [], []

    def photo(self, number, **extra):
        self.images[number] = {"id": number, **extra}

    def person(self, photo, x, visible=2, points=BODY, **extra):
        visible = np.broadcast_to(visible, len(points))
        self.images.setdefault(photo, {"id": photo})
        self.people.append(
            annotation_entry(
                len(self.people) + 1, photo, points + [x, 0], visible,
                **({"head_size": HEAD} | extra),
            )
        )  # fmt: skip

    def pose(self, photo, x, score=1.0, points=BODY, **extra):
        self.images.setdefault(photo, {"id": photo})
        scores = np.broadcast_to(score, len(points))
        self.found.append(result_entry(photo, points + [x, 0], scores, 1.0, **extra))

    def score(self, metric, **options):
        images = list(self.images.values())
        truth = annotations_json(self.skeleton, images, self.people)
        files.write_json(self.folder / "truth.json", truth)
        files.write_json(self.folder / "found.json", self.found)
        annotations = coco.read_annotations(self.folder / "truth.json")
        results, _ = coco.read_results(self.folder / "found.json", self.skeleton)
        return evaluate_poses(annotations, results, metric, **options)


@pytest.fixture
def photos(tmp_path):
    return Photos(tmp_path)


def moved(*joints, by=15.0, body=BODY, skeleton=POSETRACK15):
    """A body with some joints too far to the right."""
    points = body.copy()
    points[[skeleton.index(joint) for joint in joints], 0] += by
    return points


class TestPrecision:
    def test_everybody_found_is_all_precision(self, photos):
        for x in (0, 300):
            photos.person(1, x)
            photos.pose(1, x + 9)
        scores = photos.score("posetrack")
        assert scores["mean"] == scores["precision"] == scores["recall"] == 100
        assert (scores["people"], scores["poses"], scores["scenes"]) == (2, 2, 1)
        assert (scores["metric"], scores["threshold"]) == ("posetrack", 0.5)

    def test_a_missed_person_is_half_the_recall(self, photos):
        photos.person(1, 0)
        photos.person(1, 300)
        photos.pose(1, 0)
        scores = photos.score("posetrack")
        assert set(scores["per_joint"].values()) == {50.0}
        assert (scores["precision"], scores["recall"]) == (100, 50)

    def test_a_false_pose_costs_as_much_as_it_is_sure(self, photos):
        photos.person(1, 0)
        photos.pose(1, 0, score=0.5)
        photos.pose(1, 300, score=0.4)
        assert photos.score("posetrack")["mean"] == 100
        photos.found[1]["keypoints"][2::3] = [0.6] * JOINTS
        assert photos.score("posetrack")["mean"] == 50

    def test_two_people_who_cross_have_their_wrists_exchanged(self, photos):
        # The second person's pose has the first one's wrist; 14 joints are right.
        photos.person(1, 0)
        photos.person(1, 300)
        photos.pose(1, 0, score=0.9)
        photos.pose(1, 300, 0.8, points=moved("left_wrist", by=-300))
        scores = photos.score("posetrack")
        # Ranked right, wrong; of two labels: precision 1 up to recall 1/2.
        assert scores["per_joint"]["left_wrist"] == 50
        assert scores["groups"]["wrist"] == 75
        assert scores["mean"] == pytest.approx(100 - 50 / 15)

    def test_each_joint_is_ranked_by_its_own_score(self, photos):
        nose = np.eye(JOINTS)[POSETRACK15.index("nose")]
        photos.person(1, 0)
        photos.person(2, 0)
        photos.pose(1, 0, score=0.5 + 0.4 * nose)
        photos.pose(2, 0, score=0.7, points=moved("nose", "left_knee"))
        scores = photos.score("posetrack")["per_joint"]
        assert (scores["nose"], scores["left_knee"]) == (50, 25)

    def test_the_papers_head_is_both_ends_and_the_nose(self, photos):
        photos.person(1, 0)
        photos.pose(1, 0, points=moved("nose"))
        scores = photos.score("posetrack")
        assert scores["groups"]["head"] == pytest.approx(200 / 3)
        assert scores["head_joints"] == ["head_top", "head_bottom", "nose"]
        lines = format_table(scores).splitlines()
        assert lines[0].startswith("PoseTrack mAP@0.5, 1 people: average precision of")
        assert lines[-3].split()[2:] == "Head Sho. Elb. Wri. Hip Knee Ank. Mean".split()
        assert lines[-2].split() == ["percent", "66.67", *["100.00"] * 6, "93.33"]

    def test_a_joint_nobody_labeled_has_no_number(self, photos):
        seen = np.full(JOINTS, 2)
        seen[POSETRACK15.index("left_ankle")] = 0
        photos.person(1, 0, seen)
        photos.pose(1, 0)
        scores = photos.score("posetrack")
        assert scores["per_joint"]["left_ankle"] is None and scores["mean"] == 100

    def test_photos_without_annotations_do_not_count(self, photos):
        photos.person(1, 0)
        photos.pose(1, 0)
        photos.pose(2, 0, score=2.0)
        scores = photos.score("posetrack")
        assert scores["mean"] == 100
        assert (scores["scenes"], scores["unused_poses"]) == (1, 1)
        assert "1 poses are where nothing is scored" in format_table(scores)

    def test_what_lies_in_an_ignored_region_does_not_count(self, photos):
        # Right of x = 200 nothing counts: one person and two poses.
        region = {"ignore_regions_x": [[200, 900, 900, 200]],
                  "ignore_regions_y": [[0, 0, 900, 900]]}  # fmt: skip
        photos.photo(1, **region)
        for x in (0, 300):
            photos.person(1, x)
        for x in (0, 311, 600):
            photos.pose(1, x, score=x + 1)
        scores = photos.score("posetrack")
        assert scores["mean"] == scores["recall"] == scores["precision"] == 100
        assert (scores["people"], scores["poses"]) == (1, 1)
        photos.images[1] = {"id": 1}
        scores = photos.score("posetrack")
        # Ranked wrong, wrong, right; of two people: precision 1/3 at recall 1/2.
        assert scores["mean"] == pytest.approx(100 / 6)

    def test_a_region_may_take_half_a_person(self, photos):
        half = BODY[:, 1].max() / 2
        photos.photo(1, ignore_regions_x=[[-90, 90, 90, -90]],
                     ignore_regions_y=[[half, half, 900, 900]])  # fmt: skip
        photos.person(1, 0)
        photos.pose(1, 0)
        scores = photos.score("posetrack")
        assert scores["per_joint"]["left_ankle"] is None
        assert scores["per_joint"]["nose"] == 100

    def test_the_head_size_may_come_from_posetracks_head_box(self, photos):
        # 0.6 x hypot(30, 40) = 30 px: right within 15 px.
        photos.person(1, 0, head_size=0, bbox_head=[0, 0, 30, 40])
        photos.pose(1, 14.9)
        assert photos.score("posetrack")["mean"] == 100
        photos.found.clear()
        photos.pose(1, 15.1)
        assert photos.score("posetrack")["mean"] == 0

    def test_nobody_has_no_numbers(self, photos):
        photos.photo(1)
        scores = photos.score("posetrack")
        assert scores["mean"] is None and scores["people"] == 0
        format_table(scores)


class TestTracking:
    def video(self, photos, tracks, frames=3):
        """Two people with tracks 1 and 2; tracks: the ids of their poses by frame."""
        for frame in range(frames):
            photos.photo(frame + 1, file_name=f"one/{frame}.jpg")
            for n, x in enumerate((0, 300)):
                photos.person(frame + 1, x, track_id=n + 1)
                if tracks[frame][n] is not None:
                    photos.pose(frame + 1, x, track_id=tracks[frame][n])

    def test_faithful_tracks_are_perfect(self, photos):
        self.video(photos, [(8, 9)] * 3)
        scores = photos.score("mota", every_frame=True)
        assert scores["mean"] == scores["motp"] == scores["precision"] == 100
        assert scores["recall"] == 100
        assert scores["joints"]["nose"] == dict.fromkeys(
            ("mota", "motp", "precision", "recall"), 100
        )
        assert (scores["videos"], scores["scenes"]) == (1, 3)

    def test_exchanged_ids_are_two_switches_a_joint(self, photos):
        self.video(photos, [(8, 9), (9, 8), (9, 8)])
        scores = photos.score("mota", every_frame=True)
        assert scores["events"] == {
            "objects": 90, "misses": 0, "switches": 30, "false_positives": 0,
        }  # fmt: skip
        assert scores["mean"] == pytest.approx(100 * (1 - 2 / 6))

    def test_a_missed_person_and_a_false_pose(self, photos):
        self.video(photos, [(8, 9), (8, None), (8, 9)])
        photos.pose(2, 900, track_id=7)
        scores = photos.score("mota", every_frame=True)
        assert scores["mean"] == pytest.approx(100 * (1 - 2 / 6))
        assert scores["precision"] == scores["recall"] == pytest.approx(500 / 6)

    def test_a_frame_without_poses_misses_all_its_labels(self, photos):
        self.video(photos, [(8, 9), (None, None), (8, 9)])
        scores = photos.score("mota", every_frame=True)
        assert scores["events"]["misses"] == 30
        assert scores["events"]["false_positives"] == 0

    def test_the_last_frame_is_left_out_unless_asked_for(self, photos):
        self.video(photos, [(8, 9), (8, 9), (9, 8)])
        scores = photos.score("mota")
        assert scores["mean"] == 100 and scores["scenes"] == 2
        assert photos.score("mota", every_frame=True)["mean"] < 100

    def test_motp_is_the_distance_in_heads(self, photos):
        for frame in (1, 2):
            photos.person(frame, 0, track_id=1)
        photos.pose(1, 2, track_id=1)  # a tenth of a head
        photos.pose(2, 6, track_id=1)  # three tenths
        scores = photos.score("mota", every_frame=True)
        assert scores["motp"] == pytest.approx(80)

    def test_videos_are_tracked_apart(self, photos):
        for photo, folder, track in ((1, "a", 8), (2, "b", 9), (3, "a", 8)):
            photos.photo(photo, file_name=f"{folder}/{photo}.jpg")
            photos.person(photo, 0, track_id=1)
            photos.pose(photo, 0, track_id=track)
        scores = photos.score("mota", every_frame=True)
        assert scores["events"]["switches"] == 0 and scores["videos"] == 2
        for photo in (1, 2, 3):
            photos.photo(photo, file_name=f"{photo}.jpg", vid_id="7")
        scores = photos.score("mota", every_frame=True)
        assert scores["events"]["switches"] == 2 * JOINTS and scores["videos"] == 1

    def test_frames_follow_each_other_by_frame_id(self, photos):
        for photo, frame, track in ((1, 3, 9), (2, 1, 8), (3, 2, 8)):
            photos.photo(photo, frame_id=frame)
            photos.person(photo, 0, track_id=1)
            photos.pose(photo, 0, track_id=track)
        scores = photos.score("mota", every_frame=True)
        assert scores["events"]["switches"] == JOINTS
        # The last one by frame_id is the one with the switch.
        assert photos.score("mota")["events"]["switches"] == 0

    def test_a_person_in_an_ignored_region_is_not_tracked(self, photos):
        for frame in (1, 2):
            photos.photo(frame, ignore_regions_x=[[200, 900, 900, 200]],
                         ignore_regions_y=[[0, 0, 900, 900]])  # fmt: skip
            photos.person(frame, 0, track_id=1)
            photos.person(frame, 300, track_id=2)
            photos.pose(frame, 0, track_id=1)
            photos.pose(frame, 600)  # needs no track
        scores = photos.score("mota", every_frame=True)
        assert scores["mean"] == scores["precision"] == 100

    def test_a_joint_is_tracked_whoever_its_pose_belongs_to(self, photos):
        # The second pose is the first person's but for a wrist that is the second's.
        wrist = POSETRACK15.index("left_wrist")
        photos.person(1, 0, track_id=1)
        photos.person(1, 300, track_id=2)
        photos.pose(1, 0, track_id=1)
        photos.pose(1, 100, points=moved("left_wrist", by=200), track_id=2)
        scores = photos.score("mota", every_frame=True)
        joint = POSETRACK15.joints[wrist]
        assert scores["joints"][joint]["recall"] == 100
        assert scores["joints"]["nose"]["recall"] == 50

    def test_the_table_has_the_papers_line_and_the_events(self, photos):
        self.video(photos, [(8, 9), (9, 8), (9, 8)])
        scores = photos.score("mota", every_frame=True)
        lines = format_table(scores, scores).splitlines()
        assert lines[0].startswith("MOTA@0.5, 6 people: 100 less the misses, switches")
        assert any(
            re.match(r"motp +100.00 +-> +100.00 +\+0.00  100 less", x) for x in lines
        )
        assert lines[-1] == (
            "after: 90 objects, 0 misses, 30 switches, 0 false positives"
        )

    @pytest.mark.parametrize(
        ("extra", "words"),
        [
            ({}, "pose 0 (image_id 1): expected a 'track_id', found none"),
            ({"track_id": "a"}, "pose 0 (image_id 1): expected an integer track_id, "),
            (
                {"track_id": 4},
                "pose 1 (image_id 1): expected unique track_ids, found 4",
            ),
        ],
    )
    def test_bad_tracks_are_named(self, photos, extra, words):
        photos.person(1, 0, track_id=1)
        for _ in range(2):
            photos.pose(1, 0, **extra)
        with pytest.raises(PoseFileError, match=re.escape(words)):
            photos.score("mota", every_frame=True)

    def test_a_person_without_track_is_named(self, photos):
        photos.person(1, 0)
        with pytest.raises(
            PoseFileError, match="annotation 1 .*'track_id', found none"
        ):
            photos.score("mota", every_frame=True)


class TestGroups:
    BODY = np.stack([np.zeros(16), np.arange(16) * 30.0], axis=-1)

    @pytest.fixture
    def photos(self, tmp_path):
        return Photos(tmp_path, MPII16)

    def person(self, photos, x, **extra):
        photos.person(1, x, points=self.BODY, **extra)

    def pose(self, photos, x, score=1.0, **extra):
        photos.pose(1, x, score, self.BODY, **extra)

    def test_without_groups_a_photo_is_a_group(self, photos):
        for x in (0, 300):
            self.person(photos, x)
        self.pose(photos, 0)
        scores = photos.score("mpii")
        assert (scores["mean"], scores["scenes"]) == (50, 1)
        assert scores["head_joints"] == ["neck", "head_top"]
        assert "the person in the group or photo" in format_table(scores)

    def test_pelvis_and_thorax_are_in_no_mean(self, photos):
        self.person(photos, 0)
        points = moved("pelvis", "thorax", body=self.BODY, skeleton=MPII16)
        photos.pose(1, 0, points=points)
        scores = photos.score("mpii")
        assert scores["mean"] == 100 and scores["per_joint"]["pelvis"] == 0

    def test_people_who_stand_alone_are_left_out(self, photos):
        for x, group in ((0, 1), (100, 1), (900, None), (2000, 2)):
            extra = {} if group is None else {"group_id": group}
            self.person(photos, x, **extra)
        # All near someone, the last two near those who do not count.
        for x in (0, 100, 910, 2010):
            self.pose(photos, x, score=x + 1)
        scores = photos.score("mpii")
        assert scores["mean"] == scores["precision"] == 100
        assert (scores["people"], scores["scenes"]) == (2, 1)
        assert (scores["poses"], scores["unused_poses"]) == (2, 2)

    def test_a_pose_is_scored_in_its_own_group(self, photos):
        for x, group in ((0, 1), (100, 1), (900, 2), (1000, 2)):
            self.person(photos, x, group_id=group)
        self.pose(photos, 900, group_id=2)
        assert photos.score("mpii")["mean"] == 25
        photos.found[0]["group_id"] = 1
        assert photos.score("mpii")["mean"] == 0

    def test_groups_of_other_photos_may_have_the_same_id(self, photos):
        for photo in (1, 2):
            for x in (0, 100):
                photos.person(photo, x, points=self.BODY, group_id=0)
        scores = photos.score("mpii")
        assert (scores["scenes"], scores["people"]) == (2, 4)

    def test_an_unknown_group_of_a_pose_is_named(self, photos):
        self.person(photos, 0, group_id=1)
        self.pose(photos, 0, group_id=5)
        words = "pose 0 (image_id 1): expected the group_id of people in that photo, fo"
        with pytest.raises(PoseFileError, match=re.escape(words)):
            photos.score("mpii")

    def test_ignored_regions_are_posetracks(self, photos):
        photos.photo(1, ignore_regions_x=[[-90, 90, 90, -90]],
                     ignore_regions_y=[[-9, -9, 900, 900]])  # fmt: skip
        self.person(photos, 0)
        self.pose(photos, 0)
        assert photos.score("mpii")["mean"] == 100


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (
            {"head_size": 0},
            "annotation 1 (image_id 1): expected a 'head_size' in px or",
        ),
        (
            {"head_size": 0, "bbox_head": [1, 2]},
            "expected bbox_head [x, y, width, height], found [1, 2]",
        ),
        ({"head_size": 0, "bbox_head": "a"}, "width, height], found a"),
        ({"head_size": 0, "bbox_head": [1, 2, 0, 0]}, "'bbox_head' for metric posetr"),
    ],
)
def test_a_person_without_head_size_is_named(photos, extra, words):
    photos.person(1, 0, **extra)
    with pytest.raises(PoseFileError, match=re.escape(words)):
        photos.score("posetrack")


@pytest.mark.parametrize(
    "region",
    [
        {"ignore_regions_x": [[1, 2, 3]]},
        {"ignore_regions_x": [[1, 2, 3]], "ignore_regions_y": [[1, 2]]},
        {"ignore_regions_x": [1, 2, 3], "ignore_regions_y": [1, 2, 3]},
        {"ignore_regions_x": "abc", "ignore_regions_y": "abc"},
        {"ignore_regions_x": 5, "ignore_regions_y": 5},
    ],
)
def test_regions_of_another_form_are_named(photos, region):
    photos.photo(1, **region)
    photos.person(1, 0)
    words = "images: id 1: expected ignore_regions_x and ignore_regions_y as lists"
    with pytest.raises(PoseFileError, match=words):
        photos.score("posetrack")


def test_an_odd_frame_number_is_named(photos):
    photos.photo(1, frame_id="first")
    photos.person(1, 0, track_id=1)
    with pytest.raises(PoseFileError, match="id 1: expected an integer frame_id"):
        photos.score("mota")
