"""Exceptions: filters that somebody answers for, and that end.

Takes a repository and a day; gives it without the exceptions that have ended by then, before
anything is compiled. An exception that has ended takes nothing away: its rules alert again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import date, timedelta

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.rules import DetectionRepository, FilterException, FilterRule
from sigma2hive.records import dataclass

#: An exception that has so many days left is told of, so that somebody looks before it ends.
SOON = timedelta(days=14)
_CODE = "S2H237"


@dataclass(frozen=True, slots=True)
class Exceptions:
    """The exceptions that are in force, by the id of their filter.

    From `since` on that is so, and until the day before `until` nothing else is to be said or done;
    None for no bound.
    """

    in_force: Mapping[str, FilterException] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None

    def are_outdated(self, today: date) -> bool:
        """Whether they have to be looked at again."""
        is_early = self.since is not None and today < self.since
        return is_early or (self.until is not None and today >= self.until)


def without_ended(
    repository: DetectionRepository, today: date, diagnostics: Diagnostics
) -> tuple[DetectionRepository, Exceptions]:
    """Return the repository without the exceptions that ended before `today`, and the others.

    What has ended is a warning, what will within `SOON` a note.
    """
    ended: set[str] = set()
    in_force: dict[str, FilterException] = {}
    days: set[date] = set()
    for entry in repository.filters:
        if (exception := entry.exception) is not None:
            _tell(entry, exception, today, diagnostics)
            days.update(_changes(exception))
            if exception.expires < today:
                ended.add(entry.info.id)
            else:
                in_force[entry.info.id] = exception
    since = max((day for day in days if day <= today), default=None)
    until = min((day for day in days if day > today), default=None)
    left = tuple(entry for entry in repository.filters if entry.info.id not in ended)
    return replace(repository, filters=left), Exceptions(in_force, since, until)


def _changes(exception: FilterException) -> tuple[date, date]:
    """Return the days from which on it is told that the exception ends, and that it has ended."""
    return exception.expires - SOON, exception.expires + timedelta(days=1)


def _tell(
    entry: FilterRule, exception: FilterException, today: date, diagnostics: Diagnostics
) -> None:
    what = f"the exception '{entry.info.title}' of {exception.owner} ({exception.ticket})"
    left = (exception.expires - today).days
    if left < 0:
        diagnostics.warning(
            _CODE,
            exception.place,
            f"{what} ended with {exception.expires}: it takes nothing away any more",
            "remove it, or agree on another day",
        )
    elif today >= _changes(exception)[0]:
        when = f"in {left} days" if left > 1 else "tomorrow" if left else "today"
        diagnostics.info(
            _CODE,
            exception.place,
            f"{what} ends {when}, on {exception.expires}; then its rules alert again",
            "mend the rule or agree on another day, if that is not meant",
        )
