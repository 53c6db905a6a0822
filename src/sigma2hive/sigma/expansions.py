"""Modifiers that make other values of a value, with a limit on how many.

Takes pySigma's values; gives pySigma's values. Some of pySigma 1.5's modifiers are corrected here,
each with its reason. What a few characters would turn into thousands of values is refused before
it is made.

Source: https://sigmahq.io/docs/basics/modifiers.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from sigma.exceptions import SigmaError, SigmaRegularExpressionError
from sigma.modifiers import (
    SigmaBase64Modifier,
    SigmaBase64OffsetModifier,
    SigmaCaseSensitiveModifier,
    SigmaExpandModifier,
    SigmaModifier,
    SigmaUTF16Modifier,
    SigmaValueModifier,
    SigmaWindowsDashModifier,
    modifier_mapping,
)
from sigma.rule import SigmaDetectionItem
from sigma.types import (
    Placeholder,
    SigmaCasedString,
    SigmaExpansion,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
)

from sigma2hive.sigma.misfits import HINTS, misfit, refuse_unfit, shown, told
from sigma2hive.sigma.patterns import (
    DASHES,
    LEAST_BYTES,
    base64_anywhere,
    base64_of,
    dashes_in,
    in_all_dashes,
)
from sigma2hive.sigma.problems import ValueProblem
from sigma2hive.sigma.strings import pattern_in, string_of
from sigma2hive.sigma.tallies import MAX_CHARACTERS, MAX_MADE, Tally


class ExpandedItem(SigmaDetectionItem):
    """A detection item whose modifiers know the placeholders' values and stop at the limits."""

    tally: Tally
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        field: str | None,
        names: Sequence[str],
        values: list[SigmaType],
        tally: Tally,
    ) -> ExpandedItem:
        """Return the item with the modifiers of these `names` applied.

        Raises:
            ValueProblem: a value does not fit its modifier, it would be too many values, or a
                placeholder has none.
        """
        item = cls(field, [MODIFIERS[name] for name in names], values, auto_modifiers=False)
        item.names = tuple(names)
        item.tally = tally
        tally.written += len(values)
        item.apply_modifiers()
        tally.made += item.check_size()
        return item

    def apply_modifiers(self) -> None:
        """Apply the modifiers in their order, as pySigma does, and look at what became of it."""
        applied: list[type[SigmaModifier[Any, Any]]] = []
        for name, kind in zip(self.names, self.modifiers, strict=True):
            modifier = kind(self, applied, self.source)
            if isinstance(modifier, SigmaValueModifier):
                self.value = [
                    made for value in self.value for made in _made_of(value, modifier, name)
                ]
            else:
                self.value = modifier.apply(self.value)
            applied.append(kind)
            if SigmaCaseSensitiveModifier in applied:
                # Most of pySigma's modifiers forget the letter case of what they are given.
                self.value = [_cased(value) for value in self.value]
            self.check_size()

    def check_size(self) -> int:
        """Return the number of values.

        Raises:
            ValueProblem: they are too many, or too long.
        """
        leaves = [leaf for value in self.value for leaf in _leaves(value)]
        self.tally.refuse_too_many(len(leaves))
        if sum(len(leaf) for leaf in leaves if isinstance(leaf, SigmaString)) > MAX_CHARACTERS:
            raise ValueProblem(
                "S2H207",
                f"the modifiers make more than {MAX_CHARACTERS:,} characters of the value",
                "apply each encoding once",
            )
        return len(leaves)


def _made_of(
    value: SigmaType, modifier: SigmaValueModifier[Any, Any], name: str
) -> list[SigmaType]:
    """Return what a modifier makes of one value, telling in our own words what it does not take."""
    for leaf in _leaves(value):
        if not modifier.type_check(leaf):
            raise ValueProblem("S2H207", *misfit(leaf, modifier, name))
        refuse_unfit(leaf, name)
    try:
        return modifier.apply(value)
    except SigmaRegularExpressionError as error:
        raise ValueProblem("S2H215", told(error), "mend the expression") from None
    except SigmaError as error:
        hint = HINTS.get(name, f"see |{name} in Sigma's manual")
        raise ValueProblem("S2H207", told(error), hint) from None
    except (IndexError, AttributeError, TypeError):
        # pySigma does not expect an empty expression, among others.
        raise ValueProblem(
            "S2H207", f"|{name} cannot be applied to {shown(value)}", "leave the modifier out"
        ) from None


def _leaves(value: SigmaType) -> Iterator[SigmaType]:
    if isinstance(value, SigmaExpansion):
        for inner in value.values:
            yield from _leaves(inner)
    else:
        yield value


def _encoded(value: SigmaString, applied: Sequence[type[Any]]) -> bytes:
    # pySigma encodes the escaped text, so that an asterisk becomes a backslash and an asterisk.
    text = "".join(part for part in value.s if isinstance(part, str))
    if SigmaUTF16Modifier in applied and text.startswith("\ufeff"):
        # pySigma carries the byte order mark as a character, which UTF-8 would spell otherwise.
        return b"\xff\xfe" + text[1:].encode("utf-8")
    return text.encode("utf-8")


class _Base64(SigmaBase64Modifier):
    def modify(self, val: SigmaString) -> SigmaString:
        super().modify(val)  # refuses wildcards
        return string_of(base64_of(_encoded(val, self.applied_modifiers)))


class _Base64Offset(SigmaBase64OffsetModifier):
    def modify(self, val: SigmaString) -> SigmaExpansion:
        super().modify(val)
        data = _encoded(val, self.applied_modifiers)
        if len(data) < LEAST_BYTES:
            raise ValueProblem(
                "S2H207",
                "|base64offset leaves nothing to look for of so short a text",
                f"give it at least {LEAST_BYTES} bytes",
            )
        # pySigma counts characters for the end; only the number of bytes decides it.
        return SigmaExpansion(list(map(string_of, base64_anywhere(data))))


class _WindowsDash(SigmaWindowsDashModifier):
    def modify(self, val: SigmaString) -> SigmaExpansion:
        pattern = pattern_in(val)
        dashes = dashes_in(pattern)
        made = len(DASHES) ** dashes
        if made > MAX_MADE:
            raise ValueProblem(
                "S2H207",
                f"|windash makes {made:,} values of {dashes} dashes; the limit is {MAX_MADE:,}",
                "split it at its dashes, and use |windash|contains|all",
            )
        # pySigma knows two of the dashes.
        return SigmaExpansion(list(map(string_of, in_all_dashes(pattern))))


class _Expand(SigmaExpandModifier):
    """Puts the placeholders' values in where the modifier stands, not after all others.

    So what follows acts on these values: `|expand|wide|base64offset` encodes them.
    """

    def modify(self, val: SigmaString | SigmaRegularExpression) -> Any:
        if encoding := next((kind for kind in self.applied_modifiers if kind in _ENCODINGS), None):
            raise ValueProblem(
                "S2H207",
                f"after |{_ENCODINGS[encoding]} there are no placeholders left to expand",
                f"write |expand before |{_ENCODINGS[encoding]}",
            )
        placed = super().modify(val)
        if not placed.contains_placeholder():
            return placed
        text = placed.regexp if isinstance(placed, SigmaRegularExpression) else placed
        counts = [len(self._values(part)) for part in text.s if isinstance(part, Placeholder)]
        self._tally.written += sum(counts)
        self._tally.refuse_too_many(prod(counts))
        made = list(placed.replace_placeholders(lambda found: iter(self._values(found))))
        return SigmaExpansion(list(made))

    @property
    def _tally(self) -> Tally:
        item = self.detection_item
        return item.tally if isinstance(item, ExpandedItem) else Tally({})

    def _values(self, found: Placeholder) -> list[SigmaString]:
        return [SigmaString(text) for text in self._tally.values_of(found.name)]


def _cased(value: SigmaType) -> SigmaType:
    if isinstance(value, SigmaExpansion):
        return SigmaExpansion([_cased(inner) for inner in value.values])
    return SigmaCasedString.from_sigma_string(value) if isinstance(value, SigmaString) else value


_ENCODINGS: Mapping[type[Any], str] = {
    _Base64: "base64",
    _Base64Offset: "base64offset",
    **{modifier_mapping[name]: name for name in ("utf16", "utf16be", "wide")},
}

MODIFIERS: Mapping[str, type[SigmaModifier[Any, Any]]] = {
    **modifier_mapping,
    "base64": _Base64,
    "base64offset": _Base64Offset,
    "expand": _Expand,
    # The name that Sigma 2.1 has for it; `wide` is the other one.
    "utf16le": modifier_mapping["wide"],
    "windash": _WindowsDash,
}
