import re

import pytest

from tfpose.errors import PhotoError
from tfpose.io import examples, photos
from tfpose.io.photo_ids import number

PATHS = examples.paths()


def test_there_are_four_to_six_small_photos():
    assert 4 <= len(PATHS) <= 6
    assert sum(path.stat().st_size for path in PATHS) < 1 << 20
    for path in PATHS:
        assert min(photos.read(path).shape[:2]) > 400


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_photo_has_its_license_and_its_source(path):
    credit = examples.credit(path)
    assert int(credit["number"]) == number(path)
    assert credit["license"] == "CC BY 2.0"
    source = r"http://farm\d\.staticflickr\.com/\d+/(\d+)_[0-9a-f]+_z\.jpg"
    (photo,) = re.fullmatch(source, credit["photo"]).groups()
    assert credit["page"] == f"https://www.flickr.com/photo.gne?id={photo}"


def test_the_license_of_the_photos_is_linked():
    text = examples.ATTRIBUTION.read_text("utf-8")
    assert "https://creativecommons.org/licenses/by/2.0/" in text


def test_nothing_else_is_credited():
    text = examples.ATTRIBUTION.read_text("utf-8")
    assert re.findall(r"\d{12}\.jpg", text) == [path.name for path in PATHS]
    with pytest.raises(PhotoError, match="photo.jpg: expected one of the example"):
        examples.credit("photo.jpg")
