"""An alert that TheHive has gets what it lacks: observables, techniques, fields, raw logs, text.

Takes the alert's draft and what is stored; changes the stored alert. Only ever adds, but for the
description, which is replaced while nobody has touched the alert. Safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from sigma2hive.clients.errors import PrivilegeError, RequestRefusedError, ServerError
from sigma2hive.clients.thehive import StoredAlert, TheHiveClient
from sigma2hive.model.alerts import Observable, Procedure
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.sinks.steady import Pacing, StoppedError
from sigma2hive.sinks.thehive.attaching import Attaching
from sigma2hive.sinks.thehive.describing import NextText, next_text
from sigma2hive.sinks.thehive.drafts import Draft, Part, PartKind, has_cut
from sigma2hive.sinks.thehive.raw_logs import not_shown
from sigma2hive.sinks.thehive.text import is_unfinished, note

T = TypeVar("T")

#: Observables of one request: 256 kB hold that many of the longest.
_OBSERVABLES_AT_ONCE = 40
_WHOLE_TEXT = "description.md"


@dataclass(slots=True)
class Delivery:
    """What became of an alert.

    `left_out` are parts, each with the reason; `error` is why it was not delivered, or not whole.
    One that `is_gone` was there, and was deleted.
    """

    outcome: Outcome
    left_out: list[tuple[str, str]] = field(default_factory=list)
    error: ServerError | StoppedError | None = None
    is_gone: bool = False


@dataclass(slots=True)
class Completion:
    """Adds to one alert; what is refused goes into `delivery` and the alert's description."""

    client: TheHiveClient
    pace: Pacing
    attachment_bytes: int
    draft: Draft
    stored: StoredAlert
    delivery: Delivery
    _notes: list[str] = field(default_factory=list)
    _has_changed: bool = False

    def run(self, *, holds_draft: bool) -> bool:
        """Return whether anything was added or changed.

        `holds_draft` is whether all is there for certain that was in the first request.

        Raises:
            ServerError, StoppedError: something could not be found out, or not be added.
        """
        if self.delivery.outcome is Outcome.STORED:
            self._check_what_is_forgotten()
        if holds_draft:
            self._add_observables(self.draft.observables)
        else:
            there = self._ask(lambda: self.client.contents_of(self.stored.id))
            wanted = (*self.draft.alert.observables, *self.draft.observables)
            self._add_observables(
                one for one in wanted if (one.data_type.lower(), one.data) not in there
            )
        if is_unfinished(self.stored.description):
            self._add_what_follows()
        self._tell()
        return self._has_changed

    def _check_what_is_forgotten(self) -> None:
        """TheHive forgets a case template that it does not have, without a word."""
        alert, stored = self.draft.alert, self.stored
        for kind, wanted, has in (
            (PartKind.CASE_TEMPLATE, alert.case_template, stored.case_template),
            (PartKind.ASSIGNEE, alert.assignee, stored.assignee),
        ):
            if wanted and not has:
                self._leave_out(Part(kind, wanted).text, "TheHive has none of this name")

    def _add_what_follows(self) -> None:
        """Add what was not in the first request, and may be there already: a run was cut short.

        What an analyst has set meanwhile stays.
        """
        draft, stored, client = self.draft, self.stored, self.client
        procedures = (*draft.alert.procedures, *draft.procedures)
        there = self._ask(lambda: client.techniques_of(stored.id)) if procedures else frozenset()
        for procedure in procedures:
            if procedure.pattern_id not in there:
                part = Part(PartKind.PROCEDURE, procedure.pattern_id)
                self._add(part.text, partial(self._add_procedure, procedure))
        for name, value in (*draft.alert.custom_fields.items(), *draft.custom_fields):
            if name not in stored.custom_fields:
                part = Part(PartKind.CUSTOM_FIELD, name)
                self._add(part.text, partial(self._set_custom_field, name, value))
        login = draft.alert.assignee or draft.assignee
        if login and not stored.assignee:
            part = Part(PartKind.ASSIGNEE, login)
            self._add(part.text, lambda _: client.assign(stored.id, login))

    # TheHive keeps doubles, and of a first attempt that failed nobody knows what became.

    def _add_procedure(self, procedure: Procedure, is_repeat: bool) -> None:
        alert_id = self.stored.id
        if not is_repeat or procedure.pattern_id not in self.client.techniques_of(alert_id):
            self.client.add_procedure(alert_id, procedure)

    def _set_custom_field(self, name: str, value: object, is_repeat: bool) -> None:
        now = self.client.alert_by_name(*self.draft.alert.identity) if is_repeat else None
        if now is None or name not in now.custom_fields:
            self.client.set_custom_field(self.stored.id, name, value)

    def _add_observables(self, wanted: Iterable[Observable]) -> None:
        for data_type, piece in _pieces(wanted):
            part = Part(PartKind.OBSERVABLE, data_type).text
            try:
                added = self._ask(partial(self.client.add_observables, self.stored.id, piece))
            except (RequestRefusedError, PrivilegeError) as error:
                self._refused(part, error, [one.data for one in piece])
                continue
            self._has_changed |= added.new > 0
            for entry in added.refused:
                self._leave_out(part, entry.reason, [entry.data])

    def _tell(self) -> None:
        """Attach the raw logs that nothing shows whole, and bring the description up to date."""
        files = Attaching(self.client, self.pace, self.stored.id, self.attachment_bytes)
        text = self._next_text(self.stored, files)
        if not text.is_ours:
            # First, since an event whose log is attached counts as told.
            self._describe(files)
            text = self._next_text(self.stored, files)
        if events := not_shown(self.draft.alert.events, text.description):
            files.attach_logs(events)
        if text.is_ours and has_cut(text.description):
            whole = self.draft.alert.description.encode("utf-8", "backslashreplace")
            files.attach_text(_WHOLE_TEXT, whole)
        self._has_changed |= files.has_changed
        for name, error in files.refused:
            self._refused(f"file '{name}'", error)
        self._describe(files)

    def _next_text(self, stored: StoredAlert, files: Attaching) -> NextText:
        return next_text(stored, self.draft.without_more(), self._notes, files.held_logs)

    def _describe(self, files: Attaching) -> None:
        """Bring description and link up to date, unless an analyst has begun with the alert.

        It is read again right before: another run or an analyst may have changed it meanwhile.
        """
        if not self._next_text(self.stored, files).differs_from(self.stored):
            return

        def change(_is_repeat: bool) -> None:
            stored = self.client.alert_by_name(*self.draft.alert.identity)
            if stored is None:
                return  # deleted
            text = self._next_text(stored, files)
            if text.differs_from(stored):
                self.client.describe(stored.id, text.description, text.link)
            link = text.link or stored.external_link
            self.stored = replace(stored, description=text.description, external_link=link)

        self._add("new description", change)

    def _add(self, part: str, ask: Callable[[bool], None]) -> None:
        try:
            self.pace.call(ask)
        except (RequestRefusedError, PrivilegeError) as error:
            self._refused(part, error)
        else:
            self._has_changed = True

    def _ask(self, ask: Callable[[], T]) -> T:
        return self.pace.call(lambda _: ask())

    def _refused(
        self, part: str, error: RequestRefusedError | PrivilegeError, data: Iterable[str] = ()
    ) -> None:
        if isinstance(error, PrivilegeError):
            self.delivery.error = error
            self._leave_out(part, "the API key's user may not add it", data)
        else:
            self._leave_out(part, error.reason or error.message, data)

    def _leave_out(self, part: str, reason: str, data: Iterable[str] = ()) -> None:
        self.delivery.left_out.append((part, reason))
        listed = ", ".join(data)
        self._notes.append(note(f"{part}: {reason}" + (f" ({listed})" if listed else "")))


def _pieces(wanted: Iterable[Observable]) -> Iterator[tuple[str, list[Observable]]]:
    """Yield observables of one type, as many as one request holds."""
    by_type: dict[str, list[Observable]] = {}
    for one in wanted:
        by_type.setdefault(one.data_type, []).append(one)
    for data_type, those in by_type.items():
        for start in range(0, len(those), _OBSERVABLES_AT_ONCE):
            yield data_type, those[start : start + _OBSERVABLES_AT_ONCE]
