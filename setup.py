"""Package metadata. Versions are bounded to the stack that the tests run on."""

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
# What every part of the package imports, and what scoring poses needs.
# opencv-python-headless is the same `cv2` module as opencv-python, without windows:
# the latter does not import on a machine without libGL and X11 libraries.
REQUIRED = [
    "absl-py>=2.1,<3",
    "numpy>=2,<3",
    "opencv-python-headless>=4.10,<5",
    "scipy>=1.13,<2",
]
# Exported .tflite files on photos (tfpose.edge). No requirement of an extra can be
# taken away again, so TensorFlow is one too.
EDGE = ["ai-edge-litert>=2.3,<2.4"]
# The main job (prepare, train, refine, evaluate, export) needs all of these.
# TensorBoard is no longer installed by TensorFlow, and tensorflow-datasets imports
# importlib_resources without asking for it.
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
# OKS average precision in a tenth of pycocotools' time, the same numbers.
FAST = ["hotcoco>=1.3,<2"]
# Clients of an exported model behind TensorFlow Serving, and the protos of warm-up
# requests; grpcio comes with TensorFlow.
SERVING = ["requests>=2.31,<3", "tensorflow-serving-api>=2.21,<2.22"]
# The development server (tfpose serve).
SERVE = ["fastapi>=0.115,<1", "uvicorn>=0.30,<1"]
NOTEBOOKS = ["ipykernel>=6.29,<8", "nbclient>=0.10,<1", "nbformat>=5.10,<6"]
# To prepare large data sets by a pipeline. Its pins (protobuf below 7) move others of
# an environment back: no other extra has it, and it is best installed into its own.
BEAM = FULL + ["apache-beam>=2.71,<3"]
# The models train under KERAS_BACKEND=jax too.
JAX = ["jax>=0.7,<0.11"]
# The tests hold tracking's counts equal to those of motmetrics.
# Environments of Python 3.12 and later have no setuptools for ``setup.py build_ext``.
DEV = [
    "motmetrics>=1.4,<2",
    "pytest>=8.3,<10",
    "pytest-xdist>=3.6,<4",
    "ruff>=0.12,<1",
    "setuptools>=65.5,<90",
]
# In a process of its own: TensorFlow logs as it starts.
ASK_TENSORFLOW = """
import json, tensorflow as tf
flags = tf.sysconfig.get_compile_flags(), tf.sysconfig.get_link_flags()
print(json.dumps([tf.__version__, *flags]))
"""
NATIVE = pathlib.Path(__file__).parent / "tfpose" / "native"


class BuildNative(build_ext):
    """``setup.py build_ext --inplace``: compiles the operators of tfpose.native.

    Only on request and beside the sources: pip builds in an environment of its own,
    without TensorFlow, and a wheel would fit one version of TensorFlow only. Where
    there is no TensorFlow or no compiler it says so in one line and succeeds: the
    package works without.
    """

    def run(self):
        try:
            print(f"tfpose.native: built {compile_native().name}")
        except (OSError, subprocess.CalledProcessError) as error:
            # Of a compiler's messages the first error, else the last line.
            lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            cause = next((line for line in lines if "error:" in line), lines[-1])
            print(f"tfpose.native: not built, works without: {cause.strip()}")


def compile_native() -> pathlib.Path:
    """Compiles the library of the installed TensorFlow's version; its path."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++")
    compiler = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if compiler is None:
        raise OSError("found no C++ compiler")
    version, compile_flags, link_flags = json.loads(
        output([sys.executable, "-c", ASK_TENSORFLOW]).splitlines()[-1]
    )
    library = NATIVE / f"diffusion-tf{version}.so"  # as tfpose.native expects it
    unfinished = library.with_suffix(f".{os.getpid()}")
    # Contraction would round once where the portable form rounds a product and a sum.
    command = [compiler, "-std=c++17", "-O3", "-ffp-contract=off", "-fPIC", "-shared"]
    command += ["-w", str(NATIVE / "diffusion.cc"), "-o", str(unfinished)]
    try:
        output(command + compile_flags + link_flags)
        os.replace(unfinished, library)
    finally:
        unfinished.unlink(missing_ok=True)
    return library


def output(command: list[str]) -> str:
    """What a command prints; its errors in an exception where it fails."""
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
    package_data={"tfpose": ["weights/**/*", "report/page.html"]},
    cmdclass={"build_ext": BuildNative},
    install_requires=REQUIRED,
    extras_require={
        "beam": BEAM,
        "edge": EDGE,
        "full": FULL,
        "coco": COCO,
        "fast": FAST,
        "serving": SERVING,
        "serve": FULL + SERVE,
        "notebooks": FULL + NOTEBOOKS,
        "jax": FULL + JAX,
        "dev": FULL + DEV + FAST + SERVING + SERVE + NOTEBOOKS,
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
