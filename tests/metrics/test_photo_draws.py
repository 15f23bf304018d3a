import numpy as np
import pytest

from tests.support import scored_people
from tfpose.io.coco_records import annotation_entry, result_entry
from tfpose.metrics import oks, photo_draws
from tfpose.skeletons import LSP14


def crowded(folder, times=(1,) * 12, seed=0):
    """Photos of up to four people and their poses, photo n ``times[n]`` times.

    Among them crowds, people without a label, poses of nobody, equal scores.
    """
    random = np.random.default_rng(seed)
    people, found, image_id = [], [], 0
    for copies in times:
        photo = []
        for _ in range(random.integers(5)):
            truth = scored_people.standing(LSP14) + random.uniform(0, 900, 2)
            labels = random.choice([2, 2, 2, 0]) * np.ones(14, int)
            photo.append((truth, labels, bool(random.random() < 0.15)))
        poses = [
            (truth + random.normal(0, random.uniform(0, 80), (14, 2)), score)
            for truth, *_ in [*photo, *photo[:2]]
            for score in [random.integers(1, 9) / 8]
            if random.random() < 0.9
        ]
        for _ in range(copies):
            image_id += 1
            for truth, labels, crowd in photo:
                area = 0.4 * np.ptp(truth, axis=0).prod()
                one = annotation_entry(
                    len(people) + 1, image_id, truth, labels, area=area
                )
                people.append(one | {"iscrowd": int(crowd)})
            found += [result_entry(image_id, p, np.ones(14), s) for p, s in poses]
    return scored_people.read(folder, LSP14, people, found)


def by_pycocotools(truth, found):
    numbers = oks.average_precision(truth, found)
    return [100 * numbers[name] for name in ("AP", "AP50", "AP75")]


@pytest.mark.parametrize("seed", range(4))
def test_photos_that_count_once_have_cocos_average_precision(tmp_path, seed):
    truth, found = crowded(tmp_path, seed=seed)
    mine = photo_draws.percents(photo_draws.rank(truth, found))
    assert 5 < mine[0] < 95
    np.testing.assert_allclose(mine, by_pycocotools(truth, found), atol=1e-9)


def test_a_photo_that_counts_twice_is_as_two_photos(tmp_path):
    times = np.array([2, 1, 0, 3, 1, 1, 0, 1, 2, 0, 1, 1])
    once = crowded(tmp_path)
    # Those of the photos that hold people; a photo is known by its annotations.
    places = [i - 1 for i in sorted(once[0].images)]
    mine = photo_draws.percents(photo_draws.rank(*once), times[places])
    copied = by_pycocotools(*crowded(tmp_path, times))
    np.testing.assert_allclose(mine, copied, atol=1e-9)
    assert abs(mine - by_pycocotools(*once)).max() > 1


def test_equal_poses_change_nothing_for_certain(tmp_path):
    ranking = photo_draws.rank(*crowded(tmp_path))
    change = photo_draws.change_of_average_precision(ranking, ranking)
    np.testing.assert_array_equal(change, np.zeros((3, 3)))


def test_of_two_photos_three_draws_are_possible(tmp_path):
    # One person each. Before: the first is found, the second is not; after: both are.
    sides = []
    for offset in (900, 0):
        truth, found = scored_people.one_person_each(
            tmp_path, LSP14, [[0] * 14, [offset] * 14]
        )
        sides.append(photo_draws.rank(truth, found))
    np.testing.assert_allclose(photo_draws.percents(sides[1]), 100)
    # Equal scores, the first photo first: one of two is found, at precision 1, which
    # are the 51 recalls up to .50 of 101.
    np.testing.assert_allclose(photo_draws.percents(sides[0]), 100 * 51 / 101)
    # The first photo twice: nothing changes; the second twice: 0 -> 100.
    change = photo_draws.change_of_average_precision(*sides)
    np.testing.assert_allclose(change, [[100 * 50 / 101, 0, 100]] * 3)


def test_nobody_to_be_found_has_no_precision(tmp_path):
    truth, found = scored_people.one_person_each(tmp_path, LSP14, [[0] * 14])
    nobody = photo_draws.rank(truth.take([]), found)
    assert np.isnan(photo_draws.percents(nobody)).all()
    change = photo_draws.change_of_average_precision(nobody, nobody)
    assert np.isnan(change).all()


def test_without_poses_nobody_is_found(tmp_path):
    truth, found = scored_people.one_person_each(tmp_path, LSP14, [[0] * 14])
    ranking = photo_draws.rank(truth, found.take([]))
    np.testing.assert_array_equal(photo_draws.percents(ranking), 0)


def test_other_photos_are_refused(tmp_path):
    one, two = (
        photo_draws.rank(
            *scored_people.one_person_each(tmp_path, LSP14, [[0] * 14] * count)
        )
        for count in (1, 2)
    )
    with pytest.raises(ValueError, match="same photos before and after, found 1 and 2"):
        photo_draws.change_of_average_precision(one, two)
