"""What is written of a video's people: poses, a table, a video; and the progress."""

from __future__ import annotations

import csv
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from tfpose import drawing
from tfpose.errors import VideoError
from tfpose.inference.pose_tracker import People
from tfpose.inference.tracking import NOBODY
from tfpose.io.coco_records import DECIMALS, result_entry
from tfpose.io.video import Frame, VideoWriter
from tfpose.skeletons import Skeleton

# What is written into the folder. The journal is there only while a run is unfinished.
RESULTS, TABLE, PICTURES = "poses.json", "tracks.csv", "video.mp4"
JOURNAL = "unfinished.jsonl"


def check_out(source: str, out: str) -> None:
    """Raises FileError if the results would be put among the frames, or in a file."""
    place = pathlib.Path(out)
    if place.suffix == ".json":
        raise VideoError(
            f"{out}: expected a folder for the poses and the video, found a file's name"
        )
    if place.resolve() == pathlib.Path(source).resolve():
        raise VideoError(f"{out}: expected a folder other than the frames'")


def writers(
    stack, folder, skeleton: Skeleton, joint_score: float, rate: float
) -> Callable[[Frame, People], None]:
    """A function that appends a frame and its people to all three files.

    ``stack`` completes them.
    """
    results = stack.enter_context(open(folder / RESULTS, "w", encoding="utf-8"))
    table = stack.enter_context(open(folder / TABLE, "w", encoding="utf-8", newline=""))
    results.write("[")
    stack.callback(results.write, "\n]\n")
    rows = csv.writer(table)
    rows.writerow(_columns(skeleton))
    pictures: list[VideoWriter] = []
    first = True

    def write(frame: Frame, people: People) -> None:
        nonlocal first
        picture = drawn(frame.image, people, skeleton, joint_score)
        if not pictures:
            size = picture.shape[1::-1]
            pictures.append(
                stack.enter_context(VideoWriter(folder / PICTURES, rate, size))
            )
        pictures[0].write(picture, frame.time)
        for entry in entries(frame, people, joint_score):
            results.write("\n" if first else ",\n")
            results.write(json.dumps(entry, allow_nan=False))
            rows.writerow(_row(frame, entry))
            first = False

    return write


def entries(frame: Frame, people: People, joint_score: float) -> Iterator[dict]:
    """The results records of a frame's people, in the order of their track ids."""
    for row in people.track_ids.argsort(kind="stable"):
        scores = people.scores[row]
        mean = float((scores * (scores >= joint_score)).mean())
        extra = {"bbox": [round(float(side), DECIMALS) for side in people.boxes[row]]}
        if people.track_ids[row] != NOBODY:
            extra["track_id"] = int(people.track_ids[row])
        extra["time"] = round(frame.time, 6)
        if frame.name is not None:
            extra["file_name"] = frame.name
        score = float(people.box_scores[row]) * mean
        yield result_entry(frame.number, people.keypoints[row], scores, score, **extra)


def _columns(skeleton: Skeleton) -> list[str]:
    """The table's head."""
    joints = [
        f"{joint}_{part}" for joint in skeleton.joints for part in ("x", "y", "score")
    ]
    box = ("box_left", "box_top", "box_width", "box_height")
    return ["frame", "time_s", "track_id", "score", *box, *joints]


def _row(frame: Frame, entry: dict) -> list:
    """A line of the table."""
    joints = [round(number, DECIMALS) for number in entry["keypoints"]]
    first = frame.number, entry["time"], entry.get("track_id", "")
    return [*first, round(entry["score"], DECIMALS), *entry["bbox"], *joints]


def drawn(image, people: People, skeleton: Skeleton, joint_score: float) -> np.ndarray:
    """u8[H, W, 3]: a frame with its people's poses and track ids."""
    picture = image
    for row, one in enumerate(people.track_ids.tolist()):
        color = drawing.PEOPLE[max(one, 0) % len(drawing.PEOPLE)]
        box = people.boxes[row]
        # Thin limbs for small people, or they would hide the person.
        width = max(1, round(min(max(box[2:]) / 60, min(image.shape[:2]) / 160)))
        name = "" if one == NOBODY else str(one)
        picture = drawing.draw_box(picture, box, name, color)
        seen = people.scores[row] >= joint_score
        picture = drawing.draw_pose(
            picture, people.keypoints[row], seen, skeleton, color, width
        )
    return picture


class Progress:
    """Counts frames; on a terminal, shows how many, how fast, and the time left.

    Attributes:
        frames: number of frames.
        new: those that were looked at; the others came from an earlier run.
    """

    def __init__(self, total: int | None):
        self.total, self.frames, self.new = total, 0, 0
        self._start = time.monotonic()
        self._shown = os.environ.get("TERM") != "dumb" and sys.stderr.isatty()

    @property
    def rate(self) -> float | None:
        """New frames per second."""
        # The first one builds the graph.
        return (self.new - 1) / self._passed() if self.new > 1 else None

    def _passed(self) -> float:
        return max(time.monotonic() - self._start, 1e-9)

    def step(self, new: bool) -> None:
        """Counts a frame."""
        self.frames += 1
        self.new += new
        if self.new <= 1:
            self._start = time.monotonic()
        if self._shown:
            print(f"\r{self.line():<60}", end="", file=sys.stderr, flush=True)

    def line(self) -> str:
        """Such as "120/300 frames, 8.1 frames/s, 0:22 left"."""
        of = f"/{self.total}" if self.total else ""
        text = f"{self.frames}{of} frames"
        rate = self.rate
        if rate is None:
            return text
        text += f", {rate:.1f} frames/s"
        if self.total is None:
            return text
        minutes, seconds = divmod(round(max(self.total - self.frames, 0) / rate), 60)
        return f"{text}, {minutes}:{seconds:02d} left"

    def end(self) -> None:
        """Ends the line."""
        if self._shown:
            print(file=sys.stderr)
