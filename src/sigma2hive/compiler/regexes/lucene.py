r"""Expressions in the syntax of Lucene's `regexp` queries, which differs from Python's.

Takes a `Regex` or a tree; gives text that is right with `flags: "NONE"`: the whole term, no
anchors, every sign escaped, classes spelt out. `case_insensitive` is not used: in Lucene 10 it also
joins k and the Kelvin sign, so letter case is spelt out too.

Source: https://www.elastic.co/docs/reference/query-languages/query-dsl/regexp-syntax
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from sigma2hive.compiler.regexes.charsets import (
    EVERY,
    LAST,
    NUMERIC,
    CharSet,
    complement,
    single,
    union,
    with_ascii_case,
)
from sigma2hive.compiler.regexes.effort import is_affordable
from sigma2hive.compiler.regexes.parsing import Unsupported, parse_regex
from sigma2hive.compiler.regexes.trees import (
    ANY,
    ANYTHING,
    NOTHING,
    Alt,
    Anchor,
    Chars,
    Repeat,
    Seq,
    TooMany,
    Tree,
    alt,
    is_nullable,
    is_within,
    seq,
    whole_text,
)
from sigma2hive.compiler.utf16 import utf16_length
from sigma2hive.model.conditions import Regex
from sigma2hive.records import dataclass

#: `index.max_regex_length`, in UTF-16 units.
MAX_LENGTH = 1000
_SURROGATES = (0xD800, 0xDFFF)
_REPLACEMENT = 0xFFFD
#: Longer repetitions than this are read as "any number" when an expression is too large.
_FEW = 3


@dataclass(frozen=True, slots=True)
class Language:
    """The texts in which an expression is found, or more of them (or fewer).

    `pattern` is in Lucene's syntax; None where it cannot be said within the limits, so that it may
    be any text (or none). `required` is a literal that all of the texts hold, in either letter case
    of ASCII; "" where none is known. `nullable` tells whether the empty text may be among them,
    `numeric` whether texts may that have no other characters than a JSON number.
    """

    pattern: str | None
    exact: bool
    required: str = ""
    nullable: bool = True
    numeric: bool = True

    @property
    def is_any_text(self) -> bool:
        """Whether every text is one of them."""
        return self.pattern == ".*"

    @property
    def is_nothing(self) -> bool:
        """Whether no text is one of them, as far as they are known."""
        return self.pattern == ""


_UNKNOWN = Language(None, exact=False)
_NO_TEXT = Language("", exact=False, nullable=False, numeric=False)


@lru_cache(maxsize=4096)
def texts_with(regex: Regex, wide: bool) -> Language:
    """Return the texts in which the expression is found; more where `wide`, else fewer."""
    try:
        parsed = parse_regex(regex, wide)
        tree, exact = whole_text(parsed.tree, wide)
    except (Unsupported, TooMany, ValueError, KeyError):
        return _UNKNOWN if wide else _NO_TEXT
    return language_of(tree, parsed.exact and exact, wide)


def language_of(tree: Tree, exact: bool, wide: bool) -> Language:
    """Return what a tree without anchors says, within Lucene's limits."""
    if tree == NOTHING:
        return replace(_NO_TEXT, exact=exact)
    known, pattern = _known_of(tree), _pattern_of(tree)
    if pattern is not None:
        return replace(known, pattern=pattern, exact=exact)
    return replace(known, pattern=_pattern_of(_eased(tree))) if wide else _NO_TEXT


@lru_cache(maxsize=512)  # what is found at most and at least is mostly the same
def _known_of(tree: Tree) -> Language:
    return Language(None, False, _required(tree), is_nullable(tree), is_within(tree, NUMERIC))


@lru_cache(maxsize=512)
def _pattern_of(tree: Tree) -> str | None:
    """Return a tree in Lucene's syntax; None beyond its limits."""
    pattern = render(tree)
    return pattern if utf16_length(pattern) <= MAX_LENGTH and is_affordable(tree) else None


def render(tree: Tree) -> str:
    """Return a tree without anchors in Lucene's syntax."""
    match tree:
        case Chars(chars):
            return _chars(chars)
        case Seq(items):
            return "".join(_grouped(item, Alt) for item in items) or "()"
        case Alt(options):
            return "|".join(render(option) for option in options)
        case Repeat(item, least, most):
            return _grouped(item, Alt, Seq, Repeat) + _times(least, most)
        case Anchor():
            raise ValueError("Lucene knows no anchors")


def _grouped(tree: Tree, *weaker: type[Tree]) -> str:
    text = render(tree)
    return f"({text})" if isinstance(tree, weaker) and text != "()" else text


def _times(least: int, most: int | None) -> str:
    if most is None:
        return {0: "*", 1: "+"}.get(least, f"{{{least},}}")
    if (least, most) == (0, 1):
        return "?"
    return f"{{{least}}}" if least == most else f"{{{least},{most}}}"


def _chars(chars: CharSet) -> str:
    chars = _without_surrogates(chars)
    if chars == EVERY:
        return "."
    code = single(chars)
    if code is not None:
        return _escaped(code)
    if chars[-1][1] == LAST:
        return "[^" + _ranges(complement(chars)) + "]"
    return "[" + _ranges(chars) + "]"


def _ranges(chars: CharSet) -> str:
    parts = []
    for low, high in chars:
        # Behind an escaped character Lucene reads no range: [\/-9] is a slash, a hyphen or 9.
        while low < high and _is_sign(low):
            parts.append(_escaped(low))
            low += 1  # noqa: PLW2901
        parts.append(_escaped(low))
        if high > low:
            parts.append(("-" if high > low + 1 else "") + _escaped(high))
    return "".join(parts)


def _escaped(code: int) -> str:
    return "\\" + chr(code) if _is_sign(code) else chr(code)


def _is_sign(code: int) -> bool:
    char = chr(code)
    return code < 128 and char.isprintable() and not char.isalnum() and char not in " _"


def _without_surrogates(chars: CharSet) -> CharSet:
    """Name no surrogate: UTF-8 has none, and the index holds U+FFFD in its place."""
    first, last = _SURROGATES
    kept = []
    touched = False
    for low, high in chars:
        is_around = low < first and high > last
        if is_around or high < first or low > last:
            kept.append((low, high))
        else:
            touched = True
            kept.extend(pair for pair in ((low, first - 1), (last + 1, high)) if pair[0] <= pair[1])
    return union(kept, ((_REPLACEMENT, _REPLACEMENT),)) if touched else chars


def _eased(tree: Tree) -> Tree:
    """Return a tree that takes more texts and is cheaper: nearly all characters are any."""
    match tree:
        case Chars(chars):
            left_out = sum(high - low + 1 for low, high in complement(chars))
            return ANY if left_out <= 4 else tree
        case Seq(items):
            return _without_doubles([_eased(item) for item in items])
        case Alt(options):
            return alt([_eased(option) for option in options])
        case Repeat(item, least, most):
            inner = _eased(item)
            if most is not None and most > _FEW:
                most = None
            return Repeat(inner, min(least, _FEW), most)
        case Anchor():
            raise ValueError("an anchor has no place in a whole text")


def _without_doubles(items: list[Tree]) -> Tree:
    """Join any number of anything followed by some of anything."""
    kept: list[Tree] = []
    for item in items:
        is_any = isinstance(item, Repeat) and item.item == ANY and item.most is None
        if is_any and kept and kept[-1] == ANYTHING:
            continue
        kept.append(ANYTHING if is_any else item)
    return seq(kept)


def _required(tree: Tree) -> str:
    """Return the longest literal that every text of the tree holds, "" where none is known."""
    best = run = ""
    for item in tree.items if isinstance(tree, Seq) else (tree,):
        letter = _letter(item)
        if letter:
            run += letter
        else:
            best, run = max(best, run, key=len), ""
            inner = _required_inside(item)
            best = max(best, inner, key=len)
    return max(best, run, key=len)


def _required_inside(tree: Tree) -> str:
    if isinstance(tree, Repeat) and tree.least >= 1:
        return _required(tree.item)
    if isinstance(tree, Seq):
        return _required(tree)
    return ""


def _letter(tree: Tree) -> str:
    if not isinstance(tree, Chars):
        return ""
    code = single(tree.chars)
    if code is None:
        letters = [low for low, high in tree.chars if low == high]
        if len(tree.chars) != 2 or len(letters) != 2:
            return ""
        if with_ascii_case(((letters[1], letters[1]),)) != tree.chars:
            return ""
        code = letters[1]
    return "" if _SURROGATES[0] <= code <= _SURROGATES[1] else chr(code)
