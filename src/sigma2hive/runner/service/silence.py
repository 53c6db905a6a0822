"""Sources that have gone silent: rules that look there find nothing, and nobody would know.

Takes what each cycle read, and what is known of the cycles before; gives what to remember, and an
alert for each index pattern whose events have stopped. Decides alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sigma2hive.model.alerts import Alert
from sigma2hive.model.canonical import JsonValue, digest
from sigma2hive.model.identity import silence_identity
from sigma2hive.model.mappings import AlertMapping
from sigma2hive.model.service import QueuedAlert
from sigma2hive.model.times import shown_time
from sigma2hive.runner.service.outcomes import CycleOutcome

#: Who raises it, in the place of a rule's id.
SILENCE = "sigma2hive:silence"
_SEVERITY = 3
_AMBER = 2


@dataclass(frozen=True, slots=True)
class Heard:
    """What a pattern was last heard of: when events came, and whether its silence was told.

    Up to `up_to_ns` it is known of which times there were events: to read them again is no news.
    """

    last_ns: int
    up_to_ns: int
    is_told: bool = False


def listen(heard: Mapping[str, Heard], outcome: CycleOutcome) -> Mapping[str, Heard]:
    """Return what is known after a cycle.

    A sweep reads the last events again an hour later, which says nothing of now. What it finds of
    times after those came late, and is heard when it is found.
    """
    found = dict(heard)
    for done in outcome.slices:
        if done.error is not None or not done.events:
            continue
        for pattern in done.part.targets:
            known = found.get(pattern)
            if not done.part.is_backfill:
                found[pattern] = Heard(outcome.began_ns, outcome.began_ns)
            elif known and known.up_to_ns <= done.part.interval.start_ns:
                found[pattern] = Heard(outcome.began_ns, done.part.interval.end_ns)
    return found


def silent(
    heard: Mapping[str, Heard], patterns: Iterable[str], now_ns: int, patience_ns: int
) -> Iterator[str]:
    """Yield each of the patterns whose silence should be told now.

    Of one that nothing was ever heard of nobody knows whether it should be loud.
    """
    for pattern in patterns:
        known = heard.get(pattern)
        if known and not known.is_told and now_ns - known.last_ns >= patience_ns:
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
            up_to_ns = entry.get("up_to_ns")
            up_to_ns = up_to_ns if isinstance(up_to_ns, int) else last_ns
            found[pattern] = Heard(last_ns, up_to_ns, bool(entry.get("is_told")))
    return found


def note_of(heard: Mapping[str, Heard]) -> JsonValue:
    """Return it in the form that is remembered."""
    return {
        pattern: {
            "last_ns": known.last_ns,
            "up_to_ns": known.up_to_ns,
            "is_told": known.is_told,
        }
        for pattern, known in heard.items()
    }
