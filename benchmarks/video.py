"""How fast, how right, and how steady ``tfpose predict`` is on a video.

Renders three people who walk, wave, and hide each other in 300 frames, predicts them
with and without smoothing and with a search in every frame, and scores all.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import resource
import tempfile
import time

import numpy as np

from data_prep.synthetic_people.motion import write_clip
from tfpose.inference.predict_video import predict_video
from tfpose.io import coco
from tfpose.metrics.multi_person import rates

MODEL = "movenet_thunder_coco17"
# Joints whose truth moves less than this between frames rest, px.
REST = 1e-3


RUNS = {
    "as estimated": {"smooth": False},
    "smoothed": {"smooth": True},
    "every frame searched": {"smooth": False, "search_every": 1},
}


class Meter:
    """Time of the processor and memory while a video is predicted."""

    def __init__(self):
        self.seconds, self.memory = [], {}

    def __call__(self, frame, people) -> None:
        self.seconds.append(time.process_time())
        if frame.number in (50, 299):
            status = pathlib.Path("/proc/self/status").read_text()
            resident = status.partition("VmRSS:")[2].split()[0]
            self.memory[frame.number] = int(resident) / 1024

    @property
    def per_frame(self) -> float:
        """Processor seconds of a frame; the first ones build graphs."""
        return (self.seconds[-1] - self.seconds[4]) / (len(self.seconds) - 5)


def jitter(truth: coco.Annotations, poses: list[dict]) -> np.ndarray:
    """f64[n] px: second differences of found joints whose truth rests.

    Counts joints that are right (within half a head size) in all three frames.
    """
    found: dict[int, list] = {}
    for entry in poses:
        points = np.reshape(entry["keypoints"], (-1, 3))[:, :2]
        found.setdefault(entry["image_id"], []).append(points)
    tracks: dict[int, dict] = {}
    for row, entry in enumerate(truth.entries):
        frame = int(truth.image_ids[row])
        if frame in found:
            points, visible = truth.keypoints[row], truth.visible[row] > 1
            gaps = np.linalg.norm(np.array(found[frame]) - points, axis=-1)
            # Nobody is farther than far: a joint on somebody else counts once.
            best = np.where(visible, np.minimum(gaps, 50), 0).sum(axis=1).argmin()
            right = visible & (gaps[best] < truth.head_sizes[row] / 2)
            poses_of = tracks.setdefault(entry["track_id"], {})
            poses_of[frame] = points, found[frame][best], right
    parts = [np.zeros(0)]
    for poses_of in tracks.values():
        for frame in poses_of:
            if frame - 1 not in poses_of or frame + 1 not in poses_of:
                continue
            three = [poses_of[frame + step] for step in (-1, 0, 1)]
            points, seen, right = (np.array(part) for part in zip(*three, strict=True))
            rests = (np.abs(np.diff(points, axis=0)) < REST).all(axis=(0, 2))
            second = np.linalg.norm(np.diff(seen, n=2, axis=0)[0], axis=-1)
            parts.append(second[rests & right.all(axis=0)])
    return np.concatenate(parts)


def right_joints(truth: coco.Annotations, poses: list[dict]) -> tuple[int, int, int]:
    """How many visible joints are right, right but for the side, and all of them.

    Right is within half a head size in the pose nearest to the person; right but for
    the side counts a left joint where the right one is as well.
    """
    names = list(truth.skeleton.joints)
    other = [names.index(_other_side(name)) for name in names]
    found: dict[int, list] = {}
    for entry in poses:
        points = np.reshape(entry["keypoints"], (-1, 3))[:, :2]
        found.setdefault(entry["image_id"], []).append((points, points[other]))
    right = either = 0
    for row, frame in enumerate(truth.image_ids.tolist()):
        visible = truth.visible[row] > 0
        gaps = np.array(found.get(frame, [])) - truth.keypoints[row]
        gaps = np.linalg.norm(gaps, axis=-1)[..., visible] / truth.head_sizes[row]
        if len(gaps):
            nearest = np.minimum(gaps, 3).mean(axis=-1).min(axis=-1).argmin()
            right += int((gaps[nearest, 0] < 0.5).sum())
            either += int((gaps[nearest].min(axis=0) < 0.5).sum())
    return right, either, int((truth.visible > 0).sum())


def _other_side(name: str) -> str:
    pair = ("left", "right") if "left" in name else ("right", "left")
    return name.replace(*pair)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    text = "of clothes, place, and light; all seeds walk the same way"
    parser.add_argument("--seed", type=int, default=0, help=text)
    parser.add_argument("--out", help="folder to keep (default: a temporary one)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.out or temporary)
        clip, truth_file = write_clip(folder, options.seed, options.frames)
        truth = coco.read_annotations(str(truth_file))
        for name, settings in RUNS.items():
            out, meter = folder / name.replace(" ", "_"), Meter()
            numbers = predict_video(
                MODEL, str(clip), str(out), on_frame=meter, **settings
            )
            poses = out / "poses.json"
            results, _ = coco.read_results(str(poses), truth.skeleton)
            score = rates.tracking(truth, results, 0.5, every_frame=True)
            area = rates.mean_precision(truth, results, "posetrack", 0.5)
            entries, events = json.loads(poses.read_text()), score["events"]
            shakes = jitter(truth, entries)
            right, either, joints = right_joints(truth, entries)
            print(
                f"{name}: {numbers['frames_per_second']:.1f} frames/s, "
                f"{meter.per_frame:.3f} processor s a frame, searched "
                f"{numbers['searched']}; MOTA {score['mean']:.1f}, mAP "
                f"{area['mean']:.1f}; of {events['objects']} joints "
                f"{events['misses']} missed, {events['switches']} switches, "
                f"{events['false_positives']} false; {numbers['people']} ids; right "
                f"{right} of {joints}, {either} if sides do not matter; jitter "
                f"mean {shakes.mean():.2f}, median "
                f"{np.median(shakes):.2f} px of {len(shakes)} joints at rest; memory "
                f"{meter.memory} MB, most "
                f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"
            )


if __name__ == "__main__":
    main()
