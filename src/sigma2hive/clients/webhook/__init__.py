"""Webhooks: one POST, and everything that can go wrong with it."""

from sigma2hive.clients.webhook.calls import WebhookClient
from sigma2hive.clients.webhook.connection import AUTHORIZATION, checked_url, open_client

__all__ = ["AUTHORIZATION", "WebhookClient", "checked_url", "open_client"]
