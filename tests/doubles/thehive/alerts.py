"""Alerts: create, read by id or name, change, delete, follow."""

from __future__ import annotations

from typing import Any

from tests.doubles.thehive import observables, procedures
from tests.doubles.thehive.errors import Refused, already_exists, not_found, wrong_attributes
from tests.doubles.thehive.routing import Answer, Request, route
from tests.doubles.thehive.values import (
    change_tags,
    check_assignee,
    custom_field_values,
    labelled,
    stage_of,
)
from tests.doubles.thehive.world import Entity, World

_ALERT = "/api/v1/alert/{alertId}"


def find_alert(world: World, name: str, organisation: str) -> Entity | None:
    """Return the alert of that id, or of the name `type;source;sourceRef`.

    A name with more than two semicolons is nobody's. Source: TheHive 4, AlertSrv.scala, getByName.
    """
    one = world.entities.get(name)
    if one is None and name.count(";") == 2:
        kind, source, reference = name.split(";")
        one = world.entities.get(world.alert_keys.get((organisation, kind, source, reference), ""))
    return one if one and one.kind == "Alert" and one.organisation == organisation else None


def get_alert(request: Request, name: str = "") -> Entity:
    """Return the alert that the request names; what others have is not there."""
    name = name or request.parameters["alertId"]
    one = find_alert(request.world, name, request.caller.organisation)
    if one is None:
        raise not_found("Alert")
    return one


@route("POST", "/api/v1/alert", "manageAlert/create", "create alert")
def create_alert(request: Request) -> Answer:
    """Create one, with observables and procedures, or nothing at all."""
    world, body, organisation = request.world, request.body, request.caller.organisation
    _check_number(world, body.get("observables", []))
    key = _free_key(world, organisation, body)
    check_assignee(world, body.get("assignee"), organisation)
    status = body.get("status", "New")
    stage = stage_of(world, "AlertStatus", status)
    custom_fields = custom_field_values(world, body.get("customFields"), [])
    now = world.now()
    date = body.get("date", now)
    with world.transaction():
        alert = world.create(
            "Alert",
            request.caller.login,
            labelled(
                {
                    **{name: body[name] for name in ("type", "source", "sourceRef")},
                    "externalLink": body.get("externalLink"),
                    "title": body["title"],
                    "description": body["description"],
                    "severity": body.get("severity", 2),
                    "date": date,
                    "tags": list(body.get("tags", [])),
                    "tlp": body.get("tlp", 2),
                    "pap": body.get("pap", 2),
                    "follow": True,
                    "customFields": custom_fields,
                    "caseTemplate": _case_template(world, body.get("caseTemplate"), organisation),
                    "observableCount": 0,
                    "status": status,
                    "stage": stage,
                    "assignee": body.get("assignee"),
                    "summary": body.get("summary"),
                    "extraData": {},
                    "newDate": now,
                    "timeToDetect": now - date,
                }
            ),
            organisation,
        )
        alert.hidden["key"] = key
        world.alert_keys[key] = alert.id
        for given in body.get("observables", []):
            observables.add(request, alert, given)
        for given in body.get("procedures", []):
            procedures.add(request, alert, given)
    # The answer comes before the stamps that counting the observables leaves.
    # Source: thehive4py, tests/test_alert_endpoint.py, test_create_alert_with_observables.
    answer = dict(alert.fields)
    if body.get("observables"):
        world.touch(alert, request.caller.login)
    return Answer(201, answer)


def _check_number(world: World, given: list[object]) -> None:
    limit = world.limits.observables
    if limit is not None and len(given) > limit:
        raise wrong_attributes([("observables", f"at most {limit} observables", len(given))])


def _free_key(world: World, organisation: str, body: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return the identity of a new alert. Source of the text: TheHive 4, AlertSrv.scala."""
    key = (organisation, body["type"], body["source"], body["sourceRef"])
    if key in world.alert_keys:
        name = ":".join(key[1:])
        raise already_exists(f"Alert {name} already exist in organisation {organisation}")
    return key


def _case_template(world: World, name: str | None, organisation: str) -> str | None:
    if name is None:
        return None
    found = world.named("CaseTemplate", name, organisation)
    if found is not None:
        return str(found.fields["name"])
    if world.behaviour.unknown_case_template == "refuse":
        raise not_found(f"CaseTemplate {name}")
    return None


@route("GET", _ALERT)
def read_alert(request: Request) -> Answer:
    return Answer(200, get_alert(request).fields)


@route("PATCH", _ALERT, "manageAlert/update", "update alert")
def update_alert(request: Request) -> Answer:
    change(request, get_alert(request), request.body)
    return Answer(204)


@route("PATCH", "/api/v1/alert/_bulk", "manageAlert/update", "update alerts")
def update_alerts(request: Request) -> Answer:
    alerts = [get_alert(request, name) for name in request.body["ids"]]
    body = {name: value for name, value in request.body.items() if name != "ids"}
    for alert in alerts:
        change(request, alert, body)
    return Answer(204)


def change(request: Request, alert: Entity, body: dict[str, Any]) -> None:
    """Apply an update: everything is checked before anything changes."""
    world, fields = request.world, dict(alert.fields)
    check_assignee(world, body.get("assignee"), alert.organisation)
    old = alert.hidden["key"]
    key = (alert.organisation, *(body.get(n, fields[n]) for n in ("type", "source", "sourceRef")))
    if key != old and key in world.alert_keys:
        name = ":".join(key[1:])
        raise already_exists(f"Alert {name} already exist in organisation {alert.organisation}")
    special = {"customFields", "tags", "addTags", "removeTags", "lastSyncDate"}
    fields |= {name: value for name, value in body.items() if name not in special}
    for name in request.unset & {"assignee", "summary", "externalLink"}:
        fields.pop(name, None)
    fields["customFields"] = custom_field_values(
        world, body.get("customFields"), fields.get("customFields", [])
    )
    if "status" in body:
        fields["stage"] = stage_of(world, "AlertStatus", body["status"])
        _note_stage(fields, world.now())
    change_tags(fields, body)
    alert.fields.clear()
    alert.fields.update(labelled(fields))
    del world.alert_keys[old]
    world.alert_keys[key] = alert.id
    alert.hidden["key"] = key
    world.touch(alert, request.caller.login)


def _note_stage(fields: dict[str, Any], now: int) -> None:
    names = {"InProgress": "inProgressDate", "Closed": "closedDate", "Imported": "importedDate"}
    if name := names.get(fields["stage"]):
        fields[name] = now


@route("DELETE", _ALERT, "manageAlert/delete", "delete alert")
def delete_alert(request: Request) -> Answer:
    request.world.remove(get_alert(request))
    return Answer(204)


@route("POST", "/api/v1/alert/delete/_bulk", "manageAlert/delete", "delete alerts")
def delete_alerts(request: Request) -> Answer:
    for alert in [get_alert(request, name) for name in request.body["ids"]]:
        request.world.remove(alert)
    return Answer(204)


@route("POST", f"{_ALERT}/follow", "manageAlert/update", "follow alert")
def follow_alert(request: Request) -> Answer:
    get_alert(request).fields["follow"] = True
    return Answer(204)


@route("POST", f"{_ALERT}/unfollow", "manageAlert/update", "unfollow alert")
def unfollow_alert(request: Request) -> Answer:
    get_alert(request).fields["follow"] = False
    return Answer(204)


@route("GET", f"{_ALERT}/similar/{{alertOrCaseId}}/observables")
def similar_observables(request: Request) -> Answer:
    """Give the observables of the other one that have the same type and data."""
    alert = get_alert(request)
    other = request.world.entities.get(request.parameters["alertOrCaseId"])
    if other is None:
        raise Refused(404, "NotFoundError", "Alert or case not found")
    own = {_content(one) for one in request.world.of(alert, "Observable")}
    theirs = request.world.of(other, "Observable")
    return Answer(200, [one.fields for one in theirs if _content(one) in own])


def _content(observable: Entity) -> tuple[object, object]:
    return observable.hidden["key"][1:]
