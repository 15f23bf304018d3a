"""Coordinates, boxes, crops and mirrors; defines the package's conventions.

Spaces: I = photo pixels, C = crop pixels, H = heatmap cells.
Points are ``(x, y)``, sizes ``(height, width)``, boxes ``(x, y, width, height)``.
Pixel centers are integers: the pixel in the corner has its center at (0, 0) and covers
[-0.5, 0.5). A box counts pixels, so (0, 0, W, H) is the whole photo and its center is
((W - 1) / 2, (H - 1) / 2). Mirroring a photo of width W sends x to W - 1 - x.

Affine matrices are f32[..., 2, 3] and act on column vectors (x, y, 1). Everything here
is TensorFlow: the same function runs eagerly, in tf.data and in an exported graph.
"""

from __future__ import annotations

import tensorflow as tf

from tfpose.geometry.cells import center_of, position_of, to_cells
from tfpose.geometry.rules import (
    HEIGHT_IN_BOXES,
    HEIGHT_IN_HEADS,
    LEAST_JOINTS_WITH_WILD,
    MOST_SAMPLES,
    SMALLEST_HEIGHT,
    SMALLEST_SIDE,
    WILD,
)


def centered_box(center, extent) -> tf.Tensor:
    """The box f32[..., 4] xywh from its center and its size, f32[..., 2] px each."""
    return tf.concat([position_of(center, extent), extent], axis=-1)


def box_around(keypoints, valid, minimum: float = SMALLEST_SIDE) -> tf.Tensor:
    """The tight box around a pose's valid joints.

    Args:
        keypoints: f32[..., K, 2].
        valid: f32[..., K], 0 leaves a joint out.
        minimum: px; widens a side of length 0 to this, about its center
            (PoseFix's authors' code).

    Returns:
        f32[..., 4] xywh; all zero if no joint is valid.
    """
    keypoints = tf.convert_to_tensor(keypoints, tf.float32)
    seen = tf.convert_to_tensor(valid)[..., None] > 0
    low = tf.reduce_min(tf.where(seen, keypoints, keypoints.dtype.max), axis=-2)
    high = tf.reduce_max(tf.where(seen, keypoints, keypoints.dtype.min), axis=-2)
    size = high - low
    size = tf.where(size > 0, size, minimum)
    box = centered_box((low + high) / 2, size)
    return tf.where(tf.reduce_any(seen, axis=-2), box, tf.zeros_like(box))


def steady(keypoints, valid, photo_size) -> tf.Tensor:
    """Marks the valid joints that a person's box can rest on.

    Leaves out joints outside the photo and single wild ones (``rules.WILD``), which
    would enlarge the box until its crop hardly shows the person.

    Args:
        keypoints: f32[N, K, 2] I.
        valid: f32[N, K].
        photo_size: (height, width).

    Returns:
        f32[N, K]; ``valid`` itself for a pose without a joint in the photo.
    """
    keypoints = tf.convert_to_tensor(keypoints, tf.float32)
    valid = tf.cast(tf.cast(valid, tf.float32) > 0, tf.float32)
    there = valid * inside(keypoints, photo_size)
    steady = there * (1 - _wild(keypoints, there))
    return tf.where(tf.reduce_any(steady > 0, -1, keepdims=True), steady, valid)


def _wild(keypoints, there) -> tf.Tensor:
    """f32[N, K]: 1 for the wild joints of those that are ``there`` f32[N, K]."""
    count = tf.reduce_sum(there, axis=-1)
    # Twice: along x and along y.
    center = _middle(keypoints, tf.stack([there, there], axis=-1), axis=-2)
    from_center = tf.norm(keypoints - center, axis=-1)
    typical = _middle(from_center, there, axis=-1)
    apart = tf.norm(keypoints[:, :, None] - keypoints[:, None], axis=-1)
    others = there[:, None] * (1 - tf.eye(tf.shape(there)[-1]))
    nearest = tf.reduce_min(tf.where(others > 0, apart, apart.dtype.max), axis=-1)
    wild = (nearest > WILD * typical) & (count >= LEAST_JOINTS_WITH_WILD)[:, None]
    return there * tf.cast(wild, tf.float32)


def _middle(values, there, axis: int) -> tf.Tensor:
    """The lower median along an axis, which stays, of the values that are there."""
    ordered = tf.sort(tf.where(there > 0, values, values.dtype.max), axis=axis)
    count = tf.cast(tf.reduce_sum(there, axis=axis, keepdims=True), tf.int32)
    place = tf.cumsum(tf.ones_like(ordered, tf.int32), axis=axis, exclusive=True)
    chosen = tf.equal(place, tf.maximum(count - 1, 0) // 2)
    return tf.reduce_sum(
        tf.where(chosen, ordered, tf.zeros_like(ordered)), axis=axis, keepdims=True
    )


def scale_box(box, factor) -> tf.Tensor:
    """Scales the box f32[..., 4] by ``factor`` about its center."""
    position, size = box[..., :2], box[..., 2:]
    return centered_box(center_of(position, size), size * factor)


def fit_aspect(box, size: tuple[int, int]) -> tf.Tensor:
    """The smallest box around ``box`` with its center and the aspect of ``size``.

    Args:
        box: f32[..., 4] xywh; one side may be 0.
        size: (height, width); gives the result's aspect ratio.

    Returns:
        f32[..., 4] xywh.
    """
    aspect = size[1] / size[0]
    width, height = box[..., 2], box[..., 3]
    fitted = tf.stack(
        [tf.maximum(width, height * aspect), tf.maximum(height, width / aspect)], -1
    )
    # The center stays: position + (size - 1) / 2.
    return tf.concat([box[..., :2] + (box[..., 2:] - fitted) / 2, fitted], axis=-1)


def person_height(keypoints, valid, head) -> tf.Tensor:
    """Estimates standing height from a pose (PoseRefiner's authors' code).

    Eight head sizes, each 0.6 * 1.4286 times the distance from chin to head top.
    Without a head: 1.2 times the longer side of the pose's box. PoseRefiner's code
    uses 487 px then, which suits photos of one size.

    Args:
        keypoints: f32[..., K, 2].
        valid: f32[..., K].
        head: indices of its two joints, or None.

    Returns:
        f32[...] px; at least 24.
    """
    box = box_around(keypoints, valid)
    height = HEIGHT_IN_BOXES * tf.reduce_max(box[..., 2:], axis=-1)
    if head is not None:
        ends = tf.gather(keypoints, head, axis=-2)
        there = tf.reduce_all(tf.gather(valid, head, axis=-1) > 0, axis=-1)
        length = tf.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1)
        height = tf.where(there & (length > 0), HEIGHT_IN_HEADS * length, height)
    return tf.maximum(height, SMALLEST_HEIGHT)


def height_box(box, height, size: tuple[int, int], wanted: float) -> tf.Tensor:
    """The part of the photo whose crop shows the person at the wanted height.

    Args:
        box: f32[..., 4], the person's box; its center becomes the crop's.
        height: f32[...] px of the person in the photo.
        size: (height, width) of the crop.
        wanted: px of the person in the crop.

    Returns:
        f32[..., 4] xywh with the aspect of ``size``.
    """
    center = center_of(box[..., :2], box[..., 2:])
    extent = tf.constant([size[1], size[0]], tf.float32) * (height / wanted)[..., None]
    return centered_box(center, extent)


def crop_matrix(box, size: tuple[int, int], rotation=0.0, mirror=0.0) -> tf.Tensor:
    """The affine map from a box of the photo to a crop.

    Scales the box's width to the crop's, pixel centers to pixel centers (a box of the
    crop's size at (0, 0) gives the identity), with one scale for both axes. Rotates
    the photo about the box's center, then mirrors it left to right.

    Args:
        box: f32[..., 4] xywh in I, with the aspect ratio of ``size``.
        size: (height, width) of the crop.
        rotation: f32[...] radians; positive turns the content clockwise on screen.
        mirror: f32[...], 1 mirrors, 0 does not.

    Returns:
        f32[..., 2, 3], I -> C.
    """
    box = tf.convert_to_tensor(box, tf.float32)
    scale = size[1] / tf.maximum(box[..., 2], 1e-6)
    rotation = tf.broadcast_to(tf.cast(rotation, tf.float32), tf.shape(scale))
    sign = 1 - 2 * tf.broadcast_to(tf.cast(mirror, tf.float32), tf.shape(scale))
    cosine, sine = scale * tf.cos(rotation), scale * tf.sin(rotation)
    center_x = center_of(box[..., 0], box[..., 2])
    center_y = center_of(box[..., 1], box[..., 3])
    to_x, to_y = center_of(0, size[1]), center_of(0, size[0])
    row_x = [
        sign * cosine,
        -sign * sine,
        to_x - sign * (cosine * center_x - sine * center_y),
    ]
    row_y = [sine, cosine, to_y - sine * center_x - cosine * center_y]
    return tf.stack([tf.stack(row_x, -1), tf.stack(row_y, -1)], axis=-2)


def corner_matrix(box, size: tuple[int, int]) -> tf.Tensor:
    """The affine map from a box of the photo to a crop in SimpleBaseline's code.

    It sends the center of the box's first pixel to that of the crop's first pixel, as
    most published code does. With s px of the crop to a pixel of the photo, points come
    out (s - 1) / 2 px further left and up than by ``crop_matrix``.

    Args:
        box: f32[..., 4] xywh in I, with the aspect ratio of ``size``.
        size: (height, width) of the crop.

    Returns:
        f32[..., 2, 3], I -> C.
    """
    box = tf.convert_to_tensor(box, tf.float32)
    scale = size[1] / tf.maximum(box[..., 2], 1e-6)
    none = tf.zeros_like(scale)
    row_x = tf.stack([scale, none, -scale * box[..., 0]], axis=-1)
    row_y = tf.stack([none, scale, -scale * box[..., 1]], axis=-1)
    return tf.stack([row_x, row_y], axis=-2)


def transform(points, matrix) -> tf.Tensor:
    """Applies affine maps f32[..., 2, 3] to points f32[..., N, 2]."""
    points = tf.convert_to_tensor(points, tf.float32)
    linear, offset = matrix[..., :2], matrix[..., 2]
    return tf.matmul(points, linear, transpose_b=True) + offset[..., None, :]


def transform_box(box, matrix) -> tf.Tensor:
    """Maps a box with a matrix that only scales and shifts.

    Args:
        box: f32[4] xywh.
        matrix: f32[2, 3].

    Returns:
        f32[4] xywh.
    """
    # Map the edge: it lies half a pixel before the first pixel's center.
    edge = transform(box[None, :2] - 0.5, matrix)[0]
    extent = tf.linalg.diag_part(matrix[:, :2]) * box[2:]
    return tf.concat([edge + 0.5, extent], axis=-1)


def invert(matrix) -> tf.Tensor:
    """The inverse affine map, f32[..., 2, 3] -> f32[..., 2, 3].

    Raises:
        tf.errors.InvalidArgumentError: the map is singular.
    """
    inverse = tf.linalg.inv(matrix[..., :2])
    offset = -tf.linalg.matvec(inverse, matrix[..., 2])
    return tf.concat([inverse, offset[..., None]], axis=-1)


def compose(second, first) -> tf.Tensor:
    """The affine map that applies ``first``, then ``second``, f32[..., 2, 3] each."""
    linear = tf.matmul(second[..., :2], first)
    return linear + tf.pad(
        second[..., 2:], [[0, 0]] * (len(second.shape) - 1) + [[2, 0]]
    )


def warp(images, matrix, size: tuple[int, int]) -> tf.Tensor:
    """Crops photos: bilinear, zero outside, as in PoseFix's authors' code.

    Args:
        images: f32 or u8[B, H, W, 3].
        matrix: f32[B, 2, 3], I -> C.
        size: (height, width) of the crops.

    Returns:
        f32[B, height, width, 3], in the value range of ``images``.
    """
    back = tf.reshape(invert(matrix), (-1, 6))
    projective = tf.concat([back, tf.zeros_like(back[:, :2])], axis=-1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=projective,
        output_shape=tf.stack(size),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def crop(photo, matrix, size: tuple[int, int]) -> tf.Tensor:
    """Crops a photo as ``warp``, with averaging where the crop is smaller.

    Each pixel of the crop is the mean of so many samples that they lie about a pixel of
    the photo apart. One sample, as in the papers' code, makes joints jitter with the
    noise of large photos.

    Args:
        photo: f32 or u8[H, W, 3].
        matrix: f32[2, 3], I -> C, with one scale for both axes.
        size: (height, width) of the crop.

    Returns:
        f32[height, width, 3], in the value range of ``photo``.
    """
    samples = tf.cast(_samples(matrix), tf.float32)
    finer = tf.concat(
        [matrix[:, :2] * samples, to_cells(matrix[:, 2:], 1 / samples)], axis=1
    )
    samples = tf.cast(samples, tf.int32)
    fine = warp(photo[None], finer[None], (size[0] * samples, size[1] * samples))[0]
    fine = tf.reshape(fine, (size[0], samples, size[1], samples, photo.shape[-1]))
    return tf.reduce_mean(fine, axis=(1, 3))


def _samples(matrix) -> tf.Tensor:
    """i32[]: how many samples ``crop`` averages along each axis."""
    step = tf.math.rsqrt(tf.maximum(tf.abs(tf.linalg.det(matrix[:, :2])), 1e-12))
    return tf.cast(tf.clip_by_value(tf.round(step), 1.0, float(MOST_SAMPLES)), tf.int32)


def upright_crop(photo, matrix, size: tuple[int, int]) -> tf.Tensor:
    """``crop`` by a matrix that only scales and shifts, several times as fast.

    Rows and columns are then resampled one after the other, each by a product with a
    matrix that holds the bilinear weights and the averaging.

    Args:
        photo: f32 or u8[H, W, 3].
        matrix: f32[2, 3], I -> C, without rotation or mirror.
        size: (height, width) of the crop.

    Returns:
        f32[height, width, 3], in the value range of ``photo``.
    """
    back, samples = invert(matrix), _samples(matrix)
    shape = tf.shape(photo)
    rows, top = _resampling(back[1, 1], back[1, 2], samples, size[0], shape[0])
    columns, left = _resampling(back[0, 0], back[0, 2], samples, size[1], shape[1])
    height, width = tf.shape(rows)[1], tf.shape(columns)[1]
    shown = photo[top : top + height, left : left + width]
    shown = tf.reshape(tf.cast(shown, tf.float32), (height, width * 3))
    shown = tf.reshape(tf.matmul(rows, shown), (size[0], width, 3))
    return tf.einsum("xw,ywc->yxc", columns, shown)


def _resampling(step, first, samples, count: int, length):
    """The weights that resample one axis of a photo.

    Args:
        step: f32[], px of the photo between pixels of the crop.
        first: f32[], where the crop's first pixel lies.
        samples: i32[] per pixel of the crop.
        count, length: px of the crop and of the photo.

    Returns:
        f32[count, n] for the n pixels of the photo that the crop may show, and the
        first of them, i32[].
    """
    fine = tf.range(count * samples)
    places = first + step * to_cells(
        tf.cast(fine, tf.float32), tf.cast(samples, tf.float32)
    )
    low = tf.clip_by_value(tf.cast(tf.floor(places[0]), tf.int32), 0, length - 1)
    high = tf.clip_by_value(tf.cast(places[-1], tf.int32) + 2, low + 1, length)
    pixels = tf.cast(tf.range(low, high), tf.float32)
    weights = tf.maximum(1 - tf.abs(places[:, None] - pixels), 0)
    weights = tf.reshape(weights, (count, samples, high - low))
    return tf.reduce_mean(weights, axis=1), low


def mirror_points(points, width: int, flip_permutation) -> tf.Tensor:
    """A pose f32[..., K, 2] as seen in the mirrored image (its own inverse).

    Args:
        points: f32[..., K, 2] in px.
        width: px of the image.
        flip_permutation: i32[K], ``Skeleton.flip_permutation``.
    """
    points = tf.gather(points, flip_permutation, axis=-2)
    return tf.stack([width - 1 - points[..., 0], points[..., 1]], axis=-1)


def inside(points, size: tuple[int, int]) -> tf.Tensor:
    """f32[..., N]: 1 if a point f32[..., N, 2] lies on a pixel of the image."""
    limits = tf.cast(tf.stack([size[1], size[0]]), tf.float32) - 0.5
    within = tf.logical_and(points >= -0.5, points < limits)
    return tf.cast(tf.reduce_all(within, axis=-1), tf.float32)


def box_overlap(box, others) -> tf.Tensor:
    """Intersection over union of a box f32[..., 4] with boxes f32[..., N, 4]."""
    box = box[..., None, :]
    low = tf.maximum(box[..., :2], others[..., :2])
    high = tf.minimum(box[..., :2] + box[..., 2:], others[..., :2] + others[..., 2:])
    common = tf.reduce_prod(tf.maximum(high - low, 0), axis=-1)
    area = tf.reduce_prod(box[..., 2:], -1) + tf.reduce_prod(others[..., 2:], -1)
    return tf.math.divide_no_nan(common, area - common)
