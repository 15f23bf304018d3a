"""Trains a model: ``python train.py --model=posefix --data=DIR`` (tfpose train)."""

import sys

from absl import app, flags

from tfpose import cli
from tfpose.arguments import DATA

flags.DEFINE_string("model", "posefix", "Name of the model.")
flags.DEFINE_string("preset", "tiny", "Recipe: tiny, paper, ... (tfpose models).")
flags.DEFINE_string("data", DATA, "Folder of prepared data sets.")
flags.DEFINE_string("model_dir", None, "Folder to write; runs/MODEL_PRESET if none.")
flags.DEFINE_bool("resume", False, "Go on with the run in --model_dir.")
flags.DEFINE_bool("quicktest", False, "A few steps, to see that everything works.")
flags.DEFINE_string("weights", None, "Model folder whose weights to start from.")
flags.DEFINE_multi_string("set", [], "key=value, changes the recipe; repeatable.")


def main(_):
    names = "model preset data model_dir resume quicktest weights".split()
    options = {name: flags.FLAGS[name].value for name in names}
    sys.exit(cli.run(cli.train, settings=flags.FLAGS["set"].value, **options))


if __name__ == "__main__":
    app.run(main)
