"""Titles and tags of alerts.yml and of rules, as Jinja or as Python's format strings.

A template that only names fields (`Failed logons from {source.ip}`) and the rule's id, title or
level can be said; one with Jinja of our own cannot, since ElastAlert 2 has other variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sigma2hive.compiler.elastalert.jinja import values_of
from sigma2hive.model.rules import RuleInfo
from sigma2hive.records import dataclass

_NAME = re.compile(r"\{([A-Za-z@_][A-Za-z0-9_.@-]*)\}")
_OF_RULE = ("rule.id", "rule.title", "rule.level")


@dataclass(frozen=True, slots=True)
class Wording:
    """A text in parts: plain text, or the paths of a field between them.

    `tail` is a plain text and a field that come last where the event has the field.
    """

    parts: tuple[str | tuple[str, ...], ...]
    tail: tuple[str, tuple[str, ...]] | None = None

    def as_jinja(self, plain: Callable[[str], str]) -> str:
        """Return it as Jinja with the macros of `jinja`; `plain` escapes what is plain text."""
        text = "".join(
            plain(part) if isinstance(part, str) else f"{{{{ one({values_of(part)}) }}}}"
            for part in self.parts
        )
        if self.tail is None:
            return text
        before, paths = self.tail
        values = values_of(paths)
        return f"{text}{{% if {values} %}}{plain(before)}{{{{ one({values}) }}}}{{% endif %}}"

    def as_format(self) -> tuple[str, list[str]]:
        """Return it as a format string and the fields of its places; without any, as it is."""
        parts = (*self.parts, *(self.tail or ()))
        fields = [part[0] for part in parts if not isinstance(part, str)]
        if not fields:
            return "".join(part for part in parts if isinstance(part, str)), []
        text = "".join(
            part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else "{}"
            for part in parts
        )
        return text, fields

    @property
    def fields(self) -> list[tuple[str, ...]]:
        """The paths of each field that it names."""
        return [part for part in self.parts if not isinstance(part, str)]


def read_wording(
    text: str, rule: RuleInfo, paths_of: Callable[[str], tuple[str, ...]]
) -> Wording | None:
    """Return what a template says, None where that cannot be said."""
    if "{{" in text or "{%" in text or "{#" in text:
        return None
    parts: list[str | tuple[str, ...]] = []
    for position, piece in enumerate(_NAME.split(text)):
        if position % 2 == 0:
            parts.append(piece)
        elif piece in _OF_RULE:
            parts.append(_of_rule(rule, piece))
        else:
            paths = paths_of(piece)
            if not paths:
                return None
            parts.append(paths)
    return Wording(tuple(part for part in parts if part))


def _of_rule(rule: RuleInfo, name: str) -> str:
    match name:
        case "rule.id":
            return rule.id
        case "rule.title":
            return rule.title
        case _:
            return rule.level.value if rule.level else "none"
