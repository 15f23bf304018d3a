"""Small videos, the same videos damaged byte by byte, and who is in them."""

import struct

import numpy as np

from tfpose.io.video import VideoWriter
from tfpose.skeletons import LSP14

RATE, COUNT, SIZE = 25.0, 20, (64, 48)


def picture(number: int) -> np.ndarray:
    """u8[48, 64, 3]: the left half as bright as its number says, the corner red."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32] = 10 * number
    image[:16, :16] = (255, 0, 0)
    return image


def number_of(image) -> int:
    """The number of a frame that ``picture`` drew and a codec changed a little."""
    return round(float(image[24:, 2:24].mean()) / 10)


def write(path, count=COUNT, rate=RATE, times=None) -> bytes:
    """Writes a video of numbered pictures; returns its bytes."""
    with VideoWriter(path, rate, SIZE) as video:
        for number in range(count):
            video.write(picture(number), None if times is None else times[number])
    return path.read_bytes()


def quarter_turn(data: bytes) -> bytes:
    """An MP4 whose header says that its frames are to be turned by 90 degrees."""
    matrix = data.index(b"tkhd") + 44
    turned = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    return data[:matrix] + turned + data[matrix + len(turned) :]


def stretched(data: bytes, factor: int) -> bytes:
    """An MP4 whose frames last ``factor`` times as long from its second half on."""
    start = data.index(b"stts") + 4
    _, entries, count, step = struct.unpack(">4I", data[start : start + 16])
    assert entries == 1
    table = struct.pack(
        ">6I", 0, 2, count // 2, step, count - count // 2, factor * step
    )
    longer = bytearray(data[:start] + table + data[start + 16 :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):
        place = data.index(box) - 4
        size = struct.unpack(">I", data[place : place + 4])[0]
        longer[place : place + 4] = struct.pack(">I", size + 8)
    return bytes(longer).replace(b"edts", b"free")  # it would cut the added time off


class Camera:
    """Stands in for OpenCV's capture: some pictures, then the end."""

    def __init__(self, source, *api):
        self.source, self.left = source, 3

    def isOpened(self):
        return self.source == 0

    def get(self, what):
        return 0.0

    def read(self):
        self.left -= 1
        return self.left >= 0, picture(2 - self.left)[..., ::-1].copy()

    def release(self):
        pass


# --- people in them, without a network ----------------------------------------------

# Fourteen joints of somebody of 12 x 24 px.
BODY = np.stack([np.tile([0.0, 12.0], 7), np.repeat(np.linspace(0, 24, 7), 2)], axis=1)


class World:
    """Knows who is in which frame of ``write``'s video; counts who asks.

    Args:
        people: for each frame's number, the upper left corners of the people.

    Attributes:
        searched, estimated: the frames that the detector and the estimator were given.
    """

    skeleton = LSP14

    def __init__(self, people):
        self.people = people
        self.searched, self.estimated = [], []

    def poses(self, number: int) -> np.ndarray:
        """f32[N, 14, 2] of a frame."""
        corners = np.reshape(self.people(number), (-1, 1, 2))
        return (BODY + corners).astype(np.float32)

    def detect(self, photo):
        """The detector: a box around each person."""
        number = number_of(photo)
        self.searched.append(number)
        poses = self.poses(number)
        boxes = np.concatenate([poses.min(1), np.ptp(poses, axis=1) + 1], axis=1)
        return boxes, np.full(len(boxes), 0.9, np.float32)

    def __call__(self, photo, boxes):
        """The estimator: in each box, the person whose center is nearest to its own."""
        number = number_of(photo)
        self.estimated.append(number)
        poses = self.poses(number)
        keypoints = np.zeros((len(boxes), 14, 2), np.float32)
        scores = np.zeros((len(boxes), 14), np.float32)
        for row, box in enumerate(boxes):
            gaps = np.abs(poses.mean(1) - (box[:2] + box[2:] / 2)).max(1)
            if len(gaps) and gaps.min() < 8:
                keypoints[row], scores[row] = poses[gaps.argmin()], 0.8
        return keypoints, scores
