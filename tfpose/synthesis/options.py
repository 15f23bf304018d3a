"""What a run may add to PoseFix's errors: named options, all off by default.

None of them is in the paper. They teach a refiner what other methods' poses are like:
some are good throughout, strong methods mostly exchange whole limbs, and a pose may
lack joints or be missing altogether. TensorFlow (``variations``) and JAX (``device``)
draw from the same tables.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfpose import skeletons
from tfpose.errors import ConfigError
from tfpose.skeletons import Skeleton, bare_name

# The joints of a limb, of both sides, without their side; None for every joint.
LIMBS: dict[str, tuple[str, ...] | None] = {
    "legs": ("hip", "knee", "ankle"),
    "arms": ("shoulder", "elbow", "wrist"),
    "everything": None,
    "lower_legs": ("knee", "ankle"),
    "lower_arms": ("elbow", "wrist"),
}
# Sets of joints that a pose may have, besides the joints of a built-in skeleton.
EVERY_JOINT, NO_JOINT = "all", "none"
ROUNDING = 1e-6  # of shares that sum to 1


@dataclasses.dataclass(frozen=True)
class Options:
    """Additions to the errors of ``posefix.synthesize``.

    Attributes:
        quality: share of people whose error probabilities are all multiplied by one
            number, uniform in 0..1. The network then meets good poses too.
        exchanged_limbs: limb, a key of ``LIMBS`` -> share of people whose left and
            right joints of that limb change places before all other errors. At most
            one limb per person; a joint without its mirror joint stays.
        given_joints: set of joints -> share of people whose pose has only these. A set
            is the name of a built-in skeleton, "all" or "none"; the shares that are
            left have all. Without a pose, the network is an estimator.
        lost_joints: chance of each joint to be left out, for most people and for the
            share ``many_lost`` of them.
        many_lost: share of people to whom the second chance of ``lost_joints`` applies.

    Raises:
        ConfigError: an unknown name, or shares that are no probabilities.

    Example:
        >>> options = Options(exchanged_limbs={"legs": 0.05}, quality=0.5)
        >>> options.quality, options.leaves_out
        (0.5, False)
    """

    quality: float = 0.0
    exchanged_limbs: Mapping[str, float] = dataclasses.field(default_factory=dict)
    given_joints: Mapping[str, float] = dataclasses.field(default_factory=dict)
    lost_joints: tuple[float, float] = (0.0, 0.0)
    many_lost: float = 0.0

    def __post_init__(self):
        sets = (EVERY_JOINT, NO_JOINT, *skeletons.SKELETONS)
        for name, known in (("exchanged_limbs", LIMBS), ("given_joints", sets)):
            _check_shares(name, getattr(self, name), tuple(known))
        if len(self.lost_joints) != 2:
            raise ConfigError(
                f"lost_joints: expected two chances, found {self.lost_joints!r}"
            )
        chances = {
            "quality": (self.quality,),
            "lost_joints": self.lost_joints,
            "many_lost": (self.many_lost,),
        }
        for name, values in chances.items():
            if not all(0 <= value <= 1 for value in values):
                found = getattr(self, name)
                raise ConfigError(f"{name}: expected 0 to 1, found {found!r}")

    @classmethod
    def of(cls, settings: Mapping) -> Options:
        """Those among the settings of a configuration's ``synthesis``.

        Raises:
            ConfigError: a setting that is none of them, or a value that does not fit.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        given = {name: value for name, value in settings.items() if name != "errors"}
        unknown = set(given) - set(known)
        if unknown:
            raise ConfigError(
                f"synthesis: expected some of {known}, found {sorted(unknown)}"
            )
        return cls(**given)

    def limbs(self, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
        """bool[L + 1, K], the joints of each limb, and f32[L], the limits of a draw.

        A number drawn from 0..1 chooses the first limb whose limit is above it, or the
        last row, which has no joints.
        """
        rows = [
            [joints is None or bare_name(joint) in joints for joint in skeleton.joints]
            for joints in (LIMBS[limb] for limb in self.exchanged_limbs)
        ]
        return _table(rows, False, self.exchanged_limbs, skeleton)

    def sets(self, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
        """bool[S + 1, K], the joints of each set, and f32[S], the limits of a draw.

        As in ``limbs``, but the last row has all joints.
        """
        joints_of = {
            EVERY_JOINT: skeleton.joints,
            NO_JOINT: (),
            **{name: one.joints for name, one in skeletons.SKELETONS.items()},
        }
        rows = [
            [joint in joints_of[name] for joint in skeleton.joints]
            for name in self.given_joints
        ]
        return _table(rows, True, self.given_joints, skeleton)

    @property
    def leaves_out(self) -> bool:
        """Whether joints may be left out."""
        return bool(self.given_joints) or any(self.lost_joints)


def _check_shares(name: str, shares, known: tuple[str, ...]) -> None:
    """Raises ConfigError unless ``shares`` are shares of known names."""
    if not isinstance(shares, Mapping) or not set(shares) <= set(known):
        raise ConfigError(
            f"{name}: expected shares of some of {list(known)}, found {shares!r}"
        )
    whole = sum(shares.values()) <= 1 + ROUNDING
    if not whole or not all(share >= 0 for share in shares.values()):
        raise ConfigError(f"{name}: expected shares of one whole, found {shares!r}")


def _table(rows, otherwise: bool, shares: Mapping, skeleton: Skeleton):
    """The rows and one more of ``otherwise``, and the sums of the shares."""
    last = [otherwise] * len(skeleton)
    limits = np.cumsum(list(shares.values()) or [], dtype=np.float64)
    return np.array([*rows, last], bool), limits.astype(np.float32)
