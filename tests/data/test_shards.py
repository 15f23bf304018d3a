"""Prepared data sets that are not as they were written are named, wherever it shows."""

import json
import pathlib
import shutil

import pytest
import tensorflow as tf

from data_prep import sources
from tests.support import drawn_people
from tfpose.data import pipeline, shards
from tfpose.errors import DataError
from tfpose.skeletons import LSP14

BOTH = ("drawn/train", "drawn/validation")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"), people=(6, 2))


@pytest.fixture
def copied(data, tmp_path):
    """The data set in a folder of its own, to be damaged."""
    shutil.copytree(data, tmp_path / "copy")
    return tmp_path / "copy"


def cut_off(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "harm, reason",
    [
        (cut_off, "record [0-9]+: truncated"),
        (lambda path: path.write_bytes(b""), "record 0: the file ends"),
        (lambda path: path.unlink(), "record 0: no such file"),
    ],
)
def test_a_cut_off_shard_is_named_before_anything_is_read(copied, harm, reason):
    path = drawn_people.shard(copied)
    harm(path)
    message = f"{path.name}: expected 6 records, {reason}"
    with pytest.raises(DataError, match=message) as error:
        pipeline.read_records(copied, ("drawn/train",), LSP14)
    assert "\n" not in str(error.value) and "function_node" not in str(error.value)


def test_a_damaged_record_is_named_when_it_is_read(copied):
    path = drawn_people.shard(copied)
    drawn_people.damage_a_record(path)
    opened, _ = pipeline.read_records(copied, BOTH, LSP14)
    with (
        pytest.raises(DataError, match=f"{path.name}.*record [0-9]+: corrupted"),
        shards.naming_bad_records(copied, BOTH),
    ):
        list(opened)


def test_an_error_that_is_no_damage_passes_unchanged(data):
    with (
        pytest.raises(tf.errors.NotFoundError),
        shards.naming_bad_records(data, BOTH),
    ):
        tf.io.read_file("nowhere")


@pytest.mark.parametrize("text", [None, "{", "[]", json.dumps({"skeleton": {}})])
def test_unreadable_metadata_are_named(copied, text):
    path = drawn_people.shard(copied).with_name("metadata.json")
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(DataError, match="metadata cannot be read"):
        pipeline.read_records(copied, ("drawn/train",), LSP14)


def rewrite(path: pathlib.Path, change) -> None:
    """Changes the records of a shard; their own checksums are right."""
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in map(change, records):
            writer.write(record)


def test_records_that_are_none_are_found_by_the_checksum_of_their_file(copied):
    """TensorFlow ends the process at such a record."""
    path = drawn_people.shard(copied)
    sources.note(path.parent, {})
    assert pipeline.read_records(copied, BOTH, LSP14)[1] == 8
    rewrite(path, lambda record: b"\xff" * len(record))
    with pytest.raises(DataError, match=f"{path.name}: expected the checksum") as error:
        pipeline.read_records(copied, BOTH, LSP14)
    assert "\n" not in str(error.value)
    assert pipeline.read_records(copied, ("drawn/validation",), LSP14)[1] == 2


def test_a_person_whose_photo_cannot_be_decoded_is_named(copied):
    path = drawn_people.shard(copied)
    rewrite(path, lambda record: record.replace(b"\xff\xdb", b"\xff\xda", 1))
    opened, _ = pipeline.read_records(copied, BOTH, LSP14)
    said = r"drawn/people/2.0.0: train: person \d of \d.png: expected a JPEG"
    with (
        pytest.raises(DataError, match=said),
        shards.naming_bad_records(copied, BOTH),
    ):
        list(opened.map(pipeline.decode_window))
