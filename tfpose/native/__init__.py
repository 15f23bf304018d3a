"""The diffusion of ``tfpose.layers.diffusion`` as C++ operators for TensorFlow.

``python setup.py build_ext --inplace`` compiles ``diffusion.cc`` against the installed
TensorFlow, into a library next to it. Everything works without it, but slower.
TensorFlow is imported, and the library loaded, on first use.
"""

from __future__ import annotations

import functools
import pathlib
import warnings

import keras

FOLDER = pathlib.Path(__file__).parent


def library() -> pathlib.Path:
    """The library for the running TensorFlow's version; others would not fit."""
    import tensorflow as tf

    return FOLDER / f"diffusion-tf{tf.__version__}.so"


def is_usable() -> bool:
    """Whether Keras runs on TensorFlow, on a CPU, and the library was built for it."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    if tf.config.get_visible_devices("GPU"):
        return False  # the operators would copy every map to the CPU and back
    if library().exists():
        return True
    others = sorted(path.name for path in FOLDER.glob("diffusion-tf*.so"))
    if others:
        _warn(f"found {', '.join(others)}, expected {library().name}")
    return False


@functools.cache
def operators():
    """Loads the operators' module; warns and returns None if that fails."""
    import tensorflow as tf

    try:
        loaded = tf.load_op_library(str(library()))
    except (OSError, tf.errors.OpError) as error:
        _warn(str(error).strip().splitlines()[0])
        return None

    @tf.RegisterGradient("TfposeDiffuse")
    def _(operator, gradient, *_):
        _, dx, dy = operator.outputs
        return list(loaded.tfpose_diffuse_grad(gradient=gradient, dx=dx, dy=dy))

    return loaded


@functools.cache
def _warn(reason: str) -> None:
    """Warns once per reason."""
    warnings.warn(
        f"the native diffusion is not used: {reason}; "
        "rebuild it with 'python setup.py build_ext --inplace'",
        RuntimeWarning,
        stacklevel=3,
    )


def diffuse(maps, linear, quadratic, radius: int):
    """``tfpose.layers.diffusion.diffuse`` with the operators, equal bit by bit.

    Args and result: as there. The gradients' last bits may differ, since their sums run
    in another order.
    """
    import tensorflow as tf

    weights = (tf.cast(weight, tf.float32) for weight in (linear, quadratic))
    values = tf.cast(maps, tf.float32)
    diffused, _, _ = operators().tfpose_diffuse(values, *weights, radius=radius)
    return tf.cast(diffused, maps.dtype)
