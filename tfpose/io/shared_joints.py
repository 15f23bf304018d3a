"""The joints that two skeletons share by name, and poses in terms of them.

Poses of one skeleton are then scored against annotations of another, or refined by a
model of another. A results file has numbers only, so its skeleton is given by name or
follows from the number of its joints.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from tfpose import skeletons
from tfpose.errors import PoseFileError
from tfpose.io.coco import Annotations, Results
from tfpose.io.json_files import JsonList
from tfpose.skeletons import Skeleton
from tfpose.skeletons.joint_names import standard_name

# Of the built-in skeletons with this number of joints, results files mean this one
# unless they are told otherwise.
USUAL = {14: skeletons.LSP14}


@dataclasses.dataclass(frozen=True)
class SharedJoints:
    """The joints that two skeletons share by name.

    Args:
        one, other: the skeletons, of K and J joints.

    Attributes:
        names: the shared joints in the order and the spelling of ``one``.

    Example:
        >>> shared = SharedJoints(skeletons.COCO17, skeletons.LSP14)
        >>> len(shared.names), shared.names[0], shared.missing[0]
        (12, 'left_shoulder', 'nose')
    """

    one: Skeleton
    other: Skeleton

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        known = self.other.standard_joints
        return tuple(j for j in self.one.joints if standard_name(j) in known)

    @property
    def missing(self) -> tuple[str, ...]:
        """The joints of ``one`` that ``other`` lacks."""
        return tuple(j for j in self.one.joints if j not in self.names)

    @property
    def are_equal(self) -> bool:
        """Both have the same joints in the same order."""
        return self.one.standard_joints == self.other.standard_joints

    @functools.cached_property
    def in_one(self) -> np.ndarray:
        """i64[S]: where ``one`` has the shared joints."""
        return places(self.one, self.names)

    @functools.cached_property
    def in_other(self) -> np.ndarray:
        """i64[S]: where ``other`` has them."""
        return places(self.other, self.names)

    def to_other(self, of_one) -> np.ndarray:
        """[N, K, ...] -> [N, J, ...]; 0 for the joints that ``one`` lacks."""
        of_one = np.asarray(of_one)
        shape = (len(of_one), len(self.other), *of_one.shape[2:])
        found = np.zeros(shape, of_one.dtype)
        found[:, self.in_other] = of_one[:, self.in_one]
        return found

    def back(self, of_other, of_one) -> np.ndarray:
        """A copy of [N, K, ...] with the shared joints of [N, J, ...]."""
        found = np.array(of_one)
        found[:, self.in_one] = np.asarray(of_other)[:, self.in_other]
        return found


def places(skeleton: Skeleton, names) -> np.ndarray:
    """i64[S]: where a skeleton has joints, in any spelling of their names."""
    known = skeleton.standard_joints
    return np.array([known.index(standard_name(name)) for name in names], np.int64)


def skeleton_by_count(path, known: Skeleton | None = None) -> Skeleton:
    """The skeleton of a results file, by the number of its joints.

    Args:
        path: the file. A record that is no pose is left to the reader.
        known: the skeleton to assume if it has as many joints, or if nothing better is
            known.

    Raises:
        PoseFileError: several or no built-in skeletons have that number of joints.
    """
    records, counts = 0, set()
    for record in JsonList(path):
        records += 1
        numbers = record.get("keypoints") if isinstance(record, dict) else None
        if isinstance(numbers, list) and numbers:
            counts.add(len(numbers) / 3)
    count = counts.pop() if len(counts) == 1 else None
    if known is not None and (count is None or count == len(known)):
        return known  # the reader names the record that is wrong
    built_in = [s for s in skeletons.SKELETONS.values() if len(s) == count]
    found = built_in[0] if len(built_in) == 1 else USUAL.get(count)
    if found is None:
        names = " or ".join(skeleton.name for skeleton in built_in)
        says = f"poses of {count:g} joints" if count else "poses of different lengths"
        says = says if records else "no poses"
        raise PoseFileError(
            f"{path}: expected poses of a skeleton that the number of joints tells, or "
            f"--skeleton NAME or FILE.json, found {says}"
            + (f" ({names})" if names else "")
        )
    return found


def restricted(skeleton: Skeleton, names) -> Skeleton:
    """A skeleton with some of its joints, in the given order; named "shared".

    Raises:
        PoseFileError: it has none of them.
    """
    names = tuple(names)
    if not names:
        raise PoseFileError(f"expected joints of {skeleton.name}, found none")
    there = set(names).issuperset
    return Skeleton(
        name=f"{skeleton.name}_shared",
        joints=names,
        flip_pairs=tuple(filter(there, skeleton.flip_pairs)),
        limbs=tuple(filter(there, skeleton.limbs)),
        sigmas=tuple(skeleton.sigmas[skeleton.index(name)] for name in names),
        torso=skeleton.torso if skeleton.torso and there(skeleton.torso) else None,
        head=skeleton.head if skeleton.head and there(skeleton.head) else None,
        tree=tuple(filter(there, skeleton.tree)),
    )


def restricted_annotations(truth: Annotations, names) -> Annotations:
    """The same people with these joints only; boxes and areas stay."""
    rows = places(truth.skeleton, names)
    return dataclasses.replace(
        truth,
        skeleton=restricted(truth.skeleton, names),
        keypoints=truth.keypoints[:, rows],
        visible=truth.visible[:, rows],
    )


def restricted_results(poses: Results, skeleton: Skeleton, names) -> Results:
    """The same poses of ``skeleton`` with these joints only."""
    rows = places(skeleton, names)
    return dataclasses.replace(
        poses, keypoints=poses.keypoints[:, rows], scores=poses.scores[:, rows]
    )
