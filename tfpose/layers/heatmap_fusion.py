"""Multiplies two networks' heatmaps into one per joint (Hybrid-Pose, III.D)."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE, MapLayer

# Fusion raises lower responses to this. With 0, one hourglass that sees nothing would
# veto a joint that all others see.
FLOOR = 1e-3
# Fused values closer to 0 become 0: unclipped, the root has no derivative there.
SMALLEST = 1e-30


def fuse(refinement: Sequence, correction: Sequence, clip: bool = True):
    """Sums RNet's heatmaps, each multiplied by all of CNet's (Eq. 9 and 10).

    Args:
        refinement: one or more f32[B, h, w, K], R-H_k.
        correction: one or more f32[B, h, w, K], C-H_i.
        clip: raise responses below ``FLOOR`` to ``FLOOR``. The paper does not, but
            linear heatmaps have negative responses, and two of those would make a peak.

    Returns:
        f32[B, h, w, K]; 0 to the number of RNet's heatmaps for responses in 0..1.

    Raises:
        TfposeError: one of the networks has no heatmaps.
    """
    if not refinement or not correction:
        raise TfposeError(
            "fuse: expected heatmaps of both networks, got "
            f"{len(refinement)} of RNet and {len(correction)} of CNet"
        )
    if clip:
        refinement, correction = (
            [ops.maximum(maps, FLOOR) for maps in group]
            for group in (refinement, correction)
        )
    # All of RNet's heatmaps share the product with CNet's.
    fused = sum(refinement)
    for maps in correction:
        fused = fused * maps
    return fused


def mean_response(fused, refinement: int, correction: int):
    """The response that equal heatmaps must have to give this fusion.

    A product of maps in 0..1 peaks far lower than the maps. The mean over RNet's maps
    to the power 1 / (1 + number of CNet's) restores the peaks and the width of
    Gaussians: equal maps fuse to themselves. Peaks do not move.

    Args:
        fused: f32[...], from ``fuse``.
        refinement, correction: number of RNet's and CNet's heatmaps in it.

    Returns:
        f32[...], with the same sign.
    """
    size = ops.abs(fused) / refinement
    some = size > SMALLEST
    root = ops.power(ops.where(some, size, 1.0), 1 / (1 + correction))
    return ops.where(some, ops.sign(fused) * root, 0.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Fusion(MapLayer):
    """``mean_response`` of the fusion of two networks' heatmaps.

    Args:
        clip: as in ``fuse``.

    Call: two lists of f32[B, h, w, K] -> f32[B, h, w, K].
    """

    def __init__(self, clip=True, **kwargs):
        super().__init__(**kwargs)
        self.clip = clip

    def call(self, refinement, correction):
        fused = fuse(refinement, correction, self.clip)
        return mean_response(fused, len(refinement), len(correction))

    def get_config(self):
        return {**super().get_config(), "clip": self.clip}
