"""What whoever looks from outside should know of a correlation: since when it is exact, what it
does not see.

Takes a tree, what is known of its rules, and the ledger; gives a note, and reads notes again.
Decides alone, without I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.service import RuleRecord, Searched, SearchStatus
from sigma2hive.records import dataclass
from sigma2hive.runner.correlating.trees import Tree

#: What the names of these notes begin with; the correlation's id follows.
NOTES = "correlation:"


@dataclass(frozen=True, slots=True)
class BaseGap:
    """Where a base rule did not look; `end_ns` is None where it does not look now."""

    rule_id: str
    start_ns: int
    end_ns: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class CorrelationStanding:
    """How a correlation stands: exact from a time (ns since the epoch) on, but for the gaps.

    `not_fetched` says of which base rules the past could not be fetched, and why; `broken` why it
    could not be worked out at all.
    """

    rule_id: str
    exact_from_ns: int
    not_fetched: Mapping[str, str]
    gaps: Sequence[BaseGap]
    broken: str = ""

    def is_exact(self, now_ns: int) -> bool:
        """Whether its windows of now lack nothing."""
        return self.exact_from_ns <= now_ns and not self.gaps and not self.broken

    def is_blind(self, now_ns: int) -> bool:
        """Whether it cannot be worked out: a base rule does not look, or the past is not there.

        A stretch that will be searched again, or of which a document was put aside, is no such.
        """
        is_in_part = self.exact_from_ns > now_ns or any(gap.end_ns is None for gap in self.gaps)
        return is_in_part or bool(self.broken)


def standings_in(
    notes: Mapping[str, Any], rule_ids: Collection[str]
) -> Iterator[CorrelationStanding]:
    """Yield what notes say of these correlations; those of others are of the past."""
    for name, note in sorted(notes.items()):
        rule_id = name.removeprefix(NOTES)
        if name.startswith(NOTES) and rule_id in rule_ids:
            gaps = [
                BaseGap(gap["rule"], gap["start_ns"], gap["end_ns"], gap["reason"])
                for gap in note["blind"]
            ]
            yield CorrelationStanding(
                *(rule_id, note["exact_from_ns"], note["not_fetched"], gaps, note.get("broken", ""))
            )


def standing_of(
    tree: Tree,
    rules: Mapping[str, RuleRecord],
    unprimed: Mapping[str, str],
    blind: Sequence[JsonValue],
    broken: str = "",
) -> Mapping[str, JsonValue]:
    """Return the note of a correlation.

    `unprimed` says of which base rules the past could not be fetched, and why: its windows are
    exact once they do not reach back to that. `blind` are the gaps of its base rules, `broken` says
    why it could not be worked out.
    """
    since = [rules[tree.top.info.id].since_ns]
    since += [rules[leaf].since_ns + tree.context_ns for leaf in unprimed if leaf in rules]
    return {
        "exact_from_ns": max(since),
        "not_fetched": dict(sorted(unprimed.items())),
        "blind": blind,
        **({"broken": broken} if broken else {}),
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
            since_ns = now_ns if record is None else record.disabled_since_ns
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
