"""Photos with a camera's orientation tag."""


def with_orientation(jpeg: bytes, orientation: int, order: str = "big") -> bytes:
    """A JPEG with the Exif tag Orientation, 1 to 8, in either byte order."""
    mark = b"MM" if order == "big" else b"II"
    numbers = (42, 2), (8, 4), (1, 2), (0x112, 2), (3, 2), (1, 4), (orientation, 2)
    numbers += ((0, 2), (0, 4))
    tiff = mark + b"".join(value.to_bytes(size, order) for value, size in numbers)
    content = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content
    return jpeg[:2] + segment + jpeg[2:]
