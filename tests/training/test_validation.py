"""Validation people, simulated methods and the calibration measured on them."""

import numpy as np
import pytest

from tests.support import drawn_people
from tests.training.test_fit import CONFIG, ESTIMATOR
from tfpose.inference import reliability
from tfpose.inference.estimator import Estimator
from tfpose.io.files import write_json
from tfpose.models import MODELS, folders, table
from tfpose.skeletons import LSP14
from tfpose.training import calibration, validation

pytestmark = pytest.mark.usefixtures("nano_trunk", "nano_front_end", "eagerly")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_people.prepare(tmp_path_factory.mktemp("data"), people=(14, 6))


@pytest.fixture(scope="module")
def people(data):
    return validation.read_people(data, CONFIG.validation, LSP14)


def write_model(folder, config):
    model = table.build_model(config)
    model.save_weights(folder / folders.WEIGHTS)
    write_json(folder / folders.CONFIG, config.to_json())
    return folder


@pytest.fixture
def model_dir(tmp_path):
    return write_model(tmp_path, CONFIG)


@pytest.fixture(scope="module")
def estimator_dir(tmp_path_factory, nano_front_end):
    return write_model(tmp_path_factory.mktemp("estimator"), ESTIMATOR)


def test_people_are_read_in_window_pixels(people):
    for window, points, valid in zip(
        people.windows, people.keypoints, people.valid, strict=True
    ):
        height, width = window.shape[:2]
        seen = points[valid > 0]
        assert (seen >= -0.5).all() and (seen < [width, height]).all()


def test_a_box_holds_its_joints(people):
    low, size = people.boxes[:, None, :2], people.boxes[:, None, 2:]
    inside = (people.keypoints >= low - 0.5) & (people.keypoints < low + size)
    assert inside.all(-1)[people.valid > 0].all()


def test_a_method_without_errors_is_near_the_truth(people):
    poses = validation.simulate(people, LSP14, share=0.0, seed=(0, 0))
    distance = np.linalg.norm(poses - people.keypoints, axis=-1)
    spread = np.sqrt(people.box_areas[:, None]) * LSP14.sigma_array
    assert 0 < np.median((distance / spread)[people.valid > 0]) < 1


def test_more_errors_are_farther_off(people):
    def distance(share):
        poses = validation.simulate(people, LSP14, share, seed=(0, 0))
        apart = np.linalg.norm(poses - people.keypoints, axis=-1)
        return apart[people.valid > 0].mean()

    assert distance(1.0) > distance(0.0)


def test_unlabeled_joints_stand_at_the_middle():
    points = np.float32([[[0, 0], [10, 20]] + [[99, 99]] * 12])
    valid = np.float32([[1, 1] + [0] * 12])
    box = np.float32([[0, 0, 20, 40]])
    one = validation.People(
        [None], points, valid, box, np.float32([400]), np.float32([20])
    )
    poses = validation.simulate(one, LSP14, share=0.0, seed=(0, 0))
    np.testing.assert_allclose(poses[0, 2:], np.tile([5, 10], (12, 1)))


@pytest.mark.slow
def test_calibration_is_measured_and_kept(data, model_dir):
    found = calibration.calibrate(str(model_dir), data)
    assert len(found.noise) == 14 and min(found.noise) > 0
    assert reliability.read_calibration(model_dir) == found


@pytest.mark.slow
def test_a_model_is_scored_before_and_after(data, model_dir):
    numbers = validation.evaluate_model(str(model_dir), data)
    assert numbers["metric"] == "pck" and numbers["threshold"] == 0.2
    assert 0 <= numbers["mean"] <= 100
    assert 0 < numbers["before"]["mean"] < 100


@pytest.mark.slow
def test_an_estimator_is_scored_by_what_it_finds_in_the_boxes(
    data, people, estimator_dir, monkeypatch
):
    numbers = validation.evaluate_model(str(estimator_dir), data)
    assert numbers["metric"] == "pck" and "before" not in numbers
    assert 0 <= numbers["mean"] <= 100
    given = []

    def know(self, photos):
        given.extend(boxes for _, boxes in photos)
        yield people.keypoints, people.valid

    monkeypatch.setattr(Estimator, "estimate", know)
    assert validation.evaluate_model(str(estimator_dir), data)["mean"] == 100
    np.testing.assert_array_equal(np.concatenate(given), people.boxes)


@pytest.mark.slow
def test_every_heatmap_of_an_estimator_is_scored(data, estimator_dir, monkeypatch):
    read = []

    def estimator(*arguments, **options):
        read.append(options["output"])
        return Estimator(*arguments, scales=(1.0,), flip=False, **options)

    monkeypatch.setattr(validation, "Estimator", estimator)
    numbers = validation.evaluate_model(estimator_dir, data, "pck", every_map=True)
    assert list(numbers["maps"]) == read == ["initial", "heatmap"]
    assert numbers["maps"]["heatmap"]["per_joint"] == numbers["per_joint"]


def test_only_estimators_have_heatmaps_to_score(data, model_dir):
    with pytest.raises(ValueError, match="expected an estimator, found a refiner"):
        validation.evaluate_model(model_dir, data, every_map=True)


@pytest.mark.slow
@pytest.mark.usefixtures("without_weights")
def test_maps_of_parts_and_tags_are_not_scored():
    dlcm = MODELS["dlcm"].for_skeleton(LSP14, input_size=(64, 64), filters=32, depth=1)
    assert validation.joint_maps(dlcm) == ["stage1", "heatmap"]


@pytest.mark.slow
def test_dark_reads_gaussians_alone(data, estimator_dir):
    with pytest.raises(ValueError, match="expected Gaussian heatmaps, found hcrn"):
        validation.evaluate_model(estimator_dir, data, dark=True)
