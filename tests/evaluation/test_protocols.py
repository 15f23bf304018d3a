"""Protocols of published figures: the rules by hand, and whose joints they are for."""

import dataclasses
import json

import numpy as np
import pytest

from tests.support import pose_files
from tests.support.scored_people import one_person_each
from tfpose import cli
from tfpose.errors import TfposeError
from tfpose.evaluation.evaluate import evaluate_poses
from tfpose.evaluation.protocols import (
    PROTOCOLS,
    check_alone,
    looking,
    protocol_of,
    scoring,
)
from tfpose.io.files import write_json
from tfpose.metrics.choices import check_options
from tfpose.metrics.oks import oks_nms
from tfpose.skeletons import COCO17, CROWDPOSE14, LSP14, MPII16, POSETRACK15

USUAL = {
    "normalizer": "torso", "viewpoint": "person", "lenient": False,
    "averaging": "joints", "every_frame": False, "curve": False,
}  # fmt: skip


@pytest.mark.parametrize(
    "scores, expected",
    [
        ([0.9, 0.5, 0.1, 0.0], 0.7),
        ([0.9, 0.2, 0.2, 0.2], 0.9),  # 0.2 is not above 0.2
        ([0.2, 0.1, 0.0, 0.0], 0.0),  # nobody is: no division by 0
        ([0.2001] * 4, 0.2001),
        ([], 0.0),
    ],
)
def test_a_poses_score_is_the_mean_of_its_joints_above_a_fifth(scores, expected):
    assert PROTOCOLS["coco"].pose_score(scores) == pytest.approx(expected)


class TestNearCopies:
    """OKS-NMS at 0.9, of poses whose joints all move together."""

    SIGMAS = np.full(4, 0.05)
    POSE = np.array([[10.0, 10], [60, 10], [10, 90], [60, 90]])
    # d^2 = -2 area k^2 ln(OKS), k = 0.1: of 100 x 100 px, OKS 0.9 is at 4.59 px.
    LIMIT = np.sqrt(-2 * 1e4 * 0.01 * np.log(0.9))

    def stay(self, shifts, scores, areas=1e4):
        poses = np.stack([self.POSE + [shift, 0] for shift in shifts])
        areas = np.broadcast_to(areas, len(shifts))
        limit = PROTOCOLS["coco"].near_copies
        return oks_nms(poses, scores, areas, self.SIGMAS, limit).tolist()

    def test_one_person_stays_whatever_the_score(self):
        assert self.stay([0], [0.5]) == [0] and self.stay([0], [0.0]) == [0]

    def test_the_better_one_stays(self):
        assert self.stay([0, 1], [0.4, 0.5]) == [1]

    def test_above_the_limit_is_a_copy_and_below_is_none(self):
        assert self.stay([0, self.LIMIT - 0.01], [0.5, 0.4]) == [0]
        assert self.stay([0, self.LIMIT + 0.01], [0.5, 0.4]) == [0, 1]

    def test_a_copy_of_a_dropped_copy_stays(self):
        apart = 0.8 * self.LIMIT
        assert self.stay([0, apart, 2 * apart], [0.6, 0.5, 0.4]) == [0, 2]

    def test_of_equally_good_ones_the_first_stays(self):
        assert self.stay([0, 1, 2], [0.0, 0.0, 0.0]) == [0]
        assert self.stay([1, 0, 50], [0.3, 0.3, 0.3]) == [0, 2]

    def test_the_area_is_the_mean_of_both(self):
        # The limit of 1.5e4 px^2 is wider by the root of 1.5.
        shift = 1.2 * self.LIMIT
        assert self.stay([0, shift], [0.5, 0.4], [1e4, 2e4]) == [0]
        assert self.stay([0, shift], [0.5, 0.4], [1e4, 1e4]) == [0, 1]


@pytest.mark.parametrize(
    "skeleton, name",
    [(COCO17, "COCO"), (MPII16, "MPII"), (LSP14, "LSP"), (POSETRACK15, "PoseTrack")],
)
def test_joints_tell_the_data_set(skeleton, name):
    assert protocol_of(skeleton).name == name
    other = dataclasses.replace(
        skeleton, joints=("x", *skeleton.joints[1:]), flip_pairs=(), limbs=(), tree=(),
        torso=None, head=None,
    )  # fmt: skip
    with pytest.raises(TfposeError, match="joints of COCO, MPII, LSP, PoseTrack, foun"):
        protocol_of(other)


def test_another_set_of_the_same_joints_has_no_protocol():
    assert set(CROWDPOSE14.joints) == set(LSP14.joints)
    with pytest.raises(TfposeError, match="found crowdpose14"):
        protocol_of(CROWDPOSE14)


def test_posetracks_own_files_have_its_protocol():
    joints = "nose head_bottom head_top left_ear right_ear".split()
    joints += POSETRACK15.joints[3:]
    assert tuple(joints) in PROTOCOLS["posetrack"].joints


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
def test_every_metric_of_a_protocol_takes_its_options(protocol):
    for metric, options in protocol.metrics.items():
        check_options(metric, **{**USUAL, **options})
    assert protocol.scales == (1.0,) and protocol.source


def test_what_a_protocol_decides_cannot_be_given():
    check_alone(oks_nms=None, lenient=False)
    with pytest.raises(TfposeError, match="official decides --oks-nms: give only one"):
        check_alone(lenient=False, oks_nms=0.5)
    with pytest.raises(TfposeError, match="--detector"):
        looking(LSP14, detector="folder")
    assert looking(LSP14, single=True).by_photo
    assert looking(COCO17, boxes="file").near_copies == 0.9
    with pytest.raises(TfposeError, match="--single"):
        looking(COCO17, single=True)


def test_mpii_is_scored_as_hrnets_code_does(tmp_path):
    assert scoring(MPII16, "auc")[1] == {"averaging": "labeled"}
    metric, options, words = scoring(MPII16, None)
    assert (metric, "HRNet" in words) == ("pckh", True)
    offsets = np.zeros((1, 16))
    offsets[0, MPII16.index("head_top")] = 4.0  # at the threshold
    truth = one_person_each(tmp_path, MPII16, offsets, head_size=8.0)
    assert evaluate_poses(*truth, metric, **options)["mean"] == 100


def test_the_command_names_the_protocol(tmp_path, capsys):
    paths = pose_files.write(tmp_path)
    words = ["--poses", paths["after"], "--annotations", paths["annotations"]]
    json_file = tmp_path / "numbers.json"
    given = ["--protocol", "official", "--threshold", "0.1", "--json", str(json_file)]
    assert cli.main(["evaluate", *words, *given]) == 0
    assert "official protocol of LSP (" in capsys.readouterr().out
    numbers = json.loads(json_file.read_text())
    assert (numbers["metric"], numbers["threshold"]) == ("pck", 0.1)
    plain = evaluate_poses(paths["annotations"], paths["after"], "pck", 0.1)
    assert numbers["mean"] == plain["mean"]


def test_all_joints_of_the_data_set_must_be_there(tmp_path, capsys):
    paths = pose_files.write(tmp_path)
    poses = json.loads((tmp_path / "after.json").read_text())
    for pose in poses:
        pose["keypoints"] += [0, 0, 0] * 3
    write_json(tmp_path / "17.json", poses)
    words = ["--poses", str(tmp_path / "17.json"), "--annotations"]
    given = [*words, paths["annotations"], "--protocol", "official"]
    assert cli.main(["evaluate", *given]) == 2
    assert "official: expected all joints" in capsys.readouterr().err
