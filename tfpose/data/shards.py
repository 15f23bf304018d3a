"""The files of a prepared data set: whether they are as they were written."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import pathlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfpose.errors import DataError
from tfpose.io import files

METADATA = "metadata.json"


def check_sizes(builder) -> None:
    """Checks that all shards of a TFDS builder are there and complete.

    Raises:
        DataError: names the first bad record.
    """
    for split in builder.info.splits.values():
        sizes = [path.stat().st_size if path.exists() else 0 for path in _paths(split)]
        # TFRecord adds 16 bytes to each record.
        if sum(sizes) != split.num_bytes + 16 * split.num_examples:
            directory = builder.data_path
            raise DataError(_damage(split) or f"{directory}: {split.name}: damaged")


def check_contents(split) -> None:
    """Checks the shards of a split against the checksums of its metadata.

    TensorFlow would end the process at a record that is not one, even if the record's
    own checksum is right. Sets of earlier versions have no checksums. Reads each file
    once in a process.

    Raises:
        DataError: a shard is not as it was written.
    """
    paths = _paths(split)
    noted = files.read_json(paths[0].parent / METADATA).get("checksums", {})
    known = [path for path in paths if path.name in noted]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = pool.map(_checksum, known, [path.stat().st_mtime_ns for path in known])
        for path, value in zip(known, found, strict=True):
            if value != noted[path.name]:
                raise DataError(
                    f"{path}: expected the checksum in {METADATA}, found another: the "
                    "file has changed since it was prepared"
                )


@functools.cache
def _checksum(path: pathlib.Path, modified: int) -> str:
    del modified  # a file that has changed is read again
    return files.checksum(path)


def _paths(split) -> list[pathlib.Path]:
    return [pathlib.Path(path) for path in split.filepaths]


def _damage(split) -> str | None:
    """Reads a whole split and describes the first bad record; None if all are fine."""
    for path, length in zip(_paths(split), split.shard_lengths, strict=True):
        read = 0
        try:
            for _ in tf.data.TFRecordDataset(str(path)):
                read += 1
        except (tf.errors.DataLossError, tf.errors.NotFoundError) as error:
            # The message without the names of TensorFlow's ops.
            reason = error.message.partition("}} ")[2].partition(" [Op")[0]
            reason = reason if path.exists() else "no such file"
        else:
            reason = "the file ends"
        if read < length:
            return f"{path}: expected {length} records, record {read}: {reason}"
    return None


def _bad_photo(builder, split) -> str | None:
    """Names the first person of a split whose window cannot be decoded."""
    import tensorflow_datasets as tfds

    skip = {"window": tfds.decode.SkipDecoding()}
    records = builder.as_dataset(split=split.name, shuffle_files=False, decoders=skip)
    for record in records.as_numpy_iterator():
        try:
            tf.io.decode_jpeg(record["window"])
        except tf.errors.InvalidArgumentError:
            return (
                f"{builder.data_path}: {split.name}: person {record['person_id']} of "
                f"{record['file_name'].decode()}: expected a JPEG, found a damaged one"
            )
    return None


@contextlib.contextmanager
def naming_bad_records(data: str, splits: Sequence[str]) -> Iterator[None]:
    """Context in which an unreadable record raises a ``DataError`` that names it.

    Args:
        data, splits: as given to ``pipeline.read_records``.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.NotFoundError) as error:
        fault = _first(data, splits, lambda builder, split: _damage(split))
        if fault is None:
            raise
        raise DataError(fault) from error
    except tf.errors.InvalidArgumentError as error:
        # Reading all photos takes as long as an epoch.
        fault = _first(data, splits, _bad_photo) if "JPEG" in error.message else None
        if fault is None:
            raise
        raise DataError(fault) from error


def _first(data: str, splits: Sequence[str], fault_of) -> str | None:
    """The first fault in the data sets of some splits."""
    import tensorflow_datasets as tfds

    for name in dict.fromkeys(item.partition("/")[0] for item in splits):
        for found in pathlib.Path(data, name).glob("*/*/dataset_info.json"):
            builder = tfds.builder_from_directory(found.parent)
            for split in builder.info.splits.values():
                if fault := fault_of(builder, split):
                    return fault
    return None
