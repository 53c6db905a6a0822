"""What the description of an alert in TheHive becomes.

Takes what is stored, the draft of this run and the logs that lie beside the alert; gives the text
that is to stand. Pure. A text that an analyst has touched stays; so does one that tells of events
that this run has not seen, and then says what else there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sigma2hive.clients.thehive import StoredAlert
from sigma2hive.model.events import Event
from sigma2hive.records import dataclass
from sigma2hive.sinks.further import line_of
from sigma2hive.sinks.thehive.drafts import Draft
from sigma2hive.sinks.thehive.raw_logs import not_held, not_shown
from sigma2hive.sinks.thehive.text import Ending, Written, compose, keys_of, written

#: The stage of an alert that no analyst has begun with.
_UNTOUCHED = "New"


@dataclass(frozen=True, slots=True)
class NextText:
    """What is to stand; `link` is "" where it stays. `is_ours`: the text is this run's."""

    description: str
    link: str = ""
    is_ours: bool = False

    def differs_from(self, stored: StoredAlert) -> bool:
        """Return whether something is to be changed."""
        return bool(self.link) or self.description != stored.description


def next_text(
    stored: StoredAlert,
    draft: Draft,
    notes: Sequence[str],
    held_logs: Callable[[], Sequence[bytes]],
) -> NextText:
    """Return what is to stand.

    `notes` are of what was left out since the draft was made; `held_logs`, asked only where it
    matters, gives the files of raw logs that lie beside the alert.
    """
    now = written(stored.description)
    if now is None or stored.stage != _UNTOUCHED:
        return NextText(stored.description)
    notes = tuple(dict.fromkeys((*now.notes, *draft.notes, *notes)))
    keys = keys_of(draft.alert.events)
    if now.keys <= keys.keys() and now.events <= len(draft.alert.events):
        told = set(map(line_of, draft.alert.events))
        further = tuple(line for line in now.further if line not in told)
        return _ours(stored, draft.telling(notes, further))
    new = [event for key, event in keys.items() if key not in now.keys]
    lines = [line_of(event) for event in _untold(new, now, stored, held_logs)]
    ending = Ending(now.events, now.shown_keys)
    return NextText(compose(now.text, notes, ending, (*now.further, *lines)))


def _ours(stored: StoredAlert, draft: Draft) -> NextText:
    sent = draft.sent
    has_new_link = sent.external_link not in ("", stored.external_link)
    return NextText(sent.description, sent.external_link if has_new_link else "", is_ours=True)


def _untold(
    events: Sequence[Event],
    now: Written,
    stored: StoredAlert,
    held_logs: Callable[[], Sequence[bytes]],
) -> Sequence[Event]:
    """Return those of the events that the text does not tell of.

    Where it does not have all keys, what it tells of is shown in it or lies beside it.
    """
    new = [event for event in events if line_of(event) not in now.further]
    if not new or now.events <= len(now.keys):
        return new
    return not_held(not_shown(new, stored.description), held_logs())
