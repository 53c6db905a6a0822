"""Modifiers of texts one after the other, as patterns.

Takes the names of modifiers, then texts; gives the patterns that pySigma's would come to. What
these cannot say is `Unusual`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from sigma2hive.records import dataclass
from sigma2hive.sigma.patterns import (
    DASHES,
    LEAST_BYTES,
    Pattern,
    base64_anywhere,
    base64_of,
    dashes_in,
    in_all_dashes,
    open_at_both,
    open_at_end,
    open_at_start,
    pattern_of,
    placeholders_in,
    with_placeholders,
)
from sigma2hive.sigma.problems import Unusual
from sigma2hive.sigma.tallies import MAX_CHARACTERS, MAX_MADE, Tally

#: More of them may make more of a text than `MAX_CHARACTERS`.
_MAX_MODIFIERS = 4

#: One pattern of a pattern.
_Same = Callable[[Pattern], Pattern]
#: Several of a pattern, any of which is enough; None leaves it as it is.
_Spread = Callable[[Pattern, Tally], list[Pattern] | None]
#: What became of a text: its pattern, or several of which any is enough.
Made = Pattern | list[Pattern]


@dataclass(frozen=True, slots=True)
class Chain:
    """Modifiers in their order, of which one at most spreads a pattern into several."""

    before: tuple[_Same, ...] = ()
    spread: _Spread | None = None
    after: tuple[_Same, ...] = ()

    @classmethod
    def of(cls, names: Sequence[str]) -> Chain | None:
        """Return the chain of modifiers; None where it has others, or means something special."""
        spreading = [name for name in names if name in _SPREADING]
        is_known = all(name in _SAME or name in _SPREADING for name in names)
        if not is_known or len(spreading) > 1 or len(names) > _MAX_MODIFIERS:
            return None
        if not spreading:
            return cls(tuple(_SAME[name] for name in names))
        at = names.index(spreading[0])
        before, after = names[:at], names[at + 1 :]
        if spreading == ["expand"] and not _ENCODING.isdisjoint(before):
            return None  # nothing is left to expand, which is a mistake
        return cls(
            tuple(_SAME[name] for name in before),
            _SPREADING[spreading[0]],
            tuple(_SAME[name] for name in after),
        )

    def made_of(self, texts: Sequence[str], tally: Tally) -> list[Made]:
        """Return what becomes of each text; together they are short.

        Raises:
            Unusual: this is not for us.
            ValueProblem: there would be too many, or a placeholder has no values.
        """
        made: list[Made] = [pattern_of(text) for text in texts]
        if self.spread is None:
            # One of each: that is never too many.
            return [_through(self.before, one) for one in made if isinstance(one, tuple)]
        # Step by step for all texts, since pySigma looks at limits in that order.
        for step in self.before:
            made = _each(step, made, tally)
        made = [self.spread(one, tally) or one for one in made if isinstance(one, tuple)]
        _refuse_too_many(made, tally)
        for step in self.after:
            made = _each(step, made, tally)
        return made


def _through(steps: Sequence[_Same], pattern: Pattern) -> Pattern:
    for step in steps:
        pattern = step(pattern)
    return pattern


def _each(step: _Same, made: Sequence[Made], tally: Tally) -> list[Made]:
    _refuse_too_many(made, tally)
    return [step(one) if isinstance(one, tuple) else list(map(step, one)) for one in made]


def _refuse_too_many(made: Sequence[Made], tally: Tally) -> None:
    spread = [pattern for one in made if isinstance(one, list) for pattern in one]
    singles = sum(isinstance(one, tuple) for one in made)
    tally.refuse_too_many(singles + len(spread))
    if sum(map(_characters, spread)) > MAX_CHARACTERS:
        raise Unusual


def _characters(pattern: Pattern) -> int:
    return sum(len(part) if isinstance(part, str) else 1 for part in pattern)


def _data_of(pattern: Pattern) -> bytes:
    """Return the bytes of a pattern that has no wildcards."""
    texts = [part for part in pattern if isinstance(part, str)]
    if len(texts) < len(pattern):
        raise Unusual
    return "".join(texts).encode("utf-8")


def _base64(pattern: Pattern) -> Pattern:
    return base64_of(_data_of(pattern))


def _base64_offsets(pattern: Pattern, _: Tally) -> list[Pattern]:
    data = _data_of(pattern)
    if len(data) < LEAST_BYTES:
        raise Unusual
    return base64_anywhere(data)


def _wide(pattern: Pattern) -> Pattern:
    try:
        return tuple(
            part.encode("utf-16le").decode("utf-8") if isinstance(part, str) else part
            for part in pattern
        )
    except UnicodeError:
        raise Unusual from None


def _windash(pattern: Pattern, _: Tally) -> list[Pattern]:
    if len(DASHES) ** dashes_in(pattern) > MAX_MADE:
        raise Unusual
    return in_all_dashes(pattern)


def _expand(pattern: Pattern, tally: Tally) -> list[Pattern] | None:
    if any("\\%" in part for part in pattern if isinstance(part, str)):
        raise Unusual
    names = placeholders_in(pattern)
    if not names:
        return None
    counts = [len(tally.values_of(name)) for name in names]
    tally.written += sum(counts)
    tally.refuse_too_many(prod(counts))
    return with_placeholders(pattern, tally.values_of)


_SAME: Mapping[str, _Same] = {
    "contains": open_at_both,
    "startswith": open_at_end,
    "endswith": open_at_start,
    "base64": _base64,
    "wide": _wide,
    "utf16le": _wide,
}
_SPREADING: Mapping[str, _Spread] = {
    "base64offset": _base64_offsets,
    "expand": _expand,
    "windash": _windash,
}
_ENCODING = frozenset({"base64", "wide", "utf16le"})
