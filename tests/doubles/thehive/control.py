"""The control interface under /double, for tests alone: TheHive has nothing like it.

GET    /double/state           everything that is held (?counts: only how many)
GET    /double/journal         every request since the start or the last reset
GET    /double/bugs            what the double itself did wrong; should be empty
POST   /double/reset           begin afresh
POST   /double/failures        one order, or a list (failures.py); DELETE takes them all back
POST   /double/release         let go of what hangs
POST   /double/set-up          {"limits": …, "behaviour": …, "catalogue": …} (world.py)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.doubles.thehive.errors import Refused
from tests.doubles.thehive.routing import Answer
from tests.doubles.thehive.world import Entity, World

if TYPE_CHECKING:
    from tests.doubles.thehive.server import Server

_PREFIX = "/double/"


def is_control(path: str) -> bool:
    return path.startswith(_PREFIX)


def respond(
    server: Server, method: str, path: str, query: Mapping[str, str], body: bytes
) -> Answer:
    """Answer a control request; one that is wrong gets 400 with the reason."""
    name = path.removeprefix(_PREFIX)
    try:
        given = json.loads(body) if body else {}
        return _respond(server, method, name, query, given)
    except (ValueError, KeyError, TypeError, Refused) as error:
        return Answer(400, {"type": "DoubleControl", "message": f"{type(error).__name__}: {error}"})


def _respond(
    server: Server, method: str, name: str, query: Mapping[str, str], given: Any
) -> Answer:
    application = server.application
    match method, name:
        case "GET", "state":
            with application.lock:
                return Answer(200, state(application.world, counts="counts" in query))
        case "GET", "journal":
            return Answer(200, server.journal.entries())
        case "GET", "bugs":
            return Answer(200, list(application.bugs))
        case "POST", "reset":
            server.failures.clear()
            application.reset()
            server.journal.clear()
        case "POST", "failures":
            for one in given if isinstance(given, list) else [given]:
                server.failures.add(one)
        case "DELETE", "failures":
            server.failures.clear()
        case "POST", "release":
            server.failures.release()
        case "POST", "set-up":
            application.set_up(given)
        case _:
            return Answer(404, {"type": "DoubleControl", "message": f"no {method} {name}"})
    return Answer(200, {})


def state(world: World, *, counts: bool) -> dict[str, Any]:
    """Return what is held: alerts and cases with what belongs to them, users with their keys."""
    if counts:
        return {kind: len(those) for kind, those in world.kinds.items() if those}
    users = world.all_of("User")
    return {
        "alerts": [_whole(world, one) for one in world.all_of("Alert")],
        "cases": [_whole(world, one) for one in world.all_of("Case")],
        "users": [
            {"login": u.fields["login"], "key": u.hidden["api_key"], "roles": u.hidden["roles"]}
            for u in users
        ],
    }


def _whole(world: World, one: Entity) -> dict[str, Any]:
    parts = {
        "observables": "Observable",
        "procedures": "Procedure",
        "comments": "Comment",
        "attachments": "Attachment",
    }
    held = {name: [x.fields for x in world.of(one, kind)] for name, kind in parts.items()}
    held["attachments"] = [
        {**x.fields, "text": x.hidden["content"].decode("utf-8", "replace")}
        for x in world.of(one, "Attachment")
    ]
    return {**one.fields, "organisation": one.organisation, **held}
