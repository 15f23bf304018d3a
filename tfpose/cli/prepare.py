"""``tfpose prepare``: writes a data set as TFRecords of people."""

from __future__ import annotations

from data_prep.builders import BUILDERS
from data_prep.prepare import check_request, prepare
from tfpose.cli import checks
from tfpose.cli.common import (
    DATA,
    beam_option,
    json_option,
    option,
    set_option,
    start_tensorflow,
    subcommand,
    write_numbers,
)
from tfpose.errors import TfposeError


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "prepare",
        "writes a data set as TFRecords of people",
        "Prints how many people it wrote and, by reason, how many it left out.",
        "tfpose prepare lsp --source lsp_dataset --out runs/data",
    )
    names = sorted(BUILDERS)
    command.add_argument("name", metavar="NAME", choices=names, help=", ".join(names))
    option(command, "--source", "DIR", "the data set's own folder; none for synthetic")
    option(command, "--out", "DIR", "folder of prepared data sets", default=DATA)
    beam_option(command)
    set_option(command, "an argument of the data set's builder")
    json_option(command)


def run(name, source, out, beam, settings, json) -> None:
    """Writes a data set as TFRecords and prints what it wrote and left out."""
    options = _builder_options(settings)
    check_request(name, source, options)
    checks.beam(beam)
    checks.folder_to_write(out)
    checks.given(json=json)
    start_tensorflow()
    report = prepare(name, source, out, beam, **options)
    print(f"wrote {report['directory']}")
    for split, people in report["written"].items():
        print(f"  {split:<12}{people:>8} people")
    for reason, people in sorted(report["left_out"].items()):
        print(f"  left out    {people:>8} {reason}")
    for path in report["annotations"].values():
        print(f"wrote {path}")
    write_numbers(json, report)


def _builder_options(settings) -> dict:
    options = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise TfposeError(f"--set {setting}: expected key=value")
        options[key] = int(value) if value.isdecimal() else value
    return options
