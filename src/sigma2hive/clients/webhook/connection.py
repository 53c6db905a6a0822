"""From an address, settings and the environment to a client that can post.

Takes a URL and `WebhookSettings`; gives a `WebhookClient`. Sends nothing yet. Certificates are
verified, always; a URL that holds a credential is refused, and not repeated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, urlsplit

import requests

from sigma2hive.clients.bounded import BoundedAdapter
from sigma2hive.clients.trust import UnusableError, trusted
from sigma2hive.clients.webhook.calls import WebhookClient
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.settings import (
    Secret,
    WebhookSettings,
    is_credential_name,
    secret_from_environment,
)

AUTHORIZATION = "SIGMA2HIVE_WEBHOOK_AUTHORIZATION"
_EXAMPLE = "for example: webhook:https://alerts.example/sigma2hive"
_WANTED = "put what authorizes sigma2hive into SIGMA2HIVE_WEBHOOK_AUTHORIZATION"


def open_client(
    url: str,
    settings: WebhookSettings,
    place: Location,
    environment: Mapping[str, str] | None = None,
) -> WebhookClient:
    """Return a client for the receiver; `place` is where its address was written.

    Raises:
        ConfigurationError: address, certificates or secret cannot be used.
    """
    given = os.environ if environment is None else environment
    parts = checked_url(url, place)
    trust = _trust(settings)
    authorization = _authorization(given)
    if authorization is not None and parts.scheme == "http" and not _is_here(parts):
        raise _refusal(
            place,
            f"{AUTHORIZATION} would be sent where it can be read on the way",
            "use https:// in the address",
        )
    session = requests.Session()
    # Else ~/.netrc would replace what authorizes us, and REQUESTS_CA_BUNDLE what is trusted.
    session.trust_env = False
    session.proxies = dict(requests.utils.get_environ_proxies(url))
    session.verify = trust
    session.headers["Content-Type"] = "application/json"
    session.headers["User-Agent"] = "sigma2hive"
    if authorization is not None:
        session.headers["Authorization"] = authorization.reveal()
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(settings.timeout_seconds, settings.concurrency))
    return WebhookClient(session, url, f"{parts.scheme}://{parts.netloc}")


def checked_url(url: str, place: Location) -> SplitResult:
    """Return the parts of an address.

    Raises:
        ConfigurationError: it is none, or holds a credential.
    """
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise _refusal(place, "the webhook's address is none", _EXAMPLE) from None
    # Not repeated: it may be a credential.
    if parts.username is not None or parts.password is not None:
        raise _refusal(place, "the webhook's address has a user or password in it", _WANTED)
    named = [name for name, _ in parse_qsl(parts.query) if is_credential_name(name)]
    if named:
        message = f"the webhook's address has a credential in it: {named[0]!r}"
        raise _refusal(place, message, _WANTED)
    if parts.scheme not in ("http", "https") or not is_address or parts.fragment:
        raise _refusal(place, "the webhook's address is no http or https address", _EXAMPLE)
    return parts


def _trust(settings: WebhookSettings) -> str | bool:
    try:
        return trusted(settings.ca_file)
    except UnusableError as reason:
        message = f"webhook.ca_file is {settings.ca_file}, which cannot be used: {reason}"
        place = Location("setting webhook.ca_file")
        raise _refusal(place, message, "for example: ca_file: certs/ca.pem") from None


def _authorization(environment: Mapping[str, str]) -> Secret | None:
    secret = secret_from_environment(AUTHORIZATION, environment)
    if secret is not None and not re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", secret.reveal()):
        # It would go into a header, and what Python says of a bad header repeats it.
        raise _refusal(
            Location("credentials of webhooks"),
            f"{AUTHORIZATION} holds what cannot be sent in a header",
            "it is the whole value of the header Authorization, such as `Bearer …`",
        )
    return secret


def _is_here(parts: SplitResult) -> bool:
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _refusal(place: Location, message: str, hint: str) -> ConfigurationError:
    diagnostics = Diagnostics()
    diagnostics.error("S2H402", place, message, hint)
    return ConfigurationError(diagnostics)
