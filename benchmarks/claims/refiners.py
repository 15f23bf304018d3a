"""PoseFix and PoseRefiner: which of their parts make other methods' poses better?

All arms have one body on MoveNet's features (``movenet.with_pose``) with maps at stride
8, and learn from the same crops for the same number of steps. They refine the poses of
five methods on the test photos: the three published ones, MoveNet's own (without neck
and head top, which it lacks), and those of an estimator of ours, trained on half of
the people. Where DATA has COCO, MoveNet's poses of its validation people are refined,
too.

- Fig. 6 of PoseFix: Gaussian or one-hot poses in, one-hot or Gaussian maps out
- its two losses, each alone
- its synthesized errors, or the errors that this estimator makes on people it was not
  trained on
- what ``synthesis.options`` adds, all together and without each
- PoseRefiner with all its errors (T1 to T4), and with shifts alone (T1)

Usage: python benchmarks/claims/refiners.py DATA [FOLDER [STEPS [SEEDS]]]
DATA also needs ``predictions``: the published files, by the names in ``METHODS``.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import features
import frame
import hcrn
import keras
import numpy as np
from keras import layers

from tfpose.geometry.arrays import transform
from tfpose.io.json_files import read_json
from tfpose.layers.heatmaps import (
    PeakPosition,
    PosePrior,
    RenderPose,
    SoftArgmax,
    SpatialSoftmax,
)
from tfpose.layers.offsets import OffsetPosition, RenderDisc
from tfpose.models import movenet
from tfpose.models.base import RefinementModel, refinement_inputs
from tfpose.models.movenet import MoveNet
from tfpose.models.simple_baseline import map_head
from tfpose.recipes import RECIPES
from tfpose.skeletons import COCO17, COCO17_LSP14, LSP14

SIZE, STRIDE, JOINTS = (256, 256), 8, len(LSP14)
FILTERS = (64, 48, 24)
SIGMA, RADIUS = 8.0, 8.0  # px, of a pose's Gaussians and discs
# Name in the tables -> file below DATA/predictions.
METHODS = {
    "Yang et al.": "predictions_yang2016_pc_1001-1500.json",
    "CPM (LSP)": "predictions_cpm_lsp_1001-1500.json",
    "CPM (MPII+LSP)": "predictions_cpm_mpii_lsp_1001-1500.json",
}
MOVENET, OURS, ON_COCO = "MoveNet", "our estimator", "MoveNet on COCO"
ON_LSP = (*METHODS, MOVENET, OURS)
USES = ("fine", "middle", "coarse", "pyramid")
# The recipe ``lite``'s, for one skeleton.
ADDED = {
    "quality": {"quality": 0.5},
    "exchanged_limbs": {
        "exchanged_limbs": {
            "legs": 0.05, "arms": 0.03, "everything": 0.03, "lower_legs": 0.03,
            "lower_arms": 0.02,
        }
    },
    "left_out": {
        "given_joints": {"none": 0.14}, "lost_joints": (0.02, 0.3), "many_lost": 0.2,
    },
}  # fmt: skip


def _body(pose):
    """The inputs, and f32[B, 32, 32, F]: the photo's features, which a pose joined."""
    inputs = refinement_inputs(JOINTS, SIZE)
    fine, coarsest = movenet.trunk(inputs["image"])
    drawn = pose(inputs["keypoints"], inputs["valid"])
    return inputs, movenet.with_pose(fine, coarsest, drawn, FILTERS, finest=1)


def posefix(sigma=SIGMA, output="integral", prior=False) -> RefinementModel:
    cells = [side // movenet.STRIDE for side in SIZE]
    inputs, x = _body(RenderPose(cells, sigma / 4, 2.0, 4, name="render_pose"))
    logits = map_head(x, JOINTS)
    if prior:
        given = inputs["keypoints"], inputs["valid"]
        logits = PosePrior(STRIDE, name="pose_prior")(logits, *given)
    if output == "integral":
        keypoints = SoftArgmax(STRIDE)(SpatialSoftmax(name="belief")(logits))
    else:
        keypoints = PeakPosition(STRIDE)(logits)
    return RefinementModel(
        inputs,
        {"heatmap": logits, "keypoints": keypoints},
        {"joints": JOINTS},
        activation="softmax" if output == "integral" else "linear",
    )


def pose_refiner() -> RefinementModel:
    cells = [side // movenet.STRIDE for side in SIZE]
    inputs, x = _body(RenderDisc(cells, RADIUS, 2.0, 4, name="render_pose"))
    start = keras.initializers.RandomNormal(stddev=0.001)
    logits, offsets = (
        layers.Conv2D(
            JOINTS * count, 3, padding="same", name=name, dtype="float32",
            kernel_initializer=start,
        )(x)
        for name, count in (("head_logits", 1), ("head_offsets", 2))
    )  # fmt: skip
    keypoints = OffsetPosition(STRIDE)(logits, offsets)
    return RefinementModel(
        inputs,
        {"heatmap": logits, "offsets": offsets, "keypoints": keypoints},
        {"joints": JOINTS},
        activation="sigmoid",
        targets={"offsets": {"codec": "offsets"}},
    )


def _config(name: str, **changes):
    return dataclasses.replace(
        RECIPES[name]["tiny"](),
        skeleton=LSP14,
        input_size=SIZE,
        network={},
        **{**frame.COMMON, "learning_rate": 3e-3, **changes},
    )


def arms(real=None) -> dict[str, frame.Arm]:
    """All arms; ``real`` are our estimator's poses of the training people."""
    errors = {"errors": "posefix"}
    paper = _config("posefix", synthesis=errors)
    coarse = dataclasses.replace(
        paper,
        target={"codec": "gaussian", "sigma": 10.0},
        heatmap_error="squared",
        coordinate_loss=0.0,
    )
    everything = {
        name: value for added in ADDED.values() for name, value in added.items()
    }
    ours = functools.partial(posefix, prior=True)
    found = {
        "paper": frame.Arm(posefix, paper),
        "fine_to_fine": frame.Arm(functools.partial(posefix, 0.0), paper),
        "coarse_to_coarse": frame.Arm(
            functools.partial(posefix, output="gaussian"), coarse
        ),
        "heatmap_loss": frame.Arm(
            posefix, dataclasses.replace(paper, coordinate_loss=0.0)
        ),
        "coordinate_loss": frame.Arm(
            posefix, dataclasses.replace(paper, heatmap_loss=0.0)
        ),
        "prior": frame.Arm(ours, paper),
        "real_errors": frame.Arm(posefix, paper, poses=real),
        "all_added": frame.Arm(ours, _config("posefix", synthesis=errors | everything)),
    }
    for name, added in ADDED.items():
        rest = {key: value for key, value in everything.items() if key not in added}
        found[f"without_{name}"] = frame.Arm(
            ours, _config("posefix", synthesis=errors | rest)
        )
    for name, transforms in {
        "pose_refiner": ("shift", "switch", "replace", "remove"),
        "pose_refiner_shift": ("shift",),
    }.items():
        synthesis = {"errors": "pose_refiner", "transforms": transforms}
        found[name] = frame.Arm(
            pose_refiner,
            _config(
                "pose_refiner",
                synthesis=synthesis,
                target={"codec": "disc", "radius": 12.0},
            ),
        )
    return {
        name: dataclasses.replace(arm, uses=USES[:3]) for name, arm in found.items()
    }


def published(data: pathlib.Path, people: features.Crops) -> dict[str, tuple]:
    """The published methods' poses in the people's crops: f32[N, K, 2], f32[N, K]."""
    found = {}
    for name, file in METHODS.items():
        poses = {row["image_id"]: row["keypoints"] for row in read_json(data / file)}
        ids = people.labels["image_id"]
        triples = np.array([poses[i] for i in ids], np.float32).reshape(-1, JOINTS, 3)
        pairs = zip(triples[..., :2], people.labels["matrix"], strict=True)
        points = np.stack([transform(pose, matrix) for pose, matrix in pairs])
        found[name] = points.astype(np.float32), np.ones(points.shape[:2], np.float32)
    return found


def movenet_poses(people: features.Crops) -> tuple[np.ndarray, np.ndarray]:
    """MoveNet's own poses, as LSP's joints."""
    model = MoveNet.from_preset("movenet_thunder_coco17")
    keypoints = frame.predict(model, ("pyramid",), people)
    known = [joint in COCO17.joints for joint in LSP14.joints]
    order = [
        COCO17.index(j) if k else 0 for j, k in zip(LSP14.joints, known, strict=True)
    ]
    valid = np.tile(np.array(known, np.float32), (len(people), 1))
    return keypoints[:, order] * valid[..., None], valid


def estimated_poses(runs: frame.Runs, sets: dict) -> dict[str, np.ndarray]:
    """Poses of the holistic network of ``hcrn``, of people that it did not learn.

    Each half of the training people is found by the one trained on the other half.
    """
    halves = runs.people.labels["image_id"] % 2
    arm = hcrn.arms(hcrn.STRONG)["holistic"]
    found = {"train": np.zeros((len(halves), JOINTS, 2), np.float32)}
    for half in (0, 1):
        learned = runs.people.chosen(halves == half)
        model = frame.train(arm, learned, runs.steps, seed=half)
        rest = np.flatnonzero(halves != half)
        found["train"][rest] = frame.predict(model, arm.uses, runs.people.chosen(rest))
    for name, people in sets.items():
        found[name] = frame.predict(model, arm.uses, people)
    return found


def measure(arm, runs: frame.Runs, seed: int, methods: dict) -> dict:
    """Trains a refiner; the distances after refining each method's poses."""
    model = frame.train(arm, runs.people, runs.steps, seed)
    return {
        name: frame.distances(frame.predict(model, arm.uses, people, poses), people)
        for name, (people, poses) in methods.items()
    }


def on_coco(folder: pathlib.Path, data: pathlib.Path) -> dict[str, tuple]:
    """MoveNet's poses of COCO's validation people, if they are prepared."""
    if not (data / "coco").is_dir():
        return {}
    features.compute(folder, str(data), "coco", "coco/validation", 0, COCO17_LSP14)
    people = frame.people(folder, ["coco"])
    return {ON_COCO: (people, movenet_poses(people))}


def run(runs: frame.Runs, sets: dict, data: pathlib.Path) -> None:
    people = sets["test"]
    ours = runs.of("estimated", 0, functools.partial(estimated_poses, runs, sets))
    everybody = np.ones(ours["test"].shape[:2], np.float32)
    methods = {
        **published(data / "predictions", people),
        MOVENET: movenet_poses(people),
        OURS: (ours["test"], everybody),
    }
    methods = {name: (people, poses) for name, poses in methods.items()}
    methods |= on_coco(runs.folder.parent / "features", data)
    inputs = {
        name: frame.distances(np.where(valid[..., None] > 0, pose, np.nan), who)
        for name, (who, (pose, valid)) in methods.items()
    }
    runs.of("inputs", 0, lambda: inputs)
    real = ours["train"], np.ones(ours["train"].shape[:2], np.float32)
    trained = arms(real)
    for seed in range(1, runs.seeds + 1):
        for name, arm in trained.items():
            job = functools.partial(measure, arm, runs, seed, methods)
            runs.of(name, seed, job)


if __name__ == "__main__":
    frame.main(run, "refiners")
