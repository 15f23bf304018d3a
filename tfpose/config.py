"""What a training run is: a frozen ``Config`` from a recipe, changed by ``--set``."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

from tfpose.codecs import CODECS
from tfpose.data.augment import Augmentation
from tfpose.data.examples import SYNTHESES
from tfpose.losses import OFFSET_ERRORS

SCHEDULES = ("cosine", "steps")
OPTIMIZERS = ("adamw", "sgd", "rmsprop")
ERRORS = ("cross_entropy", "squared")
# Sections of settings that have names of their own.
SECTIONS = ("network", "target", "synthesis")


class ConfigError(ValueError):
    """A configuration that cannot be used; the message says what was expected."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that decides a training run, visible in one place.

    Raises:
        ConfigError: a value that no run can have.

    Attributes:
        model: name of the model, a key of ``tfpose.models.MODELS``.
        skeleton: name of a built-in skeleton or path of a skeleton's JSON file.
        input_size: (height, width) of the crops in px.
        network: further arguments of the model's class.
        train: prepared splits to train on, such as "lsp/train" (TFDS slices).
        validation: prepared splits the validation metric is measured on.
        validation_people: at most so many of them.
        augmentation: random changes of the training crops.
        target: "codec", a key of ``tfpose.codecs.CODECS``, and its arguments.
        synthesis: of a refiner's input poses, "errors", a key of
            ``tfpose.data.examples.SYNTHESES``, and its arguments.
        person_height: px that a standing person has in a crop (PoseRefiner); 0: a
            person's box fills the crop but for its margin.
        whole_window: training crops show all of a record's window, not only the person.
            For models that find everybody, with windows that are whole photos (``tfpose
            prepare NAME --set window=100``).
        error: of the heatmaps, "cross_entropy" or "squared".
        heatmap_loss: weight of the loss on the heatmaps (PoseFix L_H).
        stage_loss: weight of the loss on the maps of each stage before the last.
        coordinate_loss: weight of the loss on the coordinates (PoseFix L_C).
        tag_loss: weight of the loss on tags (Associative Embedding).
        offset_loss: weight of the loss on offsets (PoseRefiner).
        offset_error: "squared" or "huber".
        hard_joints: of each person only so many joints, those with the largest loss,
            count in the last heatmaps (CPN's online hard keypoint mining); 0: all.
        batch_size: people a step, over all devices.
        epochs: passes over the training people.
        optimizer: "adamw", "sgd" with a momentum of 0.9, or "rmsprop".
        learning_rate: at the beginning.
        schedule: "cosine", from ``learning_rate`` to 0, or "steps", another one at
            each of ``learning_rate_drops``.
        learning_rate_drops: epochs, for "steps"; may be fractions.
        learning_rates: what the rate becomes at each drop; a tenth of the one before
            if left out.
        freeze_normalisation: leave the batch normalisations of the start weights as
            they are, for batches of few photos.
        weight_decay: decoupled, of all kernels.
        average: decay of the running average of the weights, which is what is
            validated and saved; 0 turns it off.
        seed: of everything random.
    """

    model: str
    skeleton: str
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
    person_height: float = 0.0
    whole_window: bool = False
    error: str = "cross_entropy"
    optimizer: str = "adamw"
    schedule: str = "cosine"
    learning_rate_drops: tuple[float, ...] = ()
    learning_rates: tuple[float, ...] = ()
    freeze_normalisation: bool = False
    validation_people: int = 500
    heatmap_loss: float = 1.0
    stage_loss: float = 1.0
    coordinate_loss: float = 1.0
    tag_loss: float = 1e-3
    offset_loss: float = 0.05
    offset_error: str = "squared"
    hard_joints: int = 0
    weight_decay: float = 0.0
    average: float = 0.0
    seed: int = 0

    def __post_init__(self):
        rules = {
            "input_size": (len(self.input_size) == 2, "a height and a width"),
            "target": (
                self.target.get("codec") in CODECS,
                f"a 'codec' of {tuple(CODECS)}",
            ),
            "error": (self.error in ERRORS, f"one of {ERRORS}"),
            "optimizer": (self.optimizer in OPTIMIZERS, f"one of {OPTIMIZERS}"),
            "schedule": (self.schedule in SCHEDULES, f"one of {SCHEDULES}"),
            "hard_joints": (self.hard_joints >= 0, "0 or more"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
            "epochs": (self.epochs >= 1, "at least 1"),
            "learning_rate": (self.learning_rate > 0, "a positive number"),
            "learning_rates": (
                len(self.learning_rates) in (0, len(self.learning_rate_drops)),
                "one for each of learning_rate_drops",
            ),
            "synthesis": (
                self.synthesis.get("errors") in SYNTHESES,
                f"an 'errors' of {tuple(SYNTHESES)}",
            ),
            "person_height": (self.person_height >= 0, "0 or more px"),
            "offset_error": (
                self.offset_error in OFFSET_ERRORS,
                f"one of {OFFSET_ERRORS}",
            ),
            "average": (0 <= self.average < 1, "a number in [0, 1)"),
        }
        for name, (holds, expected) in rules.items():
            if not holds:
                found = getattr(self, name)
                raise ConfigError(f"{name}: expected {expected}, found {found!r}")

    def to_json(self) -> dict:
        """JSON-ready data, the inverse of ``from_json``."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, data: dict) -> Config:
        """Rebuilds a config that ``to_json`` wrote.

        Raises:
            ConfigError: a key is missing or unknown, or a value out of range.
        """
        try:
            data = _frozen(data)
            data["augmentation"] = Augmentation(**data["augmentation"])
            return cls(**data)
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"not a training configuration: {error}") from error


def load(path: pathlib.Path) -> Config:
    """Reads the ``config.json`` beside a model's weights.

    Raises:
        ConfigError: no such file, not JSON, or not a configuration.
    """
    try:
        return Config.from_json(json.loads(path.read_text()))
    except (OSError, json.JSONDecodeError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from error


def override(config: Config, settings: list[str]) -> Config:
    """Applies ``key=value`` settings of a command line.

    A key is a field of ``Config``, ``network.x``, ``target.x`` or ``augmentation.x``,
    or just x where no field has that name. Values take the type of what they replace;
    sizes are written 256x192, lists with commas.

    Raises:
        ConfigError: an unknown key (the valid ones are listed) or a value that does
            not fit.
    """
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: expected key=value")
        config = _set(config, key.strip(), text.strip())
    return config


def _set(config: Config, key: str, text: str) -> Config:
    values = flatten(config)
    called = [name for name in values if name.rpartition(".")[2] == key]
    if key in values:
        called = [key]
    if not called:
        raise ConfigError(
            f"--set {key}: no such setting, expected one of {list(values)}"
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


def flatten(config: Config) -> dict[str, Any]:
    """All settings by their full names: {"epochs": ..., "network.trunk": ...}."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name == "augmentation":
            value = dataclasses.asdict(value)
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
        return type(current)(text)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"--set {key}={text}: expected a value like {current!r}"
        ) from error


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value


def _frozen(value):
    """JSON's lists as the tuples they were."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
