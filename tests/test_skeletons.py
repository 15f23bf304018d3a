"""Laws of skeletons, and the joint orders of the data sets."""

import json
import time

import numpy as np
import pytest

from tfpose import skeletons
from tfpose.errors import InputWarning, TfposeError
from tfpose.io.skeleton_files import find_skeleton
from tfpose.skeletons import LSP14, Skeleton, tree_layers

EVERY = pytest.mark.parametrize(
    "skeleton", skeletons.SKELETONS.values(), ids=lambda s: s.name
)


def user_skeleton(**changes):
    """A small skeleton whose joints no table knows, as a JSON file holds it."""
    data = {
        "name": "lamp",
        "joints": ["foot", "left_arm", "right_arm", "bulb"],
        "limbs": [["foot", "left_arm"], ["foot", "right_arm"]],
        "torso": ["foot", "bulb"],
    }
    return {**data, **changes}


@pytest.mark.parametrize(
    "name, joints, pairs, first, last",
    [
        ("coco17", 17, 8, "nose", "right_ankle"),
        ("mpii16", 16, 6, "right_ankle", "left_wrist"),
        ("lsp14", 14, 6, "right_ankle", "head_top"),
        ("coco17_neck", 18, 8, "nose", "neck"),
        ("flic10", 10, 4, "nose", "left_hip"),
        ("posetrack15", 15, 6, "nose", "right_ankle"),
        ("crowdpose14", 14, 6, "left_shoulder", "neck"),
        ("aic14", 14, 6, "right_shoulder", "neck"),
        ("jhmdb15", 15, 6, "neck", "left_ankle"),
    ],
)
def test_built_in_skeletons(name, joints, pairs, first, last):
    skeleton = skeletons.get(name)
    assert len(skeleton) == joints and len(skeleton.flip_pairs) == pairs
    assert skeleton.joints[0] == first and skeleton.joints[-1] == last


@pytest.mark.parametrize(
    "skeleton, permutation",
    [
        (
            skeletons.COCO17,
            [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15],
        ),
        (skeletons.LSP14, [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13]),
        (
            skeletons.MPII16,
            [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10],
        ),
        (skeletons.AIC14, [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8, 12, 13]),
        (
            skeletons.JHMDB15,
            [0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13],
        ),
    ],
)
def test_flip_permutations_as_the_data_sets_state_them(skeleton, permutation):
    np.testing.assert_array_equal(skeleton.flip_permutation, permutation)


# LSP14's tree is HCRN's Fig. 1 b; the others are our readings of it. For each skeleton:
# the parent of each joint, and the layer it is in.
TREES = {
    "lsp14": (
        [1, 2, 12, 12, 3, 4, 7, 8, 12, 12, 9, 10, -1, 12],
        [4, 3, 2, 2, 3, 4, 4, 3, 2, 2, 3, 4, 1, 2],
    ),
    "flic10": (
        [1, -1, 1, 2, 3, 1, 1, 6, 7, 1],
        [2, 1, 2, 3, 4, 2, 2, 3, 4, 2],
    ),
    "mpii16": (
        [1, 2, 8, 8, 3, 4, 8, 8, -1, 8, 11, 12, 8, 8, 13, 14],
        [4, 3, 2, 2, 3, 4, 2, 2, 1, 2, 4, 3, 2, 2, 3, 4],
    ),
    "coco17": (
        [-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12, 13, 14],
        [1, 2, 2, 3, 3, 2, 2, 3, 3, 4, 4, 2, 2, 3, 3, 4, 4],
    ),
    "coco17_neck": (
        [17, 0, 0, 1, 2, 17, 17, 5, 6, 7, 8, 17, 17, 11, 12, 13, 14, -1],
        [2, 3, 3, 4, 4, 2, 2, 3, 3, 4, 4, 2, 2, 3, 3, 4, 4, 1],
    ),
    "coco17_lsp14": (
        [17, 0, 0, 1, 2, 17, 17, 5, 6, 7, 8, 17, 17, 11, 12, 13, 14, -1, 17],
        [2, 3, 3, 4, 4, 2, 2, 3, 3, 4, 4, 2, 2, 3, 3, 4, 4, 1, 2],
    ),
    "posetrack15": (
        [1, -1, 1, 1, 1, 3, 4, 5, 6, 1, 1, 9, 10, 11, 12],
        [2, 1, 2, 2, 2, 3, 3, 4, 4, 2, 2, 3, 3, 4, 4],
    ),
    "crowdpose14": (
        [13, 13, 0, 1, 2, 3, 13, 13, 6, 7, 8, 9, 13, -1],
        [2, 2, 3, 3, 4, 4, 2, 2, 3, 3, 4, 4, 2, 1],
    ),
    "aic14": (
        [13, 0, 1, 13, 3, 4, 13, 6, 7, 13, 9, 10, 13, -1],
        [2, 3, 4, 2, 3, 4, 2, 3, 4, 2, 3, 4, 2, 1],
    ),
    "jhmdb15": (
        [-1, 0, 0, 0, 0, 0, 0, 3, 4, 5, 6, 7, 8, 9, 10],
        [1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4],
    ),
}


def layer_numbers(parents) -> list[int]:
    """The layer of each joint, from 1 on."""
    layers = tree_layers(parents)
    return [
        number
        for joint in range(len(parents))
        for number, joints in enumerate(layers, start=1)
        if joint in joints
    ]


@EVERY
def test_trees_are_those_of_hcrn(skeleton):
    parents, layers = TREES[skeleton.name]
    assert list(skeleton.parents) == parents
    assert layer_numbers(skeleton.parents) == layers


@EVERY
def test_trees_are_alike_on_both_sides(skeleton):
    mirror = skeleton.flip_permutation
    for joint, parent in enumerate(skeleton.parents):
        expected = -1 if parent == -1 else mirror[parent]
        assert skeleton.parents[mirror[joint]] == expected


@pytest.mark.parametrize(
    "parents, layers",
    [
        ((), ()),
        ((-1,), ((0,),)),
        ((1, 2, -1), ((2,), (1,), (0,))),
        ((1, -1, 1), ((1,), (0, 2))),
        # Two roots; the children stay in their order.
        ((-1, 3, 0, -1, 3), ((0, 3), (1, 2, 4))),
        ((-1, -1), ((0, 1),)),
    ],
)
def test_layers_are_the_generations_of_the_tree(parents, layers):
    assert tree_layers(parents) == layers


@pytest.mark.parametrize(
    "parents, joints",
    [
        ((0,), r"\[0\]"),
        ((1, 0), r"\[0, 1\]"),
        # Joint 0 is a root, joint 3 hangs on the circle of 1 and 2.
        ((-1, 2, 1, 1), r"\[1, 2, 3\]"),
    ],
)
def test_joints_that_are_their_own_ancestors_are_no_tree(parents, joints):
    with pytest.raises(ValueError, match=f"circle through joints {joints}"):
        tree_layers(parents)


def test_joints_between_two_others_are_named():
    shoulders = ("neck", "left_shoulder", "right_shoulder")
    assert skeletons.COCO17_NECK.midpoints == (shoulders,)
    assert skeletons.FLIC10.midpoints == (shoulders,)
    others = set(skeletons.SKELETONS) - {"coco17_neck", "flic10"}
    assert not any(skeletons.get(name).midpoints for name in others)


def test_coco_sigmas_are_those_of_its_evaluation():
    sigmas = [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]
    np.testing.assert_allclose(skeletons.COCO17.sigma_array * 1000, sigmas, rtol=1e-6)


@EVERY
def test_flipping_twice_changes_nothing(skeleton):
    permutation = skeleton.flip_permutation
    np.testing.assert_array_equal(permutation[permutation], np.arange(len(skeleton)))


@EVERY
def test_flipping_exchanges_the_sides_of_the_names(skeleton):
    for joint, mirror in zip(skeleton.joints, skeleton.flip_permutation, strict=True):
        assert skeletons.bare_name(joint) == skeletons.bare_name(
            skeleton.joints[mirror]
        )
        sided = joint.startswith(("left_", "right_"))
        assert (joint != skeleton.joints[mirror]) == sided


@EVERY
def test_limbs_reach_both_sides_alike(skeleton):
    limbs = {frozenset(pair) for pair in skeleton.limb_indices.tolist()}
    mirrored = {
        frozenset(pair)
        for pair in skeleton.flip_permutation[skeleton.limb_indices].tolist()
    }
    assert limbs == mirrored


@EVERY
def test_sigmas_are_equal_on_both_sides(skeleton):
    sigmas = skeleton.sigma_array
    # AI Challenger measured each side by itself.
    tolerance = 0.4 if skeleton.name == "aic14" else 0
    np.testing.assert_allclose(sigmas[skeleton.flip_permutation], sigmas, tolerance)


@EVERY
def test_json_brings_a_skeleton_back(skeleton):
    assert Skeleton.from_json(json.loads(json.dumps(skeleton.to_json()))) == skeleton


def test_a_users_file_needs_names_only_where_tables_know_no_better(tmp_path):
    path = tmp_path / "lamp.json"
    path.write_text(json.dumps(user_skeleton()))
    skeleton = find_skeleton(path)
    assert skeleton.joints == ("foot", "left_arm", "right_arm", "bulb")
    assert skeleton.flip_pairs == (("left_arm", "right_arm"),)
    assert skeleton.sigmas == (skeletons.UNKNOWN_SIGMA,) * 4
    assert skeleton.torso == ("foot", "bulb") and skeleton.head is None
    assert skeleton.parents == (-1, -1, -1, -1) and skeleton.midpoints == ()
    np.testing.assert_array_equal(skeleton.limb_indices, [[0, 1], [0, 2]])


def test_a_users_file_may_have_a_tree_and_midpoints(tmp_path):
    path = tmp_path / "lamp.json"
    tree = [["foot", "left_arm"], ["left_arm", "bulb"]]
    midpoints = [["foot", "left_arm", "right_arm"]]
    data = user_skeleton(tree=tree, midpoints=midpoints)
    path.write_text(json.dumps(data))
    skeleton = find_skeleton(path)
    assert skeleton.parents == (-1, 0, -1, 1)
    assert tree_layers(skeleton.parents) == ((0, 2), (1,), (3,))
    assert skeleton.midpoints == (("foot", "left_arm", "right_arm"),)
    assert Skeleton.from_json(skeleton.to_json()) == skeleton


def test_a_users_joints_of_known_names_get_their_sigmas_and_torso():
    joints = ["left_shoulder", "right_hip", "nose"]
    with pytest.warns(InputWarning, match="not mirrored"):
        skeleton = Skeleton.from_json({"name": "few", "joints": joints})
    assert not skeleton.mirrors
    assert skeleton.sigmas == (0.079, 0.107, 0.026)
    assert skeleton.torso == ("left_shoulder", "right_hip")
    assert skeleton.limb_indices.shape == (0, 2)
    # One side alone has no mirror.
    np.testing.assert_array_equal(skeleton.flip_permutation, [0, 1, 2])


def test_null_in_a_users_file_is_as_left_out():
    null = dict.fromkeys(("flip_pairs", "sigmas", "head"))
    given, left_out = user_skeleton(**null), user_skeleton()
    assert Skeleton.from_json(given) == Skeleton.from_json(left_out)
    no_pairs = Skeleton.from_json(user_skeleton(flip_pairs=[]))
    assert no_pairs.flip_pairs == ()
    assert Skeleton.from_json(user_skeleton(torso=None)).torso is None


@pytest.mark.parametrize(
    "spellings",
    [
        "left_ear right_ear", "ear_left ear_right", "earL earR", "ear_l ear_r",
        "L_Ear R_Ear", "LEar REar", "lEar rEar", "LeftEar RightEar", "lear rear",
        "leftear rightear", "ear.L ear.R", "LEFT_EAR RIGHT_EAR",
        "front_l_ear front_r_ear",
    ],
)  # fmt: skip
def test_the_usual_spellings_of_sides_are_pairs(spellings):
    pair = tuple(spellings.split())
    skeleton = Skeleton.from_json({"name": "mouse", "joints": ["snout", *pair]})
    assert skeleton.flip_pairs == (pair,) and skeleton.mirrors
    assert skeleton.flip_permutation.tolist() == [0, 2, 1]


def test_sides_with_spaces_and_capitals_are_those_of_a_built_in_skeleton():
    names = [joint.replace("_", " ").title() for joint in LSP14.joints]
    assert skeletons.named_like(names) == LSP14
    assert skeletons.named_like(reversed(names)) is None
    torso = Skeleton.from_json({"name": "mine", "joints": names[::-1]}).torso
    assert torso == ("Left Shoulder", "Right Hip")


@pytest.mark.parametrize("joints", [["upright", "lip"], ["L1", "L2"], ["tip"]])
def test_names_without_sides_are_mirrored_without_pairs(joints):
    skeleton = Skeleton.from_json({"name": "x", "joints": joints})
    assert skeleton.flip_pairs == () and skeleton.mirrors


def test_sides_without_a_counterpart_are_not_mirrored():
    joints = ["left_ear", "right_ear", "left_horn"]
    skeleton = Skeleton.from_json({"name": "goat", "joints": joints})
    assert skeleton.unpaired == ("left_horn",) and not skeleton.mirrors


def test_large_skeletons_take_no_longer_than_their_size():
    joints = [f"j{number}" for number in range(skeletons.MOST_JOINTS)]
    chain = list(zip(joints[:-1], joints[1:], strict=True))
    start = time.process_time()
    skeleton = Skeleton.from_json({"name": "x", "joints": joints, "tree": chain})
    assert len(skeleton.flip_permutation) == len(joints)
    assert time.process_time() - start < 1  # 0.02 s where this was written
    with pytest.raises(TfposeError, match="expected at most 2000 joints, got 2001"):
        Skeleton.from_json({"name": "x", "joints": [*joints, "one more"]})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"joints": []}, "distinct"),
        ({"joints": ["foot", "foot", "bulb"]}, "distinct"),
        ({"joints": [1, 2]}, "'joints' must be a list of names"),
        ({"joints": "foot"}, "'joints' must be a list of names"),
        ({"sigmas": [0.1]}, "expected 4 sigmas, got 1"),
        ({"sigmas": ["x", 1, 1, 1]}, "could not convert string to float: 'x'"),
        ({"sigmas": [0.1, 0.1, 0.0, 0.1]}, "positive"),
        ({"sigmas": [0.1, 0.1, float("nan"), 0.1]}, "positive"),
        ({"limbs": [["foot", "hand"]]}, r"unknown joints \['hand'\]"),
        ({"limbs": [["foot", "bulb", "left_arm"]]}, "pairs"),
        ({"torso": ["foot"]}, "pairs"),
        ({"torso": 3}, "int"),
        ({"name": 3}, "expected a name, found 3"),
        ({"sigmas": [10**400, 1, 1, 1]}, "positive"),
        ({"sigmas": [[], 1, 1, 1]}, "list"),
        ({"limbs": [5]}, "pairs"),
        ({"limbs": [[["foot"], "bulb"]]}, "unknown joints"),
        ({"head": ["bulb", "cap"]}, r"unknown joints \['cap'\]"),
        (
            {"flip_pairs": [["left_arm", "right_arm"], ["left_arm", "bulb"]]},
            "two flip pairs",
        ),
        ({"color": "red"}, "found .*color"),
        ({"tree": [["foot", "hand"]]}, r"unknown joints \['hand'\]"),
        ({"tree": [["foot", "bulb", "left_arm"]]}, "pairs"),
        ({"tree": "foot"}, "pairs"),
        (
            {"tree": [["foot", "bulb"], ["left_arm", "bulb"]]},
            "a joint has two parents in the tree",
        ),
        (
            {"tree": [["foot", "bulb"], ["bulb", "foot"]]},
            r"skeleton 'lamp': the tree has a circle through joints \[0, 3\]",
        ),
        ({"tree": [["foot", "foot"]]}, r"circle through joints \[0\]"),
        ({"midpoints": [["bulb", "foot"]]}, "triples"),
        ({"midpoints": [["bulb", "foot", "hand"]]}, r"unknown joints \['hand'\]"),
        (
            {"midpoints": [["bulb", "foot", "foot"], ["foot", "bulb", "left_arm"]]},
            "midpoints of midpoints",
        ),
    ],
)
def test_a_wrong_skeleton_is_refused_by_name(changes, message, tmp_path):
    path = tmp_path / "lamp.json"
    path.write_text(json.dumps(user_skeleton(**changes)))
    with pytest.raises(ValueError, match=message) as error:
        find_skeleton(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text, message", [("{", "Expecting"), ("[1, 2]", "found list"), ("{}", "found")]
)
def test_a_file_that_is_no_skeleton_is_refused(text, message, tmp_path):
    path = tmp_path / "lamp.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        find_skeleton(path)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        ValueError, match="'coco18'.*coco17, coco17_neck, coco17_lsp14, mpii16"
    ):
        skeletons.get("coco18")
    with pytest.raises(ValueError, match="nowhere.json"):
        find_skeleton("nowhere.json")
