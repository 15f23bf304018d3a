"""Data sets in COCO's form: which files are read, and every importer's records."""

import json

import cv2
import numpy as np
import pytest

from data_prep.aic import Aic
from data_prep.coco import Coco
from data_prep.crowdpose import Crowdpose
from data_prep.flic import Flic
from data_prep.jhmdb import Jhmdb
from data_prep.mpii_people import Mpii
from data_prep.ochuman import Ochuman
from data_prep.posetrack17 import Posetrack17
from data_prep.posetrack18 import Posetrack18
from data_prep.prepare import prepare
from tests.support import drawn_data_sets, drawn_layouts
from tests.support.drawn_layouts import write_json
from tfpose.data import pipeline
from tfpose.errors import PhotoError, PoseFileError
from tfpose.io import coco

# Builder, how its folder is drawn, labeled joints of the people of each split, and
# people left out.
LAYOUTS = {
    "crowdpose": (Crowdpose, drawn_layouts.crowdpose, [[14, 14, 14], [14]], 0),
    "ochuman": (Ochuman, drawn_layouts.ochuman, [[17, 17, 17], [17]], 0),
    "aic": (Aic, drawn_layouts.aic, [[13, 14, 13], [13]], 0),
    "posetrack17": (Posetrack17, drawn_layouts.posetrack17, [[14] * 3, [14]], 3),
    "posetrack18": (Posetrack18, drawn_layouts.posetrack18, [[15] * 3, [15]], 2),
    "jhmdb": (Jhmdb, drawn_layouts.jhmdb, [[15, 15], [15]], 0),
    "mpii": (Mpii, drawn_layouts.mpii_release, [[15, 16, 15], [15]], 0),
    "mpii_lists": (Mpii, drawn_layouts.mpii_lists, [[15, 16, 15], [15]], 0),
    "flic": (Flic, drawn_layouts.flic, [[9, 10], [10]], 0),
    "flic_h5": (Flic, drawn_layouts.flic_h5, [[10, 10], [10]], 0),
}


@pytest.fixture(scope="module", params=LAYOUTS)
def drawn(request, tmp_path_factory):
    """A builder that knows its source, the source, and what is expected of it."""
    builder, draw, joints, left_out = LAYOUTS[request.param]
    source = tmp_path_factory.mktemp("source")
    draw(source)
    out = tmp_path_factory.mktemp("out")
    return builder(data_dir=str(out)), source, joints, left_out


def test_every_layout_gives_the_people_it_holds(drawn):
    builder, source, joints, left_out = drawn
    builder.left_out.clear()
    assert builder.splits(source) == builder.SPLITS[: len(joints)]
    for split, expected in zip(builder.splits(source), joints, strict=True):
        people = [p for photo in builder.photos(split, source) for p in photo.people]
        assert [int((person.visible > 0).sum()) for person in people] == expected
        assert len({person.person_id for person in people}) == len(people)
        for person in people:
            assert not person.keypoints[person.visible == 0].any()
            assert min(person.box[2:]) > 30 and person.area > 1000
    assert sum(builder.left_out.values()) == left_out


def test_joints_are_where_they_were_drawn(drawn):
    builder, source, _, _ = drawn
    for split in builder.splits(source):
        for photo in builder.photos(split, source):
            image = cv2.imdecode(np.frombuffer(photo.image, np.uint8), 0).astype(float)
            for person in photo.people:
                for x, y in person.keypoints[person.visible > 0].round().astype(int):
                    near = np.clip(image[y - 5 : y + 6, x - 5 : x + 6] - 100, 0, None)
                    rows, columns = np.mgrid[-5:6, -5:6]
                    assert near.sum() > 0
                    assert abs((columns * near).sum() / near.sum()) < 0.2
                    assert abs((rows * near).sum() / near.sum()) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(LAYOUTS) - {"mpii_lists", "flic_h5"}))
def test_records_are_what_the_pipeline_reads(name, tmp_path):
    builder, draw, joints, _ = LAYOUTS[name]
    draw(tmp_path / "source")
    report = prepare(name, str(tmp_path / "source"), str(tmp_path / "out"))
    people = report["written"]
    assert list(people.values()) == [len(rows) for rows in joints]
    splits = tuple(f"{name}/{split}" for split in people)
    skeleton = builder.SKELETON
    records, count = pipeline.read_records(tmp_path / "out", splits, skeleton)
    person = pipeline.CropSpec(skeleton, (64, 48))
    batch = next(iter(pipeline.crops(records, person, count, 0)))
    assert batch["image"].shape == (sum(people.values()), 64, 48, 3)
    # FLIC's and MPII's boxes are made of a torso and a scale that are not drawn.
    if name not in ("flic", "mpii"):
        assert batch["valid"].numpy().sum() == sum(map(sum, joints))
    for path, rows in zip(report["annotations"].values(), joints, strict=True):
        written = coco.read_annotations(path)
        assert written.skeleton == skeleton
        assert (written.visible > 0).sum(axis=1).tolist() == rows


# --- which files -----------------------------------------------------------------


def crowd(folder):
    drawn_layouts.crowdpose(folder)
    return folder


def test_only_the_splits_that_are_there_are_written(tmp_path):
    source = crowd(tmp_path / "source")
    (source / "json/crowdpose_train.json").unlink()
    report = prepare("crowdpose", str(source), str(tmp_path / "out"))
    assert report["written"] == {"validation": 1}


def test_a_folder_without_any_split_is_refused(tmp_path):
    with pytest.raises(
        PoseFileError, match="json/crowdpose_train.json or .*found none"
    ):
        prepare("crowdpose", str(tmp_path), str(tmp_path / "out"))
    assert not list(tmp_path.rglob("*tfrecord*"))


def test_another_file_can_be_given(tmp_path):
    source = crowd(tmp_path / "source")
    (source / "json/crowdpose_val.json").rename(source / "mine.v1.json")
    report = prepare(
        "crowdpose", str(source), str(tmp_path / "out"),
        annotations="mine.v1.json", images="images", split="test",
    )  # fmt: skip
    assert report["written"] == {"test": 1}
    assert "people_mine_v1_test" in report["directory"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"images": "x"}, "images and split belong to annotations=FILE"),
        ({"split": "train"}, "images and split belong to annotations=FILE"),
        (
            {"annotations": "x.json", "split": "minival"},
            "split=minival: expected one of train, validation, test",
        ),
        ({"skeleton": "mpii16"}, "skeleton=mpii16: crowdpose is written as crowdpose"),
        ({"window": "wide"}, "window=wide: expected a number from 1"),
        ({"window": 0.5}, "window=0.5: expected a number from 1"),
        ({"person_size": "0"}, "person_size=0: expected a number from 1"),
        ({"windows": 3}, "expected options among annotations, .*, found windows"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message, tmp_path):
    with pytest.raises(ValueError, match=message) as error:
        prepare("crowdpose", str(tmp_path), str(tmp_path / "out"), **options)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_windows_are_as_wide_as_asked_for(tmp_path):
    drawn_data_sets.coco(tmp_path / "source")
    widths = {}
    for window in ("1", "1.5"):
        out = tmp_path / window
        report = prepare("coco", str(tmp_path / "source"), str(out), window=window)
        assert f"window{window}" in report["directory"]
        records, _ = pipeline.read_records(out, ("coco/train",), Coco.SKELETON)
        shapes = [cv2.imdecode(np.frombuffer(r["window"], np.uint8), 1).shape
                  for r in records.as_numpy_iterator()]  # fmt: skip
        widths[window] = np.array(shapes)[:, :2].prod(axis=1)
    assert (widths["1.5"] > widths["1"]).all()


# --- records ---------------------------------------------------------------------


def change(path, edit):
    data = json.loads(path.read_text())
    edit(data)
    write_json(path, data)


def train_photos(source, tmp_path, **options):
    builder = Crowdpose(data_dir=str(tmp_path / "out"), **options)
    return list(builder.photos("train", source)), dict(builder.left_out)


def test_joints_are_found_by_name_wherever_they_stand(tmp_path):
    source = crowd(tmp_path / "source")
    path = source / "json/crowdpose_train.json"
    before, _ = train_photos(source, tmp_path)

    def edit(data):
        names = data["categories"][0]["keypoints"]
        order = [*range(13, 6, -1), *range(7)]
        # Another joint comes first, and names have capitals.
        again = [names[place].title().replace("_", " ") for place in order]
        data["categories"][0]["keypoints"] = ["Tail", *again]
        for record in data["annotations"]:
            triples = np.reshape(record["keypoints"], (14, 3))[order]
            record["keypoints"] = [9, 9, 2, *triples.ravel().tolist()]

    change(path, edit)
    after, _ = train_photos(source, tmp_path)
    for one, other in zip(before, after, strict=True):
        for person, same in zip(one.people, other.people, strict=True):
            np.testing.assert_array_equal(person.keypoints, same.keypoints)
            np.testing.assert_array_equal(person.visible, same.visible)


def test_a_missing_joint_is_named(tmp_path):
    source = crowd(tmp_path / "source")

    def edit(data):
        data["categories"][0]["keypoints"][0] = "beak"

    change(source / "json/crowdpose_train.json", edit)
    with pytest.raises(PhotoError, match="expected the joints of crowdpose14.*beak"):
        train_photos(source, tmp_path)


def test_people_without_a_box_get_one_around_their_joints(tmp_path):
    source = crowd(tmp_path / "source")
    path = source / "json/crowdpose_train.json"
    change(path, lambda data: data["annotations"][0].pop("bbox"))
    person = train_photos(source, tmp_path)[0][0].people[0]
    extent = np.ptp(person.keypoints, axis=0)
    np.testing.assert_allclose(person.box[2:], 1.2 * extent)
    assert person.area == pytest.approx(0.53 * person.box[2] * person.box[3])


def test_people_without_keypoints_are_counted(tmp_path):
    source = crowd(tmp_path / "source")
    path = source / "json/crowdpose_train.json"
    change(path, lambda data: data["annotations"][0].pop("keypoints"))
    photos, left_out = train_photos(source, tmp_path)
    assert [len(photo.people) for photo in photos] == [1, 1]
    assert left_out == {"no labeled joint": 1}


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda data: data.pop("images"), "expected an object with the lists images"),
        (
            lambda data: data.update(categories=[]),
            "expected a category that names its joints",
        ),
        (lambda data: data.update(annotations=[3]), "record 0: expected an object"),
        (
            lambda data: data["annotations"][1].update(id=data["annotations"][0]["id"]),
            "expected unique annotation ids",
        ),
        (lambda data: data["annotations"][0]["keypoints"].pop(), "found 41"),
        (lambda data: data["images"][0].pop("file_name"), "expected a file_name"),
    ],
)
def test_a_bad_file_is_named(tmp_path, edit, message):
    source = crowd(tmp_path / "source")
    change(source / "json/crowdpose_train.json", edit)
    with pytest.raises(PoseFileError, match=message) as error:
        train_photos(source, tmp_path)
    assert "crowdpose_train.json" in str(error.value) and "\n" not in str(error.value)


# --- COCO in PoseTrack's joints --------------------------------------------------


def test_coco_can_be_written_in_posetracks_joints(tmp_path):
    source = tmp_path / "source"
    drawn_data_sets.coco(source)
    path = source / "annotations/person_keypoints_train2017.json"
    change(
        path,
        lambda data: data["annotations"][0].update(
            segmentation=[[30, 50, 33, 7, 40, 50]]
        ),
    )
    out = tmp_path / "out"
    report = prepare("coco", str(source), str(out), skeleton="posetrack15")
    assert report["written"] == {"train": 3, "validation": 2}
    written = coco.read_annotations(report["annotations"]["train"])
    assert written.skeleton.name == "posetrack15"
    top, bottom, nose = map(written.skeleton.index, ("head_top", "head_bottom", "nose"))
    np.testing.assert_array_equal(written.keypoints[0, top], [33, 7])
    assert written.visible[:, top].tolist() == [2, 0, 0]
    data = json.loads(path.read_text())["annotations"][0]
    triples = np.reshape(data["keypoints"], (17, 3))
    np.testing.assert_array_equal(written.keypoints[0, nose], triples[0, :2])
    expected = (triples[0, :2] + triples[5:7, :2].mean(axis=0)) / 2
    np.testing.assert_array_equal(written.keypoints[0, bottom], expected)
