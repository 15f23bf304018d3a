"""Recipes learn: in a few steps a small network knows eight photos by heart.

``make recipes`` asks the same of every recipe, on rendered people.
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.data.examples import examples, supervision_of
from tfpose.models import hcrn, table
from tfpose.models.objectives import Schedule, compile_model
from tfpose.models.resnet import center, convolution
from tfpose.recipes import RECIPES
from tfpose.skeletons import Skeleton

PHOTOS, SIZE, STEPS = 8, 48, 5
# A colored dot each; the tree is red, green, blue.
NAMES = ("red", "green", "blue")
DOTS = Skeleton("dots", NAMES, (), (NAMES[:2], NAMES[1:]), (0.1,) * 3, NAMES[:2])


def front_end(image, joints, stages):
    """f32[B, 12, 12, 64]: what a cell's 5x5 px around its center look like."""
    return [], convolution(center(image), 64, 5, "stem", stride=4)


def drawn_people() -> dict[str, np.ndarray]:
    """A batch as of ``pipeline.crop_person``."""
    random = np.random.default_rng(0)
    keypoints = random.uniform(6, SIZE - 6, (PHOTOS, 3, 2)).astype(np.float32)
    y, x = np.mgrid[:SIZE, :SIZE]
    image = random.uniform(60, 100, (PHOTOS, SIZE, SIZE, 3)).astype(np.float32)
    for photo, joints in zip(image, keypoints, strict=True):
        for color, (left, top) in enumerate(joints):
            dot = np.exp(-((x - left) ** 2 + (y - top) ** 2) / (2 * 3**2))
            photo[..., color] += 150 * dot
    return {
        "image": image,
        "keypoints": keypoints,
        "valid": np.ones((PHOTOS, 3), np.float32),
    }


def share_found(steps: int, **changes) -> float:
    """The share of joints within 4 px after some steps of HCRN's recipe ``paper``."""
    config = dataclasses.replace(
        RECIPES["hcrn"]["paper"](),
        skeleton=DOTS,
        input_size=(SIZE, SIZE),
        network={"front_end": "dots", "diffusion_radius": 2},
        target={"codec": "disc", "radius": 5.0},
        **changes,
    )
    keras.utils.set_random_seed(0)
    model = table.build_model(config)
    people = drawn_people()
    inputs, targets, weights = examples(
        people, supervision_of(model, config), tf.constant([0, 0])
    )
    compile_model(model, config, Schedule(1, steps, steps / config.epochs))
    for _ in range(steps):
        model.train_on_batch(inputs, targets, weights)
    found = model.predict_on_batch(inputs)["keypoints"]
    apart = np.linalg.norm(found - people["keypoints"], axis=-1)
    return float(np.mean(apart <= 4))


@pytest.mark.slow
def test_hcrn_learns_with_a_summed_loss_and_not_with_its_mean(monkeypatch, eagerly):
    small = hcrn.FrontEnd(front_end, stride=4, multiple=4)
    monkeypatch.setitem(hcrn.FRONT_ENDS, "dots", small)
    assert share_found(STEPS) >= 0.95
    # The recipe as it was: Caffe's rate on the mean.
    assert share_found(STEPS, objective={}, learning_rate=1e-3) < 0.6
