"""Every match that was found, in Elasticsearch, with the event that it was found in.

A match is made once, under a reference of rule and event key, and never changed: its `_seq_no` is
its number. Numbers are believed up to where all writes are done, so that none comes in between.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sigma2hive.model.alerts import Identity
from sigma2hive.model.canonical import digest
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.service import (
    Fate,
    MatchFilter,
    OwnAlert,
    RecordedMatch,
    Stored,
    StoredEpisode,
)
from sigma2hive.model.values import Values
from sigma2hive.runner.store.elastic.documents import Documents, Source, Write, packed, plain
from sigma2hive.runner.store.elastic.episodes import near_query, read_episode
from sigma2hive.runner.store.elastic.indices import Kind
from sigma2hive.runner.store.matches import values_in, written_key
from sigma2hive.sinks.lines import parse_key

#: Matches that are read at once, with their events.
_PAGE = 500
#: Of which only times or counts are read.
_SHORT_PAGE = 5_000
_ORDERS = {True: "asc", False: "desc"}


class ElasticMatches:
    """What `interface.Matches` says."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def known(self, pairs: Collection[tuple[str, EventKey]]) -> set[tuple[str, EventKey]]:
        """Return those (rule id, event key) that are recorded already."""
        refs = {match_ref(rule_id, key): (rule_id, key) for rule_id, key in pairs}
        found = self._documents.get_many(Kind.MATCHES, refs, with_source=False)
        return {refs[ref] for ref in found}

    def events_of(
        self, rule_ids: Collection[str], start_ns: int, end_ns: int
    ) -> Iterator[tuple[str, Event]]:
        """Yield (rule id, event) recorded for these rules, by event time in [start_ns, end_ns)."""
        for rule_id in rule_ids:
            body = {
                "query": _filters({"term": {"rule_id": rule_id}}, _between(start_ns, end_ns)),
                "sort": ["time_ns", "key", "_seq_no"],
            }
            for page in self._documents.pages(Kind.MATCHES, body, _PAGE):
                for hit in page:
                    yield rule_id, read_match(hit["_source"]).event

    def find(self, wanted: MatchFilter, limit: int) -> Sequence[RecordedMatch]:
        """Return recorded matches, those found last first."""
        return list(islice(self._found(wanted, is_rising=False), limit))

    def walk(self, wanted: MatchFilter) -> Iterator[RecordedMatch]:
        """Yield recorded matches, those found first first, in bounded memory."""
        yield from self._found(wanted, is_rising=True)

    def _found(self, wanted: MatchFilter, *, is_rising: bool) -> Iterator[RecordedMatch]:
        order = _ORDERS[is_rising]
        body = {
            "query": _filters(*_conditions(wanted)),
            "sort": [{"found_ns": order}, {"_seq_no": order}],
        }
        for page in self._documents.pages(Kind.MATCHES, body, _PAGE):
            for hit in page:
                match = read_match(hit["_source"])
                if wanted.admits(match.event):
                    yield match

    def recorded(self, rule_id: str, key: EventKey) -> RecordedMatch | None:
        """Return what is recorded of a rule and an event."""
        found = self._documents.get(Kind.MATCHES, match_ref(rule_id, key))
        return None if found is None else read_match(found.source)

    def count_fates(self, since_ns: int) -> Mapping[tuple[str, str], int]:
        """Return (rule id, fate) → how many were found since then."""
        sources = [{name: {"terms": {"field": name}}} for name in ("rule_id", "fate")]
        pairs: dict[str, Any] = {"sources": sources, "size": 1_000}
        counts: dict[tuple[str, str], int] = {}
        while True:
            body = {
                "size": 0,
                "query": {"range": {"found_ns": {"gte": since_ns}}},
                "aggs": {"pairs": {"composite": pairs}},
            }
            answer = self._documents.search(Kind.MATCHES, body)
            found = answer.aggregations["pairs"]
            for bucket in found["buckets"]:
                counts[bucket["key"]["rule_id"], bucket["key"]["fate"]] = bucket["doc_count"]
            if "after_key" not in found:
                return counts
            pairs["after"] = found["after_key"]

    def own_alerts(self, since_ns: int, rule_id: str = "") -> Sequence[OwnAlert]:
        """Return the alerts of matches' own made since then, of a rule or of all, oldest first."""
        of_rule = [{"term": {"rule_id": rule_id}}] if rule_id else []
        body = {
            "query": _filters(
                {"range": {"made_ns": {"gte": since_ns}}}, {"term": {"is_summary": False}}, *of_rule
            ),
            "sort": ["made_ns", "ordinal", "ref"],
            "_source": ["rule_id", "grouped_by", "identity", "made_ns"],
        }
        return [
            OwnAlert(
                *(entry["rule_id"], entry["grouped_by"]),
                *(tuple(json.loads(entry["identity"])), entry["made_ns"]),
            )
            for page in self._documents.pages(Kind.ALERTS, body, _SHORT_PAGE)
            for entry in (hit["_source"] for hit in page)
        ]

    def near(
        self, rule_id: str, epoch: str, start_ns: int, end_ns: int, group: str | None = None
    ) -> Sequence[StoredEpisode]:
        """Return the episodes of a correlation's epoch, or of one group, that overlap this span."""
        body = {
            "query": _filters(*near_query(rule_id, epoch, start_ns, end_ns, group)),
            "sort": ["start_ns", "_seq_no"],
        }
        return [
            read_episode(hit["_source"])
            for page in self._documents.pages(Kind.EPISODES, body)
            for hit in page
        ]

    def matches_after(self, rule_id: str, number: int, limit: int) -> Sequence[Stored]:
        """Return matches of a rule that were stored after the one with this number, in order."""
        numbers = {"gte": number, "lte": self._documents.settled(Kind.MATCHES)}
        body = {
            "query": _filters({"term": {"rule_id": rule_id}}, {"range": {"_seq_no": numbers}}),
            "sort": ["_seq_no"],
            "seq_no_primary_term": True,
            "_source": ["key", "time_ns", "found_ns"],
        }
        found = self._documents.pages(Kind.MATCHES, body, min(limit, _SHORT_PAGE))
        hits = islice((hit for page in found for hit in page), limit)
        return [
            Stored(
                *(hit["_seq_no"] + 1, rule_id, parse_key(json.loads(hit["_source"]["key"]))),
                *(hit["_source"]["time_ns"], hit["_source"]["found_ns"]),
            )
            for hit in hits
        ]

    def last_match(self) -> int:
        """Return the number up to which all matches are stored, 0 where there is none."""
        return self._documents.settled(Kind.MATCHES) + 1

    def time_of_next(
        self, rule_ids: Collection[str], start_ns: int, end_ns: int, ordinal: int
    ) -> int | None:
        """Return the event time of the match with this ordinal in [start_ns, end_ns), from 0."""
        body = {
            "query": _filters({"terms": {"rule_id": list(rule_ids)}}, _between(start_ns, end_ns)),
            "sort": ["time_ns", "_seq_no"],
            "_source": ["time_ns"],
        }
        size = min(ordinal + 1, _SHORT_PAGE)
        pages = self._documents.pages(Kind.MATCHES, body, size)
        hits = (hit for page in pages for hit in page)
        hit = next(islice(hits, ordinal, None), None)
        return None if hit is None else int(hit["_source"]["time_ns"])

    def load(self, pairs: Iterable[tuple[str, EventKey]]) -> Iterator[tuple[str, Event]]:
        """Yield (rule id, event) of these matches, in this order; what is not there is left out."""
        waiting = iter(pairs)
        while part := [(match_ref(*pair), pair[0]) for pair in islice(waiting, _PAGE)]:
            found = self._documents.get_many(Kind.MATCHES, [ref for ref, _ in part])
            for ref, rule_id in part:
                if ref in found:
                    yield rule_id, read_match(found[ref].source).event


def match_ref(rule_id: str, key: EventKey) -> str:
    """Return the reference of the match of a rule and an event."""
    return digest([rule_id, key.as_json()])


def match_write(match: RecordedMatch) -> Write:
    """Return what stores a match; one that is stored already stays as it is."""
    event = match.event
    ref = match_ref(match.rule_id, event.key)
    source: dict[str, object] = {
        "ref": ref,
        "rule_id": match.rule_id,
        "key": written_key(event.key),
        "time_ns": event.time_ns,
        "ingested_ns": event.ingested_ns,
        "found_ns": match.found_ns,
        "origin": plain(event.origin),
        "index": plain(match.index),
        "fate": match.fate.value,
        "grouped_by": plain(match.grouped_by),
        "raw": compressed(event.raw),
    }
    if match.alert is not None:
        source["alert"] = packed(match.alert)
    if match.muted_by is not None:
        source["muted_by"] = match.muted_by
    if event.values != values_in(event.raw):
        # What reading `raw` again would not give.
        values = {path: list(texts) for path, texts in event.values.items()}
        source["more"] = compressed(packed(values).encode("ascii"))
    return Write(ref, source)


def read_match(source: Source) -> RecordedMatch:
    """Return the match of a document."""
    raw = expanded(source["raw"])
    more = source.get("more")
    values = values_in(raw) if more is None else _read_more(more)
    alert = source.get("alert")
    identity: Identity | None = None if alert is None else tuple(json.loads(alert))
    event = Event(
        *(parse_key(json.loads(source["key"])), source["time_ns"], values, raw),
        *(source["origin"], source["ingested_ns"]),
    )
    return RecordedMatch(
        *(source["rule_id"], event, source["index"], source["found_ns"], Fate(source["fate"])),
        *(identity, source["grouped_by"], source.get("muted_by")),
    )


def compressed(data: bytes) -> str:
    """Return bytes as a field of type binary."""
    return base64.b64encode(zlib.compress(data, 1)).decode("ascii")


def expanded(text: str) -> bytes:
    """Return the bytes again."""
    return zlib.decompress(base64.b64decode(text))


def _read_more(more: str) -> Values:
    return {path: tuple(texts) for path, texts in json.loads(expanded(more)).items()}


def _filters(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    return {"bool": {"filter": list(conditions)}}


def _between(start_ns: int, end_ns: int) -> dict[str, Any]:
    return {"range": {"time_ns": {"gte": start_ns, "lt": end_ns}}}


def _conditions(wanted: MatchFilter) -> Iterator[Mapping[str, Any]]:
    """Yield what Elasticsearch can ask of a match."""
    if wanted.rule_id:
        yield {"term": {"rule_id": wanted.rule_id}}
    if wanted.fate is not None:
        yield {"term": {"fate": wanted.fate.value}}
    if wanted.since_ns is not None:
        yield {"range": {"found_ns": {"gte": wanted.since_ns}}}
    if wanted.until_ns is not None:
        yield {"range": {"found_ns": {"lt": wanted.until_ns}}}
    if wanted.alert is not None:
        yield {"term": {"alert": packed(wanted.alert)}}
