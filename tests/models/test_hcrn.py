"""HCRN: its units by hand, the tree they hang in, its sizes, what it refuses."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose import skeletons
from tfpose.layers.heatmaps import SpatialSoftmax
from tfpose.models import hcrn
from tfpose.models.hcrn import HCRN, Refinement, refine
from tfpose.models.integral_pose import IntegralPose
from tfpose.models.simple_baseline import map_head
from tfpose.skeletons import LSP14

LOG3, LOG9 = np.log(3), np.log(9)

pytestmark = pytest.mark.usefixtures("nano_front_end")


def units(parents, size=(2, 2), diffuse=True, radius=7, root_cru=True) -> keras.Model:
    """The tree alone, from logits of the initial maps to those of the refined ones."""
    initial = keras.Input((*size, len(parents)))
    refined = refine(initial, tuple(parents), diffuse, radius, root_cru)
    return keras.Model(initial, refined)


def line(*cells):
    """f32[1, 1, cells, joints] of lists of cells, one a joint."""
    return np.float32(cells).T[None, None]


def size_of(model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


# --- a chain of three joints, by hand --------------------------------------------

# Joint 1 is the root, 2 its child, 0 the child's child.
CHAIN = (2, -1, 1)
# Sigmoids: leaf 0.5 0.5 0.75, root 0.9 0.25 0.25, middle 0.25 0.5 0.25.
LOGITS = line([0, 0, LOG3], [LOG9, -LOG3, -LOG3], [-LOG3, 0, -LOG3])


def chain(**options) -> keras.Model:
    """The units of the chain with weights for hand-made sums."""
    model = units(CHAIN, (1, 3), radius=1, **options)
    by_layer = {
        # own, context, bias; of dx the linear and the quadratic weight.
        "layer1": ((2, 1, -1), (0, 0.3)),
        "layer2": ((4, 2, -2), (0.1, 0.2)),
        "layer3": ((1, 10, -3), (-0.2, 0.1)),
    }
    names = [layer.name for layer in model.layers]
    for layer, (refinement, (linear, quadratic)) in by_layer.items():
        if f"{layer}_refinement" in names:
            weights = [np.full(1, value) for value in refinement]
            model.get_layer(f"{layer}_refinement").set_weights(weights)
        if f"{layer}_diffusion" in names:
            # The maps have one row: the weights of dy play no part.
            weights = [np.array([[linear], [9.0]]), np.array([[quadratic], [9.0]])]
            model.get_layer(f"{layer}_diffusion").set_weights(weights)
    return model


def test_a_chain_of_units_by_hand():
    found = chain(root_cru=False)(LOGITS)
    # The root's map, diffused: 0.9; 0.9 + 0.1 - 0.2 = 0.8 from the left; 0.25.
    middle = [4 * 0.25 + 2 * 0.9 - 2, 4 * 0.5 + 2 * 0.8 - 2, 4 * 0.25 + 2 * 0.25 - 2]
    # Its sigmoid is 0.690, 0.832, 0.378. Diffused: 0.832 + 0.2 - 0.1 from the right;
    # 0.832; 0.832 - 0.2 - 0.1 from the left.
    leaf = [0.5 + 9.3201839 - 3, 0.5 + 8.3201839 - 3, 0.75 + 5.3201839 - 3]
    root = [LOG9, -LOG3, -LOG3]
    np.testing.assert_allclose(found, line(leaf, root, middle), atol=1e-5)


def test_a_roots_unit_sees_the_root_itself_by_hand():
    found = chain(root_cru=True)(LOGITS)
    # Diffused: 0.9; 0.9 - 0.3 from the left; 0.25.
    root = [2 * 0.9 + 0.9 - 1, 2 * 0.25 + 0.6 - 1, 2 * 0.25 + 0.25 - 1]
    np.testing.assert_allclose(found[..., 1], line(root)[..., 0], atol=1e-5)


def test_without_diffusion_the_parents_map_is_the_context_by_hand():
    found = chain(root_cru=False, diffuse=False)(LOGITS)
    middle = [4 * 0.25 + 2 * 0.9 - 2, 4 * 0.5 + 2 * 0.25 - 2, 4 * 0.25 + 2 * 0.25 - 2]
    # Its sigmoid, ten times.
    leaf = [0.5 + 6.8997448 - 3, 0.5 + 6.2245933 - 3, 0.75 + 3.7754067 - 3]
    root = [LOG9, -LOG3, -LOG3]
    np.testing.assert_allclose(found, line(leaf, root, middle), atol=1e-5)


def test_a_unit_weighs_its_own_map_and_its_context():
    own, context = tf.Variable(line([1, 2], [3, 4])), tf.Variable(line([5, 6], [7, 8]))
    layer = Refinement()
    layer.build(own.shape)
    layer.set_weights([np.array(w) for w in ([2, 3], [10, 100], [-1, -2])])
    with tf.GradientTape() as tape:
        found = layer(own, context)
        total = tf.reduce_sum(found)
    np.testing.assert_allclose(found, line([51, 63], [707, 810]))
    by_own, by_context, *by_weights = tape.gradient(
        total, [own, context, *(weight.value for weight in layer.weights)]
    )
    np.testing.assert_allclose(by_own, line([2, 2], [3, 3]))
    np.testing.assert_allclose(by_context, line([10, 10], [100, 100]))
    np.testing.assert_allclose(by_weights, [[3, 7], [11, 15], [2, 2]])


def test_a_unit_starts_by_trusting_a_found_joint_and_preferring_its_surroundings():
    found, not_found = np.ones((1, 1, 1, 1)), np.zeros((1, 1, 1, 1))
    unit = Refinement()
    alone, with_parent = unit(found, not_found), unit(found, found)
    assert float(with_parent[0, 0, 0, 0]) > float(alone[0, 0, 0, 0]) > 0
    # A parent alone is no child.
    assert float(unit(not_found, found)[0, 0, 0, 0]) < 0


# --- the tree --------------------------------------------------------------------


def descendants(parents, joint) -> set[int]:
    """The joint, its children, their children and so on."""
    found = {joint}
    while more := {i for i, p in enumerate(parents) if p in found} - found:
        found |= more
    return found


@pytest.mark.parametrize("name", ["lsp14", "coco17_neck"])
def test_a_joints_map_depends_on_its_ancestors_and_on_nobody_else(name):
    parents = skeletons.get(name).parents
    joints = len(parents)
    model = fill_weights(units(parents, (3, 3), radius=2))
    for layer in model.layers:
        if isinstance(layer, Refinement):
            values = zip(layer.get_weights(), (4, 2, -2), strict=True)
            layer.set_weights([np.full_like(weight, value) for weight, value in values])
    random = np.random.default_rng(0)
    initial = random.normal(size=(1, 3, 3, joints)).astype(np.float32)
    changed = np.repeat(initial, joints, axis=0)
    for joint in range(joints):
        changed[joint, ..., joint] -= 3  # far from where sigmoids are flat
    difference = np.abs(model(changed) - model(initial)).max(axis=(1, 2))
    for joint in range(joints):
        moved = set(np.flatnonzero(difference[joint] > 1e-4).tolist())
        assert moved == descendants(parents, joint)


def test_joints_in_another_order_have_the_same_maps():
    order = np.random.default_rng(1).permutation(14)
    place = np.argsort(order)  # of each old joint in the new order
    parents = [LSP14.parents[joint] for joint in order]
    parents = [-1 if parent == -1 else int(place[parent]) for parent in parents]
    initial = np.random.default_rng(2).normal(0, 2, (2, 4, 5, 14)).astype(np.float32)
    expected = np.asarray(units(LSP14.parents, (4, 5), radius=3)(initial))
    found = units(parents, (4, 5), radius=3)(initial[..., order])
    np.testing.assert_allclose(found, expected[..., order], atol=1e-6)
    assert np.abs(expected[..., order] - expected).max() > 1


def test_a_root_without_a_unit_passes_unchanged():
    initial = np.random.default_rng(0).normal(size=(2, 3, 3, 14)).astype(np.float32)
    neck = LSP14.index("neck")
    without, with_unit = (
        units(LSP14.parents, (3, 3), root_cru=root)(initial) for root in (False, True)
    )
    np.testing.assert_array_equal(without[..., neck], initial[..., neck])
    assert (with_unit[..., neck] != initial[..., neck]).numpy().all()


def test_joints_without_a_tree_are_all_roots():
    initial = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
    roots = (-1,) * 4
    np.testing.assert_array_equal(
        units(roots, (3, 3), root_cru=False)(initial), initial
    )
    assert size_of(units(roots)) == 4 * 7


def test_parents_that_are_no_tree_are_refused():
    with pytest.raises(ValueError, match="circle through joints"):
        units((1, 0, -1))


# --- sizes -----------------------------------------------------------------------


# Table II for LSP: (4 + 2 + 1) x 14 = 98; 91 without a unit for the root.
@pytest.mark.parametrize(
    "name, with_root, without",
    [
        ("lsp14", 98, 91),
        ("flic10", 70, 63),
        ("mpii16", 112, 105),
        ("coco17", 119, 112),
        ("coco17_neck", 126, 119),
    ],
)
def test_the_units_have_the_papers_number_of_parameters(name, with_root, without):
    parents = skeletons.get(name).parents
    assert size_of(units(parents)) == with_root
    assert size_of(units(parents, root_cru=False)) == without
    joints = len(parents)
    assert size_of(units(parents, diffuse=False)) == 3 * joints


def test_initial_heads_have_the_size_of_a_1x1_convolution_with_background():
    # 15 times (channels + 1): VGG has 1024, ResNet 2048, CPM 128, the hourglass 256.
    for channels, parameters in (
        (1024, 15_375), (2048, 30_735), (128, 1_935), (256, 3_855),
    ):  # fmt: skip
        features = keras.Input((2, 2, channels))
        heads = [map_head(features, 14, "initial"), map_head(features, 1, "background")]
        assert size_of(keras.Model(features, heads)) == parameters


# --- the network -----------------------------------------------------------------

SMALL = {"parents": LSP14.parents, "input_size": (64, 32), "front_end": "nano"}


def photos(people=2, seed=0):
    random = np.random.default_rng(seed)
    return {"image": random.uniform(0, 255, (people, 64, 32, 3)).astype(np.float32)}


def test_the_heatmap_is_the_refined_maps_and_the_background():
    model = fill_weights(HCRN(**SMALL))
    found = model(photos())
    assert set(found) == {"heatmap", "initial", "keypoints"}
    assert found["heatmap"].shape == (2, 16, 8, 15)
    assert found["initial"].shape == (2, 16, 8, 14)
    parts = keras.Model(
        model.input,
        [model.get_layer(name).output for name in ("refined_joints", "background")],
    )
    refined, background = parts(photos())
    np.testing.assert_array_equal(found["heatmap"][..., :14], refined)
    np.testing.assert_array_equal(found["heatmap"][..., 14:], background)
    assert model.stride == 4 and model.activation == "sigmoid"


def test_keypoints_lie_at_the_refined_maps_peaks():
    found = fill_weights(HCRN(**SMALL))(photos())
    maps = np.reshape(found["heatmap"][..., :14], (2, 16 * 8, 14))
    rows, columns = np.divmod(maps.argmax(1), 8)
    centers = 4 * np.stack([columns, rows], axis=-1) + 1.5
    # Within the peak's cell.
    assert np.abs(found["keypoints"] - centers).max() <= 2 + 1e-3


@pytest.mark.slow
def test_holistic_networks_have_no_units():
    model = fill_weights(HCRN(**SMALL, refinement="holistic"))
    found = model(photos())
    assert set(found) == {"heatmap", "keypoints"}
    assert not any(isinstance(layer, Refinement) for layer in model.layers)
    # The same network but for the units.
    sizes = [size_of(HCRN(**SMALL, refinement=name)) for name in hcrn.REFINEMENTS]
    assert np.diff(sizes).tolist() == [3 * 14, 4 * 14]


def test_joints_are_rare_at_the_start():
    keras.utils.set_random_seed(0)
    found = HCRN(**SMALL)(photos())
    for name, maps in found.items():
        if name != "keypoints":
            assert abs(np.mean(maps[..., :14]) - hcrn.RARITY) < 0.5


def test_every_stage_of_a_front_end_has_maps_of_its_own(monkeypatch):
    def two(image, joints, stages):
        features = keras.layers.Conv2D(4, 4, 4)(image)
        return [map_head(features, joints + 1, f"s{i}") for i in range(2)], features

    front_end = dataclasses.replace(hcrn.FRONT_ENDS["nano"], build=two, stages=3)
    monkeypatch.setitem(hcrn.FRONT_ENDS, "two", front_end)
    model = HCRN(**{**SMALL, "front_end": "two"}, stages=3)
    assert set(model.output) == {
        "stage1", "stage2", "initial", "heatmap", "keypoints"
    }  # fmt: skip
    assert model.output["stage2"].shape == (None, 16, 8, 15)


def test_the_local_front_end_sees_49_pixels():
    model = HCRN(LSP14.parents, (96, 96), "tiny_local", refinement="holistic")
    image = tf.Variable(np.full((1, 96, 96, 3), 100, np.float32))
    with tf.GradientTape() as tape:
        cell = tf.reduce_sum(model({"image": image})["heatmap"][0, 12, 10])
    seen = np.abs(tape.gradient(cell, image)).sum(axis=(0, 3)) > 0
    # A cell's middle lies between pixels, the 49 around one of the two next to it.
    for side, cell in ((1, 12), (0, 10)):
        places = np.flatnonzero(seen.any(axis=side))
        assert (places[0], places[-1]) == (4 * cell - 24, 4 * cell + 24)


@pytest.mark.slow
def test_efficientnet_lite0_is_a_front_end():
    front_end = "efficientnet_lite0"
    model = HCRN(LSP14.parents, (64, 32), front_end, refinement="holistic")
    assert model.output["heatmap"].shape == (None, 16, 8, 15)
    names = {layer.name for layer in model.layers}
    other = IntegralPose(14, (64, 32), front_end)
    after = "head_logits", "belief", "soft_argmax"
    assert {layer.name for layer in other.layers} - {*after} <= names


def test_a_skeletons_tree_makes_the_network():
    model = HCRN.for_skeleton(skeletons.FLIC10, input_size=(64, 64), front_end="nano")
    assert model.arguments["parents"] == skeletons.FLIC10.parents
    assert model.output["keypoints"].shape == (None, 10, 2)
    assert not any(isinstance(layer, SpatialSoftmax) for layer in model.layers)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"front_end": "alexnet"}, "front_end: expected one of .*nano.*got 'alexnet'"),
        ({"refinement": "none"}, "refinement: expected one of .*holistic.*got 'none'"),
        ({"stages": 2}, "stages: expected 1 to 1 of nano, got 2"),
        ({"stages": 0}, "stages: expected 1 to 1 of nano, got 0"),
        ({"input_size": (64, 48)}, r"input_size: .*multiples of 32, got \(64, 48\)"),
        ({"parents": (1, 0)}, "circle through joints"),
        ({"diffusion_radius": 0}, "radius: expected 1 or more cells, found 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        HCRN(**{**SMALL, **options})
