"""Sources that have gone silent: rules that look there find nothing, and nobody would know.

Takes what each cycle read, and what is known of the cycles before; gives what to remember, and an
alert for each index pattern whose events have stopped. Decides alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sigma2hive.model.alerts import Alert
from sigma2hive.model.canonical import JsonValue, digest
from sigma2hive.model.identity import silence_identity
from sigma2hive.model.mappings import AlertMapping
from sigma2hive.model.service import Interval, QueuedAlert
from sigma2hive.model.times import NANOSECONDS, SKEW_NS, shown_time
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.times import STRETCH
from sigma2hive.runner.service.outcomes import CycleOutcome

#: Who raises it, in the place of a rule's id.
SILENCE = "sigma2hive:silence"
_SEVERITY = 3
_AMBER = 2


#: Stretches in which events were heard that are no further apart are one: a source that is heard in
#: time as often as that is not silent.
_JOINED_NS = 1_800 * NANOSECONDS
#: How many of them are remembered: some more than a day has, after which no sweep looks again.
_MOST_SPANS = 60
_DAY_NS = 24 * 3_600 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Heard:
    """What a pattern was last heard of: when events came, and whether its silence was told.

    `spans` are the times of which it is known that there were events: to read them again is no
    news. `late_ns` is how late the latest events of the last day came, which were heard last at
    `late_at_ns`.
    """

    last_ns: int
    spans: tuple[tuple[int, int], ...]
    late_ns: int = 0
    late_at_ns: int = 0
    is_told: bool = False

    @property
    def slack_ns(self) -> int:
        """How much longer than others it may be quiet: a sweep waits for a stretch of time.

        That grows with how late it looks, and one that holds what was heard before says nothing.
        """
        return 2 * self.late_ns // STRETCH

    def knows(self, interval: Interval) -> bool:
        """Whether it is known already that there were events in an interval."""
        end_ns = max(interval.end_ns, interval.start_ns + 1)
        return any(start < end_ns and interval.start_ns < end for start, end in self.spans)


def _with(known: Heard | None, interval: Interval, now_ns: int, *, is_late: bool) -> Heard:
    """Return what is known of a pattern that is heard now, by events of an interval."""
    end_ns = interval.end_ns if is_late else max(interval.end_ns, now_ns)
    late_ns = now_ns - end_ns if is_late else 0
    late_at_ns = now_ns
    if known and now_ns - known.late_at_ns < _DAY_NS and late_ns < known.late_ns:
        late_ns, late_at_ns = known.late_ns, known.late_at_ns
    spans = _joined((*(known.spans if known else ()), (interval.start_ns, end_ns)))
    return Heard(now_ns, spans, late_ns, late_at_ns)


def _joined(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start_ns, end_ns in sorted(spans):
        if joined and start_ns - joined[-1][1] <= _JOINED_NS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_ns))
        else:
            joined.append((start_ns, end_ns))
    return tuple(joined[-_MOST_SPANS:])


def _set_right(known: Heard, now_ns: int) -> Heard:
    """Return what is known by a clock that may have been ahead before: it is heard of now."""
    if known.last_ns <= now_ns + SKEW_NS:
        return known
    spans = tuple((start, end) for start, end in known.spans if end <= now_ns)
    return Heard(now_ns, spans, is_told=known.is_told)


def listen(heard: Mapping[str, Heard], outcome: CycleOutcome) -> Mapping[str, Heard]:
    """Return what is known after a cycle.

    A sweep reads the last events again an hour later, which says nothing of now. What it finds of
    times of which nothing was heard came late, and is heard when it is found.
    """
    found = {name: _set_right(known, outcome.began_ns) for name, known in heard.items()}
    for done in outcome.slices:
        if done.error is not None or not done.events:
            continue
        interval, is_late = done.part.interval, done.part.is_backfill
        for pattern in done.part.targets:
            known = found.get(pattern)
            if not (is_late and known and known.knows(interval)):
                found[pattern] = _with(known, interval, outcome.began_ns, is_late=is_late)
    return found


def silent(
    heard: Mapping[str, Heard], patterns: Iterable[str], now_ns: int, patience_ns: int
) -> Iterator[str]:
    """Yield each of the patterns whose silence should be told now.

    Of one that nothing was ever heard of nobody knows whether it should be loud.
    """
    for pattern in patterns:
        known = heard.get(pattern)
        if not known or known.is_told:
            continue
        if now_ns - known.last_ns >= patience_ns + known.slack_ns:
            yield pattern


def told(heard: Mapping[str, Heard], pattern: str) -> Mapping[str, Heard]:
    """Return the same with the silence of a pattern told."""
    return {**heard, pattern: replace(heard[pattern], is_told=True)}


def alert_of(
    pattern: str, known: Heard, titles: Iterable[str], mapping: AlertMapping, now_ns: int
) -> QueuedAlert:
    """Return the alert of a silence; `titles` are of the rules that look there."""
    shown = [*titles]
    since = shown_time(known.last_ns)
    rules = "\n".join(f"- {title}" for title in shown[:20])
    more = f"\n- and {len(shown) - 20:,} more" if len(shown) > 20 else ""
    alert = Alert(
        type=mapping.type,
        source=mapping.source,
        source_ref=digest(silence_identity(pattern, known.last_ns)),
        rule_id=SILENCE,
        rule_title="A source has gone silent",
        title=f"No events in {pattern} since {since}",
        description=(
            f"No event has come into `{pattern}` since {since}. Nothing is found there meanwhile: "
            "look at the shippers (Beats, Elastic Agent, Logstash), the ingest pipelines and the "
            f"disks of the cluster.\n\nRules that look there: {len(shown):,}\n\n{rules}{more}\n"
        ),
        severity=_SEVERITY,
        date_ns=known.last_ns,
        tlp=_AMBER,
        pap=_AMBER,
        tags=("sigma2hive", "silence"),
    )
    return QueuedAlert(alert, pattern, made_ns=now_ns)


def heard_of(note: JsonValue) -> Mapping[str, Heard]:
    """Return what was remembered."""
    found = {}
    for pattern, entry in note.items() if isinstance(note, Mapping) else ():
        last_ns = entry.get("last_ns") if isinstance(entry, Mapping) else None
        if isinstance(entry, Mapping) and isinstance(last_ns, int):
            found[pattern] = _heard(entry, last_ns)
    return found


def _heard(entry: Mapping[str, Any], last_ns: int) -> Heard:
    is_told = bool(entry.get("is_told"))
    if "spans" not in entry:
        # An older version remembered one end, or none.
        return Heard(last_ns, ((0, entry.get("up_to_ns", last_ns)),), is_told=is_told)
    spans = tuple((start_ns, end_ns) for start_ns, end_ns in entry["spans"])
    return Heard(last_ns, spans, entry["late_ns"], entry["late_at_ns"], is_told)


def note_of(heard: Mapping[str, Heard]) -> JsonValue:
    """Return it in the form that is remembered."""
    return {
        pattern: {
            "last_ns": known.last_ns,
            "spans": [list(span) for span in known.spans],
            "late_ns": known.late_ns,
            "late_at_ns": known.late_at_ns,
            "is_told": known.is_told,
        }
        for pattern, known in heard.items()
    }
