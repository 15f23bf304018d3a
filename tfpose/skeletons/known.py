"""The skeletons of the data sets: only this module knows the order of their joints."""

from __future__ import annotations

from tfpose.errors import TfposeError
from tfpose.skeletons.joint_names import mirror_pairs, sigmas_by_name, standard_name
from tfpose.skeletons.skeleton import Skeleton, torso_by_name


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
        torso=torso_by_name(joints),
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
