"""The calls against a real Elasticsearch: what comes back, and that it is whole."""

from collections.abc import Iterator
from typing import Any

import pytest

from sigma2hive.clients.elasticsearch import (
    Capability,
    ElasticsearchClient,
    Indices,
    SearchAnswer,
    SearchRequest,
    open_client,
)
from sigma2hive.clients.errors import (
    IncompleteError,
    MissingError,
    PrivilegeError,
    RequestRefusedError,
    ServerError,
)
from sigma2hive.settings import ElasticsearchSettings
from tests.bench.answering import Answer, answering
from tests.bench.cluster import Cluster
from tests.bench.cluster import Indices as Made
from tests.bench.elasticsearch_server import VERSION
from tests.clients.connecting import client_of

MAPPING = {
    "properties": {
        "name": {"type": "keyword", "ignore_above": 10},
        "n": {"type": "long"},
        "anything": {"type": "object", "enabled": False},
    }
}
ALL: dict[str, Any] = {"match_all": {}}


@pytest.fixture(scope="module")
def made(elasticsearch: Cluster) -> Iterator[Made]:
    with elasticsearch.indices() as made:
        yield made


@pytest.fixture(scope="module")
def index(made: Made) -> str:
    """Five documents, n from 0 to 4."""
    return made.create(MAPPING, ({"name": f"name {n}", "n": n} for n in range(5)))


@pytest.fixture(scope="module")
def client(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    """A client that may read, and no more."""
    with client_of(elasticsearch, elasticsearch.users.reader) as client:
        yield client


def ids(answer: SearchAnswer | ServerError) -> list[str]:
    assert isinstance(answer, SearchAnswer), answer
    return sorted(hit["_id"] for hit in answer.hits)


def test_info_says_who_answers(client: ElasticsearchClient, elasticsearch: Cluster) -> None:
    health = elasticsearch.request("GET", "_cluster/health")
    info = client.info()
    assert info.cluster == health["cluster_name"]
    assert info.version == VERSION or elasticsearch.ca_file


def test_fields_have_their_types(client: ElasticsearchClient, index: str) -> None:
    found = client.field_caps(Indices((index,)))
    assert found is not None
    assert found.indices == (index,)
    assert found.fields["name"] == (Capability("keyword", True, True),)
    assert not [name for name in found.fields if name.startswith("_")]


def test_a_field_of_two_types_says_where_it_is_which(
    client: ElasticsearchClient, made: Made
) -> None:
    number = made.create({"properties": {"a": {"type": "long"}}}, name="twofold")
    word = made.create({"properties": {"a": {"type": "keyword"}}}, name="twofold")
    found = client.field_caps(Indices(("s2h-twofold-*",)))
    assert found is not None
    assert {kind.type: kind.indices for kind in found.fields["a"]} == {
        "long": (number,),
        "keyword": (word,),
    }


def test_mappings_and_settings_are_those_of_the_index(
    client: ElasticsearchClient, index: str
) -> None:
    mappings = client.mappings(Indices((index,)))
    settings = client.index_settings(Indices((index,)))
    assert mappings is not None
    assert settings is not None
    assert mappings[index]["properties"]["name"] == {"type": "keyword", "ignore_above": 10}
    assert settings[index]["index.number_of_shards"] == "1"


@pytest.mark.parametrize("pattern", ["s2h-none", "s2h-none-*", "s2h-none,s2h-none-*"])
def test_what_is_optional_is_none_where_nothing_is_there(
    client: ElasticsearchClient, pattern: str
) -> None:
    indices = Indices(tuple(pattern.split(",")))
    assert client.field_caps(indices) is None
    assert client.mappings(indices) is None
    assert client.index_settings(indices) is None


def test_a_search_gives_hits_total_and_aggregations(
    client: ElasticsearchClient, index: str
) -> None:
    body = {
        "query": {"range": {"n": {"gte": 3}}},
        "aggs": {"largest": {"max": {"field": "n"}}},
        "track_total_hits": True,
    }
    answer = client.search(SearchRequest(Indices((index,)), body))
    assert ids(answer) == ["3", "4"]
    assert (answer.total, answer.total_is_exact) == (2, True)
    assert answer.aggregations["largest"]["value"] == 4


def test_a_total_that_was_not_counted_is_none(client: ElasticsearchClient, index: str) -> None:
    body = {"query": ALL, "track_total_hits": False}
    answer = client.search(SearchRequest(Indices((index,)), body))
    assert (answer.total, answer.total_is_exact, len(answer.hits)) == (None, False, 5)


def test_a_count_is_exact(client: ElasticsearchClient, made: Made) -> None:
    index = made.create(MAPPING, ({"n": n} for n in range(10_050)))
    assert client.count(Indices((index,)), ALL) == 10_050
    assert client.count(Indices((index,)), {"term": {"n": 7}}) == 1


def test_many_searches_are_answered_in_order(client: ElasticsearchClient, index: str) -> None:
    asked = [SearchRequest(Indices((index,)), {"query": {"term": {"n": n}}}) for n in (4, 0, 9)]
    assert [ids(answer) for answer in client.msearch(asked)] == [["4"], ["0"], []]
    assert client.msearch([]) == ()


def test_a_search_that_fails_does_not_take_others_with_it(
    client: ElasticsearchClient, index: str
) -> None:
    queries: list[tuple[str, dict[str, Any], object]] = [
        (index, {"term": {"n": 1}}, ["1"]),
        (index, {"no_such_query": {}}, "unknown query"),  # refuses the whole _msearch
        (index, {"regexp": {"name": "["}}, "failed to create query"),  # fails on the shard
        (index, {"term": {"n": {"value": 1, "case_insensitive": True}}}, "type \\[long\\]"),
        (index, {"term": {"name": "lone \ud800"}}, []),
        ("s2h-none", ALL, "no such index"),
        ("s2h-none-*", ALL, "no such index"),
        (index, {"term": {"n": 2}}, ["2"]),
        (index, {"also_no_query": {}}, "unknown query"),
    ]
    asked = [SearchRequest(Indices((where,)), {"query": query}) for where, query, _ in queries]
    answers = client.msearch(asked)
    assert len(answers) == len(queries)
    for answer, (_, _, expected) in zip(answers, queries, strict=True):
        if isinstance(expected, str):
            assert isinstance(answer, (RequestRefusedError, MissingError))
            with pytest.raises(ServerError, match=expected):
                raise answer
        else:
            assert ids(answer) == expected


def test_pages_give_every_hit_once(client: ElasticsearchClient, index: str, made: Made) -> None:
    with client.point_in_time(Indices((index,))) as view:
        pages = [[hit["_id"] for hit in page] for page in client.pages(view, {}, size=2)]
        assert [len(page) for page in pages] == [2, 2, 1]
        assert sorted(id_ for page in pages for id_ in page) == ["0", "1", "2", "3", "4"]
        by_number = {"sort": [{"n": "desc"}], "query": {"range": {"n": {"gte": 1}}}}
        pages = [[hit["_id"] for hit in page] for page in client.pages(view, by_number, size=2)]
        assert pages == [["4", "3"], ["2", "1"]]
        none = {"query": {"term": {"n": 99}}}
        assert list(client.pages(view, none)) == []


def test_a_view_shows_nothing_newer_and_is_closed(
    client: ElasticsearchClient, elasticsearch: Cluster, made: Made
) -> None:
    index = made.create(MAPPING, [{"n": 1}])
    with client.point_in_time(Indices((index,)), preference="_shards:0") as view:
        made.add(index, [{"n": 2}], first=1)
        assert [len(page) for page in client.pages(view, {})] == [1]
        contexts = f"{index}/_stats?filter_path=_all.total.search.open_contexts"
        assert elasticsearch.request("GET", contexts)["_all"]["total"]["search"]
    assert client.close_point_in_time(view) is False
    with pytest.raises(IncompleteError, match=r"lost the state of the search.*begin again"):
        list(client.pages(view, {}))


def test_a_failure_inside_a_view_is_what_is_told(client: ElasticsearchClient, index: str) -> None:
    with (
        pytest.raises(RequestRefusedError, match="unknown query"),
        client.point_in_time(Indices((index,))) as view,
    ):
        list(client.pages(view, {"query": {"no_such_query": {}}}))
    assert client.close_point_in_time(view) is False


def test_a_document_comes_back_with_every_digit(client: ElasticsearchClient, made: Made) -> None:
    long_number = "9" * 900  # Elasticsearch takes 1,000 digits
    text = '{"anything": {"a": 12345678901234567890, "b": LONG, "c": 1e400}}'
    index = made.create(
        MAPPING, [text.replace("LONG", long_number), {"anything": {"a": "lone \ud800"}}]
    )
    hits = client.search(SearchRequest(Indices((index,)), {"sort": "_doc"})).hits
    assert hits[0]["_source"]["anything"]["a"] == 12345678901234567890
    assert hits[0]["_source"]["anything"]["b"] == long_number


def test_a_pattern_among_others_may_be_missing_only_where_that_is_said(
    client: ElasticsearchClient, index: str
) -> None:
    for absent in ("s2h-none", "s2h-none-*"):
        with pytest.raises(MissingError, match=r"no such index .*check the index pattern"):
            client.count(Indices((index, absent)), ALL)
        assert client.count(Indices((index, absent), may_be_missing=True), ALL) == 5
        assert client.count(Indices((absent,), may_be_missing=True), ALL) == 0


@pytest.mark.parametrize("patterns", [(), ("",), ("logs-*", "")])
def test_no_pattern_never_means_all_indices(patterns: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="an index pattern is needed"):
        Indices(patterns)


def test_a_closed_index_is_an_error_by_name_and_where_it_matters(
    client: ElasticsearchClient, elasticsearch: Cluster, made: Made
) -> None:
    made.create(MAPPING, [{"n": 1}], name="closing")
    closed = made.create(MAPPING, [{"n": 2}], name="closing")
    elasticsearch.request("POST", f"{closed}/_close")
    pattern = ("s2h-closing-*",)
    with pytest.raises(IncompleteError, match=f"closed index: {closed}; open the index"):
        client.count(Indices((closed,)), ALL)
    with pytest.raises(IncompleteError, match=f"closed index: {closed}; open the index"):
        client.count(Indices(pattern, closed_is_error=True), ALL)
    with pytest.raises(IncompleteError, match=f"closed index: {closed}; open the index"):
        client.count(Indices(pattern, may_be_missing=True, closed_is_error=True), ALL)
    assert client.count(Indices(pattern), ALL) == 1


def test_an_index_that_closes_between_two_pages_is_not_passed_over(
    client: ElasticsearchClient, elasticsearch: Cluster, made: Made
) -> None:
    for _ in range(2):
        index = made.create(MAPPING, [{"n": 1}, {"n": 2}], name="between")
    with client.point_in_time(Indices(("s2h-between-*",))) as view:
        pages = client.pages(view, {"sort": [{"n": "asc"}]}, size=1)
        next(pages)
        elasticsearch.request("POST", f"{index}/_close")
        with pytest.raises(IncompleteError, match="begin again"):
            list(pages)


@pytest.mark.parametrize(
    ("role", "calls", "privilege"),
    [
        ("blind", ("search", "count", "msearch", "open_point_in_time"), "read"),
        ("bare", ("mappings",), "view_index_metadata"),
        ("bare", ("index_settings",), "monitor"),
        ("bare", ("info",), "monitor"),
    ],
)
def test_a_role_that_lacks_a_privilege_is_told_which(
    elasticsearch: Cluster, index: str, role: str, calls: tuple[str, ...], privilege: str
) -> None:
    indices = Indices((index,))
    arguments: dict[str, tuple[Any, ...]] = {
        "info": (),
        "search": (SearchRequest(indices, {}),),
        "count": (indices, ALL),
        "msearch": ([SearchRequest(indices, {})],),
    }
    with client_of(elasticsearch, getattr(elasticsearch.users, role)) as client:
        for call in calls:
            with pytest.raises(PrivilegeError, match="give the role or API key the") as caught:
                getattr(client, call)(*arguments.get(call, (indices,)))
            assert caught.value.privilege == privilege
            assert f"privilege `{privilege}`" in caught.value.hint


def test_privileges_say_what_each_user_has(elasticsearch: Cluster) -> None:
    asked = ("monitor", "manage"), ("read", "view_index_metadata", "write"), ("s2h-*", "other-*")
    found = {}
    for user in elasticsearch.users:
        with client_of(elasticsearch, user) as client:
            privileges = client.privileges(*asked)
        assert privileges is not None
        assert privileges.user == user.name
        found[user.role] = privileges.cluster, privileges.indices["s2h-*"]
        if user.role != "superuser":
            assert privileges.indices["other-*"] == frozenset()
    assert found == {
        "superuser": ({"monitor", "manage"}, {"read", "view_index_metadata", "write"}),
        "s2h_reader": ({"monitor"}, {"read", "view_index_metadata"}),
        "s2h_blind": ({"monitor"}, {"view_index_metadata"}),
        "s2h_bare": (frozenset(), {"read"}),
        "s2h_monitor": ({"monitor"}, {"read", "view_index_metadata"}),
        "s2h_keeper": (frozenset(), {"read"}),
        # May do all on sigma2hive-test-*, and nothing elsewhere.
        "s2h_tester": (frozenset(), frozenset()),
        # Reads what is looked at, and writes where alerts and state go.
        "s2h_storer": (frozenset(), {"read", "view_index_metadata", "write"}),
    }


def test_a_cluster_without_security_has_no_privileges(answering_without_security: str) -> None:
    with open_client(ElasticsearchSettings(urls=(answering_without_security,)), {}) as client:
        assert client.privileges(("monitor",), ("read",), ("logs-*",)) is None


@pytest.fixture
def answering_without_security() -> Iterator[str]:
    """What Elasticsearch says with `xpack.security.enabled: false`: it has no such call then."""
    words = "no handler found for uri [/_security/user/_has_privileges] and method [POST]"
    with answering(Answer({"error": words}, status=400)) as server:
        yield server.url
