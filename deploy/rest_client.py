"""Queries TensorFlow Serving, or ``tfpose serve``, over REST.

python deploy/rest_client.py im1001.jpg poses.json --out refined.json

Needs only ``requests``, not tfpose.
"""

from __future__ import annotations

import base64
import json
import pathlib
import sys

import photo_request
import requests

SECONDS = 60


def body_of(signature: str, photo: bytes, inputs: dict) -> dict:
    """The request in columns, because its inputs do not share a first dimension."""
    encoded = {"b64": base64.b64encode(photo).decode()}
    return {"signature_name": signature, "inputs": {"image_bytes": encoded, **inputs}}


def predict(server: str, model: str, version: int | None, body: dict) -> dict:
    """Output name -> value, from the server."""
    place = f"{server}/v1/models/{model}" + (f"/versions/{version}" if version else "")
    response = requests.post(f"{place}:predict", json=body, timeout=SECONDS)
    if not response.ok:
        sys.exit(f"{response.status_code}: {response.json()['error']}")
    return response.json()["outputs"]


def main() -> None:
    options = photo_request.arguments(__doc__, "http://127.0.0.1:8501")
    people = photo_request.people_of(options)
    photo = pathlib.Path(options.photo).read_bytes()
    inputs = photo_request.inputs_of(options, people)
    body = body_of(options.signature, photo, inputs)
    if options.server == "-":  # prints what curl -d @- would send
        print(json.dumps(body))
        return
    outputs = predict(options.server, options.model, options.version, body)
    photo_request.write(options, people, outputs)


if __name__ == "__main__":
    main()
