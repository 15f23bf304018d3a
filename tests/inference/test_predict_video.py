"""tfpose predict of a video: its files, Ctrl-C, resuming; and refining its poses."""

import csv
import json
import signal

import numpy as np
import pytest

from tests.support import clips
from tests.support.clips import Camera, World, number_of, picture
from tfpose import cli, drawing
from tfpose.errors import FileError, VideoError
from tfpose.inference import predict_video as predictions
from tfpose.inference.pose_tracker import PoseTracker
from tfpose.inference.predict_video import predict_video
from tfpose.inference.video_files import JOURNAL, Progress
from tfpose.io.video import open_video

NAMES = ["poses.json", "tracks.csv", "video.mp4"]


def walkers(number):
    """One walks in all frames, one stands there from frame 5 to 14."""
    return [(2.0 + number, 10.0)] + [(44.0, 16.0)] * (5 <= number < 15)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    clips.write(path)
    return path


@pytest.fixture
def world(monkeypatch):
    """Who is in the clip; a run's networks ask it."""
    made = World(walkers)

    def of_world(model, detector, detection_score, scales, flip, **options):
        return PoseTracker(made, made.detect, **options)

    monkeypatch.setattr(predictions.PoseTracker, "from_preset", of_world)
    return made


def run(source, out, **options):
    return predict_video("world", str(source), str(out), **options)


def stop_at(frame_number):
    """Presses Ctrl-C in a frame."""

    def on_frame(frame, people):
        if frame.number == frame_number:
            signal.raise_signal(signal.SIGINT)

    return on_frame


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def records(folder):
    return json.loads((folder / "poses.json").read_text())


# --- what is written -------------------------------------------------------------


def test_everybody_is_written_with_frame_numbers_and_track_ids(tmp_path, clip, world):
    numbers = run(clip, tmp_path / "out", search_every=5)
    assert numbers["frames"] == 20 and numbers["poses"] == 30
    assert numbers["people"] == 2 and numbers["resumed"] == 0
    found = {(one["image_id"], one["track_id"]) for one in records(tmp_path / "out")}
    assert found == {(n, 1) for n in range(20)} | {(n, 2) for n in range(5, 15)}
    last = records(tmp_path / "out")[-1]
    points = np.reshape(last["keypoints"], (14, 3))
    np.testing.assert_allclose(points[:, :2], world.poses(19)[0], atol=1.5)
    assert last["score"] == pytest.approx(0.8 * 0.9) and last["time"] == 0.76
    assert sorted(content(tmp_path / "out")) == NAMES


def test_the_table_says_the_same_as_the_poses(tmp_path, clip, world):
    run(clip, tmp_path / "out", search_every=5)
    with open(tmp_path / "out" / "tracks.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    entries = records(tmp_path / "out")
    assert len(rows) == len(entries) == 30
    joint = world.skeleton.joints[3]
    for row, entry in zip(rows, entries, strict=True):
        assert int(row["frame"]) == entry["image_id"]
        assert int(row["track_id"]) == entry["track_id"]
        x, y, score = entry["keypoints"][9:12]
        names = (f"{joint}_x", f"{joint}_y", f"{joint}_score", "box_left")
        found = [float(row[name]) for name in names]
        assert found == pytest.approx([x, y, score, entry["bbox"][0]], abs=1e-3)


def test_the_video_shows_each_frame_with_its_people(tmp_path, clip, world):
    run(clip, tmp_path / "out")
    before = list(open_video(clip))
    after = list(open_video(tmp_path / "out" / "video.mp4"))
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        changed = np.abs(one.image.astype(int) - other.image).max(2) > 60
        left, top = world.poses(one.number)[0].min(0).astype(int)
        assert changed[top : top + 24, left : left + 12].mean() > 0.3
        assert changed[:8].mean() < 0.1


def test_a_folder_of_frames_keeps_its_numbers_and_names(tmp_path, world):
    for number in (8, 9, 10):
        drawing.write_image(tmp_path / "in" / f"f{number}.png", picture(number))
    run(tmp_path / "in", tmp_path / "out", rate=10.0)
    first, *_, last = records(tmp_path / "out")
    assert (first["image_id"], first["file_name"], first["time"]) == (8, "f8.png", 0.0)
    assert (last["image_id"], last["time"]) == (10, 0.2)


def test_nobody_in_a_video_is_an_empty_list_and_a_table_without_rows(tmp_path, clip,
                                                                    world):  # fmt: skip
    world.people = lambda number: []
    numbers = run(clip, tmp_path / "out")
    assert records(tmp_path / "out") == [] and numbers["people"] == 0
    assert len((tmp_path / "out" / "tracks.csv").read_text().splitlines()) == 1
    assert len(list(open_video(tmp_path / "out" / "video.mp4"))) == 20


def test_without_tracking_nobody_has_a_track_id(tmp_path, clip, world):
    run(clip, tmp_path / "out", track=False)
    assert all("track_id" not in entry for entry in records(tmp_path / "out"))
    assert len(world.searched) == 20


# --- interrupted, resumed ---------------------------------------------------------


def test_ctrl_c_leaves_whole_files_of_the_frames_until_then(tmp_path, clip, world):
    with pytest.raises(KeyboardInterrupt):
        run(clip, tmp_path / "out", on_frame=stop_at(7))
    assert {one["image_id"] for one in records(tmp_path / "out")} == set(range(8))
    assert len(list(open_video(tmp_path / "out" / "video.mp4"))) == 8
    assert sorted(content(tmp_path / "out")) == sorted([*NAMES, JOURNAL])


@pytest.mark.parametrize("stop", [0, 7, 19])
def test_a_resumed_run_writes_what_an_uninterrupted_one_does(tmp_path, clip, world,
                                                             stop):  # fmt: skip
    run(clip, tmp_path / "whole")
    world.estimated.clear()
    with pytest.raises(KeyboardInterrupt):
        run(clip, tmp_path / "out", on_frame=stop_at(stop))
    numbers = run(clip, tmp_path / "out", resume=True)
    assert numbers["resumed"] == stop + 1
    assert world.estimated == list(range(20)), "each frame once"
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_run_that_was_killed_is_resumed_from_its_journal(tmp_path, clip, world):
    run(clip, tmp_path / "whole")

    def fail(frame, people):
        if frame.number == 9:
            raise MemoryError

    with pytest.raises(MemoryError):
        run(clip, tmp_path / "out", on_frame=fail)
    assert list(content(tmp_path / "out")) == [JOURNAL]
    with open(tmp_path / "out" / JOURNAL, "ab") as file:
        file.write(b"[[[1.0")  # killed in the middle of a line
    assert run(clip, tmp_path / "out", resume=True)["resumed"] == 10
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_only_the_same_run_is_resumed(tmp_path, clip, world):
    with pytest.raises(FileError, match="to resume, found no such file"):
        run(clip, tmp_path / "out", resume=True)
    with pytest.raises(KeyboardInterrupt):
        run(clip, tmp_path / "out", on_frame=stop_at(3))
    with pytest.raises(FileError, match="had search_every 5, found 3: resume it with"):
        run(clip, tmp_path / "out", resume=True, search_every=3)
    other = tmp_path / "other.mp4"
    clips.write(other, 12)
    with pytest.raises(FileError, match="had video .*: resume it with the same"):
        run(other, tmp_path / "out", resume=True)
    assert run(clip, tmp_path / "out", resume=True)["resumed"] == 4


def test_a_finished_run_leaves_what_was_in_its_folder(tmp_path, clip, world):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    run(clip, tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == sorted(["notes.txt", *NAMES])


def test_ctrl_c_is_the_end_of_a_camera(tmp_path, world, monkeypatch):
    monkeypatch.setattr("tfpose.io.video.cv2.VideoCapture", Camera)
    numbers = run("0", tmp_path / "out", on_frame=stop_at(1))
    assert numbers["frames"] == 2 and sorted(content(tmp_path / "out")) == NAMES
    with pytest.raises(VideoError, match="0: expected a file or a folder to resume"):
        run("0", tmp_path / "out", resume=True)


# --- what cannot be used -----------------------------------------------------------


def test_results_do_not_come_among_the_frames_or_into_a_file(tmp_path, world):
    drawing.write_image(tmp_path / "in" / "1.png", picture(1))
    with pytest.raises(VideoError, match="expected a folder other than the frames'"):
        run(tmp_path / "in", tmp_path / "in")
    with pytest.raises(VideoError, match="expected a folder for the poses and the vid"):
        run(tmp_path / "in", tmp_path / "poses.json")


@pytest.mark.parametrize(
    "words, expected",
    [
        ("--boxes {clip}", "--boxes: expected photos, found a video; leave it out"),
        ("--single", "--single: expected photos, found a video"),
        ("--refine posefix_tiny_lsp", "then run tfpose refine --images VIDEO"),
        (
            "--images {clip}",
            "expected one video, folder of frames, camera, or stre",
        ),
        ("--search-every 0", "--search-every: expected a positive number, found 0"),
        ("--memory -1", "--memory: expected frames, found -1"),
        ("--fps 5", "--fps: expected a folder of frames"),
        ("--resume", "expected an interrupted run to resume, found no unfinished.jso"),
        ("--joint-score 2", "--joint-score: expected 0 to 1, found 2"),
        ("--model posefix_tiny_lsp", "expected an estimator, found the refiner"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, clip, words, expected, capsys):
    words = words.format(clip=clip).split()
    out = ["--out", str(tmp_path / "out")]
    assert cli.main(["predict", str(clip), *out, *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line
    assert not (tmp_path / "out").exists()


# --- progress ----------------------------------------------------------------------


def test_progress_shows_speed_and_time_left(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("tfpose.inference.video_files.time.monotonic", lambda: now[0])
    progress = Progress(200)
    assert progress.rate is None and progress.line() == "0/200 frames"
    for _ in range(20):  # of an earlier run, in no time
        progress.step(False)
    progress.step(True)  # builds the graph
    for _ in range(79):
        now[0] += 0.5
        progress.step(True)
    assert progress.line() == "100/200 frames, 2.0 frames/s, 0:50 left"
    live = Progress(None)
    live.step(True)
    assert live.line() == "1 frames"


# --- a network ---------------------------------------------------------------------


@pytest.mark.slow
def test_poses_of_a_video_are_refined_by_its_frames(tmp_path, clip, world, capsys):
    run(clip, tmp_path / "out")
    poses, out = tmp_path / "out" / "poses.json", tmp_path / "refined.json"
    words = ["refine", "--images", str(clip), "--poses", str(poses), "--out", str(out)]
    assert cli.main([*words, "--model", "posefix_tiny_lsp"]) == 0
    assert "refined 30 of 30 poses" in capsys.readouterr().out
    before, after = json.loads(poses.read_text()), json.loads(out.read_text())
    assert [one["track_id"] for one in after] == [one["track_id"] for one in before]
    assert before[0]["keypoints"] != after[0]["keypoints"]
    entry = {**before[0], "image_id": 20}
    poses.write_text(json.dumps([entry]))
    assert cli.main([*words, "--model", "posefix_tiny_lsp"]) == 2
    assert "image_id 20" in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_finds_and_follows_the_dots_of_a_video(tmp_path, monkeypatch):
    from tests.support import dot_model
    from tfpose.inference.estimator import Estimator
    from tfpose.io.video import VideoWriter

    path = tmp_path / "dots.mp4"
    with VideoWriter(path, 25, (dot_model.WIDTH, dot_model.HEIGHT)) as writer:
        for number in range(8):
            writer.write(dot_model.draw(dot_model.JOINTS + [number, 0]))
    estimator = Estimator(dot_model.build(), dot_model.DOTS, (1.0,), False)
    box = np.float32([[40, 10, 84, 96]]), np.ones(1, np.float32)

    def of_dots(*given, **options):
        return PoseTracker(estimator, lambda photo: box, **options)

    monkeypatch.setattr(predictions.PoseTracker, "from_preset", of_dots)
    numbers = run(path, tmp_path / "out", smooth=False, search_every=10)
    assert (numbers["people"], numbers["poses"], numbers["searched"]) == (1, 8, 1)
    for number, entry in enumerate(records(tmp_path / "out")):
        points = np.reshape(entry["keypoints"], (3, 3))[:, :2]
        np.testing.assert_allclose(points, dot_model.JOINTS + [number, 0], atol=2)


def test_pictures_are_told_apart(clip):
    assert [number_of(frame.image) for frame in open_video(clip)] == list(range(20))
