"""The order in which a page lists joints: from the head to the feet, left first."""

from __future__ import annotations

from collections.abc import Iterable

from tfpose.skeletons.joint_names import RIGHT, bare_name, side_of

# Beginnings of the names of joints and limbs, without their side, from the head down.
FROM_HEAD = (
    "head_top head face nose eye ear mouth chin neck head_bottom thorax torso shoulder "
    "upper_arm elbow forearm wrist hand thumb index pinky belly pelvis hip upper_leg "
    "knee lower_leg ankle heel foot"
).split()


def head_first(names: Iterable[str]) -> list[str]:
    """The names of joints or limbs from the head down; others stay behind them.

    Example:
        >>> head_first(["right_ankle", "left_ankle", "head_top", "tail", "mean"])
        ['head_top', 'left_ankle', 'right_ankle', 'tail', 'mean']
    """
    return sorted(names, key=lambda name: (_height(name), side_of(name) == RIGHT))


def _height(name: str) -> int:
    bare = bare_name(name)
    # The longest beginning: head_top is not head.
    known = [word for word in FROM_HEAD if bare == word or bare.startswith(f"{word}_")]
    return FROM_HEAD.index(max(known, key=len)) if known else len(FROM_HEAD)
