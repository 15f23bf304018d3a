"""The TFDS builder of the synthetic people."""

import collections
import functools

import cv2
import numpy as np
import pytest

from data_prep import synthetic
from data_prep.synthetic_people.render import render_jpeg, render_photo
from tfpose import skeletons

PHOTOS, VALIDATION = 4, 2


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    builder = synthetic.Synthetic(
        data_dir=tmp_path_factory.mktemp("data"),
        photos=PHOTOS,
        validation_photos=VALIDATION,
        seed=3,
        skeleton="lsp14",
        workers=1,
    )
    builder.download_and_prepare()
    return builder


def records_of(builder, split):
    return list(builder.as_dataset(split=split).as_numpy_iterator())


def test_every_listed_person_of_every_photo_is_a_record(prepared):
    starts = {"train": 0, "validation": synthetic.FIRST_VALIDATION_PHOTO}
    for split, count in (("train", PHOTOS), ("validation", VALIDATION)):
        written = collections.Counter(
            int(record["image_id"]) for record in records_of(prepared, split)
        )
        for number in range(starts[split], starts[split] + count):
            photo = synthetic.render_photo(3, number)
            assert written.pop(number) == len(photo.people)
        assert not written


def test_records_hold_the_labels_of_the_rendered_person(prepared):
    for record in records_of(prepared, "train"):
        number = int(record["image_id"])
        photo = synthetic.render_photo(3, number)
        place = int(record["person_id"]) - number * synthetic.MOST_PEOPLE
        person = photo.people[place]
        keypoints, visible = synthetic.label(person, skeletons.LSP14)
        np.testing.assert_array_equal(record["keypoints"], keypoints)
        np.testing.assert_array_equal(record["visible"], visible)
        np.testing.assert_allclose(record["box"], person.box, rtol=1e-6)
        assert record["area"] == person.area
        assert len(record["neighbor_keypoints"]) == len(photo.people) - 1


def test_windows_show_the_rendered_photo(prepared):
    record = records_of(prepared, "train")[0]
    image = synthetic.render_photo(3, int(record["image_id"])).image
    (scale, _, left), (_, _, top) = record["window_matrix"]
    assert scale == 1
    height, width = record["window"].shape[:2]
    original = image[int(top) :, int(left) :][:height, :width]
    assert np.abs(record["window"] - original.astype(float)).mean() < 4


def test_person_ids_are_unique_over_both_splits(prepared):
    records = records_of(prepared, "train") + records_of(prepared, "validation")
    ids = [int(record["person_id"]) for record in records]
    assert len(set(ids)) == len(ids)


def test_other_arguments_are_another_data_set(tmp_path, prepared):
    other = synthetic.Synthetic(data_dir=tmp_path, photos=PHOTOS, seed=4)
    assert other.builder_config.name != prepared.builder_config.name


@pytest.mark.slow
def test_people_are_limited_in_each_photo():
    photos = [render_photo(0, index, most=1) for index in range(12)]
    assert all(len(photo.people) + photo.hidden == 1 for photo in photos)
    crowds = [render_photo(0, index) for index in range(12)]
    assert max(len(photo.people) + photo.hidden for photo in crowds) > 1


@pytest.mark.slow
def test_people_can_be_kept_from_turning_away():
    def left_shoulders_are_right(**options):
        photos = [render_photo(0, index, **options) for index in range(12)]
        joints = [person.joints_3d for photo in photos for person in photo.people]
        x = [(at["left_shoulder"][0], at["right_shoulder"][0]) for at in joints]
        return [left > right for left, right in x]

    assert all(left_shoulders_are_right(turn=60))
    assert not all(left_shoulders_are_right())


def test_limits_of_people_are_part_of_the_name(tmp_path):
    builder = synthetic.Synthetic(data_dir=tmp_path, photos=PHOTOS, people=1, turn=60)
    assert builder.builder_config.name.endswith("_people1_turn60")


@pytest.mark.slow
def test_processes_render_the_same_photos_in_order(monkeypatch):
    monkeypatch.setattr(synthetic, "FEW", 0)
    render = functools.partial(render_jpeg, 3)
    parallel = list(synthetic._render_all(render, range(5, 15), 2))
    assert len(parallel) == 10
    for number in (5, 14):
        jpeg, photo = parallel[number - 5]
        expected = synthetic.render_photo(3, number).image
        np.testing.assert_array_equal(photo.image, expected)
        decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert np.abs(decoded[..., ::-1] - expected.astype(float)).mean() < 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"photos": -1}, "photos: expected a number from 0, found -1"),
        ({"validation_photos": -2}, "validation_photos: expected a number from 0"),
        ({"seed": "x"}, "seed: expected a number from 0, found 'x'"),
        ({"skeleton": "cat"}, "'cat'"),
        ({"people": 0}, r"people: expected one of \[1, 2, 3, 4\], found 0"),
        ({"people": 5}, "people: expected one of"),
        ({"turn": -1}, "turn: expected degrees from 0 to 180, found -1"),
        ({"turn": 181}, "turn: expected degrees from 0 to 180, found 181"),
    ],
)
def test_bad_arguments_are_named(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        synthetic.Synthetic(data_dir=tmp_path, **arguments)
