"""Fuses a trained RNet and a trained CNet into one model folder."""

from __future__ import annotations

import dataclasses
import pathlib

from tfpose.errors import TrainingError
from tfpose.models import folders
from tfpose.models.hybrid_pose import HybridPose
from tfpose.models.table import load_model


def fuse_folders(rnet, cnet, out, refinement=None, correction=None) -> None:
    """Writes a ``HybridPose`` model folder with the weights of two others.

    Args:
        rnet, cnet: model folders of an ``RNet`` and of a ``CNet``.
        out: folder to write; must not be a model folder yet.
        refinement, correction: numbers of the hourglasses to fuse, from 1; None fuses
            all. () or [] drops that network and keeps only the other.

    Raises:
        TrainingError, ConfigError: folders without such a model; networks that do not
            match; hourglasses that they do not have; a model in ``out``.
    """
    folders.check_new(pathlib.Path(out))
    networks, config = {}, None
    for kind, folder in (("rnet", rnet), ("cnet", cnet)):
        network, config = load_model(folder)
        if config.model != kind:
            raise TrainingError(
                f"{folder}: expected a trained {kind}, found {config.model}"
            )
        networks[kind] = network
    chosen = {"refinement": refinement, "correction": correction}
    chosen = {name: tuple(n) for name, n in chosen.items() if n is not None}
    try:
        model = HybridPose.from_parts(**networks, **chosen)
    except ValueError as error:
        raise TrainingError(f"{rnet} and {cnet}: {error}") from error
    network = {
        name: value
        for name, value in model.arguments.items()
        if name not in ("joints", "input_size")
    }
    # A fusion has no loss of its own: only its parts were trained.
    config = dataclasses.replace(
        config, model="hybrid_pose", network=network, heatmap_loss=0.0
    )
    model.save_to_preset(out, config)
