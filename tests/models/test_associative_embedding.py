"""Associative Embedding: its size, what goes down and up, and what is output."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose import config
from tfpose.codecs import GaussianHeatmap
from tfpose.inference.grouping import group
from tfpose.losses import AssociativeTags
from tfpose.models.associative_embedding import AssociativeEmbedding, hourglass
from tfpose.models.summary import summarize
from tfpose.recipes import associative_embedding as recipe
from tfpose.skeletons import COCO17

SMALL = {"stacks": 2, "filters": 8, "growth": 4, "depth": 2, "maps": 10}


def small(joints=3, size=(32, 32), **options):
    """Two stacks for 32 x 32 px, untrained."""
    return AssociativeEmbedding(joints, size, **{**SMALL, **options})


@pytest.fixture(scope="module")
def noisy():
    """``small``, filled with noise."""
    return fill_weights(small())


def images(photos, size=(32, 32), seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(0, 255, (photos, *size, 3)).astype(np.float32)


def part(model, *names):
    """Outputs of layers, of two photos."""
    parts = [model.get_layer(name).output for name in names]
    return [
        np.asarray(x) for x in keras.Model(model.input, parts)({"image": images(2)})
    ]


# --- size ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_the_published_network_has_its_size():
    """princeton-vl/pose-ae-train: 17 joints on 512 x 512 px, 68 maps."""
    summary = summarize(AssociativeEmbedding(), "published")
    assert summary["trainable_parameters"] == 138_893_840
    assert summary["total_parameters"] == 138_893_840  # nothing is normalized
    assert summary["multiply_adds"] == 222_210_031_616
    maps = ["heatmap", "tags"]
    maps += [
        name for stage in "123" for name in (f"stage{stage}", f"stage{stage}_tags")
    ]
    shapes = {**dict.fromkeys(maps, [128, 128, 17]), "keypoints": [17, 2]}
    assert summary["outputs"] == shapes


def test_one_stack_of_the_published_network_has_its_size():
    """By hand, in convolutions with biases.

    Stem: 7x7 from 3 to 64, 3x3 to 128, 128 and 256. At each of four sizes of f filters:
    3x3 from f to f, from f to f + 128 and back; 3x3 at the bottom; two after; 68 maps.
    """

    def convolution(inputs, outputs, size=3):
        return (size**2 * inputs + 1) * outputs

    expected = convolution(3, 64, 7) + convolution(64, 128) + convolution(128, 128)
    expected += convolution(128, 256)
    for filters in (256, 384, 512, 640):
        expected += convolution(filters, filters) + convolution(filters, filters + 128)
        expected += convolution(filters + 128, filters)
    expected += convolution(768, 768) + 2 * convolution(256, 256)
    model = AssociativeEmbedding(17, (64, 64), stacks=1)
    assert model.count_params() == expected + convolution(256, 68, 1)
    # Four of them but for the stem, and three links of features and of 68 maps.
    stem = convolution(3, 64, 7) + convolution(64, 128)
    stem += convolution(128, 128) + convolution(128, 256)
    links = convolution(256, 256, 1) + convolution(68, 256, 1)
    assert 4 * model.count_params() - 3 * stem + 3 * links == 138_893_840


def test_filters_grow_where_cells_double_and_go_back():
    model = small(filters=8, growth=3, depth=3, size=(64, 64))
    found = [
        layer.filters
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and "stack2_depth" in layer.name
    ]
    # Branch and lower of 8, 11 and 14; the bottom of 17; raised to 14, 11 and 8.
    assert sorted(found) == sorted([8, 11, 11, 14, 14, 17, 17, 14, 11, 8])
    assert model.get_layer("stack2_depth1_bottom_conv").filters == 17
    assert model.get_layer("stack2_depth3_raise_conv").filters == 8
    assert model.features.shape == (None, 16, 16, 8)


# --- outputs ---------------------------------------------------------------------


def test_of_a_stacks_maps_the_first_are_detections_and_the_next_tags(noisy):
    outputs = noisy({"image": images(2)})
    first, last = part(noisy, "stack1_scores_conv", "stack2_scores_conv")
    assert first.shape == last.shape == (2, 8, 8, 10)
    for names, maps in (
        (("stage1", "stage1_tags"), first),
        (("heatmap", "tags"), last),
    ):
        np.testing.assert_array_equal(outputs[names[0]], maps[..., :3])
        np.testing.assert_array_equal(outputs[names[1]], maps[..., 3:6])
    assert set(outputs) == {"stage1", "stage1_tags", "heatmap", "tags", "keypoints"}
    assert outputs["keypoints"].shape == (2, 3, 2)


def test_its_tags_are_no_heatmaps(noisy):
    assert noisy.targets == {
        "stage1_tags": {"codec": "tags"},
        "tags": {"codec": "tags"},
    }
    assert (noisy.activation, noisy.stride, noisy.joints) == ("linear", 4, 3)


def test_the_features_are_what_the_last_maps_are_made_of(noisy):
    features, maps = part(noisy, "stack2_feature2_relu", "stack2_scores_conv")
    own = keras.Model(noisy.input, noisy.features)({"image": images(2)})
    np.testing.assert_array_equal(own, features)
    kernel, bias = noisy.get_layer("stack2_scores_conv").get_weights()
    np.testing.assert_allclose(features @ kernel[0, 0] + bias, maps, atol=1e-4)


def test_one_stack_has_no_stages():
    assert set(small(stacks=1).output) == {"heatmap", "tags", "keypoints"}


@pytest.mark.slow
def test_the_configuration_makes_the_same_network(noisy):
    again = AssociativeEmbedding.from_config(noisy.get_config())
    again.set_weights(noisy.get_weights())
    for name, value in again({"image": images(2)}).items():
        np.testing.assert_array_equal(value, noisy({"image": images(2)})[name])


# --- inside ----------------------------------------------------------------------


def test_an_hourglass_of_identities_sums_the_maxima_of_each_size():
    x = keras.Input((4, 4, 2))
    model = keras.Model(x, hourglass(x, 2, 0, "h"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            identity = np.zeros_like(kernel)
            identity[1, 1] = np.eye(2)
            layer.set_weights([identity, bias])
    rows = np.float32([[1, 2, 0, 0], [3, 4, 0, 5], [0, 0, 9, 0], [6, 0, 0, -7]])
    # ReLU takes the -7. Maxima of 2x2: 4 5 / 6 9; of 4x4: 9.
    coarse = np.kron([[4 + 9, 5 + 9], [6 + 9, 9 + 9]], np.ones((2, 2)))
    found = model(np.repeat(rows[None, :, :, None], 2, -1))
    np.testing.assert_allclose(found[0, ..., 0], np.maximum(rows, 0) + coarse)
    np.testing.assert_array_equal(found[..., 0], found[..., 1])


def test_the_next_stack_sees_the_last_ones_input_features_and_all_its_maps(noisy):
    names = "stem_unit3_relu stack1_feature2_relu stack1_scores_conv stack1_link"
    x, features, maps, linked = part(noisy, *names.split())
    for name, value in (("features", features), ("scores", maps)):
        kernel, bias = noisy.get_layer(f"stack1_{name}_link_conv").get_weights()
        x = x + value @ kernel[0, 0] + bias
    np.testing.assert_allclose(linked, x, rtol=1e-4, atol=1e-4)


def test_the_image_becomes_0_to_1(noisy):
    scale = keras.Model(noisy.input, noisy.get_layer("scale_image").output)
    assert np.max(scale({"image": np.full((1, 32, 32, 3), 255.0)})) == 1


@pytest.mark.slow
def test_mirrored_kernels_on_a_mirrored_photo_give_the_mirrored_answer():
    """But for the 7x7 convolution of stride 2, whose cells begin at the left."""
    model = fill_weights(small())
    inner = keras.Model(model.get_layer("stem_relu").output, model.output["tags"])
    cells = np.random.default_rng(0).uniform(0, 1, (2, 16, 16, 2)).astype(np.float32)
    expected = inner(cells)[:, :, ::-1]
    for weight in inner.weights:
        if weight.path.endswith("kernel"):
            weight.assign(weight.numpy()[:, ::-1])
    np.testing.assert_allclose(inner(cells[:, :, ::-1]), expected, atol=1e-4)


@pytest.mark.slow
def test_photos_of_a_batch_do_not_mix(noisy):
    photos = images(3)
    for name, value in noisy({"image": photos[1:2]}).items():
        together = noisy({"image": photos})[name][1:2]
        np.testing.assert_allclose(value, together, rtol=1e-4, atol=1e-4)


def test_gradients_reach_every_weight(noisy):
    random = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        outputs = noisy({"image": images(2)}, training=True)
        loss = sum(
            tf.reduce_sum(value * random.normal(size=value.shape))
            for name, value in outputs.items()
            if name != "keypoints"
        )
    variables = noisy.trainable_variables
    for weight, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        gradient = np.asarray(gradient)
        assert np.isfinite(gradient).all() and np.any(gradient), weight.path
        if weight.path == "stack2_scores_conv/kernel":  # 4 of its maps are unused
            assert not gradient[..., 6:].any() and gradient[..., :6].any()


# --- training --------------------------------------------------------------------


@pytest.mark.slow
def test_it_learns_who_is_who_from_a_photo():
    """Four people of three joints that lie in disorder: grouping finds them again."""
    random = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.arange(6, 64, 13), np.arange(6, 64, 13)), -1)
    joints = [random.permutation(grid.reshape(-1, 2))[:4] for _ in range(3)]
    poses = np.stack(joints, 1)[None].astype(np.float32)  # (1, 4, 3, 2)
    photo = images(1, (64, 64))
    people = np.concatenate([poses, np.ones((1, 4, 3, 1), np.float32)], -1)
    codec = GaussianHeatmap((64, 64), sigma=4.0)
    maps = tf.reduce_max(codec.encode(poses[0], np.ones((4, 3), np.float32)), 0)[None]

    keras.utils.set_random_seed(0)
    model = small(size=(64, 64), filters=16, growth=8, stacks=1)
    targets = {"heatmap": maps, "tags": people}
    squared, tags = keras.losses.MeanSquaredError(), AssociativeTags(model.stride)
    model.compile(
        keras.optimizers.Adam(5e-3),
        {name: tags if "tags" in name else squared for name in targets},
        loss_weights={name: 1e-2 if "tags" in name else 1.0 for name in targets},
    )
    # One epoch of many steps: Keras takes its time between epochs.
    steps = tf.data.Dataset.from_tensors(({"image": photo}, targets)).repeat(300)
    model.fit(steps, shuffle=False, verbose=0)

    found = {name: np.asarray(x)[0] for name, x in model({"image": photo}).items()}
    keypoints, scores = group(found["heatmap"], found["tags"], (0, 1, 2))
    assert len(keypoints) == 4 and scores.min() > 0.5
    crop = (keypoints + 0.5) * model.stride - 0.5
    distances = np.abs(crop[:, None] - poses[0]).max((2, 3))
    assert sorted(distances.argmin(1)) == [0, 1, 2, 3]
    assert distances.min(1).max() < 4


# --- recipes ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "paper"])
def test_a_recipe_survives_its_file_and_fits_its_network(name):
    made = getattr(recipe, name)()
    assert config.Config.from_json(made.to_json()) == made
    arguments = {**made.network, "filters": 8, "growth": 0}
    model = AssociativeEmbedding.for_skeleton(
        COCO17, input_size=made.input_size, **arguments
    )
    assert model.output["heatmap"].shape[1:] == (
        made.input_size[0] // 4,
        made.input_size[1] // 4,
        17,
    )
    assert made.coordinate_loss == 0 and made.heatmap_error == "squared"


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_the_tiny_network_is_small():
    made = recipe.tiny()
    model = AssociativeEmbedding(17, made.input_size, **made.network)
    assert summarize(model, "tiny")["multiply_adds"] < 0.4e9
    assert model.count_params() == 1_093_796


# --- what is refused -------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        ({"stacks": 0}, "stacks: expected 1 or more, got 0"),
        ({"depth": 0}, "depth: expected 1 or more, got 0"),
        ({"maps": 5}, "maps: expected 6 or more for 3 joints, got 5"),
        ({"size": (32, 24)}, r"need multiples of 16, got \(32, 24\)"),
        ({"depth": 4}, r"depth 4 need multiples of 64, got \(32, 32\)"),
    ],
)
def test_what_cannot_be_built_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)
