"""An alert as a document in the fields of ECS, and back.

Takes and gives `Alert`s. What ECS has no field for is under `sigma2hive`; there is also the whole
alert as its JSON line, which is kept and not searched, so that a later push can be joined with it.

Source: ECS 9.5, https://www.elastic.co/docs/reference/ecs (event, rule, threat, host, related)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sigma2hive.model.alerts import Alert, Procedure
from sigma2hive.model.events import Event
from sigma2hive.model.times import render_time
from sigma2hive.model.values import flatten
from sigma2hive.sinks.lines import parse_alert, render_line

#: Fields of the events that analysts search alerts by.
_FROM_EVENTS = (
    *("host.id", "host.name", "host.hostname", "host.ip", "user.id", "user.name", "user.domain"),
    *("source.ip", "source.user.name", "destination.ip", "process.executable", "process.name"),
)
#: Observables of these types are what others are related by.
_RELATED = {
    "ip": "ip",
    "hash": "hash",
    "fqdn": "hosts",
    "hostname": "hosts",
    "domain": "hosts",
}
#: Values of one field, and events, that are listed.
_MOST = 100
#: Longer values are no keywords.
_MAX_KEYWORD = 1024
#: The line of an alert that may be larger than what a cluster takes at once is kept without logs.
_MAX_LINE = 16 * 1024 * 1024

_KEYWORD = {"type": "keyword", "ignore_above": _MAX_KEYWORD}
MAPPING: Mapping[str, Any] = {
    "dynamic_templates": [{"texts": {"match_mapping_type": "string", "mapping": _KEYWORD}}],
    "properties": {
        "@timestamp": {"type": "date"},
        "message": {"type": "text"},
        "event": {"properties": {"start": {"type": "date"}, "end": {"type": "date"}}},
        "host": {"properties": {"ip": {"type": "ip", "ignore_malformed": True}}},
        "source": {"properties": {"ip": {"type": "ip", "ignore_malformed": True}}},
        "destination": {"properties": {"ip": {"type": "ip", "ignore_malformed": True}}},
        "related": {"properties": {"ip": {"type": "ip", "ignore_malformed": True}}},
        "sigma2hive": {
            "properties": {
                "description": {"type": "text"},
                "custom_fields": {"type": "object", "enabled": False},
                "events": {"type": "object", "enabled": False},
                "line": {"type": "keyword", "index": False, "doc_values": False},
            }
        },
    },
}


def document_of(alert: Alert, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the document of an alert, which keeps what the one `before` has of its events."""
    times = [event.time_ns for event in alert.events] or [alert.date_ns]
    document: dict[str, Any] = {
        "@timestamp": render_time(alert.date_ns),
        "message": alert.title,
        "tags": list(alert.tags),
        "event": {
            "kind": "alert",
            "module": "sigma2hive",
            "dataset": "sigma2hive.alerts",
            "id": alert.source_ref,
            "severity": alert.severity,
            "start": render_time(min(times)),
            "end": render_time(max(times)),
            **({"url": alert.external_link} if alert.external_link else {}),
        },
        "rule": {"id": alert.rule_id, "name": alert.rule_title},
        "related": _related(alert),
        "sigma2hive": _ours(alert),
    }
    if alert.procedures:
        document["threat"] = _threat(alert.procedures)
    for path, values in _event_values(alert.events, flatten(before or {})).items():
        _set(document, path, values)
    return document


def stored_alert(source: Mapping[str, Any]) -> Alert | None:
    """Return the alert of a document; None where it is not ours."""
    try:
        return parse_alert(source["sigma2hive"]["line"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def is_alike(alert: Alert, source: Mapping[str, Any]) -> bool:
    """Whether a document that is ours says what the alert says."""
    return bool(source["sigma2hive"]["line"] == _line(alert))


def has_all_logs(alert: Alert) -> bool:
    """Whether the document keeps the raw logs of the alert's events."""
    return len(render_line(alert)) <= _MAX_LINE


def _ours(alert: Alert) -> dict[str, Any]:
    return {
        "type": alert.type,
        "source": alert.source,
        "source_ref": alert.source_ref,
        "title": alert.title,
        "description": alert.description,
        "tlp": alert.tlp,
        "pap": alert.pap,
        "case_template": alert.case_template,
        "custom_fields": dict(sorted(alert.custom_fields.items())),
        "event_count": len(alert.events),
        "events": [
            {"key": event.key.as_json(), "time": render_time(event.time_ns), "origin": event.origin}
            for event in alert.events[:_MOST]
        ],
        "observables": [
            {"data_type": one.data_type, "data": one.data, "tags": list(one.tags), "ioc": one.ioc}
            for one in alert.observables
        ],
        "line": _line(alert),
    }


def _line(alert: Alert) -> str:
    line = render_line(alert)
    if len(line) <= _MAX_LINE:
        return line
    return render_line(replace(alert, events=tuple(replace(e, raw=b"") for e in alert.events)))


def _related(alert: Alert) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for one in alert.observables:
        if kind := _RELATED.get(one.data_type):
            found.setdefault(kind, {})[one.data] = None
    return {kind: list(values)[:_MOST] for kind, values in sorted(found.items())}


def _threat(procedures: Iterable[Procedure]) -> dict[str, Any]:
    ids = sorted({one.pattern_id for one in procedures})
    techniques = sorted({pattern_id.partition(".")[0] for pattern_id in ids})
    technique: dict[str, Any] = {"id": techniques}
    if below := [pattern_id for pattern_id in ids if "." in pattern_id]:
        technique["subtechnique"] = {"id": below}
    threat: dict[str, Any] = {"framework": "MITRE ATT&CK", "technique": technique}
    if tactics := sorted({_tactic_name(one.tactic) for one in procedures if one.tactic}):
        threat["tactic"] = {"name": tactics}
    return threat


def _tactic_name(tactic: str) -> str:
    """Return the name of a tactic: command-and-control → Command and Control."""
    words = tactic.replace("_", "-").split("-")
    return " ".join(word if word == "and" else word.capitalize() for word in words)


def _event_values(
    events: Sequence[Event], before: Mapping[str, tuple[str, ...]]
) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for values in (before, *(event.values or _read_again(event.raw) for event in events[:_MOST])):
        for path in _FROM_EVENTS:
            for value in values.get(path, ()):
                found.setdefault(path, {})[value] = None
    return {path: list(values)[:_MOST] for path, values in found.items()}


def _read_again(raw: bytes) -> Mapping[str, tuple[str, ...]]:
    """Return the fields of an event that comes from the outbox, which keeps the raw log alone."""
    if raw[:1] != b"{":
        return {}
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return flatten(document) if isinstance(document, dict) else {}


def _set(document: dict[str, Any], path: str, values: list[str]) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    document[name] = values[0] if len(values) == 1 else values
