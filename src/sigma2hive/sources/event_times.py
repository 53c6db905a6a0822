"""When an event happened, as its fields say it.

Takes an event's values and the names of fields that may hold its time; gives nanoseconds since the
Unix epoch. What is no time, or could be two, is passed over; where nothing is left, it says why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sigma2hive.model.times import parse_time_ns
from sigma2hive.model.values import Values
from sigma2hive.sources.interface import PutAsideError

#: What stores keep as a signed 64-bit number of nanoseconds: the years 1677 to 2262.
_MAX_TIME_NS = 2**63 - 1
#: As seconds these are the years 1973 to 2286, as milliseconds the first months of 1970.
_SECONDS = re.compile(r"[0-9]{9,10}(?:\.[0-9]+)?")


def event_time_ns(values: Values, fields: Sequence[str]) -> int:
    """Return the time in the first of the fields that holds a usable one.

    Raises:
        PutAsideError: S2H503, for what the first of the fields that the event has lacks.
    """
    first: PutAsideError | None = None
    for field in fields:
        texts = values.get(field, ())
        try:
            if texts:
                return _time_in(field, texts)
        except PutAsideError as error:
            first = first or error
    raise _refusal(fields, first)


def _time_in(field: str, texts: tuple[str, ...]) -> int:
    for text in texts:
        if _SECONDS.fullmatch(text):
            raise PutAsideError(
                "S2H503",
                f"{field} {text} looks like seconds since 1970; as milliseconds, which is how "
                "Elasticsearch reads a number, it lies in early 1970",
                f"write milliseconds: jq -c '.[\"{field}\"] *= 1000'",
            )
    return bounded_time_ns(single_time_ns(texts), field)


def single_time_ns(texts: tuple[str, ...]) -> int | None:
    """Return the time that texts say; several different ones say none: which would count?"""
    is_one = len(texts) == 1 or len(set(texts)) == 1
    return parse_time_ns(texts[0]) if is_one else None


def bounded_time_ns(time_ns: int | None, field: str) -> int:
    """Return the time where there is one that stores can keep.

    Raises:
        PutAsideError: S2H503, naming the field that it is from.
    """
    if time_ns is None:
        raise _no_time(field, f"{field} is absent or is no time")
    if abs(time_ns) > _MAX_TIME_NS:
        raise PutAsideError(
            "S2H503",
            f"the event's time in {field} lies outside the years 1677 to 2262",
            "set the clock of the machine that wrote it",
        )
    return time_ns


def _refusal(fields: Sequence[str], first: PutAsideError | None) -> PutAsideError:
    """Return why no field has a usable time; `first` is what is wrong with one that is there."""
    if len(fields) == 1:
        return first or _no_time(fields[0], f"{fields[0]} is absent or is no time")
    looked_at = ", ".join(fields)
    if first is None:
        return _no_time(fields[0], f"it has none of {looked_at}")
    message = f"{first.message}; looked at: {looked_at}"
    return PutAsideError(first.code, message, first.hint)


def _no_time(field: str, reason: str) -> PutAsideError:
    return PutAsideError(
        "S2H503",
        f"the event has no usable time: {reason}",
        f"add {field}, such as 2026-11-24T09:00:00.000Z or milliseconds since 1970, or name the "
        "field that has it under time_fields of the profile",
    )
