"""Reading maintenance.yml: when what some rules find on some hosts is the team's own work.

Takes the file's shape; gives windows. One that is wrong is left out with a finding: alerts too many
are better than too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

from sigma2hive.diagnostics import nearest
from sigma2hive.model.maintenance import DAYS, MaintenanceWindow, WeeklyTimes, zone_of
from sigma2hive.model.shapes import Shape
from sigma2hive.model.times import NANOSECONDS

MAINTENANCE_FILE = "maintenance.yml"

WINDOW_KEYS = (
    *("reason", "owner", "rules", "tags", "hosts"),
    *("from", "until", "weekly", "zone"),
)
WEEKLY_KEYS = ("days", "from", "until")
_MAX_TEXT = 500
_MINUTES_A_DAY = 24 * 60
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


def read_maintenance(shape: Shape) -> tuple[MaintenanceWindow, ...]:
    """Return the windows that are right."""
    shape.allow(("windows",))
    return tuple(
        window for window in map(_read_window, shape.children("windows")) if window is not None
    )


def _read_window(shape: Shape) -> MaintenanceWindow | None:
    mark = len(shape.diagnostics.errors)
    shape.allow(WINDOW_KEYS)
    zone = _zone(shape)
    window = MaintenanceWindow(
        reason=_needed(shape, "reason", "reason: monthly patches"),
        owner=_needed(shape, "owner", "owner: platform-team"),
        rules=_names(shape, "rules"),
        tags=_names(shape, "tags"),
        hosts=_names(shape, "hosts"),
        start_ns=_time(shape, "from", zone),
        end_ns=_time(shape, "until", zone),
        weekly=_weekly(shape),
        zone=zone,
        location=shape.place("reason"),
    )
    if not (window.rules or window.tags or window.hosts):
        shape.report(
            "hosts",
            "the window does not say what it is about",
            "name hosts, rules or tags; `hosts: ['*']` is everything",
        )
    if window.weekly is None and (window.start_ns is None or window.end_ns is None):
        shape.report(
            "until",
            "the window has no end, so that it would hide for ever",
            "write `from` and `until`, or `weekly` times; to switch a rule off, change it in Git",
        )
    start_ns, end_ns = window.start_ns, window.end_ns
    if start_ns is not None and end_ns is not None and start_ns >= end_ns:
        shape.report("until", "the window ends before it begins", "write the later time here")
    return window if len(shape.diagnostics.errors) == mark else None


def _needed(shape: Shape, key: str, example: str) -> str:
    text = shape.text(key, _MAX_TEXT)
    if shape.value.get(key) is None or (text is not None and not text.strip()):
        shape.report(key, f"the window has no '{key}'", f"write `{example}`")
    return text or ""


def _names(shape: Shape, key: str) -> tuple[str, ...]:
    found = shape.texts(key)
    if key in shape.value and not any(found):
        # An empty list says nothing, and would make the window wider than it looks.
        shape.report(key, f"'{key}' is empty", "name something, or leave the key out")
    return tuple(name for name in found if name)


def _zone(shape: Shape) -> str:
    name = shape.text("zone") or "UTC"
    try:
        zone_of(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "write a name of the IANA database, such as Europe/Berlin; without it UTC holds"
        shape.report("zone", f"'{name}' is no time zone that is known here", hint)
        return "UTC"
    return name


def _time(shape: Shape, key: str, zone: str) -> int | None:
    text = shape.text(key)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        shape.report(key, f"'{text}' is no time", "write 2026-11-28T22:00, by the clocks of `zone`")
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of(zone))
    return int(moment.timestamp()) * NANOSECONDS


def _weekly(shape: Shape) -> WeeklyTimes | None:
    below = shape.child("weekly")
    if below is None:
        return None
    below.allow(WEEKLY_KEYS)
    days = tuple(sorted(set(_days(below))))
    if not days and "days" not in below.value:
        below.report("days", "'weekly' names no days", "write `days: [sat, sun]`")
    start, end = (_minute(below, key) for key in ("from", "until"))
    if start is None or end is None or not days:
        return None
    if start in (end, _MINUTES_A_DAY):
        below.report("from", "'weekly' ends when it begins", "a whole day is 00:00 to 24:00")
    return WeeklyTimes(days, start, end)


def _days(shape: Shape) -> Iterator[int]:
    for index, text in enumerate(shape.texts("days")):
        if text.lower() in DAYS:
            yield DAYS.index(text.lower())
        else:
            shape.report(("days", index), f"'{text}' is no day", nearest(text.lower(), DAYS))


def _minute(shape: Shape, key: str) -> int | None:
    text = shape.text(key)
    if text is None:
        if key not in shape.value:
            shape.report(key, f"'weekly' has no '{key}'", f'write `{key}: "22:00"`')
        return None
    found = _CLOCK.fullmatch(text)
    if found is None:
        shape.report(key, f"'{text}' is no time of day", 'write "22:00", in quotation marks')
        return None
    hours, minutes = (part for part in found.groups() if part is not None)
    return int(hours) * 60 + int(minutes)
