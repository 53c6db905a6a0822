"""Compiled rules that are made of their bytes when they are asked for, since a run asks for few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

from sigma2hive.model.rules import CompiledRule
from sigma2hive.workflows.store.pickles import dumped, loaded


class StoredRules(Sequence[CompiledRule]):
    """Rules that are read when they are asked for; `keys` are what stands for each."""

    def __init__(
        self,
        pieces: Sequence[bytes | memoryview | CompiledRule],
        silent: Sequence[bool],
        keys: tuple[bytes, ...],
    ) -> None:
        self._pieces, self.silent, self.keys = pieces, silent, keys
        self._read: dict[int, CompiledRule] = {}

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
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(index)
        rule = self._read.get(position)
        if rule is None:
            piece = self._pieces[position]
            rule = piece if isinstance(piece, CompiledRule) else loaded(piece)
            if self.silent[position]:
                rule = replace(rule, silent=True)
            self._read[position] = rule
        return rule

    def said_keys(self) -> tuple[bytes, ...]:
        """Return what stands for each, and for whether it is silent."""
        pairs = zip(self.keys, self.silent, strict=True)
        return tuple(said_key(key, is_silent=silent) for key, silent in pairs)

    def pieces(self) -> list[bytes | memoryview]:
        """Return what each is made of again, silent or not."""
        return [
            dumped(piece) if isinstance(piece, CompiledRule) else piece for piece in self._pieces
        ]


def said_key(key: bytes, *, is_silent: bool) -> bytes:
    """Return what stands for a rule and for whether it is silent."""
    return key + bytes([is_silent])
