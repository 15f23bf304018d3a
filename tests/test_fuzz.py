"""Whatever a file holds: a reader reads it, or says in one line why not.

``make fuzz`` tries many more than the few of each that the suite tries, and says how
many. The draws depend only on the round, so that a failure comes back.
"""

import base64
import io
import json
import os
import random
import time
import warnings

import cv2
import numpy as np
import pytest

from tests.support import mutations, torch_checkpoints
from tests.support.exif import with_orientation
from tfpose.errors import LONGEST, TfposeError
from tfpose.io import coco, photos, torch_files
from tfpose.io.coco_records import annotation_entry, annotations_json, result_entry
from tfpose.io.skeleton_files import find_skeleton
from tfpose.io.weight_files import read_weights
from tfpose.skeletons import LSP14, Skeleton

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", 60))
# Seconds for one input; photos of 200 MP are refused earlier.
SLOWEST = 5

POSE, SEEN = np.arange(28.0).reshape(14, 2) * 3 + 5, np.full(14, 2)
OWN = {
    "name": "mouse",
    "joints": ["snout", "ear_left", "ear_right", "tail"],
    "flip_pairs": [["ear_left", "ear_right"]],
    "limbs": [["snout", "tail"]],
    "sigmas": [0.1, 0.1, 0.1, 0.1],
    "torso": ["snout", "tail"],
    "head": None,
    "tree": [["snout", "tail"]],
    "midpoints": [["snout", "ear_left", "ear_right"]],
}
ABOUT = {
    "format": 1,
    "task": "refine",
    "skeleton": OWN,
    "input_size": [128, 96],
    "crop": {"margin": 1.25, "box_factor": 1.2, "person_height": 0.0},
    "decoding": "expectation",
    "rounds": 1,
}


def annotations() -> dict:
    images = [
        {"id": n, "file_name": f"{n}.jpg", "width": 9, "height": 9} for n in (1, 2)
    ]
    people = [annotation_entry(n, n, POSE, SEEN, head_size=9.0) for n in (1, 2)]
    return annotations_json(LSP14, images, people)


def results() -> list:
    box = [1, 2, 30, 40]
    return [result_entry(n, POSE, SEEN / 2, 0.5, bbox=box, track_id=n) for n in (1, 2)]


def read_evaluated(path):
    """Reads annotations, and scores poses of the same photos with them."""
    from tfpose.evaluation.evaluate import evaluate_poses

    truth = coco.read_annotations(path)
    if truth.skeleton.joints == LSP14.joints:
        found = coco.as_annotations(annotations(), "x")
        assert found.skeleton == LSP14
        evaluate_poses(truth, _poses_of(truth), "pck")


def _poses_of(truth):
    path_free = [entry for entry in results() if entry["image_id"] in truth.images]
    numbers = np.reshape([e["keypoints"] for e in path_free], (-1, 14, 3))
    return coco.Results(
        image_ids=np.array([e["image_id"] for e in path_free], np.int64),
        keypoints=numbers[..., :2],
        scores=numbers[..., 2],
        pose_scores=np.ones(len(path_free)),
        entries=tuple(path_free),
        positions=np.arange(len(path_free)),
        file_entries=tuple(path_free),
    )


def read_results(path):
    for skip_bad in (False, True):
        found, _ = coco.read_results(path, LSP14, skip_bad, {1: (50, 50), 2: None})
        found.replaced(found.keypoints, found.scores)


def read_boxes(path):
    from tfpose.inference.detectors import read_boxes

    read_boxes(str(path))


def read_config(path):
    from tfpose import config

    config.load(path)


def read_scores(path):
    from tfpose.models.folders import read_score_fit

    read_score_fit(path.parent)


def read_calibration(path):
    from tfpose.inference.reliability import read_calibration

    read_calibration(path.parent)


def read_trust(path):
    from tfpose.inference.reliability import read_trust

    read_trust(path, "model", 2)


def trust() -> dict:
    numbers = {key: [0.5, 1.0] for key in ("disagreement", "weight", "far")}
    return {"model": "model", **numbers, "wrong": 0.1}


def read_description(path):
    from tfpose.edge import metadata
    from tfpose.edge.predictor import Predictor

    Predictor(None, metadata.parse(path.read_bytes(), path.name))


def read_lite_file(path):
    from tfpose.edge import metadata

    metadata.read(path.read_bytes(), path.name)


def read_request(path):
    from tfpose.serving import rest_json

    expected = {
        "image_bytes": rest_json.Input((), np.dtype(object)),
        "keypoints": rest_json.Input((None, 14, 2), np.dtype(np.float32)),
        "valid": rest_json.Input((None, 14), np.dtype(np.float32)),
    }
    rest_json.arrays(rest_json.parse(path.read_bytes()), expected)


def request() -> dict:
    image = {"b64": base64.b64encode(b"photo").decode()}
    people = {"keypoints": [POSE.tolist()], "valid": [SEEN.tolist()]}
    return {"signature_name": "x", "inputs": {"image_bytes": image, **people}}


def config() -> dict:
    from tfpose.recipes import RECIPES

    return RECIPES["posefix"]["tiny"]().to_json() | {"skeleton": OWN}


# Name of the file -> its reader, and data as JSON.
JSON_READERS = {
    "annotations.json": (read_evaluated, annotations),
    "results.json": (read_results, results),
    "boxes.json": (read_boxes, results),
    "skeleton.json": (find_skeleton, lambda: OWN),
    "config.json": (read_config, config),
    "scores.json": (read_scores, lambda: {"offset": 0.5, "slope": 2}),
    "calibration.json": (read_calibration, lambda: {"noise": [0.5] * 4, "far": 0.1}),
    "trust.json": (read_trust, trust),
    "description.json": (read_description, lambda: ABOUT),
    "request.json": (read_request, request),
}


def lite_file() -> bytes:
    """A ``.tflite`` file without a graph, and a description in it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    from tfpose.edge import flatbuffer

    model = schema.ModelT(version=3, buffers=[schema.BufferT()])
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return flatbuffer.embed(bytes(builder.Output()), ABOUT)


def photo(suffix, *options) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    data = cv2.imencode(suffix, pixels, options)[1].tobytes()
    return with_orientation(data, 6) if suffix == ".jpg" else data


def checkpoint(write):
    def content(folder):
        return write(folder / "whole.pth").read_bytes()

    return content


def safetensors() -> bytes:
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    header = json.dumps({"conv.weight": entry, "__metadata__": {"a": "b"}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(24)


def npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, weight=np.arange(6.0), bias=np.zeros((2, 1), "f4"))
    return file.getvalue()


def _photo(*arguments):
    return photos.read, lambda folder: photo(*arguments)


BYTE_READERS = {
    "photo.jpg": _photo(".jpg"),
    "passes.jpg": _photo(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    **{
        f"photo{suffix}": _photo(suffix) for suffix in (".png", ".webp", ".tif", ".bmp")
    },
    "model.tflite": (read_lite_file, lambda folder: lite_file()),
    "zip.pth": (torch_files.read_tensors, checkpoint(torch_checkpoints.write_zip)),
    "legacy.pth": (
        torch_files.read_tensors,
        checkpoint(torch_checkpoints.write_legacy),
    ),
    "a.safetensors": (read_weights, lambda folder: safetensors()),
    "a.npz": (read_weights, lambda folder: npz()),
}


def check(path, read, content: bytes):
    """Reads a file; fails on anything but success or one short line, soon."""
    path.write_bytes(content)
    start = time.monotonic()
    try:
        read(path)
    except TfposeError as error:
        line = str(error)
        assert line.isprintable() and len(line) <= LONGEST and line
    assert time.monotonic() - start < SLOWEST


def say(name, capfd):
    """What was tried, where somebody asked for it."""
    if "FUZZ_ROUNDS" in os.environ:
        with capfd.disabled():
            print(f"\n{name}: {ROUNDS} inputs")


@pytest.mark.parametrize("name", JSON_READERS)
def test_any_json_is_read_or_refused_in_a_line(name, tmp_path, capfd):
    read, make = JSON_READERS[name]
    whole, path = make(), tmp_path / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is left out
        path.write_text(json.dumps(whole))
        read(path)
        for number in range(ROUNDS):
            draw = random.Random(f"{name} {number}")
            check(path, read, mutations.damaged_json(whole, draw))
    say(name, capfd)


@pytest.mark.parametrize("name", BYTE_READERS)
def test_any_bytes_are_read_or_refused_in_a_line(name, tmp_path, capfd):
    read, make = BYTE_READERS[name]
    whole, path = make(tmp_path), tmp_path / name
    path.write_bytes(whole)
    read(path)
    for number in range(ROUNDS):
        draw = random.Random(f"{name} {number}")
        check(path, read, mutations.damaged_bytes(whole, draw))
    say(name, capfd)


def test_the_skeleton_that_is_damaged_is_a_skeleton():
    assert Skeleton.from_json(OWN).mirrors
