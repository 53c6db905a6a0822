"""The indices of the state store: one a kind of document, each with a strict mapping.

Takes a client; makes what is absent, and refuses what a newer sigma2hive made. What is only kept
and never asked for (raw events, the lines of alerts) is in no search structure.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from sigma2hive.clients.elasticsearch import Indices, SearchAnswer, SearchRequest, shard_facts
from sigma2hive.clients.errors import IncompleteError, RequestRefusedError
from sigma2hive.storage import StorageError

#: What the names of all state indices begin with; rules never look at them (runner/own.py).
PREFIX = "sigma2hive-state-"
#: The version of the mappings below. A later one may add fields; it never changes one.
VERSION = 3
_META = "sigma2hive_state_version"


class Asking(Protocol):
    """What the store needs of `clients.elasticsearch.ElasticsearchClient`."""

    @property
    def server(self) -> str:
        """Where it is."""

    def send(self, doing: str, to: str, body: object = None) -> Mapping[str, Any]:
        """Send a request and return the JSON object that it answers."""

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Return the answer to one search, which is whole."""

    def mappings(self, indices: Indices) -> Mapping[str, Mapping[str, Any]] | None:
        """Return the mapping of each index by its name."""


class Kind(StrEnum):
    """What documents are about: what the name of their index ends with.

    Indices are made in this order, by every version: see `_is_cut_short`.
    """

    CURSORS = "cursors"
    RULES = "rules"
    LEDGER = "ledger"
    MATCHES = "matches"
    COUNTED = "counted"
    EPISODES = "episodes"
    ALERTS = "alerts"
    SINKS = "sinks"
    DELIVERIES = "deliveries"
    MUTES = "mutes"
    NOTES = "notes"
    LEASES = "leases"


_WORD = {"type": "keyword"}
_LONG = {"type": "long"}
_FLAG = {"type": "boolean"}
#: Sorted by, where it is not too long for that.
_KEY = {"type": "keyword", "ignore_above": 8_000}
#: Kept, and never asked for.
_TEXT = {"type": "keyword", "index": False, "doc_values": False}
_NUMBER = {"type": "long", "index": False, "doc_values": False}
_BYTES = {"type": "binary"}

_FIELDS: Mapping[Kind, Mapping[str, Mapping[str, Any]]] = {
    Kind.CURSORS: {"unit": _WORD, "position": _TEXT},
    Kind.RULES: {
        "rule_id": _WORD,
        "digest": _TEXT,
        "since_ns": _NUMBER,
        "targets": _TEXT,
        "disabled": _TEXT,
        "missed": _TEXT,
        "path": _TEXT,
    },
    # All entries of one unit: the ledger of a unit changes as a whole.
    Kind.LEDGER: {"unit": _WORD, "end_ns": _LONG, "entries": _TEXT},
    Kind.MATCHES: {
        "ref": _WORD,
        "rule_id": _WORD,
        "key": _KEY,
        "time_ns": _LONG,
        "ingested_ns": _NUMBER,
        "found_ns": _LONG,
        "origin": _TEXT,
        "index": _TEXT,
        "fate": _WORD,
        "grouped_by": _TEXT,
        "alert": _KEY,
        "muted_by": _LONG,
        "raw": _BYTES,
        "more": _BYTES,
    },
    Kind.COUNTED: {
        "unit": _WORD,
        "group": _TEXT,
        "group_ref": _WORD,
        "time_ns": _LONG,
        "key": _TEXT,
        "source": _TEXT,
        "body": _TEXT,
    },
    Kind.EPISODES: {
        "rule_id": _WORD,
        "epoch": _WORD,
        "group": _TEXT,
        "group_ref": _WORD,
        "identity": _TEXT,
        "start_ns": _LONG,
        "end_ns": _LONG,
        "figure": _TEXT,
    },
    Kind.ALERTS: {
        "ref": _WORD,
        "identity": _TEXT,
        "rule_id": _WORD,
        "grouped_by": _TEXT,
        "is_summary": _FLAG,
        "severity": _NUMBER,
        "version": _NUMBER,
        "made_ns": _LONG,
        "ordinal": _LONG,
        "sinks": _TEXT,
        "line": _BYTES,
    },
    Kind.SINKS: {"sinks": _TEXT},
    Kind.DELIVERIES: {
        "sink": _WORD,
        "alert": _WORD,
        "state": _WORD,
        "severity": _LONG,
        "version": _NUMBER,
        "delivered_version": _NUMBER,
        "attempts": _NUMBER,
        "not_before_ns": _LONG,
        "reason": _TEXT,
        "told_ns": _LONG,
        "made_ns": _LONG,
        "ordinal": _LONG,
        "owner": _WORD,
        "claim": _NUMBER,
    },
    Kind.MUTES: {
        "number": _LONG,
        "rule_id": _WORD,
        "where": _TEXT,
        "since_ns": _LONG,
        "until_ns": _LONG,
        "ended_ns": _LONG,
        "reason": _TEXT,
        "by": _TEXT,
    },
    Kind.NOTES: {"name": _WORD, "value": _TEXT},
    Kind.LEASES: {"unit": _WORD, "owner": _WORD, "beat": _NUMBER},
}

#: What may be made anew at any time: nothing is lost with them.
_MADE_ANEW = frozenset({Kind.NOTES, Kind.LEASES})
#: The version that had each kind first.
_SINCE: Mapping[Kind, int] = dict.fromkeys(Kind, 1)

#: For how long an index that was just made may take to come up.
_LOOKS, _LOOK_SECONDS = 100, 0.1

#: One shard: what is stored there has numbers in one order. Hidden: no `*` of anybody means it.
_SETTINGS = {
    "index.number_of_shards": 1,
    "index.auto_expand_replicas": "0-1",
    "index.hidden": True,
}


def prepare(client: Asking, prefix: str = PREFIX) -> None:
    """Make the indices that are absent, and bring older ones up to date.

    Raises:
        StorageError: a newer sigma2hive made them, they are none of ours, or some were removed.
        ServerError: they cannot be read or made.
    """
    names = _names(prefix)
    found = _found(client, names)
    for kind, name in names.items():
        if name in found:
            _refuse_strange(client, kind, name, found[name])
    if not _is_cut_short(names, found):
        _refuse_gone(client, names, found)
    elif found and _is_in_use(client, [*found]):
        # A runner that is faster has made the rest meanwhile, or it is gone.
        found = _found(client, names)
        _refuse_gone(client, names, found)
    for kind, name in names.items():
        if name not in found:
            _make(client, kind, name)
            continue
        version = _version(found[name]) or 0
        if version > VERSION:
            raise StorageError(
                f"{name} at {client.server} was made by a newer sigma2hive (state version "
                f"{version}, this one knows {VERSION}); upgrade sigma2hive"
            )
        if version < VERSION:
            doing = f"bringing the index {name} up to date"
            client.send(doing, f"PUT /{name}/_mapping", _mapping(kind))


def check(client: Asking, prefix: str = PREFIX) -> None:
    """Look whether indices that were there are there still, and are ours.

    A write to an index that was deleted makes one of its name, with any mapping: what is asked of
    it then finds nothing, or not what is meant.

    Raises:
        StorageError: one is gone, or was made anew by something else.
        ServerError: they cannot be looked at.
    """
    names = _names(prefix)
    found = _found(client, names)
    for kind, name in names.items():
        if name in found:
            _refuse_strange(client, kind, name, found[name])
    _refuse_gone(client, names, found)


def _names(prefix: str) -> Mapping[Kind, str]:
    return {kind: f"{prefix}{kind.value}" for kind in Kind}


def _is_cut_short(names: Mapping[Kind, str], found: Collection[str]) -> bool:
    """Whether only the last ones are absent, as where a first start ended halfway.

    It may still have been in use: see `_is_in_use`.
    """
    are_there = [name in found for name in names.values()]
    return are_there == sorted(are_there, reverse=True)


def _is_in_use(client: Asking, names: Sequence[str]) -> bool:
    """Whether anything was ever written to one of these indices: not before all are made.

    Raises:
        ServerError: that cannot be said of one.
    """
    for _ in range(_LOOKS):
        facts = shard_facts(client, names)  # type: ignore[arg-type]
        if any(shard.checkpoint >= 0 for shards in facts.values() for shard in shards.values()):
            return True
        if sum(map(len, facts.values())) == len(names):
            return False
        time.sleep(_LOOK_SECONDS)  # one that a runner beside us has just made comes up
    raise IncompleteError(
        f"some indices of {', '.join(names)} have no shard that runs, so that it cannot be said "
        "whether the state was in use",
        "look at the cluster's health",
    )


def _refuse_gone(
    client: Asking, names: Mapping[Kind, str], found: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse to go on without an index, where others know what only it could say.

    Raises:
        StorageError: one is gone.
    """
    oldest = min((_version(mapping) or VERSION for mapping in found.values()), default=VERSION)
    needed = [kind for kind in Kind if _SINCE[kind] <= oldest and kind not in _MADE_ANEW]
    gone = [names[kind] for kind in needed if names[kind] not in found]
    if gone:
        raise StorageError(
            f"{', '.join(gone)} at {client.server}: gone, and with it a part of what the service "
            "knows, so that it would lose or repeat events; restore it from a snapshot, or delete "
            "all indices of the state to begin as at a first start (docs/state.md)"
        )


def _refuse_strange(client: Asking, kind: Kind, name: str, mapping: Mapping[str, Any]) -> None:
    """Refuse an index that has not the mapping that we give.

    Raises:
        StorageError: that is so.
    """
    known = mapping.get("properties", {})
    is_newest = _version(mapping) == VERSION
    wrong = [
        field
        for field, wanted in _FIELDS[kind].items()
        if known.get(field, {} if is_newest else wanted).get("type") != wanted["type"]
    ]
    if _version(mapping) is None or mapping.get("dynamic") != "strict" or wrong:
        of = f" (of {', '.join(wrong[:3])})" if wrong else ""
        raise StorageError(
            f"{name} at {client.server} is no index of sigma2hive's state: it has another mapping"
            f"{of}, as one has that was deleted and made anew by a write; end all runners, remove "
            "or rename it, and restore the state's indices from a snapshot, or delete all of them "
            "to begin as at a first start (docs/state.md)"
        )


def _found(client: Asking, names: Mapping[Kind, str]) -> Mapping[str, Mapping[str, Any]]:
    # By name: a pattern leaves hidden indices out.
    return client.mappings(Indices(tuple(names.values()), may_be_missing=True)) or {}


def _make(client: Asking, kind: Kind, name: str) -> None:
    body = {"settings": _SETTINGS, "mappings": _mapping(kind)}
    try:
        client.send(f"making the index {name}", f"PUT /{name}", body)
    except RequestRefusedError:
        # Another runner may have been faster.
        if _version(_found(client, {kind: name}).get(name, {})) != VERSION:
            raise


def _mapping(kind: Kind) -> dict[str, Any]:
    return {"dynamic": "strict", "_meta": {_META: VERSION}, "properties": _FIELDS[kind]}


def _version(mapping: Mapping[str, Any]) -> int | None:
    version = mapping.get("_meta", {}).get(_META)
    return version if isinstance(version, int) else None
