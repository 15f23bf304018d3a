"""What the synthetic people wear: colours of skin, hair and cloth, cuts and patterns."""

from __future__ import annotations

import colorsys
import dataclasses

import numpy as np

SKIN = np.array([
    (255, 224, 196), (246, 208, 177), (234, 190, 156), (222, 171, 128), (198, 145, 103),
    (168, 117, 80), (134, 90, 60), (103, 68, 46), (77, 51, 37),
], np.float64)  # fmt: skip
HAIR = np.array([
    (35, 28, 25), (52, 38, 30), (78, 52, 35), (110, 74, 44), (160, 118, 68),
    (210, 176, 120), (140, 66, 36), (150, 150, 150), (225, 222, 215),
], np.float64)  # fmt: skip
HAIR_SHARE = np.array([0.25, 0.2, 0.16, 0.12, 0.08, 0.07, 0.04, 0.05, 0.03])
PATTERNS = ("plain", "plain", "plain", "hoops", "stripes", "checks", "blotches", "print",
            "yoke", "sides")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Garment:
    """Cloth: two colours f64[3], the pattern they form, and how far it stands off."""

    colour: np.ndarray
    second: np.ndarray
    pattern: str = "plain"
    looseness: float = 0.1

    def paint(self, rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
        """f64[rows, columns, 3]; row 0 is the lowest of a trunk, first of a limb."""
        row, column = np.mgrid[:rows, :columns]
        middle = (column + 0.5) / columns  # the front is at a quarter of the way round
        marked = {
            "plain": np.zeros_like(row, bool),
            "hoops": row % 4 < 2,
            "stripes": column % 3 == 0,
            "checks": (row // 2 + column // 2) % 2 == 0,
            "blotches": rng.random(row.shape) < 0.4,
            "print": (abs(middle - 0.25) < 0.11) & (abs(row / rows - 0.6) < 0.14),
            "yoke": row > 0.66 * rows,
            "sides": abs((middle - 0.25) % 0.5 - 0.25) < 0.06,
        }[self.pattern]
        return np.where(marked[..., None], self.second, self.colour)


@dataclasses.dataclass(frozen=True)
class Wardrobe:
    """The look of one person; colours f64[3] RGB 0..255, lengths as fractions of bones.

    ``sleeve`` and ``trouser_length`` reach from 0 (none) over 1 (elbow, knee) to 2;
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


def cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """f64[3]: white, grey, black, denim, muted or bright, as clothes are."""
    kind = rng.choice(6, p=[0.14, 0.12, 0.14, 0.16, 0.24, 0.20])
    if kind < 3:
        level = (rng.uniform(215, 250), rng.uniform(90, 190), rng.uniform(25, 60))[kind]
        return np.full(3, level) + rng.uniform(-8, 8, 3)
    saturation, value = ((0.45, 0.45), (0.35, 0.62), (0.78, 0.80))[kind - 3]
    hue = rng.normal(0.61, 0.02) if kind == 3 else rng.random()
    saturation = np.clip(rng.normal(saturation, 0.1), 0, 1)
    value = np.clip(rng.normal(value, 0.13), 0.15, 0.95)
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value)) * 255


def _garment(rng, patterns=PATTERNS, looseness=0.12) -> Garment:
    colours = cloth_colour(rng), cloth_colour(rng)
    return Garment(*colours, rng.choice(patterns), abs(rng.normal(0, looseness)) + 0.03)


def sample_wardrobe(rng: np.random.Generator) -> Wardrobe:
    """A random person's clothes, skin and hair."""
    skin = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.93, 1.04) + rng.uniform(
        -5, 5, 3
    )
    skin = np.clip(skin, 30, 255)
    hair = HAIR[rng.choice(len(HAIR), p=HAIR_SHARE)] * rng.uniform(0.8, 1.15)
    feminine = rng.random() < 0.45
    shirt, trousers = _garment(rng), _garment(rng, PATTERNS[:5])
    dressed = rng.choice(["shirt", "jacket", "vest", "bare"], p=[0.5, 0.3, 0.14, 0.06])
    if feminine and dressed == "bare":
        dressed = "vest"
    if dressed == "bare":
        shirt = Garment(skin, skin, looseness=0.0)
    wears_skirt = feminine and rng.random() < 0.35
    skirt = (shirt if rng.random() < 0.5 else _garment(rng)) if wears_skirt else None
    styles = ["short", "long", "tail", "cap", "bald"]
    shares = (
        [0.3, 0.37, 0.2, 0.12, 0.01] if feminine else [0.68, 0.06, 0.03, 0.15, 0.08]
    )
    sleeve = {
        "shirt": rng.choice([0.45, 0.65, 1.0]), "jacket": rng.choice([1.75, 2.1]),
        "vest": -1.0, "bare": -1.0,
    }[dressed]  # fmt: skip
    plain = dataclasses.replace(shirt, pattern="plain")
    other = Garment(shirt.second, shirt.colour, looseness=shirt.looseness)
    length = rng.choice([0.3, 0.62, 0.92, 1.6, 2.1], p=[0.08, 0.18, 0.1, 0.06, 0.58])
    stockings = cloth_colour(rng) if rng.random() < 0.3 else skin
    return Wardrobe(
        skin=skin,
        leg_skin=stockings if wears_skirt else skin,
        hair=np.clip(hair, 15, 240),
        hair_style=str(rng.choice(styles, p=shares)),
        hair_length=rng.uniform(0.0, 0.22),
        beard=bool(not feminine and rng.random() < 0.25),
        eyes=np.array(
            [(40, 28, 22), (60, 80, 120), (50, 80, 50)][rng.choice(3)], float
        ),
        lips=skin * (0.85, 0.55, 0.55) if feminine else skin * (0.8, 0.62, 0.6),
        hat=cloth_colour(rng),
        shirt=shirt,
        sleeves=other
        if shirt.pattern == "yoke"
        else (shirt if shirt.pattern == "hoops" else plain),
        sleeve=float(sleeve),
        open_jacket=bool(dressed == "jacket" and rng.random() < 0.6),
        waistline=rng.choice([-0.08, 0.02, 0.12, 0.22]),
        neckline=rng.choice([0.0, 0.08, 0.16, 0.25]) if dressed != "bare" else 0.0,
        trousers=trousers,
        trouser_length=0.0 if wears_skirt else float(length),
        skirt=skirt,
        skirt_length=rng.uniform(0.45, 1.05),
        skirt_flare=rng.uniform(0.03, 0.12),
        shoes=cloth_colour(rng),
        soles=cloth_colour(rng) if rng.random() < 0.4 else np.full(3, 225.0),
        socks=cloth_colour(rng),
        sock_length=rng.choice([0.0, 0.2, 0.5, 0.8], p=[0.4, 0.35, 0.15, 0.1]),
        backpack=cloth_colour(rng) if rng.random() < 0.08 else None,
    )
