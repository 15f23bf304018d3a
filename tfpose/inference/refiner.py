"""Refinement: any method's poses and the photos they belong to become better poses."""

from __future__ import annotations

import itertools
import pathlib
import sys
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from tfpose import (
    fusion,
    geometry,
    photos,
    pose_faults,
    poses,
    serving_model,
    training,
)
from tfpose import skeleton as skeletons
from tfpose.crop_rules import BOX_FACTOR, CROP_MARGIN
from tfpose.data.pipeline import crop_box, standing_height
from tfpose.fusion import Beliefs, Calibration
from tfpose.layers.heatmaps import SoftArgmax
from tfpose.layers.offsets import OffsetPosition, OffsetVotes
from tfpose.metrics.oks import oks_nms
from tfpose.photo_folder import find_photos
from tfpose.pose_entries import boxes_around
from tfpose.poses import PoseFileError
from tfpose.skeleton import Skeleton
from tfpose.supervision import is_refiner

# Of poses more alike than this only the best scored stays (FACTS A.6).
NMS_THRESHOLD = 0.9
BATCH = 32
PRESETS = pathlib.Path(__file__).parent / "weights"


def model_folder(name: str) -> pathlib.Path:
    """The folder of a preset, by its name, or a model folder.

    Raises:
        ValueError: neither.
    """
    preset = PRESETS / name
    folder = preset if preset.is_dir() else pathlib.Path(name)
    if not folder.is_dir():
        known = ", ".join(sorted(path.parent.name for path in PRESETS.glob("*/*.h5")))
        raise ValueError(
            f"model {name}: expected a model folder or trained weights that come "
            f"along ({known or 'none do'}), found neither"
        )
    return folder


class Refiner:
    """A trained refiner with the crop, the flip test and the decoding around it.

    Args:
        model: network with PoseFix's inputs and outputs.
        skeleton: of its poses.
        calibration: of its beliefs, measured on validation people.
        person_height: px of a standing person in its crops (``Config.person_height``).
        network: computes the maps of ``model`` if it is not to do so itself.
    """

    def __init__(
        self,
        model: keras.Model,
        skeleton: Skeleton,
        calibration: Calibration,
        person_height: float = 0.0,
        network: Callable | None = None,
    ):
        self.model, self.skeleton, self.calibration = model, skeleton, calibration
        self.size, self.person_height = model.input_size, person_height
        self._network = model if network is None else network
        self._score = serving_model.score_layer(model, skeleton)
        if "offsets" in model.output:
            self._place = OffsetPosition(model.stride)
            self._votes = OffsetVotes(self.size, model.stride)
        self._predict = tf.function(self.flip_tested, reduce_retracing=True)

    @classmethod
    def load(cls, name: str) -> Refiner:
        """Loads a preset by its name, or a model folder.

        Raises:
            ValueError: nothing there, or not a refiner.
        """
        folder = model_folder(name)
        model, config = training.load_model(folder)
        if not is_refiner(model):
            raise ValueError(
                f"model {name}: expected a refiner, found the estimator "
                f"{config.model}, which needs no poses (tfpose predict)"
            )
        return cls(
            model,
            skeletons.get(config.skeleton),
            fusion.read_calibration(folder),
            config.person_height,
        )

    def __call__(self, photo, keypoints, valid=None) -> np.ndarray:
        """Refines the people of one photo by the network alone, without fusion.

        Args:
            photo: u8[H, W, 3] RGB.
            keypoints: f32[N, K, 2] I.
            valid: f32[N, K], 0 where a joint is missing; all there if left out.

        Returns:
            f32[N, K, 2] I.
        """
        answers = [
            some.in_photo(some.refined())
            for some in self.believe([(photo, keypoints, valid)])
        ]
        return np.concatenate([np.zeros((0, len(self.skeleton), 2)), *answers])

    def believe(self, people) -> Iterator[Beliefs]:
        """Runs the network, with and without mirroring, on the people of many photos.

        Args:
            people: iterable of (u8[H, W, 3] RGB, f32[N, K, 2] I, f32[N, K] or None),
                an item a photo.

        Yields:
            Beliefs of at most ``BATCH`` people, in their order.
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
        """A photo's people: f32[N, H, W, 3], f32[N, K, 2] C, f32[N, 2, 3] C -> I."""
        box = geometry.scale_box(geometry.box_around(keypoints, valid), BOX_FACTOR)
        height = standing_height(keypoints, valid, self.skeleton)
        box = crop_box(box, height, self.size, self.person_height)
        return _crop(photo, keypoints, box, self.size)

    def _crops(self, people) -> Iterator[tuple]:
        for photo, keypoints, valid in people:
            keypoints = np.asarray(keypoints, np.float32)
            if not len(keypoints):
                continue
            valid = np.ones(keypoints.shape[:2]) if valid is None else valid
            valid = np.asarray(valid, np.float32)
            crop, points, matrix = self.cut(photo, keypoints, valid)
            yield from zip(crop, points, valid, matrix, strict=True)

    def flip_tested(self, image, keypoints, valid):
        """Beliefs, positions and scores, tested on the crop and its mirror image.

        Of heatmaps by softmax the beliefs are averaged; the average belief's
        expectation is the average of the two answers (FACTS A.6). Of score maps with
        offsets the scores are, and the offsets are those of the crop (FACTS B.6).

        Returns:
            f32[B, H/4, W/4, K], f32[B, K, 2] crop px and f32[B, K].
        """
        permutation = self.skeleton.flip_permutation
        straight = {"image": image, "keypoints": keypoints, "valid": valid}
        mirrored = {
            "image": image[:, :, ::-1],
            "keypoints": geometry.mirror_points(keypoints, self.size[1], permutation),
            "valid": tf.gather(valid, permutation, axis=1),
        }
        outputs = self._network(straight, training=False)
        belief = self._belief(outputs)
        other = self._belief(self._network(mirrored, training=False))
        other = tf.gather(other[:, :, ::-1], permutation, axis=3)
        belief = (belief + other) / 2
        scores = self._score(belief)
        if "offsets" in outputs:
            offsets = outputs["offsets"]
            return self._votes(belief, offsets), self._place(belief, offsets), scores
        return belief, SoftArgmax(self.model.stride)(belief), scores

    def _belief(self, outputs):
        maps = outputs["heatmap"]
        if self.model.activation == "sigmoid":
            return tf.sigmoid(maps)
        if self.model.activation == "linear":
            maps = tf.math.log(tf.maximum(maps, 1e-6))  # its softmax is the map, scaled
        shape = tf.shape(maps)
        flat = tf.reshape(maps, (shape[0], -1, shape[3]))
        return tf.reshape(tf.nn.softmax(flat, axis=1), shape)


@tf.function(reduce_retracing=True)
def _crop(photo, keypoints, box, size):
    """``Refiner.cut`` of boxes f32[N, 4] in the shape of the crop."""
    matrix = geometry.crop_matrix(box, size)
    photo = tf.cast(photo, tf.float32)[None]
    # One after the other: a copy of a large photo for each person would fill memory.
    crops = tf.map_fn(lambda one: geometry.warp(photo, one[None], size)[0], matrix)
    return crops, geometry.transform(keypoints, matrix), geometry.invert(matrix)


def batched(items) -> Iterator[tuple]:
    """Groups of at most ``BATCH`` items, each transposed."""
    items = iter(items)
    while batch := list(itertools.islice(items, BATCH)):
        yield tuple(zip(*batch, strict=True))


def refine_file(
    model: str,
    results: str,
    images: str,
    out: str,
    annotations: str | None = None,
    skip_bad: bool = False,
    use_fusion: bool = True,
    nms_threshold: float = NMS_THRESHOLD,
    threshold: float = 0.0,
) -> dict:
    """Refines a COCO-results file and writes another one, in the same order.

    Args:
        model: preset or model folder.
        results: COCO-results JSON of any method, with the model's skeleton.
        images: folder of the photos.
        out: file to write.
        annotations: annotations whose file names say which photo has which id.
        skip_bad: leave records that cannot be refined as they were, instead of raising.
        use_fusion: weigh refined and input joints by reliability (tfpose.fusion).
        nms_threshold: of a photo's refined poses with an OKS above it only the best
            scored is kept (PoseFix's testing); 1 keeps all.
        threshold: joints whose score by the refiner is not above it are removed, that
            is (0, 0, 0): PoseRefiner takes 0.7 for tracking and 0, which keeps all,
            for average precision. The scores written are the input's.

    Returns:
        "poses", "refined", "duplicates" (dropped) and "removed" (joints) counts;
        "bad", a line for each record left as it was;
        "fusion", per joint the median "disagreement" of input and refiner in percent of
        the crop's width, and the median "input_weight" from 0 (the refiner decided) to
        1 (the input did), or None without fusion.

    Raises:
        PoseFileError: the first record, photo or file that cannot be used.
    """
    refiner = Refiner.load(model)
    check_writable(out)
    paths = find_photos(images, annotations, refiner.skeleton)
    sizes = dict.fromkeys(paths)
    people, bad = poses.read_results(results, refiner.skeleton, skip_bad, sizes)
    given = _Photos(people, paths, results, skip_bad)
    refined, weights, scores = [], [], []
    trust, stream = fusion.measured(refiner.believe(given), refiner.calibration)
    for beliefs in with_progress(stream, len(people), "refined"):
        answer = plain = beliefs.refined()
        if use_fusion:
            answer = fusion.fuse(beliefs, trust, refiner.calibration.sharpness)
            weights.append(fusion.input_weights(beliefs.input_cells, plain, answer))
        refined.append(beliefs.in_photo(answer))
        scores.append(beliefs.scores)
    people = people.take(given.order)
    keypoints = np.concatenate([people.keypoints[:0], *refined])
    duplicates = _duplicates(people, keypoints, refiner.skeleton, nms_threshold)
    dropped = set(people.positions[duplicates].tolist())
    records, removed = people.replaced(keypoints), 0
    if threshold > 0:
        unsure = np.concatenate([people.scores[:0], *scores]) <= threshold
        removed = int(unsure.sum())
        keypoints[unsure] = 0
        records = people.replaced(keypoints, np.where(unsure, 0, people.scores))
    kept = [record for place, record in enumerate(records) if place not in dropped]
    poses.write_json(out, kept, allow_nan=skip_bad)
    report = None
    if weights:
        report = _fusion_report(refiner, trust, np.concatenate(weights))
    return {
        "poses": len(records),
        "refined": len(people),
        "duplicates": len(dropped),
        "removed": removed,
        "bad": [line for _, line in bad] + given.bad,
        "fusion": report,
    }


def _duplicates(people, keypoints, skeleton: Skeleton, threshold: float) -> list[int]:
    """The rows of poses that a better scored one of their photo makes superfluous."""
    boxes = boxes_around(keypoints, people.placed)
    # The area of the crop, as in PoseFix's code.
    areas = boxes[:, 2] * boxes[:, 3] * (BOX_FACTOR * CROP_MARGIN) ** 2
    dropped: list[int] = []
    for rows in poses.rows_by_image(people.image_ids).values():
        stay = oks_nms(
            keypoints[rows],
            people.pose_scores[rows],
            areas[rows],
            skeleton.sigma_array,
            threshold,
        )
        dropped.extend(np.delete(rows, stay).tolist())
    return dropped


def _fusion_report(refiner: Refiner, trust, weights) -> dict[str, dict[str, float]]:
    """What fusion found about the input file, per joint (``refine_file``)."""
    cells = refiner.size[1] / Beliefs.stride
    # 0 for a joint that no input pose has, or that the refiner left everywhere.
    middle = np.ma.median(np.ma.masked_invalid(weights), axis=0).filled(0.0)
    return {
        joint: {
            "disagreement": float(100 * trust.disagreement[index] / cells),
            "input_weight": float(middle[index]),
        }
        for index, joint in enumerate(refiner.skeleton.joints)
    }


class _Photos:
    """Iterates (photo, keypoints, valid) and remembers which poses came in which order.

    Attributes:
        order: rows of ``people`` in the order they were given out.
        bad: a line for each pose that was left out.
    """

    def __init__(self, people: poses.Results, paths, results, skip_bad: bool):
        self.people, self.paths, self.results = people, paths, results
        self.skip_bad = skip_bad
        self.order: list[int] = []
        self.bad: list[str] = []

    def __iter__(self):
        people = self.people
        for image_id, rows in poses.rows_by_image(people.image_ids).items():
            try:
                photo = photos.read(self.paths[image_id])
            except photos.PhotoError as error:
                self._complain(rows, str(error))
                continue
            size = photo.shape[1], photo.shape[0]
            outside = pose_faults.are_outside(
                people.keypoints[rows], people.placed[rows], size
            )
            self._complain(rows[outside], pose_faults.say_outside(*size))
            rows = rows[~outside]
            self.order.extend(rows.tolist())
            yield photo, people.keypoints[rows], people.placed[rows]

    def _complain(self, rows, fault: str):
        for row in rows:
            place = int(self.people.positions[row])
            record = pose_faults.name_record(place, self.people.entries[row])
            line = f"{self.results}: {record}: {fault}"
            if not self.skip_bad:
                raise PoseFileError(line)
            self.bad.append(line)


def with_progress(stream, total: int, done: str, what: str = "poses"):
    """Passes the stream on, counting people on the terminal where somebody watches.

    Args:
        stream: of batches of people; the first item of a tuple is as long.
        total: people in all.
        done: what has been done to them, in a word.
        what: they are called.
    """
    count = 0
    for batch in stream:
        yield batch
        count += len(batch[0] if isinstance(batch, tuple) else batch)
        if sys.stderr.isatty():
            end = "\n" if count >= total else ""
            line = f"\r{done} {count}/{total} {what}"
            print(line, end=end, file=sys.stderr, flush=True)


def check_writable(out: str) -> None:
    """Says before the work that ``out`` could not be written after it."""
    path = pathlib.Path(out)
    if not path.parent.is_dir():
        raise PoseFileError(f"{path}: expected an existing folder to write into")
    if path.is_dir():
        raise PoseFileError(f"{path}: expected a file to write, found a folder")
