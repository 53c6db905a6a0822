"""The description as TheHive keeps it: the alert's text, what was left out, and a line that tells.

Before the text stands what it does not tell of (`sinks.further`).

Takes texts; gives texts. The last line holds a digest of all that stands before it, so that text
that an analyst has edited is told from text that is ours, and is never written over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from sigma2hive.model.events import Event
from sigma2hive.model.visible import visible
from sigma2hive.records import dataclass
from sigma2hive.sinks.further import digest_of, read_told, with_further

_NOTES_TITLE = "### Left out in TheHive"
_BEGINNING = "sigma2hive keeps this text up to date while the alert is new and nobody edits it"
_MORE = ", more follows"
_LAST_LINE = re.compile(
    rf"\n\n\*{_BEGINNING} \(events: (?P<events>\d{{1,12}})({_MORE})?, "
    r"keys: (?P<keys>(?:[0-9a-f]{6})*), digest: (?P<digest>[0-9a-f]{16})\)\.\*\Z"
)
_UNFINISHED = re.compile(rf"{_BEGINNING} \(events: \d{{1,12}}{_MORE}, keys: ")
_MAX_NOTE = 500
_KEY_DIGITS = 6
#: Of more events the last line has the keys of those at both ends.
_MOST_KEYS = 24


@dataclass(frozen=True, slots=True)
class Written:
    """A description that is as it was sent: its text, of how many events that tells, its notes.

    `shown_keys` are of those events, or of many of them at both ends. `further` are lines about
    events that the text does not tell of.
    """

    events: int
    shown_keys: tuple[str, ...]
    text: str
    notes: tuple[str, ...]
    further: tuple[str, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Return the keys, whose order does not matter."""
        return frozenset(self.shown_keys)


@dataclass(frozen=True, slots=True)
class Ending:
    """What the last line tells: of how many events, their keys, and whether parts follow.

    `keys` are of `keys_of`; of those at both ends if there are too many.
    """

    events: int
    keys: tuple[str, ...]
    has_more: bool = False


def keys_of(events: Iterable[Event]) -> dict[str, Event]:
    """Return events by what tells them from the others of their alert, in order of time."""
    ordered = sorted(events, key=lambda event: (event.time_ns, event.key))
    return {digest_of(event)[:_KEY_DIGITS]: event for event in ordered}


def ending_of(events: Sequence[Event], *, has_more: bool) -> Ending:
    """Return what the last line tells of the events."""
    keys = tuple(keys_of(events))
    half = _MOST_KEYS // 2
    kept = keys if len(keys) <= _MOST_KEYS else keys[:half] + keys[-half:]
    return Ending(len(events), kept, has_more)


def compose(body: str, notes: Iterable[str], ending: Ending, further: Iterable[str] = ()) -> str:
    """Return the description; `notes` are of `note`, `further` of `sinks.further.line_of`."""
    lines = list(dict.fromkeys(notes))
    text = with_further(body.rstrip(), ending.events, further)
    if lines:
        text += f"\n\n{_NOTES_TITLE}\n\n" + "\n".join(f"- {line}" for line in lines)
    more = _MORE if ending.has_more else ""
    told = f"events: {ending.events}{more}, keys: {''.join(ending.keys)}"
    return f"{text}\n\n*{_BEGINNING} ({told}, digest: {_digest(text)}).*"


def is_unfinished(description: str) -> bool:
    """Return whether an alert may lack what was to follow; also where somebody edited the text."""
    return _UNFINISHED.search(description) is not None


def note(text: str) -> str:
    """Return what was left out, and why, on one line.

    As code: it repeats data of events and words of a server, and in code nothing is a link.
    """
    line = visible(" ".join(text[:_MAX_NOTE].replace("`", "'").split()))
    return f"`{line}`"


def written(description: str) -> Written | None:
    """Return what a description that was sent says; None where somebody else wrote in it."""
    found = _LAST_LINE.search(description)
    if found is None:
        return None
    text = description[: found.start()]
    if _digest(text) != found["digest"]:
        return None
    digits = found["keys"]
    keys = tuple(digits[i : i + _KEY_DIGITS] for i in range(0, len(digits), _KEY_DIGITS))
    told = read_told(text)
    body, title, listed = told.text.rpartition(f"\n\n{_NOTES_TITLE}\n\n")
    lines = listed.split("\n") if title else []
    if not lines or not all(line.startswith("- ") for line in lines):
        body, lines = told.text, []
    notes = tuple(line[2:] for line in lines)
    return Written(int(found["events"]), keys, body, notes, told.further)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
