"""Building blocks that Keras does not have."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose.layers.heatmaps import PACKAGE, MapLayer


@keras.saving.register_keras_serializable(package=PACKAGE)
class PhaseConvolution(keras.layers.Layer):
    """A 4x4 ``Conv2DTranspose`` of stride 2, computed with ordinary convolutions.

    Each output pixel sees only 2x2 input pixels, through the quarter of the kernel that
    belongs to its phase: whether its row and its column are even or odd. Four 2x2
    convolutions, one per phase, followed by depth-to-space, which interleaves their
    outputs, give the same numbers with the same multiply-adds. LiteRT runs them about
    three times as fast. (One convolution with four times the filters would compute an
    extra row and column; cropping them costs 10 %.)

    ``phase_kernels`` splits a trained kernel.

    Args:
        filters: F, as in ``Conv2DTranspose``.
        activation: as in ``Conv2DTranspose``.

    Call: f32[B, h, w, C] -> f32[B, 2h, 2w, F].
    """

    def __init__(self, filters, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.activation = keras.activations.get(activation)

    def build(self, shape):
        self.kernels = [
            self.add_weight(shape=(2, 2, shape[-1], self.filters), name=f"kernel{i}")
            for i in range(len(PHASES))
        ]
        self.bias = self.add_weight(
            shape=(self.filters,), initializer="zeros", name="bias"
        )

    def call(self, x):
        height, width = x.shape[1:3]
        x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        phases = [
            ops.conv(x[:, row : row + height + 1, column : column + width + 1], kernel)
            for (row, column), kernel in zip(PHASES, self.kernels, strict=True)
        ]  # four of (B, h, w, F)
        phases = [self.activation(phase + self.bias) for phase in phases]
        return ops.depth_to_space(ops.concatenate(phases, axis=-1), 2)

    def compute_output_shape(self, shape):
        return (shape[0], 2 * shape[1], 2 * shape[2], self.filters)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        settings = {"filters": self.filters, "activation": activation}
        return {**super().get_config(), **settings}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Channels(MapLayer):
    """Picks channels in the given order: f32[..., C] -> f32[..., len(indices)]."""

    def __init__(self, indices, **kwargs):
        super().__init__(**kwargs)
        self.indices = tuple(indices)

    def call(self, x):
        return ops.take(x, ops.array(self.indices, "int32"), axis=-1)

    def get_config(self):
        return {**super().get_config(), "indices": self.indices}


# Row and column of each phase, in depth-to-space order: 0 even, 1 odd.
PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))


def phase_kernels(kernel: np.ndarray) -> list[np.ndarray]:
    """Splits the kernel of a 4x4 transposed convolution of stride 2, "same".

    With kernel rows k and input rows x, output row 2p is k3 x[p - 1] + k1 x[p], and row
    2p + 1 is k2 x[p] + k0 x[p + 1]. Columns work the same way.

    Args:
        kernel: f32[4, 4, F, C], as in ``Conv2DTranspose``.

    Returns:
        Four f32[2, 2, C, F] for ``PhaseConvolution``.
    """
    taps = ((3, 1), (2, 0))  # of even rows or columns, of odd ones
    return [
        kernel[np.ix_(taps[row], taps[column])].transpose(0, 1, 3, 2)
        for row, column in PHASES
    ]
