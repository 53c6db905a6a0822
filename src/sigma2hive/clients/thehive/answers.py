"""What TheHive's answers mean: values of our own, read from JSON that is checked first.

Takes parsed JSON; gives dataclasses, or the error for an answer that TheHive would not give. A
proxy's page with status 200 must not pass for a stored alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sigma2hive.clients.thehive.failures import Call, no_answer
from sigma2hive.model.alerts import LeftOut
from sigma2hive.records import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert that TheHive has. `stage` is New, InProgress, Closed or Imported.

    `custom_fields` are the names of those that it has.
    """

    id: str
    status: str
    stage: str
    case_id: str = ""
    description: str = ""
    case_template: str = ""
    assignee: str = ""
    external_link: str = ""
    custom_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that lies beside an alert; `size` is in bytes, `created` in milliseconds."""

    id: str
    name: str
    size: int
    created: int = 0

    @property
    def age(self) -> tuple[int, int, str]:
        """Return what orders files: the one that came first before all others."""
        return self.created, len(self.id), self.id


@dataclass(frozen=True, slots=True)
class AddedObservables:
    """What became of observables that were added to an alert."""

    new: int = 0
    already_there: int = 0
    refused: tuple[LeftOut, ...] = ()

    def __add__(self, other: AddedObservables) -> AddedObservables:
        return AddedObservables(
            self.new + other.new,
            self.already_there + other.already_there,
            self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True)
class User:
    """Whose API key it is, in which organisation, and what it may do there."""

    login: str
    organisation: str
    profile: str
    permissions: frozenset[str]
    organisations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The version, and whether the licence lets TheHive take changes."""

    version: str
    is_licence_valid: bool


def read_alert(answer: object, identity: tuple[str, str, str], call: Call) -> StoredAlert:
    """Return the alert that an answer shows; it must be the one that was meant."""
    fields = _object(answer, call)
    shown = tuple(fields.get(name) for name in ("type", "source", "sourceRef"))
    if shown != identity:
        raise no_answer("an answer that is not about this alert", call)
    return StoredAlert(
        _field(fields, "_id", str, call),
        _field(fields, "status", str, call),
        _field(fields, "stage", str, call),
        str(fields.get("caseId") or ""),
        str(fields.get("description") or ""),
        str(fields.get("caseTemplate") or ""),
        str(fields.get("assignee") or ""),
        str(fields.get("externalLink") or ""),
        frozenset(read_names(fields.get("customFields") or [], "name", call)),
    )


def read_added(answer: object, asked: int, call: Call) -> AddedObservables:
    """Return what became of observables sent together.

    A list is all of them; an object with `success` and `failure` names those that were refused.
    Source of the second: TheHive 4, v1 ObservableCtrl (status 207).
    """
    if isinstance(answer, list):
        made, failures = answer, []
    else:
        fields = _object(answer, call)
        made = _field(fields, "success", list, call)
        failures = _field(fields, "failure", list, call)
    if not all(isinstance(one, Mapping) for one in (*made, *failures)):
        raise no_answer("an answer that is no list of observables", call)
    known = [one for one in failures if one.get("type") == "CreateError"]
    refused = tuple(_refused(one) for one in failures if one not in known)
    if len(made) + len(failures) > asked:
        raise no_answer("more observables than were sent", call)
    return AddedObservables(len(made), len(known), refused)


def read_contents(answer: object, call: Call) -> frozenset[tuple[str, str]]:
    """Return data type and data of the observables in a list; files have the data ""."""
    return frozenset(
        (_field(fields, "dataType", str, call).lower(), str(fields.get("data") or ""))
        for fields in _objects(answer, call)
    )


def read_names(answer: object, key: str, call: Call) -> frozenset[str]:
    """Return the text that each entry of a list has under `key`."""
    return frozenset(_field(fields, key, str, call) for fields in _objects(answer, call))


def read_custom_fields(answer: object, call: Call) -> Mapping[str, str]:
    """Return name and type of the custom fields in a list."""
    return {
        _field(fields, "name", str, call): _field(fields, "type", str, call)
        for fields in _objects(answer, call)
    }


def check_procedure(answer: object, pattern_id: str, call: Call) -> None:
    """Make sure that an answer shows the technique that was meant, as far as it says which."""
    fields = _object(answer, call)
    if not _field(fields, "_id", str, call) or fields.get("patternId", pattern_id) != pattern_id:
        raise no_answer("an answer that is not about this technique", call)


def read_techniques(answer: object, call: Call) -> frozenset[str]:
    """Return the ATT&CK ids of the procedures in a list, which TheHive need not say."""
    return frozenset(str(fields.get("patternId") or "") for fields in _objects(answer, call)) - {""}


def read_attachments(answer: object, call: Call) -> tuple[Attachment, ...]:
    """Return the files in a list."""
    return tuple(
        Attachment(
            _field(fields, "_id", str, call),
            _field(fields, "name", str, call),
            _field(fields, "size", int, call),
            _field(fields, "_createdAt", int, call),
        )
        for fields in _objects(answer, call)
    )


def read_attached(answer: object, call: Call) -> Attachment:
    """Return the one file that an answer says was attached."""
    made = read_attachments(_field(_object(answer, call), "attachments", list, call), call)
    if len(made) != 1:
        raise no_answer("an answer that is not TheHive's: it lacks attachments", call)
    return made[0]


def _refused(failure: Mapping[str, Any]) -> LeftOut:
    about = failure.get("object")
    data = about.get("data") if isinstance(about, Mapping) else ""
    return LeftOut("", str(data), str(failure.get("message", "no reason given")))


def read_user(answer: object, call: Call) -> User:
    """Return the current user."""
    fields = _object(answer, call)
    permissions = fields.get("permissions") or []
    organisations = fields.get("organisations") or []
    return User(
        _field(fields, "login", str, call),
        _field(fields, "organisation", str, call),
        _field(fields, "profile", str, call),
        frozenset(str(one) for one in permissions),
        tuple(str(one["organisation"]) for one in organisations if "organisation" in one),
    )


def read_version(answer: object, call: Call) -> str:
    """Return the version that a status shows."""
    return _field(_object(answer, call), "version", str, call)


def read_status(answer: object, call: Call) -> ServerStatus:
    """Return version and licence."""
    fields = _object(answer, call)
    licence = _field(fields, "license", dict, call)
    return ServerStatus(read_version(fields, call), _field(licence, "isValid", bool, call))


def _objects(answer: object, call: Call) -> list[Mapping[str, Any]]:
    if not isinstance(answer, list):
        raise no_answer("an answer that is no list", call)
    return [_object(one, call) for one in answer]


def _object(answer: object, call: Call) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise no_answer("an answer that is not TheHive's", call)
    return answer


def _field(fields: Mapping[str, Any], name: str, kind: type[T], call: Call) -> T:
    value = fields.get(name)
    if not isinstance(value, kind):
        raise no_answer(f"an answer that is not TheHive's: it lacks {name}", call)
    return value
