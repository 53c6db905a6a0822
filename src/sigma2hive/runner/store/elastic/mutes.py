"""Mutes in Elasticsearch: asked for by somebody, for a time, and never forgotten."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sigma2hive.model.service import Mute
from sigma2hive.runner.store.elastic.documents import Documents, Source, Write, packed, plain
from sigma2hive.runner.store.elastic.indices import Kind


class ElasticMutes:
    """What `interface.Mutes` says."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def mutes(self, now_ns: int | None = None) -> Sequence[Mute]:
        """Return all mutes, or those that hold at a time, with how many matches each has hidden."""
        found = [
            _mute(hit["_source"])
            for page in self._documents.pages(Kind.MUTES, {"sort": ["number"]})
            for hit in page
        ]
        holding = [
            mute
            for mute in found
            if now_ns is None or (mute.since_ns <= now_ns < mute.until_ns and mute.ended_ns is None)
        ]
        hidden = self._hidden([mute.number for mute in holding])
        return [replace(mute, hidden=hidden.get(mute.number, 0)) for mute in holding]

    def mute(self, mute: Mute) -> Mute:
        """Store a mute, and return it with its number."""
        body = {"sort": [{"number": "desc"}], "size": 1}
        last = self._documents.search(Kind.MUTES, body).hits
        number = last[0]["_source"]["number"] if last else 0
        while True:
            number += 1
            source = {
                "number": number,
                "rule_id": mute.rule_id,
                "where": packed(mute.where),
                "since_ns": mute.since_ns,
                "until_ns": mute.until_ns,
                "reason": plain(mute.reason),
                "by": plain(mute.by),
            }
            # False: somebody else has taken this number.
            if all(self._documents.write(Kind.MUTES, [Write(str(number), source)])):
                return replace(mute, number=number)

    def unmute(self, number: int, now_ns: int) -> bool:
        """End a mute early; False where there is none that holds."""
        has_ended = False

        def ended(_: str, before: Source | None) -> Source | None:
            nonlocal has_ended
            has_ended = (
                before is not None
                and before.get("ended_ns") is None
                and before["until_ns"] > now_ns
            )
            return {**before, "ended_ns": now_ns} if before is not None and has_ended else None

        self._documents.change(Kind.MUTES, [str(number)], ended)
        return has_ended

    def _hidden(self, numbers: Sequence[int]) -> Mapping[int, int]:
        if not numbers:
            return {}
        by_mute = {"terms": {"field": "muted_by", "size": len(numbers), "include": numbers}}
        body: dict[str, Any] = {"size": 0, "aggs": {"mutes": by_mute}}
        answer = self._documents.search(Kind.MATCHES, body)
        return {
            bucket["key"]: bucket["doc_count"] for bucket in answer.aggregations["mutes"]["buckets"]
        }


def _mute(source: Source) -> Mute:
    return Mute(
        *(source["number"], source["rule_id"]),
        tuple((name, value) for name, value in json.loads(source["where"])),
        *(source["since_ns"], source["until_ns"], source["reason"], source["by"]),
        source.get("ended_ns"),
    )
