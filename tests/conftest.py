"""Settings and fixtures that all tests share."""

import os
import pathlib

# Before TensorFlow is imported: only warnings and errors of its C++ side, and one
# thread in each of several test processes, which together use all cores.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import pytest

PROJECT = pathlib.Path(__file__).resolve().parent.parent


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
