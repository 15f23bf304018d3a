"""Estimates poses from photos and boxes, with heatmaps at several scales."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfpose.codecs import GaussianHeatmap
from tfpose.config import Config
from tfpose.errors import TfposeError
from tfpose.evaluation.protocols import Protocol
from tfpose.geometry import arrays, tensors
from tfpose.geometry.crops import crops_of
from tfpose.geometry.rules import CROP_MARGIN
from tfpose.inference.batches import batched
from tfpose.inference.inputs import checked_boxes, checked_photo
from tfpose.layers.dark import DarkPosition
from tfpose.layers.heatmaps import PeakValue
from tfpose.models.base import PoseModel
from tfpose.models.outputs import belief_of, score_layer
from tfpose.models.table import load_model
from tfpose.skeletons import Skeleton

# HCRN's "3-scale image pyramids" (IV.A); the paper does not give the scales. These are
# within its training range of 0.7 to 1.3.
SCALES = (0.8, 1.0, 1.2)


class Estimator:
    """A trained estimator with its cropping, image pyramid and decoding.

    Args:
        model: a ``PoseEstimator``.
        skeleton: skeleton of its poses.
        scales: sizes at which it sees a person; it averages the heatmaps.
        flip: average over the mirrored crops too.
        output: name of the heatmaps to decode.
        dark_sigma: standard deviation, px of C, of the Gaussians in the model's
            targets; reads peaks with ``DarkPosition``. None reads them as the model
            does.
        network: callable that computes the beliefs; default: the model.
        protocol: crops, decodes and scores as published code, but for the weights' own
            conventions: crops of ``tensors.corner_matrix``, the protocol's decoding
            instead of ours, and the largest response as a joint's score. Its scales are
            the caller's to give.

    Raises:
        TfposeError: no scale, or one that is not positive.

    Example:
        >>> import numpy as np, tfpose
        >>> estimator = tfpose.Estimator.from_preset("estimator_tiny_lsp")
        >>> photo = np.zeros((120, 100, 3), np.uint8)
        >>> keypoints, scores = estimator(photo, [[10, 10, 80, 100]])
        >>> keypoints.shape, scores.shape
        ((1, 14, 2), (1, 14))
    """

    def __init__(
        self,
        model: PoseModel,
        skeleton: Skeleton,
        scales: Sequence[float] = SCALES,
        flip: bool = True,
        output: str = "heatmap",
        dark_sigma: float | None = None,
        network: Callable | None = None,
        protocol: Protocol | None = None,
    ):
        if not scales or not all(scale > 0 for scale in scales):
            raise TfposeError(f"scales: expected positive numbers, got {list(scales)}")
        self.model, self.skeleton, self.size = model, skeleton, model.input_size
        belief = belief_of(model, output)
        self._network = keras.Model(model.input, belief) if network is None else network
        self.scales, self.flip = tuple(scales), flip and skeleton.mirrors
        # For a softmax too: between two candidates, the expectation is neither.
        stride = self.size[0] / belief.shape[1]
        conventions, self._official = model.conventions, protocol is not None
        undecided = conventions.decoding == "parabola"
        if protocol and undecided and model.activation != "softmax":
            conventions = dataclasses.replace(conventions, decoding=protocol.decoding)
        self._decode = conventions.position_layer(stride)
        if dark_sigma is not None:
            self._decode = DarkPosition(stride, dark_sigma, conventions.origin)
        self._score = PeakValue() if protocol else score_layer(model, skeleton)
        # Of any number of people: traced once, which takes seconds.
        shapes = (len(self.scales), *self.size, 3), (2, 3)
        signature = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
        self._predict = tf.function(
            self.pyramid, input_signature=signature, autograph=False
        )

    @classmethod
    def from_preset(
        cls,
        name: str | pathlib.Path,
        scales: Sequence[float] = SCALES,
        flip: bool = True,
        dark: bool = False,
    ) -> Estimator:
        """Loads a preset by its name, or a model folder by its path.

        Args:
            name: preset or folder.
            scales, flip: as for the class.
            dark: read peaks with ``DarkPosition``.

        Raises:
            TfposeError: nothing there, a refiner, a model that finds everybody at once
                (``BottomUp``), or DARK on maps that are not Gaussians.
        """
        model, config = load_model(name)
        return cls.of(model, config, scales, flip, dark, name)

    @classmethod
    def of(
        cls,
        model: PoseModel,
        config: Config,
        scales: Sequence[float] = SCALES,
        flip: bool = True,
        dark: bool = False,
        name: str | pathlib.Path = "",
        protocol: Protocol | None = None,
    ) -> Estimator:
        """Wraps a model that was trained with a configuration.

        Arguments and errors as for ``from_preset``; messages show ``name``.
        """
        name = name or config.model
        if model.is_refiner:
            raise TfposeError(
                f"model {name}: expected an estimator, found the refiner "
                f"{config.model}, which needs poses (tfpose refine)"
            )
        if model.is_bottom_up:
            raise TfposeError(
                f"model {name}: expected an estimator of single people, found "
                f"{config.model}, which finds everybody at once (tfpose.BottomUp)"
            )
        sigma = gaussian_sigma(config) if dark else None
        return cls(
            model, config.skeleton, scales, flip, dark_sigma=sigma, protocol=protocol
        )

    def __call__(self, photo, boxes) -> tuple[np.ndarray, np.ndarray]:
        """Finds the joints of the people in one photo.

        Args:
            photo: u8[H, W, 3] RGB.
            boxes: f[N, 4] xywh, photo px; one around each person.

        Returns:
            Keypoints f32[N, K, 2] photo px and scores f32[N, K] in 0..1.

        Raises:
            TfposeError: inputs of the wrong shape, not finite, or a box with no area.
        """
        photo, boxes = checked_photo(photo), checked_boxes(boxes)
        joints = len(self.skeleton)
        nobody = np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32)
        answers = list(self.estimate([(photo, boxes)]))
        return tuple(
            np.concatenate(part) for part in zip(nobody, *answers, strict=True)
        )

    def estimate(self, people: Iterable) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Finds the joints of the people in many photos, ``BATCH`` people at a time.

        Args:
            people: iterable of (u8[H, W, 3] RGB, boxes f32[N, 4] xywh I), one item per
                photo.

        Yields:
            Keypoints f32[n, K, 2] I and scores f32[n, K] of the next n people.
        """
        for batch in batched(self._crops(people)):
            crops, to_image = (np.stack(part) for part in batch)
            keypoints, scores = self._predict(crops, to_image)
            yield keypoints.numpy(), scores.numpy()

    def _crops(self, people) -> Iterator[tuple]:
        for photo, boxes in people:
            boxes = np.asarray(boxes, np.float32)
            if len(boxes) and self._official:
                looks = self.size, self.scales, True
                yield from zip(*crops_of(photo, boxes, *looks), strict=True)
                continue
            # ``crops_of`` in NumPy, several times as fast.
            for box in arrays.fit_boxes(np.float64(boxes), self.size, CROP_MARGIN):
                looks = [arrays.scale_boxes(box[None], 1 / s)[0] for s in self.scales]
                crops = [arrays.upright_crop(photo, look, self.size) for look in looks]
                matrix = arrays.to_photo_matrix(box, self.size)
                yield np.stack(crops), np.float32(matrix)

    def pyramid(self, crops, to_image):
        """Crops f32[N, S, H, W, 3] and f32[N, 2, 3] C -> I: keypoints and scores, I."""
        looks = tf.transpose(crops, (1, 0, 2, 3, 4))
        if self.flip:
            # Slices with a step of -1 take several times as long.
            looks = tf.concat([looks, tf.reverse(looks, [-2])], axis=0)
        # A loop, because TensorFlow takes minutes to prepare several deep networks.
        keypoints, scores = self.merged(tf.map_fn(self._belief, looks))
        return tensors.transform(keypoints, to_image), scores

    def merged(self, beliefs):
        """Several looks at each person as one: keypoints f32[N, K, 2] C, scores.

        Args:
            beliefs: f32[L, N, h, w, K], a look for each of ``scales``; with ``flip``,
                then those of the mirrored crops.
        """
        if self.flip:
            beliefs, mirrored = tf.split(beliefs, 2)
            order = self.skeleton.flip_permutation
            mirrored = tf.gather(tf.reverse(mirrored, [-2]), order, axis=-1)
            beliefs += moved_right(mirrored, self.model.conventions.flip_shift)
            beliefs /= 2
        total, covered = 0.0, 0.0
        for index, scale in enumerate(self.scales):
            belief, cover = resample(beliefs[index], scale)
            total, covered = total + belief, covered + cover
        belief = total / tf.maximum(covered, 1e-6)
        if self.model.activation == "softmax":
            # Cells that a scale does not show made the sums differ from 1, and a
            # variance negative.
            belief /= tf.maximum(tf.reduce_sum(belief, (1, 2), keepdims=True), 1e-6)
        return self._decode(belief), self._score(belief)

    def _belief(self, image):
        """Beliefs f32[N, h, w, K] for crops f32[N, H, W, 3]."""
        return self._network({"image": image}, training=False)


def moved_right(maps, cells: int):
    """f32[..., w, K] moved by whole cells; the first columns stay."""
    return tf.concat([maps[..., :cells, :], maps[..., : -cells or None, :]], axis=-2)


def resample(maps, scale: float):
    """Brings heatmaps of a crop that shows people ``scale`` times as large to scale 1.

    Both crops have the same center. Bilinear; zero outside the enlarged crop.

    Args:
        maps: f32[N, h, w, K].
        scale: above 0.

    Returns:
        f32[N, h, w, K], zero where nothing is known, and f32[1, h, w, 1] in 0..1, the
        known share of each cell.
    """
    rows, columns = (_resampling(count, scale) for count in maps.shape[1:3])
    moved = tf.einsum("yh,nhwk,xw->nyxk", rows, maps, columns)
    known = np.outer(rows.sum(1), columns.sum(1)).astype(np.float32)
    return moved, known[None, :, :, None]


def _resampling(count: int, scale: float) -> np.ndarray:
    """f32[count, count]: each cell's bilinear weights over the source cells."""
    center = (count - 1) / 2
    source = center + scale * (np.arange(count) - center)
    distance = np.abs(source[:, None] - np.arange(count))
    return np.maximum(1 - distance, 0).astype(np.float32)


def gaussian_sigma(config: Config) -> float:
    """The standard deviation, px of C, of the Gaussians in a model's targets.

    Raises:
        TfposeError: its targets are not Gaussians.
    """
    if config.target["codec"] != "gaussian":
        raise TfposeError(
            f"DARK decoding: expected Gaussian heatmaps, found {config.model} trained "
            f"with the codec {config.target['codec']!r}"
        )
    return config.target.get("sigma", GaussianHeatmap.sigma)
