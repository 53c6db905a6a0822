"""The state store that the settings name, opened in one place.

Takes settings and, where it is in Elasticsearch, a client; gives a `StateStore`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sigma2hive.runner.state import DEFAULT_STATE
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.settings import Settings

if TYPE_CHECKING:
    from sigma2hive.clients.elasticsearch import ElasticsearchClient

_ELASTICSEARCH = "elasticsearch"


def open_store(
    settings: Settings, client: ElasticsearchClient | None = None, *, is_checked: bool = False
) -> StateStore:
    """Open the store, made and brought up to date where needed.

    `client` is asked where the store is in Elasticsearch, and stays open when the store is closed.
    With `is_checked` a file is looked at as a whole, which takes seconds a gigabyte.

    Raises:
        StorageError: it cannot be used, is damaged, or of a newer version.
        ServerError: Elasticsearch cannot be asked, or does not allow it.
    """
    if settings.state_store == _ELASTICSEARCH:
        if client is None:
            raise ValueError("a state store in Elasticsearch needs a client")
        # Not before it is needed: the library behind it takes longer than a command on a file.
        from sigma2hive.runner.store.elastic import ElasticStore  # noqa: PLC0415

        return ElasticStore(client, lease_seconds=settings.service.lease_seconds)
    return SqliteStore(settings.state / DEFAULT_STATE.name, is_checked=is_checked)


@contextmanager
def open_state(settings: Settings, *, is_made: bool = False) -> Iterator[StateStore | None]:
    """Give the store to a command that only looks, or notes one thing, and close it afterwards.

    None where there is no file yet; with `is_made` it is made.

    Raises:
        ConfigurationError: it is in Elasticsearch, and whoever that is, or may ask, is not said.
        StorageError, ServerError: as for `open_store`.
    """
    if settings.state_store == _ELASTICSEARCH:
        from sigma2hive.clients.elasticsearch import open_client  # noqa: PLC0415

        with (
            open_client(settings.elasticsearch) as client,
            closing(open_store(settings, client)) as store,
        ):
            yield store
    elif is_made or (settings.state / DEFAULT_STATE.name).exists():
        with closing(open_store(settings)) as store:
            yield store
    else:
        yield None
