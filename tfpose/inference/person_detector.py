"""The detector that comes with the package: SSDLite on MobileNetV2, people only.

It runs in LiteRT (extra ``edge`` or ``full``), with or without TensorFlow. Its network
sees 300 x 300 px, in which small people vanish; so it looks several times, at the whole
photo and at overlapping tiles. ``weights/ssdlite_coco/README.md`` says where the
network is from and what was measured.
"""

from __future__ import annotations

import cv2
import numpy as np

from tfpose.inference.boxes import best_of_overlapping, fragments, inside
from tfpose.inference.inputs import checked_photo
from tfpose.inference.lite import interpreter
from tfpose.weights.presets import FOLDER

MODEL = FOLDER / "ssdlite_coco" / "detector.tflite"
SIDE = 300  # px of the network's square image
# A look is the left, top, width and height of a window, as shares of the photo's.
WHOLE = (0.0, 0.0, 1.0, 1.0)
TILE = 0.65
STARTS = (0.0, 1 - TILE)
FIVE_LOOKS = (WHOLE, *((x, y, TILE, TILE) for y in STARTS for x in STARTS))
# Boxes with a lower score are dropped.
LEAST = 0.35
# Of two boxes with a larger IoU, only the better one stays.
OVERLAP = 0.45
# A box is cut if it ends within this share of the tile from where the tile ends inside
# the photo. If half of it lies in a fuller box, it is a part of that person.
BORDER, PART, LARGER = 0.02, 0.5, 1.2
# Textures (stripes, checkerboards) look like one person who covers the whole look, of
# whom the network is not sure; of real people who do, it is.
COVER, SURE = 0.9, 0.8


class Network:
    """The network alone: one image, one look, every box.

    Args:
        threads: LiteRT's threads.

    Raises:
        DetectorError: LiteRT is not installed.
    """

    def __init__(self, threads: int = 2):
        self._interpreter = interpreter(MODEL, threads)
        self._run = self._interpreter.get_signature_runner()

    def __call__(self, image) -> tuple[np.ndarray, np.ndarray]:
        """Boxes f64[1917, 4], left, top, right, bottom as shares; scores f64[1917].

        Args:
            image: u8[300, 300, 3] RGB.
        """
        found = self._run(image=np.ascontiguousarray(image)[None])
        return np.float64(found["boxes"]), np.float64(found["scores"])


class PersonDetector:
    """Finds people in photos.

    A call takes a photo u8[H, W, 3] RGB and returns a box around each person, f32[N, 4]
    xywh in photo px, clipped to the photo, with scores f32[N] in 0..1, best first.

    Args:
        least: drops boxes with a lower score.
        looks: the windows to search, each (left, top, width, height) as shares of the
            photo's size.
        threads: LiteRT's threads.

    Raises:
        DetectorError: LiteRT is not installed.

    Example:
        >>> detect = PersonDetector()
        >>> boxes, scores = detect(np.zeros((120, 160, 3), np.uint8))
        >>> boxes.shape, scores.shape
        ((0, 4), (0,))
    """

    def __init__(self, least: float = LEAST, looks=FIVE_LOOKS, threads: int = 2):
        self.least, self.looks = least, tuple(looks)
        self._network = Network(threads)

    def __call__(self, photo) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores of the people in a photo (see the class).

        Raises:
            TfposeError: a photo of the wrong type or shape.
        """
        photo = checked_photo(photo)
        found = [self._look(photo, look) for look in self.looks]
        return merged(found, photo.shape)

    def _look(self, photo, look):
        """Boxes f64[n, 4] xywh, I, scores f64[n], and which boxes are cut, bool[n]."""
        size = np.array(photo.shape[1::-1])
        start = np.floor(np.multiply(look[:2], size)).astype(int)
        end = np.ceil(np.add(look[:2], look[2:]) * size - 1e-6).astype(int)
        end = np.clip(end, start + 1, size)
        shown = photo[start[1] : end[1], start[0] : end[0]]
        corners, scores = self._network(resized(shown))
        kept = plausible(corners, scores, self.least)
        corners, scores = np.clip(corners[kept], 0, 1), scores[kept]
        open_sides = np.concatenate([start > 0, end < size])
        cut = cut_off(corners, open_sides)
        ends = corners * np.tile(end - start, 2) + np.tile(start, 2)
        boxes = np.concatenate([ends[:, :2], ends[:, 2:] - ends[:, :2]], axis=1)
        best = best_of_overlapping(boxes, scores, OVERLAP)
        return boxes[best], scores[best], cut[best]


def resized(photo, width: int = SIDE, height: int = SIDE) -> np.ndarray:
    """u8[height, width, 3]: the whole photo, with its sides scaled apart."""
    shrinks = height <= photo.shape[0] and width <= photo.shape[1]
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(photo, (int(width), int(height)), interpolation=kind)


def plausible(corners, scores, least: float) -> np.ndarray:
    """Which boxes of a look can be people: bool[N].

    Args:
        corners: f64[N, 4], left, top, right, bottom as shares of the look.
        scores: f64[N].
        least: the lowest score. Boxes that cover the whole look need ``SURE``.
    """
    sides = np.clip(corners[:, 2:], 0, 1) - np.clip(corners[:, :2], 0, 1)
    covers = sides.prod(axis=1) > COVER
    return scores >= np.where(covers, max(SURE, least), least)


def cut_off(corners, open_sides) -> np.ndarray:
    """Which boxes end where their look ends, although the photo goes on: bool[N].

    Args:
        corners: f64[N, 4], left, top, right, bottom as shares of the look.
        open_sides: bool[4], the sides of the look behind which the photo goes on, in
            the same order.
    """
    near = np.concatenate([corners[:, :2] < BORDER, corners[:, 2:] > 1 - BORDER], 1)
    return (near & open_sides).any(axis=1)


def merged(found, shape) -> tuple[np.ndarray, np.ndarray]:
    """The people of several looks, each once.

    Args:
        found: for each look, boxes f64[n, 4] xywh, I, scores f64[n], and which boxes
            are cut off, bool[n].
        shape: (height, width, ...) px of the photo.

    Returns:
        f32[N, 4] xywh, I, clipped to the photo, and f32[N], best first.
    """
    boxes, scores, cut = (np.concatenate(part) for part in zip(*found, strict=True))
    whole = ~fragments(boxes, cut, PART, LARGER)
    boxes, scores = boxes[whole], scores[whole]
    best = best_of_overlapping(boxes, scores, OVERLAP)
    return inside(boxes[best], scores[best], shape)
