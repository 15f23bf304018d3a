"""Laws of what may be added to PoseFix's errors, in TensorFlow and in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tests.synthesis.test_posefix import (
    AREA,
    COCO,
    INVERSION,
    RARE,
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
from tfpose.skeletons import COCO17, COCO17_LSP14, LSP14
from tfpose.synthesis import device, posefix
from tfpose.synthesis.options import LIMBS, Options

LIMB_SHARES = {"legs": 0.2, "arms": 0.1, "everything": 0.1, "lower_arms": 0.3}
SET_SHARES = {"lsp14": 0.36, "coco17": 0.36, "all": 0.14, "none": 0.14}
PEOPLE = 3000


def in_tensorflow(people, skeleton, seed, options):
    found = posefix.synthesize(
        *(tf.constant(people[name]) for name in NAMES),
        skeleton,
        tf.constant([seed, 3]),
        options=options,
    )
    return {name: value.numpy() for name, value in found.items()}


def in_jax(people, skeleton, seed, options):
    compiled = jax.jit(
        lambda people, key: device.synthesize(people, skeleton, key, options)
    )
    found = compiled(people, jax.random.key(seed))
    return {name: np.asarray(value) for name, value in found.items()}


NAMES = ("keypoints", "valid", "neighbors", "neighbors_valid", "area")
both_ways = pytest.mark.parametrize("synthesize", [in_tensorflow, in_jax])


def drawn(pose, near, valid=None):
    """A batch of people of which everything is labeled unless told otherwise."""
    ones = np.ones(pose.shape[:2], np.float32)
    return {
        "keypoints": pose,
        "valid": ones if valid is None else np.float32(valid),
        "neighbors": near,
        "neighbors_valid": np.ones(near.shape[:3], np.float32),
        "area": np.full(len(pose), AREA, np.float32),
    }


# --- the paper's errors in JAX -----------------------------------------------------


@pytest.mark.parametrize("valid_count, near", [(17, 0), (15, 3), (8, 1), (4, 2)])
def test_jax_errs_as_often_as_the_tables_say(valid_count, near):
    valid = np.zeros((PEOPLE, 17))
    valid[:, 17 - valid_count :] = 1
    people = drawn(spread_pose(PEOPLE, 17), crowd(PEOPLE, near), valid)
    error = in_jax(people, COCO, valid_count, Options())["error"]
    for joint in range(17):
        if not valid[0, joint]:
            assert (error[:, joint] == -1).all()
            continue
        expected = published_probabilities(joint, valid_count, near)
        mirror = COCO.flip_permutation[joint]
        if mirror == joint or not valid[0, mirror]:
            expected[INVERSION] = 0
        if not near:
            expected[posefix.ERRORS.index("swap")] = 0
        assert frequencies_agree(error[:, joint], expected / expected.sum())


def close_people():
    """A hip whose mirror joint and two neighbors stand within each other's reach."""
    pose, near = spread_pose(2 * PEOPLE, 17), crowd(2 * PEOPLE, 2)
    hip, mirror = COCO.index("left_hip"), COCO.index("right_hip")
    own = pose[0, hip]
    pose[:, mirror] = own + np.float32([30, 5])
    near[:, :, hip] = own + np.float32([[-25, 20], [10, -40]])
    near[:, :, mirror] = own + np.float32([[-45, -10], [60, 25]])
    return drawn(pose, near), hip


def test_positions_in_a_crowd_have_one_distribution_in_both():
    people, hip = close_people()
    one, other = (way(people, COCO, 5, Options()) for way in (in_tensorflow, in_jax))
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


def test_an_impossible_error_leaves_the_others_their_proportions_in_jax():
    joint = COCO.index("left_hip")
    angles = np.arange(8) * np.pi / 4
    ring = 0.5 * distance(joint, 0.85) * np.stack([np.cos(angles), np.sin(angles)], -1)
    pose = spread_pose(PEOPLE, 17)
    people = drawn(pose, pose[:, None] + np.float32(ring)[None, :, None])
    people["neighbors_valid"] *= np.arange(17) == joint
    expected = published_probabilities(joint, 17, 8)
    expected[1] = 0
    errors = in_jax(people, COCO, 0, Options())["error"][:, joint]
    assert frequencies_agree(errors, expected / expected.sum())


def test_a_person_without_extent_has_no_joints_in_jax():
    people = drawn(spread_pose(5, 17), crowd(5, 0))
    found = in_jax({**people, "area": np.zeros(5, np.float32)}, COCO, 0, Options())
    assert (found["error"] == -1).all() and not found["keypoints"].any()


# --- quality -------------------------------------------------------------------------


@both_ways
def test_quality_makes_some_people_err_less(synthesize):
    people = drawn(spread_pose(PEOPLE, 17), crowd(PEOPLE, 1))
    found = synthesize(people, COCO, 1, Options(quality=0.6))["error"]
    # 0.4 err as often as the tables say, 0.6 half as often on average.
    for joint in (0, 9, 16):
        expected = published_probabilities(joint, 17, 1)
        if COCO.flip_permutation[joint] == joint:
            expected[INVERSION] = 0
        expected[1:] *= 0.4 + 0.6 / 2
        expected[0] = 1 - expected[1:].sum() if joint else expected[0]
        if joint:
            assert frequencies_agree(found[:, joint], expected)
    # Whole people are good: far more have no error than with independent joints.
    without = (found == 0).all(axis=1).mean()
    assert without > 1.5 * np.prod((found == 0).mean(axis=0))


# --- limbs ---------------------------------------------------------------------------


def nearest(keypoints, pose):
    """i64[B, K]: which joint of the true pose each joint is nearest to."""
    return np.linalg.norm(keypoints[:, :, None] - pose[:, None], axis=-1).argmin(-1)


@both_ways
def test_limbs_change_sides_as_often_as_the_table_says(synthesize):
    options = Options(exchanged_limbs=LIMB_SHARES, quality=1.0)
    skeleton, people = LSP14, drawn(spread_pose(PEOPLE, 14), crowd(PEOPLE, 0, 14))
    found = synthesize(people, skeleton, 2, options)
    good = found["error"] == 0
    moved = nearest(found["keypoints"], people["keypoints"]) != np.arange(14)
    expected = {}
    for limb, share in LIMB_SHARES.items():
        for joint in skeleton.joints:
            names = LIMBS[limb]
            if names is None or joint.split("_")[-1] in names:
                expected[joint] = expected.get(joint, 0) + share
    for index, joint in enumerate(skeleton.joints):
        share = moved[good[:, index], index].mean()
        if joint in ("neck", "head_top"):
            assert share == 0
        else:
            assert share == pytest.approx(expected[joint], abs=0.03), joint
    # A limb changes sides as a whole.
    knees, hips = skeleton.index("left_knee"), skeleton.index("left_hip")
    whole = good[:, knees] & good[:, hips]
    np.testing.assert_array_equal(moved[whole, knees], moved[whole, hips])


@both_ways
def test_an_exchanged_joint_is_that_of_the_other_side(synthesize):
    people = drawn(spread_pose(200, 17), crowd(200, 0))
    found = synthesize(people, COCO, 0, Options(exchanged_limbs={"everything": 1.0}))
    places = nearest(found["keypoints"], people["keypoints"])
    good = found["error"] == 0
    expected = np.broadcast_to(COCO.flip_permutation, places.shape)
    np.testing.assert_array_equal(places[good], expected[good])
    # An inverted joint is back where it belongs.
    inverted = found["error"] == INVERSION
    own = np.broadcast_to(np.arange(17), places.shape)
    np.testing.assert_array_equal(places[inverted], own[inverted])


@both_ways
def test_a_joint_without_its_mirror_joint_stays(synthesize):
    valid = np.ones((50, 17))
    left, right = COCO.index("left_knee"), COCO.index("right_knee")
    valid[:, right] = 0
    people = drawn(spread_pose(50, 17), crowd(50, 0), valid)
    found = synthesize(people, COCO, 0, Options(exchanged_limbs={"legs": 1.0}))
    good = found["error"] == 0
    places = nearest(found["keypoints"], people["keypoints"])
    assert (places[good[:, left], left] == left).all()
    hip, other = COCO.index("left_hip"), COCO.index("right_hip")
    assert (places[good[:, hip], hip] == other).all()
    assert not found["valid"][:, right].any()


# --- what is left out ----------------------------------------------------------------


@both_ways
def test_sets_of_joints_are_given_as_often_as_the_table_says(synthesize):
    skeleton = COCO17_LSP14
    people = drawn(spread_pose(PEOPLE, 19), crowd(PEOPLE, 0, 19))
    found = synthesize(people, skeleton, 4, Options(given_joints=SET_SHARES))
    sets = {
        "lsp14": [joint in LSP14.joints for joint in skeleton.joints],
        "coco17": [joint in COCO17.joints for joint in skeleton.joints],
        "all": [True] * 19,
        "none": [False] * 19,
    }
    counts = [(found["valid"] == row).all(axis=1).sum() for row in sets.values()]
    assert sum(counts) == PEOPLE
    expected = PEOPLE * np.array([SET_SHARES[name] for name in sets])
    assert scipy.stats.chisquare(counts, expected).pvalue > RARE
    assert not found["keypoints"][found["valid"] == 0].any()
    np.testing.assert_array_equal(found["error"] < 0, found["valid"] == 0)


@both_ways
def test_what_is_not_labeled_is_never_given(synthesize):
    labeled = np.array([joint in LSP14.joints for joint in COCO17_LSP14.joints])
    valid = np.tile(labeled, (100, 1))
    people = drawn(spread_pose(100, 19), crowd(100, 0, 19), valid)
    found = synthesize(people, COCO17_LSP14, 4, Options(given_joints={"all": 1.0}))
    np.testing.assert_array_equal(found["valid"], valid)


@both_ways
def test_some_people_lose_few_joints_and_some_lose_many(synthesize):
    people = drawn(spread_pose(PEOPLE, 17), crowd(PEOPLE, 0))
    options = Options(lost_joints=(0.02, 0.3), many_lost=0.2)
    lost = 17 - synthesize(people, COCO, 5, options)["valid"].sum(axis=1)
    counts = np.bincount(lost.astype(int), minlength=18)
    few, many = (scipy.stats.binom.pmf(np.arange(18), 17, p) for p in (0.02, 0.3))
    expected = PEOPLE * (0.8 * few + 0.2 * many)
    # The rare numbers count as one.
    rare = expected < 5
    assert (
        scipy.stats.chisquare(
            [*counts[~rare], counts[rare].sum()],
            [*expected[~rare], expected[rare].sum()],
        ).pvalue
        > RARE
    )


@both_ways
def test_levels_of_quality_are_uniform(synthesize):
    options = Options(quality=0.5)
    if synthesize is in_jax:
        found = np.asarray(device.quality(PEOPLE, options, jax.random.key(3)))
    else:
        from tfpose.synthesis import variations

        found = variations.quality(PEOPLE, options, tf.constant([1, 2])).numpy()
    below = found[found < 1]
    assert len(below) == pytest.approx(PEOPLE / 2, abs=0.04 * PEOPLE)
    assert is_uniform(below, 0, 1)


# --- settings ------------------------------------------------------------------------


def test_without_options_the_errors_are_those_of_before():
    people = drawn(spread_pose(20, 17), crowd(20, 1))
    given = [tf.constant(people[name]) for name in NAMES]
    before = posefix.synthesize(*given, COCO, tf.constant([0, 3]))["keypoints"]
    found = in_tensorflow(people, COCO, 0, Options())["keypoints"]
    np.testing.assert_array_equal(found, before)


def test_one_key_gives_one_pose():
    people = {n: jnp.asarray(x) for n, x in drawn(*spread_and_near()).items()}
    first, again, other = (
        in_jax(people, COCO, seed, Options(quality=0.5))["keypoints"]
        for seed in (1, 1, 2)
    )
    assert (first == again).all() and (first != other).any()


def spread_and_near():
    return spread_pose(4, 17), crowd(4, 1)


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
