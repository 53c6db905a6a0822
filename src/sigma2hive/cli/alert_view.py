"""An alert on a terminal, as an analyst would see it in TheHive.

Takes stored alerts; gives lines. Everything that events or rules say is made visible first: nothing
of it may steer the terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from sigma2hive.model.alerts import Alert, Observable
from sigma2hive.model.times import moment_of, render_time
from sigma2hive.model.visible import visible
from sigma2hive.sinks import AlertSummary, StoredAlert

SEVERITIES = ("", "low", "medium", "high", "critical")
#: TheHive 5.2 and later: TLP 3 is AMBER+STRICT and 4 RED.
_TLP = ("clear", "green", "amber", "amber+strict", "red")
_PAP = ("clear", "green", "amber", "red")
_COLUMNS = 80
_LONGEST_LINE = 5 * _COLUMNS


def summary_rows(summaries: Iterable[AlertSummary]) -> Iterator[str]:
    """Yield one line an alert: number, severity, the events' own time in UTC, title, events."""
    for entry in summaries:
        events = f"  ({entry.events} events)" if entry.events > 1 else ""
        moment = f"{moment_of(entry.date_ns):%Y-%m-%d %H:%M:%S}"
        severity = SEVERITIES[entry.severity]
        yield f"{entry.number:>4}  {severity:8}  {moment}  {visible(entry.title)}{events}"


def alert_view(stored: StoredAlert) -> Iterator[str]:
    """Yield the whole alert, its raw logs left to the description's own excerpt."""
    alert = stored.alert
    yield f"#{stored.number}  {SEVERITIES[alert.severity].upper()}  {visible(alert.title)}"
    yield ""
    yield from _facts(alert)
    yield ""
    yield f"Observables ({len(alert.observables)})"
    yield from _observables(alert.observables)
    yield from (
        f"  left out: {visible(left.data_type)} {visible(left.data)} ({visible(left.reason)})"
        for left in alert.left_out
    )
    yield ""
    yield "Description"
    for line in alert.description.splitlines():
        yield f"  {_cut(visible(line))}".rstrip()
    yield ""
    yield f"Events ({len(alert.events)}), raw with --raw"
    for event in alert.events:
        yield f"  {render_time(event.time_ns)}  {visible(event.origin)}"


def _cut(line: str) -> str:
    """Keep raw logs from filling the screen: they are long, and --raw has them whole."""
    if len(line) <= _LONGEST_LINE:
        return line
    kept = line[: 3 * _COLUMNS - 40]
    return f"{kept} … (+{len(line) - len(kept):,} characters)"


def raw_logs(alert: Alert) -> bytes:
    """Return the raw logs of all events, each ended by a newline."""
    return b"".join(event.raw + b"\n" for event in alert.events)


def _facts(alert: Alert) -> Iterator[str]:
    techniques = ", ".join(
        entry.pattern_id + (f" ({entry.tactic})" if entry.tactic else "")
        for entry in alert.procedures
    )
    rows = (
        ("date", render_time(alert.date_ns)),
        ("rule", f"{alert.rule_title} ({alert.rule_id})"),
        ("sourceRef", alert.source_ref),
        ("TLP, PAP", f"{_TLP[alert.tlp]}, {_PAP[alert.pap]}"),
        ("techniques", techniques),
        ("tags", ", ".join(alert.tags)),
        ("fields", ", ".join(f"{name}={value}" for name, value in alert.custom_fields.items())),
        ("template", alert.case_template),
        ("link", alert.external_link),
    )
    for name, text in rows:
        if text:
            yield from textwrap.wrap(
                f"{name:11} {visible(text)}",
                _COLUMNS,
                subsequent_indent=" " * 12,
                break_long_words=False,
                break_on_hyphens=False,
            )


def _observables(observables: Iterable[Observable]) -> Iterator[str]:
    for entry in observables:
        marks = [*entry.tags, *(["IOC"] if entry.ioc else [])]
        tags = f"  [{', '.join(marks)}]" if marks else ""
        yield f"  {visible(entry.data_type):10} {visible(entry.data)}{visible(tags)}"
