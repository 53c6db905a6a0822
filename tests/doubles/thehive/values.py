"""Parts that alerts and cases share: labels, tags, custom fields, statuses, assignees.

Takes what a request says; gives what the API shows, or refuses as TheHive does.
"""

from __future__ import annotations

from typing import Any

from tests.doubles.thehive.errors import bad_request, not_found
from tests.doubles.thehive.world import Entity, World

#: TLP RED is 4 since TheHive 5.2, 3 is AMBER+STRICT (FACTS).
_TLP = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
_PAP = ("CLEAR", "GREEN", "AMBER", "RED")
_SEVERITY = ("", "LOW", "MEDIUM", "HIGH", "CRITICAL")

#: What a value of a custom field must be. Source: TheHive 4, CustomField.scala; a url is a text.
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "url": (str,),
    "integer": (int, float),
    "float": (int, float),
    "boolean": (bool,),
    "date": (int,),
}


def labelled(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with the labels of severity, TLP and PAP."""
    labels = {"tlp": _TLP, "pap": _PAP, "severity": _SEVERITY}
    for name, words in labels.items():
        if fields.get(name) is not None:
            fields[f"{name}Label"] = words[fields[name]]
    return fields


def custom_field_values(world: World, given: Any, already: list[dict[str, Any]]) -> list[dict]:
    """Return the custom fields after a request said `given`.

    The object form adds to what is there, the array form replaces it (FACTS: 5.7.1 release notes;
    the description of InputUpdateCase says the same).
    """
    if given is None:
        return already
    kept: list[dict[str, Any]] = []
    if isinstance(given, dict):
        pairs = [
            (name, value)
            for name, values in given.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        kept = [one for one in already if one["name"] not in given]
    else:
        pairs = [(one["name"], one["value"]) for one in given]
    return [*kept, *(_custom_field_value(world, name, value) for name, value in pairs)]


def _custom_field_value(world: World, name: str, value: Any) -> dict[str, Any]:
    field = world.get("CustomField", name)
    kind = field.fields["type"]
    if not _fits(kind, value):
        found = f"{value} ({type(value).__name__})"
        raise bad_request(
            f"Invalid value type for custom field.\n  Expected: {kind}\n  Found   : {found}\n"
        )
    return {
        "_id": world.next_id(),
        "name": field.fields["name"],
        "type": kind,
        "value": int(value) if kind == "integer" and value is not None else value,
        "order": 0,
    }


def _fits(kind: str, value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is None or kind == "boolean"
    return isinstance(value, _TYPES[kind])


def stage_of(world: World, kind: str, status: str) -> str:
    """Return the stage of a status, whose name is free text (FACTS)."""
    found = world.named(kind, status, key="value")
    if found is None:
        raise not_found(f"{kind} {status}")
    return str(found.fields["stage"])


def check_assignee(world: World, login: str | None, organisation: str) -> None:
    """Refuse an assignee who is no unlocked user of the organisation."""
    if login is None:
        return
    user = world.named("User", login, key="login")
    if user is None or organisation not in user.hidden["roles"] or user.fields["locked"]:
        raise not_found(f"User {login}")


def change_tags(fields: dict[str, Any], body: dict[str, Any]) -> None:
    """Apply `tags`, `addTags` and `removeTags` of an update."""
    tags = list(body.get("tags", fields.get("tags", [])))
    tags += [tag for tag in body.get("addTags", []) if tag not in tags]
    removed = set(body.get("removeTags", []))
    fields["tags"] = [tag for tag in tags if tag not in removed]


def merged_tags(one: Entity, tags: list[str]) -> None:
    """Add tags to what an entity has."""
    own = one.fields.setdefault("tags", [])
    own += [tag for tag in tags if tag not in own]
