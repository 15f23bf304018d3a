"""Which names are those of videos."""

from __future__ import annotations

import os
import pathlib

SUFFIXES = (
    ".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv",
)  # fmt: skip


def is_video(source: str | os.PathLike) -> bool:
    """Whether a name is that of a video file, a camera, or a stream."""
    return is_live(source) or is_video_file(source)


def is_video_file(source: str | os.PathLike) -> bool:
    """Whether a name is that of a video file.

    Example:
        >>> is_video_file("clip.MP4"), is_video_file("photo.jpg")
        (True, False)
    """
    place = pathlib.Path(source)
    return place.suffix.lower() in SUFFIXES and not place.is_dir()


def is_live(source: str | os.PathLike) -> bool:
    """Whether a name is a camera's number or a stream's address.

    Example:
        >>> is_live("0"), is_live("rtsp://door/1"), is_live("clip.mp4")
        (True, True, False)
    """
    text = str(source)
    is_camera = text.isdecimal() and not pathlib.Path(text).exists()
    return is_camera or "://" in text
