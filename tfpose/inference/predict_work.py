"""What ``predict`` is asked, the photos it is given, and the networks that look."""

from __future__ import annotations

import dataclasses
import functools
import os
from typing import NamedTuple

from tfpose.errors import TfposeError
from tfpose.evaluation.protocols import Protocol, looking
from tfpose.inference import predict_parts, reliability
from tfpose.inference.bottom_up import BottomUp
from tfpose.inference.estimator import Estimator
from tfpose.inference.people import check_sources, finder
from tfpose.inference.poses_to_refine import check_shared
from tfpose.inference.predict_parts import Refining, Search
from tfpose.inference.progress import Progress
from tfpose.inference.refiner import Refiner
from tfpose.inference.reliability import Trust
from tfpose.inference.rules import Rules
from tfpose.io import coco
from tfpose.io.photo_ids import Photo, given_photos, unlisted
from tfpose.io.shared_joints import SharedJoints
from tfpose.models.folders import load_config
from tfpose.models.table import load_model
from tfpose.skeletons import Skeleton
from tfpose.weights.presets import model_folder

# Photos in a part: enough people for full batches, few enough for small shards.
PART = 32


@dataclasses.dataclass(frozen=True)
class Asked:
    """What to look for and where; ``predict_files.predict_files`` explains each.

    Another process that is asked the same finds the same.
    """

    model: str
    given: tuple[str, ...]
    annotations: str | None
    boxes: str | None
    detector: str | None
    single: bool
    detection_score: float | None
    refiner: str | None
    scales: tuple[float, ...]
    flip: bool
    joint_score: float
    protocol: str | None

    @functools.cached_property
    def official(self) -> Protocol | None:
        """The protocol of the model's joints, if it is asked for.

        Raises:
            TfposeError: there is none, or it does not need what is asked.
        """
        if not self.protocol:
            return None
        found = load_config(model_folder(self.model)).skeleton
        return looking(found, self.boxes, self.detector, self.refiner, self.single)


class Album(NamedTuple):
    """The photos to search.

    Attributes:
        photos: each once.
        truth: the annotations that name them, if any.
        unlisted: names of photos that they lack.
    """

    photos: list[Photo]
    truth: coco.Annotations | None
    unlisted: list[str]

    @classmethod
    def of(cls, asked: Asked) -> Album:
        """Those that are asked for.

        Raises:
            TfposeError: options that exclude each other, or a file or folder that
                cannot be used.
        """
        check_sources(asked.boxes, asked.detector, asked.single, asked.detection_score)
        _ = asked.official
        path = asked.annotations
        truth = None if path is None else coco.read_annotations(path)
        photos = given_photos(asked.given, truth, path)
        return cls(photos, truth, unlisted(asked.given, photos))


@dataclasses.dataclass(frozen=True)
class Work:
    """Photos, and the networks that find and refine the poses in them.

    Attributes:
        asked: what was asked.
        photos: those to search, which annotations can make fewer.
        search: finds poses.
        refining: improves them, or None.
        skeleton: of the poses.
    """

    asked: Asked
    photos: list[Photo]
    search: Search
    refining: Refining | None
    skeleton: Skeleton

    @classmethod
    def of(cls, asked: Asked, album: Album) -> Work:
        """Loads the networks.

        Raises:
            TfposeError: one that cannot be used, or not for these photos.
        """
        find, photos = _finder(asked, album)
        network, config = load_model(asked.model)
        refining = _refining(asked, config.skeleton) if asked.refiner else None
        official, annotated = asked.official, album.truth is not None
        if network.is_bottom_up:
            _check_nobody_else_searches(asked)
            look = BottomUp(network, config.skeleton, asked.flip)
        else:
            scales = official.scales if official else asked.scales
            look = Estimator.of(
                network, config, scales, asked.flip, name=asked.model, protocol=official
            )
        annotated = annotated and not (asked.boxes or asked.detector)
        by_photo = official.by_photo if official else asked.single
        search = Search(
            look,
            Rules(asked.joint_score, network.input_size, official),
            find,
            annotated,
            single=asked.single and not official,
            sure=asked.boxes is not None,
            distinct=bool(official or not (by_photo or annotated)),
        )
        return cls(asked, photos, search, refining, config.skeleton)

    @functools.cached_property
    def parts(self) -> list[list[Photo]]:
        """The photos in groups that are searched together."""
        starts = range(0, len(self.photos), PART)
        return [self.photos[start : start + PART] for start in starts]

    def trust(self, progress: Progress) -> Trust | None:
        """The trust in the poses, to the last digit as those who go on read it."""
        if self.refining is None or not progress.trust.exists():
            return None
        joints = len(self.refining.refiner.skeleton)
        return reliability.read_trust(progress.trust, self.asked.refiner, joints)

    def part(self, number: int, trust: Trust | None, started=None) -> dict:
        """What is found in a part's photos (``predict_parts.part_of``)."""
        return predict_parts.part_of(
            self.parts[number], self.search, self.refining, trust, started
        )


def _finder(asked: Asked, album: Album):
    official = asked.official
    single = official.by_photo if official else asked.single
    all_there = any(map(os.path.isdir, asked.given))
    return finder(
        album.photos, album.truth, asked.boxes, asked.detector, single,
        asked.detection_score, all_there,
    )  # fmt: skip


def _check_nobody_else_searches(asked: Asked) -> None:
    given = asked.boxes, asked.detector, asked.single, asked.protocol
    if given != (None, None, False, None):
        raise TfposeError(
            f"model {asked.model}: expected no --boxes, --detector, --single or "
            "--protocol for a model that finds everybody in a photo by itself"
        )


def _refining(asked: Asked, skeleton: Skeleton) -> Refining:
    """A refiner for an estimator's poses.

    Raises:
        PoseFileError: they share too few joints.
    """
    refiner = Refiner.from_preset(asked.refiner)
    shared = SharedJoints(skeleton, refiner.skeleton)
    check_shared(shared, asked.refiner, asked.model)
    return Refining(refiner, shared)
