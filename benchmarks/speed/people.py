"""People a second: our training input against a DataLoader of SimpleBaseline's code.

    python benchmarks/speed/people.py DATA IMAGES --torch PYTHON

DATA holds LSP, prepared by ``tfpose prepare lsp``, and IMAGES its photos. Both make
crops of 256x192 and heatmaps of SimpleBaseline for the same people: ours from prepared
windows in ``tf.data``, theirs from the photos (``torch_people.py``). Both have two
workers; turns of ten batches.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import argparse
import pathlib
import sys

import tensorflow as tf
from turns import Rival, in_turn, print_table

from tfpose import recipes
from tfpose.config import override
from tfpose.data import examples

WORKERS, BATCH, BATCHES, TURNS = 2, 32, 10, 7
SETTINGS = ("skeleton=lsp14", "train=lsp/train", f"batch_size={BATCH}")


def main(data: str, images: str, torch: str, turns: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(WORKERS)
    tf.config.threading.set_inter_op_parallelism_threads(WORKERS)
    config = override(recipes.find_recipe("simple_baseline", "code"), SETTINGS)
    ours = iter(examples.batches(config, data).repeat())
    next(ours)
    script = pathlib.Path(__file__).with_name("torch_people.py")
    annotations = pathlib.Path(data, "lsp", "annotations_train.json")
    rival = Rival(torch, script, annotations, images, WORKERS, BATCH)

    def ten():
        for _ in range(BATCHES):
            next(ours)

    calls = {
        f"tfpose, {BATCHES * BATCH} people": ten,
        f"{rival.about}, {BATCHES * BATCH} people": lambda: rival.call(str(BATCHES)),
    }
    found = in_turn(calls, turns)
    print(f"{WORKERS} workers, medians of {turns} turns")
    print_table(found, next(iter(calls)))
    for name, times in found.items():
        print(f"{name}: {BATCHES * BATCH / times.clock:.0f} people/s")
    rival.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("images")
    parser.add_argument("--torch", required=True)
    parser.add_argument("--turns", type=int, default=TURNS)
    sys.exit(main(**vars(parser.parse_args())))
