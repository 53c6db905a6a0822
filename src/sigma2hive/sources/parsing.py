"""One event's JSON, strictly and within bounds.

Takes the bytes of one JSON object; gives plain Python values that keep every digit. What is no
JSON, or costs too much, is refused with a reason.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from sigma2hive.model.json_numbers import (
    LARGEST_PLAIN_FRACTION,
    parse_fraction,
    parse_integer,
    refuse_constant,
)
from sigma2hive.sources.interface import Limits, PutAsideError

#: Characters of all field paths of one event, each written out: what flattening it costs. A single
#: key of half a megabyte over thousands of values would cost gigabytes.
MAX_PATH_CHARACTERS = 16 * 1024 * 1024

_SPLIT_HINT = "raise the limit in sigma2hive.yml, or shorten the event where it is made"


def check_size(size: int, limits: Limits) -> None:
    """Refuse an event of more bytes than allowed.

    Raises:
        PutAsideError: S2H502.
    """
    if size > limits.max_bytes:
        raise PutAsideError(
            "S2H502",
            f"the event has more than {limits.max_bytes:,} bytes",
            _SPLIT_HINT,
        )


def parse_object(raw: bytes, limits: Limits) -> dict[str, Any]:
    """Return the JSON object in `raw`.

    A key that is given twice has the values of both, as an array: Elasticsearch would refuse the
    event, Windows events have such keys, and to keep one of two would let the other hide.
    Fractions become floats, as Elasticsearch's double holds them; whole numbers keep every digit.

    Raises:
        PutAsideError: S2H106 (not UTF-8), S2H501 (no JSON object) or S2H502 (over a limit).
    """
    check_size(len(raw), limits)
    plain = _parse_plain(raw, limits)
    if plain is not None:
        return plain
    try:
        document = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise PutAsideError(
            "S2H106",
            f"byte {error.start + 1} of the event, 0x{raw[error.start]:02x}, is not UTF-8",
            "write the events as UTF-8",
            len(raw[: error.start].decode("utf-8")),
        ) from None
    except json.JSONDecodeError as error:
        raise _not_json(raw, error.msg, error.pos) from None
    except ValueError as error:
        raise _not_json(raw, str(error), 0) from None
    except RecursionError:
        raise _too_deep(limits) from None
    if not isinstance(document, dict):
        raise PutAsideError(
            "S2H501", "the line is JSON, but no object", "write each event as one {…} object"
        )
    if not is_surely_small(raw, limits):
        _measure(document, limits)
    return document


def _parse_plain(raw: bytes, limits: Limits) -> dict[str, Any] | None:
    """Return the object, read much faster; None where that might not be what is meant.

    Where writing it gives the same bytes, it has each key once and every number all its digits, but
    for fractions.
    """
    if not is_surely_small(raw, limits):
        return None
    try:
        document = orjson.loads(raw)
        is_same = type(document) is dict and orjson.dumps(document) == raw
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return document if is_same and not has_large_fraction(document) else None


def has_large_fraction(document: dict[str, Any]) -> bool:
    """Whether it has a fraction that a fast reader may have rounded, or made of a whole number."""
    stack: list[Any] = [document]
    while stack:
        node = stack.pop()
        for value in node.values() if type(node) is dict else node:
            kind = type(value)
            if kind is dict or kind is list:
                stack.append(value)
            elif kind is float and abs(value) >= LARGEST_PLAIN_FRACTION:
                return True
    return False


def _not_json(raw: bytes, reason: str, offset: int) -> PutAsideError:
    if b"\0" in raw:
        return PutAsideError(
            "S2H501",
            "the event is not JSON: it holds NUL bytes",
            "a machine that stopped while writing leaves such blocks; the event is lost",
            offset,
        )
    return PutAsideError(
        "S2H501",
        f"the event is not JSON: {reason}",
        "write one JSON object a line; `jq -c .` does, and names what it cannot read",
        offset,
    )


def _too_deep(limits: Limits) -> PutAsideError:
    return PutAsideError(
        "S2H502",
        f"the event nests objects or arrays more than {limits.max_depth} deep",
        _SPLIT_HINT,
    )


def _joined(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) == len(pairs):
        return built
    collected: dict[str, list[Any]] = {}
    for key, value in pairs:
        collected.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in collected.items()}


_DECODER = json.JSONDecoder(
    object_pairs_hook=_joined,
    parse_int=parse_integer,
    parse_float=parse_fraction,
    parse_constant=refuse_constant,
)


def is_surely_small(raw: bytes, limits: Limits) -> bool:
    """Tell from a few counts that no limit can be exceeded, which holds for almost every event.

    An object or array of n parts has n - 1 commas, so there is at most one value more than commas.
    """
    return (
        raw.count(b",") < limits.max_fields
        and raw.count(b"{") + raw.count(b"[") <= limits.max_depth
        and raw.count(b":") * len(raw) <= MAX_PATH_CHARACTERS
    )


def _measure(document: dict[str, Any], limits: Limits) -> None:
    values = characters = 0
    stack: list[tuple[Any, int, int]] = [(document, 0, 1)]
    while stack:
        node, length, depth = stack.pop()
        if depth > limits.max_depth:
            raise _too_deep(limits)
        # An array's members share the array's path.
        members = node.items() if isinstance(node, dict) else (("", child) for child in node)
        for key, child in members:
            path_length = length + len(key) + 1
            characters += path_length
            if isinstance(child, (dict, list)):
                stack.append((child, path_length, depth + 1))
            else:
                values += 1
        if values > limits.max_fields:
            raise PutAsideError(
                "S2H502", f"the event has more than {limits.max_fields:,} values", _SPLIT_HINT
            )
        if characters > MAX_PATH_CHARACTERS:
            raise PutAsideError(
                "S2H502",
                f"the event's field names have more than {MAX_PATH_CHARACTERS:,} characters "
                "when each is written out",
                "shorten the field names where the event is made",
            )
