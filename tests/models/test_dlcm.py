"""DLCM: its parts by name, its sizes, and what each stage sees and is taught."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose import skeletons
from tfpose.codecs import PartHeatmap
from tfpose.models.dlcm import DLCM, parts_of, residual
from tfpose.models.summary import summarize, without_weights
from tfpose.skeletons import COCO17, FLIC10, LSP14, MPII16

# FLIC's arms alone, as in the authors' table: shoulder, elbow, wrist, left and right.
ARMS = ((0, 1), (1, 2)), ((3, 4), (4, 5))
FLIC6 = tuple((bone,) for arm in ARMS for bone in arm), ARMS
# A root with two limbs of two joints each.
FIVE = {
    "joints": 5,
    "parts": (
        (((0, 1),), ((1, 2),), ((0, 3),), ((3, 4),)),
        (((0, 1), (1, 2)), ((0, 3), (3, 4))),
    ),
    "input_size": (32, 16),
    "filters": 16,
    "depth": 1,
}


@pytest.fixture(scope="module")
def release():
    """The network of the authors' scripts: MPII, three levels, with part ends."""
    with without_weights():
        return DLCM.for_skeleton(MPII16)


@pytest.fixture(scope="module")
def small():
    """Three levels of five joints, filled with noise."""
    return fill_weights(DLCM(**FIVE))


def images(people=2):
    random = np.random.default_rng(0)
    return {"image": random.uniform(0, 255, (people, 32, 16, 3)).astype(np.float32)}


def values(model, names):
    """Outputs of layers, by their names, for the same photos."""
    outputs = {name: model.get_layer(name).output for name in names}
    found = keras.Model(model.input, outputs)(images())
    return [np.asarray(found[name]) for name in names]


# --- parts -----------------------------------------------------------------------


def test_the_parts_of_mpii_are_those_of_the_authors_table():
    bones, limbs = parts_of(MPII16)
    expected = [(0, 1), (1, 2), (3, 4), (4, 5), (2, 6), (3, 6)]
    expected += [(7, 8), (8, 9), (10, 11), (11, 12), (13, 14), (14, 15)]
    assert [set(bone) for (bone,) in bones] == [set(bone) for bone in expected]
    children = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)]
    assert limbs == tuple((bones[a][0], bones[b][0]) for a, b in children)


def test_the_parts_of_lsp_are_those_of_the_authors_table():
    # The authors' order of LSP's joints; ours has the head last.
    order = "r_ankle r_knee r_hip l_hip l_knee l_ankle neck head_top r_wrist r_elbow "
    order += "r_shoulder l_shoulder l_elbow l_wrist"
    order = order.replace("r_", "right_").replace("l_", "left_").split()
    bones, limbs = parts_of(LSP14)
    expected = [(0, 1), (1, 2), (3, 4), (4, 5), (6, 7), (8, 9), (9, 10), (11, 12)]
    expected += [(12, 13)]
    assert [{order.index(LSP14.joints[end]) for end in bone} for (bone,) in bones] == [
        set(bone) for bone in expected
    ]
    children = [(0, 1), (2, 3), (4,), (5, 6), (7, 8)]
    assert limbs == tuple(tuple(bones[i][0] for i in each) for each in children)


@pytest.mark.parametrize(
    "skeleton, bones, limbs",
    [(MPII16, 12, 6), (LSP14, 9, 5), (FLIC10, 4, 2), (COCO17, 8, 4)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_parts_are_as_many_as_the_joints_allow(skeleton, bones, limbs):
    assert [len(level) for level in parts_of(skeleton)] == [bones, limbs]
    assert parts_of(skeleton, levels=2) == parts_of(skeleton)[:1]
    assert parts_of(skeleton, levels=1) == ()


@pytest.mark.parametrize("name", list(skeletons.SKELETONS))
def test_the_parts_of_a_mirrored_person_are_the_same_parts(name):
    skeleton = skeletons.get(name)
    for level in parts_of(skeleton):
        found = {frozenset(map(frozenset, part)) for part in level}
        mirrored = [
            [frozenset(skeleton.flip_permutation[list(bone)]) for bone in part]
            for part in level
        ]
        assert set(map(frozenset, mirrored)) == found and len(found) == len(level)


@pytest.mark.parametrize(
    "joints, levels, message",
    [
        (
            ("left_shoulder", "right_shoulder", "tail"),
            3,
            "'own': expected the joints",
        ),
        (MPII16.joints, 4, "levels: expected 1, 2 or 3, got 4"),
    ],
)
def test_skeletons_without_known_limbs_are_refused(joints, levels, message):
    own = skeletons.Skeleton.from_json({"name": "own", "joints": list(joints)})
    with pytest.raises(ValueError, match=message):
        parts_of(own, levels)


# --- sizes -----------------------------------------------------------------------


def check_size(model, parameters, total, billions, maps):
    summary = summarize(model, "dlcm")
    assert summary["trainable_parameters"] == parameters
    assert summary["total_parameters"] == total
    assert summary["multiply_adds"] == pytest.approx(billions * 1e9, rel=1e-4)
    names = [f"stage{n}" for n in range(1, len(maps))] + ["heatmap"]
    expected = {name: [64, 64, count] for name, count in zip(names, maps, strict=True)}
    assert summary["outputs"] == {**expected, "keypoints": [maps[0], 2]}


@pytest.mark.slow
def test_the_released_network_has_the_published_size(release):
    """15.5 million parameters and, in multiples of 2^30, 15.6 GFLOPs."""
    maps = (16, 28, 22, 28, 16)
    check_size(release, 15_497_150, 15_571_558, 16.726, maps)
    assert release.features.shape == (None, 64, 64, 256) and release.stride == 4


# Counted from what is public of the authors' code, without this package.
@pytest.mark.slow
@pytest.mark.parametrize(
    "build, parameters, total, billions, maps",
    [
        (
            lambda: DLCM.for_skeleton(MPII16, part_ends=False),
            15_499_518,
            15_573_958,
            16.735,
            (16, 12, 6, 12, 16),
        ),
        (
            lambda: DLCM.for_skeleton(LSP14),
            15_499_360,
            15_573_780,
            16.735,
            (14, 23, 19, 23, 14),
        ),
        (
            lambda: DLCM(6, FLIC6),
            15_511_630,
            15_586_094,
            16.785,
            (6, 10, 8, 10, 6),
        ),
        (
            lambda: DLCM.for_skeleton(MPII16, levels=2),
            9_396_396,
            9_441_676,
            11.120,
            (16, 28, 16),
        ),
        (
            lambda: DLCM.for_skeleton(MPII16, levels=1),
            3_278_608,
            3_294_736,
            5.445,
            (16,),
        ),
    ],
    ids=["ends_off", "lsp", "flic", "two_levels", "one_level"],
)
@pytest.mark.usefixtures("without_weights")
def test_other_configurations_have_their_size(build, parameters, total, billions, maps):
    check_size(build(), parameters, total, billions, maps)


@pytest.mark.slow
def test_its_components_have_the_published_sizes(release):
    """Counted from the authors' code; layers are found by their names' prefixes."""

    def size(*beginnings):
        weights = [
            weight
            for layer in release.layers
            if layer.name.startswith(beginnings)
            for weight in layer.trainable_weights
        ]
        return sum(int(np.prod(weight.shape)) for weight in weights)

    assert size("stem") == 419_328
    maps, links = (16, 28, 22, 28, 16), {16: 70_144, 28: 73_216, 22: 71_680}
    scores = {16: 4_112, 28: 7_196, 22: 5_654}
    for stage, count in enumerate(maps, start=1):
        name = f"stack{stage}_"
        assert size(f"{name}depth") == 2_788_864
        assert size(f"{name}head") == 66_304
        assert size(f"{name}scores_conv") == scores[count]
        linked = links[count] if stage < 5 else 0
        assert size(f"{name}scores_link", f"{name}features_link") == linked
    narrow = [size(f"stack{stage}_narrow") for stage in range(1, 6)]
    assert narrow == [0, 0, 0, 232_672, 252_784]
    modules = [size(f"stem_block{n}") for n in range(3)]
    assert modules == [58_112, 54_016, 231_168]


# --- the network -----------------------------------------------------------------


@pytest.mark.slow
def test_it_infers_upwards_and_then_downwards(small):
    names = ["stage1", "stage2", "stage3", "stage4", "heatmap", "keypoints"]
    assert list(small.output) == names
    found = small(images())
    maps = [5, 4 + 5, 2 + 5, 4 + 5, 5]
    for number, (name, count) in enumerate(zip(names, maps, strict=False), start=1):
        assert found[name].shape == (2, 8, 4, count)
        (layer,) = values(small, [f"stack{number}_scores_conv"])
        np.testing.assert_array_equal(found[name], layer)
    assert found["keypoints"].shape == (2, 5, 2)
    kernel, bias = small.get_layer("stack5_scores_conv").get_weights()
    features = keras.Model(small.input, small.features)(images())
    by_hand = np.asarray(features) @ kernel[0, 0] + bias
    np.testing.assert_allclose(found["heatmap"], by_hand, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stage, before", [(4, 2), (5, 1)])
def test_a_level_is_refined_beside_what_it_was_before(small, stage, before):
    names = [f"stack{before}_scores_conv", f"stack{stage}_narrow_add"]
    *seen, joined = values(small, [*names, f"stack{stage}_join"])
    assert joined.shape[-1] == 16
    np.testing.assert_array_equal(np.concatenate(seen, axis=-1), joined)
    # That is what the hourglass and the next link get.
    join = small.get_layer(f"stack{stage}_join").output
    assert small.get_layer(f"stack{stage}_depth1_pool").input is join
    if stage == 4:
        assert small.get_layer("stack4_link").input[0] is join


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2, 3, 4])
def test_the_next_stage_sees_the_last_ones_input_features_and_maps(small, stage):
    inputs = ["stem_block2_add", "stack1_link", "stack2_link", "stack4_join"]
    names = [inputs[stage - 1]]
    names += [f"stack{stage}_{name}" for name in ("head_relu", "scores_conv", "link")]
    x, found, maps, linked = values(small, names)
    for name, value in (("features", found), ("scores", maps)):
        kernel, bias = small.get_layer(f"stack{stage}_{name}_link_conv").get_weights()
        x = x + value @ kernel[0, 0] + bias
    np.testing.assert_allclose(linked, x, rtol=1e-3, atol=1e-3 * np.abs(x).max())


def test_a_shortcut_that_widens_is_normalized():
    """With empty kernels of the other path, only the shortcut's convolution is left."""
    x = keras.Input((1, 1, 2))
    for normalized in (False, True):
        model = keras.Model(x, residual(x, 4, "r", normalized))
        for weight in model.weights:
            if weight.path.endswith("kernel"):
                weight.assign(np.zeros(weight.shape))
        kernel = np.array([[1, 0, 2, 3], [0, 1, 5, 7]])[None, None]
        model.get_layer("r_shortcut_conv").set_weights([kernel, np.zeros(4)])
        found = model(np.float32([[[[2, -3]]]]))[0, 0, 0]
        # The ReLU cuts -3; the normalization divides by sqrt(1 + 1e-5).
        np.testing.assert_allclose(found, [2, 0, 4, 6], rtol=1e-4)
        names = {layer.name for layer in model.layers}
        assert ("r_in_bn" in names) is not normalized


@pytest.mark.slow
def test_the_image_becomes_0_to_1_less_the_means_of_mpii(small):
    scale = keras.Model(small.input, small.get_layer("scale_image").output)
    means = np.array([0.46604, 0.44426, 0.40682])
    photo = np.tile(np.float32([0, 255, 51]), (1, 32, 16, 1))
    expected = np.array([0, 1, 0.2]) - means
    np.testing.assert_allclose(scale({"image": photo})[0, 0, 0], expected, atol=1e-6)


def test_one_level_is_an_hourglass_for_joints():
    model = DLCM(**{**FIVE, "parts": ()})
    assert list(model.output) == ["heatmap", "keypoints"] and model.targets == {}
    assert model.output["heatmap"].shape == (None, 8, 4, 5)


@pytest.mark.slow
def test_gradients_reach_every_weight(small):
    random = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        loss = 0.0
        for name, maps in small(images()).items():
            if name != "keypoints":
                weights = random.normal(size=maps.shape).astype(np.float32)
                loss += tf.reduce_sum(maps * weights)
    variables = small.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        gradient = np.asarray(gradient)
        assert np.isfinite(gradient).all() and np.any(gradient), variable.path


# --- what it is taught, and what it refuses --------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("ends", [True, False])
def test_each_level_is_taught_its_own_parts(ends):
    model = DLCM(**{**FIVE, "part_ends": ends})
    bones, limbs = model.get_config()["parts"]
    expected = {"stage2": bones, "stage3": limbs, "stage4": bones}
    assert set(model.targets) == set(expected)
    for name, parts in expected.items():
        settings = dict(model.targets[name])
        assert settings.pop("codec") == "parts"
        codec = PartHeatmap((32, 16), 4, 7.0, **settings)
        assert codec.parts == parts
        hash(codec)  # data/examples.py keeps codecs in a dictionary
        maps = codec.encode(np.full((2, 5, 2), 7, np.float32), tf.ones((2, 5)))
        assert maps.shape[1:] == model.output[name].shape[1:]


@pytest.mark.slow
def test_its_configuration_brings_it_back(small):
    config = small.get_config()
    assert {name: config[name] for name in FIVE} == FIVE and config["part_ends"]
    # JSON has no tuples.
    again = DLCM.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config and again.targets == small.targets
    assert [w.shape for w in again.weights] == [w.shape for w in small.weights]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"depth": 2, "input_size": (32, 24)}, r"multiples of 16, got \(32, 24\)"),
        ({"filters": 18}, "filters: expected a multiple of 4, got 18"),
        ({"filters": 8}, "filters: .*two more than the 9 maps of a level, got 8"),
        ({"parts": ((),)}, r"parts: expected bones at level 2, got \(\)"),
        (
            {"parts": FIVE["parts"][:1] + ((((0, 1),), ()),)},
            "expected bones at level 3",
        ),
        ({"parts": ((((0, 5),),),)}, "pairs of joints 0 to 4 at level 2"),
        ({"parts": ((((0, 1, 2),),),)}, "pairs of joints 0 to 4 at level 2"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DLCM(**{**FIVE, **options})
