"""Makes the human poses of any method better.

The public names are imported when they are first used, so that ``import tfpose`` takes
no time and an installation without TensorFlow has all that does not need it.

Example:
    >>> import tfpose
    >>> refiner = tfpose.Refiner.from_preset("posefix_tiny_lsp")
    >>> refiner.skeleton.name
    'lsp14'
"""

import importlib

__version__ = "0.1.0"

# Public name -> the module that has it.
_PUBLIC = {
    # On photos in memory: photo in, (keypoints f[N, K, 2], scores f[N, K]) out.
    "Refiner": "inference.refiner",
    "Estimator": "inference.estimator",
    "BottomUp": "inference.bottom_up",
    "Predictor": "edge.predictor",
    # On files.
    "refine_file": "inference.refine_files",
    "predict_files": "inference.predict_files",
    "evaluate_poses": "evaluation.evaluate",
    "analyze_poses": "evaluation.evaluate",
    "compare_poses": "evaluation.refinement",
    "train": "training.fit",
    "export": "exporting.savedmodel",
    # What they are made of.
    "Skeleton": "skeletons",
    "Config": "config",
    "TfposeError": "errors",
}
_PACKAGES = ("data", "models")

__all__ = ["__version__", *_PUBLIC, *_PACKAGES]


def __getattr__(name: str):
    if name in _PACKAGES:
        return importlib.import_module(f"tfpose.{name}")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tfpose' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"tfpose.{_PUBLIC[name]}"), name)
    globals()[name] = value  # found at once the next time
    return value


def __dir__():
    return sorted({*globals(), *__all__})
