"""The settings of a training run: a frozen ``Config`` that ``--set`` changes."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
from typing import Any

from tfpose import skeletons
from tfpose.errors import ConfigError, FileError, TfposeError
from tfpose.io.files import read_json
from tfpose.io.skeleton_files import find_skeleton
from tfpose.settings import (
    CHECKED,
    CODECS,
    DECAYS,
    DISTRIBUTIONS,
    HEATMAP_ERRORS,
    OPTIMIZERS,
    RENAMED,
    SCHEDULES,
    SECTIONS,
    STARTS,
    SYNTHESES,
)
from tfpose.settings import IMAGENET as IMAGENET
from tfpose.settings import REFINERS as REFINERS
from tfpose.skeletons import Skeleton
from tfpose.synthesis.options import Options


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Ranges of random changes; all zero gives the plain crop.

    Attributes:
        scale: 0.3 scales the box by 0.7 to 1.3 (PoseFix: +-30 %).
        rotation: degrees, in both directions (PoseFix: +-40).
        mirror: probability of a left-right flip.
        shift: moves the box's center by up to this fraction of the box, in x and y,
            since test boxes come from imperfect poses. PoseFix has none.
        color: multiplies each channel, and the brightness, by 1 - color to 1 + color.
            PoseFix, with its pretrained trunk, has none.
        half_body: probability of showing only a person's upper or lower half.
        any_angle: probability of a rotation from the full circle instead.
        contrast: multiplies contrast by 1 - contrast to 1 + contrast.
        gray: probability of a crop without colors.
        paste: probability that another person of the batch is pasted beside the first
            and becomes a neighbor (``data.paste``). Not for models that find everyone.
        distribution: of scale and rotation, a key of ``data.augment.DISTRIBUTIONS``.
            "uniform" within these ranges; "normal", with the ranges as standard
            deviations, scales cut at one and rotations at two; "octaves", scales that
            are powers of 2 with such exponents, cut at two.
        turned: share of the crops that are rotated at all.
    """

    scale: float = 0.0
    rotation: float = 0.0
    mirror: float = 0.0
    shift: float = 0.0
    color: float = 0.0
    half_body: float = 0.0
    any_angle: float = 0.0
    contrast: float = 0.0
    gray: float = 0.0
    paste: float = 0.0
    distribution: str = DISTRIBUTIONS[0]
    turned: float = 1.0

    def __post_init__(self):
        if self.distribution not in DISTRIBUTIONS:
            raise ConfigError(
                f"distribution: expected one of {DISTRIBUTIONS}, found "
                f"{self.distribution!r}"
            )


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that decides a training run, visible in one place.

    Raises:
        ConfigError: a value is invalid.

    Attributes:
        model: name of the model, a key of ``tfpose.models.MODELS``.
        skeleton: of the poses. The name of a built-in one, or the path of a JSON file,
            becomes a ``Skeleton``, so that a model folder needs no other file.
        input_size: (height, width) of the crops in px.
        network: other arguments of the model's class.
        train: prepared splits to train on, such as "lsp/train" (TFDS slices).
        validation: prepared splits for the validation metric.
        validation_people: maximum number of validation people.
        augmentation: random changes of the training crops.
        target: "codec", a key of ``tfpose.codecs.CODECS``, and its arguments.
        synthesis: of a refiner's input poses: "errors", a key of
            ``tfpose.synthesis.table.SYNTHESES``, and its arguments; "posefix" takes
            those of ``tfpose.synthesis.options.Options``.
        crop: what crops show instead of a person's box with its margin.
            "person_height": px of a standing person in a crop (PoseRefiner).
            "whole_window": training crops show a record's whole window, for models
            that find all people; the windows should be whole photos
            (``tfpose prepare NAME --set window=100``).
        heatmap_error: loss on the heatmaps, "cross_entropy" or "squared".
        heatmap_loss: weight of the loss on the heatmaps (PoseFix L_H).
        stage_loss: weight of the loss on the maps of each stage before the last.
        coordinate_loss: weight of the loss on the coordinates (PoseFix L_C).
        objective: additional losses. "tag_loss": weight of the loss on tags
            (Associative Embedding). "offset_loss", "offset_error": weight and kind
            ("squared" or "huber") of the loss on offsets (PoseRefiner).
            "offset_mean": over "joints", with 0 for the unlabeled, or over the "cells"
            that have an offset. "reduction": what becomes of the loss on the heatmaps'
            cells, a key of ``losses.REDUCTIONS``: their "mean", as in Keras and
            PyTorch; their "sum", as in Caffe; or the sum divided by the "cells" of the
            smallest maps. "unlabeled": whether unlabeled joints are "unknown", with
            weight 0, or "absent", with empty maps.
            "hard_joints": number of joints per person, those with the largest loss,
            that count in the last heatmaps (CPN's online hard keypoint mining).
        testing: "rounds": how often a refiner is run, each time on its own answer.
        batch_size: people per step, over all devices.
        epochs: passes over the training people.
        optimizer: "adamw", "sgd" with a momentum of 0.9, or "rmsprop".
        learning_rate: at the start.
        schedule: "cosine", from ``learning_rate`` to 0, or "steps", which changes the
            rate at each of ``learning_rate_drops``.
        warm_up: share of the run in which a "cosine" rate rises from 0.
        learning_rate_drops: epochs, for "steps"; may be fractions.
        learning_rates: the rate after each drop; default: a tenth of the rate before.
        learning_rate_factors: parts of variables' paths -> how much faster than
            others they learn, as Caffe's lr_mult; several factors multiply. For the
            decay "loss".
        freeze_normalization: keep the batch normalizations of the start weights
            unchanged, for batches of few photos.
        weight_decay: of the kernels; not of biases, normalizations, or the weights of
            other layers.
        decay: how, a key of ``models.optimizers.OPTIMIZERS``. "decoupled": a kernel
            shrinks by the learning rate times ``weight_decay`` in each step (AdamW).
            "loss": the gradient has ``weight_decay`` times the kernel, as from an L2
            loss or in Caffe's and PyTorch's SGD, and passes the momentum.
        start: how layers' names begin -> how their kernels are drawn at first: a
            standard deviation of a normal distribution, "he", or "glorot". "all" is
            every layer; the longest name decides. Others start as the class says.
        largest_gradient: norm to which the whole gradient is cut; 0 for any.
        average: decay of the running average of the weights, which is validated and
            saved; 0 turns it off.
        seed: of everything random.

    Example:
        >>> from tfpose.recipes import RECIPES
        >>> config = RECIPES["posefix"]["tiny"]()
        >>> config.model, config.skeleton.name, config.input_size
        ('posefix', 'coco17', (128, 96))
    """

    model: str
    skeleton: Skeleton | str
    input_size: tuple[int, int]
    network: dict[str, Any]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    augmentation: Augmentation
    learning_rate: float
    epochs: int
    batch_size: int
    target: dict[str, Any] = dataclasses.field(
        default_factory=lambda: {"codec": "integral"}
    )
    synthesis: dict[str, Any] = dataclasses.field(
        default_factory=lambda: {"errors": "posefix"}
    )
    crop: dict[str, Any] = dataclasses.field(default_factory=dict)
    objective: dict[str, Any] = dataclasses.field(default_factory=dict)
    testing: dict[str, Any] = dataclasses.field(default_factory=dict)
    heatmap_error: str = "cross_entropy"
    optimizer: str = "adamw"
    schedule: str = "cosine"
    warm_up: float = 0.0
    learning_rate_drops: tuple[float, ...] = ()
    learning_rates: tuple[float, ...] = ()
    learning_rate_factors: dict[str, float] = dataclasses.field(default_factory=dict)
    freeze_normalization: bool = False
    validation_people: int = 500
    heatmap_loss: float = 1.0
    stage_loss: float = 1.0
    coordinate_loss: float = 1.0
    weight_decay: float = 0.0
    decay: str = DECAYS[0]
    start: dict[str, float | str] = dataclasses.field(default_factory=dict)
    largest_gradient: float = 0.0
    average: float = 0.0
    seed: int = 0

    def __post_init__(self):
        if not isinstance(self.skeleton, Skeleton):
            object.__setattr__(self, "skeleton", _skeleton(self.skeleton))
        rules = {
            "input_size": (len(self.input_size) == 2, "a height and a width"),
            "target": (self.target.get("codec") in CODECS, f"a 'codec' of {CODECS}"),
            "synthesis": (
                self.synthesis.get("errors") in SYNTHESES,
                f"an 'errors' of {SYNTHESES}",
            ),
            "heatmap_error": (
                self.heatmap_error in HEATMAP_ERRORS,
                f"one of {HEATMAP_ERRORS}",
            ),
            "optimizer": (self.optimizer in OPTIMIZERS, f"one of {OPTIMIZERS}"),
            "decay": (self.decay in DECAYS, f"one of {DECAYS}"),
            "start": (
                all(map(_is_start, self.start.values())),
                f"positive numbers or some of {STARTS}",
            ),
            "schedule": (self.schedule in SCHEDULES, f"one of {SCHEDULES}"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
            "epochs": (self.epochs >= 1, "at least 1"),
            "learning_rate": (self.learning_rate > 0, "a positive number"),
            "learning_rates": (
                len(self.learning_rates) in (0, len(self.learning_rate_drops)),
                "one for each of learning_rate_drops",
            ),
            "learning_rate_factors": (
                all(map(_is_positive, self.learning_rate_factors.values()))
                and (self.decay == "loss" or not self.learning_rate_factors),
                "positive numbers, with the decay 'loss'",
            ),
            "average": (0 <= self.average < 1, "a number in [0, 1)"),
            "warm_up": (0 <= self.warm_up < 1, "a number in [0, 1)"),
            "largest_gradient": (self.largest_gradient >= 0, "0 or more"),
        }
        for name, (holds, expected) in rules.items():
            if not holds:
                found = getattr(self, name)
                raise ConfigError(f"{name}: expected {expected}, found {found!r}")
        if self.synthesis["errors"] == "posefix":
            Options.of(self.synthesis)
        for section, known in CHECKED.items():
            for name, value in getattr(self, section).items():
                if name not in known:
                    raise ConfigError(
                        f"{section}: expected some of {list(known)}, found {name!r}"
                    )
                holds, expected, _ = known[name]
                if not holds(value):
                    raise ConfigError(f"{name}: expected {expected}, found {value!r}")

    def to_json(self) -> dict:
        """JSON-ready data; the inverse of ``from_json``.

        Writes a built-in skeleton as its name, a user's own in full.
        """
        built_in = skeletons.SKELETONS.get(self.skeleton.name) == self.skeleton
        data = dataclasses.asdict(dataclasses.replace(self, skeleton=skeletons.LSP14))
        data["skeleton"] = self.skeleton.name if built_in else self.skeleton.to_json()
        return json.loads(json.dumps(data))

    @classmethod
    def from_json(cls, data: dict) -> Config:
        """Rebuilds a config that ``to_json`` wrote, even in an earlier version.

        Raises:
            ConfigError: a key is missing or unknown, or a value is invalid.
        """
        try:
            data = _of_today(_frozen(data))
            if isinstance(data["skeleton"], dict):
                data["skeleton"] = Skeleton.from_json(data["skeleton"])
            data["augmentation"] = Augmentation(**data["augmentation"])
            return cls(**data)
        except ConfigError:
            raise
        except (
            KeyError,
            TypeError,
            AttributeError,
            ValueError,
            ArithmeticError,
        ) as error:
            raise ConfigError(f"not a training configuration: {error}") from error


def _is_start(value) -> bool:
    return value in STARTS or _is_positive(value)


def _is_positive(value) -> bool:
    return isinstance(value, int | float) and value > 0


def _skeleton(name_or_file) -> Skeleton:
    try:
        return find_skeleton(name_or_file)
    except TfposeError as error:
        raise ConfigError(str(error)) from error


def _of_today(data: dict) -> dict:
    """Renames the settings of ``RENAMED``; keeps the rest."""
    renamed = dict(data)
    for old, new in RENAMED.items():
        if old not in data:
            continue
        section, _, name = new.rpartition(".")
        value = renamed.pop(old)
        if section:
            renamed[section] = {**renamed.get(section, {}), name: value}
        else:
            renamed[name] = value
    colors = dict(data["augmentation"])
    if "colour" in colors:
        colors["color"] = colors.pop("colour")
    return {**renamed, "augmentation": colors}


def load(path: str | os.PathLike) -> Config:
    """Reads the ``config.json`` next to a model's weights.

    Raises:
        ConfigError: no such file, not JSON, or not a configuration.
    """
    try:
        return Config.from_json(read_json(path))
    except FileError as error:
        raise ConfigError(str(error)) from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def override(config: Config, settings: list[str]) -> Config:
    """Applies ``key=value`` settings from the command line.

    A key is a field of ``Config``, ``network.x`` (also for the other sections) or
    ``augmentation.x``, or just x if no field has that name. Values take the type of
    what they replace: 256x192 for a size, a,b for a list, a:1,b:2 for a table.

    Raises:
        ConfigError: an unknown key (lists the valid ones), or a value that does not
            fit.
    """
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: expected key=value")
        config = _set(config, key.strip(), text.strip())
    return config


def _set(config: Config, key: str, text: str) -> Config:
    own = flatten(config)
    values = {**own, **_absent(config), **own}  # own settings are listed first
    key = RENAMED.get(key, key)
    called = [name for name in values if name.rpartition(".")[2] == key]
    if key in values:
        called = [key]
    if not called:
        near = difflib.get_close_matches(key, [n.rpartition(".")[2] for n in values])
        raise ConfigError(
            f"--set {key}: no such setting, expected one of {[*near, *values]}"
        )
    if len(called) > 1:
        raise ConfigError(
            f"--set {key}: expected one of {called}, which share the name"
        )
    (name,) = called
    value = _parse(text, values[name], key)
    section, _, field = name.rpartition(".")
    if section in SECTIONS:
        changed = {**getattr(config, section), field: value}
        return dataclasses.replace(config, **{section: changed})
    if section == "augmentation":
        changed = dataclasses.replace(config.augmentation, **{field: value})
        return dataclasses.replace(config, augmentation=changed)
    return dataclasses.replace(config, **{name: value})


def _absent(config: Config) -> dict[str, Any]:
    """Optional settings and their defaults."""
    sections = {
        section: {name: default for name, (_, _, default) in known.items()}
        for section, known in CHECKED.items()
    }
    if config.synthesis["errors"] == "posefix":
        sections["synthesis"] = dataclasses.asdict(Options())
    return {
        f"{s}.{name}": value for s in sections for name, value in sections[s].items()
    }


def flatten(config: Config) -> dict[str, Any]:
    """All settings by their full names: {"epochs": ..., "network.trunk": ...}."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name == "augmentation":
            value = dataclasses.asdict(value)
        if field.name == "skeleton":
            value = value.name
        if isinstance(value, dict):
            flat.update({f"{field.name}.{k}": v for k, v in value.items()})
        else:
            flat[field.name] = value
    return flat


def _parse(text: str, current: Any, key: str) -> Any:
    try:
        if isinstance(current, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(current, tuple):
            items = text.lower().split("x") if key.endswith("size") else text.split(",")
            kind = type(current[0]) if current else _number
            return tuple(kind(item) for item in items if item)
        if isinstance(current, dict):
            pairs = [item.split(":") for item in text.split(",") if item]
            return {name: float(value) for name, value in pairs}
        return type(current)(text)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"--set {key}={text}: expected a value like {current!r}"
        ) from error


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value


def _frozen(value):
    """Turns JSON's lists back into tuples."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
