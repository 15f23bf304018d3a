"""The code that all data sets share: turns annotated photos into TFRecords of people.

A data set's module turns its own files into ``Photo``s; ``PeopleBuilder`` writes one
record per person: a JPEG window around the person, the pose in photo pixels and the
poses of everybody else in the photo (PoseFix's swaps need these neighbors).
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Iterator

import cv2
import numpy as np
import tensorflow_datasets as tfds

from data_prep.estimates import estimate_of, read_estimates
from tfpose.errors import DataError, TfposeError
from tfpose.geometry import arrays, rules
from tfpose.io import photos
from tfpose.skeletons import Skeleton


@dataclasses.dataclass(frozen=True)
class Person:
    """One annotated person; all coordinates in photo pixels (tfpose.geometry.tensors).

    Attributes:
        keypoints: f32[K, 2].
        visible: u8[K]: 0 not labeled, 1 labeled but occluded, 2 visible.
        box: f32[4] xywh.
        area: px^2 of the person's segment (OKS needs it).
        person_id: unique in the data set.
        head_size: px, normalizer of PCKh; 0 if the data set has none.
    """

    keypoints: np.ndarray
    visible: np.ndarray
    box: np.ndarray
    area: float
    person_id: int
    head_size: float = 0.0


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photo and its people; ``image`` is its file's bytes, or a path to it.

    ``size`` is the (width, height) px that annotations state, or None.
    """

    image_id: int
    file_name: str
    image: bytes | pathlib.Path
    people: tuple[Person, ...]
    size: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Notes:
    """Additional entries for photos and people in annotation files, such as track ids.

    Attributes:
        photos: image id -> JSON-ready entries.
        people: person id -> entries.
    """

    photos: dict[int, dict] = dataclasses.field(default_factory=dict)
    people: dict[int, dict] = dataclasses.field(default_factory=dict)


def read_photo(path: pathlib.Path, size: tuple[int, int] | None = None) -> bytes:
    """The bytes of a photo, if it is complete.

    Raises:
        PhotoError: the file is missing or not a complete photo.
    """
    data = photos.read_bytes(path)
    photos.decode(data, path, size)
    return data


def person_box(keypoints, visible, factor: float = rules.BOX_FACTOR) -> np.ndarray:
    """f64[4] xywh: the box around the labeled joints, ``factor`` times as large.

    For data sets without boxes. The code of PoseFix's authors enlarges the box around
    an input pose by the same 1.2, so people have one scale in training and testing.
    """
    return arrays.box_around(keypoints, visible, rules.SMALLEST_SIDE, factor)


@dataclasses.dataclass
class PeopleConfig(tfds.core.BuilderConfig):
    """How windows are cut.

    Attributes:
        skeleton: skeleton of the records' poses.
        window: side of the square window, in multiples of the box's longer side.
        person_size: px; scales windows of larger people down to it.
    """

    skeleton: Skeleton | None = None
    window: float = 2.0
    person_size: int = 400


class PeopleBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base of the builders: a subclass defines SKELETON, SPLITS and ``photos``.

    ``left_out`` counts, by reason, people who were not written.

    Args:
        estimates: COCO results file with a method's poses in the same photos. Each
            record then also holds the pose that overlaps its person most: where a joint
            is not annotated, a refiner can train on the estimate as input, as in the
            code of PoseFix's authors.
        skeleton: name of the records' skeleton: the data set's own, or one of
            ``CONVERSIONS``.
        window, person_size: as in ``PeopleConfig``, numbers or text.
        variant: a word for whatever else distinguishes these records.

    Raises:
        PoseFileError: the results file is invalid.
        TfposeError: a skeleton with no conversion, or a window that cannot hold the
            box.
    """

    VERSION = tfds.core.Version("2.0.0")
    SKELETON: Skeleton
    SPLITS: tuple[str, ...]
    # Other skeletons that the data set's poses can be converted to.
    CONVERSIONS: tuple[Skeleton, ...] = ()
    # Whether an Apache Beam pipeline makes the records.
    beam = False
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Give the data set's own folder as manual_dir."

    def __init__(
        self,
        *,
        config: PeopleConfig | None = None,
        estimates: str = "",
        skeleton: str = "",
        window: float | str = "",
        person_size: int | str = "",
        variant: str = "",
        **kwargs,
    ):
        config = config or PeopleConfig(
            name="people_with_estimates" if estimates else "people",
            skeleton=self._chosen_skeleton(skeleton),
        )
        config = dataclasses.replace(
            config,
            window=_number("window", window or config.window),
            person_size=int(_number("person_size", person_size or config.person_size)),
        )
        # The name separates records with other arguments in the same folder.
        config.name = "_".join(
            filter(
                None,
                (
                    config.name,
                    skeleton and config.skeleton.name,
                    window and f"window{config.window:g}",
                    person_size and f"size{config.person_size}",
                    variant,
                ),
            )
        )
        self.estimates = read_estimates(estimates, config.skeleton) if estimates else {}
        self.left_out: collections.Counter[str] = collections.Counter()
        super().__init__(config=config, **kwargs)

    def _chosen_skeleton(self, name: str) -> Skeleton:
        known = {known.name: known for known in (self.SKELETON, *self.CONVERSIONS)}
        if name and name not in known:
            raise TfposeError(
                f"skeleton={name}: {self.name} is written as {' or '.join(known)}"
            )
        return known[name] if name else self.SKELETON

    @property
    def skeleton(self) -> Skeleton:
        return self.builder_config.skeleton

    def _info(self) -> tfds.core.DatasetInfo:
        joints = len(self.skeleton)
        tensor = tfds.features.Tensor
        features = {
            "window": tfds.features.Image(
                shape=(None, None, 3), encoding_format="jpeg"
            ),
            "window_matrix": tensor(shape=(2, 3), dtype=np.float32),
            "keypoints": tensor(shape=(joints, 2), dtype=np.float32),
            "visible": tensor(shape=(joints,), dtype=np.uint8),
            "box": tensor(shape=(4,), dtype=np.float32),
            "area": np.float32,
            "head_size": np.float32,
            "neighbor_keypoints": tensor(shape=(None, joints, 2), dtype=np.float32),
            "neighbor_visible": tensor(shape=(None, joints), dtype=np.uint8),
            "neighbor_boxes": tensor(shape=(None, 4), dtype=np.float32),
            "image_id": np.int64,
            "person_id": np.int64,
            "file_name": tfds.features.Text(),
        }
        if self.estimates:
            features["estimated_keypoints"] = features["keypoints"]
            features["estimated_valid"] = tensor(shape=(joints,), dtype=np.float32)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            metadata=tfds.core.MetadataDict(skeleton=self.skeleton.to_json()),
        )

    def photos(self, split: str, source: pathlib.Path) -> Iterator[Photo]:
        """The photos of one split in a fixed order, from the data set's own folder."""
        raise TypeError(f"{type(self).__name__} does not define photos()")

    def splits(self, source: pathlib.Path) -> tuple[str, ...]:
        """The splits that the data set's own folder has."""
        del source
        return self.SPLITS

    def notes(self, split: str, source: pathlib.Path) -> Notes:
        """Entries of a split's annotations that are not in its records."""
        del split, source
        return Notes()

    def _split_generators(self, dl_manager):
        source = pathlib.Path(dl_manager.manual_dir)
        splits = self.splits(source)
        return {split: self._examples(split, source) for split in splits}

    def _examples(self, split: str, source: pathlib.Path):
        """The records of a split.

        Raises:
            DataError: nobody is left.
        """
        found = self._generate_examples(split, source)
        return found if self.beam else self._some(found, split, source)

    def _some(self, found, split: str, source: pathlib.Path):
        anybody = False
        for example in found:
            anybody = True
            yield example
        if not anybody:
            reasons = ", ".join(f"{n} {why}" for why, n in self.left_out.items())
            raise DataError(
                f"{source}: {split}: expected people to write, found nobody (left "
                f"out: {reasons or 'nobody'})"
            )

    def image_of(
        self, path: pathlib.Path, size: tuple[int, int] | None = None
    ) -> bytes | pathlib.Path:
        """A photo's bytes, or its path if a pipeline reads it later.

        Raises:
            PhotoError: the file is missing or, if read now, not a complete photo.
        """
        return path if self.beam and path.is_file() else read_photo(path, size)

    def _generate_examples(self, split: str, source: pathlib.Path):
        found = (self._task(photo) for photo in self.photos(split, source))
        make = functools.partial(records, config=self.builder_config)
        if self.beam:
            import apache_beam

            made = "Records" >> apache_beam.FlatMap(make)
            return "Photos" >> apache_beam.Create(list(found)) | made
        made = itertools.chain.from_iterable(map(make, found))
        return self._somebody(made, split, source)

    def _somebody(self, made: Iterator, split: str, source: pathlib.Path) -> Iterator:
        first = next(made, None)
        if first is None:
            reasons = ", ".join(f"{n} {why}" for why, n in self.left_out.items())
            raise DataError(
                f"{source}: expected people in the split {split!r} of {self.name}, "
                f"found nobody (left out: {reasons or 'nobody'})"
            )
        yield first
        yield from made

    def _task(self, photo: Photo) -> Task:
        """The people to make records of; counts those left out."""
        rows = []
        for row, person in enumerate(photo.people):
            if not np.any(person.visible > 0):
                self.left_out["no labeled joint"] += 1
            elif min(person.box[2:]) < 1:
                self.left_out["box smaller than a pixel"] += 1
            else:
                rows.append(row)
        nothing = np.zeros((0, len(self.skeleton), 2)) if self.estimates else None
        return Task(photo, tuple(rows), self.estimates.get(photo.image_id, nothing))


@dataclasses.dataclass(frozen=True)
class Task:
    """A photo, the rows of people who get a record, and estimates f64[n, K, 2].

    ``estimates`` is None if the data set is prepared without them.
    """

    photo: Photo
    rows: tuple[int, ...]
    estimates: np.ndarray | None


def records(task: Task, config: PeopleConfig) -> Iterator[tuple[int, dict]]:
    """The records of a photo's people, with their keys.

    Raises:
        PhotoError: the photo is incomplete.
    """
    photo, encoded = task.photo, task.photo.image
    if task.rows and isinstance(encoded, pathlib.Path):
        encoded = photos.read_bytes(encoded)
    image = None
    if task.rows:
        image = photos.decode(encoded, photo.file_name, photo.size)
    for row in task.rows:
        person = photo.people[row]
        window, matrix = cut_window(encoded, image, person.box, config)
        record = {"window": window, "window_matrix": matrix}
        record |= _labels(photo, row, len(config.skeleton))
        if task.estimates is not None:
            record |= estimate_of(person.box, task.estimates)
        yield person.person_id, record


def _labels(photo: Photo, row: int, joints: int) -> dict:
    person = photo.people[row]
    others = photo.people[:row] + photo.people[row + 1 :]
    poses = np.float32([other.keypoints for other in others])
    visible = np.uint8([other.visible for other in others])
    return {
        "keypoints": np.float32(person.keypoints),
        "visible": np.uint8(person.visible),
        "box": np.float32(person.box),
        "area": np.float32(person.area),
        "head_size": np.float32(person.head_size),
        "neighbor_keypoints": poses.reshape(-1, joints, 2),
        "neighbor_visible": visible.reshape(-1, joints),
        "neighbor_boxes": np.float32([o.box for o in others]).reshape(-1, 4),
        "image_id": photo.image_id,
        "person_id": person.person_id,
        "file_name": photo.file_name,
    }


def _number(name: str, value) -> float:
    """Parses a number >= 1, given as a number or as text."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 1 <= number < np.inf:
        raise TfposeError(f"{name}={value}: expected a number from 1")
    return number


def cut_window(encoded: bytes, image, box, config: PeopleConfig):
    """Cuts the window around a person from a photo.

    Args:
        encoded: the photo's bytes, used unchanged if the window is the whole photo,
            unless a tag may turn it: training does not read tags.
        image: u8[H, W, 3] RGB, the same photo.
        box: f32[4], the person's box in I.
        config: side and scale of the window.

    Returns:
        JPEG bytes, and f32[2, 3] window pixels -> I.
    """
    height, width = image.shape[:2]
    side = config.window * max(box[2:])
    center = box[:2] + (np.asarray(box[2:]) - 1) / 2
    low = np.clip(np.floor(center - side / 2), 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(center + side / 2), low, [width - 1, height - 1]).astype(int)
    size = high - low + 1
    scale = min(1.0, config.person_size / max(box[2:]))
    whole = scale == 1 and tuple(size) == (width, height)
    if whole and encoded[:2] == b"\xff\xd8" and not photos.has_tags(encoded):
        data = encoded
    else:
        window = image[low[1] : high[1] + 1, low[0] : high[0] + 1]
        if scale < 1:
            small = np.maximum(np.round(size * scale), 1).astype(int)
            window = cv2.resize(
                window, tuple(small.tolist()), interpolation=cv2.INTER_AREA
            )
            scale = small / size
        bgr = cv2.cvtColor(window, cv2.COLOR_RGB2BGR)
        data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    back = 1 / (np.ones(2) * scale)
    # Pixel centers: window x covers photo low + (x + 0.5) / scale - 0.5.
    offset = low + 0.5 * back - 0.5
    matrix = np.float32([[back[0], 0, offset[0]], [0, back[1], offset[1]]])
    return data, matrix
