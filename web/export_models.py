"""What the page needs of the package: exported models and an example photo.

    python web/export_models.py

writes ``web/public/models`` with ``models.json`` and ``web/public/example.jpg``: the
presets as ``tfpose export`` writes them, measured on rendered people, and a part of one
of the package's example photos.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import tempfile

from tfpose.cli.common import start_tensorflow

WEB = pathlib.Path(__file__).resolve().parent
PRESETS = ("estimator_tiny_lsp", "posefix_tiny_lsp")
NUMBERS = ("none", "float16")
PHOTOS = 8
# Of the example photos one with a person alone, and the part of it around the person:
# left, top, width and height in px. index.html has its credit.
EXAMPLE, PART = "000000009483.jpg", (0, 40, 250, 440)


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    start_tensorflow()
    from data_prep.prepare import prepare
    from tfpose import drawing
    from tfpose.edge import metadata
    from tfpose.exporting.savedmodel import export
    from tfpose.io import examples, photos

    public = WEB / "public"
    public.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WEB) as folder:
        folder = pathlib.Path(folder)
        data, models = folder / "data", folder / "models"
        models.mkdir()
        options = {"skeleton": "lsp14", "photos": 1, "validation_photos": PHOTOS}
        prepare("synthetic", None, str(data), **options)
        entries = []
        for name in PRESETS:
            report = export(
                name,
                folder / name,
                formats="tflite",
                quantize=NUMBERS,
                data=str(data),
                validation=["synthetic/validation"],
            )
            for file, measured in report["files"].items():
                content = (folder / name / file).read_bytes()
                kept = f"{name}_{file.removeprefix('model_')}"
                (models / kept).write_bytes(content)
                entries.append(
                    {
                        "file": kept,
                        "bytes": measured["bytes"],
                        "about": metadata.read(content, kept),
                    }
                )
        (models / "models.json").write_text(json.dumps(entries, indent=1))
        left, top, width, height = PART
        photo = photos.read(examples.FOLDER / EXAMPLE)
        part = photo[top : top + height, left : left + width]
        drawing.write_image(public / "example.jpg", part)
        shutil.rmtree(public / "models", ignore_errors=True)
        models.rename(public / "models")
    print(f"wrote {public / 'models'}: {', '.join(entry['file'] for entry in entries)}")


if __name__ == "__main__":
    main()
