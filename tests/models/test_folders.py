"""Weights that are not as they were written are refused in one line."""

import dataclasses
import json
import random

import keras
import numpy as np
import pytest

from tfpose.config import Config
from tfpose.errors import ModelFolderError
from tfpose.models import folders
from tfpose.recipes import find_recipe
from tfpose.skeletons import LSP14, Skeleton


@pytest.fixture(scope="module")
def model():
    x = keras.Input((3,))
    hidden = keras.layers.Dense(5, name="hidden")(x)
    return keras.Model(x, keras.layers.Dense(2, name="out")(hidden))


@pytest.fixture
def content(model, tmp_path):
    folders.write_weights(model, tmp_path)
    return (tmp_path / folders.WEIGHTS).read_bytes()


def refused(model, folder) -> str:
    with pytest.raises(ModelFolderError) as error:
        folders.load_weights(model, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_marked_weights_come_back_and_keras_reads_them_too(model, content, tmp_path):
    before = model.get_weights()
    for load in (
        lambda: folders.load_weights(model, tmp_path),
        lambda: model.load_weights(tmp_path / folders.WEIGHTS),
    ):
        model.set_weights([np.zeros_like(array) for array in before])
        load()
        for found, expected in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_any_changed_byte_is_found(model, content, tmp_path):
    mark = len(content) - 32 - len(folders.MARK)
    for place in (0, 99, mark // 3, mark // 2, mark - 1, len(content) - 1):
        harmed = bytearray(content)
        harmed[place] ^= 1
        (tmp_path / folders.WEIGHTS).write_bytes(harmed)
        assert "do not have their checksum" in refused(model, tmp_path)


def test_weights_without_a_mark_are_refused_in_one_line_if_unreadable(
    model, content, tmp_path
):
    mark = len(content) - 32 - len(folders.MARK)
    (tmp_path / folders.WEIGHTS).write_bytes(content[:mark])  # of an earlier version
    folders.load_weights(model, tmp_path)
    noise = random.Random(0).randbytes(mark)
    for place in (0, 8, 40, 100, mark // 8, mark // 4, mark // 2):
        for rest in (b"", noise[place:]):  # cut off, and overwritten
            (tmp_path / folders.WEIGHTS).write_bytes(content[:place] + rest)
            assert "expected the weights of this" in refused(model, tmp_path)


def test_a_skeleton_of_ones_own_lives_in_the_folder(tmp_path, monkeypatch):
    """No other file is needed to read the folder, from anywhere."""
    joints = [*LSP14.joints, "left_toe", "right_toe"]
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"name": "mine", "joints": joints}))
    monkeypatch.chdir(tmp_path)
    config = dataclasses.replace(find_recipe("posefix", "tiny"), skeleton="mine.json")
    folders.begin(tmp_path / "run", config)
    file.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = folders.load_config(tmp_path / "run")
    assert isinstance(found, Config) and isinstance(found.skeleton, Skeleton)
    assert found == config and found.skeleton.joints == tuple(joints)
