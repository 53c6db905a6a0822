"""What an alert must say, held against what it says.

Takes an alert and what a test wants of it; gives in words what is otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sigma2hive.model.alerts import Alert
from sigma2hive.model.rule_tests import WantedAlert

_SHOWN = 10


def differences(alert: Alert, wanted: WantedAlert) -> Iterator[str]:
    """Yield what is not as wanted."""
    fields: Sequence[tuple[str, object, object]] = (
        ("title", alert.title, wanted.title),
        ("severity", alert.severity, wanted.severity),
        ("tlp", alert.tlp, wanted.tlp),
        ("pap", alert.pap, wanted.pap),
        ("case_template", alert.case_template, wanted.case_template),
        ("assignee", alert.assignee, wanted.assignee),
        ("events", len(alert.events), wanted.events),
    )
    for name, found, value in fields:
        if value is not None and found != value:
            yield f"{name} is {found!r}, not {value!r}"
    for text in wanted.contains:
        if text not in alert.description:
            yield f"the description does not contain {text!r}"
    yield from _missing("tag", wanted.tags, alert.tags)
    techniques = [entry.pattern_id for entry in alert.procedures]
    yield from _missing("technique", wanted.techniques, techniques)
    yield from _observables(alert, wanted)
    for name, wish in wanted.custom_fields.items():
        there = alert.custom_fields.get(name)
        if there != wish:
            yield f"custom field {name} is {there!r}, not {wish!r}"


def _observables(alert: Alert, wanted: WantedAlert) -> Iterator[str]:
    found = [(entry.data_type, entry.data) for entry in alert.observables]
    for pair in wanted.observables:
        if pair not in found:
            same_type = [data for kind, data in found if kind == pair[0]]
            yield f"no observable {pair[0]} {pair[1]!r}; there {_there(same_type)} of that type"
    for data in wanted.no_observables:
        for kind, there in found:
            if there == data:
                yield f"there is an observable {kind} {data!r}"


def _missing(what: str, wanted: Iterable[str], found: Sequence[str]) -> Iterator[str]:
    for text in wanted:
        if text not in found:
            yield f"no {what} {text!r}; there {_there(found)}"


def _there(found: Sequence[str]) -> str:
    if not found:
        return "is none"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"are {', '.join(map(repr, found[:_SHOWN]))}{more}"
