"""Reads annotations and poses to score, on the joints that they share."""

from __future__ import annotations

from typing import NamedTuple

from tfpose.errors import PoseFileError
from tfpose.io import coco, shared_joints
from tfpose.io.coco import Annotations, Results
from tfpose.io.shared_joints import SharedJoints
from tfpose.skeletons import Skeleton
from tfpose.skeletons.joint_names import standard_name


class Sides(NamedTuple):
    """People and poses of the same joints.

    Attributes:
        annotations: the people.
        results: their poses, one ``Results`` for each given.
        note: one line that says which joints count; None if all of them do.
    """

    annotations: Annotations
    results: list[Results]
    note: str | None


def read_sides(annotations, *results, skeleton: Skeleton | None = None) -> Sides:
    """Reads annotations and poses of their photos; passes on what is read already.

    If files have other joints than the annotations, only those that all share by name
    count, in the annotations' order.

    Args:
        annotations: ``Annotations``, or the path of a COCO annotations file.
        results: each ``Results`` of the annotations' joints, or the path of a COCO
            results file.
        skeleton: of the files; by default the annotations' if they have as many joints,
            else the built-in one with their number of joints.

    Raises:
        PoseFileError: a file that cannot be read, or shares no joint.
    """
    if not isinstance(annotations, Annotations):
        annotations = coco.read_annotations(annotations)
    known = annotations.skeleton
    photos = dict.fromkeys(annotations.images)
    read, note = [], None
    names = known.joints
    for side in results:
        own = known
        if not isinstance(side, Results):
            own = skeleton or shared_joints.skeleton_by_count(side, known)
            shared = SharedJoints(known, own)
            if not shared.names:
                raise PoseFileError(
                    f"{side}: expected joints of {known.name}, which the annotations "
                    f"have, found none among those of {own.name}"
                )
            if not shared.are_equal:
                note = _note(side, shared, assumed=skeleton is None)
            names = tuple(name for name in names if name in shared.names)
            side, _ = coco.read_results(side, own, photos=photos)
        read.append((side, own))
    standard = tuple(map(standard_name, names))
    skeletons = (known, *(own for _, own in read))
    if all(standard == own.standard_joints for own in skeletons):
        return Sides(annotations, [side for side, _ in read], None)
    restricted = shared_joints.restricted_results
    return Sides(
        shared_joints.restricted_annotations(annotations, names),
        [restricted(side, own, names) for side, own in read],
        note,
    )


def _note(path, shared: SharedJoints, assumed: bool) -> str:
    known, own = shared.one, shared.other
    by = ", by their number (--skeleton names another)" if assumed else ""
    text = f"{path}: {len(own)} joints of {own.name}{by}; "
    if not shared.missing:
        return f"{text}all {len(known)} joints of {known.name} count"
    return (
        f"{text}the {len(shared.names)} that {known.name} shares by name count, "
        f"not {', '.join(shared.missing)}"
    )
