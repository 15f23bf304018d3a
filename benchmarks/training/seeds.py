"""Shared by this folder's comparisons: people, a training run per seed, a table."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import sys
from collections.abc import Callable

import numpy as np

from data_prep.prepare import prepare
from tfpose import config
from tfpose.models import folders
from tfpose.recipes import RECIPES
from tfpose.training import fit

SEEDS = 3


def run(main: Callable[[pathlib.Path, int], None], name: str) -> None:
    """Calls ``main`` with the arguments [FOLDER [SEEDS]], or with runs/NAME and 3."""
    given = sys.argv[1:]
    folder = given[0] if given else f"runs/{name}"
    main(pathlib.Path(folder), int(given[1]) if len(given) > 1 else SEEDS)


def render_people(folder: pathlib.Path, people: dict) -> str:
    """Prepares rendered people below ``folder``, unless it has them.

    ``people``: arguments of ``data_prep.synthetic.Synthetic``.
    """
    data = folder / "data"
    # This file is written last.
    if not (data / "synthetic" / "annotations_validation.json").exists():
        prepare("synthetic", None, str(data), **people)
    return str(data)


def train(
    run: pathlib.Path, model: str, data: str, settings: dict, weights=None
) -> pathlib.Path:
    """Trains a model's recipe ``tiny`` with some settings, unless it is done.

    ``weights``: folder of a model to start from; None for random weights.
    """
    if not (run / folders.WEIGHTS).exists():
        lines = [f"{name}={value}" for name, value in settings.items()]
        recipe = config.override(RECIPES[model]["tiny"](), lines)
        resume = (run / folders.CHECKPOINT).exists()
        fit.train(recipe, data, str(run), resume=resume, weights=weights)
    return run


def print_table(columns, scores: dict[str, list], gain: tuple[str, str]) -> None:
    """Prints each seed's numbers, their mean and their spread.

    The spread is the sample standard deviation, with n - 1 in the denominator; a single
    seed has none.

    Args:
        columns: names of the columns.
        scores: name -> one row per seed, with a number per column.
        gain: the two names to compare, the rival first.
    """
    scores = {name: np.array(rows) for name, rows in scores.items()}
    rival, ours = gain
    scores["gain"] = scores[ours] - scores[rival]
    print(" " * 28 + "".join(f"{column:>12}" for column in columns))
    for name, rows in scores.items():
        lines = {f"seed {seed}": row for seed, row in enumerate(rows, start=1)}
        lines["mean"] = rows.mean(axis=0)
        if len(rows) > 1:
            lines["spread"] = rows.std(axis=0, ddof=1)
        for label, row in lines.items():
            numbers = "".join(f"{number:12.2f}" for number in row)
            print(f"{name} {label}".ljust(28) + numbers)
