"""Compiled rules that are made of their bytes when they are asked for, since a run asks for few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar, overload

from sigma2hive.model.rules import CompiledRule, KeptRules, RuleHead
from sigma2hive.workflows.store.rule_pieces import Piece, head_in, piece_of, rule_in

T = TypeVar("T")


class StoredRules(KeptRules):
    """Rules that are read when they are asked for; `keys` are what stands for each."""

    def __init__(
        self,
        pieces: Sequence[Piece | CompiledRule],
        silent: Sequence[bool],
        keys: tuple[bytes, ...],
    ) -> None:
        self._pieces, self.silent, self.keys = pieces, silent, keys
        self._rules = _ReadOnce(len(pieces), self._rule)
        self._heads = _ReadOnce(len(pieces), self._head)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pieces)

    @overload
    def __getitem__(self, index: int) -> CompiledRule: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[CompiledRule]: ...
    def __getitem__(self, index: int | slice) -> CompiledRule | Sequence[CompiledRule]:
        """Return one rule, or some."""
        return self._rules[index]

    @property
    def heads(self) -> Sequence[RuleHead]:
        """Their heads, for which no rule is read whole."""
        return self._heads

    def said_keys(self) -> tuple[bytes, ...]:
        """Return what stands for each, and for whether it is silent."""
        pairs = zip(self.keys, self.silent, strict=True)
        return tuple(said_key(key, is_silent=silent) for key, silent in pairs)

    def pieces(self) -> list[Piece]:
        """Return what each is made of again, silent or not."""
        return [
            piece_of(piece) if isinstance(piece, CompiledRule) else piece for piece in self._pieces
        ]

    def _rule(self, position: int) -> CompiledRule:
        piece, is_silent = self._pieces[position], self.silent[position]
        if not isinstance(piece, CompiledRule):
            return rule_in(piece, is_silent=is_silent)
        return replace(piece, silent=True) if is_silent else piece

    def _head(self, position: int) -> RuleHead:
        piece = self._pieces[position]
        if self._rules.has_read(position) or isinstance(piece, CompiledRule):
            return self[position]
        return head_in(piece, is_silent=self.silent[position])


class _ReadOnce(Sequence[T]):
    """Things that are read by their position when they are first asked for."""

    def __init__(self, count: int, read: Callable[[int], T]) -> None:
        self._count, self._read = count, read
        self._known: dict[int, T] = {}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(self._count))]
        position = index + self._count if index < 0 else index
        if not 0 <= position < self._count:
            raise IndexError(index)
        if position not in self._known:
            self._known[position] = self._read(position)
        return self._known[position]

    def has_read(self, position: int) -> bool:
        """Whether one was read already."""
        return position in self._known


def said_key(key: bytes, *, is_silent: bool) -> bytes:
    """Return what stands for a rule and for whether it is silent."""
    return key + bytes([is_silent])
