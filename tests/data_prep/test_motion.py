"""Rendered videos: who moves how, and labels that stay true in every frame."""

import dataclasses
import json

import numpy as np
import pytest

from data_prep.synthetic_people import motion
from data_prep.synthetic_people.motion import MOVERS, body_at, place_at, speed
from tfpose.io import coco
from tfpose.io.video import open_video

WALKER, WAVER, _ = MOVERS
SMALL = (120, 160)


def in_world(mover, joint, time):
    placed = motion.placed_at(0, 1, mover, time)
    return placed.to_world(placed.body.joints[joint])


def test_a_walker_goes_to_and_fro_at_one_speed():
    times = np.arange(0, 20, 0.04)
    places = np.array([place_at(WALKER, time)[0] for time in times])
    reach = [WALKER.center - WALKER.reach, WALKER.center + WALKER.reach]
    np.testing.assert_allclose([places.min(), places.max()], reach, atol=0.06)
    steps = np.abs(np.diff(places)) / 0.04
    assert np.median(steps) == pytest.approx(speed(WALKER))
    assert steps.max() < 1.001 * speed(WALKER)


def test_a_walker_looks_where_the_way_leads():
    for time in (1.0, 3.5):
        ahead = place_at(WALKER, time + 0.1)[0] - place_at(WALKER, time)[0]
        assert place_at(WALKER, time)[1] == pytest.approx(90 * np.sign(ahead))


def test_the_standing_foot_slides_less_than_the_walker_walks():
    long_way = dataclasses.replace(WALKER, reach=50.0)
    times = np.arange(0, motion.STRIDE, 0.04)
    ankles = np.array([
        [in_world(long_way, f"{side}_ankle", time)[0] for time in times]
        for side in ("left", "right")
    ])  # fmt: skip
    slowest = np.abs(np.diff(ankles, axis=1)).min(axis=0) / 0.04
    assert np.median(slowest) < 0.5 * speed(long_way)


def test_only_the_arm_of_one_who_waves_moves():
    one, other = (body_at(WAVER, time).joints for time in (0.1, 0.35))
    moved = {name for name in one if np.abs(one[name] - other[name]).max() > 1e-9}
    assert moved == {"left_wrist", "left_hand"}


def test_bones_keep_their_lengths():
    for time in np.arange(0, 2, 0.3):
        joints = body_at(WALKER, time).joints
        for upper, lower, bone in (
            ("hip", "knee", "thigh"),
            ("knee", "ankle", "shank"),
        ):
            length = np.linalg.norm(joints[f"left_{upper}"] - joints[f"left_{lower}"])
            assert length == pytest.approx(motion.BONES[bone] * WALKER.stature)


@pytest.mark.slow
def test_a_written_clip_has_the_truth_of_each_frame(tmp_path):
    clip, truth = motion.write_clip(tmp_path / "a", frames=3, size=SMALL)
    people = coco.read_annotations(truth)
    frames = list(open_video(clip))
    assert [frame.number for frame in frames] == list(people.images) == [0, 1, 2]
    for entry in people.entries:
        assert entry["track_id"] in (1, 2, 3) and entry["head_size"] > 2
    data = json.loads(truth.read_text())
    again = motion.write_clip(tmp_path / "b", frames=3, size=SMALL)
    assert json.loads(again[1].read_text()) == data
    assert again[0].read_bytes() == clip.read_bytes()
    # Who stands there does not move, but for the grain.
    waver = [row for row, e in enumerate(people.entries) if e["track_id"] == 2]
    hips = people.keypoints[waver][:, people.skeleton.index("left_hip")]
    np.testing.assert_allclose(hips, np.tile(hips[:1], (3, 1)))
    corners = [frame.image[:20, :20].astype(float) for frame in frames]
    change = np.abs(corners[0] - corners[1])
    assert 0 < change.mean() < 3 * motion.GRAIN
