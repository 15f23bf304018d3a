"""Laws of PoseFix's synthesized pose errors (section 4 and the authors' code).

Positions are compared with rules written down here a second time, in COCO's joint order
as the authors' code has them, and with a plain rejection sampler.
"""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfpose import skeletons
from tfpose.synthesis import posefix

COCO = skeletons.COCO17
PEOPLE = 3000
AREA = 177.4**2
GOOD, JITTER, INVERSION, SWAP, MISS = range(5)
# Fixed seeds make these tests repeatable; a right sampler fails one of them for one
# seed in a million.
RARE = 1e-6


def spread_pose(people, joints, offset=(0.0, 0.0)):
    """f32[people, joints, 2]: a pose whose joints are too far apart to meet."""
    place = np.stack([np.arange(joints) * 400.0, np.arange(joints) % 2 * 400.0], -1)
    return np.tile(np.float32(place + offset), (people, 1, 1))


def crowd(people, neighbors, joints=17):
    """f32[people, neighbors, joints, 2]: spread poses far from each other."""
    poses = [
        spread_pose(people, joints, (0.0, 1000.0 * (index + 1)))
        for index in range(neighbors)
    ]
    return np.stack(poses, 1) if poses else np.zeros((people, 0, joints, 2), np.float32)


def run(pose, valid=None, near=None, near_valid=None, skeleton=COCO, seed=0, **kwargs):
    """``synthesize`` with everything valid unless told otherwise, as numpy."""
    people = len(pose)
    near = crowd(people, 0, len(skeleton)) if near is None else near
    ones = np.ones(pose.shape[:2], np.float32)
    near_ones = np.ones(near.shape[:3], np.float32)
    result = posefix.synthesize(
        tf.constant(pose),
        tf.constant(ones if valid is None else np.float32(valid)),
        tf.constant(near),
        tf.constant(near_ones if near_valid is None else np.float32(near_valid)),
        tf.constant(kwargs.pop("area", AREA), tf.float32, [people]),
        skeleton,
        tf.constant([seed, 1]),
        **kwargs,
    )
    return {name: value.numpy() for name, value in result.items()}


def published_probabilities(joint, valid_count, overlap_count):
    """The authors' tables by COCO index: good, jitter, inversion, swap, miss."""
    face, upper = joint <= 4, 5 <= joint <= 10
    if joint == 0 or joint >= 13:
        jitter = 0.15 if valid_count <= 10 else 0.10
    elif joint <= 10:
        jitter = 0.20 if valid_count <= 10 else 0.15
    else:
        jitter = 0.25 if valid_count <= 10 else 0.20
    if face:
        miss = [0.15, 0.10, 0.02]
    elif joint in (5, 6, 15, 16):
        miss = [0.20, 0.13, 0.05]
    else:
        miss = [0.25, 0.15, 0.10]
    miss = miss[0 if valid_count <= 5 else 1 if valid_count <= 10 else 2]
    inversion = 0.01 if face else 0.03 if upper else 0.06
    crowded = (valid_count <= 10 and overlap_count > 0) or (
        valid_count <= 15 and overlap_count >= 3
    )
    if crowded:
        swap = 0.02 if face else 0.15 if upper else 0.10
    else:
        swap = 0.01 if face else 0.06 if upper else 0.03
    return np.array(
        [1 - jitter - inversion - swap - miss, jitter, inversion, swap, miss]
    )


def distance(joint, similarity):
    """d_j^k for ``AREA``."""
    variance = (2 * COCO.sigmas[joint]) ** 2
    return np.sqrt(-2 * AREA * variance * np.log(similarity))


def frequencies_agree(errors, probabilities):
    """Chi-square test of i[N] against the probabilities of the five errors."""
    counts = np.bincount(errors, minlength=5)
    expected = len(errors) * np.asarray(probabilities)
    assert not counts[expected == 0].any()
    counts, expected = counts[expected > 0], expected[expected > 0]
    return scipy.stats.chisquare(counts, expected).pvalue > RARE


def is_uniform(values, low, high):
    """Kolmogorov-Smirnov test against the uniform distribution."""
    scaled = (np.asarray(values) - low) / (high - low)
    return scipy.stats.kstest(scaled, "uniform").pvalue > RARE


# --- similarity distances and tables --------------------------------------------


@pytest.mark.parametrize(
    "joint, expected",
    [
        ("nose", (0.0297, 0.0612, 0.1116)),
        ("left_wrist", (0.0707, 0.1460, 0.2661)),
        ("right_hip", (0.1220, 0.2520, 0.4592)),
    ],
)
def test_similarity_distances_are_the_published_ones(joint, expected):
    sigma = COCO.sigmas[COCO.index(joint)]
    found = posefix.similarity_distance(1.0, sigma, [0.85, 0.5, 0.1])
    np.testing.assert_allclose(found, expected, atol=6e-5)


def test_similarity_distance_inverts_the_keypoint_similarity():
    d = posefix.similarity_distance(400.0, 0.1, 0.5)
    assert np.exp(-(d**2) / (2 * 400 * 0.2**2)) == pytest.approx(0.5)
    assert posefix.similarity_distance(400.0, 0.1, 1.0) == 0


@pytest.mark.parametrize("valid_count", range(18))
@pytest.mark.parametrize("overlap_count", [0, 1, 2, 3, 8])
def test_probabilities_are_the_published_tables(valid_count, overlap_count):
    found = posefix.error_probabilities(
        COCO, tf.constant([valid_count]), tf.constant([overlap_count])
    )
    expected = [
        published_probabilities(joint, valid_count, overlap_count)
        for joint in range(17)
    ]
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


@pytest.mark.parametrize("skeleton", skeletons.SKELETONS.values(), ids=lambda s: s.name)
def test_tables_are_found_by_joint_name_in_every_skeleton(skeleton):
    found = posefix.error_probabilities(skeleton, tf.constant([12]), tf.constant([0]))
    coco = posefix.error_probabilities(COCO, tf.constant([12]), tf.constant([0]))
    for index, joint in enumerate(skeleton.joints):
        if joint in COCO.joints:
            expected = coco[0, COCO.index(joint)]
            np.testing.assert_array_equal(found[0, index], expected)


def test_an_unknown_joint_errs_like_an_elbow():
    user = skeletons.Skeleton.from_json(
        {"name": "user", "joints": ["tail", "elbow"], "torso": ["tail", "elbow"]}
    )
    rows = posefix.error_probabilities(user, tf.constant([2]), tf.constant([0]))[0]
    np.testing.assert_array_equal(rows[0], rows[1])


# --- frequencies -----------------------------------------------------------------


@pytest.mark.parametrize(
    "valid_count, overlap_count", [(17, 0), (17, 3), (15, 3), (8, 1), (4, 2), (4, 0)]
)
def test_errors_are_as_frequent_as_the_tables_say(valid_count, overlap_count):
    # The last joints stay, so that each has its mirror.
    valid = np.zeros((PEOPLE, 17))
    valid[:, 17 - valid_count :] = 1
    result = run(
        spread_pose(PEOPLE, 17), valid, crowd(PEOPLE, overlap_count), seed=valid_count
    )
    for joint in range(17):
        if not valid[0, joint]:
            assert (result["error"][:, joint] == -1).all()
            continue
        expected = published_probabilities(joint, valid_count, overlap_count)
        mirror = COCO.flip_permutation[joint]
        if mirror == joint or not valid[0, mirror]:
            expected[INVERSION] = 0
        if not overlap_count:
            expected[SWAP] = 0
        assert frequencies_agree(
            result["error"][:, joint], expected / expected.sum()
        ), COCO.joints[joint]


def test_padding_is_no_neighbor():
    pose, valid = spread_pose(PEOPLE, 17), np.ones((PEOPLE, 17))
    valid[:, :7] = 0
    near_valid = np.zeros((PEOPLE, 4, 17))
    garbage = np.full((PEOPLE, 4, 17, 2), np.float32(3e5))
    alone = run(pose, valid)
    padded = run(pose, valid, garbage, near_valid)
    np.testing.assert_array_equal(padded["error"], alone["error"])
    np.testing.assert_allclose(padded["keypoints"], alone["keypoints"], atol=1e-3)
    assert SWAP not in padded["error"]


def test_an_impossible_error_leaves_the_others_their_proportions():
    # A ring of neighbors closer than any jitter: each jittered position would be
    # nearer to one of them.
    joint = COCO.index("left_hip")
    angles = np.arange(8) * np.pi / 4
    ring = 0.5 * distance(joint, 0.85) * np.stack([np.cos(angles), np.sin(angles)], -1)
    pose = spread_pose(PEOPLE, 17)
    near = pose[:, None] + np.float32(ring)[None, :, None]
    near_valid = np.zeros((PEOPLE, 8, 17))
    near_valid[:, :, joint] = 1
    errors = run(pose, near=near, near_valid=near_valid)["error"][:, joint]
    expected = published_probabilities(joint, 17, 8)
    expected[JITTER] = 0
    assert frequencies_agree(errors, expected / expected.sum())


def test_a_person_without_extent_has_no_errors_and_no_joints():
    result = run(spread_pose(5, 17), area=0.0)
    assert (result["error"] == -1).all()
    assert not result["valid"].any() and not result["keypoints"].any()


# --- positions -------------------------------------------------------------------


@pytest.fixture(scope="module")
def lonely():
    """A large batch of people with two far neighbors and their errors."""
    pose, near = spread_pose(6000, 17), crowd(6000, 2)
    return pose, near, run(pose, near=near, seed=7)


@pytest.mark.parametrize("joint", ["nose", "right_wrist", "left_hip"])
@pytest.mark.parametrize(
    "error, near_end, far_end", [(GOOD, 1.0, 0.85), (JITTER, 0.85, 0.5)]
)
def test_good_and_jitter_are_uniform_about_the_joint(
    lonely, joint, error, near_end, far_end
):
    pose, _, result = lonely
    joint = COCO.index(joint)
    rows = result["error"][:, joint] == error
    offset = result["keypoints"][rows, joint] - pose[rows, joint]
    low, high = distance(joint, near_end), distance(joint, far_end)
    assert is_uniform(np.linalg.norm(offset, axis=-1), low, high)
    assert is_uniform(np.arctan2(offset[:, 1], offset[:, 0]), -np.pi, np.pi)


def test_inversion_is_uniform_in_length_about_the_mirror_joint(lonely):
    pose, _, result = lonely
    joint, mirror = COCO.index("left_knee"), COCO.index("right_knee")
    rows = result["error"][:, joint] == INVERSION
    offset = result["keypoints"][rows, joint] - pose[rows, mirror]
    assert is_uniform(np.linalg.norm(offset, axis=-1), 0, distance(joint, 0.5))


def test_swap_is_uniform_in_length_about_any_joint_of_that_name_of_a_neighbor(lonely):
    _, near, result = lonely
    joint, mirror = COCO.index("left_wrist"), COCO.index("right_wrist")
    rows = result["error"][:, joint] == SWAP
    sources = near[rows][:, :, [joint, mirror]].reshape(-1, 4, 2)
    to_source = np.linalg.norm(
        result["keypoints"][rows, None, joint] - sources, axis=-1
    )
    assert is_uniform(to_source.min(-1), 0, distance(joint, 0.5))
    used = np.bincount(to_source.argmin(-1), minlength=4)
    assert scipy.stats.chisquare(used).pvalue > RARE


def test_miss_lies_far_from_all_candidates_and_a_quarter_as_often_about_other_joints(
    lonely,
):
    pose, near, result = lonely
    joint, mirror = COCO.index("right_elbow"), COCO.index("left_elbow")
    rows = result["error"][:, joint] == MISS
    both = [joint, mirror]
    candidates = np.concatenate(
        [pose[rows][:, both], near[rows][:, :, both].reshape(-1, 4, 2)], axis=1
    )
    to_candidates = np.linalg.norm(
        result["keypoints"][rows, None, joint] - candidates, axis=-1
    )
    low, high = distance(joint, 0.5), distance(joint, 0.1)
    assert is_uniform(to_candidates.min(-1), low, high)
    used = np.bincount(to_candidates.argmin(-1), minlength=6)
    share = np.array([1, 0.25, 0.25, 0.25, 0.25, 0.25])
    expected = rows.sum() * share / share.sum()
    assert scipy.stats.chisquare(used, expected).pvalue > RARE


def rejection_sampler(error, own, near, mirror, near_mirror, joint, rng, count=4000):
    """The code's sampling of one error, one candidate at a time."""
    candidates = [own, *near, mirror, *near_mirror]
    kinds = ["own", *["near"] * len(near), "mirror", *["near"] * len(near_mirror)]
    pool = []
    for source, kind in zip(candidates, kinds, strict=True):
        starts = {GOOD: "own", JITTER: "own", INVERSION: "mirror", SWAP: "near"}
        if error != MISS and kind != starts[error]:
            continue
        ends = {GOOD: (1, 0.85), JITTER: (0.85, 0.5), MISS: (0.5, 0.1)}
        low, high = (distance(joint, k) for k in ends.get(error, (1, 0.5)))
        samples = count if error != MISS or kind == "own" else count // 4
        radius = rng.uniform(low, high, samples)
        angle = rng.uniform(0, 2 * np.pi, samples)
        place = source + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
        keep = np.ones(samples, bool)
        for other, other_kind in zip(candidates, kinds, strict=True):
            if other is source or (error == SWAP and other_kind == "near"):
                continue
            limit = distance(joint, 0.5) if error == MISS else radius
            keep &= np.linalg.norm(place - other, axis=-1) > limit
        pool.append(place[keep])
    return np.concatenate(pool)


@pytest.fixture(scope="module")
def crowded():
    """A hip whose mirror joint and two neighbors stand within each other's reach."""
    joint, mirror = COCO.index("left_hip"), COCO.index("right_hip")
    people = 3 * PEOPLE
    pose, near = spread_pose(people, 17), crowd(people, 2)
    own = pose[0, joint]
    others = {
        "mirror": own + np.float32([30, 5]),
        "near": own + np.float32([[-25, 20], [10, -40]]),
        "near_mirror": own + np.float32([[-45, -10], [60, 25]]),
    }
    pose[:, mirror] = others["mirror"]
    near[:, :, joint], near[:, :, mirror] = others["near"], others["near_mirror"]
    result = run(pose, near=near, seed=11)
    errors, keypoints = result["error"][:, joint], result["keypoints"][:, joint]
    return errors, keypoints, {"own": own, "joint": joint, **others}


@pytest.mark.parametrize("error", [GOOD, JITTER, INVERSION, SWAP, MISS])
def test_positions_in_a_crowd_are_those_of_the_rejection_sampler(crowded, error):
    errors, keypoints, scene = crowded
    found = keypoints[errors == error]
    expected = rejection_sampler(error, rng=np.random.default_rng(0), **scene)
    assert len(found) > 200
    for axis in ([1, 0], [0, 1], [0.6, 0.8], [0.8, -0.6]):
        test = scipy.stats.ks_2samp(found @ np.array(axis), expected @ np.array(axis))
        assert test.pvalue > 1e-4


@pytest.mark.parametrize("skeleton", skeletons.SKELETONS.values(), ids=lambda s: s.name)
def test_inverted_joints_lie_at_the_joint_of_the_other_side(skeleton):
    joints = len(skeleton)
    pose = spread_pose(600, joints)
    result = run(pose, skeleton=skeleton)
    people, joint = np.nonzero(result["error"] == INVERSION)
    nearest = np.linalg.norm(
        result["keypoints"][people, joint, None] - pose[people], axis=-1
    ).argmin(-1)
    names = np.array(skeleton.joints)
    swapped = np.char.replace(names[joint], "left_", "RIGHT_")
    swapped = np.char.replace(swapped, "right_", "left_")
    np.testing.assert_array_equal(names[nearest], np.char.lower(swapped))
    assert len(people) > 50


# --- validity --------------------------------------------------------------------


def test_invalid_joints_come_back_zero():
    valid = np.random.default_rng(0).integers(0, 2, (200, 17))
    result = run(spread_pose(200, 17) + 50, valid, crowd(200, 1))
    np.testing.assert_array_equal(result["valid"], valid)
    assert not result["keypoints"][valid == 0].any()
    assert (result["error"][valid == 0] == -1).all()


def test_a_joint_whose_mirror_is_missing_is_never_inverted():
    valid = np.ones((PEOPLE, 17))
    valid[:, COCO.index("right_knee")] = 0
    errors = run(spread_pose(PEOPLE, 17), valid)["error"]
    assert INVERSION not in errors[:, COCO.index("left_knee")]
    assert INVERSION not in errors[:, COCO.index("nose")]
    assert INVERSION in errors[:, COCO.index("left_ankle")]


def test_a_neighbors_missing_joint_is_never_swapped_in():
    near_valid = np.ones((PEOPLE, 1, 17))
    near_valid[:, :, [COCO.index("left_knee"), COCO.index("right_knee")]] = 0
    result = run(spread_pose(PEOPLE, 17), None, crowd(PEOPLE, 1), near_valid)
    assert SWAP not in result["error"][:, COCO.index("left_knee")]
    assert SWAP in result["error"][:, COCO.index("left_ankle")]


def test_an_empty_batch_and_a_person_without_joints_pass():
    assert run(spread_pose(0, 17))["keypoints"].shape == (0, 17, 2)
    result = run(spread_pose(1, 17), np.zeros((1, 17)))
    assert not result["valid"].any()


def test_estimated_joints_stand_in_for_those_not_annotated():
    joint = COCO.index("left_ear")
    pose = spread_pose(PEOPLE, 17)
    valid = np.ones((PEOPLE, 17), np.float32)
    valid[:, joint] = 0
    estimated = pose + np.float32([90, -70])
    assert not run(pose, valid)["valid"][:, joint].any()
    result = run(pose, valid, estimated=estimated, estimated_valid=np.ones_like(valid))
    assert result["valid"].all()
    rows = result["error"][:, joint] == GOOD
    offset = result["keypoints"][rows, joint] - estimated[rows, joint]
    assert is_uniform(np.linalg.norm(offset, axis=-1), 0, distance(joint, 0.85))
    # Annotated joints stay where they are annotated.
    nose = result["error"][:, 0] == GOOD
    offset = result["keypoints"][nose, 0] - pose[nose, 0]
    assert is_uniform(np.linalg.norm(offset, axis=-1), 0, distance(0, 0.85))


# --- randomness ------------------------------------------------------------------


def test_the_seed_decides_everything():
    pose, near = spread_pose(20, 17), crowd(20, 1)
    first, again = run(pose, near=near, seed=5), run(pose, near=near, seed=5)
    other = run(pose, near=near, seed=6)
    np.testing.assert_array_equal(first["keypoints"], again["keypoints"])
    assert (first["keypoints"] != other["keypoints"]).all()


def test_errors_of_people_of_a_batch_differ():
    keypoints = run(spread_pose(2, 17))["keypoints"]
    assert (keypoints[0] != keypoints[1]).all()


@pytest.mark.slow
def test_eager_equals_tf_data():
    pose, near = spread_pose(6, 17), crowd(6, 2)
    ones, near_ones = np.ones((6, 17), np.float32), np.ones((6, 2, 17), np.float32)
    area = np.full(6, AREA, np.float32)
    dataset = tf.data.Dataset.from_tensors((pose, ones, near, near_ones, area)).map(
        lambda *person: posefix.synthesize(*person, COCO, tf.constant([0, 1]))
    )
    in_graph = next(iter(dataset))
    eager = run(pose, near=near)
    np.testing.assert_array_equal(in_graph["error"], eager["error"])
    np.testing.assert_allclose(in_graph["keypoints"], eager["keypoints"], atol=1e-3)
