"""Bodies, surfaces, cameras and labels of the rendered people."""

import numpy as np
import pytest

from data_prep.synthetic_people import body, mesh, objects, render, scene
from tfpose import skeletons

PHOTOS = 24
EYE = np.eye(3)


@pytest.fixture(scope="module")
def photos():
    return [render.render_photo(5, index) for index in range(PHOTOS)]


@pytest.fixture(scope="module")
def people(photos):
    return [person for photo in photos for person in photo.people]


# Bodies


def test_hanging_arm_points_down_and_its_forearm_bends_forward():
    upper, fore = body.arm_frames(EYE, 1.0, (0, 0, 0, 90))
    np.testing.assert_allclose(-upper[:, 1], [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(-fore[:, 1], [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize(("side", "sign"), body.SIDES.items())
def test_arm_raised_sideways_points_to_its_own_side(side, sign):
    upper, fore = body.arm_frames(EYE, sign, (90, 90, 0, 90))
    np.testing.assert_allclose(-upper[:, 1], [sign, 0, 0], atol=1e-12)
    np.testing.assert_allclose(-fore[:, 1], [0, 0, 1], atol=1e-12)


def test_raised_leg_points_forward_and_its_knee_bends_back():
    thigh, shank, foot = body.leg_frames(EYE, 1.0, (90, 0, 0, 90))
    np.testing.assert_allclose(-thigh[:, 1], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(-shank[:, 1], [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(foot[:, 2], [0, 0, 1], atol=1e-12)


def test_arms_and_legs_of_the_two_sides_mirror_each_other():
    mirror = np.array([-1, 1, 1])
    for frames, angles in (
        (body.arm_frames, (70, 40, 25, 60)),
        (body.leg_frames, (30, 12, 20, 40)),
    ):
        pairs = zip(frames(EYE, 1.0, angles), frames(EYE, -1.0, angles), strict=True)
        for left, right in pairs:
            np.testing.assert_allclose(left[:, 1] * mirror, right[:, 1], atol=1e-12)


def test_bodies_have_every_joint_and_bones_of_their_length():
    rng = np.random.default_rng(0)
    for _ in range(50):
        sample = body.sample_body(rng)
        assert set(body.JOINTS) <= set(sample.joints)
        thigh = sample.joints["left_hip"] - sample.joints["left_knee"]
        share = np.linalg.norm(thigh) / sample.stature / body.BONES["thigh"]
        assert abs(share - 1) < 2 * body.BONE_SPREAD + 1e-9


def test_every_activity_occurs():
    rng = np.random.default_rng(1)
    done = {body.sample_body(rng).activity for _ in range(300)}
    assert done == set(body.ACTIVITIES)


def test_pick_follows_the_shares():
    rng = np.random.default_rng(2)
    drawn = [body.pick(rng, {"a": 3, "b": 0, "c": 1}) for _ in range(2000)]
    assert drawn.count("b") == 0
    assert abs(drawn.count("a") / 2000 - 0.75) < 0.04


# Surfaces


def outward(corners, center):
    """Whether each face's corners run counter-clockwise seen from outside."""
    normal = np.cross(
        corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1], axis=-1
    )
    return (normal * (corners.mean(1) - center)).sum(-1) > 0


@pytest.mark.parametrize("end", [(0, 1, 0), (0, -1, 0)])
def test_tubes_face_outward_whichever_way_they_run(end):
    rows = [(0, 0.1, 0.2), (0.5, 0.1, 0.2), (1, 0.1, 0.2)]
    corners = mesh.tube(np.zeros(3), np.array(end), EYE, rows, 1.0, 8)
    assert outward(corners.reshape(-1, 4, 3), np.array(end) / 2).all()


def test_boxes_face_outward_and_stand_on_their_base():
    base = np.array([1.0, 2.0, 3.0])
    solid = objects.box(base, (0.5, 1.0, 0.25), EYE, (1, 2, 3))
    assert outward(solid.corners, base + (0, 1, 0)).all()
    points = solid.corners.reshape(-1, 3)
    np.testing.assert_allclose(points.min(0), base - (0.5, 0, 0.25))
    np.testing.assert_allclose(points.max(0), base + (0.5, 2, 0.25))


def test_disc_looks_along_its_normal():
    corners = mesh.disc(np.zeros(3), EYE[0], EYE[1])
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    assert (normal[:, 2] > 0).all()


# Cameras

LEVEL = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
SIZE = (320, 320)


def level_camera():
    """Looks along -z from 1 m above the ground; 100 px are 1 m at 4 m."""
    center = np.array([159.5, 159.5])
    return scene.Camera(LEVEL, 400.0, center, 1.0, np.array([0.0, -4.0]))


def test_camera_projects_a_hand_computed_point():
    points, away = level_camera().project(np.array([0.5, 0.0, -4.0]))
    np.testing.assert_allclose(points, [159.5 + 50, 159.5 + 100])
    assert away == 4


def test_plane_homography_agrees_with_the_projection():
    camera = scene.sample_camera(
        np.random.default_rng(3), body.sample_body(np.random.default_rng(4)), SIZE
    )
    image = camera.plane((0, 0, -6), (1, 0, 0), (0, 1, 0)) @ (0.3, 0.7, 1)
    expected, _ = camera.project(np.array([0.3, 0.7, -6]))
    np.testing.assert_allclose(image[:2] / image[2], expected)


# Labels of arranged scenes


def standing(yaw, spot=(0.0, -4.0), seed=0):
    """Somebody who stands with hanging arms and looks ahead, on level ground."""
    rng = np.random.default_rng(seed)
    while True:
        sample = body.sample_body(rng)
        ahead = sample.frames["head"][2, 2] > 0.97
        hanging = all(sample.frames[f"{s}_forearm"][1, 1] > 0.8 for s in body.SIDES)
        if sample.activity == "stand" and ahead and hanging:
            return render.place_person(rng, sample, yaw, spot)


def labels_of(people, solids=()):
    camera = level_camera()
    drawing = render.draw(people, list(solids), camera, SIZE)
    return render.label_people(people, camera, SIZE, drawing)


def test_left_is_right_of_right_from_the_front_and_swaps_from_behind():
    (front,), (back,) = labels_of([standing(0)]), labels_of([standing(180)])
    for joint in ("shoulder", "elbow", "hip", "eye", "ear"):
        for person, sign in ((front, 1), (back, -1)):
            gap = person.joints[f"left_{joint}"] - person.joints[f"right_{joint}"]
            assert gap[0] * sign > 0, joint


def test_face_is_seen_from_the_front_and_not_from_behind():
    (front,), (back,) = labels_of([standing(0)]), labels_of([standing(180)])
    for joint in ("nose", "left_eye", "right_eye"):
        assert front.visible[joint] == 2
        assert back.visible[joint] == 1


def test_own_body_hides_the_far_side():
    (person,) = labels_of([standing(90)])  # turned so that the left side is far
    for joint in ("ear", "eye", "shoulder"):
        assert person.joints_3d[f"left_{joint}"][2] > 4
        assert person.visible[f"left_{joint}"] == 1, joint
        assert person.visible[f"right_{joint}"] == 2, joint


def test_an_object_in_front_hides_what_is_behind_it():
    wall = objects.box(np.array([0, 0, -3.0]), (0.8, 0.4, 0.1), EYE, (9, 9, 9))
    (free,), (hidden,) = labels_of([standing(0)]), labels_of([standing(0)], [wall])
    for joint in ("left_knee", "right_knee", "left_ankle", "right_ankle"):
        assert free.visible[joint] == 2
        assert hidden.visible[joint] == 1
    assert hidden.visible["nose"] == hidden.visible["left_shoulder"] == 2
    np.testing.assert_array_equal(free.joints["left_knee"], hidden.joints["left_knee"])


def test_an_object_behind_hides_nothing():
    wall = objects.box(np.array([0, 0, -5.0]), (2.0, 2.0, 0.1), EYE, (9, 9, 9))
    (free,), (before,) = labels_of([standing(0)]), labels_of([standing(0)], [wall])
    assert free.visible == before.visible


def test_the_nearer_of_two_people_hides_the_other():
    near, far = labels_of([standing(0, (0, -3.2)), standing(0, (0.02, -4.2), seed=1)])
    assert near.visible["thorax"] == near.visible["left_hip"] == 2
    assert far.visible["thorax"] == far.visible["left_hip"] == 1


def test_joints_beyond_the_border_are_outside():
    (person,) = labels_of([standing(0, (-1.6, -4.0))])
    assert {person.visible["right_shoulder"], person.visible["right_hip"]} == {0}
    assert person.box[0] == 0


def test_head_size_is_mpiis_share_of_the_heads_diagonal():
    # A head of 23 x 15 cm at 100 px a meter: 0.6 * 27 px, give or take the person.
    (person,) = labels_of([standing(0)])
    assert 13 < person.head_size < 20


# Rendered photos


def test_same_seed_and_index_give_the_same_photo(photos):
    again = render.render_photo(5, 7)
    np.testing.assert_array_equal(again.image, photos[7].image)
    np.testing.assert_array_equal(again.segments, photos[7].segments)
    for mine, theirs in zip(again.people, photos[7].people, strict=True):
        assert mine.visible == theirs.visible
        np.testing.assert_array_equal(mine.box, theirs.box)


def test_seed_and_index_both_change_the_photo(photos):
    for other in (render.render_photo(6, 7), photos[8]):
        assert np.abs(other.image.astype(int) - photos[7].image).mean() > 5


def test_photos_show_one_to_four_people_in_color(photos):
    counts = [len(photo.people) for photo in photos]
    assert min(counts) >= 1 and max(counts) <= 4 and len(set(counts)) >= 3
    for photo in photos:
        assert photo.image.shape == (320, 320, 3) and photo.image.dtype == np.uint8
        assert photo.image.std() > 8


def test_size_is_height_and_width():
    photo = render.render_photo(5, 1, (240, 400))
    assert photo.image.shape == (240, 400, 3) and photo.segments.shape == (240, 400)


def test_joints_are_zero_exactly_outside_the_photo(people):
    for person in people:
        for name, point in person.joints.items():
            inside = (point >= -0.5).all() and (point < 319.5).all()
            assert (person.visible[name] > 0) == inside


def test_boxes_hold_all_labeled_joints_and_lie_in_the_photo(people):
    for person in people:
        low, high = person.box[:2] - 0.5, person.box[:2] + person.box[2:] - 0.5
        assert (low >= -0.5).all() and (high <= 319.5).all()
        for name, point in person.joints.items():
            if person.visible[name]:
                assert (point >= low - 1e-6).all() and (point <= high + 1e-6).all()


def test_area_counts_the_pixels_of_the_segment(photos):
    for photo in photos:
        for number, person in enumerate(photo.people, start=1):
            assert person.area == np.count_nonzero(photo.segments == number)
            assert render.MINIMUM_AREA <= person.area <= np.prod(person.box[2:] + 1)
        assert set(np.unique(photo.segments)) <= {0, 255, *range(len(photo.people) + 1)}


def test_visible_joints_lie_on_the_persons_own_segment(photos):
    on_it, seen = 0, 0
    for photo in photos:
        for number, person in enumerate(photo.people, start=1):
            for name, point in person.joints.items():
                if person.visible[name] == 2:
                    x, y = np.clip(np.round(point).astype(int), 0, 319)
                    own = photo.segments[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
                    on_it += number in own
                    seen += 1
    assert seen > 300 and on_it / seen > 0.995


def test_all_three_visibilities_occur(people):
    values = np.array([list(person.visible.values()) for person in people])
    shares = [np.mean(values == value) for value in range(3)]
    assert shares[2] > 0.5 and shares[1] > 0.1 and shares[0] > 0.005


def test_the_nose_is_in_front_of_the_ears(people):
    # Camera space is right-handed: left x up = forward. A mirrored label would fail.
    for person in people:
        place = person.joints_3d
        left = place["left_ear"] - place["right_ear"]
        up = place["head_top"] - place["head_bottom"]
        ears = (place["left_ear"] + place["right_ear"]) / 2
        assert np.cross(left, up) @ (place["nose"] - ears) > 0


# The rendered bodies have no belly and no face.
@pytest.mark.parametrize("name", sorted(set(skeletons.SKELETONS) - {"jhmdb15"}))
def test_labels_fit_the_built_in_skeletons(people, name):
    skeleton = skeletons.get(name)
    for person in people:
        keypoints, visible = render.label(person, skeleton)
        assert keypoints.shape == (len(skeleton), 2) and keypoints.dtype == np.float32
        assert visible.shape == (len(skeleton),) and visible.dtype == np.uint8
        assert not keypoints[visible == 0].any()
    nose = skeletons.COCO17.index("nose")
    keypoints, _ = render.label(people[0], skeletons.COCO17)
    if people[0].visible["nose"]:
        np.testing.assert_allclose(keypoints[nose], people[0].joints["nose"], 1e-6)


def test_a_joint_the_body_lacks_is_named(people):
    tail = skeletons.Skeleton.from_json(
        {"name": "cat", "joints": ["nose", "tail"], "torso": ["nose", "tail"]}
    )
    with pytest.raises(ValueError, match="'cat'.*no joint 'tail'.*they have nose"):
        render.label(people[0], tail)
