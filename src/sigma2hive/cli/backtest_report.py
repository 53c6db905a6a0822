"""What `backtest` tells: for people in 80 columns, for programs as JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from sigma2hive.cli.columns import wrap
from sigma2hive.cli.options import settings_shown
from sigma2hive.cli.rendering import diagnostic_as_json
from sigma2hive.cli.suppressed import suppressed_as_json, suppressed_lines
from sigma2hive.model.backtests import (
    Backtest,
    Comparison,
    Excess,
    FieldValues,
    RuleChange,
    RuleResult,
)
from sigma2hive.model.rules import Level, RuleInfo
from sigma2hive.model.times import render_time
from sigma2hive.model.visible import visible
from sigma2hive.records import dataclass
from sigma2hive.workflows.backtest import Found
from sigma2hive.workflows.project import Project

#: So many rules, changes and filters are listed; --json has all.
_SHOWN = 20
_SHOWN_IN_DETAIL = 10
_SHOWN_VALUES = 5
#: More days are shown as weeks.
_MAX_DAYS = 31
_BAR = 40
_MAX_VALUE = 80
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """The end of a back-test."""

    project: Project
    result: Backtest
    found: Found
    limits: Mapping[Level, int]
    by: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """Yield everything as text; the answer comes last."""
        result = self.result
        yield from self._rules()
        yield from self._days()
        for entry in result.rules[:_SHOWN_IN_DETAIL]:
            yield from _details(entry)
        exceptions = self.project.exceptions
        yield from suppressed_lines(self.result.suppressed, exceptions, _SHOWN)
        yield from self._notes()
        if result.comparison is not None:
            yield from _comparison(result.comparison)
        yield from self._excesses()
        yield from wrap(self._last_line())

    def as_json(self) -> dict[str, object]:
        """Return everything."""
        result = self.result
        return {
            "settings": settings_shown(self.project.settings),
            "profile": self.project.profile.name,
            "window": None if result.start_ns is None else self._window(),
            "events": result.events,
            "checked": result.checked,
            "alerts": result.alerts,
            "by_day": result.by_day,
            "by_level": result.by_level,
            "rules": [_rule_as_json(entry) for entry in result.rules],
            "suppressed": suppressed_as_json(result.suppressed, self.project.exceptions),
            "limits": {level.value: number for level, number in self.limits.items()},
            "too_noisy": [_excess_as_json(entry) for entry in result.excesses],
            "comparison": _comparison_as_json(result.comparison) if result.comparison else None,
            "unsearched": self.found.unsearched,
            "ungrouped": result.ungrouped,
            "left_out": len(self.project.left_out) + result.put_aside,
            "resumed_slices": self.found.resumed,
            "findings": [
                diagnostic_as_json(finding)
                for finding in (*self.project.findings, *self.found.findings)
            ],
        }

    def _window(self) -> dict[str, str]:
        start, end = self.result.start_ns or 0, self.result.end_ns or 0
        return {"since": render_time(start), "until": render_time(end)}

    def _rules(self) -> Iterator[str]:
        rules = self.result.rules
        if not rules:
            return
        yield "alerts    hits  max/day  level          rule"
        for entry in rules[:_SHOWN]:
            alerts = "silent" if entry.silent else f"{entry.alerts:,}"
            most = f"{max(entry.by_day.values(), default=0):,}"
            level = str(entry.info.level or "none")
            first = f"{alerts:>6}  {entry.hits:>6,}  {most:>7}  {level:<13}  "
            yield from wrap(visible(entry.info.title), first, " " * len(first))
        if more := rules[_SHOWN:]:
            alerts = f"{sum(entry.alerts for entry in more):,}"
            yield f"{alerts:>6}  in all by {len(more):,} more rules; --json has all"
        yield ""

    def _days(self) -> Iterator[str]:
        by_day = self.result.by_day
        if not by_day:
            return
        is_weekly = len(by_day) > _MAX_DAYS
        yield "week from   alerts" if is_weekly else "day (UTC)   alerts"
        rows = _weeks(by_day) if is_weekly else by_day
        most = max(*rows.values(), 1)
        shown = list(rows.items())[-_MAX_DAYS * 2 :]
        for day, count in shown:
            bar = "#" * (-(-count * _BAR // most))
            yield f"{day}  {count:>6,}  {bar}".rstrip()
        for line in _not_shown(rows, [day for day, _ in shown], is_weekly=is_weekly):
            yield from wrap(line)
        yield ""

    def _notes(self) -> Iterator[str]:
        result, found = self.result, self.found
        if found.resumed:
            slices = _counted(found.resumed, "slice")
            yield f"gone on with: {slices} of {found.parts:,} came from an interrupted back-test"
        if result.ungrouped:
            matches = _counted(result.ungrouped, "match", "matches")
            yield f"not grouped: {matches} without the field that a correlation groups by"
        if not result.is_deduplicated:
            yield "very many hits: those of events that were read twice may count twice"
        reasons = Counter(found.unsearched.values())
        for message, count in reasons.most_common(_SHOWN):
            rules = _counted(count, "rule")
            yield from wrap(f"error S2H507: {rules} not searched: {visible(message)}", rest="  ")
        for name in self._unseen():
            yield from wrap(f"no hit has the field {visible(name)} (--by)", rest="  ")

    def _unseen(self) -> Iterator[str]:
        """Yield the fields asked for that no hit has."""
        asked = {name for entry in self.result.rules for name in (by.field for by in entry.by)}
        yield from (name for name in self.by if name not in asked)

    def _excesses(self) -> Iterator[str]:
        for entry in self.result.excesses:
            alerts = _counted(entry.alerts, "alert")
            days = f" (and on {_counted(entry.days - 1, 'more day')})" if entry.days > 1 else ""
            text = (
                f"too noisy: '{visible(entry.info.title)}' raises {alerts} on {entry.day}{days}; "
                f"{entry.info.level} may raise {entry.limit:,}"
            )
            yield from wrap(text, rest="  ")

    def _last_line(self) -> str:
        result = self.result
        if not self.project.compiled.rules:
            return "no rule could be used, so nothing could be found"
        levels = [
            f"{result.by_level[level]:,} {level}" for level in _LEVELS if level in result.by_level
        ]
        of_what = f" ({', '.join(levels)})" if levels else ""
        looked = "candidates" if result.start_ns is not None else "events"
        if result.events == 1:
            looked = looked.removesuffix("s")
        left_out = len(self.project.left_out) + result.put_aside
        parts = [
            f"{result.events:,} {looked}",
            _counted(result.checked, "rule"),
            f"{left_out:,} left out",
        ]
        window = ""
        if result.start_ns is not None:
            window = f" from {self._window()['since']} to {self._window()['until']}"
        return (
            f"{', '.join(parts)}: {_counted(result.alerts, 'alert')} would have been "
            f"raised{window}{of_what}"
        )


_LEVELS = (*(level.value for level in reversed(Level)), "none")


def _details(entry: RuleResult) -> Iterator[str]:
    """Yield what else is known of a rule's hits."""
    lines = [*_values_lines(entry), *_suggestion_lines(entry)]
    if lines:
        yield from wrap(visible(entry.info.title))
        yield from lines
        yield ""


def _values_lines(entry: RuleResult) -> Iterator[str]:
    if entry.groups is not None and entry.hits > 1:
        yield from _value_line("alerts by", entry.groups, entry.hits)
    for values in entry.by:
        yield from _value_line("hits by", values, entry.hits)
    for values in entry.noisy:
        yield from _value_line("noisy", values, entry.hits)


def _value_line(what: str, values: FieldValues, hits: int) -> Iterator[str]:
    if not values.is_exact and all(one.count == 1 for one in values.values):
        return  # thousands of different values, none of which says anything
    about = "" if values.is_exact else " (at least)"
    shown = [f"{_short(one.value)} ×{one.count:,}" for one in values.values[:_SHOWN_VALUES]]
    if values.values[_SHOWN_VALUES:]:
        shown.append("…")
    text = f"{what} {visible(values.field)}{about}, of {hits:,}: {', '.join(shown)}"
    yield from wrap(text, "  ", "    ")


def _suggestion_lines(entry: RuleResult) -> Iterator[str]:
    suggestion = entry.suggestion
    if suggestion is None:
        return
    alerts = _counted(suggestion.before, "alert")
    left = f"{suggestion.after:,} of its {alerts} are left"
    if not suggestion.after:
        left += ", so on these events it takes the whole rule away"
    yield from wrap(f"with this filter, tried on the same events, {left}:", "  ", "  ")
    yield ""
    yield from (f"    {line}" for line in suggestion.document.splitlines())


def _comparison(found: Comparison) -> Iterator[str]:
    for entry in found.changes[:_SHOWN]:
        first = f"  {entry.change:<8}  {entry.more:>6,} more  {entry.fewer:>6,} fewer  "
        yield from wrap(visible(entry.info.title), first, " " * len(first))
    if (more := len(found.changes) - _SHOWN) > 0:
        yield f"  and {more:,} more rules that are not the same; --json has all"
    if found.left_out:
        yield f"  {_counted(found.left_out, 'rule')} at {found.ref} could not be used there"
    name = f"{visible(found.ref)} ({found.commit[:12]})"
    if not found.changes:
        yield from wrap(f"against {name}: no rule raises anything else than there")
        return
    yield from wrap(
        f"against {name}: this change would have raised {found.more:,} more and {found.fewer:,} "
        "fewer alerts in that time"
    )


def _not_shown(rows: Mapping[str, int], shown: Sequence[str], *, is_weekly: bool) -> Iterator[str]:
    """Yield what the histogram leaves out: the oldest rows, and those without an alert."""
    if len(rows) > len(shown):
        before = sum(rows.values()) - sum(rows[day] for day in shown)
        yield f"Not shown: {before:,} alerts before {shown[0]}; --json has all."
    first, last = (date.fromisoformat(day).toordinal() for day in (shown[0], shown[-1]))
    if last - first >= len(shown) * (7 if is_weekly else 1):
        yield f"{'Weeks' if is_weekly else 'Days'} without an alert are left out."


def _weeks(by_day: Mapping[str, int]) -> dict[str, int]:
    """Return the counts by week, under its Monday."""
    weeks: dict[str, int] = {}
    for day, count in by_day.items():
        moment = date.fromisoformat(day)
        monday = date.fromordinal(max(1, moment.toordinal() - moment.weekday())).isoformat()
        weeks[monday] = weeks.get(monday, 0) + count
    return weeks


def _short(value: str) -> str:
    text = visible(_BLANKS.sub(" ", value).strip()) or "(blank)"
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"


def _counted(count: int, word: str, words: str = "") -> str:
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def _info_as_json(info: RuleInfo) -> dict[str, object]:
    return {
        "rule_id": info.id,
        "title": info.title,
        "level": info.level.value if info.level else None,
        "path": info.location.path,
    }


def _rule_as_json(entry: RuleResult) -> dict[str, object]:
    suggestion = entry.suggestion
    return {
        **_info_as_json(entry.info),
        "kind": "correlation" if entry.is_correlation else "rule",
        "silent": entry.silent,
        "hits": entry.hits,
        "alerts": entry.alerts,
        "by_day": dict(entry.by_day),
        "groups": _values_as_json([entry.groups] if entry.groups else []),
        "by": _values_as_json(entry.by),
        "noisy": _values_as_json(entry.noisy),
        "samples": [
            {"time": render_time(sample.time_ns), "origin": sample.origin}
            for sample in entry.samples
        ],
        "suggested_filter": None
        if suggestion is None
        else {
            "filter": suggestion.document,
            "selection": dict(suggestion.selection),
            "alerts_before": suggestion.before,
            "alerts_after": suggestion.after,
        },
        "unsearched": entry.unsearched or None,
    }


def _values_as_json(found: Sequence[FieldValues]) -> list[dict[str, object]]:
    return [
        {
            "field": entry.field,
            "values": [{"value": one.value, "count": one.count} for one in entry.values],
            "exact": entry.is_exact,
        }
        for entry in found
    ]


def _excess_as_json(entry: Excess) -> dict[str, object]:
    return {
        **_info_as_json(entry.info),
        "day": entry.day,
        "alerts": entry.alerts,
        "limit": entry.limit,
        "days": entry.days,
    }


def _comparison_as_json(found: Comparison) -> dict[str, object]:
    return {
        "ref": found.ref,
        "commit": found.commit,
        "more": found.more,
        "fewer": found.fewer,
        "left_out_there": found.left_out,
        "rules": [_change_as_json(entry) for entry in found.changes],
    }


def _change_as_json(entry: RuleChange) -> dict[str, object]:
    return {
        **_info_as_json(entry.info),
        "change": entry.change.value,
        "more": entry.more,
        "fewer": entry.fewer,
    }
