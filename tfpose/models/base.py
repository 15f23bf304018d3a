"""What all estimators are to the rest of the package: a photo in, heatmaps out."""

from __future__ import annotations

import keras
from keras import layers

from tfpose.layers.heatmaps import PeakPosition, SoftArgmax, SpatialSoftmax
from tfpose.skeleton import Skeleton

# What makes beliefs of heatmaps.
ACTIVATIONS = ("linear", "sigmoid", "softmax")


class PoseEstimator(keras.Model):
    """A network from the crop of a person to heatmaps of the K joints.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "heatmap" f32[B, h, w, C], the answer, whose first K channels are
    the joints'; other heatmaps that are supervised too, by their names; "keypoints"
    f32[B, K, 2] crop px, the peaks of "heatmap", or for "softmax" its expectation.

    Args:
        image: the ``keras.Input`` called "image".
        maps: name -> f32[B, h, w, C], "heatmap" among them.
        features: f32[B, h, w, F], from which "heatmap" was made (EnhanceNet's F^LR).
        arguments: those of the subclass, but for name and trainable.
        joints: K; "joints" of the arguments if it is not given.
        activation: one of ``ACTIVATIONS``; the maps are its arguments ("logits").
        targets: name of an output -> settings of its codec that are not the recipe's
            (``supervision.codec_of``).

    Attributes:
        joints, input_size: K and (height, width) of the crop.
        stride: px a cell of "heatmap".
        activation, features, targets: as above.
    """

    def __init__(
        self,
        image,
        maps: dict,
        features,
        arguments: dict,
        joints: int | None = None,
        activation: str = "linear",
        targets: dict | None = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        joints, input_size = joints or arguments["joints"], image.shape[1:3]
        cells = maps["heatmap"].shape[1]
        stride = input_size[0] / cells
        stride = int(stride) if stride.is_integer() else stride
        belief = maps["heatmap"]
        if belief.shape[-1] > joints:
            belief = belief[..., :joints]
        if activation == "softmax":
            belief = SpatialSoftmax(name="belief")(belief)
            keypoints = SoftArgmax(stride, name="soft_argmax")(belief)
        else:
            belief = layers.Activation(activation, name="belief")(belief)
            keypoints = PeakPosition(stride, name="peak")(belief)
        super().__init__(
            inputs={"image": image},
            outputs={**maps, "keypoints": keypoints},
            name=name,
            trainable=trainable,
        )
        self.arguments = arguments
        self.joints, self.input_size, self.stride = joints, input_size, stride
        self.activation, self.targets = activation, dict(targets or {})
        self.features = features

    @classmethod
    def for_skeleton(cls, skeleton: Skeleton, **arguments) -> PoseEstimator:
        """The network for a skeleton's joints."""
        return cls(joints=len(skeleton), **arguments)

    def get_config(self):
        return {**self.arguments, "name": self.name, "trainable": self.trainable}
