"""What int8 brings: .tflite files in turns, with or without the processor's VNNI.

    python benchmarks/speed/int8.py THREADS FILES
    LD_PRELOAD=./without_vnni.so python benchmarks/speed/int8.py THREADS FILES

FILES are those of ``tfpose export`` or of ``networks.py --keep``; ratios are to the
first. ``without_vnni.c`` says how to hide VNNI and AMX, which make int8 fast.
"""

from __future__ import annotations

import pathlib
import sys

from runtimes import lite
from turns import in_turn, print_table

TURNS = 15


def main(threads: str, *paths: str) -> None:
    names = [pathlib.Path(path).stem for path in paths]
    contents = (pathlib.Path(path).read_bytes() for path in paths)
    calls = {
        name: lite(content, int(threads))
        for name, content in zip(names, contents, strict=True)
    }
    print(f"{threads} threads, medians of {TURNS} turns")
    print_table(in_turn(calls, TURNS), names[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
