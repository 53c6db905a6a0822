"""One alert as one line of JSON, and back.

Takes and gives `Alert`s. The names are those of TheHive's InputCreateAlert where it has one; the
form is published as docs/schemas/alert-line.schema.json. Everything comes back as it was but an
event's `values`, which can be read from `raw` again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sigma2hive.model.alerts import Alert, LeftOut, Observable, Procedure
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.times import parse_time_ns, render_time


def render_line(alert: Alert) -> str:
    """Return the alert as one line of JSON with its events, without a line ending.

    ASCII only: lone surrogates can be written, and a terminal shows no control character.
    """
    head = _head(alert)
    head["events"] = [_event(event) for event in alert.events]
    return json.dumps(head, ensure_ascii=True, separators=(",", ":"))


def render_head(alert: Alert) -> str:
    """Return the alert as JSON without its events, as `parse_alert` takes it."""
    return json.dumps(_head(alert), ensure_ascii=True, separators=(",", ":"))


def parse_alert(text: str, events: tuple[Event, ...] | None = None) -> Alert:
    """Return the alert of a line; of a head, with `events`."""
    line: dict[str, Any] = json.loads(text)
    if events is None:
        events = tuple(_parsed_event(event) for event in line["events"])
    return Alert(
        type=line["type"],
        source=line["source"],
        source_ref=line["sourceRef"],
        rule_id=line["rule_id"],
        rule_title=line["rule_title"],
        title=line["title"],
        description=line["description"],
        severity=line["severity"],
        date_ns=_time_ns(line["date"]),
        tlp=line["tlp"],
        pap=line["pap"],
        tags=tuple(line["tags"]),
        observables=tuple(_parsed_observable(entry) for entry in line["observables"]),
        procedures=tuple(_parsed_procedure(entry) for entry in line["procedures"]),
        custom_fields=line["customFields"],
        case_template=line.get("caseTemplate", ""),
        assignee=line.get("assignee", ""),
        external_link=line.get("externalLink", ""),
        events=events,
        left_out=tuple(
            LeftOut(entry["dataType"], entry["data"], entry["reason"]) for entry in line["left_out"]
        ),
    )


def _head(alert: Alert) -> dict[str, object]:
    head: dict[str, object] = {
        "type": alert.type,
        "source": alert.source,
        "sourceRef": alert.source_ref,
        "rule_id": alert.rule_id,
        "rule_title": alert.rule_title,
        "title": alert.title,
        "severity": alert.severity,
        "date": render_time(alert.date_ns),
        "tlp": alert.tlp,
        "pap": alert.pap,
        "tags": list(alert.tags),
        "description": alert.description,
        "observables": [_observable(observable) for observable in alert.observables],
        "procedures": [_procedure(procedure) for procedure in alert.procedures],
        "customFields": _sorted(alert.custom_fields),
        "left_out": [
            {"dataType": left.data_type, "data": left.data, "reason": left.reason}
            for left in alert.left_out
        ],
    }
    if alert.case_template:
        head["caseTemplate"] = alert.case_template
    if alert.assignee:
        head["assignee"] = alert.assignee
    if alert.external_link:
        head["externalLink"] = alert.external_link
    return head


def _sorted(fields: Mapping[str, str | int | float | bool]) -> dict[str, object]:
    """Fields have no order of their own; the line must be the same for the same alert."""
    return dict(sorted(fields.items()))


def _observable(observable: Observable) -> dict[str, object]:
    return {
        "dataType": observable.data_type,
        "data": observable.data,
        "message": observable.message,
        "tlp": observable.tlp,
        "pap": observable.pap,
        "tags": list(observable.tags),
        "ioc": observable.ioc,
        "sighted": observable.sighted,
        "ignoreSimilarity": observable.ignore_similarity,
    }


def _parsed_observable(entry: Mapping[str, Any]) -> Observable:
    return Observable(
        data_type=entry["dataType"],
        data=entry["data"],
        message=entry["message"],
        tlp=entry["tlp"],
        pap=entry["pap"],
        tags=tuple(entry["tags"]),
        ioc=entry["ioc"],
        sighted=entry["sighted"],
        ignore_similarity=entry["ignoreSimilarity"],
    )


def _procedure(procedure: Procedure) -> dict[str, object]:
    rendered: dict[str, object] = {
        "patternId": procedure.pattern_id,
        "occurDate": render_time(procedure.occurred_ns),
    }
    if procedure.tactic:
        rendered["tactic"] = procedure.tactic
    return rendered


def _parsed_procedure(entry: Mapping[str, Any]) -> Procedure:
    return Procedure(entry["patternId"], _time_ns(entry["occurDate"]), entry.get("tactic", ""))


def _event(event: Event) -> dict[str, object]:
    rendered: dict[str, object] = {
        "key": event.key.as_json(),
        "time": render_time(event.time_ns),
        "origin": event.origin,
    }
    if event.ingested_ns is not None:
        rendered["ingested"] = render_time(event.ingested_ns)
    try:
        rendered["raw"] = event.raw.decode("utf-8")
    except UnicodeDecodeError:
        rendered["raw_base64"] = base64.b64encode(event.raw).decode("ascii")
    return rendered


def _parsed_event(entry: Mapping[str, Any]) -> Event:
    raw = entry.get("raw")
    return Event(
        key=parse_key(entry["key"]),
        time_ns=_time_ns(entry["time"]),
        values={},
        raw=base64.b64decode(entry["raw_base64"]) if raw is None else raw.encode("utf-8"),
        origin=entry["origin"],
        ingested_ns=_time_ns(entry["ingested"]) if "ingested" in entry else None,
    )


def parse_key(parts: list[str]) -> EventKey:
    """Return the event key of its JSON form."""
    return EventKey(EventKeyKind(parts[0]), tuple(parts[1:]))


# An alert, its techniques and its event mostly have the same time.
@lru_cache(maxsize=64)
def _time_ns(text: str) -> int:
    time_ns = parse_time_ns(text)
    if time_ns is None:
        raise ValueError(f"{text!r} is no time that render_time wrote")
    return time_ns
