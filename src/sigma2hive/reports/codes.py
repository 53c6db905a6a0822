"""What each diagnostic code is about, in words for those who meet it.

Takes a code of `diagnostics.CODES`; gives why the finding matters and how to mend it, from
data/codes.yml. Never says what was found where: that is the finding's own message and hint.
"""

from __future__ import annotations

from functools import cache

from sigma2hive.data import SHIPPED
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.records import dataclass
from sigma2hive.yamlmarks import parse_yaml


@dataclass(frozen=True, slots=True)
class CodeHelp:
    """Why findings of a code matter, and how to mend them: a few sentences each, in Markdown."""

    why: str
    mend: str


@cache
def code_help() -> dict[str, CodeHelp]:
    """Return the help of every code."""
    content = SHIPPED.joinpath("codes.yml").read_bytes()
    (document,) = parse_yaml("codes.yml", content, Diagnostics())
    return {code: CodeHelp(**entry) for code, entry in document.value.items()}
