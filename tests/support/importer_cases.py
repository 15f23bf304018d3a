"""The table of the data sets that ``prepare`` reads: a row for each importer.

``draw`` writes a tiny data set in its own layout, so that nothing is downloaded.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

from tests.support import drawn_data_sets
from tfpose.skeletons import COCO17, LSP14


@dataclasses.dataclass(frozen=True)
class ImporterCase:
    """A data set that ``prepare`` reads.

    Attributes:
        name: a key of ``data_prep.prepare.BUILDERS``.
        draw: writes a tiny data set into a folder, with a white square at each
            labeled joint; None where people are rendered.
        skeleton: of the records.
        written: split -> people; None where their number is chance.
        left_out: reason -> people, likewise.
        options: of the builder's class.
    """

    name: str
    draw: Callable[[pathlib.Path], Any] | None
    skeleton: Any
    written: dict[str, int | None]
    left_out: dict[str, int] | None
    options: dict = dataclasses.field(default_factory=dict)


IMPORTER_CASES = (
    ImporterCase("lsp", drawn_data_sets.lsp, LSP14, {"train": 3, "test": 2}, {}),
    ImporterCase(
        "lspet", drawn_data_sets.lspet, LSP14, {"train": 3}, {"no labeled joint": 1}
    ),
    ImporterCase(
        "coco",
        drawn_data_sets.coco,
        COCO17,
        {"train": 3, "validation": 2},
        {"crowd": 1, "no labeled joint": 1},
    ),
    ImporterCase(
        "synthetic",
        None,
        COCO17,
        {"train": None, "validation": None},
        None,
        {"photos": 3, "validation_photos": 2, "workers": 1},
    ),
)
