"""Exports a model: ``python export.py --model_dir=DIR`` (tfpose export)."""

import sys

from absl import app, flags

from tfpose.cli import common, export
from tfpose.exporting.formats import FORMATS

flags.DEFINE_string("model_dir", None, "Folder that train.py wrote.", required=True)
flags.DEFINE_string("out", None, "Folder to write (tfpose export --help).")
flags.DEFINE_string("format", ",".join(FORMATS), f"{' or '.join(FORMATS)}, or both.")
flags.DEFINE_string("quantize", "none", "none, float16, int8, or some with commas.")
flags.DEFINE_string("data", None, "Prepared data sets to compare on.")
flags.DEFINE_string("splits", None, "Prepared splits to measure on.")


def main(_):
    names = "model_dir out quantize data splits".split()
    options = {name: flags.FLAGS[name].value for name in names}
    sys.exit(common.run(export.run, formats=flags.FLAGS.format, **options))


if __name__ == "__main__":
    app.run(main)
