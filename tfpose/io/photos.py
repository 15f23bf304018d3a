"""Reads photo files; rejects a bad one with a one-line error that names it."""

from __future__ import annotations

import os
import pathlib

import cv2
import numpy as np

from tfpose.errors import PhotoError


def read(path: str | os.PathLike) -> np.ndarray:
    """A photo file as u8[H, W, 3] RGB.

    Raises:
        PhotoError: the file is missing, truncated, or not a photo.
    """
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise PhotoError(f"{path}: expected a photo, found {error.strerror}") from error
    return decode(data, path)


def decode(data: bytes, name: str | os.PathLike) -> np.ndarray:
    """Decodes a JPEG or PNG to u8[H, W, 3] RGB; the message names ``name``.

    Keeps the pixels as stored, since annotations refer to those. Like TensorFlow's
    decoder, it ignores the camera's orientation tag.

    Raises:
        PhotoError: the data is truncated, or not a photo.
    """
    pixels = np.frombuffer(data, np.uint8)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(pixels, flags) if len(pixels) else None
    # OpenCV decodes the first part of a truncated JPEG without complaint.
    truncated = data[:2] == b"\xff\xd8" and b"\xff\xd9" not in data[-64:]
    if image is None or truncated:
        found = (
            "a truncated JPEG" if truncated else f"{len(data)} bytes of another kind"
        )
        raise PhotoError(f"{name}: expected a photo (JPEG or PNG), found {found}")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
