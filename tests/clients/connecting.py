"""Clients for tests: of the bench's Elasticsearch as one of its users, and of any address."""

from pathlib import Path

from sigma2hive.clients.elasticsearch import ElasticsearchClient, open_client
from sigma2hive.settings import ElasticsearchSettings
from tests.bench.accounts import User
from tests.bench.cluster import Cluster

PASSWORD = "SIGMA2HIVE_ELASTICSEARCH_PASSWORD"


def client_of(cluster: Cluster, user: User) -> ElasticsearchClient:
    """Return a client that asks as that user."""
    ca_file = Path(cluster.ca_file) if cluster.ca_file else None
    settings = ElasticsearchSettings((cluster.url,), ca_file, user.name)
    return open_client(settings, {PASSWORD: user.password})


def client_at(*urls: str, ca_file: Path | None = None, seconds: int = 60) -> ElasticsearchClient:
    """Return a client of these addresses, with a password that must not show anywhere."""
    settings = ElasticsearchSettings(urls, ca_file, "anna", seconds)
    return open_client(settings, {PASSWORD: "hunter2"})
