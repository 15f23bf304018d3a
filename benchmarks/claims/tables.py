"""Prints the claims' tables in Markdown, and draws their curves.

The test photos are scored here and nowhere else; what was chosen, was chosen on the
validation people.

Usage: python benchmarks/claims/tables.py [FOLDER [validation]]
Writes the curves into FOLDER/curves.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Sequence

import enhance_net
import features
import frame
import hcrn
import numpy as np
import refiners

from tfpose.io import files
from tfpose.metrics.oks import keypoint_similarity
from tfpose.report import charts
from tfpose.skeletons import LSP14

HARD = frame.joints_of("wrist", "ankle")
ALL = frame.joints_of()


# Arms without which a claim has no table yet.
NEEDED = {"enhance_net": set(enhance_net.ARMS), "hybrid_pose": {"fused"}}
# What the refiners' claim keeps once, not for every seed.
ONCE = ("inputs", "estimated")


class Claim:
    """What a claim's arms found, by arm and seed."""

    def __init__(self, folder: pathlib.Path):
        self.found: dict[str, list[dict]] = {}
        paths = sorted(folder.glob("*_[0-9].npz"), key=lambda path: path.stem)
        for path in paths:
            name = re.sub(r"_\d$", "", path.stem)
            with np.load(path) as file:
                self.found.setdefault(name, []).append(dict(file))
        trained = [len(arm) for name, arm in self.found.items() if name not in ONCE]
        # A claim that was stopped has an incomplete last seed.
        self.seeds = min(trained, default=0)
        self.found = {name: arm[: self.seeds] for name, arm in self.found.items()}

    def complete(self, name: str) -> bool:
        """Whether the claim has the arms without which it has no table."""
        return bool(self.seeds) and self.found.keys() >= NEEDED.get(name, set())

    def hits(self, arm: str, key: str, joints, threshold: float) -> list[np.ndarray]:
        """Of every seed, f64[N, J] of ``frame.percent``."""
        return [frame.percent(one[key], joints, threshold) for one in self.found[arm]]

    def seconds(self) -> float:
        return sum(float(one["seconds"]) for arm in self.found.values() for one in arm)


def mean(hits: Sequence[np.ndarray]) -> str:
    """The mean over seeds of PCK, and its spread."""
    rates = [np.nanmean(np.nanmean(one, axis=0)) for one in hits]
    spread = f" ± {np.std(rates, ddof=1):.2f}" if len(rates) > 1 else ""
    return f"{np.mean(rates):.2f}{spread}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (columns, *rows)]
    return "\n".join([lines[0], "|---" * len(columns) + "|", *lines[1:], ""])


# The columns of ``frame.Difference``.
GAIN = "gain", "over seeds, 95 %", "p", "over people, 95 %"
THRESHOLDS = np.linspace(0, 0.3, 61)


def draw_curves(claim: Claim, series: dict, path: pathlib.Path) -> None:
    """Draws PCK over its threshold, the mean of all seeds: name -> (arm, key)."""
    curves = {}
    for name, (arm, key) in series.items():
        rates = [
            np.mean([np.nanmean(one) for one in claim.hits(arm, key, ALL, threshold)])
            for threshold in THRESHOLDS
        ]
        curves[name] = THRESHOLDS, rates
    path.parent.mkdir(exist_ok=True)
    chart = charts.line_chart(curves, "threshold, torsos", "PCK", size=(340, 560))
    files.write_text(path, chart)


def print_hcrn(claim: Claim, of: str, folder: pathlib.Path) -> None:
    print("## HCRN\n")
    for front_end in (hcrn.STRONG, hcrn.WEAK):
        names = [arm for arm in hcrn.ARMS if f"{front_end}_{arm}" in claim.found]
        if not names:
            continue
        rows, gains = [], []
        for name in names:
            arm = f"{front_end}_{name}"
            columns = [(ALL, 0.2), (HARD, 0.2), (ALL, 0.1)]
            rows.append([name, *(mean(claim.hits(arm, of, *one)) for one in columns)])
        ours = f"{front_end}_hcrn"
        for name in names[:-1]:
            for label, joints in (("all joints", ALL), ("wrists, ankles", HARD)):
                sides = (
                    claim.hits(arm, of, joints, 0.2)
                    for arm in (f"{front_end}_{name}", ours)
                )
                gain = frame.difference(*sides)
                gains.append([f"over {name}, {label}", str(gain)])
        series = {name: (f"{front_end}_{name}", of) for name in names}
        draw_curves(claim, series, folder / f"hcrn_{front_end}.svg")
        print(f"Front-end {front_end}:\n")
        print(table(["network", "PCK@0.2", "wrists, ankles", "PCK@0.1"], rows))
        print(table(["HCRN", *GAIN], gains))


def similar(claim: Claim, arm: str, key: str, people: features.Crops) -> list:
    """f64[N, 1] of every seed: 100 where a person's OKS is 0.75 or more."""
    labels = people.labels
    lengths = frame.torsos(people)[:, None]
    areas = labels["area"] * 0.53  # COCO's people cover this much of their boxes
    found = []
    for one in claim.found[arm]:
        squared = np.square(np.nan_to_num(one[key]) * np.nan_to_num(lengths))
        by_joint = keypoint_similarity(squared, areas, LSP14.sigma_array)
        whole = np.nanmean(np.where(np.isnan(one[key]), np.nan, by_joint), axis=1)
        found.append(100.0 * (whole >= 0.75)[:, None])
    return found


def print_enhance_net(claim: Claim, of: str, folder, people) -> None:
    print("## EnhanceNet\n")
    cells = {
        (arm, reader): f"{of}_{reader}"
        for arm in enhance_net.ARMS
        for reader in enhance_net.READERS
    }
    cells |= {
        (enhance_net.BASE, name): f"{of}_{name}"
        for name in ("bilinear", "bilinear_dark")
    }
    rows = [
        [arm, reader, mean(claim.hits(arm, key, ALL, 0.05)),
         mean(claim.hits(arm, key, ALL, 0.1)), mean(claim.hits(arm, key, ALL, 0.2)),
         mean(similar(claim, arm, key, people))]
        for (arm, reader), key in cells.items() if arm in claim.found
    ]  # fmt: skip
    columns = ["maps", "read by", "PCK@0.05", "PCK@0.1", "PCK@0.2", "OKS ≥ 0.75"]
    print(table(columns, rows))
    gains = []
    for ours in enhance_net.UPSCALES:
        for rival, reader in (
            (enhance_net.BASE, "bilinear"),
            (enhance_net.BASE, "dark"),
            (enhance_net.CONTROL, "dark"),
        ):
            for threshold in (0.05, 0.1):
                before = claim.hits(rival, f"{of}_{reader}", ALL, threshold)
                after = claim.hits(ours, f"{of}_dark", ALL, threshold)
                gain = frame.difference(before, after)
                gains.append(
                    [f"{ours} over {rival} ({reader}), @{threshold}", str(gain)]
                )
    print(table(["", *GAIN], gains))
    series = {name: (name, f"{of}_dark") for name in enhance_net.ARMS}
    series["base, bilinear"] = enhance_net.BASE, f"{of}_bilinear"
    draw_curves(claim, series, folder / "enhance_net.svg")


# Pairs of networks, (the one, the other), and the parts that their errors are told by.
PAIRS = {
    "RNet, then CNet": ("rnet", "cnet"),
    "RNet, then another RNet": ("rnet", "rnet_other"),
    "CNet, then RNet": ("cnet", "rnet"),
    "CNet, then another CNet": ("cnet", "cnet_other"),
}
PARTS_OF_BODY = {
    "all": (),
    "head": ("head_top", "neck"),
    "shoulders": ("shoulder",),
    "elbows": ("elbow",),
    "wrists": ("wrist",),
    "hips": ("hip",),
    "knees": ("knee",),
    "ankles": ("ankle",),
}


def mended(claim: Claim, of: str, one: str, other: str, joints) -> list[np.ndarray]:
    """Of every seed, f64[E, 1]: of what ``one`` misses, 100 if ``other`` finds it."""
    sides = (claim.hits("fused", f"{of}_{name}", joints, 0.2) for name in (one, other))
    return [b[a == 0][:, None] for a, b in zip(*sides, strict=True)]


def print_disagreement(claim: Claim, of: str) -> None:
    rows = [
        [name, *(mean(mended(claim, of, *pair, frame.joints_of(*joints)))
                 for joints in PARTS_OF_BODY.values())]
        for name, pair in PAIRS.items()
    ]  # fmt: skip
    print(table(["of its misses, % that the other finds", *PARTS_OF_BODY], rows))


def print_hybrid_pose(claim: Claim, of: str, folder) -> None:
    print("## Hybrid-Pose\n")
    names = [
        key.removeprefix(f"{of}_")
        for key in claim.found["fused"][0]
        if re.match(rf"{of}_(rnet|cnet)", key)
    ]
    rows = [
        [name, *(mean(claim.hits("fused", f"{of}_{name}", ALL, t)) for t in (0.2, 0.1))]
        for name in names
    ]
    print(table(["maps", "PCK@0.2", "PCK@0.1"], rows))
    ours = "rnet_cnet_eight"
    alone = "rnet", "cnet"
    alike = [f"{net}_{net}_{kind}" for kind in ("average", "eight") for net in alone]
    compared = {
        ours: (*alone, *alike),
        "rnet_cnet_average": (*alone, *alike[:2]),
        "rnet_cnet_product": ("rnet_cnet_average",),
    }
    gains = [
        [f"{one} over {rival}, @{t}", str(frame.difference(
            claim.hits("fused", f"{of}_{rival}", ALL, t),
            claim.hits("fused", f"{of}_{one}", ALL, t)))]
        for one, rivals in compared.items() for rival in rivals for t in (0.2, 0.1)
    ]  # fmt: skip
    print(table(["", *GAIN], gains))
    print_disagreement(claim, of)
    shown = ["rnet", "cnet", "rnet_cnet_average", "rnet_rnet_average", ours]
    series = {name: ("fused", f"{of}_{name}") for name in shown}
    draw_curves(claim, series, folder / "hybrid_pose.svg")


# Which arm is compared with which, to tell what its part is worth.
PARTS = {
    "paper": ("fine_to_fine", "coarse_to_coarse", "heatmap_loss", "coordinate_loss",
              "real_errors", "pose_refiner"),
    "prior": ("paper",),
    "all_added": ("prior", *(f"without_{name}" for name in refiners.ADDED)),
    "pose_refiner": ("pose_refiner_shift",),
}  # fmt: skip


def print_refiners(claim: Claim, _: str, folder) -> None:
    print("## PoseFix and PoseRefiner\n")
    inputs = claim.found["inputs"]
    methods = refiners.ON_LSP
    columns = [*methods, *[refiners.ON_COCO] * (refiners.ON_COCO in inputs[0])]

    def rates(arm, hits_of):
        return [
            f"{mean(hits_of(method, 0.2))}, {mean(hits_of(method, 0.1))}"
            if method in claim.found[arm][0] else "-"
            for method in columns
        ]  # fmt: skip

    def given(method, threshold):
        # MoveNet gives neither neck nor head top; they count as missing before.
        return [frame.percent(one[method], ALL, threshold) for one in inputs]

    arms = [arm for arm in claim.found if arm not in ONCE]
    rows = [["input", *rates("inputs", given)]]
    for arm in arms:
        found = rates(arm, lambda m, t, arm=arm: claim.hits(arm, m, ALL, t))
        rows.append([arm, *found])
    print(table(["PCK@0.2, @0.1", *columns], rows))

    def together(arm, threshold, methods):
        of_methods = [claim.hits(arm, method, ALL, threshold) for method in methods]
        return [np.concatenate(seed) for seed in zip(*of_methods, strict=True)]

    whole = [method for method in methods if method != refiners.MOVENET]
    for title, some in (("all five methods", methods), ("without MoveNet", whole)):
        gains = [
            [f"{ours} over {rival}, @{t}", str(frame.difference(
                together(rival, t, some), together(ours, t, some)))]
            for ours, rivals in PARTS.items() for rival in rivals for t in (0.2, 0.1)
            if ours in claim.found and rival in claim.found
        ]  # fmt: skip
        print(table([title, *GAIN], gains))
    first = next(iter(refiners.METHODS))
    shown = ["paper", "coarse_to_coarse", "all_added", "real_errors", "pose_refiner"]
    series = {arm: (arm, first) for arm in shown if arm in claim.found}
    draw_curves(claim, series, folder / "refiners.svg")


def main() -> None:
    given = sys.argv[1:]
    folder = pathlib.Path(given[0] if given else "runs/claims")
    of = given[1] if len(given) > 1 else "test"
    people = features.load(folder / "features", of)
    if of == "test":
        people = frame.published_half(people)
    for name, show in {
        "hcrn": print_hcrn,
        "enhance_net": lambda *given: print_enhance_net(*given, people),
        "hybrid_pose": print_hybrid_pose,
        "refiners": print_refiners,
    }.items():
        claim = Claim(folder / name)
        if name == "refiners" and of != features.TEST:
            continue  # other methods' poses exist only for the test photos
        if claim.complete(name):
            show(claim, of, folder / "curves")
            print(f"{claim.seeds} seeds, {claim.seconds() / 60:.0f} CPU minutes.\n")


if __name__ == "__main__":
    main()
