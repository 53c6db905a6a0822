"""What Elasticsearch says when it refuses: the types of an error and its causes, and its words.

Takes bodies and headers; gives plain values. Never decides what an error means: `failures` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigma2hive.clients.words import cut
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked, and where: `doing` is such as "searching logs-*"."""

    server: str
    doing: str

    def message(self, what: str) -> str:
        """Return a message about this call."""
        return f"{self.doing}: Elasticsearch at {self.server} {what}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error in a body: its own type and those of its causes, and its reason in words.

    `indices` are those that it names, sorted.
    """

    call: Call
    status: int
    types: frozenset[str]
    reason: str
    retry_after_seconds: float | None = None
    is_json: bool = True
    indices: tuple[str, ...] = ()


def read_refusal(
    body: object, status: int, call: Call, retry_after_seconds: float | None = None
) -> Refusal:
    """Return what an answer with an error status says: a whole one, or an item of an `_msearch`."""
    is_json = isinstance(body, Mapping)
    error = body.get("error") if isinstance(body, Mapping) else None
    types = frozenset(_types(error))
    reason = server_words(error) or "no reason given"
    named = {name for part in _parts(error) if isinstance(name := part.get("index"), str)}
    indices = tuple(sorted(map(cut, named)))
    return Refusal(call, status, types, reason, retry_after_seconds, is_json, indices)


def _types(error: object) -> Iterator[str]:
    for part in _parts(error):
        if isinstance(kind := part.get("type"), str):
            yield kind


def _parts(error: object) -> Iterator[Mapping[str, Any]]:
    """Yield an error and everything that it names as its cause, outermost first."""
    waiting = [error]
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, Mapping):
            continue
        yield part
        waiting += [part.get("caused_by"), part.get("reason")]  # a failed shard's reason is a map
        for key in ("root_cause", "failed_shards"):
            listed = part.get(key)
            waiting += listed if isinstance(listed, list) else []


def server_words(error: object) -> str:
    """Return the server's own words, those of the causes first, before "all shards failed"."""
    if isinstance(error, str):
        return cut(error)
    if not isinstance(error, Mapping):
        return ""
    roots = error.get("root_cause")
    first = roots if isinstance(roots, list) and roots else [error]
    distinct: list[str] = []
    for part in (*first, *(part for part in _parts(error) if part is not error)):
        words = _own_words(part)
        if words and not any(words in other for other in distinct):
            distinct.append(words)
    return cut("; ".join(distinct[:2]))


def _own_words(part: object) -> str:
    words = part.get("reason") if isinstance(part, Mapping) else None
    return words if isinstance(words, str) else ""
