import numpy as np
import pytest

from tests.support import pose_files, scored_people
from tfpose.evaluation import refinement
from tfpose.evaluation.evaluate import analyze_poses, evaluate_poses
from tfpose.io.coco import read_annotations, read_results
from tfpose.io.coco_records import annotation_entry, result_entry
from tfpose.metrics import mistakes
from tfpose.report import tables
from tfpose.skeletons import LSP14


@pytest.fixture
def people(tmp_path):
    files = pose_files.write(tmp_path)
    sides = [read_results(files[name], LSP14)[0] for name in ("before", "after")]
    return read_annotations(files["annotations"]), *sides


def crowd(folder, errors_px=(10, 4)):
    """Photos of two people, each set of poses as far off as told, some of them gone."""
    random = np.random.default_rng(0)
    annotations, sides = [], []
    for row in range(24):
        truth = scored_people.standing(LSP14) + [row % 2 * 300, 0]
        entry = annotation_entry(
            row + 1, row // 2 + 1, truth, random.choice([0, 1, 2, 2], 14), area=4e4
        )
        annotations.append(entry | {"iscrowd": int(row == 5), "head_size": 30.0})
    for number, pixels in enumerate(errors_px):
        poses = [
            result_entry(
                row // 2 + 1,
                scored_people.standing(LSP14)
                + [row % 2 * 300, 0]
                + random.normal(0, pixels, (14, 2)),
                np.ones(14),
                random.random(),
            )
            for row in range(24)
            if row % 7 != number
        ]
        truth, found = scored_people.read(folder, LSP14, annotations, poses)
        sides.append(found)
    return truth, *sides


def cell(before, value, low=None, high=None):
    change = value - before
    low, high = (change if end is None else end for end in (low, high))
    after = {"value": value, "change": change, "low": low, "high": high}
    return {"before": before, "after": {"halved": after}}


def test_everybody_gains_the_same(people):
    truth, before, after = people
    # 6 px are 0.197 torsos, 3 px half of that: right at 0.2, and at 0.1 after.
    numbers = refinement.compare_poses(
        truth, before, {"halved": after}, ["pck", "pck@0.1"]
    )
    assert (numbers["people"], numbers["photos"]) == (3, 3)
    assert numbers["refiners"] == ["halved"]
    coarse, fine = numbers["tables"]
    assert (coarse["name"], fine["name"]) == ("PCK@0.2", "PCK@0.1")
    assert list(fine["rows"]) == [*LSP14.joints, "mean"]
    assert fine["rows"]["left_knee"] == fine["rows"]["mean"] == cell(0.0, 100.0)
    assert coarse["rows"]["mean"] == cell(100.0, 100.0)


def test_one_of_two_people_gains(tmp_path):
    # Their torsos are 40 px: 9 px are wrong at 0.2, 0 px are right.
    truth, before = scored_people.one_person_each(
        tmp_path, LSP14, [[9.0] * 14, [0.0] * 14]
    )
    _, after = scored_people.one_person_each(tmp_path, LSP14, [[0.0] * 14] * 2)
    numbers = refinement.compare_poses(truth, before, {"halved": after}, ["pck"])
    (table,) = numbers["tables"]
    wanted = cell(50.0, 100.0, 0.0, 100.0)
    assert table["rows"]["mean"] == table["rows"]["neck"] == wanted


def test_the_same_poses_change_nothing_for_certain(tmp_path):
    truth, before, _ = crowd(tmp_path)
    numbers = refinement.compare_poses(truth, before, {"same": before})
    rows = [cell for table in numbers["tables"] for cell in table["rows"].values()]
    assert len(rows) == 2 * 15 + 15 + 11 + 3
    for cell in [*rows, *numbers["mistakes"].values()]:
        assert cell["after"]["same"] == {
            "value": cell["before"], "change": 0.0, "low": 0.0, "high": 0.0
        }  # fmt: skip


@pytest.mark.parametrize("metric", ["pck", "pck@0.05", "pckh", "auc", "pcp"])
def test_the_values_are_those_of_evaluate(tmp_path, metric):
    truth, before, after = crowd(tmp_path)
    (table,) = refinement.compare_poses(truth, before, {"a": after}, [metric])["tables"]
    sides = [
        evaluate_poses(truth, side, *refinement.parse_metric(metric))
        for side in (before, after)
    ]
    rates = "per_stick" if metric == "pcp" else "per_joint"
    assert 0 < sides[0]["mean"] != sides[1]["mean"] < 100
    for side, read in zip(
        sides,
        (lambda cell: cell["before"], lambda cell: cell["after"]["a"]["value"]),
        strict=True,
    ):
        found = {row: read(cell) for row, cell in table["rows"].items()}
        assert found == pytest.approx({**side[rates], "mean": side["mean"]})


def test_average_precision_and_mistakes_are_those_of_evaluate_and_analyze(tmp_path):
    truth, before, after = crowd(tmp_path)
    numbers = refinement.compare_poses(truth, before, {"a": after}, ["oks"])
    (table,) = numbers["tables"]
    after_numbers = evaluate_poses(truth, after, "oks")
    for row in ("AP", "AP50", "AP75"):
        value = table["rows"][row]["after"]["a"]["value"]
        assert value == pytest.approx(100 * after_numbers[row])
    shares = analyze_poses(truth, before), analyze_poses(truth, after)
    for kind in mistakes.TYPES:
        cells = {None: numbers["mistakes"]} | numbers["mistakes_per_joint"]
        for joint, kinds in cells.items():
            wanted = [s["per_joint"][joint] if joint else s for s in shares]
            found = kinds[kind]["before"], kinds[kind]["after"]["a"]["value"]
            assert found == pytest.approx([side[kind] for side in wanted])
    low, high = (numbers["mistakes"]["good"]["after"]["a"][k] for k in ("low", "high"))
    assert 0 < low < high


def test_a_seed_gives_the_same_intervals(tmp_path):
    truth, before, after = crowd(tmp_path)
    first, again, other = (
        refinement.compare_poses(truth, before, {"a": after}, ["pck"], 50, seed)
        for seed in (0, 0, 1)
    )
    assert first == again and first["tables"] != other["tables"]


def test_nobody_has_no_numbers(people):
    truth, before, _ = people
    nobody = truth.take([])
    numbers = refinement.compare_poses(nobody, before, {"a": before}, ["pck", "oks"])
    missing = dict.fromkeys(("value", "change", "low", "high"))
    assert numbers["tables"][0]["rows"]["mean"] == {
        "before": None, "after": {"a": missing}
    }  # fmt: skip
    assert numbers["mistakes"]["good"]["before"] is None
    assert tables.comparison_table(numbers).splitlines()[2].split() == [
        "PCK@0.2",
        "-",
        "-",
    ]


def test_the_metrics_are_those_that_the_annotations_allow(tmp_path, people):
    assert refinement.default_metrics(people[0]) == ["pck@0.2", "pck@0.1", "pcp", "oks"]
    with_heads = crowd(tmp_path)[0]
    assert "pckh" in refinement.default_metrics(with_heads)


@pytest.mark.parametrize("text", ["pkc", "pck@", "pck@far", "oks@0.5", "oks@", ""])
def test_a_metric_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=f"metric '{text}': expected one of pck, pckh"):
        refinement.parse_metric(text)


def test_the_table_has_a_line_a_row_and_a_column_a_refiner(people):
    truth, before, after = people
    refined = {"halved": after, "not at all": before}
    numbers = refinement.compare_poses(truth, before, refined, ["pck@0.1", "oks"])
    lines = tables.comparison_table(numbers).splitlines()
    assert lines[0].startswith("3 people in 3 photos")
    assert lines[1].split() == ["before", "halved", "not", "at", "all"]
    wanted = "PCK@0.1 0.00 100.00 +100.00 [+100.00, +100.00] 0.00 +0.00 [+0.00, +0.00]"
    assert lines[2].split() == wanted.split()
    assert sum(line.split() == wanted.replace("PCK@0.1", "mean").split()
               for line in lines) == 1  # fmt: skip
    columns = [line.index("]") for line in lines if line.count("]") == 2]
    assert len(set(columns)) == 1 and len(columns) == 2 + 5 + 15 + 3
    assert "PCK@0.1: percent of joints within 0.1 x torso" in "\n".join(lines)
    assert "(photos for OKS-AP)" in " ".join(lines)
