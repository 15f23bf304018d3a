"""``tfpose fuse``: combines a trained RNet and a trained CNet into one model."""

from __future__ import annotations

from tfpose.cli import checks
from tfpose.cli.common import option, start_tensorflow, subcommand
from tfpose.errors import TrainingError


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "fuse",
        "combines a trained RNet and a trained CNet into one model",
        "Hybrid-Pose: multiplies each heatmap of RNet by all of CNet's and adds them. "
        "The new folder works like that of any model.",
        "tfpose fuse --rnet runs/rnet --cnet runs/cnet --out runs/hybrid",
    )
    for name in ("rnet", "cnet"):
        text = f"folder of a trained {name}"
        option(command, f"--{name}", "DIR", text, required=True)
    option(command, "--out", "DIR", "folder to write", required=True)
    for name, network in (("refinement", "RNet"), ("correction", "CNet")):
        text = f"numbers of {network}'s hourglasses to fuse, from 1 (default: all); "
        text += f"without numbers, leaves {network} out"
        command.add_argument(f"--{name}", metavar="N", nargs="*", type=int, help=text)


def run(rnet, cnet, out, refinement, correction) -> None:
    """Combines a trained RNet and a trained CNet into one model."""
    for kind, folder in (("rnet", rnet), ("cnet", cnet)):
        found = checks.trained(folder).model
        if found != kind:
            raise TrainingError(
                f"--{kind} {folder}: expected a trained {kind}, found {found}"
            )
    checks.new_run(out)
    start_tensorflow()
    from tfpose.training.hybrid_pose import fuse_folders

    fuse_folders(rnet, cnet, out, refinement, correction)
    print(f"wrote {out}")
