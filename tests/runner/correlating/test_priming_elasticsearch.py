"""The past of a correlation as the real Elasticsearch has it: all of it, however much."""

from pathlib import Path

from sigma2hive.model.service import MatchFilter
from sigma2hive.model.times import render_time
from sigma2hive.runner.correlating import past_in
from sigma2hive.runner.querying import HITS_PER_SEARCH
from tests.bench.cluster import Cluster, Indices
from tests.clients.connecting import client_of
from tests.runner.correlating.world import (
    SECOND,
    START,
    WATERMARK,
    Service,
    compiled_from,
    event,
    joined,
    rule,
)

MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "user": {"type": "keyword"},
        "action": {"type": "keyword"},
    }
}


def test_windows_reach_back_to_before_the_service_began(
    tmp_path: Path, elasticsearch: Cluster, indices: Indices
) -> None:
    index = indices.create(MAPPING, name="primed")
    # Of anna one too few; of others more than one answer holds; and some from before the window.
    times = [*((399, "anna"),) * 5, *((999, "anna"),) * 2]
    times += [(500 + number % 400, f"u{number}") for number in range(HITS_PER_SEARCH + 50)]
    documents = [
        {"@timestamp": render_time(START + seconds * SECOND), "user": user, "action": "Failed"}
        for seconds, user in times
    ]
    indices.add(index, documents)
    many = joined("many", "event_count", "failed", "condition: {gte: 3}")
    compiled, mappings = compiled_from(tmp_path, rule("failed"), many, pattern="s2h-primed-*")
    with client_of(elasticsearch, elasticsearch.users.reader) as client:
        service = Service(tmp_path, compiled, mappings, since=1000, search=past_in(client))
        service.work(1000)
        service.record([event(1005, "failed")], 1006)
        service.work(1005 + WATERMARK)
        (delivery,) = service.store.due("sink", 2**62, 10)
        assert len(delivery.alert.events) == 3
        assert len(service.store.find(MatchFilter(rule_id=compiled.rules[0].info.id), 9999)) == (
            2 + HITS_PER_SEARCH + 50 + 1
        )
        service.end()
