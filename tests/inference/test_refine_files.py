"""Refinement of files: every record comes out again, and what is wrong is said."""

import dataclasses
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.pose_files import STANDING
from tfpose import cli, drawing
from tfpose.errors import TfposeError
from tfpose.evaluation.protocols import PROTOCOLS
from tfpose.inference import batches, refine_parts
from tfpose.inference.refine_files import refine_file
from tfpose.inference.refiner import Refiner
from tfpose.io import coco, files
from tfpose.io.coco_records import annotations_json, result_entry
from tfpose.layers.heatmaps import SoftArgmax
from tfpose.models import folders, table
from tfpose.recipes.posefix import tiny
from tfpose.skeletons import CROWDPOSE14, LSP14, MPII16

WIDTH, HEIGHT = 160, 120
SCORES = np.linspace(0.1, 0.9, 14)
NETWORK = {**tiny().network, "filters": (8, 8, 8)}
CONFIG = dataclasses.replace(
    tiny(), skeleton="lsp14", input_size=(64, 64), network=NETWORK
)


def write_model(folder, config=CONFIG, weights_of=None) -> pathlib.Path:
    """A model folder as training leaves it, with the same first weights every time."""
    folder.mkdir()
    files.write_json(folder / folders.CONFIG, config.to_json())
    keras.utils.set_random_seed(2)
    model = table.build_model(weights_of or config)
    model.save_weights(folder / folders.WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "untrained")


@pytest.fixture(scope="module")
def opinionated(model_dir):
    """A refiner whose random answers depend on the photo: the laws are its geometry."""
    refiner = Refiner.from_preset(str(model_dir))
    kernel = refiner.model.get_layer("head_logits").kernel
    kernel.assign(np.random.default_rng(0).normal(0, 0.1, kernel.shape))
    return refiner


def draw_photo(seed):
    """Blurred noise: u8[HEIGHT, WIDTH, 3]."""
    coarse = np.random.default_rng(seed).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3))
    return coarse.repeat(8, axis=0).repeat(8, axis=1).astype(np.uint8)


class Scene:
    """Two photos, annotations that name them, and five poses on them."""

    def __init__(self, folder, model_dir):
        self.folder, self.model = folder, model_dir
        self.images, self.out = folder / "photos", folder / "refined.json"
        self.images.mkdir()
        drawing.write_image(self.images / "im3.png", draw_photo(3))
        drawing.write_image(self.images / "im7.jpg", draw_photo(7))
        self.records = [
            self.pose(7, 60, score=0.25, track_id=5),
            self.pose(3, 10, bbox=[1, 2, 30, 40]),
            self.pose(7, 0, note="kept"),
            self.pose(3, 80),
            self.pose(7, 30),
        ]

    def pose(self, image_id, shift, score=0.5, **extra):
        return result_entry(image_id, STANDING + [shift, 0], SCORES, score, **extra)

    def annotate(self, skeleton=LSP14, names=("im3.png", "im7.jpg")):
        images = [
            {"id": n, "file_name": name} for n, name in zip((3, 7), names, strict=True)
        ]
        path = self.folder / "truth.json"
        files.write_json(path, annotations_json(skeleton, images, []))
        return path

    def write(self):
        # As other programs write them, NaN and all.
        (self.folder / "poses.json").write_text(json.dumps(self.records))

    def refine(self, **options):
        self.write()
        report = refine_file(
            str(self.model), str(self.folder / "poses.json"), str(self.images),
            str(self.out), **options,
        )  # fmt: skip
        return report, json.loads(self.out.read_text())

    def command(self, *flags):
        """The exit code of ``tfpose refine``."""
        self.write()
        arguments = {
            "--model": self.model, "--poses": self.folder / "poses.json",
            "--images": self.images, "--out": self.out,
        }  # fmt: skip
        words = [str(word) for pair in arguments.items() for word in pair]
        return cli.main(["refine", *words, *map(str, flags)])


@pytest.fixture
def scene(tmp_path, model_dir, opinionated, monkeypatch):
    load = Refiner.from_preset
    ready = {str(model_dir): opinionated}  # building a network takes seconds
    monkeypatch.setattr(
        Refiner, "from_preset", lambda name: ready.get(name) or load(name)
    )
    return Scene(tmp_path, model_dir)


def joints(record):
    return np.array(record["keypoints"]).reshape(-1, 3)


class TestFile:
    @pytest.mark.slow
    @pytest.mark.parametrize("use_reliability", [False, True])
    def test_only_coordinates_change(self, scene, use_reliability):
        report, refined = scene.refine(use_reliability=use_reliability)
        assert (report["poses"], report["refined"], report["bad"]) == (5, 5, [])
        assert (report["reliability"] is not None) == use_reliability
        for before, after in zip(scene.records, refined, strict=True):
            assert list(after) == list(before)
            assert (joints(after)[:, 2] == joints(before)[:, 2]).all()
            assert (joints(after)[:, :2] != joints(before)[:, :2]).any()
            assert {**after, "keypoints": 0} == {**before, "keypoints": 0}

    def test_order_of_the_records_does_not_matter(self, scene):
        _, forward = scene.refine(use_reliability=False)
        scene.records.reverse()
        _, backward = scene.refine(use_reliability=False)
        for one, other in zip(forward, reversed(backward), strict=True):
            np.testing.assert_allclose(joints(one), joints(other), atol=2e-3)

    def test_annotations_name_the_photos(self, scene):
        _, by_number = scene.refine()
        truth = scene.annotate()
        assert scene.refine(annotations=str(truth))[1] == by_number
        truth = scene.annotate(names=("im7.jpg", "im3.png"))
        assert scene.refine(annotations=str(truth))[1] != by_number

    def test_empty_list_stays_empty(self, scene):
        scene.records = []
        report, refined = scene.refine()
        assert refined == [] and (report["poses"], report["reliability"]) == (0, None)

    def test_fusion_says_what_each_joint_of_the_input_is_worth(self, scene):
        report, _ = scene.refine()
        assert list(report["reliability"]) == list(LSP14.joints)
        for numbers in report["reliability"].values():
            assert numbers["disagreement"] >= 0
        json.dumps(report, allow_nan=False)

    def test_joint_that_no_pose_has_is_found_and_reported(self, scene):
        for record in scene.records:
            record["keypoints"][-3:] = [0, 0, 0]
        report, refined = scene.refine()
        expected = {"disagreement": 0, "input_weight": 0}
        assert report["reliability"]["head_top"] == pytest.approx(expected, abs=1e-6)
        assert (joints(refined[0])[-1] > 0).all(), "with the refiner's score"

    def test_trust_in_many_people_serves_files_of_few(self, scene):
        trust = str(scene.folder / "trust.json")
        _, expected = scene.refine(trust_file=trust)
        scene.records[:] = scene.records[:1]
        _, alone = scene.refine(trust_file=trust)
        assert alone == expected[:1]

        known = json.loads((scene.folder / "trust.json").read_text())
        known |= {"weight": [0] * 14, "far": [1e6] * 14}  # the input is always right
        (scene.folder / "trust.json").write_text(json.dumps(known))
        _, (same,) = scene.refine(trust_file=trust)
        np.testing.assert_allclose(joints(same), joints(scene.records[0]), atol=0.01)

    def test_later_rounds_refine_the_answer_of_the_first(self, opinionated):
        photo = draw_photo(1)
        pose, valid = np.float32(STANDING[None] + [40, 10]), np.ones((1, 14), "f4")
        valid[0, 3] = 0
        crop, points, valid, _ = opinionated.cut(photo, pose, valid)
        early, first, scores = opinionated.answer(crop, points, valid)
        every, expected = tf.ones((1, 14)), SoftArgmax()(early)
        inputs = {"image": crop, "keypoints": expected, "valid": every}
        second = opinionated.model(inputs, training=False)["keypoints"]
        late, third, _ = opinionated.answer(crop, second, every)
        opinionated.rounds = 3
        distances = np.linalg.norm(expected - points, axis=-1)
        opinionated._settled = np.full(14, np.median(distances))
        settled = (distances < np.median(distances)) & (valid.numpy() > 0)
        assert 5 < settled.sum() < 9 and not settled[0, 3]
        belief, found, found_scores = opinionated.answer(crop, points, valid)
        expected = np.where(settled[..., None], first, third)
        np.testing.assert_allclose(found, expected, atol=0.01)
        assert (np.array(found_scores == scores) == settled).all()
        expected = np.where(settled[:, None, None], early, late)
        np.testing.assert_allclose(belief, expected, atol=1e-4)

    def test_rounds_can_change_after_a_call(self, opinionated, monkeypatch, eagerly):
        photo, pose = draw_photo(1), np.float32(STANDING[None] + [40, 10])
        monkeypatch.setattr(opinionated, "_settled", np.zeros(14))
        first, _ = opinionated(photo, pose)
        monkeypatch.setattr(opinionated, "rounds", 2)
        second, _ = opinionated(photo, pose)
        assert np.abs(second - first).max() > 0.1

    def test_people_whose_joints_are_settled_take_no_later_rounds(
        self, opinionated, monkeypatch
    ):
        pose = np.float32(STANDING[None] + [40, 10])
        pose = np.concatenate([pose, pose + np.float32(9), pose - np.float32(6)])
        cut = opinionated.cut(draw_photo(1), pose, np.ones((3, 14), "f4"))[:3]
        monkeypatch.setattr(opinionated, "rounds", 1)
        first = opinionated.answer(*cut)
        monkeypatch.setattr(opinionated, "rounds", 3)
        expected = SoftArgmax()(first[0])
        moved = np.linalg.norm(expected - cut[1], axis=-1).max(axis=1)
        limit = np.full(14, np.sort(moved)[1] + 1e-3)  # settles two of the three
        monkeypatch.setattr(opinionated, "_settled", limit)
        together = opinionated.answer(*cut)
        for row in range(3):
            alone = opinionated.answer(*(part[row : row + 1] for part in cut))
            again = moved[row] == moved.max()
            for whole, one, once in zip(together, alone, first, strict=True):
                np.testing.assert_allclose(whole[row], one[0], atol=1e-3)
                assert np.array_equal(whole[row], once[row]) is not again

    def test_the_official_protocol_replaces_joints_and_drops_what_has_no_score(
        self, scene, capsys, monkeypatch
    ):
        plain = {"use_reliability": False, "nms_threshold": 1.0, "rounds": 1}
        _, expected = scene.refine(**plain)
        report, refined = scene.refine(protocol="official")
        assert refined == expected and report["reliability"] is None
        scene.records[1]["score"] = 0.0
        copy = scene.pose(7, 60)  # of the first, better
        scene.records.append(copy)
        _, expected = scene.refine(**plain)
        report, refined = scene.refine(protocol="official")
        assert refined == [expected[0], *expected[2:]], "LSP's near copies stay"
        assert (report["unscored"], report["duplicates"]) == (1, 0)
        row = dataclasses.replace(PROTOCOLS["lsp"], near_copies=0.9)
        monkeypatch.setitem(PROTOCOLS, "lsp", row)
        assert scene.command("--protocol", "official") == 0
        assert json.loads(scene.out.read_text()) == expected[2:]  # the last of equals
        output = capsys.readouterr().out
        assert "dropped 1 near copies" in output and "left out 1 poses" in output

    def test_the_official_crop_shows_wild_joints(self, scene, opinionated):
        pose, valid = np.float32(STANDING[None] + [40, 10]), np.ones((1, 14), "f4")
        pose[0, -1] = 159, 119
        opinionated.steady = False
        crop, points, shown, matrix = opinionated.cut(draw_photo(1), pose, valid)
        opinionated.steady = True
        # The box of all joints times 1.2, as a square, times 1.25.
        sides = 1.2 * 1.25 * np.ptp(pose[0], axis=0)
        assert float(matrix[0, 0, 0]) * 64 == pytest.approx(max(sides), rel=1e-5)
        assert np.all(shown == 1)

    def test_a_pose_of_two_joints_stays_as_it_was(self, scene, capsys):
        few = np.zeros((14, 3))
        few[:2] = [[30, 40, 0.5], [35, 60, 0.5]]
        scene.records[1]["keypoints"] = few.ravel().tolist()
        report, refined = scene.refine()
        assert (report["refined"], report["few"], report["bad"]) == (4, 1, [])
        assert refined[1] == scene.records[1]
        assert scene.command() == 0
        assert "left 1 poses of one or two joints" in capsys.readouterr().out

    @pytest.mark.parametrize("place", [(3000, 2000), (-900, 20)])
    def test_a_wild_joint_moves_no_other_joint(self, scene, place):
        for record in scene.records:
            record["keypoints"][-3:] = [0, 0, 0]
        _, expected = scene.refine(use_reliability=False)
        for record in scene.records:
            record["keypoints"][-3:] = [*place, 1]
        _, found = scene.refine(use_reliability=False)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(joints(one)[:, :2], joints(other)[:, :2])
            assert joints(one)[-1, 2] == 1, "its score is the method's"

    def test_command_writes_the_same_file(self, scene, capsys):
        _, expected = scene.refine()
        scene.out.unlink()
        assert (
            scene.command("--reliability-report", "--json", scene.folder / "n.json")
            == 0
        )
        assert json.loads(scene.out.read_text()) == expected
        output = capsys.readouterr()
        assert "refined 5 of 5 poses" in output.out and "head_top" in output.out
        assert output.err == ""


def answers(refiner, *given):
    """The keypoints that a refiner answers with, without their scores."""
    return refiner(*given)[0]


class TestGeometry:
    @pytest.mark.slow
    def test_network_that_believes_the_input_gives_it_back(self, model_dir):
        refiner = Refiner.from_preset(str(model_dir))
        refiner.model.get_layer("head_logits").kernel.assign(np.zeros((1, 1, 8, 14)))
        refiner.model.get_layer("pose_prior").log_epsilon.assign([-30.0] * 14)
        pose = STANDING[None] + [40, 10]
        # The prior is narrow for the cells, of 7.7 px of the photo.
        found, _ = refiner(draw_photo(1), pose)
        np.testing.assert_allclose(found, pose, atol=0.1)

    @pytest.mark.slow
    def test_answer_moves_with_the_photo(self, opinionated):
        photo, pose = draw_photo(1), np.float32(STANDING[None] + [40, 10])
        moved = np.pad(photo, ((7, 0), (11, 0), (0, 0)))
        answer = answers(opinionated, photo, pose)
        assert np.linalg.norm(answer - pose, axis=-1).mean() > 4, "it has an opinion"
        np.testing.assert_allclose(
            answers(opinionated, moved, pose + [11, 7]), answer + [11, 7], atol=0.02
        )

    def test_answer_mirrors_with_the_photo(self, opinionated):
        photo, pose = draw_photo(1), np.float32(STANDING[None] + [40, 10])

        def mirrored(points):
            points = points[:, LSP14.flip_permutation]
            return np.stack([WIDTH - 1 - points[..., 0], points[..., 1]], axis=-1)

        answer = answers(opinionated, photo[:, ::-1], mirrored(pose))
        np.testing.assert_allclose(
            mirrored(answer), answers(opinionated, photo, pose), atol=0.02
        )

    def test_missing_joint_has_no_effect_wherever_it_is_written(self, opinionated):
        photo, pose = draw_photo(1), np.float32(STANDING[None] + [40, 10])
        scores = np.ones((1, 14))
        scores[0, LSP14.index("head_top")] = 0
        answer = answers(opinionated, photo, pose, scores)
        assert np.abs(answers(opinionated, photo, pose) - answer).max() > 1
        pose[0, LSP14.index("head_top")] = 0
        again = answers(opinionated, photo, pose, scores)
        np.testing.assert_allclose(again, answer, atol=1e-3)

    def test_without_scores_a_joint_in_the_corner_is_missing(self, opinionated):
        photo, pose = draw_photo(1), np.float32(STANDING[None] + [40, 10])
        scores = np.ones((1, 14))
        scores[0, 3] = pose[0, 3] = 0
        expected, expected_scores = opinionated(photo, pose, scores)
        found, found_scores = opinionated(photo, pose)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(found_scores, expected_scores)
        assert found_scores[0, 3] > 0, "it is found"

    @pytest.mark.parametrize(
        "given, message",
        [
            (lambda pose: (pose[0],), r"keypoints: expected the shape \(people, 14, 2"),
            (lambda pose: (pose[:, :13],), r"found \(1, 13, 2\)"),
            (lambda pose: (pose, np.ones((1, 13))), r"scores: expected the shape"),
            (lambda pose: (pose * np.nan,), r"keypoints\[0\]: expected numbers"),
            (lambda pose: (pose, np.zeros((1, 14))), "at least 3 joints, found 0"),
            (lambda pose: (pose, np.eye(1, 14)), "at least 3 joints, found 1"),
            (lambda pose: (pose * 0,), r"keypoints\[0\]: expected at least 3 joints"),
        ],
    )
    def test_poses_of_another_form_are_refused(self, opinionated, given, message):
        with pytest.raises(TfposeError, match=message):
            opinionated(draw_photo(1), *given(STANDING[None] + [40, 10]))

    def test_people_do_not_depend_on_each_other_or_on_the_batch(
        self, opinionated, monkeypatch
    ):
        photo = draw_photo(1)
        people = STANDING + np.array([0, 20, 40, 60, 80])[:, None, None] * [1, 0]
        together = answers(opinionated, photo, people)
        alone = [answers(opinionated, photo, person[None])[0] for person in people]
        np.testing.assert_allclose(together, alone, atol=1e-3)
        monkeypatch.setattr(batches, "BATCH", 2)
        np.testing.assert_allclose(
            answers(opinionated, photo, people), together, atol=1e-3
        )

    def test_nobody_gives_nobody(self, opinionated):
        keypoints, scores = opinionated(draw_photo(1), np.zeros((0, 14, 2)))
        assert keypoints.shape == (0, 14, 2) and scores.shape == (0, 14)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


# What is wrong with one record: how the scene is spoiled, and what the line says.
BAD_RECORDS = {
    "wrong number of keypoints": (
        lambda scene: scene.records[1]["keypoints"].pop(),
        "record 1 (image_id 3): expected 42 keypoint numbers",
    ),
    "another skeleton": (
        lambda scene: scene.records[1].update(keypoints=[1.0] * 51),
        "joints of lsp14), found 51 (17 joints)",
    ),
    "nan": (
        lambda scene: scene.records[1]["keypoints"].__setitem__(3, float("nan")),
        "record 1 (image_id 3): expected finite coordinates, found [nan,",
    ),
    "infinity": (
        lambda scene: scene.records[1]["keypoints"].__setitem__(4, float("-inf")),
        "record 1 (image_id 3): expected finite coordinates, found [",
    ),
    "beyond any photo": (
        lambda scene: scene.records[1]["keypoints"].__setitem__(4, 1e30),
        "record 1 (image_id 3): expected at most 1e+06 px large coordinates",
    ),
    "empty pose": (
        lambda scene: scene.records[1].update(keypoints=[]),
        "record 1 (image_id 3): the pose is empty: expected 14 joints, found none",
    ),
    "pose of zeros": (
        lambda scene: scene.records[1].update(keypoints=[0] * 42),
        "record 1 (image_id 3): the pose is empty: every joint's score is 0",
    ),
    "outside the photo": (
        lambda scene: scene.records[1].update(scene.pose(3, 900)),
        "record 1 (image_id 3): expected a pose in its photo of 160 x 120 px, found",
    ),
    "no such photo": (
        lambda scene: scene.records[1].update(image_id=77),
        "record 1 (image_id 77): expected the image_id of one of the 2 known photos",
    ),
    "no score": (
        lambda scene: scene.records[1].pop("score"),
        "record 1 (image_id 3): expected the key 'score'",
    ),
    "not an object": (
        lambda scene: scene.records.__setitem__(1, "pose"),
        "record 1: expected an object, found str 'pose'",
    ),
}
# What is wrong with a photo, which all its records suffer from.
BAD_PHOTOS = {
    "truncated": (
        lambda scene: truncate(scene.images / "im7.jpg"),
        "record 0 (image_id 7): {images}/im7.jpg: expected a photo (JPEG, PNG, ...), "
        "found a truncated JPEG",
    ),
    "not a photo": (
        lambda scene: (scene.images / "im7.jpg").write_text("hello"),
        "record 0 (image_id 7): {images}/im7.jpg: expected a photo (JPEG, PNG, ...), "
        "found 5 bytes of another kind",
    ),
    "empty": (
        lambda scene: (scene.images / "im7.jpg").write_text(""),
        "im7.jpg: expected a photo (JPEG, PNG, ...), found an empty file",
    ),
    "missing": (
        lambda scene: (scene.images / "im7.jpg").unlink(),
        "record 0 (image_id 7): {images}/im7.jpg: expected a photo, found No such file",
    ),
}


def cases(table):
    return pytest.mark.parametrize("spoil, words", table.values(), ids=list(table))


def said(scene, capsys, *flags):
    """The one line of a command that failed and left nothing behind."""
    there = set(scene.folder.rglob("*")) | {scene.folder / "poses.json"}
    assert scene.command(*flags) == 2
    assert set(scene.folder.rglob("*")) == there, "no output, whole or half"
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    return line


class TestBadInput:
    @cases(BAD_RECORDS)
    def test_bad_record_is_named_in_one_line(self, scene, capsys, spoil, words):
        spoil(scene)
        line = said(scene, capsys)
        assert line.startswith(f"tfpose: error: {scene.folder / 'poses.json'}: record ")
        assert words in line

    @cases(BAD_PHOTOS)
    def test_bad_photo_is_named_with_its_record(self, scene, capsys, spoil, words):
        truth = scene.annotate()
        spoil(scene)
        line = said(scene, capsys, "--annotations", truth)
        assert line.startswith(f"tfpose: error: {scene.folder / 'poses.json'}: record ")
        assert words.format(images=scene.images) in line

    def test_poses_that_are_not_json(self, scene, capsys):
        path = scene.folder / "poses.json"
        scene.write = lambda: path.write_text("keypoints: 3")
        assert f"{path}: not JSON" in said(scene, capsys)

    def test_poses_that_are_no_list(self, scene, capsys):
        scene.records = {"annotations": []}
        assert "expected a JSON list of poses" in said(scene, capsys)

    def test_photo_without_a_name_is_no_photo(self, scene, capsys):
        truth = scene.annotate()
        data = json.loads(truth.read_text())
        del data["images"][0]["file_name"]
        truth.write_text(json.dumps(data))
        line = said(scene, capsys, "--annotations", truth)
        assert "record 1 (image_id 3): expected the image_id of one of the 1" in line

    def test_folder_without_photos(self, scene, capsys):
        scene.images = scene.folder / "nowhere"
        assert f"{scene.images}: expected a folder, found none" in said(scene, capsys)
        scene.images.mkdir()
        assert "whose names end with their image_id, found no photos" in said(
            scene, capsys
        )

    def test_two_photos_of_one_number(self, scene, capsys):
        drawing.write_image(scene.images / "7.png", draw_photo(0))
        line = said(scene, capsys)
        assert "7.png and im7.jpg both have the number 7; give --annotations" in line

    def test_out_that_cannot_be_written_is_said_before_the_work(self, scene, capsys):
        scene.out = scene.folder / "nowhere" / "refined.json"
        assert f"{scene.out}: expected an existing folder" in said(scene, capsys)
        scene.out = scene.images
        assert f"{scene.out}: expected a file to write" in said(scene, capsys)

    def test_old_output_survives_a_failure(self, scene, capsys):
        scene.out.write_text("old")
        scene.records[1]["keypoints"].pop()
        said(scene, capsys)
        assert scene.out.read_text() == "old"


class TestModel:
    def test_unknown_name(self, scene, capsys):
        scene.model = scene.folder / "nothing"
        expected = f"model {scene.model}: expected a preset ("
        assert expected in said(scene, capsys)

    @pytest.mark.slow
    def test_weights_of_another_network(self, scene, capsys):
        other = dataclasses.replace(CONFIG, skeleton="coco17")
        scene.model = write_model(scene.folder / "other", weights_of=other)
        line = said(scene, capsys)
        assert f"{scene.model / folders.WEIGHTS}: expected the weights of this" in line

    @pytest.mark.slow
    def test_weights_that_are_none(self, scene, capsys):
        scene.model = write_model(scene.folder / "broken")
        weights = scene.model / folders.WEIGHTS
        weights.write_bytes(weights.read_bytes()[:1000])
        assert f"{weights}: expected the weights of this" in said(scene, capsys)
        weights.unlink()
        assert f"{weights}: expected trained weights" in said(scene, capsys)

    def test_folder_of_another_model(self, scene, capsys):
        scene.model = write_model(scene.folder / "other")
        path = scene.model / folders.CONFIG
        data = {**CONFIG.to_json(), "model": "alexnet"}
        path.write_text(json.dumps(data))
        assert "'alexnet'" in said(scene, capsys)
        path.write_text("{")
        assert str(path) in said(scene, capsys)
        path.unlink()
        assert str(path) in said(scene, capsys)

    def test_estimator_is_no_refiner(self, scene, capsys):
        scene.model = "hcrn_movenet_lsp14"
        line = said(scene, capsys)
        assert f"model {scene.model}: expected a refiner, found the estimator" in line
        assert "hcrn, which needs no poses (tfpose predict)" in line


class TestSharedJoints:
    def test_joints_of_another_order_are_the_same_joints(self, scene):
        _, expected = scene.refine()
        order = [LSP14.index(joint) for joint in CROWDPOSE14.joints]
        for record in scene.records:
            record["keypoints"] = joints(record)[order].ravel().tolist()
        report, found = scene.refine(skeleton=CROWDPOSE14)
        assert report["kept_joints"] == []
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(joints(one), joints(other)[order])

    def test_what_the_refiner_lacks_stays_to_the_digit(self, scene, capsys):
        _, expected = scene.refine(use_reliability=False)
        # MPII's pelvis and thorax, which LSP lacks; more digits than files are given.
        own = [5.123456, 6.654321, 0.5]
        for record in scene.records:
            known = dict(zip(LSP14.joints, joints(record).tolist(), strict=True))
            known = [known.get(joint, own) for joint in MPII16.joints]
            record["keypoints"] = np.ravel(known).tolist()
        assert scene.command("--refined-only", "--rescore") == 0
        said = capsys.readouterr().err
        assert "refines the 14 joints of mpii16 that" in said
        assert "knows by name; kept pelvis, thorax" in said
        shared = [LSP14.index(j) for j in MPII16.joints if j in LSP14.joints]
        kept = [j not in LSP14.joints for j in MPII16.joints]
        for one, other in zip(json.loads(scene.out.read_text()), expected, strict=True):
            refined = joints(one)
            assert refined[kept].tolist() == [own, own]
            moved = refined[~np.array(kept)]
            np.testing.assert_array_equal(moved[:, :2], joints(other)[shared, :2])
            assert one["score"] == pytest.approx(moved[:, 2].mean(), abs=1e-4)


class TestSkipBad:
    def test_bad_records_stay_as_they_were_and_the_others_are_refined(
        self, scene, capsys
    ):
        _, expected = scene.refine()
        good, bad = scene.records, []
        for spoil, _ in BAD_RECORDS.values():
            scene.records = [None, scene.pose(3, 10)]
            spoil(scene)
            bad.append(scene.records[1])
        # A bad record after each good one, and the rest at the end.
        scene.records = [r for pair in zip(good, bad, strict=False) for r in pair]
        scene.records += bad[len(good) :]
        report, refined = scene.refine(skip_bad=True)
        assert report["poses"] == len(refined) == len(good) + len(bad)
        assert (report["refined"], len(report["bad"])) == (len(good), len(bad))
        assert refined[: 2 * len(good) : 2] == expected
        # As text, for NaN is not equal to itself.
        kept = refined[1 : 2 * len(good) : 2] + refined[2 * len(good) :]
        assert json.dumps(kept) == json.dumps(bad)

    @cases(BAD_PHOTOS)
    def test_poses_of_a_bad_photo_stay_as_they_were(self, scene, capsys, spoil, words):
        truth = scene.annotate()
        spoil(scene)
        assert scene.command("--skip-bad", "--annotations", truth) == 0
        refined = json.loads(scene.out.read_text())
        for before, after in zip(scene.records, refined, strict=True):
            assert (before == after) == (before["image_id"] == 7)
        output = capsys.readouterr()
        assert "refined 2 of 5 poses" in output.out
        lines = output.err.splitlines()
        assert [line.split(": ")[2][:8] for line in lines] == [
            "record 0", "record 2", "record 4",
        ]  # fmt: skip

    def test_nothing_but_bad_records_are_all_kept(self, scene):
        scene.records = ["junk", 3]
        report, refined = scene.refine(skip_bad=True)
        assert refined == ["junk", 3] and report["refined"] == 0
        assert len(report["bad"]) == 2


@pytest.mark.parametrize(
    "activation, maps",
    [
        ("linear", [[0.1, 0.4], [0, 0.3]]),  # Gaussian maps, of any height
        ("softmax", np.log([[1, 4], [1e-9, 3]])),
    ],
)
def test_beliefs_are_made_of_either_kind_of_maps(activation, maps):
    class Network:
        input_size, stride, output, score_fit = (8, 8), 4, {}, None
        input, operations = dict.fromkeys(("keypoints", "valid")), ()

        def reader(self, score):
            return None

    Network.activation = activation
    outputs = {"heatmap": np.float32(maps)[None, :, :, None]}
    belief = Refiner(Network(), LSP14, None)._belief(outputs)
    np.testing.assert_allclose(
        belief[0, :, :, 0], [[1 / 8, 1 / 2], [0, 3 / 8]], atol=1e-5
    )


def test_near_copies_of_a_better_pose_are_dropped():
    pose = np.random.default_rng(0).uniform(20, 80, (14, 2))
    keypoints = np.stack([pose, pose + 0.1, pose + 30, pose])
    people = coco.Results(
        image_ids=np.array([1, 1, 1, 2]),
        keypoints=keypoints,
        scores=np.ones((4, 14)),
        pose_scores=np.array([0.5, 0.9, 0.1, 0.2]),
        entries=({},) * 4,
        positions=np.arange(4),
        file_entries=({},) * 4,
    )
    areas, sigmas = np.full(4, 60 * 60.0), LSP14.sigma_array
    assert refine_parts._duplicates(people, keypoints, areas, sigmas, 0.9) == [0]
    assert refine_parts._duplicates(people, keypoints, areas, sigmas, 1.0) == []
    equal = dataclasses.replace(people, pose_scores=np.ones(4))
    given = equal, keypoints, areas, sigmas, 0.9
    assert refine_parts._duplicates(*given) == [1]
    assert refine_parts._duplicates(*given, last=True) == [0]
