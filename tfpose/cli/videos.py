"""``tfpose predict`` for a video: its options, checks, and report."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from tfpose.cli import checks
from tfpose.cli.common import (
    option,
    start_litert,
    start_tensorflow,
    switch,
    write_numbers,
)
from tfpose.errors import FileError, TfposeError, VideoError
from tfpose.io.video_sources import is_live, is_video, is_video_file

# The options of ``add_options``, as ``run`` gets them.
OPTIONS = (
    "video", "search_every", "memory", "no_tracking", "no_smoothing", "fps", "resume"
)  # fmt: skip
# What to do instead of options that videos do not have.
INSTEAD = {
    "boxes": "leave it out: people are searched for",
    "annotations": "leave it out: frames have their numbers",
    "single": "leave it out: people are searched for",
    "refine": "then run tfpose refine --images VIDEO --poses OUT/poses.json",
}


def add_options(command) -> None:
    """Adds the options that only videos have."""
    of_video = command.add_argument_group("videos")
    text = "the photos of the folder are the frames of a video, in order; video files, "
    text += "cameras (0, 1, ...) and addresses (rtsp://...) need no flag"
    switch(of_video, "--video", text)
    text = "search every N-th frame for people, the frame after somebody was lost, and "
    text += "all frames while nobody is there"
    option(of_video, "--search-every", "N", text, type=int, default=5)
    text = "how many frames somebody out of sight is remembered"
    option(of_video, "--memory", "N", text, type=int, default=30)
    text = "search every frame and follow nobody: no track_id, no smoothing"
    switch(of_video, "--no-tracking", text)
    switch(of_video, "--no-smoothing", "leave the joints as they were estimated")
    text = "frames per second of a folder (default: 25)"
    option(of_video, "--fps", "N", text, type=float)
    text = "go on where an interrupted run with the same options was"
    switch(of_video, "--resume", text)


def is_wanted(given: Sequence[str], video: bool) -> bool:
    """Whether a video is to be predicted.

    Raises:
        VideoError: a video beside something else.
    """
    if not video and not any(map(is_video, given)):
        return False
    if len(given) != 1:
        raise VideoError(
            f"predict: expected one video, folder of frames, camera, or stream, found "
            f"{len(given)} things ({', '.join(given[:4])})"
        )
    return True


def run(
    source, out, json, looks, chosen, model, detector, detection_score, joint_score,
    **of_photos,
) -> None:  # fmt: skip
    """Finds and follows the people of a video.

    Args:
        source: file, folder, camera, or address.
        looks: the scales and the flip that were asked for, if any.
        chosen: the values of ``OPTIONS``.
        out, json, model, detector, detection_score, joint_score: as given.
        of_photos: options that videos do not have.
    """
    _check(source, out, json, chosen, of_photos)
    checks.given(joint_score=joint_score, detection_score=detection_score)
    checks.trained(model, "estimator")
    start_tensorflow()
    start_litert()
    from tfpose.inference.predict_video import RESULTS, predict_video

    try:
        numbers = predict_video(
            model, source, out, detector, detection_score, joint_score=joint_score,
            search_every=chosen["search_every"], memory=chosen["memory"],
            track=not chosen["no_tracking"], smooth=not chosen["no_smoothing"],
            rate=chosen["fps"], resume=chosen["resume"], **looks,
        )  # fmt: skip
    except KeyboardInterrupt:
        if pathlib.Path(out, RESULTS).exists():
            print(f"wrote {out} so far; the same command with --resume goes on")
        raise
    speed = numbers["frames_per_second"]
    pace = "" if speed is None else f", {speed:.1f} frames per second"
    print(
        f"wrote {out}: {numbers['poses']} poses of {numbers['people']} people in "
        f"{numbers['frames']} frames{pace}"
    )
    write_numbers(json, numbers)


def _check(source, out, json, chosen, of_photos) -> None:
    """Fails before TensorFlow starts, if anything cannot be used."""
    for name, value in of_photos.items():
        if value not in (None, False):
            instead = INSTEAD.get(name, "leave it out")
            raise TfposeError(f"--{name}: expected photos, found a video; {instead}")
    checks.given(json=json, search_every=chosen["search_every"], fps=chosen["fps"])
    if chosen["memory"] < 0:
        raise TfposeError(f"--memory: expected frames, found {chosen['memory']}")
    place = pathlib.Path(source)
    if chosen["fps"] and not place.is_dir():
        raise TfposeError(f"--fps: expected a folder of frames, found {source}")
    if chosen["video"] and not (place.is_dir() or is_live(source)):
        if not is_video_file(source):
            raise VideoError(f"{source}: expected a video, found another file or none")
    from tfpose.inference.video_files import JOURNAL, check_out
    from tfpose.io.video import open_video

    check_out(source, out)
    checks.folder_to_write(out)
    if chosen["resume"] and not pathlib.Path(out, JOURNAL).is_file():
        raise FileError(
            f"{out}: expected an interrupted run to resume, found no {JOURNAL} in it"
        )
    open_video(source, chosen["fps"])
