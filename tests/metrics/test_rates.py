"""PCK by the torso's box, PCP, viewpoints and curves of people made by hand."""

import json
import re

import numpy as np
import pytest

from tests.support import pose_files
from tests.support.scored_people import TORSO, one_person_each, read, standing
from tfpose.evaluation.evaluate import evaluate_poses
from tfpose.io.coco_records import annotation_entry, result_entry
from tfpose.metrics.pcp import STICKS
from tfpose.report.tables import format_table
from tfpose.skeletons import COCO17, LSP14, Skeleton


class TestTorsoBox:
    def person(self):
        """The diagonal is 50 px long, the box of shoulders and hips 60 px wide."""
        points = standing(LSP14)
        places = ((0, 0), (60, 10), (20, 30), (30, 40))
        names = "left_shoulder right_shoulder left_hip right_hip".split()
        for name, place in zip(names, places, strict=True):
            points[LSP14.index(name)] = place
        return points

    def scores(self, folder, offset, visible=None, **options):
        truth = self.person()
        visible = np.full(14, 2) if visible is None else visible
        people = [annotation_entry(1, 1, truth, visible)]
        found = [result_entry(1, truth + [0, offset], np.ones(14), 1)]
        return evaluate_poses(*read(folder, LSP14, people, found), "pck", **options)

    @pytest.mark.parametrize(("offset", "torso", "box"), [(9.9, 100, 100),
                             (11, 0, 100), (12, 0, 100), (12.1, 0, 0)])  # fmt: skip
    def test_the_box_divides_by_its_longer_side(self, tmp_path, offset, torso, box):
        assert self.scores(tmp_path, offset)["mean"] == torso
        scores = self.scores(tmp_path, offset, normalizer="torso_box")
        assert scores["mean"] == box
        assert "x torso box (longer side of the box of" in format_table(scores)

    def test_a_person_without_hips_has_no_box(self, tmp_path):
        visible = np.full(14, 2)
        visible[[LSP14.index("left_hip"), LSP14.index("right_hip")]] = 0
        scores = self.scores(tmp_path, 0, visible, normalizer="torso_box")
        assert scores["without_length"] == 1 and scores["mean"] is None

    def test_one_shoulder_and_one_hip_are_a_box(self, tmp_path):
        visible = np.full(14, 2)
        visible[[LSP14.index("right_shoulder"), LSP14.index("left_hip")]] = 0
        options = {"visible": visible, "normalizer": "torso_box"}
        assert self.scores(tmp_path, 8.0, **options)["mean"] == 100  # 0.2 x 40
        assert self.scores(tmp_path, 8.1, **options)["mean"] == 0

    def test_a_skeleton_without_hips_is_named(self, tmp_path):
        joints = {"name": "bust", "joints": ["left_shoulder", "right_shoulder"]}
        bust = Skeleton.from_json({**joints, "torso": joints["joints"]})
        truth = one_person_each(tmp_path, bust, np.zeros((1, 2)))
        with pytest.raises(ValueError, match="expected a hip among the joints"):
            evaluate_poses(*truth, "pck", normalizer="torso_box")


class TestSticks:
    @pytest.mark.parametrize("stick", STICKS)
    def test_each_stick_is_counted_by_its_own_name(self, tmp_path, stick):
        # The second person has this stick's first end far away, in x.
        offsets = np.zeros((2, 14))
        ends = STICKS[stick]
        offsets[1, [LSP14.index(joint) for joint in ends[0]]] = 900
        scores = evaluate_poses(*one_person_each(tmp_path, LSP14, offsets), "pcp")
        wrong = {other for other, value in scores["per_stick"].items() if value == 50}
        moved = set(ends[0])
        assert stick in wrong
        assert wrong == {
            other for other, (one, two) in STICKS.items() if moved & {*one, *two}
        }
        assert scores["mean"] == pytest.approx(100 - 5 * len(wrong))

    def test_both_sides_are_averaged_into_the_papers_columns(self, tmp_path):
        offsets = np.zeros((2, 14))
        offsets[0, LSP14.index("left_ankle")] = 900
        scores = evaluate_poses(*one_person_each(tmp_path, LSP14, offsets), "pcp")
        assert scores["per_stick"]["left_lower_leg"] == 50
        assert scores["groups"] == {
            "torso": 100, "upper_leg": 100, "lower_leg": 75, "upper_arm": 100,
            "forearm": 100, "head": 100,
        }  # fmt: skip
        assert scores["mean"] == scores["weighted_mean"] == 95
        assert (scores["metric"], scores["threshold"]) == ("pcp", 0.5)
        lines = format_table(scores).splitlines()
        assert lines[0] == (
            "PCP@0.5, 2 people: percent of sticks with both ends within 0.5 x stick "
            "length"
        )
        assert lines[-2].split()[2:] == (
            "Torso U.Leg L.Leg U.Arm F.Arm Head Total".split()
        )
        numbers = "100.00 100.00 75.00 100.00 100.00 100.00 95.00"
        assert lines[-1].split() == ["percent", *numbers.split()]

    def test_the_average_forgives_one_end(self, tmp_path):
        truth = standing(LSP14)
        ends = truth[[LSP14.index("neck"), LSP14.index("head_top")]]
        offsets = np.zeros((1, 14))
        offsets[0, LSP14.index("head_top")] = 0.8 * np.linalg.norm(ends[0] - ends[1])
        poses = one_person_each(tmp_path, LSP14, offsets)
        strict, average = (
            evaluate_poses(*poses, "pcp", lenient=lenient) for lenient in (False, True)
        )
        assert (strict["ends"], average["ends"]) == ("each", "mean")
        assert strict["per_stick"]["head"] == 0 and strict["mean"] == 90
        assert average["per_stick"]["head"] == average["mean"] == 100
        assert "with ends on average within 0.5 x" in format_table(average)

    def test_the_threshold_is_an_argument(self, tmp_path):
        offsets = np.zeros((1, 14))
        offsets[0, LSP14.index("neck")] = 20  # the head is over 60 px long
        poses = one_person_each(tmp_path, LSP14, offsets)
        assert evaluate_poses(*poses, "pcp")["per_stick"]["head"] == 100
        assert evaluate_poses(*poses, "pcp", 0.1)["per_stick"]["head"] == 0

    def test_a_skeleton_without_neck_is_scored_by_its_nine_sticks(self, tmp_path):
        poses = one_person_each(tmp_path, COCO17, np.zeros((1, 17)))
        scores = evaluate_poses(*poses, "pcp")
        assert len(scores["per_stick"]) == 9 and scores["mean"] == 100
        columns = r"Torso +U\.Leg +L\.Leg +U\.Arm +F\.Arm +Total"
        assert re.search(columns, format_table(scores))

    def test_a_skeleton_without_sticks_is_named(self, tmp_path):
        names = ["left_eye", "right_eye"]
        face = Skeleton.from_json({"name": "face", "joints": names, "torso": names})
        with pytest.raises(ValueError, match="PCP: expected .* found left_eye, right"):
            evaluate_poses(*one_person_each(tmp_path, face, np.zeros((1, 2))), "pcp")

    def test_unlabeled_ends_do_not_count_and_missing_people_are_wrong(self, tmp_path):
        truth, visible = standing(LSP14), np.full(14, 2)
        visible[LSP14.index("head_top")] = 0
        bare = np.zeros(14)
        bare[LSP14.index("neck")] = 2
        people = [
            annotation_entry(1, 1, truth, visible),
            annotation_entry(2, 2, truth, np.full(14, 2)),
            annotation_entry(3, 3, truth, bare),
        ]
        found = [result_entry(1, truth, np.ones(14), 1)]
        scores = evaluate_poses(*read(tmp_path, LSP14, people, found), "pcp")
        assert scores["per_stick"]["head"] == 0, "of the second person alone"
        assert scores["per_stick"]["torso"] == 50
        assert scores["mean"] == pytest.approx(45)
        assert scores["weighted_mean"] == pytest.approx(100 * 9 / 19)
        assert (scores["missing"], scores["without_length"]) == (2, 1)
        assert "1 people not scored: no stick length" in format_table(scores)


class TestViewpoint:
    def facing(self):
        """A person who faces the camera, the own left on the right, and leans."""
        points = pose_files.STANDING.copy()
        points[LSP14.index("right_shoulder")] += [0, 10]
        return points

    def scores(self, folder, found, metric="pck", viewpoint="observer", **options):
        people = [annotation_entry(1, 1, self.facing(), np.full(14, 2))]
        poses = [result_entry(1, found, np.ones(14), 1)]
        truth = read(folder, LSP14, people, poses)
        return evaluate_poses(*truth, metric, viewpoint=viewpoint, **options)

    @pytest.mark.parametrize("metric", ["pck", "pcp", "auc"])
    def test_a_front_taken_for_a_back_is_right_for_the_observer(self, tmp_path, metric):
        found = self.facing()[LSP14.flip_permutation]
        scores = self.scores(tmp_path, found, metric)
        assert scores["mean"] == pytest.approx(100)
        assert scores["viewpoint"] == "observer"
        assert "\nobserver-centric: left is what" in format_table(scores)
        scores = self.scores(tmp_path, found, metric, "person")
        assert scores["mean"] < 60 and scores["viewpoint"] == "person"
        assert "observer" not in format_table(scores)

    def test_a_joint_is_named_by_the_observers_side(self, tmp_path):
        found = self.facing()
        found[LSP14.index("left_wrist")] += [0, 30]
        scores = self.scores(tmp_path, found)
        wrong = [name for name, rate in scores["per_joint"].items() if rate == 0]
        assert wrong == ["right_wrist"]

    @pytest.mark.parametrize(
        ("viewpoint", "torso"),
        [("person", "left_shoulder to right_hip"),
         ("observer", "right_shoulder to left_hip")],
    )  # fmt: skip
    def test_the_torso_is_that_of_one_who_faces_the_camera(
        self, tmp_path, viewpoint, torso
    ):
        # The torso is hypot(12, 28) = 30.5 px long, the other diagonal 21.6.
        found = self.facing() + [0, 6]
        scores = self.scores(
            tmp_path, found, viewpoint=viewpoint, threshold=6.01 / 30.46
        )
        assert scores["mean"] == 100 and scores["length"] == f"torso ({torso})"


class TestCurve:
    @pytest.mark.parametrize("metric", ["pck", "pckh", "pcp"])
    def test_it_rises_and_passes_through_the_table(self, tmp_path, metric):
        offsets = np.abs(np.random.default_rng(3).normal(size=(5, 14), scale=9))
        truth = one_person_each(tmp_path, LSP14, offsets, head_size=TORSO)
        scores = evaluate_poses(*truth, metric, 0.123, curve=True)
        curve = scores["curve"]
        assert curve["thresholds"][0] == 0 and curve["thresholds"][-1] == 0.5
        assert len(curve["thresholds"]) == 52 and 0.2 in curve["thresholds"]
        place = curve["thresholds"].index(0.123)
        assert curve["mean"][place] == scores["mean"]
        assert set(curve["groups"]) == set(scores["groups"])
        for group, rates in curve["groups"].items():
            assert rates[place] == scores["groups"][group]
            assert (np.diff(rates) >= 0).all() and rates[-1] > rates[0]
        json.dumps(scores, allow_nan=False)

    def test_a_threshold_beyond_the_figures_is_reached(self, tmp_path):
        truth = one_person_each(tmp_path, LSP14, np.full((1, 14), 0.7 * TORSO))
        curve = evaluate_poses(*truth, "pck", 0.8, curve=True)["curve"]
        assert curve["thresholds"][-1] == 0.8
        assert curve["mean"][-1] == 100 and curve["mean"][0] == 0

    def test_only_on_request(self, tmp_path):
        truth = one_person_each(tmp_path, LSP14, np.zeros((1, 14)))
        assert "curve" not in evaluate_poses(*truth, "pck")
