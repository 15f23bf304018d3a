"""Trains a model: ``python train.py --model=posefix --data=DIR`` (tfpose train)."""

import sys

from absl import app, flags

from tfpose.cli import common, train

flags.DEFINE_string("model", "posefix", "Name of the model.")
flags.DEFINE_string("recipe", "tiny", "Recipe: tiny, paper, ... (tfpose models).")
flags.DEFINE_alias("preset", "recipe")
flags.DEFINE_string("data", common.DATA, "Folder of prepared data sets.")
flags.DEFINE_string("model_dir", None, "Folder to write; runs/MODEL_RECIPE if none.")
flags.DEFINE_bool("resume", False, "Continue the run in --model_dir.")
flags.DEFINE_bool("quicktest", False, "A few steps, to see that everything works.")
flags.DEFINE_string("weights", None, "Model folder whose weights to start from.")
flags.DEFINE_bool("on_device", False, "Train in the accelerator's memory, with JAX.")
flags.DEFINE_alias("on-device", "on_device")
flags.DEFINE_float("minutes", None, "Length of a run on the device.")
flags.DEFINE_multi_string("set", [], "key=value, changes the recipe; repeatable.")


def main(_):
    names = "model recipe data model_dir resume quicktest weights on_device minutes"
    names = names.split()
    options = {name: flags.FLAGS[name].value for name in names}
    sys.exit(common.run(train.run, settings=flags.FLAGS["set"].value, **options))


if __name__ == "__main__":
    app.run(main)
