"""MPII Human Pose (Andriluka et al., CVPR 2014): the validation people as pose files.

Converts the validation set in the single-person papers' format, and predictions in the
same layout, to COCO annotations and results, which ``tfpose evaluate`` scores. The
files list people in the same order:

- ``detections_our_format.mat``: ``pos_gt_src`` f64[16, 2, N], x and y counted from 1;
  ``jnt_missing`` u8[16, N], 1 if unlabeled; ``headboxes_src`` f64[2, 2, N], the two
  corners of the head box; ``dataset_joints``, the joints' short names.
- ``valid_images.txt``: the photo of each person; ``valid.h5``: ``visible`` f64[N, 16].
- predictions: a ``.mat`` with ``preds`` f32[N, 16, 2], x and y counted from 1.

    python -m data_prep.mpii SOURCE PREDICTIONS.mat OUT
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np

from tfpose.errors import PoseFileError
from tfpose.io import files
from tfpose.io.coco_records import annotation_entry, annotations_json, result_entry
from tfpose.skeletons import MPII16

# PCKh's head size is this share of the head box's diagonal (MPII evaluation tools).
HEAD_SHARE = 0.6
# The files' short names, in MPII16's order.
SHORT_NAMES = (
    "rank rkne rhip lhip lkne lank pelv thor neck head rwri relb rsho lsho lelb lwri"
).split()


def validation_annotations(source: pathlib.Path) -> dict:
    """Reads the people of the validation set as COCO annotations.

    Annotation ids count people from 1 in the files' order; a photo's image id is the
    number in its name. Coordinates count from 0; ``head_size`` is PCKh's.

    Args:
        source: folder with the three files named above.

    Raises:
        PoseFileError: a file is missing or has another format, or the files disagree.
    """
    source = pathlib.Path(source)
    path = source / "detections_our_format.mat"
    shapes = {
        "pos_gt_src": (16, 2, None),
        "jnt_missing": (16, None),
        "headboxes_src": (2, 2, None),
        "dataset_joints": (1, 16),
    }
    truth = read_mat(path, shapes)
    counts = {name: truth[name].shape[-1] for name in shapes if None in shapes[name]}
    if len(set(counts.values())) != 1:
        raise PoseFileError(f"{path}: expected the same people, found {counts}")
    found = [str(name.item()) for name in truth["dataset_joints"][0]]
    if found != SHORT_NAMES:
        raise PoseFileError(f"{path}: expected joints {SHORT_NAMES}, found {found}")
    keypoints = np.moveaxis(truth["pos_gt_src"], 2, 0) - 1.0  # (N, 16, 2)
    labeled = truth["jnt_missing"].T == 0
    corners = truth["headboxes_src"]
    head_sizes = HEAD_SHARE * np.linalg.norm(corners[1] - corners[0], axis=0)
    names = _read_names(source / "valid_images.txt", len(keypoints))
    seen = _read_visible(source / "valid.h5", labeled.shape)
    visible = np.where(labeled, np.where(seen, 2, 1), 0)
    people = [
        annotation_entry(
            row + 1,
            image_id_of(names[row]),
            np.where(labeled[row, :, None], keypoints[row], 0.0),
            visible[row],
            head_size=float(head_sizes[row]),
        )
        for row in range(len(keypoints))
    ]
    images = [{"id": image_id_of(n), "file_name": n} for n in sorted(set(names))]
    return annotations_json(MPII16, images, people)


def predicted_poses(path: pathlib.Path, annotations: dict) -> list[dict]:
    """Reads predictions for the validation people as COCO results.

    Each has the ``annotation_id`` of its person; the files hold no scores, so every
    score is 1.

    Args:
        path: the ``.mat`` with ``preds``.
        annotations: from ``validation_annotations``.

    Raises:
        PoseFileError: wrong format, or another number of people.
    """
    people = annotations["annotations"]
    predictions = read_mat(path, {"preds": (len(people), 16, 2)})["preds"]
    return [
        result_entry(
            person["image_id"], row - 1.0, np.ones(16), 1.0, annotation_id=person["id"]
        )
        for person, row in zip(people, predictions.astype(np.float64), strict=True)
    ]


def image_id_of(name: str) -> int:
    """The number in an MPII photo's name: 005808361.jpg -> 5808361.

    Raises:
        TfposeError: the name is not a number.
    """
    return int(pathlib.Path(name).stem)


def read_mat(path, shapes: dict) -> dict:
    """Reads named arrays from a MATLAB file; None in a shape means any length.

    Raises:
        PoseFileError: no MATLAB file, or arrays missing or of the wrong shape.
    """
    import scipy.io

    try:
        arrays = scipy.io.loadmat(path, variable_names=list(shapes))
    except Exception as error:  # a damaged file makes SciPy raise nearly anything
        raise PoseFileError(f"{path}: expected a MATLAB file: {error}") from error
    for name, shape in shapes.items():
        found = arrays[name].shape if name in arrays else "no such array"
        fits = len(found) == len(shape) and all(
            expected in (None, length)
            for expected, length in zip(shape, found, strict=True)
        )
        if not fits:
            expected = tuple("N" if length is None else length for length in shape)
            raise PoseFileError(f"{path}: expected {name} {expected}, found {found}")
    return arrays


def read_struct(path, name: str):
    """Reads a MATLAB structure, with fields as attributes and arrays squeezed.

    Raises:
        PoseFileError: no MATLAB file, or no such structure.
    """
    import scipy.io

    try:
        arrays = scipy.io.loadmat(
            path, variable_names=[name], squeeze_me=True, struct_as_record=False
        )
        return arrays[name]
    except Exception as error:  # a damaged file makes SciPy raise nearly anything
        raise PoseFileError(
            f"{path}: expected a MATLAB file with {name!r}: {error}"
        ) from error


def _read_names(path, count: int) -> list[str]:
    try:
        names = path.read_text("utf-8").split()
    except OSError as error:
        raise PoseFileError(f"{path}: cannot read: {error.strerror}") from error
    if len(names) != count:
        raise PoseFileError(f"{path}: expected {count} names, found {len(names)}")
    odd = [name for name in names if not pathlib.Path(name).stem.isdigit()]
    if odd:
        raise PoseFileError(f"{path}: expected numbers as names, found {odd[0]!r}")
    return names


def _read_visible(path, shape: tuple[int, int]) -> np.ndarray:
    """bool[N, 16]: not occluded."""
    import h5py

    try:
        with h5py.File(path) as file:
            visible = np.asarray(file["visible"])
    except (OSError, KeyError) as error:
        raise PoseFileError(f"{path}: expected HDF5 with 'visible': {error}") from error
    if visible.shape != shape:
        raise PoseFileError(f"{path}: expected visible {shape}, found {visible.shape}")
    return visible > 0


def main(arguments=None) -> None:
    """Writes ``annotations.json`` and ``results_NAME.json`` to the folder OUT."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.mpii", description=main.__doc__
    )
    parser.add_argument("source", type=pathlib.Path, help="folder of the three files")
    parser.add_argument("predictions", type=pathlib.Path, help=".mat with preds")
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args(arguments)
    try:
        annotations = validation_annotations(options.source)
        results = predicted_poses(options.predictions, annotations)
        options.out.mkdir(parents=True, exist_ok=True)
        files.write_json(options.out / "annotations.json", annotations)
        name = f"results_{options.predictions.stem}.json"
        files.write_json(options.out / name, results)
    except (PoseFileError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{len(results)} people written to {options.out}")


if __name__ == "__main__":
    main()
