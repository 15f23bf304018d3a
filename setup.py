"""Package metadata. Versions are bounded to the stack that the tests run on."""

import pathlib

from setuptools import find_packages, setup

COCO = ["pycocotools>=2.0.11,<2.1"]
# The main job (prepare, train, refine, evaluate, export) needs all of these.
# opencv-python-headless is the same `cv2` module as opencv-python, without windows:
# the latter does not import on a machine without libGL and X11 libraries.
# TensorBoard is no longer installed by TensorFlow, and tensorflow-datasets imports
# importlib_resources without asking for it.
REQUIRED = [
    *COCO,
    "absl-py>=2.1,<3",
    "ai-edge-litert>=2.3,<2.4",
    "importlib-resources>=6.4,<8",
    "keras>=3.15,<3.16",
    "numpy>=2,<3",
    "opencv-python-headless>=4.10,<5",
    "scipy>=1.13,<2",
    "tensorboard>=2.20,<3",
    "tensorflow>=2.21,<2.22",
    "tensorflow-datasets>=4.9.10,<4.10",
]
# A client of an exported model behind TensorFlow Serving.
SERVING = ["requests>=2.31,<3"]
NOTEBOOKS = ["ipykernel>=6.29,<8", "nbclient>=0.10,<1", "nbformat>=5.10,<6"]
# The models train under KERAS_BACKEND=jax too.
JAX = ["jax>=0.7,<0.11"]
DEV = ["pytest>=8.3,<10", "pytest-xdist>=3.6,<4", "ruff>=0.12,<1"]

setup(
    name="tfpose",
    version="0.1.0",
    description="Human pose refinement in TensorFlow, from photos to a served model",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["tfpose", "tfpose.*", "data_prep", "data_prep.*"]),
    package_data={"tfpose": ["weights/**/*"]},
    install_requires=REQUIRED,
    extras_require={
        "coco": COCO,
        "serving": SERVING,
        "notebooks": NOTEBOOKS,
        "jax": JAX,
        "dev": DEV + SERVING + NOTEBOOKS,
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
