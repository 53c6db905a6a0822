"""What servers say, made fit for a message; the same for every client."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: Characters of a server's own words that a message repeats.
_MAX_REASON = 400


def cut(text: str) -> str:
    """Return a server's words on one line, and no more of them than a message needs."""
    text = " ".join(text.split())
    return text if len(text) <= _MAX_REASON else text[: _MAX_REASON - 1] + "…"


def retry_after(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds a number or a date."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
