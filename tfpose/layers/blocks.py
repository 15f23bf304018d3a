"""Building blocks with state or rearranging that plain Keras layers do not have."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose.layers.heatmaps import PACKAGE, MapLayer


@keras.saving.register_keras_serializable(package=PACKAGE)
class PhaseConvolution(keras.layers.Layer):
    """What a 4x4 ``Conv2DTranspose`` of stride 2 computes, by ordinary convolutions.

    Each output pixel sees only 2x2 input pixels, through a quarter of the kernel that
    depends on whether its row and its column are even or odd (its phase). So four 2x2
    convolutions, a phase each, and depth-to-space, which interleaves their outputs,
    give the same numbers with the same multiply-adds. LiteRT runs them about three
    times as fast as the transposed convolution. (One convolution with four times the
    filters would compute a row and a column too many, which have to be cut off: 10 %
    slower.)

    ``phase_kernels`` takes a trained kernel apart.

    Args:
        filters: F, of the transposed convolution.
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
    """Some channels in some order: f32[..., C] -> f32[..., len(indices)]."""

    def __init__(self, indices, **kwargs):
        super().__init__(**kwargs)
        self.indices = tuple(indices)

    def call(self, x):
        return ops.take(x, ops.array(self.indices, "int32"), axis=-1)

    def get_config(self):
        return {**super().get_config(), "indices": self.indices}


# Row and column of each phase in the order of depth-to-space: 0 even, 1 odd.
PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))


def phase_kernels(kernel: np.ndarray) -> list[np.ndarray]:
    """Takes the kernel of a 4x4 transposed convolution of stride 2, "same", apart.

    Output row 2p is kernel row 3 times input row p - 1 plus row 1 times p; output row
    2p + 1 is kernel row 2 times input row p plus row 0 times p + 1; columns alike.

    Args:
        kernel: f32[4, 4, F, C], as ``Conv2DTranspose`` has it.

    Returns:
        Four f32[2, 2, C, F] of ``PhaseConvolution``.
    """
    taps = ((3, 1), (2, 0))  # of an even row or column, of an odd one
    return [
        kernel[np.ix_(taps[row], taps[column])].transpose(0, 1, 3, 2)
        for row, column in PHASES
    ]
