"""Compiled rules that are made of their bytes when they are asked for, since a run asks for few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

from sigma2hive.model.rules import CompiledRule, KeptRules, RuleHead
from sigma2hive.workflows.store.rule_pieces import Piece, head_in, piece_of, rule_in


class StoredRules(KeptRules):
    """Rules that are read when they are asked for; `keys` are what stands for each."""

    def __init__(
        self,
        pieces: Sequence[Piece | CompiledRule],
        silent: Sequence[bool],
        keys: tuple[bytes, ...],
    ) -> None:
        self._pieces, self.silent, self.keys = pieces, silent, keys
        self._read: dict[int, CompiledRule] = {}
        self._heads = _Heads(self)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pieces)

    @overload
    def __getitem__(self, index: int) -> CompiledRule: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[CompiledRule]: ...
    def __getitem__(self, index: int | slice) -> CompiledRule | Sequence[CompiledRule]:
        """Return one rule, or some."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        position = _position(self, index)
        rule = self._read.get(position)
        if rule is None:
            rule = self._read[position] = self._rule(position)
        return rule

    def _rule(self, position: int) -> CompiledRule:
        piece, is_silent = self._pieces[position], self.silent[position]
        if not isinstance(piece, CompiledRule):
            return rule_in(piece, is_silent=is_silent)
        return replace(piece, silent=True) if is_silent else piece

    @property
    def heads(self) -> Sequence[RuleHead]:
        """Their heads, for which no rule is read whole."""
        return self._heads

    def head(self, position: int) -> RuleHead:
        """Return the head of one rule, made anew."""
        piece, is_silent = self._pieces[position], self.silent[position]
        if position in self._read or isinstance(piece, CompiledRule):
            return self[position]
        return head_in(piece, is_silent=is_silent)

    def said_keys(self) -> tuple[bytes, ...]:
        """Return what stands for each, and for whether it is silent."""
        pairs = zip(self.keys, self.silent, strict=True)
        return tuple(said_key(key, is_silent=silent) for key, silent in pairs)

    def pieces(self) -> list[Piece]:
        """Return what each is made of again, silent or not."""
        return [
            piece_of(piece) if isinstance(piece, CompiledRule) else piece for piece in self._pieces
        ]


class _Heads(Sequence[RuleHead]):
    """The heads of rules, each read when it is first asked for."""

    def __init__(self, rules: StoredRules) -> None:
        self._rules = rules
        self._read: dict[int, RuleHead] = {}

    def __len__(self) -> int:
        return len(self._rules)

    @overload
    def __getitem__(self, index: int) -> RuleHead: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RuleHead]: ...
    def __getitem__(self, index: int | slice) -> RuleHead | Sequence[RuleHead]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        found = self._read.get(index)
        if found is None:
            position = _position(self, index)
            found = self._read[position] = self._rules.head(position)
        return found


def _position(rules: Sequence[object], index: int) -> int:
    """Return an index counted from the start.

    Raises:
        IndexError: there is none such.
    """
    position = index + len(rules) if index < 0 else index
    if not 0 <= position < len(rules):
        raise IndexError(index)
    return position


def said_key(key: bytes, *, is_silent: bool) -> bytes:
    """Return what stands for a rule and for whether it is silent."""
    return key + bytes([is_silent])
