"""Damages files as bad luck, careless programs, and attackers do."""

import copy
import json
import random

# Values that readers may not expect; None is JSON's null.
ODD = (
    None, True, False, "", "0", "1", "no", "7.5", 0, 1, -1, 0.5, -0.0, 2**31, 2**63,
    -(2**63) - 1, 10**400, 1e308, 5e-324, float("nan"), float("inf"), [], [[]], [None],
    {}, {"": []}, [0.1] * 3, [1, 2, 3, 4], "\ud800", "a\nb\x1b[31m\0", "x" * 5000,
    "../../etc/passwd", "é" * 50, ["a"] * 50,
)  # fmt: skip


def damaged_json(data, draw: random.Random) -> bytes:
    """JSON text of data with one to four odd values, or damaged as a text."""
    data = copy.deepcopy(data)
    for _ in range(draw.randint(1, 4)):
        data = _changed(data, draw)
    text = json.dumps(data).encode()
    return damaged_bytes(text, draw) if draw.random() < 0.25 else text


def _changed(data, draw):
    """One value, anywhere, replaced, removed, repeated, or nested."""
    places = list(_places(data))
    if not places:
        return draw.choice(ODD)
    parent, key = draw.choice(places)
    kind = draw.random()
    if kind < 0.7:
        parent[key] = copy.deepcopy(draw.choice(ODD))
    elif kind < 0.8:
        del parent[key]
    elif kind < 0.9 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif kind < 0.95:
        for _ in range(draw.randint(1, 60)):
            parent[key] = [parent[key]]
    else:
        return draw.choice((parent[key], [data], {"data": data}))
    return data


def _places(data):
    """(container, key or index) of every value in nested data."""
    keys = range(len(data)) if isinstance(data, list) else data
    if isinstance(data, list | dict):
        for key in list(keys):
            yield data, key
            yield from _places(data[key])


def damaged_bytes(data: bytes, draw: random.Random) -> bytes:
    """Bytes with changed, lost, repeated, or foreign parts."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        place = draw.randrange(len(changed) + 1)
        if draw.random() < 0.5:  # the headers are in front
            place = min(place, draw.randrange(64))
        part = slice(place, place + draw.choice((1, 1, 1, 2, 4, 40)))
        kind = draw.random()
        if kind < 0.5:
            changed[part] = draw.randbytes(len(changed[part]))
        elif kind < 0.65:
            changed[part] = draw.choice((b"\0", b"\xff", b"\x7f")) * len(changed[part])
        elif kind < 0.75:
            del changed[place : place + draw.choice((1, 2, 100))]
        elif kind < 0.85:
            changed[place:place] = draw.choice(
                (b"[" * 200_000, b"9" * 5000, b"\xff\xd9")
            )
        elif kind < 0.95:
            del changed[place:]
        else:
            changed += changed[part] * 9
    return bytes(changed)
