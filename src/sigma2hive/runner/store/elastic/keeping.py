"""Retention in Elasticsearch: what is old is forgotten, a bite at a time.

By search and delete, since deleting by query is a module that a cluster may lack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sigma2hive.model.service import DeliveryState
from sigma2hive.runner.store.elastic.documents import Documents, Write, kept_of
from sigma2hive.runner.store.elastic.indices import Kind
from sigma2hive.runner.store.elastic.progress import ledger_source, read_entries
from sigma2hive.runner.store.keeping import BITE, LEAST_KEEP_NS, check_keep

#: What is counted to the size of the store: the rest is small.
_LARGE = (Kind.MATCHES, Kind.ALERTS, Kind.COUNTED, Kind.DELIVERIES, Kind.EPISODES)


class ElasticKeeping:
    """What `interface.Keeping` says."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def purge(self, now_ns: int, keep_ns: int, most_bytes: int) -> int:
        """Forget a bite of what is older than `keep_ns`, or too much; return how much that was."""
        check_keep(keep_ns)
        before_ns = now_ns - keep_ns
        forgotten = self._matches(before_ns, BITE)
        forgotten += self._alerts(before_ns, BITE)
        forgotten += self._forget(Kind.EPISODES, [_before("end_ns", before_ns)], BITE)
        forgotten += self._ledger(before_ns)
        forgotten += self._mutes(before_ns)
        if not forgotten and (share := self._excess(most_bytes)):
            youngest_ns = now_ns - LEAST_KEEP_NS
            matches = self._documents.search(Kind.MATCHES, {"size": 0, "track_total_hits": True})
            bite = min(BITE, int((matches.total or 0) * share) + 1)
            forgotten += self._matches(youngest_ns, bite)
            forgotten += self._alerts(youngest_ns, bite)
        return forgotten

    def _matches(self, before_ns: int, most: int) -> int:
        return self._forget(Kind.MATCHES, [_before("found_ns", before_ns)], most, "found_ns")

    def _alerts(self, before_ns: int, most: int) -> int:
        """Forget alerts that are delivered everywhere since long ago."""
        body = {
            "query": {"bool": {"filter": [_before("made_ns", before_ns)]}},
            "sort": ["made_ns", "ordinal", "ref"],
            "seq_no_primary_term": True,
            "_source": ["ref"],
        }
        forgotten = 0
        for page in self._documents.pages(Kind.ALERTS, body):
            old = {hit["_id"]: kept_of(hit) for hit in page}
            deliveries = list(self._deliveries(list(old)))
            kept = {
                hit["_source"]["alert"]
                for hit in deliveries
                if hit["_source"]["state"] != DeliveryState.DELIVERED.value
                or hit["_source"]["told_ns"] >= before_ns
            }
            # The alert first, where it has not grown meanwhile: without one a delivery is nothing.
            writes = [Write(ref, None, alert) for ref, alert in old.items() if ref not in kept]
            done = self._documents.write(Kind.ALERTS, writes)
            gone = {write.ref for write, is_done in zip(writes, done, strict=True) if is_done}
            self._delete(
                Kind.DELIVERIES,
                [hit["_id"] for hit in deliveries if hit["_source"]["alert"] in gone],
            )
            forgotten += len(gone)
            if forgotten >= most:
                break
        return forgotten

    def _deliveries(self, alerts: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        body = {
            "query": {"terms": {"alert": alerts}},
            "sort": ["alert", "sink"],
            "_source": ["alert", "state", "told_ns"],
        }
        for page in self._documents.pages(Kind.DELIVERIES, body):
            yield from page

    def _ledger(self, before_ns: int) -> int:
        """Forget entries of intervals that ended before; a unit keeps the last one."""
        forgotten = 0
        for page in self._documents.pages(Kind.LEDGER, {"sort": ["unit"]}):
            refs = [hit["_id"] for hit in page if len(read_entries(hit["_source"])) > 1]

            def cut(_: str, before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
                nonlocal forgotten
                entries = [] if before is None else read_entries(before)
                last_ns = max((entry.interval.end_ns for entry in entries), default=0)
                left = [e for e in entries if e.interval.end_ns >= min(before_ns, last_ns)]
                if before is None or len(left) == len(entries):
                    return None
                forgotten += len(entries) - len(left)
                return ledger_source(before["unit"], left)

            self._documents.change(Kind.LEDGER, refs, cut)
        return forgotten

    def _mutes(self, before_ns: int) -> int:
        """Forget mutes that ended before; the last one stays, so that no number comes again."""
        body = {"sort": [{"number": "desc"}]}
        hits = [hit for page in self._documents.pages(Kind.MUTES, body) for hit in page]
        ended = [
            hit["_id"]
            for hit in hits[1:]
            if min(hit["_source"]["until_ns"], hit["_source"].get("ended_ns") or 2**63) < before_ns
        ]
        self._delete(Kind.MUTES, ended)
        return len(ended)

    def _forget(
        self, kind: Kind, conditions: Sequence[Mapping[str, Any]], most: int, by: str = "end_ns"
    ) -> int:
        body = {
            "query": {"bool": {"filter": list(conditions)}},
            "sort": [by, "_seq_no"],
            "_source": False,
        }
        forgotten = 0
        for page in self._documents.pages(kind, body):
            part = page[: most - forgotten]
            self._delete(kind, [hit["_id"] for hit in part])
            forgotten += len(part)
            if forgotten >= most:
                break
        return forgotten

    def _delete(self, kind: Kind, refs: Iterable[str]) -> None:
        self._documents.write(kind, [Write(ref, None) for ref in refs])

    def _excess(self, most_bytes: int) -> float:
        """Return which share of all that is kept is too much, 0 for nothing."""
        held = sum(self._documents.size(kind) for kind in _LARGE)
        return max(0.0, 1 - most_bytes / held) if held else 0.0


def _before(field: str, before_ns: int) -> dict[str, Any]:
    return {"range": {field: {"lt": before_ns}}}
