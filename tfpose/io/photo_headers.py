"""What kind of photo a file is, and how large, before anything decodes it.

A few bytes can announce gigapixels, and half a file can look like a whole one. Formats:
ITU T.81 (JPEG), RFC 2083 (PNG), RFC 9649 (WebP), TIFF 6.0, and the BMP, GIF, AVIF,
JPEG 2000, PNM, and Sun headers that OpenCV reads.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

# The suffixes of photos that OpenCV reads.
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".dib",
    ".gif", ".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".ras", ".sr",
)  # fmt: skip
# Of pictures and videos that people also keep in folders of photos.
OTHER_SUFFIXES = (
    ".heic", ".heif", ".hif", ".jxl", ".jxr", ".jpf", ".dng", ".cr2", ".cr3", ".nef",
    ".arw", ".raf", ".orf", ".rw2", ".raw", ".psd", ".svg", ".pdf", ".ico", ".tga",
    ".exr", ".hdr", ".pfm", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v",
)  # fmt: skip
Size = tuple[int, int]


def kind_of(data: bytes) -> str | None:
    """The name of the kind of photo, a key of ``KINDS``; None for anything else."""
    return next((name for name, (magic, _) in KINDS.items() if magic(data)), None)


def size_of(data: bytes, kind: str) -> Size | None:
    """(width, height) px as stored, of a photo of a kind; None if damaged."""
    try:
        size = KINDS[kind][1](data)
    except (struct.error, IndexError, ValueError, OverflowError):
        return None
    return size if size and min(size) > 0 else None


def other_kind(data: bytes) -> str:
    """What a file is that is no photo, in words for messages."""
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    kinds = {
        "HEIC, which OpenCV does not read": brand in HEIC_BRANDS,
        "a video": bool(brand) or data[:4] == b"\x1aE\xdf\xa3",
        "JPEG XL, which OpenCV does not read": data[:2] == b"\xff\x0a"
        or data[4:8] == b"JXL ",
        "a pointer of Git LFS": data.startswith(b"version https://git-lfs"),
        "a PDF": data.startswith(b"%PDF"),
        "a text or web page": data[:64].lstrip()[:1] in (b"<", b"{"),
        "an empty file": not data,
    }
    found = next((name for name, holds in kinds.items() if holds), None)
    return found or f"{len(data)} bytes of another kind"


HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def is_whole(data: bytes, kind: str) -> bool:
    """Whether a photo does not end early, as far as its structure tells."""
    if kind == "JPEG":
        return jpeg_end(data) is not None and _has_all_bits(data)
    if kind == "PNG":
        return any(name == b"IEND" for name, _, _ in png_chunks(data))
    return True  # OpenCV refuses the others


# --- JPEG ------------------------------------------------------------------------

_SOS, _EOI = 0xDA, 0xD9
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Ends the compressed bits: a marker other than a restart, and no stuffed byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment's content; the end of the photo is last."""
    place = 2
    while place + 4 <= len(data) or data[place : place + 2] == b"\xff\xd9":
        if data[place] != 0xFF:
            return
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == _EOI:
            yield marker, place, place
            return
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, place + 4, min(end, len(data))
        place = end
        if marker == _SOS:
            following = _MARKER.search(data, end)
            place = following.start() if following else len(data)


def jpeg_end(data: bytes) -> int | None:
    """The place of the marker that ends a JPEG; what follows is not of the photo."""
    ends = [start for marker, start, _ in jpeg_segments(data) if marker == _EOI]
    return ends[0] if ends else None


def is_progressive(data: bytes) -> bool:
    """Whether a JPEG sends its photo in several passes."""
    return any(marker == 0xC2 for marker, _, _ in jpeg_segments(data))


def _has_all_bits(data: bytes) -> bool:
    """Whether the passes of a progressive JPEG send the last bit of each coefficient.

    What lacks only a part of the last pass is taken for whole: it is less sharp there.
    """
    missing: dict[int, set[int]] = {}
    for marker, start, end in jpeg_segments(data):
        content = data[start:end]
        if marker in _SOF:
            if marker != 0xC2:
                return True
            count = content[5] if len(content) > 5 else 0
            components = content[6 : 6 + 3 * count : 3]
            missing = {component: set(range(64)) for component in components}
        elif marker == _SOS and content:
            count = content[0]
            tail = content[1 + 2 * count : 4 + 2 * count]
            if len(tail) == 3 and tail[2] & 15 == 0:
                for component in content[1 : 1 + 2 * count : 2]:
                    sent = range(tail[0], tail[1] + 1)
                    missing.get(component, set()).difference_update(sent)
    return not any(missing.values())


def _jpeg_size(data: bytes) -> Size | None:
    for marker, start, _ in jpeg_segments(data):
        if marker in _SOF:
            height, width = struct.unpack_from(">HH", data, start + 1)
            return width, height
        if marker == _SOS:
            break
    return None


# --- others ----------------------------------------------------------------------


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the content of each whole chunk."""
    place = 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if place + 12 + length > len(data):
            return
        yield data[place + 4 : place + 8], place + 8, place + 8 + length
        place += 12 + length


def _webp_size(data: bytes) -> Size | None:
    form = data[12:16]
    if form == b"VP8X":
        sides = data[24:27], data[27:30]
        return tuple(int.from_bytes(side, "little") + 1 for side in sides)
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff_size(data: bytes) -> Size | None:
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, place)
    place += 8 if big else 2
    entry = 20 if big else 12
    sides = {}
    for start in range(place, min(place + min(count, 4096) * entry, len(data)), entry):
        tag, kind = struct.unpack_from(order + "HH", data, start)
        if tag in (256, 257):
            form = {3: "H", 4: "I", 16: "Q"}.get(kind, "I")
            value = start + (12 if big else 8)
            (sides[tag],) = struct.unpack_from(order + form, data, value)
    return (sides[256], sides[257]) if len(sides) == 2 else None


def _bmp_size(data: bytes) -> Size:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return abs(width), abs(height)


def _box_size(name: bytes) -> Callable[[bytes], Size | None]:
    """Reads the largest sides in boxes: AVIF's "ispe", JPEG 2000's "ihdr"."""

    def size(data: bytes) -> Size | None:
        found = []
        for match in re.finditer(re.escape(name), data[:1_000_000]):
            skip = 4 if name == b"ispe" else 0
            found.append(struct.unpack_from(">II", data, match.end() + skip))
        if name == b"ihdr":
            found = [(width, height) for height, width in found]
        return max(found, key=lambda sides: sides[0] * sides[1], default=None)

    return size


def _pnm_size(data: bytes) -> Size:
    text = re.sub(rb"#[^\n]*", b" ", data[2:4096])
    width, height = text.split()[:2]
    return int(width), int(height)


def _at(form: str, place: int) -> Callable[[bytes], Size]:
    return lambda data: struct.unpack_from(form, data, place)


# Kind -> whether data is of it, and the (width, height) that its header states.
KINDS: dict[str, tuple[Callable[[bytes], bool], Callable[[bytes], Size | None]]] = {
    "JPEG": (lambda data: data[:3] == b"\xff\xd8\xff", _jpeg_size),
    "PNG": (lambda data: data[:8] == b"\x89PNG\r\n\x1a\n", _at(">II", 16)),
    "WebP": (lambda data: data[:4] + data[8:12] == b"RIFFWEBP", _webp_size),
    "TIFF": (
        lambda data: data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        _tiff_size,
    ),
    "BMP": (lambda data: data[:2] == b"BM", _bmp_size),
    "GIF": (lambda data: data[:6] in (b"GIF87a", b"GIF89a"), _at("<HH", 6)),
    "AVIF": (lambda data: data[4:12] in (b"ftypavif", b"ftypavis"), _box_size(b"ispe")),
    "JPEG 2000": (lambda data: data[4:8] == b"jP  ", _box_size(b"ihdr")),
    "PNM": (lambda data: re.match(rb"P[1-6]\s", data[:3]) is not None, _pnm_size),
    "Sun raster": (lambda data: data[:4] == b"Y\xa6j\x95", _at(">II", 4)),
}
