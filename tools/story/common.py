"""What all builders of events share: invented values by hashing, and NDJSON.

Everything invented is derived from what it belongs to, so that the same story has the same bytes
every time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Document = dict[str, Json]


def digest(*parts: object) -> str:
    """Return 64 hexadecimal digits that depend on the parts and nothing else."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()


def number(low: int, high: int, *parts: object) -> int:
    """Return a number from `low` to `high` that depends on the parts and nothing else."""
    return low + int(digest(*parts)[:12], 16) % (high - low + 1)


def guid(*parts: object) -> str:
    """Return a GUID that depends on the parts and nothing else."""
    text = digest(*parts).upper()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def line_of(event: Document) -> str:
    """Return the event as one line of NDJSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def write_ndjson(path: Path, events: Iterable[Document]) -> None:
    """Write one event a line; the bytes are the same on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line_of(event) + "\n" for event in events).encode())
