"""Two indices of one pattern with every oddity that a mapping can have, and documents for both."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Profile
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.schema import load_profile, render_snapshots
from sigma2hive.workflows.schema_pull import pull_snapshots
from tests.bench.cluster import Cluster
from tests.clients.connecting import client_of
from tests.compiler.dsl_world import ADDRESSES, TEXTS

PATTERN = "s2h-odd-*"

#: Field → its mapping in the first index, and in the second; None where only the other has it.
FIELDS: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {
    "kw": ({"type": "keyword"}, {"type": "keyword"}),
    "short": ({"type": "keyword", "ignore_above": 8}, {"type": "keyword"}),
    "low": (
        {
            "type": "keyword",
            "fields": {"caseless": {"type": "keyword", "normalizer": "lower"}},
        },
    )
    * 2,
    "low_once": (
        {
            "type": "keyword",
            "fields": {"caseless": {"type": "keyword", "normalizer": "lower"}},
        },
        {"type": "keyword"},
    ),
    "low_short": (
        {
            "type": "keyword",
            "fields": {"caseless": {"type": "keyword", "normalizer": "lower", "ignore_above": 8}},
        },
    )
    * 2,
    "folded": ({"type": "keyword", "normalizer": "lower"},) * 2,
    "folded_once": ({"type": "keyword", "normalizer": "lower"}, {"type": "keyword"}),
    "custom": ({"type": "keyword", "normalizer": "own", "ignore_above": 8},) * 2,
    "values_only": ({"type": "keyword", "index": False, "ignore_above": 8}, {"type": "keyword"}),
    "terms_only": ({"type": "keyword", "doc_values": False},) * 2,
    "dark": ({"type": "keyword", "index": False, "doc_values": False}, {"type": "keyword"}),
    "text": ({"type": "text"},) * 2,
    "text_dark": ({"type": "text", "index": False},) * 2,
    "text_bare": ({"type": "text", "norms": False}, {"type": "keyword"}),
    "sub": ({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 8}}},) * 2,
    "sub_once": (
        {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        {"type": "text"},
    ),
    "sub_null": ({"type": "text", "fields": {"keyword": {"type": "keyword", "null_value": "abc"}}},)
    * 2,
    "nothing": ({"type": "keyword", "null_value": "abc"},) * 2,
    "source": ({"type": "keyword", "copy_to": ["all", "also"]}, {"type": "keyword"}),
    "all": ({"type": "text"}, {"type": "text"}),
    "also": ({"type": "keyword", "ignore_above": 8}, {"type": "keyword"}),
    "alias": ({"type": "alias", "path": "kw"}, {"type": "alias", "path": "kw"}),
    "alias_once": ({"type": "alias", "path": "short"}, {"type": "keyword"}),
    "number_or_word": ({"type": "long"}, {"type": "keyword"}),
    "word_or_text": ({"type": "keyword", "ignore_above": 8}, {"type": "text"}),
    "word_or_address": ({"type": "keyword"}, {"type": "ip"}),
    "long": ({"type": "long"}, {"type": "integer"}),
    "byte": ({"type": "byte"}, {"type": "short", "index": False}),
    "real": ({"type": "half_float"}, {"type": "float"}),
    "ip": ({"type": "ip"}, {"type": "ip", "index": False}),
    "bool": ({"type": "boolean"}, {"type": "boolean", "null_value": True}),
    "date": ({"type": "date"}, {"type": "date_nanos"}),
    "flat": ({"type": "flattened", "ignore_above": 8}, {"type": "flattened"}),
    "nest": ({"type": "nested", "properties": {"x": {"type": "keyword"}}},) * 2,
    "nest_once": (
        {"type": "nested", "properties": {"x": {"type": "keyword"}}},
        {"properties": {"x": {"type": "keyword"}}},
    ),
    "shut": ({"dynamic": False, "properties": {"x": {"type": "keyword"}}},) * 2,
    "shut_once": (
        {"properties": {"x": {"type": "keyword"}, "y": {"type": "keyword"}}},
        {"dynamic": False, "properties": {"x": {"type": "keyword"}}},
    ),
    "off": ({"type": "object", "enabled": False},) * 2,
    "off_once": ({"type": "object", "enabled": False}, {"properties": {"x": {"type": "keyword"}}}),
    "first_only": ({"type": "keyword"}, None),
    "second_only": (None, {"type": "keyword"}),
    'odd name, with = and "signs"': ({"type": "keyword"},) * 2,
}
_RUNTIME = {"at_once": {"type": "keyword"}, "number_at_once": {"type": "long"}}
SETTINGS: dict[str, Any] = {
    "index.mapping.ignore_malformed": True,
    "analysis": {
        "normalizer": {
            "lower": {"type": "custom", "filter": ["lowercase"]},
            "own": {"type": "custom", "filter": []},
        }
    },
}
_OBJECTS = ("flat", "nest", "nest_once", "shut", "shut_once", "off", "off_once")
#: What rules ask for: names of the mappings, what lies below them, and what no mapping has.
ASKED = (
    *(name for name in FIELDS if name not in _OBJECTS and " " not in name),
    *(f"{name}.{below}" for name in _OBJECTS for below in "xy"),
    *_RUNTIME,
    *("low.caseless", "sub.keyword", "dynamic", "later", "unmapped", "nowhere", "shut"),
)

PROFILE = f"""\
profile: odd
title: Odd indices
logsources:
  - product: windows
    indices: ['{PATTERN}']
    keyword_fields: [kw, text]
"""


def mappings() -> tuple[dict[str, Any], dict[str, Any]]:
    first, second = (
        {name: pair[number] for name, pair in FIELDS.items() if pair[number] is not None}
        for number in (0, 1)
    )
    return (
        {"runtime": _RUNTIME, "properties": first},
        {"dynamic": False, "runtime": _RUNTIME, "properties": second},
    )


def draw_documents(count: int, seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [_document(draw) for _ in range(count)]


def _document(draw: random.Random) -> dict[str, Any]:
    document: dict[str, Any] = {"@timestamp": "2026-11-24T22:00:00Z"}
    names = (*FIELDS, *_RUNTIME, "dynamic", "unmapped")
    for name in names:
        if name.startswith("alias") or draw.random() < 0.6:
            continue
        pool = _pool(name)
        value: Any = draw.choice(pool)
        if draw.random() < 0.2:
            value = [draw.choice(pool) for _ in range(draw.randint(0, 3))]
        elif draw.random() < 0.1:
            value = None
        if name in _OBJECTS:
            value = {"x": value, "y": draw.choice(pool)}
        document[name] = value
    return document


def _pool(name: str) -> list[Any]:
    numbers: list[Any] = [1, 26, 4625, -1, 300, 70000, 99999999999, "4625", "0x1211", "x", ""]
    pools: dict[str, list[Any]] = {
        **{key: [*numbers, 4625.7, 26.9] for key in ("long", "byte", "number_at_once")},
        "real": [*numbers, 4625.7, 0.5, 2050.4],
        "number_or_word": numbers,
        "ip": [*ADDRESSES, "-", ""],
        "word_or_address": [*ADDRESSES, "-"],
        "bool": [True, False, "true", "", "TRUE", 1],
        "date": ["2026-11-24T22:00:00Z", "2026-11-24", "soon", ""],
        # A date would make the index map the field as one.
        "dynamic": ["abc", "aBc", "", "foo bar", "x" * 300],
    }
    return pools.get(name, TEXTS)


@dataclass(frozen=True)
class OddWorld:
    """The indices, what was pulled of them, and a profile that holds it."""

    cluster: Cluster
    snapshot: Snapshot
    profile: Profile
    folder: Path

    def search(self, query: Mapping[str, Any], fields: tuple[str, ...]) -> list[dict[str, Any]]:
        body = {"query": query, "size": 2_000, "fields": list(fields)}
        path = f"{PATTERN}/_search?allow_partial_search_results=false"
        hits: list[dict[str, Any]] = self.cluster.request("POST", path, body)["hits"]["hits"]
        return hits


@contextmanager
def odd_world(cluster: Cluster, folder: Path, count: int) -> Iterator[OddWorld]:
    """Make the indices, fill them, pull, and add what comes after the pull."""
    documents = draw_documents(count, 7)
    with cluster.indices() as indices:
        names = [
            indices.create(mapping, documents, settings=SETTINGS, name="odd")
            for mapping in mappings()
        ]
        with client_of(cluster, cluster.users.blind) as client:
            (snapshot,) = pull_snapshots(client, [PATTERN])
        for name in names:
            later = [{"@timestamp": 0, "later": text} for text in ("abc", "", "foo bar")]
            odd = [{"@timestamp": 0, "at_once": text} for text in ("\u212a", "ſ", "ı", "İ")]
            indices.add(name, [*later, *odd], first=count)
        text = PROFILE + render_snapshots([snapshot])
        (folder / "odd.yml").write_text(text, encoding="utf-8")
        diagnostics = Diagnostics()
        profile = load_profile("odd", folder, diagnostics)
        assert profile is not None, list(diagnostics)
        assert profile.snapshots == (snapshot,)
        yield OddWorld(cluster, snapshot, profile, folder)
