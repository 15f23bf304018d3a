"""CPN answers as its authors' code does.

``official_cpn.json`` has names, shapes and answers of their network with one unit per
stage (``benchmarks/official/cpn.py``, which says what it changes); its weights are
noise that both sides make (``tests.support.published``). CPN's weights cannot be
imported, so the names are here.
"""

import json
import pathlib
import re

import numpy as np
import pytest

from tests.support import published
from tfpose.models.cpn import CPN
from tfpose.models.resnet import DEPTHS

GOLDEN = json.loads((pathlib.Path(__file__).parent / "official_cpn.json").read_text())
SIZE = (64, 64)
# TF-Slim's names -> ours, each with a layer's convolution and normalization.
NAMES = (
    (r"resnet_v1_50/conv1", "stem"),
    (r"resnet_v1_50/block(\d)/unit_1/bottleneck_v1/(\w+)", "stage{0}_block0_{1}"),
    (r"lateral/res(\d)", "lateral{0}"),
    (r"merge/res(\d)", "merge{0}"),
    (r"tmp/res(\d)", "global{0}_features"),
    (r"pyramid/res(\d)", "global{0}_maps"),
    (r"res(\d)/refine_conv(\d)/(\w+)", "refine{0}_block{1}_{2}"),
    (r"final_bottleneck/(\w+)", "refine_last_{0}"),
    (r"refine_out", "refine_maps"),
)
BOTTLENECK = {"conv1": "reduce", "conv2": "spatial", "conv3": "expand"}
WEIGHTS = {
    "weights": ("conv", "kernel"), "biases": ("conv", "bias"),
    "BatchNorm/gamma": ("bn", "gamma"), "BatchNorm/beta": ("bn", "beta"),
    "BatchNorm/moving_mean": ("bn", "moving_mean"),
    "BatchNorm/moving_variance": ("bn", "moving_variance"),
}  # fmt: skip
# What the authors' network adds to variances here.
EPSILON = 1e-5


def ours(name):
    """Layer and weight of a name."""
    for pattern, layer in NAMES:
        found = re.fullmatch(f"{pattern}/({'|'.join(WEIGHTS)})", name)
        if found:
            *parts, weight = found.groups()
            parts = [BOTTLENECK.get(part, part) for part in parts]
            if "block" in pattern and "stage" in layer:
                parts[0] = int(parts[0]) - 1
            kind, weight = WEIGHTS[weight]
            return f"{layer.format(*parts)}_{kind}", weight
    raise AssertionError(name)


@pytest.mark.slow
def test_cpn_answers_as_the_authors_network(monkeypatch):
    monkeypatch.setitem(DEPTHS, 50, (1, 1, 1, 1))
    model = CPN(17, SIZE)
    shapes = GOLDEN["shapes"]
    shapes = {name: tuple(map(int, one.split())) for name, one in shapes.items()}
    left = {weight.path for weight in model.weights}
    for name, array in published.slim_tensors(shapes).items():
        layer, weight = ours(name)
        layer = model.get_layer(layer)
        if weight == "moving_variance":
            array = array + (EPSILON - layer.epsilon)
        variable = getattr(layer, weight)
        variable.assign(array)
        left.remove(variable.path)
    assert not left
    answer = model({"image": published.image(*SIZE).astype(np.float32)})
    for output, numbers in GOLDEN["maps"].items():
        maps = np.array(answer[output]).transpose(0, 3, 1, 2)
        expected = np.array(numbers.split(), float)
        found, limit = published.some(maps).ravel(), 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, atol=limit, err_msg=output)
