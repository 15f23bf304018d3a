from xml.etree import ElementTree

import numpy as np
import pytest

from tfpose.report import charts

SVG = "{http://www.w3.org/2000/svg}"


def parse(svg):
    return ElementTree.fromstring(svg)


def bars(svg):
    """[(title, x, y, width, height)] of the bars, without background and legend."""
    return [
        (bar.find(f"{SVG}title").text, *(float(bar.get(k)) for k in "x y".split()),
         float(bar.get("width")), float(bar.get("height")))
        for bar in parse(svg).iter(f"{SVG}rect")
        if bar.find(f"{SVG}title") is not None and bar.find(f"{SVG}title").text
    ]  # fmt: skip


def test_ticks_are_round_numbers_within_the_range():
    np.testing.assert_allclose(charts.ticks(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(charts.ticks(3, 27), [5, 10, 15, 20, 25])
    np.testing.assert_allclose(charts.ticks(-1e-4, 1e-4), [-1e-4, -5e-5, 0, 5e-5, 1e-4])
    assert charts.ticks(4, 4) == [4]


def test_a_curve_goes_from_corner_to_corner_of_its_range():
    svg = charts.line_chart({"a": ([0, 1], [5, 9])}, "x", "y", size=(300, 500))
    (line,) = parse(svg).iter(f"{SVG}polyline")
    assert line.get("points") == "56.0,258.0 484.0,46.0"


def test_points_without_a_finite_value_are_left_out():
    svg = charts.line_chart({"a": ([0, 1, 2], [1, float("nan"), 3])}, "x", "y")
    (line,) = parse(svg).iter(f"{SVG}polyline")
    assert len(line.get("points").split()) == 2


@pytest.mark.parametrize("values", [([], []), ([1], [2]), ([0, 1], [7, 7])])
def test_no_point_one_point_and_a_flat_curve_still_make_a_chart(values):
    assert parse(charts.line_chart({"a": values}, "x", "y")).tag == f"{SVG}svg"


def test_curves_of_unequal_length_are_refused():
    with pytest.raises(ValueError):
        charts.line_chart({"a": ([0, 1], [1])}, "x", "y")


def panels(curves, thresholds=(0, 0.1, 0.2), mark=0.1):
    return charts.curve_panels(curves, thresholds, mark, "title", "note", "x")


def test_a_panels_curve_spans_the_axis_from_nothing_to_all():
    svg = panels({"All": {"": [0, 50, 100]}, "Knee": {"": [0, 0, 100]}})
    large, small = (line.get("points") for line in parse(svg).iter(f"{SVG}polyline"))
    assert large == "48.0,396.0 198.0,246.0 348.0,96.0"
    assert small == "404.0,224.0 457.0,224.0 510.0,96.0"


def test_panels_tell_their_values_at_the_mark():
    svg = panels({"All": {"before": [0, 40, 90], "after": [0, 61.23, 95]}})
    assert "at 0.1: 40.0 → 61.2" in svg and ">before<" in svg
    dashed = [line for line in parse(svg).iter(f"{SVG}line")
              if line.get("stroke-dasharray")]  # fmt: skip
    assert [line.get("x1") for line in dashed] == ["198.0"]
    assert ">before<" not in panels({"All": {"": [0, 40, 90]}})


def test_of_many_curves_each_has_a_color_and_the_last_its_value():
    curves = {"one": [0, 11, 21], "two": [0, 22, 42], "three": [0, 33, 63]}
    svg = panels({"All": curves})
    lines = list(parse(svg).iter(f"{SVG}polyline"))
    assert len({line.get("stroke") for line in lines}) == 3
    assert ">two<" in svg and "at 0.1: 33.0" in svg and ">22.0" not in svg


def test_small_panels_stand_in_rows_of_four_within_the_picture():
    svg = panels({str(n): {"": [0, 50, 100]} for n in range(11)})
    corners = [
        tuple(map(float, line.get("points").split()[-1].split(",")))
        for line in parse(svg).iter(f"{SVG}polyline")
    ]
    assert len(set(corners)) == 11
    assert {y for _, y in corners[1:]} == {96, 268, 440}
    width, height = (float(parse(svg).get(side)) for side in ("width", "height"))
    assert max(x for x, _ in corners) < width and 440 + 128 < height


def test_a_panel_without_numbers_says_so():
    svg = panels({"All": {"": [None, None, None]}})
    assert "at 0.1: -" in svg


def test_a_mark_that_is_no_threshold_and_a_short_curve_are_refused():
    with pytest.raises(ValueError):
        panels({"All": {"": [0, 50, 100]}}, mark=0.15)
    with pytest.raises(ValueError):
        panels({"All": {"": [0, 50]}})


def intervals(svg):
    """[(color, y, x of the dot, x of the ends)] of the intervals of a chart."""
    root = parse(svg)
    lines = [e for e in root.iter(f"{SVG}line") if e.get("stroke-linecap")]
    dots = list(root.iter(f"{SVG}circle"))
    return [
        (dot.get("fill"), *(float(dot.get(k)) for k in ("cy", "cx")),
         [float(line.get(k)) for k in ("x1", "x2")])
        for dot, line in zip(dots, lines, strict=True)
    ]  # fmt: skip


def test_an_interval_is_a_dot_on_a_line_beside_the_line_of_no_change():
    rows = {"PCK": {"a": (4, 2, 6), "b": (-2, -2, -2)}, "AP": {"a": (0, -1, 3)}}
    colors = charts.side_colors(["a", "b"])
    svg = charts.interval_chart(rows, "Changes", colors, width=932)
    # The axis reaches from -2 at 112 to 6 at 912: 100 px a point, 0 at 312.
    first, second, third = intervals(svg)
    assert first[2:] == (712.0, [512.0, 912.0]) and first[0] == colors["a"]
    assert second[2:] == (112.0, [112.0, 112.0]) and second[0] == colors["b"]
    assert third[2:] == (312.0, [212.0, 612.0]) and third[0] == colors["a"]
    assert first[1] < second[1] < third[1]
    (zero,) = [
        e for e in parse(svg).iter(f"{SVG}line") if e.get("stroke") == charts.INK
    ]
    assert zero.get("x1") == zero.get("x2") == "312.0"


def test_a_change_that_is_not_known_has_no_line():
    rows = {"PCK": {"a": (None, None, None)}, "AP": {"a": (1, 1, 2)}}
    svg = charts.interval_chart(rows, "Changes", charts.side_colors(["a"]))
    assert len(intervals(svg)) == 1 and "PCK" in svg
    assert intervals(charts.interval_chart({}, "Changes", {})) == []


def test_the_shares_of_a_joint_fill_its_bar():
    shares = {"good": 30, "jitter": 10, "inversion": 0, "swap": 0, "miss": 10}
    found = bars(charts.error_bars({"left_knee": shares}))
    widths = [bar[3] for bar in found]
    assert sum(widths) == pytest.approx(640 - 8 - 112, abs=0.3)
    assert widths[0] / sum(widths) == pytest.approx(0.6, abs=0.001)
    assert found[0][0] == "left knee: good 60.0 %"


@pytest.mark.parametrize("nothing", [0, None])
def test_a_joint_that_nobody_annotated_has_an_empty_bar(nothing):
    shares = dict.fromkeys(charts.ERROR_COLORS, nothing)
    assert [bar[3] for bar in bars(charts.error_bars({"nose": shares}))] == [0] * 5


def test_after_is_a_second_bar_below_the_first():
    shares = dict.fromkeys(charts.ERROR_COLORS, 1)
    found = bars(charts.error_bars({"nose": shares}, {"nose": shares}))
    assert len(found) == 10 and found[5][2] > found[0][2]


def test_names_are_escaped():
    svg = charts.line_chart({"<a>": ([0, 1], [0, 1]), "b": ([0], [0])}, "x&y", "<y>")
    assert "<a>" not in svg and "x&amp;y" in svg
    parse(svg)


@pytest.mark.parametrize("color", [*charts.ERROR_COLORS.values(), *charts.LINE_COLORS])
def test_numbers_on_bars_have_contrast(color):
    def luminance(text):
        parts = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        low, high = parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4
        return np.where(parts <= 0.04045, low, high) @ [0.2126, 0.7152, 0.0722]

    ink = {"#fff": "#ffffff", "#000": "#000000"}[charts.readable_on(color)]
    light, dark = sorted((luminance(ink), luminance(color)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.1, AA


def test_yellow_bars_have_dark_numbers():
    assert charts.readable_on("#ffffff") == charts.readable_on("#e69f00") == "#000"
    assert charts.readable_on("#000000") == charts.readable_on("#1a5fb4") == "#fff"
