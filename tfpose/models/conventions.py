"""What weights take for granted: how photos become numbers, and maps positions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from keras import layers

from tfpose.errors import TfposeError
from tfpose.geometry.cells import ORIGINS
from tfpose.layers.blocks import Channels
from tfpose.layers.dark import DarkPosition
from tfpose.layers.heatmaps import PeakPosition
from tfpose.layers.quarter import QuarterPosition

# Which channel comes first.
CHANNELS = ("rgb", "bgr")
DECODINGS = ("parabola", "peak", "quarter", "dark")


@dataclasses.dataclass(frozen=True)
class Conventions:
    """The conventions of one network's weights; the defaults are this package's.

    Attributes:
        mean, scale: the network sees (channel - mean) / scale, of channels in 0..255
            and in the order of ``channels``.
        channels: one of ``CHANNELS``. The model's input is RGB in any case.
        origin: where the first cell of the heatmaps lies, a key of ``cells.ORIGINS``.
        flip_shift: cells by which maps of the mirrored photo are moved to the right
            before they are averaged with the photo's.
        decoding: "parabola" (``PeakPosition``), "peak", the highest cell, "quarter"
            (``QuarterPosition``) or "dark" (``DarkPosition``).
        border: of "quarter", as in ``QuarterPosition``.
        sigma: of "dark", px of the crop.

    Raises:
        TfposeError: a value that is none of these.

    Example:
        >>> Conventions(origin="corner", decoding="quarter").flip_shift
        0
    """

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    channels: str = "rgb"
    origin: str = "center"
    flip_shift: int = 0
    decoding: str = "parabola"
    border: int = 2
    sigma: float = 8.0

    def __post_init__(self):
        for name in ("mean", "scale"):
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        whole = isinstance(self.flip_shift, int) and self.flip_shift >= 0
        rules = {
            "mean": (len(self.mean) == 3, "three numbers"),
            "scale": (
                len(self.scale) == 3 and min(self.scale) > 0,
                "three positive numbers",
            ),
            "channels": (self.channels in CHANNELS, f"one of {CHANNELS}"),
            "origin": (self.origin in ORIGINS, f"one of {tuple(ORIGINS)}"),
            "flip_shift": (whole, "0 or more cells"),
            "decoding": (self.decoding in DECODINGS, f"one of {DECODINGS}"),
            "border": (self.border in (0, 1, 2), "0, 1 or 2"),
            "sigma": (self.sigma > 0, "a positive number"),
        }
        for name, (holds, expected) in rules.items():
            if not holds:
                found = getattr(self, name)
                raise TfposeError(
                    f"conventions: {name}: expected {expected}, found {found!r}"
                )

    @classmethod
    def of(cls, given: Conventions | Mapping | None, **own) -> Conventions:
        """The conventions that a model's argument gives; for None, its own.

        Args:
            given: the argument ``conventions``; what it leaves out has the defaults.
            own: the model's own settings, for None.

        Raises:
            TfposeError: a setting that does not exist, or its value.
        """
        if isinstance(given, cls):
            return given
        settings = own if given is None else given
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise TfposeError(
                f"conventions: expected some of {known}, found {unknown[0]!r}"
            )
        try:
            return cls(**settings)
        except TypeError as error:
            raise TfposeError(f"conventions: {error}") from error

    def prepare(self, image):
        """f32[B, H, W, 3] RGB 0..255 as the network sees it."""
        if self.channels == "bgr":
            image = Channels((2, 1, 0), name="to_bgr")(image)
        scale = [1 / value for value in self.scale]
        offset = [-mean * one for mean, one in zip(self.mean, scale, strict=True)]
        if len(set(scale)) == 1:
            (scale,) = set(scale)
        return layers.Rescaling(
            scale,
            offset=offset if any(offset) else 0.0,
            name="center_image" if scale == 1 else "scale_image",
            dtype="float32",
        )(image)

    def position_layer(self, stride: float, name: str | None = None) -> Callable:
        """The layer from beliefs f32[B, h, w, K] to positions f32[B, K, 2] C."""
        options = {"origin": self.origin, "name": name}
        if self.decoding == "parabola":
            return PeakPosition(stride, **options)
        if self.decoding == "dark":
            return DarkPosition(stride, self.sigma, **options)
        move = 0.25 if self.decoding == "quarter" else 0.0
        return QuarterPosition(stride, move, self.border, **options)

    def first_kernel(self, kernel: np.ndarray, of: Conventions) -> np.ndarray:
        """The first kernel of other weights, for a photo prepared as these say.

        It gives the same features but for a difference of the means, which no kernel
        can make up for where the photo ends.

        Args:
            kernel: f32[h, w, C, F]; its first three channels are the photo's.
            of: the conventions of those weights.
        """
        if (self.scale, self.channels) == (of.scale, of.channels):
            return kernel
        photo = kernel[:, :, :3] / np.float32(of.scale)[:, None]
        if self.channels != of.channels:
            photo = photo[:, :, ::-1]
        photo = photo * np.float32(self.scale)[:, None]
        return np.concatenate([photo, kernel[:, :, 3:]], axis=2)
