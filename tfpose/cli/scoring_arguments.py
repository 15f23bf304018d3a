"""The command line of scoring poses: what each subcommand takes, and its help."""

from __future__ import annotations

from tfpose.options import DATA, json_option, option, poses_option, subcommand, switch

METRICS = ("pck", "pckh", "auc", "pcp", "oks", "mpii", "posetrack", "mota")
AVERAGINGS = ("joints", "labelled", "pooled")
# Those that compare takes.
COMPARED = ("pck", "pckh", "auc", "pcp", "oks")


def add(commands) -> None:
    """Adds the subcommands."""
    _evaluate(commands)
    _analyze(commands)
    _compare(commands)
    _report(commands)


def _annotations(command, required: bool = True) -> None:
    text = "COCO annotations JSON; categories[0].keypoints names the joints"
    option(command, "--annotations", "FILE", text, required=required)


def _before(command, required: bool) -> None:
    text = "the same people's poses before refinement: shows before -> after"
    option(command, "--before", "FILE", text, required=required)


def _evaluate(commands) -> None:
    command = subcommand(
        commands,
        "evaluate",
        "scores poses against annotations, or a model",
        "With --before it scores both sets of poses and prints the gain. With "
        "--model_dir it scores a model on prepared validation people: an estimator "
        "from their boxes, a refiner on corrupted poses before and after.",
        "tfpose evaluate --poses refined.json --before poses.json "
        "--annotations truth.json --metric pck",
    )
    poses_option(command, required=False)
    _annotations(command, required=False)
    _before(command, required=False)
    option(command, "--model_dir", "DIR", "folder that train wrote")
    option(command, "--data", "DIR", "folder of prepared data sets", default=DATA)
    text = "pck, pckh, auc, pcp: joints and sticks of one pose a person; oks: COCO's "
    text += "average precision; mpii, posetrack: mean average precision of several "
    text += "people's joints; mota: of tracked people"
    option(command, "--metric", "NAME", text, choices=METRICS, default="oks")
    text = "in torso lengths for pck (0.2), in head sizes for pckh (0.5), in stick "
    text += "lengths for pcp (0.5); end of the curve for auc (0.5); in head sizes for "
    text += "mpii, posetrack and mota (0.5)"
    option(command, "--threshold", "X", text, type=float)
    text = "length of pck: torso, the skeleton's segment, or torso_box, the longer "
    text += "side of the box of shoulders and hips"
    option(command, "--normaliser", "NAME", text, choices=("torso", "torso_box"),
            default="torso")  # fmt: skip
    text = "whose left is left, the person's or the observer's"
    option(command, "--viewpoint", "NAME", text, choices=("person", "observer"),
            default="person")  # fmt: skip
    text = "pcp asks for the mean error of a stick's ends instead of that of each end"
    switch(command, "--average", text)
    text = "mean of pckh and auc: joints all alike and < (pytorch-pose), joints "
    text += "weighted by what is labelled (HRNet), or pooled with a head of neck and "
    text += "head top (MPII)"
    option(command, "--mean", "NAME", text, dest="averaging", choices=AVERAGINGS,
            default="joints")  # fmt: skip
    text = "mota counts the last frame of each video too, unlike PoseTrack's tool"
    switch(command, "--every_frame", text)
    text = "draw the curves of pck, pckh or pcp over thresholds from 0 to 0.5"
    option(command, "--curve", "FILE.svg", text)
    text = "with --model_dir: a line for each of an estimator's heatmaps"
    switch(command, "--every_map", text)
    text = "with --model_dir: read an estimator's Gaussian heatmaps by DARK"
    switch(command, "--dark", text)
    json_option(command)


def _analyze(commands) -> None:
    command = subcommand(
        commands,
        "analyze",
        "says which kinds of mistakes poses make",
        "Shares of good joints, jitter, inversions, swaps and misses, joint by joint.",
        "tfpose analyze --poses poses.json --annotations truth.json "
        "--picture errors.svg",
    )
    poses_option(command)
    _annotations(command)
    _before(command, required=False)
    option(command, "--picture", "FILE.svg", "draw the shares of each joint as bars")
    text = "average precision if misses, then swaps, inversions and jitter are undone"
    switch(command, "--gains", text)
    json_option(command)


def _compare(commands) -> None:
    command = subcommand(
        commands,
        "compare",
        "says what each of several refiners changed",
        "Scores the same people's poses before and after each refiner, joint by joint "
        "and by kinds of mistakes; each change comes with an interval that tells how "
        "far it could be chance. --out shows the people who gained and lost most, too.",
        "tfpose compare --annotations truth.json --poses poses.json "
        "--refined posefix=refined.json --images photos --out report.html",
    )
    poses_option(command)
    _annotations(command)
    text = "the same poses after a refiner; the file's name if NAME is left out"
    command.add_argument(
        "--refined", metavar="NAME=FILE", nargs="+", required=True, help=text
    )
    text = f"{', '.join(COMPARED)}; also pck@0.1 for another threshold (all that the "
    text += "annotations allow)"
    command.add_argument("--metric", metavar="NAME", nargs="+", help=text)
    _page(command, required=False)
    json_option(command)


def _report(commands) -> None:
    command = subcommand(
        commands,
        "report",
        "writes an HTML report of an estimator's poses",
        "One file with numbers, curves and pictures, with --model also how the joints "
        "that are difficult were found. For refined poses see tfpose compare.",
        "tfpose report --model hcrn_tiny_lsp --poses poses.json "
        "--annotations truth.json --images photos --out report.html",
    )
    poses_option(command)
    _annotations(command)
    text = "the HCRN that estimated the poses: shows its heatmaps joint by joint"
    option(command, "--model", "NAME|DIR", text)
    _page(command, required=True)


def _page(command, required: bool) -> None:
    """The options of an HTML report."""
    option(command, "--images", "DIR", "folder of the photos", required=required)
    option(command, "--out", "FILE.html", "the report", required=required)
    option(command, "--title", "TEXT", "heading of the page")
    option(command, "--log", "FILE.csv", "log.csv of the training run, for its curves")
