"""Exported models on photos: ``predictor(photo, poses)`` without TensorFlow.

A ``.tflite`` file needs NumPy and LiteRT alone (``pip install tfpose[edge]``). The same
call runs a SavedModel, a ``.keras`` file, a model folder or a preset; TensorFlow is
imported for these. Crops, mirrors and the way back to the photo are ``geometry.py``'s
rules in NumPy, in float64.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np

from tfpose import crop_rules, lite_metadata
from tfpose import skeleton as skeletons
from tfpose.skeleton import Skeleton

# "image", and "keypoints" and "valid" of a refiner, [N, ...] -> "keypoints", "scores".
Network = Callable[[dict], dict]


class PredictorError(ValueError):
    """A model or an input that cannot be used; the message is one clear line."""


class Predictor:
    """A network with the crop, the flip test and the way back to the photo around it.

    Args:
        network: the exported graph: crops in, joints in crop px out.
        about: ``lite_metadata.describe``.

    Attributes:
        about: as given.
        skeleton: of the poses.
        refines: whether it is called with poses, and not with boxes.
    """

    def __init__(self, network: Network, about: dict):
        self.about, self._network = about, network
        try:
            self.skeleton = Skeleton.from_json(about["skeleton"])
            height, width = about["input_size"]
            self._margin = float(about["crop"]["margin"])
            self._box_factor = float(about["crop"]["box_factor"])
            self._person_height = float(about["crop"]["person_height"])
        except (ValueError, TypeError, KeyError) as error:
            raise PredictorError(f"unusable description of a model: {error}") from error
        self.refines = about["task"] == "refine"
        self._size = int(height), int(width)
        # The mean position of two maps is the mean of their positions only of
        # expectations; two peaks may lie on the left and on the right arm.
        self._flips = about["decoding"] == "expectation"

    @classmethod
    def load(
        cls, path, threads: int = 2, skeleton: str | Skeleton | None = None
    ) -> Predictor:
        """Loads a trained model in any of its forms.

        Args:
            path: a ``.tflite`` file, a SavedModel or the folder of its versions, a
                ``.keras`` file, a model folder, or the name of a preset.
            threads: of LiteRT.
            skeleton: of a ``.keras`` file without its ``config.json`` beside it.

        Raises:
            PredictorError, MetadataError: nothing usable there.
        """
        place = pathlib.Path(path)
        if place.suffix == ".tflite":
            return cls(*_lite(place, threads))
        if place.suffix == ".keras":
            return cls(*_keras_file(place, skeleton))
        saved_model = _saved_model_in(place)
        if saved_model is not None:
            return cls(*_saved_model(saved_model))
        return cls(*_model_folder(str(path)))

    def __call__(self, photo, people, flip: bool = True) -> np.ndarray:
        """The poses of the people of one photo.

        Args:
            photo: u8[H, W, 3] RGB.
            people: of a refiner poses f[N, K, 3] of x, y in px of the photo and a
                score, 0 where the joint is missing, or f[N, K, 2], nothing missing; of
                an estimator boxes f[N, 4] xywh around each person.
            flip: average with the mirrored crop, where the model allows it
                ("decoding" in its description).

        Returns:
            f32[N, K, 3] of x, y in px of the photo and the network's score 0..1.

        Raises:
            PredictorError: of another shape, not finite, without a joint or an area.
        """
        photo = _photo(photo)
        if self.refines:
            keypoints, valid = self._poses(people)
            boxes = self._pose_boxes(keypoints, valid)
        else:
            boxes = fit(_boxes(people), self._size, self._margin)
            keypoints = valid = None
        joints = len(self.skeleton)
        found = np.zeros((len(boxes), joints, 3), np.float32)
        for row, box in enumerate(boxes):
            inputs = {"image": crop(photo, box, self._size)}
            if self.refines:
                inputs["keypoints"] = to_crop(keypoints[row], box, self._size)
                inputs["valid"] = valid[row]
            points, scores = self._answer(inputs, flip and self._flips)
            found[row, :, :2] = to_photo(points, box, self._size)
            found[row, :, 2] = scores
        return found

    def _answer(self, inputs: dict, flip: bool):
        """f64[K, 2] C and f64[K] of one person."""
        points, scores = self._run(inputs)
        if not flip:
            return points, scores
        permutation, width = self.skeleton.flip_permutation, self._size[1]
        mirrored = {"image": inputs["image"][:, ::-1]}
        if self.refines:
            mirrored["keypoints"] = mirror(inputs["keypoints"], permutation, width)
            mirrored["valid"] = inputs["valid"][permutation]
        others, other_scores = self._run(mirrored)
        others = mirror(others, permutation, width)
        # A score is exp(-variance / tolerance) (``layers.heatmaps.BeliefScore``). The
        # variance of the mean of two beliefs is the mean of theirs and a quarter of
        # the squared distance of their means.
        sides = np.array(self._size) / self._margin
        tolerance = 8 * sides.prod() * np.float64(self.skeleton.sigmas) ** 2
        apart = np.square(points - others).sum(axis=-1)
        scores = np.sqrt(scores * other_scores[permutation])
        return (points + others) / 2, scores * np.exp(-apart / (4 * tolerance))

    def _run(self, inputs: dict):
        batch = {
            name: np.ascontiguousarray(
                array[None], np.uint8 if name == "image" else np.float32
            )
            for name, array in inputs.items()
        }
        outputs = self._network(batch)
        return (np.float64(outputs[name][0]) for name in ("keypoints", "scores"))

    def _poses(self, people):
        """f64[N, K, 2] I and f64[N, K]."""
        joints = len(self.skeleton)
        poses = np.asarray(people, np.float64)
        if not poses.size:
            return np.zeros((0, joints, 2)), np.zeros((0, joints))
        if poses.ndim != 3 or poses.shape[1] != joints or poses.shape[2] not in (2, 3):
            raise PredictorError(
                f"poses: expected the shape (people, {joints}, 3) of "
                f"{self.skeleton.name}, found {poses.shape}"
            )
        _check_finite(poses, "poses")
        valid = np.ones(poses.shape[:2])
        if poses.shape[2] == 3:
            valid = np.float64(poses[..., 2] > 0)
        empty = np.flatnonzero(~valid.any(axis=1))
        if len(empty):
            raise PredictorError(f"poses[{empty[0]}]: expected a joint, found none")
        return poses[..., :2], valid

    def _pose_boxes(self, keypoints, valid) -> np.ndarray:
        """f64[N, 4] xywh of I in the shape of the crop (``Refiner.cut``)."""
        seen = valid[..., None] > 0
        low = np.where(seen, keypoints, np.inf).min(axis=1, initial=np.inf)
        high = np.where(seen, keypoints, -np.inf).max(axis=1, initial=-np.inf)
        side = np.where(high > low, high - low, crop_rules.SMALLEST_SIDE)
        boxes = np.concatenate([(low + high) / 2 - (side - 1) / 2, side], axis=-1)
        if not self._person_height:
            boxes = scale(boxes, self._box_factor)
            return fit(boxes, self._size, self._margin)
        height = self._standing_height(keypoints, valid, side)
        sides = np.array(self._size[::-1]) * height[:, None] / self._person_height
        centre = (low + high) / 2
        return np.concatenate([centre - (sides - 1) / 2, sides], axis=-1)

    def _standing_height(self, keypoints, valid, side) -> np.ndarray:
        """f64[N] px of I (``geometry.person_height``)."""
        height = crop_rules.HEIGHT_IN_BOXES * side.max(axis=-1, initial=0)
        head = self.skeleton.head
        if head is not None and "head_top" in head:
            ends = [self.skeleton.index(joint) for joint in head]
            span = keypoints[:, ends[0]] - keypoints[:, ends[1]]
            length = np.linalg.norm(span, axis=-1)
            known = (valid[:, ends] > 0).all(axis=1) & (length > 0)
            height = np.where(known, crop_rules.HEIGHT_IN_HEADS * length, height)
        return np.maximum(height, crop_rules.SMALLEST_HEIGHT)


# --- inputs ----------------------------------------------------------------------


def _photo(photo) -> np.ndarray:
    photo = np.asarray(photo)
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise PredictorError(
            "photo: expected uint8 of the shape (height, width, 3), found "
            f"{photo.dtype} of {photo.shape}"
        )
    if not photo.size:
        raise PredictorError(f"photo: expected pixels, found the shape {photo.shape}")
    return photo


def _boxes(people) -> np.ndarray:
    boxes = np.asarray(people, np.float64)
    if not boxes.size:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise PredictorError(
            f"boxes: expected the shape (people, 4), found {boxes.shape}"
        )
    _check_finite(boxes, "boxes")
    empty = np.flatnonzero((boxes[:, 2:] <= 0).any(axis=1))
    if len(empty):
        found = boxes[empty[0]].tolist()
        raise PredictorError(
            f"boxes[{empty[0]}]: expected x, y and a positive width and height, found "
            f"{found}"
        )
    return boxes


def _check_finite(array, name: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if len(wrong):
        raise PredictorError(f"{name}[{wrong[0]}]: expected numbers, found NaN or inf")


# --- crops: tfpose.geometry in NumPy ---------------------------------------------


def scale(boxes, factor: float) -> np.ndarray:
    """Boxes f64[N, 4] xywh ``factor`` times as large about their centres."""
    position, size = boxes[:, :2], boxes[:, 2:]
    centre = position + (size - 1) / 2
    return np.concatenate([centre - (size * factor - 1) / 2, size * factor], axis=-1)


def fit(boxes, size: tuple[int, int], factor: float) -> np.ndarray:
    """The smallest boxes in the shape of ``size`` around boxes, made larger."""
    aspect = size[1] / size[0]
    width, height = boxes[:, 2], boxes[:, 3]
    fitted = np.stack(
        [np.maximum(width, height * aspect), np.maximum(height, width / aspect)], -1
    )
    position = boxes[:, :2] + (boxes[:, 2:] - fitted) / 2
    return scale(np.concatenate([position, fitted], axis=-1), factor)


def to_photo(points, box, size: tuple[int, int]) -> np.ndarray:
    """Crop px -> photo px: f64[..., 2] of the crop of a box f64[4]."""
    centre = box[:2] + (box[2:] - 1) / 2
    middle = (np.array(size[::-1]) - 1) / 2
    return (points - middle) * (box[2] / size[1]) + centre


def to_crop(points, box, size: tuple[int, int]) -> np.ndarray:
    """Photo px -> crop px, the inverse of ``to_photo``."""
    centre = box[:2] + (box[2:] - 1) / 2
    middle = (np.array(size[::-1]) - 1) / 2
    return (points - centre) * (size[1] / box[2]) + middle


def crop(photo, box, size: tuple[int, int]) -> np.ndarray:
    """The part of a photo in a box, bilinear, black outside the photo.

    Along each axis two pixels of the photo make one of the crop; together the four of
    ``geometry.warp``. OpenCV's warp would round the weights to 1/32.

    Args:
        photo: u8[H, W, 3].
        box: f64[4] xywh in the shape of ``size``.
        size: (height, width).

    Returns:
        u8[height, width, 3].
    """
    centre = box[:2] + (box[2:] - 1) / 2
    step = box[2] / size[1]
    taken = []
    for axis, limit in ((1, photo.shape[0]), (0, photo.shape[1])):
        count = size[1 - axis]
        position = (np.arange(count) - (count - 1) / 2) * step + centre[axis]
        first = np.floor(position)
        share = position - first
        both = np.stack([first, first + 1])  # (2, count)
        inside = (both >= 0) & (both < limit)
        weight = np.stack([1 - share, share]) * inside
        index = np.clip(both, 0, limit - 1).astype(np.intp)
        taken.append((index, weight.astype(np.float32)))
    (rows, down), (columns, right) = taken
    pixels = sum(
        photo[row][:, columns] * weight[:, None, None, None]
        for row, weight in zip(rows, down, strict=True)
    )  # (height, 2, width, 3)
    pixels = (pixels * right[None, :, :, None]).sum(axis=1)
    return np.rint(pixels).astype(np.uint8)


def mirror(points, permutation, width: int) -> np.ndarray:
    """A pose f64[K, 2] as seen in the mirrored crop (its own inverse)."""
    points = points[permutation]
    return np.stack([width - 1 - points[:, 0], points[:, 1]], axis=-1)


# --- networks --------------------------------------------------------------------


def _lite(path: pathlib.Path, threads: int) -> tuple[Network, dict]:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError as error:
        raise PredictorError(
            f"{path}: needs {error.name} (pip install 'tfpose[edge]')"
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
    return lambda inputs: runner(**inputs), lite_metadata.read(content, str(path))


def _saved_model_in(place: pathlib.Path) -> pathlib.Path | None:
    """The SavedModel that a path means, the highest version of several."""
    if (place / "saved_model.pb").is_file():
        return place
    versions = [path.parent for path in place.glob("*/saved_model.pb")]
    versions = [path for path in versions if path.name.isdecimal()]
    return max(versions, key=lambda path: int(path.name), default=None)


def _saved_model(folder: pathlib.Path) -> tuple[Network, dict]:
    import tensorflow as tf

    path = folder / lite_metadata.ASSET
    try:
        about = lite_metadata.parse(path.read_text("utf-8"), str(path))
        model = tf.saved_model.load(str(folder))
        serve = model.signatures["serving_default"]
    except (OSError, KeyError) as error:
        raise PredictorError(
            f"{folder}: expected a SavedModel written by 'tfpose export' ({error})"
        ) from error

    def network(inputs):
        # The signature lives as long as the model that holds its weights.
        _ = model
        outputs = serve(**{name: tf.constant(x) for name, x in inputs.items()})
        return {name: array.numpy() for name, array in outputs.items()}

    return network, about


def _model_folder(name: str) -> tuple[Network, dict]:
    from tfpose import refine, training

    folder = refine.model_folder(name)
    model, config = training.load_model(folder)
    skeleton = skeletons.get(config.skeleton)
    about = lite_metadata.describe(
        model, skeleton, folder.name, config.model, config.person_height
    )
    return _keras(model, skeleton), about


def _keras_file(path: pathlib.Path, skeleton) -> tuple[Network, dict]:
    import keras

    from tfpose import config, models  # noqa: F401, registers the models' classes

    beside = path.with_name("config.json")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise PredictorError(f"{path}: not a usable .keras file ({reason})") from error
    settings = config.load(beside) if beside.is_file() else None
    if skeleton is None and settings is None:
        raise PredictorError(
            f"{path}: expected config.json beside it, or a skeleton (skeleton=)"
        )
    if not isinstance(skeleton, Skeleton):
        skeleton = skeletons.get(skeleton or settings.skeleton)
    height = settings.person_height if settings else 0.0
    about = lite_metadata.describe(model, skeleton, path.stem, model.name, height)
    return _keras(model, skeleton), about


def _keras(model, skeleton: Skeleton) -> Network:
    import tensorflow as tf

    from tfpose.serving_model import serving_model

    serving = serving_model(model, skeleton, phases=False)
    run = tf.function(lambda inputs: serving(inputs, training=False))

    def network(inputs):
        outputs = run({key: tf.constant(array) for key, array in inputs.items()})
        return {key: array.numpy() for key, array in outputs.items()}

    return network
