"""Rules as an earlier start compiled them, each by what it says, its filters and the profile.

Takes the pieces of a file of the store; gives `compile_all` what became of each rule. One that is
new, or has other filters or another profile now, is compiled in earnest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from sigma2hive.compiler import Compiling, Outcome
from sigma2hive.engine import Program, compile_program, with_rules
from sigma2hive.model.rules import CompiledRule, DetectionRule, FilterRule
from sigma2hive.records import dataclass
from sigma2hive.workflows.store.contents import digest_of
from sigma2hive.workflows.store.reading import ReadFiles
from sigma2hive.workflows.store.rule_pieces import Piece, piece_of, rule_in
from sigma2hive.workflows.store.stored_rules import StoredRules

_NOTHING_TO_TELL = Outcome()
#: A program is made anew where more than one rule of so many is new, or gone.
_FEW = 8


@dataclass(frozen=True, slots=True)
class Layer:
    """What a file of the store says of the rules whose pieces follow it.

    `keys` are theirs, in the order of pieces and of the program's rules. `told` are the outcomes
    that say anything, those of rules that were left out among them. `dropped` counts the rules that
    the program still has tests of, though no rule asks them any more.
    """

    keys: tuple[bytes, ...] = ()
    told: Mapping[bytes, Outcome] = field(default_factory=dict)
    dropped: int = 0


class KeptOutcomes:
    """What becomes of the rules of one start."""

    def __init__(
        self,
        layer: Layer,
        pieces: Sequence[Piece],
        read: ReadFiles,
        compiling: Compiling,
        profile: bytes,
    ) -> None:
        self._layer, self._read, self._compiling, self._profile = layer, read, compiling, profile
        self._told: dict[bytes, Outcome] = dict(layer.told)
        self._kept: dict[bytes, Piece] = dict(zip(layer.keys, pieces, strict=True))
        self._keys: dict[str, bytes] = {}
        self._made: dict[bytes, CompiledRule] = {}
        self._outcomes: dict[bytes, Outcome] = {}

    def add(self, rule: DetectionRule, filters: Sequence[FilterRule]) -> Outcome:
        """Say what there is to tell of a rule with its filters."""
        of_filters = map(self._read.key_of, filters)
        key = digest_of((self._profile, self._read.key_of(rule), *of_filters))
        self._keys[rule.info.id] = key
        outcome = self._told.get(key)
        if outcome is None and key in self._kept:
            outcome = _NOTHING_TO_TELL
        if outcome is None:
            outcome = self._compiling.add(self._read.whole(rule), filters)
            if not outcome.is_left_out:
                self._made[key] = self._compiling.rule(rule)
        if outcome != _NOTHING_TO_TELL:
            self._outcomes[key] = outcome
        return outcome

    def rule(self, rule: DetectionRule) -> CompiledRule:
        """Return what one that was added, and not left out, is compiled to."""
        key = self._keys[rule.info.id]
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = rule_in(self._kept[key])
        return made

    def rules(self, chosen: Sequence[tuple[DetectionRule, bool]]) -> StoredRules:
        """Return some that were added, in this order, each with whether it is silent."""
        keys = tuple(self._keys[rule.info.id] for rule, _ in chosen)
        pieces = [self._kept.get(key) or self._made[key] for key in keys]
        return StoredRules(pieces, [silent for _, silent in chosen], keys)

    def made(self) -> tuple[Mapping[bytes, Outcome], Mapping[bytes, bytes]]:
        """Return what there was to tell, and what was compiled here, by what stands for each."""
        return self._outcomes, {key: piece_of(rule) for key, rule in self._made.items()}

    def take(self, told: Mapping[bytes, Outcome], kept: Mapping[bytes, bytes]) -> None:
        """Take over what another process gave as `made()`."""
        self._told.update(told)
        self._kept.update(kept)

    def key_of(self, rule: DetectionRule) -> bytes:
        """Return what stands for a rule that was added, and for its filters."""
        return self._keys[rule.info.id]

    def layer_of(self, rules: StoredRules) -> Layer:
        """Return what to keep of the rules where nobody wants their program."""
        return Layer(rules.keys, self._outcomes)

    def program_of(self, rules: StoredRules, known: Program | None) -> tuple[Program, Layer]:
        """Return the program of the rules, made of the `known` one, and what to keep of them."""
        positions = {key: number for number, key in enumerate(self._layer.keys)}
        places = [positions.get(key) for key in rules.keys]
        new = places.count(None)
        dropped = self._layer.dropped + len(positions) - (len(places) - new)
        if known is None or (new + dropped) * _FEW > len(places):
            program, dropped = compile_program(rules), 0
        else:
            program = with_rules(known, places, rules)
        return program, Layer(rules.keys, self._outcomes, dropped)
