"""Training mirrors photos only where each side's counterpart is known."""

import pytest

from tfpose.config import Augmentation
from tfpose.data.mirroring import mirrored_if_known
from tfpose.errors import InputWarning
from tfpose.skeletons import Skeleton

MIRROR = Augmentation(mirror=0.5, scale=0.3)


def skeleton(*joints):
    return Skeleton.from_json({"name": "mouse", "joints": joints, "flip_pairs": []})


def test_joints_without_sides_are_mirrored():
    assert mirrored_if_known(MIRROR, skeleton("snout", "tail")) == MIRROR


def test_sides_without_pairs_are_not_mirrored_and_said():
    with pytest.warns(InputWarning, match="'L_Eye' has a side and no counterpart"):
        changed = mirrored_if_known(MIRROR, skeleton("snout", "L_Eye"))
    assert changed == Augmentation(scale=0.3)
    plain = Augmentation(scale=0.3)
    assert mirrored_if_known(plain, skeleton("snout", "L_Eye")) == plain
