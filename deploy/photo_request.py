"""The clients' requests: a photo, and its people from a COCO-results file."""

from __future__ import annotations

import argparse
import json
import pathlib
import re

REFINE, ESTIMATE = "refine_photo", "estimate_photo"


def arguments(description: str, server: str) -> argparse.Namespace:
    """The command line that the clients share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("photo", help="JPEG or PNG")
    text = "COCO results of its people; --signature estimate_photo uses their bbox"
    parser.add_argument("poses", help=text)
    text = "the photo's id in POSES; default: the number in the photo's name"
    parser.add_argument("--image-id", "--image_id", type=int, help=text)
    parser.add_argument("--server", default=server, help="(%(default)s)")
    parser.add_argument("--model", default="posefix", help="(%(default)s)")
    parser.add_argument("--version", type=int, help="model version (latest)")
    parser.add_argument("--signature", default=REFINE, choices=(REFINE, ESTIMATE))
    parser.add_argument("--out", help="COCO results to write")
    return parser.parse_args()


def people_of(options: argparse.Namespace) -> list[dict]:
    """The photo's records."""
    number = options.image_id
    if number is None:
        digits = re.findall(r"\d+", pathlib.Path(options.photo).stem)
        if not digits:
            raise SystemExit(f"{options.photo}: no number in its name, use --image-id")
        number = int(digits[-1])
    records = json.loads(pathlib.Path(options.poses).read_text())
    people = [record for record in records if record["image_id"] == number]
    if not people:
        raise SystemExit(f"{options.poses}: nobody in photo {number}")
    return people


def inputs_of(options: argparse.Namespace, people: list[dict]) -> dict:
    """All inputs of the signature except the photo, as lists."""
    if options.signature == ESTIMATE:
        return {"boxes": [person["bbox"] for person in people]}
    triples = [
        [person["keypoints"][i : i + 3] for i in range(0, len(person["keypoints"]), 3)]
        for person in people
    ]
    return {
        "keypoints": [[[x, y] for x, y, _ in joints] for joints in triples],
        "valid": [[float(score > 0) for _, _, score in joints] for joints in triples],
    }


def write(options: argparse.Namespace, people: list[dict], outputs: dict) -> None:
    """Prints or writes the records with the server's keypoints."""
    records = []
    answers = zip(people, outputs["keypoints"], outputs["scores"], strict=True)
    for person, joints, scores in answers:
        # Refined poses keep their input's scores.
        if options.signature == REFINE:
            scores = person["keypoints"][2::3]
        triples = [[*xy, score] for xy, score in zip(joints, scores, strict=True)]
        records.append({**person, "keypoints": sum(triples, [])})
    text = json.dumps(records, indent=1)
    if options.out:
        pathlib.Path(options.out).write_text(text)
    else:
        print(text)
