"""OKS and its average precision: by hand, and against pycocotools."""

import contextlib
import io
import json

import numpy as np
import pytest

from tfpose import poses
from tfpose.evaluate import evaluate_poses
from tfpose.metrics import oks
from tfpose.skeleton import COCO17

SIGMAS = [0.05, 0.1]
NUMBERS = ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]


class TestSimilarity:
    def test_same_place_is_one(self):
        assert oks.keypoint_similarity(np.zeros(2), 9.0, SIGMAS).tolist() == [1, 1]

    def test_one_spread_away_is_exp_minus_half(self):
        # k s with k = 2 sigma, s = sqrt(area) = 10: 1 px and 2 px.
        similarity = oks.keypoint_similarity(np.array([1.0, 4.0]), 100.0, SIGMAS)
        np.testing.assert_allclose(similarity, np.exp(-0.5))

    def test_oks_is_the_mean_over_labelled_joints(self):
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

    def test_unlabelled_person_is_met_by_poses_in_its_doubled_box(self):
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


def crowd_scene(joints, seed, exact=False):
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
            person = poses.annotation_entry(
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
                found.append(
                    poses.result_entry(image_id, moved, np.ones(joints), score)
                )
        for _ in range(random.choice([0, 2, 30])):
            points = random.uniform(0, 300, (joints, 2))
            found.append(poses.result_entry(image_id, points, np.ones(joints), 0.3))
    return people, found


def coco_numbers(truth, found, sigmas):
    """pycocotools' ten numbers, in silence."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        index = coco.COCO()
        index.dataset = json.loads(json.dumps(truth))
        index.createIndex()
        found = index.loadRes(json.loads(json.dumps(found)))
        evaluation = cocoeval.COCOeval(index, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def our_numbers(folder, truth, found):
    poses.write_json(folder / "truth.json", truth)
    poses.write_json(folder / "found.json", found)
    annotations = poses.read_annotations(folder / "truth.json")
    results, _ = poses.read_results(folder / "found.json", annotations.skeleton)
    scores = evaluate_poses(annotations, results, "oks")
    return np.array([scores[name] for name in NUMBERS])


class TestAveragePrecision:
    @pytest.mark.parametrize("joints", [2, 14, 17, 21])
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_equals_pycocotools_for_any_skeleton(self, tmp_path, joints, seed):
        names = ["left_shoulder", "right_hip"] + [
            f"joint{k}" for k in range(joints - 2)
        ]
        category = {
            "id": 1,
            "name": "thing",
            "keypoints": names,
            "sigmas": np.linspace(0.03, 0.11, joints).tolist(),
        }
        people, found = crowd_scene(joints, seed)
        truth = {
            "images": [{"id": n} for n in range(1, 13)],
            "annotations": people,
            "categories": [category],
        }
        expected = coco_numbers(truth, found, category["sigmas"])
        actual = our_numbers(tmp_path, truth, found)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9)
        assert 0 < actual[0] < 1

    def test_boxes_of_results_decide_their_size_as_in_pycocotools(self, tmp_path):
        people, found = crowd_scene(17, 5)
        for entry in found:
            entry["bbox"] = [0, 0, 50, 50]
        truth = poses.annotations_json(
            COCO17, [{"id": n} for n in range(1, 13)], people
        )
        expected = coco_numbers(truth, found, COCO17.sigmas)
        actual = our_numbers(tmp_path, truth, found)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9)

    def numbers(self, pose_x, scores):
        """Two medium people at x = 0 and 1000, and poses around them."""
        targets = np.array([0.0, 1000.0])[:, None, None] + [[0, 0], [40, 40]]
        pose_x = np.array(pose_x, float)[:, None, None]
        return oks.average_precision(
            SIGMAS,
            target_image_ids=np.array([1, 1]),
            targets=targets,
            visible=np.full((2, 2), 2),
            areas=np.array([1600.0, 1600.0]),
            boxes=np.array([[0, 0, 40, 40], [1000, 0, 40, 40.0]]),
            crowd=np.zeros(2, bool),
            image_ids=np.ones(len(pose_x), np.int64),
            keypoints=pose_x + np.array([[0, 0], [40, 40.0]]),
            pose_scores=np.array(scores, float),
        )

    def test_perfect_poses_score_one_and_no_people_of_a_size_minus_one(self):
        numbers = self.numbers([0, 1000], [0.5, 0.9])
        assert {numbers[n] for n in ("AP", "AP50", "APM", "AR", "ARM")} == {1.0}
        assert numbers["APL"] == numbers["ARL"] == -1.0
        assert list(numbers) == NUMBERS

    def test_half_of_the_people_found_is_half_the_recall(self):
        numbers = self.numbers([0], [0.5])
        assert numbers["AR"] == 0.5
        # 51 of the 101 recalls 0, .01, ... 1 are reached.
        assert numbers["AP"] == pytest.approx(51 / 101)

    def test_false_pose_counts_only_above_the_true_ones(self):
        below = self.numbers([0, 1000, 500], [0.9, 0.8, 0.1])
        above = self.numbers([0, 1000, 500], [0.9, 0.8, 1.0])
        assert below["AP"] == 1.0
        assert above["AP"] == pytest.approx(2 / 3)

    def test_no_pose_scores_zero(self):
        numbers = self.numbers([], [])
        assert numbers["AP"] == numbers["AR"] == 0.0

    def test_published_results_equal_pycocotools(self, shared_data):
        folder = shared_data / "coco"
        path = folder / "annotations" / "person_keypoints_val2017.json"
        truth = json.loads(path.read_text())
        annotations = poses.read_annotations(path)
        files = sorted(folder.glob("results_*_val2017.json"))
        assert len(files) == 2
        for file in files:
            results, _ = poses.read_results(file, COCO17)
            scores = evaluate_poses(annotations, results, "oks")
            expected = coco_numbers(truth, json.loads(file.read_text()), COCO17.sigmas)
            actual = np.array([scores[name] for name in NUMBERS])
            np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9)


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
