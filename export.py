"""Exports a model: ``python export.py --model_dir=DIR`` (tfpose export)."""

import sys

from absl import app, flags

from tfpose import cli
from tfpose.arguments import DATA, FORMATS

flags.DEFINE_string("model_dir", None, "Folder that train.py wrote.", required=True)
flags.DEFINE_string("out", None, "Folder to write; MODEL_DIR/export if none.")
flags.DEFINE_string("format", FORMATS, "savedmodel, tflite, or both with a comma.")
flags.DEFINE_string("quantize", "none", "none, float16, int8, or some with commas.")
flags.DEFINE_string("data", DATA, "Folder of prepared data sets.")
flags.DEFINE_string("splits", None, "Prepared splits to measure on.")


def main(_):
    names = "model_dir out quantize data splits".split()
    options = {name: flags.FLAGS[name].value for name in names}
    sys.exit(cli.run(cli.export, formats=flags.FLAGS.format, **options))


if __name__ == "__main__":
    app.run(main)
