"""The description as TheHive keeps it: the alert's text, what was left out, and a line that tells.

Takes texts; gives texts. The last line holds a digest of all that stands before it, so that text
that an analyst has edited is told from text that is ours, and is never written over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sigma2hive.model.visible import visible

_NOTES_TITLE = "### Left out in TheHive"
_BEGINNING = "sigma2hive keeps this text up to date while nobody edits it"
_MORE = ", more follows"
_LAST_LINE = re.compile(
    rf"\n\n\*{_BEGINNING} \(events: (\d{{1,12}})({_MORE})?, digest: ([0-9a-f]{{16}})\)\.\*\Z"
)
_UNFINISHED = re.compile(rf"{_BEGINNING} \(events: \d{{1,12}}{_MORE}, digest: ")
_MAX_NOTE = 500


@dataclass(frozen=True, slots=True)
class Written:
    """A description that is as it was sent: of how many events it tells, and its notes."""

    events: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """What the last line tells: of how many events, and whether parts of the alert follow."""

    events: int
    has_more: bool = False


def compose(body: str, notes: Iterable[str], ending: Ending) -> str:
    """Return the description; `notes` are of `note`."""
    lines = list(dict.fromkeys(notes))
    text = body.rstrip()
    if lines:
        text += f"\n\n{_NOTES_TITLE}\n\n" + "\n".join(f"- {line}" for line in lines)
    more = _MORE if ending.has_more else ""
    return f"{text}\n\n*{_BEGINNING} (events: {ending.events}{more}, digest: {_digest(text)}).*"


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
    if _digest(text) != found[3]:
        return None
    _, title, listed = text.rpartition(f"\n\n{_NOTES_TITLE}\n\n")
    lines = listed.split("\n") if title else []
    are_notes = all(line.startswith("- ") for line in lines)
    return Written(int(found[1]), tuple(line[2:] for line in lines) if are_notes else ())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
