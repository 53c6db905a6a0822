"""Regular expressions as trees, and what they say of a whole text.

Takes a tree as parsed, with anchors in it; gives one without, that a whole text must be. Lucene
knows no anchors: an expression there is always the whole term.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import TypeVar

from sigma2hive.compiler.regexes.charsets import (
    EVERY,
    NEWLINE,
    WORDS,
    CharSet,
    complement,
    intersection,
    union,
)
from sigma2hive.records import dataclass

#: An expression with more alternatives at its edges than this is not taken apart.
_MAX_ALTERNATIVES = 64


class Anchor(Enum):
    """What asks for a place and takes no character."""

    START = auto()
    LINE_START = auto()
    END = auto()
    LAST_LINE_END = auto()
    LINE_END = auto()
    WORD_EDGE = auto()
    NO_WORD_EDGE = auto()


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of the set."""

    chars: CharSet


@dataclass(frozen=True, slots=True)
class Seq:
    """All items one after another; of none it is the empty text."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """Any of the options; of none it is nothing at all."""

    options: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The item from `least` to `most` times; None is without limit."""

    item: Tree
    least: int
    most: int | None


Tree = Chars | Seq | Alt | Repeat | Anchor

EMPTY = Seq(())
NOTHING = Alt(())
ANY = Chars(EVERY)
ANYTHING = Repeat(ANY, 0, None)

Found = TypeVar("Found")

_AT_START = (Anchor.START, Anchor.LINE_START, Anchor.WORD_EDGE)
_AT_END = (Anchor.END, Anchor.LAST_LINE_END, Anchor.LINE_END, Anchor.WORD_EDGE)


class TooMany(ValueError):
    """The expression has more alternatives than are worth taking apart."""


def seq(items: Iterator[Tree] | tuple[Tree, ...] | list[Tree]) -> Tree:
    """Return the items one after another, flat."""
    flat: list[Tree] = []
    for item in items:
        if item == NOTHING:
            return NOTHING
        if item != ANYTHING or flat[-1:] != [ANYTHING]:
            flat.extend(item.items if isinstance(item, Seq) else (item,))
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def alt(options: Iterator[Tree] | tuple[Tree, ...] | list[Tree]) -> Tree:
    """Return any of the options, flat and each once."""
    flat: list[Tree] = []
    for option in options:
        flat.extend(option.options if isinstance(option, Alt) else (option,))
    kept = tuple(dict.fromkeys(flat))
    return kept[0] if len(kept) == 1 else Alt(kept)


def whole_text(tree: Tree, wide: bool) -> tuple[Tree, bool]:
    """Return the texts in which the expression is found, and whether they are exactly these.

    Where they cannot be said exactly, there are more of them (`wide`) or fewer.

    Raises:
        TooMany: the expression has too many alternatives at its edges.
    """
    exact = True
    texts: list[Tree] = []
    for before, rest in _from_left(tree):
        for core, after in _from_right(rest):
            inner = core
            if _has_anchor(core):
                exact = False
                inner = _without_anchors(core, wide)
            start, start_exact = _start(before, inner, wide)
            end, end_exact = _end(after, inner, wide)
            exact = exact and start_exact and end_exact
            texts.append(seq((start, inner, end)))
    return alt([text for text in texts if text != NOTHING]), exact


def is_nullable(tree: Tree) -> bool:
    """Whether the empty text is one of the tree's; the tree has no anchors."""
    match tree:
        case Chars():
            return False
        case Seq(items):
            return all(map(is_nullable, items))
        case Alt(options):
            return any(map(is_nullable, options))
        case Repeat(item, least, _):
            return least == 0 or is_nullable(item)
        case Anchor():
            return True


def is_within(tree: Tree, chars: CharSet) -> bool:
    """Whether one of the tree's texts has no other characters; the tree has no anchors."""
    match tree:
        case Chars(accepted):
            return bool(intersection(accepted, chars))
        case Seq(items):
            return all(is_within(item, chars) for item in items)
        case Alt(options):
            return any(is_within(option, chars) for option in options)
        case Repeat(item, least, _):
            return least == 0 or is_within(item, chars)
        case Anchor():
            return True


def _from_left(
    tree: Tree, edges: tuple[Anchor, ...] = _AT_START
) -> list[tuple[Anchor | None, Tree]]:
    """Take the tree apart into (anchor of `edges` at its start, what follows)."""
    if isinstance(tree, Anchor):
        return [(tree, EMPTY)] if tree in edges else [(None, tree)]
    if not _has_anchor(tree):
        return [(None, tree)]
    if isinstance(tree, Alt):
        return _few([pair for option in tree.options for pair in _from_left(option, edges)])
    if isinstance(tree, Repeat):
        if (tree.least, tree.most) == (0, 1):
            return [(None, EMPTY), *_from_left(tree.item, edges)]
        return [(None, tree)]
    if isinstance(tree, Seq) and tree.items:
        first, rest = tree.items[0], tree.items[1:]
        found: list[tuple[Anchor | None, Tree]] = []
        for anchor, remains in _from_left(first, edges):
            if remains != EMPTY:
                found.append((anchor, seq((remains, *rest))))
            elif anchor is None:
                found.extend(_from_left(seq(rest), edges))
            else:
                found.append((anchor, _without_repeated(anchor, seq(rest))))
        return _few(found)
    return [(None, tree)]


def _from_right(tree: Tree) -> list[tuple[Tree, Anchor | None]]:
    """Take the tree apart into (what comes first, anchor at its end)."""
    taken = _from_left(_reversed(tree), _AT_END)
    return [(_reversed(core), anchor) for anchor, core in taken]


def _without_repeated(anchor: Anchor, tree: Tree) -> Tree:
    while isinstance(tree, Seq) and tree.items and tree.items[0] == anchor:
        tree = seq(tree.items[1:])
    return EMPTY if tree == anchor else tree


def _few(found: list[Found]) -> list[Found]:
    if len(found) > _MAX_ALTERNATIVES:
        raise TooMany
    return found


def _has_anchor(tree: Tree) -> bool:
    match tree:
        case Anchor():
            return True
        case Chars():
            return False
        case Seq(items):
            return any(map(_has_anchor, items))
        case Alt(options):
            return any(map(_has_anchor, options))
        case Repeat(item, _, _):
            return _has_anchor(item)


def _without_anchors(tree: Tree, wide: bool) -> Tree:
    """Read every anchor that is left as met everywhere, or nowhere."""
    match tree:
        case Anchor():
            return EMPTY if wide else NOTHING
        case Chars():
            return tree
        case Seq(items):
            return seq([_without_anchors(item, wide) for item in items])
        case Alt(options):
            return alt([_without_anchors(option, wide) for option in options])
        case Repeat(item, least, most):
            inner = _without_anchors(item, wide)
            if inner == NOTHING:
                return EMPTY if least == 0 else NOTHING
            return Repeat(inner, least, most)


_LINES_BEFORE = Alt((EMPTY, Seq((ANYTHING, Chars(NEWLINE)))))
_LINES_AFTER = Alt((EMPTY, Seq((Chars(NEWLINE), ANYTHING))))
_NO_WORD = Chars(complement(WORDS))
_WORD = Chars(WORDS)


def _start(anchor: Anchor | None, core: Tree, wide: bool) -> tuple[Tree, bool]:
    match anchor:
        case None:
            return ANYTHING, True
        case Anchor.START:
            return EMPTY, True
        case Anchor.LINE_START:
            return _LINES_BEFORE, True
    edge = _edge(_first_chars(core))
    if edge is None:
        return (ANYTHING if wide else NOTHING), False
    return (Alt((EMPTY, Seq((ANYTHING, _NO_WORD)))) if edge else Seq((ANYTHING, _WORD))), True


def _end(anchor: Anchor | None, core: Tree, wide: bool) -> tuple[Tree, bool]:
    match anchor:
        case None:
            return ANYTHING, True
        case Anchor.END:
            return EMPTY, True
        case Anchor.LAST_LINE_END:
            return Repeat(Chars(NEWLINE), 0, 1), True
        case Anchor.LINE_END:
            return _LINES_AFTER, True
    edge = _edge(_first_chars(_reversed(core)))
    if edge is None:
        return (ANYTHING if wide else NOTHING), False
    return (Alt((EMPTY, Seq((_NO_WORD, ANYTHING)))) if edge else Seq((_WORD, ANYTHING))), True


def _edge(chars: CharSet | None) -> bool | None:
    """Whether the character at a word's edge is of a word; None where it may be either."""
    if not chars:
        return None
    in_word = intersection(chars, WORDS)
    return True if in_word == chars else None if in_word else False


def _first_chars(tree: Tree) -> CharSet | None:
    """Return what the first character can be; None where there may be none."""
    match tree:
        case Chars(chars):
            return chars
        case Seq(items):
            seen: CharSet = ()
            for item in items:
                first = _first_chars(item)
                if first is not None:
                    return union(seen, first)
                seen = union(seen, _possible_first(item))
            return None
        case Alt(options):
            firsts = [_first_chars(option) for option in options]
            if any(first is None for first in firsts):
                return None
            return union(*(first for first in firsts if first is not None))
        case Repeat(item, least, _):
            return _first_chars(item) if least else None
        case Anchor():
            return None


def _possible_first(tree: Tree) -> CharSet:
    match tree:
        case Chars(chars):
            return chars
        case Seq(items):
            seen: CharSet = ()
            for item in items:
                seen = union(seen, _possible_first(item))
                if not is_nullable(item):
                    break
            return seen
        case Alt(options):
            return union(*map(_possible_first, options))
        case Repeat(item, _, _):
            return _possible_first(item)
        case Anchor():
            return ()


def _reversed(tree: Tree) -> Tree:
    match tree:
        case Seq(items):
            return Seq(tuple(_reversed(item) for item in reversed(items)))
        case Alt(options):
            return Alt(tuple(map(_reversed, options)))
        case Repeat(item, least, most):
            return Repeat(_reversed(item), least, most)
    return tree
