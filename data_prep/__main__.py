"""``python -m data_prep NAME --source DIR --out DIR``, same as ``tfpose prepare``."""

from __future__ import annotations

import importlib
import pathlib
import tempfile

# Builder module and class by the data set's name.
BUILDERS = {
    "synthetic": ("data_prep.synthetic", "Synthetic"),
    "lsp": ("data_prep.lsp", "Lsp"),
    "lspet": ("data_prep.lspet", "Lspet"),
    "coco": ("data_prep.coco", "Coco"),
}


def prepare(name: str, source: str | None, out: str, **options) -> dict:
    """Writes a data set as TFRecords into ``out/NAME/...``.

    Args:
        name: one of ``BUILDERS``.
        source: the data set's own folder; None for rendered data.
        out: folder for prepared data sets.
        options: arguments of the builder's class.

    Returns:
        {"directory", "written": {split: people}, "left_out": {reason: people}}.

    Raises:
        ValueError: an unknown name, or a source that is not the data set's folder.
    """
    import tensorflow_datasets as tfds

    if name not in BUILDERS:
        raise ValueError(f"data set {name!r}: expected one of {', '.join(BUILDERS)}")
    if source is not None and not pathlib.Path(source).is_dir():
        raise ValueError(
            f"--source {source}: expected the folder of {name}, found none"
        )
    module, class_name = BUILDERS[name]
    builder = getattr(importlib.import_module(module), class_name)(
        data_dir=out, **options
    )
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as downloads:  # TFDS insists on such a folder
        builder.download_and_prepare(
            download_dir=downloads,
            download_config=tfds.download.DownloadConfig(
                manual_dir=source or out, try_download_gcs=False
            ),
        )
    return {
        "directory": str(builder.data_dir),
        "written": {s: info.num_examples for s, info in builder.info.splits.items()},
        "left_out": dict(builder.left_out),
    }
