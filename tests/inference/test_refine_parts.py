"""Files refined in parts, shards, and pipelines, and after interruptions: the same."""

import concurrent.futures
import importlib.util
import json
import os
import shutil

import pytest

from tests.inference.test_refine_files import (  # noqa: F401
    Scene,
    model_dir,
    opinionated,
    scene,
)
from tfpose import cli
from tfpose.errors import FileError
from tfpose.inference import poses_to_refine, refine_parts
from tfpose.inference.progress import Progress


@pytest.fixture
def crowd(scene, monkeypatch):  # noqa: F811
    """Four photos with two or three people each, a part each."""
    monkeypatch.setattr(poses_to_refine, "PART", 1)
    for number in (11, 12):
        shutil.copy(scene.images / "im3.png", scene.images / f"im{number}.png")
    scene.records = [
        scene.pose(image_id, shift)
        for image_id, shifts in {
            11: (0, 60),
            3: (5, 50),
            12: (20, 70),
            7: (9, 40, 80),
        }.items()
        for shift in shifts
    ]
    return scene


def files_of(crowd):
    return {path.name for path in crowd.folder.iterdir()}


@pytest.mark.slow
def test_the_joined_files_of_shards_are_the_file_of_one_run(crowd, capsys):
    whole, _ = crowd.refine()
    expected, names = crowd.out.read_bytes(), []
    assert whole["poses"] == 9
    for count in (1, 2, 3, 6):
        names = []
        for index in range(1, count + 1):
            crowd.refine(shard=(index, count))
            names.append(str(crowd.folder / f"{index}.json"))
            crowd.out.rename(names[-1])
        assert cli.main(["join", *names, "--out", str(crowd.out)]) == 0
        assert crowd.out.read_bytes() == expected
        assert f"9 poses of {count} files" in capsys.readouterr().out


def test_the_command_takes_shards(crowd):
    crowd.refine(shard=(2, 2))
    expected = crowd.out.read_bytes()
    assert crowd.command("--shard", "2/2") == 0
    assert crowd.out.read_bytes() == expected


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "/"])
def test_other_shards_are_refused(crowd, capsys, text):
    assert crowd.command(f"--shard={text}") == 2
    assert "expected I/N such as 3/16" in capsys.readouterr().err


class Killed(BaseException):
    """As a signal: no error of the package."""


@pytest.fixture
def ending(monkeypatch):
    """Ends a run when it writes its third part; the parts that are written."""
    write, written = Progress.write, []

    def end(self, number, *arguments):
        if len(written) == 2:
            raise Killed
        written.append(number)
        write(self, number, *arguments)

    with monkeypatch.context() as context:
        context.setattr(Progress, "write", end)
        yield written, context


def test_a_run_that_was_ended_goes_on_and_writes_the_same(crowd, ending):
    written, context = ending
    with pytest.raises(Killed):
        crowd.refine()
    assert not crowd.out.exists() and "refined.json.parts" in files_of(crowd)
    context.undo()
    refined = []
    result = refine_parts.PartWork.result
    context.setattr(
        refine_parts.PartWork, "result",
        lambda work, refiner: refined.append(work.part.start) or result(work, refiner),
    )  # fmt: skip
    report, _ = crowd.refine()
    found = crowd.out.read_bytes()
    assert written == [0, 1] and refined == [4, 6], "only the other two"
    assert "refined.json.parts" not in files_of(crowd)
    crowd.out.unlink()
    assert (crowd.refine()[0], crowd.out.read_bytes()) == (report, found)


def test_parts_of_another_run_are_not_used(crowd, ending):
    _, context = ending
    with pytest.raises(Killed):
        crowd.refine(use_reliability=False)
    context.undo()
    report, refined = crowd.refine()
    crowd.out.unlink()
    assert crowd.refine() == (report, refined)


def test_two_runs_do_not_write_one_file(crowd, monkeypatch):
    write = Progress.write

    def intrude(self, *arguments):
        monkeypatch.setattr(Progress, "write", write)
        with pytest.raises(FileError, match="is writing there"):
            crowd.refine()
        write(self, *arguments)

    monkeypatch.setattr(Progress, "write", intrude)
    assert crowd.refine()[0]["refined"] == 9


def test_the_poses_can_go_into_a_pipe(crowd):
    _, expected = crowd.refine()
    crowd.out = crowd.folder / "pipe"
    os.mkfifo(crowd.out)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        text = pool.submit(crowd.out.read_text)
        assert crowd.command() == 0
        assert json.loads(text.result()) == expected
    assert "pipe.parts" not in files_of(crowd)


def test_joining_what_is_no_list_writes_nothing(tmp_path, capsys):
    (tmp_path / "a.json").write_text("[1, 2]")
    (tmp_path / "b.json").write_text('{"a": 1}')
    (tmp_path / "c.json").write_text("[1, 2")
    for bad, words in (("b", "expected a JSON list of poses"), ("c", "not JSON")):
        names = [str(tmp_path / f"{name}.json") for name in ("a", bad)]
        assert cli.main(["join", *names, "--out", str(tmp_path / "out.json")]) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_without_beam_the_extra_is_named(crowd, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert crowd.command("--beam") == 2
    assert "[beam]" in capsys.readouterr().err


# Beam's own code warns of what it will remove.
@pytest.mark.filterwarnings("default")
@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    ["", "--direct_num_workers=2 --direct_running_mode=multi_processing"],
    ids=["one process", "two processes"],
)
def test_a_pipeline_writes_the_same_file(tmp_path, model_dir, options):  # noqa: F811
    pytest.importorskip(
        "apache_beam", reason="needs an environment with tfpose[beam] (setup.py)"
    )
    scene = Scene(tmp_path, model_dir)  # noqa: F811
    scene.records.sort(key=lambda record: record["image_id"])
    scene.records *= 300  # a photo's records are together: two parts
    scene.records.sort(key=lambda record: record["image_id"])
    report, _ = scene.refine()
    expected = scene.out.read_bytes()
    scene.out.unlink()
    assert scene.refine(beam=options)[0] == report
    assert scene.out.read_bytes() == expected
