"""MoveNet: its counts, the published graph's answers, and how it finds a person."""

import keras
import numpy as np
import pytest

from tfpose import losses
from tfpose.codecs import CenterOffsets, OffsetDisc, PersonCenter
from tfpose.layers.offsets import DEVIATION, OffsetPosition
from tfpose.models import HCRN, MoveNet, PoseFix, PoseRefiner
from tfpose.models.movenet import NearestCenter, NearPosition, filters_of
from tfpose.models.summary import without_weights
from tfpose.skeletons import LSP14

# What the published graph (TF Hub, movenet/singlepose/thunder, version 4) answers for
# ``pattern``: x and y in px, and each heatmap's sum.
KEYPOINTS = [
    (148.0186, 70.7197), (155.8427, 61.5523), (139.8922, 60.3764), (159.3031, 67.3089),
    (134.8319, 65.5453), (151.8679, 83.362), (132.6421, 85.0449), (113.41, 138.279),
    (104.8441, 128.0939), (75.5699, 134.2181), (74.5786, 111.2892),
    (158.5193, 155.0692), (141.6741, 152.9024), (158.4811, 140.3614),
    (148.0635, 141.5261), (177.7576, 142.0687), (145.7729, 142.7534),
]  # fmt: skip
SUMS = [
    118.6023, 92.005, 91.9945, 141.4148, 113.758, 153.8167, 160.617, 166.957, 137.8244,
    189.2175, 163.2098, 144.5351, 144.7625, 163.248, 172.6531, 159.7318, 163.822,
]  # fmt: skip


def pattern():
    """f32[1, 256, 256, 3]: waves, the same on every machine."""
    y, x = np.mgrid[:256, :256].astype(np.float64)
    red = 127.5 + 127.5 * np.sin(x / 9) * np.cos(y / 13)
    green = 127.5 + 127.5 * np.cos(x / 17 + y / 23)
    image = np.stack([red, green, (x + y) / 2], axis=-1)
    return np.float32(image.round())[None]


@pytest.fixture(scope="module")
def thunder():
    return MoveNet.from_preset("movenet_thunder_coco17")


@pytest.mark.slow
def test_its_answers_are_those_of_the_published_graph(thunder):
    found = thunder({"image": pattern()})
    np.testing.assert_allclose(found["keypoints"][0], KEYPOINTS, atol=0.01)
    sums = keras.ops.sum(keras.ops.sigmoid(found["heatmap"][0]), axis=(0, 1))
    np.testing.assert_allclose(sums, SUMS, rtol=1e-4)


@pytest.mark.slow
def test_bfloat16_leaves_the_kernels_that_nearly_cancel(thunder):
    """Those of the first depthwise convolution: rounded, they move logits by 0.6."""
    mixed = MoveNet.from_config({**thunder.get_config(), "dtype": "mixed_bfloat16"})
    mixed.set_weights(thunder.get_weights())
    kernel = mixed.get_layer("block0_depthwise_conv").kernel
    sums, sizes = keras.ops.sum(kernel, (0, 1)), keras.ops.sum(abs(kernel), (0, 1))
    assert np.median(abs(sums) / sizes) < 0.1
    expected, found = (m({"image": pattern()})["heatmap"] for m in (thunder, mixed))
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.3


def test_its_parameters(thunder):
    # Google's graph holds 6.24 million numbers; 12,330 of them are constants.
    assert thunder.count_params() == 6_226_046
    assert thunder.features.shape == (None, 64, 64, 24)


@pytest.mark.parametrize(
    "width, expected",
    [(1.0, [16, 24, 32, 64]), (1.75, [32, 40, 56, 112]), (0.1, [8, 8, 8, 8])],
)
def test_widths_are_multiples_of_eight(width, expected):
    assert [filters_of(count, width) for count in (16, 24, 32, 64)] == expected


def test_other_skeletons_change_only_the_heads():
    with without_weights():
        fewer, more = MoveNet(14), MoveNet(17)
    there = {layer.name: layer.count_params() for layer in more.layers}
    changed = [layer.name for layer in fewer.layers
               if layer.count_params() != there.get(layer.name, 0)]  # fmt: skip
    assert changed == ["heatmap_logits", "regression_logits", "offsets_logits"]


def test_the_center_nearest_the_middle_wins():
    centers = np.zeros((1, 8, 8, 1), np.float32)
    centers[0, 4, 4], centers[0, 0, 4] = 0.5, 1.0
    weighted = np.array(NearestCenter()(centers))[0, ..., 0]
    assert weighted[4, 4] == 0.5  # in the middle, d = 0
    assert weighted[0, 4] == pytest.approx(1.8 / (1.8 + 4))


def test_a_belief_falls_with_the_distance_from_the_predicted_joint():
    ones = np.ones((1, 4, 4, 1), np.float32)
    predicted = np.float32([[[5.5, 1.5]]])  # the middle of cell x 1, y 0
    weighted = np.array(NearPosition(4)(ones, predicted))[0, ..., 0]
    assert weighted[0, 1] == 1
    assert weighted[0, 3] == pytest.approx(1.8 / 3.8)
    assert weighted[3, 1] == pytest.approx(1.8 / 4.8)


# --- targets ---------------------------------------------------------------------

POSE = np.float32([[[20, 12], [36, 28], [5, 5]]])
VALID = np.float32([[1, 1, 0]])


def test_the_center_is_the_mean_of_the_labeled_joints():
    codec = PersonCenter((64, 48), sigma=4.0)
    maps = codec.encode(POSE, VALID).numpy()[0, ..., 0]
    # (28, 20) px is at 6.625, 4.625 cells.
    assert np.unravel_index(maps.argmax(), maps.shape) == (5, 7)
    assert maps[5, 7] == pytest.approx(np.exp(-2 * 0.375**2 / 2), abs=1e-6)
    np.testing.assert_array_equal(codec.weights(VALID), [[1]])
    np.testing.assert_array_equal(codec.weights(0 * VALID), [[0]])


def test_offsets_lead_from_the_center_to_every_joint():
    codec = CenterOffsets((64, 48), radius=8.0)
    target = codec.encode(POSE, VALID).numpy()
    near = target[..., 2]
    assert near[0, 5, 7, 0] == 1 and near[0, 0, 0, 0] == 0
    assert not near[..., 2].any()  # an unlabeled joint
    # The cell x 7, y 5 has its center at (29.5, 21.5) px.
    expected = np.array([[20 - 29.5, 12 - 21.5], [36 - 29.5, 28 - 21.5]]) / DEVIATION
    np.testing.assert_allclose(target[0, 5, 7, :2, :2], expected, atol=1e-5)
    # The decoder inverts it.
    offsets = target[..., :2].reshape(1, 16, 12, 6)
    found = OffsetPosition(4)(near[..., :1].repeat(3, axis=-1), offsets)
    np.testing.assert_allclose(found[0, :2], POSE[0, :2], atol=1e-4)


def test_perfect_offsets_cost_nothing():
    target = OffsetDisc((64, 48), radius=8.0).encode(POSE, VALID)
    offsets = target.numpy()[..., :2].reshape(1, 16, 12, 6)
    cost = losses.OffsetDistance("huber").call(target, offsets)
    np.testing.assert_allclose(cost, np.zeros((1, 3)))


# Of layers that every network on this trunk has.
MOVENETS = {
    "stem_conv/kernel": (3, 3, 3, 56),
    "block5_project_conv/kernel": (1, 1, 336, 56),
}


@pytest.mark.usefixtures("without_weights")
@pytest.mark.parametrize(
    "build, cells",
    [
        (lambda: HCRN(LSP14.parents, (256, 192), "movenet"), (32, 24, 15)),
        (lambda: HCRN(LSP14.parents, (256, 192), "movenet_local"), (32, 24, 15)),
        (lambda: PoseRefiner(14, (256, 192), "movenet"), (32, 24, 14)),
        (lambda: PoseFix(14, (256, 192), "movenet", filters=(8, 8, 8)), (64, 48, 14)),
    ],
    ids=["hcrn", "hcrn, near", "pose_refiner", "posefix"],
)
def test_it_is_the_trunk_of_others_under_its_own_names(build, cells):
    model = build()
    assert tuple(model.output["heatmap"].shape[1:]) == cells
    weights = {weight.path: tuple(weight.shape) for weight in model.weights}
    assert {path: weights.get(path) for path in MOVENETS} == MOVENETS
