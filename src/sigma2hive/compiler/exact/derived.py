"""Fields that a profile puts together from others, said exactly in terms of their parts.

Takes a test on a derived field; gives a condition on the fields that it reads. Each of these is
taken to have one value, as all but very odd events do (`Margin.SEVERAL`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.nodes import MATCH_NONE, all_of
from sigma2hive.compiler.dsl.texts import meets
from sigma2hive.compiler.exact.atoms import any_said, existence_of, opposite, said_on_field
from sigma2hive.compiler.exact.margins import Margin, Said, Unsayable, said
from sigma2hive.model.conditions import Boolean, Number, Test, Text, Wildcard
from sigma2hive.model.fields import Derived, Field, FieldType, Part

_STAR = Wildcard.ANY
_HEX = frozenset("0123456789abcdefABCDEF")
_UPPER_HEX = str.maketrans("abcdef", "ABCDEF")

Pattern = tuple[str | Wildcard, ...]
Pair = tuple[Part, Field]


def derived_existence(field: Field, derived: Derived) -> Said:
    """Return "the derived field has a value".

    Raises:
        Unsayable: that depends on more than whether its parts do.
    """
    found = [_gives(pair) for pair in zip(derived.parts, field.parts, strict=True)]
    return any_said(found)


def said_on_derived(test: Test, field: Field, derived: Derived) -> Said:
    """Return what a test other than of existence asks of a derived field.

    Raises:
        Unsayable: it cannot be said.
    """
    text = _as_text(test)
    pairs = tuple(zip(derived.parts, field.parts, strict=True))
    if set(text.pattern) == {_STAR}:
        found = derived_existence(field, derived)
    elif derived.first:
        found = _first(text, pairs)
    elif derived.each or len(pairs) == 1 or _are_exclusive(pairs):
        found = any_said(_part_meets(text, pair) for pair in pairs)
    elif _is_inner(text, derived.separator):
        found = any_said(_part_holds(text.pattern[1], text.cased, pair) for pair in pairs)
    elif len(pairs) == 2 and derived.separator and not any(map(_is_written, derived.parts)):
        found = _two(text, pairs, derived.separator)
    else:
        raise Unsayable(Reason.DERIVED)
    return Said(found.node, found.margins | {Margin.SEVERAL}, found.unseen)


def _as_text(test: Test) -> Text:
    match test:
        case Text():
            return test
        case Boolean(boolean):
            return Text(("true" if boolean else "false",))
    raise Unsayable(Reason.DERIVED)


def _gives(pair: Pair) -> Said:
    """Return "the part gives a text"."""
    part, source = pair
    if part.hex_digits:
        raise Unsayable(Reason.DERIVED)
    if part.replace:
        found = any_said(_is_word(source, key) for key in part.replace)
    else:
        found = existence_of(source)
    return _only_if(part, found)


def _first(test: Text, pairs: Sequence[Pair]) -> Said:
    """Return "the first part that gives any is the pattern"."""
    (part, source), *others = pairs
    here = _part_meets(test, (part, source))
    if not others:
        return here
    return any_said((here, _both(opposite(_gives(pairs[0])), _first(test, others))))


def _are_exclusive(pairs: Sequence[Pair]) -> bool:
    """Whether at most one part gives a text, since they ask the same field for different ones."""
    asked: dict[str, int] = {}
    for part, _ in pairs:
        for path, texts in part.only_if.items():
            for text in texts:
                asked[f"{path}\0{text}"] = asked.get(f"{path}\0{text}", 0) + 1
    paths = {tuple(part.only_if) for part, _ in pairs}
    return len(paths) == 1 and paths != {()} and max(asked.values()) == 1


def _is_inner(test: Text, separator: str) -> bool:
    """Whether the pattern is `*literal*` with a literal that can only lie within one part."""
    pattern = test.pattern
    if len(pattern) != 3 or pattern[0] is not _STAR or pattern[2] is not _STAR:
        return False
    literal = pattern[1]
    edges = {*separator, *separator.lower(), *separator.upper()}
    return isinstance(literal, str) and bool(separator) and edges.isdisjoint(literal)


def _is_written(part: Part) -> bool:
    return bool(
        part.prefix or part.suffix or part.replace or part.upper or part.hex_digits or part.only_if
    )


def _two(test: Text, pairs: Sequence[Pair], separator: str) -> Said:
    """Return "left, separator and right are the pattern", one of them maybe absent."""
    (_, left), (_, right) = pairs
    on_left, on_right = said_on_field(test, left), said_on_field(test, right)
    alternatives = [
        _both(on_left, opposite(existence_of(right))),
        _both(on_right, opposite(existence_of(left))),
    ]
    for before, after in _splits(test, separator):
        alternatives.append(
            _both(_meets(before, test.cased, left), _meets(after, test.cased, right))
        )
    return any_said(alternatives)


def _meets(pattern: Pattern, cased: bool, field: Field) -> Said:
    return said_on_field(Text(pattern, cased), field)


def _splits(test: Text, separator: str) -> Iterator[tuple[Pattern, Pattern]]:
    """Yield what stands before and after each place where the separator can be."""
    if len(separator) != 1 or separator.isalpha():
        raise Unsayable(Reason.DERIVED)
    for position, part in enumerate(test.pattern):
        before, after = test.pattern[:position], test.pattern[position + 1 :]
        if part is Wildcard.ANY:
            yield (*before, part), (part, *after)
        elif part is Wildcard.ONE:
            yield before, after
        else:
            literal = str(part)
            for place, char in enumerate(literal):
                if char == separator:
                    head, tail = literal[:place], literal[place + 1 :]
                    yield (
                        (*before, head) if head else before,
                        (tail, *after) if tail else after,
                    )


def _both(first: Said, second: Said) -> Said:
    return Said(
        all_of((first.node, second.node)),
        first.margins | second.margins,
        first.unseen | second.unseen,
    )


def _only_if(part: Part, found: Said) -> Said:
    for path, texts in part.only_if.items():
        words = any_said(_is_word(Field(path), text) for text in texts)
        found = _both(words, found)
    return found


def _is_word(source: Field, word: str) -> Said:
    """Return "the value is this word", compared as it is."""
    if source.type not in (FieldType.KEYWORD, FieldType.WILDCARD, FieldType.CONSTANT_KEYWORD):
        raise Unsayable(Reason.DERIVED)
    return said_on_field(Text((word,) if word else (), cased=True), source)


def _part_meets(test: Text, pair: Pair) -> Said:
    """Return "prefix, value and suffix of the part are the pattern"."""
    part, source = pair
    if part.replace:
        if part.upper or test.cased:
            raise Unsayable(Reason.DERIVED)
        given = ((key, part.prefix + text + part.suffix) for key, text in part.replace.items())
        found = any_said(_is_word(source, key) for key, text in given if meets(test, text))
    elif part.hex_digits:
        found = _in_hexadecimal(test, part, source)
    else:
        rest = _without(test, part)
        if rest is None:
            return said(MATCH_NONE)
        if part.upper:
            _check_hash(rest, test.cased)
        found = _meets(rest, test.cased, source)
    return _only_if(part, found)


def _check_hash(pattern: Pattern, cased: bool) -> None:
    """Refuse what upper case could change beyond letter case: a hash is hexadecimal."""
    if cased or any(not part.isascii() for part in pattern if isinstance(part, str)):
        raise Unsayable(Reason.DERIVED)


def _without(test: Text, part: Part) -> Pattern | None:
    """Take the part's prefix and suffix off the pattern; None where they do not fit.

    Raises:
        Unsayable: a wildcard stands for a piece of them.
    """
    pattern: Pattern | None = test.pattern
    if part.prefix:
        pattern = _taken_off(test.pattern, part.prefix, test.cased)
    if part.suffix and pattern is not None:
        taken = _taken_off(_backwards(pattern), part.suffix[::-1], test.cased)
        pattern = None if taken is None else _backwards(taken)
    return pattern


def _backwards(pattern: Pattern) -> Pattern:
    return tuple(part if isinstance(part, Wildcard) else part[::-1] for part in pattern[::-1])


def _taken_off(pattern: Pattern, prefix: str, cased: bool) -> Pattern | None:
    head = pattern[0] if pattern else ""
    if isinstance(head, Wildcard) or (len(head) < len(prefix) and len(pattern) > 1):
        raise Unsayable(Reason.DERIVED)
    start = head[: len(prefix)]
    if start != prefix and (cased or start.lower() != prefix.lower()):
        return None
    rest = head[len(prefix) :]
    return (rest, *pattern[1:]) if rest else pattern[1:]


def _part_holds(literal: str | Wildcard, cased: bool, pair: Pair) -> Said:
    """Return "prefix, value and suffix of the part hold the literal"."""
    part, source = pair
    word = str(literal)
    if part.replace or part.hex_digits or part.suffix or (part.prefix and cased):
        raise Unsayable(Reason.DERIVED)
    wanted, prefix = word.lower(), part.prefix.lower()
    if not (wanted + prefix).isascii():
        raise Unsayable(Reason.DERIVED)
    if prefix and wanted in prefix:
        found = existence_of(source)
    else:
        patterns: list[Pattern] = [(_STAR, word, _STAR)]
        patterns += [
            (word[length:], _STAR)
            for length in range(1, min(len(prefix), len(wanted) - 1) + 1)
            if prefix.endswith(wanted[:length])
        ]
        found = any_said(_meets(pattern, cased, source) for pattern in patterns)
    return _only_if(part, found)


def _in_hexadecimal(test: Text, part: Part, source: Field) -> Said:
    """Return "prefix, the number in hexadecimal and suffix are the pattern"."""
    letters = {*part.prefix.lower(), *part.suffix.lower(), *"0123456789abcdef"}
    literals = [p.lower() for p in test.pattern if isinstance(p, str)]
    if test.cased:
        raise Unsayable(Reason.DERIVED)
    if any(not letters.issuperset(piece) for piece in literals):
        return said(MATCH_NONE)
    if test.literal is None:
        raise Unsayable(Reason.DERIVED)
    rest = _without(test, part)
    digits = "" if rest is None else "".join(map(str, rest)).lower()
    if not digits or not _HEX.issuperset(digits) or len(digits) > 16:
        return said(MATCH_NONE)
    number = int(digits, 16)
    if f"{number:0{part.hex_digits}x}" != digits or number >= 2**63:
        return said(MATCH_NONE)
    return said_on_field(Number(number), source)
