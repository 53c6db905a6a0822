"""TheHive: the calls that sigma2hive needs, and everything that can go wrong with them."""

from sigma2hive.clients.thehive.answers import (
    AddedObservables,
    Attachment,
    ServerStatus,
    StoredAlert,
    User,
)
from sigma2hive.clients.thehive.calls import TheHiveClient
from sigma2hive.clients.thehive.connection import API_KEY, check_address, open_client

__all__ = [
    "API_KEY",
    "AddedObservables",
    "Attachment",
    "ServerStatus",
    "StoredAlert",
    "TheHiveClient",
    "User",
    "check_address",
    "open_client",
]
