"""``tfpose models``: lists the presets, the models and their recipes."""

from __future__ import annotations

import pathlib

from tfpose import config, recipes
from tfpose.cli import checks
from tfpose.cli.common import (
    json_option,
    start_tensorflow,
    subcommand,
    switch,
    write_numbers,
)
from tfpose.cli.summary import sizes
from tfpose.io.files import read_json
from tfpose.weights import presets

# The numbers of ``--count``, kept because counting takes minutes.
SIZES = pathlib.Path(recipes.__file__).with_name("sizes.json")


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "models",
        "lists the presets, the models and their recipes",
        "Shows what each preset is for, and the size of each recipe's network.",
        "tfpose models",
    )
    text = "build each network and count its size anew, which takes two minutes"
    switch(command, "--count", text)
    json_option(command)


def run(count, json) -> None:
    """Lists the presets, the models and their recipes."""
    checks.given(json=json)
    trained = presets.names()
    for name in trained:
        print(f"preset: {_purpose(name)}", flush=True)
    rows = []
    for row in _counted() if count else read_json(SIZES)["recipes"]:
        rows.append(row)
        print(
            f"{row['model']} --recipe {row['recipe']}".ljust(52)
            + f"{row['trainable_parameters']:>14,} parameters"
            f"{row['multiply_adds'] / 1e9:>10.3f} G multiply-adds",
            flush=True,  # the largest take seconds to build
        )
    write_numbers(json, {"recipes": rows, "trained": trained})


def _purpose(name: str) -> str:
    """A preset's name, kind, joints, and the command that uses it."""
    chosen = config.load(presets.model_folder(name) / presets.CONFIG)
    command = "refine" if chosen.model in config.REFINERS else "predict"
    skeleton = chosen.skeleton
    return (
        f"{name:<28}tfpose {command:<9}{len(skeleton)} joints ({skeleton.name}), "
        f"{chosen.model}"
    )


def _counted():
    """The size of each recipe's network."""
    start_tensorflow()
    for of_model in recipes.RECIPES.values():
        for name, recipe in of_model.items():
            yield {"recipe": name, **sizes(recipe())}
