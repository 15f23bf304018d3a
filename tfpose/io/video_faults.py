"""Says in one line why a file is no video that can be decoded."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from tfpose.errors import VideoError, shown

# Bytes of the largest index of an MP4 that is looked at.
MOST_INDEX = 1 << 26


def why_unreadable(path: str | os.PathLike) -> str:
    """What was expected, and what was found, of a file that OpenCV does not decode.

    Raises:
        VideoError: the file cannot be read at all.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(12)
            boxes = dict(_boxes(file)) if head[4:8] == b"ftyp" else None
    except OSError as error:
        raise VideoError(f"{path}: expected a video, found {error.strerror}") from error
    if not head:
        return "expected a video, found an empty file"
    if boxes is None:
        return "expected a video, found a file or a codec that OpenCV cannot decode"
    if b"moov" not in boxes:
        return "expected a video, found an MP4 that was cut off: it has no index (moov)"
    index = boxes[b"moov"]
    if b"vide" not in index:
        return "expected a video, found an MP4 without one (perhaps sound alone)"
    start = index.find(b"stsd")
    code = index[start + 16 : start + 20] if start >= 0 else b""
    return (
        "expected a video that OpenCV can decode, found an MP4 with the codec "
        f"{shown(code.decode('latin-1'))}, or a damaged one"
    )


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The kinds and contents of an MP4's outermost boxes; only an index's content."""
    file.seek(0)
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        left = size - 8
        if size == 1:  # the size follows in 64 bits
            long = file.read(8)
            left = struct.unpack(">Q", long)[0] - 16 if len(long) == 8 else -1
        content = file.read(min(left, MOST_INDEX)) if kind == b"moov" else b""
        yield kind, content
        if left < 0 or (kind == b"moov" and len(content) < left):
            return  # damaged, the last box, or cut off
        file.seek(left - len(content), os.SEEK_CUR)
