"""What all builders share: windows and their maps, records, photos, left-outs."""

import json

import cv2
import numpy as np
import pytest

from data_prep import estimates, people
from data_prep.people import PeopleConfig, Person, Photo, cut_window, person_box
from tests.support import drawn_people
from tests.support.exif import with_orientation
from tfpose.data.pipeline import read_records
from tfpose.errors import PhotoError, PoseFileError
from tfpose.io import photos
from tfpose.skeletons import LSP14

CONFIG = PeopleConfig(name="people", skeleton=LSP14)


def smooth_photo(height=240, width=320):
    """u8[H, W, 3] RGB whose red is x and green is y, so a pixel says where it is."""
    rows, columns = np.indices((height, width))
    red, green = columns * 255 / (width - 1), rows * 255 / (height - 1)
    return np.stack([red, green, 0 * red + 90], -1).round().astype(np.uint8)


def encode(image, extension=".jpg") -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(extension, bgr, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()


def window_of(box, config=CONFIG, image=None):
    image = smooth_photo() if image is None else image
    data, matrix = cut_window(encode(image), image, np.float32(box), config)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), matrix


def test_a_window_is_twice_the_box_about_its_center():
    window, matrix = window_of([100, 80, 21, 41])
    np.testing.assert_array_equal(matrix, [[1, 0, 69], [0, 1, 59]])
    assert window.shape == (83, 83, 3)


def test_a_window_ends_where_the_photo_ends():
    window, matrix = window_of([-30, 200, 60, 90])
    np.testing.assert_array_equal(matrix[:, 2], [0, 154])
    assert window.shape == (240 - 154, 91, 3)


def test_the_window_of_a_box_outside_the_photo_is_a_pixel_at_the_border():
    window, matrix = window_of([900, 900, 20, 20])
    assert window.shape == (1, 1, 3)
    np.testing.assert_array_equal(matrix[:, 2], [319, 239])


@pytest.mark.parametrize(
    "box, person_size",
    [([100, 80, 40, 60], 400), ([100, 80, 90, 120], 60), ([-20, -9, 400, 300], 100)],
)
def test_the_matrix_says_which_place_of_the_photo_a_pixel_shows(box, person_size):
    config = PeopleConfig(name="people", skeleton=LSP14, person_size=person_size)
    window, matrix = window_of(box, config)
    rows, columns = np.indices(window.shape[:2])
    places = np.stack([columns, rows], -1) @ matrix[:, :2].T + matrix[:, 2]
    expected = places * 255 / [319, 239]
    inner = (slice(3, -3), slice(3, -3))
    difference = np.abs(window[..., :2] - expected)[inner]
    assert np.median(difference) < 1 and difference.max() < 5


def test_large_people_are_scaled_down_to_a_size():
    config = PeopleConfig(name="people", skeleton=LSP14, person_size=50)
    window, matrix = window_of([100, 60, 50, 100], config)
    assert window.shape[0] == 101
    np.testing.assert_allclose(matrix[[0, 1], [0, 1]], 2, rtol=0.02)


def test_a_photo_that_is_its_own_window_is_not_encoded_again():
    image = smooth_photo()
    encoded = encode(image)
    data, matrix = cut_window(encoded, image, np.float32([50, 20, 200, 200]), CONFIG)
    assert data == encoded
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0, 1, 0]])
    # Except when it is no JPEG.
    data, _ = cut_window(
        encode(image, ".png"), image, np.float32([50, 20, 200, 200]), CONFIG
    )
    assert data[:2] == b"\xff\xd8"


def test_the_box_around_a_pose_by_hand():
    keypoints = np.array([[10.0, 20], [30, 60], [-900, 900]])
    box = person_box(keypoints, np.array([2, 1, 0]))
    np.testing.assert_allclose(box, [8.5, 16.5, 24, 48])


def test_the_box_around_a_single_joint_has_a_size():
    box = person_box(np.array([[10.0, 20]]), np.array([2]), factor=1.0)
    np.testing.assert_allclose(box, [0.5, 10.5, 20, 20])


@pytest.mark.parametrize("harm", [None, b"", b"text", "cut"])
def test_a_photo_that_cannot_be_used_is_named(harm, tmp_path):
    path = tmp_path / "photo.jpg"
    if harm is not None:
        path.write_bytes(encode(smooth_photo())[:2000] if harm == "cut" else harm)
    with pytest.raises(PhotoError, match="photo.jpg") as error:
        people.read_photo(path)
    assert "\n" not in str(error.value)


def test_a_photo_that_a_tag_turns_is_stored_as_it_is_seen():
    """Training's decoder knows no tags, so that no record may have one."""
    image = smooth_photo()
    turned = with_orientation(encode(image), 6)
    upright = photos.decode(turned, "photo")
    assert upright.shape == (320, 240, 3)
    data, matrix = cut_window(turned, upright, np.float32([20, 20, 200, 280]), CONFIG)
    np.testing.assert_array_equal(matrix, np.eye(2, 3))
    assert not photos.has_tags(data)
    np.testing.assert_allclose(photos.decode(data, "photo"), upright, atol=12)


# --- records ---------------------------------------------------------------------


def test_records_hold_what_the_photos_say(tmp_path):
    data = drawn_people.prepare(tmp_path, people=(4, 2))
    records, count = read_records(data, ("drawn/train",), LSP14)
    found = {int(record["person_id"]): record for record in records}
    assert count == 4 and set(found) == {1, 2, 3, 4}
    person, neighbor = drawn_people.drawn_person(1, 10), found[2]
    record = {name: value.numpy() for name, value in found[1].items()}
    np.testing.assert_allclose(record["keypoints"], person.keypoints, rtol=1e-6)
    np.testing.assert_array_equal(record["visible"], person.visible)
    np.testing.assert_allclose(record["box"], person.box)
    assert record["area"] == np.float32(person.area) and record["head_size"] == 20
    assert record["image_id"] == 1 and record["file_name"] == b"1.png"
    np.testing.assert_array_equal(
        record["neighbor_keypoints"], neighbor["keypoints"][None]
    )
    np.testing.assert_array_equal(record["neighbor_boxes"], neighbor["box"][None])


def test_preparing_twice_gives_the_same_bytes(tmp_path):
    shards = [
        drawn_people.shard(drawn_people.prepare(tmp_path / name, people=(4, 2)))
        for name in "ab"
    ]
    assert shards[0].read_bytes() == shards[1].read_bytes()


def results_file(path, poses, image_id):
    """A COCO results file of the poses f64[n, 14, 2]."""
    entries = [
        {
            "image_id": image_id,
            "category_id": 1,
            "keypoints": np.column_stack([pose, np.ones(14)]).ravel().tolist(),
            "score": 1.0,
        }
        for pose in poses
    ]
    path.write_text(json.dumps(entries))
    return str(path)


def test_estimates_go_to_the_people_they_overlap_most(tmp_path):
    first, second = (drawn_people.drawn_person(i + 1, 10 + 40 * i) for i in range(2))
    path = results_file(
        tmp_path / "results.json", [second.keypoints + 3, first.keypoints + 2], 1
    )
    data = drawn_people.prepare(tmp_path / "data", people=(4, 2), estimates=path)
    records, _ = read_records(data, ("drawn/train",), LSP14)
    found = {int(record["person_id"]): record for record in records}
    for person, error in ((first, 2), (second, 3)):
        record = found[person.person_id]
        np.testing.assert_allclose(
            record["estimated_keypoints"], person.keypoints + error, atol=1e-3
        )
        assert record["estimated_valid"].numpy().all()
    # Nobody looked at the second photo.
    assert not found[3]["estimated_valid"].numpy().any()


def test_a_pose_elsewhere_is_nobodys_estimate():
    pose = drawn_people.drawn_person(1, 10).keypoints
    assert estimates.overlapping_pose([900, 900, 50, 50], pose[None]) is None
    assert estimates.overlapping_pose([10, 10, 50, 50], pose[:0][None][:0]) is None


def test_a_bad_results_file_is_named(tmp_path):
    path = results_file(tmp_path / "results.json", np.ones((1, 14, 2)), "one")
    with pytest.raises(PoseFileError, match="results.json"):
        drawn_people.prepare(tmp_path / "data", estimates=path)


class Odd(drawn_people.Drawn):
    """A photo of three people: one whole, one without labels, one without extent."""

    name = "odd"

    def photos(self, split, source):
        whole = drawn_people.drawn_person(1, 10)
        nothing = Person(whole.keypoints, np.zeros(14, int), whole.box, 9.0, 2)
        flat = Person(whole.keypoints, whole.visible, np.array([9, 9, 0.4, 50]), 9.0, 3)
        encoded = drawn_people.drawn_photo((whole,))
        yield Photo(1, "1.png", encoded, (whole, nothing, flat))


def test_who_is_left_out_is_counted_by_reason(tmp_path):
    builder = Odd(data_dir=str(tmp_path))
    written = dict(builder._generate_examples("train", tmp_path))
    assert list(written) == [1]
    assert dict(builder.left_out) == {
        "no labeled joint": 1,
        "box smaller than a pixel": 1,
    }
