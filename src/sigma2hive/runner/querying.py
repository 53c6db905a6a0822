"""The query way: each rule's own search over a window of time, every hit decided again.

Takes compiled rules, an Elasticsearch client and a window; gives candidates for the `Matcher`, and
what could not be searched. A search that failed is named and counted, never passed over: whoever
asked must not believe that its window was looked at.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import islice
from typing import Any

from sigma2hive.clients.elasticsearch import (
    ElasticsearchClient,
    Indices,
    PointInTime,
    SearchAnswer,
    SearchRequest,
)
from sigma2hive.clients.errors import MissingError, RequestRefusedError, ServerError
from sigma2hive.compiler.dsl import compile_query
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.fields import Field
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule
from sigma2hive.model.times import render_time
from sigma2hive.records import dataclass
from sigma2hive.runner.closed import closed_indices
from sigma2hive.runner.matching import Candidate
from sigma2hive.runner.narrowing import (
    BUCKETS_PER_ANSWER,
    MAX_BUCKETS,
    plan_narrowing,
)
from sigma2hive.runner.own import OWN_PATTERN, is_ours
from sigma2hive.runner.state import EpisodeStore
from sigma2hive.sources.elasticsearch import read_hit

#: Searches in one request: small enough for a coordinating node, and for one answer in memory.
RULES_PER_REQUEST = 50
#: What a search asks for on every page.
_ASKED = ("query", "fields")
#: Finds nothing, and tells whether there is an index.
_IS_THERE: Mapping[str, Any] = {"size": 0, "query": {"match_none": {}}}
#: Hits that a search brings at once; a rule with more is read on page by page in a frozen view.
HITS_PER_SEARCH = 500


#: A server that failed so many requests in a row is not asked for more.
FAILURES_IN_A_ROW = 2


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open span of event time [start, end), in nanoseconds since the epoch."""

    start_ns: int
    end_ns: int

    def as_filter(self) -> Mapping[str, Any]:
        """Return the query that holds for documents in the window."""
        bounds = {
            "gte": render_time(self.start_ns),
            "lt": render_time(self.end_ns),
            "format": "strict_date_optional_time_nanos",
        }
        return {"range": {"@timestamp": bounds}}


@dataclass(slots=True)
class Search:
    """Searches a window for all rules.

    A rule with more than `hits_per_search` is read on page by page. Where it only feeds
    `correlations`, groups that cannot fire are left out then, unless they are of `episodes` that
    fired in earlier passes. Without `correlations`, or if it is `exhaustive`, every hit is read; an
    exhaustive search also finds what the rules' filters take away.

    Of a rule's patterns those of `without_index`, which the snapshot says no index fits, are left
    out as long as that is so and another of its patterns is left; `passed_over` has them then.

    Indices that fit a pattern of `own` are ours: what is found there is no event.

    After iterating, `failures` has the error of each rule that could not be searched whole, by its
    id: of one whose own search failed, and of all that were in a request that failed. After
    `FAILURES_IN_A_ROW` such requests, or one whose error will not pass, no more are sent. A closed
    index that fits a pattern is left out by Elasticsearch, and told as a finding at the end.
    """

    client: ElasticsearchClient
    rules: Sequence[CompiledRule]
    window: Window
    correlations: Sequence[CompiledCorrelation] = ()
    episodes: EpisodeStore | None = None
    hits_per_search: int = HITS_PER_SEARCH
    exhaustive: bool = False
    without_index: Collection[str] = frozenset()
    own: Collection[str] = (OWN_PATTERN,)
    passed_over: set[str] = field(default_factory=set)
    failures: dict[str, ServerError] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Candidate | Diagnostic]:
        """Yield each hit as a candidate of its rule, documents that are no events as findings.

        Raises:
            ServerError: no request got an answer at all.
        """
        self._look_for_indices()
        remaining = iter(self.rules)
        failed_in_a_row, is_any_answered = 0, False
        while batch := tuple(islice(remaining, RULES_PER_REQUEST)):
            requests = [self._request(rule) for rule in batch]
            try:
                answers = self.client.msearch(requests)
            except ServerError as error:
                failed_in_a_row += 1
                if failed_in_a_row == FAILURES_IN_A_ROW or not error.passes:
                    batch = (*batch, *remaining)
                self.failures.update((rule.info.id, error) for rule in batch)
                if not is_any_answered and len(self.failures) == len(self.rules):
                    raise
                continue
            failed_in_a_row, is_any_answered = 0, True
            for rule, request, answer in zip(batch, requests, answers, strict=True):
                yield from self._candidates(rule, request, answer)
        if not failed_in_a_row:
            yield from closed_indices(self.client, self._searched_patterns())

    def _look_for_indices(self) -> None:
        """Ask which patterns still have no index; in doubt they are searched, and fail there."""
        many = (set(rule.indices) for rule in self.rules if len(rule.indices) > 1)
        asked = sorted({name for names in many for name in names & set(self.without_index)})
        for start in range(0, len(asked), RULES_PER_REQUEST):
            names = asked[start : start + RULES_PER_REQUEST]
            requests = [SearchRequest(Indices((name,)), _IS_THERE) for name in names]
            try:
                answers = self.client.msearch(requests)
            except ServerError:
                return
            self.passed_over.update(
                name
                for name, answer in zip(names, answers, strict=True)
                if isinstance(answer, MissingError)
            )

    def _searched_patterns(self) -> Iterator[str]:
        searched = (rule for rule in self.rules if rule.info.id not in self.failures)
        yield from dict.fromkeys(name for rule in searched for name in rule.indices)

    def _indices_of(self, rule: CompiledRule) -> Indices:
        there = tuple(name for name in rule.indices if name not in self.passed_over)
        return Indices(there or rule.indices)

    def _request(self, rule: CompiledRule) -> SearchRequest:
        compiled = compile_query(rule)
        sent = compiled
        if self.exhaustive:
            sent = compile_query(replace(rule, condition=rule.unfiltered))
        query = {"bool": {"filter": [self.window.as_filter(), sent.body]}}
        body: dict[str, Any] = {
            "query": query,
            "size": self.hits_per_search,
            "track_total_hits": False,
        }
        counted_by = (
            entry.fields_of(rule.info.id)
            for entry in self.correlations
            if rule.info.id in entry.leaves
        )
        computed = {path for fields in counted_by for f in fields for path in f.computed_paths}
        if computed or compiled.computed:
            body["fields"] = sorted({*compiled.computed, *computed})
        return SearchRequest(self._indices_of(rule), body)

    def _candidates(
        self, rule: CompiledRule, request: SearchRequest, answer: SearchAnswer | ServerError
    ) -> Iterator[Candidate | Diagnostic]:
        if isinstance(answer, ServerError):
            self.failures[rule.info.id] = answer
            return
        if len(answer.hits) < self.hits_per_search:
            yield from self._read(rule, answer.hits)
            return
        try:
            with self.client.point_in_time(request.indices) as view:
                yield from self._read_on(rule, view, request.body)
        except ServerError as error:
            self.failures[rule.info.id] = error

    def _read_on(
        self, rule: CompiledRule, view: PointInTime, body: Mapping[str, Any]
    ) -> Iterator[Candidate | Diagnostic]:
        """Yield all hits of a rule that matter."""
        plan = None if self.exhaustive else plan_narrowing(rule, self.correlations)
        if plan is None:
            yield from self._pages(rule, view, body)
            return
        query, outside = body["query"], plan.outside
        first = {**body, "query": {"bool": {"filter": [query, outside]}}}
        for found in self._pages(rule, view, first):
            if isinstance(found, Candidate):
                plan.see(found.event)
            yield found
        rest: dict[str, Any] = {"filter": [query], "must_not": [outside]}
        counting = {"bool": dict(rest)}
        narrower = plan.narrower(self._remembered, lambda by: self._count(view, counting, by))
        if narrower is not None:
            rest["filter"] = [query, narrower]
        yield from self._pages(rule, view, {**body, "query": {"bool": rest}})

    def _pages(
        self, rule: CompiledRule, view: PointInTime, body: Mapping[str, Any]
    ) -> Iterator[Candidate | Diagnostic]:
        asked = {key: body[key] for key in _ASKED if key in body}
        for page in self.client.pages(view, asked):
            yield from self._read(rule, page)

    def _read(
        self, rule: CompiledRule, hits: Iterable[Mapping[str, Any]]
    ) -> Iterator[Candidate | Diagnostic]:
        """Yield what hits are; what we wrote ourselves is no event."""
        for hit in hits:
            if not is_ours(hit["_index"], self.own):
                yield _candidate(rule, hit)

    def _count(
        self, view: PointInTime, query: Mapping[str, Any], by: Field
    ) -> Mapping[str, int] | None:
        """Count the documents by value of a field; see `narrowing.Count`."""
        groups: dict[str, Any] = {
            "size": BUCKETS_PER_ANSWER,
            "sources": [{"value": {"terms": {"field": by.path}}}],
        }
        body = {"size": 0, "query": query, "aggs": {"groups": {"composite": groups}}}
        counts: dict[str, int] = {}
        while len(counts) <= MAX_BUCKETS:
            try:
                found = self.client.search_view(view, body).aggregations["groups"]
            except RequestRefusedError:
                # The index has the field as something that cannot be counted by.
                return None
            for bucket in found["buckets"]:
                value = bucket["key"]["value"]
                if not isinstance(value, str):
                    return None
                counts[value] = bucket["doc_count"]
            if "after_key" not in found:
                return counts
            groups["after"] = found["after_key"]
        return None

    def _remembered(self, correlation: CompiledCorrelation) -> Collection[tuple[str, str]]:
        if self.episodes is None:
            return ()
        near = self.episodes.near(
            correlation.info.id,
            correlation.epoch,
            self.window.start_ns - 2 * correlation.timespan_ns,
            self.window.end_ns + 2 * correlation.timespan_ns,
        )
        return {(name, value) for episode in near for name, value in json.loads(episode.group)}


def _candidate(rule: CompiledRule, hit: Mapping[str, Any]) -> Candidate | Diagnostic:
    read = read_hit(hit)
    return Candidate(rule.info.id, read) if isinstance(read, Event) else read
