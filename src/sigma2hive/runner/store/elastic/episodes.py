"""Fired episodes, and what correlations count, as documents.

Takes and gives `StoredEpisode`s and `Counted`s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sigma2hive.model.canonical import canonical_json, digest
from sigma2hive.model.service import Counted, StoredEpisode
from sigma2hive.runner.store.elastic.documents import Documents, Source, Write, packed
from sigma2hive.runner.store.elastic.indices import Kind
from sigma2hive.runner.store.matches import written_key
from sigma2hive.sinks.lines import parse_key

_MOST_NS = 2**63 - 1


class ElasticCounting:
    """What `interface.Counting` says."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def counted_after(self, unit: str, number: int) -> Sequence[tuple[int, Counted]]:
        """Return what a correlation counts since the entry with this number, in order."""
        numbers = {"gte": number, "lte": self._documents.settled(Kind.COUNTED)}
        body = {
            "query": _of_unit(unit, {"range": {"_seq_no": numbers}}),
            "sort": ["_seq_no"],
            "seq_no_primary_term": True,
        }
        return [
            (hit["_seq_no"] + 1, _read_counted(hit["_source"]))
            for page in self._documents.pages(Kind.COUNTED, body)
            for hit in page
        ]

    def counted(self, unit: str, group: str, start_ns: int, end_ns: int) -> Sequence[Counted]:
        """Return what is counted in one group, by event time in [start_ns, end_ns), in order."""
        body = {
            "query": _of_unit(
                unit,
                {"term": {"group_ref": digest(group)}},
                {"range": {"time_ns": {"gte": start_ns, "lt": end_ns}}},
            ),
            "sort": ["time_ns", "_seq_no"],
        }
        return [
            _read_counted(hit["_source"])
            for page in self._documents.pages(Kind.COUNTED, body)
            for hit in page
        ]

    def prune_counted(self, unit: str, before_ns: int) -> None:
        """Forget what happened before."""
        body = {
            "query": _of_unit(unit, {"range": {"time_ns": {"lt": before_ns}}}),
            "sort": ["_seq_no"],
            "_source": False,
        }
        for page in self._documents.pages(Kind.COUNTED, body):
            self._documents.write(Kind.COUNTED, [Write(hit["_id"], None) for hit in page])


def counted_write(entry: Counted) -> Write:
    """Return what stores an entry; one that is stored already stays as it is."""
    key = written_key(entry.key)
    ref = digest([entry.unit, entry.group, entry.time_ns, key, entry.source])
    source = {
        "unit": entry.unit,
        "group": entry.group,
        "group_ref": digest(entry.group),
        "time_ns": entry.time_ns,
        "key": key,
        "source": entry.source,
        "body": packed(entry.body),
    }
    return Write(ref, source)


def save_episodes(documents: Documents, episodes: Sequence[StoredEpisode]) -> None:
    """Store episodes; one that is stored under the same identity only ever grows."""
    by_ref: dict[str, list[StoredEpisode]] = {}
    for episode in episodes:
        identity = [episode.rule_id, episode.epoch, episode.group, episode.identity]
        by_ref.setdefault(digest(identity), []).append(episode)

    def grown(ref: str, before: Source | None) -> Source | None:
        pushed = by_ref[ref]
        start = min(_bounded(episode.start_ns) for episode in pushed)
        end = max(_bounded(episode.end_ns) for episode in pushed)
        if before is None:
            return {**_episode(pushed[0]), "start_ns": start, "end_ns": end}
        start, end = min(start, before["start_ns"]), max(end, before["end_ns"])
        if (start, end) == (before["start_ns"], before["end_ns"]):
            return None
        return {**before, "start_ns": start, "end_ns": end}

    documents.change(Kind.EPISODES, by_ref, grown)


def near_query(
    rule_id: str, epoch: str, start_ns: int, end_ns: int, group: str | None
) -> Iterator[Mapping[str, Any]]:
    """Yield what the episodes meet that overlap a span, both ends included."""
    yield {"term": {"rule_id": rule_id}}
    yield {"term": {"epoch": epoch}}
    if group is not None:
        yield {"term": {"group_ref": digest(group)}}
    yield {"range": {"start_ns": {"lte": _bounded(end_ns)}}}
    yield {"range": {"end_ns": {"gte": _bounded(start_ns)}}}


def read_episode(source: Source) -> StoredEpisode:
    """Return the episode of a document."""
    figure = Fraction(source["figure"])
    return StoredEpisode(
        *(source["rule_id"], source["epoch"], source["group"]),
        *(source["start_ns"], source["end_ns"], json.loads(source["identity"])),
        figure.numerator if figure.denominator == 1 else figure,
    )


def _episode(episode: StoredEpisode) -> dict[str, object]:
    return {
        "rule_id": episode.rule_id,
        "epoch": episode.epoch,
        "group": episode.group,
        "group_ref": digest(episode.group),
        "identity": canonical_json(episode.identity).decode("ascii"),
        "figure": str(episode.figure),
    }


def _bounded(time_ns: int) -> int:
    """Cut to what a long holds; an end may lie beyond the last time there is."""
    return max(-_MOST_NS, min(time_ns, _MOST_NS))


def _of_unit(unit: str, *conditions: Mapping[str, Any]) -> dict[str, Any]:
    return {"bool": {"filter": [{"term": {"unit": unit}}, *conditions]}}


def _read_counted(source: Source) -> Counted:
    return Counted(
        *(source["unit"], source["group"], source["time_ns"]),
        *(parse_key(json.loads(source["key"])), source["source"], json.loads(source["body"])),
    )
