"""Finds and follows the people of a video; writes poses, a table, and a video of them.

Each frame is read, looked at, followed, drawn, and written before the next one is read,
so memory does not grow. What the networks saw is also written to a journal. A run that
resumes reads the same frames again, but takes what was seen in them from there: so it
writes what an uninterrupted run would have written.
"""

from __future__ import annotations

import contextlib
import pathlib
import signal
import threading
from collections.abc import Callable, Iterator

from tfpose.errors import VideoError
from tfpose.inference.people import SEEN
from tfpose.inference.pose_tracker import (
    FLIP,
    SCALES,
    SEARCH_EVERY,
    People,
    PoseTracker,
    Sight,
)
from tfpose.inference.tracking import MEMORY
from tfpose.inference.video_files import (
    JOURNAL,
    RESULTS,
    Progress,
    check_out,
    writers,
)
from tfpose.io import files
from tfpose.io.journal import Journal
from tfpose.io.video import Frame, Video, open_video


def predict_video(
    model: str,
    source: str,
    out: str,
    detector: str | None = None,
    detection_score: float | None = None,
    scales=SCALES,
    flip: bool = FLIP,
    joint_score: float = SEEN,
    search_every: int = SEARCH_EVERY,
    memory: int = MEMORY,
    track: bool = True,
    smooth: bool = True,
    rate: float | None = None,
    resume: bool = False,
    on_frame: Callable[[Frame, People], None] | None = None,
) -> dict:
    """Finds and follows the people of a video and writes them.

    Writes ``video.mp4`` with the poses drawn on it, ``poses.json`` (COCO results; a
    frame's number is its image_id, and people have a track_id), and ``tracks.csv``, a
    line per person and frame. If it is interrupted (Ctrl-C), it completes the frame and
    the three files.

    Args:
        model: preset or model folder of an estimator.
        source: video file, folder of frames, camera number, or address of a stream.
        out: folder to write.
        detector: folder or file of another detector (``detectors.load_detector``).
        detection_score: drops boxes with a lower score; default: the detector's own.
        scales, flip: looks at each person, as for ``Estimator``.
        joint_score: joints with a lower score are not drawn, not counted in a pose's
            score, and neither compared nor smoothed.
        search_every, memory, track, smooth: as for ``PoseTracker``.
        rate: frames per second of a folder of frames.
        resume: go on where an interrupted run with the same arguments was.
        on_frame: called with each frame and its people.

    Returns:
        "frames"; "poses"; "people", the number of track ids; "searched", the frames in
        which the detector looked; "resumed", the frames that an earlier run had seen;
        "frames_per_second" of the others, or None; "seconds" of the video.

    Raises:
        VideoError: no video there, or none that can be read or resumed.
        FileError: ``out`` cannot be written, or there is nothing to resume.
        DetectorError: not a detector, or what it needs is not installed.
        TfposeError: not an estimator, or options that it cannot have.
        KeyboardInterrupt: after Ctrl-C, when what was found until then is written; a
            camera or stream just ends.
    """
    check_out(source, out)
    video = open_video(source, rate)
    if resume and not video.repeatable:
        raise VideoError(f"{source}: expected a file or a folder to resume, found live")
    asked = {
        "video": _identity(video), "model": str(model), "detector": detector,
        "detection_score": detection_score, "scales": list(scales), "flip": flip,
        "joint_score": joint_score, "search_every": search_every, "memory": memory,
        "track": track, "smooth": smooth, "rate": video.rate,
    }  # fmt: skip
    options = {
        "joint_score": joint_score, "search_every": search_every, "memory": memory,
        "track": track, "smooth": smooth,
    }  # fmt: skip
    tracker = PoseTracker.from_preset(
        model, detector, detection_score, scales, flip, **options
    )
    with files.holding(out), contextlib.ExitStack() as stack:
        journal = None
        if video.repeatable:
            journal = Journal(pathlib.Path(out, JOURNAL), asked, resume)
            stack.callback(journal.close)
        numbers, interrupted = _run(
            video, out, tracker, journal, resume, joint_score, on_frame
        )
        if journal is not None:
            if interrupted:
                raise KeyboardInterrupt
            journal.remove()
    return numbers


def _identity(video: Video) -> list:
    """What tells whether a source is still the same."""
    place = pathlib.Path(video.source)
    if video.repeatable and place.is_file():
        return [place.name, place.stat().st_size]
    return [place.name, video.announced]


def _run(video, out, tracker, journal, resume, joint_score, on_frame):
    """The numbers of ``predict_video``, and whether the user stopped it."""
    seen = iter(journal.steps() if resume else ())
    progress = Progress(video.announced)
    last_id, count, searched, frame = 0, 0, 0, None
    # The results come last, so that the video is already there.
    order = lambda file: file.name == RESULTS  # noqa: E731
    with (
        files.filling(out, order=order) as beside,
        _stopping() as stopped,
        contextlib.ExitStack() as stack,
    ):
        write = writers(stack, beside, tracker.skeleton, joint_score, video.rate)
        for frame in video:
            known = next(seen, None)
            if known is None:
                sight = tracker.look(frame.image)
                if journal is not None:
                    journal.append(sight.to_json())
            else:
                sight = Sight.from_json(known, len(tracker.skeleton))
            people = tracker.follow(sight, frame.time)
            write(frame, people)
            if on_frame is not None:
                on_frame(frame, people)
            last_id = max(last_id, people.track_ids.max(initial=0))
            count += len(people)
            searched += sight.searched
            progress.step(known is None)
            if stopped.is_set():
                break
    progress.end()
    return {
        "frames": progress.frames,
        "poses": count,
        "people": int(last_id),
        "searched": searched,
        "resumed": progress.frames - progress.new,
        "frames_per_second": progress.rate,
        "seconds": frame.time,
    }, stopped.is_set()


@contextlib.contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Sets an event at the first Ctrl-C; the second one interrupts as usual."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped  # only the main thread hears signals
        return

    def stop(number, place):
        stopped.set()
        signal.signal(signal.SIGINT, usual)

    usual = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, usual)
