import math
import re

import numpy as np
import pytest

from tfpose.report import charts, html


def text(html):
    without_tags = re.sub(r"<style.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", without_tags).strip()


def test_the_report_is_one_file_that_needs_nothing_else(tmp_path):
    picture = np.zeros((20, 30, 3), np.uint8)
    html.write_report(
        tmp_path / "runs" / "report.html",
        "A title",
        "A summary.",
        [html.gallery("Gains", [(picture, "one")]), html.section("S", "n", "c")],
    )
    page = (tmp_path / "runs" / "report.html").read_text("utf-8")
    assert text(page).startswith("A title A title A summary. Gains one S n c")
    assert "data:image/jpeg;base64," in page
    assert not re.search(r"<script|<link|src='(?!data:)|@import|url\(", page)
    assert [file.name for file in (tmp_path / "runs").iterdir()] == ["report.html"]


def test_texts_are_escaped(tmp_path):
    page = html.section("<b>", "a & b", "")
    assert "<b>" not in page and "a &amp; b" in page


def cell(before, value, low, high):
    own = {"value": value, "change": value - before, "low": low, "high": high}
    return {"before": before, "after": {"a": own}}


def test_a_change_shows_its_sign_its_interval_and_whether_it_is_sure():
    rows = {
        "PCK": cell(40.0, 52.04, 11.0, 13.0),
        "AP": cell(50.0, 49.0, -2.0, 0.5),
        "miss": cell(5.0, 7.0, 1.0, 3.0),
        "left_knee": cell(5.0, 4.0, -3.0, -1.0),
    }
    page = html.change_table(rows, ["a"], {"AP": "a <mean>"}, less=("miss",))
    assert text(page) == (
        "a before after change PCK 40.00 52.04 +12.04 [+11.00, +13.00] "
        "AP a &lt;mean&gt; 50.00 49.00 -1.00 [-2.00, +0.50] "
        "miss 5.00 7.00 +2.00 [+1.00, +3.00] left knee 5.00 4.00 -1.00 [-3.00, -1.00]"
    )
    kinds = re.findall("<span class='(.*?)'>", page)
    assert kinds == ["better", "same", "worse", "worse"]


def test_a_change_that_is_not_known_is_a_dash():
    unknown = dict.fromkeys(("value", "change", "low", "high"))
    rows = {"mean": {"before": None, "after": {"a": unknown}}}
    assert text(html.change_table(rows, ["a"])).endswith("mean – – –")


def test_the_last_row_is_bold_if_it_is_the_mean():
    one = cell(5.0, 7.0, 1.0, 3.0)
    assert "plain" not in html.change_table({"neck": one, "mean": one}, ["a"])
    assert "plain" in html.change_table({"neck": one}, ["a"])


def test_the_joint_table_has_a_row_a_joint_and_a_change_a_metric():
    before, after = {"left_knee": 50.0, "mean": 50.0}, {"left_knee": 61.0, "mean": 61.0}
    page = html.joint_table({"PCK@0.2": (before, after), "PCK@0.1": (after, before)})
    assert "left knee 50.0 61.0 +11.0 61.0 50.0 -11.0" in text(page)


def test_a_joint_without_annotation_has_a_dash():
    page = html.joint_table({"PCK": ({"nose": None}, {"nose": math.nan})})
    assert "nose – – –" in text(page)


def test_one_set_of_poses_has_no_changes():
    page = html.summary_numbers([("AP", 52.04), ("AR", None)], "How good")
    assert text(page) == "How good AP 52.0 AR –"
    page = html.joint_table({"PCK@0.2": ({"left_knee": 61.0},)})
    assert text(page) == "Joint by joint joint PCK@0.2 left knee 61.0"


def test_the_two_sides_of_the_joint_table_can_have_other_names():
    tables = {"PCK": ({"nose": 1.0}, {"nose": 3.0})}
    page = html.joint_table(tables, sides=("first guess", "refined"))
    assert "PCK first guess refined change nose 1.0 3.0 +2.0" in text(page)


def test_joints_that_differ_between_the_tables_are_refused():
    with pytest.raises(ValueError, match=r"PCK: expected the joints \['a'\].*'b'"):
        html.joint_table({"PCK": ({"a": 1.0}, {"b": 1.0})})


def test_error_types_of_one_set_of_poses_have_one_bar_a_joint():
    shares = dict.fromkeys(charts.ERROR_COLORS, 5.0) | {"good": 80.0}
    page = html.error_types({**shares, "per_joint": {"nose": shares}}, "A note.")
    assert "A note. Good joints: 80.0 %." in text(page)
    assert "before" not in page and "after" not in page
    for row in ("all joints", "nose"):
        assert page.count(f"{row}: good 80.0 %") == 1


def test_the_pck_curve_has_a_line_before_and_a_line_after():
    curves = {"before": [0, 40, 60], "after": [0, 50, 80]}
    colors = {"before": charts.BEFORE, "after": charts.AFTER}
    page = html.pck_curve([0, 0.1, 0.2], curves, "torso", colors)
    assert page.count("<polyline") == 2
    assert f"stroke='{charts.BEFORE}'" in page and f"stroke='{charts.AFTER}'" in page
    page = html.pck_curve([0, 0.1, 0.2], {"after": [0, 50, 80]}, "torso")
    assert page.count("<polyline") == 1 and f"stroke='{charts.AFTER}'" in page


def test_the_training_log_becomes_one_chart_for_losses_and_one_a_metric(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(
        "epoch,step,loss,val_loss,pck_before,pck_after\n0,10,2,3,50,50\n1,20,1,,50,60\n"
    )
    assert html.read_log(log)["loss"] == [2, 1]
    assert math.isnan(html.read_log(log)["val_loss"][1])
    page = html.training_curves(log)
    assert page.count("<svg") == 2
    # val_loss has one finite point, drawn as a dot.
    assert page.count("<polyline") == 3 and page.count("<circle") == 1


def test_a_training_log_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ValueError, match="absent.csv: .*No such file"):
        html.read_log(tmp_path / "absent.csv")
    (tmp_path / "bad.csv").write_text("epoch,loss\n0,many\n")
    with pytest.raises(ValueError, match="bad.csv: could not convert.*many"):
        html.read_log(tmp_path / "bad.csv")


def test_strips_are_rows_of_pictures_with_words():
    picture = np.zeros((8, 8, 3), np.uint8)
    rows = [("im1 <wrist>", [(picture, "1 first"), (picture, "2 then")])]
    page = html.strips("Units", [*rows, ("im2", [(picture, "3")])], "A note.")
    assert text(page) == "Units A note. im1 <wrist> 1 first 2 then im2 3".replace(
        "<wrist>", "&lt;wrist&gt;"
    )
    assert page.count("class='strip'") == 2 and page.count("data:image/jpeg") == 3


def test_extremes_are_sorted_and_have_the_right_sign():
    gains = [0.0, 3.0, -1.0, 5.0, math.nan, -4.0]
    assert html.extremes(gains, 2) == ([3, 1], [5, 2])
    assert html.extremes(gains, 1) == ([3], [5])
    assert html.extremes([], 3) == ([], [])
    assert html.extremes([0.0, 0.0], 3) == ([], [])
