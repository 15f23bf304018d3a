"""Training: prepared people and a ``Config`` become a folder with weights.

A model folder holds ``config.json`` (the resolved configuration), ``checkpoint.keras``
(model and optimizer), ``log.csv``, ``tensorboard/`` and, when training has ended,
``model.weights.h5``, which is all that refining and exporting need.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import warnings
import zipfile

import keras
import tensorflow as tf

from tfpose import cluster
from tfpose import skeleton as skeletons
from tfpose.callbacks import (
    CHECKPOINT,
    Checkpoint,
    Log,
    StopOnNaN,
    TrainingError,
    ValidatePCK,
)
from tfpose.config import Config, load
from tfpose.data import pipeline
from tfpose.data.examples import training_batches
from tfpose.models import MODELS, imagenet
from tfpose.models.pose_refiner import PoseRefiner
from tfpose.poses import write_json
from tfpose.supervision import losses_of, supervision_of

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
# Validation, log line and checkpoint after at most so many steps.
STEPS_A_ROUND = 500
QUICK_STEPS = 4
IMAGENET = "imagenet"
OPTIMIZERS = {
    "adamw": keras.optimizers.AdamW,
    "sgd": functools.partial(keras.optimizers.SGD, momentum=0.9),
    # Torch's codes of hourglasses: alpha 0.99, epsilon 1e-8, which it adds to the root;
    # Keras adds it inside.
    "rmsprop": functools.partial(keras.optimizers.RMSprop, rho=0.99, epsilon=1e-16),
}


def build_model(config: Config) -> keras.Model:
    """The untrained network of a configuration.

    Raises:
        TrainingError: no such model, or its class refuses the configuration.
    """
    if config.model not in MODELS:
        raise TrainingError(f"model {config.model!r}: expected one of {list(MODELS)}")
    try:
        return MODELS[config.model].for_skeleton(
            skeletons.get(config.skeleton),
            input_size=config.input_size,
            **config.network,
        )
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(f"model {config.model!r}: {reason}") from error


def load_model(model_dir) -> tuple[keras.Model, Config]:
    """The trained network of a model folder.

    Raises:
        ConfigError: no readable ``config.json``.
        TrainingError: no weights, or the weights of another network.
    """
    folder = pathlib.Path(model_dir)
    config = load(folder / CONFIG)
    model = build_model(config)
    load_weights(model, folder)
    return model, config


def load_weights(model: keras.Model, folder: pathlib.Path) -> None:
    """Loads ``model.weights.h5`` of a model folder into a network.

    Raises:
        TrainingError: no weights, or the weights of another network.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise TrainingError(f"{path}: expected trained weights, found no such file")
    reason = _fill(model, path)
    if reason:
        raise TrainingError(
            f"{path}: expected the weights of this {model.name} with "
            f"{model.count_params():,} parameters, found others ({reason})"
        )


def _fill(model: keras.Model, path: pathlib.Path) -> str | None:
    """Loads all that a file holds of a model; says why where that fails."""
    try:
        with warnings.catch_warnings(record=True) as skipped:
            warnings.simplefilter("always", UserWarning)
            model.load_weights(path)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        return str(error).strip().splitlines()[0]
    # What Keras left as it was.
    return str(skipped[0].message).splitlines()[0] if skipped else None


def start_from(model: keras.Model, config: Config, weights: str) -> None:
    """Gives a new model the weights of a model folder or of ImageNet.

    For "imagenet" its trunk gets what Keras downloads. A model folder gives all its
    weights to the same network, of any input size; to another network those of the
    layers that have the same names and shapes. A first convolution that sees more
    channels than the new one, as a refiner's which sees the pose too, gives those of
    the photo.

    Raises:
        ConfigError, TrainingError: no such model folder, or no layer in common.
        ImageNetError: no download, or a trunk that Keras does not have.
    """
    if weights == IMAGENET:
        network = config.network
        imagenet.load(model, network.get("front_end") or network.get("trunk"))
        if isinstance(model, PoseRefiner):
            model.repeat_photo_filters()
        return
    folder = pathlib.Path(weights)
    before = load(folder / CONFIG)
    if (before.model, before.network) == (config.model, config.network):
        load_weights(model, folder)
        return
    other, _ = load_model(folder)
    there = {layer.name: layer.get_weights() for layer in other.layers}
    taken = 0
    for layer in (layer for layer in model.layers if layer.weights):
        given = [_of_photo(layer, weight) for weight in there.get(layer.name, [])]
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if [weight.shape for weight in given] == shapes:
            layer.set_weights(given)
            taken += 1
    if not taken:
        raise TrainingError(f"{folder}: expected layers of {config.model}, found none")
    print(f"{taken} layers of {config.model} start from {folder}")


def _of_photo(layer, weight):
    """Of a first convolution's kernel the photo's channels, which come first."""
    first = isinstance(layer, keras.layers.Conv2D) and layer.kernel.shape[2] == 3
    return weight[:, :, :3] if first and weight.ndim == 4 else weight


def train(
    config: Config,
    data: str,
    model_dir: str,
    resume=False,
    quicktest=False,
    weights=None,
) -> keras.Model:
    """Trains a model and writes its folder.

    With ``TF_CONFIG`` in the environment this process is one of several workers
    (``tfpose.cluster``): they train on the same batches as one process would, each on
    its rows, and only the chief writes. Normalisations, unless frozen, see a worker's
    rows and not the joint batch; the chief's statistics are kept.

    Args:
        config: what to train.
        data: folder of prepared data sets.
        model_dir: folder to write; must be new, or hold the run to resume.
        resume: go on from the checkpoint, at its step and with the same data order.
        quicktest: a few steps only, to see that everything works.
        weights: model folder or "imagenet", to start from (``start_from``).

    Raises:
        TrainingError, ConfigError, DataError, ClusterError: one clear line.
    """
    folder = pathlib.Path(model_dir)
    place = cluster.place()
    together = place.workers > 1
    rows = place.rows(config.batch_size) if together else None
    strategy = _strategy()  # before TensorFlow does anything else
    skeleton = skeletons.get(config.skeleton)
    records, count = pipeline.read_records(data, config.train, skeleton)
    rounds = _rounds(config, count, quicktest)
    # Not 0: a global seed of 0 makes tf.data compare symbolic seeds.
    keras.utils.set_random_seed(config.seed + 1)

    with cluster.naming_lost_workers(), strategy.scope():
        if resume:
            model = _load_checkpoint(folder, config, rounds)
        else:
            model = build_model(config)
            if weights:
                start_from(model, config, weights)
            _compile(model, config, rounds)
    first_step = int(model.optimizer.iterations.numpy())
    bare = build_model(config)

    supervision = supervision_of(model, config)
    augmented = pipeline.Person(
        skeleton,
        config.input_size,
        config.augmentation,
        # PoseRefiner's neighbours are near in px, their boxes need not overlap.
        supervision.everybody or supervision.synthesis["errors"] == "pose_refiner",
        config.person_height,
        config.whole_window,
    )
    people = pipeline.shuffled_people(
        records, count, augmented, config.batch_size, config.seed, first_step, rows
    )
    batches = training_batches(people, supervision, config.seed, first_step, rows)
    callbacks = [StopOnNaN(people, rounds.steps, first_step)]
    if place.is_chief:
        validation = ValidatePCK(config, supervision, data, quicktest, bare)
        callbacks += [validation, *_writers(folder)]
        if not resume:
            _begin(folder, config)
    fit = functools.partial(cluster.fit, model)
    if not together:
        fit = functools.partial(model.fit, shuffle=False)
    with pipeline.naming_damage(data, config.train), cluster.naming_lost_workers():
        fit(
            batches,
            epochs=rounds.count,
            steps_per_epoch=rounds.steps,
            initial_epoch=first_step // rounds.steps,
            callbacks=callbacks,
        )
    if place.is_chief:
        _write_weights(model, bare, folder)
    return model


def _writers(folder: pathlib.Path) -> list[keras.callbacks.Callback]:
    writers = [Log(folder), Checkpoint(folder)]
    if keras.backend.backend() == "tensorflow":
        board = folder / "tensorboard"
        writers.append(keras.callbacks.TensorBoard(board, write_graph=False))
    return writers


@dataclasses.dataclass(frozen=True)
class Rounds:
    """A run cut into rounds: validation, a log line and a checkpoint after each.

    Attributes:
        count: rounds of the whole run.
        steps: of each.
        epoch: steps of a pass over the training people.
    """

    count: int
    steps: int
    epoch: int


def _rounds(config: Config, people: int, quicktest: bool) -> Rounds:
    if people < config.batch_size:
        raise TrainingError(
            f"{people} people to train on: expected at least one batch of "
            f"{config.batch_size} (--set batch_size=...)"
        )
    epoch = people // config.batch_size
    if quicktest:
        return Rounds(1, QUICK_STEPS, epoch)
    total = config.epochs * epoch
    count = max(1, -(-total // min(epoch, STEPS_A_ROUND)))
    return Rounds(count, total // count, epoch)


def _compile(model: keras.Model, config: Config, rounds: Rounds) -> None:
    if config.schedule == "cosine":
        schedule = keras.optimizers.schedules.CosineDecay(
            config.learning_rate, rounds.count * rounds.steps
        )
    else:
        drops = [round(epoch * rounds.epoch) for epoch in config.learning_rate_drops]
        tenths = [config.learning_rate / 10**n for n in range(1, len(drops) + 1)]
        rates = [config.learning_rate, *(config.learning_rates or tenths)]
        schedule = config.learning_rate  # Keras has no schedule without drops
        if drops:
            schedule = keras.optimizers.schedules.PiecewiseConstantDecay(drops, rates)
    if config.freeze_normalisation:
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    optimizer = OPTIMIZERS[config.optimizer](
        schedule,
        weight_decay=config.weight_decay,
        use_ema=config.average > 0,
        ema_momentum=config.average or 0.99,
    )
    of_output, weights = losses_of(model, config)
    model.compile(
        optimizer,
        loss=of_output,
        loss_weights=weights,
        # Measured: XLA halves the speed on a CPU.
        jit_compile=bool(_accelerators()),
    )


def _accelerators() -> list[str]:
    if keras.backend.backend() == "tensorflow":
        return [device.name for device in tf.config.list_logical_devices("GPU")]
    return [d for d in keras.distribution.list_devices() if not d.startswith("cpu")]


def _strategy() -> tf.distribute.Strategy:
    """The workers of TF_CONFIG; else all GPUs here; else one device."""
    if cluster.place().workers > 1:
        return cluster.strategy()
    several = keras.backend.backend() == "tensorflow" and len(_accelerators()) > 1
    return tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()


def _begin(folder: pathlib.Path, config: Config) -> None:
    for name in (CHECKPOINT, WEIGHTS):
        if (folder / name).exists():
            raise TrainingError(
                f"{folder / name}: a run is there already; --resume goes on with it, "
                "another --model_dir starts a new one"
            )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG, config.to_json())


def _load_checkpoint(
    folder: pathlib.Path, config: Config, rounds: Rounds
) -> keras.Model:
    path = folder / CHECKPOINT
    if not path.is_file():
        raise TrainingError(f"{path}: expected a checkpoint to resume, found none")
    before = load(folder / CONFIG).to_json()
    different = [k for k, v in config.to_json().items() if before.get(k) != v]
    if different:
        raise TrainingError(
            f"{folder / CONFIG}: the checkpoint is of another run, it differs in "
            f"{', '.join(different)}"
        )
    # Keras' load_model would forget which layers are frozen, and then the optimizer.
    model = build_model(config)
    _compile(model, config, rounds)
    model.optimizer.build(model.trainable_variables)
    reason = _fill(model, path)
    if reason:
        raise TrainingError(f"{path}: not a readable checkpoint ({reason})")
    return model


def write_model(model: keras.Model, config: Config, folder: pathlib.Path) -> None:
    """Writes a model folder of a model that needs no training.

    Raises:
        TrainingError: there is a model in the folder.
    """
    _begin(folder, config)
    _write_weights(model, build_model(config), folder)


def _write_weights(model: keras.Model, bare, folder: pathlib.Path) -> None:
    # Keras would add the optimizer's variables, several times the weights.
    bare.set_weights(model.get_weights())
    partial = folder / f"partial.{WEIGHTS}"
    bare.save_weights(partial)
    os.replace(partial, folder / WEIGHTS)
