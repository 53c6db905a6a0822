"""Events: what a source reads and every evaluator looks at."""

from __future__ import annotations

from enum import StrEnum

from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.values import Values
from sigma2hive.records import dataclass

#: Where an event's time stands in an index, and in files if nobody says otherwise.
TIME_FIELD = "@timestamp"


class EventKeyKind(StrEnum):
    """Where an event's identity comes from."""

    ELASTICSEARCH = "elasticsearch"  # parts: data stream or index, _id, @timestamp
    WINDOWS = "windows"  # parts: computer, channel, record id, milliseconds
    CONTENT = "content"  # parts: SHA-256 of the raw bytes, ordinal among equals in its file


@dataclass(frozen=True, slots=True, order=True)
class EventKey:
    """What tells one event from all others, the same whenever and however often it is read."""

    kind: EventKeyKind
    parts: tuple[str, ...]

    def as_json(self) -> JsonValue:
        """Return the form that identities hash."""
        return [self.kind.value, *self.parts]


@dataclass(frozen=True, slots=True)
class Event:
    """One log event in the fields of a profile.

    `time_ns` is the event's own time and `ingested_ns` when Elasticsearch took it, both in
    nanoseconds since the Unix epoch, UTC. `values` maps a dotted field path to its canonical texts
    (see `sigma2hive.model.values`): an absent field has no entry, an empty string is a value.
    `raw` is the event as it came, byte for byte where there is a byte form. `origin` says where a
    person finds it: "logs/dc01.evtx#8123" or an index name.
    """

    key: EventKey
    time_ns: int
    values: Values
    raw: bytes
    origin: str = ""
    ingested_ns: int | None = None
