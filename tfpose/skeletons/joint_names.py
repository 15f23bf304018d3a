"""Names of joints: which side they name, which two are a pair, how exact they are.

People spell a left ear ``left_ear``, ``ear_left``, ``leftEar``, ``earL``, ``L_Ear``,
``Left Ear``, ``lear``, and so on. The package's spelling is ``left_ear``.
"""

from __future__ import annotations

import functools
import re

LEFT, RIGHT = "left", "right"
_SIDES = {"left": LEFT, "l": LEFT, "right": RIGHT, "r": RIGHT}
# The words of snake_case, camelCase, "Two Words" and numbers.
_WORDS = re.compile(
    r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*|[0-9]+|[^\W\d_a-zA-Z]+"
)


@functools.lru_cache(maxsize=4096)
def _parsed(joint: str) -> tuple[str | None, str]:
    """The side that a name states, or None, and the rest in snake_case."""
    words = [word.lower() for word in _WORDS.findall(joint)]
    for place, word in enumerate(words):
        if word in _SIDES and len(words) > 1:
            return _SIDES[word], "_".join(words[:place] + words[place + 1 :])
    if len(words) == 1:
        # "leftear"; "earright" is rarer than "upright".
        for side in (LEFT, RIGHT):
            rest = words[0].removeprefix(side)
            if rest and rest != words[0]:
                return side, rest
    return None, "_".join(words) or joint


def side_of(joint: str) -> str | None:
    """``LEFT``, ``RIGHT``, or None.

    Example:
        >>> side_of("earL"), side_of("Right Ankle"), side_of("nose")
        ('left', 'right', None)
    """
    return _parsed(joint)[0]


def bare_name(joint: str) -> str:
    """The joint's name without its side: ``left_knee`` -> ``knee``."""
    return _parsed(joint)[1]


def standard_name(joint: str) -> str:
    """The name in the package's spelling.

    Example:
        >>> standard_name("Right Ankle"), standard_name("earL"), standard_name("L1")
        ('right_ankle', 'left_ear', 'l1')
    """
    side, bare = _parsed(joint)
    return f"{side}_{bare}" if side else bare


def mirror_pairs(joints) -> tuple[tuple[str, str], ...]:
    """The (left, right) joints that swap in a mirrored photo.

    Example:
        >>> mirror_pairs(["snout", "ear_left", "ear_right", "L_Eye", "R_Eye"])
        (('ear_left', 'ear_right'), ('L_Eye', 'R_Eye'))
        >>> mirror_pairs(["lankle", "rankle", "lip"])
        (('lankle', 'rankle'),)
    """
    right = {bare_name(j): j for j in joints if side_of(j) == RIGHT}
    found = {
        joint: right.pop(bare_name(joint))
        for joint in joints
        if side_of(joint) == LEFT and bare_name(joint) in right
    }
    # One letter before or after the name is a side only if the other side is there.
    free = {j.lower(): j for j in joints if side_of(j) is None and len(j) > 2}
    for name, joint in free.items():
        starts, ends = f"r{name[1:]}", f"{name[:-1]}r"
        if name.startswith("l") and starts in free:
            found[joint] = free[starts]
        elif name.endswith("l") and ends in free and not ends.startswith("l"):
            found[joint] = free[ends]
    return tuple((joint, found[joint]) for joint in joints if joint in found)


# Annotation sigmas by bare joint name. Face and limbs: COCO's keypoint evaluation.
# head_top, head_bottom: PoseFix's PoseTrack list; neck: the same place as head_bottom.
# No publication measured the rest: pelvis and belly take the sigma of the hips, thorax
# that of the shoulders, face that of the nose.
SIGMAS = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072,
    "wrist": 0.062, "hip": 0.107, "knee": 0.087, "ankle": 0.089, "head_top": 0.035,
    "head_bottom": 0.035, "neck": 0.035, "pelvis": 0.107, "thorax": 0.079,
    "belly": 0.107, "face": 0.026,
}  # fmt: skip
# For a joint that nobody measured: that of an average limb joint.
UNKNOWN_SIGMA = 0.079


def sigmas_by_name(joints) -> tuple[float, ...]:
    """The annotation sigma of each joint, as in ``Skeleton``."""
    return tuple(SIGMAS.get(bare_name(joint), UNKNOWN_SIGMA) for joint in joints)
