"""How `status` shows in which way hits are found, and why: what each way costs.

Takes what the last cycle noted; gives lines for people and values for programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigma2hive.cli.columns import wrap
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.model.visible import visible
from sigma2hive.runner.finding.costs import Costs, costs_of


def way_lines(ways: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield which way is taken for which patterns, and why; nothing where there is no choice."""
    if not ways:
        return
    yield ""
    yield f"Ways to match ({len(ways)})"
    for patterns, note in ways.items():
        costs = costs_of(note)
        reason = "as the settings say" if costs is None else _why(costs)
        yield from wrap(f"{visible(patterns)}: {_way(note)}: {reason}", "  ", "    ")
    refused = {rule_id: why for note in ways.values() for rule_id, why in _refused(note).items()}
    for rule_id, why in sorted(refused.items()):
        text = f"{rule_id} is asked for more widely, since its query is refused: {why}"
        yield from wrap(visible(text), "  ", "    ")


def ways_as_json(ways: Mapping[str, JsonValue]) -> list[dict[str, object]]:
    """Return it for programs; a figure that was not measured is null."""
    return [
        {"patterns": patterns.split(","), "way": _way(note), **_figures(costs_of(note))}
        | {"refused": _refused(note)}
        for patterns, note in ways.items()
    ]


def _why(costs: Costs) -> str:
    events = costs.events.value
    if events is None:
        return "nothing was measured yet"
    return (
        f"of a slice of {events:,.0f} events reading takes {_shown(costs.stream_ns)}, searching "
        f"for {costs.rules:,} rules {_shown(costs.query_ns)}"
    )


def _shown(span_ns: float | None) -> str:
    return "an unknown time" if span_ns is None else f"{span_ns / NANOSECONDS:,.3g} s"


def _figures(costs: Costs | None) -> dict[str, object]:
    if costs is None:
        return {}
    return {
        "events_per_slice": costs.events.value,
        "seconds_per_event": _seconds(costs.event_ns.value),
        "seconds_per_search": _seconds(costs.search_ns.value),
        "searches": costs.rules,
        "stream_seconds": _seconds(costs.stream_ns),
        "query_seconds": _seconds(costs.query_ns),
    }


def _seconds(span_ns: float | None) -> float | None:
    return None if span_ns is None else span_ns / NANOSECONDS


def _way(note: JsonValue) -> str:
    return str(note.get("way", "")) if isinstance(note, Mapping) else ""


def _refused(note: JsonValue) -> Mapping[str, JsonValue]:
    found = note.get("refused") if isinstance(note, Mapping) else None
    return found if isinstance(found, Mapping) else {}
