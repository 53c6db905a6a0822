"""What whoever looks from outside should know of a correlation: since when it is exact, what it
does not see.

Takes a tree, what is known of its rules, and the ledger; gives a note. Decides alone, without I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.service import RuleRecord, Searched, SearchStatus
from sigma2hive.runner.correlating.trees import Tree

#: What the names of these notes begin with; the correlation's id follows.
NOTES = "correlation:"


def standing_of(
    tree: Tree,
    rules: Mapping[str, RuleRecord],
    unprimed: Mapping[str, str],
    blind: Sequence[JsonValue],
) -> Mapping[str, JsonValue]:
    """Return the note of a correlation.

    `unprimed` says of which base rules the past could not be fetched, and why: its windows are
    exact once they do not reach back to that. `blind` are the gaps of its base rules.
    """
    since = [rules[tree.top.info.id].since_ns]
    since += [rules[leaf].since_ns + tree.context_ns for leaf in unprimed if leaf in rules]
    return {
        "exact_from_ns": max(since),
        "not_fetched": dict(sorted(unprimed.items())),
        "blind": blind,
    }


def gaps_of(
    tree: Tree,
    by_id: Mapping[str, CompiledRule],
    rules: Mapping[str, RuleRecord],
    ledger: Iterable[Searched],
    now_ns: int,
) -> Sequence[JsonValue]:
    """Return where base rules did not look, as far as the windows of now reach back."""
    gaps: list[JsonValue] = []
    entries = [entry for entry in ledger if entry.status is not SearchStatus.SEARCHED]
    for leaf in tree.leaves:
        record = rules.get(leaf)
        if record is None or record.disabled:
            reason = "it is not known" if record is None else record.disabled
            since_ns = now_ns if record is None else record.since_ns
            gaps.append({"rule": leaf, "start_ns": since_ns, "end_ns": None, "reason": reason})
            continue
        for entry in entries:
            if set(entry.patterns).isdisjoint(by_id[leaf].indices):
                continue
            start_ns, end_ns = entry.interval.start_ns, entry.interval.end_ns
            if end_ns > max(record.since_ns, now_ns - tree.context_ns):
                gaps.append(
                    {"rule": leaf, "start_ns": start_ns, "end_ns": end_ns, "reason": entry.reason}
                )
    return gaps
