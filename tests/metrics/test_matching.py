"""Which pose each person is scored by."""

import numpy as np
import pytest

from tfpose import errors
from tfpose.io import coco, files
from tfpose.io.coco_records import annotation_entry, annotations_json, result_entry
from tfpose.metrics.matching import match_people
from tfpose.skeletons import LSP14

JOINTS = len(LSP14)
SHAPE = np.stack([np.linspace(0, 40, JOINTS), np.linspace(0, 90, JOINTS) % 50], axis=-1)


def people_at(folder, *places):
    """Annotations of people of one shape at (image_id, x); x None: without labels."""
    people = [
        annotation_entry(
            row + 1,
            image_id,
            SHAPE + [x or 0, 0],
            np.full(JOINTS, 0 if x is None else 2),
        )
        for row, (image_id, x) in enumerate(places)
    ]
    images = [{"id": n} for n in sorted({image_id for image_id, _ in places})]
    files.write_json(folder / "a.json", annotations_json(LSP14, images, people))
    return coco.read_annotations(folder / "a.json")


def poses_at(folder, *places):
    """Results of that shape at (image_id, x, keys...)."""
    found = [
        result_entry(image_id, SHAPE + [x, 0], np.ones(JOINTS), 0.5)
        | (keys[0] if keys else {})
        for image_id, x, *keys in places
    ]
    files.write_json(folder / "r.json", found)
    return coco.read_results(folder / "r.json", LSP14)[0]


def match(folder, people, found):
    return match_people(people_at(folder, *people), poses_at(folder, *found)).tolist()


def test_one_person_and_one_pose_belong_together_wherever_they_are(tmp_path):
    people = [(1, 0), (2, 0)]
    assert match(tmp_path, people, [(2, 5000), (1, 3)]) == [1, 0]


def test_most_similar_pair_is_taken_first(tmp_path):
    # The pose at 6 is nearest to the person at 10, but another is nearer to that one.
    assert match(tmp_path, [(1, 0), (1, 10)], [(1, 6), (1, 11)]) == [0, 1]


def test_of_several_poses_the_most_similar_serves_one_person(tmp_path):
    assert match(tmp_path, [(1, 0)], [(1, 30), (1, 2), (1, 9)]) == [1]


def test_boxes_decide_where_no_joint_is_near(tmp_path):
    # Each person is 40 px wide; at 35 px there is overlap but hardly any OKS.
    people = people_at(tmp_path, (1, 0), (1, 10000))
    people.areas[:] = 1e-3
    found = poses_at(tmp_path, (1, 10035), (1, 35))
    assert match_people(people, found).tolist() == [1, 0]


def test_missing_joints_are_in_no_box(tmp_path):
    people = people_at(tmp_path, (1, 0), (1, 10000))
    people.areas[:] = 1e-3
    found = poses_at(tmp_path, (1, 10020), (1, 10035))
    # With its missing joint at (0, 0), the nearer pose's box would be much too large.
    found.keypoints[0, 0], found.scores[0, 0] = 0, 0
    assert match_people(people, found).tolist() == [-1, 0]


def test_far_poses_of_several_people_belong_to_nobody(tmp_path):
    assert match(tmp_path, [(1, 0), (1, 3)], [(1, 9000)]) == [-1, -1]


def test_person_without_pose_is_missing(tmp_path):
    assert match(tmp_path, [(1, 0), (2, 0)], [(2, 0)]) == [-1, 0]
    assert match(tmp_path, [(1, 0), (2, 0)], []) == [-1, -1]


def test_named_person_gets_its_pose_whatever_is_nearer(tmp_path):
    people = [(1, 0), (1, 200)]
    found = [(1, 0, {"annotation_id": 2}), (1, 200)]
    assert match(tmp_path, people, found) == [1, 0]


def test_of_poses_of_the_same_name_the_best_scored_counts(tmp_path):
    found = [
        (1, 0, {"annotation_id": 1, "score": 0.2}),
        (1, 90, {"annotation_id": 1, "score": 0.7}),
    ]
    assert match(tmp_path, [(1, 0), (1, 0)], found) == [1, -1]


def test_crowd_and_unlabeled_person_get_no_pose(tmp_path):
    people = people_at(tmp_path, (1, None), (1, 0), (2, 0))
    people.crowd[2] = True
    found = poses_at(tmp_path, (1, 0), (2, 0))
    assert match_people(people, found).tolist() == [-1, 0, -1]


@pytest.mark.parametrize("name", [3, 9, None, "x1", [1]])
def test_unknown_or_foreign_name_is_an_error(tmp_path, name):
    # Annotation 3 is in photo 2, the pose in photo 1.
    people = [(1, 0), (1, 9), (2, 0)]
    with pytest.raises(
        errors.PoseFileError, match="record 0 .*expected the annotation_id"
    ):
        match(tmp_path, people, [(1, 0, {"annotation_id": name})])
