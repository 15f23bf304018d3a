"""Photos searched in parts, shards, and after interruptions: the same poses."""

import dataclasses
import json
import pickle
import types

import numpy as np
import pytest

import tfpose.inference
from tests.inference.test_predict_files import (  # noqa: F401
    FAST,
    JOINTS,
    RECIPES,
    dot_model,
    dot_refiner,
    dots,
    estimators,
    scene,
    write_folder,
)
from tests.inference.test_refine_files import write_model
from tests.inference.test_refine_parts import Killed, ending  # noqa: F401
from tfpose import cli, drawing
from tfpose.errors import PhotoError, PoseFileError
from tfpose.inference import predict_files as predictions
from tfpose.inference import predict_work
from tfpose.inference.predict_parts import Search
from tfpose.inference.progress import Progress
from tfpose.inference.refiner import Refiner


@pytest.fixture
def album(scene, dot_refiner, monkeypatch):  # noqa: F811
    """Five photos of one person each, in three parts, and a refiner of the dots."""
    monkeypatch.setattr(predict_work, "PART", 2)
    monkeypatch.setattr(Refiner, "from_preset", lambda name: dot_refiner)
    write_folder("refiner", RECIPES["posefix"]["tiny"]())
    for number in (8, 9, 12):
        moved = JOINTS + [number, -number / 2]
        drawing.write_image(scene.images / f"im{number}.png", dot_model.draw(moved))
    return scene


@pytest.fixture
def searched(monkeypatch):
    """The names of the photos that are searched, part by part."""
    search, names = Search.__call__, []

    def note(self, photos):
        names.append([photo.name for photo in photos])
        return search(self, photos)

    monkeypatch.setattr(Search, "__call__", note)
    return names


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("refiner", [None, "refiner"])
def test_the_joined_poses_of_shards_are_those_of_one_run(album, refiner):
    # By the names in the folder, im12.png comes first.
    report, entries = album.predict(single=True, refiner=refiner)
    assert report["poses"] == 5 and [e["image_id"] for e in entries] == [12, 3, 7, 8, 9]
    expected = album.out.read_bytes()
    for count in (1, 2, 3, 4):
        names = []
        for index in range(1, count + 1):
            album.predict(single=True, refiner=refiner, shard=(index, count))
            names.append(str(album.folder / f"{index}.json"))
            album.out.rename(names[-1])
        assert cli.main(["join", *names, "--out", str(album.out)]) == 0
        assert album.out.read_bytes() == expected


def test_shards_draw_the_pictures_of_one_run(album, capsys):
    # Names that repeat get their numbers, in each shard too.
    drawing.write_image(album.images / "im9.jpg", dot_model.draw())
    album.out = album.folder / "whole"
    album.predict(single=True)
    expected = files_of(album.out)
    pictures = {}
    for index in (1, 2):
        album.out = album.folder / str(index)
        assert album.command("--single", "--shard", f"{index}/2", *FAST) == 0
        pictures |= files_of(album.out)
    assert "poses in 2 photos" in capsys.readouterr().out
    assert len(expected) == 7
    assert {**pictures, "poses.json": 0} == {**expected, "poses.json": 0}


def test_a_run_that_was_ended_goes_on(album, ending, searched):  # noqa: F811
    _, context = ending
    album.out = album.folder / "out"
    with pytest.raises(Killed):
        album.predict(single=True, refiner="refiner")
    assert not album.out.exists() and (album.folder / "out.parts").is_dir()
    context.undo()
    searched.clear()
    report, entries = album.predict(single=True, refiner="refiner")
    assert searched == [["im9.png"]], "the trust in the poses is kept, too"
    assert not (album.folder / "out.parts").exists()
    found = files_of(album.out)
    assert len(found) == 6
    assert album.predict(single=True, refiner="refiner") == (report, entries)
    assert files_of(album.out) == found


def test_only_parts_with_changed_photos_are_searched_again(album, searched):
    good = (album.images / "im9.png").read_bytes()
    (album.images / "im9.png").write_bytes(b"no photo")
    with pytest.raises(PhotoError, match="im9.png"):
        album.predict(single=True)
    (album.images / "im9.png").write_bytes(good)
    drawing.write_image(album.images / "im3.png", dot_model.draw(JOINTS + 5))
    searched.clear()
    _, entries = album.predict(single=True)
    assert searched == [["im12.png", "im3.png"], ["im9.png"]]
    assert album.predict(single=True)[1] == entries


def test_parts_of_other_options_are_not_used(album, ending, searched):  # noqa: F811
    _, context = ending
    with pytest.raises(Killed):
        album.predict(single=True)
    context.undo()
    searched.clear()
    album.predict(single=True, joint_score=0.9)
    assert len(searched) == 3


def test_a_shard_without_photos_has_no_poses(album):
    report, entries = album.predict(single=True, shard=(1, 4))
    assert (report["photos"], report["poses"], entries) == (0, 0, [])
    assert json.loads(album.out.read_text()) == []


# --- pipelines -------------------------------------------------------------------


@pytest.fixture
def line(monkeypatch):
    """A pipeline of one worker, to whom everything is sent; the parts it made."""
    made = []

    def make_parts(load, question, parts, folder, options):
        make = load(pickle.loads(pickle.dumps(question)), Progress(folder))
        for part in reversed(pickle.loads(pickle.dumps(parts))):
            make(*part)
            made.append(part[0])

    beam = types.SimpleNamespace(make_parts=make_parts)
    monkeypatch.setattr(tfpose.inference, "beam_parts", beam, raising=False)
    monkeypatch.setattr(predictions, "read_options", lambda text: text)
    return made


@pytest.mark.parametrize(("refiner", "made"), [(None, [2, 1, 0]), ("refiner", [])])
def test_workers_write_what_one_run_writes(album, line, refiner, made):
    report, entries = album.predict(single=True, refiner=refiner)
    expected = album.out.read_bytes()
    album.out.unlink()
    assert album.predict(single=True, refiner=refiner, beam="") == (report, entries)
    assert album.out.read_bytes() == expected
    assert line == made, "parts that measured the trust are there already"


def test_a_pipeline_makes_only_the_parts_that_are_left(album, line, ending):  # noqa: F811
    _, context = ending
    with pytest.raises(Killed):
        album.predict(single=True)
    context.undo()
    album_after = album.predict(single=True, beam="")
    assert line == [2]
    assert album.predict(single=True) == album_after


def test_a_worker_that_sees_other_photos_refuses(album, line, monkeypatch):
    load = tfpose.inference.beam_parts.make_parts

    def later(*arguments):
        drawing.write_image(album.images / "im10.png", dot_model.draw())
        load(*arguments)

    monkeypatch.setattr(tfpose.inference.beam_parts, "make_parts", later)
    with pytest.raises(PoseFileError, match="expected the photos.*others in part"):
        album.predict(single=True, beam="")
    assert not album.out.exists()
    assert album.predict(single=True)[0]["poses"] == 6


def test_videos_refuse_pipelines(album, capsys):
    assert album.command("--video", "--beam") == 2
    assert "--beam: expected photos, found a video" in capsys.readouterr().err


@pytest.fixture
def beam():
    return pytest.importorskip(
        "apache_beam", reason="needs an environment with tfpose[beam] (setup.py)"
    )


# Beam's own code warns of what it will remove.
@pytest.mark.filterwarnings("default")
@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    ["", "--direct_num_workers=2 --direct_running_mode=multi_processing"],
    ids=["one process", "two processes"],
)
def test_a_pipeline_writes_the_same_file(beam, tmp_path, options):
    recipe = RECIPES["simple_baseline"]["tiny"]()
    network = {**recipe.network, "filters": (8, 8, 8)}
    small = dataclasses.replace(recipe, input_size=(64, 64), network=network)
    model = str(write_model(tmp_path / "model", small))
    photos, out = tmp_path / "photos", tmp_path / "poses.json"
    photos.mkdir()
    for number in range(40):  # of other sizes, and so of other poses: two parts
        drawing.write_image(
            photos / f"{number}.png", np.zeros((30, 30 + number, 3), np.uint8)
        )

    def predict(beam=None):
        return predictions.predict_files(
            model, [str(photos)], str(out), single=True, flip=False, scales=(1.0,),
            beam=beam,
        )  # fmt: skip

    report = predict()
    expected = out.read_bytes()
    assert report["photos"] == 40 and report["poses"] == 40
    good = (photos / "39.png").read_bytes()
    (photos / "39.png").write_bytes(b"no photo")
    out.unlink()
    with pytest.raises(PhotoError, match="39.png"):
        predict(options)
    assert not out.exists()
    (photos / "39.png").write_bytes(good)
    assert predict(options) == report and out.read_bytes() == expected
