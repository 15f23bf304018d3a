"""Do all ways of refining the people in a photo give the same result?

Refines the people in one photo with ``tfpose refine --refined-only``, an exported
SavedModel's signature ``refine_photo``, ``tfpose serve`` with the curl line in
docs/serving.md, ``Predictor`` with each exported ``.tflite`` file, and, for the page's
refiner (posefix_movenet_coco17), the page of ``make web`` in Chromium. Prints how far
each is from the first, which writes positions with three decimals.

Usage: python deploy/same_keypoints.py PHOTO POSES [--model posefix_tiny_lsp]
           [--data DIR --splits NAMES] [--edge PYTHON]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import argparse
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

PROJECT = pathlib.Path(__file__).resolve().parent.parent
PAGES_MODEL = "posefix_movenet_coco17"
WEB, PAGE = PROJECT / "web", "http://localhost:4179"
TFPOSE = [sys.executable, "-m", "tfpose"]
FIRST = "tfpose refine --refined-only"
# The edge environment runs this; it has no TensorFlow.
PREDICT = """
import json, sys
import cv2
import numpy as np
from tfpose import Predictor
model, photo, poses = sys.argv[1:]
people = np.array([record["keypoints"] for record in json.load(open(poses))])
photo = np.ascontiguousarray(cv2.imread(photo)[..., ::-1])
people = people.reshape(len(people), -1, 3)
refined, _ = Predictor.load(model)(photo, people[..., :2], people[..., 2])
print(json.dumps(refined.tolist()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", help="JPEG with its image_id in its name")
    parser.add_argument("poses", help="COCO results of its people only")
    parser.add_argument("--model", default="posefix_tiny_lsp")
    parser.add_argument("--data", default="runs/data", help="prepared people, for int8")
    parser.add_argument("--splits", default="lsp/train", help="of DATA")
    parser.add_argument("--edge", default=sys.executable, help="Python of tfpose[edge]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        answers = dict(ways(options, pathlib.Path(folder)))
    expected = answers.pop(FIRST)
    people, joints, _ = expected.shape
    print(f"{people} people with {joints} joints; px from {FIRST}:")
    for name, found in answers.items():
        distances = np.linalg.norm(found - expected, axis=-1)
        print(f"{name:40}{distances.max():10.5f} largest{distances.mean():10.5f} mean")


def ways(options, folder: pathlib.Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the name of each way and its keypoints f[N, K, 2]."""
    photo, poses = pathlib.Path(options.photo).resolve(), options.poses
    out = folder / "refined.json"
    command("refine", "--model", options.model, "--images", photo.parent, "--poses",
            poses, "--out", out, "--refined-only", "--oks-nms", "1")  # fmt: skip
    yield FIRST, triples(out)[..., :2]

    models = folder / "models"
    exported = models / "posefix"
    command("export", "--model-dir", options.model, "--out", exported,
            "--quantize", "none,int8", "--data", options.data, "--splits",
            options.splits)  # fmt: skip
    people = triples(poses)
    refine = tf.saved_model.load(str(exported / "1")).signatures["refine_photo"]
    answer = refine(
        image_bytes=tf.constant(photo.read_bytes()),
        keypoints=tf.constant(people[..., :2], tf.float32),
        valid=tf.cast(people[..., 2] > 0, tf.float32),
    )
    yield "SavedModel refine_photo", answer["keypoints"].numpy()
    yield "tfpose serve, by curl", by_curl(models, photo, poses)
    for numbers in ("float32", "int8"):
        model = exported / f"model_{numbers}.tflite"
        line = [options.edge, "-c", PREDICT, model, photo, poses]
        found = subprocess.run(line, check=True, capture_output=True, text=True)
        yield f"Predictor, {numbers}", np.array(json.loads(found.stdout))
    if options.model == PAGES_MODEL:
        yield "the page in Chromium, float16", by_the_page(photo, poses, out)


def by_curl(models: pathlib.Path, photo: pathlib.Path, poses: str) -> np.ndarray:
    line = [*TFPOSE, "serve", "--models", models, "--port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as server:
        try:
            said = (line for line in server.stdout if line.startswith("serving on "))
            address = next(said).split()[-1]
            wait_for(f"{address}/healthz")
            client = PROJECT / "deploy" / "rest_client.py"
            ask = shlex.join([sys.executable, str(client), str(photo), poses])
            url = f"{address}/v1/models/posefix:predict"
            asked = f"{ask} --server - | curl -s -d @- {url}"
            answer = subprocess.run(
                asked, shell=True, check=True, capture_output=True, text=True
            )
        finally:
            server.terminate()
    return np.array(json.loads(answer.stdout)["outputs"]["keypoints"])


def by_the_page(photo: pathlib.Path, poses: str, out: pathlib.Path) -> np.ndarray:
    port = PAGE.rpartition(":")[2]
    vite = ["node", "node_modules/vite/bin/vite.js", "preview", "--strictPort"]
    with subprocess.Popen(
        [*vite, "--port", port], cwd=WEB, stdout=subprocess.DEVNULL
    ) as page:
        try:
            wait_for(PAGE)
            poses = pathlib.Path(poses).resolve()
            asked = ["node", "scripts/refine_photo.mjs", PAGE, photo, poses, out]
            subprocess.run(asked, cwd=WEB, check=True)
        finally:
            page.terminate()
    return triples(out)[..., :2]


def command(*words) -> None:
    subprocess.run([*TFPOSE, *map(str, words)], check=True, stdout=sys.stderr)


def wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise SystemExit(f"{address}: no answer")


def triples(path) -> np.ndarray:
    """x, y, score, f64[N, K, 3], from a COCO-results file."""
    records = json.loads(pathlib.Path(path).read_text())
    flat = np.array([record["keypoints"] for record in records])
    return flat.reshape(len(flat), -1, 3)


if __name__ == "__main__":
    main()
