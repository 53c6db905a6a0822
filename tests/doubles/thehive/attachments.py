"""Files: of observables, and beside an alert, a case or an organisation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from tests.doubles.thehive.errors import bad_request, not_found
from tests.doubles.thehive.routing import Answer, File, Request, route
from tests.doubles.thehive.world import Entity


def store(request: Request, file: File, parent: str = "") -> Entity:
    """Keep a file; its `id` is a hash of what is in it. Source: TheHive 4, AttachmentSrv.scala."""
    hashes = [hashlib.new(name, file.content).hexdigest() for name in ("sha256", "sha1", "md5")]
    made = request.world.create(
        "Attachment",
        request.caller.login,
        {
            "name": file.name,
            "hashes": hashes,
            "size": len(file.content),
            "contentType": file.content_type,
            "id": hashes[0],
            "path": "",
            "extraData": {},
            "external": False,
        },
        request.caller.organisation,
        parent,
    )
    made.hidden["content"] = file.content
    return made


def referenced(request: Request, given: Any) -> Iterator[Entity]:
    """Yield the files of an observable: parts of the request by name, or files that are known.

    Without a reference it is the part called `attachment`. Source: the description, Create Alert
    and Create Observable in Alert.
    """
    if given is None:
        given = "attachment"
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict):
            known = [a for a in request.world.all_of("Attachment") if a.fields["id"] == one["id"]]
            if not known:
                raise not_found(f"Attachment {one['id']}")
            yield known[0]
        elif one in request.files:
            for file in request.files[one]:
                yield store(request, file)
        else:
            raise bad_request(f"Attachment {one} is missing in the request")


def add_beside(request: Request, parent: Entity) -> Answer:
    """Answer a request that brings files for an alert or a case.

    A name that is taken gets a number where the request allows it (`canRename`).
    """
    taken = {one.fields["name"] for one in request.world.of(parent, "Attachment")}
    can_rename = str(request.query.get("canRename", "true")).lower() == "true"
    made = []
    for file in request.files.get("attachments", []):
        name = file.name
        if name in taken and not can_rename:
            raise bad_request(f"Attachment {name} already exists")
        stem, dot, ending = name.rpartition(".")
        number = 1
        while name in taken:
            name = f"{stem}_{number}{dot}{ending}" if dot else f"{file.name}_{number}"
            number += 1
        taken.add(name)
        made.append(store(request, File(name, file.content_type, file.content), parent.id))
    if not made:
        raise bad_request("attachments are missing")
    return Answer(201, {"attachments": [one.fields for one in made]})


def content_of(request: Request, name: str) -> Answer:
    """Give a file's bytes."""
    one = request.world.entities.get(name)
    if one is None or one.kind != "Attachment" or one.organisation != request.caller.organisation:
        raise not_found("Attachment")
    return Answer(200, one.hidden["content"])


def remove(request: Request, parent: Entity) -> Answer:
    one = request.world.entities.get(request.parameters["attachmentId"])
    if one is None or one.parent != parent.id:
        raise not_found("Attachment")
    request.world.remove(one)
    return Answer(204)


@route("POST", "/api/v1/attachment", "manageKnowledgeBase", "add attachments")
def add_to_organisation(request: Request) -> Answer:
    return add_beside(request, request.world.get("Organisation", request.caller.organisation))


@route("DELETE", "/api/v1/attachment/{attachmentId}", "manageKnowledgeBase")
def remove_from_organisation(request: Request) -> Answer:
    return remove(request, request.world.get("Organisation", request.caller.organisation))


@route("GET", "/api/v1/attachment/{attachmentId}/download")
def download_attachment(request: Request) -> Answer:
    return content_of(request, request.parameters["attachmentId"])
