"""Colors of skin and hair, and the cloth, cuts and patterns of clothes."""

from __future__ import annotations

import colorsys
import dataclasses
import functools

import numpy as np

from data_prep.synthetic_people.body import pick

SKIN = np.array([
    (255, 224, 196), (246, 208, 177), (234, 190, 156), (222, 171, 128),
    (198, 145, 103), (168, 117, 80), (134, 90, 60), (103, 68, 46), (77, 51, 37),
], np.float64)  # fmt: skip
HAIR = {
    (35, 28, 25): 0.25, (52, 38, 30): 0.2, (78, 52, 35): 0.16, (110, 74, 44): 0.12,
    (160, 118, 68): 0.08, (210, 176, 120): 0.07, (140, 66, 36): 0.04,
    (150, 150, 150): 0.05, (225, 222, 215): 0.03,
}  # fmt: skip
HAIR_STYLES = {  # feminine or not -> shares
    True: {"short": 0.3, "long": 0.37, "tail": 0.2, "cap": 0.12, "bald": 0.01},
    False: {"short": 0.68, "long": 0.06, "tail": 0.03, "cap": 0.15, "bald": 0.08},
}
PATTERNS = (
    "plain", "plain", "plain", "hoops", "stripes", "checks", "blotches", "print",
    "yoke", "sides",
)  # fmt: skip
TROUSER_PATTERNS = ("plain",) * 8 + ("sides", "sides", "stripes", "blotches", "hoops")


@dataclasses.dataclass(frozen=True)
class Garment:
    """Cloth: two colors f64[3], their pattern, and how loose it is."""

    color: np.ndarray
    second: np.ndarray
    pattern: str = "plain"
    looseness: float = 0.1

    def paint(self, rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
        """f64[rows, columns, 3]; row 0 is the lowest of a trunk, first of a limb."""
        painted = np.empty((rows, columns, 3))
        painted[...] = self.color
        if self.pattern == "blotches":
            painted[rng.random((rows, columns)) < 0.4] = self.second
        elif self.pattern != "plain":
            painted[_marked(self.pattern, rows, columns)] = self.second
        return painted


@functools.cache
def _marked(pattern: str, rows: int, columns: int) -> np.ndarray:
    """bool[rows, columns]: where a regular pattern has its second color."""
    row, column = np.mgrid[:rows, :columns]
    middle = (column + 0.5) / columns  # the front is a quarter of the way around
    return {
        "hoops": row % 4 < 2,
        "stripes": column % 3 == 0,
        "checks": (row // 2 + column // 2) % 2 == 0,
        "print": (abs(middle - 0.25) < 0.11) & (abs(row / rows - 0.6) < 0.14),
        "yoke": row > 0.66 * rows,
        "sides": abs((middle - 0.25) % 0.5 - 0.25) < 0.06,
    }[pattern]


@dataclasses.dataclass(frozen=True)
class Wardrobe:
    """The look of one person; colors f64[3] RGB 0..255, lengths as fractions of bones.

    ``sleeve`` and ``trouser_length`` go from 0 (none) through 1 (elbow, knee) to 2;
    ``waistline`` and ``neckline`` are fractions of the trunk.
    """

    skin: np.ndarray
    leg_skin: np.ndarray
    hair: np.ndarray
    hair_style: str
    hair_length: float
    beard: bool
    eyes: np.ndarray
    lips: np.ndarray
    hat: np.ndarray
    shirt: Garment
    sleeves: Garment
    sleeve: float
    open_jacket: bool
    waistline: float
    neckline: float
    trousers: Garment
    trouser_length: float
    skirt: Garment | None
    skirt_length: float
    skirt_flare: float
    shoes: np.ndarray
    soles: np.ndarray
    socks: np.ndarray
    sock_length: float
    backpack: np.ndarray | None


# Shares of white, gray and black cloth (ranges of gray values) and of dyed cloth.
CLOTHS = {
    (215, 250): 0.15, (90, 190): 0.13, (25, 60): 0.15, "denim": 0.16, "muted": 0.25,
    "bright": 0.16,
}  # fmt: skip
KINDS_OF_DYE = {  # hue (None: any), saturation, value
    "denim": (0.61, 0.45, 0.45), "muted": (None, 0.35, 0.62),
    "bright": (None, 0.7, 0.78),
}  # fmt: skip


def cloth_color(rng: np.random.Generator) -> np.ndarray:
    """f64[3]: white, gray, black, denim, muted or bright, like real clothes."""
    kind = pick(rng, CLOTHS)
    if isinstance(kind, tuple):
        return rng.uniform(*kind) + rng.uniform(-8, 8, 3)
    hue, saturation, value = KINDS_OF_DYE[kind]
    hue = rng.normal(hue, 0.02) if hue else rng.random()
    saturation, value = rng.normal((saturation, value), (0.10, 0.13))
    return 255 * np.array(
        colorsys.hsv_to_rgb(
            hue % 1, min(max(saturation, 0), 1), min(max(value, 0.15), 0.95)
        )
    )


def _garment(rng, patterns=PATTERNS, looseness=0.2) -> Garment:
    color, second = cloth_color(rng), cloth_color(rng)
    pattern = patterns[rng.integers(len(patterns))]
    if pattern in ("checks", "blotches"):  # woven in similar shades
        second = 0.45 * second + 0.55 * color
    return Garment(color, second, pattern, abs(rng.normal(0, looseness)))


def sample_wardrobe(rng: np.random.Generator) -> Wardrobe:
    """A random person's clothes, skin and hair."""
    skin = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.93, 1.04) + rng.uniform(
        -5, 5, 3
    )
    skin = np.clip(skin, 30, 255)
    hair = np.array(pick(rng, HAIR)) * rng.uniform(0.8, 1.15)
    feminine = rng.random() < 0.45
    shirt, trousers = _garment(rng), _garment(rng, TROUSER_PATTERNS)
    dressed = pick(rng, {"shirt": 0.5, "jacket": 0.3, "vest": 0.14, "bare": 0.06})
    if feminine and dressed == "bare":
        dressed = "vest"
    if dressed == "bare":
        shirt = Garment(skin, skin, looseness=0.0)
    wears_skirt = feminine and rng.random() < 0.35
    skirt = (shirt if rng.random() < 0.5 else _garment(rng)) if wears_skirt else None
    sleeve = {
        "shirt": pick(rng, {0.45: 1, 0.65: 1, 1.0: 1}),
        "jacket": pick(rng, {1.75: 1, 2.1: 1}),
        "vest": -1.0, "bare": -1.0,
    }[dressed]  # fmt: skip
    plain = dataclasses.replace(shirt, pattern="plain")
    other = Garment(shirt.second, shirt.color, looseness=shirt.looseness)
    length = pick(rng, {0.3: 0.08, 0.62: 0.18, 0.92: 0.1, 1.6: 0.06, 2.1: 0.58})
    stockings = cloth_color(rng) if rng.random() < 0.3 else skin
    return Wardrobe(
        skin=skin,
        leg_skin=stockings if wears_skirt else skin,
        hair=np.clip(hair, 15, 240),
        hair_style=pick(rng, HAIR_STYLES[feminine]),
        hair_length=rng.uniform(0.0, 0.22),
        beard=bool(not feminine and rng.random() < 0.25),
        eyes=np.array(
            [(40, 28, 22), (60, 80, 120), (50, 80, 50)][rng.choice(3)], float
        ),
        lips=skin * (0.85, 0.55, 0.55) if feminine else skin * (0.8, 0.62, 0.6),
        hat=cloth_color(rng),
        shirt=shirt,
        sleeves=other
        if shirt.pattern == "yoke"
        else (shirt if shirt.pattern == "hoops" else plain),
        sleeve=sleeve,
        open_jacket=bool(dressed == "jacket" and rng.random() < 0.6),
        waistline=pick(rng, {-0.08: 1, 0.02: 1, 0.12: 1, 0.22: 1}),
        neckline=pick(rng, {0.0: 1, 0.06: 1, 0.16: 1}) if dressed != "bare" else 0.0,
        trousers=trousers,
        trouser_length=0.3 if wears_skirt else length,
        skirt=skirt,
        skirt_length=rng.uniform(0.45, 1.05),
        skirt_flare=rng.uniform(0.03, 0.12),
        shoes=cloth_color(rng),
        soles=cloth_color(rng) if rng.random() < 0.4 else np.full(3, 225.0),
        socks=cloth_color(rng),
        sock_length=pick(rng, {0.0: 0.4, 0.2: 0.35, 0.5: 0.15, 0.8: 0.1}),
        backpack=cloth_color(rng) if rng.random() < 0.08 else None,
    )
