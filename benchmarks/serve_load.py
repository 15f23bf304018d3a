"""How does ``tfpose serve`` hold up under 8 clients, with and without bad requests?

Starts the server with ``posefix_tiny_lsp`` on loopback. Each client sends photos of one
to three people to ``refine_photo``, one request at a time, and compares every response
with the SavedModel's own. If malformed requests are mixed in, each must get a 4xx with
a reason.

Usage: python benchmarks/serve_load.py [SECONDS] [--malformed 0.2] [--clients 8]
    [--idle 200]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import argparse
import base64
import contextlib
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import requests
import tensorflow as tf

from tfpose.exporting import savedmodel
from tfpose.models import table
from tfpose.weights.presets import model_folder

MODEL, SIGNATURE, JOINTS = "posefix_tiny_lsp", "refine_photo", 14
PHOTOS, PHOTO_SIZE = 12, (375, 500)
# px; responses hold the shortest decimals of float32.
TOLERANCE = 1e-3


def main(seconds: float, malformed: float, clients: int, idle: int) -> int:
    """Prints the measurements; returns 1 if a response was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        saved = pathlib.Path(folder, MODEL, "1")
        savedmodel.write_servable(*table.load_model(model_folder(MODEL)), saved)
        good = questions(tf.saved_model.load(str(saved)).signatures[SIGNATURE])
        server, address = start(folder)
        try:
            url = f"{address}/v1/models/{MODEL}:predict"
            run(url, good, 2.0, 0.0, clients)  # warms up all threads
            before, begun = memory(server.pid), processor_time(server.pid)
            ours = time.process_time()
            with idle_connections(address, idle):
                found = run(url, good, seconds, malformed, clients)
            ours = time.process_time() - ours
            after, spent = memory(server.pid), processor_time(server.pid) - begun
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    times = np.sort([took for kind, took, _ in found if kind == "good"]) * 1e3
    wrong = [reason for _, _, reason in found if reason]
    bad = sum(kind == "bad" for kind, _, _ in found)
    print(f"{clients} clients, {seconds:g} s, {os.cpu_count()} cores shared with them")
    print(f"{len(times) / seconds:.1f} good requests/s, {bad / seconds:.1f} bad ones/s")
    print(
        f"median {np.median(times):.0f} ms, p99 {np.percentile(times, 99):.0f} ms, "
        f"largest {times[-1]:.0f} ms"
    )
    print(
        f"processor time a request: server {1e3 * spent / len(found):.1f} ms, clients "
        f"{1e3 * ours / len(found):.1f} ms"
    )
    print(f"memory of the server {before:.0f} MB at the start, {after:.0f} at the end")
    print(f"{len(wrong)} wrong answers of {len(found)} {sorted(set(wrong))[:5]}")
    return 1 if wrong else 0


def questions(refine) -> list[tuple[dict, np.ndarray]]:
    """Request bodies, each with the correct keypoints."""
    generator = np.random.default_rng(0)
    pairs = []
    for number in range(PHOTOS):
        data, people = photo(generator), number % 3 + 1
        size = np.array(PHOTO_SIZE[::-1])
        keypoints = generator.uniform(0.2 * size, 0.8 * size, (people, JOINTS, 2))
        inputs = {
            "keypoints": keypoints.astype(np.float32),
            "valid": np.ones((people, JOINTS), np.float32),
        }
        answer = refine(image_bytes=tf.constant(data), **inputs)["keypoints"].numpy()
        inputs = {name: array.tolist() for name, array in inputs.items()}
        encoded = {"b64": base64.b64encode(data).decode()}
        body = {
            "signature_name": SIGNATURE,
            "inputs": {"image_bytes": encoded, **inputs},
        }
        pairs.append((body, answer))
    return pairs


def photo(generator) -> bytes:
    """A JPEG about as large as a real photo's: patches and some noise."""
    patches = tf.image.resize(generator.uniform(0, 255, (9, 12, 3)), PHOTO_SIZE)
    noisy = patches + generator.normal(0, 10, (*PHOTO_SIZE, 3))
    return tf.io.encode_jpeg(tf.saturate_cast(noisy, tf.uint8)).numpy()


def spoiled(body: dict, choice: random.Random) -> dict:
    """A malformed request: arguments of ``requests.post``."""
    inputs = body["inputs"]

    def changed(**values) -> dict:
        return {"json": {**body, "inputs": {**inputs, **values}}}

    half = inputs["image_bytes"]["b64"][:4000]
    return choice.choice(
        [
            {"data": b'{"inputs": '},
            {"data": b"\xff" * 5000},
            {"json": {**body, "signature_name": "none"}},
            {"json": {"signature_name": SIGNATURE, "instances": [inputs]}},
            changed(keypoints=[[[1.0, 2.0]] * 3]),
            changed(keypoints="here"),
            changed(valid=[]),
            changed(image_bytes={"b64": "no base64"}),
            changed(image_bytes={"b64": half}),
            changed(image_bytes={"b64": base64.b64encode(b"a text").decode()}),
        ]
    )


def start(folder: str) -> tuple[subprocess.Popen, str]:
    """Starts the server; returns it and its address once it answers."""
    command = [sys.executable, "-m", "tfpose", "serve", "--models", folder]
    command += ["--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if line.startswith("serving on "):
            address = line.split()[-1]
            break
    else:
        raise SystemExit("tfpose serve did not start")
    for _ in range(100):
        try:
            requests.get(f"{address}/healthz", timeout=5).raise_for_status()
            return server, address
        except requests.ConnectionError:
            time.sleep(0.1)
    raise SystemExit("tfpose serve does not answer")


def run(url: str, good, seconds: float, malformed: float, clients: int) -> list[tuple]:
    """(kind, seconds it took, what was wrong or "") for each request."""
    found: list[tuple] = []
    end = time.monotonic() + seconds

    def client(number: int) -> None:
        choice, session = random.Random(number), requests.Session()
        while time.monotonic() < end:
            body, expected = choice.choice(good)
            bad = choice.random() < malformed
            sent = spoiled(body, choice) if bad else {"json": body}
            began = time.monotonic()
            response = session.post(url, timeout=60, **sent)
            took = time.monotonic() - began
            reason = (
                fault_of_bad(response) if bad else fault_of_good(response, expected)
            )
            found.append(("bad" if bad else "good", took, reason))

    threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def fault_of_good(response, expected: np.ndarray) -> str:
    if response.status_code != 200:
        return f"{response.status_code} {response.text[:80]}"
    answer = np.array(response.json()["outputs"]["keypoints"])
    same = answer.shape == expected.shape
    return "" if same and np.abs(answer - expected).max() < TOLERANCE else "keypoints"


def fault_of_bad(response) -> str:
    refused = 400 <= response.status_code < 500 and "error" in response.json()
    return "" if refused else f"a bad request got {response.status_code}"


@contextlib.contextmanager
def idle_connections(address: str, count: int):
    """Context with ``count`` connections that send half a header and wait.

    Those that the server closes are replaced.
    """
    host, port = address.removeprefix("http://").split(":")
    done = threading.Event()

    def hold() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):
                with socket.create_connection((host, int(port)), timeout=1) as idle:
                    idle.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
                    while not done.is_set():
                        with contextlib.suppress(TimeoutError):
                            if not idle.recv(100):
                                break
            done.wait(0.1)

    threads = [threading.Thread(target=hold) for _ in range(count)]
    for thread in threads:
        thread.start()
    yield
    done.set()
    for thread in threads:
        thread.join()


def processor_time(process: int) -> float:
    """Seconds that a process and its children that ended have computed."""
    text = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
    return sum(map(int, text.split()[11:15])) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> float:
    """Resident MB."""
    text = pathlib.Path(f"/proc/{process}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1e3


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=60.0)
    parser.add_argument(
        "--malformed", type=float, default=0.0, help="share of requests"
    )
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--idle", type=int, default=0, help="idle connections beside")
    options = parser.parse_args()
    sys.exit(main(**vars(options)))
