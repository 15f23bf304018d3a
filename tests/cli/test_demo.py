"""What ``tfpose demo`` does with the example photos, and what its short training is."""

import json
import pathlib
import re

import numpy as np
import pytest

from tests.support import pose_files
from tfpose import drawing
from tfpose.cli import demo
from tfpose.inference import predict_files, refine_files
from tfpose.io import examples, files
from tfpose.io.coco_records import result_entry
from tfpose.io.photo_ids import number
from tfpose.models.folders import load_config
from tfpose.weights.presets import model_folder

PHOTOS = examples.paths()[:2]


@pytest.fixture
def calls(monkeypatch):
    """What was asked of an estimator and a refiner; both answer at once."""
    made = []

    def predict(model, given, out, **options):
        made.append((model, options))
        known = [pathlib.Path(path) for path in given]
        pose = pose_files.STANDING + 100, np.ones(14), 0.9
        poses = [
            result_entry(number(path), *pose, file_name=path.name) for path in known
        ]
        if out.endswith(".json"):
            files.write_json(out, poses)
        else:
            for path in known:
                drawing.write_image(
                    pathlib.Path(out, path.name), np.zeros((40, 30, 3), np.uint8)
                )
        return {"photos": len(given), "poses": 7}

    def refine(model, poses, images, out, **options):
        made.append((model, options))
        entries = json.loads(pathlib.Path(poses).read_text())
        for entry in entries:
            keypoints = np.reshape(entry["keypoints"], (-1, 3)) + [3.0, 4.0, 0.0]
            entry["keypoints"] = keypoints.ravel().tolist()
        files.write_json(out, entries)

    monkeypatch.setattr(predict_files, "predict_files", predict)
    monkeypatch.setattr(refine_files, "refine_file", refine)
    return made


def test_people_are_found_and_another_methods_poses_of_them_refined(calls, tmp_path):
    numbers = demo.show_photos(tmp_path, PHOTOS, lambda line: None)
    assert [model for model, _ in calls] == [demo.ESTIMATOR, demo.METHOD, demo.REFINER]
    boxes = str(tmp_path / "examples/found/poses.json")
    assert calls[1][1]["boxes"] == boxes and calls[1][1]["flip"] is False
    assert numbers == {"photos": 2, "found": 7, "refined": 2, "moved": 5.0}


def test_the_page_shows_everybody_found_and_each_pose_twice(calls, tmp_path):
    demo.show_photos(tmp_path, PHOTOS, lambda line: None)
    page = (tmp_path / "examples.html").read_text("utf-8")
    found, refined = re.findall(r"<section>.*?</section>", page, re.S)
    for path in PHOTOS:
        credit = examples.credit(path)
        assert credit["license"] in found and credit["page"].split("=")[1] in found
        assert f"{path.name}: joints moved by 5.0 px" in refined
    assert found.count("<img") == refined.count("<img") == 2
    assert demo.REFINER in refined


def test_the_refiner_knows_the_methods_joints():
    method, refiner = (
        load_config(model_folder(name)) for name in (demo.METHOD, demo.REFINER)
    )
    assert method.skeleton == refiner.skeleton
    assert method.model != refiner.model


def test_the_short_training_starts_from_a_preset_of_its_size():
    recipe = demo.SHORT.recipe()
    preset = load_config(model_folder(demo.SHORT.weights))
    assert recipe.skeleton == preset.skeleton
    assert recipe.input_size == preset.input_size
    assert {**recipe.network, **preset.network} == recipe.network


def test_quick_or_not_the_training_is_the_same_run_with_less():
    for training in (demo.SHORT, demo.FULL):
        less = demo.Training(**{**vars(training), **demo.QUICK})
        assert less.photos < training.photos
        assert less.recipe() == training.recipe()
