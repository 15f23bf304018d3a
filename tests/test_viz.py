import cv2
import numpy as np
import pytest

from tfpose import photos, viz
from tfpose.skeleton import LSP14, Skeleton

STICK = Skeleton(
    name="stick",
    joints=("left_hand", "right_hand", "head"),
    flip_pairs=(("left_hand", "right_hand"),),
    limbs=(("left_hand", "head"), ("right_hand", "head")),
    sigmas=(0.1, 0.1, 0.1),
    torso=("left_hand", "right_hand"),
)
POSE = np.array([[80.0, 60.0], [20.0, 60.0], [50.0, 20.0]])
ALL = np.ones(3)
GREY = np.full((100, 100, 3), 100, np.uint8)


def test_each_side_of_the_body_has_its_own_colour():
    drawn = viz.draw_pose(GREY, POSE, ALL, STICK, thickness=3)
    assert tuple(drawn[60, 80]) == viz.LEFT
    assert tuple(drawn[60, 20]) == viz.RIGHT
    assert tuple(drawn[20, 50]) == viz.MIDDLE
    # Half way along the left limb; the line's edges are smoothed.
    np.testing.assert_allclose(drawn[40, 65], viz.LEFT, atol=2)


def test_a_limb_between_the_sides_belongs_to_the_middle():
    assert viz.side_colour("left_hip", "right_hip") == viz.MIDDLE
    assert viz.side_colour("left_hip", "neck") == viz.LEFT
    assert viz.side_colour("right_hip") == viz.RIGHT


def test_the_photo_itself_is_not_changed():
    image = GREY.copy()
    viz.draw_pose(image, POSE, ALL, STICK)
    viz.caption(image, "text")
    np.testing.assert_array_equal(image, GREY)


def test_an_invalid_joint_takes_its_limbs_with_it():
    drawn = viz.draw_pose(GREY, POSE, [0, 1, 1], STICK)
    assert not (drawn == viz.LEFT).all(-1).any()
    assert (drawn == viz.RIGHT).all(-1).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, -1e12])
def test_a_joint_at_no_drawable_place_is_left_out(bad):
    pose = POSE.copy()
    pose[0, 0] = bad
    np.testing.assert_array_equal(
        viz.draw_pose(GREY, pose, ALL, STICK),
        viz.draw_pose(GREY, POSE, [0, 1, 1], STICK),
    )


def test_an_empty_pose_leaves_the_photo_as_it_is():
    np.testing.assert_array_equal(viz.draw_pose(GREY, POSE, [0, 0, 0], STICK), GREY)


def test_a_pose_of_another_skeleton_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"\(14, 2\).*lsp14.*got \(3, 2\)"):
        viz.draw_pose(GREY, POSE, ALL, LSP14)


def test_the_frame_holds_all_valid_joints_of_all_poses():
    second = (POSE + [100, 0], np.array([1, 0, 0]))
    x, y, width, height = viz.frame([(POSE, ALL), second], aspect=1.0)
    assert width == pytest.approx(height)
    assert x < 20 and x + width > 180 and y < 20 and y + height > 60
    assert x + (width - 1) / 2 == pytest.approx(100)  # centred between 20 and 180


def test_the_frame_of_nothing_is_small_but_has_the_aspect():
    box = viz.frame([(POSE, np.zeros(3))], aspect=2.0)
    np.testing.assert_array_equal(box, [0, 0, 2, 1])


def test_cutting_the_whole_photo_at_its_own_size_changes_nothing():
    image = np.random.default_rng(0).integers(0, 255, (7, 5, 3), dtype=np.uint8)
    picture, matrix = viz.cut(image, (0, 0, 5, 7), (7, 5))
    np.testing.assert_array_equal(picture, image)
    np.testing.assert_allclose(matrix, [[1, 0, 0], [0, 1, 0]])


def test_cutting_maps_pixel_edges_to_pixel_edges():
    # Twice as large: the pixel 3 (2.5 .. 3.5) of a cut that starts at 2 (edge 1.5)
    # covers 2 .. 4 from the left edge, that is the pixels 2 and 3, centre 2.5.
    image = np.zeros((8, 8, 3), np.uint8)
    picture, matrix = viz.cut(image, (2, 2, 4, 4), (8, 8))
    np.testing.assert_allclose(matrix @ [3, 3, 1], [2.5, 2.5])
    assert picture.shape == (8, 8, 3)


def test_outside_the_photo_a_cut_is_plain():
    picture, _ = viz.cut(GREY, (-50, 0, 100, 100), (100, 100))
    assert tuple(picture[50, 10]) == viz.OUTSIDE
    assert tuple(picture[50, 90]) == (100, 100, 100)


def test_before_and_after_are_two_panels_of_the_same_place():
    picture = viz.before_after(
        GREY, (POSE, ALL), (POSE, ALL), STICK, (POSE, ALL), size=(120, 90), labels="ab"
    )
    assert picture.shape == (120, 90 + 4 + 90, 3)
    np.testing.assert_array_equal(picture[40:, :90], picture[40:, 94:])


def test_one_person_is_a_panel_without_caption():
    one = viz.one_person(GREY, (POSE, ALL), STICK, (POSE, ALL), size=(120, 90))
    both = viz.before_after(
        GREY, (POSE, ALL), (POSE, ALL), STICK, (POSE, ALL), size=(120, 90), labels="ab"
    )
    assert one.shape == (120, 90, 3)
    np.testing.assert_array_equal(one[40:], both[40:, :90])
    alone = viz.one_person(GREY, (POSE, ALL), STICK, size=(120, 90))
    assert not (alone == viz.TRUTH).all(-1).any()


def test_given_colours_are_those_of_the_lines_and_dots():
    red, green = (255, 0, 0), (0, 255, 0)
    drawn = viz.draw_lines(
        GREY, POSE, ALL, STICK, ([(0, 1, red)], [green] * 3), thickness=3, larger=4
    )
    assert tuple(drawn[60, 50]) == red
    assert tuple(drawn[60, 80]) == tuple(drawn[20, 50]) == tuple(drawn[24, 50]) == green
    assert tuple(drawn[40, 65]) == (100, 100, 100)  # no line that was not given


def test_a_contact_sheet_fills_row_by_row_and_keeps_proportions():
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 255
    sheet = viz.contact_sheet([red, GREY, red[:20]], columns=2, cell=(40, 40), gap=2)
    assert sheet.shape == (2 * 42 + 2, 2 * 42 + 2, 3)
    assert tuple(sheet[10, 10]) == (255, 0, 0)
    assert tuple(sheet[10, 60]) == (100, 100, 100)
    assert tuple(sheet[46, 20]) == viz.PAPER  # the flat picture is centred
    assert tuple(sheet[64, 20]) == (255, 0, 0)
    assert tuple(sheet[64, 64]) == viz.PAPER  # no fourth picture


def test_a_contact_sheet_of_nothing_is_refused():
    with pytest.raises(ValueError, match="got 0 and 3"):
        viz.contact_sheet([], 3)


def test_a_written_picture_reads_back_equal(tmp_path):
    image = np.random.default_rng(1).integers(0, 255, (9, 6, 3), dtype=np.uint8)
    viz.write_image(tmp_path / "new" / "picture.png", image)
    np.testing.assert_array_equal(photos.read(tmp_path / "new/picture.png"), image)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["picture.png"]


def test_colours_are_rgb_in_files(tmp_path):
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    viz.write_image(tmp_path / "red.png", red)
    blue, green, red_channel = cv2.imread(str(tmp_path / "red.png"))[0, 0]
    assert (blue, green, red_channel) == (0, 0, 255)
