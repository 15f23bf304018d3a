"""What a skeleton is, and the index arrays that derive from its names."""

from __future__ import annotations

import dataclasses
import functools
import json
import warnings

import numpy as np

from tfpose.errors import InputWarning, TfposeError, shown
from tfpose.skeletons.checks import fault_of
from tfpose.skeletons.joint_names import (
    mirror_pairs,
    side_of,
    sigmas_by_name,
    standard_name,
)

Pair = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """The joints of one data set's poses.

    Args:
        name: identifier on command lines and in saved configs.
        joints: K joint names in the order of the pose arrays. The built-in ones name
            two-sided joints ``left_x`` and ``right_x``, from the person's view.
        flip_pairs: (left, right) names that swap in a mirrored photo.
        limbs: pairs of joints that drawings connect with a line.
        sigmas: per joint, the standard deviation of human annotation divided by the
            square root of the person's area (unitless); COCO's OKS uses k = 2 sigma.
        torso: the two joints whose distance normalizes PCK, or None if the skeleton
            has none, such as a hand's.
        head: the two ends of the head segment, or None if the skeleton has none.
        tree: (parent, child) pairs, from easy joints to difficult ones (HCRN). A joint
            that is no child is a root.
        midpoints: (joint, one, other): an unlabeled joint in the middle of two others,
            such as a neck between the shoulders.

    Raises:
        TfposeError: a name is unknown, repeated or no text, ``sigmas`` has another
            length, ``tree`` is not a tree, or there are more than ``MOST_JOINTS``.

    Example:
        >>> from tfpose.skeletons import COCO17
        >>> COCO17.index("left_wrist"), COCO17.flip_permutation[:3].tolist()
        (9, [0, 2, 1])
    """

    name: str
    joints: tuple[str, ...]
    flip_pairs: tuple[Pair, ...]
    limbs: tuple[Pair, ...]
    sigmas: tuple[float, ...]
    torso: Pair | None
    head: Pair | None = None
    tree: tuple[Pair, ...] = ()
    midpoints: tuple[tuple[str, str, str], ...] = ()

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise TfposeError(f"skeleton: expected a name, found {shown(self.name)}")
        fault = fault_of(self)
        if fault:
            raise TfposeError(f"skeleton {shown(self.name)}: {fault}")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint name in the pose arrays.

        Raises:
            TfposeError: no such joint.
        """
        if joint not in self._places:
            raise TfposeError(f"{self.name}: no joint {shown(joint)}")
        return self._places[joint]

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        return {joint: place for place, joint in enumerate(self.joints)}

    @functools.cached_property
    def standard_joints(self) -> tuple[str, ...]:
        """The joints' names in the package's spelling, to compare skeletons."""
        return tuple(map(standard_name, self.joints))

    @functools.cached_property
    def unpaired(self) -> tuple[str, ...]:
        """Joints whose names have a side, but that are in no flip pair."""
        paired = {joint for pair in self.flip_pairs for joint in pair}
        return tuple(j for j in self.joints if side_of(j) and j not in paired)

    @property
    def mirrors(self) -> bool:
        """Whether a mirrored photo shows a pose of this skeleton.

        It does not if some joint's side is known and its counterpart is not: the
        mirrored right ear would be learned as the left one.
        """
        return not self.unpaired

    @functools.cached_property
    def flip_permutation(self) -> np.ndarray:
        """i32[K]: ``pose[flip_permutation]`` swaps left and right joints."""
        mirror = {**dict(self.flip_pairs), **{b: a for a, b in self.flip_pairs}}
        return np.array([self.index(mirror.get(j, j)) for j in self.joints], np.int32)

    @functools.cached_property
    def limb_indices(self) -> np.ndarray:
        """i32[L, 2]: the joints at the two ends of each limb."""
        return np.array(
            [[self.index(a), self.index(b)] for a, b in self.limbs], np.int32
        ).reshape(-1, 2)

    @functools.cached_property
    def parents(self) -> tuple[int, ...]:
        """The parent of each joint in ``tree``; -1 for a root."""
        parent_of = {child: parent for parent, child in self.tree}
        return tuple(
            self.index(parent_of[joint]) if joint in parent_of else -1
            for joint in self.joints
        )

    @functools.cached_property
    def sigma_array(self) -> np.ndarray:
        """f32[K]: ``sigmas``."""
        return np.array(self.sigmas, np.float32)

    def to_json(self) -> dict:
        """The skeleton as JSON-ready data; the inverse of ``from_json``."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, data: dict) -> Skeleton:
        """Builds a skeleton from the dictionary of a user's JSON file.

        ``name`` and ``joints`` are required. If missing or null, ``flip_pairs`` follow
        from names such as ``left_ear``, ``ear_left``, ``earL``, or ``L_Ear``,
        ``sigmas`` and ``torso`` from joint names. Warns where names have sides, but
        make no pair: such poses are not mirrored.

        Raises:
            TfposeError: the data has another form.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(data, dict) or not {"name", "joints"} <= set(data) <= known:
            found = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise TfposeError(
                "a skeleton needs the keys 'name' and 'joints' and may have "
                f"{sorted(known - {'name', 'joints'})}; found "
                + (found if isinstance(found, str) else shown(found))
            )
        given = {key: value for key, value in data.items() if value is not None}
        joints = given.get("joints")
        if not isinstance(joints, list | tuple):
            raise TfposeError(
                f"'joints' must be a list of names, found {shown(joints)}"
            )
        if not all(isinstance(joint, str) for joint in joints):
            raise TfposeError(
                f"'joints' must be a list of names, found {shown(joints)}"
            )
        joints = tuple(joints)
        try:
            found = cls(
                name=given.get("name"),
                joints=joints,
                flip_pairs=_tuples(given.get("flip_pairs", mirror_pairs(joints))),
                limbs=_tuples(given.get("limbs", ())),
                sigmas=tuple(map(float, given.get("sigmas", sigmas_by_name(joints)))),
                torso=tuple(given.get("torso") or ()) or torso_by_name(joints),
                head=tuple(given.get("head") or ()) or None,
                tree=_tuples(given.get("tree", ())),
                midpoints=_tuples(given.get("midpoints", ())),
            )
        except TfposeError:
            raise
        except (ValueError, TypeError, OverflowError) as error:
            raise TfposeError(f"skeleton {shown(data['name'])}: {error}") from error
        if found.unpaired and not found.flip_pairs and "flip_pairs" not in given:
            warnings.warn(
                f"skeleton {shown(found.name)}: joints such as "
                f"{shown(found.unpaired[0])} have a side, but no two of them are a "
                "pair: poses are not mirrored ('flip_pairs' names the pairs)",
                InputWarning,
                stacklevel=2,
            )
        return found


def _tuples(lists) -> tuple:
    """Lists of names as tuples; a text is no list."""
    for inner in lists:
        if not isinstance(inner, list | tuple):
            raise TfposeError(f"expected pairs of joints, found {shown(inner)}")
    return tuple(map(tuple, lists))


def torso_by_name(joints) -> Pair | None:
    """The joints, in any usual spelling, between which PCK measures a torso."""
    named = {standard_name(joint): joint for joint in joints}
    if {"left_shoulder", "right_hip"} <= set(named):
        return named["left_shoulder"], named["right_hip"]
    return None
