"""From people to what a model is trained on: inputs, targets and their weights."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support import drawn_people
from tfpose.codecs import (
    AllPeople,
    BinaryDisc,
    IntegralHeatmap,
    JointsOfPeople,
    WithBackground,
)
from tfpose.config import Augmentation
from tfpose.data import pipeline
from tfpose.data.examples import Supervision, examples, training_batches
from tfpose.data.pipeline import CropSpec
from tfpose.skeletons import LSP14, Skeleton

SIZE = (128, 96)
REFINER = Supervision({"heatmap": IntegralHeatmap(SIZE)}, LSP14, refines=True)
PLAIN = CropSpec(LSP14, SIZE)
RANDOM = CropSpec(LSP14, SIZE, Augmentation(0.3, 40.0, 0.5, 0.05, 0.2))

# Two joints on a crop of 2 x 3 cells.
PAIR = Skeleton("pair", ("a", "b"), (), (), (0.1, 0.1), ("a", "b"))
SMALL = (8, 12)
DISC = BinaryDisc(SMALL, radius=1.0)
ESTIMATOR = Supervision(
    {
        "heatmap": WithBackground(DISC),
        "initial": DISC,
        "stage1": WithBackground(DISC),
        "large": BinaryDisc((8, 12), stride=2, radius=1.0),
    },
    PAIR,
    refines=False,
)
FIRST = tf.constant([0, 0])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def record(data):
    """A training record."""
    return next(iter(pipeline.read_records(data, ("drawn/train",), LSP14)[0]))


def two_people():
    """a and b of the first at the middle of a cell; the second's b is unlabeled."""
    return {
        "image": tf.random.uniform((2, *SMALL, 3)),
        "keypoints": tf.constant([[[1.5, 1.5], [9.5, 5.5]], [[5.5, 1.5], [1.5, 1.5]]]),
        "valid": tf.constant([[1.0, 1.0], [1.0, 0.0]]),
    }


# --- estimators ------------------------------------------------------------------


def test_an_estimator_is_given_the_photo_alone():
    people = two_people()
    inputs, _, _ = examples(people, ESTIMATOR, FIRST)
    assert set(inputs) == {"image"}
    np.testing.assert_array_equal(inputs["image"], people["image"])


def test_every_heatmap_gets_the_codecs_maps_and_a_background_where_it_has_one():
    people = two_people()
    _, targets, _ = examples(people, ESTIMATOR, FIRST)
    assert set(targets) == {"heatmap", "initial", "stage1", "large", "keypoints"}
    np.testing.assert_array_equal(targets["keypoints"], people["keypoints"])
    first, second = targets["heatmap"].numpy().transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(first[0], [[1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(first[1], [[0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(first[2], [[0, 1, 1], [1, 1, 0]])
    np.testing.assert_array_equal(second[0], [[0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(second[1], np.zeros((2, 3)))
    np.testing.assert_array_equal(second[2], [[1, 0, 1], [1, 1, 1]])
    np.testing.assert_array_equal(targets["stage1"], targets["heatmap"])
    np.testing.assert_array_equal(targets["initial"], targets["heatmap"][..., :2])
    # Of twice the resolution: the same joint, 1.5 px, lies between four cells of 2 px.
    large = targets["large"].numpy()
    assert large.shape == (2, 4, 6, 2)
    np.testing.assert_array_equal(np.argwhere(large[0, :, :, 0])[:, :2].mean(0), 0.5)


def test_the_background_weighs_as_much_as_joints_are_labeled():
    _, _, weights = examples(two_people(), ESTIMATOR, FIRST)
    valid = [[1, 1], [1, 0]]
    np.testing.assert_array_equal(weights["keypoints"], valid)
    np.testing.assert_array_equal(weights["initial"], valid)
    for name in ("heatmap", "stage1"):
        np.testing.assert_array_equal(weights[name], [[1, 1, 1], [1, 0, 0.5]])


def test_a_model_of_everybody_is_taught_the_neighbors_too():
    people = two_people()
    people["neighbors"] = people["keypoints"][::-1, None]
    people["neighbors_valid"] = tf.constant([[[1.0, 0.0]], [[0.0, 0.0]]])
    codecs = {"heatmap": AllPeople(DISC), "tags": JointsOfPeople()}
    taught = Supervision(codecs, PAIR, refines=False, all_people=True)
    inputs, targets, weights = examples(people, taught, FIRST)
    assert set(inputs) == {"image"}
    first, second = targets["heatmap"].numpy().transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(first[0], [[1, 1, 0], [0, 0, 0]])  # a of both
    np.testing.assert_array_equal(first[1], [[0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(second[0], [[0, 1, 0], [0, 0, 0]])
    joints = targets["tags"].numpy()
    assert joints.shape == (2, 2, 2, 3)
    np.testing.assert_array_equal(joints[:, 0, :, :2], people["keypoints"])
    np.testing.assert_array_equal(joints[:, 1, :, :2], people["neighbors"][:, 0])
    np.testing.assert_array_equal(joints[0, :, :, 2], [[1, 1], [1, 0]])
    np.testing.assert_array_equal(weights["heatmap"], np.ones((2, 2)))
    np.testing.assert_array_equal(weights["tags"], [1, 1])
    np.testing.assert_array_equal(targets["keypoints"], people["keypoints"])
    np.testing.assert_array_equal(weights["keypoints"], people["valid"])


# --- refiners --------------------------------------------------------------------


def test_estimates_are_the_input_of_unlabeled_joints_but_not_their_target(record):
    partly = {**record, "visible": tf.constant([0] * 5 + [2] * 9, tf.uint8)}
    estimated = {
        "estimated_keypoints": record["keypoints"],
        "estimated_valid": tf.ones(14),
    }
    for extra, expected in (({}, 9), (estimated, 14)):
        person = pipeline.crop_person({**partly, **extra}, PLAIN, FIRST)
        batch = {name: value[None] for name, value in person.items()}
        inputs, _, weights = examples(batch, REFINER, FIRST)
        assert inputs["valid"].numpy().sum() == expected
        assert weights["keypoints"].numpy().sum() == 9


def test_the_seed_decides_the_errors(record):
    person = pipeline.crop_person(record, PLAIN, FIRST)
    batch = {name: value[None] for name, value in person.items()}
    first, again, other = (
        examples(batch, REFINER, tf.constant(seed))[0]["keypoints"].numpy()
        for seed in ([0, 0], [0, 0], [0, 1])
    )
    assert (first == again).all() and (first != other).any()


# --- batches ---------------------------------------------------------------------


def shuffled(data, first_step=0):
    opened, count = pipeline.read_records(data, ("drawn/train",), LSP14)
    return pipeline.shuffled_people(opened, count, RANDOM, 6, 0, first_step)


def training(data, first_step=0):
    return training_batches(shuffled(data, first_step), REFINER, 0, first_step)


@pytest.mark.slow
def test_training_batches_hold_inputs_targets_and_weights(data):
    people = next(iter(shuffled(data)))
    inputs, targets, weights = next(iter(training(data)))
    assert set(inputs) == {"image", "keypoints", "valid"}
    np.testing.assert_array_equal(inputs["image"], people["image"])
    np.testing.assert_array_equal(targets["keypoints"], people["keypoints"])
    for name in ("heatmap", "keypoints"):
        np.testing.assert_array_equal(weights[name], people["valid"])
    assert targets["heatmap"].shape == (6, 32, 24, 14)
    total = tf.reduce_sum(targets["heatmap"], axis=(1, 2))
    np.testing.assert_allclose(total, people["valid"], atol=1e-4)
    # The input pose is the target with errors.
    assert inputs["valid"].numpy().sum() == people["valid"].numpy().sum()
    assert (inputs["keypoints"] != targets["keypoints"]).numpy().any()


@pytest.mark.slow
def test_a_resumed_run_sees_the_same_errors(data):
    whole = list(training(data).take(5))[4]
    resumed = next(iter(training(data, first_step=4)))
    np.testing.assert_array_equal(resumed[0]["keypoints"], whole[0]["keypoints"])
