"""A slice that is searched comes whole or fails, and one rule's trouble is its own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.errors import (
    BusyError,
    IncompleteError,
    RequestRefusedError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
)
from sigma2hive.model.rules import CompiledRule
from sigma2hive.runner.finding.costs import Costs
from sigma2hive.runner.reading.by_number import NOTHING
from tests.bench.answering import Answer, Answering, answering
from tests.clients.connecting import client_at
from tests.runner.finding.world import Ways, slice_of
from tests.runner.service.world import LOGON, PATTERN, SERVICE, repository_of

WHOLE = {"total": 1, "successful": 1, "failed": 0}
OPENED = Answer({"id": "view", "_shards": WHOLE})
COUNTED = Answer({"_shards": WHOLE, "hits": {"total": {"value": 9, "relation": "eq"}, "hits": []}})
NOTHING_FOUND = {"_shards": WHOLE, "hits": {"hits": []}}
FAILED = {"total": 2, "failed": 1, "failures": [{"reason": {"type": "io", "reason": "broken"}}]}
TIMED_OUT = {"timed_out": True, "_shards": WHOLE, "hits": {"hits": []}}
PARTIAL = {"_shards": FAILED, "hits": {"hits": []}}
SKIPPED = {"_shards": WHOLE, "_clusters": {"skipped": 1}, "hits": {"hits": []}}
PART = slice_of("site-1", PATTERN, {"range": {"_seq_no": {"gt": 3, "lte": 12}}})


def error(kind: str, status: int) -> dict[str, Any]:
    return {"error": {"type": kind, "reason": "so it is"}, "status": status}


def found(place: int, code: str) -> dict[str, Any]:
    """An answer with one hit."""
    source = {"@timestamp": "2026-11-20T00:00:00Z", "event": {"code": code}}
    hit = {"_index": "site-1", "_id": str(place), "_source": source, "sort": [place]}
    return {"_shards": WHOLE, "hits": {"hits": [hit]}}


def many(*answers: dict[str, Any]) -> Answer:
    return Answer({"responses": list(answers)})


def bodies(server: Answering) -> list[str]:
    """What each _msearch held."""
    return [asked.body for asked in server.asked if "_msearch" in asked.path]


def searches(server: Answering) -> list[int]:
    """How many searches each _msearch held."""
    return [len(body.splitlines()) // 2 for body in bodies(server)]


@pytest.fixture
def rules(tmp_path: Path) -> tuple[CompiledRule, ...]:
    """Two rules: LOGON and SERVICE."""
    return repository_of(tmp_path)[0].rules


def query(client: ElasticsearchClient, rules: tuple[CompiledRule, ...]) -> Ways:
    return Ways(client, rules)


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (TIMED_OUT, ServerTimeoutError),
        (PARTIAL, IncompleteError),
        (SKIPPED, IncompleteError),
        (error("es_rejected_execution_exception", 429), BusyError),
        (error("circuit_breaking_exception", 429), BusyError),
        (error("search_context_missing_exception", 404), IncompleteError),
    ],
)
def test_what_befalls_all_searches_fails_the_slice(
    item: dict[str, Any], kind: type[ServerError], rules: tuple[CompiledRule, ...]
) -> None:
    with answering(OPENED, COUNTED, many(item, item), Answer({"succeeded": True})) as server:
        with pytest.raises(kind) as caught:
            query(client_at(server.url), rules).found("query", PART)
        assert searches(server) == [2]  # a cluster in trouble is not asked for more
    assert caught.value.passes


@pytest.mark.parametrize(
    "answers",
    [
        (Answer(error("es_rejected_execution_exception", 429), status=429),),
        (OPENED, Answer(PARTIAL)),
        (OPENED, COUNTED, Answer(error("circuit_breaking_exception", 429), status=429)),
        (OPENED, COUNTED, Answer("<html>", 502, type="text/html")),
    ],
)
def test_a_request_that_fails_fails_the_slice(
    answers: tuple[Answer, ...], rules: tuple[CompiledRule, ...]
) -> None:
    with answering(*answers) as server, pytest.raises(ServerError) as caught:
        query(client_at(server.url), rules).found("query", PART)
    assert caught.value.passes
    assert isinstance(caught.value, (BusyError, IncompleteError, UnreachableError))


def test_a_refused_rule_is_asked_for_more_widely_and_others_are_not_touched(
    rules: tuple[CompiledRule, ...],
) -> None:
    refused = error("query_shard_exception", 400)
    answers = (
        *(OPENED, COUNTED),
        many(refused, found(5, "7045")),
        many(refused),  # all of its log source: refused as well
        many(found(4, "4625")),  # everything
        Answer({"succeeded": True}),
    )
    with answering(*answers, *(OPENED, COUNTED), many(NOTHING_FOUND, NOTHING_FOUND)) as server:
        ways = query(client_at(server.url), rules)
        finder = ways.finder("query")
        [batch] = finder.find(PART)
        assert [(rule.info.id, event.origin) for rule, event in batch.hits] == [  # type: ignore[union-attr]
            (LOGON, "site-1/4"),
            (SERVICE, "site-1/5"),
        ]
        assert searches(server) == [2, 1, 1]
        assert [finding.code for finding in ways.told] == ["S2H507"]
        list(finder.find(PART))
        assert searches(server) == [2, 1, 1, 2]  # what it takes is known by now
        assert '"match_all"' in bodies(server)[-1]
    (standing,) = finder.standing().values()
    assert standing == {"way": "query", "refused": {LOGON: "so it is"}}


def test_one_rule_that_is_too_much_does_not_stop_the_slice_and_is_tried_again(
    rules: tuple[CompiledRule, ...],
) -> None:
    heavy = error("circuit_breaking_exception", 429)
    first = (OPENED, COUNTED, many(heavy, NOTHING_FOUND), many(found(4, "4625")))
    second = (OPENED, COUNTED, many(NOTHING_FOUND, NOTHING_FOUND), Answer({"succeeded": True}))
    with answering(*first, Answer({"succeeded": True}), *second) as server:
        ways = query(client_at(server.url), rules)
        finder = ways.finder("query")
        [batch] = finder.find(PART)
        assert [rule.info.id for rule, _ in batch.hits] == [LOGON]  # type: ignore[union-attr]
        list(finder.find(PART))
        assert bodies(server)[0] == bodies(server)[-1]
    assert not ways.told


def test_what_cannot_be_searched_at_all_fails_as_reading_does(
    rules: tuple[CompiledRule, ...],
) -> None:
    refused = error("query_shard_exception", 400)
    with (
        answering(OPENED, COUNTED, many(refused, refused)) as server,
        pytest.raises(RequestRefusedError),
    ):
        query(client_at(server.url), rules).found("query", PART)


def test_a_slice_without_documents_asks_for_nothing(rules: tuple[CompiledRule, ...]) -> None:
    empty = slice_of("site-1", PATTERN, NOTHING)
    with answering(OPENED) as server:
        assert query(client_at(server.url), rules).found("query", empty) == []
        assert not server.asked


def test_auto_reads_a_slice_that_could_not_be_searched(rules: tuple[CompiledRule, ...]) -> None:
    costs = Costs(way="query")
    costs.read(20_000, 10**9, time.time_ns())
    costs.searched(2, 10**6, time.time_ns())
    known = {PATTERN: costs.as_note()}
    failing = (OPENED, COUNTED, many(TIMED_OUT, TIMED_OUT), Answer({"succeeded": True}))
    page = Answer(found(4, "4625"))
    with answering(*failing, OPENED, page, Answer({"succeeded": True})) as server:
        finder = Ways(client_at(server.url), rules, known=known).finder("auto")
        with pytest.raises(ServerTimeoutError):
            list(finder.find(PART))
        [batch] = finder.find(PART)
        assert [rule.info.id for rule, _ in batch.hits] == [LOGON]  # type: ignore[union-attr]
        assert searches(server) == [2]
