"""What scores mean: the fit, and how honest it is."""

import json

import numpy as np
import pytest

from tfpose.errors import ModelFolderError
from tfpose.layers.heatmaps import Probability
from tfpose.models import folders
from tfpose.training.calibration import calibration_error, fit_scores


def test_the_fit_finds_the_numbers_that_made_the_data():
    random = np.random.default_rng(0)
    scores = random.uniform(0.05, 0.95, (4000, 5))
    logits = np.log(scores / (1 - scores))
    right = random.random(scores.shape) < 1 / (1 + np.exp(-(0.7 + 1.8 * logits)))
    offset, slope = fit_scores(scores, right, np.ones_like(right))
    assert offset == pytest.approx(0.7, abs=0.1)
    assert slope == pytest.approx(1.8, abs=0.1)
    honest = np.array(Probability(offset, slope)(scores.astype(np.float32)))
    assert calibration_error(honest.ravel(), right.ravel()) < 0.02
    assert calibration_error(scores.ravel(), right.ravel()) > 0.05


def test_joints_that_do_not_count_change_nothing():
    scores, right = np.array([0.2, 0.8, 0.5]), np.array([False, True, True])
    counts = np.array([True, True, False])
    assert fit_scores(scores, right, counts) == fit_scores(
        scores[:2], right[:2], counts[:2]
    )


def test_a_perfect_split_has_a_finite_fit():
    offset, slope = fit_scores([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], np.ones(4, bool))
    assert np.isfinite([offset, slope]).all() and slope > 1


def test_the_calibration_error_by_hand():
    # Two bins: 0.05 and 0.15 with none right, 0.9 twice with one right.
    error = calibration_error([0.1, 0.1, 0.9, 0.9], [False, False, True, False])
    assert error == pytest.approx((2 * 0.1 + 2 * 0.4) / 4)
    assert calibration_error([1.0, 0.0], [True, False]) == 0
    assert calibration_error([], []) == 0


def test_probabilities_by_hand():
    found = np.array(Probability(0.0, 1.0)(np.float32([0.0, 0.25, 0.5, 1.0])))
    np.testing.assert_allclose(found, [0, 0.25, 0.5, 1], atol=2e-6)
    assert np.array(Probability(1.0, 2.0)(np.float32([0.5])))[0] == pytest.approx(
        1 / (1 + np.exp(-1)), abs=1e-6
    )


def test_what_scores_mean_is_a_file_of_the_model_folder(tmp_path):
    assert folders.read_score_fit(tmp_path) is None
    folders.write_score_fit(tmp_path, (0.5, 2.0))
    assert folders.read_score_fit(tmp_path) == (0.5, 2.0)
    for content in (
        "{",
        json.dumps({"offset": 1}),
        json.dumps({"offset": [], "slope": 1}),
    ):
        (tmp_path / folders.SCORES).write_text(content)
        with pytest.raises(ModelFolderError, match=r"scores.json: expected"):
            folders.read_score_fit(tmp_path)
