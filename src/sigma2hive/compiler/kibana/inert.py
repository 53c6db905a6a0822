"""A rule's own text, made to mean nothing to what shows it.

Takes text that rule authors wrote; gives the same without anything that Kibana would act on:
Mustache in the actions of a rule ({{...}}), the components of investigation guides (!{osquery...}),
Markdown, links to anything but the web, and characters that nobody sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sigma2hive.model.visible import visible

_BRACES = re.compile(r"\{(?=\{)|\}(?=\})")
_MARKUP = re.compile(r"[\\`*_{}\[\]!>~|]")
#: What makes a heading, a list or a line under a heading, at the start of a line.
_START = re.compile(r"^(\d+)?([#+\-=.)])")
#: What Markdown reads as HTML, as a character's name, or as a link without any sign of one.
_ENTITIES = {"&": "&amp;", "<": "&lt;", "://": "&#58;//", "mailto:": "mailto&#58;"}
_HIDDEN = re.compile("|".join(map(re.escape, _ENTITIES)), re.IGNORECASE)
_WEB = re.compile(r"https?://[^\s<>\"'{}|\\^`]+", re.IGNORECASE)


def one_line(text: str) -> str:
    """Return text for a field that is shown as it is, in one line."""
    return _without_mustache(visible(" ".join(text.split())))


def plain(text: str) -> str:
    """Return text for a field that is shown as it is, its lines kept."""
    lines = (visible(line.replace("\t", " ")).rstrip() for line in text.splitlines())
    return _without_mustache("\n".join(lines).strip("\n"))


def markdown(text: str) -> str:
    """Return text for Markdown, every sign of it escaped; blank lines part paragraphs."""
    return "\n".join(_escaped(line.strip()) for line in plain(text).splitlines())


def bullet_list(texts: Iterable[str]) -> str:
    """Return a list in Markdown, one line a text."""
    return "\n".join(f"- {markdown(' '.join(text.split()))}" for text in texts)


def code(text: str) -> str:
    """Return text as code within a line of Markdown."""
    return f"`{one_line(text).replace('`', ' ')}`"


def web_addresses(texts: Iterable[str]) -> list[str]:
    """Return those that are nothing but an address on the web, once each."""
    found = (text.strip() for text in texts)
    return list(dict.fromkeys(text for text in found if is_web_address(text)))


def is_web_address(text: str) -> bool:
    """Whether a text is an address on the web and nothing else."""
    return text.isascii() and _WEB.fullmatch(text) is not None


def _escaped(line: str) -> str:
    marked = _MARKUP.sub(lambda found: f"\\{found.group()}", line)
    hidden = _HIDDEN.sub(lambda found: _ENTITIES[found.group().lower()], marked)
    return _START.sub(_escaped_start, hidden)


def _escaped_start(found: re.Match[str]) -> str:
    sign = "&#61;" if found[2] == "=" else f"\\{found[2]}"
    return (found[1] or "") + sign


def _without_mustache(text: str) -> str:
    return _BRACES.sub(lambda found: f"{found.group()} ", text)
