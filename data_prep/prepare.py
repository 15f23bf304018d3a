"""Writes data sets as TFRecords and their people as COCO annotations."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pathlib
import tempfile
from collections.abc import Iterable

from data_prep import sources
from data_prep.builders import BUILDERS, options_of
from tfpose.errors import TfposeError
from tfpose.io import files
from tfpose.io.beam_options import read_options
from tfpose.io.coco_records import annotation_entry, annotations_json


def prepare(
    name: str, source: str | None, out: str, beam: str | None = None, **options
) -> dict:
    """Writes a data set as TFRecords into ``out/NAME/...``.

    Args:
        name: one of ``BUILDERS``.
        source: the data set's own folder; None for rendered data.
        out: folder for prepared data sets.
        beam: options of an Apache Beam pipeline, such as "--direct_num_workers=8",
            which then writes the same records. None uses this process.
        options: arguments of the builder's class; all take ``window`` and
            ``person_size`` (of ``PeopleConfig``).

    Returns:
        {"directory", "written": {split: people}, "left_out": {reason: people},
        "annotations": {split: COCO annotations file of the same people}}.

    Raises:
        TfposeError: an unknown name or option, a source that is not the data set's
            folder, nobody in a split, or ``beam`` without Apache Beam.
        DataError: ``out`` has this set from another source.
        FileError: another process prepares it, or the disk is full.
    """
    check_request(name, source, options)
    module, class_name = BUILDERS[name]
    builder_class = getattr(importlib.import_module(module), class_name)
    pipeline = None if beam is None else read_options(beam)
    made_from = sources.origin(source, out, options)
    place, given = pathlib.Path(out, name), pathlib.Path(source or out)
    with files.holding(place):
        builder = builder_class(data_dir=out, **options)
        directory = pathlib.Path(builder.data_dir)
        if directory.exists():
            sources.check(directory, made_from)
            annotations = write_annotations(builder, place, given)
        else:
            with files.hidden_folder(place, place.parent) as hidden:
                builder = builder_class(data_dir=str(hidden), **options)
                builder.beam = beam is not None
                _write_records(builder, given, pipeline)
                made = pathlib.Path(builder.data_dir)
                sources.note(made, made_from)
                annotations = write_annotations(builder, hidden / name, given)
                _move(annotations.values(), place)
                directory.parent.mkdir(exist_ok=True)
                _move([made], directory.parent)
    splits = builder.info.splits.items()
    return {
        "directory": str(directory),
        "written": {split: info.num_examples for split, info in splits},
        "left_out": dict(builder.left_out),
        "annotations": {
            split: str(place / path.name) for split, path in annotations.items()
        },
    }


def _move(paths: Iterable[pathlib.Path], folder: pathlib.Path) -> None:
    for path in paths:
        os.replace(path, folder / path.name)


def _write_records(builder, source: pathlib.Path, pipeline) -> None:
    import tensorflow_datasets as tfds

    # TFDS requires a folder for downloads, and prints the path of the hidden folder.
    with (
        tempfile.TemporaryDirectory() as downloads,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        builder.download_and_prepare(
            download_dir=downloads,
            download_config=tfds.download.DownloadConfig(
                manual_dir=str(source), try_download_gcs=False, beam_options=pipeline
            ),
        )


def check_request(name: str, source: str | None, options) -> None:
    """Checks what ``prepare`` is given, without TensorFlow.

    Raises:
        TfposeError: as ``prepare``.
    """
    if name not in BUILDERS:
        raise TfposeError(f"data set {name!r}: expected one of {', '.join(BUILDERS)}")
    if source is not None and not pathlib.Path(source).is_dir():
        raise TfposeError(
            f"--source {source}: expected the folder of {name}, found none"
        )
    if source is None and name != "synthetic" and not options.get("annotations"):
        raise TfposeError(
            f"{name}: expected --source DIR, the data set's own folder, found none"
        )
    known = options_of(name)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TfposeError(
            f"{name}: expected options among {', '.join(known)}, found {unknown[0]}"
        )


def write_annotations(
    builder, folder: pathlib.Path, source: pathlib.Path
) -> dict[str, pathlib.Path]:
    """Writes the people of each split as COCO annotations, to score poses with.

    Args:
        builder: a prepared data set.
        folder: folder for ``annotations_SPLIT.json``.
        source: the data set's own folder, for the builder's ``notes``.

    Returns:
        {split: path}.
    """
    import tensorflow_datasets as tfds

    written = {}
    for split in builder.info.splits:
        images: dict[int, dict] = {}
        entries = []
        notes = builder.notes(split, source)
        skip = {"window": tfds.decode.SkipDecoding()}
        records = builder.as_dataset(split=split, decoders=skip)
        for record in sorted(
            records.as_numpy_iterator(), key=lambda record: record["person_id"]
        ):
            image_id = int(record["image_id"])
            file_name = record["file_name"].decode()
            photo = {"id": image_id, "file_name": file_name}
            images[image_id] = {**photo, **notes.photos.get(image_id, {})}
            head, person_id = float(record["head_size"]), int(record["person_id"])
            entries.append(
                annotation_entry(
                    person_id,
                    image_id,
                    record["keypoints"],
                    record["visible"],
                    record["box"],
                    record["area"],
                    **({"head_size": head} if head > 0 else {}),
                    **notes.people.get(person_id, {}),
                )
            )
        path = folder / f"annotations_{split}.json"
        photos = [images[image_id] for image_id in sorted(images)]
        files.write_json(path, annotations_json(builder.skeleton, photos, entries))
        written[split] = path
    return written
