"""The state store in Elasticsearch, for several runners at once."""

from sigma2hive.runner.store.elastic.store import ElasticStore

__all__ = ["ElasticStore"]
