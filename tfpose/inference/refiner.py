"""Refines in memory the poses that any method found in a photo."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from tfpose.config import Config
from tfpose.errors import TfposeError
from tfpose.geometry import arrays, tensors
from tfpose.geometry.crops import crop_box, standing_height
from tfpose.geometry.pose_boxes import CropRule
from tfpose.geometry.rules import BOX_FACTOR
from tfpose.inference.batches import batched
from tfpose.inference.inputs import checked_photo, checked_poses, settled_distances
from tfpose.inference.reliability import Beliefs, Calibration, read_calibration
from tfpose.models.base import PoseModel
from tfpose.models.outputs import score_layer
from tfpose.models.split import split
from tfpose.models.table import load_model
from tfpose.skeletons import Skeleton
from tfpose.weights.presets import model_folder


class Refiner:
    """A trained refiner with its cropping, flip test and decoding.

    Args:
        model: a ``RefinementModel``.
        skeleton: skeleton of its poses.
        calibration: calibration of its beliefs, measured on validation people; needed
            only to combine them with the input (``tfpose.inference.reliability``).
        person_height: px of a standing person in its crops (``Config.crop``).
        network: Keras model to run instead of ``model``; default: the model.
        rounds: how often the network is run, each time on its own answer
            (``Config.testing``).

    Attributes:
        steady: whether the box around a pose leaves out single wild joints
            (``tensors.steady``); published code takes all.

    Example:
        >>> import numpy as np, tfpose
        >>> refiner = tfpose.Refiner.from_preset("posefix_tiny_lsp")
        >>> photo = np.zeros((120, 100, 3), np.uint8)
        >>> guess = np.random.default_rng(0).uniform(20, 80, (1, 14, 2))
        >>> keypoints, scores = refiner(photo, guess)
        >>> keypoints.shape, scores.shape
        ((1, 14, 2), (1, 14))
    """

    def __init__(
        self,
        model: PoseModel,
        skeleton: Skeleton,
        calibration: Calibration | None = None,
        person_height: float = 0.0,
        network: keras.Model | None = None,
        rounds: int = 1,
    ):
        self.model, self.skeleton = model, skeleton
        self.calibration = calibration or Calibration()
        self.size, self.person_height = model.input_size, person_height
        self.steady = True
        self._see, self._decide = _parts(model if network is None else network)
        self._score = score_layer(model, skeleton)
        self._read = model.reader(self._score)
        self._settled = settled_distances(skeleton, model.input_size)
        self._rounds: int | None = None
        self.rounds = rounds

    @property
    def rounds(self) -> int:
        """How often the network is run, each time on its own answer."""
        return self._rounds

    @rounds.setter
    def rounds(self, rounds: int) -> None:
        if rounds == self._rounds:
            return
        self._rounds = rounds
        # Of any number of people: traced once for these rounds, which takes seconds.
        joints = len(self.skeleton)
        shapes = (*self.size, 3), (joints, 2), (joints,)
        signature = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
        self._predict = tf.function(
            self.answer, input_signature=signature, autograph=False
        )

    @classmethod
    def from_preset(cls, name: str | pathlib.Path) -> Refiner:
        """Loads a preset by its name, or a model folder by its path.

        Raises:
            TfposeError: nothing there, or not a refiner.
        """
        model, config = load_model(name)
        if not model.is_refiner:
            raise TfposeError(
                f"model {name}: expected a refiner, found the estimator "
                f"{config.model}, which needs no poses (tfpose predict)"
            )
        return cls.of(model, config, read_calibration(model_folder(name)))

    @classmethod
    def of(
        cls,
        model: PoseModel,
        config: Config,
        calibration: Calibration | None = None,
        network: keras.Model | None = None,
    ) -> Refiner:
        """Wraps a model that was trained with a configuration."""
        height = config.crop.get("person_height", 0.0)
        rounds = config.testing.get("rounds", 1)
        return cls(model, config.skeleton, calibration, height, network, rounds)

    def __call__(self, photo, keypoints, scores=None) -> tuple[np.ndarray, np.ndarray]:
        """Refines the poses in one photo with the network alone.

        Args:
            photo: u8[H, W, 3] RGB.
            keypoints: f[N, K, 2] photo px.
            scores: f[N, K], 0 for a missing joint. None: only joints at exactly (0, 0)
                are missing.

        Returns:
            Refined keypoints f32[N, K, 2] photo px and the network's scores f32[N, K]
            in 0..1; it finds missing joints, too.

        Raises:
            TfposeError: inputs of wrong shape, not finite, or a pose without a joint.
        """
        photo = checked_photo(photo)
        keypoints, valid = checked_poses(keypoints, scores, self.skeleton)
        joints = len(self.skeleton)
        answers = [np.zeros((0, joints, 2), np.float32)]
        found = [np.zeros((0, joints), np.float32)]
        for some in self.believe([(photo, keypoints, valid)]):
            answers.append(np.float32(some.in_photo(some.refined())))
            found.append(some.scores)
        return np.concatenate(answers), np.concatenate(found)

    def believe(self, people) -> Iterator[Beliefs]:
        """Runs the network, with and without mirroring, on the people in many photos.

        Args:
            people: iterable of (u8[H, W, 3] RGB, f32[N, K, 2] I, f32[N, K] or None),
                one item per photo.

        Yields:
            Beliefs about at most ``BATCH`` people, in order.
        """
        for batch in batched(self._crops(people)):
            image, keypoints, valid, to_image = (np.stack(part) for part in batch)
            maps, answers, scores = self._predict(image, keypoints, valid)
            yield Beliefs(
                maps.numpy(),
                keypoints,
                valid,
                to_image,
                answers.numpy(),
                scores.numpy(),
            )

    def cut(self, photo, keypoints, valid):
        """Crops people; exported graphs do, too.

        A joint that the box leaves out (``tensors.steady``) and that is not in the crop
        either counts as missing: a network could not see it.

        Returns:
            f32[N, H, W, 3], f32[N, K, 2] C, f32[N, K] valid joints, and f32[N, 2, 3]
            C -> I.
        """
        steady = tf.cast(tf.cast(valid, tf.float32) > 0, tf.float32)
        if self.steady:
            steady = tensors.steady(keypoints, valid, tf.shape(photo)[:2])
        box = tensors.scale_box(tensors.box_around(keypoints, steady), BOX_FACTOR)
        height = standing_height(keypoints, steady, self.skeleton)
        box = crop_box(box, height, self.size, self.person_height)
        crops, points, to_image = _crop(photo, keypoints, box, self.size)
        shown = tf.maximum(steady, tensors.inside(points, self.size))
        return crops, points, tf.cast(valid, tf.float32) * shown, to_image

    def _crops(self, people) -> Iterator[tuple]:
        """``cut`` in NumPy, person by person, several times as fast."""
        rule = CropRule(self.size, self.person_height, steady=self.steady)
        for photo, keypoints, valid in people:
            keypoints = np.asarray(keypoints, np.float32)
            if not len(keypoints):
                continue
            valid = np.ones(keypoints.shape[:2]) if valid is None else valid
            valid = np.asarray(valid, np.float32)
            found = rule.boxes(photo.shape[:2], keypoints, valid, self.skeleton)
            for box, pose, shown in zip(found[0], keypoints, found[1], strict=True):
                yield (
                    arrays.upright_crop(photo, box, self.size),
                    np.float32(arrays.to_crop(pose, box, self.size)),
                    np.float32(shown),
                    np.float32(arrays.to_photo_matrix(box, self.size)),
                )

    def answer(self, image, keypoints, valid):
        """Beliefs, positions and scores after all rounds.

        Each further round takes what the one before expected as its input; only those
        in between do without the mirror image. Their last answer counts for joints that
        the first one moved. Not in the papers: the answer is a better input than the
        method's pose.

        Args:
            image: f32[B, H, W, 3].
            keypoints: f32[B, K, 2] crop px.
            valid: f32[B, K].

        Returns:
            f32[B, H/4, W/4, K], f32[B, K, 2] crop px and f32[B, K].
        """
        # Slices with a step of -1 take several times as long.
        views = self._see(image), self._see(tf.reverse(image, [2]))
        first = self._flip_tested(views, keypoints, valid)
        if self.rounds == 1:
            return _answer(*first)
        moved = tf.norm(first[1] - keypoints, axis=-1)
        settled = moved < tf.constant(self._settled, tf.float32)
        settled = tf.logical_and(settled, valid > 0)
        rows = tf.where(tf.reduce_any(~settled, axis=-1))
        every = tf.cond(
            tf.size(rows) > 0,
            lambda: self._later(views, first, settled, rows),
            lambda: first,
        )
        return _answer(*every)

    def _later(self, views, first, settled, rows):
        """``_flip_tested`` after the first round.

        Args:
            views: features of the crop and its mirror image.
            first: of the first round.
            settled: bool[B, K], joints that keep it.
            rows: i64[N, 1], the people with other joints; nobody else needs more.
        """

        def chosen(values):
            return tf.gather_nd(values, rows)

        views = tf.nest.map_structure(chosen, views)
        before, settled = [chosen(values) for values in first], chosen(settled)
        again, every = before[1], tf.ones_like(before[3])
        for _ in range(self.rounds - 2):
            outputs = self._decide(views[0], again, every)
            _, again, _ = self._read([self._belief(outputs)], outputs)
        last = self._flip_tested(views, again, every)
        points = settled[..., None]
        shapes = settled[:, None, None], points, points, settled
        return tuple(
            tf.tensor_scatter_nd_update(values, rows, tf.where(keep, one, other))
            for values, keep, one, other in zip(
                first, shapes, before, last, strict=True
            )
        )

    def _flip_tested(self, views, keypoints, valid):
        """One round, from the features of the crop and its mirror image.

        PoseFix section 5.3 averages both answers; ``model.reader`` says what we do.
        Skeletons that cannot be mirrored have the crop alone.

        Returns:
            Beliefs f32[B, h, w, K], what the next round is given f32[B, K, 2], the
            answer f32[B, K, 2], and scores f32[B, K].
        """
        permutation = self.skeleton.flip_permutation
        outputs = self._decide(views[0], keypoints, valid)
        looks = [self._belief(outputs)]
        if not self.skeleton.mirrors:
            return self._scored(looks, outputs)
        mirrored = self._decide(
            views[1],
            tensors.mirror_points(keypoints, self.size[1], permutation),
            tf.gather(valid, permutation, axis=1),
        )
        other = tf.reverse(self._belief(mirrored), [2])
        looks.append(tf.gather(other, permutation, axis=3))
        return self._scored(looks, outputs)

    def _scored(self, looks, outputs):
        scores = self._score(sum(looks) / len(looks))
        return *self._read(looks, outputs), scores

    def _belief(self, outputs):
        maps = outputs["heatmap"]
        if self.model.activation == "sigmoid":
            return tf.sigmoid(maps)
        if self.model.activation == "linear":
            maps = tf.math.log(tf.maximum(maps, 1e-6))  # its softmax is the map, scaled
        shape = tf.shape(maps)
        flat = tf.reshape(maps, (shape[0], -1, shape[3]))
        return tf.reshape(tf.nn.softmax(flat, axis=1), shape)


def _answer(belief, expected, points, scores):
    return belief, points, scores


def _parts(network: keras.Model) -> tuple[Callable, Callable]:
    """Functions from photos to features, and from features and poses to outputs.

    The mirror image and all rounds share one trace of each, and the rounds share the
    photo's features (``models.split``).
    """
    parts = split(network)
    if parts is None:

        def see(image):
            return image

        def decide(image, keypoints, valid):
            inputs = {"image": image, "keypoints": keypoints, "valid": valid}
            return network(inputs, training=False)

    else:
        photo, pose = parts

        @tf.function(autograph=False, reduce_retracing=True)
        def see(image):
            return photo(image, training=False)

        def decide(features, keypoints, valid):
            return pose([*features, keypoints, valid], training=False)

    return see, tf.function(decide, autograph=False, reduce_retracing=True)


@tf.function(autograph=False, reduce_retracing=True)
def _crop(photo, keypoints, box, size):
    """``Refiner.cut`` for boxes f32[N, 4] in the shape of the crop."""
    matrix = tensors.crop_matrix(box, size)
    crops = tf.map_fn(lambda one: tensors.upright_crop(photo, one, size), matrix)
    return crops, tensors.transform(keypoints, matrix), tensors.invert(matrix)
