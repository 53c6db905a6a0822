"""Canonical JSON and digests: the bytes that identities are made of.

Takes plain JSON values without floats; gives bytes and SHA-256 hex. What is made here is stored in
TheHive for years, so a golden file guards it: a change needs a new scheme number, never an edit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii as _quoted

JsonValue = str | int | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

#: What most values are.
_SINGLE = frozenset({str, int, bool, type(None)})

#: Made once: `json.dumps` makes one for each value.
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
)


def canonical_json(value: JsonValue) -> bytes:
    """Return the canonical JSON of `value`: sorted keys, no blanks, ASCII only.

    ASCII escapes make lone surrogates representable, which event data may hold.

    Raises:
        TypeError: a float or another type without one canonical form.
    """
    return _written(value).encode("ascii")


def digest(value: JsonValue) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def digest_of(text: str) -> str:
    """Return the digest of the value that has this canonical JSON."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _written(value: JsonValue) -> str:
    kind = type(value)
    if kind is str:
        return _quoted(value)  # type: ignore[arg-type]  # it is one
    if kind is int:
        return str(value)
    if kind is list or kind is tuple:  # as identities are: in half of the encoder's time
        return f"[{','.join(map(_written, value))}]"  # type: ignore[arg-type]  # it is one of them
    _refuse_inexact(value)
    return _ENCODER.encode(value)


def _refuse_inexact(value: JsonValue) -> None:
    kind = type(value)
    if kind in _SINGLE:
        return
    if kind is list or kind is tuple:
        for child in value:  # type: ignore[union-attr]  # it is one of the two
            if type(child) not in _SINGLE:
                _refuse_inexact(child)
    elif isinstance(value, Mapping):
        for key, child in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON takes string keys, not {type(key).__name__}")
            _refuse_inexact(child)
    elif isinstance(value, (list, tuple)):
        for child in value:
            _refuse_inexact(child)
    elif not isinstance(value, (str, int)):
        raise TypeError(f"canonical JSON takes no {type(value).__name__}")
