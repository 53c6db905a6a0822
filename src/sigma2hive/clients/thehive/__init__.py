"""TheHive: the calls that sigma2hive needs, and everything that can go wrong with them."""

from sigma2hive.clients.thehive.answers import AddedObservables, ServerStatus, StoredAlert, User
from sigma2hive.clients.thehive.calls import TheHiveClient
from sigma2hive.clients.thehive.connection import open_client

__all__ = [
    "AddedObservables",
    "ServerStatus",
    "StoredAlert",
    "TheHiveClient",
    "User",
    "open_client",
]
