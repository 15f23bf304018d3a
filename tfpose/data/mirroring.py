"""Whether training may mirror photos: only where each side's counterpart is known."""

from __future__ import annotations

import dataclasses
import warnings

from tfpose.config import Augmentation
from tfpose.errors import InputWarning, shown
from tfpose.skeletons import Skeleton


def mirrored_if_known(augmentation: Augmentation, skeleton: Skeleton) -> Augmentation:
    """The augmentation without mirroring, with a warning, if sides have no pairs."""
    if skeleton.mirrors or not augmentation.mirror:
        return augmentation
    warnings.warn(
        f"skeleton {shown(skeleton.name)}: training does not mirror, because "
        f"{shown(skeleton.unpaired[0])} has a side and no counterpart ('flip_pairs' "
        "names the pairs)",
        InputWarning,
        stacklevel=2,
    )
    return dataclasses.replace(augmentation, mirror=0.0)
