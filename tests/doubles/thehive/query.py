"""POST /api/v1/query: a selection, then filters, sorting and pages.

Source: the description's section on the Query API, and what thehive4py's endpoints send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.doubles.thehive.accounts import shown
from tests.doubles.thehive.alerts import find_alert
from tests.doubles.thehive.cases import find_case
from tests.doubles.thehive.errors import bad_request
from tests.doubles.thehive.filters import Matcher
from tests.doubles.thehive.routing import Answer, Request, route
from tests.doubles.thehive.world import Entity, World

#: Kinds that `listX` and `getX` select.
_KINDS = (
    *("Alert", "Case", "Observable", "Procedure", "Comment", "User", "Organisation", "Profile"),
    *("CaseTemplate", "ObservableType", "CustomField", "AlertStatus", "CaseStatus", "Pattern"),
    *("Job", "Attachment"),
    *("Task", "PageTemplate"),  # of which there are none
)
#: From an alert or case to what belongs to it.
_BELONGINGS = {
    "observables": "Observable",
    "procedures": "Procedure",
    "comments": "Comment",
    "attachments": "Attachment",
}
_PERMITTED_ASSIGNEES = {"Alert": "manageAlert/update", "Case": "manageCase/update"}


class Fields:
    """What is known of each kind's fields; filled by the server from the description."""

    of: Callable[[str], frozenset[str] | None] = staticmethod(lambda kind: None)


@route("POST", "/api/v1/query")
def run_query(request: Request) -> Answer:
    """Run the operations one after the other; the last one decides what is answered."""
    body = request.body
    if not isinstance(body, Mapping) or not isinstance(body.get("query"), list):
        raise bad_request("Invalid query: an array of operations is expected")
    found: list[Entity] = []
    kind = ""
    for number, operation in enumerate(body["query"]):
        name = operation.get("_name") if isinstance(operation, Mapping) else None
        if not isinstance(name, str):
            raise bad_request("Invalid query: _name is missing")
        if number == 0:
            kind, found = _select(request, name, operation)
        elif name in {"count", "limitedCount"}:
            return Answer(200, len(found))
        else:
            kind, found = _follow(request, name, operation, kind, found)
    excluded = set(body.get("excludeFields", []))
    items = [_visible(request, one, excluded) for one in found]
    return Answer(200, items, "" if excluded else kind)


def _visible(request: Request, one: Entity, excluded: set[str]) -> dict[str, Any]:
    fields = one.fields
    if one.kind == "User":
        fields = shown(request.world, one, request.caller.organisation)
    return {name: value for name, value in fields.items() if name not in excluded}


def _select(request: Request, name: str, operation: Mapping[str, Any]) -> tuple[str, list[Entity]]:
    world, organisation = request.world, request.caller.organisation
    for kind in _KINDS:
        if name == f"list{kind}":
            return kind, list(world.all_of(kind, organisation))
        if name == f"count{kind}":
            raise bad_request(f"{name} is deprecated; the double has list{kind} and count")
        if name == f"get{kind}":
            wanted = str(operation.get("idOrName", ""))
            one = _get(world, kind, wanted, organisation)
            return kind, [one] if one else []
    raise bad_request(f"Unknown query {name}")


def _get(world: World, kind: str, name: str, organisation: str) -> Entity | None:
    if kind == "Alert":
        return find_alert(world, name, organisation)
    if kind == "Case":
        return find_case(world, name, organisation)
    key = {"User": "login", "Pattern": "patternId", "AlertStatus": "value", "CaseStatus": "value"}
    return world.named(kind, name, organisation, key.get(kind, "name"))


def _follow(
    request: Request, name: str, operation: Mapping[str, Any], kind: str, found: list[Entity]
) -> tuple[str, list[Entity]]:
    world = request.world
    if name == "filter":
        matcher = Matcher(kind, Fields.of(kind))
        return kind, [
            one for one in found if matcher.passes(_visible(request, one, set()), operation)
        ]
    if name == "sort":
        return kind, _sorted(kind, found, operation.get("_fields", []))
    if name == "page":
        return kind, found[int(operation["from"]) : int(operation["to"])]
    if name in _BELONGINGS:
        belonging = _BELONGINGS[name]
        return belonging, [child for one in found for child in world.of(one, belonging)]
    if name == "assignableUsers":
        return "User", _assignable(request, _PERMITTED_ASSIGNEES.get(kind, ""))
    if name in {"alert", "case"}:
        parents = [_parent(world, one) for one in found]
        kind = name.capitalize()
        return kind, [one for one in parents if one is not None and one.kind == kind]
    raise bad_request(f"Unknown query {name} on {kind}")


def _parent(world: World, one: Entity) -> Entity | None:
    return world.entities.get(one.parent or one.fields.get("caseId", ""))


def _assignable(request: Request, permission: str) -> list[Entity]:
    """Return who can be given an alert or case: unlocked users that may change it."""
    world, organisation = request.world, request.caller.organisation
    found = []
    for user in world.all_of("User"):
        profile = user.hidden["roles"].get(organisation)
        if profile and not user.fields["locked"]:
            permissions = world.get("Profile", profile).fields["permissions"]
            if permission in permissions:
                found.append(user)
    return found


def _sorted(kind: str, found: list[Entity], fields: list[Any]) -> list[Entity]:
    """Sort by the first field first; what lacks a field comes first when ascending."""
    known = Fields.of(kind)
    for field in reversed(fields):
        name, direction = next(iter(field.items())) if isinstance(field, Mapping) else (field, "")
        if known is not None and name not in known:
            raise bad_request(f"Property {name} for type {kind} not found")
        found = sorted(
            found,
            key=lambda one: (name in one.fields, _comparable(one.fields.get(name))),
            reverse=direction == "desc",
        )
    return found


def _comparable(value: Any) -> tuple[str, Any]:
    return ("", value) if isinstance(value, int | float) else ("text", str(value))
