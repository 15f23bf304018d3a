"""Conventions of published weights: photos, cells, peaks, and mirrored maps."""

import keras
import numpy as np
import pytest

from tfpose.codecs import GaussianHeatmap
from tfpose.errors import TfposeError
from tfpose.inference.estimator import moved_right
from tfpose.layers.quarter import QuarterPosition
from tfpose.models.conventions import Conventions

IMAGENET = {"mean": (123.675, 116.28, 103.53), "scale": (58.395, 57.12, 57.375)}


def photo():
    return np.random.default_rng(0).uniform(0, 255, (2, 5, 4, 3)).astype(np.float32)


def test_a_photo_is_centered_and_scaled_in_the_networks_order():
    found = np.array(Conventions(**IMAGENET, channels="bgr").prepare(photo()))
    expected = (photo()[..., ::-1] - IMAGENET["mean"]) / IMAGENET["scale"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_a_first_kernel_of_other_conventions_gives_the_same_features(channels):
    """But for the means, which are 0 here."""
    there = Conventions(scale=IMAGENET["scale"], channels=channels)
    here = Conventions(scale=(255.0,) * 3)
    kernel = np.random.default_rng(1).normal(size=(3, 3, 5, 4)).astype(np.float32)
    more = np.zeros((2, 5, 4, 2), np.float32)  # PoseFix's pose

    def features(of, kernel):
        seen = np.concatenate([of.prepare(photo()), more], axis=-1)
        return np.array(keras.ops.conv(seen, kernel, padding="same"))

    expected = features(there, kernel)
    found = features(here, here.first_kernel(kernel, there))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert here.first_kernel(kernel, here) is kernel


@pytest.mark.parametrize("origin", ["center", "corner", "edge"])
@pytest.mark.parametrize("decoding", ["parabola", "dark", "quarter", "peak"])
def test_targets_are_read_where_they_were_drawn(origin, decoding):
    joints = np.float32([[[40.3, 33.2], [20.0, 50.7]]])
    codec = GaussianHeatmap((64, 64), 4, origin=origin)
    maps = codec.encode(joints, np.ones((1, 2), np.float32)).numpy()
    read = Conventions(origin=origin, decoding=decoding).position_layer(4)
    near = {"parabola": 0.01, "dark": 0.2, "quarter": 1.001, "peak": 2.001}[decoding]
    assert np.abs(np.array(read(maps)) - joints).max() <= near


def peak_at(x, y, right=0.0, below=0.0, size=(6, 8)):
    """f32[1, h, w, 1]: 1 at a cell, and its neighbors on one side."""
    maps = np.zeros((1, *size, 1), np.float32)
    maps[0, y, x] = 1
    if right and x + 1 < size[1]:
        maps[0, y, x + 1] = right
    if below and y + 1 < size[0]:
        maps[0, y + 1, x] = below
    return maps


# In the authors' codes: SimpleBaseline and HRNet (2), pytorch-pose (1), Newell's (0).
@pytest.mark.parametrize(
    "border, cell, expected",
    [
        (2, (3, 3), (3.25, 3.25)), (2, (1, 3), (1, 3)), (2, (6, 3), (6.25, 3.25)),
        (2, (7, 3), (7, 3)), (1, (1, 3), (1.25, 3.25)), (1, (0, 3), (0, 3)),
        (1, (1, 5), (1, 5)), (0, (0, 3), (-0.25, 3.25)), (0, (7, 5), (7.25, 5.25)),
    ],
)  # fmt: skip
def test_a_quarter_cell_toward_the_larger_neighbor(border, cell, expected):
    read = QuarterPosition(4, border=border, origin="corner")
    found = np.array(read(peak_at(*cell, right=0.5, below=0.5)))[0, 0]
    assert tuple(found / 4) == expected


def test_equal_neighbors_and_empty_maps():
    peak = peak_at(3, 3)
    assert np.array(QuarterPosition(1, origin="corner")(peak))[0, 0].tolist() == [3, 3]
    newell = QuarterPosition(1, border=0, origin="corner")
    assert np.array(newell(peak))[0, 0].tolist() == [2.75, 2.75]
    nothing = -peak - 1
    assert np.array(newell(nothing))[0, 0].tolist() == [0, 0]


def test_mirrored_maps_move_right_and_the_first_column_stays():
    columns = np.arange(5.0)[None, None, :, None]
    assert moved_right(columns, 1).numpy().ravel().tolist() == [0, 0, 1, 2, 3]
    assert moved_right(columns, 0).numpy().ravel().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"mean": (1, 2)}, "mean: expected three numbers"),
        ({"scale": (1, 0, 1)}, "scale: expected three positive"),
        ({"channels": "gbr"}, "channels: expected one of"),
        ({"origin": "middle"}, "origin: expected one of"),
        ({"decoding": "argmax"}, "decoding: expected one of"),
        ({"flip_shift": -1}, "flip_shift: expected 0 or more"),
        ({"border": 3}, "border: expected 0, 1 or 2"),
        ({"colour": "rgb"}, "expected some of .* found 'colour'"),
        ({"mean": None}, "conventions: "),
    ],
)
def test_other_settings_are_refused(settings, message):
    with pytest.raises(TfposeError, match=message):
        Conventions.of(settings)
