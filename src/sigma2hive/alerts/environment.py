"""The sandbox that templates run in: what they can call, and how values are written out.

Takes template texts; gives compiled templates and syntax trees. Every value is made safe for where
the result is shown as it is written out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import ChainableUndefined, Template, nodes
from jinja2 import pass_context as with_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sigma2hive.alerts.facts import RULE_KEYS
from sigma2hive.alerts.text import UNKNOWN, Markdown, code_span, data_text, joined, plain
from sigma2hive.records import dataclass

#: A field or variable in single braces.
SIMPLE = re.compile(r"(?<![{%#])\{([A-Za-z_@][\w.@-]*)\}(?!\})")
COUNTS = ("count", "figure", "first_ms", "last_ms")
VARIABLES = (*COUNTS, "event", "first_time", "group", "last_time", "rule")
_FILTERS = "capitalize count d default first join last length lower sort title trim unique upper"
_TESTS = "defined undefined none string number in eq equalto ne lt le gt ge"
MAX_TEXT = 2000


class Mode(StrEnum):
    """Where the result is shown, which decides how values are made safe."""

    TITLE = "title"
    DATA = "data"  # tags, custom fields: links stay as they are
    LINK = "link"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True)
class Notes:
    """What was found out while a template was rendered: the fields it asked for in vain."""

    absent: list[str] = field(default_factory=list)


class Absent(ChainableUndefined):
    """A value that is not there: false, and "unknown" when written out."""

    __slots__ = ()

    def __str__(self) -> str:
        return UNKNOWN


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands for a text that is not empty, which is written in place of `mark` later."""

    mark: str


@lru_cache(maxsize=256)
def tree_of(text: str) -> nodes.Template:
    """Return what a template says; nobody may change it.

    Raises:
        TemplateError, RecursionError: it cannot be read.
    """
    return _ENVIRONMENTS[Mode.TITLE].parse(expanded(text))


def expanded(text: str) -> str:
    """Return a template with `{source.ip}` as `{{ field('source.ip') }}`."""

    def expression(found: re.Match[str]) -> str:
        name = found[1]
        head, _, key = name.partition(".")
        if name in VARIABLES or (head == "rule" and key in RULE_KEYS):
            return f"{{{{ {name} }}}}"
        return f"{{{{ field('{name}') }}}}"

    return SIMPLE.sub(expression, text)


@lru_cache(maxsize=4096)
def compiled(text: str, mode: Mode) -> Template:
    """Return a template, ready to be rendered.

    Raises:
        TemplateError, RecursionError, SyntaxError, ValueError: it cannot be read.
    """
    return _ENVIRONMENTS[mode].from_string(expanded(text))


def _environment(mode: Mode) -> ImmutableSandboxedEnvironment:
    @with_context
    def finalise(context: Context, value: Any) -> str:
        return _safe(value, mode, context.parent["_notes"])

    environment = ImmutableSandboxedEnvironment(
        loader=None, autoescape=False, undefined=Absent, finalize=finalise, cache_size=0
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _FILTERS.split()}
    environment.tests = {name: environment.tests[name] for name in _TESTS.split()}
    return environment


def _safe(value: object, mode: Mode, notes: Notes) -> str:
    if isinstance(value, Slot):
        return value.mark
    if isinstance(value, Absent) or value is None:
        notes.absent.append(getattr(value, "_undefined_name", None) or UNKNOWN)
        return UNKNOWN
    if isinstance(value, (bool, int, float)):
        return str(value)
    if mode is Mode.MARKDOWN and isinstance(value, Markdown):
        return value
    text = joined(tuple(map(str, value))) if isinstance(value, (list, tuple)) else str(value)
    return ESCAPES[mode](text)


ESCAPES: Mapping[Mode, Callable[[str], str]] = {
    Mode.TITLE: lambda text: plain(text, MAX_TEXT),
    Mode.DATA: lambda text: data_text(text, MAX_TEXT),
    Mode.LINK: lambda text: quote(text[:MAX_TEXT], safe="/", errors="replace"),
    Mode.MARKDOWN: lambda text: code_span(text, MAX_TEXT),
}
_ENVIRONMENTS: Mapping[Mode, ImmutableSandboxedEnvironment] = {
    mode: _environment(mode) for mode in Mode
}
