"""tfpose predict: who is looked for, what is written, and what cannot be used."""

import dataclasses
import json
import pathlib
import types

import keras
import numpy as np
import pytest

from tests.support import dot_model, fixed_detector
from tests.support.dot_model import DOTS, JOINTS
from tfpose import cli, drawing
from tfpose.errors import InputWarning
from tfpose.evaluation.protocols import PROTOCOLS, Protocol
from tfpose.geometry.crops import boxes_of, whole_photo
from tfpose.inference import people as finders
from tfpose.inference import predict_work
from tfpose.inference.estimator import Estimator
from tfpose.inference.predict_files import predict_files
from tfpose.inference.refine_files import refine_file
from tfpose.inference.refiner import Refiner
from tfpose.inference.reliability import Calibration
from tfpose.io import coco, files, photos
from tfpose.io.coco_records import annotation_entry, annotations_json
from tfpose.models.base import RefinementModel
from tfpose.recipes import RECIPES
from tfpose.skeletons import LSP14

BOX = (40, 10, 84, 96)  # around the dots
SHIFT = np.array([9, 5])  # of the dots of photo 7


@pytest.fixture(scope="module")
def estimators():
    """Dot finders by scales and flip, each made once: tracing takes seconds."""
    made = {}

    def of(model, config, scales, flip, name, protocol):
        assert config.skeleton == DOTS and name == "dots"
        key = scales, flip, protocol is None
        if key not in made:
            made[key] = Estimator(model, DOTS, scales, flip, protocol=protocol)
        return made[key]

    return of


@pytest.fixture(scope="module")
def dots():
    """The model "dots" and what is known of its training."""
    return dot_model.build(), types.SimpleNamespace(skeleton=DOTS, model="dots")


class Scene:
    """Two photos of dots and annotations with a box around each person."""

    def __init__(self, folder):
        self.folder, self.model = folder, "dots"
        self.images, self.out = folder / "photos", folder / "poses.json"
        self.images.mkdir()
        drawing.write_image(self.images / "im3.png", dot_model.draw())
        drawing.write_image(self.images / "im7.png", dot_model.draw(JOINTS + SHIFT))
        self.photos = [
            {"id": 3, "file_name": "im3.png"},
            {"id": 7, "file_name": "im7.png"},
        ]
        # Of joints of another kind: nobody looks at them.
        moved = (BOX[0] + SHIFT[0], BOX[1] + SHIFT[1], *BOX[2:])
        self.people = [self.person(41, 7, moved), self.person(42, 3, BOX)]

    def person(self, annotation_id, image_id, box, **extra):
        nothing, unseen = np.zeros((14, 2)), np.zeros(14, int)
        return annotation_entry(
            annotation_id, image_id, nothing, unseen, box, 1.0, **extra
        )

    def annotate(self):
        path = self.folder / "truth.json"
        files.write_json(path, annotations_json(LSP14, self.photos, self.people))
        return str(path)

    def predict(self, **options):
        """The report and the entries that are written."""
        options = {"scales": (1.0,), "flip": False, **options}
        given = options.pop("given", [self.images])
        report = predict_files(
            self.model, list(map(str, given)), str(self.out), **options
        )
        out = self.out if self.out.suffix else self.out / "poses.json"
        return report, json.loads(out.read_text())

    def command(self, *flags):
        """The exit code of ``tfpose predict``."""
        arguments = {"--model": self.model, "--images": self.images, "--out": self.out}
        words = [str(word) for pair in arguments.items() for word in pair]
        return cli.main(["predict", *words, *map(str, flags)])


@pytest.fixture
def scene(tmp_path, dots, estimators, monkeypatch):
    load, of = predict_work.load_model, Estimator.of

    def load_dots(name):
        return dots if name == "dots" else load(name)

    def of_dots(*given, name, protocol):
        kind = estimators if name == "dots" else of
        return kind(*given, name=name, protocol=protocol)

    monkeypatch.setattr(predict_work, "load_model", load_dots)
    monkeypatch.setattr(Estimator, "of", of_dots)
    monkeypatch.chdir(tmp_path)
    recipe = RECIPES["simple_baseline"]["tiny"]()
    write_folder("dots", dataclasses.replace(recipe, skeleton=DOTS))
    return Scene(tmp_path)


def write_folder(name, config):
    """A model folder that says what it is; nobody reads its weights."""
    pathlib.Path(name).mkdir()
    files.write_json(pathlib.Path(name, "config.json"), config.to_json())
    pathlib.Path(name, "model.weights.h5").touch()


def points(entry):
    return np.reshape(entry["keypoints"], (3, 3))


# --- what is written -------------------------------------------------------------


@pytest.mark.slow
def test_every_box_of_the_annotations_gets_a_pose(scene):
    scene.people.append(scene.person(50, 3, (0, 0, 50, 50), iscrowd=1))
    report, entries = scene.predict(annotations=scene.annotate())
    assert report == {
        "photos": 2, "poses": 2, "nobody": [], "numbered": [], "unlisted": [],
        "kept_joints": [],
    }  # fmt: skip
    found = {entry["annotation_id"]: entry for entry in entries}
    assert {name: entry["image_id"] for name, entry in found.items()} == {41: 7, 42: 3}
    np.testing.assert_allclose(points(found[42])[:, :2], JOINTS, atol=0.8)
    np.testing.assert_allclose(points(found[41])[:, :2], JOINTS + SHIFT, atol=0.8)
    for entry in entries:
        scores = points(entry)[:, 2]
        assert (scores > 0.8).all() and (scores <= 1).all()
        assert entry["score"] == pytest.approx(scores.mean(), abs=1e-3)
        assert entry["category_id"] == 1


def test_a_photo_with_two_boxes_has_two_poses(scene):
    empty = (100, 60, 40, 50)
    scene.people = [scene.person(1, 3, BOX), scene.person(2, 3, empty)]
    report, entries = scene.predict(annotations=scene.annotate())
    assert (report["photos"], report["poses"]) == (1, 2)
    assert [entry["annotation_id"] for entry in entries] == [1, 2]
    assert entries[0]["keypoints"] != entries[1]["keypoints"]


def test_without_annotations_the_number_in_a_photos_name_is_its_id(scene):
    report, entries = scene.predict(single=True)
    assert report == {
        "photos": 2, "poses": 2, "nobody": [], "numbered": [], "unlisted": [],
        "kept_joints": [],
    }  # fmt: skip
    assert [entry["image_id"] for entry in entries] == [3, 7]
    for entry, shift in zip(entries, (0, SHIFT), strict=True):
        assert "annotation_id" not in entry
        np.testing.assert_allclose(points(entry)[:, :2], JOINTS + shift, atol=1.0)


def test_one_person_of_a_photo_is_looked_at_twice(scene, dots):
    # Somebody small in the middle: 40 px of 400.
    photo = dot_model.draw(JOINTS + [120, 90], height=300, width=400)
    for path in scene.images.iterdir():
        path.unlink()
    drawing.write_image(scene.images / "1.png", photo)
    _, (entry,) = scene.predict(single=True)
    look = Estimator(dots[0], DOTS, (1.0,), False)
    first, _ = look(photo, whole_photo(photo))
    second, scores = look(photo, boxes_of(first))
    np.testing.assert_allclose(points(entry)[:, :2], second[0], atol=2e-3)
    np.testing.assert_allclose(points(entry)[:, 2], scores[0], atol=1e-3)
    errors = [np.abs(pose[0] - JOINTS - [120, 90]).max() for pose in (first, second)]
    assert errors[1] < 1 < errors[0]


def test_annotations_name_the_photos_of_one_person_each(scene):
    scene.photos[0]["id"], scene.photos[1]["id"], scene.people = 70, 30, []
    _, entries = scene.predict(annotations=scene.annotate(), single=True)
    found = {entry["image_id"]: points(entry)[:, :2] for entry in entries}
    np.testing.assert_allclose(found[70], JOINTS, atol=1.0)
    np.testing.assert_allclose(found[30], JOINTS + SHIFT, atol=1.0)


def test_annotations_without_people_give_an_empty_file(scene):
    scene.people = []
    report, entries = scene.predict(annotations=scene.annotate())
    assert (report["photos"], report["poses"], entries) == (0, 0, [])


def test_what_is_written_is_read_as_results_of_the_models_skeleton(scene):
    scene.predict(single=True)
    results, bad = coco.read_results(scene.out, DOTS)
    assert not bad and results.image_ids.tolist() == [3, 7]
    np.testing.assert_allclose(results.keypoints[0], JOINTS, atol=1.0)


def test_the_command_writes_the_same_file(scene, capsys):
    truth = scene.annotate()
    _, expected = scene.predict(annotations=truth)
    scene.out.unlink()
    numbers = scene.folder / "numbers.json"
    flags = ("--annotations", truth, "--scales", "1", "--no-flip", "--json", numbers)
    assert scene.command(*flags) == 0
    assert json.loads(scene.out.read_text()) == expected
    report = json.loads(numbers.read_text())
    assert report == {
        "photos": 2, "poses": 2, "nobody": [], "numbered": [], "unlisted": [],
        "kept_joints": [],
    }  # fmt: skip
    output = capsys.readouterr()
    assert output.out == f"wrote {scene.out}: 2 poses in 2 photos\n"
    assert output.err == ""


def test_people_come_photo_by_photo_in_the_order_of_the_file(scene):
    moved = (BOX[0] + SHIFT[0], BOX[1] + SHIFT[1], *BOX[2:])
    scene.people = [
        scene.person(number, image_id, box)
        for number, image_id, box in ((1, 7, moved), (2, 3, BOX), (3, 7, BOX))
    ]
    _, entries = scene.predict(annotations=scene.annotate())
    assert [entry["annotation_id"] for entry in entries] == [2, 1, 3]
    assert [entry["file_name"] for entry in entries] == [
        "im3.png",
        "im7.png",
        "im7.png",
    ]
    np.testing.assert_allclose([e["bbox"] for e in entries], [BOX, moved, BOX])


# --- which photos ----------------------------------------------------------------


def test_a_photo_can_be_given_alone(scene):
    _, entries = scene.predict(given=[scene.images / "im7.png"], single=True)
    assert [entry["image_id"] for entry in entries] == [7]


def test_new_image_ids_are_said(scene, capsys):
    drawing.write_image(scene.images / "anna.png", dot_model.draw())
    report, entries = scene.predict(single=True)
    found = {entry["file_name"]: entry["image_id"] for entry in entries}
    assert found == {"anna.png": 8, "im3.png": 3, "im7.png": 7}
    assert report["numbered"] == ["anna.png"]
    assert scene.command("--single", *FAST) == 0
    assert capsys.readouterr().err.startswith("1 photos without a number of their own")


def test_annotations_choose_among_the_photos(scene):
    scene.photos.append({"id": 9, "file_name": "sub/im9.png"})
    drawing.write_image(scene.images / "sub" / "im9.png", dot_model.draw())
    scene.people.append(scene.person(50, 9, BOX))
    truth = scene.annotate()
    given = [scene.images / "sub" / "im9.png", scene.images / "im7.png"]
    _, entries = scene.predict(given=given, annotations=truth)
    assert [entry["annotation_id"] for entry in entries] == [41, 50]
    _, entries = scene.predict(annotations=truth)
    assert [entry["annotation_id"] for entry in entries] == [42, 41, 50]
    assert entries[2]["file_name"] == "sub/im9.png"


# --- who is there ----------------------------------------------------------------


def write_boxes(scene, *records):
    path = scene.folder / "boxes.json"
    path.write_text(json.dumps(records))
    return str(path)


def box_of(image_id, box=BOX, **more):
    sides = [float(side) for side in box]
    return {"image_id": image_id, "category_id": 1, "bbox": sides, **more}


def test_every_box_of_a_results_file_gets_a_pose(scene):
    moved = (BOX[0] + SHIFT[0], BOX[1] + SHIFT[1], *BOX[2:])
    boxes = write_boxes(
        scene, box_of(7, moved, score=0.5), box_of(7, category_id=2), box_of(3)
    )
    with pytest.warns(InputWarning, match="left out boxes .*: 1 of 2"):
        report, entries = scene.predict(boxes=boxes)
    assert report == {
        "photos": 2, "poses": 2, "nobody": [], "numbered": [], "unlisted": [],
        "kept_joints": [],
    }  # fmt: skip
    sure, doubtful = entries
    assert (sure["image_id"], doubtful["image_id"]) == (3, 7)
    assert sure["bbox"] == list(BOX) and doubtful["bbox"] == list(moved)
    np.testing.assert_allclose(points(sure)[:, :2], JOINTS, atol=0.8)
    np.testing.assert_allclose(points(doubtful)[:, :2], JOINTS + SHIFT, atol=0.8)
    # A pose in a doubtful box is doubtful.
    means = [points(entry)[:, 2].mean() for entry in entries]
    assert sure["score"] == pytest.approx(means[0], rel=1e-3)
    assert doubtful["score"] == pytest.approx(0.5 * means[1], rel=1e-3)


def test_doubtful_boxes_are_left_out_where_asked(scene):
    boxes = write_boxes(scene, box_of(7, score=0.5), box_of(3, score=0.6))
    report, entries = scene.predict(boxes=boxes, detection_score=0.55)
    assert [entry["image_id"] for entry in entries] == [3]
    assert report["nobody"] == ["im7.png"] and report["photos"] == 2


def test_boxes_of_other_photos_do_not_matter_to_a_single_one(scene):
    boxes = write_boxes(scene, box_of(3), box_of(7), box_of(90))
    _, entries = scene.predict(given=[scene.images / "im7.png"], boxes=boxes)
    assert [entry["image_id"] for entry in entries] == [7]


def test_annotations_say_which_photo_a_box_is_of(scene):
    scene.photos[0]["id"], scene.photos[1]["id"], scene.people = 70, 30, []
    boxes = write_boxes(scene, box_of(70))
    report, (entry,) = scene.predict(boxes=boxes, annotations=scene.annotate())
    assert entry["image_id"] == 70 and entry["file_name"] == "im3.png"
    assert report["nobody"] == ["im7.png"]


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """Sees somebody in two boxes of any photo; the first is around the dots."""
    width, height = dot_model.WIDTH, dot_model.HEIGHT
    left, top = BOX[0] / width, BOX[1] / height
    right, bottom = left + BOX[2] / width, top + BOX[3] / height
    corners = [[top, left, bottom, right], [0, 0, 1, 0.5]]
    folder = tmp_path_factory.mktemp("detector")
    # Its scores grow with the brightness of a photo; these are dark.
    return fixed_detector.save(folder, corners, (20.0, 8.0), (1, 1))


def test_a_detector_says_who_is_there(scene, detector):
    _, entries = scene.predict(detector=detector, detection_score=0.0)
    assert [entry["image_id"] for entry in entries] == [3, 3, 7, 7]
    np.testing.assert_allclose(entries[0]["bbox"], BOX, atol=2e-3)
    np.testing.assert_allclose(points(entries[0])[:, :2], JOINTS, atol=0.8)
    brightness = dot_model.draw().mean() / 255
    expected = 20 * brightness * points(entries[0])[:, 2].mean()
    assert entries[0]["score"] == pytest.approx(expected, rel=1e-3)
    least = 10 * brightness
    _, entries = scene.predict(detector=detector, detection_score=least)
    assert [entry["image_id"] for entry in entries] == [3, 7]


def test_without_boxes_the_packages_detector_says_who_is_there(scene, monkeypatch):
    asked = []

    def load(path, least):
        asked.append((path, least))

        def detect(photo):
            found = np.float32([BOX])[: int((photo == dot_model.draw()).all())]
            return found, np.full(len(found), least or 0.35, np.float32)

        return detect

    monkeypatch.setattr(finders, "load_detector", load)
    report, (entry,) = scene.predict()
    assert entry["image_id"] == 3 and entry["bbox"] == list(BOX)
    assert entry["score"] == pytest.approx(0.35 * points(entry)[:, 2].mean())
    assert report["nobody"] == ["im7.png"]
    _, (entry,) = scene.predict(detection_score=0.6)
    assert entry["score"] == pytest.approx(0.6 * points(entry)[:, 2].mean())
    assert asked == [(None, None), (None, 0.6)]


def test_of_two_boxes_on_one_person_the_best_pose_stays(scene):
    nearly, other = (42, 11, 82, 95), (0, 0, 60, 110)
    boxes = [
        box_of(3, nearly, score=0.8),
        box_of(3, other, score=0.5),
        box_of(3, score=0.9),
        box_of(7, score=0.4),
    ]
    _, entries = scene.predict(boxes=write_boxes(scene, *boxes))
    # Another box is another person, and so is the same box in another photo.
    assert [entry["image_id"] for entry in entries] == [3, 3, 7]
    assert [entry["bbox"] for entry in entries[:2]] == [list(other), list(BOX)]


def test_annotated_people_are_never_taken_for_one(scene):
    scene.people = [scene.person(1, 3, BOX), scene.person(2, 3, BOX)]
    _, entries = scene.predict(annotations=scene.annotate())
    assert [entry["annotation_id"] for entry in entries] == [1, 2]


@pytest.fixture
def of_dots(monkeypatch):
    """Gives dots an official protocol."""

    def give(**settings):
        joints = (tuple(DOTS.standard_joints),)
        row = Protocol("dots", "nobody", joints, {"oks": {}}, **settings)
        monkeypatch.setitem(PROTOCOLS, "dots", row)

    return give


def test_a_protocol_rates_poses_and_drops_near_copies_of_annotated_people_too(
    scene, of_dots
):
    of_dots(near_copies=0.9, cut_boxes=True, joint_score=0.5)
    # Of equally good poses the last stays; the third box is beside the dots.
    boxes = BOX, BOX, (100, 60, 90, 90)
    scene.people = [scene.person(n, 3, box) for n, box in enumerate(boxes, start=1)]
    truth = scene.annotate()
    _, entries = scene.predict(annotations=truth, protocol="official")
    assert [entry["annotation_id"] for entry in entries] == [2, 3]
    first, last = entries
    np.testing.assert_allclose(points(first)[:, :2], JOINTS, atol=1.2)
    assert first["score"] == pytest.approx(points(first)[:, 2].mean(), rel=1e-3)
    # A pixel smaller; the other ends where the photo does.
    assert first["bbox"] == [40, 10, 83, 95] and last["bbox"] == [100, 60, 59, 59]
    scores = points(last)[:, 2]
    assert scores.min() < 0.5, "these do not count"
    counted = scores[scores > 0.5]
    expected = counted.mean() if len(counted) else 0
    assert last["score"] == pytest.approx(expected, rel=1e-3)


def test_a_protocol_may_look_at_the_middle_of_photos_only(scene, of_dots):
    of_dots(by_photo=True)
    _, entries = scene.predict(annotations=scene.annotate(), protocol="official")
    assert [entry["image_id"] for entry in entries] == [3, 7]
    for entry in entries:
        # 160 x 120 px about (79.5, 59.5): the crop's height is the photo's.
        assert entry["bbox"] == pytest.approx([43.5 + 0.5, 12, 72, 96], abs=0.01)
        assert not entry.get("annotation_id")


def test_a_photo_with_nobody_is_said_and_is_no_failure(scene, capsys):
    scene.out = scene.folder / "out"
    assert scene.command(*FAST) == 0
    assert json.loads((scene.out / "poses.json").read_text()) == []
    output = capsys.readouterr()
    assert output.err == "found nobody: im3.png\nfound nobody: im7.png\n"
    assert output.out == f"wrote {scene.out}: 0 poses in 2 photos\n"
    picture = photos.read(scene.out / "im3.jpg").astype(int)
    changed = np.abs(picture - dot_model.draw()).max(axis=-1) > 60
    # A caption in the upper left corner, nothing elsewhere.
    assert changed.any() and not changed[40:].any()


# --- pictures --------------------------------------------------------------------


def test_a_folder_gets_the_poses_and_a_picture_of_each_photo(scene):
    scene.out = scene.folder / "runs" / "out"
    _, entries = scene.predict(annotations=scene.annotate())
    there = sorted(path.name for path in scene.out.iterdir())
    assert there == ["im3.jpg", "im7.jpg", "poses.json"]
    assert not list(scene.folder.rglob(".*")), "nothing unfinished"
    for entry, shift in zip(entries, (0, SHIFT), strict=True):
        picture = photos.read(scene.out / f"im{entry['image_id']}.jpg").astype(int)
        for x, y in np.round(JOINTS + shift).astype(int):
            assert np.abs(picture[y, x] - drawing.PEOPLE[0]).max() < 80
    scene.out = scene.folder / "poses.json"
    assert scene.predict(annotations=scene.annotate())[1] == entries


def test_limbs_are_as_thick_as_the_person_is_large(scene, monkeypatch):
    widths = []

    def draw(picture, keypoints, valid, skeleton, color, thickness):
        widths.append(thickness)
        return picture

    monkeypatch.setattr(drawing, "draw_pose", draw)
    for path in scene.images.iterdir():
        path.unlink()
    photo = dot_model.draw(height=600, width=900)
    drawing.write_image(scene.images / "3.png", photo)
    sides = (60, 150, 900)
    boxes = write_boxes(scene, *(box_of(3, (0, 0, side, 50)) for side in sides))
    scene.out = scene.folder / "out"
    scene.predict(boxes=boxes)
    assert widths == [1, 2, 4]


def test_what_else_is_in_the_folder_stays(scene):
    scene.out = scene.folder / "out"
    drawing.write_image(scene.out / "older.jpg", dot_model.draw())
    (scene.out / "poses.json").write_text("old")
    _, entries = scene.predict(single=True)
    assert len(entries) == 2 and (scene.out / "older.jpg").exists()


def test_photos_of_one_name_have_a_picture_each(scene):
    drawing.write_image(scene.images / "im7.jpg", dot_model.draw())
    scene.out = scene.folder / "out"
    _, entries = scene.predict(single=True)
    pictures = {path.name for path in scene.out.glob("*.jpg")}
    expected = {f"{e['file_name'][:-4]}_{e['image_id']}.jpg" for e in entries}
    assert pictures == expected and len(pictures) == 3


# --- refiners --------------------------------------------------------------------


@pytest.fixture(scope="module")
def dot_refiner():
    """A refiner that looks for the dots again, and is not sure of them."""
    estimator = dot_model.build()
    inputs = {
        "image": keras.Input((*dot_model.SIZE, 3), name="image"),
        "keypoints": keras.Input((3, 2), name="keypoints"),
        "valid": keras.Input((3,), name="valid"),
    }
    maps = estimator({"image": inputs["image"]})["heatmap"][..., :3]
    nothing = keras.ops.sum(inputs["keypoints"], axis=(1, 2)) * 0
    maps = maps + nothing[:, None, None, None]
    outputs = {"heatmap": maps, "keypoints": inputs["keypoints"]}
    model = RefinementModel(inputs, outputs, {"joints": 3}, activation="softmax")
    return Refiner(model, DOTS, Calibration())


@pytest.mark.slow
def test_refined_poses_are_those_of_tfpose_refine(scene, dot_refiner, monkeypatch):
    monkeypatch.setattr(Refiner, "from_preset", lambda name: dot_refiner)
    truth = scene.annotate()
    _, plain = scene.predict(annotations=truth)
    refined = scene.folder / "refined.json"
    refine_file("dots", str(scene.out), str(scene.images), str(refined))
    _, found = scene.predict(annotations=truth, refiner="dots")
    for one, expected, before in zip(
        found, json.loads(refined.read_text()), plain, strict=True
    ):
        np.testing.assert_allclose(points(one), points(expected), atol=5e-3)
        assert np.abs(points(one) - points(before)).max() > 0.05
        assert {**one, "keypoints": 0} == {**before, "keypoints": 0}


def test_nobody_is_refined_to_nobody(scene, dot_refiner, monkeypatch):
    monkeypatch.setattr(Refiner, "from_preset", lambda name: dot_refiner)
    scene.people = []
    _, entries = scene.predict(annotations=scene.annotate(), refiner="dots")
    assert entries == []


def test_a_refiner_of_other_joints_is_refused(scene, capsys):
    line = said(scene, capsys, "--single", "--refine", "posefix_tiny_lsp", *FAST)
    assert "dots: expected at least 4 joints named as those of posefix_tiny_lsp" in line
    assert line.endswith("found none in dots")


# --- what cannot be used ---------------------------------------------------------


def said(scene, capsys, *flags):
    """The one line of a command that failed and left nothing behind."""
    there = set(scene.folder.rglob("*"))
    assert scene.command(*flags) == 2
    assert set(scene.folder.rglob("*")) == there, "no output, whole or half"
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("tfpose: error: ")
    return line


FAST = ("--scales", "1", "--no-flip")


def test_photos_must_be_given(capsys):
    assert cli.main(["predict"]) == 2
    error = capsys.readouterr().err
    assert error == (
        "tfpose: error: predict: expected photos or folders of photos, found none\n"
    )


def test_only_one_can_say_who_is_there(scene, capsys):
    line = said(scene, capsys, "--single", "--boxes", "b.json")
    assert line.endswith("predict: expected only one of --boxes, --single")
    line = said(scene, capsys, "--single", "--detector", "d", "--boxes", "b")
    assert "expected only one of --boxes, --detector, --single" in line
    assert "expected 0 to 1, found 2" in said(scene, capsys, "--detection_score", 2)


def test_annotations_may_list_photos_that_are_elsewhere(scene):
    (scene.images / "im7.png").unlink()
    report, entries = scene.predict(annotations=scene.annotate())
    assert (report["photos"], [entry["image_id"] for entry in entries]) == (1, [3])


def test_photos_that_the_annotations_lack_are_counted(scene, capsys):
    scene.photos, scene.people = scene.photos[:1], scene.people[1:]
    assert scene.command("--annotations", scene.annotate(), *FAST) == 0
    said = capsys.readouterr().err
    assert f"left out 1 photos that {scene.folder / 'truth.json'} does not list" in said


def test_a_damaged_photo_is_named(scene, capsys):
    (scene.images / "im7.png").write_bytes(b"hello")
    line = said(scene, capsys, "--single", *FAST)
    assert f"{scene.images / 'im7.png'}: expected a photo (JPEG, PNG, ...)" in line


def test_an_image_without_a_file_name_is_named(scene, capsys):
    del scene.photos[1]["file_name"]
    truth = scene.annotate()
    for flags in ((), ("--single",)):
        line = said(scene, capsys, "--annotations", truth, *flags)
        assert f"{truth}: image 7: expected a file_name, found None" in line


def test_annotations_that_are_none_are_named(scene, capsys):
    path = scene.folder / "truth.json"
    path.write_text("[]")
    line = said(scene, capsys, "--annotations", path)
    assert f"{path}: expected an object with the lists" in line


def test_a_folder_without_photos_is_named(scene, capsys):
    for path in scene.images.iterdir():
        path.unlink()
    expected = f"{scene.images}: expected photos (.jpg, .jpeg, .jpe, "
    assert expected in said(scene, capsys, "--single")
    scene.images = scene.folder / "nowhere"
    line = said(scene, capsys, "--single")
    expected = f"{scene.images}: expected a photo or a folder of photos, found none"
    assert expected in line


def test_a_photo_that_annotations_do_not_know_is_named(scene, capsys):
    truth = scene.annotate()
    drawing.write_image(scene.folder / "im9.png", dot_model.draw())
    scene.images = scene.folder / "im9.png"
    line = said(scene, capsys, "--annotations", truth)
    assert f"{scene.images}: expected one of the 2 photos of {truth}, found" in line


def test_a_box_of_no_photo_is_named(scene, capsys):
    boxes = write_boxes(scene, box_of(3), box_of(9))
    line = said(scene, capsys, "--boxes", boxes)
    assert line.endswith(
        f"{boxes}: image_id 9: expected a box in one of the 2 photos, by the number in "
        "its name, found no such photo"
    )
    boxes = write_boxes(scene, box_of(8), box_of(9))
    scene.images = scene.images / "im3.png"
    assert "image_id 8: expected a box in one of" in said(
        scene, capsys, "--boxes", boxes
    )


def test_a_box_of_two_photos_is_named(scene, capsys):
    drawing.write_image(scene.images / "7.png", dot_model.draw())
    boxes = write_boxes(scene, box_of(3), box_of(7))
    line = said(scene, capsys, "--boxes", boxes)
    both = f"{scene.images / '7.png'} and {scene.images / 'im7.png'}"
    assert "image_id 7: " in line and line.endswith(f"found {both}")


def test_a_box_outside_its_photo_is_named(scene, capsys):
    boxes = write_boxes(scene, box_of(7), box_of(3, (170, 0, 20, 20)))
    line = said(scene, capsys, "--boxes", boxes, *FAST)
    photo = scene.images / "im3.png"
    assert f"image_id 3: expected a box in {photo} of 160 x 120 px, found [170" in line


def test_a_bad_record_of_boxes_is_named(scene, capsys):
    boxes = write_boxes(scene, box_of(3), {"image_id": 7})
    line = said(scene, capsys, "--boxes", boxes)
    assert f"{boxes}: record 1 (image_id 7): expected the key 'bbox'" in line


def test_a_folder_that_is_no_detector_is_named(scene, capsys):
    line = said(scene, capsys, "--detector", scene.images)
    assert f"{scene.images}: expected a .tflite file, an .onnx file, or the" in line
    line = said(scene, capsys, "--detector", scene.images / "a.tflite")
    assert f"{scene.images / 'a.tflite'}: expected a .tflite file, an .onnx" in line


def test_an_output_that_cannot_be_written_is_said_before_the_work(scene, capsys):
    scene.out = scene.folder / "nowhere" / "poses.json"
    line = said(scene, capsys, "--single")
    assert f"{scene.out}: expected an existing folder" in line
    scene.out = scene.images / "im3.png" / "out"
    line = said(scene, capsys, "--single")
    assert f"{scene.out}: expected a folder to write into, found {scene.images}" in line
    scene.out = scene.images
    line = said(scene, capsys, "--single")
    assert f"{scene.out}: expected a folder other than the photos'" in line


def test_pictures_that_fail_leave_nothing_behind(scene, capsys, monkeypatch):
    def full(path, picture):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(drawing, "write_image", full)
    scene.out = scene.folder / "runs" / "out"
    line = said(scene, capsys, "--single", *FAST)
    assert f"{scene.out}: cannot write: No space left on device" in line


def test_old_output_survives_a_failure(scene, capsys):
    scene.out.write_text("old")
    (scene.images / "im7.png").write_bytes(b"")
    said(scene, capsys, "--single", *FAST)
    assert scene.out.read_text() == "old"


def test_a_model_that_is_no_estimator_is_refused(scene, capsys):
    write_folder("other", RECIPES["posefix"]["tiny"]())
    scene.model = "other"
    line = said(scene, capsys, "--single")
    assert f"model {scene.model}: expected an estimator, found the refiner" in line


def test_a_model_that_is_not_there_is_named(scene, capsys):
    scene.model = scene.folder / "nowhere"
    assert "nowhere: expected a preset (" in said(scene, capsys, "--single")


@pytest.mark.parametrize(
    "scales, words",
    [
        ("1,big", "--scales 1,big: expected positive numbers such as 0.8,1.0,1.2"),
        ("", "--scales : expected positive numbers"),
        ("1,0", "--scales 1,0: expected positive numbers"),
    ],
)
def test_scales_that_are_no_sizes_are_refused(scene, capsys, scales, words):
    assert words in said(scene, capsys, "--single", f"--scales={scales}")
