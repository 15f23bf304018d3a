"""tfpose predict: who is looked for, what is written, and what cannot be used."""

import json

import numpy as np
import pytest

from tests import dot_model
from tests.dot_model import DOTS, JOINTS
from tfpose import cli, poses, training, viz
from tfpose.estimate import Estimator, boxes_of, whole_photo
from tfpose.pose_entries import annotation_entry, annotations_json
from tfpose.predict import find_people, predict_files
from tfpose.recipes import RECIPES
from tfpose.skeleton import LSP14

BOX = (40, 10, 84, 96)  # around the dots
SHIFT = np.array([9, 5])  # of the dots of photo 7


@pytest.fixture(scope="module")
def estimators():
    """Dot finders by scales and flip, each made once: tracing takes seconds."""
    network, made = dot_model.build(), {}

    def load(name, scales, flip):
        if (scales, flip) not in made:
            made[scales, flip] = Estimator(network, DOTS, scales, flip)
        return made[scales, flip]

    return load


class Scene:
    """Two photos of dots and annotations with a box around each person."""

    def __init__(self, folder):
        self.folder, self.model = folder, "dots"
        self.images, self.out = folder / "photos", folder / "poses.json"
        self.images.mkdir()
        viz.write_image(self.images / "im3.png", dot_model.draw())
        viz.write_image(self.images / "im7.png", dot_model.draw(JOINTS + SHIFT))
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
        poses.write_json(path, annotations_json(LSP14, self.photos, self.people))
        return str(path)

    def predict(self, **options):
        """The report and the entries that are written."""
        options = {"scales": (1.0,), "flip": False, **options}
        report = predict_files(self.model, str(self.images), str(self.out), **options)
        return report, json.loads(self.out.read_text())

    def command(self, *flags):
        """The exit code of ``tfpose predict``."""
        arguments = {"--model": self.model, "--images": self.images, "--out": self.out}
        words = [str(word) for pair in arguments.items() for word in pair]
        return cli.main(["predict", *words, *map(str, flags)])


@pytest.fixture
def scene(tmp_path, estimators, monkeypatch):
    load = Estimator.load

    def load_dots(name, scales, flip):
        return (estimators if name == "dots" else load)(name, scales, flip)

    monkeypatch.setattr(Estimator, "load", load_dots)
    return Scene(tmp_path)


def points(entry):
    return np.reshape(entry["keypoints"], (3, 3))


# --- what is written -------------------------------------------------------------


def test_every_box_of_the_annotations_gets_a_pose(scene):
    scene.people.append(scene.person(50, 3, (0, 0, 50, 50), iscrowd=1))
    report, entries = scene.predict(annotations=scene.annotate())
    assert report == {"photos": 2, "poses": 2}
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
    assert report == {"photos": 1, "poses": 2}
    assert [entry["annotation_id"] for entry in entries] == [1, 2]
    assert entries[0]["keypoints"] != entries[1]["keypoints"]


def test_without_annotations_the_number_in_a_photos_name_is_its_id(scene):
    report, entries = scene.predict(single=True)
    assert report == {"photos": 2, "poses": 2}
    assert [entry["image_id"] for entry in entries] == [3, 7]
    for entry, shift in zip(entries, (0, SHIFT), strict=True):
        assert "annotation_id" not in entry
        np.testing.assert_allclose(points(entry)[:, :2], JOINTS + shift, atol=1.0)


def test_one_person_of_a_photo_is_looked_at_twice(scene):
    # Somebody small in the middle: 40 px of 400.
    photo = dot_model.draw(JOINTS + [120, 90], height=300, width=400)
    for path in scene.images.iterdir():
        path.unlink()
    viz.write_image(scene.images / "1.png", photo)
    _, (entry,) = scene.predict(single=True)
    look = Estimator.load("dots", (1.0,), False)
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
    assert report == {"photos": 0, "poses": 0} and entries == []


def test_what_is_written_is_read_as_results_of_the_models_skeleton(scene):
    scene.predict(single=True)
    results, bad = poses.read_results(scene.out, DOTS)
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
    assert json.loads(numbers.read_text()) == {"photos": 2, "poses": 2}
    output = capsys.readouterr()
    assert output.out == f"wrote {scene.out}: 2 poses in 2 photos\n"
    assert output.err == ""


def test_people_come_photo_by_photo_in_the_order_of_the_file(scene):
    scene.people = [
        scene.person(number, image_id, (number, 0, 10, 10))
        for number, image_id in ((1, 7), (2, 3), (3, 7))
    ]
    people = find_people(str(scene.images), scene.annotate(), single=False)
    by_photo = {}
    for person in people:
        by_photo.setdefault(person.image_id, []).append(person.extra["annotation_id"])
        assert person.box[0] == person.extra["annotation_id"]
        assert person.path == scene.images / f"im{person.image_id}.png"
    assert by_photo == {7: [1, 3], 3: [2]}
    ids = [person.image_id for person in people]
    assert ids in ([3, 7, 7], [7, 7, 3])


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


def test_boxes_or_one_person_a_photo_must_be_asked_for(scene, capsys):
    line = said(scene, capsys)
    assert f"{scene.images}: expected --annotations with a box" in line
    assert "--single" in line


def test_a_missing_photo_is_named_after_others_were_found(scene, capsys):
    truth = scene.annotate()
    (scene.images / "im7.png").unlink()
    line = said(scene, capsys, "--annotations", truth, *FAST)
    expected = f"{scene.images / 'im7.png'}: expected a photo, found No such file"
    assert expected in line


def test_a_damaged_photo_is_named(scene, capsys):
    (scene.images / "im7.png").write_bytes(b"hello")
    line = said(scene, capsys, "--single", *FAST)
    assert f"{scene.images / 'im7.png'}: expected a photo (JPEG or PNG)" in line


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
    assert "expected photos with numbers" in said(scene, capsys, "--single")
    scene.images = scene.folder / "nowhere"
    line = said(scene, capsys, "--single")
    assert f"{scene.images}: expected a folder of photos, found none" in line


def test_two_photos_of_one_number_are_named(scene, capsys):
    viz.write_image(scene.images / "7.png", dot_model.draw())
    line = said(scene, capsys, "--single")
    assert "7.png and im7.png both have the number 7" in line


def test_an_output_that_cannot_be_written_is_said_before_the_work(scene, capsys):
    scene.out = scene.folder / "nowhere" / "poses.json"
    line = said(scene, capsys, "--single")
    assert f"{scene.out}: expected an existing folder" in line


def test_old_output_survives_a_failure(scene, capsys):
    scene.out.write_text("old")
    (scene.images / "im7.png").write_bytes(b"")
    said(scene, capsys, "--single", *FAST)
    assert scene.out.read_text() == "old"


def test_a_model_that_is_no_estimator_is_refused(scene, capsys, monkeypatch):
    class Refiner:
        input = {"image": None, "keypoints": None, "valid": None}

    config = RECIPES["posefix"]["tiny"]()
    monkeypatch.setattr(training, "load_model", lambda folder: (Refiner, config))
    scene.model = scene.folder
    line = said(scene, capsys, "--single")
    assert f"model {scene.model}: expected an estimator, found the refiner" in line
    scene.model = scene.folder / "nowhere"
    assert "expected a model folder" in said(scene, capsys, "--single")


@pytest.mark.parametrize(
    "scales, words",
    [
        ("1,big", "--scales 1,big: expected numbers such as 0.8,1.0,1.2"),
        ("", "--scales : expected numbers"),
        ("1,0", "scales: expected positive numbers, got [1.0, 0.0]"),
    ],
)
def test_scales_that_are_no_sizes_are_refused(scene, capsys, scales, words):
    assert words in said(scene, capsys, "--single", f"--scales={scales}")
