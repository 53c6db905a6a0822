"""The description of an alert: what happened and what to do, in Markdown, section by section.

Takes facts and what the builder left out; gives Markdown. Everything from events and rules is made
inert (see `sigma2hive.alerts.text`). Nothing is cut without saying so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import lru_cache

from sigma2hive.alerts.blocks import listed, spans, table
from sigma2hive.alerts.counting import counting_lines, shown_duration
from sigma2hive.alerts.discover import WIDER, DiscoverLink
from sigma2hive.alerts.facts import Facts, RuleSide
from sigma2hive.alerts.key_fields import NOTHING, key_fields
from sigma2hive.alerts.muting import mute_filter
from sigma2hive.alerts.procedures import attack_links, tactics_of
from sigma2hive.alerts.text import (
    Markdown,
    code_span,
    excerpt,
    fenced,
    markdown_text,
)
from sigma2hive.model.alerts import LeftOut
from sigma2hive.model.conditions import Atom, Exists, Null, Text, Wildcard
from sigma2hive.model.events import Event
from sigma2hive.model.folding import fold
from sigma2hive.model.times import shown_time
from sigma2hive.model.versions import RuleVersion, VersionState
from sigma2hive.records import dataclass

#: The sections in the order of `body`; a description template may name each of them.
SECTION_ORDER = (
    "summary",
    "about",
    "fields",
    "why",
    "attack",
    "falsepositives",
    "references",
    "left_out",
    "help",
    "mute",
    "notes",
    "raw",
    "footer",
)
RAW_TITLE = "Raw logs"
LEFT_OUT_TITLE = "Not made observables"
SECTIONS = ("body", *SECTION_ORDER)

_MAX_RULE_TEXT = 4000
_MAX_SCANNED = 100_000
_LINK = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~:/?#@!$&'*+,;=%-]*)?")
_BYTES_A_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """What the description tells beyond the match itself."""

    left_out: tuple[LeftOut, ...] = ()
    discover: DiscoverLink | None = None
    help: str = ""
    notes: tuple[str, ...] = ()
    key_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mute_by: tuple[str, ...] = ()
    raw_events: int = 3
    raw_characters: int = 20_000


def describe(facts: Facts, shown: Shown) -> dict[str, Markdown]:
    """Return every section, "" where there is nothing to say, and `body`, all of them."""
    own = _rule_sections(facts.rule_side)
    texts = {
        "summary": _summary(facts) + _discover(shown.discover),
        "about": own["about"],
        "fields": key_fields(facts, shown.key_fields),
        "why": _why(facts),
        "attack": own["attack"],
        "falsepositives": own["falsepositives"],
        "references": own["references"],
        "left_out": _left_out(shown.left_out),
        "help": f"### What to do with it\n\n{shown.help}" if shown.help else "",
        "mute": _mute(mute_filter(facts, shown.mute_by)),
        "notes": listed("About this alert", map(markdown_text, shown.notes)),
        "raw": _raw(facts.match.events, shown),
        "footer": own["footer"],
    }
    sections = {name: Markdown(texts[name]) for name in SECTION_ORDER}
    sections["body"] = Markdown("\n\n".join(text for text in sections.values() if text))
    return sections


@lru_cache(maxsize=1024)
def _rule_sections(side: RuleSide) -> Mapping[str, str]:
    """Return the sections that are the same in all alerts of a rule."""
    rule = side.rule
    return {
        "about": markdown_text(excerpt(rule.description, _MAX_RULE_TEXT)),
        "attack": _attack(rule.tags),
        "falsepositives": listed(
            "False positives known to the rule", map(_rule_text, rule.falsepositives)
        ),
        "references": listed("References", map(_reference, rule.references)),
        "footer": _footer(side),
    }


def _summary(facts: Facts) -> str:
    match, rule = facts.match, facts.match.rule
    level = f"level {rule.level}" if rule.level else "no level"
    head = f"Rule **{markdown_text(rule.title)}** ({level})"
    hosts = facts.values("host.name")
    where = f" on {spans(hosts, in_table=False)}" if hosts else ""
    first, last = facts.first.time_ns, facts.last.time_ns
    if not match.is_episode and len(match.events) == 1:
        return f"{head} matched one event at {shown_time(first)}{where}."
    count = len(match.events)
    lines = [
        f"{head} matched {count:,} {'event' if count == 1 else 'events'}{where}.",
        "",
        f"- First event: {shown_time(first)}",
        f"- Last event: {shown_time(last)} ({shown_duration(last - first)} later)",
    ]
    lines += counting_lines(facts)
    lines += [f"- Grouped by {_code(name)}: {_code(value)}" for name, value in facts.group]
    return "\n".join(lines)


def _discover(link: DiscoverLink | None) -> str:
    if link is None:
        return ""
    what = "these events" if link.is_exact else WIDER
    return f"\n\n[Open in Kibana Discover](<{link.url}>): {what}."


def _why(facts: Facts) -> str:
    groups: dict[tuple[str, str], list[Atom]] = {}
    for atom in facts.match.reasons:
        groups.setdefault((atom.origin.selection, atom.origin.item), []).append(atom)
    rows = [row for key, atoms in groups.items() for row in _why_rows(facts, key, atoms)]
    return table("Why it matched", ("Part of the rule", "Asks for", "Field", "In the event"), rows)


def _why_rows(facts: Facts, key: tuple[str, str], atoms: list[Atom]) -> Iterator[tuple[str, ...]]:
    selection, item = key
    asked = spans(tuple(dict.fromkeys(atom.origin.value for atom in atoms)))
    found = _found(facts, atoms)
    for path, values in found.items():
        yield (
            code_span(selection),
            f"{code_span(item or 'keyword')} {asked}",
            code_span(path),
            spans(values),
        )
    if not found:
        path = atoms[0].fields[0].path if atoms[0].fields else atoms[0].name or "any field"
        yield (
            code_span(selection),
            f"{code_span(item or 'keyword')} {asked}",
            code_span(path),
            "absent",
        )


def _found(facts: Facts, atoms: list[Atom]) -> dict[str, tuple[str, ...]]:
    """Return the fields that the atoms looked at, with their values in the events."""
    found: dict[str, dict[str, None]] = {}
    for atom in atoms:
        if isinstance(atom.test, Null) or atom.test == Exists(False):
            continue
        for event in facts.match.events:
            for path, value in _values_seen(facts, atom, event):
                if atom.name is not None or _is_sought(atom, value):
                    found.setdefault(path, {})[value] = None
    return {path: tuple(values) for path, values in found.items()}


def _values_seen(facts: Facts, atom: Atom, event: Event) -> Iterator[tuple[str, str]]:
    if not atom.fields:
        yield from ((atom.name or "", v) for v in facts.values_in(atom.name or "", event.values))
    for entry in atom.fields:
        yield from ((entry.path, value) for value in entry.values_of(event.values))


def _is_sought(atom: Atom, value: str) -> bool:
    # A keyword search reads every field; only the values that hold the word explain anything.
    if not isinstance(atom.test, Text):
        return True
    folded = fold(value[:_MAX_SCANNED])
    return all(fold(part) in folded for part in atom.test.pattern if not isinstance(part, Wildcard))


def _attack(tags: tuple[str, ...]) -> str:
    links = list(attack_links(tags))
    tactics = ", ".join(tactics_of(tags))
    return listed("ATT&CK", [*([f"Tactics: {tactics}"] if tactics else []), *links])


def _left_out(left_out: tuple[LeftOut, ...]) -> str:
    """List what was left out, but for what logs write where they have nothing to say."""
    entries = (
        f"{_code(entry.data)} ({markdown_text(entry.data_type)}): {markdown_text(entry.reason)}"
        for entry in left_out
        if entry.data not in NOTHING
    )
    return listed(LEFT_OUT_TITLE, entries)


def _mute(text: str) -> str:
    if not text:
        return ""
    intro = (
        "This Sigma filter mutes the rule for what is said here and nothing else. Save it as a "
        "`.yml` file among the rules; with lines taken out of `selection` it mutes more."
    )
    return f"### To mute it\n\n{intro}\n\n{text}"


def _footer(side: RuleSide) -> str:
    entries = [
        f"File: {_code(str(side.rule.location))}{_version(side.version)}",
        f"Id: {_code(side.rule.id)}",
    ]
    if side.owner:
        entries.append(f"Owner: {markdown_text(side.owner)}")
    return listed("The rule", entries)


def _version(version: RuleVersion) -> str:
    commit = _code(version.commit)
    return {
        VersionState.UNKNOWN: "",
        VersionState.COMMITTED: f", commit {commit}",
        VersionState.CHANGED: f", changed since commit {commit} and not committed",
        VersionState.NEW: ", not committed to Git",
    }[version.state]


def _raw(events: tuple[Event, ...], shown: Shown) -> str:
    if not events:
        return ""
    parts, room = [f"### {RAW_TITLE}"], shown.raw_characters
    whole = 0
    for event in events[: shown.raw_events]:
        # Bytes that are no UTF-8 are shown as \xNN.
        head = event.raw[: room * _BYTES_A_CHARACTER + _BYTES_A_CHARACTER]
        text = head.decode("utf-8", errors="backslashreplace")
        is_whole = len(head) == len(event.raw) and len(text) <= room
        if not is_whole and parts[1:]:
            break
        origin = f"{shown_time(event.time_ns)}" + (
            f", {_code(event.origin)}" if event.origin else ""
        )
        parts.append(f"{origin}:\n\n{fenced(text[:room])}")
        if not is_whole:
            parts.append(
                f"Cut here: this log has {len(event.raw):,} bytes, and the first {room:,} "
                "characters are shown."
            )
            break
        whole += 1
        room -= len(text)
    parts.append(_raw_count(len(events), whole))
    return "\n\n".join(parts)


def _raw_count(count: int, whole: int) -> str:
    if whole == count:
        return "Shown as they came, but for hidden characters."
    return (
        f"{whole:,} of {count:,} raw logs are shown whole here. "
        "All of them are kept with this alert, byte for byte."
    )


def _code(text: str) -> str:
    return code_span(text, in_table=False)


def _rule_text(text: str) -> str:
    return markdown_text(excerpt(text, _MAX_RULE_TEXT))


def _reference(text: str) -> str:
    link = text.strip()
    return f"<{link}>" if len(link) < 2000 and _LINK.fullmatch(link) else _rule_text(link)
