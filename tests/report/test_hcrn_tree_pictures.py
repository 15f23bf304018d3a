from types import SimpleNamespace

import numpy as np
import pytest

from tfpose import drawing
from tfpose.report import hcrn_tree_pictures
from tfpose.report.hcrn_tree_pictures import LAYERS
from tfpose.skeletons import COCO17, LSP14, MPII16, Skeleton

LEGS = Skeleton(
    name="legs",
    joints=("left_knee", "pelvis", "right_knee"),
    flip_pairs=(("left_knee", "right_knee"),),
    limbs=(),
    sigmas=(0.1, 0.1, 0.1),
    torso=("left_knee", "right_knee"),
    tree=(("pelvis", "left_knee"), ("pelvis", "right_knee")),
)
POSE = np.array([[80.0, 60.0], [50.0, 20.0], [20.0, 60.0]])
ALL = np.ones(3)
GRAY = np.full((100, 100, 3), 100, np.uint8)


def has(picture, color):
    return bool((picture == np.array(color, np.uint8)).all(axis=-1).any())


def test_each_joint_has_the_color_of_its_layer():
    by_name = dict(
        zip(LSP14.joints, hcrn_tree_pictures.layer_colors(LSP14), strict=True)
    )
    layers = (
        ["neck"],
        ["head_top", "left_shoulder", "right_shoulder", "left_hip", "right_hip"],
        ["left_elbow", "right_elbow", "left_knee", "right_knee"],
        ["left_wrist", "right_wrist", "left_ankle", "right_ankle"],
    )
    for color, joints in zip(LAYERS, layers, strict=True):
        assert {by_name.pop(joint) for joint in joints} == {color}
    assert not by_name


def test_layers_beyond_the_palette_have_its_last_color():
    joints = tuple(f"left_{number}" for number in range(6))
    tree = tuple(zip(joints, joints[1:], strict=False))
    chain = Skeleton("chain", joints, (), (), (1.0,) * 6, joints[:2], tree=tree)
    colors = hcrn_tree_pictures.layer_colors(chain)
    assert colors == [*LAYERS, LAYERS[-1], LAYERS[-1]]


def test_a_line_leads_from_a_joint_to_its_parent_in_the_joints_color():
    drawn = hcrn_tree_pictures.draw_tree(GRAY, POSE, ALL, LEGS, thickness=3)
    assert tuple(drawn[20, 50]) == LAYERS[0]
    assert tuple(drawn[60, 80]) == tuple(drawn[60, 20]) == LAYERS[1]
    np.testing.assert_allclose(drawn[40, 65], LAYERS[1], atol=2)  # half way
    assert tuple(drawn[60, 50]) == (100, 100, 100)  # no line between the knees
    assert (GRAY == 100).all()


def test_without_its_parent_a_joint_is_a_dot_alone():
    drawn = hcrn_tree_pictures.draw_tree(GRAY, POSE, [1, 0, 1], LEGS, thickness=3)
    assert tuple(drawn[60, 80]) == LAYERS[1]
    assert tuple(drawn[40, 65]) == tuple(drawn[20, 50]) == (100, 100, 100)


def test_a_pose_of_another_skeleton_is_refused():
    with pytest.raises(ValueError, match=r"\(14, 2\).*lsp14.*got \(3, 2\)"):
        hcrn_tree_pictures.draw_tree(GRAY, POSE, ALL, LSP14)


def test_both_sides_of_a_joint_have_one_name():
    assert hcrn_tree_pictures.layer_names(LEGS, (0, 1, 2)) == ["knees", "pelvis"]
    assert hcrn_tree_pictures.layer_names(LSP14, (13,)) == ["head top"]


@pytest.mark.parametrize("skeleton", [LSP14, COCO17, MPII16], ids=lambda s: s.name)
def test_the_legend_shows_every_color_and_grows_where_it_is_narrow(skeleton):
    legend = hcrn_tree_pictures.tree_legend(skeleton, 500)
    assert all(has(legend, color) for color in LAYERS)
    narrow = hcrn_tree_pictures.tree_legend(skeleton, 160)
    assert legend.shape[1:] == (500, 3) and narrow.shape[1:] == (160, 3)
    assert narrow.shape[0] > legend.shape[0]
    # Nothing is cut off on the right.
    assert (legend[:, -4:] == drawing.PAPER).all() and (
        narrow[:, -4:] == drawing.PAPER
    ).all()


def test_a_long_word_has_a_line_of_its_own():
    one = hcrn_tree_pictures.lines_of_text("a", 60)
    assert one.shape == hcrn_tree_pictures.lines_of_text("a b", 60).shape
    assert hcrn_tree_pictures.lines_of_text("a " + "w" * 30 + " b", 60).shape[0] > (
        2 * one.shape[0]
    )
    assert (hcrn_tree_pictures.lines_of_text("", 60) == drawing.PAPER).all()


def test_the_tree_on_a_person_stands_above_its_legend():
    picture = hcrn_tree_pictures.tree_on_person(GRAY, (POSE, ALL), LEGS, (200, 150))
    legend = hcrn_tree_pictures.tree_legend(LEGS, 150)
    np.testing.assert_array_equal(picture[200:], legend)
    assert has(picture[:200], LAYERS[0]) and has(picture[:200], LAYERS[1])


def test_a_heatmap_is_bright_at_its_peak_and_absent_at_its_background():
    heatmap = np.full((4, 5), 0.2)
    heatmap[1, 3] = 0.9
    photo = np.full((40, 50, 3), 200, np.uint8)
    drawn = hcrn_tree_pictures.overlay(photo, heatmap)
    # Cell (3, 1) covers x 30 to 39 and y 10 to 19; in its middle it is yellow.
    red, green, blue = drawn[14, 34]
    assert red > 230 and green > 200 and blue < 180
    dark = round(200 * hcrn_tree_pictures.DIMMED)
    assert (drawn[30:, :20] == dark).all() and (photo == 200).all()


def test_the_colors_do_not_depend_on_how_sure_the_map_is():
    heatmap = np.random.default_rng(0).uniform(0, 1, (6, 6))
    np.testing.assert_allclose(
        hcrn_tree_pictures.overlay(GRAY, heatmap).astype(int),
        hcrn_tree_pictures.overlay(GRAY, 0.3 + heatmap / 50).astype(int),
        atol=3,
    )


def test_a_flat_heatmap_leaves_the_dark_photo():
    drawn = hcrn_tree_pictures.overlay(GRAY, np.full((3, 3), 0.7))
    assert (drawn == round(100 * hcrn_tree_pictures.DIMMED)).all()


def test_marks_are_drawn_at_their_places():
    drawn = hcrn_tree_pictures.with_marks(GRAY, peak=(30, 40), truth=(70, 60))
    assert tuple(drawn[60, 70]) == hcrn_tree_pictures.TRUTH
    assert tuple(drawn[40, 30]) == (100, 100, 100)  # a ring is empty
    assert tuple(drawn[40, 35]) == hcrn_tree_pictures.PEAK
    assert (drawn[:30] == 100).all() and (drawn[70:] == 100).all()
    np.testing.assert_array_equal(hcrn_tree_pictures.with_marks(GRAY), GRAY)


def test_an_arrow_leads_from_start_to_end_and_needs_a_way():
    drawn = hcrn_tree_pictures.with_arrow(GRAY, (20, 50), (80, 50))
    assert tuple(drawn[50, 50]) == hcrn_tree_pictures.PEAK
    assert not (drawn[45, 74:80] == 100).all()  # its head
    assert (drawn[45, 20:26] == 100).all()
    still = hcrn_tree_pictures.with_arrow(GRAY, (20, 50), (20, 50))
    np.testing.assert_array_equal(still, GRAY)


def unit(steps=("initial", "parent", "diffused", "refined"), parent="pelvis"):
    """A unit whose maps have their peaks in a row, on a photo of 100 x 100 px."""
    maps, peaks = {}, {}
    for place, step in enumerate(steps):
        maps[step] = np.zeros((10, 10))
        maps[step][2 * place, 2 * place] = 0.25 * (place + 1)
        peaks[step] = np.array([20.0, 20]) * place + 4.5
    box = np.array([0.0, 0, 100, 100])
    return SimpleNamespace(
        joint="left_knee", parent=parent, box=box, maps=maps, peaks=peaks
    )


def test_a_unit_is_shown_step_by_step():
    truth = {"left_knee": (80.0, 20.0), "pelvis": (20.0, 80.0)}
    panels = hcrn_tree_pictures.unit_panels(GRAY, unit(), truth, size=200)
    assert [words for _, words in panels] == [
        "left knee: from first guess to refined place",
        "1 first guess, 25 % sure",
        "2 guided by the pelvis, 50 % sure",
        "3 where the pelvis allows it",
        "4 refined, 99 % sure",
    ]
    pictures = [picture for picture, _ in panels]
    assert {picture.shape for picture in pictures} == {(200, 200, 3)}
    # Photo pixel p is 2 p + 0.5 in a panel: the cross of the joint, in the parent's map
    # that of the parent.
    for number, picture in enumerate(pictures):
        x, y = (40, 160) if number == 2 else (160, 40)
        assert tuple(picture[y, x]) == hcrn_tree_pictures.TRUTH
        x, y = y, x
        assert tuple(picture[y, x]) != hcrn_tree_pictures.TRUTH
    # Peaks: each at its own cell, bright; the arrow on the photo.
    for place, picture in enumerate(pictures[1:]):
        middle = 40 * place + 9
        assert picture[middle, middle, 0] > 200
    assert tuple(pictures[0][70, 70]) == hcrn_tree_pictures.PEAK


def test_without_diffusion_a_panel_is_missing():
    steps = ("initial", "parent", "refined")
    panels = hcrn_tree_pictures.unit_panels(GRAY, unit(steps), {})
    assert [words[:9] for _, words in panels[1:]] == [
        "1 first g", "2 guided ", "3 refined",
    ]  # fmt: skip
    assert not any(has(picture, hcrn_tree_pictures.TRUTH) for picture, _ in panels)


def test_a_root_guides_itself_and_a_joint_without_unit_only_guesses():
    root = hcrn_tree_pictures.unit_panels(GRAY, unit(parent="left_knee"), {})
    assert root[2][1].startswith("2 guided by itself")
    alone = hcrn_tree_pictures.unit_panels(GRAY, unit(("initial",), parent=None), {})
    assert len(alone) == 2


def test_panels_have_the_shape_of_their_box():
    tall = unit()
    tall.box = np.array([10.0, 0, 40, 80])
    panels = hcrn_tree_pictures.unit_panels(GRAY, tall, {}, size=200)
    assert {picture.shape for picture, _ in panels} == {(200, 100, 3)}


def test_a_strip_is_panels_with_words_below():
    panels = hcrn_tree_pictures.unit_panels(GRAY, unit(), {}, size=120)
    strip = hcrn_tree_pictures.strip(panels, gap=4)
    assert strip.shape[1] == 5 * 120 + 4 * 4 and strip.shape[0] > 120
    for number, (picture, _) in enumerate(panels):
        left = number * 124
        np.testing.assert_array_equal(strip[:120, left : left + 120], picture)
        assert (strip[120:, left : left + 120] != drawing.PAPER).any()
    assert (strip[:, 120:124] == drawing.PAPER).all()
    with pytest.raises(ValueError, match="expected panels, got none"):
        hcrn_tree_pictures.strip([])
