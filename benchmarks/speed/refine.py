"""``tfpose refine``: this checkout against another one, and where the time goes.

    python benchmarks/speed/refine.py POSES IMAGES [--other CHECKOUT] [--people 500]

Runs the command on the first people of POSES, in this checkout and in CHECKOUT (such
as ``git worktree add CHECKOUT COMMIT``), by turns, with the same interpreter; prints
seconds by the clock and of the processor. A run of ``FEW`` people tells start-up and
the time of each further person apart. Then it says how far joints are apart, and how
much of this checkout's time each part of the work takes.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from turns import Time, in_turn, processor

HERE, FEW, TURNS = pathlib.Path(__file__).parents[2], 32, 1
MODELS = ("posefix_movenet_lsp14", "posefix_lite_lsp14")


def command(checkout, model: str, poses, images, out) -> Time:
    """The time of a run, the start of the interpreter included."""
    arguments = ["--model", model, "--poses", poses, "--images", images, "--out", out]
    line = [sys.executable, "-m", "tfpose", "refine", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    start = time.perf_counter()
    process = subprocess.Popen(
        line, cwd=checkout, env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{checkout}: tfpose refine failed")
    clock = time.perf_counter() - start
    return Time(clock, usage.ru_utime + usage.ru_stime)


def joints(path) -> np.ndarray:
    return np.array([one["keypoints"] for one in json.loads(path.read_text())])


def distance(one, other) -> str:
    apart = np.linalg.norm((joints(one) - joints(other)).reshape(-1, 3)[:, :2], axis=-1)
    return f"{np.median(apart):.4f} px (median), {apart.max():.2f} px (largest)"


def compare(model: str, checkouts: dict, poses: list, images: str, folder) -> None:
    """Prints a line for each checkout and how far their joints are apart."""
    calls, outs = {}, {}
    for count in (FEW, len(poses)):
        given = folder / f"{count}.json"
        given.write_text(json.dumps(poses[:count]))
        for name, checkout in checkouts.items():
            out = outs[name, count] = folder / f"{name}_{model}_{count}.json"
            calls[name, count] = lambda c=checkout, g=given, o=out: command(
                c, model, g, images, o
            )
    found = in_turn(calls, TURNS, warm_up=0)
    few, all_of_them = FEW, len(poses)
    for name in checkouts:
        whole, start = found[name, all_of_them], found[name, few]
        each = (whole.processor - start.processor) / (all_of_them - few)
        begin = start.processor - few * each
        print(f"{model}, {name}: {len(poses)} people {whole.clock:.1f} s, "
              f"{whole.processor:.1f} s of cores: start {begin:.1f} s, each "
              f"{1000 * each:.0f} ms", flush=True)  # fmt: skip
    if len(checkouts) > 1:
        ends = [outs[name, all_of_them] for name in checkouts]
        print(f"joints of both are {distance(*ends)} apart")


class Meter:
    """Adds up the processor's time of functions."""

    def __init__(self):
        self.seconds: dict[str, float] = {}

    def around(self, what: str, function: Callable) -> Callable:
        def measured(*args, **kwargs):
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.process_time() - start
                self.seconds[what] = self.seconds.get(what, 0) + spent

        return measured


def parts(model: str, poses: list, images: str, folder) -> None:
    """Prints the processor's seconds of each part of the work in this process."""
    meter, given = Meter(), folder / "parts.json"
    given.write_text(json.dumps(poses))

    def imported():
        import tensorflow  # noqa: F401

        from tfpose.inference import refine_files  # noqa: F401

    meter.around("start TensorFlow", imported)()
    from tfpose.geometry import arrays
    from tfpose.inference import refine_files, refine_parts
    from tfpose.inference.poses_to_refine import read_poses
    from tfpose.io.photo_ids import Photo

    read = meter.around("read poses", read_poses)(str(given), images, model)
    refiner = meter.around("load the network", refine_parts.load_refiner)(
        read, refine_parts.Settings()
    )
    network, calls = refiner._predict, []

    def predict(*inputs):
        what = "network" if calls else "first batch: build the graph, network"
        calls.append(what)
        return meter.around(what, network)(*inputs)

    refiner._predict = predict
    refine_files.load_refiner = lambda *_: refiner
    Photo.read = meter.around("decode photos", Photo.read)
    arrays.upright_crop = meter.around("crop", arrays.upright_crop)
    whole = Meter()
    whole.around("all", refine_files.refine_poses)(
        read, str(folder / "parts_out.json"), refine_parts.Settings()
    )
    inside = (
        "decode photos",
        "crop",
        "network",
        "first batch: build the graph, network",
    )
    meter.seconds["the rest"] = whole.seconds["all"] - sum(
        meter.seconds.get(what, 0) for what in inside
    )
    print(f"{model}, seconds of cores for {len(poses)} people:")
    for what, seconds in meter.seconds.items():
        print(f"    {what:<40}{seconds:7.2f}")


def main(poses: str, images: str, other: str, people: int, model: str) -> None:
    print(processor())
    chosen = json.loads(pathlib.Path(poses).read_text())[:people]
    if len(chosen) <= FEW:
        raise SystemExit(f"{poses}: expected more than {FEW} poses")
    checkouts = {"now": HERE}
    if other:
        checkouts["before"] = pathlib.Path(other).resolve()
    images = str(pathlib.Path(images).resolve())
    with tempfile.TemporaryDirectory() as folder:
        for name in [model] if model else MODELS:
            compare(name, checkouts, chosen, images, pathlib.Path(folder))
        parts(model or MODELS[0], chosen, images, pathlib.Path(folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("poses")
    parser.add_argument("images")
    parser.add_argument("--other")
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--model")
    sys.exit(main(**vars(parser.parse_args())))
