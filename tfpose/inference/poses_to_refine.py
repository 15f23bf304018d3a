"""Reads what is to be refined, and finds the refiner for it, without TensorFlow.

Poses may have another skeleton than the refiner: the joints that both share by name are
refined, the others stay.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tfpose import config as configurations
from tfpose.errors import PoseFileError
from tfpose.io import coco, coco_checks, shared_joints
from tfpose.io.coco import Results
from tfpose.io.photo_ids import Photo, photos_by_id
from tfpose.io.shared_joints import SharedJoints
from tfpose.io.video import FramesByNumber, VideoFrame
from tfpose.io.video_sources import is_video_file
from tfpose.skeletons import Skeleton, get
from tfpose.weights import presets

# A refiner must share this many joints: a crop around fewer shows no person.
FEWEST_SHARED = 4


@dataclasses.dataclass(frozen=True)
class PosesToRefine:
    """Poses, their photos, and the refiner for them.

    Attributes:
        model: preset or model folder of the refiner.
        shared: the joints that the poses share with the refiner.
        photos: image id -> photo, or frame of a video.
        people: the poses of the file's skeleton that can be refined.
        bad: a line for each of the others.
        path: the file.
    """

    model: str
    shared: SharedJoints
    photos: Mapping[int, Photo | VideoFrame]
    people: Results
    bad: list[str]
    path: str

    @property
    def note(self) -> str | None:
        """One line about joints that stay as they are; None if all are refined."""
        if not self.shared.missing:
            return None
        return (
            f"{self.path}: refines the {len(self.shared.names)} joints of "
            f"{self.shared.one.name} that {self.model} knows by name; kept "
            f"{', '.join(self.shared.missing)}"
        )


def read_poses(
    results: str,
    images: str,
    model: str | None = None,
    annotations: str | None = None,
    skeleton: Skeleton | None = None,
    skip_bad: bool = False,
) -> PosesToRefine:
    """Reads a COCO-results file to refine.

    Args:
        results, images, model, annotations, skeleton, skip_bad: as in
            ``refine_files.refine_file``.

    Raises:
        PoseFileError: the first record, photo or file that cannot be used.
        ModelFolderError, ConfigError: no such model.
    """
    truth = None if annotations is None else coco.read_annotations(annotations)
    known = _skeleton_of(model) if truth is None else truth.skeleton
    own = skeleton or shared_joints.skeleton_by_count(results, known)
    model = model or refiner_for(own, results)
    shared = SharedJoints(own, _skeleton_of(model))
    check_shared(shared, model, results)
    if is_video_file(images):
        photos = FramesByNumber(images)
    else:
        photos = photos_by_id(images, truth)
    people, bad = coco.read_results(results, own, skip_bad, dict.fromkeys(photos))
    known_joints = people.placed[:, shared.in_one].any(axis=1)
    lines = [line for _, line in bad]
    for row in (~known_joints).nonzero()[0]:
        place = int(people.positions[row])
        record = coco_checks.name_record(place, people.entries[row])
        lines.append(f"{results}: {record}: has no joint that {model} knows")
    people = people.take(known_joints)
    return PosesToRefine(str(model), shared, photos, people, lines, results)


def _skeleton_of(model: str | None) -> Skeleton | None:
    if model is None:
        return None
    folder = presets.model_folder(model)
    return configurations.load(folder / presets.CONFIG).skeleton


def refiner_for(skeleton: Skeleton, source: str = "poses") -> str:
    """The preset that refines a skeleton, or most of its joints.

    Args:
        skeleton: of the poses.
        source: what to call them in the message.

    Raises:
        PoseFileError: no preset shares enough joints.

    Example:
        >>> from tfpose.skeletons import MPII16
        >>> refiner_for(MPII16)
        'posefix_movenet_lsp14'
    """
    of_preset = {
        model: SharedJoints(skeleton, get(name))
        for name, model in presets.REFINERS.items()
    }
    model = max(of_preset, key=lambda model: len(of_preset[model].names))
    check_shared(of_preset[model], model, source)
    return model


def check_shared(shared: SharedJoints, model: str, source: str) -> None:
    """Raises PoseFileError if poses share too few joints with a refiner."""
    needed = min(FEWEST_SHARED, len(shared.other))
    if len(shared.names) < needed:
        raise PoseFileError(
            f"{source}: expected at least {needed} joints named as those of {model} "
            f"({', '.join(shared.other.joints)}), found "
            f"{', '.join(shared.names) or 'none'} in {shared.one.name}"
        )
