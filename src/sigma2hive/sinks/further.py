"""Events of an alert that its text does not tell of: said before the text, in every sink alike.

Takes descriptions and events; gives descriptions. Pure. An attack goes on after its alert was made,
and a run that reads only the rest of it knows less: then the text stays, and says what else there
is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache

from sigma2hive.model.canonical import canonical_json
from sigma2hive.model.events import Event, EventKey
from sigma2hive.model.times import shown_time
from sigma2hive.records import dataclass

_MOST_LISTED = 25
_MORE = "- and more"
_INTRO = "Other runs found more that belong to this alert; their raw logs are kept with it:"
_HEAD = re.compile(
    rf"\A\*\*The text below tells of ([\d,]{{1,15}}) events?\.\*\* {_INTRO}\n\n((?:- [^\n]*\n)+)\n"
)


@dataclass(frozen=True, slots=True)
class Told:
    """A description in its parts: `text` tells of `events` events, and `further` are lines.

    `events` is None where the text says nothing of further ones.
    """

    text: str
    events: int | None = None
    further: tuple[str, ...] = ()


def read_told(description: str) -> Told:
    """Return the parts that `with_further` has put together."""
    found = _HEAD.match(description)
    if found is None:
        return Told(description)
    lines = tuple(found[2].splitlines())
    return Told(description[found.end() :], int(found[1].replace(",", "")), lines)


def with_further(text: str, events: int, further: Iterable[str]) -> str:
    """Return the text, which tells of `events` events, after lines of `line_of` about others."""
    lines = sorted(set(further))
    if not lines:
        return text
    has_more = _MORE in lines
    lines = [line for line in lines if line != _MORE]
    if has_more or len(lines) > _MOST_LISTED:
        lines = [*lines[:_MOST_LISTED], _MORE]
    counted = f"{events:,} {'event' if events == 1 else 'events'}"
    listed = "".join(f"{line}\n" for line in lines)
    return f"**The text below tells of {counted}.** {_INTRO}\n\n{listed}\n{text}"


def line_of(event: Event) -> str:
    """Return the line about an event: when it happened, and what tells it from others."""
    return f"- {shown_time(event.time_ns)} (`{digest_of(event)}`)"


def digest_of(event: Event) -> str:
    """Return 16 hexadecimal digits that tell an event from others."""
    return _digest_of_key(event.key)


@lru_cache(maxsize=4096)  # of an alert that is delivered it is asked several times
def _digest_of_key(key: EventKey) -> str:
    return hashlib.sha256(canonical_json(key.as_json())).hexdigest()[:16]
