"""Cortex's analyzers and jobs, as far as TheHive shows them without a Cortex behind it.

thehive4py asks for /api/connector/cortex/… for all but bulk jobs, the description has
/api/v1/connector/cortex/… alone (FACTS): the server answers both (server.py).
Source: thehive4py, tests/test_cortex_endpoint.py: jobs can be made with no Cortex and are called
case_artifact_job; there are no analyzers and no responders then.
"""

from __future__ import annotations

from typing import Any

from tests.doubles.thehive.errors import not_found
from tests.doubles.thehive.routing import Answer, Request, route
from tests.doubles.thehive.world import Entity

_CORTEX = "/api/v1/connector/cortex"


@route("GET", f"{_CORTEX}/analyzer")
def list_analyzers(request: Request) -> Answer:
    """Give those of `range` ("0-10", "all"), which leaves its end out."""
    found = [one.hidden["worker"] for one in request.world.all_of("Analyzer")]
    first, _, last = request.query.get("range", "all").partition("-")
    if first.isdecimal() and last.isdecimal():
        found = found[int(first) : int(last)]
    return Answer(200, found)


@route("GET", f"{_CORTEX}/analyzer/type/{{dataType}}")
def list_analyzers_of_type(request: Request) -> Answer:
    wanted = request.parameters["dataType"]
    found = [one.hidden["worker"] for one in request.world.all_of("Analyzer")]
    return Answer(200, [one for one in found if wanted in one.get("dataTypeList", [])])


@route("GET", f"{_CORTEX}/analyzer/{{analyzerId}}")
def read_analyzer(request: Request) -> Answer:
    for one in request.world.all_of("Analyzer"):
        if one.hidden["worker"]["id"] == request.parameters["analyzerId"]:
            return Answer(200, one.hidden["worker"])
    raise not_found(f"worker {request.parameters['analyzerId']}")


@route("POST", f"{_CORTEX}/job", "manageAnalyse", "create job")
def create_job(request: Request) -> Answer:
    return Answer(201, _add_job(request, request.body).fields)


@route("POST", f"{_CORTEX}/job/_bulk", "manageAnalyse", "create jobs")
def create_jobs(request: Request) -> Answer:
    with request.world.transaction():
        made = [_add_job(request, given) for given in request.body["jobs"]]
    return Answer(201, [one.fields for one in made])


def _add_job(request: Request, given: dict[str, Any]) -> Entity:
    world, caller = request.world, request.caller
    observable = world.entities.get(given["artifactId"])
    if observable is None or observable.organisation != caller.organisation:
        raise not_found("Observable")
    job = world.create(
        "Job",
        caller.login,
        {
            "analyzerId": given["analyzerId"],
            "analyzerName": given["analyzerId"],
            "analyzerDefinition": given["analyzerId"],
            "status": "Waiting",
            "startDate": world.now(),
            "cortexId": given["cortexId"],
            "cortexJobId": "unknown",
            "operations": "[]",
        },
        caller.organisation,
        observable.id,
    )
    job.fields |= {"_type": "case_artifact_job", "id": job.id}
    return job


@route("GET", f"{_CORTEX}/job/{{jobId}}")
def read_job(request: Request) -> Answer:
    one = request.world.entities.get(request.parameters["jobId"])
    if one is None or one.kind != "Job" or one.organisation != request.caller.organisation:
        raise not_found("Job")
    return Answer(200, one.fields)


@route("POST", f"{_CORTEX}/action", "manageAction", "create action")
def create_action(request: Request) -> Answer:
    given, world = request.body, request.world
    if given["objectId"] not in world.entities:
        raise not_found(given["objectType"])
    made = world.create(
        "Action",
        request.caller.login,
        {
            "responderId": given["responderId"],
            "cortexId": given.get("cortexId"),
            "objectType": given["objectType"],
            "objectId": given["objectId"],
            "status": "Waiting",
            "startDate": world.now(),
            "operations": "[]",
            "report": "{}",
        },
        request.caller.organisation,
    )
    return Answer(200, made.fields)


@route("GET", f"{_CORTEX}/responder/{{entityType}}/{{entityId}}")
def list_responders(request: Request) -> Answer:
    return Answer(200, [])
