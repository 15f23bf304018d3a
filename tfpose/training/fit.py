"""Trains a model on prepared people and writes a folder with its weights."""

from __future__ import annotations

import contextlib
import functools
import pathlib

import keras
import tensorflow as tf

from tfpose.config import IMAGENET, Config
from tfpose.data import pipeline, shards
from tfpose.data.examples import supervision_of, training_batches
from tfpose.errors import TrainingError
from tfpose.io import weight_files
from tfpose.models import folders, imagenet, transfer
from tfpose.models.base import PoseModel
from tfpose.models.folders import CHECKPOINT
from tfpose.models.objectives import Schedule, accelerators, compile_model
from tfpose.models.published import trunks
from tfpose.models.start import new_model
from tfpose.models.table import build_model, load_model
from tfpose.training import cluster
from tfpose.training.callbacks import (
    Checkpoint,
    EndOfRun,
    Log,
    StopOnNaN,
    ValidatePCK,
    noting_sigterm,
)

# Validates, logs and saves a checkpoint after at most this many steps.
STEPS_A_ROUND = 500
QUICK_STEPS = 4


def start_from(model: keras.Model, config: Config, weights: str) -> None:
    """Starts a new model from the weights of a model folder or of ImageNet.

    For "imagenet", the trunk gets the weights that Keras downloads, and for a file of
    torchvision's, timm's, or HRNet's weights those. A model folder gives the same
    network all its weights, at any input size, and another network those of layers with
    the same names and shapes, joint by joint (``models.transfer``).

    Raises:
        ConfigError, TrainingError: no such model folder, or no layer in common.
        ImageNetError: no download, or a trunk that has no such weights.
        FileError: a file that cannot be read.
    """
    if weights == IMAGENET:
        imagenet.load(model, _trunk(config))
        model.start_pose_filters()
        return
    if str(weights).endswith(weight_files.SUFFIXES):
        trunk = "hrnet" if config.model == "hrnet" else _trunk(config)
        trunks.load(model, trunk, weights)
        model.start_pose_filters()
        return
    folder = folders.model_folder(weights)
    before = folders.load_config(folder)
    same = (before.model, before.network) == (config.model, config.network)
    if same and before.skeleton == config.skeleton:
        folders.load_weights(model, folder)
        return
    other, _ = load_model(folder)
    there = transfer.weights_by_layer(other, model.conventions)
    left = transfer.take_over(model, config.skeleton, there, before.skeleton)
    layers = sum(bool(layer.weights) for layer in model.layers)
    if len(left) == layers:
        raise TrainingError(f"{folder}: expected layers of {config.model}, found none")
    print(f"{layers - len(left)} layers of {config.model} start from {weights}")


def _trunk(config: Config) -> str | None:
    """The name of the network's trunk, if it has one of a known name."""
    return config.network.get("front_end") or config.network.get("trunk")


def train(
    config: Config,
    data: str,
    model_dir: str,
    resume: bool = False,
    quicktest: bool = False,
    weights: str | None = None,
) -> PoseModel:
    """Trains a model and writes its folder.

    With ``TF_CONFIG`` in the environment, this process is one of several workers
    (``tfpose.training.cluster``). They train on the same batches as one process, each
    on its own rows, and only the chief writes. Normalizations, unless frozen, see a
    worker's rows, not the joint batch; the chief's statistics are kept.

    Args:
        config: what to train.
        data: folder of prepared data sets.
        model_dir: folder to write; must be new, or hold the run to resume.
        resume: continue from the checkpoint, at its step and with the same data order.
        quicktest: run only a few steps, to check that everything works.
        weights: preset, model folder, "imagenet" or file to start from
            (``start_from``).

    SIGTERM ends the run after its current step, with a checkpoint of that step.

    Raises:
        TrainingError, ModelFolderError, ConfigError, DataError, ClusterError: one
            clear line.
        FileError: another process trains into the folder, or the disk is full.
    """
    folder = pathlib.Path(model_dir)
    with contextlib.ExitStack() as stack:
        if cluster.place().is_chief:
            stack.enter_context(folders.writing(folder, resume))
        splits = (*config.train, *config.validation)
        stack.enter_context(shards.naming_bad_records(data, splits))
        return _train(config, data, folder, resume, quicktest, weights)


def _train(
    config: Config,
    data: str,
    folder: pathlib.Path,
    resume: bool,
    quicktest: bool,
    weights: str | None,
) -> PoseModel:
    place = cluster.place()
    rows = place.rows(config.batch_size) if place.workers > 1 else None
    strategy = _strategy()  # before TensorFlow does anything else
    records, count = pipeline.read_records(data, config.train, config.skeleton)
    schedule = _schedule(config, count, quicktest)
    keras.utils.set_random_seed(config.seed)
    with cluster.naming_lost_workers(), strategy.scope():
        if resume:
            model = load_checkpoint(folder, config, schedule)
        else:
            model = new_model(config)
            if weights:
                start_from(model, config, weights)
            compile_model(model, config, schedule)
    first_step = int(model.optimizer.iterations.numpy())
    bare = build_model(config)  # predicts outside the strategy
    supervision = supervision_of(model, config)
    crops = pipeline.CropSpec.of(config, supervision.all_people)
    people = pipeline.shuffled_people(
        records, count, crops, config.batch_size, config.seed, first_step, rows
    )
    batches = training_batches(people, supervision, config.seed, first_step, rows)
    callbacks = [StopOnNaN(people, first_step)]
    checkpoint = Checkpoint(folder) if place.is_chief else None
    if place.is_chief:
        validation = ValidatePCK(config, supervision, data, quicktest, bare)
        callbacks += [validation, Log(folder), checkpoint, *_boards(folder)]
        if not resume:
            folders.begin(folder, config)
        print(first_line(config, count, schedule, first_step), flush=True)
    fit = functools.partial(cluster.fit, model)
    if place.workers == 1:
        with strategy.scope():
            _create_variables(model, batches)
        fit = functools.partial(model.fit, shuffle=False)
    with (
        cluster.naming_lost_workers(),
        noting_sigterm() as sigterms,
    ):
        steps = schedule.rounds * schedule.steps
        callbacks.append(EndOfRun(steps, first_step, sigterms, checkpoint))
        fit(
            batches,
            epochs=schedule.rounds,
            steps_per_epoch=schedule.steps,
            initial_epoch=first_step // schedule.steps,
            callbacks=callbacks,
        )
    if place.is_chief:
        folders.write_weights(model, folder)
    return model


def first_line(config: Config, people: int, schedule: Schedule, step: int) -> str:
    """What a run will do, to print before its first step.

    Args:
        config: the run's.
        people: to train on.
        schedule: the run's.
        step: the step that it begins with, 0 unless it is resumed.
    """
    total = schedule.rounds * schedule.steps
    begin = f" from step {step}" if step else ""
    return (
        f"training {config.model} on {people} people{begin}: {total} steps of "
        f"{config.batch_size} people in {schedule.rounds} rounds, each followed by a "
        "validation and a line of log.csv; the first step also builds the graph, which "
        "can take minutes"
    )


def _create_variables(model: PoseModel, batches: tf.data.Dataset) -> None:
    """Creates the variables of the optimizer and of the losses.

    Keras would create them in the first step, and TensorFlow traces a function that
    creates variables twice.
    """
    model.optimizer.build(model.trainable_variables)
    _, targets, weights = batches.element_spec
    rows = next(iter(targets.values())).shape[0]

    def zeros(tensor):
        shape = [rows, *(size or 1 for size in tensor.shape[1:])]
        return keras.ops.zeros(shape, keras.backend.standardize_dtype(tensor.dtype))

    targets, weights, found = keras.tree.map_structure(
        zeros, (targets, weights, model.output)
    )
    model.compute_loss(y=targets, y_pred=found, sample_weight=weights)


def _boards(folder: pathlib.Path) -> list[keras.callbacks.Callback]:
    if keras.backend.backend() != "tensorflow":
        return []
    return [keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False)]


def _schedule(config: Config, people: int, quicktest: bool) -> Schedule:
    if people < config.batch_size:
        raise TrainingError(
            f"{people} people to train on: expected at least one batch of "
            f"{config.batch_size} (--set batch_size=...)"
        )
    epoch = people // config.batch_size
    if quicktest:
        return Schedule(1, QUICK_STEPS, epoch)
    total = config.epochs * epoch
    rounds = max(1, -(-total // min(epoch, STEPS_A_ROUND)))
    return Schedule(rounds, total // rounds, epoch)


def _strategy() -> tf.distribute.Strategy:
    """The workers in TF_CONFIG, else all local GPUs, else one device."""
    if cluster.place().workers > 1:
        return cluster.strategy()
    several = keras.backend.backend() == "tensorflow" and len(accelerators()) > 1
    return tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()


def load_checkpoint(
    folder: pathlib.Path, config: Config, schedule: Schedule | None
) -> PoseModel:
    """The model of a run's checkpoint, compiled, with its optimizer's variables.

    Raises:
        TrainingError: no checkpoint, or that of another run.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise TrainingError(f"{path}: expected a checkpoint to resume, found none")
    before = folders.load_config(folder).to_json()
    different = [k for k, v in config.to_json().items() if before.get(k) != v]
    if different:
        raise TrainingError(
            f"{folder / folders.CONFIG}: the checkpoint is from another run, which "
            f"differs in {', '.join(different)}"
        )
    # Keras' load_model would lose which layers are frozen, and then the optimizer.
    model = build_model(config)
    compile_model(model, config, schedule)
    model.optimizer.build(model.trainable_variables)
    reason = folders.fill(model, path)
    if reason and "saved optimizer has" in reason:
        # On a device, the learning rate is a variable more.
        there, here = ("with", "without") if schedule else ("without", "with")
        raise TrainingError(
            f"{path}: the checkpoint is from a run {there} --on-device, which cannot "
            f"go on {here} it"
        )
    if reason:
        raise TrainingError(f"{path}: not a readable checkpoint ({reason})")
    return model
