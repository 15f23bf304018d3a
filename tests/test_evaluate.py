"""What evaluate and analyze report, on poses made by hand and on published ones."""

import json
import re

import numpy as np
import pytest
import scipy.io

from tfpose import poses
from tfpose.evaluate import analyze_poses, evaluate_poses, format_table
from tfpose.metrics import errors
from tfpose.pose_entries import annotation_entry, annotations_json, result_entry
from tfpose.poses import PoseFileError
from tfpose.skeleton import LSP14, MPII16

TORSO = 40.0


def standing(skeleton):
    """A pose whose torso is 40 px long; joints are far from each other."""
    count = len(skeleton)
    points = np.stack([np.arange(count) * 60.0, np.arange(count) % 3 * 70.0], axis=-1)
    first, second = (skeleton.index(joint) for joint in skeleton.torso)
    points[second] = points[first] + [24, 32]
    return points


def read(folder, skeleton, people, found):
    """Annotations and Results of the entries, through files as users have them."""
    images = [{"id": n} for n in sorted({person["image_id"] for person in people})]
    truth = annotations_json(skeleton, images, people)
    poses.write_json(folder / "truth.json", truth)
    poses.write_json(folder / "found.json", found)
    annotations = poses.read_annotations(folder / "truth.json")
    return annotations, poses.read_results(folder / "found.json", skeleton)[0]


def one_person_each(folder, skeleton, offsets, **extra):
    """One person a photo; joint k of person n is predicted offsets[n, k] px away."""
    truth, count = standing(skeleton), len(skeleton)
    people, found = [], []
    for row, offset in enumerate(offsets):
        people.append(
            annotation_entry(row + 1, row + 1, truth, np.full(count, 2), **extra)
        )
        moved = truth + np.stack([offset, np.zeros(count)], axis=-1)
        found.append(result_entry(row + 1, moved, np.ones(count), 1.0))
    return read(folder, skeleton, people, found)


class TestRates:
    def test_pck_is_measured_in_torsos_and_counts_the_threshold(self, tmp_path):
        offsets = np.zeros((2, 14))
        offsets[0, LSP14.index("left_wrist")] = 0.2 * TORSO
        offsets[1, LSP14.index("left_wrist")] = 0.2 * TORSO + 0.01
        offsets[1, LSP14.index("right_ankle")] = 20
        scores = evaluate_poses(*one_person_each(tmp_path, LSP14, offsets), "pck")
        assert scores["per_joint"]["left_wrist"] == 50
        assert scores["per_joint"]["right_ankle"] == 50
        assert scores["per_joint"]["neck"] == 100
        assert scores["groups"]["wrist"] == 75
        assert scores["mean"] == pytest.approx((12 * 100 + 2 * 50) / 14)
        assert (scores["metric"], scores["threshold"]) == ("pck", 0.2)
        assert scores["people"] == 2 and scores["missing"] == 0

    def test_threshold_is_an_argument(self, tmp_path):
        truth = one_person_each(tmp_path, LSP14, np.full((1, 14), 5.0))
        assert evaluate_poses(*truth, "pck", 0.1)["mean"] == 0
        assert evaluate_poses(*truth, "pck", 0.13)["mean"] == 100

    def test_pckh_is_measured_in_head_sizes_and_excludes_the_threshold(self, tmp_path):
        offsets = np.zeros((1, 16))
        offsets[0, MPII16.index("head_top")] = 4.0
        offsets[0, MPII16.index("neck")] = 3.99
        offsets[0, MPII16.index("pelvis")] = 30
        truth = one_person_each(tmp_path, MPII16, offsets, head_size=8.0)
        scores = evaluate_poses(*truth, "pckh")
        assert scores["per_joint"]["head_top"] == 0
        assert scores["per_joint"]["neck"] == 100
        assert scores["per_joint"]["pelvis"] == 0
        assert scores["mean"] == pytest.approx(100 * 13 / 14), "without pelvis, thorax"

    def test_pckh_without_head_sizes_is_an_error(self, tmp_path):
        truth = one_person_each(tmp_path, LSP14, np.zeros((1, 14)))
        with pytest.raises(PoseFileError, match="'head_size' in px, found none"):
            evaluate_poses(*truth, "pckh")

    def test_auc_uses_heads_where_known_and_torsos_otherwise(self, tmp_path):
        offsets = np.full((1, 14), 2.0)
        torso = one_person_each(tmp_path, LSP14, offsets)
        scores = evaluate_poses(*torso, "auc")
        # Found from .05 of .5 on: 45 of 50 steps whole, one half.
        assert scores["mean"] == pytest.approx(100 * 45.5 / 50)
        assert scores["length"].startswith("torso")
        head = one_person_each(tmp_path, LSP14, offsets, head_size=TORSO / 2)
        scores = evaluate_poses(*head, "auc")
        assert scores["mean"] == pytest.approx(100 * 40.5 / 50)
        assert scores["length"] == "head size"

    def test_person_without_pose_is_all_wrong_and_counted(self, tmp_path):
        annotations, results = one_person_each(tmp_path, LSP14, np.zeros((4, 14)))
        scores = evaluate_poses(annotations, results.take([0, 1, 2]), "pck")
        assert (scores["mean"], scores["missing"]) == (75, 1)

    def test_unused_poses_are_counted(self, tmp_path):
        annotations, results = one_person_each(tmp_path, LSP14, np.zeros((2, 14)))
        scores = evaluate_poses(annotations, results.take([0, 0, 1]), "pck")
        assert (scores["mean"], scores["unused_poses"]) == (100, 1)

    def test_person_without_torso_is_not_scored_but_counted(self, tmp_path):
        truth = standing(LSP14)
        visible = np.full(14, 2)
        visible[LSP14.index(LSP14.torso[0])] = 0
        people = [
            annotation_entry(1, 1, truth, visible),
            annotation_entry(2, 2, truth, np.full(14, 2)),
        ]
        found = [result_entry(n, truth + 99, np.ones(14), 1) for n in (1, 2)]
        scores = evaluate_poses(*read(tmp_path, LSP14, people, found), "pck")
        assert scores["without_length"] == 1 and scores["people"] == 2
        assert scores["mean"] == 0

    def test_joint_nobody_labelled_is_none_and_in_no_mean(self, tmp_path):
        truth, visible = standing(LSP14), np.full(14, 2)
        visible[LSP14.index("neck")] = 0
        people = [annotation_entry(1, 1, truth, visible)]
        found = [result_entry(1, truth, np.ones(14), 1)]
        scores = evaluate_poses(*read(tmp_path, LSP14, people, found), "pck")
        assert scores["per_joint"]["neck"] is None and scores["mean"] == 100
        assert "-" in format_table(scores)
        json.dumps(scores, allow_nan=False)

    def test_weighted_mean_counts_every_labelled_joint_alike(self, tmp_path):
        truth, visible = standing(LSP14), np.full(14, 2)
        visible[LSP14.index("neck")] = 0
        people = [
            annotation_entry(1, 1, truth, visible),
            annotation_entry(2, 2, truth, np.full(14, 2)),
        ]
        wrong = truth.copy()
        wrong[LSP14.index("neck")] += 99
        found = [result_entry(n, wrong, np.ones(14), 1) for n in (1, 2)]
        scores = evaluate_poses(*read(tmp_path, LSP14, people, found), "pck")
        assert scores["mean"] == pytest.approx(100 * 13 / 14)
        assert scores["weighted_mean"] == pytest.approx(100 * 26 / 27)

    @pytest.mark.parametrize(
        ("metric", "threshold", "words"),
        [
            ("map", None, "metric 'map': expected one of pck, pckh, auc, pcp, oks"),
            ("pck", 0, "threshold of pck: expected > 0, found 0"),
            ("pck", float("nan"), "expected > 0, found nan"),
            ("oks", 0.5, "ten thresholds: give none"),
        ],
    )
    def test_bad_request_is_named(self, tmp_path, metric, threshold, words):
        truth = one_person_each(tmp_path, LSP14, np.zeros((1, 14)))
        with pytest.raises(ValueError, match=re.escape(words)):
            evaluate_poses(*truth, metric, threshold)


class TestAnalysis:
    def two_people(self, folder, change):
        """Two people in a photo, and their poses with the first one changed."""
        first = standing(LSP14)
        second = first + [0, 400]
        people = [
            annotation_entry(n + 1, 1, points, np.full(14, 2), area=4000.0)
            for n, points in enumerate((first, second))
        ]
        moved = first.copy()
        change(moved, second)
        found = [
            result_entry(1, points, np.ones(14), 1.0) for points in (moved, second)
        ]
        return read(folder, LSP14, people, found)

    def changed(self, kind):
        ankle, other = LSP14.index("left_ankle"), LSP14.index("right_ankle")

        def change(moved, second):
            moved[ankle] = {
                "good": moved[ankle],
                # 2 sigma sqrt(area) = 11.3 px: KS .68 at 10 px.
                "jitter": moved[ankle] + [10, 0],
                "inversion": moved[other],
                "swap": second[ankle],
                "miss": moved[ankle] + [0, 200],
            }[kind]

        return change

    @pytest.mark.parametrize("kind", errors.TYPES)
    def test_each_mistake_is_named_and_counted(self, tmp_path, kind):
        analysis = analyze_poses(*self.two_people(tmp_path, self.changed(kind)))
        expected = dict.fromkeys(errors.TYPES, 0)
        expected["good"] = 27
        expected[kind] += 1
        assert analysis["counts"] == expected
        assert analysis["joints"] == 28 and analysis["matched_people"] == 2
        assert analysis[kind] == pytest.approx(100 * expected[kind] / 28)
        ankle = analysis["per_joint"]["left_ankle"]
        assert ankle[kind] == (100 if kind == "good" else 50)
        assert sum(analysis[name] for name in errors.TYPES) == pytest.approx(100)

    def test_far_pose_is_unmatched(self, tmp_path):
        def change(moved, second):
            moved += 5000

        analysis = analyze_poses(*self.two_people(tmp_path, change))
        assert analysis["matched_people"] == 1 and analysis["joints"] == 14
        assert analysis["unmatched_people"] == analysis["unmatched_poses"] == 1

    def test_small_people_and_crowds_are_not_analysed(self, tmp_path):
        annotations, results = self.two_people(tmp_path, lambda *_: None)
        annotations.areas[0] = 1000.0
        analysis = analyze_poses(annotations, results)
        assert analysis["matched_people"] == 1 and analysis["unmatched_people"] == 0
        assert analyze_poses(annotations, results, 0.0)["matched_people"] == 2
        annotations.crowd[0] = True
        assert analyze_poses(annotations, results, 0.0)["matched_people"] == 1

    def test_nothing_matched_gives_none(self, tmp_path):
        annotations, results = self.two_people(tmp_path, lambda *_: None)
        analysis = analyze_poses(annotations, results.take([]))
        assert analysis["good"] is None and analysis["joints"] == 0
        assert analysis["unmatched_people"] == 2
        format_table(analysis, analysis)

    def test_poses_of_a_photo_without_people_are_unmatched(self, tmp_path):
        annotations, results = self.two_people(tmp_path, lambda *_: None)
        analysis = analyze_poses(annotations.take([]), results)
        assert analysis["unmatched_poses"] == 2 and analysis["joints"] == 0


class TestTable:
    def test_every_joint_has_a_row_and_before_after_a_gain(self, tmp_path):
        before = evaluate_poses(
            *one_person_each(tmp_path, LSP14, np.full((1, 14), 9.0)), "pck"
        )
        after = evaluate_poses(
            *one_person_each(tmp_path, LSP14, np.zeros((1, 14))), "pck"
        )
        alone, both = format_table(before), format_table(before, after)
        for joint in (*LSP14.joints, "mean"):
            assert re.search(rf"^{joint} +0\.00", alone, re.M)
            assert re.search(rf"^{joint} +0\.00 -> 100\.00 \+100\.00", both, re.M)
        assert "0.2 x torso (left_shoulder to right_hip)" in alone

    def test_missing_people_are_said(self, tmp_path):
        annotations, results = one_person_each(tmp_path, LSP14, np.zeros((2, 14)))
        scores = evaluate_poses(annotations, results.take([0]), "pck")
        assert "1 people have no pose: counted wrong" in format_table(scores)

    def test_average_precision_explains_its_ten_numbers(self, tmp_path):
        truth = one_person_each(tmp_path, LSP14, np.zeros((1, 14)))
        scores = evaluate_poses(*truth, "oks")
        table = format_table(scores, scores)
        assert re.search(
            r"^AP +100\.00 -> 100\.00 +\+0\.00  average precision", table, re.M
        )
        assert re.search(r"^APM +- -> +-", table, re.M), "there is no medium person"

    def test_analysis_has_shares_with_meanings_and_a_row_a_joint(self, tmp_path):
        truth = one_person_each(tmp_path, LSP14, np.zeros((1, 14)))
        analysis = analyze_poses(*truth)
        alone, both = format_table(analysis), format_table(analysis, analysis)
        assert re.search(r"^swap +0\.00  on another person's joint", alone, re.M)
        assert re.search(r"^left_knee +100\.00( +0\.00){4}$", alone, re.M)
        assert re.search(r"^left_knee +100\.00 -> 100\.00", both, re.M)


# PCK@0.2 and PCK@0.1 of the 500 photos 1001-1500, as measured with the definition that
# gives the published 73.56, 84.32 and 90.50 on all 1000 test photos.
LSP_BASELINES = {
    "yang2016_pc": (74.19, 42.70),
    "cpm_lsp": (83.84, 70.54),
    "cpm_mpii_lsp": (91.03, 79.17),
}


def lsp_test_people(folder):
    """Photos 1001-1500 of LSP; the file counts pixels from 1."""
    joints = scipy.io.loadmat(folder / "joints.mat")["joints"][:, :, 1000:1500]
    points = np.moveaxis(joints[:2], (0, 1, 2), (2, 1, 0)) - 1  # (500, 14, 2)
    visible = np.where(joints[2].T == 1, 1, 2)
    return [
        annotation_entry(n + 1, n + 1001, points[n], visible[n]) for n in range(500)
    ]


@pytest.mark.parametrize("name", LSP_BASELINES)
def test_published_lsp_predictions_score_as_published(shared_data, tmp_path, name):
    path = shared_data / "lsp" / f"predictions_{name}_1001-1500.json"
    people = lsp_test_people(shared_data / "lsp")
    truth = read(tmp_path, LSP14, people, json.loads(path.read_text()))
    for threshold, expected in zip((0.2, 0.1), LSP_BASELINES[name], strict=True):
        scores = evaluate_poses(*truth, "pck", threshold)
        assert round(scores["mean"], 2) == expected
        assert scores["people"] == 500 and scores["missing"] == 0
