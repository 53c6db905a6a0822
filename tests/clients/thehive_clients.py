"""Clients of TheHive for tests, and alerts that they send."""

import uuid
from dataclasses import replace
from typing import Any

from sigma2hive.clients.thehive import TheHiveClient, open_client
from sigma2hive.model.alerts import Alert
from sigma2hive.settings import TheHiveSettings
from tests.doubles.running import TheHive
from tests.sinks.alerts import alert

API_KEY = "SIGMA2HIVE_THEHIVE_API_KEY"
#: What must not show anywhere.
SECRET = "hunter2-is-the-key"


def client_of(thehive: TheHive, key: str = "", **settings: Any) -> TheHiveClient:
    """Return a client that asks as sigma2hive's user, or as the one whose key it is."""
    given = TheHiveSettings(**{"url": thehive.url, "timeout_seconds": 30, **settings})
    return open_client(given, {API_KEY: key or thehive.key})


def client_at(url: str, **settings: Any) -> TheHiveClient:
    """Return a client of any address, with a key that must not show anywhere."""
    return open_client(TheHiveSettings(url=url, **settings), {API_KEY: SECRET})


def new_alert(**changes: object) -> Alert:
    """Return an alert that no TheHive has, without custom fields, which would have to exist."""
    return replace(alert(source_ref=uuid.uuid4().hex, custom_fields={}), **changes)  # type: ignore[arg-type]
