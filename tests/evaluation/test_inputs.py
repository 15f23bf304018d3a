import numpy as np
import pytest

from tests.support import pose_files
from tests.support.pose_files import STANDING
from tfpose import cli
from tfpose.errors import PoseFileError
from tfpose.evaluation.evaluate import analyze_poses, evaluate_poses
from tfpose.evaluation.inputs import read_sides
from tfpose.evaluation.refinement import compare_poses
from tfpose.io import files
from tfpose.io.coco_records import annotation_entry, annotations_json, result_entry
from tfpose.skeletons import COCO17, CROWDPOSE14, LSP14, Skeleton

SHARED = [joint for joint in COCO17.joints if joint in LSP14.joints]
KNEE = "left_knee"


def person(skeleton, wrong=()):
    """The standing person's joints; those that LSP lacks lie far from everything."""
    known = dict(zip(LSP14.joints, STANDING, strict=True))
    far = np.array([500.0, 900.0])
    pose = [known.get(joint, far) for joint in skeleton.joints]
    moved = [[40.0 * (joint in wrong), 0.0] for joint in skeleton.joints]
    return np.add(pose, moved)


def truth(folder, skeleton):
    entry = annotation_entry(
        1, 1, person(skeleton), np.full(len(skeleton), 2), (20, 0, 40, 100), 2e3
    )
    path = folder / f"{skeleton.name}_truth.json"
    files.write_json(path, annotations_json(skeleton, [{"id": 1}], [entry]))
    return str(path)


def poses(folder, skeleton, *wrong):
    scores = np.ones(len(skeleton))
    entry = result_entry(1, person(skeleton, wrong), scores, 1.0)
    path = folder / f"{skeleton.name}_{len(wrong)}.json"
    files.write_json(path, [entry])
    return str(path)


@pytest.mark.parametrize("of_truth, of_poses", [(COCO17, LSP14), (LSP14, COCO17)])
def test_joints_that_only_one_file_has_do_not_count(tmp_path, of_truth, of_poses):
    given = truth(tmp_path, of_truth), poses(tmp_path, of_poses, KNEE)
    numbers = evaluate_poses(*given, "pck")
    assert set(numbers["per_joint"]) == set(SHARED)
    wrong = [joint for joint, rate in numbers["per_joint"].items() if rate < 100]
    assert wrong == [KNEE]
    found = analyze_poses(*given)
    assert found["joints"] == 12 and found["per_joint"][KNEE]["good"] == 0
    perfect = truth(tmp_path, of_truth), poses(tmp_path, of_poses)
    assert evaluate_poses(*perfect, "oks")["AP"] == pytest.approx(1)
    changes = compare_poses(*given, {"better": perfect[1]}, ["pck"])
    change = changes["tables"][0]["rows"][KNEE]["after"]["better"]["change"]
    assert change == 100
    for answer in (numbers, found, changes):
        assert f"{len(of_poses)} joints of {of_poses.name}, by their" in answer["note"]


def test_files_of_the_same_joints_have_no_note(tmp_path):
    given = truth(tmp_path, LSP14), poses(tmp_path, LSP14)
    sides = read_sides(*given)
    assert sides.note is None and sides.annotations.skeleton == LSP14
    assert "note" not in evaluate_poses(*given, "pck")
    again = read_sides(sides.annotations, *sides.results)
    assert again.annotations is sides.annotations and again.note is None


def test_joints_of_another_order_are_matched_by_name(tmp_path):
    given = truth(tmp_path, CROWDPOSE14), poses(tmp_path, LSP14, KNEE)
    # Without a name, as many joints are the annotations'.
    assert read_sides(*given).note is None
    sides = read_sides(*given, skeleton=LSP14)
    assert sides.annotations.skeleton.joints == CROWDPOSE14.joints
    away = np.linalg.norm(
        sides.results[0].keypoints - sides.annotations.keypoints, axis=2
    )
    joint = CROWDPOSE14.index(KNEE)
    assert away[0, joint] == 40 and away.sum() == 40


def test_two_files_count_on_what_all_share(tmp_path):
    annotations = truth(tmp_path, LSP14)
    sides = read_sides(annotations, poses(tmp_path, LSP14), poses(tmp_path, COCO17))
    assert len(sides.annotations.skeleton) == 12
    assert [side.keypoints.shape for side in sides.results] == [(1, 12, 2)] * 2


def test_nothing_shared_is_refused(tmp_path):
    hand = Skeleton.from_json(
        {"name": "hand", "joints": ["a", "b"], "torso": ["a", "b"]}
    )
    path = tmp_path / "hand.json"
    files.write_json(path, [result_entry(1, np.ones((2, 2)), [1, 1], 1.0)])
    with pytest.raises(PoseFileError, match="expected joints of lsp14, .* found none"):
        read_sides(truth(tmp_path, LSP14), str(path), skeleton=hand)


def test_the_commands_say_which_joints_count(tmp_path, capsys):
    given = [
        "--poses", poses(tmp_path, LSP14), "--annotations", truth(tmp_path, COCO17)
    ]  # fmt: skip
    numbers = tmp_path / "numbers.json"
    for command in (
        ["evaluate", "--metric", "pck"], ["analyze"],
        ["compare", "--refined", given[1], "--metric", "pck"],
    ):  # fmt: skip
        assert cli.main([*command, *given, "--json", str(numbers)]) == 0
        (line,) = capsys.readouterr().err.splitlines()
        assert line == (
            f"{given[1]}: 14 joints of lsp14, by their number (--skeleton names "
            "another); the 12 that coco17 shares by name count, not nose, left_eye, "
            "right_eye, left_ear, right_ear"
        )
        assert files.read_json(numbers)["note"] == line
    assert cli.main(["evaluate", "--metric", "pck", *given, "--skeleton", "lsp14"]) == 0
    assert "by their number" not in capsys.readouterr().err


def test_skeleton_of_as_many_joints_is_told_by_a_name(tmp_path, capsys):
    given = pose_files.write(tmp_path)
    words = ["--poses", given["after"], "--annotations", given["annotations"]]
    assert cli.main(["evaluate", "--metric", "pck", *words, "--skeleton", "aic14"]) == 0
    line = capsys.readouterr().err
    assert "14 joints of aic14; all 14 joints of lsp14 count" in line
    assert cli.main(["evaluate", *words, "--skeleton", "coco17"]) == 2
    assert "expected 51 keypoint numbers" in capsys.readouterr().err
