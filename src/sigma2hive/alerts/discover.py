"""A link into Kibana's Discover that opens the events of a match, and no others.

Takes the facts of a match and where Kibana is; gives an address of at most `MAX_LINK` characters,
or None. Sends nothing. Only events that came from Elasticsearch can be opened: their keys say
where they lie. All that comes from events is percent-encoded.

The address holds an absolute time and a filter in Query DSL by the events' `_id`s, apart for each
index they lie in, since an id is unique within an index only. Where these are more than fit, it
holds the values that the match is grouped by, and says so.

Source: Kibana 9, plugins discover (its `_a` and `_g`) and share (`/app/r`, redirect by locator).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from sigma2hive.alerts.facts import Facts
from sigma2hive.alerts.rison import rison
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.fields import FieldType
from sigma2hive.model.times import NANOSECONDS, render_time
from sigma2hive.records import dataclass
from sigma2hive.settings import KibanaSettings, Settings

#: Source: TheHive 5.7 API, InputCreateAlert
MAX_LINK = 4096
#: What a link opens that is not exact, in Markdown.
WIDER = "what is of the same group and time: the alert's own events are too many for a link"
_TIME_FIELD = "@timestamp"
#: Which form of its parameters the locator is given; Kibana brings older ones up to date.
_LOCATOR = "/app/r?l=DISCOVER_APP_LOCATOR&v=9.0.0&p="
_SPACE = re.compile(r"[a-z0-9_-]+")
_WILDCARDS = re.compile(r"[*?\\]")
#: Of one grouping field, so many spellings of its value are sought.
_MAX_SPELLINGS = 20
#: Indices keep longer values, but may not find them (ignore_above).
_MAX_VALUE = 200
#: What a plain query finds nothing in.
_NOT_FOUND_IN = frozenset({FieldType.NESTED, FieldType.OBJECT, FieldType.OTHER})

_Query = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DiscoverLink:
    """The address; `is_exact` where it names the events, and not what they have in common."""

    url: str
    is_exact: bool


def check_kibana(settings: Settings, diagnostics: Diagnostics) -> None:
    """Report (S2H402) what makes links that lead nowhere."""
    kibana = settings.kibana

    def refuse(key: str, problem: str, example: str) -> None:
        place = settings.place_of(f"kibana.{key}")
        hint = f"for example: {example}"
        diagnostics.error("S2H402", place, f"kibana.{key} {problem}", hint)

    if kibana.url is not None and (problem := _address_problem(kibana.url)):
        refuse("url", problem, "url: https://kibana.example")
    if kibana.space is not None and not _SPACE.fullmatch(kibana.space):
        problem = "is no identifier of a space: these have a-z, 0-9, _ and - only"
        refuse("space", problem, "space: soc")
    if kibana.url is None and (kibana.space or kibana.data_view):
        refuse("url", "is not set, so that alerts have no link", "url: https://kibana.example")


def _address_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_number = urlsplit(""), False
    if parts.username is not None or parts.password is not None:
        # Not repeated: what stands before the @ is a credential.
        return "has a user or password in its URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_number:
        return f"is {url!r}, which is no http or https address"
    if parts.query or parts.fragment:
        return f"is {url!r}, which goes on after the path"
    return "" if re.fullmatch(r"[!-~]+", url) else f"is {url!r}, which has to be percent-encoded"


def discover_link(facts: Facts, kibana: KibanaSettings) -> DiscoverLink | None:
    """Return the link; None without Kibana, for events from files, or where nothing fits."""
    keys = [event.key for event in facts.match.events]
    if not kibana.url or not all(map(_is_linkable, keys)):
        return None
    patterns = sorted({name for place in facts.context.lookup.places for name in place.indices})
    between = _time_range(facts.match.events)
    if between is None or not (kibana.data_view or patterns):
        return None
    page = _Page(kibana, ",".join(patterns), *between)
    exact = page.address("Events of this alert", _by_ids(keys))
    if len(exact) <= MAX_LINK:
        return DiscoverLink(exact, is_exact=True)
    for query in _by_groups(facts):
        wider = page.address("Group of this alert", query)
        if len(wider) <= MAX_LINK:
            return DiscoverLink(wider, is_exact=False)
    return None


def _is_linkable(key: EventKey) -> bool:
    if key.kind is not EventKeyKind.ELASTICSEARCH:
        return False
    # Elasticsearch has no text with half a character in it; this came from a file.
    return not re.search("[\ud800-\udfff]", "".join(key.parts))


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of Discover but for what it filters by; `start` and `end` are ISO 8601."""

    kibana: KibanaSettings
    patterns: str
    start: str
    end: str

    def address(self, label: str, query: _Query | None) -> str:
        """Return the address of the page with a filter."""
        filters = [] if query is None else [_filter(label, query, self.kibana.data_view)]
        return self._by_data_view(filters) if self.kibana.data_view else self._by_locator(filters)

    @property
    def _base(self) -> str:
        space = self.kibana.space
        path = f"/s/{space}" if space and space != "default" else ""
        return f"{(self.kibana.url or '').rstrip('/')}{path}"

    @property
    def _time(self) -> dict[str, str]:
        return {"from": self.start, "to": self.end}

    def _by_data_view(self, filters: list[_Query]) -> str:
        view = self.kibana.data_view
        everywhere = {
            "filters": [],
            "refreshInterval": {"pause": True, "value": 60_000},
            "time": self._time,
        }
        here = {
            "dataSource": {"dataViewId": view, "type": "dataView"},
            "filters": filters,
            "index": view,  # what Kibana before 8.15 reads
            "interval": "auto",
            "query": {"language": "kuery", "query": ""},
        }
        state = f"_g={_encoded(rison(everywhere))}&_a={_encoded(rison(here))}"
        return f"{self._base}/app/discover#/?{state}"

    def _by_locator(self, filters: list[_Query]) -> str:
        parameters = {
            "dataViewSpec": {"title": self.patterns, "timeFieldName": _TIME_FIELD},
            "filters": filters,
            "query": {"language": "kuery", "query": ""},
            "timeRange": self._time,
        }
        text = json.dumps(parameters, ensure_ascii=False, separators=(",", ":"))
        return f"{self._base}{_LOCATOR}{_encoded(text)}"


def _encoded(text: str) -> str:
    """Percent-encode all but letters, digits and what no program takes for an end of a link."""
    shown = quote(text, safe="!(),:")
    # What finds links in text leaves a bracket at the end out of them.
    return f"{shown[:-1]}%29" if shown.endswith(")") else shown


def _filter(label: str, query: _Query, data_view: str | None) -> _Query:
    meta: dict[str, object] = {
        "alias": label,
        "disabled": False,
        "key": "bool",
        "negate": False,
        "type": "custom",
    }
    if data_view:
        meta["index"] = data_view
    return {"$state": {"store": "appState"}, "meta": meta, "query": query}


def _by_ids(keys: Sequence[EventKey]) -> _Query:
    """Return a query for exactly these documents: their ids, apart for each index."""
    by_index: dict[str, dict[str, None]] = {}
    for key in keys:
        by_index.setdefault(key.parts[0], {})[key.parts[1]] = None
    queries = [
        {"bool": {"filter": [_in_index(index), {"ids": {"values": list(ids)}}]}}
        for index, ids in by_index.items()
    ]
    return queries[0] if len(queries) == 1 else _any_of(queries)


def _in_index(name: str) -> _Query:
    """Return a query for an index by what a key keeps of its name: without cluster and rollover."""
    bare = _WILDCARDS.sub(r"\\\g<0>", name.rpartition(":")[2])
    return {"wildcard": {"_index": {"value": f"*{bare}*"}}}


def _any_of(queries: Sequence[_Query]) -> _Query:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}


def _by_groups(facts: Facts) -> Iterator[_Query | None]:
    """Yield wider and wider queries that all of the events meet; None is for the time alone."""
    fields = [query for query in (_group(facts, name) for name, _ in facts.match.group) if query]
    for length in range(len(fields), 0, -1):
        yield {"bool": {"filter": fields[:length]}}
    yield None


def _group(facts: Facts, name: str) -> _Query | None:
    """Return a query for the values of a grouping field as the events write them.

    None where the index may not find one of them, or there are more than are worth a link.
    """
    fields = facts.index_fields_of(name)
    found: dict[tuple[str, str], None] = {}
    for event in facts.match.events:
        values = [(field, field.values_of(event.values)) for field in fields]
        field, texts = next(((field, texts) for field, texts in values if texts), (None, ()))
        if field is None or field.derived is not None or field.type in _NOT_FOUND_IN:
            return None
        found.update(dict.fromkeys((field.path, text) for text in texts))
        if len(found) > _MAX_SPELLINGS or any(len(text) > _MAX_VALUE for text in texts):
            return None
    return _any_of([{"match_phrase": {path: value}} for path, value in found])


def _time_range(events: Sequence[Event]) -> tuple[str, str] | None:
    """Return from when to when the events lie, in whole seconds around them."""
    times = [int(event.key.parts[2]) for event in events]
    start, end = min(times) // NANOSECONDS, max(times) // NANOSECONDS + 1
    try:
        return render_time(start * NANOSECONDS), render_time(end * NANOSECONDS)
    except OverflowError:  # beyond the year 9999
        return None
