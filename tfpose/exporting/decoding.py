"""Decodes photos inside a graph, upright as ``tfpose.io.photos`` decodes them.

TensorFlow's decoder ignores the camera's orientation tag, so the graph reads it: the
entry 0x112 of the first directory of an Exif segment (CIPA DC-008, TIFF 6.0).
"""

from __future__ import annotations

import tensorflow as tf

ORIENTATION = 0x112
# Segments before the pixels: tables, notes, thumbnails. Few files have ten.
MOST_SEGMENTS = 64
# What turns the stored pixels upright, by the tag.
TURNS = (
    lambda photo: photo,
    lambda photo: photo[:, ::-1],
    lambda photo: photo[::-1, ::-1],
    lambda photo: photo[::-1],
    lambda photo: tf.transpose(photo, (1, 0, 2)),
    lambda photo: tf.transpose(photo, (1, 0, 2))[:, ::-1],
    lambda photo: tf.transpose(photo[::-1, ::-1], (1, 0, 2)),
    lambda photo: tf.transpose(photo, (1, 0, 2))[::-1],
)


def decode(data) -> tf.Tensor:
    """Decodes a JPEG or PNG string[] to u8[H, W, 3], as ``photos.decode`` does.

    A PNG's own tag, which cameras do not write, is ignored.

    Raises:
        tf.errors.InvalidArgumentError: truncated, or not a photo.
    """
    # TensorFlow's JPEG kernel reads PNG too. OpenCV uses the accurate transform;
    # TensorFlow's default may vary.
    photo = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    turn = orientation(data) - 1
    photo = tf.switch_case(turn, [lambda t=t: t(photo) for t in TURNS])
    return tf.ensure_shape(photo, (None, None, 3))


def orientation(data) -> tf.Tensor:
    """i32[], 1 to 8: a JPEG's orientation tag, 1 without one."""
    start, end = _exif(data)
    values = tf.cast(
        tf.io.decode_raw(tf.strings.substr(data, start, end - start), "uint8"), tf.int32
    )
    return tf.cond(end - start >= 14, lambda: _tag(values), lambda: tf.constant(1))


def _exif(data):
    """The range i32[], i32[] of the TIFF inside the Exif segment; empty without one."""
    length = tf.strings.length(data)
    here = tf.strings.substr(data, 0, 2) == b"\xff\xd8"

    def unread(place, start, end, count):
        more = (place + 10 <= length) & (count < MOST_SEGMENTS) & (end == 0)
        return here & more

    def read(place, start, end, count):
        head = tf.cast(
            tf.io.decode_raw(tf.strings.substr(data, place, 4), "uint8"), tf.int32
        )
        after = place + 2 + head[2] * 256 + head[3]
        is_segment = (head[0] == 0xFF) & (head[1] != 0xDA) & (after <= length)
        name = tf.strings.substr(data, place + 4, 6)
        found = is_segment & (head[1] == 0xE1) & (name == b"Exif\0\0")
        start = tf.where(found, place + 10, start)
        end = tf.where(found, after, end)
        return tf.where(is_segment, after, length), start, end, count + 1

    _, start, end, _ = tf.while_loop(unread, read, (2, 0, 0, 0))
    return start, tf.maximum(start, end)


def _tag(values):
    """The orientation in the bytes i32[n] of a TIFF; 1 where it has none."""
    big = values[0] == ord("M")

    def number(places, size: int):
        """Unsigned numbers at places, 0 beyond the end."""
        at = tf.expand_dims(places, -1) + tf.range(size)
        inside = (at >= 0) & (at < tf.size(values))
        found = tf.where(inside, tf.gather(values, tf.where(inside, at, 0)), 0)
        powers = 256 ** tf.range(size)
        powers = tf.where(big, powers[::-1], powers)
        return tf.reduce_sum(found * powers, -1)

    directory = number(tf.constant(4), 4)
    count = tf.minimum(number(directory, 2), 512)
    entries = directory + 2 + 12 * tf.range(count)
    tags, found = number(entries, 2), number(entries + 8, 2)
    chosen = tf.boolean_mask(found, tags == ORIENTATION)
    value = tf.cond(tf.size(chosen) > 0, lambda: chosen[0], lambda: tf.constant(1))
    return tf.where((value >= 1) & (value <= 8), value, 1)
