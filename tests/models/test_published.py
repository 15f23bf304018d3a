"""Published weights: ours answers as the official code did, and nothing is left over.

``published.json`` holds names, shapes and answers of small official networks; its
weights are noise that both sides make (``tests.support.published``).
"""

import functools
import json
import pathlib

import keras
import numpy as np
import pytest

from tests.support import published, torch_checkpoints
from tfpose.errors import TfposeError
from tfpose.models import conventions, table, transfer
from tfpose.models.published import codes, importing, names
from tfpose.models.resnet import DEPTHS

GOLDEN = json.loads((pathlib.Path(__file__).parent / "published.json").read_text())
SIZE = (64, 64)


def shapes_of(network):
    shapes = GOLDEN[network]["shapes"]
    return {name: tuple(map(int, shape.split())) for name, shape in shapes.items()}


@functools.cache
def tensors_of(network):
    return published.tensors(shapes_of(network))


@functools.cache
def marked(network):
    """Its tensors with one number each: enough for names, and made at once."""
    arrays = {n: np.zeros(s, np.float32) for n, s in shapes_of(network).items()}
    for number, array in enumerate(arrays.values(), start=1):
        array.flat[0] = number
    return arrays


def imported(folder, network, arrays, prefix="", **options):
    """The model of a checkpoint with these tensors."""
    value, contents = torch_checkpoints.checkpoint(arrays, prefix, epoch=1)
    path = torch_checkpoints.write_zip(folder / "model.pth", value, contents)
    kind = table.MODELS[GOLDEN[network]["model"]]
    return kind.from_torch(path, input_size=SIZE, **options)


@pytest.fixture
def small_resnet(monkeypatch):
    monkeypatch.setitem(DEPTHS, 50, (1, 1, 1, 1))


@pytest.mark.slow
@pytest.mark.parametrize("network", GOLDEN)
def test_an_imported_model_answers_as_the_official_one(tmp_path, small_resnet, network):
    arrays = tensors_of(network)
    model = imported(tmp_path, network, arrays, "module.")
    answer = model({"image": published.image(*SIZE).astype(np.float32)})
    maps = np.array(answer["heatmap"])
    if "tags" in answer:
        maps = np.concatenate([maps, answer["tags"]], axis=-1)
    found = published.some(maps.transpose(0, 3, 1, 2)).ravel()
    expected = np.array(GOLDEN[network]["maps"].split(), float)[: found.size]
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert model.conventions.decoding == "quarter"


@pytest.mark.slow
def test_its_conventions_travel_in_its_folder(tmp_path):
    changed = {"channels": "bgr", "decoding": "peak"}
    arrays = tensors_of("hrnet")
    model = imported(tmp_path, "hrnet", arrays, conventions=changed)
    model.save_to_preset(tmp_path / "folder")
    again, config = table.load_model(tmp_path / "folder")
    assert again.conventions == model.conventions
    assert again.conventions.channels == "bgr" and again.conventions.flip_shift == 1
    assert config.network["conventions"]["decoding"] == "peak"
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # A network with the package's own conventions takes the layers over by name.
    there = transfer.weights_by_layer(again, conventions.Conventions())
    kernel = arrays["conv1.weight"].transpose(2, 3, 1, 0)
    scale = np.float32(again.conventions.scale)[:, None]
    np.testing.assert_allclose(there["stem_conv"][0], (kernel / scale)[:, :, ::-1])


def layers_of(network):
    """Our layers of a golden network's tensors, without building it."""
    arrays = marked(network)
    of_model = codes.PUBLISHED[GOLDEN[network]["model"]].codes
    (code,) = [
        code
        for code in of_model
        if any(names.renamed(n, [(code.sign, "x")]) for n in arrays)
    ]
    return code, arrays


@pytest.mark.parametrize("network", GOLDEN)
def test_every_tensor_has_one_place(network):
    code, arrays = layers_of(network)
    weights = code.weights(arrays, "file")
    idle = [name for name in arrays if code.unused(name, arrays)]
    assert sum(map(len, weights.values())) == len(arrays) - len(idle)
    assert all("skip_layer" in name for name in idle)
    found = sorted(a.flat[0] for one in weights.values() for a in one.values())
    assert found == [a.flat[0] for n, a in arrays.items() if n not in idle]


@pytest.mark.parametrize("network", GOLDEN)
def test_a_name_that_the_code_does_not_have_is_left_over(network):
    code, arrays = layers_of(network)
    for name in list(arrays)[:: len(arrays) // 7]:
        for other in (f"x{name}", f"{name}x", name.replace(".", ".extra.", 1)):
            changed = {**arrays, other: arrays[name]}
            with pytest.raises(TfposeError, match=f"m.pth: .*left over: {other}$"):
                code.weights(changed, "m.pth")


@pytest.mark.parametrize("head", ["keypoint_head", "head"])  # of MMPose 0 and 1
@pytest.mark.parametrize("network", ["hrnet", "simple_baseline"])
def test_mmposes_names_are_the_authors_inside(network, head):
    def wrapped(name):
        last = name.startswith(("final_layer", "deconv_layers"))
        return f"{head if last else 'backbone'}.{name}"

    arrays = marked(network)
    found, of_mmpose = importing.without_mmpose(
        {wrapped(name): array for name, array in arrays.items()}
    )
    assert of_mmpose and list(found) == list(arrays)
    assert importing.without_mmpose(arrays) == (arrays, False)


def without(tensors, part):
    return {name: tensor for name, tensor in tensors.items() if part not in name}


@pytest.mark.parametrize(
    "part, message",
    [
        ("final_layer", "no tensor 'final_layer.weight'"),
        ("fuse_layers", "expected HRNet's weights, found"),
    ],
)
def test_a_checkpoint_without_a_part_is_one_line(tmp_path, part, message):
    with pytest.raises(TfposeError, match=message) as caught:
        imported(tmp_path, "hrnet", without(marked("hrnet"), part))
    assert "model.pth: " in str(caught.value) and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.fixture
def two_layers():
    return keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Conv2D(2, 3, name="a_conv"),
            keras.layers.BatchNormalization(name="a_bn"),
        ],
        name="two",
    )


def test_every_weight_is_set_once_or_none_is(two_layers):
    before = two_layers.get_weights()
    kernel, bias = np.ones((3, 3, 3, 2), np.float32), np.ones(2, np.float32)
    whole = {
        "a_conv": {"kernel": kernel, "bias": bias},
        "a_bn": dict.fromkeys(names.NORMALIZATIONS.values(), bias),
    }
    one_less = {"kernel": kernel}
    for wrong, message in [
        ({**whole, "b_conv": {}}, "left over: those of b_conv$"),
        ({**whole, "a_conv": one_less}, "missing: a_conv/bias$"),
        ({"a_conv": whole["a_conv"]}, "missing: a_bn/gamma, .* and 1 more$"),
        ({**whole, "a_bn": {**whole["a_bn"], "x": bias}}, "left over: a_bn/x$"),
        ({**whole, "a_conv": {"kernel": kernel[:1], "bias": bias}}, r"a_conv \(3, 3"),
    ]:
        with pytest.raises(TfposeError, match=f"m.pth: .*{message}"):
            importing.fill(two_layers, wrong, "m.pth", "weights")
        for found, start in zip(two_layers.get_weights(), before, strict=True):
            np.testing.assert_array_equal(found, start)
    importing.fill(two_layers, whole, "m.pth", "weights")
    assert all((weight == 1).all() for weight in two_layers.get_weights())


@pytest.mark.parametrize("network", GOLDEN)
def test_a_checkpoint_of_another_network_is_refused(tmp_path, network):
    other = "pytorch_pose" if network == "hrnet" else "hrnet"
    with pytest.raises(TfposeError, match=r"model.pth: expected .* found \d+ others"):
        imported(tmp_path, network, marked(other))


def test_a_skeleton_must_fit_the_joints(tmp_path):
    with pytest.raises(TfposeError, match=r"expected 14 joints \(lsp14\), found 17"):
        imported(tmp_path, "hrnet", marked("hrnet"), skeleton="lsp14")
    arrays = dict(marked("hrnet"))
    for name in ("final_layer.weight", "final_layer.bias"):
        arrays[name] = arrays[name][:14]
    with pytest.raises(TfposeError, match="skeleton for its 14 joints.*lsp14"):
        imported(tmp_path, "hrnet", arrays)
