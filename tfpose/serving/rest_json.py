"""Converts TensorFlow Serving's JSON requests and responses to and from arrays.

Follows the Predict API on its page "RESTful API": "instances" (rows, one object each)
or "inputs" (columns, an object of arrays), bytes as {"b64": ...}. One thing is
stricter: it refuses numbers that are not finite.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses

import numpy as np

from tfpose.errors import FileError, RequestError
from tfpose.io.json_files import parse_json

ROWS, COLUMNS = "instances", "inputs"
DEFAULT_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Input:
    """What a signature expects of one input.

    Attributes:
        shape: sizes; None allows any.
        dtype: the array's dtype; ``object`` for bytes.
    """

    shape: tuple[int | None, ...]
    dtype: np.dtype


@dataclasses.dataclass(frozen=True)
class Request:
    """A parsed body.

    Attributes:
        signature: name of the signature.
        layout: ``ROWS`` or ``COLUMNS``.
        values: the JSON value of that key.
    """

    signature: str
    layout: str
    values: object


def parse(body: bytes) -> Request:
    """Parses the body of a request.

    Raises:
        RequestError: not JSON, or not a Predict request.
    """
    try:
        data = parse_json(body, "body")
    except FileError as error:
        reason = str(error).partition("not JSON: ")[2]
        raise RequestError(f"JSON Parse error: {reason}") from error
    if not isinstance(data, dict):
        raise RequestError(f"expected a JSON object, found {_kind(data)}")
    layouts = [name for name in (ROWS, COLUMNS) if name in data]
    if len(layouts) != 1:
        raise RequestError(
            f"expected either {ROWS!r} or {COLUMNS!r}, found "
            + ("both" if layouts else f"the keys {_names(data)}")
        )
    signature = data.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(signature, str):
        raise RequestError(f"signature_name: expected a name, found {_kind(signature)}")
    return Request(signature or DEFAULT_SIGNATURE, layouts[0], data[layouts[0]])


def arrays(request: Request, expected: dict[str, Input]) -> dict[str, np.ndarray]:
    """Converts a request to the inputs of a signature.

    Args:
        request: from ``parse``.
        expected: name -> input of the signature.

    Raises:
        RequestError: an input is missing, unknown, or not as expected.
    """
    columns = request.values
    if request.layout == ROWS:
        columns = _columns(columns, expected)
    elif not isinstance(columns, dict) or (len(expected) == 1 and _is_bytes(columns)):
        columns = {_only(expected): columns}
    _same_names(columns, expected, request.layout)
    return {
        name: _array(columns[name], name, wanted, request.layout)
        for name, wanted in expected.items()
    }


def _columns(rows, expected: dict[str, Input]) -> dict[str, list]:
    """Turns rows of inputs into one list per input."""
    if not isinstance(rows, list) or not rows:
        raise RequestError(
            f"{ROWS}: expected a list of one or more, found {_kind(rows)}"
        )
    if not all(isinstance(row, dict) and not _is_bytes(row) for row in rows):
        return {_only(expected): rows}
    for row in rows:
        _same_names(row, expected, ROWS)
    return {name: [row[name] for row in rows] for name in expected}


def _only(expected: dict[str, Input]) -> str:
    if len(expected) != 1:
        raise RequestError(f"expected an object with {sorted(expected)}, found a value")
    return next(iter(expected))


def _same_names(given: dict, expected: dict, where: str) -> None:
    if set(given) != set(expected):
        raise RequestError(
            f"{where}: expected {sorted(expected)}, found {_names(given)}"
        )


def _array(value, name: str, wanted: Input, layout: str) -> np.ndarray:
    if layout == ROWS and not wanted.shape and isinstance(value, list):
        raise RequestError(
            f"{name}: expected one value, found a row for each of {len(value)}: send "
            f"{COLUMNS!r}"
        )
    if wanted.dtype == np.dtype(object):
        array = np.array(_decoded(value, name, len(wanted.shape)), object)
    else:
        array = _numbers(value, name, wanted.dtype)
    if not array.size and len(wanted.shape) and not wanted.shape[0]:
        # JSON's [] does not give the length of its missing rows.
        array = array.reshape(tuple(size or 0 for size in wanted.shape))
    fits = len(array.shape) == len(wanted.shape) and all(
        size in (None, found)
        for size, found in zip(wanted.shape, array.shape, strict=True)
    )
    if not fits:
        hint = ""
        if layout == ROWS and len(array.shape) == len(wanted.shape) + 1:
            hint = f"; {ROWS!r} adds a dimension to each input: send {COLUMNS!r}"
        raise RequestError(
            f"{name}: expected the shape {_shape(wanted.shape)}, found "
            f"{_shape(array.shape)}{hint}"
        )
    return array


def _numbers(value, name: str, dtype: np.dtype) -> np.ndarray:
    try:
        array = np.array(value)
    except ValueError as error:
        raise RequestError(
            f"{name}: expected lists of equal length, found others"
        ) from error
    if not array.size and array.dtype.kind == "f":
        return array.astype(dtype)
    kinds = "iu" if dtype.kind in "iu" else "iuf"
    if array.dtype.kind not in kinds:
        what = "whole numbers" if kinds == "iu" else "numbers"
        raise RequestError(f"{name}: expected {what}, found other values")
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    # A comparison with NaN is false.
    if not ((array >= limits.min) & (array <= limits.max)).all():
        raise RequestError(
            f"{name}: expected numbers from {limits.min} to {limits.max}, found others"
        )
    return array.astype(dtype)


def _decoded(value, name: str, depth: int):
    """Bytes, in lists nested once per dimension of the input."""
    if depth and isinstance(value, list):
        return [_decoded(item, name, depth - 1) for item in value]
    if isinstance(value, str):
        return value.encode(errors="surrogatepass")
    if not _is_bytes(value):
        raise RequestError(f'{name}: expected {{"b64": "..."}}, found {_kind(value)}')
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        hint = error
        if "-" in value["b64"] or "_" in value["b64"]:
            hint = "found its URL-safe form: use + and / for - and _"
        if value["b64"].startswith("data:"):
            hint = "found a data URL: leave out what precedes its comma"
        raise RequestError(f"{name}: expected base64 in b64 ({hint})") from error


def _is_bytes(value) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(
        value["b64"], str
    )  # fmt: skip


def answer(outputs: dict[str, np.ndarray], layout: str, rows: int | None) -> dict:
    """The body of a response.

    Args:
        outputs: name -> array.
        layout: the request's.
        rows: number of rows in a request with ``ROWS``.

    Raises:
        RequestError: the outputs do not have one row per request row.
    """
    lists = {name: _shortest(array) for name, array in outputs.items()}
    if layout == COLUMNS:
        return {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}
    for name, array in outputs.items():
        if not array.ndim or len(array) != rows:
            raise RequestError(
                f"{ROWS}: {name} has the shape {_shape(array.shape)}, not one row for "
                f"each of {rows}; send {COLUMNS!r}"
            )
    if len(lists) == 1:
        return {"predictions": next(iter(lists.values()))}
    return {
        "predictions": [
            dict(zip(lists, row, strict=True))
            for row in zip(*lists.values(), strict=True)
        ]
    }


def _shortest(array: np.ndarray):
    """Nested lists; a float32 becomes the shortest decimal that rounds to it."""
    if array.dtype == np.float32:
        texts = np.array([float(str(number)) for number in array.ravel()])
        return texts.reshape(array.shape).tolist()
    return array.tolist()


def _names(given: dict) -> list[str]:
    """Some of a client's names, cut to fit on one line."""
    return [name[:40] for name in sorted(given)[:8]]


def _shape(shape) -> str:
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"


def _kind(value) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    if value is None:
        return "null"
    found = names.get(type(value), "a number")
    return f"{found} of {len(value)}" if isinstance(value, dict | list) else found
