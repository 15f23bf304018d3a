import dataclasses
import json

import numpy as np
import pytest

from tfpose.errors import TfposeError
from tfpose.inference import reliability
from tfpose.inference.reliability import Beliefs, Calibration, Trust

IDENTITY = np.float32([[1, 0, 0], [0, 1, 0]])


def beliefs(maps, cells, valid=None):
    """Beliefs f32[N, h, w, K] about input poses f32[N, K, 2] given in cells."""
    maps = np.asarray(maps, np.float32)
    inputs = (np.asarray(cells, np.float32) + 0.5) * 4 - 0.5
    valid = np.ones(inputs.shape[:2], np.float32) if valid is None else valid
    return Beliefs(maps, inputs, valid, np.tile(IDENTITY, (len(maps), 1, 1)))


def single(map_of_cells, cell, valid=None):
    """One person with one joint."""
    maps = np.asarray(map_of_cells, np.float32)[None, :, :, None]
    return beliefs(maps / maps.sum(), [[cell]], valid)


def gaussian(x, y, sigma, size=15):
    rows, columns = np.mgrid[:size, :size]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


def test_expectation_is_the_mean_cell():
    maps = np.zeros((1, 3, 4, 1))
    maps[0, 0, 1, 0], maps[0, 2, 3, 0] = 0.25, 0.75
    assert reliability.expectation(maps)[0, 0].tolist() == [2.5, 1.5]


def test_photo_and_cells_are_inverse():
    some = Beliefs(
        np.ones((1, 2, 2, 1)),
        np.zeros((1, 1, 2)),
        np.ones((1, 1)),
        np.float32([[[2, 0.5, 7], [-0.5, 2, -3]]]),
    )
    cells = np.float32([[[1.25, -0.5]]])
    np.testing.assert_allclose(some.in_cells(some.in_photo(cells)), cells, atol=1e-5)


def test_disagreement_is_the_median_over_people_per_joint():
    maps = np.zeros((3, 5, 5, 1), np.float32)
    maps[:, 2, 2] = 1
    parts = [beliefs(maps[:2], [[[2, 2]], [[2, 3]]]), beliefs(maps[2:], [[[2, 6]]])]
    assert reliability.trust(parts, Calibration()).disagreement.tolist() == [1.0]


def test_missing_joints_do_not_disagree():
    maps = np.zeros((2, 5, 5, 1), np.float32)
    maps[:, 2, 2] = 1
    some = beliefs(maps, [[[2, 3]], [[0, 0]]], valid=np.float32([[1], [0]]))
    assert reliability.trust([some], Calibration()).disagreement.tolist() == [1.0]


def with_noise(distance, people, noise=1.0, far=0.0):
    """The trust in a file of people who all disagree by this many cells."""
    maps = np.zeros((people, 5, 60, 1), np.float32)
    maps[:, 2, 2] = 1
    some = beliefs(maps, np.tile([[[2 + distance, 2]]], (people, 1, 1)))
    return reliability.trust([some], Calibration((noise,), far))


def test_the_weight_is_the_disagreement_that_is_not_the_refiners():
    """Noise 1, half of it the labels', disagreement 2 of very many people."""
    assert with_noise(2.0, 5000).weight[0] == pytest.approx(1 - 0.5 / 4, abs=1e-3)
    assert with_noise(1.0, 5000).weight[0] == pytest.approx(0.5, abs=1e-3)


def test_a_file_nearer_than_the_labels_is_trusted_most():
    assert with_noise(0.8, 5000).weight[0] == reliability.LEAST_WEIGHT
    assert with_noise(0.5, 5000).weight[0] == reliability.LEAST_WEIGHT
    assert with_noise(0.5, 5000, far=0.5).wrong == reliability.LEAST_WRONG


def test_a_single_person_says_little_about_a_method():
    """One person at 2 cells, five assumed at 0.85: D^2 = (4 + 5 * 0.7225) / 6."""
    trust = with_noise(2.0, 1)
    assert trust.weight[0] == pytest.approx(1 - 0.5 * 6 / (4 + 5 * 0.7225))
    assert trust.weight[0] < with_noise(2.0, 20).weight[0]


def test_far_joints_in_excess_of_the_truths_are_wrong():
    """A quarter of the joints is far, 1 in 20 of the truth's: 1 - 0.05 / 0.25."""
    maps = np.zeros((4000, 5, 60, 1), np.float32)
    maps[:, 2, 2] = 1
    cells = np.tile([[[2.5, 2]]], (4000, 1, 1))
    cells[::4] = [[22, 2]]
    some = beliefs(maps, cells)
    trust = reliability.trust([some], Calibration((1.0,), 0.05))
    assert trust.far.tolist() == [3.0]
    assert trust.wrong == pytest.approx(0.8, abs=1e-3)


def fuse(some, weight, wrong=0.5, far=3.0, score=None):
    if score is not None:
        some = dataclasses.replace(some, scores=np.full((1, 1), score))
    trust = Trust(None, np.array([weight]), np.array([far]), wrong)
    return reliability.combine(some, trust)[0, 0]


def test_near_joints_are_averaged():
    some = single(gaussian(6, 7, 0.3), (8, 7))
    np.testing.assert_allclose(fuse(some, 0.25), [7.5, 7], atol=1e-3)
    np.testing.assert_allclose(fuse(some, 0.0), [8, 7], atol=1e-4)


def test_far_joints_are_chosen_by_the_share_of_wrong_ones():
    some = single(gaussian(3, 4, 0.3), (13, 12))
    np.testing.assert_allclose(fuse(some, 0.5, wrong=0.6), [3, 4], atol=1e-3)
    np.testing.assert_allclose(fuse(some, 0.5, wrong=0.4), [13, 12], atol=1e-3)


def test_a_sure_refiner_wins_a_far_joint_and_an_unsure_one_loses_it():
    some = single(gaussian(3, 4, 0.3), (13, 12))
    sure, unsure = fuse(some, 0.5, 0.4, score=0.95), fuse(some, 0.5, 0.4, score=0.1)
    np.testing.assert_allclose(sure, [3, 4], atol=1e-3)
    np.testing.assert_allclose(unsure, [13, 12], atol=1e-3)


def test_a_missing_joint_is_answered_by_the_refiner_alone():
    some = single(gaussian(6, 7, 0.3), (7, 7), valid=np.zeros((1, 1), np.float32))
    np.testing.assert_allclose(fuse(some, 0.0, 0.1), [6, 7], atol=1e-3)


@pytest.mark.parametrize("present, share", [(3, 0), (5, 0.5), (8, 1), (10, 1)])
def test_a_pose_of_few_joints_is_left_alone(present, share):
    maps = np.zeros((1, 5, 60, 10), np.float32)
    maps[:, 2, 2] = 1
    valid = np.float32([[1] * present + [0] * (10 - present)])
    some = beliefs(maps, np.tile([[[4.0, 2]]], (1, 10, 1)), valid)
    trust = Trust(None, np.full(10, 0.4), np.full(10, 3.0), 0.5)
    answer = reliability.combine(some, trust)[0]
    np.testing.assert_allclose(answer[:present, 0], 4 - 2 * 0.4 * share, atol=1e-5)
    np.testing.assert_allclose(answer[present:, 0], 2, atol=1e-5)


def test_a_refiner_without_calibration_decides_alone():
    some = single(gaussian(6, 7, 0.3), (12, 2))
    trust = reliability.trust([some], Calibration())
    np.testing.assert_allclose(
        reliability.combine(some, trust)[0, 0], [6, 7], atol=1e-3
    )


def test_measuring_loses_nobody():
    maps = np.zeros((1, 5, 5, 1), np.float32)
    maps[:, 2, 2] = 1
    given = [beliefs(maps, [[[2, 2 + i]]]) for i in range(3)]
    trust, stream = reliability.measured(iter(given), Calibration())
    assert trust.disagreement.tolist() == [1.0]
    assert list(stream) == given


def test_a_file_without_people_is_measured():
    trust, stream = reliability.measured(iter([]), Calibration())
    assert trust is None and list(stream) == []


def test_input_weight_is_the_place_between_refined_and_input():
    inputs = np.array([[[10.0, 0.0], [5.0, 5.0]]])
    refined = np.array([[[0.0, 0.0], [5.0, 5.0]]])
    fused = np.array([[[2.5, 1.0], [5.0, 5.0]]])
    weights = reliability.input_weights(inputs, refined, fused)
    assert weights[0, 0] == 0.25 and np.isnan(weights[0, 1])


def test_calibration_is_written_and_read(tmp_path):
    calibration = Calibration((0.25, 0.5), 0.03)
    reliability.write_calibration(tmp_path, calibration)
    assert reliability.read_calibration(tmp_path) == calibration


def test_a_calibration_of_an_earlier_version_is_read(tmp_path):
    older = {"sharpness": 0.8, "noise": [0.25], "far": 0.03}
    (tmp_path / reliability.FILE).write_text(json.dumps(older))
    assert reliability.read_calibration(tmp_path) == Calibration((0.25,), 0.03)


def test_a_folder_without_calibration_has_the_default(tmp_path):
    assert reliability.read_calibration(tmp_path) == Calibration()


def test_a_broken_calibration_is_named(tmp_path):
    (tmp_path / reliability.FILE).write_text(json.dumps({"far": 1.0}))
    with pytest.raises(ValueError, match="calibration.json: not a calibration"):
        reliability.read_calibration(tmp_path)


# --- trust that is kept ----------------------------------------------------------


def test_trust_is_the_same_after_writing_and_reading(tmp_path):
    path = tmp_path / "trust.json"
    trust = reliability.Trust(np.arange(3.0), np.full(3, 0.4), np.ones(3), 0.25)
    reliability.write_trust(path, trust, "posefix")
    again = reliability.read_trust(path, "posefix", 3)
    for name, value in vars(trust).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    nothing = iter([])
    assert reliability.measured(nothing, None, again) == (again, nothing)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"model": "other"}, "expected the trust of posefix, found that of other"),
        ({"far": [1, 2]}, "expected 3 numbers of at least 0"),
        ({"wrong": -1}, "expected 3 numbers of at least 0"),
        ({"weight": ["a"] * 3}, "not a trust in poses"),
        ({"wrong": None}, "not a trust in poses"),
    ],
)
def test_a_file_that_is_no_trust_is_named(tmp_path, changes, message):
    path = tmp_path / "trust.json"
    trust = reliability.Trust(np.arange(3.0), np.full(3, 0.4), np.ones(3), 0.25)
    reliability.write_trust(path, trust, "posefix")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(TfposeError, match=message) as caught:
        reliability.read_trust(path, "posefix", 3)
    assert str(path) in str(caught.value)
