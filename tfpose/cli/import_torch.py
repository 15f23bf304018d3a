"""``tfpose import-torch``: published PyTorch weights become a model folder."""

from __future__ import annotations

from tfpose.cli import checks
from tfpose.cli.common import option, start_tensorflow, subcommand
from tfpose.errors import TfposeError
from tfpose.io.skeleton_files import find_skeleton
from tfpose.io.weight_files import read_weights
from tfpose.recipes import RECIPES

# The settings of ``--convention``: how each is read.
TEXTS = ("channels", "origin", "decoding")
WHOLE = ("flip_shift", "border")
LISTS = ("mean", "scale")
NUMBERS = ("sigma",)
CONVENTIONS = (*LISTS, *TEXTS, *WHOLE, *NUMBERS)


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "import-torch",
        "makes a model folder of a published PyTorch checkpoint",
        "Reads .pth, .pth.tar, .safetensors and .npz files of SimpleBaseline, HRNet, "
        "stacked hourglasses (pytorch-pose, Newell's) and Associative Embedding, from "
        "their authors' code or MMPose's, without PyTorch and without running what a "
        "file holds. What that code does with photos and heatmaps goes into "
        "OUT/config.json; every command then treats the model as its authors do.",
        "tfpose import-torch pose_hrnet_w32_256x192.pth --model hrnet --out hrnet_w32",
    )
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="the file")
    text = "hrnet, simple_baseline, hourglass or associative_embedding"
    option(command, "--model", "NAME", text, required=True)
    option(command, "--out", "DIR", "model folder to write", required=True)
    text = "joints of the model: a built-in skeleton or a JSON file (default: coco17 "
    text += "for 17 joints, mpii16 for 16)"
    option(command, "--skeleton", "NAME|FILE", text)
    text = "size of the crops it was trained on (default: 256x192; 256x256 for MPII "
    text += "and hourglasses; 512x512 for associative_embedding)"
    option(command, "--input-size", "HxW", text)
    command.add_argument(
        "--convention",
        dest="conventions",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"where the checkpoint differs from its code: {', '.join(CONVENTIONS)}, "
        "such as channels=rgb or mean=113,110,104; may be repeated",
    )


def run(checkpoint, model, out, skeleton, input_size, conventions) -> None:
    """Writes the model folder ``out``."""
    size, settings = parsed_size(input_size), parsed(conventions)
    if model not in RECIPES:
        raise TfposeError(f"--model {model}: expected one of {', '.join(RECIPES)}")
    if skeleton is not None:
        find_skeleton(skeleton)
    checks.new_run(out)
    # A bad file is refused before TensorFlow starts.
    read_weights(checkpoint)
    start_tensorflow()
    from tfpose.models.table import MODELS

    imported = MODELS[model].from_torch(
        checkpoint, skeleton=skeleton, input_size=size, conventions=settings
    )
    imported.save_to_preset(out)
    config = imported.recipe
    height, width = config.input_size
    print(
        f"wrote {out}: {model} with {imported.count_params():,} parameters for the "
        f"{len(config.skeleton)} joints of {config.skeleton.name}, {height}x{width}"
    )
    print(
        ", ".join(f"{k} {_shown(v)}" for k, v in config.network["conventions"].items())
    )


def _shown(value) -> str:
    if isinstance(value, tuple):
        return "/".join(f"{one:g}" for one in value)
    return str(value)


def parsed_size(text: str | None) -> tuple[int, int] | None:
    """(height, width) of "256x192"."""
    if text is None:
        return None
    try:
        height, width = map(int, text.lower().split("x"))
    except ValueError as error:
        raise TfposeError(
            f"--input-size {text}: expected HEIGHTxWIDTH, such as 256x192"
        ) from error
    return height, width


def parsed(settings: list[str]) -> dict:
    """The settings of ``Conventions`` in texts such as "channels=rgb"."""
    found = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if key not in CONVENTIONS or not equals:
            raise TfposeError(
                f"--convention {setting}: expected KEY=VALUE with one of {CONVENTIONS}"
            )
        try:
            found[key] = _value(key, text)
        except ValueError as error:
            kind = "three numbers a,b,c" if key in LISTS else "a number"
            raise TfposeError(f"--convention {setting}: expected {kind}") from error
    return found


def _value(key: str, text: str):
    if key in LISTS:
        return tuple(float(one) for one in text.split(","))
    if key in TEXTS:
        return text
    return int(text) if key in WHOLE else float(text)
