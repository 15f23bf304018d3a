"""Frames of files, folders, cameras: their numbers and times, and what is no video."""

import contextlib
import warnings

import numpy as np
import pytest

from tests.support import clips
from tests.support.clips import Camera, number_of, picture
from tfpose import drawing
from tfpose.errors import InputWarning, PhotoError, PoseFileError, VideoError
from tfpose.io import video
from tfpose.io.video import FramesByNumber, VideoWriter, open_video
from tfpose.io.video_sources import is_live, is_video, is_video_file


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The bytes of a video of 20 numbered frames at 25 frames per second."""
    return clips.write(tmp_path_factory.mktemp("clip") / "clip.mp4")


def read(path, data=None):
    if data is not None:
        path.write_bytes(data)
    return list(open_video(path))


# --- files -----------------------------------------------------------------------


def test_frames_count_from_0_in_the_order_they_were_written(tmp_path, clip):
    frames = read(tmp_path / "clip.mp4", clip)
    assert [frame.number for frame in frames] == list(range(20))
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(20) / 25)
    red = frames[3].image[4, 4].astype(int)
    assert red[0] > 200 and red[1:].max() < 60, "RGB"
    found = open_video(tmp_path / "clip.mp4")
    assert (found.rate, found.announced, found.repeatable) == (25, 20, True)


def test_the_same_frames_give_the_same_file(tmp_path, clip):
    assert clips.write(tmp_path / "again.mp4") == clip


def test_frames_are_turned_upright_as_a_phone_says(tmp_path, clip):
    frames = read(tmp_path / "clip.mp4", clips.quarter_turn(clip))
    assert frames[5].image.shape == (64, 48, 3)
    # Clockwise: the upper left corner comes to the upper right.
    assert frames[5].image[4, -4, 0] > 200 > frames[5].image[4, 4, 0]


def test_times_follow_a_varying_rate(tmp_path, clip):
    frames = read(tmp_path / "clip.mp4", clips.stretched(clip, 3))
    steps = np.diff([frame.time for frame in frames])
    assert [frame.number for frame in frames] == list(range(20))
    np.testing.assert_allclose(steps[:9], 0.04, atol=1e-3)
    np.testing.assert_allclose(steps[11:], 0.12, atol=1e-3)


# What is wrong with a file, and what the line says about it.
FAULTS = {
    "an MP4 that was cut off": lambda data: data[: len(data) // 3],
    "an MP4 without one (perhaps sound alone)": lambda data: data.replace(
        b"vide", b"soun"
    ),
    "with the codec 'zzzz'": lambda data: data.replace(b"mp4v", b"zzzz").replace(
        b"esds", b"free"
    ),
    "an empty file": lambda data: b"",
    "a file or a codec that OpenCV cannot decode": lambda data: b"no video" * 99,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_no_video_is_one_line(tmp_path, clip, fault, capfd):
    path = tmp_path / "clip.mp4"
    path.write_bytes(FAULTS[fault](clip))
    with pytest.raises(VideoError) as error:
        open_video(path)
    assert str(error.value).startswith(f"{path}: expected a video")
    assert fault in str(error.value)


def test_an_index_that_ends_early_is_one_line(tmp_path, clip):
    place = clip.index(b"moov") + 4
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip[: place + 60])
    with pytest.raises(VideoError, match="found an MP4"):
        open_video(path)


def test_a_video_that_ends_early_says_so_and_gives_what_there_is(tmp_path):
    data = clips.write(tmp_path / "whole.avi")
    path = tmp_path / "clip.avi"
    start, end = data.index(b"movi"), data.index(b"idx1")
    path.write_bytes(data[: (start + end) // 2])
    with pytest.warns(InputWarning, match=r"clip.avi: ends after .* cut off"):
        frames = read(path)
    assert 0 < len(frames) < 20
    assert [number_of(frame.image) for frame in frames] == list(range(len(frames)))


@pytest.mark.parametrize("name", ["none.mp4", "none.txt", "none"])
def test_what_is_not_there_is_one_line(tmp_path, name):
    with pytest.raises(VideoError, match=f"{name}: expected a video, found none"):
        open_video(tmp_path / name)


# --- folders ---------------------------------------------------------------------


def test_frames_of_a_folder_have_the_numbers_of_their_names(tmp_path):
    for number in (2, 10, 9):
        drawing.write_image(tmp_path / f"frame_{number}.png", picture(number))
    frames = list(open_video(tmp_path, 10.0))
    assert [frame.number for frame in frames] == [2, 9, 10]
    assert [number_of(frame.image) for frame in frames] == [2, 9, 10]
    assert [frame.time for frame in frames] == [0.0, 0.1, 0.2]
    assert frames[0].name == "frame_2.png"


def test_an_empty_folder_is_one_line(tmp_path):
    with pytest.raises(PoseFileError, match="in the folder, found none"):
        open_video(tmp_path)


def test_a_damaged_frame_and_one_of_another_size_are_named(tmp_path):
    drawing.write_image(tmp_path / "1.png", picture(1))
    drawing.write_image(tmp_path / "2.png", picture(2)[:40])
    with pytest.raises(VideoError, match="2.png: expected a frame of 64 x 48 px"):
        read(tmp_path)
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(PhotoError, match=r"2\.png"):
        read(tmp_path)


# --- cameras and streams ---------------------------------------------------------


def test_names_say_what_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_live("0") and is_live("rtsp://door/1") and is_live("http://h/x.mp4")
    assert is_video_file("a.MOV") and is_video("a.mp4") and is_video("1")
    assert not is_video("a.jpg") and not is_video("frames") and not is_live("a.mp4")
    (tmp_path / "7").mkdir()
    (tmp_path / "old.avi").mkdir()
    assert not is_live("7") and not is_video_file("old.avi")


def test_a_camera_has_frames_in_real_time_and_cannot_be_read_again(monkeypatch):
    monkeypatch.setattr(video.cv2, "VideoCapture", Camera)
    found = open_video("0")
    assert (found.repeatable, found.announced, found.rate) == (False, None, 25.0)
    frames = list(found)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]
    times = [frame.time for frame in frames]
    assert times[0] == 0 and times == sorted(times) and times[-1] < 5
    with pytest.raises(VideoError, match="7: expected a camera, found none that ans"):
        open_video("7")
    with pytest.raises(VideoError, match="expected a stream, found none that answers"):
        open_video("rtsp://nowhere/1")


# --- by number -------------------------------------------------------------------


def test_any_frame_can_be_read_by_its_number(tmp_path, clip):
    (tmp_path / "clip.mp4").write_bytes(clip)
    frames = FramesByNumber(tmp_path / "clip.mp4")
    assert len(frames) == 20 and list(frames) == list(range(20))
    for number in (7, 7, 19, 3, 4):
        assert number_of(frames[number].read()) == number
    assert 19 in frames and 20 not in frames and -1 not in frames


# --- writing ---------------------------------------------------------------------


def test_frames_are_repeated_until_it_is_time_for_the_next(tmp_path):
    clips.write(tmp_path / "a.mp4", 3, times=[5.0, 5.04, 5.2])
    assert [number_of(frame.image) for frame in read(tmp_path / "a.mp4")] == [
        0, 1, 1, 1, 1, 2,
    ]  # fmt: skip


def test_long_gaps_are_left_out_and_later_times_still_count(tmp_path):
    clips.write(tmp_path / "a.mp4", 4, times=[0.0, 9999.0, 9999.04, 9999.12])
    assert [number_of(frame.image) for frame in read(tmp_path / "a.mp4")] == [
        0, 1, 2, 2, 3,
    ]  # fmt: skip


def test_frames_of_another_size_are_resized(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25, (64, 48)) as writer:
        writer.write(picture(3))
        writer.write(np.zeros((96, 128, 3), np.uint8))
    assert [frame.image.shape for frame in read(tmp_path / "a.mp4")] == [
        (48, 64, 3)
    ] * 2


def test_a_video_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(VideoError, match="a.mp4: cannot write a video of 64 x 48 px"):
        VideoWriter(tmp_path / "none" / "a.mp4", 25, (64, 48))


def test_a_whole_video_gives_no_warning(tmp_path, clip):
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error")
        assert len(read(tmp_path / "clip.mp4", clip)) == 20
