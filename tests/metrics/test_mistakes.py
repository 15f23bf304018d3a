"""The taxonomy of mistakes on two hand-made people, one case a type."""

import numpy as np
import pytest

from tfpose.metrics import mistakes

# Joints: left hand, right hand, head. Area 100, sigma .05: one spread is 1 px, so
# KS is exp(-d^2 / 2): .85 at .570 px and .5 at 1.177 px.
SIGMAS = [0.05, 0.05, 0.05]
FLIP = np.array([1, 0, 2])
LEFT, RIGHT, HEAD = range(3)
TARGETS = np.array(
    [[[0, 0], [20, 0], [10, 30]], [[100, 0], [120, 0], [110, 30]]], np.float64
)
AREAS = np.array([100.0, 100.0])
SEEN = np.full((2, 3), 2)


def kinds(pose, own=0, visible=SEEN, targets=TARGETS, areas=AREAS, flip=FLIP):
    types = mistakes.classify(
        np.array([pose], np.float64), [own], targets, visible, areas, SIGMAS, flip
    )
    assert types.dtype == np.int8
    return [mistakes.TYPES[kind] if kind >= 0 else None for kind in types[0]]


def moved(joint, place):
    """The first person's pose with one joint elsewhere."""
    pose = TARGETS[0].copy()
    pose[joint] = place
    return pose


def test_truth_is_good():
    assert kinds(TARGETS[0]) == ["good"] * 3
    assert kinds(TARGETS[1], own=1) == ["good"] * 3


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ((0.56, 0), "good"),
        ((0.58, 0), "jitter"),
        ((0, 1.17), "jitter"),
        ((0, 1.19), "miss"),
        ((50, 50), "miss"),
        ((20, 0), "inversion"),
        ((20, 1.17), "inversion"),
        ((20, 1.19), "miss"),
        ((100, 0), "swap"),
        ((120, 0), "swap"),
        ((120, 1.17), "swap"),
        ((110, 30), "miss"),
    ],
)
def test_each_type_has_its_place(place, kind):
    assert kinds(moved(LEFT, place)) == [kind, "good", "good"]


def test_joint_without_mirror_has_no_inversion():
    assert kinds(moved(HEAD, (10, 30.8)))[HEAD] == "jitter"
    assert kinds(moved(HEAD, (110, 30)))[HEAD] == "swap"


def test_exactly_at_the_border_of_good_is_good(monkeypatch):
    similarity = mistakes.keypoint_similarity(np.array([0.25]), 100.0, SIGMAS[:1])
    monkeypatch.setattr(mistakes, "GOOD_SIMILARITY", similarity[0])
    assert kinds(moved(LEFT, (0.5, 0)))[LEFT] == "good"


def test_unlabeled_own_joint_is_not_classified():
    visible = np.array([[0, 2, 2], [2, 2, 2]])
    assert kinds(moved(LEFT, (100, 0)), visible=visible) == [None, "good", "good"]


def test_unlabeled_joints_of_others_attract_nothing():
    visible = np.array([[2, 2, 2], [0, 2, 2]])
    assert kinds(moved(LEFT, (100, 0)), visible=visible)[LEFT] == "miss"
    visible = np.array([[2, 0, 2], [2, 2, 2]])
    assert kinds(moved(LEFT, (20, 0)), visible=visible)[LEFT] == "miss"


def test_nearest_of_several_decides():
    targets = TARGETS.copy()
    targets[1, LEFT] = (1, 0)
    pose = moved(LEFT, (0.4, 0))
    assert kinds(pose, targets=targets)[LEFT] == "good"
    pose = moved(LEFT, (0.6, 0))
    assert kinds(pose, targets=targets)[LEFT] == "swap"


def test_similarity_uses_the_compared_persons_own_area():
    pose = moved(LEFT, (103, 0))
    assert kinds(pose)[LEFT] == "miss"
    assert kinds(pose, areas=np.array([100.0, 1000.0]))[LEFT] == "swap"


def test_tie_goes_to_the_person_then_to_its_mirror():
    targets = TARGETS.copy()
    targets[1, LEFT] = targets[0, LEFT]
    assert kinds(TARGETS[0], targets=targets)[LEFT] == "good"
    targets[1, LEFT] = targets[0, RIGHT]
    assert kinds(moved(LEFT, (20, 0)), targets=targets)[LEFT] == "inversion"


def test_someone_alone_has_no_swap():
    pose = np.random.default_rng(0).uniform(0, 130, (200, 3, 2))
    types = mistakes.classify(
        pose, np.zeros(200, int), TARGETS[:1], SEEN[:1], AREAS[:1], SIGMAS, FLIP
    )
    assert mistakes.SWAP not in types


def test_counts_add_up_to_the_labeled_joints():
    random = np.random.default_rng(0)
    visible = np.array([[2, 0, 1], [0, 2, 2]])
    own = random.integers(0, 2, 300)
    pose = TARGETS[own][:, random.permutation(3)] + random.normal(0, 1, (300, 3, 2))
    types = mistakes.classify(pose, own, TARGETS, visible, AREAS, SIGMAS, FLIP)
    counts = mistakes.count_types(types)
    assert counts.shape == (5, 3)
    assert counts.sum(axis=0).tolist() == (visible[own] > 0).sum(axis=0).tolist()


def test_nobody_gives_no_types():
    types = mistakes.classify(
        np.zeros((0, 3, 2)), [], TARGETS[:0], SEEN[:0], AREAS[:0], SIGMAS, FLIP
    )
    assert types.shape == (0, 3)
    assert mistakes.count_types(types).sum() == 0


class TestCorrection:
    # KS .5 and .85 with the spread of 1 px.
    NEAR, GOOD = np.sqrt(-2 * np.log([0.5, 0.85]))

    def left_hand(self, place, kind, areas=AREAS, visible=SEEN):
        """Where the first person's left hand, whose label is (0, 0), ends up."""
        pose = np.array([moved(LEFT, place)])
        corrected = mistakes.correct(
            pose, [0], TARGETS, visible, areas, SIGMAS, FLIP, [kind]
        )
        np.testing.assert_array_equal(corrected[0, RIGHT:], TARGETS[0, RIGHT:])
        return corrected[0, LEFT]

    def test_a_miss_comes_half_way_home(self):
        found = self.left_hand((50, 50), "miss")
        np.testing.assert_allclose(found, self.NEAR / np.sqrt(2))

    def test_jitter_comes_to_the_border_of_good(self):
        np.testing.assert_allclose(self.left_hand((0, 1), "jitter"), [0, self.GOOD])

    def test_an_inversion_becomes_as_near_as_to_the_wrong_hand(self):
        found = self.left_hand((20.5, 0), "inversion")
        np.testing.assert_allclose(found, [0.5, 0], atol=1e-9)
        np.testing.assert_allclose(self.left_hand((20, 0), "inversion"), [0, 0])

    def test_a_swap_becomes_as_near_in_the_own_size(self):
        # The other person's spread is 2 px, the own one 1 px.
        found = self.left_hand((100.6, 0), "swap", np.array([100.0, 400.0]))
        np.testing.assert_allclose(found, [0.3, 0], atol=1e-9)

    @pytest.mark.parametrize("kind", mistakes.CORRECTION_ORDER)
    def test_other_kinds_stay(self, kind):
        places = {"miss": (50, 50), "jitter": (0, 1), "inversion": (20, 0.5),
                  "swap": (100, 0.5)}  # fmt: skip
        for other, place in places.items():
            stays = tuple(self.left_hand(place, kind)) == place
            assert stays == (kind != other)

    def test_a_joint_without_label_stays(self):
        visible = np.array([[0, 2, 2], [2, 2, 2]])
        found = self.left_hand((50, 50), "miss", visible=visible)
        assert found.tolist() == [50, 50]

    def test_nobody_stays_nobody(self):
        corrected = mistakes.correct(
            np.zeros((0, 3, 2)), [], TARGETS, SEEN, AREAS, SIGMAS, FLIP, ["miss"]
        )
        assert corrected.shape == (0, 3, 2)
