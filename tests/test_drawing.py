import cv2
import numpy as np
import pytest

from tfpose import drawing
from tfpose.io import photos
from tfpose.skeletons import LSP14, Skeleton

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
GRAY = np.full((100, 100, 3), 100, np.uint8)


def test_each_side_of_the_body_has_its_own_color():
    drawn = drawing.draw_pose(GRAY, POSE, ALL, STICK, thickness=3)
    assert tuple(drawn[60, 80]) == drawing.LEFT
    assert tuple(drawn[60, 20]) == drawing.RIGHT
    assert tuple(drawn[20, 50]) == drawing.MIDDLE
    # Half way along the left limb; the line's edges are smoothed.
    np.testing.assert_allclose(drawn[40, 65], drawing.LEFT, atol=2)


def test_a_limb_between_the_sides_belongs_to_the_middle():
    assert drawing.side_color("left_hip", "right_hip") == drawing.MIDDLE
    assert drawing.side_color("left_hip", "neck") == drawing.LEFT
    assert drawing.side_color("right_hip") == drawing.RIGHT


def test_the_photo_itself_is_not_changed():
    image = GRAY.copy()
    drawing.draw_pose(image, POSE, ALL, STICK)
    drawing.caption(image, "text")
    np.testing.assert_array_equal(image, GRAY)


def test_an_invalid_joint_takes_its_limbs_with_it():
    drawn = drawing.draw_pose(GRAY, POSE, [0, 1, 1], STICK)
    assert not (drawn == drawing.LEFT).all(-1).any()
    assert (drawn == drawing.RIGHT).all(-1).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, -1e12])
def test_a_joint_at_no_drawable_place_is_left_out(bad):
    pose = POSE.copy()
    pose[0, 0] = bad
    np.testing.assert_array_equal(
        drawing.draw_pose(GRAY, pose, ALL, STICK),
        drawing.draw_pose(GRAY, POSE, [0, 1, 1], STICK),
    )


def test_an_empty_pose_leaves_the_photo_as_it_is():
    np.testing.assert_array_equal(drawing.draw_pose(GRAY, POSE, [0, 0, 0], STICK), GRAY)


def test_a_pose_of_another_skeleton_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"\(14, 2\).*lsp14.*got \(3, 2\)"):
        drawing.draw_pose(GRAY, POSE, ALL, LSP14)


def test_the_frame_holds_all_valid_joints_of_all_poses():
    second = (POSE + [100, 0], np.array([1, 0, 0]))
    x, y, width, height = drawing.frame([(POSE, ALL), second], aspect=1.0)
    assert width == pytest.approx(height)
    assert x < 20 and x + width > 180 and y < 20 and y + height > 60
    assert x + (width - 1) / 2 == pytest.approx(100)  # centered between 20 and 180


def test_the_frame_of_nothing_is_small_but_has_the_aspect():
    box = drawing.frame([(POSE, np.zeros(3))], aspect=2.0)
    np.testing.assert_array_equal(box, [0, 0, 2, 1])


def test_cutting_the_whole_photo_at_its_own_size_changes_nothing():
    image = np.random.default_rng(0).integers(0, 255, (7, 5, 3), dtype=np.uint8)
    picture, matrix = drawing.cut(image, (0, 0, 5, 7), (7, 5))
    np.testing.assert_array_equal(picture, image)
    np.testing.assert_allclose(matrix, [[1, 0, 0], [0, 1, 0]])


def test_cutting_maps_pixel_edges_to_pixel_edges():
    # Twice as large: the pixel 3 (2.5 .. 3.5) of a cut that starts at 2 (edge 1.5)
    # covers 2 .. 4 from the left edge, that is the pixels 2 and 3, center 2.5.
    image = np.zeros((8, 8, 3), np.uint8)
    picture, matrix = drawing.cut(image, (2, 2, 4, 4), (8, 8))
    np.testing.assert_allclose(matrix @ [3, 3, 1], [2.5, 2.5])
    assert picture.shape == (8, 8, 3)


def test_outside_the_photo_a_cut_is_plain():
    picture, _ = drawing.cut(GRAY, (-50, 0, 100, 100), (100, 100))
    assert tuple(picture[50, 10]) == drawing.OUTSIDE
    assert tuple(picture[50, 90]) == (100, 100, 100)


def test_before_and_after_are_two_panels_of_the_same_place():
    picture = drawing.before_after(
        GRAY, (POSE, ALL), (POSE, ALL), STICK, (POSE, ALL), size=(120, 90), labels="ab"
    )
    assert picture.shape == (120, 90 + 4 + 90, 3)
    np.testing.assert_array_equal(picture[40:, :90], picture[40:, 94:])


def test_one_person_is_a_panel_without_caption():
    one = drawing.one_person(GRAY, (POSE, ALL), STICK, (POSE, ALL), size=(120, 90))
    both = drawing.before_after(
        GRAY, (POSE, ALL), (POSE, ALL), STICK, (POSE, ALL), size=(120, 90), labels="ab"
    )
    assert one.shape == (120, 90, 3)
    np.testing.assert_array_equal(one[40:], both[40:, :90])
    alone = drawing.one_person(GRAY, (POSE, ALL), STICK, size=(120, 90))
    assert not (alone == drawing.TRUTH).all(-1).any()


def test_given_colors_are_those_of_the_lines_and_dots():
    red, green = (255, 0, 0), (0, 255, 0)
    drawn = drawing.draw_lines(
        GRAY, POSE, ALL, STICK, ([(0, 1, red)], [green] * 3), thickness=3, larger=4
    )
    assert tuple(drawn[60, 50]) == red
    assert tuple(drawn[60, 80]) == tuple(drawn[20, 50]) == tuple(drawn[24, 50]) == green
    assert tuple(drawn[40, 65]) == (100, 100, 100)  # no line that was not given


def test_a_contact_sheet_fills_row_by_row_and_keeps_proportions():
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 255
    sheet = drawing.contact_sheet(
        [red, GRAY, red[:20]], columns=2, cell=(40, 40), gap=2
    )
    assert sheet.shape == (2 * 42 + 2, 2 * 42 + 2, 3)
    assert tuple(sheet[10, 10]) == (255, 0, 0)
    assert tuple(sheet[10, 60]) == (100, 100, 100)
    assert tuple(sheet[46, 20]) == drawing.PAPER  # the flat picture is centered
    assert tuple(sheet[64, 20]) == (255, 0, 0)
    assert tuple(sheet[64, 64]) == drawing.PAPER  # no fourth picture


def test_a_contact_sheet_of_nothing_is_refused():
    with pytest.raises(ValueError, match="got 0 and 3"):
        drawing.contact_sheet([], 3)


def test_a_written_picture_reads_back_equal(tmp_path):
    image = np.random.default_rng(1).integers(0, 255, (9, 6, 3), dtype=np.uint8)
    drawing.write_image(tmp_path / "new" / "picture.png", image)
    np.testing.assert_array_equal(photos.read(tmp_path / "new/picture.png"), image)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["picture.png"]


def test_colors_are_rgb_in_files(tmp_path):
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    drawing.write_image(tmp_path / "red.png", red)
    blue, green, red_channel = cv2.imread(str(tmp_path / "red.png"))[0, 0]
    assert (blue, green, red_channel) == (0, 0, 255)


def test_a_moved_joint_is_an_arrow_to_where_it_is():
    image = np.full((100, 120, 3), 90, np.uint8)
    before = image.copy()
    picture = drawing.moved_joint(image, (30, 50), (70, 50), (72, 50), (320, 256))
    assert picture.shape == (320, 256, 3) and (image == before).all()
    arrow = (picture == drawing.MOVED).all(axis=2)
    rows, columns = np.nonzero(arrow)
    # From the first third to the last, at the height of both.
    assert columns.min() < 100 and columns.max() > 150
    assert abs(rows.mean() - 160) < 3
    ring = (picture == drawing.TRUTH).all(axis=2)
    assert ring.any() and np.nonzero(ring)[1].mean() > 150
    without = drawing.moved_joint(image, (30, 50), (70, 50), None, (320, 256))
    assert not (without == drawing.TRUTH).all(axis=2).any()


def test_a_joint_that_hardly_moved_far_from_its_place_has_a_short_arrow():
    image = np.full((100, 120, 3), 90, np.uint8)
    picture = drawing.moved_joint(image, (30, 50), (31, 50), (95, 50), (320, 256))
    _, columns = np.nonzero((picture == drawing.MOVED).all(axis=2))
    assert len(columns) and np.ptp(columns) < 40
