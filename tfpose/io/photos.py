"""Reads photo files; rejects a bad one with a one-line error that names it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
from collections.abc import Iterator

import cv2
import numpy as np

from tfpose.errors import PhotoError
from tfpose.io import photo_headers

# Pixels of the largest photo that is decoded (0.6 GB as RGB); the environment variable
# allows others.
MOST_PIXELS = 200_000_000
MOST_PIXELS_VARIABLE = "TFPOSE_MAX_PIXELS"
# Bytes of a file for each of its pixels: 16 bits of four channels.
BYTES_PER_PIXEL = 8
# The gray of blocks that libjpeg has no bits for: RGB and grayscale, and CMYK.
MISSING = (128, 64)


def read(path: str | os.PathLike, size: tuple[int, int] | None = None) -> np.ndarray:
    """A photo file as u8[H, W, 3] RGB, upright.

    Args:
        path: a regular file, of a kind that OpenCV reads.
        size: (width, height) px that annotations state, as for ``decode``.

    Raises:
        PhotoError: the file is missing, truncated, not a photo, or too large.
    """
    return decode(read_bytes(path), path, size)


def read_bytes(path: str | os.PathLike) -> bytes:
    """The bytes of a regular file that may be a photo.

    Raises:
        PhotoError: the file is missing or too large, or a folder, device, or pipe.
    """
    try:
        status = pathlib.Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
            raise PhotoError(f"{path}: expected a photo, found {kind}")
        if status.st_size > BYTES_PER_PIXEL * _most_pixels():
            raise PhotoError(f"{path}: expected a photo, found {status.st_size} bytes")
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise PhotoError(f"{path}: expected a photo, found {error.strerror}") from error
    except ValueError as error:
        if isinstance(error, PhotoError):
            raise
        raise PhotoError(f"{path}: expected a photo's name, found {error}") from error


def decode(
    data: bytes, name: str | os.PathLike, size: tuple[int, int] | None = None
) -> np.ndarray:
    """Decodes a photo to u8[H, W, 3] RGB, upright as the camera's tag says.

    Args:
        data: JPEG, PNG, WebP, TIFF, BMP, or another kind of ``photo_headers.KINDS``.
        name: its file, for messages.
        size: (width, height) px of the photo that coordinates refer to. If only the
            pixels as stored have this size, they are returned as stored.

    Raises:
        PhotoError: the data is truncated, damaged, not a photo, or has more than
            ``MOST_PIXELS`` pixels.
    """
    kind = photo_headers.kind_of(data)
    if kind is None:
        found = photo_headers.other_kind(data)
        raise PhotoError(f"{name}: expected a photo (JPEG, PNG, ...), found {found}")
    _check_pixels(data, kind, name)
    image = None
    if photo_headers.is_whole(data, kind):
        image = _decoded(data, cv2.IMREAD_COLOR)
    if image is None or (kind == "JPEG" and _ends_early(data, image)):
        found = f"found a truncated {kind} of {len(data)} bytes, or a damaged one"
        raise PhotoError(f"{name}: expected a photo (JPEG, PNG, ...), {found}")
    if size is not None and size != image.shape[1::-1]:
        stored = _decoded(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if stored is not None and size == stored.shape[1::-1]:
            image = stored
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def has_tags(data: bytes) -> bool:
    """Whether a photo may have an orientation tag, which TensorFlow ignores."""
    return b"Exif" in data or b"eXIf" in data


def _most_pixels() -> int:
    text = os.environ.get(MOST_PIXELS_VARIABLE, "")
    return int(text) if text.isdecimal() else MOST_PIXELS


def _check_pixels(data: bytes, kind: str, name) -> None:
    size = photo_headers.size_of(data, kind)
    if size is None:
        raise PhotoError(
            f"{name}: expected a photo, found a {kind} of {len(data)} bytes without a "
            "size"
        )
    width, height = size
    if width * height > _most_pixels():
        raise PhotoError(
            f"{name}: expected at most {_most_pixels()} pixels, found {width} x "
            f"{height} ({MOST_PIXELS_VARIABLE} sets another limit)"
        )


def _decoded(data: bytes, flags: int) -> np.ndarray | None:
    """u8[H, W, 3] BGR, or None."""
    try:
        with quiet():
            return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (cv2.error, MemoryError):
        return None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps OpenCV from logging what our errors say."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _ends_early(data: bytes, image: np.ndarray) -> bool:
    """Whether the decoder ran out of a JPEG's bits before its last block.

    libjpeg fills what is missing with gray and only prints a warning. If the last
    corner is plain gray, further bits tell: a whole photo has no use for them.
    """
    # Rows and columns may have changed places.
    corners = [image[y, x] for y in (0, -1) for x in (0, -1)]
    if not any((corner == gray).all() for corner in corners for gray in MISSING):
        return False
    if photo_headers.is_progressive(data):
        return False  # ``photo_headers.is_whole`` looked at its passes
    end = photo_headers.jpeg_end(data)
    more = np.random.default_rng(0).integers(1, 255, 4096, np.uint8).tobytes()
    bits = data[:end].rstrip(b"\xff")
    longer = _decoded(bits + more + data[end : end + 2], cv2.IMREAD_COLOR)
    return longer is None or not np.array_equal(longer, image)
