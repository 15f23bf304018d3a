"""Estimation: dots are found where they are, whatever the box, the scale or mirror."""

import dataclasses

import numpy as np
import pytest

from tests.support import dot_model
from tests.support.dot_model import DOTS, JOINTS
from tfpose.geometry.crops import boxes_of, whole_photo
from tfpose.inference import batches
from tfpose.inference import estimator as estimation
from tfpose.inference.estimator import SCALES, Estimator, resample
from tfpose.io import files
from tfpose.models import folders, table
from tfpose.recipes import RECIPES

pytestmark = pytest.mark.usefixtures("eagerly")
BOX = np.float32([[40, 10, 84, 96]])  # around the dots


@pytest.fixture(scope="module")
def model():
    return dot_model.build()


@pytest.fixture(scope="module")
def estimators(model):
    """Estimators by scales and flip, each made once."""
    made = {}

    def estimator(scales=(1.0,), flip=False) -> Estimator:
        if (scales, flip) not in made:
            made[scales, flip] = Estimator(model, DOTS, scales, flip)
        return made[scales, flip]

    return estimator


# --- photos and boxes ------------------------------------------------------------


@pytest.mark.parametrize(
    "box",
    [
        BOX[0],
        (30, 5, 100, 100),  # wide
        (45, -30, 75, 150),  # tall, and beyond the photo
        (50.5, 20.25, 66.3, 80.1),
    ],
)
@pytest.mark.parametrize("scales", [(1.0,), SCALES])
@pytest.mark.parametrize("flip", [False, True])
def test_joints_are_found_at_their_place_in_the_photo(estimators, box, scales, flip):
    found, scores = estimators(scales, flip)(dot_model.draw(), [box])
    assert found.shape == (1, 3, 2) and scores.shape == (1, 3)
    np.testing.assert_allclose(found[0], JOINTS, atol=0.8)
    # A logit of 4 at the brightest; a cell shows the mean of its pixels.
    assert (scores > 0.8).all() and (scores <= 0.983).all()


def test_a_joint_outside_of_a_larger_scales_crop_is_found_by_the_others(estimators):
    # The crop reaches 70 px from (81.5, 67.5) upwards, that of scale 1.5 only 47.
    box = [[40, 20, 84, 96]]
    joints = np.array([[84.0, 64.0], [76.0, 70.0], [81.0, 13.5]])
    found, scores = estimators((1.0, 1.5), False)(dot_model.draw(joints), box)
    np.testing.assert_allclose(found[0, 2], joints[2], atol=1.0)
    # And its score is not halved by the scale that does not see it.
    assert scores[0, 2] > 0.8


@pytest.mark.parametrize("scales", [(0.5,), (2.0,), (1.0, 1.0)])
def test_any_scale_finds_the_dots(estimators, scales):
    box = [[0, -10, 160, 160]]
    found, _ = estimators(scales)(dot_model.draw(), box)
    # At 0.5 a cell is 17 px of the photo.
    np.testing.assert_allclose(found[0], JOINTS, atol=5.0 if scales == (0.5,) else 1.0)


@pytest.mark.slow
def test_the_pyramid_averages_beliefs(estimators):
    photo = dot_model.draw()
    score = {s: estimators(s)(photo, BOX)[1] for s in ((0.8,), (1.0,), (0.8, 1.0))}
    low, high = np.sort([score[0.8,], score[1.0,]], axis=0)
    assert (low - 0.02 <= score[0.8, 1.0]).all() and (score[0.8, 1.0] <= high).all()


def test_the_mirrored_crop_exchanges_left_and_right(model, estimators):
    # Without the exchange each hand's belief would be half as strong.
    plain = estimators()(dot_model.draw(), BOX)
    flipped = estimators((1.0,), True)(dot_model.draw(), BOX)
    np.testing.assert_allclose(flipped[1], plain[1], atol=0.02)
    # Sides without pairs are not mirrored.
    unpaired = dataclasses.replace(DOTS, flip_pairs=())
    same = Estimator(model, unpaired, (1.0,), flip=True)(dot_model.draw(), BOX)
    np.testing.assert_array_equal(same[1], plain[1])
    hands = ("one_hand", "other_hand")
    sideless = dataclasses.replace(unpaired, joints=(*hands, "nose"), torso=hands)
    wrong = Estimator(model, sideless, (1.0,), flip=True)(dot_model.draw(), BOX)
    assert (wrong[1][0, :2] < 0.6).all() and wrong[1][0, 2] > 0.8


def test_people_of_many_photos_come_in_their_order(estimators, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 3)
    moves = np.array([[0, 0], [6, 3], [12, 6], [-4, 8]])
    photos = [
        dot_model.draw(JOINTS + moves[0]),
        dot_model.draw(JOINTS + moves[1], height=150, width=170),
        dot_model.draw(JOINTS + moves[2]),
        dot_model.draw(JOINTS + moves[3]),
    ]
    counts = (2, 1, 0, 2)
    people = [
        (photo, np.repeat(BOX, count, axis=0) + [*move, 0, 0])
        for photo, count, move in zip(photos, counts, moves, strict=True)
    ]
    parts = list(estimators().estimate(people))
    assert [len(scores) for _, scores in parts] == [3, 2]
    found = np.concatenate([keypoints for keypoints, _ in parts])
    expected = np.repeat(JOINTS[None] + moves[:, None], counts, axis=0)
    np.testing.assert_allclose(found, expected, atol=0.6)


def test_nobody_gives_nobody(estimators):
    keypoints, scores = estimators()(dot_model.draw(), np.zeros((0, 4)))
    assert keypoints.shape == (0, 3, 2) and scores.shape == (0, 3)


def test_the_crop_of_a_whole_photo_ends_where_the_photo_does(estimators):
    photo = dot_model.draw()
    box = whole_photo(photo)
    # 160 x 120 px about (79.5, 59.5), of which a crop shows a quarter more.
    np.testing.assert_allclose(box, [[16, 12, 128, 96]], atol=1e-4)
    found, _ = estimators()(photo, box)
    np.testing.assert_allclose(found[0], JOINTS, atol=1.0)


def test_boxes_of_poses_are_a_fifth_larger():
    pose = np.float32([[[10, 20], [29, 20], [15, 59]]])
    # 19 x 39 px between the centers, about (19.5, 39.5).
    expected = [[19.5 - 10.9, 39.5 - 22.9, 22.8, 46.8]]
    np.testing.assert_allclose(boxes_of(pose), expected, atol=1e-4)


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, -1.0), (float("nan"),)])
def test_scales_that_are_none_are_refused(model, scales):
    with pytest.raises(ValueError, match="scales: expected positive numbers, got"):
        Estimator(model, DOTS, scales)


# --- the same scale --------------------------------------------------------------


def resampled(values, scale):
    """A row of cells at scale 1, and how much of each is known."""
    row = np.float32(values)[None, None, :, None]
    maps = np.repeat(row, 3, axis=1)
    moved, known = resample(maps, scale)
    # The middle row stays where it is.
    return np.asarray(moved)[0, 1, :, 0], np.asarray(known)[0, 1, :, 0]


@pytest.mark.parametrize(
    "scale, values, expected, cover",
    [
        (1.0, [3, 1, 4, 1, 5], [3, 1, 4, 1, 5], [1, 1, 1, 1, 1]),
        # Five cells, twice as large: cell i shows what is 2 + 2 (i - 2).
        (2.0, [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 1, 0]),
        (2.0, [1, 2, 3, 4, 5], [0, 1, 3, 5, 0], [0, 1, 1, 1, 0]),
        # Four cells: the middle lies between two.
        (2.0, [1, 2, 3, 4], [0, 1.5, 3.5, 0], [0, 1, 1, 0]),
        (0.5, [0, 0, 1, 0, 0], [0, 0.5, 1, 0.5, 0], [1, 1, 1, 1, 1]),
        # Sources -0.5, 0.75, 2, 3.25 and 4.5: the outer two are half inside.
        (1.25, [1, 2, 3, 4, 5], [0.5, 1.75, 3, 4.25, 2.5], [0.5, 1, 1, 1, 0.5]),
        (1.0, [7], [7], [1]),
    ],
)
def test_maps_are_brought_to_the_same_scale_by_hand(scale, values, expected, cover):
    moved, known = resampled(values, scale)
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    np.testing.assert_allclose(known, cover, atol=1e-6)


def test_rows_and_columns_are_brought_to_the_same_scale_alike():
    maps = np.random.default_rng(0).uniform(size=(2, 6, 9, 3)).astype(np.float32)
    moved, known = resample(maps, 1.3)
    turned, turned_known = resample(maps.transpose(0, 2, 1, 3), 1.3)
    np.testing.assert_allclose(moved, np.transpose(turned, (0, 2, 1, 3)), atol=1e-6)
    np.testing.assert_allclose(known[0, ..., 0], turned_known[0, ..., 0].T, atol=1e-6)
    same, whole = resample(maps, 1.0)
    np.testing.assert_array_equal(same, maps)
    assert (whole == 1).all()


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.2, 3.0])
def test_what_is_everywhere_equal_stays_so_where_it_is_known(scale):
    moved, known = resample(np.full((1, 8, 6, 2), 0.3, np.float32), scale)
    np.testing.assert_allclose(moved, 0.3 * np.repeat(known, 2, axis=-1), atol=1e-6)
    assert 0 <= known.min() and known.max() <= 1 + 1e-6


# --- models ----------------------------------------------------------------------


@pytest.mark.slow
def test_a_model_folder_is_loaded_with_its_skeleton(nano_front_end, tmp_path):
    config = dataclasses.replace(
        RECIPES["hcrn"]["tiny"](),
        skeleton="lsp14",
        input_size=(32, 32),
        network={"front_end": "nano", "refinement": "holistic"},
    )
    files.write_json(tmp_path / folders.CONFIG, config.to_json())
    table.build_model(config).save_weights(tmp_path / folders.WEIGHTS)
    estimator = Estimator.from_preset(str(tmp_path), scales=(1.0,), flip=False)
    keypoints, scores = estimator(dot_model.draw(), BOX)
    assert keypoints.shape == (1, 14, 2) and np.isfinite(keypoints).all()
    assert (scores >= 0).all() and (scores <= 1).all()


def test_a_refiner_is_no_estimator(monkeypatch, tmp_path):
    class Refiner:
        is_refiner = True

    config = RECIPES["posefix"]["tiny"]()
    monkeypatch.setattr(estimation, "load_model", lambda folder: (Refiner, config))
    message = "expected an estimator, found the refiner posefix.*tfpose refine"
    with pytest.raises(ValueError, match=message):
        Estimator.from_preset(str(tmp_path))


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="nowhere: expected a preset"):
        Estimator.from_preset("nowhere")


@pytest.mark.slow
def test_peaks_are_read_by_dark_where_asked(model):
    # Dots of 5 px, soft on the cells; their logits are no Gaussians, but round.
    keypoints, _ = Estimator(model, DOTS, (1.0,), False, dark_sigma=6.0)(
        dot_model.draw(), BOX
    )
    np.testing.assert_allclose(keypoints[0], JOINTS, atol=0.8)
    plain, _ = Estimator(model, DOTS, (1.0,), False)(dot_model.draw(), BOX)
    assert (keypoints != plain).any()
