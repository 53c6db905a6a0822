"""From settings and the environment to a client that can ask.

Takes `ElasticsearchSettings` and names of secrets; gives an `ElasticsearchClient`. Sends nothing
yet. Certificates are verified, always.
"""

from __future__ import annotations

import base64
import json
import os
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from elastic_transport import TextSerializer
from elasticsearch import Elasticsearch, JsonSerializer
from elasticsearch.serializer import NdjsonSerializer, Serializer

from sigma2hive.clients.elasticsearch.calls import ElasticsearchClient
from sigma2hive.clients.elasticsearch.exact_json import read_answer
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.settings import ElasticsearchSettings, Secret, secret_from_environment

API_KEY = "SIGMA2HIVE_ELASTICSEARCH_API_KEY"
PASSWORD = "SIGMA2HIVE_ELASTICSEARCH_PASSWORD"  # noqa: S105 - the name of a variable


def open_client(
    settings: ElasticsearchSettings, environment: Mapping[str, str] | None = None
) -> ElasticsearchClient:
    """Return a client for the cluster that the settings name.

    Credentials come from the environment: an API key, or the password of `settings.username`.
    Without either, requests are sent without credentials.

    Raises:
        ConfigurationError: an address, a file or the credentials cannot be used; names all of them.
    """
    given = os.environ if environment is None else environment
    diagnostics = Diagnostics()
    hosts = [_checked_url(url, diagnostics) for url in settings.urls]
    if not hosts:
        _refuse(diagnostics, "urls", "is empty", "urls: [https://elastic.example:9200]")
    options = {**_trust(settings, diagnostics), **_credentials(settings, given, diagnostics)}
    if diagnostics.errors:
        raise ConfigurationError(diagnostics)
    library = Elasticsearch(
        hosts,
        request_timeout=settings.timeout_seconds,
        # Only an address where nothing answers is given up for the next one, and at once.
        max_retries=len(hosts) - 1,
        retry_on_status=(),
        retry_on_timeout=False,
        retry_backoff_base=0,
        serializers=_SERIALIZERS,
        **options,
    )
    return ElasticsearchClient(library, ", ".join(hosts))


def _refuse(diagnostics: Diagnostics, key: str, problem: str, example: str) -> None:
    place = Location(f"setting elasticsearch.{key}")
    hint = f"for example: {example}"
    diagnostics.error("S2H402", place, f"elasticsearch.{key} {problem}", hint)


def _checked_url(url: str, diagnostics: Diagnostics) -> str:
    """Return the address with a port, which the library wants; report what is wrong with it."""
    example = "https://elastic.example:9200"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.username is not None or parts.password is not None:
        # Not repeated: what stands before the @ is a credential.
        _refuse(diagnostics, "urls", "has a user or password in a URL", example)
    elif parts.scheme not in ("http", "https") or not parts.hostname:
        _refuse(diagnostics, "urls", f"has {url!r}, which is no http or https address", example)
    elif parts.query or parts.fragment:
        _refuse(diagnostics, "urls", f"has {url!r}, which goes on after the path", example)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"


def _trust(settings: ElasticsearchSettings, diagnostics: Diagnostics) -> dict[str, Any]:
    """Return whose certificates are trusted: the system's authorities, or those of `ca_file`."""
    if not any(url.lower().startswith("https:") for url in settings.urls):
        return {}
    if settings.ca_file is None:
        return {"ssl_context": ssl.create_default_context()}
    try:
        ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # SSLError among them: no certificate in it
        reason = error.strerror or type(error).__name__
        if isinstance(error, ssl.SSLError):
            reason = "there is no PEM certificate in it"
        problem = f"is {settings.ca_file}, which cannot be used: {reason}"
        _refuse(diagnostics, "ca_file", problem, "certs/ca.pem")
    return {"ca_certs": str(settings.ca_file)}


def _credentials(
    settings: ElasticsearchSettings, environment: Mapping[str, str], diagnostics: Diagnostics
) -> dict[str, Any]:
    api_key = _secret(API_KEY, environment, diagnostics)
    password = _secret(PASSWORD, environment, diagnostics)
    if api_key and (settings.username or password):
        _refuse_credentials(
            diagnostics,
            "an API key and a user are both given, so it is unclear who asks",
            f"unset {API_KEY}, or elasticsearch.username and {PASSWORD}",
        )
    elif settings.username and not password:
        _refuse_credentials(
            diagnostics, "elasticsearch.username has no password", f"set {PASSWORD}"
        )
    elif password and not settings.username:
        _refuse_credentials(
            diagnostics, "a password is given, but nobody whose it is", "set elasticsearch.username"
        )
    elif settings.username and password:
        # Encoded here: the library takes ASCII only, and its error would quote the password.
        return {"basic_auth": _base64(f"{settings.username}:{password.reveal()}")}
    elif api_key:
        return {"api_key": _encoded_api_key(api_key, diagnostics)}
    return {}


def _secret(name: str, environment: Mapping[str, str], diagnostics: Diagnostics) -> Secret | None:
    try:
        return secret_from_environment(name, environment)
    except ConfigurationError as error:
        diagnostics.extend(error.diagnostics)
        return None


def _refuse_credentials(diagnostics: Diagnostics, message: str, hint: str) -> None:
    diagnostics.error("S2H402", Location("credentials of Elasticsearch"), message, hint)


def _encoded_api_key(api_key: Secret, diagnostics: Diagnostics) -> str:
    """Return the key as it is sent: base64 of id:key. Kibana shows it so; the API gives both."""
    text = api_key.reveal().strip()
    if re.fullmatch(r"[!-9;-~]+:[!-~]+", text):
        return _base64(text)
    if not re.fullmatch(r"[A-Za-z0-9+/=_-]+", text):
        # It would go into a header, and what Python says of a bad header repeats it.
        _refuse_credentials(
            diagnostics,
            f"{API_KEY} holds no API key: it has characters that none has",
            "use the encoded form that Kibana shows, or id:key",
        )
    return text


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


class _ExactNumbers:
    """Reads and writes JSON so that no digit is lost and any text can be sent."""

    def json_loads(self, data: bytes) -> Any:
        """Return the value."""
        return read_answer(data)

    def json_dumps(self, data: Any) -> bytes:
        """Return JSON in ASCII: a lone surrogate, which rules and events may hold, has no UTF-8."""
        return json.dumps(data, separators=(",", ":"), allow_nan=False).encode("ascii")


class _Json(_ExactNumbers, JsonSerializer):
    pass


class _Lines(_ExactNumbers, NdjsonSerializer):
    pass


#: A proxy's error page is text: read as such, its status says what happened.
_SERIALIZERS: dict[str, Serializer] = {
    _Json.mimetype: _Json(),
    _Lines.mimetype: _Lines(),
    "text/*": TextSerializer(),
}
