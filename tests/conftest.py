"""Settings and fixtures that all tests share."""

import functools
import gc
import os
import pathlib
import sys
import typing

# Before TensorFlow is imported: only warnings and errors of its C++ side, and one
# thread in each of several test processes, which together use all cores.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# oneDNN compiles a kernel for every shape, and tests use most of them once.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# JAX compiles for the tests longer than it computes.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

if sys.version_info < (3, 12):
    # Each of Keras' calls asks whether values fit protocols, whose members are then
    # listed anew; later versions of Python remember them.
    typing._get_protocol_attrs = functools.cache(typing._get_protocol_attrs)

import pytest

# A minute of JAX in a process of its own, and all notebooks.
LONGEST = ("test_on_device.py", "test_notebooks.py")
PROJECT = pathlib.Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items):
    """Files with slow tests come first: at the end no process waits long for another.

    Of them those of ``LONGEST`` lead, so that no process takes over a part of one and
    sets up the rest again. The laws of one row of the contract follow each other, and
    share its model.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    first = {}  # row -> place of its first law

    def place(numbered):
        number, item = numbered
        case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
        if case is not None and item.path.name == "test_contracts.py":
            number = first.setdefault(id(case), number)
        return item.path.name not in LONGEST, item.path not in slow, number

    items[:] = [item for _, item in sorted(enumerate(items), key=place)]


def pytest_collection_finish():
    """What was imported is never garbage; searching it took half a second each time."""
    gc.freeze()


@pytest.fixture(scope="session")
def project() -> pathlib.Path:
    """The folder that holds setup.py."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The folder of real photos and predictions; skips where it is absent."""
    shared = pathlib.Path(os.environ.get("TFPOSE_SHARED", PROJECT.parent / "shared"))
    if not (shared / "data").is_dir():
        pytest.skip(f"needs the real data in {shared}/data (or $TFPOSE_SHARED/data)")
    return shared / "data"


@pytest.fixture
def eagerly():
    """Graphs run as the Python that would build them, but for tf.data's and exports'.

    A graph takes seconds to build and to optimize: many times as long as its only run.
    """
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def without_weights():
    """Networks of the test have weights without values, enough to count them."""
    from tfpose.models import summary

    with summary.without_weights():
        yield


def convolutions(x):
    """Features at strides 16 and 32 by as few layers as that takes.

    A graph for training grows with the number of weights, not with their sizes.
    """
    from tfpose.models.resnet import convolution

    x = convolution(x, 4, 17, "stem", stride=16)
    return [x, convolution(x, 4, 3, "stage", stride=2)]


@pytest.fixture(scope="module")
def nano_trunk():
    """A trunk of PoseFix that compiles fast, under the name "nano"."""
    from tfpose.models import posefix
    from tfpose.models.trunks import Trunk

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(posefix.TRUNKS, "nano", Trunk(convolutions))
        yield


@pytest.fixture(scope="module")
def nano_front_end():
    """A front-end of HCRN that compiles fast, under the name "nano".

    Its layers have the names of ``nano_trunk``'s and of its head's.
    """
    import dataclasses

    from tfpose.models import hcrn
    from tfpose.models.resnet import center
    from tfpose.models.simple_baseline import deconvolutions

    def build(image, joints, stages):
        return [], deconvolutions(convolutions(center(image)), (4, 4, 4))

    with pytest.MonkeyPatch.context() as patch:
        nano = dataclasses.replace(hcrn.FRONT_ENDS["tiny"], build=build)
        patch.setitem(hcrn.FRONT_ENDS, "nano", nano)
        yield
