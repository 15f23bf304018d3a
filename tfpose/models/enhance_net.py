"""Belief Map Enhancement Network for Accurate Human Pose Estimation.

Liu, Dou, Zhang, Tang and Wu, ECAI 2020. A few convolutions after any heatmap estimator
turn its features and maps into maps with r times as many rows and columns.
"""

from __future__ import annotations

import dataclasses

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE, MapLayer
from tfpose.models.associative_embedding import AssociativeEmbedding
from tfpose.models.base import PoseEstimator
from tfpose.models.cpm import ConvolutionalPoseMachine
from tfpose.models.cpn import CPN
from tfpose.models.dlcm import DLCM
from tfpose.models.hcrn import RARITY
from tfpose.models.hourglass import StackedHourglass
from tfpose.models.hrnet import HRNet
from tfpose.models.hybrid_pose import CNet, RNet
from tfpose.models.movenet import MoveNet
from tfpose.models.simple_baseline import SimpleBaseline
from tfpose.skeletons import Skeleton

# Estimators that ``for_skeleton`` can build, by the names that recipes use.
BASES = {
    "simple_baseline": SimpleBaseline,
    "hourglass": StackedHourglass,
    "hrnet": HRNet,
    "cpn": CPN,
    "dlcm": DLCM,
    "cpm": ConvolutionalPoseMachine,
    "rnet": RNet,
    "cnet": CNet,
    "movenet": MoveNet,
    "associative_embedding": AssociativeEmbedding,
}
# What the first convolution sees (Table 5a): features F^LR, maps M^LR.
INPUTS = ("both", "features", "maps")
# How cells become r x r cells (Table 5c).
UPSCALINGS = ("sub_pixel", "deconvolution3", "deconvolution12", "bilinear")
# Activation of the maps that can be enlarged -> where an empty cell starts. A softmax
# over all cells would need a loss of its own for the larger maps.
EMPTY = {"linear": 0.0, "sigmoid": RARITY}
# Name of the base's own "heatmap" next to the new one.
BASE_HEATMAP = "base_heatmap"


@keras.saving.register_keras_serializable(package=PACKAGE)
class PeriodicShuffle(MapLayer):
    """Rearranges r x r channels into cells (Eq. 5).

    Channel K (r j + i) + k of a cell becomes channel k of its part in row j and column
    i. This is TensorFlow's depth-to-space order; PyTorch's is k r r + r j + i.

    Args:
        upscale: r.

    Call: f32[B, h, w, K r r] -> f32[B, r h, r w, K].
    """

    def __init__(self, upscale, **kwargs):
        super().__init__(**kwargs)
        self.upscale = upscale

    def call(self, x):
        return ops.depth_to_space(x, self.upscale)

    def get_config(self):
        return {**super().get_config(), "upscale": self.upscale}


@keras.saving.register_keras_serializable(package=PACKAGE)
class EnhanceNet(PoseEstimator):
    """An estimator followed by the enlargement of its heatmaps (Fig. 3).

    The base's layers become part of this network, keep their names and train with it.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "heatmap" f32[B, r h, r w, K], the enlarged maps; "base_heatmap"
    f32[B, h, w, K or K + 1], what the base calls "heatmap"; the base's other maps by
    name; "keypoints" f32[B, K, 2] crop px, the peaks of "heatmap".

    With Associative Embedding, only detections are enlarged, not tags. Where the base's
    maps are logits, as MoveNet's, the convolutions see the beliefs, and the enlarged
    maps are logits too; MoveNet's centers then do not say which peaks are read.

    The base's target settings of "heatmap" apply to the enlarged maps too: a standard
    deviation in px of the crop spans r times as many cells (Eq. 6).

    Args:
        base: estimator whose heatmaps are linear or logits of a sigmoid.
        upscale: r.
        channels: C of all layers but the last.
        layers: L, including the enlarging one.
        inputs: one of ``INPUTS``.
        upscaling: one of ``UPSCALINGS``.

    Raises:
        TfposeError: a base that has other heatmaps or is an EnhanceNet; fewer than two
            layers, r below 2, unknown inputs or upscaling.
    """

    def __init__(
        self,
        base: PoseEstimator,
        upscale=4,
        channels=128,
        layers=3,
        inputs="both",
        upscaling="sub_pixel",
        name="enhance_net",
        trainable=True,
    ):
        _check_base(base)
        maps = {n: x for n, x in base.output.items() if n != "keypoints"}
        maps[BASE_HEATMAP] = maps.pop("heatmap")
        beliefs = maps[BASE_HEATMAP]
        if beliefs.shape[-1] > base.joints:  # a background
            beliefs = beliefs[..., : base.joints]
        if base.activation != "linear":
            beliefs = keras.layers.Activation(
                base.activation, name="enhance_beliefs", dtype="float32"
            )(beliefs)
        features, maps["heatmap"] = enhance(
            base.features, beliefs, upscale, channels, layers, inputs, upscaling,
            EMPTY[base.activation],
        )  # fmt: skip
        targets = dict(base.targets)
        if "heatmap" in targets:
            targets[BASE_HEATMAP] = targets["heatmap"]
            own = targets["heatmap"].items()  # the enlarged maps have no background
            targets["heatmap"] = {k: v for k, v in own if k != "background"}
        super().__init__(
            base.input["image"],
            maps,
            features,
            arguments={
                # Not the base itself: Keras would find its layers twice.
                "base": _configuration(base),
                "upscale": upscale,
                "channels": channels,
                "layers": layers,
                "inputs": inputs,
                "upscaling": upscaling,
            },
            joints=base.joints,
            activation=base.activation,
            # Of the base's cells; the enlarged ones lie where they are mirrored to.
            conventions=dataclasses.replace(base.conventions, flip_shift=0),
            targets=targets,
            name=name,
            trainable=trainable,
        )

    @classmethod
    def for_skeleton(
        cls,
        skeleton: Skeleton,
        input_size=(256, 192),
        base="simple_baseline",
        upscale=4,
        channels=128,
        layers=3,
        inputs="both",
        upscaling="sub_pixel",
        dtype=None,
        **network,
    ) -> EnhanceNet:
        """Builds the network on a new base for a skeleton's joints.

        Args:
            skeleton: K joints.
            input_size: (height, width) of the crop.
            base: a key of ``BASES``.
            upscale, channels, layers, inputs, upscaling, dtype: as of the class.
            network: further arguments of the base's ``for_skeleton``.

        Raises:
            TfposeError: an unknown base, or arguments it does not take; as the class.
        """
        if base not in BASES:
            raise TfposeError(f"base: expected one of {list(BASES)}, got {base!r}")
        kind = BASES[base]
        try:
            estimator = kind.for_skeleton(
                skeleton, input_size=input_size, dtype=dtype, **network
            )
        except TypeError as error:
            raise TfposeError(
                f"base: expected arguments of {kind.__name__} beside {base!r}, got "
                f"{', '.join(network)} (each base has recipes of its own)"
            ) from error
        return cls(estimator, upscale, channels, layers, inputs, upscaling, dtype=dtype)

    @classmethod
    def from_config(cls, config):
        base = config["base"]
        own = {**base["config"], "dtype": config.get("dtype")}
        base = keras.saving.deserialize_keras_object({**base, "config": own})
        return cls(**{**config, "base": base})


def _configuration(base) -> dict:
    """What Keras needs to rebuild the base, without its training setup."""
    config = keras.saving.serialize_keras_object(base)
    config.pop("compile_config", None)
    return config


def _check_base(base) -> None:
    if not isinstance(base, PoseEstimator):
        raise TfposeError(f"base: expected a PoseEstimator, got {type(base).__name__}")
    if base.activation not in EMPTY:
        raise TfposeError(
            f"base: expected heatmaps of one of {[*EMPTY]}, whose loss EnhanceNet "
            f"shares; those of {base.name} are arguments of a {base.activation}"
        )
    if BASE_HEATMAP in base.output:
        raise TfposeError(f"base: {base.name} is an EnhanceNet already")


def enhance(
    features, maps, upscale=4, channels=128, layers=3, inputs="both",
    upscaling="sub_pixel", start=0.0,
):  # fmt: skip
    """All of EnhanceNet (Eq. 1 to 4).

    Args:
        features: F^LR, f32[B, h, w, F].
        maps: M^LR, f32[B, h, w, K].
        upscale, channels, layers, inputs, upscaling: as in ``EnhanceNet``.
        start: what the enlarged maps are at first.

    Returns:
        What the last layer sees, f32[B, h, w, C], and M^HR, f32[B, r h, r w, K],
        linear.

    Raises:
        TfposeError: fewer than two layers, r below 2, unknown inputs or upscaling.
    """
    _check_arguments(upscale, layers, inputs, upscaling)
    x = context(features, maps, channels, layers, inputs)
    return x, enlarge(x, maps.shape[-1], upscale, upscaling, start)


def _check_arguments(upscale: int, layers: int, inputs: str, upscaling: str) -> None:
    """Raises TfposeError for arguments that ``EnhanceNet`` does not take."""
    if inputs not in INPUTS:
        raise TfposeError(f"inputs: expected one of {INPUTS}, got {inputs!r}")
    if upscaling not in UPSCALINGS:
        raise TfposeError(f"upscaling: expected one of {UPSCALINGS}, got {upscaling!r}")
    for name, value in {"upscale": upscale, "layers": layers}.items():
        if value != int(value) or value < 2:
            raise TfposeError(f"{name}: expected a whole number from 2, got {value}")


def context(features, maps, channels: int, layers: int, inputs: str):
    """The last layer's input: a 1x1, then L - 2 3x3 convolutions, each with ReLU.

    Args:
        features: F^LR, f32[B, h, w, F].
        maps: M^LR, f32[B, h, w, K].
        channels, layers, inputs: as in ``EnhanceNet``.

    Returns:
        f32[B, h, w, C].
    """
    seen = {"both": [features, maps], "features": [features], "maps": [maps]}[inputs]
    x = seen[0]
    if len(seen) > 1:
        x = keras.layers.Concatenate(name="enhance_concat")(seen)
    for number in range(1, layers):
        x = keras.layers.Conv2D(
            channels, 1 if number == 1 else 3, 1, "same", activation="relu",
            kernel_initializer="he_normal", name=f"enhance_conv{number}",
        )(x)  # fmt: skip
    return x


def enlarge(x, joints: int, upscale: int, upscaling: str, start: float = 0.0):
    """The last layer: heatmaps at r times the resolution (section 3.3, Table 5c).

    "sub_pixel" is a 3x3 convolution with r r filters per joint at the low resolution,
    then ``PeriodicShuffle``. "deconvolution12" is one 12x12 transposed convolution; at
    r = 4 it can compute the same for r r times the multiply-adds, as the paper counts
    them. "deconvolution3" has a 3x3 kernel; for r above 3, cells between its windows
    are just its bias. "bilinear" interpolates the features, then convolves 3x3 at the
    high resolution.

    Args:
        x: f32[B, h, w, C].
        joints: K.
        upscale: r.
        upscaling: one of ``UPSCALINGS``.
        start: as in ``enhance``.

    Returns:
        f32[B, r h, r w, K], linear. Like the bases' maps, they start near ``start``;
        the paper does not give one.
    """
    options = {
        "padding": "same",
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.001),
        "bias_initializer": keras.initializers.Constant(start),
        "name": "enhance_maps",
        "dtype": "float32",
    }
    if upscaling == "sub_pixel":
        x = keras.layers.Conv2D(joints * upscale**2, 3, **options)(x)
        return PeriodicShuffle(upscale, name="enhance_shuffle")(x)
    if upscaling == "bilinear":
        x = keras.layers.UpSampling2D(
            upscale, interpolation="bilinear", name="enhance_interpolate"
        )(x)
        return keras.layers.Conv2D(joints, 3, **options)(x)
    size = {"deconvolution3": 3, "deconvolution12": 12}[upscaling]
    return keras.layers.Conv2DTranspose(joints, size, upscale, **options)(x)
