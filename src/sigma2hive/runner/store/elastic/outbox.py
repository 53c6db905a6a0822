"""Alerts on their way, in Elasticsearch: every sink has its own progress with every alert.

An alert is one document, and each of its deliveries another. An alert changes first: whoever stores
it again brings its deliveries up to it. A delivery is claimed before it is sent, so that one runner
at a time sends an alert; a claim that is not renewed runs out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sigma2hive.model.alerts import Alert, Identity
from sigma2hive.model.canonical import digest
from sigma2hive.model.service import Delivery, DeliveryCounts, DeliveryState, QueuedAlert, Receipt
from sigma2hive.runner.store.elastic.claims import Claims
from sigma2hive.runner.store.elastic.documents import Documents, Source, packed, plain
from sigma2hive.runner.store.elastic.indices import Kind
from sigma2hive.runner.store.elastic.matches import compressed, expanded
from sigma2hive.runner.store.interface import LONGEST_WAIT_NS
from sigma2hive.sinks.joining import join_alerts
from sigma2hive.sinks.lines import parse_alert, render_line

_SINKS = "sinks"
_WAITING = DeliveryState.WAITING.value
_DELIVERED = DeliveryState.DELIVERED.value
_DEAD = DeliveryState.DEAD.value
_PAGE = 1_000


class ElasticOutbox:
    """What `interface.Outbox` says."""

    def __init__(self, documents: Documents, claims: Claims) -> None:
        self._documents = documents
        self._claims = claims

    def open_sinks(self, sinks: Collection[str]) -> None:
        """Say which sinks alerts go to from now on; what waits for others stays."""

        def opened(known: dict[str, dict[str, Any]]) -> None:
            for entry in known.values():
                entry["is_open"] = False
            for sink in sinks:
                known.setdefault(sink, {"paused": ""})["is_open"] = True

        self._change_sinks(opened)

    def due(self, sink: str, now_ns: int, limit: int) -> Sequence[Delivery]:
        """Return what may be sent now, by severity, then age, and claim it."""
        body = {
            "query": _filters(
                {"term": {"sink": sink}},
                {"term": {"state": _WAITING}},
                _either(
                    {"range": {"not_before_ns": {"lte": now_ns}}},
                    {"range": {"not_before_ns": {"gt": now_ns + LONGEST_WAIT_NS}}},
                ),
            ),
            "sort": [{"severity": "desc"}, "made_ns", "ordinal", "alert"],
            "seq_no_primary_term": True,
        }
        found: list[Source] = []
        for page in self._documents.pages(Kind.DELIVERIES, body, _PAGE):
            free = [hit for hit in page if self._claims.is_free(hit)]
            found += self._claims.claim(free[: limit - len(found)])
            if len(found) >= limit:
                break
        return self._with_alerts(found)

    def arrived(self, receipts: Sequence[Receipt]) -> None:
        """Note that these versions of alerts are there; later ones that came meanwhile wait.

        So does one that another runner has delivered meanwhile: this one may have come after it.
        """
        by_ref = {_ref_of(one.delivery): one for one in receipts}

        def noted(ref: str, before: Source | None) -> Source | None:
            if before is None:
                return None
            one = by_ref[ref]
            is_behind = before["version"] > one.delivery.version
            return {
                **before,
                "delivered_version": max(one.delivery.version, before["delivered_version"]),
                "attempts": 0,
                "reason": plain(one.told),
                "told_ns": one.at_ns,
                "not_before_ns": 0,
                "state": _WAITING if is_behind else _DELIVERED,
                "owner": "",
            }

        self._documents.change(Kind.DELIVERIES, by_ref, noted)
        for ref in by_ref:
            self._claims.drop(ref)

    def delivered(self, delivery: Delivery, now_ns: int, told: str = "") -> None:
        """Note one of them."""
        self.arrived([Receipt(delivery, now_ns, told)])

    def postponed(self, delivery: Delivery, not_before_ns: int, reason: str) -> None:
        """Note an attempt that failed, and when to try again."""

        def noted(before: Source) -> Source:
            return {
                **before,
                "attempts": before["attempts"] + 1,
                "not_before_ns": not_before_ns,
                "reason": plain(reason),
            }

        self._note(delivery, noted)

    def refused(self, delivery: Delivery, now_ns: int, reason: str) -> None:
        """Make it a dead letter, but where a later version has come meanwhile.

        What another runner has delivered meanwhile stays delivered.
        """

        def noted(before: Source) -> Source:
            is_there = before["delivered_version"] >= delivery.version
            if is_there and before["state"] == _DELIVERED:
                return before
            is_behind = before["version"] > delivery.version
            return {
                **before,
                "attempts": before["attempts"] + 1,
                "reason": plain(reason),
                "told_ns": now_ns,
                "state": _WAITING if is_behind else _DEAD,
            }

        self._note(delivery, noted)

    def replay(self, sink: str = "", alerts: Collection[Identity] = ()) -> int:
        """Let dead letters wait again, all of them or these; return how many."""
        wanted = {alert_ref(identity) for identity in alerts}
        found = [
            hit["_id"]
            for page in self._documents.pages(Kind.DELIVERIES, _dead(sink))
            for hit in page
            if not wanted or hit["_source"]["alert"] in wanted
        ]
        replayed: set[str] = set()

        def waits(ref: str, before: Source | None) -> Source | None:
            if before is None or before["state"] != _DEAD:
                return None
            replayed.add(ref)
            return {**before, "state": _WAITING, "not_before_ns": 0, "attempts": 0}

        self._documents.change(Kind.DELIVERIES, found, waits)
        return len(replayed)

    def dead(self, sink: str = "", limit: int = 100) -> Sequence[Delivery]:
        """Return dead letters, the latest first."""
        body = {**_dead(sink), "size": min(limit, 10_000)}
        answer = self._documents.search(Kind.DELIVERIES, body)
        return self._with_alerts([hit["_source"] for hit in answer.hits])

    def counts(self) -> Mapping[str, DeliveryCounts]:
        """Return how each sink stands."""
        states = {"terms": {"field": "state"}}
        by_sink = {"terms": {"field": "sink", "size": 1_000}, "aggs": {"states": states}}
        body = {"size": 0, "aggs": {"sinks": by_sink}}
        answer = self._documents.search(Kind.DELIVERIES, body)
        found = {
            bucket["key"]: {
                state["key"]: state["doc_count"] for state in bucket["states"]["buckets"]
            }
            for bucket in answer.aggregations["sinks"]["buckets"]
        }
        return {
            name: DeliveryCounts(
                waiting=found.get(name, {}).get(_WAITING, 0),
                delivered=found.get(name, {}).get(_DELIVERED, 0),
                dead=found.get(name, {}).get(_DEAD, 0),
                oldest_ns=self._oldest(name) if found.get(name, {}).get(_WAITING) else None,
                paused=entry["paused"],
                is_open=entry["is_open"],
            )
            for name, entry in _sinks_of(self._documents).items()
        }

    def pause(self, sink: str, reason: str) -> None:
        """Note why nothing is sent to a sink; "" ends it."""

        def paused(known: dict[str, dict[str, Any]]) -> None:
            if sink in known:
                known[sink]["paused"] = plain(reason)

        self._change_sinks(paused)

    def has_alert(self, identity: Identity) -> bool:
        """Whether an alert is stored."""
        ref = alert_ref(identity)
        return bool(self._documents.get_many(Kind.ALERTS, [ref], with_source=False))

    def alert(self, identity: Identity) -> Alert | None:
        """Return an alert as it was stored last."""
        found = self._documents.get(Kind.ALERTS, alert_ref(identity))
        return None if found is None else _parsed(found.source)

    def _with_alerts(self, found: Sequence[Source]) -> list[Delivery]:
        alerts = self._documents.get_many(Kind.ALERTS, [entry["alert"] for entry in found])
        return [
            Delivery(
                *(entry["sink"], _parsed(alert.source), alert.source["version"]),
                *(alert.source["made_ns"], entry["attempts"], entry["not_before_ns"]),
                *(DeliveryState(entry["state"]), entry["reason"]),
                was_delivered=bool(entry["delivered_version"]),
            )
            for entry in found
            if (alert := alerts.get(entry["alert"])) is not None
        ]

    def _note(self, delivery: Delivery, noted: Callable[[Source], Source]) -> None:
        ref = _ref_of(delivery)

        def change(_: str, before: Source | None) -> Source | None:
            return None if before is None else {**noted(before), "owner": ""}

        self._documents.change(Kind.DELIVERIES, [ref], change)
        self._claims.drop(ref)

    def _oldest(self, sink: str) -> int | None:
        body = {
            "query": _filters({"term": {"sink": sink}}, {"term": {"state": _WAITING}}),
            "sort": ["made_ns"],
            "size": 1,
            "_source": ["made_ns"],
        }
        hits = self._documents.search(Kind.DELIVERIES, body).hits
        return hits[0]["_source"]["made_ns"] if hits else None

    def _change_sinks(self, change: Callable[[dict[str, dict[str, Any]]], None]) -> None:
        def changed(_: str, before: Source | None) -> Source | None:
            known = {} if before is None else json.loads(before["sinks"])
            change(known)
            source = {"sinks": packed(known)}
            return None if source == before else source

        self._documents.change(Kind.SINKS, [_SINKS], changed)


def alert_ref(identity: Identity) -> str:
    """Return the reference of an alert."""
    return digest(list(identity))


def queue_alerts(documents: Documents, queued: Sequence[QueuedAlert]) -> None:
    """Store alerts for every open sink; those that are known are joined, and wait if changed."""
    if not queued:
        return
    by_ref: dict[str, list[tuple[int, QueuedAlert]]] = {}
    for ordinal, entry in enumerate(queued):
        by_ref.setdefault(alert_ref(entry.alert.identity), []).append((ordinal, entry))
    sinks = [name for name, entry in _sinks_of(documents).items() if entry["is_open"]]

    def joined(ref: str, before: Source | None) -> Source | None:
        source = before
        for ordinal, entry in by_ref[ref]:
            if source is None:
                source = _alert(ref, entry, ordinal, sinks)
            else:
                source = _joined(source, entry.alert, is_stored=source is before)
        return None if source is before else source

    for part in _parts(list(by_ref)):
        _bring_up(documents, documents.change(Kind.ALERTS, part, joined))


def _bring_up(documents: Documents, alerts: Mapping[str, Source]) -> None:
    """Bring the deliveries of alerts up to them."""
    of: dict[str, tuple[str, Source]] = {
        _delivery_ref(sink, ref): (sink, alert)
        for ref, alert in alerts.items()
        for sink in json.loads(alert["sinks"])
    }

    def brought(ref: str, before: Source | None) -> Source | None:
        sink, alert = of[ref]
        if before is None:
            return _delivery(sink, alert)
        if before["version"] >= alert["version"]:
            return None
        changed = {**before, "version": alert["version"], "severity": alert["severity"]}
        if before["state"] != _WAITING and before["delivered_version"] < alert["version"]:
            changed |= {"state": _WAITING, "not_before_ns": 0}
        return changed

    documents.change(Kind.DELIVERIES, of, brought)


def _alert(ref: str, entry: QueuedAlert, ordinal: int, sinks: Sequence[str]) -> dict[str, Any]:
    alert = entry.alert
    return {
        "ref": ref,
        "identity": packed(alert.identity),
        "rule_id": alert.rule_id,
        "grouped_by": plain(entry.grouped_by),
        "is_summary": entry.is_summary,
        "severity": alert.severity,
        "version": 1,
        "made_ns": entry.made_ns,
        "ordinal": ordinal,
        # Who gets it for good: a sink that is named later gets later alerts.
        "sinks": packed(sorted(sinks)),
        "line": _written(alert),
    }


def _joined(source: Source, alert: Alert, *, is_stored: bool) -> Source:
    line = _written(join_alerts(_parsed(source), alert))
    if line == source["line"]:
        return source
    return {
        **source,
        "version": source["version"] + is_stored,
        "line": line,
        "severity": max(source["severity"], alert.severity),
    }


def _delivery(sink: str, alert: Source) -> dict[str, Any]:
    return {
        "sink": sink,
        "alert": alert["ref"],
        "state": _WAITING,
        "severity": alert["severity"],
        "version": alert["version"],
        "delivered_version": 0,
        "attempts": 0,
        "not_before_ns": 0,
        "reason": "",
        "made_ns": alert["made_ns"],
        "ordinal": alert["ordinal"],
        "owner": "",
        "claim": 0,
    }


def _ref_of(delivery: Delivery) -> str:
    return _delivery_ref(delivery.sink, alert_ref(delivery.alert.identity))


def _delivery_ref(sink: str, ref: str) -> str:
    return digest([sink, ref])


def _sinks_of(documents: Documents) -> dict[str, dict[str, Any]]:
    found = documents.get(Kind.SINKS, _SINKS)
    known: dict[str, dict[str, Any]] = {} if found is None else json.loads(found.source["sinks"])
    return known


def _parts(refs: Sequence[str]) -> Iterable[Sequence[str]]:
    """Yield the references in parts: alerts with all their events are held in memory."""
    for start in range(0, len(refs), _PAGE):
        yield refs[start : start + _PAGE]


def _dead(sink: str) -> dict[str, Any]:
    of_sink = [{"term": {"sink": sink}}] if sink else []
    return {
        "query": _filters({"term": {"state": _DEAD}}, *of_sink),
        "sort": [{"told_ns": "desc"}, "alert", "sink"],
    }


def _either(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    return {"bool": {"should": list(conditions), "minimum_should_match": 1}}


def _filters(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    return {"bool": {"filter": list(conditions)}}


def _written(alert: Alert) -> str:
    return compressed(render_line(alert).encode("ascii"))


def _parsed(source: Source) -> Alert:
    return parse_alert(expanded(source["line"]).decode("ascii"))
