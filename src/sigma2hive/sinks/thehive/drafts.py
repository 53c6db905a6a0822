"""What of an alert goes into the first request, what follows later, and what is left out.

Takes an alert; gives drafts of it that hold less and less, until TheHive takes one. Pure.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from enum import Enum
from functools import cached_property

from sigma2hive.clients.thehive.bodies import alert_body
from sigma2hive.model.alerts import Alert, Observable, Procedure
from sigma2hive.records import dataclass
from sigma2hive.sinks.further import read_told
from sigma2hive.sinks.thehive.text import compose, ending_of, note

#: Bytes of a request that surely is taken: the limit is 256 kB by default.
#: Source: TheHive 4, play.http.parser.maxMemoryBuffer
MAX_REQUEST_BYTES = 200_000
#: What a description begins with that is too long.
_CUT_NOTE = (
    "**This text is cut: it is too long for TheHive. The whole is attached as description.md.**\n\n"
)


class PartKind(Enum):
    """What of an alert may be missing, as findings call it."""

    OBSERVABLE = "observables of type"
    PROCEDURE = "ATT&CK technique"
    CUSTOM_FIELD = "custom field"
    CASE_TEMPLATE = "case template"
    ASSIGNEE = "assignee"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: a data type, a technique's id, a field's or case template's name, a login."""

    kind: PartKind
    name: str

    @property
    def text(self) -> str:
        """Return what it is called in findings."""
        return f"{self.kind.value} '{self.name}'"


@dataclass(frozen=True)
class Draft:
    """An alert on its way: `alert` is what the first request holds, the rest follows.

    `notes` say what is left out, in Markdown; `further` are lines about events that others know.
    """

    alert: Alert
    observables: tuple[Observable, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    custom_fields: tuple[tuple[str, str | int | float | bool], ...] = ()
    assignee: str = ""
    notes: tuple[str, ...] = ()
    further: tuple[str, ...] = ()

    @property
    def is_bare(self) -> bool:
        """Whether nothing is left in the first request that can follow."""
        alert = self.alert
        return not (alert.observables or alert.procedures or alert.custom_fields or alert.assignee)

    @property
    def has_more(self) -> bool:
        """Whether techniques, custom fields or an assignee follow; a later run has to know."""
        return bool(self.procedures or self.custom_fields or self.assignee)

    @cached_property
    def sent(self) -> Alert:
        """The alert with its description as TheHive gets it, cut to what a request holds."""
        alert = self.alert
        bare = replace(alert, observables=(), description="")
        room = MAX_REQUEST_BYTES - _size(alert_body(bare)) - len(_CUT_NOTE)
        around = sum(map(len, (*self.notes, *self.further)))
        body = _cut(alert.description, room - 4 * around - 1_000)
        ending = ending_of(alert.events, has_more=self.has_more)
        return replace(alert, description=compose(body, self.notes, ending, self.further))

    def with_observables_later(self) -> Draft:
        """Return a draft that adds its observables once the alert is there."""
        moved = (*self.observables, *self.alert.observables)
        return replace(self, alert=replace(self.alert, observables=()), observables=moved)

    def without(self, part: Part, reason: str) -> Draft:
        """Return a draft without the part, which says so."""
        alert = self.alert
        match part.kind:
            case PartKind.OBSERVABLE:
                kept = [one for one in alert.observables if one.data_type != part.name]
                left = [one.data for one in alert.observables if one.data_type == part.name]
                alert = replace(alert, observables=tuple(kept))
                reason = f"{reason} ({', '.join(left)})"
            case PartKind.PROCEDURE:
                techniques = [one for one in alert.procedures if one.pattern_id != part.name]
                alert = replace(alert, procedures=tuple(techniques))
            case PartKind.CUSTOM_FIELD:
                fields = {k: v for k, v in alert.custom_fields.items() if k != part.name}
                reason = f"{reason} (its value: {alert.custom_fields[part.name]})"
                alert = replace(alert, custom_fields=fields)
            case PartKind.CASE_TEMPLATE:
                alert = replace(alert, case_template="")
            case PartKind.ASSIGNEE:
                alert = replace(alert, assignee="")
        return replace(self, alert=alert, notes=(*self.notes, note(f"{part.text}: {reason}")))

    def telling(self, notes: tuple[str, ...], further: tuple[str, ...]) -> Draft:
        """Return a draft that says these notes, and tells of events that others know."""
        if (notes, further) == (self.notes, self.further):
            return self
        return replace(self, notes=notes, further=further)

    def bare(self) -> Draft:
        """Return a draft that adds everything once the alert is there.

        But for the case template, which only a new alert takes.
        """
        later = self.with_observables_later()
        alert = later.alert
        return replace(
            later,
            alert=replace(alert, procedures=(), custom_fields={}, assignee=""),
            procedures=(*later.procedures, *alert.procedures),
            custom_fields=(*later.custom_fields, *alert.custom_fields.items()),
            assignee=later.assignee or alert.assignee,
        )

    def without_more(self) -> Draft:
        """Return a draft to which nothing follows any more: it is there, or was left out."""
        if not self.has_more:
            return self
        return replace(self, procedures=(), custom_fields=(), assignee="")

    def parts(self) -> list[Part]:
        """Return the parts in the first request that TheHive may not know."""
        alert = self.alert
        types = dict.fromkeys(one.data_type for one in alert.observables)
        return [
            *(Part(PartKind.OBSERVABLE, name) for name in types),
            *(Part(PartKind.PROCEDURE, one.pattern_id) for one in alert.procedures),
            *(Part(PartKind.CUSTOM_FIELD, name) for name in alert.custom_fields),
            *([Part(PartKind.CASE_TEMPLATE, alert.case_template)] if alert.case_template else []),
            *([Part(PartKind.ASSIGNEE, alert.assignee)] if alert.assignee else []),
        ]


def draft_of(alert: Alert) -> Draft:
    """Return the first draft: each observable once, later where one request cannot hold them."""
    unique: dict[tuple[str, str], Observable] = {}
    for one in alert.observables:
        unique.setdefault((one.data_type.lower(), one.data), one)
    draft = Draft(replace(alert, observables=tuple(unique.values())))
    is_large = _size(alert_body(draft.sent)) > MAX_REQUEST_BYTES
    return draft.with_observables_later() if is_large else draft


#: What TheHive's refusal of a part has in it, beside the part's name.
_SIGNS = {
    PartKind.OBSERVABLE: re.compile(r"observable ?type|data ?type", re.IGNORECASE),
    PartKind.PROCEDURE: re.compile(""),
    PartKind.CUSTOM_FIELD: re.compile(r"custom ?field", re.IGNORECASE),
    PartKind.CASE_TEMPLATE: re.compile(r"template", re.IGNORECASE),
    PartKind.ASSIGNEE: re.compile(r"user|assign", re.IGNORECASE),
}


def blamed(draft: Draft, reason: str) -> Part | None:
    """Return the one part that a refusal names; None where it names none, or several."""
    named = [
        part
        for part in draft.parts()
        if _SIGNS[part.kind].search(reason)
        and re.search(rf"(?<![\w.-]){re.escape(part.name)}(?![\w-])", reason)
    ]
    return named[0] if len(named) == 1 else None


def has_cut(description: str) -> bool:
    """Return whether a description that was sent begins with saying that it is cut."""
    return read_told(description).text.startswith(_CUT_NOTE)


def _size(body: object) -> int:
    return len(json.dumps(body))


def _cut(text: str, room: int) -> str:
    """Return the text, or as much of it as `room` bytes of JSON hold, saying so at its start."""
    size = _size(text)
    if size <= room:
        return text
    while size > room and text:
        text = text[: min(len(text) - 1, len(text) * max(room, 0) // size)]
        size = _size(text)
    return _CUT_NOTE + text
