"""Templates that only put texts together, rendered without the template engine.

Takes template texts and what the rule and fields say; gives the text that rendering would. Which
texts are there decides what a template writes where: that is found out once, with marks in place of
the texts. What does more than write texts, or ask whether they are there, is left to the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from jinja2 import nodes

from sigma2hive.alerts.environment import (
    ESCAPES,
    Absent,
    Mode,
    Notes,
    Slot,
    compiled,
    tree_of,
)
from sigma2hive.records import dataclass

#: Stands around the number of a text. No text that is written out holds it.
_MARK = "\0"

#: What a template asks for: whether of its rule, and the key or the field.
_Asked = tuple[bool, str]
#: A template's text, and the fields that it asked for in vain.
Outlined = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Outline:
    """What a template writes: constants, and between each two the text of a number."""

    constants: tuple[str, ...]
    numbers: tuple[int, ...]
    absent: tuple[str, ...]


def outlined(
    text: str,
    mode: Mode,
    rule_text: Callable[[str], str],
    field_text: Callable[[str], str | None],
) -> Outlined | None:
    """Return what a template that can be rendered says of a match without a group.

    `rule_text` gives what the rule says under a key, "" for nothing; `field_text` what fields say,
    None for nothing. None where the template is not that simple.
    """
    asked = _asked_in(text)
    if asked is None:
        return None
    texts = [rule_text(key) or None if of_rule else field_text(key) for of_rule, key in asked]
    # What a template can see of a text: whether it is there, and not empty.
    outline = _outline(text, mode, tuple(found and True for found in texts))
    if outline is None:
        return None
    pieces = [outline.constants[0]]
    escape = ESCAPES[mode]
    for number, constant in zip(outline.numbers, outline.constants[1:], strict=True):
        pieces += (escape(texts[number] or ""), constant)
    return "".join(pieces), outline.absent


@lru_cache(maxsize=4096)
def _outline(text: str, mode: Mode, states: tuple[str | bool | None, ...]) -> _Outline | None:
    """Return what a template writes where texts are there (True), empty ("") or not (None)."""
    asked = _asked_in(text) or ()
    values: dict[_Asked, object] = {}
    for number, (each, state) in enumerate(zip(asked, states, strict=True)):
        of_rule, key = each
        absent = Absent(name=f"rule.{key}" if of_rule else key)
        values[each] = absent if state is None else state and Slot(f"{_MARK}{number}{_MARK}")
    notes = Notes()
    known = {
        "rule": {key: value for (of_rule, key), value in values.items() if of_rule},
        "group": [],
        "field": lambda name: values[False, name],
        "_notes": notes,
    }
    try:
        parts = compiled(text, mode).render(known).split(_MARK)
    except Exception:  # whoever renders it in earnest says what is wrong
        return None
    numbers = tuple(map(int, parts[1::2]))
    return _Outline(tuple(parts[::2]), numbers, tuple(dict.fromkeys(notes.absent)))


@lru_cache(maxsize=4096)
def _asked_in(text: str) -> tuple[_Asked, ...] | None:
    """Return what a template asks for, each once; None where it does more than write that."""
    if _MARK in text:
        return None
    found: dict[_Asked, None] = {}
    return tuple(found) if all(_is_simple(node, found) for node in tree_of(text).body) else None


def _is_simple(node: nodes.Node, found: dict[_Asked, None]) -> bool:
    """Whether a node writes texts as they are, or asks whether they are there; note which."""
    match node:
        case nodes.TemplateData() | nodes.Const(value=str()) | nodes.Name(name="group"):
            return True
        case nodes.Getattr(node=nodes.Name(name="rule"), attr=key):
            found[True, key] = None
            return True
        case nodes.Call(
            node=nodes.Name(name="field"), args=[nodes.Const(value=str() as name)], kwargs=[]
        ):
            found[False, name] = None
            return node.dyn_args is None and node.dyn_kwargs is None
        case nodes.For(iter=nodes.Name(name="group"), else_=inside):
            # There is no group to loop over.
            return all(_is_simple(child, found) for child in inside)
        case (
            nodes.Output() | nodes.If() | nodes.CondExpr() | nodes.And() | nodes.Or() | nodes.Not()
        ):
            return all(_is_simple(child, found) for child in node.iter_child_nodes())
    return False
