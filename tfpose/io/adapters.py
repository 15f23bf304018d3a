"""Poses that other libraries hold in memory: to arrays, and back after refinement.

None of the libraries is imported: an object only needs the attributes named below.

Coordinates are photo pixels (space I): pixel centers are integers. Ultralytics, rtmlib,
MMPose, and supervision hold coordinates as their models learned them from COCO, whose
integers are pixel centers too: nothing is shifted. MediaPipe's are shares of the
photo's sides, measured from its edge, half a pixel before the first center: they become
``x * width - 0.5``, and back ``(x + 0.5) / width``.

Example:
    >>> keypoints, scores = np.full((1, 17, 2), 9.0), np.ones((1, 17))
    >>> found = from_rtmlib((keypoints, scores))
    >>> found.skeleton.name, found.keypoints.shape
    ('coco17', (1, 17, 2))
    >>> moved, _ = found.back(found.keypoints + 1)
    >>> float(moved[0, 0, 0])
    10.0
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import numpy as np

from tfpose import skeletons
from tfpose.errors import TfposeError
from tfpose.geometry.rules import least_joints
from tfpose.io.coco_records import result_entry
from tfpose.io.shared_joints import SharedJoints
from tfpose.skeletons import Skeleton

# MediaPipe's 33 landmarks, from the person's view.
BLAZEPOSE33 = Skeleton.from_json(
    {
        "name": "blazepose33",
        "joints": (
            "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye "
            "right_eye_outer left_ear right_ear left_mouth right_mouth left_shoulder "
            "right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
            "right_pinky left_index right_index left_thumb right_thumb left_hip "
            "right_hip left_knee right_knee left_ankle right_ankle left_heel "
            "right_heel left_foot_index right_foot_index"
        ).split(),
    }
)
# Halpe's 26 and COCO-WholeBody's 133 joints begin with COCO's 17.
AFTER_COCO = (26, 133)


@dataclasses.dataclass(frozen=True)
class Found:
    """The poses that a library found in one photo.

    Attributes:
        keypoints: f64[N, K, 2], I.
        scores: f64[N, K]; 0 for a missing joint, which libraries put at (0, 0).
        skeleton: names the K joints.
        back: f[N, K, 2] I, and f[N, K] or None for the library's own scores -> a copy
            of what the library gave, with these poses.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    skeleton: Skeleton
    back: Callable

    def refined(self, refiner, photo, rescore: bool = False):
        """What the library gave, with refined poses.

        Joints that the refiner does not know by name stay, and so do poses with fewer
        than ``rules.least_joints`` that it knows.

        Args:
            refiner: ``tfpose.Refiner``, or another with its call and a ``skeleton``.
            photo: u8[H, W, 3] RGB.
            rescore: give the refiner's scores instead of the library's.
        """
        shared = SharedJoints(self.skeleton, refiner.skeleton)
        scores = shared.to_other(self.scores)
        rows = (scores != 0).sum(axis=1) >= least_joints(len(refiner.skeleton))
        known = shared.to_other(self.keypoints)
        new_scores = scores.copy()
        if rows.any():
            known[rows], new_scores[rows] = refiner(photo, known[rows], scores[rows])
        keypoints = self.keypoints.copy()
        keypoints[rows] = shared.back(known[rows], keypoints[rows])
        if not rescore:
            return self.back(keypoints, None)
        merged = self.scores.copy()
        merged[rows] = shared.back(new_scores[rows], merged[rows])
        return self.back(keypoints, merged)

    def entries(self, image_id: int) -> list[dict]:
        """COCO results records, for a file; a pose's score is the joints' mean."""
        return [
            result_entry(image_id, keypoints, scores, float(scores.mean()))
            for keypoints, scores in zip(self.keypoints, self.scores, strict=True)
        ]


def from_ultralytics(result, skeleton: Skeleton | None = None) -> Found:
    """The poses of one Ultralytics ``Results``, of a model with the task "pose".

    Args:
        result: one item of what the model returns; reads ``keypoints.data`` [N, K, 2 or
            3].
        skeleton: of a model that was trained on other joints than COCO's.

    Raises:
        TfposeError: no poses, or unknown joints.
    """
    points = getattr(result, "keypoints", None)
    if points is None:
        raise TfposeError("Ultralytics: expected a result with keypoints, found none")
    data = _array(points.data, "Ultralytics' keypoints.data")

    def back(keypoints, scores=None):
        changed = data.copy()
        changed[..., :2] = keypoints
        if scores is not None and data.shape[-1] == 3:
            changed[..., 2] = scores
        other = copy.copy(result)
        other.keypoints = type(points)(_like(points.data, changed), points.orig_shape)
        return other

    scores = data[..., 2] if data.ndim == 3 and data.shape[-1] == 3 else None
    return _found(data[..., :2], scores, skeleton, back, "Ultralytics")


def from_rtmlib(answer, skeleton: Skeleton | None = None) -> Found:
    """The poses of rtmlib: the tuple (keypoints [N, K, 2], scores [N, K]).

    Args:
        answer: of ``Body``, ``Wholebody``, and so on, without ``to_openpose``.
        skeleton: of other joints than COCO's, Halpe's, or COCO-WholeBody's.

    Raises:
        TfposeError: not such a tuple, or unknown joints.
    """
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TfposeError(
            f"rtmlib: expected (keypoints, scores), found {type(answer).__name__}"
        )

    def back(keypoints, scores=None):
        kept = answer[1] if scores is None else _like(answer[1], scores)
        return _like(answer[0], keypoints), kept

    return _found(*answer, skeleton, back, "rtmlib")


def from_mmpose(sample, skeleton: Skeleton | None = None) -> Found:
    """The poses of MMPose in one photo.

    Args:
        sample: a ``PoseDataSample``; its ``pred_instances`` (``keypoints`` [N, K, 2],
            ``keypoint_scores`` [N, K]); or the inferencer's list of dictionaries with
            these two keys, one per person.
        skeleton: of other joints than COCO's, Halpe's, or COCO-WholeBody's.

    Raises:
        TfposeError: none of these, or unknown joints.
    """
    if isinstance(sample, list):
        return _from_people(sample, skeleton)
    instances = getattr(sample, "pred_instances", sample)
    if not hasattr(instances, "keypoints"):
        raise TfposeError(
            "MMPose: expected a data sample, its pred_instances, or a list of people, "
            f"found {type(sample).__name__}"
        )

    def back(keypoints, scores=None):
        other = copy.deepcopy(sample)
        changed = getattr(other, "pred_instances", other)
        changed.keypoints = _like(instances.keypoints, keypoints)
        if scores is not None:
            changed.keypoint_scores = _like(instances.keypoint_scores, scores)
        return other

    return _found(
        instances.keypoints, instances.keypoint_scores, skeleton, back, "MMPose"
    )


def _from_people(people: list, skeleton) -> Found:
    keys = "keypoints", "keypoint_scores"
    if not all(isinstance(one, dict) and set(keys) <= set(one) for one in people):
        raise TfposeError(f"MMPose: expected people with {' and '.join(keys)}")

    def back(keypoints, scores=None):
        given = [one["keypoint_scores"] for one in people]
        scores = given if scores is None else np.asarray(scores).tolist()
        return [
            {**one, "keypoints": pose.tolist(), "keypoint_scores": of_joints}
            for one, pose, of_joints in zip(people, keypoints, scores, strict=True)
        ]

    keypoints, scores = ([one[key] for one in people] for key in keys)
    return _found(keypoints, scores, skeleton, back, "MMPose")


def from_supervision(key_points, skeleton: Skeleton | None = None) -> Found:
    """The poses of supervision's ``KeyPoints`` of one photo.

    Args:
        key_points: reads ``xy`` [N, K, 2]; ``keypoint_confidence`` [N, K], before
            version 0.29 ``confidence``; and ``visible`` bool[N, K], if there.
        skeleton: of other joints than COCO's.

    Raises:
        TfposeError: not such an object, or unknown joints.
    """
    if not hasattr(key_points, "xy"):
        raise TfposeError(
            f"supervision: expected KeyPoints, found {type(key_points).__name__}"
        )
    newer = hasattr(key_points, "keypoint_confidence")
    of_joints = "keypoint_confidence" if newer else "confidence"

    def back(keypoints, scores=None):
        other = copy.copy(key_points)
        other.xy = _like(key_points.xy, keypoints)
        if scores is not None:
            setattr(other, of_joints, np.asarray(scores, np.float32))
        return other

    scores = getattr(key_points, of_joints, None)
    visible = getattr(key_points, "visible", None)
    if visible is not None:
        scores = np.where(visible, 1.0 if scores is None else scores, 0.0)
    return _found(key_points.xy, scores, skeleton, back, "supervision")


def from_mediapipe(result, width: int, height: int) -> Found:
    """The poses of MediaPipe, 33 landmarks each.

    Args:
        result: of ``PoseLandmarker``, whose ``pose_landmarks`` is a list of people, or
            of the older ``Pose``, whose ``pose_landmarks.landmark`` is one person.
        width, height: of the photo, px.

    Raises:
        TfposeError: not such a result.
    """
    if not hasattr(result, "pose_landmarks"):
        raise TfposeError(
            "MediaPipe: expected a result with pose_landmarks, found "
            f"{type(result).__name__}"
        )
    size = np.array([width, height], np.float64)
    people = _landmarks(result)
    shares = [[(point.x, point.y) for point in one] for one in people]
    scores = [[_visibility(point) for point in one] for one in people]
    joints = len(people[0]) if people else 0
    keypoints = np.reshape(shares, (len(people), joints, 2)) * size - 0.5

    def back(moved, new_scores=None):
        other = copy.deepcopy(result)
        for row, one in enumerate(_landmarks(other)):
            for joint, point in enumerate(one):
                x, y = (np.asarray(moved)[row, joint] + 0.5) / size
                point.x, point.y = float(x), float(y)
                if new_scores is not None:
                    point.visibility = float(new_scores[row][joint])
        return other

    return _found(keypoints, scores, BLAZEPOSE33, back, "MediaPipe")


def _landmarks(result) -> list:
    """The landmarks of each person."""
    found = result.pose_landmarks
    if found is None:
        return []
    return [found.landmark] if hasattr(found, "landmark") else list(found)


def _visibility(landmark) -> float:
    value = getattr(landmark, "visibility", None)
    return 1.0 if value is None else float(value)


def _found(keypoints, scores, skeleton, back, library: str) -> Found:
    """Checks the arrays; a joint at (0, 0) is missing."""
    keypoints = _array(keypoints, f"{library}'s keypoints").astype(np.float64)
    if not keypoints.size:
        joints = skeleton or skeletons.COCO17
        empty = np.zeros((0, len(joints), 2))
        return Found(empty, empty[..., 0], joints, lambda *_: back(keypoints, None))
    if keypoints.ndim != 3 or keypoints.shape[2] != 2:
        raise TfposeError(
            f"{library}'s keypoints: expected the shape (people, joints, 2), found "
            f"{keypoints.shape}"
        )
    if scores is None:
        scores = np.ones(keypoints.shape[:2])
    scores = _array(scores, f"{library}'s scores").astype(np.float64)
    if scores.shape != keypoints.shape[:2]:
        raise TfposeError(
            f"{library}'s scores: expected the shape {keypoints.shape[:2]}, found "
            f"{scores.shape}"
        )
    if not np.isfinite(keypoints).all() or not np.isfinite(scores).all():
        raise TfposeError(f"{library}'s poses: expected numbers, found NaN or infinity")
    skeleton = skeleton or _skeleton_of(keypoints.shape[1], library)
    if len(skeleton) != keypoints.shape[1]:
        raise TfposeError(
            f"{library}'s keypoints: expected the {len(skeleton)} joints of "
            f"{skeleton.name}, found {keypoints.shape[1]}"
        )
    scores = np.where((keypoints != 0).any(axis=2), scores, 0.0)
    return Found(keypoints, scores, skeleton, back)


def _skeleton_of(joints: int, library: str) -> Skeleton:
    if joints == len(skeletons.COCO17):
        return skeletons.COCO17
    if joints in AFTER_COCO:
        others = [f"keypoint_{place}" for place in range(17, joints)]
        names = [*skeletons.COCO17.joints, *others]
        return Skeleton.from_json({"name": f"coco17_first_{joints}", "joints": names})
    raise TfposeError(
        f"{library}'s keypoints: expected 17 joints (COCO), 26 or 133 that begin with "
        f"them, or a skeleton that names them, found {joints}"
    )


def _array(value, name: str) -> np.ndarray:
    """A tensor of any library, or nested lists, as an array."""
    try:
        if hasattr(value, "detach"):  # a torch tensor, perhaps on another device
            value = value.detach().cpu()
        return np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise TfposeError(f"{name}: expected numbers ({error})") from error


def _like(value, array):
    """The array as the kind of thing that ``value`` is."""
    if hasattr(value, "new_tensor"):  # torch
        return value.new_tensor(np.asarray(array, np.float32))
    kind = value.dtype if isinstance(value, np.ndarray) else np.float64
    return np.asarray(array).astype(kind)
