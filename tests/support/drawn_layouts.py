"""Tiny data sets in the layouts of MPII, FLIC, PoseTrack, CrowdPose and others.

Each has one photo of two people and one of one person in its first split, and one photo
of one person in the second; gray photos with a white square at each labeled joint.
"""

import json
import pathlib

import h5py
import numpy as np
import scipy.io

from tests.support.drawn_data_sets import HEIGHT, WIDTH, draw_photo, place_joints

# People in the photos of the two splits.
SPLITS = ((2, 1), (1,))


def people_of(joints: int, split: int) -> list[list[np.ndarray]]:
    """Per photo of a split the places i64[joints, 2] of its people, from 0."""
    return [
        [place_joints(joints, 10 + 70 * i, 10 * split + i) for i in range(count)]
        for count in SPLITS[split]
    ]


def write_json(path: pathlib.Path, data) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def draw(path: pathlib.Path, people) -> None:
    """Draws the joints of some people, given by pixels from 0."""
    draw_photo(path, np.concatenate(people))


def box_of(points) -> list[float]:
    low, high = points.min(0) - 4, points.max(0) + 5
    return [*low.tolist(), *(high - low).tolist()]


def coco_form(names, photos, file_name, first=1, flag=2, offset=0) -> dict:
    """COCO annotations of photos with people; joint k is occluded where k % 5 == 3."""
    images, people = [], []
    for number, places in enumerate(photos):
        image = {"id": first + number, "file_name": file_name(number)}
        images.append({**image, "width": WIDTH, "height": HEIGHT})
        for points in places:
            flags = np.where(np.arange(len(names)) % 5 == 3, min(1, flag), flag)
            triples = np.column_stack([points + offset, flags])
            box = box_of(points + offset)
            people.append(
                {
                    "id": 100 * first + len(people),
                    "image_id": first + number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": box,
                    "num_keypoints": len(names),
                    "keypoints": triples.ravel().tolist(),
                }
            )
    # COCO's limbs stand in files of fewer joints, too.
    category = {"id": 1, "name": "person", "keypoints": list(names)}
    category["skeleton"] = [[16, 14], [14, 12]]
    return {"images": images, "annotations": people, "categories": [category]}


def crowdpose(folder: pathlib.Path) -> None:
    """CrowdPose's train and val files; the last joints are called head and neck."""
    from tfpose.skeletons import CROWDPOSE14

    names = [*CROWDPOSE14.joints[:12], "head", "neck"]
    for split, part in enumerate(("train", "val")):
        photos = people_of(14, split)
        data = coco_form(
            names, photos, lambda n, s=split: f"{s}{n}.jpg", 10 * split + 1
        )
        write_json(folder / f"json/crowdpose_{part}.json", data)
        for number, places in enumerate(photos):
            draw(folder / f"images/{split}{number}.jpg", places)


def ochuman(folder: pathlib.Path) -> None:
    """OCHuman's two files in COCO's form."""
    from tfpose.skeletons import COCO17

    for split, part in enumerate(("val", "test")):
        photos = people_of(17, split)
        data = coco_form(
            COCO17.joints, photos, lambda n, s=split: f"{s}{n}.jpg", 10 * split + 1
        )
        name = f"ochuman_coco_format_{part}_range_0.00_1.00.json"
        write_json(folder / name, data)
        for number, places in enumerate(photos):
            draw(folder / f"images/{split}{number}.jpg", places)


def aic(folder: pathlib.Path) -> None:
    """AI Challenger's own lists; the first person's third joint is not labeled."""
    parts = (("train", "20170902"), ("validation", "20170911"))
    for split, (part, date) in enumerate(parts):
        home = folder / f"ai_challenger_keypoint_{part}_{date}"
        records = []
        for number, places in enumerate(people_of(14, split)):
            poses, boxes, drawn = {}, {}, []
            for index, points in enumerate(places, start=1):
                flags = np.where(np.arange(14) % 5 == 3, 2, 1)
                flags[2] = 3 if index == 1 else 1
                written = np.where(flags[:, None] < 3, points, 0)
                poses[f"human{index}"] = np.column_stack([written, flags]).ravel()
                left, top, width, height = box_of(points)
                boxes[f"human{index}"] = [left, top, left + width, top + height]
                drawn.append(points[flags < 3])
            records.append(
                {
                    "image_id": f"photo{number}",
                    "human_annotations": boxes,
                    "keypoint_annotations": {k: p.tolist() for k, p in poses.items()},
                    "url": "http://nowhere",
                }
            )
            draw(home / f"keypoint_{part}_images_{date}/photo{number}.jpg", drawn)
        write_json(home / f"keypoint_{part}_annotations_{date}.json", records)


POSETRACK18_NAMES = (
    "nose head_bottom head_top left_ear right_ear left_shoulder right_shoulder "
    "left_elbow right_elbow left_wrist right_wrist left_hip right_hip left_knee "
    "right_knee left_ankle right_ankle"
).split()


def posetrack18(folder: pathlib.Path) -> None:
    """PoseTrack18: a video a file, no ears, visibility 1, head boxes, a track each."""
    for split, part in enumerate(("train", "val")):
        video = f"00{split}001_mpii"
        first = 10000010000 * (split + 1)
        data = coco_form(
            POSETRACK18_NAMES,
            people_of(17, split),
            lambda n, v=video, p=part: f"images/{p}/{v}/{n:06d}.jpg",
            first,
            flag=1,
        )
        for image in data["images"]:
            region = {"ignore_regions_x": [[0, 5, 5]], "ignore_regions_y": [[0, 0, 5]]}
            image.update(vid_id=video, frame_id=image["id"], nframes=2, **region)
        for track, person in enumerate(data["annotations"]):
            person["keypoints"][9:15] = [0] * 6
            person.update(track_id=7 + track, bbox_head=[20, 30, 30, 40], scores=[])
        bare = {"id": 1, "image_id": first, "category_id": 1, "track_id": 3}
        data["annotations"].append({**bare, "bbox_head": [1, 2, 3, 4]})
        write_json(folder / f"annotations/{part}/{video}.json", data)
        for image, places in zip(data["images"], people_of(17, split), strict=True):
            draw(folder / image["file_name"], [np.delete(p, [3, 4], 0) for p in places])


# The number of each joint in PoseTrack17's files, from 0.
POSETRACK17_NAMES = (
    "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist "
    "right_elbow right_shoulder left_shoulder left_elbow left_wrist head_bottom nose "
    "head_top"
).split()


def posetrack17(folder: pathlib.Path) -> None:
    """PoseTrack17: lists of one everywhere; point 11 is not labeled, 10 occluded."""
    for split, part in enumerate(("train", "val")):
        frames = []
        for number, places in enumerate(people_of(15, split)):
            name = f"images/bonn/00{split}001_bonn/{number + 1:08d}.jpg"
            people = []
            for track, points in enumerate(places):
                chosen = [
                    {
                        "id": [joint],
                        "x": [int(points[joint, 0])],
                        "y": [int(points[joint, 1])],
                        "is_visible": [int(joint != 10)],
                    }
                    for joint in range(15)
                    if joint != 11
                ]
                corners = {"x1": [10], "y1": [20], "x2": [40], "y2": [60]}
                points_of = {"annopoints": [{"point": chosen}]}
                people.append({**corners, **points_of, "track_id": [5 + track]})
            # A head without a pose.
            people.append({"x1": [1], "y1": [1], "x2": [9], "y2": [9], "track_id": [9]})
            region = {"point": [{"x": [1], "y": [2]}, {"x": [3], "y": [4]}]}
            frames.append(
                {
                    "image": [{"name": name}],
                    "annorect": people,
                    "imgnum": [number + 1],
                    "is_labeled": [1],
                    "ignore_regions": [region],
                }
            )
            draw(folder / name, [np.delete(points, 11, 0) for points in places])
        frames.append({"image": [{"name": "images/no.jpg"}], "is_labeled": [0]})
        write_json(
            folder / f"annotations/{part}/00{split}001_bonn.json", {"annolist": frames}
        )


def jhmdb(folder: pathlib.Path) -> None:
    """JHMDB's own layout: a video of two frames to train, one of one frame to test."""
    lines = []
    for split, frames in enumerate((2, 1)):
        video = f"clip_catch_{split}"
        places = [place_joints(15, 20 + 5 * f, 3 * split + f) for f in range(frames)]
        for frame, points in enumerate(places, start=1):
            draw(folder / f"Rename_Images/catch/{video}/{frame:05d}.png", [points])
        home = folder / "joint_positions/catch" / video
        home.mkdir(parents=True)
        # (2, 15, frames), counted from 1.
        positions = np.stack(places, -1).transpose(1, 0, 2) + 1.0
        scipy.io.savemat(home / "joint_positions.mat", {"pos_img": positions})
        lines.append(f"{video}.avi {split + 1}")
    (folder / "splits").mkdir()
    (folder / "splits/catch_test_split1.txt").write_text("\n".join(lines) + "\n")


def mpii_lists(folder: pathlib.Path) -> None:
    """MPII as HRNet's lists: from 1, the first person's first joint not labeled."""
    for split, part in enumerate(("train", "valid")):
        records = []
        for number, places in enumerate(people_of(16, split)):
            name = f"{100 * split + number + 1:09d}.jpg"
            drawn = []
            for person, points in enumerate(places):
                labeled = np.arange(16) >= (person == 0)
                joints = np.where(labeled[:, None], points + 1.0, -1.0)
                records.append(
                    {
                        "image": name,
                        "center": [50.0 + 70 * person, 60.0],
                        "scale": 0.5,
                        "joints": joints.tolist(),
                        "joints_vis": labeled.astype(int).tolist(),
                    }
                )
                drawn.append(points[labeled])
            draw(folder / "images" / name, drawn)
        write_json(folder / f"annot/{part}.json", records)


def struct(**fields) -> np.ndarray:
    """A 1 x 1 MATLAB structure."""
    array = np.empty((1, 1), [(name, object) for name in fields])
    for name, value in fields.items():
        array[name][0, 0] = value
    return array


def structs(records: list[np.ndarray]) -> np.ndarray:
    """A 1 x n MATLAB structure array; [] of none."""
    return np.concatenate(records, axis=1) if records else np.zeros((0, 0))


def mpii_release(folder: pathlib.Path) -> None:
    """MPII's own file: the photos of both lists, then one to test on without poses."""
    photos = []
    for split in range(2):
        for number, places in enumerate(people_of(16, split)):
            name = f"{100 * split + number + 1:09d}.jpg"
            people = [_released(places_of, n) for n, places_of in enumerate(places)]
            photos.append(struct(image=struct(name=name), annorect=structs(people)))
            drawn = [p[(n == 0) :] for n, p in enumerate(places)]
            draw(folder / "images" / name, drawn)
    alone = struct(scale=1.0, objpos=struct(x=9.0, y=9.0))
    photos.append(struct(image=struct(name="000000999.jpg"), annorect=alone))
    training = np.array([[1] * (len(photos) - 1) + [0]], np.uint8)
    release = struct(annolist=structs(photos), img_train=training)
    path = folder / "mpii_human_pose_v1_u12_1.mat"
    scipy.io.savemat(path, {"RELEASE": release})
    (folder / "valid_images.txt").write_text("000000101.jpg\n")


def _released(points, person: int) -> np.ndarray:
    """A person whose first joint is not labeled, for the first one of a photo."""
    joints = [
        struct(
            id=float(joint),
            x=points[joint, 0] + 1.0,
            y=points[joint, 1] + 1.0,
            # Head joints have no visibility; that of others is text or a number.
            is_visible=np.zeros((0, 0)) if joint in (8, 9) else str(int(joint != 3)),
        )
        for joint in range(person == 0, 16)
    ]
    corners = {"x1": 11.0, "y1": 21.0, "x2": 41.0, "y2": 61.0}
    place = struct(x=50.0 + 70 * person, y=60.0)
    annopoints = struct(point=structs(joints))
    return struct(**corners, annopoints=annopoints, scale=0.5, objpos=place)


# Where FLIC's own file holds its joints, among 29, and the h5 files, among 11.
FLIC_COLUMNS = (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16)


def flic_places(split: int) -> list[np.ndarray]:
    """i64[11, 2] a photo; where the neck is, between the shoulders, nothing else is."""
    places = [photo[0] for photo in people_of(11, split)]
    for points in places:
        points[0], points[3] = (76, 112), (20, 112)
    return places


def flic(folder: pathlib.Path) -> None:
    """FLIC's own file: the wrist of the first example is NaN, the last in no split."""
    examples = []
    for split in range(2):
        for number, points in enumerate(flic_places(split)):
            name = f"film-{split}{number:07d}.jpg"
            coords = np.full((2, 29), np.nan)
            coords[:, FLIC_COLUMNS] = points.T + 1.0
            drawn = [points[[0, 1, 3, 4, 5, 6, 7, 10]], np.array([[48, 112]])]
            if examples:
                drawn.append(points[[2]])
            else:
                coords[:, 2] = np.nan
            torso = np.array([[31.0, 41.0, 71.0, 91.0]])
            flags = {"istrain": split == 0, "istest": split == 1}
            example = struct(filepath=name, coords=coords, torsobox=torso, **flags)
            examples.append(example)
            draw(folder / "images" / name, drawn)
    spare = struct(
        filepath="x.jpg", coords=coords, torsobox=torso, istrain=False, istest=False
    )
    scipy.io.savemat(folder / "examples.mat", {"examples": structs([*examples, spare])})


def flic_h5(folder: pathlib.Path) -> None:
    """The hourglass papers' files of FLIC, without the photos' own layout changed."""
    for split, part in enumerate(("train", "valid")):
        places = flic_places(split)
        names = [f"film-{split}{number:07d}.jpg" for number in range(len(places))]
        folder.mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / f"{part}.h5", "w") as file:
            file["imgname"] = np.array(names, "S43")
            file["part"] = np.stack(places) + 1.0
        for name, points in zip(names, places, strict=True):
            drawn = [points[[0, 1, 2, 3, 4, 5, 6, 7, 10]], np.array([[48, 112]])]
            draw(folder / "images" / name, drawn)
