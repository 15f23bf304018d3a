"""Laws of what may be added to PoseFix's errors, and of the errors in JAX."""

import functools

import jax
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tests.synthesis.test_posefix import (
    AREA,
    COCO,
    INVERSION,
    JITTER,
    RARE,
    SWAP,
    crowd,
    distance,
    frequencies_agree,
    is_uniform,
    published_probabilities,
    spread_pose,
)
from tfpose.config import override
from tfpose.errors import ConfigError
from tfpose.recipes import posefix as recipes
from tfpose.skeletons import COCO17, COCO17_LSP14, LSP14, bare_name
from tfpose.synthesis import device, posefix, variations
from tfpose.synthesis.options import LIMBS, Options

LIMB_SHARES = {"legs": 0.2, "arms": 0.1, "everything": 0.1, "lower_arms": 0.3}
SET_SHARES = {"lsp14": 0.36, "coco17": 0.36, "all": 0.14, "none": 0.14}
PEOPLE, NEIGHBORS = 1500, 8
NAMES = ("keypoints", "valid", "neighbors", "neighbors_valid", "area")


def in_tensorflow(people, seed=0, options=None):
    found = posefix.synthesize(
        *(tf.constant(people[name]) for name in NAMES),
        COCO,
        tf.constant([seed, 3]),
        options=options,
    )
    return {name: value.numpy() for name, value in found.items()}


def in_jax(people, seed=0, options=None):
    found = compiled(options is EXCHANGED)(people, jax.random.key(seed))
    return {name: np.asarray(value) for name, value in found.items()}


EXCHANGED = Options(exchanged_limbs={"everything": 1.0}, given_joints={"lsp14": 1.0})


@functools.cache
def compiled(exchanges):
    options = EXCHANGED if exchanges else Options()
    return jax.jit(lambda people, key: device.synthesize(people, COCO, key, options))


def drawn(near=NEIGHBORS, valid=None, people=PEOPLE):
    """A batch of people of which everything is labeled unless told otherwise.

    All have ``NEIGHBORS`` neighbors, so that JAX compiles once; ``near`` count.
    """
    ones = np.ones((people, 17), np.float32)
    there = np.arange(NEIGHBORS) < near
    return {
        "keypoints": spread_pose(people, 17),
        "valid": ones if valid is None else np.float32(valid),
        "neighbors": crowd(people, NEIGHBORS),
        "neighbors_valid": np.float32(ones[:, None] * there[:, None]),
        "area": np.full(people, AREA, np.float32),
    }


# --- the paper's errors in JAX -------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("valid_count, near", [(17, 0), (15, 3), (8, 1), (4, 2)])
def test_jax_errs_as_often_as_the_tables_say(valid_count, near):
    valid = np.zeros((PEOPLE, 17))
    valid[:, 17 - valid_count :] = 1
    error = in_jax(drawn(near, valid), valid_count)["error"]
    for joint in range(17):
        if not valid[0, joint]:
            assert (error[:, joint] == -1).all()
            continue
        expected = published_probabilities(joint, valid_count, near)
        mirror = COCO.flip_permutation[joint]
        if mirror == joint or not valid[0, mirror]:
            expected[INVERSION] = 0
        if not near:
            expected[SWAP] = 0
        assert frequencies_agree(error[:, joint], expected / expected.sum())


@pytest.mark.slow
def test_positions_in_a_crowd_have_one_distribution_in_both():
    """A hip whose mirror joint and two neighbors stand within each other's reach."""
    people, hip, mirror = drawn(2), COCO.index("left_hip"), COCO.index("right_hip")
    own = people["keypoints"][0, hip]
    people["keypoints"][:, mirror] = own + np.float32([30, 5])
    people["neighbors"][:, :2, hip] = own + np.float32([[-25, 20], [10, -40]])
    people["neighbors"][:, :2, mirror] = own + np.float32([[-45, -10], [60, 25]])
    one, other = in_tensorflow(people, 5), in_jax(people, 5)
    counts = [
        np.bincount(found["error"][:, hip], minlength=5) for found in (one, other)
    ]
    assert scipy.stats.chi2_contingency(counts).pvalue > RARE
    for error in range(5):
        places = [
            f["keypoints"][f["error"][:, hip] == error, hip] for f in (one, other)
        ]
        for axis in ([1, 0], [0.6, 0.8]):
            projected = [place @ np.array(axis) for place in places]
            assert scipy.stats.ks_2samp(*projected).pvalue > 1e-4


@pytest.mark.slow
def test_an_impossible_error_leaves_the_others_their_proportions_in_jax():
    joint = COCO.index("left_hip")
    angles = np.arange(NEIGHBORS) * 2 * np.pi / NEIGHBORS
    ring = 0.5 * distance(joint, 0.85) * np.stack([np.cos(angles), np.sin(angles)], -1)
    people = drawn()
    people["neighbors"] = people["keypoints"][:, None] + np.float32(ring)[None, :, None]
    people["neighbors_valid"] *= np.float32(np.arange(17) == joint)
    expected = published_probabilities(joint, 17, NEIGHBORS)
    expected[JITTER] = 0
    errors = in_jax(people)["error"][:, joint]
    assert frequencies_agree(errors, expected / expected.sum())


@pytest.mark.slow
def test_a_person_without_extent_has_no_joints_in_jax():
    people = drawn(0)
    people["area"][:3] = 0
    found = in_jax(people)
    assert (found["error"][:3] == -1).all() and not found["keypoints"][:3].any()
    assert found["valid"][3:].all()


@pytest.mark.slow
def test_one_key_gives_one_pose():
    first, again, other = (in_jax(drawn(), seed)["keypoints"] for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


# --- options: how often --------------------------------------------------------------


def draw(way, name, *given):
    """What one of the functions of ``variations`` or of ``device`` draws."""
    if way == "tensorflow":
        return getattr(variations, name)(*given, tf.constant([1, 2])).numpy()
    return np.asarray(getattr(device, name)(*given, jax.random.key(3)))


both_ways = pytest.mark.parametrize("way", ["tensorflow", "jax"])
MANY = 6000


@both_ways
def test_levels_of_quality_are_uniform(way):
    found = draw(way, "quality", MANY, Options(quality=0.4))
    below = found[found < 1]
    assert scipy.stats.binomtest(len(below), MANY, 0.4).pvalue > RARE
    assert is_uniform(below, 0, 1)


@both_ways
def test_limbs_change_sides_as_often_as_the_table_says(way):
    valid = np.ones((MANY, 14), np.float32)
    options = Options(exchanged_limbs=LIMB_SHARES)
    moved = draw(way, "exchanged", valid, LSP14, options)
    names = [bare_name(joint) for joint in LSP14.joints]
    rows = {
        limb: [LIMBS[limb] is None or name in LIMBS[limb] for name in names]
        for limb in LIMB_SHARES
    }
    counts = [(moved == row).all(axis=1).sum() for row in rows.values()]
    counts.append((~moved).all(axis=1).sum())
    assert sum(counts) == MANY  # whole limbs, of both sides
    shares = np.array([*LIMB_SHARES.values(), 1 - sum(LIMB_SHARES.values())])
    assert scipy.stats.chisquare(counts, MANY * shares).pvalue > RARE


@both_ways
def test_a_joint_without_its_mirror_joint_stays(way):
    valid = np.ones((5, 17), np.float32)
    left, right = COCO.index("left_knee"), COCO.index("right_knee")
    valid[:, right] = 0
    moved = draw(way, "exchanged", valid, COCO, Options(exchanged_limbs={"legs": 1}))
    assert not moved[:, [left, right]].any()
    assert moved[:, [COCO.index("left_hip"), COCO.index("right_ankle")]].all()


@both_ways
def test_sets_of_joints_are_given_as_often_as_the_table_says(way):
    skeleton = COCO17_LSP14
    found = draw(way, "given", MANY, skeleton, Options(given_joints=SET_SHARES))
    sets = {
        "lsp14": [joint in LSP14.joints for joint in skeleton.joints],
        "coco17": [joint in COCO17.joints for joint in skeleton.joints],
        "all": [True] * 19,
        "none": [False] * 19,
    }
    counts = [(found == row).all(axis=1).sum() for row in sets.values()]
    assert sum(counts) == MANY
    expected = MANY * np.array([SET_SHARES[name] for name in sets])
    assert scipy.stats.chisquare(counts, expected).pvalue > RARE


@both_ways
def test_some_people_lose_few_joints_and_some_lose_many(way):
    options = Options(lost_joints=(0.02, 0.3), many_lost=0.2)
    lost = 17 - draw(way, "given", MANY, COCO, options).sum(axis=1)
    counts = np.bincount(lost.astype(int), minlength=18)
    few, many = (scipy.stats.binom.pmf(np.arange(18), 17, p) for p in (0.02, 0.3))
    expected = MANY * (0.8 * few + 0.2 * many)
    rare = expected < 5  # these numbers count as one
    counts = [*counts[~rare], counts[rare].sum()]
    expected = [*expected[~rare], expected[rare].sum()]
    assert scipy.stats.chisquare(counts, expected).pvalue > RARE


# --- options: what they do -----------------------------------------------------------


def test_quality_makes_some_people_err_less():
    found = in_tensorflow(drawn(1), 1, Options(quality=0.6))["error"]
    for joint in (9, 16):
        # 0.4 err as often as the tables say, 0.6 half as often on average.
        expected = published_probabilities(joint, 17, 1)
        expected[1:] *= 0.4 + 0.6 / 2
        expected[0] = 1 - expected[1:].sum()
        assert frequencies_agree(found[:, joint], expected)
    # Whole people are good: far more have no error than with independent joints.
    without = (found == 0).all(axis=1).mean()
    assert without > 1.5 * np.prod((found == 0).mean(axis=0))


@pytest.mark.slow
@pytest.mark.parametrize("synthesize", [in_tensorflow, in_jax])
def test_exchanged_joints_are_those_of_the_other_side_and_only_the_set_is_given(
    synthesize,
):
    people = drawn(0)
    found = synthesize(people, 0, EXCHANGED)
    given = [joint in LSP14.joints for joint in COCO.joints]
    np.testing.assert_array_equal(found["valid"], np.tile(given, (PEOPLE, 1)))
    np.testing.assert_array_equal(found["error"] < 0, found["valid"] == 0)
    assert not found["keypoints"][found["valid"] == 0].any()
    true = people["keypoints"][:1]
    apart = np.linalg.norm(found["keypoints"][:, :, None] - true[:, None], axis=-1)
    places = apart.argmin(axis=-1)
    good = found["error"] == posefix.ERRORS.index("good")
    mirror = np.broadcast_to(COCO.flip_permutation, places.shape)
    np.testing.assert_array_equal(places[good], mirror[good])
    # An inverted joint is back where it belongs.
    inverted = found["error"] == INVERSION
    own = np.broadcast_to(np.arange(17), places.shape)
    np.testing.assert_array_equal(places[inverted], own[inverted])
    assert good.sum() > PEOPLE and inverted.sum() > 100


def test_what_is_not_labeled_is_never_given():
    valid = np.random.default_rng(0).integers(0, 2, (100, 17))
    people = drawn(0, valid, people=100)
    found = in_tensorflow(people, 4, Options(given_joints={"all": 1.0}))
    np.testing.assert_array_equal(found["valid"], valid)


# --- settings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting, message",
    [
        ("quality=2", "quality: expected 0 to 1, found 2.0"),
        ("lost_joints=0.1", "lost_joints: expected two chances"),
        ("lost_joints=0.1,3", "lost_joints: expected 0 to 1"),
        ("exchanged_limbs=tail:0.1", "exchanged_limbs: expected shares of some of"),
        ("exchanged_limbs=legs:0.7,arms:0.6", "expected shares of one whole"),
        ("given_joints=none:-1", "expected shares of one whole"),
        ("given_joints=none", "expected a value like {}"),
        ("exchanged_limbs=legs:many", "expected a value like {}"),
        ("given_joints=lsp15:1", "given_joints: expected shares of some of"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(setting, message):
    with pytest.raises(ConfigError, match=message) as error:
        override(recipes.tiny(), [setting])
    assert "\n" not in str(error.value)


def test_options_are_settings_of_every_posefix_recipe():
    settings = ["exchanged_limbs=legs:0.05,arms:0.03", "lost_joints=0.02,0.3"]
    chosen = override(recipes.tiny(), [*settings, "quality=0.5"])
    assert chosen.synthesis == {
        "errors": "posefix",
        "exchanged_limbs": {"legs": 0.05, "arms": 0.03},
        "lost_joints": (0.02, 0.3),
        "quality": 0.5,
    }
    assert type(chosen).from_json(chosen.to_json()) == chosen
    with pytest.raises(ConfigError, match="synthesis: expected some of .*'tail'"):
        type(chosen).from_json(
            {**chosen.to_json(), "synthesis": {"errors": "posefix", "tail": 1}}
        )
