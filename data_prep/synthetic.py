"""A data set of synthetic people, rendered by ``data_prep.synthetic_people``."""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing
import os
import pathlib
from collections.abc import Iterator

import cv2

from data_prep.people import PeopleBuilder, PeopleConfig, Person, Photo
from data_prep.synthetic_people.render import (
    CROWD,
    FULL_TURN,
    label,
    render_jpeg,
    render_photo,
)
from tfpose.errors import TfposeError
from tfpose.io.skeleton_files import find_skeleton
from tfpose.skeletons import COCO17

__all__ = ["FIRST_VALIDATION_PHOTO", "Synthetic", "label", "render_photo"]

# Training photos are numbered from 0, validation photos from here.
FIRST_VALIDATION_PHOTO = 1 << 24
FEW = 64  # one process renders these before a second one has started
MOST_PEOPLE = 8  # per photo; a person's id combines photo number and place in it


class Synthetic(PeopleBuilder):
    """Splits ``train`` and ``validation``; needs no source folder.

    Args:
        photos: number of training photos.
        validation_photos: number of validation photos.
        seed: the same seed gives the same photos.
        skeleton: a built-in skeleton's name or a JSON file; its joints must be among
            those of the rendered bodies.
        people: maximum number of people per photo, 1 to 4.
        turn: maximum degrees that people turn away from the camera, 0 to 180.
        workers: rendering processes; 0 for one per processor core. The photos do not
            depend on it.

    Raises:
        TfposeError: no such skeleton, one with other joints, or a negative number.
    """

    name = "synthetic"
    SKELETON = COCO17
    SPLITS = ("train", "validation")
    MANUAL_DOWNLOAD_INSTRUCTIONS = None

    def __init__(
        self,
        *,
        photos: int = 3000,
        validation_photos: int = 300,
        seed: int = 0,
        skeleton: str = "coco17",
        people: int = max(CROWD),
        turn: float = FULL_TURN,
        workers: int = 0,
        config: PeopleConfig | None = None,
        **kwargs,
    ):
        numbers = {
            "photos": photos, "validation_photos": validation_photos, "seed": seed,
            "workers": workers,
        }  # fmt: skip
        for name, number in numbers.items():
            if not isinstance(number, int) or number < 0:
                raise TfposeError(f"{name}: expected a number from 0, found {number!r}")
        if people not in CROWD:
            raise TfposeError(
                f"people: expected one of {list(CROWD)}, found {people!r}"
            )
        if not 0 <= turn <= FULL_TURN:
            raise TfposeError(f"turn: expected degrees from 0 to 180, found {turn!r}")
        chosen = config.skeleton if config else find_skeleton(skeleton)
        label(render_photo(seed, 0).people[0], chosen)  # raises for unknown joints
        last = FIRST_VALIDATION_PHOTO + validation_photos
        self.photo_numbers = {
            "train": range(photos), "validation": range(FIRST_VALIDATION_PHOTO, last)
        }  # fmt: skip
        self.seed, self.workers = seed, workers
        self.render = functools.partial(render_jpeg, seed, most=people, turn=turn)
        # The name separates photos with other arguments in the same folder.
        name = f"{chosen.name}_{photos}_{validation_photos}_seed{seed}"
        if people != max(CROWD):
            name += f"_people{people}"
        if turn != FULL_TURN:
            name += f"_turn{turn:g}"
        config = config or PeopleConfig(name=name, skeleton=chosen)
        super().__init__(config=config, **kwargs)

    def _split_generators(self, dl_manager):
        del dl_manager  # nothing to read
        nowhere = pathlib.Path()
        return {name: self._generate_examples(name, nowhere) for name in self.SPLITS}

    def photos(self, split: str, source: pathlib.Path) -> Iterator[Photo]:
        del source
        numbers = self.photo_numbers[split]
        rendered = _render_all(
            self.render, numbers, self.workers or os.cpu_count() or 1
        )
        for number, (jpeg, photo) in zip(numbers, rendered, strict=True):
            self.left_out["too little of the person in the photo"] += photo.hidden
            people = tuple(
                _person(person, self.skeleton, number * MOST_PEOPLE + place)
                for place, person in enumerate(photo.people)
            )
            yield Photo(number, f"synthetic_{number:08d}.jpg", jpeg, people)


def _person(rendered, skeleton, person_id: int) -> Person:
    keypoints, visible = label(rendered, skeleton)
    return Person(
        keypoints, visible, rendered.box, rendered.area, person_id, rendered.head_size
    )


def _render_all(render, numbers: range, workers: int) -> Iterator[tuple]:
    """Calls ``render`` for all numbers, in order."""
    if workers == 1 or len(numbers) < FEW:
        yield from map(render, numbers)
        return
    # TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        workers, context, initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        yield from pool.map(render, numbers, chunksize=8)
