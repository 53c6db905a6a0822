"""ATT&CK procedures of alerts and cases."""

from __future__ import annotations

from typing import Any

from tests.doubles.thehive.errors import not_found
from tests.doubles.thehive.routing import Answer, Request, route
from tests.doubles.thehive.world import Entity

_PROCEDURE = "/api/v1/procedure/{procedureId}"


def add(request: Request, parent: Entity, given: dict[str, Any]) -> Entity:
    """Add one; its technique must be in the catalogue. Source: TheHive 4, ProcedureSrv.scala."""
    pattern = request.world.get("Pattern", given["patternId"], key="patternId")
    return request.world.create(
        "Procedure",
        request.caller.login,
        _fields(pattern, given) | {"occurDate": given["occurDate"], "extraData": {}},
        parent.organisation,
        parent.id,
    )


def _fields(pattern: Entity, given: dict[str, Any]) -> dict[str, Any]:
    tactic = given.get("tactic")
    return {
        "description": given.get("description"),
        "patternId": pattern.fields["patternId"],
        "patternName": pattern.fields["name"],
        "tactic": tactic,
        "tacticLabel": tactic.replace("-", " ").title() if tactic else None,
    }


def create(request: Request, parent: Entity) -> Answer:
    return Answer(201, add(request, parent, request.body).fields)


def create_many(request: Request, parent: Entity) -> Answer:
    with request.world.transaction():
        made = [add(request, parent, given) for given in request.body.get("procedures", [])]
    return Answer(201, [one.fields for one in made])


def _get(request: Request, name: str) -> Entity:
    one = request.world.entities.get(name)
    if one is None or one.kind != "Procedure" or one.organisation != request.caller.organisation:
        raise not_found("Procedure")
    return one


@route("PATCH", _PROCEDURE, "manageProcedure")
def update_procedure(request: Request) -> Answer:
    one = _get(request, request.parameters["procedureId"])
    body = dict(request.body)
    if "patternId" in body:
        pattern = request.world.get("Pattern", body["patternId"], key="patternId")
        body["patternName"] = pattern.fields["name"]
    one.fields.update(body)
    request.world.touch(one, request.caller.login)
    return Answer(204)


@route("DELETE", _PROCEDURE, "manageProcedure")
def delete_procedure(request: Request) -> Answer:
    request.world.remove(_get(request, request.parameters["procedureId"]))
    return Answer(204)


@route("POST", "/api/v1/procedure/delete/_bulk", "manageProcedure")
def delete_procedures(request: Request) -> Answer:
    for one in [_get(request, name) for name in request.body["ids"]]:
        request.world.remove(one)
    return Answer(204)
