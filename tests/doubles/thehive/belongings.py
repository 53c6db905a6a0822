"""What alerts and cases have in common: routes for observables, procedures, comments and files."""

from __future__ import annotations

from tests.doubles.thehive import attachments, observables, procedures
from tests.doubles.thehive.alerts import find_alert, get_alert
from tests.doubles.thehive.cases import find_case, get_case
from tests.doubles.thehive.errors import not_found
from tests.doubles.thehive.routing import Answer, Request, route
from tests.doubles.thehive.world import Entity

_ALERT, _CASE = "/api/v1/alert/{alertId}", "/api/v1/case/{caseId}"


@route("POST", f"{_ALERT}/observable", "manageObservable", "create artifact in alert")
def add_observable_to_alert(request: Request) -> Answer:
    name, organisation = request.parameters["alertId"], request.caller.organisation
    return observables.create(request, find_alert(request.world, name, organisation))


@route("POST", f"{_CASE}/observable", "manageObservable", "create observable in case")
def add_observable_to_case(request: Request) -> Answer:
    name, organisation = request.parameters["caseId"], request.caller.organisation
    return observables.create(request, find_case(request.world, name, organisation))


@route("POST", f"{_ALERT}/procedure", "manageProcedure", "create procedure")
def add_procedure_to_alert(request: Request) -> Answer:
    return procedures.create(request, get_alert(request))


@route("POST", f"{_CASE}/procedure", "manageProcedure", "create procedure")
def add_procedure_to_case(request: Request) -> Answer:
    return procedures.create(request, get_case(request))


@route("POST", f"{_ALERT}/procedures", "manageProcedure", "create procedures")
def add_procedures_to_alert(request: Request) -> Answer:
    return procedures.create_many(request, get_alert(request))


@route("POST", f"{_CASE}/procedures", "manageProcedure", "create procedures")
def add_procedures_to_case(request: Request) -> Answer:
    return procedures.create_many(request, get_case(request))


# Files beside an alert need manageAlert/update (FACTS, and the description).


@route("POST", f"{_ALERT}/attachments", "manageAlert/update", "add attachments")
def add_files_to_alert(request: Request) -> Answer:
    return attachments.add_beside(request, get_alert(request))


@route("POST", f"{_CASE}/attachments", "manageCase/update", "add attachments")
def add_files_to_case(request: Request) -> Answer:
    return attachments.add_beside(request, get_case(request))


@route("GET", f"{_ALERT}/attachment/{{attachmentId}}/download")
def download_from_alert(request: Request) -> Answer:
    return attachments.content_of(request, request.parameters["attachmentId"])


@route("GET", f"{_CASE}/attachment/{{attachmentId}}/download")
def download_from_case(request: Request) -> Answer:
    return attachments.content_of(request, request.parameters["attachmentId"])


@route("DELETE", f"{_ALERT}/attachment/{{attachmentId}}", "manageAlert/update")
def remove_file_from_alert(request: Request) -> Answer:
    return attachments.remove(request, get_alert(request))


@route("DELETE", f"{_CASE}/attachment/{{attachmentId}}", "manageCase/update")
def remove_file_from_case(request: Request) -> Answer:
    return attachments.remove(request, get_case(request))


# Comments have no key that would make writing them twice harmless; PATCH changes one (FACTS).


@route("POST", f"{_ALERT}/comment", "manageComment", "create comment")
def comment_alert(request: Request) -> Answer:
    return _comment(request, get_alert(request))


@route("POST", f"{_CASE}/comment", "manageComment", "create comment")
def comment_case(request: Request) -> Answer:
    return _comment(request, get_case(request))


def _comment(request: Request, parent: Entity) -> Answer:
    made = request.world.create(
        "Comment",
        request.caller.login,
        {
            "message": request.body["message"],
            "isEdited": False,
            "extraData": {},
            "external": request.body.get("external", False),
        },
        parent.organisation,
        parent.id,
    )
    return Answer(201, made.fields)


def _get_comment(request: Request) -> Entity:
    one = request.world.entities.get(request.parameters["commentId"])
    if one is None or one.kind != "Comment" or one.organisation != request.caller.organisation:
        raise not_found("Comment")
    return one


@route("PATCH", "/api/v1/comment/{commentId}", "manageComment")
def update_comment(request: Request) -> Answer:
    one = _get_comment(request)
    one.fields |= {"message": request.body["message"], "isEdited": True}
    request.world.touch(one, request.caller.login)
    return Answer(204)


@route("DELETE", "/api/v1/comment/{commentId}", "manageComment")
def delete_comment(request: Request) -> Answer:
    request.world.remove(_get_comment(request))
    return Answer(204)
