"""A compiled rule as bytes, its head first: a run reads no more of a rule that raises alerts.

Takes and gives compiled rules, each said without whether it is silent. The head is read in a fifth
of the time that the whole takes.
"""

from __future__ import annotations

from sigma2hive.model.rules import CompiledRule, HeadOfRule
from sigma2hive.workflows.store.pickles import dumped, loaded, loaded_both

Piece = bytes | memoryview


def piece_of(rule: CompiledRule) -> bytes:
    """Return the bytes of a rule."""
    head = (rule.info, rule.logsource, rule.indices, rule.fields)
    conditions = (rule.gate, rule.condition, rule.unfiltered, rule.filters)
    return dumped(head, (rule.profile, rule.digest, *conditions))


def head_in(piece: Piece, *, is_silent: bool) -> HeadOfRule:
    """Return the head of a rule, of its bytes."""
    info, logsource, indices, fields = loaded(piece)
    return HeadOfRule(info, logsource, indices, fields, is_silent)


def rule_in(piece: Piece, *, is_silent: bool = False) -> CompiledRule:
    """Return a rule, of its bytes."""
    (info, logsource, indices, fields), body = loaded_both(piece)
    profile, digest, gate, condition, unfiltered, filters = body
    return CompiledRule(
        info,
        logsource,
        profile,
        indices,
        gate,
        condition,
        digest,
        unfiltered,
        filters,
        fields,
        is_silent,
    )
