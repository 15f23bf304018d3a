import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests.support import pose_files
from tests.support.pose_files import STANDING
from tfpose import cli
from tfpose.io.coco import read_annotations, read_results
from tfpose.report import hcrn_tree
from tfpose.skeletons import COCO17, LSP14

# From the left shoulder (48, 26) to the right hip (36, 54).
TORSO = np.hypot(12, 28)
WRIST = LSP14.index("left_wrist")
KNEE = LSP14.index("right_knee")


class GivenUnits:
    """Units that move the first person's wrist home and the second one's knee away."""

    skeleton = LSP14

    def __init__(self):
        self.looked_at = []

    def peaks(self, people):
        for number, (photo, box) in enumerate(people):
            assert photo.shape == (100, 80, 3)
            self.looked_at.append(tuple(box))
            initial, refined = STANDING.copy(), STANDING.copy()
            if number == 0:
                initial[WRIST, 0] += TORSO
            if number == 1:
                refined[KNEE, 0] += 0.3 * TORSO
            yield initial[None], refined[None]

    def __call__(self, photo, box):
        steps = ("initial", "parent", "diffused", "refined")
        return [
            SimpleNamespace(
                joint=joint,
                parent=LSP14.joints[max(LSP14.parents[place], 0)],
                box=np.array([0.0, 0, 80, 100]),
                maps={step: np.eye(5) for step in steps},
                peaks={step: np.array([40.0, 50]) for step in steps},
            )
            for place, joint in enumerate(LSP14.joints)
        ]


@pytest.fixture
def files(tmp_path):
    return pose_files.write(tmp_path)


@pytest.fixture
def people(files):
    poses = read_results(files["after"], LSP14)[0]
    return read_annotations(files["annotations"]), poses, files["images"]


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_the_sections_show_trees_numbers_gains_and_losses(people):
    units = GivenUnits()
    trees, table, gains, losses = hcrn_tree.sections(*people, units)
    assert units.looked_at == [(20, 0, 40, 100)] * 3

    assert "<h2>How difficult joints were found</h2>" in trees
    order = (
        "neck, then hips, shoulders and head top, then knees and elbows, then ankles "
        "and wrists"
    )
    assert order in trees
    assert trees.count("data:image/jpeg") == 3

    # Of three wrists one was wrong at first, of three knees one became wrong.
    rows = re.findall(r"<tr>(.*?)</tr>", table)
    numbers = {row.split()[0]: row.split()[1:] for row in map(text, rows[1:])}
    assert [text(row).split()[0] for row in rows[1:3]] == ["neck", "right"]
    joints = {" ".join(text(row).split()[:2]): text(row).split()[2:] for row in rows}
    assert joints["left wrist"][:3] == ["66.7", "100.0", "+33.3"]
    assert joints["right knee"][:3] == ["100.0", "66.7", "-33.3"]
    assert numbers["mean"][2] == "+0.0"

    assert "1 of 42 labeled joints came nearer by more than 0.1 torsos" in gains
    assert "photo1.png, left wrist: 1.00 → 0.00 torsos off" in gains
    assert "1 of 42 labeled joints came further off by more than" in losses
    assert "photo2.png, right knee: 0.00 → 0.30 torsos off" in losses
    for html, parent in ((gains, "left elbow"), (losses, "right hip")):
        assert html.count("data:image/jpeg") == 5
        assert f"2 guided by the {parent}, 99 % sure" in html


def test_where_nothing_moved_there_is_no_strip(people):
    units = GivenUnits()
    units.peaks = lambda people: ((STANDING[None],) * 2 for _ in people)
    assert len(hcrn_tree.sections(*people, units)) == 2


def test_a_joint_without_label_is_neither_gain_nor_loss(people):
    truth, *rest = people
    truth.visible[0, WRIST] = 0
    sections = hcrn_tree.sections(truth, *rest, GivenUnits())
    assert len(sections) == 3 and "of 41 labeled joints" in sections[2]
    assert "Guided away" in sections[2]


def test_nobody_labeled_means_no_sections(people):
    truth, *rest = people
    truth.visible[:] = 0
    assert hcrn_tree.sections(truth, *rest, GivenUnits()) == []


def test_a_person_without_pose_has_no_tree(people):
    truth, poses, images = people
    trees = hcrn_tree.sections(truth, poses.take([0]), images, GivenUnits())[0]
    assert trees.count("data:image/jpeg") == 1
    assert "photo1.png: better than 0 % of the people" in trees
    nobody = hcrn_tree.sections(truth, poses.take([]), images, GivenUnits())[0]
    assert nobody.count("data:image/jpeg") == 0


def test_other_joints_than_the_networks_are_refused(people):
    units = GivenUnits()
    units.skeleton = COCO17
    with pytest.raises(
        ValueError, match="model of coco17: expected.*found right_ankle"
    ):
        hcrn_tree.sections(*people, units)


def test_a_missing_photo_is_named(people, tmp_path):
    (tmp_path / "photos" / "photo2.png").unlink()
    with pytest.raises(ValueError, match="photo2.png: expected a photo"):
        hcrn_tree.sections(*people, GivenUnits())


@pytest.fixture
def model_dir(tmp_path, monkeypatch):
    """Writes an untrained HCRN with a front-end that compiles fast."""
    from tfpose import config
    from tfpose.io.files import write_json
    from tfpose.models import folders, hcrn, table
    from tfpose.recipes import RECIPES

    def build(image, joints, stages):
        return [], keras.layers.AveragePooling2D(4)(image)

    front_end = hcrn.FrontEnd(build, stride=4, multiple=4)
    monkeypatch.setitem(hcrn.FRONT_ENDS, "pooling", front_end)

    def write(refinement):
        folder = tmp_path / refinement
        folder.mkdir()
        network = ["front_end=pooling", "diffusion_radius=1"]
        settings = ["skeleton=lsp14", "input_size=32x32", *network]
        settings.append(f"refinement={refinement}")
        recipe = config.override(RECIPES["hcrn"]["tiny"](), settings)
        write_json(folder / folders.CONFIG, recipe.to_json())
        table.build_model(recipe).save_weights(folder / folders.WEIGHTS)
        return str(folder)

    return write


def report(files, tmp_path, *more):
    return cli.main(
        ["report", "--poses", files["after"], "--annotations", files["annotations"],
         "--images", files["images"], "--out", str(tmp_path / "report.html"), *more]
    )  # fmt: skip


@pytest.mark.slow
def test_the_command_writes_an_estimators_report(files, tmp_path, model_dir, capsys):
    model = model_dir("hcrn")
    assert report(files, tmp_path, "--model", model) == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<h1>Estimated poses</h1>" in page
    assert page.count("How difficult joints were found") == 1
    assert "What the guidance changes" in page and "Found best" in page


def test_the_command_reports_poses_without_a_model(files, tmp_path, capsys):
    assert report(files, tmp_path, "--title", "Poses of others") == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<h1>Poses of others</h1>" in page and "How difficult" not in page


def test_a_model_without_units_is_one_line_and_no_report(
    files, tmp_path, model_dir, capsys
):
    model = model_dir("holistic")
    assert report(files, tmp_path, "--model", model) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"tfpose: error: model {model}: expected an HCRN with units")
    assert not (tmp_path / "report.html").exists()
