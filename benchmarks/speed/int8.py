"""What int8 brings: .tflite files in turns, with or without the processor's VNNI.

    python benchmarks/speed/int8.py FILES
    LD_PRELOAD=./without_vnni.so python benchmarks/speed/int8.py FILES

FILES are those of ``tfpose export`` or of ``networks.py --keep``; ratios are to the
first. ``without_vnni.c`` says how to hide VNNI and AMX, which make int8 fast.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from turns import in_turn, print_table

THREADS, TURNS = 2, 15


def call(path: pathlib.Path):
    """A call of a file."""
    run = Interpreter(str(path), num_threads=THREADS).get_signature_runner()
    random, inputs = np.random.default_rng(0), {}
    for name, one in run.get_input_details().items():
        values = random.uniform(0, 255, one["shape"])
        inputs[name] = (values if name != "valid" else values > 0).astype(one["dtype"])
    return lambda: run(**inputs)


def main(*paths: str) -> None:
    names = [pathlib.Path(path).stem for path in paths]
    calls = {name: call(path) for name, path in zip(names, paths, strict=True)}
    print(f"{THREADS} threads, medians of {TURNS} turns")
    print_table(in_turn(calls, TURNS), names[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
