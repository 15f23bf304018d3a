"""Small pose files on disk, drawn by the tests that need them."""

import numpy as np

from tfpose import drawing
from tfpose.io import files
from tfpose.io.coco_records import annotation_entry, annotations_json, result_entry
from tfpose.skeletons import LSP14

# A standing person in a photo of 100 x 80 px, in LSP's joint order.
STANDING = np.array(
    [
        [34, 90], [35, 72], [36, 54], [44, 54], [45, 72], [46, 90], [26, 52], [28, 40],
        [32, 26], [48, 26], [52, 40], [54, 52], [40, 22], [40, 8],
    ],
    float,
)  # fmt: skip


def write(folder, people: int = 3, error: float = 6.0) -> dict[str, str]:
    """Photos, annotations, poses ``error`` px off, and poses half as far off.

    Returns:
        paths: "images" (a folder), "annotations", "before" and "after".
    """
    random = np.random.default_rng(0)
    images, annotations = [], []
    entries = {"before": [], "after": []}
    (folder / "photos").mkdir()
    for person in range(1, people + 1):
        name = f"photo{person}.png"
        photo = random.integers(0, 255, (100, 80, 3), dtype=np.uint8)
        drawing.write_image(folder / "photos" / name, photo)
        images.append({"id": person, "file_name": name, "width": 80, "height": 100})
        annotations.append(
            annotation_entry(
                person, person, STANDING, np.full(14, 2), box=(20, 0, 40, 100), area=2e3
            )
        )
        angle = random.uniform(0, 2 * np.pi, 14)
        offset = error * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        for name, share in (("before", 1.0), ("after", 0.5)):
            keypoints = STANDING + share * offset
            entry = result_entry(person, keypoints, np.ones(14), score=0.9)
            entries[name].append(entry)
    data = annotations_json(LSP14, images, annotations)
    files.write_json(folder / "annotations.json", data)
    for name, records in entries.items():
        files.write_json(folder / f"{name}.json", records)
    paths = {name: str(folder / f"{name}.json") for name in ("annotations", *entries)}
    return {**paths, "images": str(folder / "photos")}
