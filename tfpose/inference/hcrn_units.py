"""The maps inside a trained HCRN: what each unit of its tree saw and returned.

They show how HCRN finds a difficult joint (HCRN Fig. 3 b). Do not use them to estimate
poses: they come from one size, without mirroring (``Estimator`` averages).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfpose.errors import TfposeError
from tfpose.geometry import tensors
from tfpose.geometry.rules import CROP_MARGIN
from tfpose.inference.batches import batched
from tfpose.layers.blocks import Channels
from tfpose.layers.heatmaps import PeakPosition
from tfpose.models import HCRN
from tfpose.models.table import load_model
from tfpose.skeletons import Skeleton, tree_layers


@dataclasses.dataclass(frozen=True)
class Unit:
    """What one contextual refinement unit did with one person.

    Attributes:
        joint: name of the joint.
        parent: the joint that guides it: its own name for a root, which guides itself;
            None if it has no unit.
        box: f64[4] xywh, I, the area that the maps cover.
        maps: step -> f32[h, w] in 0..1, in the order of the steps: the "initial" map O
            (Eq. 1), the "parent"'s map, the "diffused" one (Eq. 5) if the network
            diffuses, and the "refined" map H (Eq. 4). A joint without a unit has only
            the first.
        peaks: step -> f32[2], I, the position of the map's maximum.
    """

    joint: str
    parent: str | None
    box: np.ndarray
    maps: dict[str, np.ndarray]
    peaks: dict[str, np.ndarray]


def unit_model(model: keras.Model) -> keras.Model:
    """The part of an HCRN that ends at the maps of its units; shares the weights.

    Input: "image" f32[B, H, W, 3] RGB 0..255. Outputs, a dict: the steps of ``Unit``,
    each f32[B, h, w, K] in 0..1. A root with a unit is its own parent. A joint without
    a unit repeats its initial map at every step.

    Raises:
        TfposeError: a network without units.
    """
    if model.arguments.get("refinement", "holistic") == "holistic":
        raise TfposeError(
            "expected an HCRN with units (refinement hcrn or without_diffusion), found "
            f"{model.name} without units, so it has no unit maps to show"
        )
    tree = tree_layers(model.arguments["parents"])
    found = {layer.name: layer.output for layer in model.layers}
    steps = {"initial": [], "parent": [], "diffused": [], "refined": []}
    for number in range(1, len(tree) + 1):
        name = f"layer{number}"
        initial = parent = diffused = refined = found[f"{name}_initial_maps"]
        if number > 1:
            parent = diffused = found[f"{name}_parents"]
        if number > 1 or model.arguments["root_cru"]:
            # The last layer's maps guide no joint, so the network ends at their logits.
            refined = layers.Activation("sigmoid")(found[f"{name}_refinement"])
            if model.arguments["refinement"] == "hcrn":
                diffused = found[f"{name}_diffusion"]
        parts = (initial, parent, diffused, refined)
        for maps, part in zip(steps.values(), parts, strict=True):
            maps.append(part)
    if model.arguments["refinement"] != "hcrn":
        del steps["diffused"]
    order = [joint for joints in tree for joint in joints]
    places = [order.index(joint) for joint in range(len(order))]
    outputs = {
        step: Channels(places, name=f"all_{step}")(layers.Concatenate()(parts))
        for step, parts in steps.items()
    }
    return keras.Model(model.input, outputs, name="units")


class Units:
    """A trained HCRN with its cropping, which returns the maps of its units.

    Args:
        model: the network.
        skeleton: skeleton of its poses.

    Raises:
        TfposeError: a network without units.
    """

    def __init__(self, model: HCRN, skeleton: Skeleton):
        self.skeleton, self.size = skeleton, model.input_size
        self._alone = (
            set()
            if model.arguments["root_cru"]
            else set(tree_layers(model.arguments["parents"])[0])
        )
        self._model = unit_model(model)
        self._decode = PeakPosition(model.stride)
        self._run = tf.function(
            self._maps_and_peaks, autograph=False, reduce_retracing=True
        )

    @classmethod
    def from_preset(cls, name: str) -> Units:
        """Loads a preset by its name, or a model folder by its path.

        Raises:
            TfposeError: nothing there, or a network without units.
        """
        model, config = load_model(name)
        try:
            return cls(model, config.skeleton)
        except TfposeError as error:
            raise TfposeError(f"model {name}: {error}") from error

    def peaks(self, people: Iterable) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Finds people's joints from the initial maps and from the refined maps.

        Args:
            people: iterable of (u8[H, W, 3] RGB, box f[4] xywh I), one per person.

        Yields:
            f32[n, K, 2] I from the initial and from the refined maps of n people.
        """
        for batch in batched(self._cut(photo, box)[:2] for photo, box in people):
            crops, to_image = (np.stack(part) for part in batch)
            _, peaks = self._run(crops, to_image)
            yield peaks["initial"].numpy(), peaks["refined"].numpy()

    def __call__(self, photo, box) -> list[Unit]:
        """What the unit of each of the K joints did with one person.

        Args:
            photo: u8[H, W, 3] RGB.
            box: f[4] xywh, I, around the person.
        """
        crop, to_image, shown = self._cut(photo, box)
        maps, peaks = self._run(crop[None], to_image[None])
        units = []
        for joint, parent in enumerate(self.skeleton.parents):
            alone = joint in self._alone
            steps = ["initial"] if alone else list(maps)
            names = self.skeleton.joints
            units.append(
                Unit(
                    joint=names[joint],
                    parent=None if alone else names[joint if parent < 0 else parent],
                    box=shown,
                    maps={step: maps[step][0, ..., joint].numpy() for step in steps},
                    peaks={step: peaks[step][0, joint].numpy() for step in steps},
                )
            )
        return units

    def _cut(self, photo, box):
        """The crop f32[H, W, 3], f32[2, 3] C -> I, and its box f64[4] I."""
        box = tensors.fit_aspect(tf.constant(box, tf.float32), self.size)
        box = tensors.scale_box(box, CROP_MARGIN)
        matrix = tensors.crop_matrix(box, self.size)
        photo = tf.cast(photo, tf.float32)
        crop = tensors.crop(photo, matrix, self.size)
        return crop, tensors.invert(matrix), box.numpy().astype(np.float64)

    def _maps_and_peaks(self, crops, to_image):
        maps = self._model({"image": crops}, training=False)
        peaks = {
            step: tensors.transform(self._decode(found), to_image)
            for step, found in maps.items()
        }
        return maps, peaks
