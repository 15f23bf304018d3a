"""A prepared data set of drawn people, for tests of what reads TFRecords.

Each joint is a disc of its own color on gray, so that a crop shows where it should be.
"""

import pathlib
import tempfile

import cv2
import numpy as np
import tensorflow_datasets as tfds

from data_prep.people import PeopleBuilder, Person, Photo
from tfpose.skeletons import LSP14

HEIGHT, WIDTH = 160, 200
RADIUS = 4
# BGR, one a joint, far from each other and from gray.
COLORS = np.array(
    [
        [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [255, 0, 255],
        [0, 255, 255], [255, 128, 0], [255, 0, 128], [128, 255, 0], [0, 255, 128],
        [128, 0, 255], [0, 128, 255], [255, 255, 255], [0, 0, 0],
    ]
)  # fmt: skip


def drawn_person(person_id: int, left: float) -> Person:
    """A person with all joints, about 60 px wide and 130 tall, from ``left`` on."""
    rng = np.random.default_rng(person_id)
    cells = np.stack([np.arange(14) % 3, np.arange(14) // 3], -1) * [26.0, 27.0]
    keypoints = cells + rng.uniform(0, 6, (14, 2)) + [left + 5, 15]
    visible = np.where(rng.uniform(size=14) < 0.2, 1, 2)
    box = np.array([left, 10, 70, 136.0])
    return Person(keypoints, visible, box, 0.5 * 70 * 136, person_id, head_size=20.0)


def drawn_photo(people) -> bytes:
    """A PNG of the people on gray."""
    image = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    for person in people:
        for (x, y), color in zip(person.keypoints, COLORS, strict=True):
            center = round(x * 16), round(y * 16)
            cv2.circle(image, center, RADIUS * 16, color.tolist(), -1, cv2.LINE_AA, 4)
    return cv2.imencode(".png", image)[1].tobytes()


class Drawn(PeopleBuilder):
    """Two people a photo: they overlap in every second one."""

    name = "drawn"
    SKELETON = LSP14
    SPLITS = ("train", "validation")

    def __init__(self, people=(20, 4), **kwargs):
        self.people = dict(zip(self.SPLITS, people, strict=True))
        super().__init__(**kwargs)

    def photos(self, split, source):
        first = 1 if split == "train" else 1001
        for number in range(first, first + self.people[split], 2):
            gap = 40 if number % 4 == 1 else 110
            people = (drawn_person(number, 10), drawn_person(number + 1, 10 + gap))
            yield Photo(number, f"{number}.png", drawn_photo(people), people)


def prepare(out, **kwargs) -> str:
    """Writes the data set into a folder as ``tfpose prepare`` would; its path."""
    builder = Drawn(data_dir=str(out), **kwargs)
    with tempfile.TemporaryDirectory() as downloads:
        builder.download_and_prepare(
            download_dir=downloads,
            download_config=tfds.download.DownloadConfig(
                manual_dir=str(out), try_download_gcs=False
            ),
        )
    return str(out)


def shard(data, split: str = "train") -> pathlib.Path:
    """The TFRecord file of a split."""
    return next(pathlib.Path(data, "drawn").glob(f"*/*/*-{split}.tfrecord-*"))


def damage_a_record(path: pathlib.Path) -> None:
    """Changes a byte in the middle of a shard."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
