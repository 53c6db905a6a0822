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
_LAST_LINE = re.compile(
    r"\n\n\*sigma2hive keeps this text up to date while nobody edits it "
    r"\(events: (\d{1,12}), digest: ([0-9a-f]{16})\)\.\*\Z"
)
_MAX_NOTE = 500


@dataclass(frozen=True, slots=True)
class Written:
    """A description that is as it was sent: of how many events it tells, and its notes."""

    events: int
    notes: tuple[str, ...]


def compose(body: str, notes: Iterable[str], events: int) -> str:
    """Return the description; `notes` are of `note`."""
    lines = list(dict.fromkeys(notes))
    text = body.rstrip()
    if lines:
        text += f"\n\n{_NOTES_TITLE}\n\n" + "\n".join(f"- {line}" for line in lines)
    return (
        f"{text}\n\n*sigma2hive keeps this text up to date while nobody edits it "
        f"(events: {events}, digest: {_digest(text)}).*"
    )


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
    if _digest(text) != found[2]:
        return None
    _, title, listed = text.rpartition(f"\n\n{_NOTES_TITLE}\n\n")
    lines = listed.split("\n") if title else []
    are_notes = all(line.startswith("- ") for line in lines)
    return Written(int(found[1]), tuple(line[2:] for line in lines) if are_notes else ())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
