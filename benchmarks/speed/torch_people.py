"""The training input of SimpleBaseline's code, for its time: people in a DataLoader.

What its data set of joints does to a person, written anew: read the whole photo with
OpenCV, draw a scale, a rotation, and whether to mirror, warp the photo to the crop,
normalize it, and draw a Gaussian for each joint. ``people.py`` runs this file in an
interpreter that has PyTorch and OpenCV.

Usage: python torch_people.py ANNOTATIONS IMAGES WORKERS BATCH
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

SIZE, STRIDE, SIGMA = (256, 192), 4, 2.0  # (height, width); sigma in cells
SCALE, ROTATION, TURNED, MARGIN = 0.3, 40.0, 0.6, 1.25
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class People(Dataset):
    def __init__(self, annotations: str, images: str):
        data = json.loads(pathlib.Path(annotations).read_text())
        names = {one["id"]: one["file_name"] for one in data["images"]}
        self.people = [
            (str(pathlib.Path(images, names[one["image_id"]])), one["bbox"],
             np.reshape(one["keypoints"], (-1, 3)).astype(np.float32))
            for one in data["annotations"]
        ]  # fmt: skip
        category = data["categories"][0]["keypoints"]
        swapped = [
            name.replace("left", "\0")
            .replace("right", "left").replace("\0", "right")
            for name in category
        ]  # fmt: skip
        self.mirrored = [category.index(name) for name in swapped]

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int):
        path, (x, y, width, height), joints = self.people[index]
        photo = cv2.imread(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        photo = cv2.cvtColor(photo, cv2.COLOR_BGR2RGB)
        points, there = joints[:, :2].copy(), joints[:, 2] > 0
        center = np.array([x + width / 2, y + height / 2], np.float32)
        side = MARGIN * max(height, width * SIZE[0] / SIZE[1])
        draw = np.random.default_rng()
        side *= np.clip(1 + SCALE * draw.standard_normal(), 1 - SCALE, 1 + SCALE)
        angle = 0.0
        if draw.random() < TURNED:
            angle = np.clip(draw.standard_normal(), -2, 2) * ROTATION
        if draw.random() < 0.5:
            photo = photo[:, ::-1]
            points[:, 0] = photo.shape[1] - 1 - points[:, 0]
            points, there = points[self.mirrored], there[self.mirrored]
            center[0] = photo.shape[1] - 1 - center[0]
        matrix = affine(center, side, angle)
        crop = cv2.warpAffine(photo, matrix, SIZE[::-1], flags=cv2.INTER_LINEAR)
        crop = (crop.astype(np.float32) / 255 - MEAN) / DEVIATION
        for joint in range(len(points)):
            if there[joint]:
                points[joint] = matrix @ [*points[joint], 1]
        target, weight = gaussians(points, there)
        image = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))
        return image, torch.from_numpy(target), torch.from_numpy(weight)


def affine(center, side: float, angle: float) -> np.ndarray:
    """From three points: the center, one above it, and one beside it."""
    turn = np.deg2rad(angle)
    up = side / 2 * np.array([np.sin(turn), -np.cos(turn)])
    middle = np.array([SIZE[1] / 2, SIZE[0] / 2])
    wanted = np.array([0, -SIZE[0] / 2])

    def corner(point, direction):
        beside = np.array([-direction[1], direction[0]])
        return np.float32([point, point + direction, point + direction + beside])

    return cv2.getAffineTransform(corner(center, up), corner(middle, wanted))


def gaussians(points, there) -> tuple[np.ndarray, np.ndarray]:
    """f32[K, h, w], a Gaussian of peak 1 in three sigmas around each joint's cell."""
    height, width = SIZE[0] // STRIDE, SIZE[1] // STRIDE
    maps = np.zeros((len(points), height, width), np.float32)
    weight, radius = there.astype(np.float32)[:, None], int(3 * SIGMA)
    offsets = np.arange(2 * radius + 1) - radius
    patch = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * SIGMA**2))
    for joint, (x, y) in enumerate((points / STRIDE + 0.5).astype(int)):
        left, top = x - radius, y - radius
        right, bottom = x + radius + 1, y + radius + 1
        if left >= width or top >= height or right <= 0 or bottom <= 0:
            weight[joint] = 0
        elif there[joint]:
            rows = slice(max(0, top), min(height, bottom))
            columns = slice(max(0, left), min(width, right))
            maps[joint, rows, columns] = patch[
                rows.start - top : rows.stop - top,
                columns.start - left : columns.stop - left,
            ]
    return maps, weight


def endless(loader):
    while True:
        yield from loader


def main(annotations: str, images: str, workers: str, batch: str) -> None:
    loader = DataLoader(
        People(annotations, images), int(batch), shuffle=True,
        num_workers=int(workers), drop_last=True, persistent_workers=True,
    )  # fmt: skip
    batches = endless(loader)
    next(batches)
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        start = time.perf_counter(), processor_time(loader)
        for _ in range(int(line)):
            next(batches)
        spent = processor_time(loader) - start[1]
        print(time.perf_counter() - start[0], spent, flush=True)


def processor_time(loader) -> float:
    """Seconds of this process and of the loader's workers."""
    ticks = 0
    for worker in loader._iterator._workers:
        fields = pathlib.Path(f"/proc/{worker.pid}/stat").read_text().split(")")[-1]
        ticks += sum(map(int, fields.split()[11:13]))
    return time.process_time() + ticks / 100


if __name__ == "__main__":
    cv2.setNumThreads(0)
    main(*sys.argv[1:])
