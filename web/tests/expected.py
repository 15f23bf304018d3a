"""What Python says about photos and the page must say too.

    python web/tests/expected.py

writes, beside this file, the example photos without the losses of another JPEG decoder
(``1000.png``); a video and a camera's pictures in which somebody walks (``walk.webm``,
``camera.mjpeg``); and ``expected.json``: the people that the package finds in the
photos, and how it follows poses that move.
"""

from __future__ import annotations

import json
import os
import pathlib

import cv2
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parent / "public" / "models"
# With a dozen people, three, and two.
PHOTOS = ("000000001000.jpg", "000000511599.jpg", "000000397133.jpg")


def triples(keypoints, scores) -> list:
    """[N, K, 3]: x, y and score, as the page has them."""
    return np.concatenate([keypoints, scores[..., None]], axis=-1).tolist()


def distinct(photo, boxes, sure, keypoints, scores, skeleton):
    """The poses that ``tfpose predict`` keeps."""
    from tfpose.inference.people import SEEN, Candidate
    from tfpose.inference.rules import Rules

    people = [Candidate(photo, *one) for one in zip(boxes, sure, strict=True)]
    rules = Rules(SEEN, (256, 256))
    return rules.distinct(people, keypoints, scores, skeleton, sure=False)[1:]


def searched(photo, detectors, fast, accurate, refiner) -> dict:
    """The people of one photo, in each of the page's ways."""
    found = {}
    for name, estimator in (("fast", fast), ("accurate", accurate)):
        boxes, sure = detectors[name](photo)
        poses = estimator(photo, boxes)
        poses = distinct("photo", boxes, sure, *poses, estimator.skeleton)
        found[name] = {
            "boxes": boxes.tolist(),
            "box_scores": sure.tolist(),
            "poses": triples(*poses),
        }
    found["refined"] = triples(*refiner(photo, *poses))
    return found


def boxed(photo, estimator, refiner) -> dict:
    """A box that the keyboard made, and a pose without one of its joints."""
    height, width = photo.shape[:2]
    step = max(height, width) / 50
    # Enter, 5 times left, 5 times Shift and down.
    box = [width / 4 - 5 * step, height / 4, width / 2, height / 2 + 5 * step]
    keypoints, scores = estimator(photo, [box])
    without_one = scores.copy()
    without_one[:, 3] = 0
    return {
        "found": triples(keypoints, scores),
        "given": triples(keypoints, without_one),
        "refined": triples(*refiner(photo, keypoints, without_one)),
    }


def followed(skeleton) -> list[dict]:
    """Frames of people who walk, cross, and leave: what is seen, and what follows."""
    from tfpose.inference.pose_tracker import PoseTracker, Sight

    class Known:
        def __init__(self):
            self.skeleton = skeleton

    random = np.random.default_rng(7)
    bodies = random.uniform(0, 60, (3, len(skeleton), 2)) + [[[50, 80]]]
    starts, steps = np.array([[0, 0], [260, 10], [130, 200]]), [[6, 0], [-6, 0], [0, 1]]
    tracker, frames = PoseTracker(Known(), detect=lambda photo: None), []
    for frame in range(40):
        there = [0, 1, 2] if not 10 < frame < 16 else [0, 2]
        there = [one for one in there if one < 2 or frame < 25]
        keypoints = bodies + (starts + np.multiply(steps, frame))[:, None]
        keypoints = keypoints + random.normal(0, 1, keypoints.shape)
        scores = random.uniform(0.2, 1, keypoints.shape[:2])
        boxes = np.concatenate([keypoints.min(1), np.ptp(keypoints, axis=1)], axis=1)
        arrays = (boxes, np.full(3, 0.9), keypoints, scores)
        sight = Sight(*(np.float32(array[there]) for array in arrays), True)
        people = tracker.follow(sight, frame / 25)
        frames.append(
            {
                "boxes": sight.boxes.tolist(),
                "poses": triples(sight.keypoints, sight.scores),
                "ids": people.track_ids.tolist(),
                "smoothed": people.keypoints.tolist(),
            }
        )
    return frames


def resized() -> list[dict]:
    """Windows that the detector would have larger or smaller: each of its rules."""
    from tfpose.inference import person_detector

    random, cases = np.random.default_rng(5), []
    sizes = (29, 40, 7), (30, 40, 10), (20, 20, 10), (9, 40, 16), (1, 5, 3)
    for height, width, side in sizes:
        photo = random.integers(0, 256, (height, width, 3), np.uint8)
        answer = person_detector.resized(photo, side, side).ravel().tolist()
        cases.append({"side": side, "photo": photo.tolist(), "resized": answer})
    return cases


def walk(photo) -> None:
    """Writes a window that moves over the cook, as a video and as a camera sees it."""
    frames = [
        np.ascontiguousarray(photo[20:340, left : left + 320, ::-1])
        for left in range(250, 310, 6)
    ]
    kind = cv2.VideoWriter_fourcc(*"VP80")
    video = cv2.VideoWriter(str(HERE / "walk.webm"), kind, 15, (320, 320))
    for frame in frames:
        video.write(frame)
    video.release()
    pictures = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]
    (HERE / "camera.mjpeg").write_bytes(b"".join(pictures))


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from tfpose.edge.predictor import Predictor
    from tfpose.inference.estimator import Estimator
    from tfpose.inference.person_detector import WHOLE, PersonDetector
    from tfpose.io import examples, photos

    about = json.loads((MODELS / "models.json").read_text())
    fast = Predictor.load(MODELS / about["estimator"]["file"])
    run = fast._network  # the page's estimator takes whole numbers as float32
    fast._network = lambda inputs: run({"image": np.float32(inputs["image"])})
    refiner = Predictor.load(MODELS / about["refiner"]["file"])
    accurate = Estimator.from_preset(about["estimator"]["about"]["name"])
    detectors = {"fast": PersonDetector(looks=(WHOLE,)), "accurate": PersonDetector()}
    expected = {"photos": {}, "followed": followed(fast.skeleton)}
    expected["resized"] = resized()
    for name in PHOTOS:
        photo = photos.read(examples.FOLDER / name)
        kept = f"{int(pathlib.Path(name).stem)}.png"
        cv2.imwrite(str(HERE / kept), photo[..., ::-1])
        expected["photos"][kept] = searched(photo, detectors, fast, accurate, refiner)
        if name == PHOTOS[-1]:
            walk(photo)
        if name == PHOTOS[0]:
            expected["boxed"] = boxed(photo, fast, refiner)
    (HERE / "expected.json").write_text(json.dumps(expected))
    print(f"wrote {HERE / 'expected.json'}")


if __name__ == "__main__":
    main()
