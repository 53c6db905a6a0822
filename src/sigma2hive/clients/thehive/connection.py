"""From settings and the environment to a client that can send.

Takes `TheHiveSettings` and the name of a secret; gives a `TheHiveClient`. Sends nothing yet.
Certificates are verified, always.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from thehive4py.client import TheHiveApi

from sigma2hive.clients.bounded import BoundedAdapter
from sigma2hive.clients.thehive.calls import TheHiveClient
from sigma2hive.clients.thehive.plainly import send_plainly
from sigma2hive.clients.trust import UnusableError, trusted
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.settings import Secret, TheHiveSettings, secret_from_environment

API_KEY = "SIGMA2HIVE_THEHIVE_API_KEY"
_URL_EXAMPLE = "url: https://thehive.example"


def open_client(
    settings: TheHiveSettings,
    environment: Mapping[str, str] | None = None,
    *,
    connections: int = 8,
) -> TheHiveClient:
    """Return a client for the TheHive that the settings name.

    `connections` is how many are kept open: as many as threads send at once.

    Raises:
        ConfigurationError: an address, a file or the API key cannot be used; names all of them.
    """
    given = os.environ if environment is None else environment
    diagnostics = Diagnostics()
    url = _checked_url(settings.url, diagnostics)
    trust = _trust(settings, diagnostics)
    key = _api_key(given, diagnostics)
    proxies = _proxies(settings, url, diagnostics)
    _check_organisation(settings, diagnostics)
    if diagnostics.errors or key is None:
        raise ConfigurationError(diagnostics)
    library = TheHiveApi(
        url,
        apikey=key.reveal(),
        organisation=settings.organisation,
        verify=trust,
        max_retries=0,
    )
    session = library.session
    # Else ~/.netrc would replace the API key, and REQUESTS_CA_BUNDLE what is trusted.
    session.trust_env = False
    session.proxies = proxies
    for scheme in ("http://", "https://"):
        adapter = BoundedAdapter(settings.timeout_seconds, connections, _is_thehives)
        session.mount(scheme, adapter)
    send_plainly(session)
    return TheHiveClient(library, url)


def _is_thehives(method: str | None, status: int) -> bool:
    """Return whether TheHive may answer so. What changes or goes away has no body to be told by.

    Source: TheHive 5.7 API, 204 for each PATCH and DELETE that is asked for here.
    """
    return status >= 400 or status == 204 or (200 <= status < 300 and method in {"GET", "POST"})


def check_address(settings: TheHiveSettings) -> None:
    """Find out whether the settings name a TheHive; certificates and API key are not looked at.

    Raises:
        ConfigurationError: they do not.
    """
    diagnostics = Diagnostics()
    _checked_url(settings.url, diagnostics)
    _check_organisation(settings, diagnostics)
    if diagnostics.errors:
        raise ConfigurationError(diagnostics)


def _refuse(diagnostics: Diagnostics, key: str, problem: str, example: str) -> None:
    place = Location(f"setting thehive.{key}")
    hint = f"for example: {example}"
    diagnostics.error("S2H402", place, f"thehive.{key} {problem}", hint)


def _checked_url(url: str | None, diagnostics: Diagnostics) -> str:
    """Return the address without a slash at its end; report what is wrong with it."""
    if not url:
        _refuse(diagnostics, "url", "is not set", _URL_EXAMPLE)
        return ""
    _check_address("url", url, _URL_EXAMPLE, diagnostics)
    return url.rstrip("/")


def _check_address(key: str, url: str, example: str, diagnostics: Diagnostics) -> None:
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_number = urlsplit(""), False
    if parts.username is not None or parts.password is not None:
        # Not repeated: what stands before the @ is a credential.
        _refuse(diagnostics, key, "has a user or password in its URL", example)
    elif parts.scheme not in ("http", "https") or not parts.hostname or not port_is_number:
        _refuse(diagnostics, key, f"is {url!r}, which is no http or https address", example)
    elif parts.query or parts.fragment:
        _refuse(diagnostics, key, f"is {url!r}, which goes on after the path", example)


def _trust(settings: TheHiveSettings, diagnostics: Diagnostics) -> str | bool:
    try:
        return trusted(settings.ca_file)
    except UnusableError as reason:
        problem = f"is {settings.ca_file}, which cannot be used: {reason}"
        _refuse(diagnostics, "ca_file", problem, "ca_file: certs/ca.pem")
        return str(settings.ca_file)


def _proxies(settings: TheHiveSettings, url: str, diagnostics: Diagnostics) -> dict[str, str]:
    if settings.proxy is None:
        return {} if not url else dict(requests.utils.get_environ_proxies(url))
    _check_address("proxy", settings.proxy, "proxy: http://proxy.example:3128", diagnostics)
    return {"http": settings.proxy, "https": settings.proxy}


def _api_key(environment: Mapping[str, str], diagnostics: Diagnostics) -> Secret | None:
    try:
        key = secret_from_environment(API_KEY, environment)
    except ConfigurationError as error:
        diagnostics.extend(error.diagnostics)
        return None
    place = Location("credentials of TheHive")
    if key is None:
        diagnostics.error(
            "S2H402",
            place,
            f"{API_KEY} is not set",
            "set it, or its _FILE, to the API key of a user of TheHive who may manageAlert/create",
        )
    elif not re.fullmatch(r"[!-~]+", key.reveal()):
        # It would go into a header, and what Python says of a bad header repeats it.
        diagnostics.error(
            "S2H402",
            place,
            f"{API_KEY} holds no API key: it has characters that none has",
            "copy it from TheHive again, without spaces or line breaks",
        )
        return None
    return key


def _check_organisation(settings: TheHiveSettings, diagnostics: Diagnostics) -> None:
    """Refuse what a header cannot carry as it is."""
    name = settings.organisation
    if name is not None and not re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", name):
        problem = f"is {name!r}, which cannot be sent in a header"
        _refuse(diagnostics, "organisation", problem, "organisation: ~4144 (its id)")
