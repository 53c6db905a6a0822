"""What `run` tells about a pass: one line an alert, what was left out, the last line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import timedelta
from itertools import chain

from sigma2hive.cli.alert_view import AlertRow
from sigma2hive.cli.blindness import blindness_as_json
from sigma2hive.cli.columns import wrap
from sigma2hive.cli.options import settings_shown
from sigma2hive.cli.rendering import diagnostic_as_json
from sigma2hive.cli.suppressed import suppressed_as_json, suppressed_lines
from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import CODES
from sigma2hive.model.alerts import Alert
from sigma2hive.model.matches import Lack
from sigma2hive.model.rules import Blindness, Compiled
from sigma2hive.model.times import render_time
from sigma2hive.model.visible import visible
from sigma2hive.records import dataclass
from sigma2hive.runner.once import Summary
from sigma2hive.sinks import Outcome
from sigma2hive.workflows.project import Project

#: Filters, and kinds of matches that no correlation counts, of which so many are shown.
_SHOWN_OF_EACH = 5
#: Characters of a value that is told.
_SHOWN_OF_VALUE = 40
#: Findings that say that something a person named was not read at all.
NOT_READ = frozenset({"S2H101", "S2H108", "S2H505"})


@dataclass(frozen=True, slots=True)
class _Figures:
    """What is told of one alert; its texts and raw logs are in the sinks."""

    rule_id: str
    source_ref: str
    title: str
    severity: int
    date_ns: int
    events: int
    observables: int

    def lines(self) -> Iterator[str]:
        """Yield severity, the events' own time (UTC), title, events, as the inbox lists them."""
        return AlertRow(self.severity, self.date_ns, self.title, self.events).lines()

    def as_json(self) -> dict[str, object]:
        return {
            "rule_id": self.rule_id,
            "sourceRef": self.source_ref,
            "title": self.title,
            "severity": self.severity,
            "date": render_time(self.date_ns),
            "events": self.events,
            "observables": self.observables,
        }


@dataclass(slots=True)
class Raised:
    """The alerts of a run in the order in which they came, each once."""

    _figures: dict[tuple[str, str, str], _Figures] = field(default_factory=dict)

    def add(self, alert: Alert) -> None:
        """Take an alert; of one that comes twice, what tells of more events stays."""
        identity = (alert.type, alert.source, alert.source_ref)
        earlier = self._figures.get(identity)
        if earlier is not None and earlier.events >= len(alert.events):
            return
        self._figures[identity] = _Figures(
            rule_id=alert.rule_id,
            source_ref=alert.source_ref,
            title=alert.title,
            severity=alert.severity,
            date_ns=alert.date_ns,
            events=len(alert.events),
            observables=len(alert.observables),
        )

    def lines(self) -> Iterator[str]:
        """Yield a row for each alert."""
        return chain.from_iterable(figures.lines() for figures in self._figures.values())

    def by_rule(self) -> list[tuple[str, int]]:
        """Return the id of each rule that raised alerts with their number, the most first."""
        return Counter(figures.rule_id for figures in self._figures.values()).most_common()

    def titles(self) -> list[str]:
        """Return the title of each alert."""
        return [figures.title for figures in self._figures.values()]

    def as_json(self) -> list[dict[str, object]]:
        """Return the figures of each alert."""
        return [figures.as_json() for figures in self._figures.values()]


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a pass, for people and for programs."""

    project: Project
    summary: Summary
    dry_run: bool
    unsearched: Mapping[str, ServerError] = field(default_factory=dict)
    blindness: Blindness = field(default_factory=Blindness)
    passed_over: Collection[str] = ()
    window: timedelta | None = None

    def would_have_raised(self, raised: Raised) -> Iterator[str]:
        """Yield how many alerts a dry run over a window of time raised, and of which rules."""
        if self.window is None or not self.dry_run:
            return
        by_rule, span = raised.by_rule(), _span(self.window)
        if self.unsearched:
            span += " of what could be searched"
        if not by_rule:
            yield f"would have raised no alert in {span}"
            return
        total = sum(count for _, count in by_rule)
        yield f"would have raised {_counted(total, 'alert')} in {span}, from these rules:"
        titles = _Titles(self.project.compiled)
        for rule_id, count in by_rule:
            yield from wrap(visible(titles.of(rule_id)), first=f"{count:7,}  ", rest=" " * 9)

    def lines(self) -> Iterator[str]:
        """Yield what became of the alerts, what was left out, and the last line."""
        for sink, outcomes in self._outcomes():
            if where := self.summary.delivered.would_send_to.get(sink):
                yield f"{sink}: would have sent {_counted(outcomes.total(), 'alert')}"
                yield f"  to {visible(where)};"
                yield "  --live sends them"
                continue
            counted = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items())
            yield f"{sink}: {counted}"
        suppressed = self.summary.suppressed
        yield from suppressed_lines(suppressed, self.project.exceptions, _SHOWN_OF_EACH)
        if self.left_out:
            yield from wrap(f"left out: {self._reasons()}", rest="  ")
        if self.passed_over:
            names = visible(", ".join(sorted(self.passed_over)))
            yield from wrap(f"still without an index, as the snapshot says: {names}", rest="  ")
        yield from self._unsearched_lines()
        yield from self._ungrouped_lines()
        if not self.project.compiled.rules:
            yield "no rule could be used, so nothing could be found"
        yield self.last_line()

    def last_line(self) -> str:
        """Return "42,310 events, 18 rules, 3 alerts, 0 left out; nothing was sent anywhere"."""
        end = "nothing was written or sent" if self.dry_run else self._sent()
        counts = (
            _counted(self.summary.events, "event"),
            _counted(self._rules, "rule"),
            _counted(self.summary.delivered.alerts, "alert"),
            f"{self.left_out:,} left out",
        )
        return f"{', '.join(counts)}; {end}"

    def _sent(self) -> str:
        sent = self.summary.delivered.sent
        if sent is None:
            return "nothing was sent anywhere"
        if not sent:
            return "nothing new was sent"
        return f"{sent:,} {'was' if sent == 1 else 'were'} sent"

    def as_json(self, raised: Raised) -> dict[str, object]:
        """Return everything, with every finding."""
        delivered = self.summary.delivered
        findings = [*self.project.findings, *self.summary.put_aside, *delivered.findings]
        titles = _Titles(self.project.compiled)
        return {
            "settings": settings_shown(self.project.settings),
            "events": self.summary.events,
            "rules": self._rules,
            "alerts": raised.as_json(),
            "window_seconds": None if self.window is None else int(self.window.total_seconds()),
            "by_rule": [
                {"rule_id": rule_id, "title": titles.of(rule_id), "alerts": count}
                for rule_id, count in raised.by_rule()
            ],
            "outcomes": {
                sink: {outcome.value: count for outcome, count in outcomes.items()}
                for sink, outcomes in self._outcomes()
            },
            "failed_sinks": {sink: str(error) for sink, error in delivered.failed.items()},
            "would_send": {
                sink: {"to": where, "titles": raised.titles()}
                for sink, where in delivered.would_send_to.items()
            },
            "suppressed": suppressed_as_json(self.summary.suppressed, self.project.exceptions),
            "sent": delivered.sent or 0,
            "left_out": self.left_out,
            "unsearched": {
                rule_id: {"message": error.message, "hint": error.hint}
                for rule_id, error in self.unsearched.items()
            },
            "without_index": sorted(self.passed_over),
            "ungrouped": [
                {
                    "correlation": entry.correlation_id,
                    "rule": entry.rule_id,
                    "field": entry.field,
                    "matches": entry.count,
                    "reason": entry.lack.value,
                    **({"example": entry.example} if entry.example else {}),
                }
                for entry in self.summary.ungrouped
            ],
            "findings": [diagnostic_as_json(finding) for finding in findings],
            "dry_run": self.dry_run,
            "blindness": blindness_as_json(self.blindness),
        }

    def _outcomes(self) -> Iterable[tuple[str, Counter[Outcome]]]:
        return self.summary.delivered.counts().items()

    def _unsearched_lines(self) -> Iterator[str]:
        """Yield each reason once, with the number of rules that it kept from being searched."""
        reasons = Counter((error.message, error.hint) for error in self.unsearched.values())
        for (message, hint), count in reasons.most_common():
            yield f"error S2H507: {_counted(count, 'rule')} not searched: {visible(message)}"
            yield f"  hint: {visible(hint)}"

    def _ungrouped_lines(self) -> Iterator[str]:
        """Yield what was found but not counted: a correlation that stays silent may look so."""
        titles = _Titles(self.project.compiled)
        for entry in self.summary.ungrouped[:_SHOWN_OF_EACH]:
            verb, them = ("have", "them") if entry.count > 1 else ("has", "it")
            what = f"no {visible(entry.field)}"
            if entry.lack is Lack.NO_NUMBER:
                example = visible(entry.example[:_SHOWN_OF_VALUE])
                what, them = f"a {visible(entry.field)} that is no number ('{example}')", "that"
            not_done = "grouped" if entry.lack is Lack.NO_GROUP else "counted"
            of = f"{_matches(entry.count)} of '{visible(titles.of(entry.rule_id))}'"
            yield f"not {not_done}: {of} {verb} {what},"
            yield f"  so '{visible(titles.of(entry.correlation_id))}' does not count {them}"
        if (more := len(self.summary.ungrouped) - _SHOWN_OF_EACH) > 0:
            yield f"  and {more:,} more of the kind; --json has all of them"

    @property
    def left_out(self) -> int:
        """How many rules and events were left out."""
        return len(self.project.left_out) + self._events_left_out

    @property
    def _events_left_out(self) -> int:
        return sum(finding.count for finding in self.summary.put_aside.errors)

    @property
    def _rules(self) -> int:
        compiled = self.project.compiled
        return len(compiled.rules) + len(compiled.correlations)

    def _reasons(self) -> str:
        paths = sum(finding.code in NOT_READ for finding in self.project.findings.errors)
        rules = len(self.project.left_out) - paths
        parts = [_counted(rules, "rule")] if rules else []
        parts += [_counted(paths, "path")] if paths else []
        counts: Counter[str] = Counter()
        for finding in self.summary.put_aside.errors:
            counts[CODES[finding.code]] += finding.count
        parts += [f"{count:,} × {meaning}" for meaning, count in counts.items()]
        return f"{', '.join(parts)}; the reasons are above"


#: Units of a span of time, from the longest; days only where it is more than one.
_SPANS = (("day", 86_400, 2), ("hour", 3_600, 1), ("minute", 60, 1))


def _span(window: timedelta) -> str:
    """Return "24 hours", "7 days", "90 minutes": the longest unit that takes it whole."""
    seconds = int(window.total_seconds())
    for unit, size, least in _SPANS:
        if seconds % size == 0 and seconds // size >= least:
            return _counted(seconds // size, unit)
    return _counted(seconds, "second")


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _matches(count: int) -> str:
    return f"{count:,} match{'' if count == 1 else 'es'}"


class _Titles:
    """The titles of rules and correlations, without looking at those that nobody asks for."""

    def __init__(self, compiled: Compiled) -> None:
        self._rules = compiled.heads_by_id()
        self._correlations = {entry.info.id: entry for entry in compiled.correlations}

    def of(self, rule_id: str) -> str:
        found = self._correlations.get(rule_id) or self._rules[rule_id]
        return found.info.title
