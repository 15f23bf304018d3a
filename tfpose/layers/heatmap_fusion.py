"""One heatmap a joint of those of two networks, by products (Hybrid-Pose, III.D)."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE, MapLayer

# What a response at or below it counts as in a fusion. With 0 one hourglass that sees
# nothing would veto a joint that all others see.
FLOOR = 1e-3
# Fused values closer to 0 are 0: without a floor the root has no derivative there.
SMALLEST = 1e-30


def fuse(refinement: Sequence, correction: Sequence, clip: bool = True):
    """The sum over RNet's heatmaps, each times all of CNet's (Eq. 9 and 10).

    Args:
        refinement: one or more f32[B, h, w, K], R-H_k.
        correction: one or more f32[B, h, w, K], C-H_i.
        clip: responses below ``FLOOR`` count as ``FLOOR``. The paper multiplies them
            as they are; linear heatmaps have negative responses, of which two would
            make a peak.

    Returns:
        f32[B, h, w, K], 0 to the number of RNet's heatmaps where responses are 0..1.

    Raises:
        TfposeError: no heatmaps of one of the networks.
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
    # The product with CNet's is the same for all of RNet's.
    fused = sum(refinement)
    for maps in correction:
        fused = fused * maps
    return fused


def mean_response(fused, refinement: int, correction: int):
    """What single heatmaps that agree would have to be for this fusion.

    A product of maps in 0..1 has far lower peaks than they. The mean over RNet's maps
    to the power 1 / (1 + number of CNet's) brings them, and the width of Gaussians,
    back: equal maps have themselves as their fusion. No peak moves by it.

    Args:
        fused: f32[...], of ``fuse``.
        refinement, correction: how many heatmaps of RNet and CNet are in it.

    Returns:
        f32[...], of the same sign.
    """
    size = ops.abs(fused) / refinement
    some = size > SMALLEST
    root = ops.power(ops.where(some, size, 1.0), 1 / (1 + correction))
    return ops.where(some, ops.sign(fused) * root, 0.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Fusion(MapLayer):
    """``mean_response`` of the fusion of two networks' heatmaps.

    Args:
        clip: as of ``fuse``.

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
