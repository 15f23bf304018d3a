"""Objects with the attributes of other libraries, and what must come back of them."""

import copy
import dataclasses
import inspect
from types import SimpleNamespace

import numpy as np
import pytest

from tfpose.errors import TfposeError
from tfpose.io import adapters
from tfpose.skeletons import COCO17, LSP14

WIDTH, HEIGHT = 200, 100
POSES = np.random.default_rng(0).uniform(10, 90, (2, 17, 2)).astype(np.float32)
SCORES = np.random.default_rng(1).uniform(0.1, 1, (2, 17)).astype(np.float32)
MEDIAPIPE = np.random.default_rng(2).uniform(10, 90, (2, 33, 2))
VISIBLE = np.random.default_rng(3).uniform(0.1, 1, (2, 33))


class Tensor:
    """A tensor as torch has it: no array before it is detached and copied."""

    def __init__(self, array):
        self.array = np.asarray(array, np.float32)

    def new_tensor(self, array):
        return Tensor(array)

    def detach(self):
        return SimpleNamespace(cpu=lambda: self.array)


class Keypoints:
    """Ultralytics' ``Keypoints``."""

    def __init__(self, data, orig_shape):
        self.data, self.orig_shape = data, orig_shape


def ultralytics():
    data = np.concatenate([POSES, SCORES[..., None]], axis=2)
    keypoints = Keypoints(Tensor(data), (HEIGHT, WIDTH))
    return SimpleNamespace(keypoints=keypoints, names={0: "person"})


def data_sample():
    instances = SimpleNamespace(keypoints=POSES.copy(), keypoint_scores=SCORES.copy())
    return SimpleNamespace(pred_instances=instances, metainfo={"id": 3})


def people():
    pairs = zip(POSES.tolist(), SCORES.tolist(), strict=True)
    return [{"keypoints": k, "keypoint_scores": s, "bbox": [1]} for k, s in pairs]


@dataclasses.dataclass
class KeyPoints:
    """supervision's, since 0.29."""

    xy: np.ndarray
    keypoint_confidence: np.ndarray | None = None
    visible: np.ndarray | None = None
    data: dict = dataclasses.field(default_factory=dict)


def landmarks():
    """MediaPipe's ``PoseLandmarkerResult``: shares of the photo's sides."""
    shares = (MEDIAPIPE + 0.5) / [WIDTH, HEIGHT]
    return SimpleNamespace(
        pose_landmarks=[
            [
                SimpleNamespace(x=x, y=y, z=0.5, visibility=score)
                for (x, y), score in zip(one, scores, strict=True)
            ]
            for one, scores in zip(shares, VISIBLE, strict=True)
        ],
        pose_world_landmarks="kept",
    )


def older_landmarks():
    """MediaPipe's ``Pose``: one person."""
    first = SimpleNamespace(landmark=landmarks().pose_landmarks[0])
    return SimpleNamespace(pose_landmarks=first)


def read_mediapipe(result):
    return adapters.from_mediapipe(result, WIDTH, HEIGHT)


# Library -> what it gives, its adapter, and the poses and scores in it.
LIBRARIES = {
    "ultralytics": (ultralytics, adapters.from_ultralytics, POSES, SCORES),
    "rtmlib": (lambda: (POSES, SCORES), adapters.from_rtmlib, POSES, SCORES),
    "mmpose": (data_sample, adapters.from_mmpose, POSES, SCORES),
    "mmpose instances": (
        lambda: data_sample().pred_instances, adapters.from_mmpose, POSES, SCORES,
    ),
    "mmpose inferencer": (people, adapters.from_mmpose, POSES, SCORES),
    "supervision": (
        lambda: KeyPoints(POSES, SCORES), adapters.from_supervision, POSES, SCORES,
    ),
    "supervision before 0.29": (
        lambda: SimpleNamespace(xy=POSES, confidence=SCORES),
        adapters.from_supervision, POSES, SCORES,
    ),
    "mediapipe": (landmarks, read_mediapipe, MEDIAPIPE, VISIBLE),
    "mediapipe pose": (older_landmarks, read_mediapipe, MEDIAPIPE[:1], VISIBLE[:1]),
}  # fmt: skip


@pytest.mark.parametrize("name", LIBRARIES)
def test_poses_come_out_and_go_back(name):
    make, adapter, poses, scores = LIBRARIES[name]
    given = make()
    before = copy.deepcopy(given)
    found = adapter(given)
    np.testing.assert_allclose(found.keypoints, poses, atol=1e-5)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    other = found.back(found.keypoints + [1, 2], None)
    assert type(other) is type(given)
    again = adapter(other)
    np.testing.assert_allclose(again.keypoints, poses + np.array([1, 2]), atol=1e-4)
    np.testing.assert_allclose(again.scores, scores, atol=1e-6)
    half = adapter(found.back(found.keypoints, found.scores / 2))
    np.testing.assert_allclose(half.scores, scores / 2, atol=1e-6)
    # What the library gave is not touched.
    np.testing.assert_array_equal(adapter(given).keypoints, adapter(before).keypoints)


def test_what_else_a_result_holds_stays():
    back = adapters.from_ultralytics(ultralytics()).back(POSES, None)
    assert back.names == {0: "person"} and back.keypoints.orig_shape == (HEIGHT, WIDTH)
    assert adapters.from_mmpose(data_sample()).back(POSES, None).metainfo == {"id": 3}
    assert adapters.from_mmpose(people()).back(POSES, None)[1]["bbox"] == [1]
    back = read_mediapipe(landmarks()).back(MEDIAPIPE, None)
    assert back.pose_world_landmarks == "kept" and back.pose_landmarks[0][0].z == 0.5


def test_mediapipes_edge_is_half_a_pixel_before_the_first_center():
    result = landmarks()
    result.pose_landmarks[0][0].x = 0.0
    result.pose_landmarks[0][0].y = 1.0
    found = read_mediapipe(result)
    assert found.keypoints[0, 0].tolist() == [-0.5, HEIGHT - 0.5]
    # The first landmarks are the nose, the left eye's inner corner, and the left eye.
    assert found.skeleton.joints[:3] == ("nose", "left_eye_inner", "left_eye")
    assert set(COCO17.joints) < set(found.skeleton.joints)
    np.testing.assert_array_equal(
        found.skeleton.flip_permutation[[9, 11, 32]], [10, 12, 31]
    )


def test_joints_at_the_origin_are_missing():
    poses = POSES.copy()
    poses[0, 3] = 0
    assert np.argwhere(adapters.from_rtmlib((poses, SCORES)).scores == 0).tolist() == [
        [0, 3]
    ]
    found = adapters.from_supervision(KeyPoints(poses))
    assert found.scores.sum() == 33 and found.scores[0, 3] == 0
    seen = np.ones((2, 17), bool)
    seen[1, 5] = False
    hidden = adapters.from_supervision(KeyPoints(POSES, None, seen))
    assert np.argwhere(hidden.scores == 0).tolist() == [[1, 5]]


class Refiner:
    """Moves LSP's joints by 1 px and is sure of them."""

    skeleton = LSP14

    def __call__(self, photo, keypoints, scores):
        assert photo == "photo" and (scores > 0).any(axis=1).all()
        return keypoints + 1, np.full(scores.shape, 0.75)


def test_a_refiner_moves_the_joints_that_it_knows():
    poses, scores = POSES.copy(), SCORES.copy()
    shared = np.array([joint in LSP14.joints for joint in COCO17.joints])
    poses[1, shared] = 0  # nothing for the refiner
    found = adapters.from_rtmlib((poses, scores))
    keypoints, same = found.refined(Refiner(), "photo")
    np.testing.assert_array_equal(same, scores)
    moved = keypoints - poses
    np.testing.assert_allclose(moved[0, shared], 1, atol=1e-5)
    assert not moved[0, ~shared].any() and not moved[1].any()
    _, rescored = found.refined(Refiner(), "photo", rescore=True)
    np.testing.assert_allclose(rescored[0, shared], 0.75)
    np.testing.assert_allclose(rescored[0, ~shared], scores[0, ~shared])


def test_nobody_is_nobody():
    for empty in (np.zeros((0, 17, 2)), np.zeros((0,))):
        found = adapters.from_rtmlib((empty, np.zeros((0, 17))))
        assert found.keypoints.shape == (0, 17, 2) and found.entries(3) == []
        keypoints, _ = found.refined(Refiner(), "photo")
        assert keypoints.size == 0
    nobody = SimpleNamespace(pose_landmarks=None)
    assert read_mediapipe(nobody).refined(Refiner(), "photo").pose_landmarks is None
    assert adapters.from_mmpose([]).refined(Refiner(), "photo") == []


def test_poses_become_records_of_a_file():
    (first, _) = adapters.from_rtmlib((POSES, SCORES)).entries(139)
    assert first["image_id"] == 139 and len(first["keypoints"]) == 51
    assert first["score"] == pytest.approx(SCORES[0].mean())


def test_whole_body_poses_begin_with_cocos_joints():
    poses = np.ones((1, 133, 2))
    found = adapters.from_rtmlib((poses, np.ones((1, 133))))
    assert found.skeleton.joints[:17] == COCO17.joints and len(found.skeleton) == 133


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: adapters.from_rtmlib([1, 2]), r"rtmlib: expected \(keypoints, scores"),
        (lambda: adapters.from_rtmlib((POSES[..., 0], SCORES)), r"found \(2, 17\)"),
        (lambda: adapters.from_rtmlib((POSES, SCORES[0])), r"the shape \(2, 17"),
        (lambda: adapters.from_rtmlib((POSES * np.nan, SCORES)), "found NaN"),
        (lambda: adapters.from_rtmlib((POSES[:, :9], SCORES[:, :9])), "found 9$"),
        (lambda: adapters.from_rtmlib((POSES, SCORES), LSP14), "the 14 joints"),
        (lambda: adapters.from_rtmlib(("a", "b")), "expected numbers"),
        (lambda: adapters.from_ultralytics(SimpleNamespace()), "found none"),
        (lambda: adapters.from_mmpose(3), "MMPose: expected a data sample"),
        (lambda: adapters.from_mmpose([{"keypoints": 1}]), "people with keypoints and"),
        (lambda: adapters.from_supervision(3), "expected KeyPoints, found int"),
        (lambda: adapters.from_mediapipe(3, 1, 1), "a result with pose_landmarks"),
    ],
)  # fmt: skip
def test_other_things_are_refused(call, message):
    with pytest.raises(TfposeError, match=message):
        call()


def test_no_library_is_imported():
    modules = filter(inspect.ismodule, vars(adapters).values())
    names = {module.__name__.split(".")[0] for module in modules}
    assert names <= {"copy", "dataclasses", "numpy", "tfpose"}
