"""A Sigma filter that mutes exactly one alert, ready to be saved among the rules.

Takes the facts of a match; gives YAML, or nothing where a value cannot be written so that it is
read back as itself. The filter's id follows from what it says, so that it is the same each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from uuid import UUID, uuid5

from sigma2hive.alerts.facts import Facts
from sigma2hive.alerts.text import fenced, is_hidden, visible
from sigma2hive.model.canonical import canonical_json
from sigma2hive.model.folding import fold
from sigma2hive.model.profiles import Logsource, LogsourcePlace
from sigma2hive.model.rules import RuleInfo

#: Namespace of the filters' ids. It is in repositories for years: never change it.
_NAMESPACE = UUID("4a1f4c8e-3c57-5d0b-9a53-0c6f6f8f0b7e")
MAX_VALUE = 500
_MAX_TITLE = 70
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
#: Backslashes mean more than themselves before each other, a wildcard or a placeholder.
_BACKSLASHES = re.compile(r"\\{2,}|\\(?=[*?])|\\$")


def mute_filter(facts: Facts, names: tuple[str, ...]) -> str:
    """Return the filter as a fenced Markdown block, "" where there is none to give.

    An episode with groups is muted by its group, any other match by those of `names` of which its
    events have one value each.
    """
    selection = mute_selection(facts, names)
    text = filter_document(facts.match.rule, facts.context.logsource, selection)
    return fenced(text, "yaml") if text else ""


def mute_selection(facts: Facts, names: tuple[str, ...]) -> dict[str, str]:
    """Return Sigma's names of the fields by which a match is muted, with the value of each."""
    return dict(_by_group(facts) if facts.match.group else _by_fields(facts, names))


def filter_document(rule: RuleInfo, logsource: Logsource, selection: Mapping[str, str]) -> str:
    """Return the filter that keeps events with all of these values from a rule, as YAML.

    "" where it would say nothing, or a value cannot be written so that it is read back as itself.
    """
    if not selection or not logsource.specificity:
        return ""
    if not all(map(is_mutable, (*selection, *selection.values()))):
        return ""
    return "\n".join(_lines(rule, logsource, selection))


def _lines(rule: RuleInfo, logsource: Logsource, selection: Mapping[str, str]) -> Iterator[str]:
    identity = canonical_json([rule.id, *([name, selection[name]] for name in sorted(selection))])
    what = ", ".join(selection.values())
    title = visible(f"Mute {what}: {rule.title}")
    title = title if len(title) <= _MAX_TITLE else f"{title[: _MAX_TITLE - 1]}…"
    yield f"title: {_quoted(title)}"
    yield f"id: {uuid5(_NAMESPACE, identity.decode('ascii'))}"
    yield "logsource:"
    for key in ("product", "category", "service"):
        part = getattr(logsource, key)
        if part is not None:
            yield f"  {key}: {_quoted(part)}"
    yield "filter:"
    yield "  rules:"
    yield f"    - {rule.id}"
    yield "  selection:"
    for name, value in selection.items():
        key = name if _PLAIN_KEY.fullmatch(name) else _quoted(name)
        yield f"    {key}: {_quoted(_escaped(value))}"
    yield "  condition: not selection"


def _by_group(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield each grouping field under a name by which the base rules' events have it."""
    correlation, places = facts.context.correlation, facts.context.lookup.places
    for name, value in facts.match.group:
        paths = {field.path for field in correlation.candidates(name)} if correlation else set()
        read = {field.path for place in places for field in place.resolve(name)}
        # An alias is a name of this correlation only: the one field that it stands for is written.
        yield name if paths == read else paths.pop() if len(paths) == 1 else "", value


def _by_fields(facts: Facts, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for place in facts.context.lookup.places[:1]:
        for path in names:
            own = (
                name
                for event in facts.match.events
                for name in facts.context.lookup.own_names(path, event.values)
            )
            for name in chain(facts.context.lookup.names_of(path), own):
                values = _values(facts, place, name)
                if len(values) == 1:
                    yield name, values.pop()
                    break


def _values(facts: Facts, place: LogsourcePlace, name: str) -> set[str]:
    """Return the distinct values that a rule reads under a name; a stand-in would mute nothing."""
    fields = [field for field in place.resolve(name) if field.derived is None]
    found: dict[str, str] = {}
    for event in facts.match.events:
        for value in (text for field in fields for text in field.values_of(event.values)):
            if value not in ("", "-"):
                found.setdefault(fold(value[: MAX_VALUE + 1]), value)
    return set(found.values())


def is_mutable(text: str) -> bool:
    """Whether a filter can say a value so that it is read back as itself."""
    return 0 < len(text) <= MAX_VALUE and not is_hidden(text) and visible(text) == text


def _escaped(value: str) -> str:
    """Write a value so that Sigma reads it as itself: wildcards, and backslashes where needed."""
    doubled = _BACKSLASHES.sub(lambda found: found[0] * 2, value)
    return re.sub(r"[*?]", r"\\\g<0>", doubled)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
