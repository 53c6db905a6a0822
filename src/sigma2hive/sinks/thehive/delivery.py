"""One alert into TheHive: made, or found and completed. Whatever happens, sending it again is safe.

Takes an alert and a client; gives a `Delivery`. An alert that TheHive says it has is read back by
its name before that is believed. What TheHive refuses of an alert is left out and named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field

from sigma2hive.clients.errors import AlreadyThereError, RequestRefusedError, ServerError
from sigma2hive.clients.thehive import StoredAlert, TheHiveClient
from sigma2hive.model.alerts import Alert
from sigma2hive.records import dataclass
from sigma2hive.sinks.outcomes import Outcome
from sigma2hive.sinks.steady import Pacing, StoppedError
from sigma2hive.sinks.thehive.completion import Completion, Delivery
from sigma2hive.sinks.thehive.drafts import Draft, Part, PartKind, blamed, draft_of

#: What TheHive says of a part that it does not know; else it is this alert's value that is refused.
_UNKNOWN = re.compile(r"not found|not exist|n't exist|unknown", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Made:
    """What TheHive has of a draft; `is_answered` says that it holds all of it, which it said."""

    draft: Draft
    stored: StoredAlert
    outcome: Outcome
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class Courier:
    """Delivers alerts over one client, in several threads.

    `refused` are parts that TheHive does not know, with its words: they are not tried again.
    """

    client: TheHiveClient
    pace: Pacing
    attachment_bytes: int
    refused: dict[Part, str] = field(default_factory=dict)

    def deliver(self, alert: Alert, *, was_delivered: bool = False) -> Delivery:
        """Return what became of the alert; never raises for what TheHive does.

        One that `was_delivered` before is completed, and never made again.
        """
        delivery = Delivery(Outcome.NOT_DELIVERED)
        try:
            made = (self._find_made if was_delivered else self._make)(draft_of(alert), delivery)
        except (ServerError, StoppedError) as error:
            if isinstance(error, ServerError) and not isinstance(error, RequestRefusedError):
                self._stop_where_nothing_helps(error)
            delivery.error = error
            return delivery
        if made is None:
            delivery.is_gone = True
            return delivery
        delivery.outcome = made.outcome
        completion = Completion(
            self.client, self.pace, self.attachment_bytes, made.draft, made.stored, delivery
        )
        try:
            has_changed = completion.run(holds_draft=made.is_answered)
        except (ServerError, StoppedError) as error:
            delivery.error = error
            return delivery
        if has_changed and made.outcome is Outcome.ALREADY_THERE:
            delivery.outcome = Outcome.UPDATED
        return delivery

    def _stop_where_nothing_helps(self, error: ServerError) -> None:
        """Stop where each further alert would fail in the same way: key, privilege, certificate."""
        if not error.passes:
            self.pace.give_up()

    def _find_made(self, draft: Draft, delivery: Delivery) -> _Made | None:
        """Return what TheHive has of an alert that was made before, None where it was deleted."""
        found = self._find(draft.alert)
        if found is None:
            return None
        return _Made(self._without_refused(draft, delivery), found, Outcome.ALREADY_THERE)

    def _without_refused(self, draft: Draft, delivery: Delivery) -> Draft:
        for part in draft.parts():
            if part in self.refused:
                draft = _without(draft, part, self.refused[part], delivery)
        return draft

    def _make(self, draft: Draft, delivery: Delivery) -> _Made | None:
        """Return what TheHive has taken of the alert at first."""
        draft = self._without_refused(draft, delivery)
        while True:
            try:
                return self.pace.call(self._creation(draft))
            except AlreadyThereError as error:
                found = self._find(draft.alert)
                if found is not None:
                    return _Made(draft, found, Outcome.ALREADY_THERE)
                # Not the alert, so a part of it: an observable that it takes for another.
                if not draft.alert.observables:
                    raise error
                draft = draft.with_observables_later()
            except RequestRefusedError as error:
                named = blamed(draft, error.reason)
                if named is not None:
                    if _UNKNOWN.search(error.reason):
                        self.refused[named] = error.reason
                    draft = _without(draft, named, error.reason, delivery)
                elif not draft.is_bare:
                    draft = draft.bare()
                elif template := draft.alert.case_template:
                    part = Part(PartKind.CASE_TEMPLATE, template)
                    draft = _without(draft, part, error.reason, delivery)
                else:
                    raise

    def _find(self, alert: Alert) -> StoredAlert | None:
        return self.pace.call(lambda _: self.client.alert_by_name(*alert.identity))

    def _creation(self, draft: Draft) -> Callable[[bool], _Made]:
        sent = draft.sent

        def create(is_repeat: bool) -> _Made:
            # After a time-out or a broken connection nobody knows whether it is there; what is may
            # as well be of an earlier run, about fewer events.
            if is_repeat and (found := self.client.alert_by_name(*sent.identity)):
                is_ours = found.description == sent.description
                return _Made(draft, found, Outcome.STORED if is_ours else Outcome.ALREADY_THERE)
            stored = self.client.create_alert(sent)
            return _Made(draft, stored, Outcome.STORED, is_answered=True)

        return create


def _without(draft: Draft, part: Part, reason: str, delivery: Delivery) -> Draft:
    delivery.left_out.append((part.text, reason))
    return draft.without(part, reason)
