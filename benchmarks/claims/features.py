"""The photos of the claims, seen once: MoveNet's features of people's crops.

A trunk that already knows people is frozen, so its features of a person never change.
They are computed once per crop and kept on disk, 8 bits a value; what a paper adds is
then trained on them in minutes on two cores.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf

from tfpose.config import Augmentation
from tfpose.data import pipeline
from tfpose.io import files
from tfpose.models.movenet import MoveNet
from tfpose.skeletons import LSP14

SIZE = (256, 256)
# Layers of MoveNet, and the stride of what they compute.
LAYERS = {
    "pyramid": ("pyramid0_relu", 4),
    "fine": ("block5_add", 8),
    "middle": ("block9_add", 16),
    "coarse": ("pyramid_coarsest", 32),
}
AUGMENTATION = Augmentation(scale=0.3, rotation=40.0, mirror=0.5, shift=0.05, color=0.2)
# Name -> its records, augmented passes over them (0: one plain pass).
TRAIN = {"lsp": ("lsp/train[:90%]", 4), "lspet": ("lspet/train[:97%]", 1)}
TEST = "test"
PEOPLE = {
    "validation": ("lsp/train[90%:]", 0),
    "validation_lspet": ("lspet/train[97%:]", 0),
    TEST: ("lsp/test", 0),
}
BATCH = 32
LABELS = ("keypoints", "valid", "area", "matrix", "image_id")


@dataclasses.dataclass(frozen=True)
class Crops:
    """N people's crops.

    Attributes:
        features: name of ``LAYERS`` -> i8[N, h, w, C]; times ``scales``.
        scales: name -> f32[C].
        labels: name of ``LABELS`` -> array [N, ...]; crop px.
    """

    features: dict[str, np.ndarray]
    scales: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.labels["valid"])

    def chosen(self, rows) -> Crops:
        """Some of the people, read into memory."""
        return Crops(
            {name: np.asarray(values[rows]) for name, values in self.features.items()},
            self.scales,
            {name: values[rows] for name, values in self.labels.items()},
        )


def trunk() -> keras.Model:
    """MoveNet Thunder's features: image f32[B, 256, 256, 3] -> a dict by ``LAYERS``."""
    movenet = MoveNet.from_preset("movenet_thunder_coco17")
    outputs = {name: movenet.get_layer(of).output for name, (of, _) in LAYERS.items()}
    return keras.Model(movenet.input["image"], outputs)


def load(folder: pathlib.Path, name: str) -> Crops:
    """What ``compute`` wrote, not yet read into memory."""
    paths = {layer: folder / f"{name}_{layer}.npy" for layer in LAYERS}
    scales = np.load(folder / "scales.npz")
    return Crops(
        {layer: np.load(path, mmap_mode="r") for layer, path in paths.items()},
        {layer: scales[layer] for layer in LAYERS},
        dict(np.load(folder / f"{name}_labels.npz")),
    )


def compute(
    folder: pathlib.Path, data: str, name: str, split: str, passes: int, skeleton=LSP14
):
    """Computes the features of a split's people, unless they are there.

    Args:
        folder: takes the files.
        data: folder that ``tfpose prepare`` wrote into.
        name: of the files.
        split: of ``data``, a TFDS slice.
        passes: random crops of each person; 0 for one plain crop.
        skeleton: has LSP's joints and those of the records.
    """
    if (folder / f"{name}_labels.npz").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    records, count = pipeline.read_records(data, (split,), skeleton)
    augmentation = AUGMENTATION if passes else Augmentation()
    spec = pipeline.CropSpec(skeleton, SIZE, augmentation)
    network = tf.function(trunk())
    scales, kept, labels, row = None, {}, [], 0
    total, start = count * max(passes, 1), time.monotonic()
    for seed in range(max(passes, 1)):
        for people in pipeline.crops(records, spec, BATCH, seed):
            found = {k: v.numpy() for k, v in network(people["image"]).items()}
            scales = scales or _scales(folder, found)
            for layer, values in found.items():
                if layer not in kept:
                    kept[layer] = np.lib.format.open_memmap(
                        folder / f"{name}_{layer}.npy", "w+", np.int8,
                        (total, *values.shape[1:]),
                    )  # fmt: skip
                small = np.clip(np.round(values / scales[layer]), -127, 127)
                kept[layer][row : row + len(small)] = small
            labels.append({key: people[key].numpy() for key in LABELS})
            row += len(labels[-1]["valid"])
            if len(labels) % 32 == 0:
                left = (time.monotonic() - start) / row * (total - row)
                print(f"{name}: {row} of {total} crops, {left:.0f} s left", flush=True)
    together = {key: np.concatenate([one[key] for one in labels]) for key in LABELS}
    joints = [skeleton.index(joint) for joint in LSP14.joints]
    for key in ("keypoints", "valid"):
        together[key] = together[key][:, joints]
    with files.replacing(folder / f"{name}_labels.npz") as beside:
        np.savez(beside, **together)


def _scales(folder: pathlib.Path, features: dict) -> dict[str, np.ndarray]:
    """The largest value of each channel in the first batch, over 100; kept on disk."""
    path = folder / "scales.npz"
    if not path.exists():
        largest = {k: np.abs(v).max(axis=(0, 1, 2)) for k, v in features.items()}
        np.savez(path, **{k: np.maximum(v, 1e-3) / 100 for k, v in largest.items()})
    return dict(np.load(path))


def compute_all(folder: pathlib.Path, data: str) -> None:
    """Computes the features of training, validation, and test people."""
    for name, (split, passes) in (TRAIN | PEOPLE).items():
        compute(folder, data, name, split, passes)
