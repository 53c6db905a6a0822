"""Event times, in whole nanoseconds since the Unix epoch, UTC.

Takes the texts that logs carry; gives integers. Windows counts in 100 ns and ECS in up to 9 digits,
more than a float or `datetime` holds, so the arithmetic is in integers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

NANOSECONDS = 1_000_000_000
#: Clocks of machines differ by less. What is noted for a later time than it may be was noted by
#: a clock that has been set back since.
SKEW_NS = 3_600 * NANOSECONDS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO = datetime(1970, 1, 1)  # written without a zone
#: The times that `datetime` holds: from the start of the year 1 to the end of 9999.
_FIRST_NS = -62_135_596_800 * NANOSECONDS
_END_NS = 253_402_300_800 * NANOSECONDS
_ISO = re.compile(
    r"(?P<date>[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?)"
    r"(?:[T ](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,](?P<fraction>[0-9]{1,9}))?"
    r"\s?(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_USUAL_LENGTH = 40
#: Times that need no second look: the usual form, and no day that the month may not have.
_USUAL = re.compile(
    r"(?:19[7-9][0-9]|20[0-9]{2})-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z?"
)
#: As long as a usual time is without parts of seconds.
_TO_SECONDS = len("2026-11-24T09:00:00")
_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_SPAN_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MILLISECONDS = re.compile(r"-?[0-9]{1,16}(?:\.[0-9]{1,6})?")


def is_usual_time(text: str) -> bool:
    """Whether `parse_time_ns` surely reads it, told faster; of most days in 1970 to 2099."""
    return _USUAL.fullmatch(text) is not None


def parse_time_ns(text: str) -> int | None:
    """Return the time that `text` means, None where it is none.

    Takes ISO 8601 with up to nine fraction digits and any offset (none is UTC), and milliseconds
    since the epoch, as Elasticsearch's `strict_date_optional_time||epoch_millis`, in the years 1
    to 9999.

    Source: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/mapping-date-format
    """
    # What is longer is no usual time, and not worth to be remembered.
    return _remembered(text) if len(text) <= _USUAL_LENGTH else _time_ns(text)


def _time_ns(text: str) -> int | None:
    if is_usual_time(text):
        return _usual_ns(text)
    time_ns = _parse(text.strip())
    return time_ns if time_ns is not None and _FIRST_NS <= time_ns < _END_NS else None


#: An event's time is asked for as when it was logged, and as when it happened; those of the events
#: of a batch that are looked at are read together.
_remembered = lru_cache(maxsize=4096)(_time_ns)


def _usual_ns(text: str) -> int:
    """Return a usual time, in a third of the time that `_parse` takes."""
    elapsed = datetime.fromisoformat(text[:_TO_SECONDS]) - _ZERO
    fraction = text[_TO_SECONDS + 1 :].removesuffix("Z")
    seconds = elapsed.days * 86_400 + elapsed.seconds
    return seconds * NANOSECONDS + int(fraction.ljust(9, "0"))


def parse_span_ns(text: str) -> int | None:
    """Return the length of a span as people write it (30m, 24h, 7d), None where it is none."""
    found = _SPAN.fullmatch(text)
    return int(found[1]) * _SPAN_SECONDS[found[2]] * NANOSECONDS if found else None


def _parse(text: str) -> int | None:
    found = _ISO.fullmatch(text)
    if found is None:
        if not _MILLISECONDS.fullmatch(text):
            return None
        whole, _, fraction = text.partition(".")
        return int(whole) * 1_000_000 + int((fraction or "0").ljust(6, "0"))
    # "2026" and "2026-11" are dates for Elasticsearch too: the first day of them.
    date = found["date"] + "-01-01"[len(found["date"]) - 4 :]
    clock = found["clock"] or "00:00:00"
    if len(clock) == 5:
        clock += ":00"
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}+00:00")
    except ValueError:
        return None
    elapsed = moment - _EPOCH
    seconds = elapsed.days * 86_400 + elapsed.seconds - _offset_seconds(found["zone"])
    return seconds * NANOSECONDS + int((found["fraction"] or "0").ljust(9, "0"))


def _offset_seconds(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def render_time(time_ns: int) -> str:
    """Return the time as ISO 8601 in UTC with as many digits as it has, at least milliseconds."""
    seconds, nanoseconds = divmod(time_ns, NANOSECONDS)
    moment = _ZERO + timedelta(seconds=seconds)
    fraction = f"{nanoseconds:09d}".rstrip("0").ljust(3, "0")
    return f"{moment.isoformat()}.{fraction}Z"


def moment_of(time_ns: int) -> datetime:
    """Return the time as a `datetime` in UTC, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def shown_second(time_ns: int) -> str:
    """Return the time in UTC as people read it in a list: 2026-11-24 21:55:01."""
    return (_ZERO + timedelta(seconds=time_ns // NANOSECONDS)).isoformat(" ")


def shown_time(time_ns: int) -> str:
    """Return the time as people read it: 2026-11-24 21:55:01 UTC."""
    try:
        return f"{moment_of(time_ns).replace(tzinfo=None).isoformat(' ', 'seconds')} UTC"
    except (OverflowError, ValueError):
        return f"{time_ns} ns since 1970"
