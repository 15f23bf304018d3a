"""What the numbers of evaluate and analyze look like as text and as curves."""

import re

import numpy as np

from tests.support.scored_people import one_person_each, read, standing
from tfpose.evaluation.evaluate import analyze_poses, evaluate_poses
from tfpose.io.coco_records import annotation_entry, result_entry
from tfpose.report.tables import curve_panels, format_maps, format_table
from tfpose.skeletons import LSP14


def test_every_joint_has_a_row_and_before_after_a_gain(tmp_path):
    before = evaluate_poses(
        *one_person_each(tmp_path, LSP14, np.full((1, 14), 9.0)), "pck"
    )
    after = evaluate_poses(*one_person_each(tmp_path, LSP14, np.zeros((1, 14))), "pck")
    alone, both = format_table(before), format_table(before, after)
    for joint in (*LSP14.joints, "mean"):
        assert re.search(rf"^{joint} +0\.00", alone, re.M)
        assert re.search(rf"^{joint} +0\.00 +-> +100\.00 +\+100\.00", both, re.M)
    assert "0.2 x torso (left_shoulder to right_hip)" in alone


def test_missing_people_are_said(tmp_path):
    annotations, results = one_person_each(tmp_path, LSP14, np.zeros((2, 14)))
    scores = evaluate_poses(annotations, results.take([0]), "pck")
    assert "1 people have no pose: counted wrong" in format_table(scores)


def test_average_precision_explains_its_ten_numbers(tmp_path):
    truth = one_person_each(tmp_path, LSP14, np.zeros((1, 14)))
    scores = evaluate_poses(*truth, "oks")
    table = format_table(scores, scores)
    assert re.search(
        r"^AP +100\.00 +-> +100\.00 +\+0\.00  average precision", table, re.M
    )
    assert re.search(r"^APM +- +-> +-", table, re.M), "there is no medium person"


def test_analysis_has_shares_with_meanings_and_a_row_a_joint(tmp_path):
    truth = one_person_each(tmp_path, LSP14, np.zeros((1, 14)))
    analysis = analyze_poses(*truth)
    alone, both = format_table(analysis), format_table(analysis, analysis)
    assert re.search(r"^swap +0\.00  on another person's joint", alone, re.M)
    assert re.search(r"^left_knee +100\.00( +0\.00){4}$", alone, re.M)
    assert re.search(r"^left_knee +100\.00 -> 100\.00", both, re.M)


def test_the_picture_shows_the_papers_columns_that_are_labeled(tmp_path):
    truth, visible = standing(LSP14), np.full(14, 2)
    visible[[LSP14.index("left_ankle"), LSP14.index("right_ankle")]] = 0
    people = [annotation_entry(1, 1, truth, visible)]
    found = [result_entry(1, truth, np.ones(14), 1)]
    scores = evaluate_poses(*read(tmp_path, LSP14, people, found), "pck", curve=True)
    drawn = curve_panels({"": scores})
    names = "Head Shoulder Elbow Wrist Hip Knee".split()
    assert list(drawn["panels"]) == ["All joints", *names]
    assert list(drawn["panels"]["Knee"]) == [""]
    assert drawn["mark"] == 0.2 and "PCK@0.2" in drawn["note"]
    both = curve_panels({"before": scores, "after": scores})
    assert list(both["panels"]["Knee"]) == ["before", "after"]


def test_a_line_for_each_heatmap_has_the_papers_columns(tmp_path):
    truth = standing(LSP14)
    moved = truth + 5000.0 * np.eye(14)[LSP14.index("left_knee")][:, None]
    people = [annotation_entry(1, 1, truth, np.full(14, 2))]
    maps = {}
    for name, pose in (("stage1", moved), ("heatmap", truth)):
        found = [result_entry(1, pose, np.ones(14), 1)]
        maps[name] = evaluate_poses(*read(tmp_path, LSP14, people, found), "pck")
    first, *lines = format_maps(maps).splitlines()
    assert first.split() == ["heatmaps", "Head", "Sho.", "Elb.", "Wri.", "Hip",
                             "Knee", "Ank.", "Mean"]  # fmt: skip
    assert lines[0].split() == ["stage1", *["100.00"] * 5, "50.00", "100.00", "92.86"]
    assert lines[1].split() == ["heatmap", *["100.00"] * 8]
