"""Writes data sets as TFRecords and their people as COCO annotations."""

from __future__ import annotations

import importlib
import pathlib
import shlex
import tempfile

from data_prep.builders import BUILDERS, options_of
from tfpose.errors import TfposeError
from tfpose.io import files, installation
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
            folder, or ``beam`` without Apache Beam.
    """
    check_request(name, source, options)
    import tensorflow_datasets as tfds

    module, class_name = BUILDERS[name]
    builder_class = getattr(importlib.import_module(module), class_name)
    pipeline = _beam_options(beam)
    builder = builder_class(data_dir=out, **options)
    builder.beam = beam is not None
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as downloads:  # TFDS requires this folder
        builder.download_and_prepare(
            download_dir=downloads,
            download_config=tfds.download.DownloadConfig(
                manual_dir=source or out,
                try_download_gcs=False,
                beam_options=pipeline,
            ),
        )
    return {
        "directory": str(builder.data_dir),
        "written": {s: info.num_examples for s, info in builder.info.splits.items()},
        "left_out": dict(builder.left_out),
        "annotations": write_annotations(
            builder, pathlib.Path(out, name), pathlib.Path(source or out)
        ),
    }


def _beam_options(words: str | None):
    if words is None:
        return None
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
    except ModuleNotFoundError as error:
        raise TfposeError(
            f"--beam {installation.hint('apache_beam')}, in a separate environment"
        ) from error
    return PipelineOptions(shlex.split(words))


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
) -> dict[str, str]:
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
        written[split] = str(path)
    return written
