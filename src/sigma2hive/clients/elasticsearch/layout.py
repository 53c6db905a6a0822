"""How a cluster's indices are laid out: what a pattern stands for, and how far each shard is.

Takes a client; gives values. Asks for no document.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sigma2hive.clients.elasticsearch.calls import ElasticsearchClient
from sigma2hive.clients.elasticsearch.failures import failed_indices, failed_shards, no_answer
from sigma2hive.clients.elasticsearch.refusals import Call
from sigma2hive.clients.errors import MissingError
from sigma2hive.records import dataclass

#: Elasticsearch takes request lines of 4 kB.
_NAMES_LENGTH = 2_500
_OPEN_OR_NOT = "ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open,closed"
_OPEN = "ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open"
_DURATION = re.compile(r"(\d+)(ms|micros|nanos|s|m|h|d)")
_SECONDS = {
    "ms": 0.001,
    "micros": 1e-6,
    "nanos": 1e-9,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What an index's settings say.

    `uuid` is another where an index was deleted and made again under the same name. Of one that was
    shrunk, split or cloned (`is_resized`), documents may share a `_seq_no`; without `has_numbers`
    Elasticsearch does not keep them to search by. `refresh_seconds` is negative where it refreshes
    only when asked.
    """

    uuid: str
    created_ms: int
    shards: int
    is_closed: bool = False
    is_resized: bool = False
    has_numbers: bool = True
    refresh_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """How far the primary of a shard is.

    All operations up to `checkpoint` are on all its copies, and their numbers never change hands.
    `refreshes` counts those that changed what searches see, on `node` since it has the shard.
    """

    node: str
    checkpoint: int
    refreshes: int


def resolve(client: ElasticsearchClient, pattern: str) -> frozenset[str] | None:
    """Return the names of the indices that a pattern of this cluster stands for, closed ones too.

    Through aliases and data streams, whose backing indices it names. None where a name that is no
    pattern is not there. Needs any privilege on these indices; what may not be seen is left out.
    """
    doing = f"looking what {pattern} stands for"
    path = f"GET /_resolve/index/{_quoted(pattern)}?expand_wildcards=open,closed"
    try:
        answer = client.send(doing, path)
        return frozenset(_names_in(answer))
    except MissingError:
        return None
    except (AttributeError, KeyError, TypeError):
        raise no_answer("no list of indices", Call(client.server, doing)) from None


def _names_in(answer: Mapping[str, Any]) -> Iterator[str]:
    yield from (entry["name"] for entry in answer["indices"])
    for entry in answer["aliases"]:
        yield from entry["indices"]
    for entry in answer["data_streams"]:
        yield from entry["backing_indices"]


def index_facts(client: ElasticsearchClient, patterns: Sequence[str]) -> dict[str, IndexFacts]:
    """Return the facts of each index by its name, closed ones too.

    Needs `view_index_metadata` or `monitor`.
    """
    found: dict[str, IndexFacts] = {}
    for names in _parts(patterns):
        doing = f"reading the settings of {names}"
        path = f"GET /{_quoted(names)}/_settings?flat_settings=true&{_OPEN_OR_NOT}"
        for index, entry in client.send(doing, path).items():
            try:
                found[index] = _facts(entry["settings"])
            except (AttributeError, KeyError, TypeError, ValueError):
                raise no_answer(f"no settings of {index}", Call(client.server, doing)) from None
    return found


def _facts(settings: Mapping[str, Any]) -> IndexFacts:
    return IndexFacts(
        uuid=settings["index.uuid"],
        created_ms=int(settings["index.creation_date"]),
        shards=int(settings["index.number_of_shards"]),
        is_closed=settings.get("index.verified_before_close") == "true",
        # Written where an index is made from another one.
        is_resized="index.routing_partition_size" in settings,
        has_numbers=settings.get("index.disable_sequence_numbers") != "true",
        refresh_seconds=_seconds(settings.get("index.refresh_interval", "1s")),
    )


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else -1.0


def shard_facts(
    client: ElasticsearchClient, patterns: Sequence[str]
) -> dict[str, dict[int, ShardFacts]]:
    """Return index uuid → shard → how far its primary is; a shard that does not run is left out.

    Needs `monitor` on these indices.

    Raises:
        IncompleteError: some shards did not answer.
    """
    found: dict[str, dict[int, ShardFacts]] = {}
    for names in _parts(patterns):
        doing = f"asking how far the shards of {names} are"
        wanted = (
            "_shards,indices.*.uuid,indices.*.shards.*.routing,indices.*.shards.*.seq_no,"
            "indices.*.shards.*.refresh.external_total"
        )
        path = f"GET /{_quoted(names)}/_stats/refresh?level=shards&{_OPEN}&filter_path={wanted}"
        answer = client.send(doing, path)
        call = Call(client.server, doing)
        if answer.get("_shards", {}).get("failed"):
            raise failed_shards(answer["_shards"], call)
        try:
            for entry in answer.get("indices", {}).values():
                found[entry["uuid"]] = {
                    int(number): facts
                    for number, copies in entry.get("shards", {}).items()
                    if (facts := _primary(copies)) is not None
                }
        except (AttributeError, KeyError, TypeError, ValueError):
            raise no_answer("no figures of shards", call) from None
    return found


def _primary(copies: Sequence[Mapping[str, Any]]) -> ShardFacts | None:
    for copy in copies:
        routing = copy["routing"]
        if routing["primary"] and routing["state"] == "STARTED":
            checkpoint = copy["seq_no"]["global_checkpoint"]
            return ShardFacts(routing["node"], checkpoint, copy["refresh"]["external_total"])
    return None


def refresh(client: ElasticsearchClient, index: str) -> None:
    """Make all that an index took visible to searches. Needs `maintenance`.

    Raises:
        IncompleteError: not on every shard.
    """
    doing = f"refreshing {index}"
    answer = client.send(doing, f"POST /{_quoted(index)}/_refresh")
    if answer.get("_shards", {}).get("failed"):
        raise failed_shards(answer["_shards"], Call(client.server, doing))


def dated_indices(
    client: ElasticsearchClient, patterns: Sequence[str], field: str
) -> frozenset[str]:
    """Return the names of the indices that have a field as a date that can be searched.

    Needs `view_index_metadata` or `read`.

    Raises:
        IncompleteError: one of them cannot be asked.
        ServerError: none of them can.
    """
    found: set[str] = set()
    for names in _parts(patterns):
        doing = f"looking which indices of {names} have {field}"
        path = f"GET /{_quoted(names)}/_field_caps?fields={field}&include_unmapped=true&{_OPEN}"
        answer = client.send(doing, path)
        if answer.get("failed_indices"):
            raise failed_indices(answer, Call(client.server, doing))
        try:
            types = answer.get("fields", {}).get(field, {})
            for kind in ("date", "date_nanos"):
                if kind in types and types[kind]["searchable"]:
                    found.update(types[kind].get("indices") or answer["indices"])
        except (AttributeError, KeyError, TypeError):
            raise no_answer("no list of fields", Call(client.server, doing)) from None
    return frozenset(found)


def _parts(patterns: Collection[str]) -> Iterator[str]:
    """Yield the patterns joined, each part short enough for a request line."""
    part = ""
    for pattern in patterns:
        if part and len(part) + len(pattern) > _NAMES_LENGTH:
            yield part
            part = ""
        part = f"{part},{pattern}" if part else pattern
    if part:
        yield part


def _quoted(names: str) -> str:
    return quote(names, safe=",*:-<>+")
