"""The one table from what a receiver and requests report to our errors.

Takes an exception of requests, or an answer; gives a `ServerError`. Of an answer only the status is
repeated: what stands in it is anybody's.
"""

from __future__ import annotations

from collections.abc import Callable

import requests

from sigma2hive.clients.bounded import RedirectedError, TooLongError
from sigma2hive.clients.causes import cause_of
from sigma2hive.clients.errors import (
    AnswerError,
    AuthenticationError,
    BusyError,
    CertificateError,
    PrivilegeError,
    RequestRefusedError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
    VersionError,
)
from sigma2hive.clients.words import cut, retry_after

_ADDRESS = "check the address after webhook:"
_CREDENTIAL = "check SIGMA2HIVE_WEBHOOK_AUTHORIZATION, or the address after webhook:"


def error_of_library(error: Exception, server: str, what: str) -> ServerError:
    """Return our error for one that requests raised."""
    place = f"posting {what}: {server}"
    for kind, make in _TRANSPORT.items():
        if isinstance(error, kind):
            return make(place, error)
    return AnswerError(f"{place} failed: {type(error).__name__}", "report this as a mistake")


def error_of_status(response: requests.Response, server: str, what: str) -> ServerError:
    """Return our error for an answer that is not 2xx."""
    status = response.status_code
    place = f"posting {what}: {server} answered {status}"
    seconds = retry_after(response.headers.get("Retry-After"))
    if status in (401, 407):
        return AuthenticationError(place, _CREDENTIAL)
    if status == 403:
        return PrivilegeError(place, _CREDENTIAL)
    if status in (404, 405, 410):
        return VersionError(f"{place}: there is nothing that takes alerts", _ADDRESS)
    if status in (408, 425, 429):
        return BusyError(place, "it is asked again later", seconds, is_for_all=True)
    if status >= 500:
        return AnswerError(place, "look into the receiver's log", seconds)
    return RequestRefusedError(f"{place}: it refuses this", "look into the receiver's log")


def _timed_out(place: str, _error: Exception) -> ServerError:
    return ServerTimeoutError(
        f"{place} did not answer in time", "look at it, or raise webhook.timeout_seconds"
    )


def _tls(place: str, error: Exception) -> ServerError:
    words = cause_of(error)
    if "eof" in words.lower():
        return _unreachable(place, error)  # the connection broke; nothing was said of certificates
    return CertificateError(
        f"{place} was not trusted: {words}",
        "set webhook.ca_file to the certificate of the authority that signed the receiver's",
    )


def _unreachable(place: str, error: Exception) -> ServerError:
    return UnreachableError(
        f"{place} cannot be reached: {cause_of(error)}", f"{_ADDRESS}, and the network between"
    )


def _redirected(place: str, error: Exception) -> ServerError:
    location = error.location if isinstance(error, RedirectedError) else "elsewhere"
    return VersionError(
        f"{place} sends elsewhere: {cut(location)}",
        "name the address itself; a redirect is never followed",
    )


def _garbled(place: str, _error: Exception) -> ServerError:
    return AnswerError(f"{place} gave an answer that cannot be read", _ADDRESS)


def _unsendable(place: str, error: Exception) -> ServerError:
    # Its text may repeat a header, so only its name is said.
    return AnswerError(
        f"{place} was not asked: the request cannot be sent ({type(error).__name__})", _ADDRESS
    )


#: The exceptions of requests, narrower ones first.
_TRANSPORT: dict[type[Exception], Callable[[str, Exception], ServerError]] = {
    RedirectedError: _redirected,
    TooLongError: _garbled,
    requests.Timeout: _timed_out,
    requests.exceptions.SSLError: _tls,
    requests.ConnectionError: _unreachable,
    requests.exceptions.ChunkedEncodingError: _unreachable,
    requests.exceptions.ContentDecodingError: _garbled,
    requests.TooManyRedirects: _redirected,
    requests.RequestException: _unsendable,
    UnicodeError: _unsendable,
}
