"""What is read is the event as it is: every digit, every text, and what the index alone knows."""

import json
from collections.abc import Iterator

import pytest

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.elasticsearch import Indices as Searched
from sigma2hive.engine import Columns
from sigma2hive.model.events import Event
from sigma2hive.sources import EventRows
from sigma2hive.sources.elasticsearch import read_hit
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_of
from tests.runner.reading.world import MAPPING, Service, document, with_settings

DOCUMENTS = [
    '{"@timestamp":"2026-11-28T10:00:00.000Z","big":12345678901234567890123,"small":1e-7}',
    '{"@timestamp":"2026-11-28T10:00:00.000Z","big":9223372036854775807,"half":4625.50}',
    '{"@timestamp": "2026-11-28T10:00:01Z",  "text": "\\u00e4 \\ud83d\\ude00 \\u0000", '
    '"list": [1, [2.5, null]]}',
    '{"@timestamp":1795870000000,"dotted.name":"a","dotted":{"name":"b"}}',
    '{"@timestamp":"2026-11-28T10:00:00.000Z","deep":' + '{"a":' * 15 + "1e400" + "}" * 15 + "}",
]
LONE = '{"@timestamp":"2026-11-28T10:00:00.000Z","lone":"\\ud800","big":18446744073709551616.5}'
FREE = {**MAPPING, "dynamic": False}


@pytest.fixture(scope="module")
def client(elasticsearch: Cluster) -> Iterator[ElasticsearchClient]:
    with client_of(elasticsearch, elasticsearch.users.monitor) as client:
        yield client


def read_all(service: Service) -> tuple[list[Event], list[EventRows]]:
    rows: list[EventRows] = []
    for part in service.plan():
        for entry in service.reader.read(part):
            if isinstance(entry, EventRows):
                rows.append(entry)
            else:
                service.findings.append(entry)
    return [event for batch in rows for event in batch], rows


@pytest.mark.parametrize("documents", [DOCUMENTS, [LONE, *DOCUMENTS]], ids=["plain", "lone"])
def test_events_are_those_of_the_careful_reader(
    documents: list[str], client: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(client, ["s2h-exact-*"])
    service.now_s -= 100
    service.cycle()
    index = indices.create(FREE, documents, name="exact")
    service.now_s += 100
    events, batches = read_all(service)
    with client.point_in_time(Searched((index,))) as view:
        hits = [hit for page in client.pages(view, {"query": {"match_all": {}}}) for hit in page]
    expected = [read_hit(hit) for hit in hits]
    assert events == expected
    assert len(events) == len(documents)
    for batch in batches:
        columns = Columns(batch.documents, batch.values_of, batch.raw_of, batch.scanned)
        for row, event in enumerate(batch):
            for path, texts in event.values.items():
                assert columns.by_row(path, 1 << row)[row] == texts


def test_a_document_without_a_time_is_a_finding_and_the_others_come(
    client: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(client, ["s2h-timeless-*"])
    service.now_s -= 100
    service.cycle()
    indices.create(MAPPING, [{"n": 1}, document(2, 0), {"n": 3}], name="timeless")
    service.cycle(100)
    assert set(service.numbers()) == {"1"}
    assert [found.code for found in service.findings] == ["S2H503", "S2H503"]


def test_paths_that_only_the_index_knows_are_in_the_event_and_not_in_what_came(
    client: ElasticsearchClient, indices: Indices
) -> None:
    mapping = {
        "properties": {
            **MAPPING["properties"],
            "name": {"type": "keyword"},
            "other": {"type": "alias", "path": "name"},
        }
    }
    service = Service(client, ["s2h-alias-*"], computed={"s2h-alias-*": ["other"]})
    service.restart()
    service.now_s -= 100
    service.cycle()
    indices.create(mapping, [{**document(0, 0), "name": "x"}], name="alias")
    service.now_s += 100
    [event], [batch] = read_all(service)
    assert event.values["other"] == ("x",)
    assert "other" not in json.loads(event.raw)
    assert Columns(batch.documents, batch.values_of, batch.raw_of, batch.scanned).by_row(
        "other", 1
    ) == {0: ("x",)}


def test_a_page_has_about_the_bytes_that_it_may_have(
    client: ElasticsearchClient, indices: Indices
) -> None:
    service = Service(client, ["s2h-large-*"], with_settings(page_bytes=100_000))
    service.now_s -= 100
    service.cycle()
    large = [{**document(n, 0), "text": "x" * 10_000} for n in range(1_200)]
    indices.create(FREE, large, name="large")
    service.now_s += 100
    events, batches = read_all(service)
    assert len({event.key for event in events}) == len(events) == 1_200
    # The first page is asked for before anything is known.
    assert max(len(batch) for batch in batches[1:]) <= 10


@pytest.mark.parametrize("user", ["monitor", "reader"])
def test_a_slice_has_parts_by_the_names_of_its_documents(
    user: str, elasticsearch: Cluster, indices: Indices
) -> None:
    with client_of(elasticsearch, getattr(elasticsearch.users, user)) as client:
        service = Service(client, ["s2h-parts-*"])
        service.cycle()
        index = indices.create(MAPPING, name="parts")
        indices.add(index, [document(number, service.now_s + 5) for number in range(30)])
        parts = [part for part in service.plan_after(20) if service.reader.documents(part)]
        reader, seen = service.reader, []
        for part in parts:
            documents = reader.documents(part)
            seen += [name.id for name in documents]
            assert {name.index for name in documents} == {index}
            halves = [documents[:11], documents[11:], ()]
            read = [origins(reader.read(reader.only(part, half))) for half in halves]
            assert read == [[f"{index}/{name.id}" for name in half] for half in halves]
        assert len(seen) == len(set(seen)) == 30


def origins(entries: Iterator[object]) -> list[str]:
    return [event.origin for rows in entries if isinstance(rows, EventRows) for event in rows]
