"""Makes the human poses of any method better.

Public names are imported on first use, so ``import tfpose`` is instant, and without
TensorFlow everything that does not need it works.

Example:
    >>> import tfpose
    >>> refiner = tfpose.Refiner.from_preset("posefix_tiny_lsp")
    >>> refiner.skeleton.name
    'lsp14'
"""

import importlib

__version__ = "0.1.0"

# Public name -> its module.
_PUBLIC = {
    # For photos in memory: photo in, (keypoints f[N, K, 2], scores f[N, K]) out.
    "Refiner": "inference.refiner",
    "Estimator": "inference.estimator",
    "BottomUp": "inference.bottom_up",
    "Predictor": "edge.predictor",
    # For the frames of a video, one after the other: the same, and track ids.
    "PoseTracker": "inference.pose_tracker",
    "open_video": "io.video",
    # For files.
    "refine_file": "inference.refine_files",
    "predict_files": "inference.predict_files",
    "predict_video": "inference.predict_video",
    "evaluate_poses": "evaluation.evaluate",
    "analyze_poses": "evaluation.evaluate",
    "compare_poses": "evaluation.refinement",
    "train": "training.fit",
    "export": "exporting.savedmodel",
    # Their building blocks.
    "Skeleton": "skeletons",
    "Config": "config",
    "TfposeError": "errors",
}
_PACKAGES = ("data", "models")

__all__ = ["__version__", *_PUBLIC, *_PACKAGES]


def __getattr__(name: str):
    if name in _PACKAGES:
        return _imported(name, name)
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tfpose' has no attribute {name!r}")
    value = getattr(_imported(_PUBLIC[name], name), name)
    globals()[name] = value  # cached for the next use
    return value


def _imported(module: str, name: str):
    try:
        return importlib.import_module(f"tfpose.{module}")
    except ModuleNotFoundError as error:
        from tfpose.io import installation

        hint = installation.hint(error.name or "")
        if hint is None:
            raise
        raise ModuleNotFoundError(f"tfpose.{name} {hint}", name=error.name) from error


def __dir__():
    return sorted({*globals(), *__all__})
