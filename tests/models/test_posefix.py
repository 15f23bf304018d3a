"""PoseFix: its options, what it refuses, and what its ablations have in common."""

import keras
import numpy as np
import pytest

from tfpose.layers.heatmaps import PeakPosition, SoftArgmax
from tfpose.models.posefix import PoseFix

SMALL = {"joints": 5, "input_size": (64, 32), "trunk": "tiny", "filters": (8, 8, 8)}


def example(people=2, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.uniform(0, 255, (people, 64, 32, 3)).astype(np.float32),
        "keypoints": rng.uniform(0, 31, (people, 5, 2)).astype(np.float32),
        "valid": np.ones((people, 5), np.float32),
    }


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(1)
    return PoseFix(**SMALL)


def test_outputs_are_logits_at_stride_four_and_their_expectation(small):
    found = small(example())
    assert set(found) == {"heatmap", "keypoints"}
    assert found["heatmap"].shape == (2, 16, 8, 5)
    logits = np.reshape(found["heatmap"], (2, 16 * 8, 5))
    belief = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    rows, columns = np.divmod(np.arange(16 * 8), 8)
    cells = np.einsum("bnk,dn->bkd", belief, [columns, rows])
    np.testing.assert_allclose(found["keypoints"], 4 * cells + 1.5, atol=1e-3)


def test_an_invalid_joints_position_has_no_effect(small):
    inputs = example()
    inputs["valid"][:, 2] = 0
    moved = {**inputs, "keypoints": inputs["keypoints"] + 7 * np.eye(5)[2][:, None]}
    np.testing.assert_array_equal(small(inputs)["keypoints"], small(moved)["keypoints"])
    assert (small(example())["heatmap"] != small(inputs)["heatmap"]).numpy().any()


def test_people_of_a_batch_do_not_touch_each_other(small):
    inputs = example(3)
    alone = {name: value[1:2] for name, value in inputs.items()}
    np.testing.assert_allclose(
        small(inputs)["keypoints"][1:2], small(alone)["keypoints"], atol=1e-3
    )


@pytest.mark.parametrize(
    "options, decoder",
    [
        ({"sigma": 7.0}, SoftArgmax),  # Fig. 6: coarse to fine
        ({"sigma": 0}, SoftArgmax),  # fine to fine
        ({"output": "gaussian"}, PeakPosition),  # coarse to coarse
        ({"pose_prior": True}, SoftArgmax),
    ],
)
def test_variants_read_their_maps_each_in_its_way(options, decoder):
    model = PoseFix(**SMALL, **options)
    assert any(isinstance(layer, decoder) for layer in model.layers)
    assert np.isfinite(model(example())["keypoints"]).all()
    for name, value in options.items():
        assert model.get_config()[name] == value


@pytest.mark.slow
def test_the_prior_starts_near_the_input_pose():
    inputs = example(8)
    keras.utils.set_random_seed(1)
    plain = PoseFix(**SMALL)(inputs)["keypoints"]
    prior = PoseFix(**SMALL, pose_prior=True)(inputs)["keypoints"]
    distance = [np.abs(x - inputs["keypoints"]).mean() for x in (plain, prior)]
    assert distance[1] < 0.8 * distance[0]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"input_size": (100, 64)}, r"multiples of 32, got \(100, 64\)"),
        ({"trunk": "vgg"}, "resnet50.*got 'vgg'"),
        ({"output": "disc"}, "integral or gaussian, got 'disc'"),
        ({"output": "gaussian", "pose_prior": True}, "pose_prior"),
        ({"filters": (8, 8)}, r"filters.*got \(8, 8\)"),
        ({"sigma": -1.0}, "sigma"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PoseFix(**{**SMALL, **options})
