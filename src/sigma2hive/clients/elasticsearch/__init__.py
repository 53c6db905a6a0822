"""Elasticsearch: the calls that sigma2hive needs, and everything that can go wrong with them."""

from sigma2hive.clients.elasticsearch.answers import (
    Capabilities,
    Capability,
    Hit,
    Indices,
    Privileges,
    SearchAnswer,
    SearchRequest,
    ServerInfo,
)
from sigma2hive.clients.elasticsearch.calls import ElasticsearchClient, PointInTime
from sigma2hive.clients.elasticsearch.connection import open_client
from sigma2hive.clients.elasticsearch.exact_json import QuickAnswer
from sigma2hive.clients.elasticsearch.layout import (
    IndexFacts,
    ShardFacts,
    dated_indices,
    index_facts,
    refresh,
    resolve,
    shard_facts,
)
from sigma2hive.clients.elasticsearch.scratch import put_documents, scratch_index

__all__ = [
    "Capabilities",
    "Capability",
    "ElasticsearchClient",
    "Hit",
    "IndexFacts",
    "Indices",
    "PointInTime",
    "Privileges",
    "QuickAnswer",
    "SearchAnswer",
    "SearchRequest",
    "ServerInfo",
    "ShardFacts",
    "dated_indices",
    "index_facts",
    "open_client",
    "put_documents",
    "refresh",
    "resolve",
    "scratch_index",
    "shard_facts",
]
