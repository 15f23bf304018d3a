"""``tfpose models``: lists the presets, the models and their recipes."""

from __future__ import annotations

from tfpose.cli.common import json_option, start_tensorflow, subcommand, write_numbers
from tfpose.cli.summary import sizes
from tfpose.weights import presets


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "models",
        "lists the presets, the models and their recipes",
        "Also shows each size, which takes about a minute.",
        "tfpose models",
    )
    json_option(command)


def run(json) -> None:
    """Lists the presets, the models and their recipes."""
    trained = presets.names()
    for name in trained:
        print(f"preset: {name}", flush=True)
    start_tensorflow()
    from tfpose.recipes import RECIPES

    recipes = []
    for model, of_model in RECIPES.items():
        for name, recipe in of_model.items():
            numbers = sizes(recipe())
            recipes.append({"recipe": name, **numbers})
            print(
                f"{model} --recipe {name}".ljust(52)
                + f"{numbers['trainable_parameters']:>14,} parameters"
                f"{numbers['multiply_adds'] / 1e9:>10.3f} G multiply-adds",
                flush=True,  # the largest take seconds to build
            )
    write_numbers(json, {"recipes": recipes, "trained": trained})
