"""Tiny data sets in their own layouts: gray photos, a white square at each joint."""

import json
import pathlib

import cv2
import numpy as np
import scipy.io

HEIGHT, WIDTH = 120, 150


def draw_photo(path: pathlib.Path, points) -> None:
    """A gray photo with a white square of 5 px about each of the points (x, y)."""
    photo = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for x, y in np.asarray(points, int):
        photo[y - 2 : y + 3, x - 2 : x + 3] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 98]
    assert cv2.imwrite(str(path), photo, quality)


def place_joints(joints: int, left: int, seed: int) -> np.ndarray:
    """i64[joints, 2]: places at least 12 px apart, from ``left`` on, 60 px wide."""
    cells = np.random.default_rng(seed).permutation(5 * 8)[:joints]
    return np.stack([left + 12 * (cells % 5), 12 + 12 * (cells // 5)], axis=-1)


def lsp(folder: pathlib.Path) -> None:
    """LSP with 5 photos: joints 1-based, the third row 1 where occluded."""
    joints = np.zeros((3, 14, 5))
    for person in range(5):
        points = place_joints(14, 20 + 5 * person, person)
        draw_photo(folder / f"images/im{person + 1:04d}.jpg", points)
        joints[:2, :, person] = points.T + 1
    joints[2, 3] = 1
    scipy.io.savemat(folder / "joints.mat", {"joints": joints})


def lspet(folder: pathlib.Path) -> None:
    """LSPET with 4 photos, the last unlabeled: the third column 1 where labeled."""
    joints = np.full((14, 3, 4), -7.0)
    joints[:, 2] = 0
    for person in range(4):
        labeled = np.arange(14) % 4 != person if person < 3 else np.zeros(14, bool)
        points = place_joints(14, 20, person)[labeled]
        draw_photo(folder / f"images/im{person + 1:05d}.jpg", points)
        joints[labeled, :2, person] = points + 1
        joints[labeled, 2, person] = 1
    scipy.io.savemat(folder / "joints.mat", {"joints": joints})


def coco(folder: pathlib.Path) -> None:
    """COCO: one photo of two people and a crowd, one of one, one without labels."""
    _coco_split(folder, "train2017", [2, 1, 0])
    _coco_split(folder, "val2017", [2])


def _coco_split(folder: pathlib.Path, name: str, people: list[int]) -> None:
    from tfpose.skeletons import COCO17

    images, annotations = [], []
    for number, count in enumerate(people, start=1):
        image = {"id": number, "file_name": f"{number:012d}.jpg"}
        images.append({**image, "width": WIDTH, "height": HEIGHT})
        places = [place_joints(17, 10 + 70 * i, i) for i in range(count)]
        for points in places:
            annotations.append(_coco_person(number, len(annotations) + 1, points))
        drawn = np.concatenate(places or [np.zeros((0, 2), int)])
        draw_photo(folder / name / images[-1]["file_name"], drawn)
        if count == 0:
            person = _coco_person(number, len(annotations) + 1, np.zeros((17, 2)))
            unlabeled = {"keypoints": [0] * 51, "num_keypoints": 0}
            annotations.append({**person, **unlabeled, "bbox": [9, 9, 50, 50]})
            crowd = {"id": len(annotations) + 1, "iscrowd": 1}
            annotations.append({**annotations[-1], **crowd})
    category = {"id": 1, "name": "person", "keypoints": list(COCO17.joints)}
    data = {"images": images, "annotations": annotations, "categories": [category]}
    path = folder / "annotations" / f"person_keypoints_{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data))


def _coco_person(image_id: int, person_id: int, points) -> dict:
    low, high = points.min(0) - 4, points.max(0) + 5
    visible = 1 + (np.arange(17) % 2)
    triples = np.column_stack([points, visible])
    box = [*low.tolist(), *(high - low).tolist()]
    return {
        "id": person_id,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": box,
        "area": box[2] * box[3] / 2,
        "num_keypoints": 17,
        "keypoints": triples.ravel().tolist(),
    }
