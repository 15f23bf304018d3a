"""Runs exported models on photos: ``predictor(photo, keypoints)``, no TensorFlow.

A ``.tflite`` file needs only NumPy and LiteRT (extra ``edge``). The same call runs a
SavedModel, a ``.keras`` file, a model folder or a preset; only these import TensorFlow.
``predictor.find(photo)`` also looks for the people, for models that need boxes.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable

import numpy as np

from tfpose.edge import metadata
from tfpose.errors import PredictorError
from tfpose.geometry import arrays
from tfpose.geometry.pose_boxes import CropRule
from tfpose.geometry.rules import SAME_JOINT
from tfpose.inference.inputs import (
    checked_boxes,
    checked_photo,
    checked_poses,
    settled_distances,
)
from tfpose.inference.person_detector import PersonDetector
from tfpose.io import installation
from tfpose.metrics.oks import oks_nms
from tfpose.skeletons import Skeleton
from tfpose.weights.presets import model_folder

# px of an input; no pose model has more.
LONGEST_SIDE = 4096
MOST_ROUNDS = 100
# "image" and, for a refiner, "keypoints" and "valid" [N, ...] -> "keypoints", "scores",
# and what the next round is given, "expected", if that is something else.
Network = Callable[[dict], dict]
# A photo -> boxes f[N, 4] xywh in its px and scores f[N].
Detector = Callable[[np.ndarray], "tuple[np.ndarray, np.ndarray]"]


class Predictor:
    """A network with its cropping, flip test and mapping back to the photo.

    Args:
        network: the exported graph: crops in, joints in crop px out.
        about: from ``metadata.describe``.

    Attributes:
        about: as given.
        skeleton: skeleton of the poses.
        refines: whether it takes poses rather than boxes.

    Example:
        >>> predictor = Predictor.load("posefix_tiny_lsp")  # or a .tflite file
        >>> photo = np.zeros((120, 100, 3), np.uint8)
        >>> guess = np.random.default_rng(0).uniform(20, 80, (1, 14, 2))
        >>> keypoints, scores = predictor(photo, guess)
        >>> keypoints.shape, scores.shape
        ((1, 14, 2), (1, 14))
    """

    def __init__(self, network: Network, about: dict):
        self.about, self._network = about, network
        self._detect: Detector | None = None  # loaded when it is first needed
        try:
            self.skeleton = Skeleton.from_json(about["skeleton"])
            height, width = about["input_size"]
            self._size = int(height), int(width)
            names = "person_height", "margin", "box_factor"
            numbers = (float(about["crop"][name]) for name in names)
            self._rule = CropRule(self._size, *numbers)
            # Version 1.0's exports do not have it.
            self._rounds = int(about.get("rounds", 1))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise PredictorError(f"unusable description of a model: {error}") from error
        self._check_numbers()
        self._settled = settled_distances(self.skeleton, self._size)
        self.refines = about["task"] == "refine"
        # Only expectations tell how sure a look is that differs from the other.
        self._flips = about["decoding"] == "expectation" and self.skeleton.mirrors

    def _check_numbers(self) -> None:
        rule = self._rule
        crop = rule.margin, rule.box_factor, rule.person_height
        plausible = min(self._size) >= 1 and max(self._size) <= LONGEST_SIDE
        plausible = plausible and 0 < rule.margin < math.inf
        plausible = plausible and 0 < rule.box_factor < math.inf
        plausible = plausible and 1 <= self._rounds <= MOST_ROUNDS
        if not (plausible and 0 <= rule.person_height < math.inf):
            raise PredictorError(
                "unusable description of a model: expected an input_size up to "
                f"{LONGEST_SIDE} px, a finite crop, and up to {MOST_ROUNDS} rounds, "
                f"found {self._size}, {crop}, {self._rounds}"
            )

    @classmethod
    def load(
        cls, path, threads: int = 2, skeleton: str | Skeleton | None = None
    ) -> Predictor:
        """Loads a trained model in any of its forms.

        Args:
            path: a ``.tflite`` file, a SavedModel or the folder of its versions, a
                ``.keras`` file, a model folder, or the name of a preset.
            threads: LiteRT's threads.
            skeleton: needed for a ``.keras`` file without ``config.json`` beside it.

        Raises:
            TfposeError: nothing usable there.
        """
        place = pathlib.Path(path)
        if place.suffix == ".tflite":
            return cls(*_lite(place, threads))
        saved_model = _saved_model_in(place)
        if saved_model is None and place.suffix != ".keras":
            model_folder(path)  # fails if nothing is there
        try:
            if place.suffix == ".keras":
                return cls(*_keras_file(place, skeleton))
            if saved_model is not None:
                return cls(*_saved_model(saved_model))
            return cls(*_model_folder(str(path)))
        except ModuleNotFoundError as error:
            hint = installation.hint(error.name or "")
            if hint is None:
                raise
            raise PredictorError(
                f"{path}: {hint}; a .tflite file needs only the extra 'edge'"
            ) from error

    def __call__(
        self, photo, people, scores=None, flip: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the poses of the people in one photo.

        Args:
            photo: u8[H, W, 3] RGB.
            people: for a refiner, keypoints f[N, K, 2] in photo px; for an estimator,
                boxes f[N, 4] xywh around each person.
            scores: for a refiner, f[N, K], 0 for a missing joint. None: only joints at
                exactly (0, 0) are missing.
            flip: look at the mirrored crop too, if the model allows it
                ("decoding" in its description).

        Returns:
            Keypoints f32[N, K, 2] in photo px and the network's scores f32[N, K] in
            0..1.

        Raises:
            TfposeError: inputs of the wrong shape, not finite, or without a joint or
                an area.
        """
        photo = checked_photo(photo)
        if self.refines:
            keypoints, valid = checked_poses(people, scores, self.skeleton)
            shape = photo.shape[:2]
            boxes, valid = self._rule.boxes(shape, keypoints, valid, self.skeleton)
        else:
            margin = self._rule.margin
            boxes = arrays.fit_boxes(checked_boxes(people), self._size, margin)
            keypoints = valid = None
        found = np.zeros((len(boxes), len(self.skeleton), 2), np.float32)
        found_scores = np.zeros(found.shape[:2], np.float32)
        for row, box in enumerate(boxes):
            inputs = {"image": arrays.crop(photo, box, self._size)}
            if self.refines:
                inputs["keypoints"] = arrays.to_crop(keypoints[row], box, self._size)
                inputs["valid"] = valid[row]
            points, found_scores[row] = self._rounded(inputs, flip and self._flips)
            found[row] = arrays.to_photo(points, box, self._size)
        return found, found_scores

    def find(
        self, photo, detect: Detector | None = None, flip: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the people in one photo and returns their poses.

        Of nearly equal poses, only the one with the best box and joints stays.

        Args:
            photo: u8[H, W, 3] RGB.
            detect: gives boxes f[N, 4] xywh in photo px and scores f[N] for a photo;
                None: ``inference.person_detector.PersonDetector``.
            flip: as in a call.

        Returns:
            Keypoints f32[N, K, 2] in photo px and the network's scores f32[N, K] in
            0..1, best person first. N may be 0.

        Raises:
            TfposeError: a photo of the wrong type or shape, or a model that takes poses
                rather than boxes.
        """
        if self.refines:
            raise PredictorError(
                "find: expected a model that finds poses in boxes, found one that "
                "refines poses"
            )
        if detect is None:
            if self._detect is None:
                self._detect = PersonDetector()
            detect = self._detect
        boxes, sure = detect(checked_photo(photo))
        keypoints, scores = self(photo, boxes, flip=flip)
        areas = np.prod(np.float64(boxes)[:, 2:], axis=1)
        sure = sure * scores.mean(axis=1)
        best = oks_nms(keypoints, sure, areas, self.skeleton.sigmas)
        return keypoints[best], scores[best]

    def _rounded(self, inputs: dict, flip: bool):
        """f64[K, 2] C and f64[K] of one person after all rounds: ``Refiner.answer``."""
        first, again, scores = self._answer(inputs, flip)
        if self._rounds == 1:
            return first, scores
        moved = np.linalg.norm(again - inputs["keypoints"], axis=-1)
        settled = (inputs["valid"] > 0) & (moved < self._settled)
        if settled.all():
            return first, scores
        every = np.ones_like(scores)
        for _ in range(self._rounds - 2):
            _, again, _ = self._run({**inputs, "keypoints": again, "valid": every})
        again = {**inputs, "keypoints": again, "valid": every}
        last, _, last_scores = self._answer(again, flip)
        points = np.where(settled[:, None], first, last)
        return points, np.where(settled, scores, last_scores)

    def _answer(self, inputs: dict, flip: bool):
        """One round: points f64[K, 2] C, those of the next round, scores f64[K]."""
        points, expected, scores = self._run(inputs)
        if not flip:
            return points, expected, scores
        permutation, width = self.skeleton.flip_permutation, self._size[1]
        mirrored = {"image": inputs["image"][:, ::-1]}
        if self.refines:
            mirrored["keypoints"] = arrays.mirror(
                inputs["keypoints"], permutation, width
            )
            mirrored["valid"] = inputs["valid"][permutation]
        others, other_expected, other_scores = self._run(mirrored)
        others, other_expected = (
            arrays.mirror(one, permutation, width) for one in (others, other_expected)
        )
        other_scores = other_scores[permutation]
        # ``models.outputs.agreed``.
        same = np.linalg.norm(points - others, axis=-1) <= SAME_JOINT
        surer = np.where((scores >= other_scores)[:, None], points, others)
        points = np.where(same[:, None], (points + others) / 2, surer)
        # A score is exp(-variance / tolerance) (``layers.heatmaps.BeliefScore``). The
        # variance of two averaged beliefs is the mean of their variances plus a
        # quarter of the squared distance between their means.
        sides = np.array(self._size) / self._rule.margin
        tolerance = 8 * sides.prod() * np.float64(self.skeleton.sigmas) ** 2
        apart = np.square(expected - other_expected).sum(axis=-1)
        scores = np.sqrt(scores * other_scores) * np.exp(-apart / (4 * tolerance))
        return points, (expected + other_expected) / 2, scores

    def _run(self, inputs: dict):
        batch = {
            name: np.ascontiguousarray(
                array[None], np.uint8 if name == "image" else np.float32
            )
            for name, array in inputs.items()
        }
        outputs = self._network(batch)
        # Estimators and version 1.0's refiners have nothing else to expect.
        expected = outputs.get("expected", outputs["keypoints"])
        return map(
            np.float64, (outputs["keypoints"][0], expected[0], outputs["scores"][0])
        )


# --- networks --------------------------------------------------------------------


def _lite(path: pathlib.Path, threads: int) -> tuple[Network, dict]:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError as error:
        raise PredictorError(
            f"{path}: {installation.hint('ai_edge_litert')}"
        ) from error
    try:
        content = path.read_bytes()
        interpreter = Interpreter(model_content=content, num_threads=threads)
        runner = interpreter.get_signature_runner()
    except OSError as error:
        raise PredictorError(
            f"{path}: expected a .tflite file, found {error.strerror}"
        ) from error
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise PredictorError(f"{path}: not a usable .tflite file ({reason})") from error
    return lambda inputs: runner(**inputs), metadata.read(content, str(path))


def _saved_model_in(place: pathlib.Path) -> pathlib.Path | None:
    """The SavedModel at a path, or the highest version of several."""
    if (place / "saved_model.pb").is_file():
        return place
    versions = [path.parent for path in place.glob("*/saved_model.pb")]
    versions = [path for path in versions if path.name.isdecimal()]
    return max(versions, key=lambda path: int(path.name), default=None)


def _saved_model(folder: pathlib.Path) -> tuple[Network, dict]:
    import tensorflow as tf

    path = folder / metadata.ASSET
    try:
        about = metadata.parse(path.read_bytes(), str(path))
        model = tf.saved_model.load(str(folder))
        serve = model.signatures["serving_default"]
    except (OSError, KeyError) as error:
        raise PredictorError(
            f"{folder}: expected a SavedModel written by 'tfpose export' ({error})"
        ) from error

    def network(inputs):
        # Keeps the model, and thus the signature's weights, alive.
        _ = model
        outputs = serve(**{name: tf.constant(x) for name, x in inputs.items()})
        return {name: array.numpy() for name, array in outputs.items()}

    return network, about


def _model_folder(name: str) -> tuple[Network, dict]:
    from tfpose.models.table import load_model

    model, config = load_model(name)
    return _keras(model, config.skeleton), _describe(
        model, config.skeleton, model_folder(name).name, config
    )


def _describe(model, skeleton: Skeleton, name: str, config=None) -> dict:
    kind = config.model if config else model.name
    height = config.crop.get("person_height", 0.0) if config else 0.0
    rounds = config.testing.get("rounds", 1) if config else 1
    return metadata.describe(model, skeleton, name, kind, height, rounds=rounds)


def _keras_file(path: pathlib.Path, skeleton) -> tuple[Network, dict]:
    import keras

    from tfpose import config as configurations
    from tfpose import models  # noqa: F401, registers the models' classes
    from tfpose.io.skeleton_files import find_skeleton

    beside = path.with_name("config.json")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise PredictorError(f"{path}: not a usable .keras file ({reason})") from error
    config = configurations.load(beside) if beside.is_file() else None
    if skeleton is None and config is None:
        raise PredictorError(
            f"{path}: expected config.json beside it, or a skeleton (skeleton=)"
        )
    if skeleton is None:
        skeleton = config.skeleton
    if not isinstance(skeleton, Skeleton):
        skeleton = find_skeleton(skeleton)
    return _keras(model, skeleton), _describe(model, skeleton, path.stem, config)


def _keras(model, skeleton: Skeleton) -> Network:
    import tensorflow as tf

    from tfpose.models.serving_graph import serving_model

    serving = serving_model(model, skeleton, phases=False)
    run = tf.function(lambda inputs: serving(inputs, training=False), autograph=False)

    def network(inputs):
        outputs = run({key: tf.constant(array) for key, array in inputs.items()})
        return {key: array.numpy() for key, array in outputs.items()}

    return network
