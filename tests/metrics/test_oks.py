"""OKS and its average precision: by hand, and against pycocotools."""

import contextlib
import importlib.util
import io
import sys

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tfpose.io import coco
from tfpose.io.coco_records import annotation_entry, annotations_json, result_entry
from tfpose.io.files import write_json
from tfpose.metrics import oks
from tfpose.skeletons import COCO17, LSP14, Skeleton

SIGMAS = [0.05, 0.1]


class TestSimilarity:
    def test_same_place_is_one(self):
        assert oks.keypoint_similarity(np.zeros(2), 9.0, SIGMAS).tolist() == [1, 1]

    def test_one_spread_away_is_exp_minus_half(self):
        # k s with k = 2 sigma, s = sqrt(area) = 10: 1 px and 2 px.
        similarity = oks.keypoint_similarity(np.array([1.0, 4.0]), 100.0, SIGMAS)
        np.testing.assert_allclose(similarity, np.exp(-0.5))

    def test_oks_is_the_mean_over_labeled_joints(self):
        truth = np.array([[[5.0, 5.0], [8.0, 5.0]]])
        pose = np.array([[[6.0, 5.0], [80.0, 5.0]]])
        both = oks.oks(pose, truth, [[2, 1]], [100.0], SIGMAS)
        first = oks.oks(pose, truth, [[2, 0]], [100.0], SIGMAS)
        np.testing.assert_allclose(both, [[np.exp(-0.5) / 2]])
        np.testing.assert_allclose(first, [[np.exp(-0.5)]])

    def test_every_pose_meets_every_person(self):
        points = np.random.default_rng(0).uniform(0, 50, (3, 2, 2))
        visible, areas = np.full((3, 2), 2), np.array([90.0, 100.0, 110.0])
        every = oks.oks(points[:2], points, visible, areas, SIGMAS)
        assert every.shape == (2, 3)
        for n in range(2):
            for m in range(3):
                pair = oks.oks(
                    points[n : n + 1],
                    points[m : m + 1],
                    visible[m : m + 1],
                    areas[m : m + 1],
                    SIGMAS,
                )
                np.testing.assert_allclose(every[n, m], pair[0, 0])

    def test_unlabeled_person_is_met_by_poses_in_its_doubled_box(self):
        truth, boxes = np.zeros((1, 2, 2)), [[10, 10, 5, 5]]
        inside = np.array([[[5.0, 20.0], [20.0, 5.0]]])
        args = (truth, [[0, 0]], [100.0], SIGMAS)
        assert oks.oks(inside, *args, boxes) == 1
        # 1 px right of the grown box's edge x = 20 for both joints.
        outside = np.array([[[21.0, 12.0], [21.0, 12.0]]])
        expected = (np.exp(-0.5) + np.exp(-0.125)) / 2
        np.testing.assert_allclose(oks.oks(outside, *args, boxes), expected)
        assert oks.oks(inside, *args) == 0, "without a box nobody meets it"

    @pytest.mark.parametrize(("poses_", "people"), [(0, 2), (2, 0), (0, 0)])
    def test_nobody_gives_an_empty_matrix(self, poses_, people):
        matrix = oks.oks(
            np.zeros((poses_, 2, 2)),
            np.zeros((people, 2, 2)),
            np.ones((people, 2)),
            np.ones(people),
            SIGMAS,
            np.ones((people, 4)),
        )
        assert matrix.shape == (poses_, people)


class TestMatching:
    def match(self, similarity, ignored, crowd=None, least=0.5):
        similarity = np.array(similarity)
        ignored = np.array(ignored, bool)
        crowd = np.zeros_like(ignored) if crowd is None else np.array(crowd, bool)
        return oks.match_poses(similarity, ignored, crowd, [least])[0].tolist()

    def test_better_scored_pose_chooses_first(self):
        assert self.match([[0.6, 0.7], [0.6, 0.9]], [0, 0]) == [1, 0]

    def test_taken_person_is_not_taken_again(self):
        assert self.match([[0.9], [0.95]], [0]) == [0, -1]

    def test_crowd_is_taken_again(self):
        assert self.match([[0.9], [0.95]], [1], [1]) == [0, 0]

    def test_ignored_person_only_if_there_is_no_other(self):
        assert self.match([[0.9, 0.6], [0.9, 0.6]], [1, 0]) == [1, 0]

    def test_threshold_itself_is_enough(self):
        assert self.match([[0.5], [0.499]], [0]) == [0, -1]

    def test_thresholds_match_independently(self):
        matches = oks.match_poses(
            np.array([[0.6], [0.8]]), np.array([False]), np.array([False]), [0.5, 0.7]
        )
        assert matches.tolist() == [[0, -1], [-1, 0]]

    def test_nobody_to_match(self):
        none = np.zeros(0, bool)
        assert oks.match_poses(np.zeros((2, 0)), none, none, [0.5]).tolist() == [
            [-1] * 2
        ]


def crowd_scene(joints, seed):
    """Random people and poses of 12 photos with every special case of COCO's rules."""
    random = np.random.default_rng(seed)
    people, found = [], []
    for image_id in range(1, 13):
        for _ in range(random.integers(0, 4)):
            height = random.choice([20, 60, 90, 300])
            corner = random.uniform(0, 200, 2)
            points = corner + random.uniform(0, height, (joints, 2))
            visible = random.integers(0, 3, joints)
            visible = visible * (random.uniform() > 0.15)
            person = annotation_entry(
                len(people) + 1,
                image_id,
                points,
                visible,
                (*corner, height, height),
                height**2 * random.uniform(0.3, 0.8),
            )
            person["iscrowd"] = int(random.uniform() < 0.1)
            people.append(person)
            for _ in range(random.integers(0, 4)):
                noise = random.choice([0, 0.02, 0.1]) * height
                moved = points + random.normal(0, 1, points.shape) * noise
                score = round(random.uniform(), 1)
                found.append(result_entry(image_id, moved, np.ones(joints), score))
        for _ in range(random.choice([0, 2, 30])):
            points = random.uniform(0, 300, (joints, 2))
            found.append(result_entry(image_id, points, np.ones(joints), 0.3))
    return people, found


def documented_numbers(truth_file, found_file, sigmas=None):
    """pycocotools' ten numbers, run from files as its documentation has it."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(truth_file))
        evaluation = COCOeval(truth, truth.loadRes(str(found_file)), "keypoints")
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def our_numbers(truth_file, found_file, engine=None):
    annotations = coco.read_annotations(truth_file)
    results, _ = coco.read_results(found_file, annotations.skeleton)
    return oks.average_precision(annotations, results, engine)


def assert_same(truth_file, found_file, sigmas=None):
    """Of both engines, if both are installed."""
    expected = documented_numbers(truth_file, found_file, sigmas)
    installed = importlib.util.find_spec("hotcoco") is not None
    for engine in oks.ENGINES if installed else ("pycocotools",):
        actual = our_numbers(truth_file, found_file, engine)
        assert tuple(actual) == oks.NUMBERS
        np.testing.assert_allclose(list(actual.values()), expected, rtol=0, atol=1e-12)
        assert 0 < actual["AP"] < 1


def test_published_results_score_as_by_pycocotools(shared_data):
    folder = shared_data / "coco"
    files = sorted(folder.glob("results_*_val2017.json"))
    assert len(files) == 2
    for file in files:
        truth_file = folder / "annotations" / "person_keypoints_val2017.json"
        assert_same(truth_file, file)


PAIR = Skeleton(
    name="pair",
    joints=("hand", "foot"),
    flip_pairs=(),
    limbs=(),
    sigmas=tuple(SIGMAS),
    torso=("hand", "foot"),
)


@pytest.fixture
def files(tmp_path):
    """Writes people and poses of photos 1..12; returns the two files' paths."""

    def write(skeleton, people, found):
        images = [{"id": n} for n in range(1, 13)]
        truth = annotations_json(skeleton, images, people)
        write_json(tmp_path / "truth.json", truth)
        write_json(tmp_path / "found.json", found)
        return tmp_path / "truth.json", tmp_path / "found.json"

    return write


class TestAveragePrecision:
    @pytest.mark.parametrize("skeleton", [PAIR, LSP14, COCO17], ids=lambda s: s.name)
    @pytest.mark.parametrize("with_boxes", [False, True])
    def test_crowds_blanks_sizes_and_ties_are_passed_on(
        self, files, skeleton, with_boxes
    ):
        people, found = crowd_scene(len(skeleton), seed=len(skeleton))
        for entry in found if with_boxes else []:
            entry["bbox"] = [0, 0, 50, 50]
        assert_same(*files(skeleton, people, found), skeleton.sigmas)

    def numbers(self, files, found):
        """Of poses (left edge, score) of two people at x = 0 and x = 1000."""

        def at(x):
            return np.array([[x, 0.0], [x + 40, 40]])

        people = [
            annotation_entry(n, 1, at(x), [2, 2], area=1600.0)
            for n, x in ((1, 0), (2, 1000))
        ]
        found = [result_entry(1, at(x), [1, 1], score) for x, score in found]
        return our_numbers(*files(PAIR, people, found))

    def test_perfect_poses_score_one_and_no_people_of_a_size_minus_one(self, files):
        numbers = self.numbers(files, [(0, 0.5), (1000, 0.9)])
        assert {numbers[n] for n in ("AP", "AP50", "APM", "AR", "ARM")} == {1.0}
        assert numbers["APL"] == numbers["ARL"] == -1.0

    def test_half_of_the_people_found_is_half_the_recall(self, files):
        numbers = self.numbers(files, [(0, 0.5)])
        assert numbers["AR"] == 0.5
        # 51 of the 101 recalls 0, .01, ... 1 are reached.
        assert numbers["AP"] == pytest.approx(51 / 101)

    def test_false_pose_counts_only_above_the_true_ones(self, files):
        below = self.numbers(files, [(0, 0.9), (1000, 0.8), (500, 0.1)])
        above = self.numbers(files, [(0, 0.9), (1000, 0.8), (500, 1.0)])
        assert below["AP"] == 1.0
        assert above["AP"] == pytest.approx(2 / 3)

    def test_no_pose_scores_zero_and_nobody_minus_one(self, files):
        numbers = self.numbers(files, [])
        assert numbers["AP"] == numbers["AR"] == 0.0
        nobody = our_numbers(*files(PAIR, [], []))
        assert set(nobody.values()) == {-1.0}

    def test_two_joints_pass_the_thresholds_below_their_mean(self, files):
        truth = np.array([[0.0, 0.0], [100.0, 100.0]])
        # One in place, one a spread (2 x .1 x 100 px) away: (1 + e^-.5) / 2 = .803
        # passes seven of the thresholds .50 .55 ... .95.
        people = [annotation_entry(7, 3, truth, [2, 1], area=1e4)]
        found = [result_entry(3, truth + [[0, 0], [0, 20]], np.ones(2), 1.0)]
        numbers = our_numbers(*files(PAIR, people, found))
        expected = {"AP": 0.7, "AR": 0.7, "APL": 0.7, "AP50": 1, "AP75": 1, "APM": -1}
        assert expected == pytest.approx({name: numbers[name] for name in expected})

    def test_nine_of_fourteen_joints_in_place_pass_three_thresholds(self, files):
        truth = np.stack([np.arange(14) * 9.0, np.zeros(14)], axis=-1)
        moved = truth.copy()
        moved[9:] += 1e5  # 9 / 14 = .643
        people = [annotation_entry(1, 1, truth, np.full(14, 2), area=5e3)]
        found = [result_entry(1, moved, np.ones(14), 1.0)]
        numbers = our_numbers(*files(LSP14, people, found))
        expected = {"AP": 0.3, "AR": 0.3, "APM": 0.3, "AP50": 1, "AP75": 0, "APL": -1}
        assert expected == pytest.approx({name: numbers[name] for name in expected})

    def test_first_annotation_may_have_the_id_zero(self, files):
        truth = np.array([[0.0, 0.0], [100.0, 100.0]])
        people = [annotation_entry(0, 1, truth, [2, 2], area=1e4)]
        found = [result_entry(1, truth, np.ones(2), 1.0)]
        assert our_numbers(*files(PAIR, people, found))["AP"] == pytest.approx(1)

    @pytest.mark.parametrize("engine", oks.ENGINES)
    def test_says_nothing_on_the_terminal(self, files, capfd, engine):
        pytest.importorskip(engine)
        people, found = crowd_scene(14, seed=1)
        our_numbers(*files(LSP14, people, found), engine)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("engine", oks.ENGINES)
    def test_each_engine_takes_no_poses_and_nobody(self, files, engine):
        pytest.importorskip(engine)
        people, found = crowd_scene(14, seed=1)
        assert our_numbers(*files(LSP14, people, []), engine)["AP"] == 0
        nobody = our_numbers(*files(LSP14, [], []), engine)
        assert set(nobody.values()) == {-1.0}
        assert our_numbers(*files(LSP14, [], found), engine) == nobody

    @pytest.mark.parametrize("engine", oks.ENGINES)
    def test_image_ids_may_be_any_integers(self, tmp_path, engine):
        pytest.importorskip(engine)
        truth, ids = np.array([[0.0, 0.0], [100.0, 100.0]]), (-7, 2**62)
        people = [
            annotation_entry(n, photo, truth, [2, 2], area=1e4)
            for n, photo in enumerate(ids)
        ]
        found = [result_entry(ids[0], truth, np.ones(2), 1.0)]
        images = [{"id": photo} for photo in ids]
        write_json(tmp_path / "truth.json", annotations_json(PAIR, images, people))
        write_json(tmp_path / "found.json", found)
        numbers = our_numbers(tmp_path / "truth.json", tmp_path / "found.json", engine)
        assert numbers["AR"] == 0.5

    def test_without_hotcoco_pycocotools_computes(self, files, monkeypatch):
        people, found = crowd_scene(14, seed=1)
        expected = our_numbers(*files(LSP14, people, found), "pycocotools")
        monkeypatch.setitem(sys.modules, "hotcoco", None)
        assert our_numbers(*files(LSP14, people, found)) == expected

    def test_missing_engine_is_said_with_what_to_install(self, files, monkeypatch):
        for module in ("hotcoco", "pycocotools.coco"):
            monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ValueError, match=r"needs pycocotools.*\[coco\]'$"):
            self.numbers(files, [(0, 0.5)])
        with pytest.raises(ValueError, match=r"needs hotcoco.*\[fast\]'$"):
            our_numbers(*files(PAIR, [], []), "hotcoco")
        with pytest.raises(ValueError, match="'own': expected one of hotcoco, pycoco"):
            our_numbers(*files(PAIR, [], []), "own")


class TestSuppression:
    def test_copy_of_a_better_pose_goes(self):
        points = np.array([[[0, 0], [9, 9]], [[0, 0], [9, 8.9]], [[30, 0], [39, 9]]])
        kept = oks.oks_nms(points, [0.5, 0.6, 0.1], [400.0] * 3, SIGMAS)
        assert kept.tolist() == [1, 2]

    def test_threshold_is_compared_at_the_mean_area(self):
        # Mean area 100, one spread away in both joints: OKS exp(-1/2) = .607.
        points = np.array([[[0, 0], [0, 0]], [[1, 0], [2, 0]]], float)
        for threshold, count in ((0.6, 1), (0.61, 2)):
            kept = oks.oks_nms(points, [1, 0], [50.0, 150.0], SIGMAS, threshold)
            assert len(kept) == count

    def test_chain_is_suppressed_only_by_poses_that_stay(self):
        # 0 drops 1; 2 is near 1 but not near 0, so it stays.
        points = np.array([[[x, 0], [x, 0]] for x in (0.0, 1.0, 2.0)])
        kept = oks.oks_nms(points, [3, 2, 1], [100.0] * 3, [0.1, 0.1], 0.85)
        assert kept.tolist() == [0, 2]

    def test_empty(self):
        assert oks.oks_nms(np.zeros((0, 2, 2)), [], [], SIGMAS).tolist() == []
