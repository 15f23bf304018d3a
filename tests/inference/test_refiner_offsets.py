"""Refinement by a network that answers with cells and offsets (PoseRefiner)."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.inference.test_refine_files import NETWORK as POSEFIX_NETWORK
from tests.inference.test_refine_files import Scene, draw_photo, joints, write_model
from tests.support.pose_files import STANDING
from tfpose.geometry import tensors
from tfpose.inference.refiner import Refiner
from tfpose.io import photos
from tfpose.layers.offsets import DEVIATION
from tfpose.models.pose_refiner import PoseRefiner
from tfpose.recipes.pose_refiner import tiny
from tfpose.skeletons import LSP14

pytestmark = pytest.mark.slow

CONFIG = dataclasses.replace(tiny(), skeleton="lsp14", input_size=(64, 64))
HEAD_TOP, KNEE = LSP14.index("head_top"), LSP14.index("right_knee")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "untrained", CONFIG)


@pytest.fixture(scope="module")
def opinionated(model_dir):
    """A refiner whose random answers depend on the photo."""
    refiner = Refiner.from_preset(str(model_dir))
    for name, spread in (("head_logits", 2e-3), ("head_offsets", 2e-4)):
        kernel = refiner.model.get_layer(name).kernel
        kernel.assign(np.random.default_rng(0).normal(0, spread, kernel.shape))
    return refiner


@pytest.fixture
def scene(tmp_path, model_dir, opinionated, monkeypatch):
    load = Refiner.from_preset
    ready = {str(model_dir): opinionated}
    monkeypatch.setattr(
        Refiner, "from_preset", lambda name: ready.get(name) or load(name)
    )
    return Scene(tmp_path, model_dir)


class Answers:
    """In a network's place: the score map of a photo, and of its mirror image."""

    input_size, stride, activation, score_fit = (16, 16), 8, "sigmoid", None
    input, operations = dict.fromkeys(("keypoints", "valid")), ()
    reader = PoseRefiner.reader

    def __init__(self, straight, mirrored, offset):
        self.straight, self.mirrored = np.float32(straight), np.float32(mirrored)
        self.offset = offset

    def __call__(self, inputs, training):
        # The photo is bright on its left.
        bright = inputs["image"][0, 0, 0, 0] > inputs["image"][0, 0, -1, 0]
        maps = tf.where(bright, self.straight, self.mirrored)[None, :, :, None]
        offset = tf.where(bright, self.offset, 100.0)
        return {
            "heatmap": tf.repeat(maps, 14, axis=3),
            "offsets": tf.fill((1, 2, 2, 28), tf.cast(offset, tf.float32)),
        }


def test_scores_are_averaged_over_the_mirror_image_and_offsets_are_not():
    # Of the photo the first column's cell is best, of the mirror image, which is
    # mirrored back, by more the second's.
    network = Answers([[1, 0.5], [0, 0]], [[3, -3], [0, 0]], offset=0.25)
    image = np.zeros((1, 16, 16, 3), np.float32)
    image[:, :, :8] = 200
    pose, valid = np.zeros((1, 14, 2), np.float32), np.ones((1, 14), np.float32)
    belief, place, scores = Refiner(network, LSP14, None).answer(
        tf.constant(image), tf.constant(pose), tf.constant(valid)
    )
    expected = [11.5 + 0.25 * DEVIATION, 3.5 + 0.25 * DEVIATION]
    np.testing.assert_allclose(place, np.tile(expected, (1, 14, 1)), rtol=1e-6)
    sigmoid = [1 / (1 + np.exp(-x)) for x in (0.5, 3)]
    np.testing.assert_allclose(scores, np.full((1, 14), np.mean(sigmoid)), rtol=1e-6)
    assert belief.shape == (1, 4, 4, 14)  # of 4 px
    np.testing.assert_allclose(tf.reduce_sum(belief, axis=(1, 2)), 1, rtol=1e-6)


def test_answer_moves_with_the_photo(opinionated):
    photo, pose = draw_photo(1), STANDING[None] + [40, 10]
    moved = np.pad(photo, ((7, 0), (11, 0), (0, 0)))
    answer, _ = opinionated(photo, pose)
    assert np.linalg.norm(answer - pose, axis=-1).mean() > 4, "it has an opinion"
    again, _ = opinionated(moved, pose + [11, 7])
    np.testing.assert_allclose(again, answer + [11, 7], atol=0.02)


@pytest.mark.parametrize("use_reliability", [False, True])
def test_missing_joints_are_found_and_other_scores_stay(scene, use_reliability):
    for record in scene.records:
        record["keypoints"][3 * HEAD_TOP :] = [0, 0, 0]
    report, refined = scene.refine(use_reliability=use_reliability)
    assert (report["refined"], report["removed"]) == (5, 0)
    for before, after in zip(scene.records, refined, strict=True):
        assert np.all(joints(after)[HEAD_TOP, :2] != 0)
        scores = np.delete(joints(after)[:, 2], HEAD_TOP)
        np.testing.assert_array_equal(scores, joints(before)[:HEAD_TOP, 2])
        assert 0 < joints(after)[HEAD_TOP, 2] < 1  # the refiner's
        assert {**after, "keypoints": 0} == {**before, "keypoints": 0}  # track_id too


def by_photo(scene):
    """Each photo, as refining reads it, and its records."""
    for number, suffix in ((7, "jpg"), (3, "png")):
        photo = photos.read(scene.images / f"im{number}.{suffix}")
        yield photo, [r for r in scene.records if r["image_id"] == number]


def test_a_threshold_removes_joints_that_the_refiner_is_not_sure_of(
    scene, opinionated, capsys
):
    scene.refine(use_reliability=False)
    people = [
        (photo, np.array([joints(record)[:, :2] for record in records]), None)
        for photo, records in by_photo(scene)
    ]
    scores = np.concatenate([some.scores for some in opinionated.believe(people)])
    assert scores.shape == (5, 14) and 0 < scores.min() < scores.max() < 1
    threshold = float(np.median(scores))
    _, everything = scene.refine()
    report, refined = scene.refine(threshold=threshold)
    assert report["removed"] == (scores <= threshold).sum()
    before, after = (
        np.array(list(map(joints, file))) for file in (everything, refined)
    )
    removed = (after == 0).all(axis=2)
    assert removed.sum() == report["removed"]
    np.testing.assert_array_equal(after[~removed], before[~removed])
    assert scene.command("--threshold", threshold) == 0
    assert json.loads(scene.out.read_text()) == refined
    assert f"removed {report['removed']} joints" in capsys.readouterr().out


def test_a_file_can_get_the_refiners_scores(scene, opinionated, capsys):
    _, kept = scene.refine()
    _, rescored = scene.refine(rescore=True)
    for one, other in zip(kept, rescored, strict=True):
        np.testing.assert_array_equal(joints(one)[:, :2], joints(other)[:, :2])
        of_joints = joints(other)[:, 2]
        assert 0 < of_joints.min() and of_joints.std() > 0
        assert other["score"] == pytest.approx(of_joints.mean(), abs=2e-3)
    assert scene.command("--rescore") == 0
    assert json.loads(scene.out.read_text()) == rescored
    capsys.readouterr()


def test_refined_poses_can_be_refined_again_by_another_refiner(scene, tmp_path):
    _, once = scene.refine()  # with fusion, which leaves nobody outside the photo
    config = dataclasses.replace(
        CONFIG, model="posefix", network=POSEFIX_NETWORK, target={"codec": "integral"},
        synthesis={"errors": "posefix"},
    )  # fmt: skip
    scene.model = write_model(tmp_path / "other", config)
    scene.records = once
    report, twice = scene.refine(use_reliability=False)
    assert report["refined"] == 5
    for before, after in zip(once, twice, strict=True):
        assert list(after) == list(before)


def test_a_crop_shows_the_person_at_the_height_of_the_recipe(opinionated):
    refiner = Refiner(opinionated.model, LSP14, None, person_height=40.0)
    pose = STANDING[None].astype(np.float32) + [40, 10]
    ((crop, points, _, to_image),) = refiner._crops([(draw_photo(1), pose, None)])
    assert crop.shape == (64, 64, 3)
    neck, top = pose[0, LSP14.index("neck")], pose[0, HEAD_TOP]
    height = tensors.HEIGHT_IN_HEADS * np.linalg.norm(neck - top)
    scale = np.linalg.norm(points[KNEE] - points[HEAD_TOP])
    scale /= np.linalg.norm(pose[0, KNEE] - top)
    assert scale == pytest.approx(40 / height, rel=1e-4)
    np.testing.assert_allclose(
        tensors.transform(points[None], to_image[None]), pose, atol=1e-3
    )
    box = tensors.box_around(points, np.ones(14))
    np.testing.assert_allclose(box[:2] + (box[2:] - 1) / 2, [31.5, 31.5], atol=1e-3)


def test_a_trained_folder_keeps_the_height_of_its_crops(tmp_path):
    config = dataclasses.replace(CONFIG, crop={"person_height": 50.0})
    refiner = Refiner.from_preset(str(write_model(tmp_path / "model", config)))
    assert refiner.person_height == 50
