"""Cases, and what makes them of alerts: promotion, merging, import."""

from __future__ import annotations

from typing import Any

from tests.doubles.thehive.alerts import get_alert
from tests.doubles.thehive.errors import bad_request, not_found
from tests.doubles.thehive.routing import Answer, Request, route
from tests.doubles.thehive.values import (
    change_tags,
    check_assignee,
    custom_field_values,
    labelled,
    merged_tags,
    stage_of,
)
from tests.doubles.thehive.world import Entity, World

_CASE = "/api/v1/case/{idOrName}"


def find_case(world: World, name: str, organisation: str) -> Entity | None:
    """Return the case of that id or number."""
    one = world.entities.get(name)
    if one is None and name.isdecimal():
        cases = world.all_of("Case", organisation)
        one = next((case for case in cases if case.fields["number"] == int(name)), None)
    return one if one and one.kind == "Case" and one.organisation == organisation else None


def get_case(request: Request, name: str = "") -> Entity:
    """Return the case that the request names."""
    name = name or request.parameters.get("idOrName") or request.parameters["caseId"]
    one = find_case(request.world, name, request.caller.organisation)
    if one is None:
        raise not_found("Case")
    return one


def _new_case(request: Request, body: dict[str, Any]) -> Entity:
    world, organisation = request.world, request.caller.organisation
    check_assignee(world, body.get("assignee"), organisation)
    status = body.get("status", "New")
    stage = stage_of(world, "CaseStatus", status)
    name = body.get("caseTemplate")
    template = world.get("CaseTemplate", name, organisation).fields if name else {}
    given = {**template.get("case", {}), **body}
    number = 1 + max((one.fields["number"] for one in world.all_of("Case")), default=0)
    now = world.now()
    fields = {
        "number": number,
        "title": template.get("titlePrefix", "") + given["title"],
        "description": given["description"],
        "severity": given.get("severity", 2),
        "startDate": given.get("startDate", now),
        "endDate": given.get("endDate"),
        "tags": list(dict.fromkeys([*template.get("tags", []), *given.get("tags", [])])),
        "flag": given.get("flag", False),
        "tlp": given.get("tlp", 2),
        "pap": given.get("pap", 2),
        "status": status,
        "stage": stage,
        "summary": given.get("summary"),
        "assignee": given.get("assignee", request.caller.login),
        "access": {"_kind": "OrganisationAccessKind"},
        "customFields": custom_field_values(world, given.get("customFields"), []),
        "userPermissions": sorted(request.caller.permissions),
        "extraData": {},
        "newDate": now,
        "timeToDetect": 0,
    }
    return world.create("Case", request.caller.login, labelled(fields), organisation)


@route("POST", "/api/v1/case", "manageCase/create", "create case")
def create_case(request: Request) -> Answer:
    return Answer(201, _new_case(request, request.body).fields)


@route("GET", _CASE)
def read_case(request: Request) -> Answer:
    return Answer(200, get_case(request).fields)


@route("PATCH", _CASE, "manageCase/update", "update case")
def update_case(request: Request) -> Answer:
    _change(request, get_case(request), request.body)
    return Answer(204)


@route("PATCH", "/api/v1/case/_bulk", "manageCase/update", "update cases")
def update_cases(request: Request) -> Answer:
    body = {name: value for name, value in request.body.items() if name != "ids"}
    for case in [get_case(request, str(name)) for name in request.body["ids"]]:
        _change(request, case, body)
    return Answer(204)


def _change(request: Request, case: Entity, body: dict[str, Any]) -> None:
    special = {"customFields", "tags", "addTags", "removeTags", "taskRule", "observableRule"}
    check_assignee(request.world, body.get("assignee"), case.organisation)
    stage = stage_of(request.world, "CaseStatus", body.get("status", case.fields["status"]))
    values = custom_field_values(
        request.world, body.get("customFields"), case.fields["customFields"]
    )
    case.fields.update({name: value for name, value in body.items() if name not in special})
    case.fields |= {"stage": stage, "customFields": values}
    for name in request.unset & {"assignee", "summary", "impactStatus", "endDate"}:
        case.fields.pop(name, None)
    change_tags(case.fields, body)
    labelled(case.fields)
    request.world.touch(case, request.caller.login)


@route("DELETE", _CASE, "manageCase/delete", "delete case")
def delete_case(request: Request) -> Answer:
    case = get_case(request)
    for alert in request.world.all_of("Alert", case.organisation):
        if alert.fields.get("caseId") == case.id:
            del alert.fields["caseId"]
    request.world.remove(case)
    return Answer(204)


# Alerts become cases. The description asks for manageAlert/import; the manual says that merging
# needs manageAlert/update (FACTS): the double follows the description.


@route("POST", "/api/v1/alert/{alertId}/case", "manageAlert/import", "create case from alert")
def promote(request: Request) -> Answer:
    """Make a case of an alert. One that has a case already gives that (AlertSrv.scala)."""
    alert = get_alert(request)
    known = request.world.entities.get(alert.fields.get("caseId", ""))
    if known is not None:
        return Answer(201, known.fields)
    copied = ("title", "description", "severity", "tags", "tlp", "pap", "caseTemplate")
    given = {name: alert.fields[name] for name in copied if name in alert.fields}
    values = [{"name": one["name"], "value": one["value"]} for one in alert.fields["customFields"]]
    with request.world.transaction():
        case = _new_case(request, {**given, "customFields": values, **(request.body or {})})
        _bring(request, alert, case)
    return Answer(201, case.fields)


@route("POST", "/api/v1/alert/{alertId}/merge/{caseId}", "manageAlert/import", "merge alert")
def merge(request: Request) -> Answer:
    return _merged(request, get_case(request), [get_alert(request)])


@route("POST", "/api/v1/alert/{alertId}/import/{caseId}", "manageAlert/import", "import alert")
def import_alert(request: Request) -> Answer:
    """Bring observables and procedures only, not the description."""
    alert, case = get_alert(request), get_case(request)
    _bring(request, alert, case)
    return Answer(200, case.fields)


@route("POST", "/api/v1/alert/merge/_bulk", "manageAlert/import", "merge alerts")
def merge_many(request: Request) -> Answer:
    alerts = [get_alert(request, name) for name in request.body.get("alertIds", [])]
    return _merged(request, get_case(request, str(request.body["caseId"])), alerts)


def _merged(request: Request, case: Entity, alerts: list[Entity]) -> Answer:
    """Merging into a closed case works (FACTS); an alert merges once (AlertSrv.scala)."""
    if any(alert.fields.get("caseId") for alert in alerts):
        raise bad_request("Alert is already imported")
    for alert in alerts:
        _bring(request, alert, case)
        title = f"#### Merged with alert #{alert.fields['sourceRef']} {alert.fields['title']}"
        case.fields["description"] += f"\n  \n{title}\n\n{alert.fields['description'].strip()}"
        merged_tags(case, alert.fields.get("tags", []))
        request.world.touch(case, request.caller.login)
    return Answer(200, case.fields)


def _bring(request: Request, alert: Entity, case: Entity) -> None:
    """Copy what belongs to the alert; an observable that the case has gets the tags (AlertSrv)."""
    world = request.world
    for one in world.of(alert, "Observable"):
        key = (case.id, *one.hidden["key"][1:])
        if key in world.observable_keys:
            merged_tags(world.entities[world.observable_keys[key]], one.fields.get("tags", []))
            continue
        copied = {name: value for name, value in one.fields.items() if not name.startswith("_")}
        login = request.caller.login
        copy = world.create("Observable", login, copied, case.organisation, case.id)
        copy.hidden["key"] = key
        world.observable_keys[key] = copy.id
    for one in world.of(alert, "Procedure"):
        copied = {name: value for name, value in one.fields.items() if not name.startswith("_")}
        world.create("Procedure", request.caller.login, copied, case.organisation, case.id)
    alert.fields |= {
        "caseId": case.id,
        "status": "Imported",
        "stage": "Imported",
        "importedDate": world.now(),
    }
    world.touch(alert, request.caller.login)


@route("DELETE", "/api/v1/case/{caseId}/alert/{alertId}", "manageCase/update", "unlink alert")
def unlink(request: Request) -> Answer:
    alert = get_alert(request)
    if alert.fields.get("caseId") != get_case(request).id:
        raise not_found("Alert")
    del alert.fields["caseId"]
    return Answer(204)
