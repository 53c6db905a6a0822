"""How many attacks are found: our queries beside those of pySigma's own Elasticsearch backend.

Each of SigmaHQ's regression cases is a rule and the events of its own attack. The events are
indexed as Winlogbeat and as the Elastic Agent index them, as they came and in another letter case,
in a real Elasticsearch. Fields in which a rule itself asks for the letter case keep theirs.

    make bench-official        prints the table of bench/README.md
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.official import OfficialQueries
from bench.setting import (
    client_of,
    profile_named,
    running_cluster,
    shared_folder,
    windows_mapping,
    windows_rules,
)
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.runner.matching import Candidate, Matcher
from sigma2hive.runner.querying import Search, Window
from sigma2hive.sources import EventRows, in_batches
from sigma2hive.sources.elasticsearch import read_hit
from sigma2hive.sources.windows import normalise_windows
from tests.bench.cluster import Cluster
from tests.bench.corpus import Case, case_changed, cased_fields, regression_cases
from tests.compiler.index_mapping import SETTINGS

ALWAYS = Window(0, 4_000_000_000 * 1_000_000_000)
PROFILES = ("winlogbeat", "elastic-agent")

#: A raw event and the fields whose letter case its rule looks at → the event to index.
Change = Callable[[Any, frozenset[str]], Any]
CHANGES: Mapping[str, Change] = {
    "as it came": lambda event, _: event,
    # Attackers choose what an event says, not which channel it is logged in.
    "case changed": lambda event, kept: case_changed(event, kept | {"System"}),
}
#: (rule id, number of the document).
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The cases, their rules compiled for a profile, and the official queries by rule id."""

    profile: Profile
    cases: Sequence[Case]
    compiled: Compiled
    kept: Mapping[str, frozenset[str]]
    official: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """How many cases each kind of query found, and what it found of which its rule is not true.

    `undecided` is what our own queries find and deciding again then leaves out.
    """

    official: int
    official_wrong: int
    ours: int
    ours_wrong: int
    undecided: int


def main() -> None:
    """Print the table."""
    shared = shared_folder()
    cases = list(regression_cases(shared))
    official = _official_queries(cases)
    print(f"{len(cases)} cases; the official backend has a query for {len(official)} of them\n")
    print("| index | events | official | wrongly | ours | wrongly | decided away |")
    print("|---|---|---|---|---|---|---|")
    with running_cluster() as cluster:
        for name in PROFILES:
            profile = profile_named(name)
            repository, compiled = windows_rules([case.rule for case in cases], shared, profile)
            kept = {rule.info.id: cased_fields(rule.condition) for rule in repository.rules}
            corpus = Corpus(profile, cases, compiled, kept, official)
            for label, change in CHANGES.items():
                row = _measured(cluster, corpus, change)
                print(
                    f"| {name} | {label} | {row.official} | {row.official_wrong} "
                    f"| {row.ours} | {row.ours_wrong} | {row.undecided} |",
                    flush=True,
                )


def _official_queries(cases: Sequence[Case]) -> dict[str, Any]:
    queries = OfficialQueries()
    found = {case.rule_id: queries.query_of(case.rule) for case in cases}
    return {rule_id: query for rule_id, query in found.items() if query is not None}


def _measured(cluster: Cluster, corpus: Corpus, change: Change) -> Row:
    own: set[Pair] = set()
    documents: list[dict[str, Any]] = []
    for case in corpus.cases:
        for event in case.events:
            changed = change(event, corpus.kept[case.rule_id])
            own.add((case.rule_id, str(len(documents))))
            documents.append(normalise_windows(changed, corpus.profile.windows_events.value))
    matcher = Matcher(corpus.compiled)
    events = [
        read_hit({"_index": "x", "_id": str(number), "_source": document})
        for number, document in enumerate(documents)
    ]
    true = _decided(matcher, events)
    with cluster.indices() as indices:
        index = indices.create(windows_mapping(corpus.profile), documents, settings=SETTINGS)
        theirs = set(_official_hits(cluster, corpus.official, index, len(documents)))
        candidates = _candidates(cluster, corpus, index)
    ours = _decided(matcher, candidates)
    return Row(
        official=_cases(theirs & own & true),
        official_wrong=len(theirs - true),
        ours=_cases(ours & own & true),
        ours_wrong=len(ours - true),
        undecided=len(candidates) - len(ours),
    )


def _cases(pairs: Iterable[Pair]) -> int:
    return len({rule_id for rule_id, _ in pairs})


def _decided(matcher: Matcher, given: Iterable[object]) -> set[Pair]:
    return {
        (match.rule.id, match.events[0].key.parts[1])
        for entry in in_batches(given)
        if isinstance(entry, (EventRows, Candidate))
        for match in matcher.matches_of(entry)
    }


def _official_hits(
    cluster: Cluster, queries: Mapping[str, Any], index: str, size: int
) -> Iterator[Pair]:
    lines = []
    for query in queries.values():
        body = {"query": query, "size": size, "_source": False}
        lines += [json.dumps({"index": index}), json.dumps(body)]
    answer = cluster.request("POST", "_msearch", "\n".join(lines) + "\n")
    for rule_id, result in zip(queries, answer["responses"], strict=True):
        # A query that Elasticsearch refuses finds nothing.
        for hit in result.get("hits", {}).get("hits", ()):
            yield rule_id, hit["_id"]


def _candidates(cluster: Cluster, corpus: Corpus, index: str) -> list[Candidate]:
    rules = tuple(replace(rule, indices=(index,)) for rule in corpus.compiled.rules)
    with client_of(cluster) as client:
        search = Search(client, rules, ALWAYS)
        found = [entry for entry in search if isinstance(entry, Candidate)]
    if search.failures:
        raise RuntimeError(f"not searched: {search.failures}")
    return found


if __name__ == "__main__":
    main()
