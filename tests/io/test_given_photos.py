"""The photos of a command line: which there are, and which id each of them has."""

import pytest

from tfpose.errors import InputWarning, PoseFileError
from tfpose.io import files
from tfpose.io.coco import read_annotations
from tfpose.io.coco_records import annotations_json
from tfpose.io.photo_ids import (
    Photo,
    given_photos,
    number,
    photo_path,
    photos_by_id,
    unlisted,
)
from tfpose.skeletons import LSP14


@pytest.fixture
def place(tmp_path):
    """A folder with empty files, which nobody reads."""
    for name in ("b/im7.png", "b/im3.JPG", "b/notes.txt", "c/im7.png", "c/anna.jpeg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def given(place, *names):
    return [str(place / name) for name in names]


def find(place, *names):
    """(path from there, image_id, name, known) of each photo."""
    found = given_photos(given(place, *names))
    return [
        (str(p.path.relative_to(place)), p.image_id, p.name, p.known) for p in found
    ]


def test_the_number_in_a_name_is_the_id(place):
    expected = [("b/im3.JPG", 3, "im3.JPG", True), ("b/im7.png", 7, "im7.png", True)]
    assert find(place, "b") == expected
    assert find(place, "b/im7.png", "b") == expected[::-1], "each once, as given"
    assert find(place, "b/../b/im7.png") == [("b/../b/im7.png", 7, "im7.png", True)]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("im1001.jpg", 1001),
        ("000000000139.jpg", 139),
        ("clip2_frame013.png", 13),
        ("COCO_val2014_000000000042.jpg", 42),
        ("IMG 7.png", 7),
        ("photo-12.png", 12),
        ("a7.png", 7),
        ("im1003_jpg.rf.3b1f7c09e5a2cd7.jpg", None),
        ("photo_9aa03dbe5f10bfc2.jpg", None),
        ("photo.deadbeef42.jpg", None),
        ("im1001 (2).jpg", None),
        ("im1001_copy.jpg", None),
        ("12a.jpg", None),
        ("\u0661\u0662.jpg", None),
        ("anna.png", None),
        ("checksum" + "9" * 30 + ".png", None),
    ],
)
def test_a_number_of_its_own_at_the_end_of_a_name_counts(tmp_path, name, expected):
    assert number(tmp_path / "2024" / name) == expected


def test_photos_without_a_number_of_their_own_get_new_ones(place):
    assert find(place, "b", "c") == [
        ("b/im3.JPG", 3, "im3.JPG", True),
        # Where names repeat, paths tell the photos apart.
        ("b/im7.png", 8, str(place / "b/im7.png"), False),
        ("c/anna.jpeg", 9, "anna.jpeg", False),
        ("c/im7.png", 10, str(place / "c/im7.png"), False),
    ]
    assert find(place, "c/anna.jpeg") == [("c/anna.jpeg", 1, "anna.jpeg", False)]


def annotate(place, *names):
    """Annotations, as they are read, with the ids 10, 11, ... and their file."""
    path = place / "truth.json"
    images = [
        {"id": image_id, "file_name": name} for image_id, name in enumerate(names, 10)
    ]
    files.write_json(path, annotations_json(LSP14, images, []))
    return read_annotations(path), str(path)


def test_annotations_name_the_photos_of_folders(place):
    truth = annotate(place, "im7.png", "b/im3.JPG", "gone.png")
    assert given_photos(given(place, "c", "."), *truth) == [
        Photo(place / "c/im7.png", 10, "im7.png"),
        Photo(place / "b/im3.JPG", 11, "b/im3.JPG"),
    ]


def test_a_folder_without_the_photos_of_the_annotations_is_refused(place):
    truth, path = annotate(place, "gone.png")
    line = refused(place, ["c"], truth, path)
    assert (
        line
        == f"{place / 'c'}: expected photos of {path}, such as gone.png, found "
        + ("none")
    )


def test_photos_of_a_folder_that_annotations_lack_are_counted(place):
    truth = annotate(place, "im7.png")
    folder = given(place, "c")
    known = given_photos(folder, *truth)
    assert unlisted(folder, known) == ["anna.jpeg"]
    assert unlisted(given(place, "b/im3.JPG"), known) == []


def test_annotations_say_the_ids_of_files(place):
    truth = annotate(place, "im7.png", "sub/im3.JPG", "gone.png")
    assert given_photos(given(place, "b/im3.JPG"), *truth) == [
        Photo(place / "b/im3.JPG", 11, "sub/im3.JPG")
    ]


def refused(place, names, *truth) -> str:
    with pytest.raises(PoseFileError) as caught:
        given_photos(given(place, *names), *truth)
    return str(caught.value)


def test_photos_that_are_not_there_are_named(place):
    assert refused(place, []).endswith("photos or folders of photos, found none")
    line = refused(place, ["b", "nowhere"])
    expected = "expected a photo or a folder of photos, found none"
    assert line == f"{place / 'nowhere'}: {expected}"
    (place / "empty").mkdir()
    line = refused(place, ["b", "empty"])
    assert line.startswith(f"{place / 'empty'}: expected photos (.jpg, .jpeg, ")


def test_pictures_that_are_not_read_are_counted(place):
    for name in ("b/im9.HEIC", "b/im8.webp", "b/im10.heic", "b/._im7.png", "b/x.mp4"):
        (place / name).touch()
    with pytest.warns(InputWarning, match="left out 3 files .*2 .heic, 1 .mp4"):
        found = find(place, "b")
    assert [image_id for _, image_id, _, _ in found] == [3, 7, 8]


def test_photos_without_a_number_are_counted_or_ask_for_annotations(place):
    with pytest.raises(PoseFileError, match="'x.rf.0a1b2.jpg'; give --annotations"):
        (place / "d").mkdir()
        (place / "d/x.rf.0a1b2.jpg").touch()
        photos_by_id(str(place / "d"), None)
    with pytest.warns(InputWarning, match="left out 1 photos .* 'anna.jpeg'"):
        found = photos_by_id(str(place / "c"), None)
    assert {number: photo.name for number, photo in found.items()} == {7: "im7.png"}


@pytest.mark.parametrize(
    "name, expected",
    [
        ("im7.png", "im7.png"),
        ("../b/im7.png", "im7.png"),
        ("/data/train/im7.png", "im7.png"),
        ("C:\\photos\\im7.png", "im7.png"),
        ("images\\1/im7.png", "im7.png"),
        ("sub\\im9.png", "sub/im9.png"),
        ("sub/im9.png", "sub/im9.png"),
        ("../absent.png", "absent.png"),
        ("sub\\absent.png", "sub\\absent.png"),
        ("..", "."),
        ("a\0b", "a\0b"),
    ],
)
def test_a_file_name_stays_in_the_folder(place, name, expected):
    (place / "b/sub").mkdir()
    (place / "b/sub/im9.png").touch()
    assert photo_path(place / "b", name) == place / "b" / expected


def test_annotations_state_the_size_of_a_photo(place):
    images = [{"id": 7, "file_name": "im7.png", "width": 40, "height": 30}]
    files.write_json(place / "truth.json", annotations_json(LSP14, images, []))
    found = photos_by_id(str(place / "b"), read_annotations(place / "truth.json"))
    assert found == {7: Photo(place / "b/im7.png", 7, "im7.png", size=(40, 30))}


def test_photos_that_annotations_do_not_know_are_named(place):
    truth, path = annotate(place, "im7.png")
    line = refused(place, ["b/im3.JPG", "b/im7.png"], truth, path)
    assert line.startswith(f"{place / 'b/im3.JPG'}: expected one of the 1 photos")
    line = refused(place, ["b/im7.png", "c/im7.png"], truth, path)
    assert line.startswith(f"{place / 'c/im7.png'}: expected photos of different names")
    assert line.endswith(f"found {place / 'b/im7.png'} too")
