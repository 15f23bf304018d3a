"""People and poses that are scored together: photos, groups in them, video frames.

Keys beyond COCO's own:

- of a person: ``head_size`` in px, or PoseTrack18's ``bbox_head`` (xywh; 0.6 of its
  diagonal is the head size); ``track_id``, for MOTA; ``group_id``, for MPII's groups;
- of a pose: the same ``track_id`` and ``group_id``;
- of a photo: ``ignore_regions_x`` and ``ignore_regions_y``, polygons as lists of
  coordinates; its video is ``vid_id``, or else the folder in ``file_name``. Frames are
  sorted by ``frame_id``, or else by ``id``.
"""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np

from tfpose.errors import PoseFileError, shown
from tfpose.geometry import arrays
from tfpose.geometry.arrays import box_around
from tfpose.io.coco import Annotations, Results, rows_by_image
from tfpose.io.json_files import id_of
from tfpose.metrics.multi_person import precision

# The head size as a share of the head box's diagonal (MPII, PoseTrack).
HEAD_SHARE = 0.6


@dataclasses.dataclass(frozen=True)
class Scene:
    """People and poses that are scored together, as i64 rows of the two files."""

    photo: int
    people: np.ndarray
    poses: np.ndarray


@dataclasses.dataclass(frozen=True)
class Sides:
    """Annotations and results, without the joints in ignored regions.

    Attributes:
        annotations: N people with K joints.
        results: M poses.
        visible: bool[N, K], the labels that count.
        placed: bool[M, K], the joints that count.
        head_sizes: f64[N] px; nan if unknown.
    """

    annotations: Annotations
    results: Results
    visible: np.ndarray
    placed: np.ndarray
    head_sizes: np.ndarray

    def distances(self, scene: Scene) -> np.ndarray:
        """f64[poses, people, K] of ``precision.pose_distances``."""
        return precision.pose_distances(
            self.results.keypoints[scene.poses],
            self.placed[scene.poses],
            self.annotations.keypoints[scene.people],
            self.visible[scene.people],
            self.head_sizes[scene.people],
        )


def both_sides(
    annotations: Annotations, results: Results, ignore_regions: bool
) -> Sides:
    """Gathers both files, optionally without the joints in ignored regions.

    Raises:
        PoseFileError: regions or a head box have another form.
    """
    visible = (annotations.visible > 0) & ~annotations.crowd[:, None]
    placed = results.placed
    for side, counted in ((annotations, visible), (results, placed)):
        for photo, rows in rows_by_image(side.image_ids).items():
            polygons = _regions(photo, annotations.images) if ignore_regions else []
            if polygons:
                points = side.keypoints[rows]
                counted[rows] &= ~precision.inside_polygons(points, polygons)
    return Sides(annotations, results, visible, placed, _head_sizes(annotations))


def _regions(photo: int, images: dict[int, dict]) -> list[np.ndarray]:
    """The polygons f64[V, 2] that a photo ignores."""
    image = images.get(photo, {})
    columns = [image.get(f"ignore_regions_{axis}") or [] for axis in "xy"]
    try:
        pairs = zip(*columns, strict=True)
        polygons = [np.stack(np.array(p, np.float64), axis=-1) for p in pairs]
        if all(polygon.ndim == 2 for polygon in polygons):
            return polygons
    except (TypeError, ValueError):
        pass  # not lists, not numbers, or different lengths
    raise PoseFileError(
        f"images: id {photo}: expected ignore_regions_x and ignore_regions_y as lists "
        f"of polygons, each a list of numbers, found {str(columns)[:80]}"
    )


def _head_sizes(annotations: Annotations) -> np.ndarray:
    """f64[N] px; nan if neither size nor box is known."""
    sizes = np.where(annotations.head_sizes > 0, annotations.head_sizes, np.nan)
    for row in np.flatnonzero(np.isnan(sizes)):
        box = annotations.entries[row].get("bbox_head")
        if box is None:
            continue
        try:
            _, _, width, height = np.array(box, np.float64)
        except (TypeError, ValueError):
            wanted = "bbox_head [x, y, width, height]"
            raise _fault(annotations, row, wanted, box) from None
        sizes[row] = HEAD_SHARE * np.hypot(width, height) or np.nan
    return sizes


def _fault(people: Annotations | Results, row: int, expected: str, found) -> Exception:
    """An error that names the person or pose."""
    of_person = isinstance(people, Annotations)
    name = (
        f"annotation {people.ids[row]}"
        if of_person
        else (f"pose {people.positions[row]}")
    )
    photo = people.image_ids[row]
    return PoseFileError(
        f"{name} (image_id {photo}): expected {expected}, found {str(found)[:80]}"
    )


def check_heads(sides: Sides, scenes: list[Scene], metric: str) -> None:
    """Raises PoseFileError if a scored person has no head size."""
    for scene in scenes:
        for row in scene.people[np.isnan(sides.head_sizes[scene.people])]:
            expected = f"a 'head_size' in px or a 'bbox_head' for metric {metric}"
            raise _fault(sides.annotations, row, expected, "neither")


def photos(sides: Sides) -> list[Scene]:
    """The photos with annotations, in the file's order.

    Leaves out people and poses without a joint that counts.
    """
    people_of = rows_by_image(sides.annotations.image_ids)
    poses_of = rows_by_image(sides.results.image_ids)
    labeled, placed = sides.visible.any(axis=1), sides.placed.any(axis=1)
    scenes = []
    for photo in sides.annotations.images:
        if len(people := people_of.get(photo, ())):
            poses = poses_of.get(photo, people[:0])
            scenes.append(Scene(photo, people[labeled[people]], poses[placed[poses]]))
    return scenes


def groups(sides: Sides) -> list[Scene]:
    """MPII's groups of people close to each other; photos if there are none.

    A group is the people and poses of a photo with the same ``group_id``; one person
    is no group. A pose without one joins the group, if any, of the person whose box it
    overlaps most, or else is nearest to.

    Raises:
        PoseFileError: a ``group_id`` is no integer, or only a pose in the photo has it.
    """
    truth, found = sides.annotations, sides.results
    group_of = [_integer(truth, row, "group_id") for row in range(len(truth))]
    if not any(group is not None for group in group_of):
        return photos(sides)
    everywhere = np.ones(found.keypoints.shape[:2], bool)
    boxes = box_around(found.keypoints, everywhere & sides.placed)
    scenes = []
    for scene in photos(sides):
        members: dict[int, list[int]] = {}
        for row in scene.people:
            if group_of[row] is not None:
                members.setdefault(group_of[row], []).append(row)
        poses: dict[int, list[int]] = {group: [] for group in members}
        for row in scene.poses:
            group = _integer(found, row, "group_id")
            if group is None and len(scene.people):
                near = nearest_box(boxes[row], truth.boxes[scene.people])
                group = group_of[scene.people[near]]
            elif group is not None and group not in members:
                raise _fault(found, row, "the group_id of people in that photo", group)
            if group is not None:
                poses[group].append(row)
        scenes += [
            Scene(scene.photo, np.array(rows), np.array(poses[group], np.int64))
            for group, rows in members.items()
            if len(rows) > 1
        ]
    return scenes


def nearest_box(box, boxes) -> int:
    """The box of f64[N, 4] that a box xywh overlaps most, else the nearest center."""
    shared = arrays.overlaps(box, boxes)
    if shared.any():
        return int(shared.argmax())
    centers = boxes[:, :2] + boxes[:, 2:] / 2 - (box[:2] + box[2:] / 2)
    return int(np.linalg.norm(centers, axis=1).argmin())


def videos(annotations: Annotations, scenes: list[Scene]) -> list[list[Scene]]:
    """The scenes of each video in frame order."""
    frames: dict[str, list[Scene]] = {}
    for scene in scenes:
        image = annotations.images[scene.photo]
        folder = pathlib.PurePosixPath(str(image.get("file_name", ""))).parent
        frames.setdefault(str(image.get("vid_id", folder)), []).append(scene)

    def place(scene):
        found = annotations.images[scene.photo].get("frame_id", scene.photo)
        number = id_of(found)
        if number is None:
            raise PoseFileError(
                f"images: id {scene.photo}: expected an integer frame_id, found "
                f"{shown(found)}"
            )
        return number

    return [sorted(video, key=place) for video in frames.values()]


def track_ids(sides: Sides, scenes: list[Scene]) -> tuple[dict, dict]:
    """The track of each row of people and poses in the scenes.

    Raises:
        PoseFileError: one is missing, is no integer, or repeats in a photo.
    """
    tracks = []
    for people, part in ((sides.annotations, "people"), (sides.results, "poses")):
        ids: dict[int, int] = {}
        for scene in scenes:
            seen = set()
            for row in getattr(scene, part):
                track = _integer(people, row, "track_id")
                if track is None:
                    raise _fault(people, row, "a 'track_id'", "none")
                if track in seen:
                    raise _fault(people, row, "unique track_ids", f"{track} twice")
                seen.add(track)
                ids[row] = track
        tracks.append(ids)
    return tuple(tracks)


def _integer(people: Annotations | Results, row: int, key: str) -> int | None:
    """The integer under a key of a person's or pose's entry; None if missing."""
    value = people.entries[row].get(key)
    found = id_of(value)
    if value is not None and found is None:
        raise _fault(people, row, f"an integer {key}", shown(value))
    return found
