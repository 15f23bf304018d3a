import cv2
import numpy as np
import pytest

from tfpose import errors
from tfpose.io import photos


def jpeg(color=(255, 0, 0)):
    image = np.full((40, 30, 3), color[::-1], np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


def test_a_photo_is_rgb(tmp_path):
    (tmp_path / "red.jpg").write_bytes(jpeg((255, 0, 0)))
    image = photos.read(tmp_path / "red.jpg")
    assert image.shape == (40, 30, 3) and image.dtype == np.uint8
    np.testing.assert_allclose(image[20, 15], (255, 0, 0), atol=3)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_photo_is_refused(share):
    # Of noise, so that there is much to lose.
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    with pytest.raises(errors.PhotoError, match="x.jpg: .*found a truncated JPEG"):
        photos.decode(data[: int(share * len(data))], "x.jpg")


def test_a_few_bytes_after_the_end_of_a_photo_do_no_harm():
    assert photos.decode(jpeg() + b"\0" * 10, "x.jpg").shape == (40, 30, 3)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n"])
def test_what_is_no_photo_is_refused(data):
    with pytest.raises(errors.PhotoError, match=f"x: .*{len(data)} bytes of another"):
        photos.decode(data, "x")


def test_a_missing_photo_is_named(tmp_path):
    with pytest.raises(errors.PhotoError, match="absent.jpg: .*No such file"):
        photos.read(tmp_path / "absent.jpg")
