"""Refines the COCO-results file of any pose estimation method.

The file may be larger than the memory: it is refined part by part, and finished parts
lie beside the output until all are there (``progress``). A run that was ended goes on
with the rest, shards refine some of the parts, and a pipeline refines them on many
machines. What is written is the same, because no part depends on another: all have the
same trust, which is measured on the file's first people.
"""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
from collections.abc import Iterator

import numpy as np

import tfpose
from tfpose.inference import refine_beam, reliability
from tfpose.inference.batches import with_progress
from tfpose.inference.poses_to_refine import PosesToRefine, read_poses
from tfpose.inference.progress import Progress, of_shard, progress_of, state_of
from tfpose.inference.refine_parts import STEPS, PartWork, Settings, load_refiner
from tfpose.inference.refiner import Refiner
from tfpose.inference.reliability import MEASURED_PEOPLE, Beliefs, Trust
from tfpose.io import files
from tfpose.io.beam_options import read_options
from tfpose.io.files import check_writable
from tfpose.skeletons import Skeleton
from tfpose.weights.presets import model_folder

# The numbers of parts that add up to those of the file.
SUMS = ("poses", "refined", "duplicates", "unscored", "few", "removed")


def refine_file(
    model: str | None,
    results: str,
    images: str,
    out: str,
    annotations: str | None = None,
    skip_bad: bool = False,
    use_reliability: bool = True,
    nms_threshold: float | None = None,
    threshold: float = 0.0,
    rescore: bool = False,
    trust_file: str | None = None,
    rounds: int | None = None,
    skeleton: Skeleton | None = None,
    shard: tuple[int, int] | None = None,
    beam: str | None = None,
    protocol: str | None = None,
) -> dict:
    """Refines a COCO-results file and writes another one, in the same order.

    Args:
        model: preset or model folder; None picks the preset that shares most joints
            (``poses_to_refine.refiner_for``).
        results: COCO-results JSON of any method. The joints that the model lacks stay.
        images: folder of the photos, or a video file, whose frames count from 0.
        out: file to write.
        annotations: annotations whose file names map ids to photos.
        skip_bad: keep records that cannot be refined unchanged, instead of raising.
        use_reliability: weight refined and input joints by how far each can be trusted
            (``tfpose.inference.reliability``); False takes the refined ones.
        nms_threshold: if refined poses of a photo have an OKS above it, keeps only the
            best scored; 1 keeps all. None: what the refiner's paper does in testing
            (``RefinementModel.nms_threshold``).
        threshold: sets joints whose refiner score is not above it to (0, 0, 0).
            PoseRefiner uses 0.7 for tracking and 0, which keeps all, for average
            precision.
        rescore: write the refiner's scores, how probably each joint is right; a pose's
            score is their mean. Without it, joints keep the input's scores, and only
            joints that the input lacks get the refiner's.
        trust_file: how far the method's poses can be trusted: read if the file exists,
            otherwise measured on these poses and written for later ones. Files of a
            few people say little about their method.
        rounds: how often the network is run, each time on its own answer; None: as the
            refiner's configuration says.
        shard: (i, n), with i from 1 to n: refines the i-th of n parts of the file. The
            shards' files, joined in their order, are the file of one run.
        beam: options of an Apache Beam pipeline that refines the file.
        skeleton: of the poses; by default the annotations' or the model's if it has as
            many joints, else the built-in one with that number of joints.
        protocol: "official" refines as PoseFix's code does in testing: one round whose
            joints replace the input's, in crops around all of them; poses with a score
            of 0 or below are left out; for COCO's and PoseTrack's joints, near copies
            (OKS above 0.9) too. It takes the place of ``use_reliability``,
            ``nms_threshold``, ``trust_file`` and ``rounds``.

    Returns:
        "model", the refiner's name; the numbers of "poses", "refined", "duplicates"
        (dropped), "unscored" (left out by the protocol), poses of "few" joints
        (unchanged), and "removed" (joints);
        "kept_joints", those that the model lacks;
        "bad", a line for each unchanged record;
        "reliability", per joint the median "disagreement" of input and refiner in
        percent of the crop's width, and the median "input_weight" from 0 (the refiner
        decided) to 1 (the input did), or None without it.

    Raises:
        PoseFileError: the first record, photo or file that cannot be used.
        FileError: ``out`` cannot be written.
    """
    check_writable(out)
    if beam is not None:
        read_options(beam)
    poses = read_poses(results, images, model, annotations, skeleton, skip_bad)
    settings = Settings(
        skip_bad, use_reliability, nms_threshold, threshold, rescore, rounds, protocol
    )
    return refine_poses(poses, out, settings, trust_file, shard, beam)


def refine_poses(
    poses: PosesToRefine,
    out: str,
    settings: Settings,
    trust_file: str | None = None,
    shard: tuple[int, int] | None = None,
    beam: str | None = None,
) -> dict:
    """``refine_file`` for poses that are read already."""
    settings = settings.decided(poses.shared.one)
    trust_file = None if settings.protocol else trust_file
    refiner = load_refiner(poses, settings)
    numbers = of_shard(range(len(poses.parts)), shard)
    known = _known_trust(trust_file, poses.model, refiner)
    with progress_of(out, _about(poses, settings, known, shard)) as progress:
        if known is None and progress.trust.exists():
            known = _read_trust(progress, poses.model, refiner)
        trust, started = known, {}
        if known is None and (settings.use_reliability or trust_file):
            trust, started = _measured(refiner, poses, settings)
        if trust is not None:
            # As those who go on read it, to the last digit.
            reliability.write_trust(progress.trust, trust, poses.model)
            trust = _read_trust(progress, poses.model, refiner)
        todo = [n for n in numbers if n not in progress.finished()]
        if beam is None:
            _refine(refiner, poses, todo, settings, trust, started, progress)
        else:
            refine_beam.refine(poses, todo, settings, progress.folder, beam)
        records = (r for n in numbers for r in progress.read(n)["records"])
        files.write_json_list(out, records)
        report = _report(progress, numbers, poses, refiner, trust, settings)
    if trust_file and trust is not None and not pathlib.Path(trust_file).exists():
        reliability.write_trust(trust_file, trust, poses.model)
    return report


def _about(poses: PosesToRefine, settings: Settings, known, shard) -> dict:
    """All that decides what is in the parts, for ``progress_of``."""
    trust = (
        None
        if known is None
        else [np.asarray(v).tolist() for v in vars(known).values()]
    )
    given = poses.path, poses.annotations, model_folder(poses.model)
    return {
        "version": tfpose.__version__,
        "files": [path and state_of(path) for path in given],
        "images": str(poses.images),
        "joints": list(poses.shared.one.joints),
        "settings": dataclasses.asdict(settings),
        "trust": trust,
        "shard": shard and list(shard),
    }


def _known_trust(path: str | None, model: str, refiner: Refiner) -> Trust | None:
    if path is None:
        return None
    if pathlib.Path(path).exists():
        return reliability.read_trust(path, model, len(refiner.skeleton))
    check_writable(path)
    return None


def _read_trust(progress: Progress, model: str, refiner: Refiner) -> Trust:
    return reliability.read_trust(progress.trust, model, len(refiner.skeleton))


def _measured(refiner: Refiner, poses: PosesToRefine, settings: Settings):
    """The trust in a file, and {part: what was computed of it}, to go on with.

    Measured on the same people by all shards, and by a run that goes on.
    """
    first: list[Beliefs] = []
    started: dict[int, tuple] = {}
    for number, part in enumerate(poses.parts):
        if sum(map(len, first)) >= MEASURED_PEOPLE:
            break
        work = PartWork(poses, part, settings)
        stream, mine = work.beliefs(refiner), []
        for beliefs in stream:
            mine.append(beliefs)
            first.append(beliefs)
            if sum(map(len, first)) >= MEASURED_PEOPLE:
                break
        started[number] = work, mine, stream
    trust = reliability.trust(first, refiner.calibration) if first else None
    return trust, started


def _refine(refiner, poses, todo, settings, trust, started, progress) -> None:
    """Refines the parts of those numbers in this process."""
    if not settings.use_reliability:
        trust = None
    total = sum(len(poses.parts[number]) for number in todo)
    stream = _batches(refiner, poses, todo, settings, started)
    for beliefs, number, work in with_progress(stream, total, "refined"):
        if len(beliefs):
            work.add(beliefs, trust)
        else:
            progress.write(number, work.result(refiner), settings.skip_bad)


def _batches(refiner, poses, todo, settings, started) -> Iterator[tuple]:
    """(beliefs, number of the part, part); () at the end of each part."""
    for number in todo:
        work, first, rest = started.pop(number, None) or (None, (), ())
        if work is None:
            work = PartWork(poses, poses.parts[number], settings)
            rest = work.beliefs(refiner)
        for beliefs in itertools.chain(first, rest):
            yield beliefs, number, work
        yield (), number, work


def _report(progress, numbers, poses, refiner, trust, settings) -> dict:
    """What ``refine_file`` returns."""
    sums, bad = dict.fromkeys(SUMS, 0), []
    weights = np.zeros((len(refiner.skeleton), STEPS + 1), np.int64)
    for number in numbers:
        part = progress.read(number)
        sums = {name: sums[name] + part[name] for name in SUMS}
        bad += part["bad"]
        weights += np.array(part["weights"])
    report = None
    if settings.use_reliability and trust is not None and sums["refined"]:
        report = _reliability_report(refiner, trust, weights)
    kept = list(poses.shared.missing)
    return {
        "model": poses.model, **sums, "kept_joints": kept, "bad": bad,
        "reliability": report,
    }  # fmt: skip


def _reliability_report(
    refiner: Refiner, trust: Trust, weights
) -> dict[str, dict[str, float]]:
    """How much each joint of the input file was trusted (``refine_file``).

    Args:
        weights: i64[K, STEPS + 1], how often joints had each input weight.
    """
    cells = refiner.size[1] / Beliefs.stride
    return {
        joint: {
            "disagreement": float(100 * trust.disagreement[index] / cells),
            "input_weight": _median(weights[index]),
        }
        for index, joint in enumerate(refiner.skeleton.joints)
    }


def _median(counts) -> float:
    """Of numbers 0 to 1 in ``STEPS`` steps, from their counts i64[STEPS + 1].

    0 for a joint that no input pose has, or that the refiner never moved.
    """
    total = int(counts.sum())
    if not total:
        return 0.0
    middle = np.searchsorted(np.cumsum(counts), [(total + 1) // 2, total // 2 + 1])
    return float(middle.mean() / STEPS)
