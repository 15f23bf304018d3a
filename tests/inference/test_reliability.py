import json

import numpy as np
import pytest

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


def test_trust_is_in_excess_of_true_poses():
    """Disagreements 3, 5 and 40 cells, noise 3: s = 4 sqrt(5^2 - 3^2), one is far."""
    maps = np.zeros((3, 60, 5, 1), np.float32)
    maps[:, 2, 2] = 1
    some = beliefs(maps, [[[2, 5]], [[2, 7]], [[2, 42]]])
    trust = reliability.trust([some], Calibration(noise=(3.0,), far=0.2))
    assert trust.spread[0] == pytest.approx(16.0)
    assert trust.outliers == pytest.approx((1 / 3 - 0.2) / 0.8)


def test_a_file_like_the_truth_is_trusted_wholly():
    maps = np.zeros((2, 5, 5, 1), np.float32)
    maps[:, 2, 2] = 1
    some = beliefs(maps, [[[2, 3]], [[2, 3]]])
    noise, far = reliability.noise_of(some)
    trust = reliability.trust([some], Calibration(1.0, noise, far))
    assert trust.spread.tolist() == [0.0]
    assert trust.outliers == reliability.LEAST_OUTLIERS


def fuse(some, spread, outliers=0.0):
    return reliability.combine(some, Trust(None, np.array([spread]), outliers), 1.0)[
        0, 0
    ]


def test_two_gaussians_meet_by_their_precisions():
    """Belief N(14, 1^2), input N(17, 2^2): the posterior's mean is 14 + 3 / 5."""
    some = single(gaussian(14, 15, 1.0, size=31), (17, 15))
    np.testing.assert_allclose(fuse(some, 2.0), [14.6, 15.0], atol=2e-3)


def test_a_trusted_joint_stays_between_the_cells():
    some = single(gaussian(6, 7, 1.0), (7.5, 6.81))
    answer = fuse(some, 0.0, outliers=reliability.LEAST_OUTLIERS)
    np.testing.assert_allclose(answer, [7.5, 6.81], atol=1e-4)


def test_a_narrow_gaussian_moves_by_its_variance_times_the_slope():
    """ln N(6, 1) has the slope -1.5 at 7.5: s = 0.1 moves by -0.015."""
    some = single(gaussian(6, 7, 1.0), (7.5, 7.0))
    np.testing.assert_allclose(fuse(some, 0.1), [7.485, 7.0], atol=4e-3)


def test_an_outlier_gives_way_to_a_sharp_belief():
    some = single(gaussian(3, 4, 0.7), (13, 12))
    answer = fuse(some, 0.0, outliers=0.01)
    np.testing.assert_allclose(answer, [3, 4], atol=1e-3)


def test_a_flat_belief_leaves_the_input_where_it_is():
    some = single(np.ones((15, 15)), (6.3, 8.9))
    np.testing.assert_allclose(fuse(some, 1.5), [6.3, 8.9], atol=1e-4)


def test_a_missing_joint_is_answered_by_the_belief_alone():
    some = single(gaussian(6, 7, 1.0), (12, 2), valid=np.zeros((1, 1), np.float32))
    np.testing.assert_allclose(fuse(some, 1.0, 0.1), [6, 7], atol=1e-3)


def test_an_input_far_outside_the_crop_is_finite():
    some = single(gaussian(6, 7, 1.0), (400, -300))
    np.testing.assert_allclose(fuse(some, 0.8, 0.4), [6, 7], atol=1e-3)


def test_softening_keeps_the_sum_and_flattens():
    maps = np.float32([[[[0.8], [0.2]]]])
    soft = reliability.softened(maps, 0.5)
    np.testing.assert_allclose(soft[0, 0, :, 0], [2 / 3, 1 / 3], atol=1e-6)


def test_an_overconfident_belief_is_softened_and_a_right_one_is_not():
    """Truth drawn from N(7, 2^2): a belief of the same width has sharpness 1."""
    random = np.random.default_rng(0)
    truth = 7 + random.normal(size=(300, 1, 2)) * 2
    valid = np.ones((300, 1))

    def belief(sigma):
        maps = gaussian(7, 7, sigma)[None, :, :, None]
        return beliefs(np.repeat(maps / maps.sum(), 300, axis=0), truth)

    assert reliability.sharpness(belief(2.0), truth, valid) >= 0.9
    # A Gaussian of sigma / sqrt(2) to the power 1/2 has the width sigma again.
    assert reliability.sharpness(belief(2 / np.sqrt(2)), truth, valid) == pytest.approx(
        0.5, abs=0.1
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
    calibration = Calibration(0.8, (0.25, 0.5), 0.03)
    reliability.write_calibration(tmp_path, calibration)
    assert reliability.read_calibration(tmp_path) == calibration


def test_a_folder_without_calibration_has_the_default(tmp_path):
    assert reliability.read_calibration(tmp_path) == Calibration()


def test_a_broken_calibration_is_named(tmp_path):
    (tmp_path / reliability.FILE).write_text(json.dumps({"sharpness": 1.0}))
    with pytest.raises(ValueError, match="calibration.json: not a calibration"):
        reliability.read_calibration(tmp_path)
