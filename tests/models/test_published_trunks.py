"""Files of torchvision's and timm's weights as start weights of trunks."""

import re

import keras
import numpy as np
import pytest

from tests.support import torch_checkpoints
from tests.support.published import tensors
from tfpose.errors import TfposeError
from tfpose.models.conventions import Conventions
from tfpose.models.published import hrnet, names, resnet, trunks, vgg
from tfpose.models.resnet import DEPTHS
from tfpose.models.vgg import BLOCKS
from tfpose.training import fit

BN = ("weight", "bias", "running_mean", "running_var")


def vgg_shapes(normalized):
    """torchvision's names; a few channels instead of its hundreds."""
    shapes, number, channels = {"classifier.0.bias": (4,)}, 0, 3
    for convolutions, _, _ in BLOCKS:
        for _ in range(convolutions):
            shapes[f"features.{number}.weight"] = (4, channels, 3, 3)
            shapes[f"features.{number}.bias"] = (4,)
            if normalized:
                shapes |= {f"features.{number + 1}.{leaf}": (4,) for leaf in BN}
            number, channels = number + (3 if normalized else 2), 4
        number += 1
    return shapes


def test_vggs_names_count_what_has_no_weights():
    """conv5_3 is features.28, with normalization features.40, as in torchvision."""
    assert list(vgg.convolutions(False))[-1] == ("conv5_3", "features.28", None)
    last = list(vgg.convolutions(True))[-1]
    assert last == ("conv5_3", "features.40", "features.41")
    for normalized in (False, True):
        arrays = tensors(vgg_shapes(normalized))
        weights, used = vgg.weights(arrays)
        assert len(weights) == 13 and set(arrays) - used == {"classifier.0.bias"}
        kernel = arrays["features.0.weight"]
        if not normalized:
            found = weights["conv1_1"]["kernel"]
            np.testing.assert_array_equal(found, kernel.transpose(2, 3, 1, 0))


def test_a_normalization_becomes_part_of_its_convolution():
    arrays = tensors(vgg_shapes(True))
    of_conv, of_bn = (f"features.{number}." for number in (0, 1))
    image = np.random.default_rng(0).normal(size=(1, 5, 5, 3)).astype(np.float32)
    kernel = arrays[f"{of_conv}weight"].transpose(2, 3, 1, 0)
    maps = np.array(keras.ops.conv(image, kernel)) + arrays[f"{of_conv}bias"]
    gamma, beta, mean, variance = (arrays[of_bn + leaf] for leaf in BN)
    expected = (maps - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    folded, _ = vgg.weights(arrays)
    found = np.array(keras.ops.conv(image, folded["conv1_1"]["kernel"]))
    np.testing.assert_allclose(found + folded["conv1_1"]["bias"], expected, atol=1e-5)


@pytest.fixture
def small(monkeypatch):
    """A ResNet of its first convolution; the model sees a pose, too."""
    monkeypatch.setitem(DEPTHS, 50, (0, 0, 0, 0))
    image = keras.Input((8, 8, 5))
    x = keras.layers.Conv2D(2, 7, use_bias=False, name="stem_conv")(image)
    x = keras.layers.BatchNormalization(name="stem_bn")(x)
    model = keras.Model(image, keras.layers.Conv2D(1, 1, name="head_logits")(x))
    model.conventions = Conventions()
    return model


STEM = {"conv1.weight": (2, 3, 7, 7), **{f"bn1.{leaf}": (2,) for leaf in BN}}


def write(path, shapes):
    value, contents = torch_checkpoints.checkpoint(tensors(shapes))
    return torch_checkpoints.write_zip(path, value, contents)


def test_a_file_gives_the_trunk_its_weights_and_nothing_else(tmp_path, small):
    before = {layer.name: layer.get_weights() for layer in small.layers}
    path = write(tmp_path / "a.pth", {**STEM, "fc.weight": (3, 2), "fc.bias": (3,)})
    trunks.load(small, "resnet50", path)
    kernel = small.get_layer("stem_conv").get_weights()[0]
    theirs = tensors(STEM)["conv1.weight"].transpose(2, 3, 1, 0)
    scale = np.float32(names.IMAGENET["scale"])[:, None]
    np.testing.assert_allclose(kernel[:, :, :3], theirs / scale, rtol=1e-6)
    np.testing.assert_array_equal(kernel[:, :, 3:], before["stem_conv"][0][:, :, 3:])
    found = small.get_layer("stem_bn").get_weights()
    for array, leaf in zip(found, BN, strict=True):
        np.testing.assert_array_equal(array, tensors(STEM)[f"bn1.{leaf}"])
    head = small.get_layer("head_logits").get_weights()
    np.testing.assert_array_equal(head[0], before["head_logits"][0])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"layer5.0.conv1.weight": (2, 2, 1, 1)}, "left over: layer5.0.conv1.weight$"),
        ({"layer1.0.conv1.weight": (2, 2, 1, 1)}, "left over: those of stage0_block0"),
        ({"bn1.running_mean": None}, "missing: stem_bn/moving_mean$"),
        ({"conv1.weight": None}, "missing: stem_conv$"),
        ({"bn1.bias": (3,)}, r"stem_bn \(2,\), found \(3,\)"),
    ],
)
def test_a_file_of_another_network_changes_nothing(tmp_path, small, changes, message):
    shapes = {n: s for n, s in {**STEM, **changes}.items() if s is not None}
    before = small.get_weights()
    with pytest.raises(TfposeError, match=f"a.pth: expected .*{message}"):
        trunks.load(small, "resnet50", write(tmp_path / "a.pth", shapes))
    for found, start in zip(small.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, start)


def test_a_network_without_a_known_trunk_is_named(tmp_path, small):
    with pytest.raises(TfposeError, match="one of the trunks .*resnet50.*found tiny"):
        trunks.load(small, "tiny", write(tmp_path / "a.pth", STEM))


def test_classifiers_of_imagenet_are_left_out():
    for name in ("fc.weight", "fc.bias"):
        assert re.fullmatch(resnet.CLASSIFIER, name)
    for name in ("classifier.weight", "incre_modules.0.0.bn1.bias",
                 "stage4.2.fuse_layers.3.0.0.0.weight"):  # fmt: skip
        assert re.fullmatch(hrnet.CLASSIFIER, name)
    assert not re.fullmatch(hrnet.CLASSIFIER, "stage4.2.fuse_layers.0.1.0.weight")


def test_training_starts_from_a_file(monkeypatch):
    from tfpose.recipes import RECIPES

    asked = []
    monkeypatch.setattr(trunks, "load", lambda *given: asked.append(given[1:]))

    class Model:
        def start_pose_filters(self):
            asked.append("filters")

    for name, trunk in (("simple_baseline", "resnet50"), ("hrnet", "hrnet")):
        fit.start_from(Model(), RECIPES[name]["paper"](), "a.safetensors")
        assert asked == [(trunk, "a.safetensors"), "filters"]
        asked.clear()
