"""What a correlation counts, as it is stored: events in their groups, and back.

Takes events of base rules and occurrences of counted correlations; gives `Counted` entries, one for
each group that an event belongs to, and makes of entries what the engine correlates. An entry has
what the correlations of its tree read of the event, and no more: windows are many, alerts few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine import Found, Occurrence, Run, group_events
from sigma2hive.model.canonical import JsonValue, canonical_json, digest
from sigma2hive.model.events import Event
from sigma2hive.model.identity import GroupKey
from sigma2hive.model.matches import Ungrouped
from sigma2hive.model.service import Counted
from sigma2hive.records import dataclass
from sigma2hive.runner.correlating.trees import Node, Tree

#: Is told what cannot be counted, and why.
Tell = Callable[[Ungrouped | Diagnostic], None]


@dataclass(frozen=True, slots=True)
class Came:
    """How an entry came to its group.

    `leaves` are the detection rules that its event met. Where it stands for a counted correlation,
    `inner` is that one's id and `inner_group` its group, as stored.
    """

    leaves: tuple[str, ...]
    inner: str = ""
    inner_group: str = ""


def group_text(key: GroupKey) -> str:
    """Return a group's key as it is stored."""
    return canonical_json(key).decode("ascii")


def count_event(tree: Tree, rule_id: str, event: Event, tell: Tell) -> Iterator[Counted]:
    """Yield an entry for each group of each correlation of the tree that counts a rule's match."""
    read: Mapping[str, tuple[str, ...]] | None = None
    for node in tree.nodes:
        correlation = node.correlation
        if rule_id not in correlation.rules or not tree.passes(node, rule_id, event.values):
            continue
        read = tree.read_of(event.values) if read is None else read
        yield from _entries(node, (rule_id, event), rule_id, _body(event, read), tell)


def count_occurrence(
    tree: Tree, node: Node, found: Occurrence, identity: JsonValue, tell: Tell
) -> Iterator[Counted]:
    """Yield the entries of an event at which the condition of `node` held, where that counts.

    `identity` is that of the episode it is in.
    """
    inner = node.correlation.info.id
    group = found.unit[1]
    episode = digest([group_text(group), identity])
    body = {
        **_body(found.event, found.event.values),
        "leaves": list(found.leaves),
        "group": [list(pair) for pair in group],
        "shown": [list(pair) for pair in found.shown],
        "episode": episode,
        "inner": inner,
    }
    for outer_id in node.counted_by:
        outer = tree.node(outer_id)
        if any(tree.passes(outer, leaf, found.event.values) for leaf in found.leaves):
            yield from _entries(outer, found, f"{inner}#{episode}", body, tell)


def _body(event: Event, read: Mapping[str, tuple[str, ...]]) -> dict[str, JsonValue]:
    return {
        "values": {path: list(texts) for path, texts in read.items()},
        "ingested": event.ingested_ns,
    }


def _entries(
    node: Node, found: Found, source: str, body: JsonValue, tell: Tell
) -> Iterator[Counted]:
    grouping = group_events(node.correlation, (found,))
    for lacking in grouping.ungrouped():
        tell(lacking)
    for finding in grouping.put_aside():
        tell(finding)
    event = found.event if isinstance(found, Occurrence) else found[1]
    for key in grouping.groups:
        yield Counted(node.unit, group_text(key), event.time_ns, event.key, source, body)


def found_in(entries: Iterable[Counted]) -> Iterator[Found]:
    """Yield what the engine counts, with the part of each event that it reads."""
    for entry in entries:
        body = cast("Mapping[str, Any]", entry.body)
        values = {path: tuple(texts) for path, texts in body["values"].items()}
        event = Event(entry.key, entry.time_ns, values, b"", ingested_ns=body["ingested"])
        if "inner" not in body:
            yield entry.source, event
            continue
        group = tuple((name, value) for name, value in body["group"])
        yield Occurrence(
            rule_id=body["inner"],
            event=event,
            leaves=tuple(body["leaves"]),
            unit=(body["inner"], group, int(body["episode"][:15], 16)),
            # What it held by is looked up where an alert tells of it.
            run=Run((), 0, -1),
            shown=tuple((name, value) for name, value in body["shown"]),
        )


def how_it_came(entry: Counted) -> Came:
    """Return how an entry came to its group."""
    body = cast("Mapping[str, Any]", entry.body)
    if "inner" not in body:
        return Came((entry.source,))
    group = canonical_json(body["group"]).decode("ascii")
    return Came(tuple(body["leaves"]), body["inner"], group)
