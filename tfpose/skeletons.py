"""Skeletons: the names of a pose's K joints and how they connect.

Only this module knows joint order. All other code addresses joints by name, or uses
the index arrays that a ``Skeleton`` derives from its names.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import warnings

import numpy as np

from tfpose.errors import InputWarning, TfposeError, shown
from tfpose.joint_names import SIGMAS as SIGMAS
from tfpose.joint_names import UNKNOWN_SIGMA as UNKNOWN_SIGMA
from tfpose.joint_names import bare_name as bare_name
from tfpose.joint_names import mirror_pairs, side_of, sigmas_by_name, standard_name
from tfpose.skeleton_checks import MOST_JOINTS as MOST_JOINTS
from tfpose.skeleton_checks import fault_of
from tfpose.skeleton_checks import tree_layers as tree_layers

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
                torso=tuple(given.get("torso") or ()) or _torso_by_name(joints),
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


def _torso_by_name(joints) -> Pair | None:
    named = {standard_name(joint): joint for joint in joints}
    if {"left_shoulder", "right_hip"} <= set(named):
        return named["left_shoulder"], named["right_hip"]
    return None


def _skeleton(
    name, joints, limbs, head, sigmas=None, tree="", midpoints=()
) -> Skeleton:
    """Builds a skeleton from space-separated names; limbs and tree are ``a-b`` words.

    All three abbreviate the sides as l_ and r_.
    """

    def full(word):
        side = {"l_": "left_", "r_": "right_"}.get(word[:2])
        return side + word[2:] if side else word

    joints = tuple(full(word) for word in joints.split())
    limbs, tree = (
        tuple(tuple(full(end) for end in word.split("-")) for word in words.split())
        for words in (limbs, tree)
    )
    return Skeleton(
        name=name,
        joints=joints,
        flip_pairs=mirror_pairs(joints),
        limbs=limbs,
        sigmas=sigmas or sigmas_by_name(joints),
        torso=_torso_by_name(joints),
        head=head,
        tree=tree,
        midpoints=midpoints,
    )


_ARMS = "l_shoulder-l_elbow l_elbow-l_wrist r_shoulder-r_elbow r_elbow-r_wrist "
_LEGS = "l_hip-l_knee l_knee-l_ankle r_hip-r_knee r_knee-r_ankle "
_TRUNK = "l_shoulder-r_shoulder l_hip-r_hip l_shoulder-l_hip r_shoulder-r_hip "

# Trees: LSP14's is HCRN's Fig. 1 b; the others are our adaptations of it.
_FROM_NECK = "neck-l_shoulder neck-r_shoulder neck-l_hip neck-r_hip "

_COCO_JOINTS = (
    "nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist "
    "r_wrist l_hip r_hip l_knee r_knee l_ankle r_ankle"
)
_FACE = "nose-l_eye nose-r_eye l_eye-l_ear r_eye-r_ear"
COCO17 = _skeleton(
    "coco17",
    _COCO_JOINTS,
    _ARMS + _LEGS + _TRUNK + _FACE,
    head=("left_ear", "right_ear"),
    tree=_ARMS + _LEGS + _FACE + " nose-l_shoulder nose-r_shoulder nose-l_hip "
    "nose-r_hip",
)
COCO17_NECK = _skeleton(
    "coco17_neck",
    _COCO_JOINTS + " neck",
    _ARMS + _LEGS + _TRUNK + _FACE + " neck-nose",
    head=("left_ear", "right_ear"),
    tree=_ARMS + _LEGS + _FACE + " neck-nose " + _FROM_NECK,
    midpoints=(("neck", "left_shoulder", "right_shoulder"),),
)
# Everything that COCO or LSP labels: one network learns from both sets.
COCO17_LSP14 = _skeleton(
    "coco17_lsp14",
    _COCO_JOINTS + " neck head_top",
    _ARMS + _LEGS + _TRUNK + _FACE + " neck-head_top",
    head=("neck", "head_top"),
    tree=_ARMS + _LEGS + _FACE + " neck-nose neck-head_top " + _FROM_NECK,
)
MPII16 = _skeleton(
    "mpii16",
    "r_ankle r_knee r_hip l_hip l_knee l_ankle pelvis thorax neck head_top r_wrist "
    "r_elbow r_shoulder l_shoulder l_elbow l_wrist",
    _ARMS + _LEGS + "pelvis-l_hip pelvis-r_hip pelvis-thorax thorax-l_shoulder "
    "thorax-r_shoulder thorax-neck neck-head_top",
    head=("neck", "head_top"),
    tree=_ARMS + _LEGS + _FROM_NECK + "neck-pelvis neck-thorax neck-head_top",
)
LSP14 = _skeleton(
    "lsp14",
    "r_ankle r_knee r_hip l_hip l_knee l_ankle r_wrist r_elbow r_shoulder l_shoulder "
    "l_elbow l_wrist neck head_top",
    _ARMS + _LEGS + _TRUNK + "neck-head_top",
    head=("neck", "head_top"),
    tree=_ARMS + _LEGS + _FROM_NECK + "neck-head_top",
)
# FLIC's ten joints, as in HCRN and the common evaluation script. FLIC labels no neck;
# it lies between the shoulders.
FLIC10 = _skeleton(
    "flic10",
    "nose neck r_shoulder r_elbow r_wrist r_hip l_shoulder l_elbow l_wrist l_hip",
    _ARMS + _TRUNK + "neck-nose",
    head=None,
    tree=_ARMS + _FROM_NECK + "neck-nose",
    midpoints=(("neck", "left_shoulder", "right_shoulder"),),
)
POSETRACK15 = _skeleton(
    "posetrack15",
    "nose head_bottom head_top l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist "
    "l_hip r_hip l_knee r_knee l_ankle r_ankle",
    _ARMS + _LEGS + _TRUNK + "head_bottom-nose nose-head_top",
    head=("head_bottom", "head_top"),
    tree=_ARMS
    + _LEGS
    + _FROM_NECK.replace("neck", "head_bottom")
    + "head_bottom-nose head_bottom-head_top",
)
# CrowdPose publishes its own sigmas.
CROWDPOSE14 = _skeleton(
    "crowdpose14",
    "l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee "
    "l_ankle r_ankle head_top neck",
    _ARMS + _LEGS + _TRUNK + "neck-head_top",
    head=("neck", "head_top"),
    sigmas=(
        0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
        0.089, 0.079, 0.079,
    ),
    tree=_ARMS + _LEGS + _FROM_NECK + "neck-head_top",
)  # fmt: skip
# AI Challenger's own sigmas differ slightly between the sides.
AIC14 = _skeleton(
    "aic14",
    "r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip "
    "l_knee l_ankle head_top neck",
    _ARMS + _LEGS + _TRUNK + "neck-head_top",
    head=("neck", "head_top"),
    sigmas=(
        0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144,
        0.03909642, 0.03686941, 0.01981803, 0.03843971, 0.03412318, 0.02415081,
        0.01291456, 0.01236173,
    ),
    tree=_ARMS + _LEGS + _FROM_NECK + "neck-head_top",
)  # fmt: skip
# The face is the middle of the head, so there is no head segment.
JHMDB15 = _skeleton(
    "jhmdb15",
    "neck belly face r_shoulder l_shoulder r_hip l_hip r_elbow l_elbow r_knee l_knee "
    "r_wrist l_wrist r_ankle l_ankle",
    _ARMS + _LEGS + "neck-face neck-belly neck-l_shoulder neck-r_shoulder belly-l_hip "
    "belly-r_hip",
    head=None,
    tree=_ARMS + _LEGS + _FROM_NECK + "neck-belly neck-face",
)

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (
        COCO17,
        COCO17_NECK,
        COCO17_LSP14,
        MPII16,
        LSP14,
        FLIC10,
        POSETRACK15,
        CROWDPOSE14,
        AIC14,
        JHMDB15,
    )
}


def get(name: str) -> Skeleton:
    """A built-in skeleton by its name.

    Raises:
        TfposeError: no such skeleton (lists the known ones).

    Example:
        >>> len(get("coco17"))
        17
    """
    if name not in SKELETONS:
        raise TfposeError(
            f"skeleton {name!r}: expected a .json file or one of {', '.join(SKELETONS)}"
        )
    return SKELETONS[name]


def named_like(joints) -> Skeleton | None:
    """The built-in skeleton with these joints in this order, in any usual spelling.

    Example:
        >>> named_like(["Nose", "neck"]), named_like(SKELETONS["lsp14"].joints).name
        (None, 'lsp14')
    """
    names = tuple(map(standard_name, joints))
    return next((s for s in SKELETONS.values() if s.joints == names), None)
