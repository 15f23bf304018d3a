"""Reads the frames of videos, one after the other; writes videos.

A source is a video file, a folder whose photos are the frames in the order of their
numbers, the number of a camera, or the address of a stream. Frames of a file, a camera,
or a stream count from 0, as OpenCV does; those of a folder have the numbers in their
names, as photos do. OpenCV turns frames upright as the file's rotation says.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import os
import pathlib
import time
import warnings
from collections.abc import Iterator

import cv2
import numpy as np

from tfpose.errors import InputWarning, VideoError
from tfpose.io import photo_ids, photos
from tfpose.io.video_faults import why_unreadable
from tfpose.io.video_sources import is_live

# Frames per second where nothing says how many.
USUAL_RATE = 25.0
# What a header announces may be a little more than there is.
ALMOST_ALL = 0.98
# Seconds: the longest gap between two frames that a written video shows.
LONGEST_GAP = 10.0
# FFmpeg would print what ``VideoError`` says; OpenCV reads this when it starts FFmpeg.
_LOG_LEVEL, _SILENT = "OPENCV_FFMPEG_LOGLEVEL", "-8"


@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Attributes:
        number: its image id.
        time: seconds since the video began.
        image: u8[H, W, 3] RGB, upright.
        name: of its file, for a folder of frames.
    """

    number: int
    time: float
    image: np.ndarray
    name: str | None = None


@dataclasses.dataclass(frozen=True)
class Video:
    """A source of frames; iterating over it reads it from its start.

    Attributes:
        source: as it was given.
        rate: frames per second.
        announced: number of frames according to the file, or None.
        repeatable: whether it can be read again: a file or a folder.
    """

    source: str
    rate: float
    announced: int | None
    repeatable: bool

    def __iter__(self) -> Iterator[Frame]:
        """Reads the frames.

        Raises:
            VideoError: there is none.
            PhotoError: a file of a folder is damaged.
        """
        if pathlib.Path(self.source).is_dir():
            return self._of_folder()
        return self._of_file() if self.repeatable else self._live()

    def _of_folder(self) -> Iterator[Frame]:
        size = None
        for place, photo in enumerate(_photos(self.source)):
            image = photo.read()
            size = size or image.shape
            if image.shape != size:
                raise VideoError(
                    f"{photo.path}: expected a frame of {size[1]} x {size[0]} px as "
                    f"the first one, found {image.shape[1]} x {image.shape[0]}"
                )
            yield Frame(photo.image_id, place / self.rate, image, photo.name)

    def _of_file(self) -> Iterator[Frame]:
        number, last = 0, -1 / self.rate
        with _opened(self.source) as capture:
            while (image := _next(capture)) is not None:
                now = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                # Some files have no times, or the same one twice.
                last = now if now > last else last + 1 / self.rate
                yield Frame(number, last, image)
                number += 1
        if not number:
            raise VideoError(f"{self.source}: {why_unreadable(self.source)}")
        # A video of few frames may still be as long as announced.
        seconds = (self.announced or 0) / self.rate
        if max(number / self.rate, last) < ALMOST_ALL * seconds - 1 / self.rate:
            warnings.warn(
                f"{self.source}: ends after {last:.2f} of the {seconds:.2f} s that its "
                f"header announces ({number} frames): perhaps it was cut off",
                InputWarning,
                stacklevel=2,
            )

    def _live(self) -> Iterator[Frame]:
        number, start = 0, None
        with _opened(self.source) as capture:
            while (image := _next(capture)) is not None:
                now = time.monotonic()
                start = now if start is None else start
                yield Frame(number, now - start, image)
                number += 1
        if not number:
            raise VideoError(f"{self.source}: expected frames, found none")


def open_video(source: str | os.PathLike, rate: float | None = None) -> Video:
    """Looks at a source of frames.

    Args:
        source: a file, a folder, a camera's number, or an address.
        rate: frames per second of a folder; default: ``USUAL_RATE``.

    Raises:
        VideoError: it is not there, cannot be decoded, or has no frame.
        PhotoError: the first photo of a folder is damaged.
    """
    source = str(source)
    place = pathlib.Path(source)
    if place.is_dir():
        return Video(source, rate or USUAL_RATE, len(_photos(source)), True)
    live = is_live(source)
    if not live and not place.exists():
        raise VideoError(f"{source}: expected a video, found none")
    with _opened(source) as capture:
        if not live and _next(capture) is None:
            raise VideoError(f"{source}: {why_unreadable(source)}")
        found = capture.get(cv2.CAP_PROP_FPS)
        count = 0 if live else int(max(capture.get(cv2.CAP_PROP_FRAME_COUNT), 0))
    usable = 1 <= found <= 1000  # headers of some streams hold any number
    return Video(source, found if usable else USUAL_RATE, count or None, not live)


@dataclasses.dataclass(frozen=True)
class VideoFrame:
    """A frame that is decoded when it is read."""

    frames: FramesByNumber
    number: int

    def read(self) -> np.ndarray:
        """u8[H, W, 3] RGB, upright."""
        return self.frames.image(self.number)


class FramesByNumber(collections.abc.Mapping):
    """The frames of a video file by their numbers, for readers of photos by image id.

    Counts the frames, which decodes each once. Reading them in ascending order decodes
    each once more; going back starts anew.

    Raises:
        VideoError: not a video that can be decoded.
    """

    def __init__(self, source: str | os.PathLike):
        self.source = str(source)
        open_video(self.source)
        with _opened(self.source) as capture:
            self._count = 0
            while capture.grab():
                self._count += 1
        self._stream, self._next = iter(()), self._count

    def __getitem__(self, number: int) -> VideoFrame:
        if number not in range(self._count):
            raise KeyError(number)
        return VideoFrame(self, number)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._count))

    def __len__(self) -> int:
        return self._count

    def image(self, number: int) -> np.ndarray:
        """u8[H, W, 3] RGB of a frame."""
        if number < self._next:
            self._stream, self._next = iter(open_video(self.source)), 0
        for frame in self._stream:
            self._next = frame.number + 1
            if frame.number == number:
                return frame.image
        raise VideoError(f"{self.source}: frame {number}: cannot be decoded")


class VideoWriter:
    """Writes an MPEG-4 video, which OpenCV can do everywhere.

    Args:
        path: file to write, in a folder that exists.
        rate: frames per second.
        size: (width, height) px of the frames; a last odd column or row is left out.

    Raises:
        VideoError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike, rate: float, size: tuple[int, int]):
        # MPEG-4 counts time in parts of at most 1/65535 s.
        rate = round(rate, 3)
        self._rate, self._size = rate, size
        self._start, self._count, self._last = 0.0, 0, None
        code = cv2.VideoWriter_fourcc(*"mp4v")
        with quiet():
            self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, rate, size)
        if not self._writer.isOpened():
            raise VideoError(
                f"{pathlib.Path(path).name}: cannot write a video of {size[0]} x "
                f"{size[1]} px"
            )

    def write(self, image, time: float | None = None) -> None:
        """Appends a frame, and first repeats the one before it until it is time.

        So videos of a varying rate, and cameras, are played as fast as they were seen.

        Args:
            image: u8[H, W, 3] RGB; resized if it is of another size.
            time: seconds since the video began; default: the next frame's. A gap longer
                than ``LONGEST_GAP`` is left out.
        """
        if image.shape[1::-1] != self._size:  # a stream may change its size
            image = cv2.resize(image, self._size)
        if time is not None:
            place = round((time - self._start) * self._rate)
            if self._last is None or place - self._count > LONGEST_GAP * self._rate:
                self._start = time - self._count / self._rate
            while self._count < round((time - self._start) * self._rate):
                self._append(self._last)
        self._append(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def _append(self, image) -> None:
        self._writer.write(image)
        self._count, self._last = self._count + 1, image

    def close(self) -> None:
        """Completes the file."""
        self._writer.release()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *error) -> None:
        self.close()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps OpenCV and FFmpeg from printing what ``VideoError`` says."""
    os.environ.setdefault(_LOG_LEVEL, _SILENT)
    with photos.quiet():
        yield


@contextlib.contextmanager
def _opened(source: str) -> Iterator[cv2.VideoCapture]:
    live = is_live(source)
    camera = live and source.isdecimal()
    with quiet():
        if camera:
            capture = cv2.VideoCapture(int(source))
        else:
            # Without FFmpeg, OpenCV takes a name with a number for a row of pictures.
            capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            kind = "a camera" if camera else "a stream"
            why = f"expected {kind}, found none that answers"
            raise VideoError(f"{source}: {why if live else why_unreadable(source)}")
        yield capture
    finally:
        capture.release()


def _next(capture) -> np.ndarray | None:
    """u8[H, W, 3] RGB, or None at the end."""
    with quiet():
        there, image = capture.read()
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if there else None


def _photos(folder: str) -> list[photo_ids.Photo]:
    """The frames by their numbers; by their names if one has none."""
    found = photo_ids.given_photos([folder])
    if all(photo.known for photo in found):
        found.sort(key=lambda photo: photo.image_id)
    return found
