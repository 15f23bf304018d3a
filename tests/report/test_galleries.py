import re

import numpy as np
import pytest

from tests.support import pose_files
from tfpose.io.coco import read_annotations, read_results
from tfpose.report import galleries
from tfpose.skeletons import LSP14

# From the left shoulder (48, 26) to the right hip (36, 54).
TORSO = np.hypot(12, 28)


@pytest.fixture
def files(tmp_path):
    return pose_files.write(tmp_path)


@pytest.fixture
def people(files):
    sides = [read_results(files[name], LSP14)[0] for name in ("before", "after")]
    return read_annotations(files["annotations"]), *sides


def test_distances_are_in_torso_lengths(people):
    truth, before, after = people
    for side, pixels in ((before, 6.0), (after, 3.0)):
        distances = galleries.joint_distances(truth, side)
        assert distances.shape == (3, 14)
        # Pose files hold thousandths of a pixel.
        np.testing.assert_allclose(distances * TORSO, pixels, atol=1e-3)


def test_a_gain_is_the_mean_way_towards_the_label():
    before = np.array([[0.4, 0.2], [0.4, np.nan], [0.1, 0.1]])
    after = np.array([[0.1, 0.3], [0.2, np.nan], [0.1, 0.1]])
    np.testing.assert_allclose(galleries.gains(before, after), [0.1, 0.2, 0.0])


def test_beyond_wrong_no_distance_counts():
    gains = galleries.gains(np.array([[9.0, 0.3]]), np.array([[0.7, 0.3]]))
    np.testing.assert_allclose(gains, [0.0])


def test_a_person_without_pose_or_labels_has_no_gain():
    gone, unlabeled, seen = np.inf, np.nan, 0.1
    before = np.array([[gone, gone], [unlabeled, unlabeled], [seen, seen]])
    after = np.array([[seen, seen], [unlabeled, unlabeled], [gone, gone]])
    assert np.isnan(galleries.gains(before, after)).all()


def test_the_galleries_show_who_gained_and_who_lost(people, files):
    truth, before, after = people
    wrist = LSP14.index("left_wrist")
    # The second person: all joints but one as before, that one 12 px further off.
    after.keypoints[1] = before.keypoints[1]
    after.keypoints[1, wrist] = truth.keypoints[1, wrist] + [0, 12]
    gained, lost = galleries.pictures(truth, before, after, files["images"], "A")
    assert "2 of 3 people&#x27;s joints are nearer" in gained
    assert "photo1.png" in gained and "photo3.png" in gained
    # Each joint 3 of 30.46 px nearer.
    assert gained.count("joints 0.10 torsos nearer, most the ") == 2 * 2
    assert "1 of 3 people&#x27;s joints are further off" in lost
    # One of 14 joints by 6 of 30.46 px.
    assert "photo2.png: joints 0.01 torsos further off, most the left wrist (0.20)" in (
        lost
    )


def test_a_gallery_holds_no_more_than_it_may(people, files):
    gained, _ = galleries.pictures(*people, files["images"], "A", count=2)
    assert gained.count("<img") == 2 and "3 of 3 people" in gained


def test_the_picture_shows_one_person_before_and_after(people, files):
    one = [side.take([1]) for side in people]
    assert galleries.picture(*one, files["images"]).shape == (320, 2 * 256 + 4, 3)


def test_the_mean_error_counts_labeled_joints_up_to_wrong():
    distances = np.array(
        [[0.1, 0.3, np.nan], [9.0, 0.1, np.inf], [np.inf] * 3, [np.nan] * 3]
    )
    np.testing.assert_allclose(
        galleries.mean_errors(distances), [0.2, 1.1 / 3, np.nan, np.nan]
    )


@pytest.mark.parametrize(
    "people, count, wanted",
    [
        (0, 2, ([], [], [])),
        (1, 2, ([0], [], [])),
        (2, 2, ([0], [], [1])),
        (3, 2, ([0], [1], [2])),
        (7, 2, ([0, 1], [2, 3], [6, 5])),
        (10, 2, ([0, 1], [4, 5], [9, 8])),
    ],
)
def test_the_first_the_middle_and_the_last_are_different_people(people, count, wanted):
    order = np.arange(people)
    assert tuple(part.tolist() for part in galleries.thirds(order, count)) == wanted


def test_people_are_ranked_by_their_errors(people, files):
    truth, _, poses = people
    poses.keypoints[1] += [6.0, 0.0]  # people 0 and 2 stay 3 px off
    best, between, worst = galleries.people(truth, poses, files["images"])
    assert "photo2.png" in worst and "photo2.png" not in best + between


def test_a_person_without_pose_is_in_no_gallery(people, files):
    truth, _, poses = people
    shown = galleries.people(truth, poses.take([0]), files["images"])
    assert len(shown) == 1 and "1 of 1 people" in shown[0]
    assert galleries.people(truth, poses.take([]), files["images"]) == []


def test_the_picture_of_one_pose_is_one_panel(people, files):
    truth, _, poses = (side.take([1]) for side in people)
    picture = galleries.picture(truth, None, poses, files["images"])
    assert picture.shape == (320, 256, 3)


def test_the_way_of_a_joint_that_a_side_lacks_is_unknown(people):
    _, before, after = people
    after.keypoints[0] = before.keypoints[0] + [3.0, 4.0]
    before.keypoints[0, 2] = before.scores[0, 2] = 0.0
    moved = galleries.pixels_moved(before, after)
    np.testing.assert_allclose(moved[0, :2], 5.0)
    assert np.isnan(moved[0, 2]) and not np.isnan(moved[0, 3:]).any()


def test_who_moved_most_for_their_size_comes_first(people, tmp_path):
    _, before, after = people
    for row, (size, way) in enumerate(((1.0, 3.0), (2.0, 4.0), (1.0, 2.5))):
        before.keypoints[row] = size * pose_files.STANDING
        after.keypoints[row] = before.keypoints[row] + [way, 0.0]
    wrist = LSP14.index("left_wrist")
    after.keypoints[2, wrist] += [9.0, 0.0]
    paths = {i: tmp_path / f"photos/photo{i}.png" for i in (1, 2, 3)}
    shown = galleries.moves(before, after, LSP14, paths, "A", count=2)
    names = re.findall(r"<figcaption>(.*?)</figcaption>", shown)
    assert [name[:10] for name in names] == ["photo3.png", "photo1.png"]
    assert "joints moved by 3.1 px, most the left wrist (11.5 px)" in names[0]
    assert "2 of 3 people, who moved most first" in shown


def test_nobody_without_joints_moved(people, tmp_path):
    _, before, after = people
    before.keypoints[:] = before.scores[:] = 0.0
    assert "<img" not in galleries.moves(before, after, LSP14, {}, "A")
