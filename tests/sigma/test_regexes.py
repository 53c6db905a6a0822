"""`|re` without letter case: by the folding table, however a letter is written in the pattern.

The property holds patterns against a definition that looks at one character at a time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.model.folding import fold
from tests.sigma_texts import detection, met, parse


def quoted(pattern: str) -> str:
    """The pattern as YAML writes any text."""
    plain = json.dumps(pattern, ensure_ascii=False)
    return "".join(char if char.isascii() else f"\\U{ord(char):08x}" for char in plain)


def found(pattern: str, value: str, modifiers: str = "|re|i") -> bool:
    text = f"selection:\n    F{modifiers}: {quoted(pattern)}\ncondition: selection"
    return met(text, {"F": value})


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (r"caf\xe9", "CAFÉ", True),
        (r"caf\u00c9", "café", True),
        (r"\U00010400", "\U00010428", True),
        (r"\N{LATIN SMALL LETTER E WITH ACUTE}", "É", True),
        (r"\311", "é", True),
        (r"^[À-ß]+$", "àéÐ", True),
        (r"^[\xc0-\xdf]$", "é", True),
        (r"^[^À-ß]$", "é", False),
        (r"^[\wÀ-ß]+$", "aéZ", True),
        (r"^[a-ß]$", "É", True),  # é lies in a-ß no more than É, but É does
        (r"^[À-\U00010400]$", "K", False),
        (r"(?-i:É)a", "ÉA", True),
        (r"(?-i:É)a", "éA", False),
        ("σ", "ς", True),  # one letter by the table
        ("k", "\u212a", False),  # never between ASCII and others
        ("[k-ÿ]", "\u212a", False),
        ("\u212a", "k", False),
        (r"^(['\"]).\1$", "'é'", True),
        (r"^(?P<q>a)é(?P=q)$", "aÉA", True),
        (r"^(é)(?-i:\1)$", "éé", True),
        (r"^(é)(?-i:\1)$", "éÉ", False),
        (r"^(é)?(?(1)b|c)$", "ÉB", True),
        (r"(?#É)é", "É", True),
        ("(?x: É # É*\n)", "é", True),
        (r"(?<=é)b", "Éb", True),
        (r"[]é]", "É", True),
    ],
)
def test_without_letter_case(pattern: str, value: str, expected: bool) -> None:
    assert found(pattern, value) is expected


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("(?i)É", "é", True),
        (r"(?i:\xc9)É", "éÉ", True),
        (r"(?i:\xc9)É", "éé", False),
        (r"(?i:É(?-i:É)É)", "éÉé", True),
        (r"(?i:É(?-i:É)É)", "ééé", False),
        ("É", "é", False),
        ("[À-ß]", "é", False),
    ],
)
def test_flags_in_the_pattern_hold_where_they_stand(
    pattern: str, value: str, expected: bool
) -> None:
    assert found(pattern, value, "|re") is expected


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        (r"(.)\1", r"write (?-i:\1) to ask for the same letters in the same case"),
        (r"(?P<q>[^a])(?P=q)", "write (?-i:(?P=q)) to ask for the same letters in the same case"),
        (r"(?P<q>(é))(x)(?P=q)", None),
        (r"(?u:\w)", "remove it, and name the letters that are meant"),
        ("(?u)a", None),
    ],
)
def test_what_cannot_be_done_is_refused(pattern: str, hint: str | None) -> None:
    rules, diagnostics = parse(
        detection(f"selection:\n    F|re|i: {quoted(pattern)}\ncondition: selection")
    )
    (finding,) = diagnostics
    assert rules == []
    assert finding.code == "S2H215"
    assert hint is None or finding.hint == hint


# The slow definition


@dataclass(frozen=True)
class Node:
    """A piece of a pattern: how it is written, and which ends it reaches in a text."""

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()
    on: bool = True

    def ends(self, value: str, start: int, ignore: bool) -> set[int]:
        match self.kind:
            case "seq":
                ends = {start}
                for part in self.parts:
                    ends = {end for begin in ends for end in part.ends(value, begin, ignore)}
                return ends
            case "alt":
                return set().union(*(part.ends(value, start, ignore) for part in self.parts))
            case "maybe":
                return {start} | self.parts[0].ends(value, start, ignore)
            case "flags":
                return self.parts[0].ends(value, start, self.on)
        if start == len(value):
            return set()
        return {start + 1} if self._takes(value[start], ignore) else set()

    def _takes(self, char: str, ignore: bool) -> bool:
        meant = (chr(code) for low, high in self.ranges for code in range(ord(low), ord(high) + 1))
        is_one = any(char == other or (ignore and fold(char) == fold(other)) for other in meant)
        return is_one is self.on


ALPHABET = "akKsSi\u0131\u0130I\u212a\u017féÉàÀßẞσςΣǅǆǄµμΜÿŸᎠꭰ٣1-\U00010400\U00010428"


def written(draw: st.DrawFn, char: str) -> str:
    forms = [char if char != "-" else r"\-", f"\\U{ord(char):08x}"]
    if ord(char) < 0x10000:
        forms.append(f"\\u{ord(char):04x}")
    if ord(char) < 0x100:
        forms.append(f"\\x{ord(char):02x}")
    return draw(st.sampled_from(forms))


@st.composite
def literals(draw: st.DrawFn) -> Node:
    char = draw(st.sampled_from(ALPHABET))
    return Node("char", written(draw, char), ranges=((char, char),))


@st.composite
def classes(draw: st.DrawFn) -> Node:
    ranges, text = [], ""
    for _ in range(draw(st.integers(1, 2))):
        low = draw(st.sampled_from(ALPHABET))
        high = chr(ord(low) + draw(st.sampled_from([0, 1, 31, 150])))
        ranges.append((low, high))
        text += written(draw, low) + (f"-{written(draw, high)}" if high != low else "")
    on = draw(st.booleans())
    return Node("char", f"[{'' if on else '^'}{text}]", ranges=tuple(ranges), on=on)


def joined(parts: list[Node]) -> Node:
    return Node("seq", "".join(part.text for part in parts), tuple(parts))


def either(parts: list[Node]) -> Node:
    return Node("alt", f"({'|'.join(part.text for part in parts)})", tuple(parts))


def maybe(part: Node) -> Node:
    return Node("maybe", f"(?:{part.text})?", (part,))


def flagged(part: Node, on: bool) -> Node:
    return Node("flags", f"(?{'' if on else '-'}i:{part.text})", (part,), on=on)


NODES = st.recursive(
    literals() | classes(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(joined),
        st.lists(inner, min_size=1, max_size=2).map(either),
        inner.map(maybe),
        st.builds(flagged, inner, st.booleans()),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(NODES, st.text(ALPHABET, max_size=4), st.booleans())
def test_a_pattern_means_what_the_folding_table_says(node: Node, value: str, ignore: bool) -> None:
    expected = any(node.ends(value, start, ignore) for start in range(len(value) + 1))
    assert found(node.text, value, "|re|i" if ignore else "|re") is expected
