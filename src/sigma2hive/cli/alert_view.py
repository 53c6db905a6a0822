"""An alert on a terminal, as an analyst would see it in TheHive.

Takes stored alerts; gives lines. Everything that events or rules say is made visible first: nothing
of it may steer the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sigma2hive.alerts.description import LEFT_OUT_TITLE, RAW_TITLE
from sigma2hive.cli.columns import COLUMNS, width, wrap
from sigma2hive.cli.plain_markdown import plain_lines
from sigma2hive.model.alerts import Alert, LeftOut, Observable
from sigma2hive.model.events import Event
from sigma2hive.model.times import render_time, shown_second
from sigma2hive.model.visible import visible
from sigma2hive.records import dataclass
from sigma2hive.sinks import AlertSummary, StoredAlert

SEVERITIES = ("", "low", "medium", "high", "critical")
#: TheHive 5.2 and later: TLP 3 is AMBER+STRICT and 4 RED.
_TLP = ("clear", "green", "amber", "amber+strict", "red")
_PAP = ("clear", "green", "amber", "red")
_SHOWN_EVENTS = 20
#: Of how many events the start of the raw log is shown, and how much of it.
_SHOWN_RAW = 3
_RAW_CHARACTERS = 200


def summary_rows(summaries: Iterable[AlertSummary]) -> Iterator[str]:
    """Yield each alert as a row with its number."""
    for entry in summaries:
        row = AlertRow(entry.severity, entry.date_ns, entry.title, entry.events)
        yield from row.lines(f"{entry.number:>4}  ")


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert in a list: severity, the events' own time, title, number of events."""

    severity: int
    date_ns: int
    title: str
    events: int

    def lines(self, head: str = "") -> Iterator[str]:
        """Return the row after `head`, times in UTC; a long title goes on below itself."""
        start = f"{head}{SEVERITIES[self.severity]:8}  {shown_second(self.date_ns)}  "
        indent = " " * len(start)
        lines = wrap(visible(self.title), start, indent)
        if self.events < 2:
            return lines
        *before, last = lines
        counted = f"  ({self.events:,} events)"
        fits = width(last + counted) <= COLUMNS
        ends = [last + counted] if fits else [last, indent + counted.strip()]
        return iter([*before, *ends])


def alert_view(stored: StoredAlert) -> Iterator[str]:
    """Yield the whole alert; of its raw logs an excerpt, for they are long."""
    alert = stored.alert
    head = f"#{stored.number}  {SEVERITIES[alert.severity].upper()}  "
    yield from wrap(visible(alert.title), head, " " * len(head))
    yield ""
    yield from _facts(alert)
    yield ""
    yield f"Observables ({len(alert.observables)})"
    yield from _observables(alert.observables)
    yield from _left_out(alert.left_out)
    yield ""
    yield from plain_lines(alert.description, leave_out=(LEFT_OUT_TITLE, RAW_TITLE))
    yield ""
    yield from _events(alert.events)


def _events(events: Sequence[Event]) -> Iterator[str]:
    yield f"Events ({len(events):,}); --raw shows their raw logs, whole"
    for number, event in enumerate(events[:_SHOWN_EVENTS]):
        yield from wrap(f"{render_time(event.time_ns)}  {visible(event.origin)}", "  ", "    ")
        if number < _SHOWN_RAW:
            yield from wrap(_raw_excerpt(event), "    ", "    ")
    if len(events) > _SHOWN_EVENTS:
        yield f"  and {len(events) - _SHOWN_EVENTS:,} more"


def _raw_excerpt(event: Event) -> str:
    # A character has at most four bytes; what is cut in the middle of one is beyond the limit.
    text = event.raw[: _RAW_CHARACTERS * 4].decode("utf-8", errors="backslashreplace")
    cut = f" … (first {_RAW_CHARACTERS} characters)" if len(text) > _RAW_CHARACTERS else ""
    return visible(text[:_RAW_CHARACTERS]) + cut


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
        ("assignee", alert.assignee),
        ("link", alert.external_link),
    )
    for name, text in rows:
        if text:
            yield from wrap(visible(text), f"{name:11} ", " " * 12)


def _observables(observables: Iterable[Observable]) -> Iterator[str]:
    for entry in observables:
        marks = [*entry.tags, *(["IOC"] if entry.ioc else [])]
        tags = f"  [{', '.join(marks)}]" if marks else ""
        head = f"  {visible(entry.data_type):10} "
        yield from wrap(visible(entry.data + tags), head, " " * len(head))


def _left_out(left_out: Iterable[LeftOut]) -> Iterator[str]:
    """Yield each reason and value once, with the types that it was left out as."""
    types: dict[tuple[str, str], list[str]] = {}
    for entry in left_out:
        types.setdefault((entry.data, entry.reason), []).append(entry.data_type)
    for (data, reason), names in types.items():
        text = f"left out: {data} as {', '.join(names)} ({reason})"
        yield from wrap(visible(text), "  ", "    ")
