"""What alerts refer to: observable types, custom fields, case templates, techniques; and status."""

from __future__ import annotations

from typing import Any

from tests.doubles.thehive import seed
from tests.doubles.thehive.errors import already_exists
from tests.doubles.thehive.routing import Answer, Request, route
from tests.doubles.thehive.values import custom_field_values, labelled
from tests.doubles.thehive.world import Entity, World

VERSION = "5.7.3-1"
_YEAR = 365 * 24 * 3600 * 1000


@route("POST", "/api/v1/observable/type", "manageObservableTemplate")
def create_observable_type(request: Request) -> Answer:
    name, login = request.body["name"], request.caller.login
    if request.world.named("ObservableType", name.lower()):
        raise already_exists(f"Observable type {name} already exists")
    is_attachment = request.body.get("isAttachment", False)
    made = seed.add_observable_type(request.world, name, login, is_attachment=is_attachment)
    return Answer(201, made.fields)


@route("GET", "/api/v1/observable/type/{typeId}")
def read_observable_type(request: Request) -> Answer:
    return Answer(200, request.world.get("ObservableType", request.parameters["typeId"]).fields)


@route("DELETE", "/api/v1/observable/type/{typeId}", "manageObservableTemplate")
def delete_observable_type(request: Request) -> Answer:
    request.world.remove(request.world.get("ObservableType", request.parameters["typeId"]))
    return Answer(204)


@route("GET", "/api/v1/customField")
def list_custom_fields(request: Request) -> Answer:
    return Answer(200, [one.fields for one in request.world.all_of("CustomField")])


@route("POST", "/api/v1/customField", "manageCustomField", "create custom field")
def create_custom_field(request: Request) -> Answer:
    return Answer(201, add_custom_field(request.world, request.body, request.caller.login).fields)


def add_custom_field(world: World, given: dict[str, Any], login: str) -> Entity:
    """Add one. Source of the refusal: TheHive 4, CustomFieldSrv.scala."""
    name = given["name"]
    if world.named("CustomField", name):
        raise already_exists(f"CustomField {name} already exists")
    fields = {
        "name": name,
        "displayName": given.get("displayName", name),
        "group": given.get("group", "default"),
        "description": given.get("description", ""),
        "type": given.get("type", "string"),
        "options": given.get("options", []),
        "mandatory": given.get("mandatory", False),
        "extraData": {},
    }
    return world.create("CustomField", login, fields)


@route("PATCH", "/api/v1/customField/{customFieldId}", "manageCustomField")
def update_custom_field(request: Request) -> Answer:
    one = request.world.get("CustomField", request.parameters["customFieldId"])
    one.fields.update(request.body)
    request.world.touch(one, request.caller.login)
    return Answer(204)


@route("DELETE", "/api/v1/customField/{customFieldId}", "manageCustomField")
def delete_custom_field(request: Request) -> Answer:
    request.world.remove(request.world.get("CustomField", request.parameters["customFieldId"]))
    return Answer(204)


@route("POST", "/api/v1/caseTemplate", "manageCaseTemplate", "create case template")
def create_case_template(request: Request) -> Answer:
    caller = request.caller
    made = add_case_template(request.world, request.body, caller.login, caller.organisation)
    return Answer(201, made.fields)


def add_case_template(world: World, given: dict[str, Any], login: str, organisation: str) -> Entity:
    """Add one. Source of the refusal: TheHive 4, CaseTemplateSrv.scala."""
    name = given["name"]
    if world.named("CaseTemplate", name, organisation):
        raise already_exists(f'The case template "{name}" already exists')
    plain = ("titlePrefix", "description", "severity", "tags", "tlp", "pap", "summary")
    fields = {
        "name": name,
        "displayName": given.get("displayName", name),
        "flag": given.get("flag", False),
        "customFields": custom_field_values(world, given.get("customFields"), []),
        "tasks": [],
        "extraData": {},
        **{field: given[field] for field in plain if field in given},
    }
    return world.create("CaseTemplate", login, labelled(fields), organisation)


def _case_template(request: Request) -> Entity:
    name = request.parameters["caseTemplateNameOrId"]
    return request.world.get("CaseTemplate", name, request.caller.organisation)


@route("GET", "/api/v1/caseTemplate/{caseTemplateNameOrId}")
def read_case_template(request: Request) -> Answer:
    return Answer(200, _case_template(request).fields)


@route("PATCH", "/api/v1/caseTemplate/{caseTemplateNameOrId}", "manageCaseTemplate")
def update_case_template(request: Request) -> Answer:
    one, body = _case_template(request), dict(request.body)
    values = custom_field_values(
        request.world, body.pop("customFields", None), one.fields["customFields"]
    )
    one.fields.update(labelled({**body, "customFields": values}))
    request.world.touch(one, request.caller.login)
    return Answer(204)


@route("DELETE", "/api/v1/caseTemplate/{caseTemplateNameOrId}", "manageCaseTemplate")
def delete_case_template(request: Request) -> Answer:
    request.world.remove(_case_template(request))
    return Answer(204)


@route("GET", "/api/v1/pattern/{patternId}")
def read_pattern(request: Request) -> Answer:
    name = request.parameters["patternId"]
    return Answer(200, request.world.get("Pattern", name, key="patternId").fields)


@route("GET", "/api/v1/permission")
def list_permissions(request: Request) -> Answer:
    names = sorted(set().union(*seed.PROFILES.values()))
    return Answer(200, [{"name": n, "label": n, "consumesLicense": True} for n in names])


def public_status(world: World) -> dict[str, Any]:
    """Return what anyone may know. It is answered without credentials."""
    return {"sso": False, "version": VERSION, "imports": {"mitreCatalog": "Enterprise Attack"}}


@route("GET", "/api/v1/status")
def read_status(request: Request) -> Answer:
    now, is_valid = request.world.now(), not request.world.behaviour.read_only
    licence: dict[str, Any] = {
        "id": "double",
        "customer": "tests",
        "instance": "double",
        "plan": "Platinum",
        "kind": "Trial",
        "validFrom": now - _YEAR,
        "expiresAt": now + _YEAR if is_valid else now - 1,
        "capabilities": ["users.customProfiles", "alert.customStatus"],
        "isValid": is_valid,
        "quotas": {"users": {"quota": 10, "current": 5}},
    }
    if not is_valid:
        licence["error"] = "License expired"
    status = {
        "version": VERSION,
        "gitDescription": VERSION,
        "connectors": {"cortex": {"enabled": True, "servers": []}},
        "config": {"capabilities": ["authByKey"], "pollingDuration": 1000},
        "license": licence,
        "features": [],
    }
    return Answer(200, status)


@route("GET", "/api/v1/license/current")
def read_licence(request: Request) -> Answer:
    """Say that there is none but the built-in one (thehive4py, tests/utils.py: `fallback`)."""
    now = request.world.now()
    expires = now - 1 if request.world.behaviour.read_only else now + _YEAR
    fallback = {
        "_id": "~1",
        "_type": "License",
        "_createdAt": now - _YEAR,
        "_createdBy": seed.SYSTEM,
        "id": "fallback",
        "customer": "tests",
        "plan": "Platinum",
        "kind": "Trial",
        "validFrom": now - _YEAR,
        "expiresAt": expires,
        "current": True,
        "capabilities": [],
        "quotas": {},
    }
    return Answer(200, {"fallback": fallback, "notFound": True})
