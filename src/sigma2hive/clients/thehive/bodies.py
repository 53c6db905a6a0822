"""Alerts and observables as TheHive's API takes them.

Takes `model` types, whose values fit TheHive's limits; gives bodies of requests. What an alert does
not have is left out, so that TheHive's own defaults hold.

Source: TheHive 5.7 API, InputCreateAlert, InputCreateObservable, InputProcedure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from sigma2hive.model.alerts import Alert, Observable, Procedure

_NS_PER_MS = 1_000_000


def alert_body(alert: Alert) -> dict[str, Any]:
    """Return the body that creates the alert; times are milliseconds since the epoch."""
    body: dict[str, Any] = {
        "type": alert.type,
        "source": alert.source,
        "sourceRef": alert.source_ref,
        "title": alert.title,
        "description": alert.description,
        "severity": alert.severity,
        "date": alert.date_ns // _NS_PER_MS,
        "tlp": alert.tlp,
        "pap": alert.pap,
    }
    optional = {
        "tags": list(alert.tags),
        "observables": [observable_body(one) for one in alert.observables],
        "procedures": [procedure_body(one) for one in alert.procedures],
        "customFields": dict(alert.custom_fields),
        "caseTemplate": alert.case_template,
        "assignee": alert.assignee,
        "externalLink": alert.external_link,
    }
    return body | {name: value for name, value in optional.items() if value}


def observable_body(observable: Observable) -> dict[str, Any]:
    """Return one observable. TLP and PAP are always said: TheHive's default is not the alert's."""
    body: dict[str, Any] = {
        "dataType": observable.data_type,
        "data": observable.data,
        "tlp": observable.tlp,
        "pap": observable.pap,
        "ioc": observable.ioc,
        "sighted": observable.sighted,
        "ignoreSimilarity": observable.ignore_similarity,
    }
    optional = {"message": observable.message, "tags": list(observable.tags)}
    return body | {name: value for name, value in optional.items() if value}


def alike(observables: Iterable[Observable]) -> Iterator[list[Observable]]:
    """Yield groups that differ in their data alone: each can be sent as one request."""

    def but_data(observable: Observable) -> str:
        return repr(replace(observable, data=""))

    for _, group in groupby(sorted(observables, key=but_data), key=but_data):
        yield list(group)


def procedure_body(procedure: Procedure) -> dict[str, Any]:
    """Return one ATT&CK technique; its time is milliseconds since the epoch."""
    body: dict[str, Any] = {
        "patternId": procedure.pattern_id,
        "occurDate": procedure.occurred_ns // _NS_PER_MS,
    }
    return body | ({"tactic": procedure.tactic} if procedure.tactic else {})
