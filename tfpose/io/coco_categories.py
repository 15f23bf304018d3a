"""Chooses the category of a COCO file whose joints the poses have.

Files name other things too: Roboflow's first category is the data set itself, CVAT
lists every label. People are the category that names joints.
"""

from __future__ import annotations

import collections
import dataclasses
import warnings

from tfpose.errors import InputWarning, PoseFileError, TfposeError, shown
from tfpose.io.coco_records import SKELETON_KEYS
from tfpose.io.json_files import id_of
from tfpose.skeletons import Skeleton, named_like


@dataclasses.dataclass(frozen=True)
class Category:
    """The category of the people.

    Attributes:
        place: its index in the file's list.
        data: its dictionary; ``keypoints`` names the joints.
        ids: the ids of all categories with these joints, such as species.
        names: id -> name of every category of the file.
    """

    place: int
    data: dict
    ids: frozenset
    names: dict

    def others(self, path, records) -> tuple[set[int], dict[int, str]]:
        """The places of other categories' records, and {place: what is wrong}.

        Warns how many records of others there are.

        Raises:
            PoseFileError: there are only others.
        """
        left_out, faults = set(), {}
        counts: collections.Counter = collections.Counter()
        for place, record in enumerate(records):
            found = record.get("category_id") if isinstance(record, dict) else None
            key = key_of(found)
            if found is None or (key is not None and key in self.ids):
                continue
            if key is not None and key in self.names:
                left_out.add(place)
                counts[key] += 1
                continue
            if key is not None and None in self.ids:  # the people's has no id
                continue
            known = ", ".join(map(self._named, self.names))
            faults[place] = (
                f"expected a category_id among {known}, found {shown(found)}"
            )
        if counts:
            kinds = ", ".join(f"{n} of {self._named(i)}" for i, n in counts.items())
            people = " or ".join(map(self._named, sorted(self.ids, key=str)))
            if len(left_out) == len(records):
                raise PoseFileError(
                    f"{path}: expected annotations of category {people}, whose joints "
                    f"are named, found only {kinds}"
                )
            warnings.warn(
                f"{path}: left out {len(left_out)} annotations of other categories "
                f"than {people}: {kinds}",
                InputWarning,
                stacklevel=2,
            )
        return left_out, faults

    def _named(self, key) -> str:
        name = self.names.get(key)
        return f"{shown(key)} ({shown(name)})" if isinstance(name, str) else shown(key)


def key_of(value):
    """What identifies a category: its id, or its text; None for anything else."""
    found = id_of(value)
    return value if found is None and isinstance(value, str) else found


def choose(path, categories: list, records: list) -> Category:
    """The one category with joints, or of several the one that has records.

    Raises:
        PoseFileError: no category names joints, or several name different ones.
    """
    with_joints = [
        place
        for place, category in enumerate(categories)
        if isinstance(category, dict)
        and isinstance(category.get("keypoints"), list)
        and category["keypoints"]
    ]
    if not with_joints:
        found = [c.get("name") if isinstance(c, dict) else c for c in categories]
        raise PoseFileError(
            f"{path}: expected a category that names its joints under 'keypoints', "
            f"found the categories {shown(found)}"
        )
    if len({str(categories[place]["keypoints"]) for place in with_joints}) > 1:
        used = {
            key_of(record.get("category_id"))
            for record in records
            if isinstance(record, dict)
        }
        used_places = [
            p for p in with_joints if key_of(categories[p].get("id")) in used
        ]
        with_joints = used_places or with_joints
    if len({str(categories[place]["keypoints"]) for place in with_joints}) > 1:
        found = [categories[place].get("name") for place in with_joints]
        raise PoseFileError(
            f"{path}: expected one category that names joints, found {shown(found)}: "
            "keep only one of them, and its annotations"
        )
    dictionaries = [category for category in categories if isinstance(category, dict)]
    return Category(
        with_joints[0],
        categories[with_joints[0]],
        frozenset(key_of(categories[place].get("id")) for place in with_joints),
        {key_of(one.get("id")): one.get("name") for one in dictionaries},
    )


def skeleton_of(path, category: Category) -> Skeleton:
    """The skeleton that a category selects by its names, or defines.

    Limbs are only drawn, so that unusable ones are left out with a warning.

    Raises:
        PoseFileError: no skeleton.
    """
    where, data = f"{path}: categories[{category.place}]", category.data
    names = data["keypoints"]
    if not all(isinstance(name, str) for name in names):
        raise PoseFileError(f"{where}: expected names of joints, found {shown(names)}")
    built_in = named_like(names)
    if built_in is None:
        name = data.get("name")
        plain = {
            "name": name if isinstance(name, str) else "person",
            "joints": names,
            "limbs": _limbs(where, names, data.get("skeleton")),
        }
    else:
        plain = built_in.to_json()
    own = {key: data[key] for key in SKELETON_KEYS if data.get(key) is not None}
    if built_in is not None:
        # The file may spell the names of its joints in another way.
        spelled = dict(zip(names, built_in.joints, strict=True))
        own = {key: _renamed(value, spelled) for key, value in own.items()}
    try:
        return Skeleton.from_json({**plain, **own})
    except TfposeError as error:
        raise PoseFileError(f"{where}: {error}") from error


def _renamed(value, spelled: dict[str, str]):
    if isinstance(value, list):
        return [_renamed(inner, spelled) for inner in value]
    return spelled.get(value, value) if isinstance(value, str) else value


def _limbs(where: str, names: list, given) -> list:
    """Pairs of names from pairs of numbers, counted from 1 as COCO does."""
    if given is None:
        return []
    pairs = given if isinstance(given, list) else [given]
    limbs = []
    for pair in pairs:
        ends = list(map(id_of, pair)) if isinstance(pair, list) else []
        if len(ends) == 2 and all(end and 1 <= end <= len(names) for end in ends):
            limbs.append([names[end - 1] for end in ends])
    bad = len(pairs) - len(limbs)
    if bad:
        warnings.warn(
            f"{where}: left out {bad} of {len(pairs)} limbs under 'skeleton': expected "
            f"pairs of joints from 1 to {len(names)}, found {shown(given)}",
            InputWarning,
            stacklevel=2,
        )
    return limbs
