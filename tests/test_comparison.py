import numpy as np
import pytest

from tests import pose_files
from tfpose import comparison
from tfpose.poses import read_annotations, read_results
from tfpose.skeleton import LSP14

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
        distances = comparison.joint_distances(truth, side)
        assert distances.shape == (3, 14)
        # Pose files hold thousandths of a pixel.
        np.testing.assert_allclose(distances * TORSO, pixels, atol=1e-3)


def test_a_gain_is_the_mean_way_towards_the_label():
    before = np.array([[0.4, 0.2], [0.4, np.nan], [0.1, 0.1]])
    after = np.array([[0.1, 0.3], [0.2, np.nan], [0.1, 0.1]])
    np.testing.assert_allclose(comparison.gains(before, after), [0.1, 0.2, 0.0])


def test_beyond_wrong_no_distance_counts():
    gains = comparison.gains(np.array([[9.0, 0.3]]), np.array([[0.7, 0.3]]))
    np.testing.assert_allclose(gains, [0.0])


def test_a_person_without_pose_or_labels_has_no_gain():
    gone, unlabelled, seen = np.inf, np.nan, 0.1
    before = np.array([[gone, gone], [unlabelled, unlabelled], [seen, seen]])
    after = np.array([[seen, seen], [unlabelled, unlabelled], [gone, gone]])
    assert np.isnan(comparison.gains(before, after)).all()


def test_the_picture_shows_one_person_before_and_after(people, files):
    one = [side.take([1]) for side in people]
    assert comparison.picture(*one, files["images"]).shape == (320, 2 * 256 + 4, 3)


def test_the_report_holds_numbers_and_pictures(people, files, tmp_path):
    comparison.write(tmp_path / "report.html", *people, files["images"], "A title")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "3 annotated people with 42 labelled joints in 3 photos" in page
    assert page.count("data:image/jpeg") == 3  # all gained
    assert "Largest gains" in page and "Largest losses" not in page
    # 6 px are 0.197 torsos: right at 0.2, wrong at 0.1; 3 px are right at both.
    assert "<td>left knee</td><td>100.0</td><td>100.0</td>" in page
    assert "<td>0.0</td><td>100.0</td><td><span class='better'>+100.0" in page


def test_a_missing_photo_is_named_and_leaves_no_report(people, files, tmp_path):
    (tmp_path / "photos" / "photo2.png").unlink()
    with pytest.raises(ValueError, match="photo2.png: expected a photo"):
        comparison.write(tmp_path / "report.html", *people, files["images"])
    assert not (tmp_path / "report.html").exists()


def test_the_mean_error_counts_labelled_joints_up_to_wrong():
    distances = np.array(
        [[0.1, 0.3, np.nan], [9.0, 0.1, np.inf], [np.inf] * 3, [np.nan] * 3]
    )
    np.testing.assert_allclose(
        comparison.mean_errors(distances), [0.2, 1.1 / 3, np.nan, np.nan]
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
    assert tuple(part.tolist() for part in comparison.thirds(order, count)) == wanted


def test_the_report_of_one_set_of_poses_has_no_before(people, files, tmp_path):
    truth, _, poses = people
    path = tmp_path / "report.html"
    comparison.write(path, truth, None, poses, files["images"], more=("<p>more</p>",))
    page = path.read_text("utf-8")
    assert "<h1>Estimated poses</h1>" in page and "in 3 photos; 3 poses." in page
    for heading in (
        "How good the poses are",
        "Found best",
        "In between",
        "Found worst",
    ):
        assert page.count(f"<h2>{heading}</h2>") == 1
    assert page.count("data:image/jpeg") == 3 and "<p>more</p>" in page
    assert "<td>left knee</td><td>100.0</td><td>100.0</td></tr>" in page
    assert "before" not in page and "→" not in page
    # 3 px of a torso of 30.46 px.
    assert page.count("joints 0.10 torsos off</figcaption>") == 3


def test_people_are_ranked_by_their_errors(people, files):
    truth, _, poses = people
    poses.keypoints[1] += [6.0, 0.0]  # people 0 and 2 stay 3 px off
    best, between, worst = comparison.people(truth, poses, files["images"])
    assert "photo2.png" in worst and "photo2.png" not in best + between


def test_a_person_without_pose_is_in_no_gallery(people, files):
    truth, _, poses = people
    galleries = comparison.people(truth, poses.take([0]), files["images"])
    assert len(galleries) == 1 and "1 of 1 people" in galleries[0]
    assert comparison.people(truth, poses.take([]), files["images"]) == []


def test_the_picture_of_one_pose_is_one_panel(people, files):
    truth, _, poses = (side.take([1]) for side in people)
    picture = comparison.picture(truth, None, poses, files["images"])
    assert picture.shape == (320, 256, 3)
