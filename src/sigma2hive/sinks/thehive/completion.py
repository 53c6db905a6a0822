"""An alert that TheHive has gets what it lacks: observables, techniques, fields, raw logs, text.

Takes the alert's draft and what is stored; changes the stored alert. Only ever adds, but for the
description, which is replaced while nobody has touched the alert. Safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from sigma2hive.clients.errors import PrivilegeError, RequestRefusedError, ServerError
from sigma2hive.clients.thehive import StoredAlert, TheHiveClient
from sigma2hive.model.alerts import Observable
from sigma2hive.sinks.interface import Outcome
from sigma2hive.sinks.thehive.drafts import CUT, Draft, Part, PartKind
from sigma2hive.sinks.thehive.pacing import Pace, StoppedError
from sigma2hive.sinks.thehive.raw_logs import files_of, is_ours, not_held, not_shown
from sigma2hive.sinks.thehive.text import note, written

T = TypeVar("T")

#: Observables of one request: 256 kB hold that many of the longest.
_OBSERVABLES_AT_ONCE = 40
_WHOLE_TEXT = "description.md"
#: The stage of an alert that no analyst has begun with.
_UNTOUCHED = "New"


@dataclass(slots=True)
class Delivery:
    """What became of an alert.

    `left_out` are parts, each with the reason; `error` is why it was not delivered, or not whole.
    """

    outcome: Outcome
    left_out: list[tuple[str, str]] = field(default_factory=list)
    error: ServerError | StoppedError | None = None


@dataclass(slots=True)
class Completion:
    """Adds to one alert; what is refused goes into `delivery` and the alert's description."""

    client: TheHiveClient
    pace: Pace
    attachment_bytes: int
    draft: Draft
    stored: StoredAlert
    delivery: Delivery
    _notes: list[str] = field(default_factory=list)
    _has_changed: bool = False

    def run(self) -> bool:
        """Return whether anything was added or changed.

        Raises:
            ServerError, StoppedError: something could not be found out, or not be added.
        """
        is_new = self.delivery.outcome is Outcome.STORED
        if is_new:
            self._check_case_template()
            self._add_observables(self.draft.observables)
            self._add_what_was_refused_together()
        else:
            there = self._ask(lambda: self.client.contents_of(self.stored.id))
            wanted = (*self.draft.alert.observables, *self.draft.observables)
            self._add_observables(
                one for one in wanted if (one.data_type.lower(), one.data) not in there
            )
        sent = self.draft.to_send().description
        self._attach(sent)
        self._describe(sent)
        return self._has_changed

    def _check_case_template(self) -> None:
        """TheHive forgets a case template that it does not have, without a word."""
        wanted = self.draft.alert.case_template
        if wanted and not self.stored.case_template:
            self._leave_out(
                Part(PartKind.CASE_TEMPLATE, wanted).text, "TheHive has none of this name"
            )

    def _add_what_was_refused_together(self) -> None:
        alert_id = self.stored.id
        for procedure in self.draft.procedures:
            part = Part(PartKind.PROCEDURE, procedure.pattern_id)
            self._add(part.text, partial(self.client.add_procedure, alert_id, procedure))
        for name, value in self.draft.custom_fields:
            part = Part(PartKind.CUSTOM_FIELD, name)
            self._add(part.text, partial(self.client.set_custom_field, alert_id, name, value))

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

    def _attach(self, description: str) -> None:
        """Attach the raw logs that neither the description nor a file shows whole."""
        alert, limit = self.draft.alert, self.attachment_bytes
        events = not_shown(alert.events, description)
        is_cut = description.startswith(CUT)
        if not events and not is_cut:
            return
        there = self._ask(lambda: self.client.attachments_of(self.stored.id))
        names = {one.name for one in there}
        if not {one.name for one in files_of(events, limit)} <= names:
            # Other files may hold some of them: those of a run that saw fewer events, or others.
            ours = [one for one in there if is_ours(one.name)]
            held = [self._ask(partial(self.client.content_of, self.stored.id, one)) for one in ours]
            for file in files_of(not_held(events, held), limit):
                self._attach_file(file.name, file.content)
        if is_cut and _WHOLE_TEXT not in names:
            self._attach_file(_WHOLE_TEXT, alert.description.encode("utf-8", "backslashreplace"))

    def _attach_file(self, name: str, content: bytes) -> None:
        client, alert_id = self.client, self.stored.id

        def attach(is_repeat: bool) -> None:
            # TheHive keeps doubles, and nobody knows what became of the first attempt.
            if not is_repeat or name not in {one.name for one in client.attachments_of(alert_id)}:
                client.attach(alert_id, name, content)

        try:
            self.pace.call(attach)
        except (RequestRefusedError, PrivilegeError) as error:
            self._refused(f"file '{name}'", error)
        else:
            self._has_changed = True

    def _describe(self, sent: str) -> None:
        """Bring the description up to date, unless an analyst has begun with the alert."""
        now = written(self.stored.description)
        if now is None or self.stored.stage != _UNTOUCHED:
            return
        if now.events > len(self.draft.alert.events):
            return  # this text would tell less than what is there
        notes = tuple(dict.fromkeys((*now.notes, *self.draft.notes, *self._notes)))
        if notes != self.draft.notes:
            sent = Draft(self.draft.alert, notes=notes).to_send().description
        if sent != self.stored.description:
            self._add("new description", partial(self.client.describe, self.stored.id, sent))

    def _add(self, part: str, ask: Callable[[], None]) -> None:
        try:
            self._ask(ask)
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
