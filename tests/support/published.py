"""Weights for published networks that PyTorch and this package can both make.

``benchmarks/official/published_weights.py golden`` gives small official networks these
weights and writes their names, shapes and answers to ``tests/models/published.json``.
"""

import zlib

import numpy as np

# Of every tensor's name, by its ending: how its values follow from normal noise.
SCALES = {
    "running_mean": lambda noise: 0.1 * noise,
    "running_var": lambda noise: np.exp(0.1 * noise),
    "bias": lambda noise: 0.1 * noise,
}


def tensor(name: str, shape) -> np.ndarray:
    """f32[shape]: noise that keeps a signal's size; its seed is the name."""
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(
        tuple(shape), np.float32
    )
    leaf = name.rpartition(".")[2]
    if leaf in SCALES:
        return np.float32(SCALES[leaf](noise))
    if len(shape) == 1:  # of a normalization
        return np.float32(0.6 + 0.1 * noise)
    return np.float32(noise * np.sqrt(2 / np.prod(shape[1:])))


def image(height: int, width: int) -> np.ndarray:
    """u8[1, height, width, 3] RGB."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (1, height, width, 3), dtype=np.uint8)


def tensors(shapes: dict) -> dict:
    """Name -> f32 array, for name -> shape."""
    return {name: tensor(name, shape) for name, shape in shapes.items()}


# What is subtracted from photos for CPN, in the order of their channels.
SLIM_MEAN = (123.68, 116.78, 103.94)
_SLIM = {
    "moving_mean": "running_mean", "moving_variance": "running_var", "beta": "bias",
    "biases": "bias", "gamma": "weight",
}  # fmt: skip


def slim_tensors(shapes: dict) -> dict:
    """``tensors`` for the names of TF-Slim; kernels are (h, w, in, out)."""
    arrays = {}
    for name, shape in shapes.items():
        leaf = _SLIM.get(name.rpartition("/")[2])
        if leaf is None:
            made = tensor(f"{name}.weight", (shape[3], shape[2], *shape[:2]))
            arrays[name] = made.transpose(2, 3, 1, 0)
        else:
            arrays[name] = tensor(f"{name}.{leaf}", shape)
    return arrays


def some(maps: np.ndarray) -> np.ndarray:
    """A few hundred of the numbers of f32[1, C, h, w]."""
    return maps[0, :, 1::4, 2::4]
