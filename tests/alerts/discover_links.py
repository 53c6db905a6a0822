"""Reads a link into Discover back: where it leads, from when to when, and what it filters by.

Its own reader of Rison, so that a mistake of the writer's is not made twice.
Source of the grammar: https://github.com/w33ble/rison-node
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Opened:
    """What Kibana makes of a link."""

    page: str
    start: str
    end: str
    filters: list[dict[str, Any]]
    data_view: str = ""
    patterns: str = ""

    @property
    def query(self) -> dict[str, Any]:
        """What Elasticsearch is asked: all filters, within the time."""
        time = {"range": {"@timestamp": {"gte": self.start, "lte": self.end}}}
        return {"bool": {"filter": [time, *(entry["query"] for entry in self.filters)]}}

    def ids(self) -> dict[str, list[str]]:
        """Return the ids that are asked for, by the pattern of their index."""
        found: dict[str, list[str]] = {}
        for entry in self.filters:
            inner = entry["query"]["bool"]
            for one in inner.get("should", [entry["query"]]):
                index, ids = one["bool"]["filter"]
                found[index["wildcard"]["_index"]["value"]] = ids["ids"]["values"]
        return found


def opened(link: str) -> Opened:
    """Return what a link says."""
    parts = urlsplit(link)
    page = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if parts.path.endswith("/app/r"):
        given = parse_qs(parts.query, strict_parsing=True)
        assert given["l"] == ["DISCOVER_APP_LOCATOR"] and given["v"]
        (text,) = given["p"]
        state = json.loads(text)
        view, time = state["dataViewSpec"], state["timeRange"]
        assert view["timeFieldName"] == "@timestamp"
        return Opened(page, time["from"], time["to"], state["filters"], patterns=view["title"])
    way, _, query = parts.fragment.partition("?")
    assert way == "/"
    given = parse_qs(query, strict_parsing=True)
    time = read_rison(given["_g"][0])["time"]
    here = read_rison(given["_a"][0])
    assert here["dataSource"] == {"dataViewId": here["index"], "type": "dataView"}
    return Opened(page, time["from"], time["to"], here["filters"], data_view=here["index"])


def read_rison(text: str) -> Any:
    """Return what Rison says; fails where it is none."""
    value, end = _value(text, 0)
    assert end == len(text), text[end:]
    return value


def _value(text: str, at: int) -> tuple[Any, int]:
    if text[at] == "'":
        return _quoted(text, at + 1)
    if text[at] == "(":
        return _object(text, at + 1)
    if text[at] == "!":
        fixed = {"t": True, "f": False, "n": None}
        if text[at + 1] == "(":
            return _array(text, at + 2)
        return fixed[text[at + 1]], at + 2
    end = at
    while end < len(text) and text[end] not in " '!:(),*@$":
        end += 1
    word = text[at:end]
    assert word, text[at:]
    if word[0] in "-0123456789":
        return int(word), end
    return word, end


def _quoted(text: str, at: int) -> tuple[str, int]:
    found = ""
    while text[at] != "'":
        if text[at] == "!":
            at += 1
            assert text[at] in "!'"
        found += text[at]
        at += 1
    return found, at + 1


def _array(text: str, at: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while text[at] != ")":
        if found:
            assert text[at] == ","
            at += 1
        value, at = _value(text, at)
        found.append(value)
    return found, at + 1


def _object(text: str, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while text[at] != ")":
        if found:
            assert text[at] == ","
            at += 1
        key, at = _value(text, at)
        assert isinstance(key, str) and text[at] == ":"
        found[key], at = _value(text, at + 1)
    return found, at + 1
