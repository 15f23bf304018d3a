"""Photo files: what is decoded, how it is turned, and what is refused."""

import os

import cv2
import numpy as np
import pytest

from tests.support.exif import with_orientation
from tfpose import errors
from tfpose.io import photo_headers, photos


def jpeg(color=(255, 0, 0)):
    image = np.full((40, 30, 3), color[::-1], np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


def encoded(suffix, options=()):
    """A photo with noise, of 60 x 40 px."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    return cv2.imencode(suffix, noise, list(options))[1].tobytes()


def refused(data) -> str:
    with pytest.raises(errors.PhotoError) as caught:
        photos.decode(data, "x")
    line = str(caught.value)
    assert line.startswith("x: expected ") and line.isprintable()
    return line


def test_a_photo_is_rgb(tmp_path):
    (tmp_path / "red.jpg").write_bytes(jpeg((255, 0, 0)))
    image = photos.read(tmp_path / "red.jpg")
    assert image.shape == (40, 30, 3) and image.dtype == np.uint8
    np.testing.assert_allclose(image[20, 15], (255, 0, 0), atol=3)


# Those that every build of OpenCV writes.
KINDS = {
    "JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "TIFF": ".tif", "BMP": ".bmp",
    "PNM": ".ppm", "Sun raster": ".ras",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_opencv_reads_is_read_and_its_size_is_known_before(kind):
    data = encoded(KINDS[kind])
    assert photo_headers.kind_of(data) == kind and KINDS[kind] in photo_headers.SUFFIXES
    assert photo_headers.size_of(data, kind) == (60, 40)
    assert photos.decode(data, "x").shape == (40, 60, 3)


@pytest.mark.parametrize("form", ["lossy", "lossless", "extended"])
def test_the_three_forms_of_webp_state_their_size(form):
    data = encoded(
        ".webp", (cv2.IMWRITE_WEBP_QUALITY, 101 if form == "lossless" else 80)
    )
    if form == "extended":
        chunk = b"VP8X" + (10).to_bytes(4, "little") + bytes(4)
        chunk += (59).to_bytes(3, "little") + (39).to_bytes(3, "little")
        data = data[:12] + chunk + data[12:]
        data = data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    assert photo_headers.size_of(data, "WebP") == (60, 40)


# --- ends ------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "BMP"])
def test_a_truncated_photo_is_refused(kind, share, capfd):
    data = encoded(KINDS[kind])
    line = refused(data[: int(share * len(data))])
    assert f"a truncated {kind}" in line or f"{kind} of" in line


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_half_a_jpeg_that_says_it_ends_is_refused(progressive, share, capfd):
    data = encoded(".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, progressive))
    assert photos.decode(data, "x").shape == (40, 60, 3)
    line = refused(data[: int(share * len(data))] + b"\xff\xd9")
    assert "found a truncated JPEG" in line


@pytest.mark.parametrize("gray", [64, 128, 255])
def test_a_gray_corner_is_no_missing_end(gray):
    assert photos.decode(jpeg((gray,) * 3), "x").shape == (40, 30, 3)


@pytest.mark.parametrize("more", [b"\0" * 10, b"z" * 9000, jpeg(), b"\xff\xd8\xff\xe1"])
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_after_the_end_of_a_photo_do_no_harm(kind, more):
    data = encoded(KINDS[kind])
    whole = photos.decode(data, "x")
    np.testing.assert_array_equal(photos.decode(data + more, "x"), whole)


# --- orientation -----------------------------------------------------------------


@pytest.mark.parametrize("order", ["big", "little"])
def test_a_photo_is_turned_as_its_tag_says(order):
    stored = encoded(".jpg")
    flat = photos.decode(stored, "x")
    upright = {
        1: flat, 2: flat[:, ::-1], 3: flat[::-1, ::-1], 4: flat[::-1],
        5: flat.swapaxes(0, 1), 6: np.rot90(flat, -1),
        7: flat[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(flat),
    }  # fmt: skip
    for orientation, expected in upright.items():
        data = with_orientation(stored, orientation, order)
        np.testing.assert_array_equal(photos.decode(data, "x"), expected)
        assert photos.has_tags(data)
    assert not photos.has_tags(stored)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_size_of_annotations_decides_whether_a_photo_is_turned(orientation):
    stored = encoded(".jpg")
    data = with_orientation(stored, orientation)
    assert photos.decode(data, "x", size=(40, 60)).shape == (60, 40, 3)
    flat = photos.decode(stored, "x")
    np.testing.assert_array_equal(photos.decode(data, "x", size=(60, 40)), flat)
    # A size that is that of neither says nothing.
    assert photos.decode(data, "x", size=(50, 50)).shape == (60, 40, 3)


# --- what is refused -------------------------------------------------------------


@pytest.mark.parametrize(
    "data, found",
    [
        (b"", "an empty file"),
        (b"hello", "5 bytes of another kind"),
        (b"\x89PNG\r\n", "6 bytes of another kind"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC, which OpenCV does not read"),
        (b"<!DOCTYPE html>", "a text or web page"),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (b"\xff\xd8\xff", "a JPEG of 3 bytes without a size"),
        (b"BM" + bytes(60), "a BMP of 62 bytes without a size"),
        (b"II*\0" + b"\xff" * 8, "a TIFF of 12 bytes without a size"),
    ],
)
def test_what_is_no_photo_is_said_to_be_what_it_is(data, found):
    assert found in refused(data)


def png_of(side: int) -> bytes:
    header = side.to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + header + bytes(4)


def test_a_photo_with_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    for data in (png_of(65000), jpeg_of(60000)):
        assert "at most 200000000 pixels, found 6" in refused(data)
    monkeypatch.setenv(photos.MOST_PIXELS_VARIABLE, "1199")
    assert "at most 1199 pixels, found 30 x 40" in refused(jpeg())
    monkeypatch.setenv(photos.MOST_PIXELS_VARIABLE, "1200")
    assert photos.decode(jpeg(), "x").shape == (40, 30, 3)


def jpeg_of(side: int) -> bytes:
    data = jpeg()
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + side.to_bytes(2, "big") * 2 + data[place + 4 :]


def test_a_header_that_lies_is_an_error_of_one_line():
    # OpenCV asserts that its own limits hold.
    assert "without a size" in refused(png_of(0))
    assert "truncated PNG" in refused(png_of(9))


@pytest.mark.parametrize("name", ["absent.jpg", "a" * 300 + ".jpg", "\ud800.jpg", "\0"])
def test_a_missing_photo_is_named(tmp_path, name):
    with pytest.raises(errors.PhotoError, match="expected a photo"):
        photos.read(tmp_path / name)


def test_only_regular_files_are_photos(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    for name, found in (("pipe", "a device or pipe"), ("folder", "a folder")):
        with pytest.raises(errors.PhotoError, match=found):
            photos.read(tmp_path / f"{name}.jpg")
    with pytest.raises(errors.PhotoError, match="a device or pipe"):
        photos.read(tmp_path / "zero.jpg")
