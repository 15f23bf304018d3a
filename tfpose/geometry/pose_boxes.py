"""What the crops around poses show, in NumPy: ``Refiner.cut`` without TensorFlow."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.geometry import arrays, rules
from tfpose.geometry.cells import center_of, position_of
from tfpose.skeletons import Skeleton


@dataclasses.dataclass(frozen=True)
class CropRule:
    """How a refiner's crops follow from poses.

    Attributes:
        size: (height, width) of the crops.
        person_height: px of a standing person in the crops; 0 for the pose's box with
            its margin.
        margin, box_factor: ``rules.CROP_MARGIN`` and ``rules.BOX_FACTOR``.
        steady: whether the box around a pose leaves out single wild joints
            (``arrays.steady``).
    """

    size: tuple[int, int]
    person_height: float = 0.0
    margin: float = rules.CROP_MARGIN
    box_factor: float = rules.BOX_FACTOR
    steady: bool = True

    def boxes(self, photo_size, keypoints, valid, skeleton: Skeleton):
        """The boxes around poses, in the shape of the crop.

        A joint that the box leaves out and that is not in the crop either counts as
        missing: a network could not see it.

        Args:
            photo_size: (height, width) px.
            keypoints: f[N, K, 2] I.
            valid: f[N, K], 0 for a missing joint.
            skeleton: K joints.

        Returns:
            f64[N, 4] xywh, I, and f64[N, K], the joints that the crops have.
        """
        steady = np.asarray(valid) > 0
        if self.steady:
            steady = arrays.steady(keypoints, valid, photo_size)
        boxes = arrays.box_around(keypoints, steady, rules.SMALLEST_SIDE)
        if not self.person_height:
            boxes = arrays.scale_boxes(boxes, self.box_factor)
            boxes = arrays.fit_boxes(boxes, self.size, self.margin)
        else:
            height = standing_height(keypoints, steady, boxes[:, 2:], skeleton)
            sides = np.array(self.size[::-1]) * height[:, None] / self.person_height
            center = center_of(boxes[:, :2], boxes[:, 2:])
            boxes = np.concatenate([position_of(center, sides), sides], axis=-1)
        shown = steady | arrays.in_boxes(keypoints, boxes)
        return boxes, valid * shown


def standing_height(keypoints, valid, side, skeleton: Skeleton) -> np.ndarray:
    """f64[N], px of I (``geometry.tensors.person_height``).

    Args:
        keypoints: f[N, K, 2] I.
        valid: [N, K].
        side: f[N, 2] px, the sides of the poses' boxes.
        skeleton: K joints.
    """
    height = rules.HEIGHT_IN_BOXES * side.max(axis=-1, initial=0)
    head = skeleton.head
    if head is not None and "head_top" in head:
        ends = [skeleton.index(joint) for joint in head]
        span = keypoints[:, ends[0]] - keypoints[:, ends[1]]
        length = np.linalg.norm(span, axis=-1)
        known = (valid[:, ends] > 0).all(axis=1) & (length > 0)
        height = np.where(known, rules.HEIGHT_IN_HEADS * length, height)
    return np.maximum(height, rules.SMALLEST_HEIGHT)
