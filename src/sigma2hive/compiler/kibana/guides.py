"""The guides of a detection rule: what an analyst does with its alerts, and what it needs.

Takes what the rule says about itself; gives Markdown of our own words and the rule's, which is made
inert.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sigma2hive.compiler.kibana.inert import bullet_list, code, is_web_address, markdown
from sigma2hive.model.rules import CompiledFilter, RuleInfo


def investigation_guide(info: RuleInfo, fields: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Return the guide: what was found, what to look at, what else it may be.

    `fields` are those of the index that the rule looked at; `notes` are sentences in Markdown.
    """
    other = [text for text in info.references if not is_web_address(text.strip())]
    parts = [
        "## What was found",
        markdown(info.description or info.title),
        *notes,
        *_section("### Look at", (code(path) for path in fields)),
        *_section("### What else it may be", map(_escaped, info.falsepositives)),
        *_section("### See also", map(_escaped, other)),
        "### The rule",
        f"Sigma rule {code(info.id)}{_status(info)}. Change it in Git, not here: the next import "
        "would undo it.",
    ]
    return "\n\n".join(part for part in parts if part)


def setup_guide(
    indices: Sequence[str], unseen: Sequence[str], filters: Sequence[CompiledFilter] = ()
) -> str:
    """Return what the rule needs, and what it does not see."""
    parts = [
        *_section("### Where it looks", map(code, indices)),
        *_section("### Filters in it", (_escaped(entry.info.title) for entry in filters)),
        *_section("### What it does not see", unseen),
    ]
    return "\n\n".join(parts)


def _section(title: str, items: Iterable[str]) -> tuple[str, ...]:
    lines = [f"- {item}" for item in items]
    return (title, "\n".join(lines)) if lines else ()


def _escaped(text: str) -> str:
    return bullet_list([text]).removeprefix("- ")


def _status(info: RuleInfo) -> str:
    dates = (("of", info.date), ("changed", info.modified))
    told = [info.status, *(f"{word} {date}" for word, date in dates if date)]
    words = ", ".join(markdown(text) for text in told if text)
    return f" ({words})" if words else ""
