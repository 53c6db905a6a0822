"""Correlations on a real Elasticsearch: counting groups first changes no episode.

Three ways to the same: all events decided as from a file, every hit of the query read, and only the
hits of groups that can fire.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient, open_client
from sigma2hive.engine import Correlated
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.rules import Compiled
from sigma2hive.runner.episodes import find_firings
from sigma2hive.runner.matching import Candidate, Matcher
from sigma2hive.runner.querying import Search, Window
from sigma2hive.runner.state import EpisodeStore
from sigma2hive.settings import ElasticsearchSettings
from sigma2hive.sources import in_batches
from sigma2hive.sources.elasticsearch import read_hit
from sigma2hive.workflows.project import ProjectOptions, load_project
from tests.bench.cluster import Cluster, Indices

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
ALWAYS = Window(0, 4_000_000_000 * 1_000_000_000)
MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"code": {"type": "keyword"}}},
        "source": {
            "properties": {"ip": {"type": "ip", "ignore_malformed": True}},
        },
        "address": {"type": "keyword"},
        "user": {"properties": {"name": {"type": "keyword", "ignore_above": 20}}},
    }
}
PROFILE = """\
profile: site
title: A site's own
field_types:
    source.ip: ip
    address: keyword
    user.name: {{type: keyword, ignore_above: 20}}
logsources:
    - product: windows
      indices: [{index}]
      dropped: ['-']
      fields: {{Name: [user.name, address]}}
"""
RULES = """\
title: Failed logon
id: 11111111-1111-4111-8111-111111111111
name: failed
level: low
logsource: {{product: windows}}
detection:
    selection: {{event.code: 4625}}
    condition: selection
---
title: Many
id: 22222222-2222-4222-8222-222222222222
level: high
correlation:
    type: event_count
    rules: [failed]
    group-by: [{group_by}]
    timespan: 10m
    condition: {{gte: 6}}
"""

#: An event: minutes after the start, and its fields.
Given = tuple[float, dict[str, Any]]
Made = Callable[[str, list[Given]], "Site"]


class Site:
    """An index with events, and the compiled rules for it."""

    def __init__(self, compiled: Compiled, client: ElasticsearchClient, events: list[Event]):
        self.compiled, self.client, self.events = compiled, client, events

    def from_files(self) -> Correlated:
        return self.correlated(self.events)

    def from_hits(self) -> tuple[Correlated, int]:
        return self._searched(Search(self.client, self.compiled.rules, ALWAYS, hits_per_search=1))

    def from_counts(self, episodes: EpisodeStore | None = None) -> tuple[Correlated, int]:
        rules, correlations = self.compiled.rules, self.compiled.correlations
        search = Search(self.client, rules, ALWAYS, correlations, episodes, hits_per_search=1)
        return self._searched(search)

    def _searched(self, search: Search) -> tuple[Correlated, int]:
        found = [entry for entry in search if isinstance(entry, Candidate)]
        assert search.failures == {}
        return self.correlated(found), len(found)

    def correlated(self, found: Iterable[Event | Candidate]) -> Correlated:
        matcher = Matcher(self.compiled)
        for entry in in_batches(found):
            list(matcher.matches_of(entry))
        ((_, correlated),) = matcher.correlated()
        return correlated


@pytest.fixture
def site(tmp_path: Path, elasticsearch: Cluster, indices: Indices) -> Iterator[Made]:
    """What makes a site of a group-by and events."""
    reader = elasticsearch.users.reader
    settings = ElasticsearchSettings(urls=(elasticsearch.url,), username=reader.name)
    secrets = {"SIGMA2HIVE_ELASTICSEARCH_PASSWORD": reader.password}
    with open_client(settings, secrets) as client:

        def make(group_by: str, given: list[Given]) -> Site:
            documents = [
                {
                    "@timestamp": (START + timedelta(minutes=minutes)).isoformat(),
                    "event.code": "4625",
                    **fields,
                }
                for minutes, fields in given
            ]
            index = indices.create(MAPPING, documents)
            (tmp_path / "mappings" / "schemas").mkdir(parents=True)
            (tmp_path / "mappings" / "schemas" / "site.yml").write_text(PROFILE.format(index=index))
            (tmp_path / "rules.yml").write_text(RULES.format(group_by=group_by))
            rules = (tmp_path / "rules.yml",)
            project = load_project(ProjectOptions(tmp_path, rules=rules, profile="site"))
            hits = (
                {"_index": index, "_id": str(number), "_source": document}
                for number, document in enumerate(documents)
            )
            events = [event for hit in hits if isinstance(event := read_hit(hit), Event)]
            assert len(events) == len(documents)
            return Site(project.compiled, client, events)

        yield make


def spread(count: int, minutes: float, *fields: dict[str, Any]) -> list[Given]:
    """So many events over so many minutes, which take the fields in turn."""
    return [
        (minutes * number / max(count - 1, 1), fields[number % len(fields)])
        for number in range(count)
    ]


def told(correlated: Correlated) -> Any:
    """The episodes by group with the keys of their events, and what belongs to no group."""
    episodes = {
        (group.key, tuple(sorted(event.key.parts for event in episode.events)), episode.figure)
        for group in correlated.groups
        for episode in group.episodes
    }
    return episodes, sorted((entry.field, entry.count) for entry in correlated.ungrouped)


def ip(text: str) -> dict[str, Any]:
    return {"source.ip": text}


def user(name: str) -> dict[str, Any]:
    return {"user.name": name}


NOISE = [(number / 10, ip(f"10.0.{number // 5}.1")) for number in range(100)]
LONG = "a-name-that-is-too-long-to-be-indexed"
CASES: dict[str, tuple[str, list[Given], int]] = {
    "six-are-one": ("source.ip", spread(6, 9.9, ip("203.0.113.7")), 1),
    "five-are-none": ("source.ip", spread(5, 9.9, ip("203.0.113.7")), 0),
    "six-over-eleven-minutes": ("source.ip", spread(6, 11, ip("203.0.113.7")), 0),
    "seven": ("source.ip", spread(7, 9.9, ip("203.0.113.7")), 1),
    "twelve": ("source.ip", spread(12, 9.9, ip("203.0.113.7")), 1),
    "six-hundred": ("source.ip", spread(600, 30, ip("203.0.113.7")), 1),
    "letter-case": ("user.name", spread(6, 9, user("Anna"), user("ANNA"), user("anna")), 1),
    "case-beyond-ascii": ("user.name", spread(6, 9, user("Jörg"), user("JÖRG")), 1),
    "mapped-address": ("source.ip", spread(6, 9, ip("::ffff:203.0.113.7"), ip("203.0.113.7")), 1),
    "address-in-a-keyword": (
        "address",
        spread(6, 9, {"address": "::FFFF:203.0.113.7"}, {"address": "203.0.113.7"}),
        1,
    ),
    "several-values": ("user.name", spread(6, 9, {"user.name": ["anna", "ben"]}), 2),
    "not-indexed": ("user.name", spread(6, 9, user(LONG), user(LONG.upper())), 1),
    "one-of-two-indexed": ("user.name", spread(6, 9, {"user.name": [LONG, "anna"]}), 2),
    "no-address": ("source.ip", spread(6, 9, ip("LOCAL"), ip("local")), 1),
    "no-value": ("source.ip", [*spread(6, 9, {"user.name": "anna"}), (1, ip("203.0.113.7"))], 0),
    "other-field": ("Name", [*spread(3, 9, user("anna")), *spread(3, 8, {"address": "ANNA"})], 1),
    "dropped": ("Name", spread(6, 9, {"user.name": "-", "address": "anna"}), 1),
    "two-fields": (
        "source.ip, user.name",
        [
            *spread(6, 9, {**ip("203.0.113.7"), **user("anna")}),
            *spread(6, 9, {**ip("203.0.113.8"), **user("ben")}, {**ip("203.0.113.8")}),
            *spread(4, 9, {**ip("203.0.113.9"), **user("cleo")}),
        ],
        1,
    ),
}


@pytest.mark.parametrize(("group_by", "given", "episodes"), CASES.values(), ids=CASES)
def test_all_ways_lead_to_the_same_episodes(
    site: Made, group_by: str, given: list[Given], episodes: int
) -> None:
    made = site(group_by, given)
    expected = told(made.from_files())
    assert len(expected[0]) == episodes
    assert told(made.from_hits()[0]) == expected
    assert told(made.from_counts()[0]) == expected


NAMES = ["anna", "Anna", "ANNA", "ben", "", "-", LONG, LONG.upper(), "jörg", "JÖRG", "\u212a", "k"]
ADDRESSES = [
    "10.0.0.1",
    "::ffff:10.0.0.1",
    "10.0.0.2",
    "2001:DB8::1",
    "2001:db8:0::1",
    "LOCAL",
    "-",
]


def some(dice: random.Random, values: list[str]) -> Any:
    """Nothing, one value or several."""
    count = dice.choice([0, 1, 1, 1, 1, 2, 3])
    # Some are frequent and others rare, so that some groups fire and others do not.
    chosen = [values[int(len(values) * dice.random() ** 3)] for _ in range(count)]
    return chosen[0] if count == 1 else chosen


@pytest.mark.parametrize("group_by", ["source.ip", "user.name", "Name", "user.name, source.ip"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_mix_leads_to_the_same_episodes(site: Made, group_by: str, seed: int) -> None:
    dice = random.Random(seed)
    given: list[Given] = [
        (
            dice.random() * 60,
            {
                "user.name": some(dice, NAMES),
                "address": some(dice, [*NAMES, *ADDRESSES]),
                "source.ip": some(dice, ADDRESSES),
            },
        )
        for _ in range(250)
    ]
    made = site(group_by, given)
    expected = told(made.from_files())
    assert expected[0]
    assert told(made.from_hits()[0]) == expected
    assert told(made.from_counts()[0]) == expected


def test_groups_that_cannot_fire_are_not_read(site: Made) -> None:
    made = site("source.ip", [*NOISE, *spread(6, 9, ip("203.0.113.7")), (3, {"user.name": "x"})])
    expected = told(made.from_files())
    assert len(expected[0]) == 1 and expected[1] == [("source.ip", 1)]
    counted, read = made.from_counts()
    assert told(counted) == expected
    assert read == 7
    assert made.from_hits()[1] == 107


def test_a_group_that_fired_before_is_read_however_few_its_events(
    site: Made, tmp_path: Path
) -> None:
    made = site("source.ip", [*NOISE, *spread(2, 5, ip("203.0.113.7"))])
    (correlation,) = made.compiled.correlations
    with EpisodeStore(tmp_path / "state.db") as store:
        earlier = site_of_six(made)
        for firing in find_firings(correlation, earlier, ()):
            store.save(firing.stored)
        counted, read = made.from_counts(store)
    assert read == 2
    assert [len(group.events) for group in counted.groups] == [2]


def site_of_six(made: Site) -> Correlated:
    """What an earlier pass found: three times the two events, under other keys."""
    mine = [event for event in made.events if event.values["source.ip"] == ("203.0.113.7",)]
    copies = [
        replace(event, key=EventKey(EventKeyKind.ELASTICSEARCH, ("x", str(number), str(copy))))
        for copy in range(3)
        for number, event in enumerate(mine)
    ]
    return made.correlated(copies)
