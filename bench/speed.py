"""How long all rules take over a window of an index: our queries beside the official ones.

Takes SigmaHQ's Windows rules (2,400 of them) and an index of 300,000 documents in Winlogbeat's
shape. Both kinds of queries go out as `_msearch`, in batches of the same rules, one batch of each
in turn, so that whatever else the machine does slows both. No rule has a request of its own.

    make bench-speed
    python -m bench.speed --documents 30000 --minutes 5 --show 10
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bench.noise import ATTACK_EVERY, DAY, Noise
from bench.official import OfficialQueries, asking_existing_fields
from bench.setting import (
    profile_named,
    running_cluster,
    shared_folder,
    windows_mapping,
    windows_rules,
)
from sigma2hive.compiler import compile_query
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.rules import Compiled
from sigma2hive.model.times import parse_time_ns
from sigma2hive.runner.matching import Candidate, Matcher
from sigma2hive.runner.querying import HITS_PER_SEARCH, RULES_PER_REQUEST, Window
from sigma2hive.sources import SourceOptions, in_batches, read_events
from sigma2hive.sources.elasticsearch import read_hit
from tests.bench.cluster import Cluster
from tests.compiler.index_mapping import SETTINGS

#: A query string without a field searches these. Every field, which is Elasticsearch's default,
#: would make the official queries for keywords some hundred times slower.
INDEX_SETTINGS = {**SETTINGS, "index.query.default_field": ["message"]}

#: How often a search that was slow is sent again alone; the fastest counts.
TRIES = 3


@dataclass(slots=True)
class Figures:
    """What one kind of query took: seconds in all, milliseconds by rule id; its hits and errors."""

    seconds: float = 0.0
    took: dict[str, int] = field(default_factory=dict)
    hits: dict[str, Sequence[Any]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """Where is searched, and the query that keeps to the window."""

    cluster: Cluster
    index: str
    window: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    documents: int
    minutes: int
    every: int
    show: int
    existing_fields: bool


def main() -> None:
    """Print the figures."""
    asked = _asked()
    shared = shared_folder()
    profile = profile_named("winlogbeat")
    rules_folder = shared / "data" / "sigmahq" / "rules" / "windows"
    repository, compiled = windows_rules([rules_folder], shared, profile)
    compiled = Compiled(compiled.rules[:: asked.every])
    ours = {rule.info.id: compile_query(rule).body for rule in compiled.rules}
    backend = OfficialQueries()
    theirs = {
        rule.info.id: query
        for rule in repository.rules
        if rule.info.id in ours
        and (query := backend.query_of(shared / rule.info.location.path)) is not None
    }
    if asked.existing_fields:
        theirs = {rule_id: asking_existing_fields(query) for rule_id, query in theirs.items()}
    options = SourceOptions(profile.windows_events.value, shared)
    attacks = [
        event.values
        for event in read_events([shared / "data" / "regression"], options)
        if not isinstance(event, Diagnostic)
    ]
    print(f"{len(ours):,} rules; the official backend has a query for {len(theirs):,}", flush=True)
    with running_cluster() as cluster, cluster.indices() as indices:
        documents = Noise(attacks).documents(asked.documents)
        started = time.monotonic()
        index = indices.create(windows_mapping(profile), documents, settings=INDEX_SETTINGS)
        cluster.request("POST", f"{index}/_forcemerge?max_num_segments=5")
        print(f"indexed in {time.monotonic() - started:,.0f} s", flush=True)
        site = Site(cluster, index, _window(asked.minutes))
        print(
            f"{asked.documents:,} documents, one in {ATTACK_EVERY} an attack; "
            f"a window of {asked.minutes} minutes holds {_count(site):,}"
        )
        figures = _measure(site, {"ours": ours, "official": theirs})
        _report(site, figures, compiled, {"ours": ours, "official": theirs})
        _show_slowest(site, figures["ours"], ours, compiled, asked.show)


def _asked() -> Asked:
    parser = argparse.ArgumentParser(description="Time of all rules over a window of an index")
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--minutes", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="take one rule in so many")
    parser.add_argument("--show", type=int, default=5, help="how many of the slowest rules to show")
    parser.add_argument(
        "--existing-fields",
        action="store_true",
        help="let the official queries ask for fields that Winlogbeat's index has",
    )
    return Asked(**vars(parser.parse_args()))


def _window(minutes: int) -> dict[str, Any]:
    start = DAY + timedelta(hours=12)
    span = (start, start + timedelta(minutes=minutes))
    times = [parse_time_ns(moment.isoformat()) or 0 for moment in span]
    return dict(Window(times[0], times[1]).as_filter())


def _count(site: Site) -> int:
    return int(
        site.cluster.request("POST", f"{site.index}/_count", {"query": site.window})["count"]
    )


def _measure(
    site: Site,
    queries: Mapping[str, Mapping[str, Any]],
) -> dict[str, Figures]:
    """Send every rule's query of each kind, a batch of each kind in turn."""
    figures = {kind: Figures() for kind in queries}
    rule_ids = list(dict.fromkeys(rule_id for made in queries.values() for rule_id in made))
    for start in range(0, len(rule_ids), RULES_PER_REQUEST):
        batch = rule_ids[start : start + RULES_PER_REQUEST]
        for kind, made in queries.items():
            asked = [rule_id for rule_id in batch if rule_id in made]
            _search(site, {name: made[name] for name in asked}, figures[kind])
        so_far = ", ".join(f"{kind} {entry.seconds:,.0f} s" for kind, entry in figures.items())
        print(f"{start + len(batch):,} rules: {so_far}", file=sys.stderr, flush=True)
    return figures


def _search(
    site: Site,
    queries: Mapping[str, Any],
    figures: Figures,
) -> None:
    lines = []
    for query in queries.values():
        body = {
            "query": {"bool": {"filter": [site.window, query]}},
            "size": HITS_PER_SEARCH,
            "track_total_hits": False,
        }
        lines += [json.dumps({"index": site.index}), json.dumps(body)]
    started = time.monotonic()
    answer = site.cluster.request("POST", "_msearch", "\n".join(lines) + "\n")
    figures.seconds += time.monotonic() - started
    for rule_id, result in zip(queries, answer["responses"], strict=True):
        if "error" in result:
            figures.errors[rule_id] = str(result["error"])
            continue
        figures.took[rule_id] = int(result["took"])
        figures.hits[rule_id] = result["hits"]["hits"]


def _report(
    site: Site,
    figures: Mapping[str, Figures],
    compiled: Compiled,
    queries: Mapping[str, Mapping[str, Any]],
) -> None:
    true = _true_pairs(site, compiled)
    print(f"{len(true):,} pairs of rule and event are true (every event decided by itself)\n")
    print("| | official | ours | ratio |\n|---|---|---|---|")
    theirs, ours = figures["official"], figures["ours"]
    alone = {kind: _alone(site, figures[kind], queries[kind]) for kind in figures}
    started = time.monotonic()
    found = {"official": _pairs(theirs), "ours": _decided(ours, compiled)}
    deciding = time.monotonic() - started
    _row("all searches, s", theirs.seconds, ours.seconds)
    _row("and deciding, s", theirs.seconds, ours.seconds + deciding)
    _row("median rule, ms", _middle(theirs), _middle(ours))
    _row("slowest rule alone, ms", alone["official"], alone["ours"])
    _row("refused by Elasticsearch", len(theirs.errors), len(ours.errors))
    _row("true pairs found", len(found["official"] & true), len(found["ours"] & true))
    _row("pairs found that are not true", len(found["official"] - true), len(found["ours"] - true))


def _row(label: str, theirs: float, ours: float) -> None:
    ratio = f"{ours / theirs:.2f}" if theirs else ""
    shown = [
        f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" for value in (theirs, ours)
    ]
    print(f"| {label} | {shown[0]} | {shown[1]} | {ratio} |", flush=True)


def _middle(figures: Figures) -> float:
    return float(statistics.median(figures.took.values()))


def _slowest(figures: Figures, count: int) -> list[str]:
    return sorted(figures.took, key=lambda rule_id: -figures.took[rule_id])[:count]


def _alone(
    site: Site,
    figures: Figures,
    queries: Mapping[str, Any],
) -> float:
    """Return the milliseconds of the slowest rule, each of the slow ones sent alone."""
    candidates = _slowest(figures, 10)
    return max(_time_alone(site, queries[rule_id]) for rule_id in candidates)


def _time_alone(site: Site, query: object) -> float:
    times = []
    for _ in range(TRIES):
        single = Figures()
        _search(site, {"": query}, single)
        times.append(single.seconds * 1000)
    return min(times)


def _pairs(figures: Figures) -> set[tuple[str, str]]:
    return {(rule_id, hit["_id"]) for rule_id, hits in figures.hits.items() for hit in hits}


def _decided(figures: Figures, compiled: Compiled) -> set[tuple[str, str]]:
    candidates = (
        Candidate(rule_id, event)
        for rule_id, hits in figures.hits.items()
        for hit in hits
        if isinstance(event := read_hit(hit), Event)
    )
    return _matches(candidates, compiled)


def _true_pairs(site: Site, compiled: Compiled) -> set[tuple[str, str]]:
    """Every event of the window decided by every rule, with no query in between."""
    body = {"query": site.window, "size": 10_000}
    hits = site.cluster.request("POST", f"{site.index}/_search", body)["hits"]["hits"]
    events = (event for hit in hits if isinstance(event := read_hit(hit), Event))
    return _matches(events, compiled)


def _matches(found: Iterable[Event | Candidate], compiled: Compiled) -> set[tuple[str, str]]:
    matcher = Matcher(compiled)
    return {
        (match.rule.id, match.events[0].key.parts[1])
        for entry in in_batches(found)
        for match in matcher.matches_of(entry)
    }


def _show_slowest(
    site: Site,
    figures: Figures,
    queries: Mapping[str, Any],
    compiled: Compiled,
    count: int,
) -> None:
    titles = {rule.info.id: str(rule.info.location) for rule in compiled.rules}
    print(f"\nOur {count} slowest, alone:")
    for rule_id in _slowest(figures, count):
        alone = _time_alone(site, queries[rule_id])
        print(f"  {alone:7.0f} ms  {titles[rule_id]}")


if __name__ == "__main__":
    main()
