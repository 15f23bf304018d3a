import pytest

from tests.support import pose_files
from tfpose.evaluation import refinement
from tfpose.io.coco import read_annotations, read_results
from tfpose.report import pages
from tfpose.skeletons import LSP14


@pytest.fixture
def files(tmp_path):
    return pose_files.write(tmp_path)


@pytest.fixture
def people(files):
    sides = [read_results(files[name], LSP14)[0] for name in ("before", "after")]
    return read_annotations(files["annotations"]), *sides


def test_the_report_holds_numbers_and_pictures(people, files, tmp_path):
    truth, before, after = people
    refined = {"halved": after, "same": before}
    path = tmp_path / "report.html"
    pages.write(
        path, truth, before, refined, files["images"], "A title", more=("<p>more</p>",)
    )
    page = path.read_text("utf-8")
    assert "3 annotated people with 42 labeled joints in 3 photos" in page
    assert "3 poses, refined by: halved, same." in page and "<p>more</p>" in page
    # By "halved" all gained; the largest gain is three pictures and comes first.
    assert page.count("data:image/jpeg") == 3 + 3
    headings = [part.partition("<")[0] for part in page.split("<h2>")[1:]]
    assert headings[:2] == ["The largest gain: halved", "What was changed"]
    headline = "<p class='headline'>PCK@0.2 <b>100.0 → 100.0</b> <span class='same'>"
    assert headline in page and "<small>halved</small>" in page
    for name, kind, number in (
        ("halved", "largest gains", 3),
        ("halved", "largest losses", 0),
        ("same", "largest gains", 0),
        ("same", "largest losses", 0),
    ):
        heading = f"<h2>{name}: {kind}</h2><p class='note'>{number} of 3 people"
        assert heading in page
    # 6 px are 0.197 torsos: right at 0.2, wrong at 0.1; 3 px are right at both.
    assert (
        "<td>left knee</td><td>0.00</td><td>100.00</td><td><span class='better'>"
        "+100.00 <small>[+100.00, +100.00]</small></span></td>"
        "<td>0.00</td><td><span class='same'>+0.00 <small>[+0.00, +0.00]</small>"
    ) in page
    assert "before, halved, same</h3>" in page


def test_joints_are_listed_from_the_head_down(people, files, tmp_path):
    truth, before, after = people
    path = tmp_path / "report.html"
    pages.write(path, truth, before, {"halved": after}, files["images"])
    page = path.read_text("utf-8")
    rows = page.partition("Each metric in detail")[2].split("<tr><td>")[1:16]
    names = [row.partition("<")[0] for row in rows]
    assert names[:4] == ["head top", "neck", "left shoulder", "right shoulder"]
    assert names[-3:] == ["left ankle", "right ankle", "mean"]
    places = [page.index(f">{joint}</text>") for joint in ("head top", "right ankle")]
    assert places == sorted(places)


def test_a_page_without_a_gain_shows_none(people, files, tmp_path):
    truth, before, _ = people
    path = tmp_path / "report.html"
    pages.write(path, truth, before, {"same": before}, files["images"])
    assert "The largest gain" not in path.read_text("utf-8")


def test_numbers_that_are_known_are_not_computed_again(people, files, tmp_path):
    truth, before, after = people
    numbers = refinement.compare_poses(truth, before, {"a": after}, ["pck@0.3"])
    path = tmp_path / "report.html"
    pages.write(path, truth, before, {"a": after}, files["images"], numbers=numbers)
    page = path.read_text("utf-8")
    assert "PCK@0.3" in page and "PCK@0.2" not in page and "OKS-AP" not in page


def test_names_are_escaped(people, files, tmp_path):
    truth, before, after = people
    path = tmp_path / "report.html"
    pages.write(path, truth, before, {"<i>a": after}, files["images"])
    page = path.read_text("utf-8")
    assert "<i>" not in page and "&lt;i&gt;a" in page


def test_a_missing_photo_is_named_and_leaves_no_report(people, files, tmp_path):
    truth, before, after = people
    (tmp_path / "photos" / "photo2.png").unlink()
    with pytest.raises(ValueError, match="photo2.png: expected a photo"):
        pages.write(
            tmp_path / "report.html", truth, before, {"a": after}, files["images"]
        )
    assert not (tmp_path / "report.html").exists()


def test_the_report_of_one_set_of_poses_has_no_before(people, files, tmp_path):
    truth, _, poses = people
    path = tmp_path / "report.html"
    pages.write_estimated(path, truth, poses, files["images"], more=("<p>more</p>",))
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
