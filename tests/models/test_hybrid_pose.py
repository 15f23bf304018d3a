"""Hybrid-Pose: the sizes of its networks, their layers, and what is fused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.layers.heatmap_fusion import fuse, mean_response
from tfpose.models import hourglass
from tfpose.models.hybrid_pose import (
    CNet,
    HybridPose,
    RNet,
    branched_residual,
    refinement_stem,
)
from tfpose.models.summary import summarize
from tfpose.models.table import build_model
from tfpose.recipes import RECIPES
from tfpose.recipes import hybrid_pose as recipes
from tfpose.skeletons import COCO17

SIZE = (32, 32)
# With the modules of the fewest layers.
FEW = {"filters": 8, "blocks": 1, "residual": "newell"}
SMALL_RNET = {**FEW, "stacks": 2, "depth": 1}
SMALL_CNET = {**FEW, "depths": (1, 2)}
SMALL = {"rnet": SMALL_RNET, "cnet": SMALL_CNET}
EVERY = {"refinement": (1, 2), "correction": (1, 2)}


@pytest.fixture(scope="module")
def rnet():
    return fill_weights(RNet(3, SIZE, **SMALL_RNET))


@pytest.fixture(scope="module")
def cnet():
    return fill_weights(CNet(3, SIZE, **SMALL_CNET))


@pytest.fixture(scope="module")
def fused(rnet, cnet):
    return HybridPose.from_parts(rnet, cnet)


@pytest.fixture(scope="module")
def untrained():
    """A fusion with weights of its own."""
    return HybridPose(3, SIZE, **SMALL, **EVERY)


@pytest.fixture(scope="module")
def photos():
    random = np.random.default_rng(0)
    return {"image": random.uniform(0, 255, (2, *SIZE, 3)).astype(np.float32)}


# --- RNet and CNet ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "network, options, parameters, billions",
    [
        (RNet, {}, 65_984_384, 64.0),
        (RNet, {"residual": "newell"}, 24_875_520, 25.4),
        (CNet, {}, 8_996_800, 14.4),
        (CNet, {"link": "plain"}, 8_786_368, 13.6),
    ],
)
@pytest.mark.usefixtures("without_weights")
def test_the_networks_have_their_size(network, options, parameters, billions):
    """16 joints, 256 x 256, the readings of the paper that are the defaults."""
    found = summarize(network(**options), "net")
    assert found["trainable_parameters"] == parameters
    assert found["multiply_adds"] == pytest.approx(billions * 1e9, rel=4e-3)
    maps = dict.fromkeys(("stage1", "stage2", "stage3", "heatmap"), [64, 64, 16])
    assert found["outputs"] == {**maps, "keypoints": [16, 2]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, parameters, billions",
    [
        # Enlarging comes before the modules, four are at the bottom instead of two, and
        # links have no convolutions.
        ("rnet", 70_389_120, 81.9),
        ("cnet", 10_073_536, 16.9),
    ],
)
@pytest.mark.usefixtures("without_weights")
def test_the_recipes_build_the_hourglasses_of_the_equations(
    recipe, parameters, billions
):
    model = build_model(RECIPES[recipe]["paper"]())
    found = summarize(model, "net")
    assert found["trainable_parameters"] == parameters
    assert found["multiply_adds"] == pytest.approx(billions * 1e9, rel=4e-3)


def pools(model, stack):
    """How often this hourglass halves its cells."""
    return sum(
        layer.name.startswith(f"stack{stack}_") and layer.name.endswith("_pool")
        for layer in model.layers
    )


@pytest.mark.slow
def test_hourglasses_of_rnet_are_alike_and_those_of_cnet_are_not(rnet, cnet):
    assert [pools(rnet, stack) for stack in (1, 2)] == [1, 1]
    assert [pools(cnet, stack) for stack in (1, 2)] == [1, 2]


def test_rnet_begins_with_nine_layers_and_cnet_with_newells():
    image = keras.Input((*SIZE, 3))
    stem = keras.Model(image, refinement_stem(image, 8, hourglass.residual))
    points = [one for one in stem.layers if "point" in one.name and "conv" in one.name]
    assert [one.kernel.shape for one in points] == [(1, 1, 3, 2)] + [(1, 1, 2, 2)] * 3
    whole = [one.name for one in stem.layers if one.name.endswith(("pool0", "pool1"))]
    widths = [stem.get_layer(f"stem_block{n}_add").output.shape for n in (0, 1, 2)]
    assert len(points) + len(whole) + len(widths) == 9
    assert widths == [(None, 16, 16, 4), (None, 8, 8, 4), (None, 8, 8, 8)]
    cnet = CNet(3, SIZE, 8, (1,))
    first = cnet.get_layer("stem_conv")
    assert first.kernel.shape == (7, 7, 3, 2) and first.strides == (2, 2)


def test_a_branched_module_adds_a_deeper_branch_to_newells():
    x = keras.Input((5, 5, 1))
    model = keras.Model(x, branched_residual(x, 2, "r"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            layer.set_weights([np.ones_like(kernel), np.zeros_like(bias)])
    impulse = np.zeros((1, 5, 5, 1), np.float32)
    impulse[0, 2, 2] = 1
    # A 3x3 of ones spreads the cell; two of them make 1 2 3 2 1 of each axis. Each
    # normalization before a convolution divides by sqrt(1 + 1e-5).
    expected = np.outer([1, 2, 3, 2, 1], [1, 2, 3, 2, 1]) * (1 + 1e-5) ** -2.0
    expected[1:4, 1:4] += (1 + 1e-5) ** -1.5
    expected[2, 2] += 1  # the shortcut
    for channel in range(2):
        np.testing.assert_allclose(model(impulse)[0, ..., channel], expected, rtol=1e-5)


@pytest.mark.slow
def test_a_plain_link_adds_an_hourglass_to_its_input(photos):
    model = fill_weights(
        RNet(3, SIZE, **{**SMALL_RNET, "residual": "branched"}, link="plain")
    )
    names = "stem_block2_deep_add", "stack1_depth1_add", "stack1_link"
    parts = [model.get_layer(name).output for name in names]
    x, carved, linked = keras.Model(model.input, parts)(photos)
    np.testing.assert_allclose(linked, x + carved, rtol=1e-6)
    assert not any("link_conv" in layer.name for layer in model.layers)


@pytest.mark.slow
def test_after_enlarging_modules_see_four_times_the_cells():
    cells = {}
    for first in (False, True):
        model = CNet(3, SIZE, 8, (2,), enlarge_first=first)
        for depth in (1, 2):
            raised = model.get_layer(f"stack1_depth{depth}_raise_block0_add")
            cells[depth, first] = raised.output.shape[1]
        assert model.output["heatmap"].shape == (None, 8, 8, 3)
    assert cells == {(1, False): 2, (2, False): 4, (1, True): 4, (2, True): 8}


@pytest.mark.parametrize(
    "network, options, message",
    [
        (RNet, {"filters": 6}, "filters: expected a multiple of 4, got 6"),
        (RNet, {"stacks": 0}, "expected depths of 1 or more, got \\(\\)"),
        (CNet, {"depths": (1, 0)}, "expected depths of 1 or more, got \\(1, 0\\)"),
        (CNet, {"blocks": 0}, "blocks: expected 1 or more, got 0"),
        (CNet, {"residual": "resnet"}, "residual: expected one of .*, got 'resnet'"),
        (RNet, {"link": "sum"}, "link: expected one of .*, got 'sum'"),
        (RNet, {"depth": 4}, "depth 4 need multiples of 64, got \\(32, 32\\)"),
        (CNet, {"depths": (4, 1)}, "depth 4 need multiples of 64, got \\(32, 32\\)"),
    ],
)
def test_networks_that_cannot_be_are_refused(network, options, message):
    small = SMALL_RNET if network is RNet else SMALL_CNET
    with pytest.raises(ValueError, match=message):
        network(3, SIZE, **{**small, **options})


# --- the fusion ------------------------------------------------------------------


@pytest.mark.slow
def test_all_heatmaps_of_both_networks_are_there(rnet, cnet, fused, photos):
    found = fused(photos)
    expected = {}
    for network in (rnet, cnet):
        maps = network(photos)
        del maps["keypoints"]
        expected |= {f"{network.name}_{name}": one for name, one in maps.items()}
    assert len(expected) == 4
    assert set(found) == {*expected, "heatmap", "keypoints"}
    for name, maps in expected.items():
        np.testing.assert_allclose(found[name], maps, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen, rnets, cnets",
    [
        ({}, ("stage1", "heatmap"), ("stage1", "heatmap")),
        ({"refinement": (1,)}, ("stage1",), ("stage1", "heatmap")),
        (
            {"refinement": (2,), "correction": (2,), "clip": False},
            ("heatmap",),
            ("heatmap",),
        ),
    ],
)
def test_the_chosen_heatmaps_are_fused(rnet, cnet, fused, photos, chosen, rnets, cnets):
    model = HybridPose.from_parts(rnet, cnet, **chosen) if chosen else fused
    found = model(photos)
    refinement = [found[f"rnet_{name}"] for name in rnets]
    correction = [found[f"cnet_{name}"] for name in cnets]
    expected = fuse(refinement, correction, chosen.get("clip", True))
    expected = mean_response(expected, len(rnets), len(cnets))
    np.testing.assert_allclose(found["heatmap"], expected, rtol=1e-5, atol=1e-6)
    heatmap = np.asarray(found["heatmap"]).transpose(0, 3, 1, 2).reshape(2, 3, -1)
    y, x = np.divmod(heatmap.argmax(-1), SIZE[1] // 4)
    cells = np.stack([x, y], -1)
    assert np.abs((found["keypoints"] + 0.5) / 4 - 0.5 - cells).max() <= 0.5 + 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("part", ["rnet", "cnet"])
def test_one_network_alone_is_that_network(rnet, cnet, photos, part):
    network = {"rnet": rnet, "cnet": cnet}[part]
    alone = HybridPose.from_parts(**{part: network})
    assert [one.name for one in alone.layers if one.name.endswith("net")] == [part]
    assert alone.count_params() == network.count_params()
    found, expected = alone(photos), network(photos)
    for name in ("heatmap", "keypoints"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-5)
    choice = {"rnet": "refinement", "cnet": "correction"}[part]
    first = HybridPose.from_parts(**{part: network}, **{choice: (1,)})(photos)
    np.testing.assert_allclose(
        first["heatmap"], expected["stage1"], rtol=1e-5, atol=1e-5
    )


@pytest.mark.slow
def test_a_network_of_another_input_size_can_be_taken(
    rnet, cnet, fused, untrained, photos
):
    larger = RNet(3, (48, 64), **SMALL_RNET)
    larger.set_weights(rnet.get_weights())
    assert untrained.take(larger, cnet) is untrained
    np.testing.assert_allclose(untrained(photos)["heatmap"], fused(photos)["heatmap"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: {"cnet": None}, "cnet: expected CNet, got NoneType"),
        (lambda: {"cnet": RNet(3, SIZE, **SMALL_RNET)}, "expected CNet, got RNet"),
        (lambda: {"cnet": CNet(4, SIZE, **SMALL_CNET)}, "CNet with joints 3, got 4"),
        (
            lambda: {"cnet": CNet(3, SIZE, **{**FEW, "depths": (2, 1)})},
            r"CNet with depths \(1, 2\), got \(2, 1\)",
        ),
    ],
)
def test_other_networks_are_not_taken(rnet, untrained, wrong, message):
    before = untrained.get_weights()
    with pytest.raises(ValueError, match=message):
        untrained.take(**{"rnet": rnet, **wrong()})
    for weight, old in zip(untrained.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


@pytest.mark.slow
def test_networks_of_different_joints_or_sizes_are_not_fused(rnet):
    other = CNet(3, (48, 48), **SMALL_CNET)
    with pytest.raises(ValueError, match=r"got \[\(3, \(32, 32\)\), \(3, \(48, 48\)\)"):
        HybridPose.from_parts(rnet, other)
    with pytest.raises(ValueError, match="got None"):
        HybridPose.from_parts()


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen, message",
    [
        ({"refinement": (2,)}, "refinement: expected .* of 1 to 1, .* rnet, got"),
        ({"correction": (1, 1)}, "correction: expected different .* cnet, got"),
        ({"correction": (0,)}, "correction: expected different .* cnet, got"),
        ({"refinement": (), "correction": ()}, "expected some, got none"),
    ],
)
def test_hourglasses_that_are_not_there_are_refused(chosen, message):
    few = {**FEW, "filters": 4}
    parts = {"rnet": {**few, "stacks": 1, "depth": 1}, "cnet": {**few, "depths": (1,)}}
    one = {"refinement": (1,), "correction": (1,)}
    with pytest.raises(ValueError, match=message):
        HybridPose(3, SIZE, **parts, **{**one, **chosen})


@pytest.mark.slow
def test_the_networks_learn_as_if_alone(fused, photos):
    """No weight of one moves by a loss on the other; the fusion's moves both."""
    variables = fused.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        found = fused(photos, training=False)
        losses = {
            name: tf.reduce_sum(tf.square(found[name] - 0.5))
            for name in ("rnet_heatmap", "cnet_heatmap", "heatmap")
        }
    reached = {}
    for name, loss in losses.items():
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        reached[name] = {
            index for index, gradient in enumerate(gradients) if gradient is not None
        }
    assert reached["rnet_heatmap"].isdisjoint(reached["cnet_heatmap"])
    assert reached["heatmap"] == reached["rnet_heatmap"] | reached["cnet_heatmap"]
    assert reached["heatmap"] == set(range(len(variables)))


@pytest.mark.slow
def test_a_fusion_costs_what_its_networks_cost(rnet, cnet, fused):
    counts = [summarize(model, model.name) for model in (rnet, cnet, fused)]
    for key in ("multiply_adds", "trainable_parameters"):
        first, second, both = (count[key] for count in counts)
        assert both == first + second > first > 0


# --- recipes ---------------------------------------------------------------------


def test_the_paper_trains_both_networks_for_400_000_steps():
    people = 22_246  # of MPII's usual training split
    for recipe, rate in (
        (recipes.rnet_paper(), 2.5e-6),
        (recipes.cnet_paper(), 2.5e-4),
    ):
        epoch = people // recipe.batch_size
        assert abs(recipe.epochs * epoch - 400_000) < epoch / 2
        assert recipe.learning_rate == rate


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_small_networks_fit_into_the_small_fusion(monkeypatch):
    def shapes(network):
        return [weight.shape for weight in network.weights]

    def take(network, given):
        taken.add(network.name)
        assert given == shapes(network)

    taken = set()
    monkeypatch.setattr(keras.Layer, "get_weights", shapes)
    monkeypatch.setattr(keras.Layer, "set_weights", take)
    recipe = recipes.tiny()
    networks = [
        network.for_skeleton(COCO17, input_size=own.input_size, **own.network)
        for network, own in ((RNet, recipes.rnet_tiny()), (CNet, recipes.cnet_tiny()))
    ]
    fusion = HybridPose.for_skeleton(
        COCO17, input_size=recipe.input_size, **recipe.network
    )
    fusion.take(*networks)
    assert taken == {"rnet", "cnet"}
    assert fusion.output["heatmap"].shape == (None, 24, 24, 17)
    assert len(fusion.get_layer("fusion").input) == 2  # of the last hourglasses


def test_the_paper_fuses_all_hourglasses():
    network = recipes.paper().network
    assert network["refinement"] == network["correction"] == (1, 2, 3, 4)
    assert recipes.tiny().network["refinement"] == (4,)
