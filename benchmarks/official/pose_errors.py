"""Statistics of the pose errors that PoseFix's own code synthesizes.

    python benchmarks/official/pose_errors.py REPOSITORY DATA FILE [RUNS]

REPOSITORY is a clone of mks0601/PoseFix_RELEASE, whose ``synthesize_pose`` is run but
not part of this project, DATA the folder with ``coco/train2017_keypoints_30k.npz``.
This corrupts 3,500 people of COCO and 1,500 drawn ones RUNS times and writes to FILE
how often and how far their joints err. tests/synthesis/test_official.py holds ours
against these numbers.
"""

from __future__ import annotations

import json
import pathlib
import random
import sys
import types

import numpy as np

PROJECT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.support import pose_errors  # noqa: E402
from tfpose.skeletons import COCO17  # noqa: E402

# The order of the code's list of errors, as places in ours.
ORDER = np.array([1, 4, 2, 3, 0])


def official(repository: pathlib.Path):
    """The authors' module ``gen_batch``, without what only training needs."""
    config = types.SimpleNamespace(
        num_kps=17,
        kps_sigmas=np.array(COCO17.sigmas),
        ignore_kps=[],
        kps_symmetry=[(first, first + 1) for first in range(1, 17, 2)],
    )
    unused = ("cv2", "PIL", "matplotlib", "matplotlib.pyplot")
    for name in ("config", *unused):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["config"].cfg = config
    sys.modules["PIL"].Image = sys.modules["PIL"].ImageDraw = None
    sys.path.insert(0, str(repository / "main"))
    import gen_batch

    return gen_batch


def corrupted(code, people, rows):
    """f64[n, 17, 2] and i[n, 17]: the joints of people, and their errors or -1."""
    chosen = []
    choice = np.random.choice

    def remembered(values, *arguments, **options):
        found = choice(values, *arguments, **options)
        if "p" in options:  # the choice among errors, not among places
            chosen.append(int(found[0]))
        return found

    np.random.choice = remembered
    poses, errors = [], []
    for row in rows:
        own = np.column_stack([people.keypoints[row], people.valid[row]])
        near = np.dstack([people.neighbors[row], people.neighbors_valid[row]])
        near = near[people.neighbors_valid[row].any(axis=1)]
        chosen.clear()
        pose = code.synthesize_pose(
            own, np.zeros((17, 3)), near, people.areas[row], len(near)
        )
        error = np.full(17, -1)
        error[pose[:, 2] > 0] = ORDER[chosen]
        poses.append(pose[:, :2])
        errors.append(error)
    np.random.choice = choice
    return np.stack(poses), np.stack(errors)


def main(repository: str, data: str, path: str, runs: str = "1") -> None:
    code = official(pathlib.Path(repository))
    sets = {
        "coco": pose_errors.of_coco(pathlib.Path(data)),
        "drawn": pose_errors.drawn(),
    }
    answers = {}
    for name, people in sets.items():
        np.random.seed(0)
        random.seed(0)
        rows = range(len(people.areas))
        parts = [corrupted(code, people, rows) for _ in range(int(runs))]
        found = pose_errors.statistics(people, *map(np.stack, zip(*parts, strict=True)))
        answers[name] = written(found)
    pathlib.Path(path).write_text(json.dumps(answers, indent=0) + "\n")


def written(found: dict) -> dict:
    """As JSON, a line for each joint."""
    return {
        name: round(value, 5)
        if isinstance(value, float)
        else [" ".join(f"{number:.4g}" for number in np.ravel(row)) for row in value]
        for name, value in found.items()
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
