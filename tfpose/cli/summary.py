"""``tfpose summary``: prints a model's size."""

from __future__ import annotations

from tfpose import config
from tfpose.cli import checks
from tfpose.cli.common import (
    json_option,
    recipe_option,
    set_option,
    start_tensorflow,
    subcommand,
    write_numbers,
)
from tfpose.recipes import find_recipe


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "summary",
        "prints a model's size",
        "Parameters, multiply-adds, and the shapes of inputs and outputs.",
        "tfpose summary posefix --set trunk=resnet50 --set input_size=256x192",
    )
    command.add_argument("model", metavar="MODEL", help="see tfpose models")
    recipe_option(command, "paper")
    set_option(command, "changes the recipe, e.g. trunk=resnet101")
    json_option(command)


def run(model, recipe, settings, json) -> None:
    """Prints a model's parameters, multiply-adds and shapes."""
    chosen = config.override(find_recipe(model, recipe), list(settings))
    checks.given(json=json)
    start_tensorflow()
    numbers = sizes(chosen)
    for key, value in numbers.items():
        label = key.replace("_", " ")
        if isinstance(value, dict):
            for name, shape in value.items():
                print(f"{label:<26}{name} {'x'.join(map(str, shape))}")
        else:
            print(f"{label:<26}{value:,}" if key != "model" else f"{label:<26}{value}")
    write_numbers(json, numbers)


def sizes(config) -> dict:
    """The counts of ``summarize`` for a configuration's model."""
    from tfpose.models.summary import summarize, without_weights
    from tfpose.models.table import build_model

    with without_weights():
        return summarize(build_model(config), config.model)
