"""Several workers that train together: places, and two processes against one."""

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.support import drawn_people
from tfpose.config import Augmentation, Config
from tfpose.data import examples, pipeline
from tfpose.errors import ClusterError
from tfpose.models import posefix, table
from tfpose.models.trunks import Trunk
from tfpose.report.html import read_log
from tfpose.skeletons import LSP14
from tfpose.training import cluster, fit
from tfpose.training.cluster import Place

# 13 people in batches of 4: an epoch has 3 steps, a round is an epoch.
CONFIG = Config(
    model="posefix",
    skeleton="lsp14",
    input_size=(64, 64),
    network={"trunk": "patches", "sigma": 3.0, "filters": (4, 4, 4)},
    train=("drawn/train",),
    validation=("drawn/validation",),
    augmentation=Augmentation(scale=0.3, rotation=40.0, mirror=0.5),
    learning_rate=1e-3,
    epochs=2,
    batch_size=4,
    average=0.5,
    # Statistics of a worker's two people are not those of all four.
    freeze_normalization=True,
)
TWO = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}


@contextlib.contextmanager
def patches():
    """A trunk of PoseFix that compiles fastest, under the name "patches"."""
    with pytest.MonkeyPatch.context() as patch:
        trunk = keras.layers.Conv2D
        patch.setitem(posefix.TRUNKS, "patches", Trunk(lambda x: [trunk(4, 32, 32)(x)]))
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"), people=(14, 4))


def given(monkeypatch, members, kind="worker", index=0):
    task = {"type": kind, "index": index}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": members, "task": task}))


# --- places ----------------------------------------------------------------------


def test_without_a_cluster_a_process_is_the_chief_of_itself(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert cluster.place() == Place(0, 1) and cluster.place().is_chief
    assert Place().rows(7) == slice(0, 7)
    cluster.wait_for_all()


@pytest.mark.parametrize(
    "members, kind, index, expected",
    [
        (TWO, "worker", 0, Place(0, 2)),
        (TWO, "worker", 1, Place(1, 2)),
        ({"chief": ["a:1"], **TWO}, "chief", 0, Place(0, 3)),
        ({**TWO, "chief": ["a:1"]}, "worker", 1, Place(2, 3)),
    ],
)
def test_the_chief_comes_first(monkeypatch, members, kind, index, expected):
    given(monkeypatch, members, kind, index)
    assert cluster.place() == expected
    assert cluster.place().is_chief == (expected.number == 0)


def test_the_rows_of_all_workers_are_the_joint_batch():
    rows = [np.arange(12)[Place(number, 3).rows(12)] for number in range(3)]
    assert all(len(own) == 4 for own in rows)
    np.testing.assert_array_equal(np.concatenate(rows), np.arange(12))


def test_a_batch_that_the_workers_cannot_share_is_refused(monkeypatch, tmp_path):
    given(monkeypatch, TWO)
    config = dataclasses.replace(CONFIG, batch_size=5)
    with pytest.raises(
        ClusterError, match="batch_size 5: expected a multiple of the 2"
    ):
        fit.train(config, str(tmp_path), str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "text, found",
    [
        ("{", "found '{'"),
        ("[]", "found '\\[\\]'"),
        ('{"cluster": {"worker": ["a:1"]}}', "found"),
        (
            '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, '
            '"task": {"type": "worker", "index": 0}}',
            "found the role 'ps'",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            "found no place for the task",
        ),
    ],
)
def test_a_variable_that_is_not_as_expected_is_refused(monkeypatch, text, found):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ClusterError, match=f"TF_CONFIG: expected .*{found}") as error:
        cluster.place()
    assert "\n" not in str(error.value)


# --- rows ------------------------------------------------------------------------


@pytest.mark.slow
def test_workers_see_their_rows_of_the_joint_batches(data):
    records, count = pipeline.read_records(data, CONFIG.train, LSP14)
    person = pipeline.CropSpec(LSP14, CONFIG.input_size, CONFIG.augmentation)
    with patches():
        model = table.build_model(CONFIG)
    supervision = fit.supervision_of(model, CONFIG)

    def batches(rows):
        people = pipeline.shuffled_people(records, count, person, 4, 5, 2, rows)
        batch = examples.training_batches(people, supervision, 5, 2, rows)
        return [keras.tree.flatten(b) for b in batch.take(3)]

    joint = batches(None)
    for number in range(2):
        rows = Place(number, 2).rows(4)
        for found, expected in zip(batches(rows), joint, strict=True):
            for own, everybody in zip(found, expected, strict=True):
                # Vectors of another length are rounded otherwise in the last bit.
                np.testing.assert_allclose(own, everybody[rows], rtol=1e-6, atol=1e-6)


# --- two processes ---------------------------------------------------------------


def free_addresses(count: int) -> list[str]:
    """Addresses on loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return addresses


HANGS = 1800  # s of wall time


def run_workers(data, folder) -> None:
    """Runs ``tests/support/worker.py`` as two workers until both have ended well."""
    project = pathlib.Path(__file__).parent.parent.parent
    members = {"worker": free_addresses(2)}
    processes = []
    for index in range(2):
        task = {"cluster": members, "task": {"type": "worker", "index": index}}
        environment = {
            **os.environ,
            "TF_CONFIG": json.dumps(task),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "",
        }
        command = [sys.executable, "-m", "tests.support.worker", data, str(folder)]
        with open(folder / f"output{index}", "w") as output:
            processes.append(
                subprocess.Popen(
                    command, cwd=project, env=environment, stdout=output, stderr=output
                )
            )
    try:
        # Only a worker that hangs takes so long, however busy the machine is.
        codes = [process.wait(timeout=HANGS) for process in processes]
    finally:
        for process in processes:
            process.kill()
    said = [(folder / f"output{index}").read_text() for index in range(2)]
    assert codes == [0, 0], "\n".join(said)


@pytest.mark.slow
def test_two_workers_train_as_one_process_with_the_joint_batch(data, tmp_path):
    run_workers(data, tmp_path)
    with patches():
        fit.train(CONFIG, data, str(tmp_path / "alone"))
        alone, _ = table.load_model(tmp_path / "alone")
        together, _ = table.load_model(tmp_path / "run")
    expected, found = (read_log(tmp_path / n / "log.csv") for n in ("alone", "run"))
    assert found["epoch"] == expected["epoch"] == [0, 1]
    for name in expected:
        difference = np.abs(np.subtract(found[name], expected[name])).max()
        print(f"{name}: two workers differ from one by {difference:.2g}")
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4)
    for one, two in zip(alone.get_weights(), together.get_weights(), strict=True):
        np.testing.assert_allclose(two, one, atol=1e-4)
    # Only the chief writes; both know when the loss is not finite, and whose it was.
    assert sum(1 for _ in (tmp_path / "run").glob("tensorboard/train/*")) == 2
    errors = [(tmp_path / f"error{number}").read_text() for number in range(2)]
    assert errors[0] == errors[1] and "is nan at step" in errors[0]
    assert len(errors[0].split("person ids: ")[1].split(",")) == CONFIG.batch_size
