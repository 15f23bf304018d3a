"""The subcommands that score poses, each a thin layer over one module."""

from __future__ import annotations

import pathlib

from tfpose.running import start_tensorflow, write_numbers, write_text


def evaluate(
    poses, annotations, before, model_dir, data, metric, threshold, normaliser,
    viewpoint, average, averaging, every_frame, curve, every_map, dark, json,
) -> None:  # fmt: skip
    """Scores poses, two sets of poses before -> after, or a model, by one metric."""
    from tfpose import charts, tables
    from tfpose.evaluate import evaluate_poses

    options = dict(
        metric=metric, threshold=threshold, normaliser=normaliser,
        viewpoint=viewpoint, average=average, averaging=averaging,
        every_frame=every_frame, curve=bool(curve),
    )  # fmt: skip
    if model_dir and not (poses or annotations or before):
        start_tensorflow()
        from tfpose.validation import evaluate_model

        options |= {"every_map": every_map, "dark": dark}
        numbers = evaluate_model(model_dir, data, **options)
    elif every_map or dark:
        raise ValueError("evaluate: expected --model_dir with --every_map and --dark")
    elif poses and annotations and not model_dir:
        truth, after, before = _read_poses(annotations, poses, before)
        numbers = evaluate_poses(truth, after, **options)
        if before is not None:
            numbers["before"] = evaluate_poses(truth, before, **options)
    else:
        raise ValueError(
            "evaluate: expected --poses with --annotations, or --model_dir with --data"
        )
    sides = numbers.get("maps") or {"": numbers}
    if "before" in numbers:
        sides = {"before": numbers["before"], "after": numbers}
    if every_map:
        print(tables.format_maps(sides))
    else:
        print(tables.format_table(*sides.values()))
    if curve:
        write_text(curve, charts.curve_panels(**tables.curve_panels(sides)))
    write_numbers(json, numbers)


def analyze(poses, annotations, before, picture, gains, json) -> None:
    """Says which kinds of mistakes poses make, joint by joint, and what they cost."""
    from tfpose import charts, tables
    from tfpose.evaluate import analyze_poses, correction_gains, format_table

    truth, after, before = _read_poses(annotations, poses, before)
    numbers = analyze_poses(truth, after)
    bars = [numbers["per_joint"]]
    if before is None:
        print(format_table(numbers))
    else:
        numbers["before"] = analyze_poses(truth, before)
        bars.insert(0, numbers["before"]["per_joint"])
        print(format_table(numbers["before"], numbers))
    if gains:
        sides = [after] if before is None else [before, after]
        costs = [correction_gains(truth, side) for side in sides]
        print("\n" + tables.format_gains(*costs))
        numbers["gains"] = costs[-1]
        if before is not None:
            numbers["before"]["gains"] = costs[0]
    if picture:
        write_text(picture, charts.error_bars(*bars))
    write_numbers(json, numbers)


def _read_poses(annotations, poses, before):
    """The truth, the poses, and the poses before if a file is given."""
    from tfpose.poses import read_annotations, read_results

    truth = read_annotations(annotations)
    photos = dict.fromkeys(truth.images)
    sets = [
        read_results(path, truth.skeleton, photos=photos)[0] if path else None
        for path in (poses, before)
    ]
    return truth, *sets


def compare(annotations, poses, refined, metric, images, out, title, log, json) -> None:
    """Scores the same poses before and after each of several refiners."""
    from tfpose import changes, comparison
    from tfpose.poses import read_results

    if out and not images:
        raise ValueError("compare: expected --images with --out")
    files = _named_files(refined)
    truth, before, _ = _read_poses(annotations, poses, None)
    photos = dict.fromkeys(truth.images)
    sides = {
        name: read_results(path, truth.skeleton, photos=photos)[0]
        for name, path in files.items()
    }
    numbers = changes.compare_poses(truth, before, sides, metric)
    print(changes.format_table(numbers))
    if out:
        comparison.write(out, truth, before, sides, images, title, log, numbers=numbers)
        print(f"wrote {out}")
    write_numbers(json, numbers)


def _named_files(refined: list[str]) -> dict[str, str]:
    """Name -> file of NAME=FILE; a file alone names itself."""
    files = {}
    for text in refined:
        name, equals, path = text.partition("=")
        if not equals:
            name, path = pathlib.Path(text).stem, text
        if not name or not path:
            raise ValueError(f"--refined {text}: expected NAME=FILE")
        if name in files:
            raise ValueError(f"--refined {text}: expected another name than {name}")
        files[name] = path
    return files


def report(poses, model, annotations, images, out, title, log) -> None:
    """Writes the HTML report of an estimator's poses."""
    from tfpose import comparison

    truth, found, _ = _read_poses(annotations, poses, None)
    more = _found_joints(model, truth, found, images) if model else ()
    comparison.write_estimated(out, truth, found, images, title, log, more)
    print(f"wrote {out}")


def _found_joints(model, truth, poses, images) -> list[str]:
    """Sections on how an estimator found difficult joints."""
    start_tensorflow()
    from tfpose import tree_report
    from tfpose.maps import Units

    return tree_report.sections(truth, poses, images, Units.load(model))
