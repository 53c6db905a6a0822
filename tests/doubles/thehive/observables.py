"""Observables of alerts and cases, with or without a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.doubles.thehive import attachments
from tests.doubles.thehive.errors import (
    Refused,
    already_exists,
    bad_request,
    forbidden,
    not_found,
    wrong_attributes,
)
from tests.doubles.thehive.routing import Answer, Request, route
from tests.doubles.thehive.values import change_tags, labelled, merged_tags
from tests.doubles.thehive.world import Entity

_OBSERVABLE = "/api/v1/observable/{observableId}"

#: FACTS: data ≤ 4096. The description has it for a list of data alone.
_MAX_DATA = 4096


def add(request: Request, parent: Entity, given: dict[str, Any]) -> list[Entity]:
    """Add one observable for each of its data or files; a refusal refuses all of them."""
    return [_add_one(request, parent, given, part) for part in _parts(request, given)]


def _parts(request: Request, given: dict[str, Any]) -> Iterator[str | Entity]:
    """Yield the texts or files of an observable. Source of the texts: ObservableSrv.scala."""
    name = given["dataType"].lower()
    kind = request.world.named("ObservableType", name)
    if kind is None:
        # TheHive issues 1440 and 2165: 404, though it is the alert that was asked for.
        raise not_found(f"ObservableType {given['dataType']}")
    data, files = given.get("data"), given.get("attachment")
    if kind.fields["isAttachment"]:
        if data is not None:
            raise bad_request("A attachment observable doesn't accept string value")
        yield from attachments.referenced(request, files)
        return
    if files is not None:
        raise bad_request("A text observable doesn't accept attachment")
    for text in data if isinstance(data, list) else [data]:
        if text is None or not text.strip(" "):
            continue  # ObservableCtrl.scala filters blank data out, without a word
        if len(text) > _MAX_DATA:
            raise wrong_attributes([("data", f"maxLength {_MAX_DATA}", text)])
        yield text


def _add_one(request: Request, parent: Entity, given: dict[str, Any], part: str | Entity) -> Entity:
    world = request.world
    name = given["dataType"].lower()
    content = part if isinstance(part, str) else part.fields["id"]
    key = (parent.id, name, content)
    if key in world.observable_keys:
        if world.behaviour.duplicate_observable == "refuse":
            raise already_exists("Observable already exists")
        known = world.entities[world.observable_keys[key]]
        merged_tags(known, given.get("tags", []))
        return known
    made = world.create(
        "Observable",
        request.caller.login,
        labelled(
            {
                "dataType": name,
                "data": part if isinstance(part, str) else None,
                "attachment": part.fields if isinstance(part, Entity) else None,
                "startDate": given.get("startDate", world.now()),
                # TLP and PAP are 2 whatever the alert has (FACTS).
                "tlp": given.get("tlp", 2),
                "pap": given.get("pap", 2),
                "tags": list(given.get("tags", [])),
                "ioc": given.get("ioc", False),
                "sighted": given.get("sighted", False),
                "sightedAt": given.get("sightedAt"),
                "reports": {},
                "message": given.get("message"),
                "extraData": {},
                "ignoreSimilarity": given.get("ignoreSimilarity", False),
                "external": False,
            }
        ),
        parent.organisation,
        parent.id,
    )
    made.hidden["key"] = key
    world.observable_keys[key] = made.id
    count_observables(request, parent)
    return made


def count_observables(request: Request, parent: Entity) -> None:
    """Note how many an alert has."""
    if parent.kind == "Alert":
        parent.fields["observableCount"] = len(request.world.of(parent, "Observable"))


def create(request: Request, parent: Entity | None) -> Answer:
    """Answer a request for new observables: 201, or 207 where some of them are refused.

    Source: TheHive 4, v1 ObservableCtrl.scala: MultiStatus with `success` and `failure`, each
    failure with its `object`. What one may not see is forbidden there, not missing.
    """
    if parent is None:
        raise forbidden("Operation not permitted")
    world, given = request.world, request.body
    limit = world.limits.observables
    made: list[Entity] = []
    failures: list[dict[str, Any]] = []
    for part in list(_parts(request, given)):
        number = len(world.of(parent, "Observable"))
        try:
            if limit is not None and number >= limit:
                raise bad_request(f"An alert has at most {limit} observables")
            made.append(_add_one(request, parent, given, part))
        except Refused as refused:
            shown = part if isinstance(part, str) else f"file:{part.fields['name']}"
            failures.append({**refused.body, "object": {"data": shown}})
    if made:
        world.touch(parent, request.caller.login)
    found = [one.fields for one in made]
    if failures:
        return Answer(207, {"success": found, "failure": failures})
    return Answer(201, found)


def get_observable(request: Request) -> Entity:
    name = request.parameters["observableId"]
    one = request.world.entities.get(name)
    if one is None or one.kind != "Observable" or one.organisation != request.caller.organisation:
        raise not_found("Observable")
    return one


@route("GET", _OBSERVABLE)
def read_observable(request: Request) -> Answer:
    return Answer(200, get_observable(request).fields)


@route("PATCH", _OBSERVABLE, "manageObservable")
def update_observable(request: Request) -> Answer:
    change(request, get_observable(request), request.body)
    return Answer(204)


@route("PATCH", "/api/v1/observable/_bulk", "manageObservable")
def update_observables(request: Request) -> Answer:
    body = {name: value for name, value in request.body.items() if name != "ids"}
    for name in request.body["ids"]:
        one = request.world.entities.get(name)
        if one is None or one.kind != "Observable":
            raise not_found("Observable")
        change(request, one, body)
    return Answer(204)


def change(request: Request, one: Entity, body: dict[str, Any]) -> None:
    tags = {"tags", "addTags", "removeTags"}
    one.fields.update({name: value for name, value in body.items() if name not in tags})
    change_tags(one.fields, body)
    labelled(one.fields)
    request.world.touch(one, request.caller.login)


@route("DELETE", _OBSERVABLE, "manageObservable")
def delete_observable(request: Request) -> Answer:
    one = get_observable(request)
    request.world.remove(one)
    count_observables(request, request.world.entities[one.parent])
    return Answer(204)


@route("GET", f"{_OBSERVABLE}/attachment/{{attachmentId}}/download")
def download_observable(request: Request) -> Answer:
    """Give the file itself; a zip with a password is beyond the double."""
    if request.query.get("asZip", "").lower() == "true":
        raise Refused(501, "NotInTheDouble", "the double makes no zip files")
    return attachments.content_of(request, get_observable(request).fields["attachment"]["_id"])
